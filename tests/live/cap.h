/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the live tests of capabilities. A case is a call that needs one and its like that does not. Each
 * is really done: with the capability, where it must go through; without it, where the kernel itself
 * must refuse the one and let the other pass. So what the recording must say is not an opinion.
 */
#ifndef LIVE_CAP_H
#define LIVE_CAP_H

#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "expect.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-function"

#define CAP_NONE (-1)
#define OTHER	 33 /* a user who is not us */

/* ---- what is expected, gathered until cap_done() --------------------------------------------- */

static struct cap_fact {
	int cap, instead;
	const char *strength;
	bool denied;
	char *evidence[64];
	int n;
} cap_facts[64];
static int cap_n;

static const char *const cap_names[] = {
	"CHOWN",
	"DAC_OVERRIDE",
	"DAC_READ_SEARCH",
	"FOWNER",
	"FSETID",
	"KILL",
	"SETGID",
	"SETUID",
	"SETPCAP",
	"LINUX_IMMUTABLE",
	"NET_BIND_SERVICE",
	"NET_BROADCAST",
	"NET_ADMIN",
	"NET_RAW",
	"IPC_LOCK",
	"IPC_OWNER",
	"SYS_MODULE",
	"SYS_RAWIO",
	"SYS_CHROOT",
	"SYS_PTRACE",
	"SYS_PACCT",
	"SYS_ADMIN",
	"SYS_BOOT",
	"SYS_NICE",
	"SYS_RESOURCE",
	"SYS_TIME",
	"SYS_TTY_CONFIG",
	"MKNOD",
	"LEASE",
	"AUDIT_WRITE",
	"AUDIT_CONTROL",
	"SETFCAP",
	"MAC_OVERRIDE",
	"MAC_ADMIN",
	"SYSLOG",
	"WAKE_ALARM",
	"BLOCK_SUSPEND",
	"AUDIT_READ",
	"PERFMON",
	"BPF",
	"CHECKPOINT_RESTORE",
};

static void cap_expect(int cap, int instead, const char *strength, bool denied, const char *what,
		       unsigned uid)
{
	char text[8192], by[32] = "";
	int i;

	if (!strstr(what, " by uid "))
		snprintf(by, sizeof(by), " by uid %u", uid);
	snprintf(text, sizeof(text), "%s%s needs CAP_%s%s%s", what, by, cap_names[cap],
		 instead >= 0 ? " or CAP_" : "", instead >= 0 ? cap_names[instead] : "");
	for (i = 0; i < cap_n; i++)
		if (cap_facts[i].cap == cap && cap_facts[i].instead == instead &&
		    cap_facts[i].denied == denied && !strcmp(cap_facts[i].strength, strength))
			break;
	expect_that(i < 64);
	if (i == cap_n)
		cap_facts[cap_n++] = (struct cap_fact){
			.cap = cap, .instead = instead, .strength = strength, .denied = denied};
	for (int k = 0; k < cap_facts[i].n; k++)
		if (strcmp(cap_facts[i].evidence[k], text) == 0)
			return;
	expect_that(cap_facts[i].n < 64);
	cap_facts[i].evidence[cap_facts[i].n++] = strdup(text);
}

static int cap_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void cap_done(void)
{
	expect("{'scope':'caps','where':{},"
	       "'compare':['cap','instead','strength','denied','evidence']}");
	for (int i = 0; i < cap_n; i++) {
		struct cap_fact *f = &cap_facts[i];
		char list[12000] = "", instead[64] = "";
		size_t len = 0;

		qsort(f->evidence, (size_t)f->n, sizeof(f->evidence[0]), cap_compare);
		/* A fact keeps the least 16. */
		for (int k = 0; k < f->n && k < 16; k++)
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s\"%s\"",
						k ? "," : "", expect_text(f->evidence[k]));
		if (f->instead >= 0)
			snprintf(instead, sizeof(instead), "\"instead\":\"CAP_%s\",",
				 cap_names[f->instead]);
		expect("{'fact':'caps','cap':'CAP_%s',%s'strength':'%s','denied':%s,"
		       "'evidence':[%s]}",
		       cap_names[f->cap], instead, f->strength, f->denied ? "true" : "false", list);
	}
}

/* ---- doing it -------------------------------------------------------------------------------- */

static uint64_t cap_effective(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	expect_that(syscall(SYS_capget, &header, data) == 0);
	return data[0].effective | (uint64_t)data[1].effective << 32;
}

static void cap_drop(int cap)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	if (cap < 0)
		return;
	expect_that(syscall(SYS_capget, &header, data) == 0);
	data[cap / 32].effective &= ~(1u << cap % 32);
	data[cap / 32].permitted &= ~(1u << cap % 32);
	data[cap / 32].inheritable &= ~(1u << cap % 32);
	expect_that(syscall(SYS_capset, &header, data) == 0);
}

/* @call in a child without the capabilities. Return: 0, or the errno by which it failed. */
static int cap_run(int (*call)(void), int without, int without_too)
{
	pid_t pid = fork();
	int status;

	expect_that(pid >= 0);
	if (pid == 0) {
		cap_drop(without);
		cap_drop(without_too);
		errno = 0;
		_exit(call() == 0 ? 0 : errno ? errno : 255);
	}
	expect_that(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

struct cap_case {
	int cap, instead;
	const char *strength;
	int (*needs)(void);
	int (*free)(void); /* may be NULL */
	const char *what;  /* the evidence */
	/* The errno without the capability; 0: EPERM. 255: the call itself does not fail. */
	int refused;
};

static void cap_try(const struct cap_case *c)
{
	int refused = c->refused ? c->refused : EPERM, err;
	uint64_t both = UINT64_C(1) << c->cap;

	if (c->instead >= 0)
		both |= UINT64_C(1) << c->instead;
	/* A machine may have taken it from its root. */
	if (cap_effective() & both) {
		err = cap_run(c->needs, -1, -1);
		if (err)
			fprintf(stderr, "%s: refused with it: %s\n", c->what, strerror(err));
		expect_that(err == 0);
		cap_expect(c->cap, c->instead, c->strength, false, c->what, 0);
	}
	err = cap_run(c->needs, c->cap, c->instead);
	if (err != refused)
		fprintf(stderr, "%s: not refused without it: %d\n", c->what, err);
	expect_that(err == refused);
	/* A search of which it is not known yet that there is nothing behind. */
	if (refused != 255)
		cap_expect(c->cap, c->instead,
			   strstr(c->what, "search the") ? "required" : c->strength, true, c->what,
			   0);
	if (c->free) {
		err = cap_run(c->free, c->cap, c->instead);
		if (err)
			fprintf(stderr, "%s: its like is refused: %s\n", c->what, strerror(err));
		expect_that(err == 0);
	}
}

static const char *cap_text(const char *fmt, ...) __attribute__((format(printf, 1, 2), unused));
static const char *cap_text(const char *fmt, ...)
{
	char text[8192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return strdup(text);
}

/* ---- making things --------------------------------------------------------------------------- */

/* A file or folder of the other user; giving it away needs a capability of its own. */
EXPECT_UNUSED static void cap_make(const char *name, bool dir, mode_t mode)
{
	char inner[256];

	if (dir) {
		expect_that(mkdir(name, 0700) == 0);
		snprintf(inner, sizeof(inner), "%s/inner", name);
		expect_that(close(open(inner, O_CREAT | O_EXCL | O_WRONLY, 0644)) == 0);
	} else
		expect_that(close(open(name, O_CREAT | O_EXCL | O_WRONLY, 0600)) == 0);
	expect_that(chmod(name, mode) == 0 && chown(name, OTHER, OTHER) == 0);
	/* chown takes set-ID bits away. */
	cap_expect(CAP_CHOWN, CAP_NONE, "required", false,
		   cap_text("chown %s/%s to uid %d", expect_here(), name, OTHER), 0);
}

EXPECT_UNUSED static void cap_make_own(const char *name, mode_t mode)
{
	expect_that(close(open(name, O_CREAT | O_EXCL | O_WRONLY, mode)) == 0);
}

#endif
