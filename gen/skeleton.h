/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_GEN_SKELETON_H
#define WHITTLE_GEN_SKELETON_H

#include "whittle/buf.h"
#include "whittle/error.h"

/** struct wh_skeleton_part - what stands in place of {{name}}. @text must not be foreign as it is. */
struct wh_skeleton_part {
	const char *name, *text;
};

/**
 * wh_skeleton_fill() - templates/@file with its {{names}} filled in. What is filled in is not looked
 * at again. A name that is not among @parts is an error, not a hole.
 */
int wh_skeleton_fill(const char *file, const struct wh_skeleton_part *parts, size_t n,
		     struct wh_buf *b, struct wh_error *e);

#endif
