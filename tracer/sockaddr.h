/* SPDX-License-Identifier: Apache-2.0 */
/* Socket families, types and addresses in words. The addresses come from a tracee: any bytes. */
#ifndef WHITTLE_TRACER_SOCKADDR_H
#define WHITTLE_TRACER_SOCKADDR_H

#include "whittle/util.h"

/* sun_path escaped byte by byte is the longest. */
#define WH_SOCKADDR_TEXT 512

/** wh_sockaddr_family() - "AF_INET"; "AF_99" for one that has no name here, in @buf. */
const char *wh_sockaddr_family(int family, char *buf, size_t size);
/** wh_sockaddr_type() - "SOCK_STREAM" without the flags that may be in it. */
const char *wh_sockaddr_type(int type, char *buf, size_t size);

/** wh_sockaddr_family_of() - sa_family, or -1 when the address is too short to have one. */
int wh_sockaddr_family_of(const void *addr, size_t len);

/**
 * wh_sockaddr_path() - the path of a unix socket address that has one, terminated.
 * @ret_path: of at least 110 bytes
 * Return: false for unnamed and abstract ones and other families.
 */
bool wh_sockaddr_path(const void *addr, size_t len, char *ret_path);

/**
 * wh_sockaddr_text() - as facts write it: "127.0.0.1:80", "[::1]:80", "unix:/path", "unix:@name",
 * "vsock:2:1024", "alg:hash:sha256"; "" for what has no address worth keeping (netlink's port is a
 * pid) or is too short. Unprintable bytes and '%' are written as %XX.
 */
void wh_sockaddr_text(const void *addr, size_t len, char ret_text[WH_SOCKADDR_TEXT]);

#endif
