// SPDX-License-Identifier: Apache-2.0
#include "judge/verify_floor.h"

#include "judge/simulate.h"
#include "whittle/buf.h"

int wh_verify_floor_policy(const struct wh_verify *v, struct wh_trace **ret_trace,
			   struct wh_policy **ret_policy, struct wh_error *e)
{
	struct wh_policy_options options = {
		.runtime = v->runtime,
		.no_new_privs = v->no_new_privs ? WH_POLICY_ON : WH_POLICY_OFF,
	};
	wh_auto(str) path = NULL;
	int r;

	if (asprintf(&path, "%s/trace.json", v->dir) < 0) {
		path = NULL;
		return wh_error_oom(e);
	}
	r = wh_trace_json_read(path, ret_trace, e);
	if (r < 0)
		return r;
	return wh_policy_new(*ret_trace, &options, ret_policy, e);
}

static int try_all(const struct wh_policy *p, const struct wh_filter_program *program,
		   struct wh_verify_floor *ret, struct wh_error *e)
{
	wh_auto(buf) lacking = {0};

	for (size_t i = 0; i < p->n_syscalls; i++) {
		const struct wh_policy_syscall *s = &p->syscalls[i];
		uint32_t action;
		int r;

		if (s->error || !(s->origins & WH_POLICY_FLOOR))
			continue;
		r = wh_simulate_unseen(program, s->name, &action, e);
		if (r < 0)
			return r;
		ret->n++;
		ret->n_measured += s->floor_fact != NULL;
		if (wh_simulate_lets(action))
			continue;
		ret->n_lacking++;
		wh_buf_addf(&lacking, "%s%s", lacking.len ? " " : "", s->name);
	}
	ret->lacking = wh_buf_take(&lacking);
	return ret->lacking ? 0 : wh_error_oom(e);
}

int wh_verify_floor_check(const struct wh_verify *v, struct wh_verify_floor *ret,
			  struct wh_error *e)
{
	struct wh_filter_options options = {0};
	struct wh_filter_program program = {0};
	wh_auto(trace) trace = NULL;
	wh_auto(policy) policy = NULL;
	wh_auto(str) path = NULL;
	int r;

	*ret = (struct wh_verify_floor){0};
	if (asprintf(&path, "%s/trace.json", v->dir) < 0) {
		path = NULL;
		return wh_error_oom(e);
	}
	if (!v->runtime || strcmp(v->runtime, "none") == 0 || access(path, F_OK) < 0)
		return 0;
	r = wh_verify_floor_policy(v, &trace, &policy, e);
	if (r == 0)
		r = wh_filter_compile(v->filter, &options, &program, e);
	if (r == 0)
		r = try_all(policy, &program, ret, e);
	wh_filter_program_free(program);
	return r;
}
