/* SPDX-License-Identifier: Apache-2.0 */
/* JSON files of others: configurations of containers and of their engines. */
#ifndef WHITTLE_CONTAINER_JSONFILE_H
#define WHITTLE_CONTAINER_JSONFILE_H

#include <jansson.h>

#include "whittle/error.h"

WH_DEFINE_AUTO(json, json_t *, json_decref)

/**
 * wh_jsonfile_parse() - an object, without duplicate members and NUL characters. Whole numbers are read as reals, since not
 * all of them fit: they are not to be looked at.
 * @name: for errors
 */
int wh_jsonfile_parse(const char *text, size_t len, const char *name, json_t **ret_json,
		      struct wh_error *e);

/**
 * wh_jsonfile_read() - the same of a file; "-" is standard input.
 * @ret_text: the text itself, for wh_splice_*(), the caller's to free; may be NULL
 * Return: 0; -ENOENT without an error in @e when there is no such file; else -errno.
 */
int wh_jsonfile_read(const char *path, json_t **ret_json, char **ret_text, struct wh_error *e);

/**
 * wh_jsonfile_replace() - put @text in the place of the file, which keeps its owner and mode; where it is a symlink, of
 * the file that this leads to.
 */
int wh_jsonfile_replace(const char *path, const char *text, struct wh_error *e);

/** wh_jsonfile_string() - member @key of an object if it is a string; else NULL. */
const char *wh_jsonfile_string(const json_t *object, const char *key);

#endif
