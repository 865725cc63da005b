/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signal to a process that is not traced: the harness's own python, which is asked if it is there.
 *
 * LIVE: m32
 */
#include <signal.h>

#include "expect.h"

int main(void)
{
	char line[256];
	pid_t tracer = 0, outside = 0;
	FILE *f = fopen("/proc/self/status", "r");

	expect_that(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	fclose(f);
	expect_that(tracer > 0);
	snprintf(line, sizeof(line), "/proc/%d/stat", tracer);
	f = fopen(line, "r");
	expect_that(f && fscanf(f, "%*d (%*[^)]) %*c %d", &outside) == 1 && outside > 0);
	expect_that(kill(outside, 0) == 0);
	expect("{'scope':'signals','where':{},'compare':['signal','target','outcomes']}");
	expect("{'fact':'signals','signal':'0','target':'outside','outcomes':{'ok':1}}");
	expect("{'some':'signals','where':{'peer':'^/.*python'}}");
	return 0;
}
