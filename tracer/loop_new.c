// SPDX-License-Identifier: Apache-2.0
#include "tracer/loop_impl.h"

static void forget(void *data, struct wh_task *task)
{
	struct wh_loop *loop = data;

	loop->engine->gone(loop->r, task);
}

struct wh_loop *wh_loop_new(struct wh_recorder *r, const struct wh_engine *engine,
			    enum wh_record_source source, const struct wh_loop_owner *owner)
{
	struct wh_loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->r = r;
	loop->engine = engine;
	loop->owner = owner;
	loop->wait = wh_wait_new();
	if (!loop->wait) {
		free(loop);
		return NULL;
	}
	loop->source = source;
	loop->launching = source == WH_RECORD_LAUNCHED;
	loop->started = source == WH_RECORD_ATTACHED;
	wh_task_on_remove(r->tasks, engine->gone ? forget : NULL, loop);
	return loop;
}

void wh_loop_free(struct wh_loop *loop)
{
	if (!loop)
		return;
	wh_task_on_remove(loop->r->tasks, NULL, NULL);
	wh_wait_free(loop->wait);
	free(loop);
}
