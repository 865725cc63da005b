/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What a call is known by: a hash of all that its facts depend on. Two halves with seeds of each recording,
 * so that two different calls have the same one only by a chance of 2^-128.
 */
#ifndef WHITTLE_TRACER_BPF_KEY_H
#define WHITTLE_TRACER_BPF_KEY_H

#include "tracer/bpf/assisted.h"
#include "tracer/bpf/kernel.bpf.h"

#define PATH_STEPS    48 /* directories and mounts on the way to the root */
#define GROUPS	      32
#define AT_FDCWD      -100
#define S_IFMT	      0170000
#define S_IFSOCK      0140000
#define SOCKFS_MAGIC  0x534F434B
#define EPOLL_CTL_DEL 2
#define EPOLLWAKEUP   (1U << 29)
#define LOW_ADDRESS   (1ULL << 24) /* well above any vm.mmap_min_addr */

const volatile unsigned long long seed[2];
unsigned long long
	changes; /* of what a lookup goes by and a look at what was found does not show … */
unsigned long long renames; /* … and of names that a string may go by */

static __always_inline void mix(struct wh_watch_key *key, u64 word)
{
	key->half[0] = (key->half[0] ^ word) * 0x9fb21c651e98df25ULL;
	key->half[0] ^= key->half[0] >> 32;
	key->half[1] = (key->half[1] + word) * 0xd6e8feb86659fd93ULL;
	key->half[1] ^= key->half[1] >> 29;
}

/*
 * Functions that are not static are verified each by itself, not once for each way that leads there: so
 * the body of a long loop is one. Their arguments are numbers and memory.
 */

/*
 * To read is what costs here, not how much: what lies in front of an object is read as a whole. All that is
 * asked for lies there, or the program is refused when it is loaded.
 */
#define FRONT	     64
#define INODE_FRONT  16
#define SOCKET_FRONT 32
#define AT(buf, type, member)                                                                      \
	(*(typeof(((type *)0)->member) *)((buf) + bpf_core_field_offset(type, member)))

struct walk {
	struct wh_watch_key key;
	u64 mount, dentry, root; /* the mount's */
};

/** walk_up() - from a name to the directory that it is in. Return: whether there is none. */
__noinline int walk_up(struct walk *walk)
{
	struct wh_watch_key key;
	char dentry[FRONT], other[FRONT];
	u64 above;

	if (!walk)
		return true;
	key = walk->key;
	if (walk->dentry == walk->root) {
		if (bpf_probe_read_kernel(other, FRONT, (void *)walk->mount))
			return true;
		above = (u64)AT(other, struct mount, mnt_parent);
		mix(&key, (u64)AT(other, struct mount, mnt.mnt_sb));
		walk->key = key;
		if (above == walk->mount)
			return true;
		walk->dentry = (u64)AT(other, struct mount, mnt_mountpoint);
		walk->mount = above;
		walk->root = (u64)BPF_CORE_READ((struct mount *)above, mnt.mnt_root);
		return false;
	}
	if (bpf_probe_read_kernel(dentry, FRONT, (void *)walk->dentry) ||
	    bpf_probe_read_kernel(other, INODE_FRONT, AT(dentry, struct dentry, d_inode)))
		return true;
	above = (u64)AT(dentry, struct dentry, d_parent);
	mix(&key, AT(dentry, struct dentry, d_name.hash_len));
	/* Who may search there, too. */
	mix(&key, (u64)AT(other, struct inode, i_mode) << 32 | AT(other, struct inode, i_uid.val));
	mix(&key, AT(other, struct inode, i_gid.val));
	walk->key = key;
	/* Under no mount any more. */
	if (above == walk->dentry)
		return true;
	walk->dentry = above;
	return false;
}

/** mix_place() - a place in the tree of mounts: the object, and all names up to the root. */
__noinline int mix_place(struct wh_watch_key *key, u64 vfsmount, u64 dentry)
{
	bool done = false;
	struct walk walk;

	if (!key)
		return false;
	walk.key = *key;
	walk.mount = vfsmount - bpf_core_field_offset(struct mount, mnt);
	walk.dentry = dentry;
	walk.root = (u64)BPF_CORE_READ((struct vfsmount *)vfsmount, mnt_root);
	mix(&walk.key, BPF_CORE_READ((struct dentry *)dentry, d_inode, i_ino));
	for (int i = 0; i < PATH_STEPS && !done; i++)
		done = walk_up(&walk);
	*key = walk.key;
	return done;
}

/** mix_file() - the place that a descriptor leads to. */
static __always_inline bool mix_file(struct wh_watch_key *key, int fd)
{
	struct file *file = fd_file(fd);
	u64 path[2];

	if (!file || bpf_probe_read_kernel(path, sizeof(path), &file->f_path))
		return false;
	return mix_place(key, path[0], path[1]);
}

/** mix_creds() - who asks. */
__noinline int mix_creds(struct wh_watch_key *key)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct cred *cred = task->cred;
	struct group_info *groups = cred->group_info;
	u64 ids[4], caps[5];
	u32 group[GROUPS];
	u32 n = groups->ngroups;

	/* uid to fsgid are eight of 32 bits; the five sets lie one behind the other, too. */
	if (!key || n > GROUPS || bpf_probe_read_kernel(ids, sizeof(ids), &cred->uid) ||
	    bpf_probe_read_kernel(caps, sizeof(caps), &cred->cap_inheritable))
		return false;
	for (int i = 0; i < 4; i++)
		mix(key, ids[i]);
	for (int i = 0; i < 5; i++)
		mix(key, caps[i]);
	mix(key, (u64)cred->securebits << 32 | n);
	mix(key, cred->user_ns->ns.inum);
	if (n && bpf_probe_read_kernel(group, n * sizeof(group[0]), &groups->gid))
		return false;
	for (u32 i = 0; i < GROUPS && i < n; i++)
		mix(key, group[i]);
	return true;
}

/** mix_start() - where the walk along a string begins. */
static __always_inline bool mix_start(struct wh_watch_key *key, struct task_struct *task,
				      const char *text, bool has_dirfd, int dirfd)
{
	struct fs_struct *fs = task->fs;
	u64 path[2]; /* struct path: mount and name */

	if (!fs || !task->nsproxy)
		return false;
	mix(key, task->nsproxy->mnt_ns->ns.inum);
	/* A root stays the same object until the tracer sees a call that changes it. */
	if (bpf_probe_read_kernel(path, sizeof(path), &fs->root))
		return false;
	mix(key, path[0]);
	mix(key, path[1]);
	if (text[0] == '/')
		return true;
	if (has_dirfd && dirfd != AT_FDCWD)
		return mix_file(key, dirfd);
	return !bpf_probe_read_kernel(path, sizeof(path), &fs->pwd) &&
	       mix_place(key, path[0], path[1]);
}

/** mix_text() - false where it is longer than what is kept. */
__noinline int mix_text(struct wh_watch_key *key, const struct wh_watch_text *text)
{
	struct wh_watch_key k;

	if (!key || !text)
		return false;
	k = *key;
	for (int i = 0; i < WH_WATCH_WORDS; i++) {
		u64 word = text->word[i];
		/* The highest bit of each byte that is zero, and perhaps of those above such a one. */
		u64 zero = (word - 0x0101010101010101ULL) & ~word & 0x8080808080808080ULL;

		if (zero) {
			/* What lies behind the end is not of the string. */
			mix(&k, word & ((zero & -zero) - 1));
			*key = k;
			return true;
		}
		mix(&k, word);
	}
	return false;
}

/** mix_stat() - the object that a stat call has told of. */
static __always_inline bool mix_stat(struct wh_watch_key *key, const void *buffer)
{
	u64 stat[5]; /* device, inode, links, mode and uid, gid */

	if (bpf_probe_read_user(stat, sizeof(stat), buffer))
		return false;
	mix(key, stat[0]);
	mix(key, stat[1]);
	mix(key, stat[3]);
	mix(key, (u32)stat[4]);
	return true;
}

static __always_inline bool mix_statx(struct wh_watch_key *key, const void *buffer)
{
	u64 statx[5], device; /* …, links and uid, gid and mode, inode */

	if (bpf_probe_read_user(statx, sizeof(statx), buffer) ||
	    bpf_probe_read_user(&device, sizeof(device), buffer + 136))
		return false;
	mix(key, statx[2] >> 32);
	mix(key, statx[3]);
	mix(key, statx[4]);
	mix(key, device);
	return true;
}

/** look_socket() - of a descriptor; nothing where it is none. */
static __always_inline void look_socket(struct wh_watch_key *key, struct wh_watch_record *record)
{
	struct file *file = fd_file((int)record->arg[0]);
	struct inode *inode = file ? BPF_CORE_READ(file, f_inode) : 0;
	char socket[SOCKET_FRONT];
	u64 data = 0;
	u16 protocol = 0;

	/* What is open at the name of a unix socket is not one, and has no data. */
	if (inode && (BPF_CORE_READ(inode, i_mode) & S_IFMT) == S_IFSOCK)
		data = (u64)BPF_CORE_READ(file, private_data);
	if (data && !bpf_probe_read_kernel(socket, sizeof(socket), (void *)data)) {
		struct sock *sk = AT(socket, struct socket, sk);

		record->family = BPF_CORE_READ(sk, __sk_common.skc_family);
		record->type = (u16)AT(socket, struct socket, type);
		protocol = BPF_CORE_READ(sk, sk_protocol);
	}
	mix(key, record->family | (u32)record->type << 16 | (u64)protocol << 32);
}

/** look_message() - struct msghdr: name, its length, two of the parts, control and its length. */
static __always_inline bool look_message(struct wh_watch_key *key, struct wh_watch_record *record)
{
	u64 message[6];

	if (bpf_probe_read_user(message, sizeof(message), (const void *)record->arg[1]))
		return false;
	record->message = (message[0] && (u32)message[1] ? WH_WATCH_NAME : 0) |
			  (message[4] && message[5] ? WH_WATCH_CONTROL : 0);
	mix(key, record->message);
	return true;
}

/** mix_event() - struct epoll_event, where there has to be one. */
static __always_inline bool mix_event(struct wh_watch_key *key,
				      const struct wh_watch_record *record)
{
	u32 events = 0;

	if (record->arg[1] != EPOLL_CTL_DEL &&
	    bpf_probe_read_user(&events, sizeof(events), (const void *)record->arg[3]))
		return false;
	mix(key, events & EPOLLWAKEUP);
	return true;
}

/** mix_timer() - the clock of a timer; of another file something, as the call fails. */
static __always_inline bool mix_timer(struct wh_watch_key *key,
				      const struct wh_watch_record *record)
{
	struct file *file = fd_file((int)record->arg[0]);
	struct timerfd_ctx *timer = file ? BPF_CORE_READ(file, private_data) : 0;
	int clock = -1;

	if (!bpf_core_field_exists(timer->clockid))
		return false;
	if (timer && bpf_core_read(&clock, sizeof(clock), &timer->clockid))
		clock = -1;
	mix(key, (u32)clock);
	return true;
}

#endif
