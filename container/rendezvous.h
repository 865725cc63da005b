/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a whittle that is to record a container and the container's hook meet: a Unix socket of the container's id. The
 * hook says the state that its runtime has given it, and waits, and so does the runtime; it is answered when
 * the container's init is traced, or cannot be.
 */
#ifndef WHITTLE_CONTAINER_RENDEZVOUS_H
#define WHITTLE_CONTAINER_RENDEZVOUS_H

#include "whittle/error.h"

struct wh_rendezvous;

/** In the environment of a hook that somebody waits for: without them, the container is not to start. */
#define WH_RENDEZVOUS_EXPECTED "WHITTLE_EXPECTED"

/** wh_rendezvous_new() - wait for the hook of the container with that id. */
int wh_rendezvous_new(const char *id, struct wh_rendezvous **ret, struct wh_error *e);
/** wh_rendezvous_free() - who has come and is not answered yet is told that nobody records it. */
void wh_rendezvous_free(struct wh_rendezvous *r);
WH_DEFINE_AUTO(rendezvous, struct wh_rendezvous *, wh_rendezvous_free)

/** wh_rendezvous_fd() - to be polled for reading before wh_rendezvous_take(). */
int wh_rendezvous_fd(const struct wh_rendezvous *r);
/**
 * wh_rendezvous_take() - the state that the hook has brought. Waits only for what a hook that has come says.
 * @ret_state: the caller's to free
 * Return: 1; 0 when nobody has come; -errno.
 */
int wh_rendezvous_take(struct wh_rendezvous *r, char **ret_state, struct wh_error *e);
/** wh_rendezvous_answer() - let the hook go: @why is NULL, the container is traced; or it is not. Once. */
void wh_rendezvous_answer(struct wh_rendezvous *r, const char *why);

/**
 * wh_rendezvous_offer() - the hook's side.
 * Return: 1 when the container's init is traced; 0 when nobody waits for that container; -errno when somebody does, and
 * it cannot be recorded: then it must not start.
 */
int wh_rendezvous_offer(const char *id, const char *state_json, struct wh_error *e);

#endif
