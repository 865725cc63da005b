/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of ioctl() to devices and interfaces, commands of generic netlink. What a machine has no device for is left
 * out; and by the way bits that a new owner or an ACL takes away.
 */
/* LIVE: m32 */
#include <linux/fs.h>
#include <linux/genetlink.h>
#include <linux/if_tun.h>
#include <linux/loop.h>
#include <linux/netlink.h>
#include <linux/random.h>
#include <linux/sockios.h>
#include <linux/taskstats.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/xattr.h>

#include "cap.h"

#define NEEDS(cap) CAP_##cap, CAP_NONE, "required"

static int udp, slave, block, random_fd;

/* ---- interfaces, in a network of our own ------------------------------------------------------- */

static int interface(unsigned long request, int value)
{
	struct ifreq r = {.ifr_name = "lo"};
	struct sockaddr_in *in = (struct sockaddr_in *)&r.ifr_addr;

	if (request == SIOCSIFADDR || request == SIOCSIFNETMASK) {
		in->sin_family = AF_INET;
		in->sin_addr.s_addr = htonl((unsigned)value);
	} else {
		r.ifr_mtu = value;
	}
	return ioctl(udp, request, &r);
}
static int set_address(void)
{
	return interface(SIOCSIFADDR, 0x7f000002);
}
static int set_mtu(void)
{
	return interface(SIOCSIFMTU, 1500);
}
static int set_queue(void)
{
	return interface(SIOCSIFTXQLEN, 500);
}
static int get_mtu(void)
{
	return interface(SIOCGIFMTU, 0);
}
static int get_address(void)
{
	struct ifreq r = {.ifr_name = "lo"};

	return ioctl(udp, SIOCGIFINDEX, &r);
}
static int route(unsigned long request)
{
	struct rtentry r = {.rt_flags = RTF_UP, .rt_dev = (char[]){"lo"}};
	struct sockaddr_in in = {.sin_family = AF_INET};

	in.sin_addr.s_addr = htonl(0x0a000000);
	memcpy(&r.rt_dst, &in, sizeof(in));
	in.sin_addr.s_addr = htonl(0xff000000);
	memcpy(&r.rt_genmask, &in, sizeof(in));
	return ioctl(udp, request, &r);
}
static int make_route(void)
{
	return route(SIOCADDRT) ? -1 : route(SIOCDELRT);
}
static int make_tun(void)
{
	struct ifreq r = {.ifr_name = "wh%d", .ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	return fd < 0 || ioctl(fd, TUNSETIFF, &r) ? -1 : close(fd);
}
static int ask_tun(void)
{
	unsigned features;
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	return fd < 0 || ioctl(fd, TUNGETFEATURES, &features) ? -1 : close(fd);
}

static void interfaces(void)
{
	const struct cap_case cases[] = {
		{NEEDS(NET_ADMIN), set_address, get_address, "ioctl SIOCSIFADDR"},
		{NEEDS(NET_ADMIN), set_mtu, get_mtu, "ioctl SIOCSIFMTU"},
		{NEEDS(NET_ADMIN), set_queue, get_mtu, "ioctl SIOCSIFTXQLEN"},
	};
	const struct cap_case adding = {NEEDS(NET_ADMIN), make_route, NULL, "ioctl SIOCADDRT"};
	const struct cap_case tun = {CAP_NET_ADMIN, CAP_NONE, "likely",
				     make_tun,	    ask_tun,  "ioctl TUNSETIFF"};
	struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cap_try(&cases[i]);
	if (cap_effective() >> CAP_NET_ADMIN & 1) {
		expect_that(ioctl(udp, SIOCSIFFLAGS, &up) == 0);
		cap_expect(NEEDS(NET_ADMIN), false, "ioctl SIOCSIFFLAGS", 0);
		cap_expect(NEEDS(NET_ADMIN), false, "ioctl SIOCDELRT", 0);
	}
	cap_try(&adding);
	if (access("/dev/net/tun", F_OK) == 0 && (ask_tun() == 0))
		cap_try(&tun);
}

/* ---- devices ----------------------------------------------------------------------------------- */

static int hang_up(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), fd;

	if (master < 0 || grantpt(master) || unlockpt(master))
		return -1;
	fd = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -1 : ioctl(fd, TIOCVHANGUP);
}
/* Into a terminal that is not one's own. */
static int put_char(void)
{
	return ioctl(slave, TIOCSTI, "x");
}
static int size_terminal(void)
{
	struct winsize size = {24, 80, 0, 0};

	return ioctl(slave, TIOCSWINSZ, &size);
}
static int count_entropy(void)
{
	return ioctl(random_fd, RNDADDTOENTCNT, &(int){0});
}
static int reseed(void)
{
	return ioctl(random_fd, 0x5207 /* RNDRESEEDCRNG */);
}
static int ask_entropy(void)
{
	int n;

	return ioctl(random_fd, RNDGETENTCNT, &n);
}
static int read_only(void)
{
	return ioctl(block, BLKROSET, &(int){1}) ? -1 : ioctl(block, BLKROSET, &(int){0});
}
static int read_ahead(void)
{
	return ioctl(block, BLKRASET, 256L);
}
static int flush(void)
{
	return ioctl(block, BLKFLSBUF, 0L);
}
static int ask_read_only(void)
{
	int is;

	return ioctl(block, BLKROGET, &is);
}
static int map_block(void)
{
	int n = 0;

	return ioctl(open("own", O_RDONLY | O_CLOEXEC), FIBMAP, &n);
}
static int block_size(void)
{
	int n;

	return ioctl(open("own", O_RDONLY | O_CLOEXEC), FIGETBSZ, &n);
}

/* A loop device of a file of ours; it ends with us. -1: there is none. */
static int make_block(void)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), file;
	struct loop_config config = {.info.lo_flags = LO_FLAGS_AUTOCLEAR};

	file = open("disk", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	expect_that(file >= 0 && ftruncate(file, 1 << 20) == 0);
	config.fd = (unsigned)file;
	for (int i = 0; control >= 0 && i < 50; i++) {
		int n = ioctl(control, LOOP_CTL_GET_FREE), fd;
		char path[32];

		if (n < 0)
			break;
		snprintf(path, sizeof(path), "/dev/loop%d", n);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			break;
		if (ioctl(fd, LOOP_CONFIGURE, &config) == 0)
			return fd;
		close(fd);
		/* Somebody else was faster. */
		if (errno != EBUSY)
			break;
	}
	return -1;
}

static void devices(void)
{
	const struct cap_case cases[] = {
		{NEEDS(SYS_ADMIN), hang_up, size_terminal, "ioctl TIOCVHANGUP"},
		{NEEDS(SYS_ADMIN), count_entropy, ask_entropy, "ioctl RNDADDTOENTCNT"},
		{NEEDS(SYS_ADMIN), reseed, ask_entropy, "ioctl RNDRESEEDCRNG"},
	};
	const struct cap_case blocks[] = {
		{NEEDS(SYS_ADMIN), read_only, ask_read_only, "ioctl BLKROSET", EACCES},
		{NEEDS(SYS_ADMIN), read_ahead, ask_read_only, "ioctl BLKRASET", EACCES},
		{NEEDS(SYS_ADMIN), flush, ask_read_only, "ioctl BLKFLSBUF", EACCES},
	};
	const struct cap_case map = {NEEDS(SYS_RAWIO), map_block, block_size, "ioctl FIBMAP"};
	const struct cap_case put = {CAP_SYS_ADMIN, CAP_NONE,	   "likely",
				     put_char,	    size_terminal, "ioctl TIOCSTI"};
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	expect_that(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	random_fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
	expect_that(slave >= 0 && random_fd >= 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cap_try(&cases[i]);
	/* Where nobody else may do it at all (dev.tty.legacy_tiocsti), it is EIO. */
	if (cap_run(put_char, CAP_SYS_ADMIN, -1) == EPERM)
		cap_try(&put);
	else if (cap_run(put_char, -1, -1) == 0)
		cap_expect(CAP_SYS_ADMIN, CAP_NONE, "likely", false, "ioctl TIOCSTI", 0);
	block = make_block();
	for (size_t i = 0; block >= 0 && i < sizeof(blocks) / sizeof(blocks[0]); i++)
		cap_try(&blocks[i]);
	/* Not every file system has such numbers. */
	if (cap_effective() >> CAP_SYS_RAWIO & 1 && cap_run(map_block, -1, -1) == 0)
		cap_try(&map);
}

/* ---- generic netlink --------------------------------------------------------------------------- */

static unsigned short family;

/* Return: what the kernel answers: -errno of a refusal, else the type of the message. */
static int tell(unsigned short to, unsigned char command, unsigned short attribute,
		const void *value, size_t len)
{
	struct {
		struct nlmsghdr h;
		struct genlmsghdr g;
		struct nlattr a;
		char value[16];
	} m = {.h = {sizeof(m), to, NLM_F_REQUEST, 1, 0}, .g = {command, 1, 0}};
	union {
		struct nlmsghdr h;
		char c[8192];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), err;
	size_t at = sizeof(m.h) + sizeof(m.g) + sizeof(m.a);

	m.a.nla_type = attribute;
	m.a.nla_len = (unsigned short)(sizeof(m.a) + len);
	memcpy(m.value, value, len);
	m.h.nlmsg_len = (unsigned)(at + ((len + 3) & ~(size_t)3));
	if (fd < 0 || send(fd, &m, m.h.nlmsg_len, 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < (ssize_t)sizeof(struct nlmsghdr))
		return -errno;
	close(fd);
	if (answer.h.nlmsg_type == NLMSG_ERROR) {
		memcpy(&err, answer.c + sizeof(struct nlmsghdr), sizeof(err));
		return err;
	}
	/* The first attribute behind the name is the number. */
	if (to == GENL_ID_CTRL)
		for (size_t i = sizeof(m.h) + sizeof(m.g); i + 8 <= answer.h.nlmsg_len;) {
			struct nlattr a;

			memcpy(&a, answer.c + i, sizeof(a));
			if (a.nla_type == CTRL_ATTR_FAMILY_ID)
				memcpy(&family, answer.c + i + sizeof(a), sizeof(family));
			if (a.nla_len < sizeof(a))
				break;
			i += (a.nla_len + 3u) & ~3u;
		}
	return answer.h.nlmsg_type;
}
static int task_statistics(void)
{
	unsigned pid = (unsigned)getpid();
	int k = tell(family, TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_PID, &pid, sizeof(pid));

	errno = k < 0 ? -k : 0;
	return k < 0 ? -1 : 0;
}

static void generic(void)
{
	const char *what = "send command 1 of generic netlink";

	if (tell(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME, "TASKSTATS", 10) < 0)
		return;
	expect_that(family);
	expect_that(cap_run(task_statistics, CAP_NET_ADMIN, -1) == EPERM);
	cap_expect(CAP_NET_ADMIN, CAP_NONE, "likely", true, what, 0);
	if (cap_effective() >> CAP_NET_ADMIN & 1) {
		expect_that(cap_run(task_statistics, -1, -1) == 0);
		cap_expect(CAP_NET_ADMIN, CAP_NONE, "likely", false, what, 0);
	}
}

/* ---- bits that go ------------------------------------------------------------------------------ */

static int has_bit(void)
{
	struct stat st;

	return stat("theirs", &st) || !(st.st_mode & S_ISGID) ? -1 : 0;
}
/* Without an x for the group: setattr_should_drop_sgid(). */
static int chown_theirs(void)
{
	return chmod("theirs", 02640) || chown("theirs", OTHER, (gid_t)-1) ? -1 : has_bit();
}
static int acl_theirs(void)
{
	const struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} entry[5];
	} acl = {2, {{1, 6, -1u}, {2, 4, 0}, {4, 0, -1u}, {16, 6, -1u}, {32, 0, -1u}}};

	return chmod("theirs", 02640) ||
			       setxattr("theirs", "system.posix_acl_access", &acl, sizeof(acl), 0)
		       ? -1
		       : has_bit();
}

/* Who holds it keeps the bit; who does not, does not get it in the first place. */
static void bits(void)
{
	const char *here = expect_here();

	if (!(cap_effective() >> CAP_FSETID & 1))
		return;
	expect_that(cap_run(chown_theirs, -1, -1) == 0);
	cap_expect(CAP_FSETID, CAP_NONE, "likely", false,
		   cap_text("keep the set-group-ID bit in chown of %s/theirs of group 33", here),
		   0);
	expect_that(cap_run(chown_theirs, CAP_FSETID, -1) == 255);
	expect_that(cap_run(acl_theirs, -1, -1) == 0);
	cap_expect(CAP_FSETID, CAP_NONE, "likely", false,
		   cap_text("keep the set-group-ID bit with an ACL of %s/theirs of group 33", here),
		   0);
	expect_that(cap_run(acl_theirs, CAP_FSETID, -1) == 255);
	cap_expect(CAP_FSETID, CAP_NONE, "likely", false,
		   cap_text("keep the set-group-ID bit in chmod of %s/theirs of group 33", here),
		   0);
	cap_expect(NEEDS(FOWNER), false, cap_text("chmod %s/theirs of uid 33", here), 0);
	cap_expect(NEEDS(FOWNER), false, cap_text("change the ACL of %s/theirs of uid 33", here),
		   0);
}

int main(void)
{
	generic();
	expect_that(unshare(CLONE_NEWNET) == 0);
	cap_expect(NEEDS(SYS_ADMIN), false, "make a new network namespace", 0);
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	expect_that(udp >= 0);
	cap_make("theirs", false, 0640);
	cap_make_own("own", 0600);
	interfaces();
	devices();
	bits();
	cap_done();
	return 0;
}
