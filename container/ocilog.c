// SPDX-License-Identifier: Apache-2.0
#include "container/ocilog.h"

#include <fcntl.h>
#include <time.h>

#include "container/jsonfile.h"

void wh_ocilog_error(const char *path, bool json, const char *text)
{
	/* RFC 3339: containerd reads it as such, and passes over a line in which it is not. */
	char stamp[sizeof("2000-01-01T00:00:00Z")];
	wh_auto(fd) fd =
		open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
	wh_auto(json) line = NULL;
	wh_auto(str) dumped = NULL;
	time_t now = time(NULL);
	struct tm tm;

	if (fd < 0 || !gmtime_r(&now, &tm) ||
	    !strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return;
	line = json_pack("{s:s, s:s, s:s}", "level", "error", "msg", text, "time", stamp);
	if (line)
		dumped = json_dumps(json ? line : json_object_get(line, "msg"), JSON_ENCODE_ANY);
	if (dumped && json)
		dprintf(fd, "%s\n", dumped);
	else if (dumped)
		dprintf(fd, "time=\"%s\" level=error msg=%s\n", stamp, dumped);
}
