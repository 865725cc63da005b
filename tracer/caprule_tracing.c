/* SPDX-License-Identifier: Apache-2.0 */
/* Programs in the kernel and measuring it: kernel/bpf/syscall.c, kernel/events/core.c. */
#include <linux/bpf.h>
#include <linux/perf_event.h>

#include "tracer/caprule_impl.h"

#define REQUIRED WH_STRENGTH_REQUIRED
#define LIKELY	 WH_STRENGTH_LIKELY
#define POSSIBLE WH_STRENGTH_POSSIBLE

static void enter_perf(struct wh_caprule_ask *ask)
{
	long paranoid = (long)wh_caprule_sysctl(ask, "kernel/perf_event_paranoid", 2);
	struct perf_event_attr attr = {0};
	int pid = wh_caprule_arg(ask, 1);
	const char *what = NULL;
	bool sure;

	if (!wh_caprule_read(ask, ask->call->arg[0], &attr, PERF_ATTR_SIZE_VER0))
		return;
	if (paranoid > 2)
		what = "use perf events at all";
	else if (paranoid > 1 && !attr.exclude_kernel)
		what = "measure the kernel";
	else if (paranoid > 0 && pid == -1)
		what = "measure a whole CPU";
	else if (paranoid > -1 && attr.type == PERF_TYPE_TRACEPOINT)
		what = "use a tracepoint";
	if (what)
		wh_caprule_need(ask, CAP_PERFMON, CAP_SYS_ADMIN, REQUIRED,
				"%s (perf_event_paranoid is %ld)", what, paranoid);
	if (pid > 0) {
		pid_t target = wh_caprule_pid(ask, pid);

		if (!target || wh_caprule_may_access(ask, target, false, &sure))
			return;
		wh_caprule_need(ask, CAP_PERFMON, CAP_SYS_PTRACE, REQUIRED,
				"measure a process of another user");
		wh_caprule_over_process(ask, target);
	}
}

/* kernel/bpf/syscall.c: what a program may hook decides. */
static bool bpf_is_tracing(uint32_t type)
{
	static const uint32_t types[] = {
		BPF_PROG_TYPE_KPROBE,
		BPF_PROG_TYPE_TRACEPOINT,
		BPF_PROG_TYPE_PERF_EVENT,
		BPF_PROG_TYPE_RAW_TRACEPOINT,
		BPF_PROG_TYPE_TRACING,
		BPF_PROG_TYPE_LSM,
		BPF_PROG_TYPE_EXT,
		BPF_PROG_TYPE_STRUCT_OPS,
		BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(types); i++)
		if (types[i] == type)
			return true;
	return false;
}

/* is_net_admin_prog_type() */
static bool bpf_is_network(uint32_t type)
{
	static const uint32_t types[] = {
		BPF_PROG_TYPE_SCHED_CLS,
		BPF_PROG_TYPE_SCHED_ACT,
		BPF_PROG_TYPE_XDP,
		BPF_PROG_TYPE_LWT_IN,
		BPF_PROG_TYPE_LWT_OUT,
		BPF_PROG_TYPE_LWT_XMIT,
		BPF_PROG_TYPE_LWT_SEG6LOCAL,
		BPF_PROG_TYPE_SK_SKB,
		BPF_PROG_TYPE_SK_MSG,
		BPF_PROG_TYPE_LIRC_MODE2,
		BPF_PROG_TYPE_FLOW_DISSECTOR,
		BPF_PROG_TYPE_CGROUP_DEVICE,
		BPF_PROG_TYPE_CGROUP_SOCK,
		BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
		BPF_PROG_TYPE_CGROUP_SOCKOPT,
		BPF_PROG_TYPE_CGROUP_SYSCTL,
		BPF_PROG_TYPE_SOCK_OPS,
		BPF_PROG_TYPE_EXT,
		32 /* BPF_PROG_TYPE_NETFILTER */,
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(types); i++)
		if (types[i] == type)
			return true;
	return false;
}

/* map_create(): the kinds that cost little are for everyone, where BPF is. */
static bool bpf_map_is_free(uint32_t type)
{
	static const uint32_t types[] = {
		BPF_MAP_TYPE_ARRAY,
		BPF_MAP_TYPE_PERCPU_ARRAY,
		BPF_MAP_TYPE_PROG_ARRAY,
		BPF_MAP_TYPE_PERF_EVENT_ARRAY,
		BPF_MAP_TYPE_CGROUP_ARRAY,
		BPF_MAP_TYPE_ARRAY_OF_MAPS,
		BPF_MAP_TYPE_HASH,
		BPF_MAP_TYPE_PERCPU_HASH,
		BPF_MAP_TYPE_HASH_OF_MAPS,
		BPF_MAP_TYPE_RINGBUF,
		BPF_MAP_TYPE_CGROUP_STORAGE,
		BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
		31 /* BPF_MAP_TYPE_USER_RINGBUF */,
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(types); i++)
		if (types[i] == type)
			return true;
	return false;
}

static bool bpf_map_is_network(uint32_t type)
{
	return type == BPF_MAP_TYPE_SOCKMAP || type == BPF_MAP_TYPE_SOCKHASH ||
	       type == BPF_MAP_TYPE_DEVMAP || type == BPF_MAP_TYPE_DEVMAP_HASH ||
	       type == BPF_MAP_TYPE_XSKMAP;
}

static void bpf_map_create(struct wh_caprule_ask *ask)
{
	bool off = wh_caprule_sysctl(ask, "kernel/unprivileged_bpf_disabled", 2) != 0;
	uint32_t type;

	if (!wh_caprule_read(ask, ask->call->arg[1], &type, sizeof(type)))
		return;
	if (off || (!bpf_map_is_free(type) && !bpf_map_is_network(type)))
		wh_caprule_need(ask, CAP_BPF, CAP_SYS_ADMIN, REQUIRED, "make a BPF map");
	if (bpf_map_is_network(type))
		wh_caprule_need(ask, CAP_NET_ADMIN, CAP_SYS_ADMIN, REQUIRED,
				"make a BPF map of the network");
}

static void bpf_prog_load(struct wh_caprule_ask *ask)
{
	uint32_t type;
	bool off = wh_caprule_sysctl(ask, "kernel/unprivileged_bpf_disabled", 2) != 0;

	if (!wh_caprule_read(ask, ask->call->arg[1], &type, sizeof(type)))
		return;
	if (off || (type != BPF_PROG_TYPE_SOCKET_FILTER && type != BPF_PROG_TYPE_CGROUP_SKB))
		wh_caprule_need(ask, CAP_BPF, CAP_SYS_ADMIN, REQUIRED, "load a BPF program");
	if (bpf_is_tracing(type))
		wh_caprule_need(ask, CAP_PERFMON, CAP_SYS_ADMIN, REQUIRED,
				"load a BPF program that traces");
	if (bpf_is_network(type))
		wh_caprule_need(ask, CAP_NET_ADMIN, CAP_SYS_ADMIN, REQUIRED,
				"load a BPF program of the network");
	wh_caprule_initial(ask);
}

static void enter_bpf(struct wh_caprule_ask *ask)
{
	switch (wh_caprule_arg(ask, 0)) {
	case BPF_PROG_LOAD:
		bpf_prog_load(ask);
		break;
	case BPF_MAP_CREATE:
		bpf_map_create(ask);
		break;
	case BPF_PROG_GET_NEXT_ID:
	case BPF_MAP_GET_NEXT_ID:
	case BPF_BTF_GET_NEXT_ID:
	case BPF_LINK_GET_NEXT_ID:
	case BPF_PROG_GET_FD_BY_ID:
	case BPF_MAP_GET_FD_BY_ID:
	case BPF_LINK_GET_FD_BY_ID:
	case BPF_BTF_GET_FD_BY_ID:
	case BPF_TASK_FD_QUERY:
	case BPF_ENABLE_STATS:
		wh_caprule_need(ask, CAP_SYS_ADMIN, -1, REQUIRED,
				"look at the BPF objects of others");
		break;
	case BPF_PROG_QUERY:
		wh_caprule_need(ask, CAP_NET_ADMIN, CAP_SYS_ADMIN, REQUIRED,
				"ask which BPF programs are attached");
		break;
	case BPF_BTF_LOAD:
		wh_caprule_need(ask, CAP_BPF, CAP_SYS_ADMIN, REQUIRED, "use BPF type information");
		break;
	case BPF_RAW_TRACEPOINT_OPEN:
		wh_caprule_need(ask, CAP_PERFMON, CAP_SYS_ADMIN, LIKELY, "open a raw tracepoint");
		break;
	case BPF_PROG_ATTACH:
	case BPF_PROG_DETACH:
	case BPF_LINK_CREATE:
		wh_caprule_need(ask, CAP_NET_ADMIN, CAP_SYS_ADMIN, POSSIBLE,
				"attach a BPF program");
		break;
	default:
		break;
	}
	wh_caprule_initial(ask);
}

const struct wh_caprule wh_caprule_tracing[] = {
	{"perf_event_open", enter_perf, WH_CAP(PERFMON)},
	{"bpf", enter_bpf, WH_CAP(BPF) | WH_CAP(PERFMON) | WH_CAP(NET_ADMIN) | WH_CAP(SYS_ADMIN)},
	{NULL},
};
