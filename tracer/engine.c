// SPDX-License-Identifier: Apache-2.0
#include "tracer/engine.h"

/* In order of preference for "auto". */
static const struct {
	const char *name;
	const struct wh_engine *engine; /* NULL: the name is reserved */
} engines[] = {
	{"adaptive", NULL},
	{"assisted", NULL},
	{"plain", &wh_plain_engine},
};

static int by_name(const char *name, const struct wh_engine **ret_engine, struct wh_error *e)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(engines); i++) {
		if (strcmp(engines[i].name, name) != 0)
			continue;
		if (!engines[i].engine)
			return wh_error_set(
				e, ENOTSUP,
				"--engine %s: this version of whittle has no such engine; "
				"use auto or plain",
				name);
		*ret_engine = engines[i].engine;
		return 0;
	}
	return wh_error_set(e, EINVAL, "--engine %s: there is no such engine; use auto or plain",
			    name);
}

int wh_engine_choose(const char *name, const struct wh_engine **ret_engine, const char **ret_reason,
		     struct wh_error *e)
{
	const struct wh_engine *engine = NULL;
	int err;

	if (name && strcmp(name, "auto") != 0) {
		err = by_name(name, &engine, e);
		if (err == 0 && engine->check)
			err = engine->check(e);
		if (err < 0)
			return err;
		*ret_engine = engine;
		*ret_reason = "asked for";
		return 0;
	}
	for (size_t i = 0; i < WH_ARRAY_SIZE(engines); i++) {
		if (!engines[i].engine ||
		    (engines[i].engine->check && engines[i].engine->check(NULL)))
			continue;
		*ret_engine = engines[i].engine;
		*ret_reason = engines[i].engine->about;
		return 0;
	}
	return wh_error_set(e, ENOTSUP, "no engine works on this machine");
}
