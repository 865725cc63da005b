/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What who has taken over a service tries next, and the calls that it takes: kernel code with a record of exploits, ways out of a
 * container, ways into other processes, ways to run code that was not there. On x86_64.
 */
#ifndef WHITTLE_TESTS_ATTACKS_H
#define WHITTLE_TESTS_ATTACKS_H

#include <linux/bpf.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>

#include "whittle/util.h"

/**
 * struct attack - one call.
 * @essence: which argument makes it the attack: where it has @value in the bits of @mask (0: any call of that name is one)
 */
struct attack {
	const char *what, *call;
	uint64_t arg[6];
	unsigned essence;
	uint32_t mask, value;
};

#define WX   (PROT_WRITE | PROT_EXEC)
#define ALL_ 0xffffffffu

static const struct attack attacks[] = {
	{"unshare(NEWUSER)", "unshare", {CLONE_NEWUSER}, 0, CLONE_NEWUSER, CLONE_NEWUSER},
	{"clone(NEWUSER)", "clone", {CLONE_NEWUSER | 17}, 0, CLONE_NEWUSER, CLONE_NEWUSER},
	/* Its flags are in memory: no argument tells. */
	{"clone3(NEWUSER)", "clone3", {0}, 0, ALL_, 1},
	{"setns(NEWPID)", "setns", {3, CLONE_NEWPID}, 1, ALL_, CLONE_NEWPID},
	{"socket(AF_ALG)", "socket", {AF_ALG, SOCK_SEQPACKET}, 0, ALL_, AF_ALG},
	{"socket(AF_VSOCK)", "socket", {AF_VSOCK, SOCK_STREAM}, 0, ALL_, AF_VSOCK},
	{"socket(AF_NETLINK, NETFILTER)",
	 "socket",
	 {AF_NETLINK, SOCK_RAW, 12},
	 0,
	 ALL_,
	 AF_NETLINK},
	{"socket(AF_PACKET)", "socket", {AF_PACKET, SOCK_RAW, 0x300}, 0, ALL_, AF_PACKET},
	{"socket(AF_INET, SOCK_RAW)", "socket", {AF_INET, SOCK_RAW, 1}, 1, 0xf, SOCK_RAW},
	{"socket(AF_KEY)", "socket", {AF_KEY, SOCK_RAW, 2}, 0, ALL_, AF_KEY},
	{"socket(AF_TIPC)", "socket", {AF_TIPC, SOCK_SEQPACKET}, 0, ALL_, AF_TIPC},
	{"setsockopt(IPT_SO_SET_REPLACE)", "setsockopt", {3, 0, 64}, 2, ALL_, 64},
	{"setsockopt(SO_ATTACH_FILTER)", "setsockopt", {3, 1, 26}, 2, ALL_, 26},
	{"setsockopt(TCP_ULP)", "setsockopt", {3, 6, 31}, 2, ALL_, 31},
	{"personality(ADDR_NO_RANDOMIZE)",
	 "personality",
	 {ADDR_NO_RANDOMIZE},
	 0,
	 ALL_,
	 ADDR_NO_RANDOMIZE},
	{"mprotect(W|X)", "mprotect", {0, 4096, PROT_READ | WX}, 2, WX, WX},
	{"pkey_mprotect(W|X)", "pkey_mprotect", {0, 4096, PROT_READ | WX}, 2, WX, WX},
	{"mmap(W|X)", "mmap", {0, 4096, PROT_READ | WX, MAP_PRIVATE | MAP_ANONYMOUS}, 2, WX, WX},
	{"shmat(SHM_EXEC)", "shmat", {0, 0, SHM_EXEC}, 2, SHM_EXEC, SHM_EXEC},
	{"ioctl(TIOCSTI)", "ioctl", {0, TIOCSTI}, 1, ALL_, TIOCSTI},
	{"ioctl(TIOCLINUX)", "ioctl", {0, 0x541c}, 1, ALL_, 0x541c},
	{"prctl(PR_SET_MM)", "prctl", {PR_SET_MM}, 0, ALL_, PR_SET_MM},
	{"keyctl(JOIN_SESSION_KEYRING)", "keyctl", {1}, 0, ALL_, 1},
	{"add_key", "add_key", {0}, 0, 0, 0},
	{"request_key", "request_key", {0}, 0, 0, 0},
	{"userfaultfd", "userfaultfd", {0}, 0, ALL_, 0},
	{"io_uring_setup", "io_uring_setup", {0}, 0, 0, 0},
	{"bpf(PROG_LOAD)", "bpf", {BPF_PROG_LOAD}, 0, ALL_, BPF_PROG_LOAD},
	{"perf_event_open", "perf_event_open", {0}, 0, 0, 0},
	{"process_vm_readv", "process_vm_readv", {0}, 0, 0, 0},
	{"process_vm_writev", "process_vm_writev", {0}, 0, 0, 0},
	{"ptrace(ATTACH)", "ptrace", {PTRACE_ATTACH, 1}, 0, ALL_, PTRACE_ATTACH},
	{"ptrace(SEIZE)", "ptrace", {PTRACE_SEIZE, 1}, 0, ALL_, PTRACE_SEIZE},
	{"pidfd_getfd", "pidfd_getfd", {0}, 0, 0, 0},
	{"kcmp", "kcmp", {1, 1, 0}, 2, ALL_, 0},
	{"init_module", "init_module", {0}, 0, 0, 0},
	{"kexec_load", "kexec_load", {0}, 0, 0, 0},
	{"open_by_handle_at", "open_by_handle_at", {0}, 0, 0, 0},
	{"mount", "mount", {0}, 3, ALL_, 0},
	{"fsopen", "fsopen", {0}, 0, 0, 0},
	{"move_mount", "move_mount", {0}, 0, 0, 0},
	{"pivot_root", "pivot_root", {0}, 0, 0, 0},
	{"chroot", "chroot", {0}, 0, 0, 0},
	{"execveat", "execveat", {0}, 0, 0, 0},
	{"modify_ldt", "modify_ldt", {1}, 0, ALL_, 1},
	{"vmsplice", "vmsplice", {0}, 0, 0, 0},
	{"add a swap file: swapon", "swapon", {0}, 0, 0, 0},
	{"reboot", "reboot", {0}, 0, 0, 0},
};

#endif
