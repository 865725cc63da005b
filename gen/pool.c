// SPDX-License-Identifier: Apache-2.0
#include "gen/pool.h"

#include <stdarg.h>

#define CHUNK ((size_t)64 * 1024)

struct wh_pool_chunk {
	struct wh_pool_chunk *next;
	size_t used, size;
	max_align_t data[];
};

void *wh_pool_alloc(struct wh_pool *pool, size_t size)
{
	struct wh_pool_chunk *chunk = pool->chunks;
	void *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (!chunk || chunk->size - chunk->used < size) {
		size_t room = size > CHUNK ? size : CHUNK;

		chunk = calloc(1, sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		chunk->size = room;
		chunk->next = pool->chunks;
		pool->chunks = chunk;
	}
	p = (char *)chunk->data + chunk->used;
	chunk->used += size;
	return p;
}

char *wh_pool_strndup(struct wh_pool *pool, const char *s, size_t len)
{
	char *copy = wh_pool_alloc(pool, len + 1);

	if (copy)
		memcpy(copy, s, len);
	return copy;
}

char *wh_pool_strdup(struct wh_pool *pool, const char *s)
{
	return wh_pool_strndup(pool, s, strlen(s));
}

char *wh_pool_printf(struct wh_pool *pool, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		return NULL;
	s = wh_pool_alloc(pool, (size_t)len + 1);
	if (!s)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(s, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return s;
}

void *wh_pool_append(struct wh_pool *pool, void *array, size_t *n, size_t size)
{
	void **first = array;

	/* The capacity is the length rounded up to a power of two, so it need not be stored. */
	if ((*n & (*n - 1)) == 0) {
		void *larger = wh_pool_alloc(pool, (*n ? *n * 2 : 1) * size);

		if (!larger)
			return NULL;
		if (*n)
			memcpy(larger, *first, *n * size);
		*first = larger;
	}
	return (char *)*first + (*n)++ * size;
}

void wh_pool_free(struct wh_pool *pool)
{
	while (pool->chunks) {
		struct wh_pool_chunk *next = pool->chunks->next;

		free(pool->chunks);
		pool->chunks = next;
	}
}
