/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What the BPF programs read of the kernel's types; where the members lie is found when they are loaded. */
#ifndef WHITTLE_TRACER_BPF_KERNEL_H
#define WHITTLE_TRACER_BPF_KERNEL_H

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <stdbool.h>

/* Of variables that the tracer sees the types are spelt out: these are not in its headers. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long s64;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
	unsigned long r10, r9, r8, ax, dx, si, di, orig_ax, ip, sp;
};

struct thread_info {
	u32 status;
};

struct ns_common {
	u32 inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	u32 level;
	struct upid numbers[1];
};

struct user_namespace {
	int level;
	struct ns_common ns;
};

typedef struct {
	u32 val;
} kuid_t;

typedef struct {
	u64 val;
} kernel_cap_t;

struct group_info {
	int ngroups;
	kuid_t gid[1];
};

struct cred {
	kuid_t uid;
	u32 securebits;
	kernel_cap_t cap_inheritable;
	struct user_namespace *user_ns;
	struct group_info *group_info;
};

struct qstr {
	u64 hash_len;
};

struct super_block {
	u32 s_dev;
};

struct inode {
	u16 i_mode;
	kuid_t i_uid, i_gid;
	struct super_block *i_sb;
	unsigned long i_ino;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct fs_struct {
	struct path root, pwd;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	void *private_data;
};

struct timerfd_ctx {
	int clockid;
};

struct fdtable {
	u32 max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct sock_common {
	u16 skc_family;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_protocol;
};

struct socket {
	short type;
	struct sock *sk;
};

typedef struct {
	unsigned long sig[1];
} sigset_t;

struct sigpending {
	sigset_t signal;
};

struct mm_struct {
	struct file *exe_file;
};

struct task_struct {
	struct thread_info thread_info;
	struct sigpending pending;
	u32 ptrace;
	int pid, tgid;
	struct task_struct *parent, *group_leader;
	struct pid *thread_pid;
	struct mm_struct *mm;
	const struct cred *ptracer_cred, *real_cred, *cred;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
};

#pragma clang attribute pop

/**
 * pid_at() - the number of a pid in the pid namespace of that level; 0 where there is none.
 * It goes by numbers, for a verifier that lets nothing be added to a pointer that it knows.
 */
static __always_inline u32 pid_at(const struct pid *of, u32 level)
{
	u64 pid = (u64)of;
	int nr = 0;

	pid += bpf_core_field_offset(struct pid, numbers) +
	       level * bpf_core_type_size(struct upid) + bpf_core_field_offset(struct upid, nr);
	if (bpf_probe_read_kernel(&nr, sizeof(nr), (void *)pid))
		return 0;
	return nr;
}

/** fd_file() - the file behind a descriptor of the current task, or NULL. To be read with BPF_CORE_READ(). */
static __always_inline struct file *fd_file(int fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct files_struct *files = task->files;
	struct file *file = 0;
	struct fdtable *fdt;

	if (!files)
		return 0;
	fdt = files->fdt;
	if (fd < 0 || (u32)fd >= fdt->max_fds ||
	    bpf_probe_read_kernel(&file, sizeof(file), fdt->fd + fd))
		return 0;
	return file;
}

#endif
