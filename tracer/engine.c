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

bool wh_engine_is_auto(const struct wh_record_options *options)
{
	return !options->engine || strcmp(options->engine, "auto") == 0;
}

static int begin(const struct wh_engine *engine, const struct wh_record_options *options,
		 struct wh_recorder *r, struct wh_launch *launch, struct wh_error *e)
{
	struct wh_launch with = *launch;
	int err = engine->check ? engine->check(options, e) : 0;

	if (err == 0 && engine->start)
		err = engine->start(r, options, &with, e);
	if (err == 0)
		*launch = with;
	else if (engine->free)
		engine->free(r);
	return err;
}

static const struct wh_engine *find(const char *name)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(engines); i++)
		if (strcmp(engines[i]->name, name) == 0)
			return engines[i];
	return NULL;
}

static int begin_named(const struct wh_record_options *options, struct wh_recorder *r,
		       struct wh_launch *launch, const struct wh_engine **ret_engine,
		       struct wh_error *e)
{
	const struct wh_engine *engine = find(options->engine);
	int err;

	if (!engine)
		return wh_error_set(e, EINVAL,
				    "--engine %s: there is no such engine; use auto, assisted, "
				    "adaptive or plain",
				    options->engine);
	err = begin(engine, options, r, launch, e);
	if (err < 0)
		wh_error_prefix(e, "--engine %s", engine->name);
	else
		*ret_engine = engine;
	return err;
}

static int begin_best(const struct wh_record_options *options, struct wh_recorder *r,
		      struct wh_launch *launch, const struct wh_engine **ret_engine,
		      struct wh_buf *why, struct wh_error *e)
{
	int err = -ENOTSUP;

	for (size_t i = 0; i < WH_ARRAY_SIZE(engines); i++) {
		struct wh_error no = {0};

		err = begin(engines[i], options, r, launch, &no);
		if (err == 0) {
			wh_buf_adds(why, engines[i]->about);
			*ret_engine = engines[i];
			break;
		}
		wh_buf_addf(why, "%s is not to be had (%s); ", engines[i]->name, no.text);
	}
	return err < 0 ? wh_error_errno(e, err, "no engine works on this machine") : 0;
}

static bool is_to_survive(const struct wh_record_options *options)
{
	return options->attach || (options->container && !options->container->expendable);
}

int wh_engine_begin(const struct wh_record_options *options, struct wh_recorder *r,
		    struct wh_launch *launch, const struct wh_engine **ret_engine,
		    char **ret_reason, struct wh_error *e)
{
	struct wh_buf why = {0};
	int err;

	if (is_to_survive(options) && wh_engine_is_auto(options)) {
		/* The only one that leaves nothing behind when it is killed, or lets go. */
		err = begin(&wh_plain_engine, options, r, launch, e);
		*ret_engine = &wh_plain_engine;
		wh_buf_adds(&why, wh_plain_engine.about);
	} else if (!wh_engine_is_auto(options)) {
		err = begin_named(options, r, launch, ret_engine, e);
		wh_buf_adds(&why, "asked for");
	} else {
		err = begin_best(options, r, launch, ret_engine, &why, e);
	}
	if (err < 0) {
		wh_buf_free(&why);
		return err;
	}
	*ret_reason = wh_buf_take(&why);
	return *ret_reason ? 0 : wh_error_oom(e);
}
