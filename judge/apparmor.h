/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_JUDGE_APPARMOR_H
#define WHITTLE_JUDGE_APPARMOR_H

#include "whittle/error.h"

/** wh_apparmor_enabled() - whether this kernel enforces AppArmor profiles, for us to load. */
bool wh_apparmor_enabled(void);
/** wh_apparmor_parser() - whether there is an apparmor_parser; its path, static, or NULL. */
const char *wh_apparmor_parser(void);
/** wh_apparmor_compile() - compile a profile, without loading it. */
int wh_apparmor_compile(const char *path, struct wh_error *e);
/** wh_apparmor_name() - the name of the first profile in a file; the caller's to free. */
int wh_apparmor_name(const char *path, char **ret_name, struct wh_error *e);
/** wh_apparmor_loaded() - whether the kernel has a profile of that name. */
bool wh_apparmor_loaded(const char *name);
int wh_apparmor_load(const char *path, struct wh_error *e);
int wh_apparmor_unload(const char *path, struct wh_error *e);

#endif
