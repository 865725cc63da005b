// SPDX-License-Identifier: Apache-2.0
/* What BPF tells the assisted engine: calls that have returned, and are decoded now. */
#ifdef WH_HAVE_BPF

#include <linux/audit.h>
#include <sys/ptrace.h>
#include <sys/stat.h>

#include "tracer/assisted_impl.h"
#include "tracer/call.h"
#include "tracer/decode.h"
#include "tracer/quiet.h"

/* As the engine sees it where it stops at the call. */
static struct __ptrace_syscall_info info_of(const struct wh_watch_record *record)
{
	struct __ptrace_syscall_info info = {
		.op = PTRACE_SYSCALL_INFO_ENTRY,
		.arch = AUDIT_ARCH_X86_64,
		.instruction_pointer = record->ip,
		.stack_pointer = record->sp,
	};

	info.entry.nr = record->nr;
	for (size_t i = 0; i < WH_ARRAY_SIZE(info.entry.args); i++)
		info.entry.args[i] = record->arg[i];
	return info;
}

/* @task->call is the record's, decoded at its entry: can its like tell more? */
static bool is_quiet(struct wh_recorder *r, const struct wh_task *task,
		     const struct wh_watch_record *record)
{
	struct wh_quiet_seen seen = {
		.err = record->ret < 0 && record->ret >= -4095 ? (int)-record->ret : 0,
		.family = record->family,
		.type = record->type,
		.name = record->message & WH_WATCH_NAME,
		.control = record->message & WH_WATCH_CONTROL,
	};
	const struct wh_syscall_row *row = task->call.row;

	return row && (wh_decode_is_plain(row) ||
		       (wh_quiet_watch(row) && wh_quiet_watched(r, task, &seen)));
}

static int decode(struct wh_recorder *r, struct wh_task *task, const struct wh_watch_record *record,
		  const struct wh_watch_text *text)
{
	struct wh_assisted_watch *w = r->watch;
	const struct wh_watch_row *row = wh_assisted_row(w->kernel, record->nr);
	struct __ptrace_syscall_info info = info_of(record);
	unsigned now = r->phase;
	bool quiet;
	int k;

	if (row->with & WH_WATCH_PATH && record->spelt) {
		task->call.spelt = text->c;
		task->call.spelt_at = record->arg[row->path];
	}
	r->phase = record->phase; /* it counts for when it was entered */
	k = wh_call_enter(r, task, &info);
	/* No child that the loop is not told of is made by a call that passes. */
	task->had_child = true;
	quiet = k >= 0 && is_quiet(r, task, record);
	if (k >= 0 && !record->returned) {
		k = wh_call_lose(r, task);
	} else if (k >= 0) {
		info = (struct __ptrace_syscall_info){.op = PTRACE_SYSCALL_INFO_EXIT};
		info.exit.rval = record->ret;
		info.exit.is_error = record->ret < 0 && record->ret >= -4095;
		/* SECCOMP_RET_TRAP leaves the number where the result would be. */
		if (record->refused && !info.exit.is_error) {
			info.exit.rval = -ENOSYS;
			info.exit.is_error = 1;
		}
		wh_assisted_hide_status(r, task, info.exit.rval, info.exit.is_error);
		k = wh_assisted_leave(r, task, &info);
	}
	r->phase = now;
	task->call.spelt = NULL;
	if (k >= 0 && (quiet || task->learnt))
		wh_assisted_learn(w->kernel, record, !quiet);
	return k;
}

int wh_assisted_take(struct wh_recorder *r, struct wh_task *task, bool last)
{
	struct wh_assisted_watch *w = r->watch;
	struct wh_assisted_task *own = task->watch;
	struct wh_watch_slot *slot = own ? own->slot : NULL;
	int k = 0;

	if (!slot || slot->plain)
		return 0;
	/* In the order of the calls: a later one is used only while those before are full. */
	for (unsigned i = 0; i < WH_WATCH_RECORDS && k >= 0; i++) {
		struct wh_watch_record *record = &slot->record[i];

		if (__atomic_load_n(&record->state, __ATOMIC_ACQUIRE) != WH_WATCH_FULL)
			continue;
		w->taken++;
		k = decode(r, task, record, &slot->text[i % WH_WATCH_TEXTS]);
		__atomic_store_n(&record->state, WH_WATCH_FREE, __ATOMIC_RELEASE);
	}
	if (last && slot->in_call && k >= 0)
		k = decode(r, task, &slot->record[slot->at % WH_WATCH_RECORDS],
			   &slot->text[slot->at % WH_WATCH_TEXTS]);
	if (last)
		slot->in_call = 0;
	return k;
}

/* What was asked of a name is decoded before another call gives the name another meaning. */
static void take_from(void *data, struct wh_task *task)
{
	struct wh_recorder *r = data;
	struct wh_assisted_watch *w = r->watch;

	/* A thread with news is on its way to its stop, and does nothing before. */
	if (!task->in_call && wh_assisted_take(r, task, false) < 0)
		w->failed = -ENOMEM;
}

void wh_assisted_note_change(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_assisted_watch *w = r->watch;
	const struct wh_call *call = &task->call;
	bool renames = false;

	if (!task->changing || !call->row)
		return;
	switch (call->row->irregular) {
	case WH_IRREGULAR_RENAME:
	case WH_IRREGULAR_LINK:
	case WH_IRREGULAR_SYMLINK:
		renames = true;
		break;
	case WH_IRREGULAR_UNLINK:
		/* Without a link that it went by, a name may lead elsewhere; else it leads nowhere. */
		renames = S_ISLNK(call->place[0].mode);
		break;
	default:
		break;
	}
	if (wh_assisted_asked(w->kernel) != w->taken)
		wh_task_each(r->tasks, take_from, r);
	if (renames || task->changing_unseen)
		wh_assisted_changed(w->kernel, !task->changing_unseen);
}

#endif
