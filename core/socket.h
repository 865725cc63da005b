/* SPDX-License-Identifier: Apache-2.0 */
/* Unix sockets on which processes of whittle's own speak to each other, a line at a time. */
#ifndef WHITTLE_CORE_SOCKET_H
#define WHITTLE_CORE_SOCKET_H

#include "whittle/error.h"

/**
 * wh_socket_listen() - a listening, non-blocking stream socket at @path, for its owner alone (0600). One that nobody
 * listens on any more is replaced.
 * Return: its descriptor; -EADDRINUSE when somebody does listen there; -ENAMETOOLONG …
 */
int wh_socket_listen(const char *path, int backlog, struct wh_error *e);

/** wh_socket_connect() - the other side. Return: a descriptor; -ENOENT or -ECONNREFUSED: nobody listens there. */
int wh_socket_connect(const char *path, struct wh_error *e);

/** wh_socket_trusts() - who is at the other end is root, or runs as we do (SO_PEERCRED, unix(7)). */
bool wh_socket_trusts(int fd);

/**
 * wh_socket_hear() - one line, without its newline, waiting at most @timeout_ms for each part of it. What is cut off by
 * @size, or by the other end, is returned as it is.
 * Return: 0, -ETIMEDOUT, -errno.
 */
int wh_socket_hear(int fd, char *text, size_t size, int timeout_ms);

#endif
