/* SPDX-License-Identifier: Apache-2.0 */
/* templates/: what is data, not code. Its place: WHITTLE_TEMPLATES, else installed, else the
 * source. */
#ifndef WHITTLE_GEN_TEMPLATE_H
#define WHITTLE_GEN_TEMPLATE_H

#include <jansson.h>

#include "whittle/error.h"

/** wh_template_text() - the text of templates/@name, the caller's to free. */
int wh_template_text(const char *name, char **ret_text, struct wh_error *e);

/** wh_template_json() - templates/@name as JSON, the caller's to json_decref(). */
int wh_template_json(const char *name, json_t **ret, struct wh_error *e);

/** wh_template_entries() - its list "entries", which belongs to @json. */
int wh_template_entries(json_t *json, json_t **ret_entries, struct wh_error *e);

#endif
