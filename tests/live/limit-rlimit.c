/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resource limits: read, lowered, raised, each a different thing to a profile.
 *
 * LIVE: m32
 */
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "expect.h"

static int set(int resource, uint64_t soft, uint64_t hard)
{
	uint64_t limits[2] = {soft, hard};

	return syscall(SYS_prlimit64, 0, resource, limits, NULL);
}

int main(void)
{
	struct {
		unsigned long soft, hard;
	} narrow = {10, 20}, unlimited = {-1, -1};
	uint64_t old[2];
	const char *raise;

	expect("{'scope':'rlimits','where':{'resource':'^RLIMIT_(CORE|NOFILE|RTTIME|999)$'},"
	       "'compare':['resource','change','max','outcomes']}");
	expect_that(set(RLIMIT_NOFILE, 100, 200) == 0);
	expect_that(set(RLIMIT_NOFILE, 150, 200) == 0);
	expect_that(set(RLIMIT_NOFILE, 150, 200) == 0);
	/* Not everyone may: root without CAP_SYS_RESOURCE can only try. */
	raise = set(RLIMIT_NOFILE, 50, 300) == 0 ? "ok" : "EPERM";
	set(RLIMIT_NOFILE, 400, 500);
	expect("{'fact':'rlimits','resource':'RLIMIT_NOFILE','change':'lower','max':200,"
	       "'outcomes':{'ok':2}}");
	expect("{'fact':'rlimits','resource':'RLIMIT_NOFILE','change':'raise-soft','max':500,"
	       "'outcomes':{%s}}",
	       strcmp(raise, "ok") == 0 ? "\"ok\":2" : "\"EPERM\":1,\"ok\":1");
	expect("{'fact':'rlimits','resource':'RLIMIT_NOFILE','change':'raise-hard','max':500,"
	       "'outcomes':{'%s':2}}",
	       raise);
	expect_that(syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, old) == 0);
	expect_that(syscall(SYS_getrlimit, RLIMIT_CORE, &narrow) == 0);
	expect("{'fact':'rlimits','resource':'RLIMIT_CORE','change':'read','max':0,"
	       "'outcomes':{'ok':2}}");
	narrow.soft = 10;
	narrow.hard = 20;
	expect_that(syscall(SYS_setrlimit, RLIMIT_RTTIME, &narrow) == 0);
	expect("{'fact':'rlimits','resource':'RLIMIT_RTTIME','change':'lower','max':20,"
	       "'outcomes':{'ok':1}}");
	/* Unlimited is the same in both ABIs, however wide it is. */
	syscall(SYS_setrlimit, RLIMIT_RTTIME, &unlimited);
	expect("{'fact':'rlimits','resource':'RLIMIT_RTTIME','change':'raise-soft',"
	       "'max':'0xffffffffffffffff','outcomes':{'%s':1}}",
	       raise);
	expect("{'fact':'rlimits','resource':'RLIMIT_RTTIME','change':'raise-hard',"
	       "'max':'0xffffffffffffffff','outcomes':{'%s':1}}",
	       raise);
	expect_that(set(999, 1, 1) == -1 && errno == EINVAL);
	expect("{'fact':'rlimits','resource':'RLIMIT_999','change':'raise-soft','max':1,"
	       "'outcomes':{'EINVAL':1}}");
	expect("{'fact':'rlimits','resource':'RLIMIT_999','change':'raise-hard','max':1,"
	       "'outcomes':{'EINVAL':1}}");
	return 0;
}
