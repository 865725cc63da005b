// SPDX-License-Identifier: Apache-2.0
#include "gen/policy.h"

#include "gen/policy-internal.h"
#include "gen/policy-split.h"
#include "gen/text.h"
#include "whittle/capability.h"
#include "whittle/syscall.h"

#define NAME_MAX_LENGTH 100

int wh_policy_warn(struct wh_policy *p, const char *text, bool refuse, const struct wh_gap *gap,
		   struct wh_error *e)
{
	struct wh_policy_warning *w;

	/* Paths and the like in it are foreign, and it will stand in comments. */
	text = text ? wh_text_safe_dup(&p->pool, text) : NULL;
	if (!text)
		return wh_error_oom(e);
	w = wh_pool_append(&p->pool, &p->warnings, &p->n_warnings, sizeof(*w));
	if (!w)
		return wh_error_oom(e);
	*w = (struct wh_policy_warning){.text = text, .refuse = refuse, .gap = gap};
	return 0;
}

int wh_policy_check_name(const char *name, struct wh_error *e)
{
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MAX_LENGTH || strspn(name, WH_POLICY_NAME_CHARS) != len ||
	    name[0] == '-' || name[0] == '.')
		return wh_error_set(
			e, EINVAL,
			"\"%s\" cannot be a profile name: use letters, digits, '_', '.' "
			"and '-', beginning with a letter, digit or '_'",
			name);
	return 0;
}

/* A profile name must not hit on one that the machine has for the program itself, hence the prefix.
 */
static int choose_name(struct wh_policy *p, const char *wanted, struct wh_error *e)
{
	size_t n;
	const void *const *runs = wh_policy_facts(p, WH_KIND_RUN, &n);
	const char *first = NULL;
	char *service;

	for (size_t i = 0; i < n; i++) {
		const struct wh_run *run = runs[i];

		if (run->name && (!first || strcmp(run->name, first) < 0))
			first = run->name;
	}
	service = wh_pool_strndup(&p->pool, first ? first : "service",
				  first ? strnlen(first, 60) : 7);
	if (!service)
		return wh_error_oom(e);
	for (char *c = service; *c; c++) {
		if (!strchr(WH_POLICY_NAME_CHARS, *c))
			*c = '-';
	}
	p->service = service;
	if (wanted) {
		int r = wh_policy_check_name(wanted, e);

		if (r < 0)
			return r;
		p->name = wh_pool_strdup(&p->pool, wanted);
	} else {
		p->name = wh_pool_printf(&p->pool, "whittle-%s", service);
	}
	return p->name ? 0 : wh_error_oom(e);
}

/*
 * A socket of a kind that nothing in the recording made is the recorder's, such as its standard output: where the
 * profile is used there will be another.
 */
static bool is_recorders(const struct wh_socket *inherited, const void *const *facts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct wh_socket *s = facts[i];

		if (strcmp(s->op, WH_SOCKET_INHERIT) != 0 &&
		    wh_util_streq(s->type, inherited->type) &&
		    wh_util_streq(s->family, inherited->family))
			return false;
	}
	return true;
}

static bool is_kept(enum wh_kind kind, const void *fact, const void *const *facts, size_t n)
{
	const struct wh_socket *s = fact;

	if (!wh_trace_of_service(fact))
		return false;
	return kind != WH_KIND_SOCKET || strcmp(s->op, WH_SOCKET_INHERIT) != 0 ||
	       !is_recorders(s, facts, n);
}

/* What only the runtime did, while it let the container in, is none of the service's business. */
static int collect(struct wh_policy *p, struct wh_error *e)
{
	for (enum wh_kind kind = 0; kind < WH_KINDS; kind++) {
		struct wh_policy_facts *kept = &p->of_service[kind];
		size_t n;
		const void *const *facts = wh_trace_facts(p->trace, kind, &n);

		kept->v = n ? wh_pool_alloc(&p->pool, n * sizeof(*kept->v)) : NULL;
		if (n && !kept->v)
			return wh_error_oom(e);
		for (size_t i = 0; i < n; i++) {
			if (kind == WH_KIND_RUN ? !((const struct wh_run *)facts[i])->audit
						: is_kept(kind, facts[i], facts, n))
				kept->v[kept->n++] = facts[i];
		}
	}
	return 0;
}

/* The program that gains privilege by being executed, or NULL. */
static const struct wh_exec *gaining_exec(const struct wh_policy *p)
{
	size_t n;
	const void *const *execs = wh_policy_facts(p, WH_KIND_EXEC, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_exec *exec = execs[i];

		if (exec->gains)
			return exec;
	}
	return NULL;
}

static int choose_no_new_privs(struct wh_policy *p, enum wh_policy_choice wanted,
			       struct wh_error *e)
{
	const struct wh_exec *gains = gaining_exec(p);

	switch (wanted) {
	case WH_POLICY_ON:
		/* security/apparmor/domain.c: only to one that allows no more, and each of ours allows something else. */
		if (p->split)
			return wh_error_set(e, EINVAL,
					    "--no-new-privs on does not go with --subprofiles: "
					    "under no_new_privs the "
					    "kernel refuses to change to another AppArmor profile");
		p->no_new_privs = true;
		p->no_new_privs_reason = "asked for with --no-new-privs on";
		if (gains)
			return wh_policy_warn(
				p,
				wh_pool_printf(
					&p->pool,
					"no_new_privs was asked for, but %s gains privilege when "
					"it is executed: it will run without",
					gains->to),
				false, NULL, e);
		break;
	case WH_POLICY_OFF:
		p->no_new_privs_reason = "asked for with --no-new-privs off";
		break;
	case WH_POLICY_AUTO:
		if (p->split && !gains) {
			p->no_new_privs_reason = "under it the kernel would refuse to change to "
						 "another AppArmor profile";
			break;
		}
		p->no_new_privs = !gains;
		p->no_new_privs_reason =
			gains ? wh_pool_printf(&p->pool, "%s gains privilege when it is executed",
					       gains->to)
			      : "no program that was executed gains privilege by it";
		p->no_new_privs_reason =
			p->no_new_privs_reason ? wh_text_safe_dup(&p->pool, p->no_new_privs_reason)
					       : NULL;
		if (!p->no_new_privs_reason)
			return wh_error_oom(e);
		break;
	}
	return 0;
}

/*
 * The small floor holds only where everybody who uses the profile sets no_new_privs, and Kubernetes
 * rejects allowPrivilegeEscalation: false beside CAP_SYS_ADMIN.
 */
static void choose_floor(struct wh_policy *p)
{
	const struct wh_policy_cap *admin = wh_policy_find_cap(p, "CAP_SYS_ADMIN");

	p->kubernetes_escalation = !p->no_new_privs || (admin && admin->decision == WH_POLICY_ADD);
	p->floor_with_nnp = p->no_new_privs && !p->kubernetes_escalation;
}

static int judge_run(struct wh_policy *p, const struct wh_run *run, struct wh_error *e)
{
	int r = 0;

	if (!run->complete)
		r = wh_policy_warn(p,
				   wh_pool_printf(&p->pool, "recording %s (%s) was cut short",
						  run->id, run->name ? run->name : "unnamed"),
				   true, NULL, e);
	if (r >= 0 && run->failed)
		r = wh_policy_warn(
			p,
			wh_pool_printf(
				&p->pool,
				"recording %s (%s) failed: the service %s%s%s. What it would "
				"have done next is not in the profile",
				run->id, run->name ? run->name : "unnamed",
				run->outcome ? run->outcome : "ended in an unknown way",
				run->load_outcome ? ", its load " : "",
				run->load_outcome ? run->load_outcome : ""),
			false, NULL, e);
	if (r >= 0 && wh_trace_censored(run))
		r = wh_policy_warn(p,
				   wh_pool_printf(&p->pool, "recording %s: %s", run->id,
						  wh_trace_censored(run)),
				   false, NULL, e);
	if (r >= 0 && run->apparmor_label && strstr(run->apparmor_label, "(enforce)"))
		r = wh_policy_warn(
			p,
			wh_pool_printf(&p->pool,
				       "recording %s ran under the AppArmor profile %s: "
				       "what that denied did not happen and is not in the "
				       "profile",
				       run->id, run->apparmor_label),
			false, NULL, e);
	return r;
}

/* A log of another service would widen this one's profile. */
static int judge_logs(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *runs = wh_trace_facts(p->trace, WH_KIND_RUN, &n);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct wh_run *run = runs[i];

		if (run->audit && !wh_util_streq(run->name, p->name))
			r = wh_policy_warn(
				p,
				wh_pool_printf(&p->pool,
					       "what the kernel's log says is of \"%s\", and this "
					       "profile is \"%s\": see that they are of the same "
					       "service",
					       run->name ? run->name : "", p->name),
				false, NULL, e);
	}
	return r;
}

static int judge_runs(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *runs = wh_policy_facts(p, WH_KIND_RUN, &n);

	if (n == 0)
		return wh_error_set(
			e, EINVAL,
			wh_trace_count(p->trace, WH_KIND_RUN)
				? "the trace is of the kernel's log alone, which knows only what "
				  "was refused: merge it with a recording of the service"
				: "the trace has no recording in it: nothing can be generated");
	p->same_user = true;
	for (size_t i = 0; i < n; i++) {
		const struct wh_run *run = runs[i];
		int r = judge_run(p, run, e);

		if (r < 0)
			return r;
		if (i == 0) {
			p->uid = run->uid;
			p->gid = run->gid;
		} else if (p->uid != run->uid || p->gid != run->gid) {
			p->same_user = false;
		}
	}
	if (p->of_service[WH_KIND_SYSCALL].n == 0)
		return wh_error_set(
			e, EINVAL, "the trace has no system calls in it: nothing can be generated");
	return judge_logs(p, e);
}

/* Whether one of the recordings that were there from the start, of all of it, has seen how @program starts. */
static bool saw_start_of(const struct wh_policy *p, const char *program)
{
	size_t n, n_execs;
	const void *const *runs = wh_policy_facts(p, WH_KIND_RUN, &n);
	const void *const *execs = wh_trace_facts(p->trace, WH_KIND_EXEC, &n_execs);

	for (size_t i = 0; program && i < n; i++) {
		const struct wh_run *run = runs[i];

		for (size_t k = 0; !run->attached && run->complete && k < n_execs; k++) {
			const struct wh_exec *exec = execs[k];

			if (wh_trace_has_str(&exec->f.runs, run->id) &&
			    (wh_util_streq(exec->to, program) ||
			     wh_util_streq(exec->interpreter, program)))
				return true;
		}
	}
	return false;
}

/*
 * A kind from a newer whittle may mean anything: do not go on by oneself. A service cannot start under a profile of what it
 * does once it runs (its execution, its loader, what it binds and drops); with another recording that has seen it start, it can.
 */
static bool must_refuse(const struct wh_policy *p, const struct wh_gap *gap,
			const struct wh_gap_info *info)
{
	return !info || (info->refuse &&
			 !(strcmp(gap->kind, "attached") == 0 && saw_start_of(p, gap->detail)));
}

static int judge_gaps(struct wh_policy *p, struct wh_error *e)
{
	size_t n;
	const void *const *gaps = wh_trace_facts(p->trace, WH_KIND_GAP, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_gap *gap = gaps[i];
		const struct wh_gap_info *info = wh_schema_gap(gap->kind);
		bool detail = gap->detail && *gap->detail;
		int r;

		r = wh_policy_warn(p,
				   wh_pool_printf(&p->pool, "%s: %s%s%s", gap->kind,
						  info ? info->sentence
						       : "a gap of a kind that this whittle does "
							 "not know",
						  detail ? ": " : "", detail ? gap->detail : ""),
				   must_refuse(p, gap, info), gap, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int build(struct wh_policy *p, const struct wh_policy_options *options, struct wh_error *e)
{
	int r;

	r = collect(p, e);
	if (r < 0)
		return r;
	r = wh_policy_floor_runtime(p, options->runtime, e);
	if (r < 0)
		return r;
	r = choose_name(p, options->name, e);
	if (r < 0)
		return r;
	r = judge_runs(p, e);
	if (r < 0)
		return r;
	r = judge_gaps(p, e);
	if (r < 0)
		return r;
	r = wh_policy_split_wanted(p, options->subprofiles, e);
	if (r < 0)
		return r;
	r = choose_no_new_privs(p, options->no_new_privs, e);
	if (r < 0)
		return r;
	r = wh_policy_caps(p, e);
	if (r < 0)
		return r;
	r = wh_policy_evidence(p, e);
	if (r < 0)
		return r;
	choose_floor(p);
	r = wh_policy_syscalls(p, e);
	if (r < 0)
		return r;
	r = wh_policy_args(p, e);
	if (r < 0)
		return r;
	r = wh_policy_action(p, options, e);
	if (r < 0)
		return r;
	r = wh_policy_files(p, e);
	if (r < 0)
		return r;
	r = wh_policy_rules(p, e);
	if (r < 0)
		return r;
	r = wh_policy_split(p, e);
	return r < 0 ? r : wh_policy_run(p, e);
}

int wh_policy_new(struct wh_trace *trace, const struct wh_policy_options *options,
		  struct wh_policy **ret, struct wh_error *e)
{
	wh_auto(policy) p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return wh_error_oom(e);
	p->trace = trace;
	p->args = options->args;
	r = build(p, options, e);
	if (r < 0)
		return r;
	*ret = wh_take(p);
	return 0;
}

void wh_policy_free(struct wh_policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_profiles; i++)
		wh_policy_free(p->profiles[i]);
	wh_pool_free(&p->pool);
	free(p);
}

/* How many calls there are to choose from: all that the table and libseccomp have a number for. */
static size_t count_syscalls(void)
{
	const struct wh_abi *abi = wh_syscall_abi_native();
	size_t n, count = 0;
	const struct wh_syscall_row *rows = wh_syscall_rows(&n);

	for (size_t i = 0; i < n; i++)
		count += wh_syscall_number(abi, rows[i].name) >= 0;
	return count;
}

static size_t most_caps(const struct wh_policy *p)
{
	size_t n, most = 0;
	const void *const *runs = wh_policy_facts(p, WH_KIND_RUN, &n);

	for (size_t i = 0; i < n; i++) {
		const struct wh_run *run = runs[i];

		if (run->cap_bounding.n > most)
			most = run->cap_bounding.n;
	}
	return most;
}

void wh_policy_numbers(const struct wh_policy *p, struct wh_policy_numbers *ret)
{
	*ret = (struct wh_policy_numbers){
		.caps_before = most_caps(p),
		.syscalls_before = count_syscalls(),
		.file_rules = p->n_files,
		.other_rules = p->n_rules,
	};
	for (size_t i = 0; i < p->n_caps; i++)
		ret->caps_after += p->caps[i].decision == WH_POLICY_ADD;
	for (size_t i = 0; i < p->n_syscalls; i++) {
		const struct wh_policy_syscall *s = &p->syscalls[i];

		ret->syscalls_measured += s->floor_fact != NULL;
		ret->syscalls_args += s->args != NULL;
		if (s->error)
			ret->syscalls_answered++;
		else if (s->origins & WH_POLICY_OBSERVED)
			ret->syscalls_observed++;
		else if (s->origins & WH_POLICY_FLOOR)
			ret->syscalls_floor++;
		else
			ret->syscalls_implied++;
	}
	for (size_t i = 0; i < p->n_warnings; i++) {
		ret->gaps += p->warnings[i].gap != NULL;
		ret->refusals += p->warnings[i].refuse;
	}
}
