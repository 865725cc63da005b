/* SPDX-License-Identifier: Apache-2.0 */
#include "whittle/util.h"

_Noreturn void wh_util_assert_failed(const char *expr, const char *file, int line)
{
	fprintf(stderr, "whittle: bug: %s does not hold (%s:%d)\n", expr, file, line);
	abort();
}

int wh_util_parse_u64(const char *s, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
			return -ERANGE;
	}
	*ret_value = value;
	return 0;
}

/*
 * include/linux/errno.h: the kernel's own codes. A tracer sees those that a program never does,
 * because the call is about to be restarted.
 */
static const struct {
	int err;
	const char *name;
} kernel_errnos[] = {
	{512, "ERESTARTSYS"},
	{513, "ERESTARTNOINTR"},
	{514, "ERESTARTNOHAND"},
	{515, "ENOIOCTLCMD"},
	{516, "ERESTART_RESTARTBLOCK"},
	{517, "EPROBE_DEFER"},
	{518, "EOPENSTALE"},
	{519, "ENOPARAM"},
	{524, "ENOTSUPP"},
};

const char *wh_util_errno_name(int err)
{
	const char *name;

	if (err < 0)
		err = -err;
	name = strerrorname_np(err);
	if (name && *name && strcmp(name, "0") != 0)
		return name;
	for (size_t i = 0; i < WH_ARRAY_SIZE(kernel_errnos); i++)
		if (kernel_errnos[i].err == err)
			return kernel_errnos[i].name;
	return "EUNKNOWN";
}
