/* SPDX-License-Identifier: Apache-2.0 */
/* The same where all programs have their code at the same addresses. */
#define FIXED_ADDRESSES
#define SOME_FIXED ADDR_NO_RANDOMIZE
#include "process-storm.c"
