// SPDX-License-Identifier: Apache-2.0
/* NOTES.txt: what a person must know, the doubtful first. */
#include "gen/emit.h"

static void add_warnings(const struct wh_policy *p, struct wh_buf *b)
{
	bool refuse = false;

	for (size_t i = 0; i < p->n_warnings; i++)
		refuse |= p->warnings[i].refuse;
	if (p->n_warnings == 0) {
		wh_buf_adds(b, "Nothing that happened while recording is known to be missing.\n\n");
		return;
	}
	wh_buf_adds(
		b,
		refuse ? "THIS BUNDLE IS NOT WHOLE. It was generated although things are known to "
			 "be missing:\n"
		       : "Before you use it:\n");
	for (size_t i = 0; i < p->n_warnings; i++)
		wh_buf_addf(b, "  - %s%s\n", p->warnings[i].text,
			    p->warnings[i].refuse ? " (a profile may lack what the service needs)"
						  : "");
	wh_buf_addc(b, '\n');
}

/* Only for ports; who keeps it by capset() cannot do without, whatever is open to all. */
static bool is_for_ports(const struct wh_policy_cap *cap)
{
	for (size_t i = 0; i < cap->n_facts; i++)
		for (size_t j = 0; j < cap->facts[i]->syscalls.n; j++)
			if (strcmp(cap->facts[i]->syscalls.v[j], "bind") != 0)
				return false;
	return true;
}

static void add_caps(const struct wh_policy *p, struct wh_buf *b)
{
	static const char *const titles[] = {
		[WH_POLICY_ADD] = "added",
		[WH_POLICY_COVERED] = "covered by another one",
		[WH_POLICY_CONSIDERED] = "considered, not added",
		[WH_POLICY_DENIED] = "refused, not added",
		[WH_POLICY_UNNEEDED] = "proved not needed by the recorded load, not added",
	};
	const struct wh_policy_cap *bind = wh_policy_find_cap(p, "CAP_NET_BIND_SERVICE");
	bool added = false;

	wh_buf_adds(b, "Capabilities: all are dropped, these were weighed\n");
	for (size_t i = 0; i < p->n_caps; i++) {
		added |= p->caps[i].decision == WH_POLICY_ADD;
		wh_buf_addf(b, "  %-22s %s: %s\n", p->caps[i].name, titles[p->caps[i].decision],
			    p->caps[i].reason);
		if (p->caps[i].kernel)
			wh_buf_addf(b, "  %-22s %s\n", "", p->caps[i].kernel);
	}
	for (size_t i = 0; i < p->n_asked; i++)
		wh_buf_addf(b, "  %-22s %s\n", p->asked[i].name, p->asked[i].reason);
	if (p->n_caps == 0)
		wh_buf_adds(b, "  none: the service needs no capability\n");
	if (bind && bind->decision == WH_POLICY_ADD && is_for_ports(bind))
		wh_buf_adds(
			b,
			"  CAP_NET_BIND_SERVICE can be left out where the container has a network "
			"namespace of its\n  own under Docker or Podman, which set "
			"net.ipv4.ip_unprivileged_port_start to 0 there; with the\n  host's "
			"network "
			"it is needed.\n");
	if (added && p->uid)
		wh_buf_adds(
			b,
			"  A user other than root gets an added capability only where the runtime "
			"makes it ambient.\n");
	wh_buf_addc(b, '\n');
}

static void add_abis(const struct wh_policy *p, struct wh_buf *b)
{
	size_t one = 0;

	if (p->n_architectures < 2)
		return;
	wh_buf_adds(
		b, "System calls that were seen on one ABI only; the filter cannot tell ABIs apart "
		   "and allows them on\nevery one that has a call of that name:\n");
	for (size_t i = 0; i < p->n_syscalls; i++) {
		const struct wh_policy_syscall *s = &p->syscalls[i];

		if (s->n_facts != 1)
			continue;
		wh_buf_addf(b, "%s%s (%s)",
			    one % 6 ? ", "
			    : one   ? ",\n  "
				    : "  ",
			    s->name, s->facts[0]->abi);
		one++;
	}
	wh_buf_adds(b, one ? "\n\n" : "  none\n\n");
}

static void add_args(const struct wh_policy *p, struct wh_buf *b)
{
	const struct wh_policy_syscall *clone3 = wh_policy_find_syscall(p, "clone3");
	size_t n = 0;

	for (size_t i = 0; i < p->n_syscalls; i++) {
		const struct wh_policy_syscall *s = &p->syscalls[i];

		if (!s->args)
			continue;
		if (!n++)
			wh_buf_addf(b,
				    "Allowed with certain arguments only (--args %s); what was not "
				    "seen itself is in brackets\n",
				    wh_policy_args_word(p->args));
		wh_buf_addf(b, "  %s:", s->name);
		if (*s->args->only)
			wh_buf_addf(b, " only %s", s->args->only);
		if (*s->args->also)
			wh_buf_addf(b, "%s (%s: %s)", *s->args->only ? "" : " only", s->args->also,
				    s->args->also_reason);
		wh_buf_addf(b, "%s%s%s\n", *s->args->only || *s->args->also ? ";" : "",
			    *s->args->closes ? " closes " : " closes all others", s->args->closes);
	}
	if (n && clone3 && !clone3->error)
		wh_buf_adds(b, "  clone3 has its flags in memory, where no filter looks: what is "
			       "closed of clone and unshare is open\n  through it, but for what "
			       "capabilities guard.\n");
	wh_buf_adds(b, n ? "\n" : "");
}

static void add_running(const struct wh_policy *p, struct wh_buf *b)
{
	static const char *const kinds[] = {
		[WH_POLICY_TMPFS] = "tmpfs",
		[WH_POLICY_VOLUME] = "volume",
		[WH_POLICY_GIVEN] = "to be mounted",
	};

	wh_buf_adds(
		b, "How to run it with less; leave out what the project's own files say already\n");
	for (int id = 0; id < WH_POLICY_HINTS; id++) {
		const struct wh_policy_hint *hint = &p->hints[id];

		wh_buf_addf(b, "  %-11s %s%s%s: %s\n",
			    wh_policy_hint_name((enum wh_policy_hint_id)id),
			    hint->on ? "yes" : "no", hint->value ? ", " : "",
			    hint->value ? hint->value : "", hint->reason);
	}
	for (size_t i = 0; i < p->n_places; i++)
		wh_buf_addf(b, "  %s %s: %s\n", kinds[p->places[i].kind], p->places[i].path,
			    p->places[i].reason);
	for (size_t i = 0; i < p->n_ports; i++)
		wh_buf_addf(b, "  port %u/%s %s: %s\n", p->ports[i].port, p->ports[i].protocol,
			    p->ports[i].publish ? "published" : "not published",
			    p->ports[i].reason);
	wh_buf_addc(b, '\n');
}

static void add_use(const struct wh_emit *emit, struct wh_buf *b)
{
	const struct wh_policy *p = emit->policy;

	wh_buf_adds(b, "How to use it\n");
	if (wh_emit_has(emit, WH_EMIT_DOCKER))
		wh_buf_adds(b, "  Docker      docker run $(grep -v '^#' docker-run.args) IMAGE\n");
	if (wh_emit_has(emit, WH_EMIT_COMPOSE))
		wh_buf_adds(b, "  Compose     lay compose.yaml over the project's own file\n");
	if (wh_emit_has(emit, WH_EMIT_KUBERNETES))
		wh_buf_adds(b, "  Kubernetes  kubernetes.yaml is a pod to start from, with podman "
			       "kube play, "
			       "too\n");
	if (wh_emit_has(emit, WH_EMIT_QUADLET))
		wh_buf_adds(b, "  Podman      quadlet.container is a unit for systemd; or "
			       "docker-run.args, as "
			       "above\n");
	if (wh_emit_has(emit, WH_EMIT_SYSTEMD))
		wh_buf_adds(b, "  systemd     systemd.conf is a drop-in for a service without a "
			       "container\n");
	if (wh_emit_has(emit, WH_EMIT_APPARMOR))
		wh_buf_adds(
			b,
			"  AppArmor    sudo apparmor_parser -r apparmor.profile, before, on each "
			"machine\n");
	wh_buf_adds(b, "  Why         whittle explain BUNDLE ITEM, for a system call, capability, "
		       "path …\n");
	if (p->floor_with_nnp && strcmp(p->runtime, "none") != 0)
		wh_buf_addf(b,
			    "\nseccomp.json has what %s calls under no_new_privs. Without "
			    "no-new-privileges (Kubernetes:\nallowPrivilegeEscalation: false) the "
			    "container will not start with it; then generate with\n--no-new-privs "
			    "off.\n",
			    p->runtime);
	wh_buf_adds(b, "\nWhat no recording can show: paths that the load did not take, other "
		       "configurations, programs run\nby 'docker exec', a health check or as init "
		       "(docker run --init). Record "
		       "those as well and give all traces to whittle generate.\n");
}

int wh_notes_emit(const struct wh_emit *emit, struct wh_buf *b, struct wh_error *e)
{
	const struct wh_policy *p = emit->policy;
	struct wh_policy_numbers n;

	(void)e;
	wh_policy_numbers(p, &n);
	wh_buf_addf(b, "%s: generated by whittle %s for %s%s%s\n", p->name, WH_VERSION, p->runtime,
		    p->runtime_version ? ", its own needs measured with " : "",
		    p->runtime_version ? p->runtime_version : "");
	if (p->runtime_recorded)
		wh_buf_addf(b, "and, %zu of them, while recording, with %s\n", n.syscalls_measured,
			    p->runtime_recorded);
	wh_buf_addc(b, '\n');
	add_warnings(p, b);
	wh_buf_addf(
		b,
		"System calls: %zu observed, %zu more that the runtime needs itself, %zu more that "
		"follow from the\nobserved ones; %zu answered \"no such system call\" so that libc "
		"falls back. %zu file rules.\n\n",
		n.syscalls_observed, n.syscalls_floor, n.syscalls_implied, n.syscalls_answered,
		n.file_rules);
	add_args(p, b);
	add_caps(p, b);
	wh_buf_addf(b, "no_new_privs: %s, as %s.\n\n", p->no_new_privs ? "on" : "off",
		    p->no_new_privs_reason);
	add_running(p, b);
	add_abis(p, b);
	add_use(emit, b);
	return 0;
}
