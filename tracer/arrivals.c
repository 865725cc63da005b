// SPDX-License-Identifier: Apache-2.0
#include "tracer/arrivals.h"

#ifdef WH_HAVE_BPF

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "arrivals.skel.h"
#include "tracer/bpf/arrivals.h"
#include "tracer/bpf_start.h"

#define PAGES 16 /* of each processor: some 200 arrivals */

struct wh_arrivals {
	struct wh_arrivals_bpf *bpf;
	struct perf_buffer *ring;
	struct sigaction before; /* of SIGIO */
	bool has_signal;
	unsigned taken; /* of those told */
	uint64_t lost;
	struct wh_arrival *arrival;
	size_t n, size;
	int failed; /* -ENOMEM where it could not be returned */
};

/* ---- what comes ------------------------------------------------------------------------------ */

static void drop(struct wh_arrivals *a)
{
	while (a->n)
		free((void *)(uintptr_t)a->arrival[--a->n].program);
}

static int put(struct wh_arrivals *a, const struct wh_arrival_event *event)
{
	struct wh_arrival *to;

	if (a->n == a->size) {
		size_t size = a->size ? 2 * a->size : 16;
		struct wh_arrival *v = reallocarray(a->arrival, size, sizeof(*v));

		if (!v)
			return -ENOMEM;
		a->arrival = v;
		a->size = size;
	}
	to = &a->arrival[a->n];
	*to = (struct wh_arrival){.pid = (pid_t)event->pid};
	if (event->executed) {
		to->program = strndup(event->program, sizeof(event->program));
		if (!to->program)
			return -ENOMEM;
	}
	a->n++;
	return 0;
}

static void on_event(void *data, int cpu, void *event, unsigned size)
{
	struct wh_arrivals *a = data;
	int err;

	(void)cpu;
	/* The kernel may have rounded it up. */
	if (size < sizeof(struct wh_arrival_event))
		return;
	err = put(a, event);
	if (err < 0)
		a->failed = err;
}

static void on_lost(void *data, int cpu, unsigned long long count)
{
	struct wh_arrivals *a = data;

	(void)cpu;
	a->lost += count;
}

/* ---- start and end --------------------------------------------------------------------------- */

static int load(struct wh_arrivals *a, const struct wh_arrivals_place *place, struct wh_error *e)
{
	struct stat st;

	wh_bpf_start_quiet();
	if (stat("/proc/self/ns/pid", &st) < 0)
		return wh_error_errno(e, errno, "the pid namespace");
	a->bpf = wh_arrivals_bpf__open_and_load();
	if (!a->bpf)
		return wh_error_errno(
			e, errno,
			"the kernel takes no BPF program for it (it needs Linux 5.15, "
			"CONFIG_DEBUG_INFO_BTF, CAP_BPF and CAP_PERFMON)");
	a->bpf->bss->tracer_ns = (unsigned)st.st_ino;
	a->bpf->bss->pid_ns = (unsigned)place->pid_ns;
	a->bpf->bss->mnt_ns = (unsigned)place->mnt_ns;
	return wh_bpf_start_introduce(a->bpf->progs.who_am_i, e);
}

static void on_signal(int sig)
{
	(void)sig; /* that waiting is interrupted is all it is for */
}

/* The plain SIGIO, of which one is pending at most: a real-time signal would be as many as there are events. */
static int call_for_us(struct wh_arrivals *a, struct wh_error *e)
{
	struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART */

	sigemptyset(&action.sa_mask);
	a->has_signal = sigaction(SIGIO, &action, &a->before) == 0;
	for (size_t i = 0; a->has_signal && i < perf_buffer__buffer_cnt(a->ring); i++) {
		int fd = perf_buffer__buffer_fd(a->ring, i);

		if (fd < 0 || fcntl(fd, F_SETOWN, getpid()) < 0 || fcntl(fd, F_SETFL, O_ASYNC) < 0)
			return wh_error_errno(e, errno, "signals of BPF events");
	}
	return 0;
}

int wh_arrivals_new(const struct wh_arrivals_place *place, struct wh_arrivals **ret,
		    struct wh_error *e)
{
	struct wh_arrivals *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return wh_error_oom(e);
	err = load(a, place, e);
	if (err == 0) {
		a->ring = perf_buffer__new(bpf_map__fd(a->bpf->maps.arrivals), PAGES, on_event,
					   on_lost, a, NULL);
		err = a->ring ? call_for_us(a, e) : wh_error_errno(e, errno, "BPF events");
	}
	if (err == 0 && wh_arrivals_bpf__attach(a->bpf) < 0)
		err = wh_error_errno(e, errno, "the kernel attaches no BPF program");
	if (err < 0) {
		wh_arrivals_free(a);
		return err;
	}
	*ret = a;
	return 0;
}

void wh_arrivals_free(struct wh_arrivals *a)
{
	if (!a)
		return;
	wh_arrivals_bpf__destroy(a->bpf);
	perf_buffer__free(a->ring);
	/* Only when nothing sends it any more. */
	if (a->has_signal)
		sigaction(SIGIO, &a->before, NULL);
	drop(a);
	free(a->arrival);
	free(a);
}

/* ---- asking ---------------------------------------------------------------------------------- */

bool wh_arrivals_any(const struct wh_arrivals *a)
{
	return __atomic_load_n(&a->bpf->bss->told, __ATOMIC_ACQUIRE) != a->taken;
}

ssize_t wh_arrivals_take(struct wh_arrivals *a, const struct wh_arrival **ret)
{
	drop(a);
	/* Before looking: what comes meanwhile is looked at again. */
	a->taken = __atomic_load_n(&a->bpf->bss->told, __ATOMIC_ACQUIRE);
	perf_buffer__consume(a->ring);
	*ret = a->arrival;
	return a->failed ? a->failed : (ssize_t)a->n;
}

uint64_t wh_arrivals_lost(const struct wh_arrivals *a)
{
	return a->lost;
}

#else

int wh_arrivals_new(const struct wh_arrivals_place *place, struct wh_arrivals **ret,
		    struct wh_error *e)
{
	(void)place;
	(void)ret;
	return wh_error_set(e, ENOTSUP, "this whittle was built without BPF");
}

void wh_arrivals_free(struct wh_arrivals *arrivals)
{
	(void)arrivals;
}

bool wh_arrivals_any(const struct wh_arrivals *arrivals)
{
	(void)arrivals;
	return false;
}

ssize_t wh_arrivals_take(struct wh_arrivals *arrivals, const struct wh_arrival **ret)
{
	(void)arrivals;
	(void)ret;
	return 0;
}

uint64_t wh_arrivals_lost(const struct wh_arrivals *arrivals)
{
	(void)arrivals;
	return 0;
}

#endif
