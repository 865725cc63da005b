/* SPDX-License-Identifier: Apache-2.0 */
/* The same where the maker and one of its children have their code at the same addresses. */
#define FIXED_ADDRESSES
#define SOME_FIXED 0
#include "process-storm.c"
