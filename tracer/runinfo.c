// SPDX-License-Identifier: Apache-2.0
#include "tracer/runinfo.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/apparmor.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include "tracer/creds.h"
#include "tracer/libc.h"
#include "tracer/mounts.h"
#include "tracer/namespace.h"
#include "tracer/path.h"
#include "tracer/procfs.h"

static int set(struct wh_recorder *r, const char **member, const char *text)
{
	*member = wh_trace_intern(r->trace, text);
	return *member ? 0 : -ENOMEM;
}

static int new_run(struct wh_recorder *r, struct wh_run **ret_run, struct wh_error *e)
{
	struct wh_run key = {0};
	uint64_t bits;
	char id[17];
	int err;

	if (getrandom(&bits, sizeof(bits), 0) != sizeof(bits))
		return wh_error_errno(e, errno, "getrandom");
	snprintf(id, sizeof(id), "%016llx", (unsigned long long)bits);
	key.id = id;
	err = wh_trace_put(r->trace, WH_KIND_RUN, &key, ret_run);
	if (err < 0)
		return wh_error_oom(e);
	r->run = (*ret_run)->id;
	return 0;
}

int wh_runinfo_container(struct wh_recorder *r, const struct wh_record_container *c,
			 struct wh_run *run)
{
	return (c->engine && set(r, &run->container_engine, c->engine) < 0) ||
			       (c->id && set(r, &run->container_id, c->id) < 0) ||
			       (c->name && set(r, &run->container_name, c->name) < 0) ||
			       (c->image && set(r, &run->container_image, c->image) < 0) ||
			       (c->runtime && set(r, &run->runtime, c->runtime) < 0)
		       ? -ENOMEM
		       : 0;
}

int wh_runinfo_new(struct wh_recorder *r, const struct wh_record_options *options,
		   struct wh_run **ret_run, struct wh_error *e)
{
	const struct wh_record_container *c =
		options->attach ? options->attach->container : options->container;
	bool ours = wh_record_source(options) == WH_RECORD_LAUNCHED;
	const char *named = c	   ? (c->name ? c->name
				      : c->id ? c->id
					      : "container")
			    : ours ? options->argv[0]
				   : "service";
	const char *slash = ours ? strrchr(named, '/') : NULL;
	char kernel[2 * sizeof(((struct utsname *)0)->release)], cwd[PATH_MAX];
	struct utsname uts;
	struct wh_run *run;
	size_t argc = 0;
	int err = new_run(r, &run, e);

	if (err < 0)
		return err;
	uname(&uts);
	snprintf(kernel, sizeof(kernel), "%s %s", uts.sysname, uts.release);
	while (ours && options->argv[argc])
		argc++;
	if (set(r, &run->name,
		options->name ? options->name
		: slash	      ? slash + 1
			      : named) < 0 ||
	    set(r, &run->tool, "whittle " WH_VERSION) < 0 || set(r, &run->kernel, kernel) < 0 ||
	    set(r, &run->arch, wh_syscall_abi_native()->name) < 0 ||
	    (ours && getcwd(cwd, sizeof(cwd)) && set(r, &run->cwd, cwd) < 0) ||
	    (options->ready && set(r, &run->ready, options->ready) < 0) ||
	    (options->load && set(r, &run->load, options->load) < 0) ||
	    wh_trace_set_list(r->trace, &run->argv, (const char *const *)options->argv, argc) < 0)
		return wh_error_oom(e);
	run->attached = options->attach != NULL;
	*ret_run = run;
	return 0;
}

/* ---- the entrypoint -------------------------------------------------------------------------- */

static int set_caps(struct wh_recorder *r, struct wh_strset *to, uint64_t bits)
{
	for (unsigned i = 0; i < 64; i++) {
		const struct wh_capability *row = wh_capability_row(i);
		char number[16];

		if (!(bits >> i & 1))
			continue;
		/* One that this whittle does not know yet. */
		snprintf(number, sizeof(number), "CAP_%u", i);
		if (wh_trace_add_str(r->trace, to, WH_LIMIT_CAPS, row ? row->name : number) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int fill_creds(struct wh_recorder *r, const struct wh_creds *creds, struct wh_run *run)
{
	uint32_t uid, gid;

	run->uid = wh_userns_inside(&r->home, &r->home.uid, creds->ruid, &uid) ? uid
									       : WH_USERNS_NOBODY;
	run->gid = wh_userns_inside(&r->home, &r->home.gid, creds->rgid, &gid) ? gid
									       : WH_USERNS_NOBODY;
	run->no_new_privs = creds->no_new_privs;
	for (size_t i = 0; i < creds->n_groups; i++) {
		char number[16];

		snprintf(number, sizeof(number), "%u",
			 wh_userns_inside(&r->home, &r->home.gid, creds->groups[i], &gid)
				 ? gid
				 : WH_USERNS_NOBODY);
		if (wh_trace_add_str(r->trace, &run->groups, WH_LIMIT_GROUPS, number) < 0)
			return -ENOMEM;
	}
	return set_caps(r, &run->cap_effective, creds->effective) < 0 ||
			       set_caps(r, &run->cap_permitted, creds->permitted) < 0 ||
			       set_caps(r, &run->cap_inheritable, creds->inheritable) < 0 ||
			       set_caps(r, &run->cap_bounding, creds->bounding) < 0 ||
			       set_caps(r, &run->cap_ambient, creds->ambient) < 0
		       ? -ENOMEM
		       : 0;
}

static int fill_label(struct wh_recorder *r, pid_t pid, struct wh_run *run)
{
	char *label = NULL, *mode = NULL;
	wh_auto(str) text = NULL;
	int err = 0;

	if (!aa_is_enabled() || aa_gettaskcon(pid, &label, &mode) < 0)
		return 0;
	if (asprintf(&text, "%s%s%s%s", label, mode ? " (" : "", mode ? mode : "",
		     mode ? ")" : "") < 0) {
		text = NULL;
		err = -ENOMEM;
	} else {
		err = set(r, &run->apparmor_label, text);
	}
	free(label); /* mode points into it */
	return err;
}

static int fill_libc(struct wh_recorder *r, pid_t pid, struct wh_run *run)
{
	wh_auto(fd) exe = -1;
	wh_auto(fd) root = -1;
	wh_auto(str) name = NULL;
	char path[32];
	int err;

	snprintf(path, sizeof(path), "%d/exe", pid);
	exe = openat(r->proc_fd, path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%d/root", pid);
	root = openat(r->proc_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (exe < 0 || root < 0)
		return 0;
	err = wh_libc_detect(exe, root, &name);
	if (err < 0 || !name)
		return err == -ENOMEM ? err : 0;
	return set(r, &run->libc, name);
}

/* Of a container, where it is not we who know what is executed, and where. */
static int fill_entry(struct wh_recorder *r, struct wh_task *task, struct wh_run *run)
{
	struct wh_place cwd = {0};
	int k;

	if (!run->argv.n && wh_trace_set_list(r->trace, &run->argv, task->process->argv.v,
					      task->process->argv.n) < 0)
		return -ENOMEM;
	if (run->cwd)
		return 0;
	k = wh_path_link(r, task, "cwd", &cwd);
	if (k == 0 && cwd.path)
		k = set(r, &run->cwd, cwd.path);
	wh_path_clear(&cwd);
	return k;
}

int wh_runinfo_entry(struct wh_recorder *r, struct wh_task *task, struct wh_run *run)
{
	const struct wh_creds *creds = wh_creds_get(r, task);
	pid_t pid = task->process->tgid;
	wh_auto(fd) net = -1;
	char name[32], text[4096];
	uint64_t value;

	if ((creds && fill_creds(r, creds, run) < 0) || fill_entry(r, task, run) < 0)
		return -ENOMEM;
	snprintf(name, sizeof(name), "%d/status", pid);
	if (wh_procfs_read(r->proc_fd, name, text, sizeof(text)) > 0 &&
	    wh_procfs_field(text, "Seccomp", &value) == 0)
		run->seccomp_mode = value;
	net = wh_namespace_open(r, pid, "net");
	wh_namespace_port_start(r, net, &run->ip_unprivileged_port_start);
	/* What there was before is its runtime's. */
	wh_task_peak_reset(r->tasks);
	return fill_label(r, pid, run) < 0 || fill_libc(r, pid, run) < 0 ||
			       wh_mounts_fill(r, pid, run->container_id || run->container_engine,
					      run) < 0
		       ? -ENOMEM
		       : 0;
}
