// SPDX-License-Identifier: Apache-2.0
/* Which records are of the service that is meant. */
#include "audit/select.h"

#define LABEL_MAX  256
#define UNCONFINED "unconfined"

/* struct owner - whose a record is. @label: the profile without those below it, "" if it is not told; @program: seccomp's */
struct owner {
	char label[LABEL_MAX], program[LABEL_MAX];
	bool denial; /* or let pass: else it is news of a profile's loading, or an audit rule's */
};

static void copy(char *to, const char *from)
{
	snprintf(to, LABEL_MAX, "%s", from ? from : "");
}

/* "web//null-/bin/sh" and "web (enforce)" are of "web". */
static void cut_label(char *label)
{
	char *end = strstr(label, "//");

	if (end && end != label)
		*end = '\0';
	end = strrchr(label, ' ');
	if (end && end[1] == '(')
		*end = '\0';
}

static int owner_of(const struct wh_audit_record *r, struct owner *ret)
{
	bool seccomp = r->type == WH_AUDIT_SECCOMP;
	wh_auto(audit_fields) f = {0};
	const char *why, *verdict;
	int err = wh_audit_record_split(r, &f, &why), bad;
	wh_auto(str) label = wh_audit_record_text(&f, "profile", &bad);
	wh_auto(str) program = wh_audit_record_text(&f, "exe", &bad);

	*ret = (struct owner){.denial = true};
	if (err == -ENOMEM || bad == -ENOMEM)
		return -ENOMEM;
	/* A label has no quotes in seccomp's records. */
	copy(ret->label, seccomp ? wh_audit_record_value(&f, "subj") : label);
	copy(ret->program, seccomp ? program : NULL);
	cut_label(ret->label);
	if (seccomp && strcmp(ret->label, UNCONFINED) == 0)
		*ret->label = '\0';
	verdict = wh_audit_record_value(&f, "apparmor");
	if (verdict && (strcmp(verdict, "STATUS") == 0 || strcmp(verdict, "AUDIT") == 0 ||
			strcmp(verdict, "HINT") == 0))
		ret->denial = false;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct wh_audit_record *x = *(struct wh_audit_record *const *)a,
				     *y = *(struct wh_audit_record *const *)b;

	if (x->epoch != y->epoch)
		return x->epoch < y->epoch ? -1 : 1;
	if (x->milli != y->milli)
		return x->milli < y->milli ? -1 : 1;
	if (x->serial != y->serial)
		return x->serial < y->serial ? -1 : 1;
	return strcmp(x->text, y->text);
}

/* Names in a message: "a, b, c and others". */
struct names {
	char text[256];
	size_t n;
	char last[LABEL_MAX];
};

static void add_name(struct names *names, const char *name)
{
	size_t len = strlen(names->text), more = strlen(name);

	for (const char *at = names->text; *name && (at = strstr(at, name)); at++)
		if ((at == names->text || at[-1] == ' ') && (!at[more] || at[more] == ','))
			return;
	if (!*name)
		return;
	names->n++;
	copy(names->last, name);
	if (len + more + 16 < sizeof(names->text))
		sprintf(names->text + len, "%s%s", len ? ", " : "", name);
	else if (len && len + 6 < sizeof(names->text) && !strstr(names->text, ", …"))
		strcat(names->text, ", …");
}

/* Whose records are meant, if nobody said so. */
static int choose(const struct owner *owners, struct wh_audit_record *const *v, size_t n,
		  const struct wh_audit_options *options, char *ret_profile, char *ret_program,
		  struct wh_error *e)
{
	struct names profiles = {0}, programs = {0};

	for (size_t i = 0; i < n; i++) {
		if (!owners[i].denial || v[i]->type == WH_AUDIT_LOST)
			continue;
		/* Some kernels ask AppArmor about who has no profile, too. */
		if (strcmp(owners[i].label, UNCONFINED) != 0)
			add_name(&profiles, owners[i].label);
		if (!*owners[i].label)
			add_name(&programs, owners[i].program);
	}
	copy(ret_profile, options->profile);
	copy(ret_program, options->program);
	if (!options->profile && !options->program && profiles.n > 1)
		return wh_error_set(e, EINVAL,
				    "there are records of several profiles: say which with "
				    "--profile: %s",
				    profiles.text);
	if (!options->profile && profiles.n == 1)
		copy(ret_profile, profiles.last);
	if (*ret_profile || *ret_program)
		return 0;
	if (programs.n > 1)
		return wh_error_set(e, EINVAL,
				    "there are records of several programs without a profile: say "
				    "which with --exe: %s",
				    programs.text);
	copy(ret_program, programs.last);
	return 0;
}

static bool is_meant(const struct owner *o, const struct wh_audit_record *r, const char *profile,
		     const char *program)
{
	if (r->type == WH_AUDIT_LOST)
		return true;
	if (*program && strcmp(o->program, program) == 0)
		return true;
	if (*profile && strcmp(o->label, profile) == 0)
		return true;
	/* What is too broken to tell may be one's own. */
	return !*o->label && r->type == WH_AUDIT_APPARMOR;
}

int wh_audit_select(struct wh_audit_record **v, size_t n, const struct wh_audit_options *options,
		    size_t *ret_n, struct wh_audit_summary *ret_sum, struct wh_error *e)
{
	struct owner *owners = calloc(n + 1, sizeof(*owners));
	char program[LABEL_MAX];
	struct names others = {0};
	size_t kept = 0;
	int err = owners ? 0 : wh_error_oom(e);

	if (n)
		qsort(v, n, sizeof(*v), by_time);
	for (size_t i = 0; err == 0 && i < n; i++)
		if (owner_of(v[i], &owners[i]) < 0)
			err = wh_error_oom(e);
	if (err == 0)
		err = choose(owners, v, n, options, ret_sum->profile, program, e);
	for (size_t i = 0; err == 0 && i < n; i++) {
		const struct wh_audit_record *last = kept ? v[kept - 1] : NULL;

		if (!owners[i].denial)
			continue;
		if (v[i]->epoch && v[i]->epoch < options->since) {
			ret_sum->early++;
		} else if (!is_meant(&owners[i], v[i], ret_sum->profile, program)) {
			ret_sum->others++;
			add_name(&others, *owners[i].label ? owners[i].label : owners[i].program);
		} else if (last && last->epoch && by_time(&last, &v[i]) == 0) {
			ret_sum->repeated++;
		} else {
			v[kept++] = v[i];
		}
	}
	snprintf(ret_sum->other_names, sizeof(ret_sum->other_names), "%s", others.text);
	free(owners);
	*ret_n = kept;
	return err;
}
