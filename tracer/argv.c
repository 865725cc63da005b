/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/argv.h"

void wh_argv_free(struct wh_strlist *list)
{
	free(list->v);
	list->v = NULL;
	list->n = 0;
}

int wh_argv_set(struct wh_strlist *list, const char *const *v, size_t n)
{
	size_t size = n * sizeof(*v);
	const char **block = NULL;
	char *text;

	for (size_t i = 0; i < n; i++)
		size += strlen(v[i]) + 1;
	if (n) {
		block = malloc(size);
		if (!block)
			return -ENOMEM;
	}
	text = n ? (char *)(block + n) : NULL;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(v[i]) + 1;

		block[i] = memcpy(text, v[i], len);
		text += len;
	}
	wh_argv_free(list);
	list->v = block;
	list->n = n;
	return 0;
}
