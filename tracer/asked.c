// SPDX-License-Identifier: Apache-2.0
/*
 * BPF keeps each question once, and counts it (tracer/bpf/asked.bpf.c). What is new it puts into a ring that
 * is taken at the stops, so that no stop is made for it; a question then waits for the next one of its own task,
 * which is where its program is known, and perhaps the stack that it was asked from still stands.
 */
#include "tracer/asked.h"

#include "whittle/buf.h"

#define NOT_SEEN "what capabilities the kernel itself asked for was not seen: "

#ifndef WH_HAVE_BPF

int wh_asked_begin(struct wh_recorder *r, struct wh_run *run)
{
	int k = wh_trace_add_str(r->trace, &run->engine_notes, WH_LIMIT_NOTES,
				 NOT_SEEN "this whittle was built without BPF");

	return k < 0 ? k : 0;
}

int wh_asked_stop(struct wh_recorder *r, struct wh_task *task, int event, bool outside)
{
	(void)r, (void)task, (void)event, (void)outside;
	return 0;
}

void wh_asked_phase(struct wh_recorder *r)
{
	(void)r;
}

void wh_asked_resume(struct wh_recorder *r, struct wh_task *task, bool outside)
{
	(void)r, (void)task, (void)outside;
}

int wh_asked_gone(struct wh_recorder *r, struct wh_task *task)
{
	(void)r, (void)task;
	return 0;
}

int wh_asked_finish(struct wh_recorder *r, struct wh_run *run)
{
	(void)r, (void)run;
	return 0;
}

void wh_asked_free(struct wh_recorder *r)
{
	(void)r;
}

#else

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "asked.skel.h"
#include "tracer/bpf/asked.h"
#include "tracer/bpf_start.h"
#include "tracer/site.h"
#include "whittle/capability.h"

/* A question that is a fact now: how often it was asked is looked up at the end. */
struct counted {
	struct wh_asked_key key;
	struct wh_question *fact;
};

struct wh_questions {
	struct wh_asked *bpf;
	int known, classes;
	struct wh_asked_news *ring; /* mapped */
	bool probed; /* there is no tracepoint: what the function is inlined into does not tell */
	struct wh_asked_news *waiting; /* for a stop of their own task */
	size_t n_waiting, waiting_size;
	struct counted *counted;
	size_t n_counted, counted_size;
};

/* ---- start and end --------------------------------------------------------------------------- */

static int load(struct wh_questions *q, bool probe, struct wh_error *e)
{

	q->probed = probe;
	q->bpf = wh_asked__open();
	if (!q->bpf)
		return wh_error_errno(e, errno, "BPF");
	bpf_program__set_autoload(q->bpf->progs.asked, !probe);
	bpf_program__set_autoload(q->bpf->progs.entered, probe);
	bpf_program__set_autoload(q->bpf->progs.returned, probe);
	if (wh_asked__load(q->bpf) < 0)
		return wh_error_errno(e, errno,
				      probe ? "there is no tracepoint cap_capable (it needs Linux "
					      "6.14), and the kernel takes no kprobe"
					    : "the kernel takes no BPF program of this kind");
	return wh_bpf_start_introduce(q->bpf->progs.who_am_i, e);
}

static int attach_probes(struct wh_questions *q, struct wh_error *e)
{
	int err;

	wh_asked__destroy(q->bpf);
	q->bpf = NULL;
	err = load(q, true, e);
	if (err < 0)
		return err;
	/* First the end: a question whose beginning was not seen is left alone there. */
	q->bpf->links.returned = bpf_program__attach(q->bpf->progs.returned);
	if (q->bpf->links.returned)
		q->bpf->links.entered = bpf_program__attach(q->bpf->progs.entered);
	if (!q->bpf->links.entered)
		return wh_error_errno(e, errno,
				      "there is no tracepoint cap_capable (it needs Linux 6.14), "
				      "and no kprobe either");
	return 0;
}

static int begin(struct wh_questions *q, struct wh_error *e)
{
	void *ring;
	int err;

	err = wh_bpf_start_check(e);
	if (err < 0)
		return err;
	wh_bpf_start_quiet();
	err = load(q, false, e);
	if (err < 0)
		return err;
	q->bpf->links.asked = bpf_program__attach(q->bpf->progs.asked);
	if (!q->bpf->links.asked) {
		err = attach_probes(q, e);
		if (err < 0)
			return err;
	}
	ring = mmap(NULL, WH_ASKED_NEWS * sizeof(*q->ring), PROT_READ, MAP_SHARED,
		    bpf_map__fd(q->bpf->maps.news), 0);
	if (ring == MAP_FAILED)
		return wh_error_errno(e, errno, "mmap of a BPF map");
	q->ring = ring;
	q->known = bpf_map__fd(q->bpf->maps.known);
	q->classes = bpf_map__fd(q->bpf->maps.classes);
	return 0;
}

int wh_asked_begin(struct wh_recorder *r, struct wh_run *run)
{
	struct wh_error why = {0};
	wh_auto(buf) note = {0};
	int k;

	r->asked = calloc(1, sizeof(*r->asked));
	if (!r->asked)
		return -ENOMEM;
	if (begin(r->asked, &why) == 0) {
		wh_asked_phase(r);
		return 0;
	}
	wh_asked_free(r);
	wh_buf_adds(&note, NOT_SEEN);
	wh_buf_adds(&note, why.text);
	if (note.failed)
		return -ENOMEM;
	k = wh_trace_add_str(r->trace, &run->engine_notes, WH_LIMIT_NOTES, note.data);
	return k < 0 ? k : 0;
}

void wh_asked_free(struct wh_recorder *r)
{
	struct wh_questions *q = r->asked;

	if (!q)
		return;
	if (q->ring)
		munmap(q->ring, WH_ASKED_NEWS * sizeof(*q->ring));
	wh_asked__destroy(q->bpf);
	free(q->waiting);
	free(q->counted);
	free(q);
	r->asked = NULL;
}

/* ---- facts ----------------------------------------------------------------------------------- */

/* Room for one more at the end of an array. Return: the array, or NULL, and nothing has changed. */
static void *room(void *array, size_t n, size_t *size, size_t of)
{
	void *more;

	if (n < *size)
		return array;
	more = realloc(array, (*size ? *size * 2 : 64) * of);
	if (more)
		*size = *size ? *size * 2 : 64;
	return more;
}

static const char *userns_word(unsigned bits)
{
	return bits & WH_ASKED_INITIAL	? "initial"
	       : bits & WH_ASKED_HOME	? "home"
	       : bits & WH_ASKED_OWN_NS ? "own"
					: "other";
}

static const char *creds_word(unsigned bits)
{
	return bits & WH_ASKED_FOREIGN	    ? "foreign"
	       : bits & WH_ASKED_OVERRIDDEN ? "overridden"
					    : "own";
}

static int key_of(const struct wh_asked_key *asked, struct wh_question *key)
{
	const struct wh_capability *cap = wh_capability_row(asked->cap);
	uint32_t audit = asked->bits & WH_ASKED_COMPAT ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64;
	const struct wh_abi *abi = wh_syscall_abi_audit(audit, asked->nr);

	if (!cap)
		return -ENOENT;
	key->cap = cap->name;
	if (asked->nr != ~0U) {
		key->abi = abi ? abi->name : NULL;
		key->syscall = abi ? wh_syscall_name(abi, asked->nr) : NULL;
	}
	key->userns = userns_word(asked->bits);
	key->creds = creds_word(asked->bits);
	key->granted = asked->bits & WH_ASKED_GRANTED;
	return 0;
}

/* Whose stack this is, if it stands as it did when the kernel asked; else just where the call was made. */
static const struct wh_site *site_of(struct wh_recorder *r, struct wh_task *task,
				     const struct wh_asked_news *one, int event)
{
	struct __ptrace_syscall_info info;

	if (event == PTRACE_EVENT_EXEC || task->executing)
		return task->exec_site;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, task->tid, (void *)sizeof(info), &info) > 0 &&
	    info.instruction_pointer == one->ip && info.stack_pointer == one->sp)
		return wh_site_find(r, task);
	return wh_site_at(r, task, one->ip);
}

static int put_fact(struct wh_recorder *r, struct wh_task *task, const struct wh_asked_news *one,
		    int event)
{
	struct wh_questions *q = r->asked;
	struct wh_question key = {0}, *fact;
	unsigned phase = r->phase;
	struct counted *more;
	int k;

	/* Newer than this whittle: nothing can be made of it. */
	if (key_of(&one->key, &key) < 0)
		return 0;
	more = room(q->counted, q->n_counted, &q->counted_size, sizeof(*more));
	if (!more)
		return -ENOMEM;
	q->counted = more;
	r->phase = one->key.class == WH_ASKED_EXECUTED ? WH_PHASE_EXEC : one->key.phase;
	k = wh_record_fact(r, task, WH_KIND_QUESTION, &key, false, &fact);
	r->phase = phase;
	if (k < 0)
		return k == -ENOMEM ? k : 0;
	fact->f.count--; /* it is what BPF has counted, see wh_asked_finish() */
	if (k == 1) {
		r->news--; /* whether a service has settled does not hang on what the kernel asks by chance */
		fact->f.site = task && event >= 0 ? site_of(r, task, one, event) : NULL;
	}
	q->counted[q->n_counted++] = (struct counted){one->key, fact};
	return 0;
}

/* The launcher and a container's runtime ask for themselves. */
static int judge(struct wh_recorder *r, struct wh_task *task, const struct wh_asked_news *one,
		 int event, bool outside)
{
	/* In the call by which it becomes the container's its program is still the runtime's. */
	if (!outside && task->process->outside)
		return put_fact(r, NULL, one, event);
	if (!outside)
		return put_fact(r, task, one, event);
	/* Another one of the same kind, of what is inside, would else be known. */
	bpf_map_delete_elem(r->asked->known, &one->key);
	return 0;
}

/* ---- stops ----------------------------------------------------------------------------------- */

static int take_news(struct wh_questions *q)
{
	struct wh_asked__bss *bss = q->bpf->bss;
	unsigned tail = bss->tail;

	for (;; tail++) {
		const struct wh_asked_news *one = &q->ring[tail % WH_ASKED_NEWS];
		struct wh_asked_news *more;

		if (__atomic_load_n(&one->ready, __ATOMIC_ACQUIRE) != tail + 1)
			break;
		more = room(q->waiting, q->n_waiting, &q->waiting_size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		q->waiting = more;
		q->waiting[q->n_waiting++] = *one;
		__atomic_store_n(&bss->tail, tail + 1, __ATOMIC_RELEASE);
	}
	return 0;
}

/* Those that waited for @tid, or with @all for any thread of its process. */
static int settle(struct wh_recorder *r, struct wh_task *task, bool all, int event, bool outside)
{
	struct wh_questions *q = r->asked;
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; i < q->n_waiting; i++) {
		const struct wh_asked_news one = q->waiting[i];
		bool its = (pid_t)one.tid == task->tid ||
			   (all && (pid_t)one.tgid == task->process->tgid);

		if (its && err == 0)
			err = judge(r, task, &one, event, outside);
		else
			q->waiting[kept++] = one;
	}
	q->n_waiting = kept;
	return err;
}

static bool is_any(const struct wh_questions *q)
{
	return q->n_waiting ||
	       __atomic_load_n(&q->bpf->bss->head, __ATOMIC_RELAXED) != q->bpf->bss->tail;
}

void wh_asked_phase(struct wh_recorder *r)
{
	struct wh_asked__bss *bss = r->asked ? r->asked->bpf->bss : NULL;

	if (bss && bss->phase != r->service_phase)
		bss->phase = r->service_phase;
	if (bss && bss->home != (uint32_t)r->home.ino)
		bss->home = (uint32_t)r->home.ino;
}

int wh_asked_stop(struct wh_recorder *r, struct wh_task *task, int event, bool outside)
{
	struct wh_questions *q = r->asked;
	int err;

	if (!q)
		return 0;
	wh_asked_phase(r);
	if (!is_any(q))
		return 0;
	err = take_news(q);
	return err < 0 ? err : settle(r, task, event == PTRACE_EVENT_EXEC, event, outside);
}

void wh_asked_resume(struct wh_recorder *r, struct wh_task *task, bool outside)
{
	struct wh_process *process = task->process;
	uint32_t tgid = (uint32_t)process->tgid;
	/* In the call by which it becomes the container's it has the phase of what it was. */
	bool beside = process->phase && process->outside != WH_OUTSIDE_INIT;
	uint32_t class = outside ? WH_ASKED_IGNORED : beside ? WH_ASKED_EXECUTED : WH_ASKED_SERVICE;

	if (!r->asked || process->asked_class == class)
		return;
	process->asked_class = class;
	if (class == WH_ASKED_SERVICE)
		bpf_map_delete_elem(r->asked->classes, &tgid);
	else if (bpf_map_update_elem(r->asked->classes, &tgid, &class, BPF_ANY) < 0)
		__atomic_fetch_add(&r->asked->bpf->bss->lost, 1, __ATOMIC_RELAXED);
	else
		r->asked->bpf->bss->classed = 1;
}

int wh_asked_gone(struct wh_recorder *r, struct wh_task *task)
{
	struct wh_process *process = task->process;
	uint32_t tgid = (uint32_t)process->tgid;
	bool leader = process->tgid == task->tid;
	int err;

	if (!r->asked)
		return 0;
	err = is_any(r->asked) ? take_news(r->asked) : 0;
	if (err == 0)
		err = settle(r, task, leader, -1, process->asked_class == WH_ASKED_IGNORED);
	if (leader && process->asked_class)
		bpf_map_delete_elem(r->asked->classes, &tgid);
	return err;
}

/* ---- the end --------------------------------------------------------------------------------- */

static int add_note(struct wh_recorder *r, struct wh_run *run, uint64_t lost)
{
	char note[160];
	int k = 0;

	if (r->asked->probed)
		k = wh_trace_add_str(r->trace, &run->engine_notes, WH_LIMIT_NOTES,
				     "what capabilities the kernel asked for was seen by a kprobe: "
				     "some questions may be missing");
	snprintf(note, sizeof(note),
		 "%" PRIu64 " of the kernel's questions for capabilities were too many to keep",
		 lost);
	if (k >= 0 && lost)
		k = wh_trace_add_str(r->trace, &run->engine_notes, WH_LIMIT_NOTES, note);
	return k < 0 ? k : 0;
}

int wh_asked_finish(struct wh_recorder *r, struct wh_run *run)
{
	struct wh_questions *q = r->asked;
	uint64_t lost;
	int err;

	if (!q)
		return 0;
	wh_asked__detach(q->bpf);
	lost = q->bpf->bss->lost;
	err = take_news(q);
	/* Of whom nobody was told that it died. */
	for (size_t i = 0; i < q->n_waiting && err == 0; i++)
		err = put_fact(r, NULL, &q->waiting[i], -1);
	q->n_waiting = 0;
	for (size_t i = 0; i < q->n_counted; i++) {
		uint64_t count = 1;

		bpf_map_lookup_elem(q->known, &q->counted[i].key, &count);
		q->counted[i].fact->f.count += count;
	}
	if (err == 0)
		err = add_note(r, run, lost);
	if (err < 0)
		return err;
	run->questions = wh_trace_intern(r->trace, q->probed || lost ? "part" : "all");
	return run->questions ? 0 : -ENOMEM;
}

#endif
