/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of one place in a JSON text that leave all else in it as it is, to the byte: order, white space, and numbers that
 * a reader would round (an OCI rlimit of 2^64 - 1 does not fit jansson's integers).
 *
 * The texts must be valid JSON without duplicate members, as wh_jsonfile_read() lets them through. A path is the names of
 * members from the outermost object inwards, and ends with NULL.
 */
#ifndef WHITTLE_CONTAINER_SPLICE_H
#define WHITTLE_CONTAINER_SPLICE_H

#include "whittle/util.h"

/** wh_splice_get() - the text of the value there, the caller's to free. Return: 0, -ENOENT or -ENOMEM. */
int wh_splice_get(const char *text, const char *const *path, char **ret_value);

/**
 * wh_splice_put() - set the value there to @value, a JSON text. Objects that lack on the way are made; a new member comes
 * last in its object, in the manner of the first.
 * @ret_text: the new text, the caller's to free
 * Return: 0; -ENOTDIR when something on the way is there and is no object; -ENOMEM.
 */
int wh_splice_put(const char *text, const char *const *path, const char *value, char **ret_text);

/** wh_splice_remove() - take the member out. Undoes what wh_splice_put() has put in. Return: 0, -ENOENT or -ENOMEM. */
int wh_splice_remove(const char *text, const char *const *path, char **ret_text);

#endif
