/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Twenty threads at once, each with calls of its own: all are seen, and all are one process.
 *
 * LIVE: threads m32 static
 * Whether two of them meet is chance.
 * LIVE: differs \bfutex
 */
#include <pthread.h>
#include <sys/syscall.h>

#include "expect.h"

#define THREADS 20
#define CALLS	5

static pthread_barrier_t barrier;

static void *work(void *data)
{
	(void)data;
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getsid, 0);
	return NULL;
}

int main(void)
{
	pthread_t thread[THREADS];

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		expect_that(pthread_create(&thread[i], NULL, work, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		expect_that(pthread_join(thread[i], NULL) == 0);
	expect("{'scope':'syscalls','where':{'name':'^getsid$'},'compare':['name','count']}");
	expect("{'fact':'syscalls','name':'getsid','count':%d}", THREADS * CALLS);
	expect("{'scope':'runs','where':{},'compare':['tasks']}");
	expect("{'fact':'runs','tasks':%d}", THREADS + 1);
	return 0;
}
