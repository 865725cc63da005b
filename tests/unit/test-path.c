/* SPDX-License-Identifier: Apache-2.0 */
/* The walk against a tree of its own, with that tree as the root of the pretended task. */
#include "tracer/path.h"

#include <CUnit/Basic.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tracer/memory.h"
#include "tracer/path_impl.h"

static char top[] = "/tmp/whittle-path.XXXXXX";
static int root = -1, dir = -1;

static const char *const links[][2] = {
	{"/a/b/file", "absolute"}, {"b/file", "a/relative"}, {"../../../../a/b", "a/b/up"},
	{"loop2", "loop"},	   {"loop", "loop2"},	     {"/nowhere/else", "dangling"},
	{"a/", "slash"},	   {"fifo", "to-fifo"},
};

static int set_up(void)
{
	if (!mkdtemp(top))
		return 1;
	root = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || mkdirat(root, "a", 0755) || mkdirat(root, "a/b", 0755) ||
	    mkdirat(root, "closed", 0700) || mknodat(root, "a/b/file", S_IFREG | 0640, 0) ||
	    mknodat(root, "fifo", S_IFIFO | 0600, 0) ||
	    mknodat(root, "a/gone (deleted)", S_IFREG | 0600, 0))
		return 1;
	dir = openat(root, "a", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < WH_ARRAY_SIZE(links); i++)
		if (symlinkat(links[i][0], root, links[i][1]) < 0)
			return 1;
	return dir < 0;
}

static int tear_down(void)
{
	char command[64];

	close(root);
	close(dir);
	snprintf(command, sizeof(command), "rm -r %s", top);
	return system(command);
}

/* Walk from the folder "a"; the answer is compared without the tree's own name in front. */
static struct wh_place walk(const char *path, unsigned flags)
{
	struct wh_path_start start = {.root = root, .dir = dir, .root_text = top};
	char dir_text[64];
	struct wh_place place;

	snprintf(dir_text, sizeof(dir_text), "%s/a", top);
	start.dir_text = dir_text;
	CU_ASSERT_FATAL(wh_path_walk(&start, path, flags, &place) == 0);
	return place;
}

static void leads(const char *path, unsigned flags, const char *want, bool exists)
{
	struct wh_place place = walk(path, flags);
	const char *have = place.path ? place.path + strlen(top) : "(nothing)";

	if (strcmp(have, want) != 0 || place.exists != exists)
		printf("\n  %s: must be %s, is %s (exists: %d)\n", path, want, have, place.exists);
	CU_ASSERT(strcmp(have, want) == 0);
	CU_ASSERT(place.exists == exists);
	CU_ASSERT(place.valid && place.resolved);
	wh_path_clear(&place);
}

static void test_plain(void)
{
	leads("/a/b/file", 0, "/a/b/file", true);
	leads("b/file", 0, "/a/b/file", true);
	leads("//a///b//file", 0, "/a/b/file", true);
	leads("./b/./file", 0, "/a/b/file", true);
	leads("/", 0, "", true);
	leads(".", 0, "/a", true);
	leads("b/", 0, "/a/b", true);
	leads("b/none", 0, "/a/b/none", false);
	leads("none/", 0, "/a/none", false);
	leads("none/x/../y", 0, "/a/none/x/../y", false);
	/* A file where a directory ought to be: the kernel says ENOTDIR. */
	leads("b/file/x", 0, "/a/b/file/x", false);
}

static void test_parents(void)
{
	leads("..", 0, "", true);
	leads("../a/b", 0, "/a/b", true);
	leads("../../../../a/b", 0, "/a/b", true);
	leads("/../a/b/../b/file", 0, "/a/b/file", true);
	leads("b/..", 0, "/a", true);
}

static void test_links(void)
{
	leads("/absolute", 0, "/absolute", true);
	leads("/absolute", WH_PATH_FOLLOW, "/a/b/file", true);
	leads("relative", WH_PATH_FOLLOW, "/a/b/file", true);
	leads("b/up/up/../b/up/file", 0, "/a/b/file", true);
	leads("/slash/b/file", 0, "/a/b/file", true);
	leads("/slash", WH_PATH_FOLLOW, "/a", true);
	/* With a slash behind it a link is followed whatever the call says. */
	leads("/slash/", 0, "/a", true);
	leads("/dangling", WH_PATH_FOLLOW, "/nowhere/else", false);
	leads("/dangling", 0, "/dangling", true);
	leads("/loop", WH_PATH_FOLLOW, "/loop", false);
	leads("/loop/x", 0, "/loop/x", false);
	leads("/absolute", WH_PATH_FOLLOW | WH_PATH_NO_SYMLINKS, "/absolute", false);
}

static void test_in_root(void)
{
	/* RESOLVE_IN_ROOT: the folder "a" is the root, for links too. */
	leads("/b/file", WH_PATH_IN_ROOT, "/a/b/file", true);
	leads("/../../b/file", WH_PATH_IN_ROOT, "/a/b/file", true);
	leads("../..", WH_PATH_IN_ROOT, "/a", true);
}

static void test_attributes(void)
{
	struct wh_place place = walk("b/file", 0);
	struct stat st, parent;

	CU_ASSERT_FATAL(fstatat(root, "a/b/file", &st, 0) == 0);
	CU_ASSERT_FATAL(fstatat(root, "a/b", &parent, 0) == 0);
	CU_ASSERT(place.mode == st.st_mode && place.ino == st.st_ino && place.dev == st.st_dev);
	CU_ASSERT(place.uid == st.st_uid && place.nlink == 1);
	CU_ASSERT(place.dir_mode == parent.st_mode && place.dir_uid == parent.st_uid);
	wh_path_clear(&place);
	place = walk("b/none", 0);
	CU_ASSERT(!place.exists && place.dir_mode == parent.st_mode);
	wh_path_clear(&place);
	/* A fifo is looked at, not opened: that would wait for a writer. */
	place = walk("/to-fifo", WH_PATH_FOLLOW);
	CU_ASSERT(place.exists && S_ISFIFO(place.mode));
	wh_path_clear(&place);
}

static void test_limits(void)
{
	char path[PATH_MAX + 8];
	struct wh_place place;

	memset(path, 'n', sizeof(path));
	path[256] = '\0';
	place = walk(path, 0);
	CU_ASSERT(place.valid && !place.resolved);
	wh_path_clear(&place);
	path[255] = '\0';
	leads("b/file", 0, "/a/b/file", true);
	place = walk(path, 0);
	CU_ASSERT(place.resolved && !place.exists);
	wh_path_clear(&place);
	for (size_t i = 0; i < sizeof(path) - 1; i += 2)
		memcpy(path + i, "./", 2);
	path[PATH_MAX - 1] = '\0';
	leads(path, 0, "/a", true);
	path[PATH_MAX - 1] = '/';
	path[PATH_MAX] = '\0';
	place = walk(path, 0);
	CU_ASSERT(place.valid && !place.resolved);
	wh_path_clear(&place);
}

static void clean(const char *text, unsigned long nlink, const char *want)
{
	char buf[64];
	bool is;

	strcpy(buf, text);
	is = wh_path_clean(buf, nlink);
	CU_ASSERT(is == (want != NULL));
	if (is && want)
		CU_ASSERT_STRING_EQUAL(buf, want);
}

static void test_clean(void)
{
	clean("/a/b", 1, "/a/b");
	clean("/a/b (deleted)", 0, "/a/b");
	clean("/a/b (deleted)", 1, "/a/b (deleted)");
	clean("/ (deleted)", 0, "/");
	clean("/a/#123 (deleted)", 0, "/a/#@{int}");
	clean("/a/#1 (deleted)", 0, "/a/#@{int}");
	clean("/a/#12x (deleted)", 0, "/a/#12x");
	clean("/a/# (deleted)", 0, "/a/#");
	clean("/a/#123", 1, "/a/#123");
	clean("pipe:[17]", 1, NULL);
	clean("socket:[17]", 1, NULL);
	clean("anon_inode:[eventpoll]", 1, NULL);
	clean("/memfd:x (deleted)", 0, NULL);
	clean("/memfd:x", 1, "/memfd:x");
	clean("", 1, NULL);
}

/* ---- from a task ----------------------------------------------------------------------------- */

/* This process is the task; its root is our own. */
static void test_task(void)
{
	struct wh_process process = {.tgid = getpid()};
	struct wh_task task = {.tid = getpid(), .process = &process};
	struct wh_recorder r = {.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)};
	char path[128], want[128];
	struct wh_place place;
	int fds[2];
	wh_auto(fd) file = -1;

	/* Its credentials are filled in, so that nobody asks for them. */
	task.creds_valid = true;
	snprintf(path, sizeof(path), "%s/a/gone (deleted)", top);
	file = open(path, O_RDONLY | O_CLOEXEC);
	CU_ASSERT_FATAL(file >= 0);
	CU_ASSERT(wh_path_fd(&r, &task, file, &place) == 0);
	CU_ASSERT(place.path && strcmp(place.path, path) == 0);
	wh_path_clear(&place);
	CU_ASSERT(unlink(path) == 0);
	CU_ASSERT(wh_path_fd(&r, &task, file, &place) == 0);
	CU_ASSERT(place.path && strcmp(place.path, path) == 0);
	wh_path_clear(&place);

	CU_ASSERT_FATAL(pipe(fds) == 0);
	CU_ASSERT(wh_path_fd(&r, &task, fds[0], &place) == 0);
	CU_ASSERT(place.valid && place.resolved && !place.path);
	wh_path_clear(&place);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
	CU_ASSERT(wh_path_resolve(&r, &task, AT_FDCWD, path, WH_PATH_FOLLOW, &place) == 0);
	CU_ASSERT(place.resolved && !place.path && S_ISFIFO(place.mode));
	wh_path_clear(&place);
	close(fds[0]);
	close(fds[1]);

	snprintf(want, sizeof(want), "/proc/%d/status", getpid());
	CU_ASSERT(wh_path_resolve(&r, &task, AT_FDCWD, "/proc/self/status", 0, &place) == 0);
	CU_ASSERT(place.path && strcmp(place.path, want) == 0);
	wh_path_clear(&place);
	snprintf(want, sizeof(want), "/proc/%d/task/%d/comm", getpid(), getpid());
	CU_ASSERT(wh_path_resolve(&r, &task, AT_FDCWD, "/proc/thread-self/comm", 0, &place) == 0);
	CU_ASSERT(place.path && strcmp(place.path, want) == 0);
	wh_path_clear(&place);
	CU_ASSERT(wh_path_resolve(&r, &task, 999, "x", 0, &place) == 0);
	CU_ASSERT(place.valid && !place.resolved);
	wh_path_clear(&place);
	CU_ASSERT(wh_path_resolve(&r, &task, AT_FDCWD, "", 0, &place) == 0);
	CU_ASSERT(!place.valid);
	close(r.proc_fd);
}

/* ---- straight down ---------------------------------------------------------------------------- */

static bool same_place(const struct wh_place *a, const struct wh_place *b)
{
	return a->valid == b->valid && a->resolved == b->resolved && !a->path == !b->path &&
	       (!a->path || strcmp(a->path, b->path) == 0) && a->exists == b->exists &&
	       a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->dev == b->dev &&
	       a->ino == b->ino && a->nlink == b->nlink && a->dir_mode == b->dir_mode &&
	       a->dir_uid == b->dir_uid && a->dir_gid == b->dir_gid &&
	       a->search_denied == b->search_denied;
}

/* The short way must say what the long one says; @straight: whether it is to be taken at all. */
static void agree(struct wh_recorder *r, struct wh_task *task, const char *path, unsigned flags,
		  bool straight)
{
	char full[192], dir_text[64];
	struct wh_path_start start = {.root_text = "", .dir = dir, .dir_text = dir_text};
	wh_auto(fd) slash = open("/", O_PATH | O_CLOEXEC);
	struct wh_place place[3] = {0};
	bool taken;

	snprintf(full, sizeof(full), "%s/%s", top, path);
	snprintf(dir_text, sizeof(dir_text), "%s/a", top);
	start.root = slash;
	start.r = r;
	start.task = task;
	/* From the root, and from a directory. */
	for (int i = 0; i < 2; i++) {
		const char *p = i ? path : full;

		CU_ASSERT_FATAL(wh_path_walk(&start, p, flags, &place[0]) == 0);
		CU_ASSERT(wh_path_resolve(r, task, dir, p, flags, &place[1]) == 0);
		if (!same_place(&place[0], &place[1]))
			printf("\n  %s (%u): %s, not %s\n", p, flags,
			       place[1].path ? place[1].path : "-",
			       place[0].path ? place[0].path : "-");
		CU_ASSERT(same_place(&place[0], &place[1]));
		taken = false;
		/* A mount that someone makes at that moment lets the kernel have to ask. */
		for (int n = 0; n < 20 && !taken && wh_path_is_straight(p, flags); n++)
			taken = wh_path_straight(r, task, i ? dir : AT_FDCWD, i ? dir_text : "", p,
						 flags, &place[2]) == 1;
		if (i == 0)
			CU_ASSERT(taken == straight);
		CU_ASSERT(!taken || same_place(&place[0], &place[2]));
		for (int k = 0; k < 3; k++)
			wh_path_clear(&place[k]);
	}
}

static void agree_all(struct wh_recorder *r, struct wh_task *task)
{
	static const struct {
		const char *path;
		unsigned flags;
		bool straight;
	} v[] = {
		{"a/b/file", 0, true},
		{"a/b/file", WH_PATH_FOLLOW, true},
		{"a/b/none", WH_PATH_FOLLOW, true},
		{"a/b", 0, true},
		{"a", 0, true},
		{"b", 0, true},
		{"b/file", 0, false}, /* of the top, that is */
		{"fifo", WH_PATH_FOLLOW, true},
		{"absolute", 0, true},
		{"absolute", WH_PATH_FOLLOW, false},
		{"dangling", WH_PATH_FOLLOW, false},
		{"a/relative", 0, true},
		{"a/relative", WH_PATH_FOLLOW, false},
		{"relative", WH_PATH_FOLLOW, true}, /* none in the top */
		{"slash/b/file", 0, false},
		{"a/b/up/a/b/file", 0, false},
		{"a/b/file/x", 0, false},
		{"a/none/x", 0, false},
		{"a//b", 0, false},
		{"a/./b", 0, false},
		{"a/../fifo", 0, false},
		{"a/b/", 0, false},
		{"closed/none", 0, true},
		{"a/b/file", WH_PATH_NO_SYMLINKS, false},
		{"a/b/...", 0, true},
		{"a/b/..x", 0, true},
	};

	for (size_t i = 0; i < WH_ARRAY_SIZE(v); i++)
		agree(r, task, v[i].path, v[i].flags, v[i].straight);
}

/* Nothing is remembered: each change shows at the next look. */
static void test_straight(void)
{
	struct wh_process process = {.tgid = getpid()};
	struct wh_task task = {.tid = getpid(), .process = &process, .creds_valid = true};
	struct wh_recorder r = {.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)};
	char path[64];
	struct wh_place place;

	CU_ASSERT_FATAL(wh_userns_read(r.proc_fd, getpid(), &r.home) == 0);
	task.creds.userns = r.home.ino;
	/* As root, to whom nothing is closed, and as one who has to ask. */
	agree_all(&r, &task);
	task.creds.fsuid = task.creds.fsgid = 4711;
	agree_all(&r, &task);
	snprintf(path, sizeof(path), "%s/closed/none", top);
	CU_ASSERT(wh_path_resolve(&r, &task, AT_FDCWD, path, 0, &place) == 0);
	CU_ASSERT(place.search_denied);
	wh_path_clear(&place);
	/* A directory above the parent is closed, and opened again. */
	CU_ASSERT(fchmodat(root, "a", 0700, 0) == 0);
	agree_all(&r, &task);
	snprintf(path, sizeof(path), "%s/a/b/file", top);
	CU_ASSERT(wh_path_resolve(&r, &task, AT_FDCWD, path, 0, &place) == 0);
	CU_ASSERT(place.search_denied && place.exists);
	wh_path_clear(&place);
	CU_ASSERT(fchmodat(root, "a", 0755, 0) == 0);
	agree_all(&r, &task);
	/* A symlink takes the place of a directory on the way, then its target is another one. */
	CU_ASSERT(renameat(root, "a/b", root, "a/c") == 0);
	agree(&r, &task, "a/b/file", 0, false);
	CU_ASSERT(symlinkat("c", root, "a/b") == 0);
	agree(&r, &task, "a/b/file", 0, false);
	CU_ASSERT(unlinkat(root, "a/b", 0) == 0 && symlinkat("../closed", root, "a/b") == 0);
	agree(&r, &task, "a/b/file", 0, false);
	CU_ASSERT(unlinkat(root, "a/b", 0) == 0 && renameat(root, "a/c", root, "a/b") == 0);
	agree_all(&r, &task);
	close(r.proc_fd);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void test_memory(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *map =
		mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char text[PATH_MAX];
	uint64_t at = (uintptr_t)map;

	CU_ASSERT_FATAL(map != MAP_FAILED && munmap(map + 2 * page, page) == 0);
	memset(map, 'x', 2 * page);
	/* A string over two pages that ends with the second, and one that has no end. */
	map[2 * page - 1] = '\0';
	CU_ASSERT(wh_memory_read_text(getpid(), at + page - 10, text, sizeof(text)) ==
			  -ENAMETOOLONG ||
		  page + 9 < sizeof(text));
	CU_ASSERT(wh_memory_read_text(getpid(), at + 2 * page - 10, text, sizeof(text)) == 9);
	map[2 * page - 1] = 'x';
	CU_ASSERT(wh_memory_read_text(getpid(), at + 2 * page - 10, text, sizeof(text)) == -EFAULT);
	CU_ASSERT(wh_memory_read_text(getpid(), at, text, 16) == -ENAMETOOLONG);
	CU_ASSERT(strlen(text) == 15);
	CU_ASSERT(wh_memory_read_text(getpid(), 0, text, sizeof(text)) == -EFAULT);
	CU_ASSERT(wh_memory_read_text(getpid(), UINT64_MAX, text, sizeof(text)) == -EFAULT);
	CU_ASSERT(wh_memory_read_text(getpid(), UINT64_MAX - 4000, text, sizeof(text)) == -EFAULT);
	CU_ASSERT(wh_memory_read(getpid(), at + 2 * page - 4, text, 8) == 4);
	CU_ASSERT(wh_memory_read_all(getpid(), at + 2 * page - 4, text, 8) == -EFAULT);
	munmap(map, 2 * page);
}

int main(void)
{
	static CU_TestInfo tests[] = {
		{"plain paths", test_plain},
		{"..", test_parents},
		{"symlinks", test_links},
		{"RESOLVE_IN_ROOT", test_in_root},
		{"attributes", test_attributes},
		{"limits", test_limits},
		{"texts of links", test_clean},
		{"straight down", test_straight},
		{"from a task", test_task},
		{"memory", test_memory},
		CU_TEST_INFO_NULL,
	};
	static CU_SuiteInfo suites[] = {
		{"path", set_up, tear_down, NULL, NULL, tests},
		CU_SUITE_INFO_NULL,
	};
	unsigned failures;

	if (CU_initialize_registry() || CU_register_suites(suites))
		return 2;
	CU_basic_run_tests();
	failures = CU_get_number_of_failures() + CU_get_number_of_suites_failed();
	CU_cleanup_registry();
	return failures ? 1 : 0;
}
