/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What whittle knows of system calls, one row a call, keyed by name. Numbers are libseccomp's
 * affair. A row is regular (the columns say all) or irregular (it names one small function of
 * tracer/ that knows the rest).
 */
#ifndef WHITTLE_SYSCALL_H
#define WHITTLE_SYSCALL_H

#include "whittle/error.h"
#include "whittle/trace.h"

/** What an argument is. */
enum wh_arg {
	WH_ARG_NONE, /* there is no such argument */
	WH_ARG_INT,
	WH_ARG_PTR, /* a pointer to something that carries no fact */
	WH_ARG_FD,
	WH_ARG_DIRFD, /* the next WH_ARG_PATH* is relative to it */
	WH_ARG_PATH,  /* symlinks followed at the end, unless a flag says otherwise */
	WH_ARG_PATH_NOFOLLOW,
	WH_ARG_TEXT,	 /* a string that is no path to walk (symlink's target) */
	WH_ARG_ATFLAGS,	 /* AT_SYMLINK_NOFOLLOW, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH apply */
	WH_ARG_FLAGS,	 /* other flags */
	WH_ARG_SOCKADDR, /* its length is the next argument */
	WH_ARG_PID,
	WH_ARG_SIGNAL,
	WH_ARG_UID,
	WH_ARG_GID,
	WH_ARG_MODE,
};

/** How bad it is to allow a call, for the diff and for people. */
#define WH_RISK_LIST(X)                                                                            \
	X(LOW, "low")		/* ordinary computing: memory, time, own files */                  \
	X(MEDIUM, "medium")	/* reaches further: sockets, processes, new files */               \
	X(HIGH, "high")		/* large or much-attacked kernel code: bpf, userfaultfd, keyctl */ \
	X(CRITICAL, "critical") /* takes over the machine: init_module, kexec_load, mount */

enum wh_risk {
#define X(id, name) WH_RISK_##id,
	WH_RISK_LIST(X)
#undef X
		WH_RISKS
};

/** Irregular calls: which small function decodes them; tracer/ has one row for each of these. */
#define WH_IRREGULAR_LIST(X)                                                                       \
	X(NONE)                                                                                    \
	X(OPEN)                                                                                    \
	X(EXEC)                                                                                    \
	X(MMAP)                                                                                    \
	X(FCNTL)                                                                                   \
	X(RENAME)                                                                                  \
	X(LINK)                                                                                    \
	X(SYMLINK)                                                                                 \
	X(UNLINK)                                                                                  \
	X(MKNOD)                                                                                   \
	X(UTIME)                                                                                   \
	X(SOCKET)                                                                                  \
	X(ADDRESS) /* bind, connect, listen, accept, sendto, sendmsg, sendmmsg */                  \
	X(RECEIVE) /* recvmsg, recvmmsg: descriptors may come with it */                           \
	X(FANOTIFY)                                                                                \
	X(MQUEUE)                                                                                  \
	X(SOCKETCALL) /* i386 multiplexer: becomes the call inside */                              \
	X(IPC)	      /* likewise */                                                               \
	X(SIGNAL)                                                                                  \
	X(PTRACE)                                                                                  \
	X(MOUNT)                                                                                   \
	X(RLIMIT)                                                                                  \
	X(NAMESPACE) /* clone, clone3, unshare, setns */                                           \
	X(CREDS)     /* anything that changes credentials: the tracer's copy is stale */           \
	X(CHROOT)                                                                                  \
	X(PRCTL)                                                                                   \
	X(SECCOMP)                                                                                 \
	X(IO_URING)                                                                                \
	X(HANDLE) /* open_by_handle_at, name_to_handle_at */                                       \
	X(LOCK)

enum wh_irregular {
#define X(id) WH_IRREGULAR_##id,
	WH_IRREGULAR_LIST(X)
#undef X
		WH_IRREGULARS
};

struct wh_syscall_row {
	const char *name;
	uint8_t arg[6]; /* enum wh_arg */
	enum wh_access
		access; /* what a regular row means for its path or fd; WH_ACCESSES: nothing */
	enum wh_irregular irregular;
	const char *cap; /* name of its rule in tracer/caprule.c, or NULL */
	enum wh_risk risk;
	uint8_t keep; /* which arguments make an argument fact together; bit 0 the first */
	bool probed;  /* libc or runtimes try it first and fall back on ENOSYS only */
	bool newer;   /* may be unknown to the libseccomp at hand */
};

/** wh_syscall_row() - the row of a call by name, or NULL. */
const struct wh_syscall_row *wh_syscall_row(const char *name);
/** wh_syscall_rows() - the table, sorted by name. */
const struct wh_syscall_row *wh_syscall_rows(size_t *ret_n);

const char *wh_syscall_risk_name(enum wh_risk risk);

/* ---- ABIs --------------------------------------------------------------------------------------
 */

/**
 * struct wh_abi - one system call ABI.
 * @name: whittle's and the kernel's word: "x86_64", "i386", "x32", "aarch64"
 * @scmp: libseccomp's architecture token
 * @audit: AUDIT_ARCH_* as PTRACE_GET_SYSCALL_INFO reports it (x32 shares x86_64's and sets bit 30
 *   in the number)
 * @oci: "SCMP_ARCH_X86_64", the OCI name that runc knows
 */
struct wh_abi {
	const char *name;
	uint32_t scmp;
	uint32_t audit;
	const char *oci;
};

const struct wh_abi *wh_syscall_abi(const char *name);
/** wh_syscall_abi_audit() - by AUDIT_ARCH_* and number (for x32); NULL if unknown. */
const struct wh_abi *wh_syscall_abi_audit(uint32_t audit, uint64_t nr);
/** wh_syscall_abi_native() - the ABI that this whittle was built for. */
const struct wh_abi *wh_syscall_abi_native(void);
const struct wh_abi *wh_syscall_abis(size_t *ret_n);

/**
 * wh_syscall_name() - libseccomp's name for a number, from a cache: the pointer stays valid.
 * Return: NULL when libseccomp does not know it and the table has no newer row with it.
 */
const char *wh_syscall_name(const struct wh_abi *abi, uint64_t nr);

/** wh_syscall_number() - the number of a name in an ABI; -1 when it has none there. */
int wh_syscall_number(const struct wh_abi *abi, const char *name);

#endif
