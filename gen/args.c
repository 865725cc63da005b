// SPDX-License-Identifier: Apache-2.0
#include "gen/args.h"

#include <asm/prctl.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/futex.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>

#include "gen/args_names.inc"

/* clang-format off */
#define NAMES(list) .names = (list), .n_names = WH_ARRAY_SIZE(list)
#define ALSO(list, why) .also = (list), .n_also = WH_ARRAY_SIZE(list), .also_reason = (why)
/* Only --args strict asks for it. */
#define STRICT WH_ARGS_IGNORE, WH_ARGS_VALUES
#define NEVER  WH_ARGS_IGNORE, WH_ARGS_IGNORE
#define BOTH   WH_ARGS_VALUES, WH_ARGS_VALUES
#define BITS   WH_ARGS_BITS, WH_ARGS_VALUES
#define APART  WH_ARGS_APART, WH_ARGS_VALUES
#define MASK(arg, bits) .mask[arg] = (bits)

static const char enumerated[] = "each value is an operation of its own, and a program has a fixed set of them",
	tuning[] = "what a program asks for may depend on its data, its libc and the machine",
	wx[] = "memory that is writable and executable at once is how injected code gets to run";

#define NEW_NS                                                                                     \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET)

/* Go's (runtime/os_linux.go), pthread_create()'s of glibc and of musl; fork(), with and without ids to be set; vfork() and posix_spawn(). */
static const uint64_t clone_also[][2] = {
	{0x50f00}, {0x3d0f00}, {0x7d0f00}, {SIGCHLD}, {CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | SIGCHLD}, {CLONE_VM | CLONE_VFORK | SIGCHLD},
};
static const uint64_t fcntl_also[][2] = {
	{F_DUPFD}, {F_GETFD}, {F_SETFD}, {F_GETFL}, {F_SETFL}, {F_DUPFD_CLOEXEC}, {5}, {6}, {7}, /* locks, by their numbers on 64 bits */
	{12}, {13}, {14}, {F_OFD_GETLK}, {F_OFD_SETLK}, {F_OFD_SETLKW},
};
static const uint64_t ioctl_also[][2] = {{TCGETS}, {TIOCGWINSZ}, {FIONREAD}, {FIONBIO}, {FIONCLEX}, {FIOCLEX}};
static const uint64_t prctl_also[][2] = {
	{PR_SET_PDEATHSIG}, {PR_GET_DUMPABLE}, {PR_SET_DUMPABLE}, {PR_GET_KEEPCAPS}, {PR_SET_KEEPCAPS}, {PR_SET_NAME},
	{PR_CAPBSET_READ}, {PR_CAPBSET_DROP}, {PR_GET_SECUREBITS}, {PR_SET_SECUREBITS}, {PR_SET_NO_NEW_PRIVS},
	{PR_GET_NO_NEW_PRIVS}, {PR_CAP_AMBIENT}, {0x53564d41 /* PR_SET_VMA */},
};
static const uint64_t arch_prctl_also[][2] = {{ARCH_SET_FS}, {0x3001 /* ARCH_CET_STATUS */}, {0x5005 /* ARCH_SHSTK_STATUS */}};
static const uint64_t query_also[][2] = {{0xffffffff}};
static const uint64_t zero_also[][2] = {{0}};
static const uint64_t close_range_also[][2] = {{0}, {4}};
static const uint64_t getrandom_also[][2] = {{0}, {1}, {4}};
static const uint64_t madvise_also[][2] = {{MADV_DONTNEED}, {MADV_FREE}, {MADV_HUGEPAGE}, {MADV_NOHUGEPAGE}, {25 /* MADV_COLLAPSE */}};
static const uint64_t mmap_also[][2] = {
	{PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS}, {PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE},
	{PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK}, {PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED},
	{PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS}, {PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED},
	{PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK},
	{PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE},
};
static const uint64_t mprotect_also[][2] = {{PROT_NONE}, {PROT_READ}, {PROT_READ | PROT_WRITE}};
static const uint64_t prlimit_also[][2] = {{RLIMIT_STACK}, {RLIMIT_NOFILE}};
/* The two of libc's own, abort(), and Go's preemption. */
static const uint64_t tgkill_also[][2] = {{32}, {33}, {SIGABRT}, {SIGURG}};
/* Each operation that a lock may need once somebody waits for it, private or not, by either clock. */
#define FUTEX_EACH(op) {op}, {(op) | FUTEX_PRIVATE_FLAG}, {(op) | FUTEX_CLOCK_REALTIME}, {(op) | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME}
static const uint64_t futex_also[][2] = {
	FUTEX_EACH(FUTEX_WAIT), FUTEX_EACH(FUTEX_WAKE), FUTEX_EACH(FUTEX_WAIT_BITSET), FUTEX_EACH(FUTEX_WAKE_BITSET),
	FUTEX_EACH(FUTEX_REQUEUE), FUTEX_EACH(FUTEX_CMP_REQUEUE), FUTEX_EACH(FUTEX_WAKE_OP),
};

static const char timing[] = "whether a lock is waited for, and how, is a matter of timing";

/* Sorted by name; a test sees that each call of which arguments are kept has its row. */
static const struct wh_args_row table[] = {
{"arch_prctl", BOTH, .reason = enumerated, NAMES(arch_prctl_names), ALSO(arch_prctl_also, "how each program begins, whatever its libc")},
{"bpf", BOTH, .reason = enumerated, NAMES(bpf_names)},
{"clock_adjtime", STRICT, .reason = "a clock may be a descriptor's"},
{"clock_adjtime64", STRICT, .reason = "a clock may be a descriptor's"},
{"clock_settime", STRICT, .reason = "a clock may be a descriptor's"},
{"clock_settime64", STRICT, .reason = "a clock may be a descriptor's"},
{"clone", BITS, MASK(0, NEW_NS), .floor = true, NAMES(clone_names), .reason = "a new namespace is much attacked kernel code, and a user namespace opens more of it",
	ALSO(clone_also, "how libc and Go start threads and processes")},
{"close_range", STRICT, .floor = true, .reason = tuning, ALSO(close_range_also, "to close, or to mark, descriptors")},
{"fanotify_init", STRICT, .reason = tuning},
{"fcntl", BOTH, .floor = true, .reason = enumerated, NAMES(fcntl_names), ALSO(fcntl_also, "what libc and runtimes ask of any descriptor, and whether a lock is waited for")},
{"fcntl64", BOTH, .floor = true, .reason = enumerated, NAMES(fcntl_names), ALSO(fcntl_also, "what libc and runtimes ask of any descriptor, and whether a lock is waited for")},
{"fsconfig", BOTH, .reason = enumerated},
{"futex", STRICT, .floor = true, NAMES(futex_names), .reason = timing, ALSO(futex_also, timing)},
{"futex_time64", STRICT, .floor = true, NAMES(futex_names), .reason = timing, ALSO(futex_also, timing)},
{"getrandom", STRICT, .floor = true, .reason = tuning, ALSO(getrandom_also, "libc and language runtimes seed themselves")},
{"io_uring_register", BOTH, .reason = enumerated},
{"ioctl", BOTH, .floor = true, .reason = enumerated, NAMES(ioctl_names), ALSO(ioctl_also, "what is asked of any descriptor, terminal or not")},
{"iopl", BOTH, .reason = enumerated},
{"ioprio_set", STRICT, .reason = tuning},
{"ipc", NEVER, .reason = "the rules of the calls inside are its rules; libseccomp writes them"},
{"kcmp", BOTH, .reason = enumerated},
{"keyctl", BOTH, .reason = enumerated, NAMES(keyctl_names)},
{"kill", STRICT, .reason = "which signal is sent may be data"},
{"lsm_get_self_attr", STRICT, .reason = tuning},
{"lsm_set_self_attr", STRICT, .reason = tuning},
{"madvise", STRICT, .floor = true, .reason = "how memory is given back depends on how much of it there is", NAMES(madvise_names),
	ALSO(madvise_also, "what allocators and Go advise, under memory pressure or not")},
{"mbind", STRICT, .reason = tuning},
{"membarrier", STRICT, .reason = tuning},
{"memfd_create", STRICT, .reason = tuning},
{"mlockall", STRICT, .reason = tuning},
{"mmap", APART, .args = 1 << 2, MASK(2, PROT_WRITE | PROT_EXEC), .floor = true, .indirect = "i386", NAMES(mmap_names), .reason = wx,
	ALSO(mmap_also, "memory for allocators and for the stacks of threads")},
{"mmap2", APART, .args = 1 << 2, MASK(2, PROT_WRITE | PROT_EXEC), .floor = true, NAMES(mmap_names), .reason = wx,
	ALSO(mmap_also, "memory for allocators and for the stacks of threads")},
{"modify_ldt", BOTH, .reason = enumerated},
{"mount", BOTH, .reason = enumerated},
{"mprotect", APART, MASK(2, PROT_WRITE | PROT_EXEC), .floor = true, NAMES(prot_names), .reason = wx,
	ALSO(mprotect_also, "what the program loader, allocators and guard pages need")},
{"mremap", STRICT, .reason = "whether memory moves depends on what is beside it"},
{"msgctl", STRICT, .reason = tuning},
{"open_tree", STRICT, .reason = tuning},
{"open_tree_attr", STRICT, .reason = tuning},
{"personality", BOTH, NAMES(personality_names), .reason = "other personalities switch off protections, such as the random layout of memory",
	ALSO(query_also, "to ask changes nothing")},
{"pidfd_open", STRICT, .reason = tuning},
{"pidfd_send_signal", STRICT, .reason = "which signal is sent may be data"},
{"pkey_mprotect", APART, MASK(2, PROT_WRITE | PROT_EXEC), NAMES(prot_names), .reason = wx},
{"prctl", BOTH, .floor = true, .reason = enumerated, NAMES(prctl_names), ALSO(prctl_also, "what the container's runtime sets of itself; none of them gives anything")},
{"prlimit64", STRICT, .floor = true, .reason = tuning, ALSO(prlimit_also, "libc asks for the size of stacks, Go raises the number of descriptors")},
{"process_madvise", STRICT, .reason = tuning, NAMES(madvise_names)},
{"ptrace", BOTH, .reason = enumerated, NAMES(ptrace_names)},
{"quotactl", BOTH, .reason = enumerated},
{"quotactl_fd", BOTH, .reason = enumerated},
{"reboot", BOTH, .reason = enumerated},
{"rt_sigqueueinfo", STRICT, .reason = "which signal is sent may be data"},
{"rt_tgsigqueueinfo", STRICT, .reason = "which signal is sent may be data"},
{"sched_setscheduler", BOTH, MASK(1, 0xffffffff & ~SCHED_RESET_ON_FORK), .reason = enumerated, NAMES(sched_names)},
{"seccomp", BOTH, .args = 1 << 0, .reason = enumerated},
{"semctl", STRICT, .reason = tuning},
{"set_mempolicy", STRICT, .reason = tuning},
{"setns", BOTH, .reason = enumerated, NAMES(clone_names)},
{"setpriority", STRICT, .reason = tuning},
{"setrlimit", STRICT, .reason = tuning},
{"setsockopt", BOTH, .reason = "each option is an interface of its own, some of them with a record of kernel exploits", NAMES(setsockopt_names)},
{"shmat", WH_ARGS_BITS, WH_ARGS_VALUES, MASK(2, SHM_EXEC | SHM_REMAP), NAMES(shmat_names), .reason = wx},
{"shmctl", STRICT, .reason = tuning},
{"socket", BOTH, MASK(1, 0xffffffff & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)), NAMES(socket_names),
	.reason = "each family and protocol is kernel code of its own, little of it as well kept as that of the Internet"},
{"socketcall", NEVER, .reason = "the rules of the calls inside are its rules; libseccomp writes them, without arguments"},
{"socketpair", BOTH, MASK(1, 0xffffffff & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)), NAMES(socket_names),
	.reason = "each family and protocol is kernel code of its own"},
{"sysfs", STRICT, .reason = tuning},
{"syslog", BOTH, .reason = enumerated},
{"tgkill", STRICT, .floor = true, .reason = "which signal is sent may be data", ALSO(tgkill_also, "libc to its own threads, abort() and Go")},
{"timer_create", NEVER, .reason = "a clock may be a process's, whose number differs from run to run"},
{"timerfd_create", STRICT, .reason = tuning},
{"tkill", STRICT, .reason = "which signal is sent may be data", ALSO(tgkill_also, "libc to its own threads, abort() and Go")},
{"umount2", BOTH, .reason = enumerated},
{"unshare", BITS, MASK(0, 0xffffffff), NAMES(clone_names), .reason = "a new namespace is much attacked kernel code, and a user namespace opens more of it",
	ALSO(zero_also, "to ask for nothing changes nothing")},
{"userfaultfd", BOTH, .reason = "faults of the kernel itself are held up with it unless the flags say otherwise"},
};
/* clang-format on */

const struct wh_args_row *wh_args_rows(size_t *ret_n)
{
	*ret_n = WH_ARRAY_SIZE(table);
	return table;
}

static int by_name(const void *key, const void *row)
{
	return strcmp(key, ((const struct wh_args_row *)row)->name);
}

const struct wh_args_row *wh_args_row(const char *name)
{
	return bsearch(name, table, WH_ARRAY_SIZE(table), sizeof(table[0]), by_name);
}
