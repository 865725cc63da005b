/* SPDX-License-Identifier: Apache-2.0 */
/* What the administrator has set for all containers of the machine. */
#ifndef WHITTLE_CONTAINER_SETTINGS_H
#define WHITTLE_CONTAINER_SETTINGS_H

#include "whittle/error.h"

#define WH_SETTINGS_FILE "/etc/whittle/runtime.json"

/**
 * struct wh_settings - NULL where nothing is set.
 * @output: file or folder for traces
 * @runtime: the runtime that is wrapped
 */
struct wh_settings {
	char *output, *runtime;
};

/**
 * wh_settings_read() - {"output": "/srv/traces", "runtime": "crun"}. No file: nothing is set. What is not known is
 * an error: it would be a setting that has no effect.
 * @ret: zeroed; wh_settings_release() it, also after an error
 */
int wh_settings_read(const char *path, struct wh_settings *ret, struct wh_error *e);
void wh_settings_release(struct wh_settings *settings);
static inline void wh_settings_auto_release(struct wh_settings settings)
{
	wh_settings_release(&settings);
}
WH_DEFINE_AUTO(settings, struct wh_settings, wh_settings_auto_release)

#endif
