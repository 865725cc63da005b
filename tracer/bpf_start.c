// SPDX-License-Identifier: Apache-2.0
#ifdef WH_HAVE_BPF

#include "tracer/bpf_start.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

int wh_bpf_start_check(struct wh_error *e)
{
	if (geteuid() != 0)
		return wh_error_set(e, EPERM, "only root may load BPF programs");
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return wh_error_set(e, ENOTSUP,
				    "the kernel does not describe its types "
				    "(CONFIG_DEBUG_INFO_BTF)");
	return 0;
}

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

void wh_bpf_start_quiet(void)
{
	libbpf_set_print(silent);
}

int wh_bpf_start_introduce(const struct bpf_program *who_am_i, struct wh_error *e)
{
	LIBBPF_OPTS(bpf_test_run_opts, options);

	if (bpf_prog_test_run_opts(bpf_program__fd(who_am_i), &options) < 0)
		return wh_error_errno(e, errno, "BPF_PROG_TEST_RUN");
	return 0;
}

#endif
