/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fuzzer is one file fuzz-NAME.c with this function. It is built twice: by clang with libFuzzer
 * (-DWHITTLE_FUZZ=ON), and always with replay.c, which runs it on the files of corpus/NAME.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Crashes, aborts or makes a sanitizer speak when a property does not hold. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
