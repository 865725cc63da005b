// SPDX-License-Identifier: Apache-2.0
#include "gen/emit.h"

static const struct format {
	const char *word, *file;
	int (*emit)(const struct wh_emit *emit, struct wh_buf *b, struct wh_error *e);
} formats[] = {
#define X(id, word, file, fn) {word, file, fn},
	WH_EMIT_LIST(X)
#undef X
};

const char *wh_emit_file(enum wh_emit_format format)
{
	return formats[format].file;
}

int wh_emit_text(const struct wh_emit *emit, enum wh_emit_format format, char **ret_text,
		 struct wh_error *e)
{
	wh_auto(buf) b = {0};
	char *text;
	int r = formats[format].emit(emit, &b, e);

	if (r < 0)
		return r;
	text = wh_buf_take(&b);
	if (!text)
		return wh_error_oom(e);
	*ret_text = text;
	return 0;
}

static int format_by_word(const char *word, size_t len)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(formats); i++) {
		if (strlen(formats[i].word) == len && strncmp(formats[i].word, word, len) == 0)
			return (int)i;
	}
	return -1;
}

int wh_emit_formats(const char *list, unsigned *ret_formats, struct wh_error *e)
{
	unsigned bits = 0;

	for (;;) {
		size_t len = strcspn(list, ",");
		int format = format_by_word(list, len);

		if (format < 0) {
			wh_auto(buf) known = {0};

			for (size_t i = 0; i < WH_ARRAY_SIZE(formats); i++)
				wh_buf_addf(&known, "%s%s", i ? ", " : "", formats[i].word);
			return wh_error_set(e, EINVAL, "no format \"%.*s\": choose from %s",
					    (int)(len < 40 ? len : 40), list,
					    known.data ? known.data : "");
		}
		bits |= 1u << format;
		if (!list[len])
			break;
		list += len + 1;
	}
	*ret_formats = bits;
	return 0;
}
