/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_CLI_QUESTIONS_H
#define WHITTLE_CLI_QUESTIONS_H

#include "whittle/trace.h"

/**
 * wh_questions_print() - a capability a row: what is inferred, and what the kernel asked and answered.
 * @all: and then each question
 * Return: 0 or -ENOMEM.
 */
int wh_questions_print(struct wh_trace *t, bool all, FILE *f, unsigned width, bool colour);

#endif
