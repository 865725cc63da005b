// SPDX-License-Identifier: Apache-2.0
#include "core/netns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>

static int open_one(const char *path, struct stat *ret_st)
{
	wh_auto(fd) fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, ret_st) < 0)
		return -errno;
	return wh_take_fd(&fd);
}

int wh_netns_open(pid_t pid, int *ret_theirs, int *ret_ours)
{
	struct stat theirs_st, ours_st;
	wh_auto(fd) theirs = -1;
	wh_auto(fd) ours = -1;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	theirs = open_one(path, &theirs_st);
	if (theirs < 0)
		return theirs;
	ours = open_one("/proc/self/ns/net", &ours_st);
	if (ours < 0)
		return ours;
	*ret_theirs = *ret_ours = -1;
	if (theirs_st.st_dev == ours_st.st_dev && theirs_st.st_ino == ours_st.st_ino)
		return 0;
	*ret_theirs = wh_take_fd(&theirs);
	*ret_ours = wh_take_fd(&ours);
	return 0;
}

int wh_netns_enter(int fd)
{
	return setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

struct question {
	int fd, err;
	char *text;
	size_t size;
};

static const void *host_part(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	return &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
}

/* A link-local address would need the name of an interface of ours. */
static bool is_reachable(const struct ifaddrs *i)
{
	if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || (i->ifa_flags & IFF_LOOPBACK))
		return false;
	return i->ifa_addr->sa_family == AF_INET ||
	       (i->ifa_addr->sa_family == AF_INET6 &&
		!IN6_IS_ADDR_LINKLOCAL((const struct in6_addr *)host_part(i->ifa_addr)));
}

/* In a thread, which may be in another namespace than the rest of us. */
static void *ask(void *data)
{
	struct question *q = data;
	const struct ifaddrs *best = NULL;
	struct ifaddrs *list;

	q->err = wh_netns_enter(q->fd);
	if (q->err == 0 && getifaddrs(&list) < 0)
		q->err = -errno;
	if (q->err < 0)
		return NULL;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next) {
		if (!is_reachable(i))
			continue;
		if (!best ||
		    (best->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family == AF_INET))
			best = i;
	}
	if (best)
		inet_ntop(best->ifa_addr->sa_family, host_part(best->ifa_addr), q->text,
			  (socklen_t)q->size);
	freeifaddrs(list);
	return NULL;
}

int wh_netns_address(pid_t pid, char *ret, size_t size)
{
	wh_auto(fd) theirs = -1;
	wh_auto(fd) ours = -1;
	struct question q = {.text = ret, .size = size};
	pthread_t thread;
	int err = wh_netns_open(pid, &theirs, &ours);

	ret[0] = '\0';
	if (err < 0)
		return err;
	if (theirs < 0) {
		snprintf(ret, size, "127.0.0.1");
		return 0;
	}
	q.fd = theirs;
	err = pthread_create(&thread, NULL, ask, &q);
	if (err)
		return -err;
	pthread_join(thread, NULL);
	return q.err;
}
