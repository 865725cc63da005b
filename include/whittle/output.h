/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_OUTPUT_H
#define WHITTLE_OUTPUT_H

#include "whittle/error.h"

/**
 * struct wh_output - a file that appears whole or not at all.
 *
 * It is written under a temporary name beside its place, fsynced, and renamed over the old file by
 * wh_output_commit(); wh_output_free() without a commit removes it and leaves the old file as it
 * was. The path "-" is standard output and has no such guarantee.
 */
struct wh_output;

int wh_output_open(const char *path, struct wh_output **ret, struct wh_error *e);
/** wh_output_stream() - where to write; owned by @o. Write errors are found by the commit. */
FILE *wh_output_stream(struct wh_output *o);
/** wh_output_commit() - flush, fsync, rename; @o stays the caller's to free. */
int wh_output_commit(struct wh_output *o, struct wh_error *e);
void wh_output_free(struct wh_output *o);
WH_DEFINE_AUTO(output, struct wh_output *, wh_output_free)

/** wh_output_write() - the above in one call, for a text that is at hand. */
int wh_output_write(const char *path, const void *data, size_t len, struct wh_error *e);

/**
 * wh_output_slurp() - read a whole file of at most @max bytes ("-": standard input).
 * @ret_data: NUL-terminated, the caller's to free; @ret_len does not count that NUL
 * Return: 0; -EFBIG when it is longer; else the errno of open or read, named with the path.
 */
int wh_output_slurp(const char *path, size_t max, char **ret_data, size_t *ret_len,
		    struct wh_error *e);

#endif
