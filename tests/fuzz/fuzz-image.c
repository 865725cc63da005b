/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is read from files and processes that may be anything: the head of an executed file, an ELF
 * file's loader, texts of /proc, addresses, names that are bytes; and the text of a --ready.
 */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "core/probe.h"
#include "tracer/image.h"
#include "tracer/libc.h"
#include "tracer/path.h"
#include "tracer/procfs.h"
#include "tracer/sockaddr.h"
#include "whittle/escape.h"

static void check_script(const char *data, size_t size)
{
	char program[WH_IMAGE_HEAD];
	size_t len;

	memset(program, 0x55, sizeof(program));
	if (!wh_image_script(data, size < WH_IMAGE_HEAD ? size : WH_IMAGE_HEAD, program))
		return;
	len = strnlen(program, sizeof(program));
	wh_assert(len > 0 && len < sizeof(program));
	wh_assert(!strpbrk(program, " \t\n"));
	wh_assert(wh_image_kind(data, size) == WH_IMAGE_SCRIPT);
}

static void check_loader(const void *data, size_t size)
{
	wh_auto(fd) fd = memfd_create("image", MFD_CLOEXEC);
	wh_auto(fd) root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	wh_auto(str) libc = NULL;
	char loader[PATH_MAX];

	memset(loader, 0x55, sizeof(loader));
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return;
	if (wh_image_loader(fd, loader, sizeof(loader)))
		wh_assert(strnlen(loader, sizeof(loader)) < sizeof(loader));
	if (root >= 0)
		wh_assert(wh_libc_detect(fd, root, &libc) == 0 || !libc);
}

static void check_address(const void *data, size_t size)
{
	char text[WH_SOCKADDR_TEXT], path[128];
	struct sockaddr_storage addr = {};
	size_t len = size < sizeof(addr) ? size : sizeof(addr);

	if (size)
		memcpy(&addr, data, len);
	memset(text, 0x55, sizeof(text));
	memset(path, 0x55, sizeof(path));
	wh_sockaddr_text(&addr, len, text);
	wh_assert(strnlen(text, sizeof(text)) < sizeof(text));
	for (const char *c = text; *c; c++)
		wh_assert((unsigned char)*c >= 0x20);
	if (wh_sockaddr_path(&addr, len, path))
		wh_assert(path[0] && strnlen(path, sizeof(path)) < 110);
}

static void check_text(const char *text)
{
	wh_auto(str) escaped = wh_escape_utf8(text);
	wh_auto(str) back = NULL;
	wh_auto(str) clean = strdup(text);

	wh_assert(escaped && clean);
	wh_assert(wh_escape_decode(escaped, &back) == 0);
	wh_assert(strcmp(back, text) == 0);
	for (const char *s = escaped; *s;) {
		size_t n = wh_escape_utf8_length(s);

		wh_assert(n >= 1 && n <= 4);
		s += n;
	}
	if (wh_path_clean(clean, text[0] & 1))
		wh_assert(clean[0] == '/' && strlen(clean) <= strlen(text));
}

static void check_proc(const char *text)
{
	wh_auto(str) line = strdup(text);
	struct wh_procfs_map map;
	uint64_t value;

	wh_assert(line);
	line[strcspn(line, "\n")] = '\0';
	if (wh_procfs_map_parse(line, &map) == 0)
		wh_assert(!map.path || (map.path > line && map.path <= line + strlen(text)));
	wh_procfs_field(text, "Tgid", &value);
	wh_procfs_field(text, "Seccomp", &value);
}

static void check_ready(const char *text)
{
	struct wh_probe probe = {0};
	struct wh_error e = {0};
	int r = wh_probe_parse(text, &probe, &e);

	wh_assert(r == 0 || (e.text[0] && !strchr(e.text, '\n')));
	if (r == 0)
		wh_probe_free(&probe);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wh_auto(str) text = malloc(size + 1);

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	check_script((const char *)data, size);
	check_loader(data, size);
	check_address(data, size);
	check_text(text);
	check_proc(text);
	check_ready(text);
	return 0;
}
