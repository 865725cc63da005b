/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WHITTLE_GEN_POOL_H
#define WHITTLE_GEN_POOL_H

#include "whittle/util.h"

/**
 * struct wh_pool - memory that is freed all at once: a policy's thousands of small strings and
 * arrays live exactly as long as the policy. Zero-initialised is empty and valid.
 */
struct wh_pool {
	struct wh_pool_chunk *chunks;
};

/** wh_pool_alloc() - zeroed and aligned for anything; NULL when memory ran out. */
void *wh_pool_alloc(struct wh_pool *pool, size_t size);
char *wh_pool_strdup(struct wh_pool *pool, const char *s);
char *wh_pool_strndup(struct wh_pool *pool, const char *s, size_t len);
char *wh_pool_printf(struct wh_pool *pool, const char *fmt, ...) wh_printf(2, 3);

/**
 * wh_pool_append() - make room for one more element at the end of an array of the pool.
 * @array: address of the pointer to the first element
 * @n: its length, counted up
 * Return: the new element, zeroed, or NULL when memory ran out
 */
void *wh_pool_append(struct wh_pool *pool, void *array, size_t *n, size_t size);

/** wh_pool_free() - everything; the pool is empty and usable afterwards. */
void wh_pool_free(struct wh_pool *pool);

#endif
