/* SPDX-License-Identifier: Apache-2.0 */
/* Network namespaces, network_namespaces(7): what a container serves can be reached in its own. */
#ifndef WHITTLE_CORE_NETNS_H
#define WHITTLE_CORE_NETNS_H

#include <sys/types.h>

#include "whittle/util.h"

/**
 * wh_netns_open() - descriptors of the network namespaces of @pid and of our own, both -1 where they are the same.
 * Return: 0; -errno.
 */
int wh_netns_open(pid_t pid, int *ret_theirs, int *ret_ours);

/** wh_netns_enter() - the calling thread alone goes there (setns(2): CAP_SYS_ADMIN). Return: 0; -errno. */
int wh_netns_enter(int fd);

/**
 * wh_netns_address() - an IPv4 address (else an IPv6 one) by which the namespace of @pid can be reached from where we
 * are: of an interface that is up and no loopback; in our own namespace 127.0.0.1.
 * @ret: of INET6_ADDRSTRLEN bytes; "" when it has none
 * Return: 0; -errno.
 */
int wh_netns_address(pid_t pid, char *ret, size_t size);

#endif
