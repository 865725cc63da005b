/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By which other processes speak to the one that records a container: a Unix socket on which each says one line, and
 * is answered by one.
 *
 *   join PID	a process of the container's runtime that is going to execute something in the container, as
 *		"docker exec" does: it is seized before the answer, and so will be what it makes
 *
 * The answer is "ok", or "error TEXT".
 */
#ifndef WHITTLE_TRACER_CONTROL_H
#define WHITTLE_TRACER_CONTROL_H

#include "tracer/task.h"

struct wh_control;

/** wh_control_new() - listen. A socket that nobody listens on is replaced. */
int wh_control_new(const char *path, struct wh_control **ret, struct wh_error *e);
/** wh_control_free() - the socket is removed. */
void wh_control_free(struct wh_control *control);

/**
 * wh_control_tick() - answer who has come; never waits. Only root, and who we run as, is listened to.
 * @options: PTRACE_O_* for who joins
 * Return: 0 or -ENOMEM.
 */
int wh_control_tick(struct wh_control *control, struct wh_recorder *r, unsigned long options);

/**
 * wh_control_ask() - the other side: say @line (without a newline) and wait for the answer, for at most @timeout_ms.
 * Return: 0; -ENOENT or -ECONNREFUSED when nobody listens there; -EREMOTE with what the answer says; -ETIMEDOUT …
 */
int wh_control_ask(const char *path, const char *line, int timeout_ms, struct wh_error *e);

#endif
