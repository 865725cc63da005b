// SPDX-License-Identifier: Apache-2.0
#include "tracer/pending.h"

#include <signal.h>
#include <sys/ptrace.h>

#define AT_ONCE 16
#define MOST	10000 /* far above what a queue holds by default; RLIMIT_SIGPENDING */

bool wh_pending_has(pid_t tid, bool shared, int sig, int code)
{
	siginfo_t si[AT_ONCE];
	struct __ptrace_peeksiginfo_args args = {
		.flags = shared ? PTRACE_PEEKSIGINFO_SHARED : 0,
		.nr = AT_ONCE,
	};

	for (; args.off < MOST; args.off += AT_ONCE) {
		long n = ptrace(PTRACE_PEEKSIGINFO, tid, &args, si);

		for (long i = 0; i < n; i++)
			if (si[i].si_signo == sig && (!code || si[i].si_code == code))
				return true;
		if (n < AT_ONCE)
			break;
	}
	return false;
}
