// SPDX-License-Identifier: Apache-2.0
#include "tracer/site.h"

#include <fcntl.h>
#include <libunwind-ptrace.h>
#include <limits.h>
#include <sys/uio.h>

#include "tracer/mapped.h"
#include "tracer/procfs.h"
#include "tracer/symbol.h"

#define SPACES	   16	/* processes whose unwind tables libunwind keeps */
#define MAPS_MAX   4096 /* executable mappings of a process that are looked at */
#define FRAME_TEXT 256
#define EXECS	   256 /* programs of which calls to execve() are counted … */
#define EXEC_SITES 16  /* … and so many of them unwound */

/* What libunwind remembers of a process. */
struct space {
	pid_t tgid;
	unw_addr_space_t as;
	uint64_t used;
};

struct exec_count {
	const char *program; /* interned */
	unsigned n;
};

struct wh_site_finder {
	struct space space[SPACES];
	uint64_t clock;
	/* One stop often makes several facts: they have one site. */
	pid_t last_tid;
	uint64_t last_stop;
	const struct wh_site *last;
	struct exec_count exec[EXECS];
};

/* One executable mapping; the text of its line is kept for the path. */
struct module {
	struct wh_procfs_map map;
	char *line;
	bool checked, genuine; /* the file of that path is the one that is mapped */
	bool readable;	       /* … and @symbols is open */
	struct wh_symbols symbols;
};

struct modules {
	struct module *v;
	size_t n;
};

struct stack {
	char text[WH_SITE_FRAMES][FRAME_TEXT];
	const char *v[WH_SITE_FRAMES];
	size_t n;
};

struct wh_site_finder *wh_site_new(void)
{
	return calloc(1, sizeof(struct wh_site_finder));
}

static void space_clear(struct space *s)
{
	if (s->as)
		unw_destroy_addr_space(s->as);
	*s = (struct space){0};
}

void wh_site_free(struct wh_site_finder *finder)
{
	if (!finder)
		return;
	for (size_t i = 0; i < SPACES; i++)
		space_clear(&finder->space[i]);
	free(finder);
}

void wh_site_forget(struct wh_site_finder *finder, pid_t tgid)
{
	for (size_t i = 0; i < SPACES; i++)
		if (finder->space[i].tgid == tgid)
			space_clear(&finder->space[i]);
	finder->last = NULL;
}

/* ---- modules --------------------------------------------------------------------------------- */

static void modules_free(struct modules *m)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->v[i].readable)
			wh_symbol_close(&m->v[i].symbols);
		free(m->v[i].line);
	}
	free(m->v);
}

static int modules_read(struct wh_recorder *r, pid_t pid, struct modules *m)
{
	char name[32], line[PATH_MAX + 128];
	wh_auto(file) f = NULL;
	int fd;

	snprintf(name, sizeof(name), "%d/maps", pid);
	fd = openat(r->proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	m->v = calloc(MAPS_MAX, sizeof(*m->v));
	if (!m->v)
		return -ENOMEM;
	while (m->n < MAPS_MAX && fgets(line, sizeof(line), f)) {
		struct module *mod = &m->v[m->n];

		line[strcspn(line, "\n")] = '\0';
		/* r-xp: the others cannot hold code, and are most of the lines. */
		if (!strstr(line, "x") || !(mod->line = strdup(line)))
			continue;
		if (wh_procfs_map_parse(mod->line, &mod->map) < 0 || !mod->map.exec)
			free(wh_take(mod->line));
		else
			m->n++;
	}
	return 0;
}

static struct module *module_of(struct modules *m, uint64_t ip)
{
	for (size_t i = 0; i < m->n; i++)
		if (ip >= m->v[i].map.start && ip < m->v[i].map.end)
			return &m->v[i];
	return NULL;
}

/* Whether the mapped file itself can be looked into, and not just one of its name. */
static bool is_genuine(struct wh_recorder *r, struct wh_task *task, struct module *mod)
{
	if (!mod->checked && mod->map.path && mod->map.path[0] == '/')
		mod->genuine = wh_mapped_open(r, task, &mod->map, &mod->symbols, &mod->readable);
	mod->checked = true;
	return mod->genuine;
}

static void module_name(const struct module *mod, char *ret, size_t size)
{
	static const char deleted[] = " (deleted)";
	const char *path = mod && mod->map.path ? mod->map.path : "[anonymous]";
	const char *slash = strrchr(path, '/');
	size_t len;

	path = slash ? slash + 1 : path;
	len = strlen(path);
	if (len > sizeof(deleted) && strcmp(path + len - sizeof(deleted) + 1, deleted) == 0)
		len -= sizeof(deleted) - 1;
	if (len > 100)
		len = 100;
	/* "[anon:v8 heap]": of memory without a file, only what kind it is. */
	snprintf(ret, size, "%.*s", (int)len, path);
}

/* ---- libunwind ------------------------------------------------------------------------------- */

/*
 * Of libunwind's accessors for ptrace only those of memory and registers are used. Theirs of the unwind
 * tables maps the file and believes its headers: who truncates it would kill the tracer.
 */
struct reach {
	struct wh_recorder *r;
	struct wh_task *task;
	struct modules *modules;
	void *upt;
};

/* Exported by libunwind for those who find the tables themselves, but in none of its headers. */
extern int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t as, unw_word_t ip,
					      unw_dyn_info_t *di, unw_proc_info_t *pi,
					      int need_unwind_info, void *arg);

/* The head of .eh_frame_hdr (Linux Standard Base, Core, 10.6.2) with the encodings that linkers write. */
struct eh_frame_hdr {
	unsigned char version, frame_encoding, count_encoding, table_encoding;
	int32_t frame;
	uint32_t count;
};

static int find_proc_info(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *pi,
			  int need_unwind_info, void *arg)
{
	struct reach *reach = arg;
	struct module *mod = module_of(reach->modules, ip);
	struct eh_frame_hdr head;
	struct iovec local = {&head, sizeof(head)}, remote = {.iov_len = sizeof(head)};
	unw_dyn_info_t di = {.format = UNW_INFO_FORMAT_REMOTE_TABLE};
	uint64_t address, index;

	if (!mod || !is_genuine(reach->r, reach->task, mod) || !mod->readable ||
	    !wh_symbol_unwind_table(&mod->symbols, ip - mod->map.start + mod->map.offset, &address,
				    &index))
		return -UNW_ENOINFO;
	index += ip - address;
	remote.iov_base = (void *)(uintptr_t)index;
	if (process_vm_readv(reach->task->tid, &local, 1, &remote, 1, 0) != sizeof(head))
		return -UNW_ENOINFO;
	/* 4-byte offsets: from their own place, absolute, and from the index's beginning. */
	if (head.version != 1 || head.frame_encoding != 0x1b || head.count_encoding != 0x03 ||
	    head.table_encoding != 0x3b || !head.count)
		return -UNW_ENOINFO;
	di.start_ip = mod->map.start;
	di.end_ip = mod->map.end;
	di.u.rti.segbase = index;
	di.u.rti.table_data = index + sizeof(head);
	/* In words, of which each of the table's pairs of offsets is one. */
	di.u.rti.table_len = head.count;
	return UNW_OBJ(dwarf_search_unwind_table)(as, ip, &di, pi, need_unwind_info, arg);
}

static void put_unwind_info(unw_addr_space_t as, unw_proc_info_t *pi, void *arg)
{
	(void)as, (void)pi, (void)arg; /* nothing was got */
}

static int get_dyn_info_list_addr(unw_addr_space_t as, unw_word_t *ret, void *arg)
{
	(void)as, (void)ret, (void)arg;
	return -UNW_ENOINFO;
}

static int access_mem(unw_addr_space_t as, unw_word_t addr, unw_word_t *value, int write, void *arg)
{
	return _UPT_access_mem(as, addr, value, write, ((struct reach *)arg)->upt);
}

static int access_reg(unw_addr_space_t as, unw_regnum_t reg, unw_word_t *value, int write,
		      void *arg)
{
	return _UPT_access_reg(as, reg, value, write, ((struct reach *)arg)->upt);
}

static int access_fpreg(unw_addr_space_t as, unw_regnum_t reg, unw_fpreg_t *value, int write,
			void *arg)
{
	return _UPT_access_fpreg(as, reg, value, write, ((struct reach *)arg)->upt);
}

static int resume(unw_addr_space_t as, unw_cursor_t *cursor, void *arg)
{
	(void)as, (void)cursor, (void)arg;
	return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t as, unw_word_t ip, char *name, size_t size,
			 unw_word_t *offset, void *arg)
{
	(void)as, (void)ip, (void)name, (void)size, (void)offset, (void)arg;
	return -UNW_ENOINFO;
}

static unw_accessors_t accessors = {
	.find_proc_info = find_proc_info,
	.put_unwind_info = put_unwind_info,
	.get_dyn_info_list_addr = get_dyn_info_list_addr,
	.access_mem = access_mem,
	.access_reg = access_reg,
	.access_fpreg = access_fpreg,
	.resume = resume,
	.get_proc_name = get_proc_name,
};

static unw_addr_space_t space_of(struct wh_site_finder *finder, pid_t tgid)
{
	struct space *s = &finder->space[0];

	for (size_t i = 0; i < SPACES; i++) {
		if (finder->space[i].tgid == tgid) {
			s = &finder->space[i];
			break;
		}
		if (finder->space[i].used < s->used)
			s = &finder->space[i];
	}
	if (s->tgid != tgid) {
		space_clear(s);
		s->as = unw_create_addr_space(&accessors, 0);
		if (!s->as)
			return NULL;
		unw_set_caching_policy(s->as, UNW_CACHE_GLOBAL);
		s->tgid = tgid;
	}
	s->used = ++finder->clock;
	return s->as;
}

/* ---- frames ---------------------------------------------------------------------------------- */

static void frame(struct wh_recorder *r, struct wh_task *task, struct stack *stack,
		  struct module *mod, uint64_t ip)
{
	uint64_t offset = ip - mod->map.start + mod->map.offset, into;
	char *text = stack->text[stack->n], name[128];
	const char *function;

	module_name(mod, name, sizeof(name));
	/* A return address may be the first byte behind a function whose last act is a call. */
	if (is_genuine(r, task, mod) && mod->readable &&
	    wh_symbol_find(&mod->symbols, offset - (stack->n > 0), &function, &into))
		snprintf(text, FRAME_TEXT, "%s:%.*s+0x%llx", name, 100, function,
			 (unsigned long long)into + (stack->n > 0));
	else if (mod->map.path)
		snprintf(text, FRAME_TEXT, "%s+0x%llx", name, (unsigned long long)offset);
	else
		/* Code that was made at run time: its address means nothing to another run. */
		snprintf(text, FRAME_TEXT, "%s", name);
	stack->v[stack->n++] = text;
}

/*
 * Where there are no unwind tables libunwind guesses by the frame pointer, which may be anything. An
 * address is one of return only if a call stands before it.
 */
static bool follows_call(pid_t tid, uint64_t ip)
{
	unsigned char b[8] = {0};
	struct iovec local = {b, sizeof(b)};
	struct iovec remote = {(void *)(uintptr_t)(ip - sizeof(b)), sizeof(b)};

	if (process_vm_readv(tid, &local, 1, &remote, 1, 0) != (ssize_t)sizeof(b))
		return false;
#if defined(__x86_64__)
	if (b[3] == 0xe8) /* call rel32 */
		return true;
	/* call r/m64: ff /2, with the bytes that its addressing takes */
	for (size_t at = 1; at <= 6; at++) {
		unsigned mod = b[at + 1] >> 6, rm = b[at + 1] & 7;
		size_t len = 2 + (mod != 3 && rm == 4) + (mod == 1) +
			     4 * (mod == 2 || (mod == 0 && rm == 5));

		if (b[at] == 0xff && (b[at + 1] >> 3 & 7) == 2 && at + len == sizeof(b))
			return true;
	}
	return false;
#elif defined(__aarch64__)
	uint32_t word;

	memcpy(&word, b + 4, sizeof(word));
	return (word & 0xfc000000) == 0x94000000 || (word & 0xfffffc1f) == 0xd63f0000;
#else
	return true;
#endif
}

static void unwind(struct wh_recorder *r, struct wh_task *task, struct modules *modules,
		   struct stack *stack)
{
	unw_addr_space_t as = space_of(r->sites, task->process->tgid);
	struct reach reach = {r, task, modules, as ? _UPT_create(task->tid) : NULL};
	unw_cursor_t cursor;
	bool exact = true; /* of the innermost frame the kernel told the address */

	if (!reach.upt || unw_init_remote(&cursor, as, &reach) < 0)
		goto out;
	do {
		struct module *mod;
		unw_word_t ip;

		if (unw_get_reg(&cursor, UNW_REG_IP, &ip) < 0)
			break;
		mod = module_of(modules, ip);
		/* The walk has gone astray, or has come to its end. */
		if (!mod || (!exact && !follows_call(task->tid, ip)))
			break;
		frame(r, task, stack, mod, ip);
		if (!mod->genuine)
			break;
		/* What a signal interrupted need not be at a call; nor is the handler's return. */
		exact = unw_is_signal_frame(&cursor) > 0;
	} while (stack->n < WH_SITE_FRAMES && unw_step(&cursor) > 0);
out:
	if (reach.upt)
		_UPT_destroy(reach.upt);
}

/*
 * libunwind for x86-64 cannot walk an i386 stack. The kernel's entry page, where most of its calls
 * are made, pushes three registers and has the caller's address behind them
 * (arch/x86/entry/vdso/vdso32/system_call.S).
 */
static void look_up_i386(struct wh_recorder *r, struct wh_task *task, struct modules *modules,
			 struct stack *stack)
{
	struct module *mod = module_of(modules, task->call.ip);
	uint32_t back;
	struct iovec local = {&back, sizeof(back)};
	struct iovec remote = {(void *)(uintptr_t)(task->call.sp + 12), sizeof(back)};

	if (mod)
		frame(r, task, stack, mod, task->call.ip);
	if (!mod || !mod->map.path || strcmp(mod->map.path, "[vdso]") != 0 ||
	    process_vm_readv(task->tid, &local, 1, &remote, 1, 0) != sizeof(back))
		return;
	mod = module_of(modules, back);
	if (mod)
		frame(r, task, stack, mod, back);
}

static const struct wh_site *make(struct wh_recorder *r, struct wh_task *task,
				  const struct stack *stack)
{
	struct wh_site site = {
		.program = task->process->program ? task->process->program : "?",
		.argv = task->process->argv,
		.stack = {.v = (const char **)stack->v, .n = stack->n},
	};

	return wh_trace_site(r->trace, &site);
}

static const struct wh_site *find(struct wh_recorder *r, struct wh_task *task)
{
	struct modules modules = {0};
	const struct wh_site *site = NULL;
	struct stack *stack = calloc(1, sizeof(*stack));
	const struct wh_abi *abi = task->call.abi;

	if (stack && modules_read(r, task->process->tgid, &modules) == 0) {
		if (abi && strcmp(abi->name, "i386") == 0)
			look_up_i386(r, task, &modules, stack);
		else
			unwind(r, task, &modules, stack);
		site = make(r, task, stack);
	}
	modules_free(&modules);
	free(stack);
	return site;
}

const struct wh_site *wh_site_at(struct wh_recorder *r, struct wh_task *task, uint64_t ip)
{
	struct modules modules = {0};
	const struct wh_site *site = NULL;
	struct stack stack = {.n = 0};
	struct module *mod;

	if (modules_read(r, task->process->tgid, &modules) == 0) {
		mod = module_of(&modules, ip);
		if (mod)
			frame(r, task, &stack, mod, ip);
		site = make(r, task, &stack);
	}
	modules_free(&modules);
	return site;
}

const struct wh_site *wh_site_find(struct wh_recorder *r, struct wh_task *task)
{
	static const struct stack nothing;
	struct wh_site_finder *f = r->sites;

	/* The stack of who executed is gone with the old program; the launcher's is of no interest. */
	if (task->executing)
		return task->exec_site ? task->exec_site : make(r, task, &nothing);
	if (f->last && f->last_tid == task->tid && f->last_stop == r->stops)
		return f->last;
	f->last = find(r, task);
	f->last_tid = task->tid;
	f->last_stop = r->stops;
	return f->last;
}

int wh_site_before_exec(struct wh_recorder *r, struct wh_task *task)
{
	const char *program = task->process->program;
	struct exec_count *slot = NULL;

	task->exec_site = NULL;
	if (task->executing)
		return 0;
	for (size_t i = 0; i < EXECS && !slot; i++)
		if (!r->sites->exec[i].program || r->sites->exec[i].program == program)
			slot = &r->sites->exec[i];
	/* A shell may execute without end: unwinding each of them would slow it for nothing new. */
	if (!slot || !program || slot->n == EXEC_SITES)
		return 0;
	slot->program = program;
	slot->n++;
	task->exec_site = wh_site_find(r, task);
	return task->exec_site ? 0 : -ENOMEM;
}
