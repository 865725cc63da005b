/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a file that is executed, as fs/binfmt_script.c and fs/binfmt_elf.c read it. The file
 * may be anything.
 */
#ifndef WHITTLE_TRACER_IMAGE_H
#define WHITTLE_TRACER_IMAGE_H

#include "whittle/util.h"

/** BINPRM_BUF_SIZE: what the kernel looks at to tell what a file is, and so the longest #! line. */
#define WH_IMAGE_HEAD 256

enum wh_image_kind {
	WH_IMAGE_UNKNOWN, /* a binfmt_misc format, or not executable */
	WH_IMAGE_SCRIPT,
	WH_IMAGE_ELF,
};

/**
 * wh_image_script() - the interpreter of a #! line.
 * @head: the first bytes of the file, @len of them, at most WH_IMAGE_HEAD
 * @ret_program: its path, in a buffer of WH_IMAGE_HEAD bytes
 * Return: false when it is no script, or one that the kernel would refuse.
 */
bool wh_image_script(const char *head, size_t len, char *ret_program);

/**
 * wh_image_loader() - PT_INTERP of an ELF file (either class, this machine's byte order).
 * @fd: readable, any position
 * @ret_loader: its path, in a buffer of @size bytes; "" for a static program
 * Return: false when it is no sound ELF file.
 */
bool wh_image_loader(int fd, char *ret_loader, size_t size);

/** wh_image_kind() - by the first bytes. */
enum wh_image_kind wh_image_kind(const char *head, size_t len);

#endif
