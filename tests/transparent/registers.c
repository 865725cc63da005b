/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Around each of many calls: all general registers, the flags, the SSE registers and the red zone are
 * as they were, but for rax, rcx and r11. Also on a tiny stack, close to its guard.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "check.h"

#ifdef __x86_64__

/* rbx rdx rsi rdi rbp r8 r9 r10 r12-r15, xmm0 xmm7 xmm15, flags, 16 words of red zone. */
struct state {
	uint64_t reg[12], xmm[6], flags, red[16], ret;
};

/* One getppid (or another call that takes no arguments) with everything set from @in, read to @out. */
__attribute__((naked, noinline)) static void probe(__attribute__((unused)) const struct state *in,
						   __attribute__((unused)) struct state *out,
						   __attribute__((unused)) long nr)
{
	__asm__("push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n\t"
		"push %rsi\n\t"
		"mov %rdx, %rax\n\t"
		"mov %rdi, %rcx\n\t"
		".set i, 0\n\t"
		".rept 16\n\t"
		"mov 152+i*8(%rcx), %r11\n\t"
		"mov %r11, -8-i*8(%rsp)\n\t"
		".set i, i+1\n\t"
		".endr\n\t"
		"movdqu 96(%rcx), %xmm0; movdqu 112(%rcx), %xmm7; movdqu 128(%rcx), %xmm15\n\t"
		"mov 0(%rcx), %rbx; mov 8(%rcx), %rdx; mov 16(%rcx), %rsi; mov 24(%rcx), %rdi\n\t"
		"mov 32(%rcx), %rbp; mov 40(%rcx), %r8; mov 48(%rcx), %r9; mov 56(%rcx), %r10\n\t"
		"mov 64(%rcx), %r12; mov 72(%rcx), %r13; mov 80(%rcx), %r14; mov 88(%rcx), %r15\n\t"
		"std; stc\n\t"
		"syscall\n\t"
		"mov (%rsp), %rcx\n\t"
		"mov %rax, 280(%rcx)\n\t"
		".set i, 0\n\t"
		".rept 16\n\t"
		"mov -8-i*8(%rsp), %r11\n\t"
		"mov %r11, 152+i*8(%rcx)\n\t"
		".set i, i+1\n\t"
		".endr\n\t"
		"mov %rbx, 0(%rcx); mov %rdx, 8(%rcx); mov %rsi, 16(%rcx); mov %rdi, 24(%rcx)\n\t"
		"mov %rbp, 32(%rcx); mov %r8, 40(%rcx); mov %r9, 48(%rcx); mov %r10, 56(%rcx)\n\t"
		"mov %r12, 64(%rcx); mov %r13, 72(%rcx); mov %r14, 80(%rcx); mov %r15, 88(%rcx)\n\t"
		"movdqu %xmm0, 96(%rcx); movdqu %xmm7, 112(%rcx); movdqu %xmm15, 128(%rcx)\n\t"
		"pushf; pop %rax; mov %rax, 144(%rcx); cld\n\t"
		"pop %rsi\n\t"
		"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n\t"
		"ret\n\t");
}

static unsigned wrong;

static void probe_once(uint64_t seed, long nr, long want)
{
	struct state in, out = {0};
	uint64_t *word = (uint64_t *)(void *)&in;

	for (size_t i = 0; i < sizeof(in) / sizeof(*word); i++)
		word[i] = (seed + i) * 0x9e3779b97f4a7c15u;
	probe(&in, &out, nr);
	/* Carry, direction. */
	if (memcmp(in.reg, out.reg, sizeof(in.reg)) || memcmp(in.xmm, out.xmm, sizeof(in.xmm)) ||
	    memcmp(in.red, out.red, sizeof(in.red)) || (out.flags & 0x401) != 0x401 ||
	    (long)out.ret != want)
		__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

static void probe_many(void)
{
	long ppid = getppid(), uid = (long)getuid();

	/* Hot, then a new call while hot, then hot again. */
	for (uint64_t i = 0; i < 3500; i++)
		probe_once(i, SYS_getppid, ppid);
	for (uint64_t i = 0; i < 10; i++)
		probe_once(i, SYS_getuid, uid);
	for (uint64_t i = 0; i < 600; i++)
		probe_once(i, i % 2 ? SYS_getppid : SYS_getuid, i % 2 ? ppid : uid);
	for (uint64_t i = 0; i < 10; i++)
		probe_once(i, 5000, -ENOSYS);
}

static void *on_stack(void *data)
{
	(void)data;
	probe_many();
	return NULL;
}

/* Its frame nearly touches the guard: less than a page is below the stack pointer. */
__attribute__((noinline)) static void descend(uintptr_t floor)
{
	volatile char room[256];

	room[0] = 1;
	if ((uintptr_t)room > floor + 1600)
		descend(floor);
	else
		probe_many();
	room[1] = room[0];
}

static void *to_the_guard(void *data)
{
	descend((uintptr_t)data);
	return NULL;
}

static void with_stack(void *(*main)(void *), const char *name)
{
	size_t size = 16384, guard = 4096;
	char *memory = mmap(NULL, size + 2 * guard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attr;
	pthread_t thread;

	wrong = 0;
	mprotect(memory + guard, size, PROT_READ | PROT_WRITE);
	pthread_attr_init(&attr);
	if (pthread_attr_setstack(&attr, memory + guard, size) ||
	    pthread_create(&thread, &attr, main, memory + guard))
		exit(99);
	pthread_join(thread, NULL);
	check(wrong == 0, name);
}

int main(void)
{
	probe_many();
	check(wrong == 0, "registers");
	with_stack(on_stack, "registers-tiny-stack");
	with_stack(to_the_guard, "registers-at-the-guard");
	return 0;
}

#else

int main(void)
{
	check(1, "registers-elsewhere");
	return 0;
}

#endif
