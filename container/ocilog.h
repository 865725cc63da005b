/* SPDX-License-Identifier: Apache-2.0 */
/* The log by which an OCI runtime tells its engine what went wrong (--log FILE --log-format text|json, as runc has it). */
#ifndef WHITTLE_CONTAINER_OCILOG_H
#define WHITTLE_CONTAINER_OCILOG_H

#include <stdbool.h>

/** wh_ocilog_error() - append an error. Where it cannot be written there is nobody else to tell. */
void wh_ocilog_error(const char *path, bool json, const char *text);

#endif
