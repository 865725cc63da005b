/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_CLI_CAPS_H
#define WHITTLE_CLI_CAPS_H

#include "whittle/trace.h"

/**
 * wh_caps_print() - capability facts as a table; below it what "denied" means, if one is.
 * @all: all evidence, not the first only
 * Return: 0 or -ENOMEM.
 */
int wh_caps_print(const struct wh_cap *const *caps, size_t n, bool all, FILE *f, unsigned width,
		  bool colour);

#endif
