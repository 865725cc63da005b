/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/notify.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Since Linux 6.6: newer than the headers may be. */
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS	   SECCOMP_IOW(4, __u64)
#endif

struct wh_notify {
	struct pollfd listener[WH_NOTIFY_MAX];
	nfds_t n, next;
	struct seccomp_notif *got; /* of the size that the kernel says */
	struct seccomp_notif_resp *answer;
	size_t got_size, answer_size;
};

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

struct wh_notify *wh_notify_new(void)
{
	struct seccomp_notif_sizes sizes;
	struct wh_notify *notify = calloc(1, sizeof(*notify));

	if (!notify)
		return NULL;
	/* Where that is not known there will be no listener either. */
	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
		memset(&sizes, 0, sizeof(sizes));
	notify->got_size = larger(sizeof(*notify->got), sizes.seccomp_notif);
	notify->answer_size = larger(sizeof(*notify->answer), sizes.seccomp_notif_resp);
	notify->got = malloc(notify->got_size);
	notify->answer = malloc(notify->answer_size);
	if (notify->got && notify->answer)
		return notify;
	wh_notify_free(notify);
	return NULL;
}

void wh_notify_free(struct wh_notify *notify)
{
	if (!notify)
		return;
	for (nfds_t i = 0; i < notify->n; i++)
		close(notify->listener[i].fd);
	free(notify->got);
	free(notify->answer);
	free(notify);
}

bool wh_notify_room(const struct wh_notify *notify)
{
	return notify->n < WH_NOTIFY_MAX;
}

bool wh_notify_any(const struct wh_notify *notify)
{
	return notify && notify->n;
}

bool wh_notify_add(struct wh_notify *notify, int listener)
{
	wh_assert(notify->n < WH_NOTIFY_MAX);
	notify->listener[notify->n++] = (struct pollfd){.fd = listener, .events = POLLIN};
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) ==
	       0;
}

/* Those whose filter nobody has any more. */
static void drop_dead(struct wh_notify *notify)
{
	nfds_t left = 0;

	for (nfds_t i = 0; i < notify->n; i++) {
		if (notify->listener[i].revents & POLLIN ||
		    !(notify->listener[i].revents & POLLHUP))
			notify->listener[left++] = notify->listener[i];
		else
			close(notify->listener[i].fd);
	}
	notify->n = left;
}

int wh_notify_wait(struct wh_notify *notify, const sigset_t *mask)
{
	const struct timespec none = {0};
	int n = ppoll(notify->listener, notify->n, mask ? NULL : &none, mask);

	notify->next = notify->n;
	if (n <= 0)
		return n < 0 ? -errno : 0;
	drop_dead(notify);
	notify->next = 0;
	return n;
}

bool wh_notify_next(struct wh_notify *notify, struct wh_notified *ret)
{
	while (notify->next < notify->n) {
		struct pollfd *listener = &notify->listener[notify->next++];
		const struct seccomp_data *data = &notify->got->data;

		if (!(listener->revents & POLLIN))
			continue;
		memset(notify->got, 0, notify->got_size);
		/* ENOENT: it was interrupted meanwhile. There is one count for each, so nobody waits here. */
		if (ioctl(listener->fd, SECCOMP_IOCTL_NOTIF_RECV, notify->got) < 0)
			continue;
		*ret = (struct wh_notified){
			.tid = (pid_t)notify->got->pid,
			.nr = (uint32_t)data->nr,
			.ip = data->instruction_pointer,
			.listener = listener->fd,
			.id = notify->got->id,
		};
		for (size_t i = 0; i < WH_ARRAY_SIZE(ret->arg); i++)
			ret->arg[i] = data->args[i];
		return true;
	}
	return false;
}

void wh_notify_go_on(struct wh_notify *notify, const struct wh_notified *n)
{
	memset(notify->answer, 0, notify->answer_size);
	notify->answer->id = n->id;
	notify->answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	/* ENOENT is normal: a signal came first, or it was killed. */
	ioctl(n->listener, SECCOMP_IOCTL_NOTIF_SEND, notify->answer);
}
