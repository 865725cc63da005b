/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel itself: its log, its clock's and terminals' switches, programs in it, measuring it, restarting it. Where a
 * call would do harm it is one that changes nothing, or that fails once it is past the question.
 */
/* LIVE: m32 */
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/reboot.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/io.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <termios.h>

#include "cap.h"

#define NEEDS(cap) CAP_##cap, CAP_NONE, "required"

static int number_of(const char *path, int fallback)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return fallback;
	close(fd);
	return atoi(text);
}

static int unread(void)
{
	return klogctl(9, NULL, 0) < 0 ? -1 : 0;
}
static int hang_up(void)
{
	return setsid() < 0 ? -1 : vhangup(); /* with no terminal of its own */
}
/* The key combination that restarts the machine stays what it is. */
static unsigned keep_keys;
static int boot_keys(void)
{
	return (int)syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, keep_keys, 0);
}
/* Nobody has a module of that name; a kernel without modules does not know the call. */
static int unload(void)
{
	return (int)syscall(SYS_delete_module, "whittle_no_such_module", O_NONBLOCK);
}
static int map_low(void)
{
	return mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}
static int map_high(void)
{
	return mmap((void *)0x10000000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		    -1, 0) == MAP_FAILED
		       ? -1
		       : 0;
}
#if defined(__x86_64__) || defined(__i386__)
static int port_open(void)
{
	return ioperm(0x80, 1, 1);
}
static int port_close(void)
{
	return ioperm(0x80, 1, 0);
}
#endif
static int measure(bool kernel)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
				       .size = sizeof(attr),
				       .config = PERF_COUNT_SW_TASK_CLOCK,
				       .exclude_kernel = !kernel,
				       .exclude_hv = 1};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0) < 0 ? -1 : 0;
}
static int measure_kernel(void)
{
	return measure(true);
}
static int measure_own(void)
{
	return measure(false);
}
static int make_map(void)
{
	/* A kind that is for nobody without the capability, whatever the sysctl says. */
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_LRU_HASH,
			       .key_size = 4,
			       .value_size = 4,
			       .max_entries = 16};

	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)) < 0 ? -1 : 0;
}
static int load_device(void)
{
	/* r0 = 1; exit */
	static const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr = {.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
			       .insn_cnt = 2,
			       .insns = (uint64_t)(uintptr_t)program,
			       .license = (uint64_t)(uintptr_t) "GPL"};

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)) < 0 ? -1 : 0;
}
static int next_program(void)
{
	union bpf_attr attr = {.start_id = INT32_MAX - 1};

	/* There is none behind the last one: that is past the question. */
	return syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &attr, sizeof(attr)) < 0 && errno == ENOENT
		       ? 0
		       : -1;
}
static int next_id(void)
{
	int fd = open("/proc/sys/kernel/msg_next_id", O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}
static int next_id_read(void)
{
	int fd = open("/proc/sys/kernel/msg_next_id", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}
static int lock_terminal(void)
{
	struct termios none = {0};
	int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);

	return ioctl(fd, TIOCSLCKTRMIOS, &none);
}
static int limit_of_namespaces(void)
{
	int fd = open("/proc/sys/user/max_net_namespaces", O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -1 : close(fd);
}

/* The kernel keeps the flag or not, and says nothing: with the capability it may have mattered. */
static int awake(void)
{
	struct epoll_event event = {.events = EPOLLIN | 1u << 29 /* EPOLLWAKEUP */};
	int pair[2], ep = epoll_create1(EPOLL_CLOEXEC);

	return pipe(pair) ? -1 : epoll_ctl(ep, EPOLL_CTL_ADD, pair[0], &event);
}

static void keep_awake(void)
{
	expect_that(cap_run(awake, CAP_BLOCK_SUSPEND, -1) == 0);
	expect_that(cap_run(awake, -1, -1) == 0);
	cap_expect(CAP_BLOCK_SUSPEND, CAP_NONE, "possible", false,
		   "keep the machine awake with EPOLLWAKEUP", 0);
}

/* Past the question it fails, and then it has not used anything. */
static void past_the_question(int (*call)(void), int cap, const char *strength, int past,
			      const char *what)
{
	int err = cap_run(call, cap, -1);

	if (err == ENOSYS)
		return;
	expect_that(err == EPERM);
	cap_expect(cap, CAP_NONE, strength, true, what, 0);
	expect_that(cap_run(call, -1, -1) == past);
}

static void measuring(void)
{
	const char *path = "/proc/sys/kernel/perf_event_paranoid";
	int paranoid = number_of(path, 2);
	const struct cap_case kernel = {
		CAP_PERFMON, CAP_SYS_ADMIN,
		"required",  measure_kernel,
		measure_own, cap_text("measure the kernel (perf_event_paranoid is %d)", paranoid),
		EACCES};

	if (paranoid == 2)
		cap_try(&kernel);
}

static void loading(void)
{
	const char *net = "load a BPF program of the network";

	expect_that(cap_run(load_device, CAP_NET_ADMIN, CAP_SYS_ADMIN) == EPERM);
	cap_expect(CAP_NET_ADMIN, CAP_SYS_ADMIN, "required", true, net, 0);
	expect_that(cap_run(load_device, -1, -1) == 0);
	cap_expect(CAP_NET_ADMIN, CAP_SYS_ADMIN, "required", false, net, 0);
	cap_expect(CAP_BPF, CAP_SYS_ADMIN, "required", false, "load a BPF program", 0);
}

int main(void)
{
	const struct cap_case cases[] = {
		{NEEDS(SYSLOG), unread, NULL, "use the kernel log"},
		{NEEDS(SYS_TTY_CONFIG), hang_up, NULL, "hang up the terminal"},
		{CAP_BPF, CAP_SYS_ADMIN, "required", make_map, NULL, "make a BPF map"},
		{CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, "required", next_id, next_id_read,
		 "change /proc/sys/kernel/msg_next_id", EACCES},
		{CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, "required", lock_terminal, NULL,
		 "ioctl TIOCSLCKTRMIOS"},
		{NEEDS(SYS_RESOURCE), limit_of_namespaces, NULL,
		 "change /proc/sys/user/max_net_namespaces", EACCES},
	};
	const struct cap_case low = {NEEDS(SYS_RAWIO), map_low, map_high,
				     "map memory below mmap_min_addr"};
#if defined(__x86_64__) || defined(__i386__)
	const struct cap_case port = {NEEDS(SYS_RAWIO), port_open, port_close, "open I/O ports"};
#endif
	char link[64] = "";
	const struct cap_case boot = {NEEDS(SYS_BOOT), boot_keys, NULL,
				      "reboot, or load another kernel"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cap_try(&cases[i]);
#if defined(__x86_64__) || defined(__i386__)
	if (cap_run(port_close, -1, -1) != ENOSYS)
		cap_try(&port);
#endif
	if (number_of("/proc/sys/vm/mmap_min_addr", 0) > 0)
		cap_try(&low);
	past_the_question(unload, CAP_SYS_MODULE, "required", ENOENT,
			  "load or unload a kernel module");
	past_the_question(next_program, CAP_SYS_ADMIN, "required", 0,
			  "look at the BPF objects of others");
	keep_keys = number_of("/proc/sys/kernel/ctrl-alt-del", 0) ? LINUX_REBOOT_CMD_CAD_ON
								  : LINUX_REBOOT_CMD_CAD_OFF;
	/* A pid namespace has no such keys. */
	expect_that(readlink("/proc/self/ns/pid", link, sizeof(link) - 1) > 0);
	if (strcmp(link, "pid:[4026531836]") == 0)
		cap_try(&boot);
	else
		past_the_question(boot_keys, CAP_SYS_BOOT, "required", EINVAL, boot.what);
	measuring();
	loading();
	keep_awake();
	cap_done();
	return 0;
}
