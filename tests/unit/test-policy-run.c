// SPDX-License-Identifier: Apache-2.0
/* How a container is to be run: each suggestion, and what speaks against it. */
#include <CUnit/Basic.h>

#include "gen/emit.h"
#include "gen/explain.h"

#define MOUNTS                                                                                     \
	"\"mounts\":[\"root rw overlay /\",\"kernel rw proc /proc\",\"bind rw ext4 /etc/hosts\","  \
	"\"volume rw ext4 /data\",\"bind ro ext4 /etc/app.conf\",\"tmpfs rw tmpfs /dev/shm\"],"
#define PEAK(n) "\"peak_tasks\":" n ","
#define RUN(more, uid)                                                                             \
	"{\"format\":\"whittle-trace\",\"version\":1,\"complete\":true,\"runs\":[{\"id\":"         \
	"\"0123456789abcdef\",\"name\":\"demo\",\"tool\":\"t\",\"kernel\":\"k\",\"arch\":"         \
	"\"x86_64\",\"argv\":[\"/bin/demo\"],\"outcome\":\"exited 0\",\"failed\":false,"           \
	"\"complete\":true,\"uid\":" uid ",\"gid\":" uid ",\"no_new_privs\":false," more           \
	"\"seccomp_mode\":0,\"ip_unprivileged_port_start\":0,\"engine\":\"plain\","                \
	"\"stops\":0,\"tasks\":1,\"duration_ms\":1}]"
#define IN_CONTAINER  RUN(MOUNTS PEAK("3"), "0")
#define PHASED(phase) "\"count\":1,\"phases\":[\"" phase "\"],\"runs\":[\"0123456789abcdef\"]}"
#define HEAD	      PHASED("startup")
#define CALL(name)    "{\"abi\":\"x86_64\",\"name\":\"" name "\",\"number\":1," HEAD
#define CALLS	      ",\"syscalls\":[" CALL("read") "]"
#define FILES(x)      ",\"files\":[" x "]"
#define TYPED(path, access, type, more)                                                            \
	"{\"path\":\"" path "\",\"access\":\"" access "\",\"type\":\"" type                        \
	"\",\"outcomes\":{\"ok\":1},\"owner_always\":true," more HEAD
#define FILE_FACT(path, access) TYPED(path, access, "file", "")
#define BARRED(path, access)	TYPED(path, access, "file", "\"restricted\":true,")
#define SOCKETS(x)		",\"sockets\":[" x "]"
#define SOCKET(op, family, type, address, outcome)                                                 \
	"{\"op\":\"" op "\",\"family\":\"" family "\",\"type\":\"" type                            \
	"\",\"protocol\":0,\"address\":\"" address "\",\"outcomes\":{\"" outcome "\":1}," HEAD
#define CAPS(name, strength)                                                                       \
	",\"caps\":[{\"cap\":\"" name "\",\"strength\":\"" strength                                \
	"\",\"denied\":false,\"evidence\":[\"e\"]," HEAD "]"

static struct wh_trace *trace;

static struct wh_policy *policy_of(const char *json)
{
	static const struct wh_policy_options options = {0};
	struct wh_policy *p = NULL;
	struct wh_error e = {0};

	wh_trace_free(trace);
	trace = NULL;
	if (wh_trace_json_parse(json, strlen(json), &trace, &e) < 0 ||
	    wh_policy_new(trace, &options, &p, &e) < 0)
		fprintf(stderr, "%s\n%s\n", e.text, json);
	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	return p;
}

/* @value: NULL for one that is not suggested, "" for one without a value. */
static void check_hint(const char *json, enum wh_policy_hint_id id, const char *value,
		       const char *reason)
{
	wh_auto(policy) p = policy_of(json);
	const struct wh_policy_hint *hint = &p->hints[id];

	CU_ASSERT_EQUAL(hint->on, value != NULL);
	CU_ASSERT_STRING_EQUAL(hint->value ? hint->value : "", value ? value : "");
	CU_ASSERT_PTR_NOT_NULL(strstr(hint->reason, reason));
	if (!strstr(hint->reason, reason))
		fprintf(stderr, "\"%s\" is not in \"%s\"\n", reason, hint->reason);
}

/* @expected: "tmpfs PATH OPTIONS; volume PATH; …" */
static void check_places(const char *json, const char *expected)
{
	static const char *const kinds[] = {"tmpfs", "volume", "given"};
	wh_auto(policy) p = policy_of(json);
	wh_auto(buf) b = {0};

	for (size_t i = 0; i < p->n_places; i++)
		wh_buf_addf(&b, "%s%s %s%s%s", i ? "; " : "", kinds[p->places[i].kind],
			    p->places[i].path, p->places[i].kind == WH_POLICY_TMPFS ? " " : "",
			    p->places[i].kind == WH_POLICY_TMPFS ? p->places[i].options : "");
	CU_ASSERT_STRING_EQUAL(b.data ? b.data : "", expected);
	if (strcmp(b.data ? b.data : "", expected) != 0)
		fprintf(stderr, "%s\n", b.data ? b.data : "");
}

#define END "}"
#define WROTE(x)                                                                                   \
	IN_CONTAINER CALLS FILES(x)                                                                \
	END

static void test_read_only(void)
{
	const enum wh_policy_hint_id id = WH_POLICY_HINT_READ_ONLY;

	check_hint(WROTE(FILE_FACT("/etc/x", "read")), id, "", "wrote nothing");
	check_hint(WROTE(FILE_FACT("/run/x", "create")), id, "", "in the folders below");
	check_hint(RUN("\"mounts\":[\"root ro overlay /\"],", "0") CALLS END, id, "",
		   "was read-only while");
	check_hint(RUN(PEAK("3"), "0") CALLS END, id, NULL, "outside of a container");
	check_hint(RUN("\"container_engine\":\"docker\",", "0") CALLS END, id, NULL,
		   "does not have all that was mounted");
	check_hint(RUN("\"mounts\":{\"least\":[\"root rw overlay /\"],\"overflow\":true},", "0")
			   CALLS END,
		   id, NULL, "does not have all that was mounted");
	check_hint(RUN("\"attached\":true," MOUNTS, "0") CALLS END, id, NULL, "was running when");
	check_hint(IN_CONTAINER CALLS ",\"gaps\":[{\"kind\":\"io-uring\",\"detail\":\"x\"," HEAD
				      "]" END,
		   id, NULL, "known to lack");
	/* Folders that are not to be replaced. */
	check_hint(WROTE(FILE_FACT("/etc/passwd", "write")), id, NULL, "writable /etc");
	check_hint(WROTE(FILE_FACT("/x", "create")), id, NULL, "writable /,");
	check_hint(WROTE(TYPED("/data2/", "mkdir", "dir", "")), id, NULL, "writable /,");
	check_hint(WROTE(TYPED("/usr/lib/", "chmod", "dir", "")), id, NULL, "cannot be replaced");
	/* What the engine mounts is read-only with the root. */
	check_hint(WROTE(FILE_FACT("/etc/hosts", "append")), id, NULL, "writable /etc");
	check_hint(WROTE(FILE_FACT("/srv/a b/x", "create")), id, NULL, "not all formats");
	check_hint(WROTE(FILE_FACT("/srv/a:b/x", "create")), id, NULL, "not all formats");
	check_hint(WROTE(FILE_FACT("/run/../etc/x", "create")), id, NULL, "not all formats");
	/* No change at all. */
	check_hint(WROTE(TYPED("/etc/fifo", "write", "fifo", "")), id, "", "wrote nothing");
	check_hint(WROTE(FILE_FACT("/proc/sys/x", "write") "," FILE_FACT("/dev/x", "create")), id,
		   "", "wrote nothing");
	check_hint(WROTE(FILE_FACT("/usr/lib/a/__pycache__/b.pyc", "create")), id, "",
		   "wrote nothing");
	check_hint(IN_CONTAINER CALLS FILES(
			   "{\"path\":\"/etc/x\",\"access\":\"create\",\"type\":\"missing\","
			   "\"outcomes\":{\"EACCES\":1},\"owner_always\":true," HEAD) END,
		   id, "", "wrote nothing");
	check_hint(IN_CONTAINER CALLS FILES(
			   "{\"path\":\"/etc/x\",\"access\":\"create\",\"type\":\"file\","
			   "\"outcomes\":{\"ok\":1},\"owner_always\":true," PHASED("runtime")) END,
		   id, "", "wrote nothing");
}

static void test_places(void)
{
	check_places(WROTE(FILE_FACT("/run/x", "create")), "tmpfs /run mode=1777");
	check_places(WROTE(BARRED("/run/x", "create") "," FILE_FACT("/etc/passwd", "read")),
		     "tmpfs /run mode=755");
	/* Its own user, by whom root is replaced. */
	check_places(WROTE(BARRED("/run/x", "create")), "tmpfs /run mode=755,uid=65532,gid=65532");
	check_places(RUN(MOUNTS, "101") CALLS FILES(BARRED("/run/x", "create")) END,
		     "tmpfs /run mode=755,uid=101,gid=101");
	/* Somebody else, who is not known: the image has the folder for him. */
	check_places(IN_CONTAINER ",\"syscalls\":[" CALL("setuid") "]" FILES(
			     BARRED("/run/x", "create") "," FILE_FACT("/tmp/y", "create")) END,
		     "volume /run; tmpfs /tmp mode=1777");
	/* What is executed or mapped there. */
	check_places(
		WROTE(FILE_FACT("/tmp/x.so", "create") "," FILE_FACT("/tmp/x.so", "mmap-exec")),
		"tmpfs /tmp exec,mode=1777");
	/* Data. */
	check_places(WROTE(FILE_FACT("/var/lib/app/x", "create")), "volume /var/lib/app");
	/* What the image has, and is used, must not be hidden. */
	check_places(
		WROTE(FILE_FACT("/run/app/pid", "create") "," FILE_FACT("/run/app/conf", "read")),
		"volume /run/app");
	check_places(WROTE(FILE_FACT("/run/old", "write")), "volume /run");
	check_places(WROTE(FILE_FACT("/run/x", "create") "," FILE_FACT("/run/x", "read")),
		     "tmpfs /run mode=1777");
	/* What the service makes, it makes again; what was there gets a place of its own. */
	check_places(
		WROTE(TYPED("/run/app/", "mkdir", "dir", "") "," FILE_FACT("/run/app/x", "create")),
		"tmpfs /run mode=1777");
	check_places(WROTE(FILE_FACT("/run/app/x", "create") "," FILE_FACT("/run/pid", "create")),
		     "tmpfs /run mode=1777; tmpfs /run/app mode=1777");
	check_places(WROTE(FILE_FACT("/srv/a/x", "create") "," FILE_FACT("/srv/y", "create")),
		     "volume /srv");
	/* Many of one parent; but not below one that stays. */
	check_places(
		WROTE(FILE_FACT("/srv/d/a/x", "create") "," FILE_FACT(
			"/srv/d/b/x",
			"create") "," FILE_FACT("/srv/d/c/x",
						"create") "," FILE_FACT("/srv/d/d/x",
									"create") "," FILE_FACT("/s"
												"rv"
												"/d"
												"/e"
												"/"
												"x",
												"cr"
												"ea"
												"t"
												"e")),
		"volume /srv/d");
	check_places(WROTE(FILE_FACT("/srv/d/a/x", "create") "," FILE_FACT(
			     "/srv/d/b/x", "create") "," FILE_FACT("/srv/d-e/x", "create")),
		     "volume /srv/d-e; volume /srv/d/a; volume /srv/d/b");
}

static void test_renames(void)
{
	const char *both =
		WROTE(TYPED("/srv/b/x", "rename-to", "file", "\"peers\":[\"/srv/a/x\"],") "," TYPED(
			"/srv/a/x", "rename-from", "file", "\"peers\":[\"/srv/b/x\"],"));
	const char *far =
		WROTE(TYPED("/var/b/x", "rename-to", "file", "\"peers\":[\"/tmp/x\"],") "," TYPED(
			"/tmp/x", "rename-from", "file", "\"peers\":[\"/var/b/x\"],"));

	check_places(both, "volume /srv");
	check_places(far, "");
	check_hint(far, WH_POLICY_HINT_READ_ONLY, NULL, "on another mount");
}

static void test_given(void)
{
	check_places(WROTE(FILE_FACT("/data/x", "create")), "given /data");
	check_places(WROTE(FILE_FACT("/etc/app.conf", "read")), "given /etc/app.conf");
	check_places(WROTE(FILE_FACT("/database/x", "create")), "volume /database");
	check_places(RUN("\"mounts\":[\"root rw overlay /\",\"tmpfs rw tmpfs /cache\"],", "0")
			     CALLS FILES(FILE_FACT("/cache/x", "create")) END,
		     "tmpfs /cache mode=1777");
	/* Nothing that is no mount. */
	check_places(
		RUN("\"mounts\":[\"root rw overlay /\",\"tmpfs\",\"a b\",\"a rw c\",\"tmpfs xx y "
		    "/cache\",\"\"],",
		    "0") CALLS FILES(FILE_FACT("/cache/x", "create")) END,
		"volume /cache");
}

static void test_user(void)
{
	const enum wh_policy_hint_id id = WH_POLICY_HINT_USER;

	check_hint(WROTE(FILE_FACT("/run/x", "create")), id, "65532:65532", "it was root, but");
	check_hint(RUN(MOUNTS, "101") CALLS END, id, "101:101", "recorded as this user");
	check_hint(RUN("", "101") CALLS END, id, "101:101", "recorded as this user");
	check_hint(RUN("", "0") CALLS END, id, NULL, "outside of a container");
	check_hint(RUN("\"attached\":true," MOUNTS, "0") CALLS END, id, NULL, "was running when");
	check_hint(IN_CONTAINER CALLS CAPS("CAP_SYS_NICE", "required") END, id, NULL,
		   "it needs CAP_SYS_NICE");
	check_hint(IN_CONTAINER CALLS CAPS("CAP_SYS_NICE", "likely") END, id, NULL,
		   "it needs CAP_SYS_NICE");
	check_hint(IN_CONTAINER CALLS CAPS("CAP_SYS_NICE", "possible") END, id, "65532:65532",
		   "it was root, but");
	check_hint(IN_CONTAINER ",\"syscalls\":[" CALL("setgid") "]" END, id, NULL, "by setgid");
	check_hint(IN_CONTAINER ",\"syscalls\":[{\"abi\":\"x86_64\",\"name\":\"setgid\","
				"\"number\":1,\"errors\":{\"EPERM\":1}," HEAD "]" END,
		   id, "65532:65532", "it was root, but");
	check_hint(WROTE(FILE_FACT("/etc/passwd", "read")), id, NULL, "look itself up");
	check_hint(WROTE(BARRED("/etc/shadow", "read")), id, NULL, "not everybody");
	check_hint(WROTE(FILE_FACT("/etc/motd", "read")), id, "65532:65532", "it was root, but");
	check_hint(WROTE(FILE_FACT("/run/x", "create") "," BARRED("/run/x", "chown")), id, NULL,
		   "only root can");
	check_hint(WROTE(FILE_FACT("/root/.profile", "read")), id, NULL, "root's home");
	/* In a tmpfs all is his; in a volume not, unless all may write there. */
	check_hint(WROTE(BARRED("/run/x", "create") "," BARRED("/run/x", "write")), id,
		   "65532:65532", "it was root, but");
	check_hint(WROTE(BARRED("/srv/x", "create")), id, NULL, "create /srv/x");
	check_hint(WROTE(FILE_FACT("/srv/x", "create") "," BARRED("/srv/x", "write")), id,
		   "65532:65532", "it was root, but");
	check_hint(WROTE(BARRED("/proc/@{pid}/environ", "read")), id, "65532:65532",
		   "it was root, but");
}

static void test_groups(void)
{
	wh_auto(policy) p = policy_of(
		RUN("\"groups\":[\"101\",\"20\",\"x\",\"99999999999\"],", "101") CALLS END);

	CU_ASSERT_EQUAL_FATAL(p->n_groups, 1);
	CU_ASSERT_STRING_EQUAL(p->groups[0], "20");
}

static void test_network(void)
{
	const enum wh_policy_hint_id id = WH_POLICY_HINT_NETWORK;

	check_hint(IN_CONTAINER CALLS END, id, "none", "no socket was used but");
	check_hint(RUN("", "0") CALLS END, id, "none", "no socket was used but");
	check_hint(IN_CONTAINER CALLS SOCKETS(SOCKET("socket", "AF_UNIX", "SOCK_STREAM", "", "ok"))
			   END,
		   id, "none", "no socket was used but");
	check_hint(IN_CONTAINER CALLS SOCKETS(SOCKET("socket", "AF_INET6", "SOCK_DGRAM", "", "ok"))
			   END,
		   id, NULL, "sockets of AF_INET6");
	check_hint(IN_CONTAINER CALLS SOCKETS(SOCKET("socket", "AF_NETLINK", "SOCK_RAW", "", "ok"))
			   END,
		   id, NULL, "sockets of AF_NETLINK");
	check_hint(IN_CONTAINER CALLS SOCKETS(
			   SOCKET("socket", "AF_INET6", "SOCK_DGRAM", "", "EAFNOSUPPORT")) END,
		   id, "none", "no socket was used but");
	/* One that it got from others. */
	check_hint(IN_CONTAINER CALLS SOCKETS(SOCKET("accept", "AF_INET", "SOCK_STREAM", "", "ok"))
			   END,
		   id, NULL, "sockets of AF_INET");
	check_hint(RUN("\"attached\":true,", "0") CALLS END, id, NULL, "was running when");
}

static void check_ports(const char *sockets, const char *expected)
{
	wh_auto(str) json = NULL;
	wh_auto(policy) p = NULL;
	wh_auto(buf) b = {0};

	CU_ASSERT_TRUE_FATAL(asprintf(&json, "%s%s%s", IN_CONTAINER CALLS ",\"sockets\":[", sockets,
				      "]" END) > 0);
	p = policy_of(json);
	for (size_t i = 0; i < p->n_ports; i++)
		wh_buf_addf(&b, "%s%u/%s%s", i ? " " : "", p->ports[i].port, p->ports[i].protocol,
			    p->ports[i].publish ? "" : "!");
	CU_ASSERT_STRING_EQUAL(b.data ? b.data : "", expected);
}

#define BIND(family, type, address) SOCKET("bind", family, type, address, "ok")
#define LISTEN(family)		    "," SOCKET("listen", family, "SOCK_STREAM", "", "ok")

static void test_ports(void)
{
	check_ports(BIND("AF_INET", "SOCK_STREAM", "0.0.0.0:80") LISTEN("AF_INET"), "80/tcp");
	check_ports(BIND("AF_INET6", "SOCK_STREAM", "[::]:80") LISTEN("AF_INET6"), "80/tcp");
	check_ports(BIND("AF_INET", "SOCK_STREAM", "10.0.0.1:80") LISTEN("AF_INET"), "80/tcp");
	check_ports(BIND("AF_INET", "SOCK_DGRAM", "0.0.0.0:53"), "53/udp");
	/* Nobody else can reach it; the kernel chose; nobody listens; it did not work. */
	check_ports(BIND("AF_INET", "SOCK_STREAM", "127.0.0.1:80") LISTEN("AF_INET"), "80/tcp!");
	check_ports(BIND("AF_INET6", "SOCK_STREAM", "[::1]:80") LISTEN("AF_INET6"), "80/tcp!");
	check_ports(BIND("AF_INET", "SOCK_STREAM", "0.0.0.0:0") LISTEN("AF_INET"), "0/tcp!");
	check_ports(BIND("AF_INET", "SOCK_STREAM", "*") LISTEN("AF_INET"), "0/tcp!");
	check_ports(BIND("AF_INET", "SOCK_STREAM", "0.0.0.0:80"), "");
	check_ports(SOCKET("bind", "AF_INET", "SOCK_STREAM", "0.0.0.0:80", "EADDRINUSE")
			    LISTEN("AF_INET"),
		    "");
	check_ports(BIND("AF_INET", "SOCK_STREAM", "x:99999999") LISTEN("AF_INET"), "0/tcp!");
	/* Of several that one counts which others can reach. */
	check_ports(BIND("AF_INET", "SOCK_STREAM", "0.0.0.0:80") "," BIND(
			    "AF_INET", "SOCK_STREAM", "127.0.0.1:80") LISTEN("AF_INET"),
		    "80/tcp");
	check_ports(BIND("AF_INET", "SOCK_DGRAM", "0.0.0.0:80") "," BIND(
			    "AF_INET", "SOCK_STREAM", "0.0.0.0:80") LISTEN("AF_INET"),
		    "80/tcp 80/udp");
}

static void test_sysctl(void)
{
	const enum wh_policy_hint_id id = WH_POLICY_HINT_SYSCTL;

#define LOW SOCKETS(BIND("AF_INET", "SOCK_STREAM", "0.0.0.0:80") LISTEN("AF_INET"))
	check_hint(IN_CONTAINER CALLS END, id, NULL, "no port below");
	check_hint(IN_CONTAINER CALLS LOW END, id, "net.ipv4.ip_unprivileged_port_start=0",
		   "port 80");
	check_hint(IN_CONTAINER CALLS LOW CAPS("CAP_NET_BIND_SERVICE", "required") END, id, NULL,
		   "CAP_NET_BIND_SERVICE");
	check_hint(IN_CONTAINER CALLS SOCKETS(BIND("AF_INET", "SOCK_STREAM", "0.0.0.0:8080")
						      LISTEN("AF_INET")) END,
		   id, NULL, "no port below");
}

static void test_pids(void)
{
	const enum wh_policy_hint_id id = WH_POLICY_HINT_PIDS_LIMIT;

	check_hint(RUN(PEAK("1"), "0") CALLS END, id, "100", "1 thread at once");
	check_hint(RUN(PEAK("25"), "0") CALLS END, id, "100", "25 threads at once");
	check_hint(RUN(PEAK("26"), "0") CALLS END, id, "150", "26 threads at once");
	check_hint(RUN(PEAK("1000"), "0") CALLS END, id, "4000", "1000 threads");
	check_hint(RUN("", "0") CALLS END, id, NULL, "does not have how many");
	check_hint(RUN(PEAK("\"0xffffffffffffffff\""), "0") CALLS END, id, NULL, "cannot be true");
}

static void check_unit(const char *json, const char *name, const char *value)
{
	wh_auto(policy) p = policy_of(json);
	const char *found = NULL;

	for (size_t i = 0; i < p->n_directives; i++) {
		if (p->directives[i].on && strcmp(p->directives[i].name, name) == 0)
			found = p->directives[i].value;
	}
	CU_ASSERT_STRING_EQUAL(found ? found : "(none)", value);
}

static void test_unit(void)
{
	check_unit(WROTE(FILE_FACT("/home/a/x", "create")), "ProtectHome", "(none)");
	check_unit(WROTE(FILE_FACT("/home/a/x", "read")), "ProtectHome", "read-only");
	check_unit(WROTE(FILE_FACT("/etc/x", "read")), "ProtectHome", "yes");
	check_unit(WROTE(FILE_FACT("/tmp/x", "create")), "PrivateTmp", "yes");
	check_unit(WROTE(TYPED("/tmp/x", "bind", "socket", "")), "PrivateTmp", "(none)");
	check_unit(WROTE(TYPED("/dev/null", "write", "chr", "")), "PrivateDevices", "yes");
	check_unit(WROTE(TYPED("/dev/null", "write", "chr", "")), "ProtectClock", "yes");
	check_unit(WROTE(TYPED("/dev/fuse", "write", "chr", "")), "PrivateDevices", "(none)");
	check_unit(WROTE(TYPED("/dev/fuse", "write", "chr", "")), "ProtectClock", "(none)");
	check_unit(WROTE(FILE_FACT("/proc/sys/vm/x", "read")), "ProtectKernelTunables", "yes");
	check_unit(WROTE(FILE_FACT("/proc/sys/vm/x", "write")), "ProtectKernelTunables", "(none)");
	check_unit(WROTE(FILE_FACT("/srv/x", "create")), "ProtectSystem", "strict");
	check_unit(WROTE(FILE_FACT("/srv/x", "create")), "ReadWritePaths", "-/srv");
	check_unit(WROTE(FILE_FACT("/x", "create")), "ProtectSystem", "(none)");
	check_unit(WROTE(FILE_FACT("/a b/x", "create")), "ReadWritePaths", "(none)");
	check_unit(IN_CONTAINER CALLS END, "RestrictAddressFamilies", "none");
	check_unit(IN_CONTAINER CALLS SOCKETS(SOCKET("socket", "AF_INET6", "SOCK_STREAM", "",
						     "ok") "," SOCKET("socketpair", "AF_INET",
								      "SOCK_STREAM", "", "ok")) END,
		   "RestrictAddressFamilies", "AF_INET6 AF_INET");
	check_unit(IN_CONTAINER CALLS SOCKETS(SOCKET("socket", "AF_47", "SOCK_STREAM", "", "ok"))
			   END,
		   "RestrictAddressFamilies", "(none)");
	check_unit(IN_CONTAINER CALLS END, "PrivateNetwork", "yes");
	check_unit(IN_CONTAINER CALLS SOCKETS(
			   SOCKET("bind", "AF_UNIX", "SOCK_STREAM", "unix:@x", "ok")) END,
		   "PrivateNetwork", "(none)");
	check_unit(IN_CONTAINER ",\"syscalls\":[" CALL("personality") "]" END, "LockPersonality",
		   "(none)");
	check_unit(IN_CONTAINER CALLS END, "LockPersonality", "yes");
	check_unit(IN_CONTAINER CALLS ",\"namespaces\":[{\"op\":\"unshare\",\"type\":\"net\","
				      "\"outcomes\":{\"ok\":1}," HEAD "]" END,
		   "RestrictNamespaces", "(none)");
	check_unit(IN_CONTAINER CALLS END, "RestrictNamespaces", "yes");
	check_unit(IN_CONTAINER CALLS END, "SystemCallArchitectures", "native");
	check_unit(IN_CONTAINER
		   ",\"syscalls\":[{\"abi\":\"i386\",\"name\":\"read\",\"number\":3," HEAD "]" END,
		   "SystemCallArchitectures", "(none)");
	check_unit(RUN("\"attached\":true,", "0") CALLS END, "ProtectHome", "(none)");
}

static void check_explain(const struct wh_policy *p, const char *item, int told, const char *text)
{
	wh_auto(buf) b = {0};
	struct wh_error e = {0};

	CU_ASSERT_EQUAL(wh_explain_item(p, item, &b, &e), told);
	CU_ASSERT_PTR_NOT_NULL_FATAL(b.data);
	CU_ASSERT_PTR_NOT_NULL(strstr(b.data, text));
}

static void test_explain(void)
{
	wh_auto(policy) p = policy_of(IN_CONTAINER CALLS FILES(
		FILE_FACT("/run/x", "create") "," FILE_FACT("/data/y", "create")) LOW END);

	check_explain(p, "read-only", 1, "read-only: suggested");
	check_explain(p, "network", 0,
		      "network: not suggested\n  because it used sockets of AF_INET");
	check_explain(p, "pids-limit", 1, "suggested, 100");
	check_explain(p, "no-new-privileges", 1, "suggested");
	check_explain(p, "tmpfs", 1, "folder /run: a tmpfs, mode=1777");
	check_explain(p, "volumes", 1, "folder /data: mount it again");
	check_explain(p, "/run", 1, "folder /run: a tmpfs");
	check_explain(p, "ports", 1, "port 80/tcp: published");
	check_explain(p, "protecthome", 1, "systemd ProtectHome=yes: suggested");
	check_explain(p, "nothing", 0, "way to run it");
}

static void check_text(const struct wh_policy *p, enum wh_emit_format format, const char *line)
{
	const struct wh_emit emit = {.policy = p, .dir = "bundle", .formats = WH_EMIT_ALL};
	wh_auto(str) text = NULL;
	struct wh_error e = {0};

	CU_ASSERT_EQUAL_FATAL(wh_emit_text(&emit, format, &text, &e), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, line));
	if (!strstr(text, line))
		fprintf(stderr, "no \"%s\" in:\n%s\n", line, text);
}

/* What Kubernetes cannot do as Docker does. */
static void test_emit(void)
{
	wh_auto(policy) kept = policy_of(
		WROTE(FILE_FACT("/run/app/pid", "create") "," FILE_FACT("/run/app/conf", "read")));
	wh_auto(policy) odd = NULL;

	check_text(kept, WH_EMIT_DOCKER, "\n--read-only\n");
	check_text(kept, WH_EMIT_DOCKER, "\n--volume=/run/app\n");
	check_text(kept, WH_EMIT_KUBERNETES, "readOnlyRootFilesystem: false\n");
	check_text(kept, WH_EMIT_QUADLET, "\nVolume=/run/app\n");
	check_text(kept, WH_EMIT_COMPOSE, "\n      - /run/app\n");
	/* A name of an image that would be something else. */
	odd = policy_of(RUN("\"container_image\":\"a: b\\nc\",", "0") CALLS END);
	check_text(odd, WH_EMIT_KUBERNETES, "image: \"IMAGE\"\n");
	wh_policy_free(odd);
	odd = policy_of(RUN("\"container_image\":\"registry:5000/a/b@sha256:00\",", "0") CALLS END);
	check_text(odd, WH_EMIT_KUBERNETES, "image: \"registry:5000/a/b@sha256:00\"\n");
	check_text(odd, WH_EMIT_QUADLET, "\nImage=registry:5000/a/b@sha256:00\n");
}

int main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
		{"read-only root", test_read_only},
		{"writable folders", test_places},
		{"renames between folders", test_renames},
		{"what was mounted", test_given},
		{"user", test_user},
		{"groups", test_groups},
		{"network", test_network},
		{"ports", test_ports},
		{"low ports", test_sysctl},
		{"threads", test_pids},
		{"systemd", test_unit},
		{"explain", test_explain},
		{"emitters", test_emit},
	};
	CU_pSuite suite;
	int failed;

	CU_initialize_registry();
	suite = CU_add_suite("policy-run", NULL, NULL);
	for (size_t i = 0; i < WH_ARRAY_SIZE(tests); i++) {
		if (!CU_add_test(suite, tests[i].name, tests[i].run))
			return 1;
	}
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	wh_trace_free(trace);
	failed = CU_get_number_of_failures() != 0 || CU_get_error() != CUE_SUCCESS;
	CU_cleanup_registry();
	return failed;
}
