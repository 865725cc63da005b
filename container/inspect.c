// SPDX-License-Identifier: Apache-2.0
#include "container/inspect.h"

#include <jansson.h>
#include <limits.h>
#include <signal.h>

static int parse(const char *text, const char *whose, json_t **ret, struct wh_error *e)
{
	json_error_t error;

	/* Numbers that fit no integer of jansson's are none that matter here. */
	*ret = json_loads(text, JSON_DECODE_INT_AS_REAL, &error);
	return *ret ? 0 : wh_error_set(e, EPROTO, "%s answers no JSON: %s", whose, error.text);
}

static const char *string_at(const json_t *object, const char *group, const char *key)
{
	const json_t *in = group ? json_object_get(object, group) : object;
	const char *text = json_string_value(json_object_get(in, key));

	return text && *text ? text : NULL;
}

/* Its name with or without SIG, or its number. */
static int signal_number(const char *text)
{
	const char *name = wh_util_has_prefix(text, "SIG") ? text + strlen("SIG") : text;
	uint64_t number;

	if (wh_util_parse_u64(text, &number) == 0)
		return number < (uint64_t)SIGRTMAX ? (int)number : 0;
	if (wh_util_has_prefix(name, "RTMIN+") &&
	    wh_util_parse_u64(name + strlen("RTMIN+"), &number) == 0 &&
	    number <= (uint64_t)(SIGRTMAX - SIGRTMIN))
		return SIGRTMIN + (int)number;
	for (int sig = 1; sig < SIGRTMIN; sig++)
		if (wh_util_streq(sigabbrev_np(sig), name))
			return sig;
	return 0;
}

static int copy(char **member, const char *text, struct wh_error *e)
{
	if (!text)
		return 0;
	*member = strdup(text);
	return *member ? 0 : wh_error_oom(e);
}

static int fill(const json_t *c, struct wh_inspect *ret, struct wh_error *e)
{
	const json_t *config = json_object_get(c, "Config");
	const json_t *stop = json_object_get(config, "StopSignal");
	const char *name = string_at(c, NULL, "Name"), *image = string_at(c, NULL, "ImageName");
	const char *runtime = string_at(c, NULL, "OCIRuntime");
	double pid = json_number_value(json_object_get(json_object_get(c, "State"), "Pid"));

	if (!string_at(c, NULL, "Id"))
		return wh_error_set(e, EPROTO, "the engine says nothing of the container");
	if (json_is_string(stop))
		ret->stop_signal = signal_number(json_string_value(stop));
	else if (json_number_value(stop) > 0 && json_number_value(stop) < SIGRTMAX)
		ret->stop_signal = (int)json_number_value(stop);
	ret->stop_timeout = json_number_value(json_object_get(config, "StopTimeout"));
	ret->pid = pid >= 1 && pid <= INT_MAX ? (pid_t)pid : 0;
	if (copy(&ret->runtime, runtime ? runtime : string_at(c, "HostConfig", "Runtime"), e) < 0 ||
	    copy(&ret->id, string_at(c, NULL, "Id"), e) < 0 ||
	    copy(&ret->name, name && *name == '/' ? name + 1 : name, e) < 0 ||
	    copy(&ret->image, image ? image : string_at(c, "Config", "Image"), e) < 0)
		return -ENOMEM;
	return 0;
}

int wh_inspect_container(const char *text, struct wh_inspect *ret, struct wh_error *e)
{
	json_t *list;
	int err = parse(text, "the engine's client", &list, e);

	if (err < 0)
		return err;
	err = fill(json_array_get(list, 0), ret, e);
	json_decref(list);
	return err;
}

void wh_inspect_free(struct wh_inspect *inspect)
{
	free(inspect->id);
	free(inspect->name);
	free(inspect->image);
	free(inspect->runtime);
	*inspect = (struct wh_inspect){0};
}

int wh_inspect_runtime(const char *text, const char *name, char **ret_program, struct wh_error *e)
{
	json_t *info;
	int err = parse(text, "the engine's client", &info, e);
	const json_t *runtimes;

	if (err < 0)
		return err;
	runtimes = json_object_get(info, "Runtimes");
	err = copy(ret_program, string_at(runtimes, name, "path"), e);
	json_decref(info);
	return err;
}

int wh_inspect_default_runtime(const char *text, char **ret_name, struct wh_error *e)
{
	json_t *info;
	int err = parse(text, "the engine's client", &info, e);
	const char *name;

	if (err < 0)
		return err;
	name = string_at(info, NULL, "DefaultRuntime");
	err = copy(ret_name, name ? name : "runc", e);
	json_decref(info);
	return err;
}
