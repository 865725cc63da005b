/* SPDX-License-Identifier: Apache-2.0 */
#include "tracer/sockaddr.h"

#include <arpa/inet.h>
#include <linux/if_alg.h>
#include <linux/vm_sockets.h>
#include <sys/socket.h>
#include <sys/un.h>

#define F(name) [name] = #name

static const char *const families[] = {
	F(AF_UNSPEC),	 F(AF_UNIX),	   F(AF_INET),	  F(AF_AX25),	 F(AF_IPX),
	F(AF_APPLETALK), F(AF_NETROM),	   F(AF_BRIDGE),  F(AF_ATMPVC),	 F(AF_X25),
	F(AF_INET6),	 F(AF_ROSE),	   F(AF_DECnet),  F(AF_NETBEUI), F(AF_SECURITY),
	F(AF_KEY),	 F(AF_NETLINK),	   F(AF_PACKET),  F(AF_ASH),	 F(AF_ECONET),
	F(AF_ATMSVC),	 F(AF_RDS),	   F(AF_SNA),	  F(AF_IRDA),	 F(AF_PPPOX),
	F(AF_WANPIPE),	 F(AF_LLC),	   F(AF_IB),	  F(AF_MPLS),	 F(AF_CAN),
	F(AF_TIPC),	 F(AF_BLUETOOTH),  F(AF_IUCV),	  F(AF_RXRPC),	 F(AF_ISDN),
	F(AF_PHONET),	 F(AF_IEEE802154), F(AF_CAIF),	  F(AF_ALG),	 F(AF_NFC),
	F(AF_VSOCK),	 F(AF_KCM),	   F(AF_QIPCRTR), F(AF_SMC),	 F(AF_XDP),
	F(AF_MCTP),
};

static const char *const types[] = {
	F(SOCK_STREAM),	   F(SOCK_DGRAM), F(SOCK_RAW),	  F(SOCK_RDM),
	F(SOCK_SEQPACKET), F(SOCK_DCCP),  F(SOCK_PACKET),
};

#undef F

#define TYPE_MASK 0xf /* SOCK_TYPE_MASK of include/linux/net.h */

const char *wh_sockaddr_family(int family, char *buf, size_t size)
{
	if (family >= 0 && (size_t)family < WH_ARRAY_SIZE(families) && families[family])
		return families[family];
	snprintf(buf, size, "AF_%d", family);
	return buf;
}

const char *wh_sockaddr_type(int type, char *buf, size_t size)
{
	type &= TYPE_MASK;
	if ((size_t)type < WH_ARRAY_SIZE(types) && types[type])
		return types[type];
	snprintf(buf, size, "SOCK_%d", type);
	return buf;
}

int wh_sockaddr_family_of(const void *addr, size_t len)
{
	sa_family_t family;

	if (len < sizeof(family))
		return -1;
	memcpy(&family, addr, sizeof(family));
	return family;
}

/* The bytes of sun_path that count, not necessarily terminated. */
static size_t sun_path(const void *addr, size_t len, const char **ret)
{
	size_t offset = offsetof(struct sockaddr_un, sun_path);

	*ret = (const char *)addr + offset;
	if (len <= offset)
		return 0;
	len -= offset;
	return len < sizeof(((struct sockaddr_un *)0)->sun_path)
		       ? len
		       : sizeof(((struct sockaddr_un *)0)->sun_path);
}

bool wh_sockaddr_path(const void *addr, size_t len, char *ret_path)
{
	const char *path;
	size_t n;

	if (wh_sockaddr_family_of(addr, len) != AF_UNIX)
		return false;
	n = sun_path(addr, len, &path);
	if (!n || !path[0])
		return false;
	n = strnlen(path, n);
	memcpy(ret_path, path, n);
	ret_path[n] = '\0';
	return true;
}

static size_t escape(const char *s, size_t n, char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < n && len + 4 <= size; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c > ' ' && c < 0x7f && c != '%')
			out[len++] = (char)c;
		else
			len += (size_t)snprintf(out + len, size - len, "%%%02X", c);
	}
	out[len] = '\0';
	return len;
}

static void text_inet(const void *addr, size_t len, char *out)
{
	struct sockaddr_in in;
	char text[INET_ADDRSTRLEN];

	if (len < sizeof(in))
		return;
	memcpy(&in, addr, sizeof(in));
	inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
	snprintf(out, WH_SOCKADDR_TEXT, "%s:%u", text, ntohs(in.sin_port));
}

static void text_inet6(const void *addr, size_t len, char *out)
{
	/* Without the scope id it is still an address: SIN6_LEN_RFC2133 of net/ipv6.h. */
	size_t least = offsetof(struct sockaddr_in6, sin6_scope_id);
	struct sockaddr_in6 in = {0};
	char text[INET6_ADDRSTRLEN];

	if (len < least)
		return;
	memcpy(&in, addr, len < sizeof(in) ? len : sizeof(in));
	inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof(text));
	snprintf(out, WH_SOCKADDR_TEXT, "[%s]:%u", text, ntohs(in.sin6_port));
}

static void text_unix(const void *addr, size_t len, char *out)
{
	const char *path;
	size_t n = sun_path(addr, len, &path);
	size_t at = (size_t)snprintf(out, WH_SOCKADDR_TEXT, "unix:");

	if (!n) {
		out[0] = '\0';
		return;
	}
	if (path[0]) {
		escape(path, strnlen(path, n), out + at, WH_SOCKADDR_TEXT - at);
		return;
	}
	/* Abstract: all bytes of the length given are the name, NULs too. */
	out[at++] = '@';
	escape(path + 1, n - 1, out + at, WH_SOCKADDR_TEXT - at);
}

static void text_vsock(const void *addr, size_t len, char *out)
{
	struct sockaddr_vm vm;

	if (len < sizeof(vm))
		return;
	memcpy(&vm, addr, sizeof(vm));
	snprintf(out, WH_SOCKADDR_TEXT, "vsock:%u:%u", vm.svm_cid, vm.svm_port);
}

static void text_alg(const void *addr, size_t len, char *out)
{
	struct sockaddr_alg alg;
	char type[64], name[256];

	if (len < sizeof(alg))
		return;
	memcpy(&alg, addr, sizeof(alg));
	escape((char *)alg.salg_type, strnlen((char *)alg.salg_type, sizeof(alg.salg_type)), type,
	       sizeof(type));
	escape((char *)alg.salg_name, strnlen((char *)alg.salg_name, sizeof(alg.salg_name)), name,
	       sizeof(name));
	snprintf(out, WH_SOCKADDR_TEXT, "alg:%s:%s", type, name);
}

void wh_sockaddr_text(const void *addr, size_t len, char ret_text[WH_SOCKADDR_TEXT])
{
	static const struct {
		int family;
		void (*text)(const void *addr, size_t len, char *out);
	} writers[] = {
		{AF_INET, text_inet},	{AF_INET6, text_inet6}, {AF_UNIX, text_unix},
		{AF_VSOCK, text_vsock}, {AF_ALG, text_alg},
	};
	int family = wh_sockaddr_family_of(addr, len);

	ret_text[0] = '\0';
	for (size_t i = 0; i < WH_ARRAY_SIZE(writers); i++)
		if (writers[i].family == family)
			writers[i].text(addr, len, ret_text);
}
