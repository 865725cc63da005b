// SPDX-License-Identifier: Apache-2.0
#include "judge/filter.h"

#include <jansson.h>
#include <linux/seccomp.h>

#include "judge/filter-internal.h"
#include "whittle/output.h"

/* The largest profile in the wild has some 25 kB; a kernel takes 4096 instructions. */
#define SIZE_MOST  (4u << 20)
#define RULES_MOST 65536

static const struct action {
	const char *name;
	uint32_t action;
	bool takes_errno;
} actions[] = {
	{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
	{"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
	{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true},
	{"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true},
	{"SCMP_ACT_LOG", SCMP_ACT_LOG},
	{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
};

static const struct operator
{
	const char *name;
	enum scmp_compare op;
}
operators[] = {
	{"SCMP_CMP_NE", SCMP_CMP_NE},
	{"SCMP_CMP_LT", SCMP_CMP_LT},
	{"SCMP_CMP_LE", SCMP_CMP_LE},
	{"SCMP_CMP_EQ", SCMP_CMP_EQ},
	{"SCMP_CMP_GE", SCMP_CMP_GE},
	{"SCMP_CMP_GT", SCMP_CMP_GT},
	{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

static const struct flag {
	const char *name;
	unsigned flag;
} flags[] = {
	{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	/* One thread loads the filter: there is nothing to synchronise. */
	{"SECCOMP_FILTER_FLAG_TSYNC", 0},
};

static const char *const moby_only[] = {"archMap", "includes", "excludes", "name"};

/* Members of @object must be among @known. */
static int check_members(json_t *object, const char *const *known, size_t n, struct wh_error *e)
{
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value) {
		bool found = false;

		for (size_t i = 0; i < n && !found; i++)
			found = strcmp(key, known[i]) == 0;
		if (found)
			continue;
		for (size_t i = 0; i < WH_ARRAY_SIZE(moby_only); i++) {
			if (strcmp(key, moby_only[i]) == 0)
				return wh_error_set(
					e, EINVAL,
					"'%s' is moby's extension, which not every runtime "
					"knows; give pure OCI",
					key);
		}
		return wh_error_set(e, EINVAL, "unknown member '%s'", key);
	}
	return 0;
}

static int get_string(json_t *object, const char *key, const char **ret, struct wh_error *e)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_string(value))
		return wh_error_set(e, EINVAL, "%s: %s", key, value ? "not a string" : "missing");
	if (strlen(json_string_value(value)) != json_string_length(value))
		return wh_error_set(e, EINVAL, "%s: has a NUL character", key);
	*ret = json_string_value(value);
	return 0;
}

/*
 * JSON numbers beyond 2^63 - 1 are not jansson's, but OCI's values are uint64. quote_large() has put
 * such numbers into quotes.
 */
static int get_u64(json_t *value, const char *key, uint64_t most, uint64_t *ret, struct wh_error *e)
{
	uint64_t n;

	if (json_is_integer(value) && json_integer_value(value) >= 0)
		n = (uint64_t)json_integer_value(value);
	else if (!json_is_string(value) || json_string_value(value)[0] != '#' ||
		 wh_util_parse_u64(json_string_value(value) + 1, &n) < 0)
		return wh_error_set(e, EINVAL, "%s: %s", key,
				    value ? "not a whole number from 0 to 2^64 - 1" : "missing");
	if (n > most)
		return wh_error_set(e, ERANGE, "%s: %llu is more than %llu", key,
				    (unsigned long long)n, (unsigned long long)most);
	*ret = n;
	return 0;
}

/* An action with its errno: where none is given, runc and crun answer EPERM. */
static int get_action(json_t *object, const char *key, const char *errno_key, uint32_t *ret,
		      struct wh_error *e)
{
	json_t *number = json_object_get(object, errno_key);
	uint64_t err = EPERM;
	const char *name = "";
	int r = get_string(object, key, &name, e);

	if (r < 0)
		return r;
	if (number) {
		/* MAX_ERRNO of the kernel: more would be no error in the caller's eyes. */
		r = get_u64(number, errno_key, 4095, &err, e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < WH_ARRAY_SIZE(actions); i++) {
		if (strcmp(actions[i].name, name) != 0)
			continue;
		if (number && !actions[i].takes_errno)
			return wh_error_set(e, EINVAL, "%s: %s takes none", errno_key, name);
		*ret = actions[i].action | (actions[i].takes_errno ? (uint32_t)err : 0);
		return 0;
	}
	return wh_error_set(e, EINVAL, "%s: '%s' is not an action that can be judged here", key,
			    name);
}

static int read_arg(json_t *json, struct scmp_arg_cmp *ret, struct wh_error *e)
{
	static const char *const members[] = {"index", "value", "valueTwo", "op"};
	uint64_t index, value, value_two = 0;
	const char *name = "";
	json_t *two;
	int r;

	if (!json_is_object(json))
		return wh_error_set(e, EINVAL, "not an object");
	two = json_object_get(json, "valueTwo");
	r = check_members(json, members, WH_ARRAY_SIZE(members), e);
	if (r == 0)
		r = get_u64(json_object_get(json, "index"), "index", 5, &index, e);
	if (r == 0)
		r = get_u64(json_object_get(json, "value"), "value", UINT64_MAX, &value, e);
	if (r == 0 && two)
		r = get_u64(two, "valueTwo", UINT64_MAX, &value_two, e);
	if (r == 0)
		r = get_string(json, "op", &name, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < WH_ARRAY_SIZE(operators); i++) {
		if (strcmp(operators[i].name, name) == 0) {
			*ret = (struct scmp_arg_cmp){(unsigned)index, operators[i].op, value,
						     value_two};
			return 0;
		}
	}
	return wh_error_set(e, EINVAL, "op: '%s' is not an operator", name);
}

static int read_args(json_t *json, struct wh_filter_rule *rule, struct wh_error *e)
{
	unsigned seen = 0;
	json_t *item;
	size_t i;

	if (!json || json_is_null(json))
		return 0;
	if (!json_is_array(json))
		return wh_error_set(e, EINVAL, "args: not an array");
	if (json_array_size(json) > WH_FILTER_ARGS_MAX)
		return wh_error_set(e, EINVAL, "args: more than %d conditions", WH_FILTER_ARGS_MAX);
	json_array_foreach (json, i, item) {
		int r = read_arg(item, &rule->arg[i], e);

		if (r < 0) {
			wh_error_prefix(e, "args[%zu]", i);
			return r;
		}
		rule->repeated |= (seen & 1u << rule->arg[i].arg) != 0;
		seen |= 1u << rule->arg[i].arg;
	}
	rule->n_args = (unsigned)i;
	return 0;
}

static int add_rule(struct wh_filter *f, const struct wh_filter_rule *rule, const char *name,
		    struct wh_error *e)
{
	struct wh_filter_rule *rules;

	if (f->n_rules >= RULES_MOST)
		return wh_error_set(e, E2BIG, "more than %d rules", RULES_MOST);
	/* Grows by doubling: a power of two is full. */
	if ((f->n_rules & (f->n_rules - 1)) == 0) {
		rules = reallocarray(f->rules, f->n_rules ? f->n_rules * 2 : 1, sizeof(*rules));
		if (!rules)
			return wh_error_oom(e);
		f->rules = rules;
	}
	f->rules[f->n_rules] = *rule;
	f->rules[f->n_rules].name = strdup(name);
	if (!f->rules[f->n_rules].name)
		return wh_error_oom(e);
	f->n_rules++;
	return 0;
}

static int read_rules(struct wh_filter *f, json_t *json, struct wh_error *e)
{
	static const char *const members[] = {"names", "action", "errnoRet", "args", "comment"};
	struct wh_filter_rule rule = {0};
	json_t *names, *item;
	size_t i;
	int r;

	if (!json_is_object(json))
		return wh_error_set(e, EINVAL, "not an object");
	names = json_object_get(json, "names");
	r = check_members(json, members, WH_ARRAY_SIZE(members), e);
	if (r == 0)
		r = get_action(json, "action", "errnoRet", &rule.action, e);
	if (r == 0)
		r = read_args(json_object_get(json, "args"), &rule, e);
	if (r < 0)
		return r;
	if (!json_is_array(names) || !json_array_size(names))
		return wh_error_set(e, EINVAL, "names: %s",
				    names ? "not an array of at least one name" : "missing");
	json_array_foreach (names, i, item) {
		const char *name = json_string_value(item);

		if (!name || !*name || strlen(name) != json_string_length(item))
			return wh_error_set(e, EINVAL, "names[%zu]: not a name", i);
		r = add_rule(f, &rule, name, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_arch(struct wh_filter *f, const char *name, struct wh_error *e)
{
	size_t n;
	const struct wh_abi *abis = wh_syscall_abis(&n);

	for (size_t i = 0; i < n; i++) {
		if (strcmp(abis[i].oci, name) != 0)
			continue;
		if (wh_filter_has_arch(f, &abis[i]))
			return wh_error_set(e, EINVAL, "%s is there twice", name);
		wh_assert(f->n_abis < WH_ARRAY_SIZE(f->abi));
		f->abi[f->n_abis++] = &abis[i];
		return 0;
	}
	return wh_error_set(e, EINVAL, "'%s' is not an architecture known here", name);
}

static int read_flag(struct wh_filter *f, const char *name, struct wh_error *e)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(flags); i++) {
		if (strcmp(flags[i].name, name) == 0) {
			f->flags |= flags[i].flag;
			return 0;
		}
	}
	return wh_error_set(e, EINVAL, "'%s' is not a flag known here", name);
}

/* An array of names, each handed to @read; it may be absent. */
static int read_names(struct wh_filter *f, json_t *object, const char *key,
		      int (*read)(struct wh_filter *f, const char *name, struct wh_error *e),
		      struct wh_error *e)
{
	json_t *json = json_object_get(object, key), *item;
	size_t i;

	if (!json || json_is_null(json))
		return 0;
	if (!json_is_array(json))
		return wh_error_set(e, EINVAL, "%s: not an array", key);
	json_array_foreach (json, i, item) {
		int r = json_is_string(item) ? read(f, json_string_value(item), e)
					     : wh_error_set(e, EINVAL, "not a string");

		if (r < 0) {
			wh_error_prefix(e, "%s[%zu]", key, i);
			return r;
		}
	}
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int collect_names(struct wh_filter *f, struct wh_error *e)
{
	size_t n = 0, kept = 0;

	f->names = calloc(f->n_rules + 1, sizeof(*f->names));
	if (!f->names)
		return wh_error_oom(e);
	for (size_t i = 0; i < f->n_rules; i++) {
		if (f->rules[i].action == SCMP_ACT_ALLOW || f->rules[i].action == SCMP_ACT_LOG)
			f->names[n++] = f->rules[i].name;
	}
	qsort(f->names, n, sizeof(*f->names), compare_names);
	for (size_t i = 0; i < n; i++) {
		if (!kept || strcmp(f->names[kept - 1], f->names[i]) != 0)
			f->names[kept++] = f->names[i];
	}
	f->n_names = kept;
	return 0;
}

static int read_profile(struct wh_filter *f, json_t *json, struct wh_error *e)
{
	static const char *const members[] = {"defaultAction", "defaultErrnoRet", "architectures",
					      "flags", "syscalls"};
	json_t *rules, *item;
	size_t i;
	int r;

	if (!json_is_object(json))
		return wh_error_set(e, EINVAL, "not a JSON object");
	rules = json_object_get(json, "syscalls");
	r = check_members(json, members, WH_ARRAY_SIZE(members), e);
	if (r == 0)
		r = get_action(json, "defaultAction", "defaultErrnoRet", &f->default_action, e);
	if (r == 0)
		r = read_names(f, json, "architectures", read_arch, e);
	if (r == 0)
		r = read_names(f, json, "flags", read_flag, e);
	if (r < 0)
		return r;
	/* Without any, runtimes take the machine's own. */
	if (!f->n_abis)
		f->abi[f->n_abis++] = wh_syscall_abi_native();
	if (rules && !json_is_array(rules))
		return wh_error_set(e, EINVAL, "syscalls: not an array");
	json_array_foreach (rules, i, item) {
		r = read_rules(f, item, e);
		if (r < 0) {
			wh_error_prefix(e, "syscalls[%zu]", i);
			return r;
		}
	}
	return collect_names(f, e);
}

/* A run of digits that is a whole number between 2^63 and beyond. */
static bool is_large(const char *text, size_t i, size_t digits, size_t len)
{
	return digits >= 19 && text[i] != '0' && !(i && text[i - 1] == '-') &&
	       (i + digits == len || !memchr(".eE", text[i + digits], 3)) &&
	       (digits > 19 || memcmp(text + i, "9223372036854775807", 19) > 0);
}

/* Puts whole numbers that only a uint64 holds into quotes, as "#18446744073709551615". */
static char *quote_large(const char *text, size_t len, size_t *ret_len)
{
	/* Each such number has 19 digits or more, and grows by 3. */
	char *out = malloc(len + len / 19 * 3 + 4);
	bool in_string = false;
	size_t n = 0;

	for (size_t i = 0; out && i < len;) {
		size_t digits = 0;
		bool large;

		while (!in_string && i + digits < len && text[i + digits] >= '0' &&
		       text[i + digits] <= '9')
			digits++;
		if (!digits) {
			if (in_string && text[i] == '\\' && i + 1 < len)
				out[n++] = text[i++];
			else if (text[i] == '"')
				in_string = !in_string;
			out[n++] = text[i++];
			continue;
		}
		large = is_large(text, i, digits, len);
		if (large) {
			out[n++] = '"';
			out[n++] = '#';
		}
		memcpy(out + n, text + i, digits);
		n += digits;
		i += digits;
		if (large)
			out[n++] = '"';
	}
	*ret_len = n;
	return out;
}

int wh_filter_parse(const char *text, size_t len, struct wh_filter **ret, struct wh_error *e)
{
	wh_auto(filter) f = calloc(1, sizeof(*f));
	wh_auto(str) quoted = NULL;
	json_error_t where;
	size_t quoted_len;
	json_t *json;
	int r;

	if (!f)
		return wh_error_oom(e);
	quoted = quote_large(text, len, &quoted_len);
	if (!quoted)
		return wh_error_oom(e);
	json = json_loadb(quoted, quoted_len, JSON_REJECT_DUPLICATES, &where);
	if (!json)
		return wh_error_set(e, EINVAL, "not valid JSON: line %d: %s", where.line,
				    where.text);
	r = read_profile(f, json, e);
	json_decref(json);
	if (r < 0)
		return r;
	*ret = wh_take(f);
	return 0;
}

int wh_filter_read(const char *path, struct wh_filter **ret, struct wh_error *e)
{
	wh_auto(str) text = NULL;
	size_t len;
	int r = wh_output_slurp(path, SIZE_MOST, &text, &len, e);

	if (r < 0)
		return r;
	r = wh_filter_parse(text, len, ret, e);
	if (r < 0)
		wh_error_prefix(e, "%s", path);
	return r;
}

void wh_filter_free(struct wh_filter *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n_rules; i++)
		free(f->rules[i].name);
	free(f->rules);
	free(f->names);
	free(f);
}

const char *const *wh_filter_names(const struct wh_filter *f, size_t *ret_n)
{
	*ret_n = f->n_names;
	return f->names;
}

bool wh_filter_has_arch(const struct wh_filter *f, const struct wh_abi *abi)
{
	for (size_t i = 0; i < f->n_abis; i++) {
		if (f->abi[i] == abi)
			return true;
	}
	return false;
}

unsigned wh_filter_arguments(const struct wh_filter *f, const char *name)
{
	unsigned args = 0;

	for (size_t i = 0; i < f->n_rules; i++) {
		for (unsigned j = 0; strcmp(f->rules[i].name, name) == 0 && j < f->rules[i].n_args;
		     j++)
			args |= 1u << f->rules[i].arg[j].arg;
	}
	return args;
}

bool wh_filter_lists(const struct wh_filter *f, const char *name)
{
	for (size_t i = 0; i < f->n_rules; i++) {
		if (strcmp(f->rules[i].name, name) == 0)
			return true;
	}
	return false;
}
