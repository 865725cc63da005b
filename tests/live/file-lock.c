/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks of every kind; asking for one (F_GETLK) is none.
 *
 * LIVE: m32
 */
#include <fcntl.h>
#include <sys/file.h>

#include "expect.h"

int main(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_len = 1};
	int a, b;

	expect("{'scope':'files','where':{'path':'^%s/','access':'lock'},"
	       "'compare':['path','outcomes']}",
	       expect_here());
	a = open("a", O_RDWR | O_CREAT, 0600);
	b = open("a", O_RDWR);
	expect_that(a >= 0 && b >= 0);
	expect_that(fcntl(a, F_SETLK, &lock) == 0 && fcntl(a, F_GETLK, &lock) == 0);
	lock.l_type = F_UNLCK;
	expect_that(fcntl(a, F_SETLKW, &lock) == 0);
	lock.l_type = F_WRLCK;
	expect_that(fcntl(a, F_OFD_SETLK, &lock) == 0);
	expect_that(fcntl(b, F_OFD_SETLK, &lock) == -1 && errno == EAGAIN);
	expect_that(flock(a, LOCK_EX) == 0);
	expect_that(flock(b, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK);
	expect_that(flock(a, LOCK_UN) == 0);
	expect("{'fact':'files','path':'%s/a','outcomes':{'EAGAIN':2,'ok':5}}", expect_here());
	return 0;
}
