// SPDX-License-Identifier: Apache-2.0
// Weak stand-ins until tracer/creds.c and tracer/caprule.c are in the tree; goes away with them.
#include "tracer/creds.h"
#include "tracer/caprule.h"
__attribute__((weak)) const struct wh_creds *wh_creds_get(struct wh_recorder *r, struct wh_task *t)
{
	(void)r;
	t->creds_valid = true;
	return &t->creds;
}
__attribute__((weak)) void wh_creds_free(struct wh_creds *c)
{
	(void)c;
}
__attribute__((weak)) void wh_creds_forget(struct wh_task *t)
{
	(void)t;
}
__attribute__((weak)) int wh_caprule_enter(struct wh_recorder *r, struct wh_task *t)
{
	(void)r;
	(void)t;
	return 0;
}
__attribute__((weak)) int wh_caprule_exit(struct wh_recorder *r, struct wh_task *t)
{
	(void)r;
	(void)t;
	return 0;
}
