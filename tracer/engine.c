// SPDX-License-Identifier: Apache-2.0
#include "tracer/engine.h"

#include "tracer/adaptive.h"
#include "whittle/buf.h"

/* In order of preference for "auto". The last one works wherever whittle does. */
static const struct wh_engine *const engines[] = {
	&wh_assisted_engine,
	&wh_adaptive_engine,
	&wh_plain_engine,
};

static int by_name(const struct wh_record_options *options, const struct wh_engine **ret_engine,
		   struct wh_error *e)
{
	const char *name = options->engine;

	for (size_t i = 0; i < WH_ARRAY_SIZE(engines); i++) {
		const struct wh_engine *engine = engines[i];

		if (strcmp(engine->name, name) != 0)
			continue;
		*ret_engine = engine;
		return engine->check ? engine->check(options, e) : 0;
	}
	return wh_error_set(
		e, EINVAL,
		"--engine %s: there is no such engine; use auto, assisted, adaptive or plain",
		name);
}

static int best(const struct wh_record_options *options, const struct wh_engine **ret_engine,
		struct wh_buf *why)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(engines); i++) {
		const struct wh_engine *engine = engines[i];
		struct wh_error no = {0};

		if (engine->check && engine->check(options, &no) < 0) {
			wh_buf_addf(why, "%s is not to be had (%s); ", engine->name, no.text);
			continue;
		}
		wh_buf_adds(why, engine->about);
		*ret_engine = engine;
		return 0;
	}
	return -ENOTSUP;
}

int wh_engine_choose(const struct wh_record_options *options, const struct wh_engine **ret_engine,
		     char **ret_reason, struct wh_error *e)
{
	struct wh_buf why = {0};
	int err;

	if (options->engine && strcmp(options->engine, "auto") != 0) {
		err = by_name(options, ret_engine, e);
		wh_buf_adds(&why, "asked for");
	} else {
		err = best(options, ret_engine, &why);
		if (err < 0)
			wh_error_set(e, ENOTSUP, "no engine works on this machine");
	}
	if (err < 0) {
		wh_buf_free(&why);
		return err;
	}
	*ret_reason = wh_buf_take(&why);
	return *ret_reason ? 0 : wh_error_oom(e);
}
