// SPDX-License-Identifier: Apache-2.0
/* What the filter does about a call that no rule is for. */
#include "gen/policy-internal.h"

static const struct {
	const char *word, *oci;
	const char *warning; /* or NULL */
} actions[] = {
	[WH_POLICY_ACTION_ERRNO] = {"errno", "SCMP_ACT_ERRNO", NULL},
	[WH_POLICY_ACTION_KILL] =
		{"kill", "SCMP_ACT_KILL_PROCESS",
		 "a call that is not in the profile kills the whole process, where an error might "
		 "have been put up with: look for it in the kernel's log"},
	[WH_POLICY_ACTION_LOG] =
		{"log", "SCMP_ACT_LOG",
		 "seccomp.json protects from nothing: a call that is not in it is only written to "
		 "the kernel's log, and allowed"},
	[WH_POLICY_ACTION_TRAP] =
		{"trap", "SCMP_ACT_TRAP",
		 "a call that is not in the profile raises SIGSYS, which ends a program without a "
		 "handler for it"},
	[WH_POLICY_ACTION_NOTIFY] =
		{"notify", "SCMP_ACT_NOTIFY",
		 "a program of your own must listen on the socket that seccomp.json names, or no "
		 "container starts; it decides about each call that is not in the profile"},
};

const char *wh_policy_action_oci(enum wh_policy_action action)
{
	return actions[action].oci;
}

int wh_policy_action_parse(const char *text, enum wh_policy_action *ret, const char **ret_listener,
			   struct wh_error *e)
{
	static const char notify[] = "notify:";

	*ret_listener = NULL;
	if (wh_util_has_prefix(text, notify)) {
		*ret = WH_POLICY_ACTION_NOTIFY;
		*ret_listener = text + strlen(notify);
		if (**ret_listener == '/' && wh_policy_is_plain(*ret_listener))
			return 0;
		return wh_error_set(e, EINVAL,
				    "--default-action notify: the socket needs an absolute path of "
				    "letters, digits and ._-/");
	}
	for (size_t i = 0; i < WH_ARRAY_SIZE(actions); i++) {
		if (i != WH_POLICY_ACTION_NOTIFY && strcmp(actions[i].word, text) == 0) {
			*ret = (enum wh_policy_action)i;
			return 0;
		}
	}
	return wh_error_set(e, EINVAL,
			    "--default-action takes errno, kill, log, trap or notify:SOCKET");
}

int wh_policy_action(struct wh_policy *p, const struct wh_policy_options *options,
		     struct wh_error *e)
{
	p->action = options->action;
	if (options->listener) {
		p->listener = wh_pool_strdup(&p->pool, options->listener);
		if (!p->listener)
			return wh_error_oom(e);
	}
	return actions[p->action].warning
		       ? wh_policy_warn(p, actions[p->action].warning, false, NULL, e)
		       : 0;
}
