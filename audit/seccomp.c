// SPDX-License-Identifier: Apache-2.0
/* Records of seccomp, which the kernel writes in kernel/auditsc.c audit_seccomp(). */
#include "audit/record.h"

#include <inttypes.h>
#include <linux/seccomp.h>

#include "whittle/buf.h"
#include "whittle/syscall.h"

static bool number(const struct wh_audit_fields *f, const char *name, int base, uint64_t *ret)
{
	const char *value = wh_audit_record_value(f, name);
	char *end;

	if (!value || !*value || strspn(value, "0123456789abcdefxABCDEF") != strlen(value))
		return false;
	errno = 0;
	*ret = strtoull(value, &end, base);
	return !errno && !*end;
}

const char *wh_audit_seccomp_action(const struct wh_audit_fields *f)
{
	static const struct {
		uint32_t action;
		const char *words;
	} rows[] = {
		{SECCOMP_RET_LOG, "let pass, and logged"},
		{SECCOMP_RET_ERRNO, "refused"},
		{SECCOMP_RET_KILL_PROCESS, "refused, and the process killed"},
		{SECCOMP_RET_KILL_THREAD, "refused, and the thread killed"},
		{SECCOMP_RET_TRAP, "refused by SIGSYS"},
		{SECCOMP_RET_TRACE, "left to a tracer"},
		{SECCOMP_RET_USER_NOTIF, "left to a supervisor"},
	};
	uint64_t code;

	if (!number(f, "code", 16, &code))
		return NULL;
	for (size_t i = 0; i < WH_ARRAY_SIZE(rows); i++)
		if (rows[i].action == (code & SECCOMP_RET_ACTION_FULL))
			return rows[i].words;
	return NULL;
}

int wh_audit_seccomp(struct wh_audit_sink *s, const struct wh_audit_fields *f)
{
	const struct wh_syscall_row *row;
	struct wh_syscall key = {0}, *call;
	const struct wh_abi *abi;
	uint64_t arch, nr;
	char made[40];
	int err;

	if (!number(f, "arch", 16, &arch) || !number(f, "syscall", 10, &nr) || nr > UINT32_MAX)
		return wh_audit_gap(s, "audit-record", "the system call in it cannot be read");
	abi = arch <= UINT32_MAX ? wh_syscall_abi_audit((uint32_t)arch, nr) : NULL;
	if (!abi) {
		snprintf(made, sizeof(made), "number %" PRIu64 " of 0x%" PRIx64, nr, arch);
		return wh_audit_gap(s, "unknown-syscall", made);
	}
	key.abi = abi->name;
	key.name = wh_syscall_name(abi, nr);
	if (!key.name) {
		snprintf(made, sizeof(made), "%s %" PRIu64, abi->name, nr);
		err = wh_audit_gap(s, "unknown-syscall", made);
		if (err < 0)
			return err;
		snprintf(made, sizeof(made), "syscall_%" PRIu64, nr);
		key.name = made;
	}
	err = wh_audit_put(s, WH_KIND_SYSCALL, &key, &call);
	if (err < 0)
		return err == -ENOSPC ? 0 : err;
	call->number = nr;
	/* No arguments are logged: none can be ruled out. */
	row = wh_syscall_row(call->name);
	if (row && row->keep) {
		call->args.args = row->keep;
		call->args.overflow = true;
	}
	return 0;
}
