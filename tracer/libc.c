// SPDX-License-Identifier: Apache-2.0
#include "tracer/libc.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define SCAN_MAX    (256u << 20) /* of a file that is larger, the rest is not looked at */
#define VERSION_MAX 32

/* A copy: whoever truncates a file that is mapped kills with SIGBUS who looks at it. */
struct image {
	unsigned char *data;
	size_t len;
};

static void image_free(struct image *image)
{
	free(image->data);
}

static int image_read(int fd, struct image *ret)
{
	struct image image = {0};
	struct stat st;
	size_t size;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	size = (uint64_t)st.st_size < SCAN_MAX ? (size_t)st.st_size : SCAN_MAX;
	if (size < sizeof(Elf32_Ehdr))
		return -EINVAL;
	image.data = malloc(size);
	if (!image.data)
		return -ENOMEM;
	while (image.len < size) {
		n = pread(fd, image.data + image.len, size - image.len, (off_t)image.len);
		if (n <= 0)
			break;
		image.len += (size_t)n;
	}
	if (image.len < sizeof(Elf32_Ehdr)) {
		image_free(&image);
		return -EINVAL;
	}
	*ret = image;
	return 0;
}

static const void *at(const struct image *image, uint64_t offset, uint64_t len)
{
	return offset <= image->len && len <= image->len - offset ? image->data + offset : NULL;
}

/* A header of the program: its type and where its bytes are. Both ELF classes have the same names. */
#define PROGRAM_HEADER(bits)                                                                       \
	static bool header##bits(const struct image *image, unsigned i, uint32_t *ret_type,        \
				 uint64_t *ret_offset, uint64_t *ret_len)                          \
	{                                                                                          \
		const Elf##bits##_Ehdr *eh = at(image, 0, sizeof(*eh));                            \
		Elf##bits##_Phdr ph;                                                               \
		const void *p;                                                                     \
                                                                                                   \
		if (!eh || i >= eh->e_phnum || eh->e_phentsize != sizeof(ph))                      \
			return false;                                                              \
		p = at(image, eh->e_phoff, (uint64_t)eh->e_phnum * sizeof(ph));                    \
		if (!p)                                                                            \
			return false;                                                              \
		memcpy(&ph, (const char *)p + i * sizeof(ph), sizeof(ph));                         \
		*ret_type = ph.p_type;                                                             \
		*ret_offset = ph.p_offset;                                                         \
		*ret_len = ph.p_filesz;                                                            \
		return true;                                                                       \
	}
PROGRAM_HEADER(32)
PROGRAM_HEADER(64)

static int find_interp(const struct image *image, char ret_interp[PATH_MAX])
{
	const unsigned char *ident = image->data;
	uint64_t offset, len;
	uint32_t type;

	if (memcmp(ident, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	for (unsigned i = 0;; i++) {
		const char *p;

		if (!(ident[EI_CLASS] == ELFCLASS64 ? header64 : header32)(image, i, &type, &offset,
									   &len))
			return -ENOENT;
		if (type != PT_INTERP)
			continue;
		p = at(image, offset, len);
		if (!p || !len || len > PATH_MAX || p[len - 1])
			return -EINVAL;
		memcpy(ret_interp, p, len);
		return 0;
	}
}

/* The text behind @mark, of characters that make a version. */
static bool version_behind(const struct image *image, const char *mark, char ret[VERSION_MAX])
{
	const unsigned char *p = memmem(image->data, image->len, mark, strlen(mark));
	size_t n = 0;

	if (!p)
		return false;
	p += strlen(mark);
	while (n < VERSION_MAX - 1 && p + n < image->data + image->len &&
	       ((p[n] >= '0' && p[n] <= '9') || p[n] == '.'))
		ret[n] = (char)p[n], n++;
	while (n && ret[n - 1] == '.')
		n--;
	ret[n] = '\0';
	return n > 0;
}

static bool glibc_version(int root_fd, const char *path, char ret[VERSION_MAX])
{
	/* Of a container the loader mostly is an absolute symlink, which our root has, too. */
	struct open_how how = {.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	wh_auto(fd) fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	struct image image;
	bool found;

	if (fd < 0 || image_read(fd, &image) < 0)
		return false;
	/* "GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36." */
	found = version_behind(&image, " release version ", ret);
	image_free(&image);
	return found;
}

static int describe_dynamic(int root_fd, const char *interp, char **ret_name)
{
	const char *rel = interp + strspn(interp, "/");
	const char *slash = strrchr(rel, '/');
	char version[VERSION_MAX] = "";
	wh_auto(str) beside = NULL;

	if (strstr(interp, "ld-musl")) {
		*ret_name = strdup("musl");
		return *ret_name ? 0 : -ENOMEM;
	}
	if (!strstr(interp, "/ld-linux") && !strstr(interp, "/ld64.so") &&
	    !strstr(interp, "/ld.so")) {
		*ret_name = NULL;
		return 0;
	}
	/* Newer loaders carry the version themselves; else the library stands beside them. */
	if (!glibc_version(root_fd, rel, version)) {
		if (asprintf(&beside, "%.*slibc.so.6", slash ? (int)(slash - rel) + 1 : 0, rel) <
		    0) {
			beside = NULL;
			return -ENOMEM;
		}
		glibc_version(root_fd, beside, version);
	}
	if (asprintf(ret_name, "glibc%s%s", *version ? " " : "", version) < 0)
		return -ENOMEM;
	return 0;
}

/*
 * The Go linker's build information: a magic of 14 bytes, the size of a pointer, flags; since Go 1.18
 * (flag 2) followed at byte 32 by the version with its length in front (cmd/internal/buildinfo).
 */
static bool go_version(const struct image *image, char ret[VERSION_MAX])
{
	static const char magic[] = "\xff Go buildinf:";
	const unsigned char *p = memmem(image->data, image->len, magic, sizeof(magic) - 1);
	size_t left, len;

	if (!p)
		return false;
	left = (size_t)(image->data + image->len - p);
	strcpy(ret, "go");
	if (left < 33 || !(p[15] & 2))
		return true;
	len = p[32];
	if (len > left - 33 || len >= VERSION_MAX || len < 2 || memcmp(p + 33, "go", 2) != 0)
		return true;
	for (size_t i = 0; i < len; i++)
		if (p[33 + i] <= ' ' || p[33 + i] > '~')
			return true;
	memcpy(ret, p + 33, len);
	ret[len] = '\0';
	return true;
}

int wh_libc_detect(int fd, int root_fd, char **ret_name)
{
	char interp[PATH_MAX], version[VERSION_MAX];
	struct image image;
	int err = image_read(fd, &image);

	if (err < 0)
		return err;
	err = find_interp(&image, interp);
	if (err == 0) {
		err = describe_dynamic(root_fd, interp, ret_name);
	} else if (err == -ENOENT) {
		*ret_name = strdup(go_version(&image, version) ? version : "static");
		err = *ret_name ? 0 : -ENOMEM;
	}
	image_free(&image);
	return err;
}
