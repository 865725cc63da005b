/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an actor of the random program does: the things that make no process. What is opened is closed
 * on execution: else it would be chance what another thread's child inherits.
 */
#include "random.h"

#include <linux/if_alg.h>
#include <linux/io_uring.h>
#include <mqueue.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/xattr.h>

/* ---- files ----------------------------------------------------------------------------------- */

void act_file(struct actor *a)
{
	static const char *const names[] = {"a", "b", "c", "d"};
	const char *name = names[pick(a, COUNT(names))];
	int fd = make(a, name);
	char text[64];
	struct stat st;

	switch (pick(a, 8)) {
	case 0:
		must(rename(in_dir(a, name), in_dir(a, "renamed")) == 0, "rename");
		break;
	case 1:
		must(unlink(in_dir(a, name)) == 0, "unlink");
		break;
	case 2:
		must(chmod(in_dir(a, name), 0600 + pick(a, 8)) == 0, "chmod");
		break;
	case 3:
		must(truncate(in_dir(a, name), pick(a, 5000)) == 0, "truncate");
		break;
	case 4:
		must(access(in_dir(a, name), R_OK) == 0, "access");
		must(fchmod(fd, 0640) == 0, "fchmod");
		break;
	case 5:
		unlink(in_dir(a, "link"));
		must(symlink(name, in_dir(a, "link")) == 0, "symlink");
		must(readlink(in_dir(a, "link"), text, sizeof(text)) == 1, "readlink");
		close(open(in_dir(a, "link"), O_RDONLY | O_CLOEXEC));
		break;
	case 6:
		must(stat(in_dir(a, name), &st) == 0, "stat");
		must(ftruncate(fd, 1) == 0, "ftruncate");
		break;
	case 7:
		mkdir(in_dir(a, "sub"), 0700);
		must(rmdir(in_dir(a, "sub")) == 0, "rmdir");
		break;
	}
	close(fd);
}

/* A name that is known comes to mean something else. */
void act_replace(struct actor *a)
{
	const char *known = in_dir(a, "known"), *other = in_dir(a, "other");
	int which = (int)pick(a, 6);
	char away[sizeof(a->dir) + 1];

	unlink(known);
	rmdir(known);
	close(make(a, "known"));
	for (int i = 0; i < 300; i++)
		close(open(known, O_RDONLY | O_CLOEXEC));
	if (which == 0) {
		must(rename(known, other) == 0, "rename");
		must(open(known, O_RDONLY | O_CLOEXEC) == -1, "gone");
	} else if (which == 1) {
		close(make(a, "other"));
		must(unlink(known) == 0 && symlink("other", known) == 0, "symlink");
		close(open(known, O_RDONLY | O_CLOEXEC));
	} else if (which == 2) {
		must(unlink(known) == 0 && mkdir(known, 0755) == 0, "mkdir");
		close(open(known, O_RDONLY | O_CLOEXEC));
	} else if (which == 3) {
		close(open(known, O_WRONLY | O_TRUNC | O_CLOEXEC));
		close(open(known, O_RDWR | O_APPEND | O_CLOEXEC));
	} else if (which == 4) {
		must(chown(known, 65534, 65534) == 0 && chmod(known, 0) == 0, "chmod");
		close(open(known, O_RDONLY | O_CLOEXEC));
		must(chmod(known, 0644) == 0 && chown(known, 0, 0) == 0, "chown");
	} else {
		/* The folder that it is in is another one. */
		snprintf(away, sizeof(away), "%s~", a->dir);
		must(rename(a->dir, away) == 0, "rename");
		must(open(known, O_RDONLY | O_CLOEXEC) == -1, "gone");
		must(rename(away, a->dir) == 0, "rename");
	}
	close(open(known, O_RDONLY | O_CLOEXEC));
}

/* A name that is missing, often; and then is there. */
void act_appear(struct actor *a)
{
	const char *name = in_dir(a, "late");
	struct stat st;

	unlink(name);
	for (int i = 0; i < 300; i++)
		must(stat(name, &st) == -1, "stat");
	close(make(a, "late"));
	must(stat(name, &st) == 0, "stat");
}

void act_dup(struct actor *a)
{
	int one = make(a, "one"), two = make(a, "two");

	for (int i = 0; i < 300; i++)
		must(ftruncate(one, i) == 0, "ftruncate");
	must(dup3(two, one, O_CLOEXEC) == one, "dup3");
	must(ftruncate(one, 5) == 0 && fchmod(one, 0644) == 0, "dup");
	close(one);
	close(two);
}

void act_map(struct actor *a)
{
	static const int prots[] = {PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC,
				    PROT_NONE};
	int fd = make(a, "mapped"), prot = prots[pick(a, COUNT(prots))];
	void *p;

	must(ftruncate(fd, 8192) == 0, "ftruncate");
	p = mmap(NULL, 8192, prot, pick(a, 2) ? MAP_PRIVATE : MAP_SHARED, fd, 0);
	must(p != MAP_FAILED, "mmap");
	must(mprotect(p, 4096, prots[pick(a, 2)]) == 0, "mprotect");
	must(madvise(p, 4096, (int)pick(a, 4)) == 0, "madvise");
	munmap(p, 8192);
	close(fd);
}

/* Who else may: a list with one user more. */
void act_acl(struct actor *a)
{
	static const unsigned char acl[] = {
		2,  0, 0, 0,			     /* version */
		1,  0, 6, 0, 0xff, 0xff, 0xff, 0xff, /* the owner */
		2,  0, 4, 0, 0xfe, 0xff, 0,    0,    /* user 65534 */
		4,  0, 4, 0, 0xff, 0xff, 0xff, 0xff, /* the group */
		16, 0, 4, 0, 0xff, 0xff, 0xff, 0xff, /* the mask */
		32, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, /* others */
	};
	static const char name[] = "system.posix_acl_access";
	const char *file = in_dir(a, "acl");
	char text[128];

	close(make(a, "acl"));
	for (int i = 0; i < 200; i++)
		close(open(file, O_RDONLY | O_CLOEXEC));
	setxattr(file, name, acl, sizeof(acl), 0);
	getxattr(file, name, text, sizeof(text));
	close(open(file, O_RDONLY | O_CLOEXEC));
	removexattr(file, name);
}

/* ---- between files and processes ------------------------------------------------------------- */

void act_pipes(struct actor *a)
{
	int from[2], to[2], fd = make(a, "spliced");
	char text[8] = "1234567";
	struct iovec iov = {text, sizeof(text)};
	off64_t start = 0;

	must(pipe2(from, O_CLOEXEC) == 0 && pipe2(to, O_CLOEXEC | O_NONBLOCK) == 0, "pipe2");
	must(vmsplice(from[1], &iov, 1, 0) == 8, "vmsplice");
	must(tee(from[0], to[1], 8, 0) == 8, "tee");
	must(splice(from[0], NULL, fd, NULL, 8, SPLICE_F_MOVE) == 8, "splice");
	must(splice(fd, &start, to[1], NULL, 8, 0) == 8, "splice");
	must(read(to[0], text, 8) == 8 && read(to[0], text, 8) == 8, "read");
	must(read(to[0], text, 1) == -1 && errno == EAGAIN, "EAGAIN");
	for (int i = 0; i < 2; i++) {
		close(from[i]);
		close(to[i]);
	}
	close(fd);
}

void act_mqueue(struct actor *a)
{
	struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 16};
	struct timespec now = {0, 0};
	char name[64], text[16] = "x";
	mqd_t queue;

	snprintf(name, sizeof(name), "/%s", a->dir);
	queue = mq_open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600, &attr);
	must(queue >= 0, "mq_open");
	for (int i = 0; i < 150; i++) {
		must(mq_send(queue, text, 1, 0) == 0, "mq_send");
		must(mq_receive(queue, text, sizeof(text), NULL) == 1, "mq_receive");
	}
	must(mq_timedreceive(queue, text, sizeof(text), NULL, &now) == -1, "mq_timedreceive");
	mq_getattr(queue, &attr);
	mq_notify(queue, NULL);
	mq_close(queue);
	must(mq_unlink(name) == 0, "mq_unlink");
}

void act_ipc(struct actor *a)
{
	struct {
		long type;
		char text[8];
	} message = {1, "x"};
	struct sembuf up = {0, 1, 0};
	int id;
	void *p;

	switch (pick(a, 3)) {
	case 0:
		id = msgget(IPC_PRIVATE, 0600);
		must(id >= 0, "msgget");
		must(msgsnd(id, &message, 8, 0) == 0, "msgsnd");
		must(msgrcv(id, &message, 8, 0, IPC_NOWAIT) == 8, "msgrcv");
		must(msgctl(id, IPC_RMID, NULL) == 0, "msgctl");
		break;
	case 1:
		id = semget(IPC_PRIVATE, 1, 0600);
		must(id >= 0, "semget");
		must(semop(id, &up, 1) == 0, "semop");
		must(semctl(id, 0, GETVAL) == 1, "semctl");
		must(semctl(id, 0, IPC_RMID) == 0, "semctl");
		break;
	case 2:
		id = shmget(IPC_PRIVATE, 4096, 0600);
		must(id >= 0, "shmget");
		p = shmat(id, NULL, pick(a, 2) ? SHM_RDONLY : 0);
		must(p != (void *)-1, "shmat");
		must(shmctl(id, IPC_RMID, NULL) == 0, "shmctl");
		must(shmdt(p) == 0, "shmdt");
		must(shmget(0x7768, 1, 0) == -1 && errno == ENOENT, "ENOENT");
		break;
	}
}

/* The process itself, by a descriptor. */
void act_pidfd(struct actor *a)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0), other, file = make(a, "fetched");
	siginfo_t si = {.si_signo = 0};

	must(fd >= 0, "pidfd_open");
	must(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0, "pidfd_send_signal");
	must(syscall(SYS_pidfd_send_signal, fd, 0, &si, 7) == -1, "pidfd_send_signal");
	other = (int)syscall(438 /* pidfd_getfd */, fd, file, 0);
	must(other >= 0, "pidfd_getfd");
	must(fchmod(other, 0604) == 0, "fchmod");
	close(other);
	close(file);
	close(fd);
}

/* Descriptors that tell of something: that is waited for, and comes. */
void act_watch(struct actor *a)
{
	int queue = epoll_create1(EPOLL_CLOEXEC), fd = -1, mark = -1;
	struct epoll_event event = {.events = EPOLLIN};
	struct itimerspec soon = {.it_value = {0, 1}};
	struct fanotify_event_metadata told[8];
	unsigned which = pick(a, 4);
	uint64_t one = 1;

	close(make(a, "watched"));
	switch (which) {
	case 0:
		fd = inotify_init1(IN_CLOEXEC);
		mark = inotify_add_watch(fd, in_dir(a, "watched"), IN_ATTRIB);
		must(mark >= 0 && chmod(in_dir(a, "watched"), 0600) == 0, "inotify");
		break;
	case 1:
		fd = (int)syscall(SYS_fanotify_init, FAN_CLOEXEC | FAN_CLASS_NOTIF,
				  O_RDONLY | O_CLOEXEC);
		/* In a user namespace of its own it may not. */
		if (fd < 0 ||
		    fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, in_dir(a, "watched")) < 0)
			goto out;
		close(open(in_dir(a, "watched"), O_RDONLY | O_CLOEXEC));
		break;
	case 2:
		fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
		must(timerfd_settime(fd, 0, &soon, NULL) == 0, "timerfd_settime");
		break;
	case 3:
		fd = eventfd(0, EFD_CLOEXEC);
		must(write(fd, &one, sizeof(one)) == sizeof(one), "eventfd");
		break;
	}
	must(epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
	must(epoll_wait(queue, &event, 1, -1) == 1, "epoll_wait");
	must(read(fd, told, sizeof(told)) > 0, "read");
	if (which == 1)
		close(told[0].fd);
	if (mark >= 0)
		must(inotify_rm_watch(fd, mark) == 0, "inotify_rm_watch");
	must(epoll_ctl(queue, EPOLL_CTL_DEL, fd, NULL) == 0, "epoll_ctl");
out:
	close(fd);
	close(queue);
}

/* A ring that does nothing that would have to be seen. */
void act_ring(struct actor *a)
{
	struct io_uring_params params = {0};
	int fd = (int)syscall(SYS_io_uring_setup, 4, &params);

	if (fd < 0)
		return;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	syscall(SYS_io_uring_enter, fd, 0, 0, 0, NULL, 0);
	if (pick(a, 2))
		syscall(SYS_io_uring_register, fd, 8 /* IORING_REGISTER_PROBE */, NULL, 0);
	close(fd);
}

/* The kernel's ciphers, as a socket. */
void act_crypto(struct actor *a)
{
	struct sockaddr_alg sa = {.salg_family = AF_ALG, .salg_type = "hash"};
	int fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), op;
	char text[64];

	snprintf((char *)sa.salg_name, sizeof(sa.salg_name), pick(a, 2) ? "sha256" : "none");
	if (fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0) {
		op = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		send(op, "x", 1, 0);
		recv(op, text, sizeof(text), 0);
		close(op);
	}
	close(fd);
}

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
	(void)sig;
	caught = 1;
}

void act_signal(struct actor *a)
{
	static const int signals[] = {SIGUSR1, SIGHUP, SIGWINCH, SIGURG};
	struct sigaction action = {.sa_handler = on_signal};
	int sig = signals[pick(a, COUNT(signals))];

	/* Nobody changes it back, so that threads agree. */
	must(sigaction(sig, &action, NULL) == 0, "sigaction");
	must(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), sig) == 0, "tgkill");
	must(kill(getpid(), 0) == 0, "kill");
}
