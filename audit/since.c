// SPDX-License-Identifier: Apache-2.0
#include "audit/audit.h"

#include <ctype.h>

static const struct {
	const char *unit;
	int64_t seconds;
} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};

static bool parse_ago(const char *text, time_t now, int64_t *ret)
{
	size_t len = strspn(text, "0123456789");
	char digits[12] = "";
	uint64_t n;

	if (!len || len >= sizeof(digits))
		return false;
	memcpy(digits, text, len);
	for (size_t i = 0; i < WH_ARRAY_SIZE(units); i++) {
		if (strcmp(text + len, units[i].unit) != 0 || wh_util_parse_u64(digits, &n) < 0)
			continue;
		*ret = (int64_t)now - (int64_t)n * units[i].seconds;
		return true;
	}
	return false;
}

static bool parse_date(const char *text, int64_t *ret)
{
	static const char *const formats[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S",
					      "%Y-%m-%dT%H:%M:%SZ"};

	for (size_t i = 0; i < WH_ARRAY_SIZE(formats); i++) {
		struct tm tm = {0};
		const char *end = strptime(text, formats[i], &tm);

		if (!end || *end)
			continue;
		*ret = timegm(&tm);
		return true;
	}
	return false;
}

int wh_audit_since(const char *text, time_t now, int64_t *ret, struct wh_error *e)
{
	uint64_t n;

	if (text[0] == '@' && wh_util_parse_u64(text + 1, &n) == 0 && n < INT64_MAX) {
		*ret = (int64_t)n;
		return 0;
	}
	if (parse_ago(text, now, ret) || parse_date(text, ret))
		return 0;
	return wh_error_set(e, EINVAL,
			    "--since does not know '%s'; give 30s, 5m, 2h or 3d ago, @SECONDS, or "
			    "\"2026-11-28 13:45\" in UTC",
			    text);
}
