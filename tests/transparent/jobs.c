/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A parent sees its children stop, continue and end as it should, and a terminal stops, continues and kills
 * its jobs.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "check.h"

static volatile sig_atomic_t told[8], count, continued;

static void on_child(int sig, siginfo_t *si, void *context)
{
	(void)sig;
	(void)context;
	if (count < 8)
		told[count] = si->si_code;
	count = count + 1;
}

static void on_continue(int sig)
{
	(void)sig;
	continued = 1;
}

static void handle_child(int flags)
{
	struct sigaction action = {.sa_sigaction = on_child,
				   .sa_flags = SA_SIGINFO | SA_RESTART | flags};

	sigaction(SIGCHLD, &action, NULL);
	count = 0;
}

static void nap(void)
{
	struct timespec ts = {0, 2000000};

	nanosleep(&ts, NULL);
}

static int told_of(int code)
{
	for (int i = 0; i < 5000; i++) {
		for (int k = 0; k < count && k < 8; k++)
			if (told[k] == code)
				return 1;
		nap();
	}
	return 0;
}

static void busy_child(int ready)
{
	/* A group that is not orphaned, wherever this runs: its parent is in another one. */
	setpgid(0, 0);
	signal(SIGCONT, on_continue);
	if (write(ready, "x", 1) != 1)
		_exit(99);
	while (!continued)
		heat();
	signal(SIGCONT, SIG_DFL);
	for (;;)
		syscall(SYS_getppid);
}

static void stops(void)
{
	siginfo_t si = {0};
	int ready[2], status;
	char c;
	pid_t pid;

	if (pipe(ready))
		exit(99);
	handle_child(0);
	pid = fork();
	if (!pid)
		busy_child(ready[1]);
	check(read(ready[0], &c, 1) == 1, "child");
	check(waitid(P_PID, (id_t)pid, &si, WSTOPPED | WCONTINUED | WEXITED | WNOHANG) == 0 &&
		      si.si_pid == 0,
	      "WNOHANG");
	kill(pid, SIGSTOP);
	check(waitid(P_PID, (id_t)pid, &si, WSTOPPED | WNOWAIT) == 0 && si.si_code == CLD_STOPPED &&
		      si.si_status == SIGSTOP && si.si_pid == pid,
	      "WSTOPPED");
	check(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
		      WSTOPSIG(status) == SIGSTOP,
	      "WUNTRACED");
	check(waitpid(pid, &status, WUNTRACED | WNOHANG) == 0, "told-once");
	check(told_of(CLD_STOPPED), "SIGCHLD-stopped");
	kill(pid, SIGCONT);
	check(waitid(P_PID, (id_t)pid, &si, WCONTINUED) == 0 && si.si_code == CLD_CONTINUED &&
		      si.si_status == SIGCONT,
	      "WCONTINUED");
	check(told_of(CLD_CONTINUED), "SIGCHLD-continued");
	handle_child(SA_NOCLDSTOP);
	kill(pid, SIGTSTP);
	check(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
		      WSTOPSIG(status) == SIGTSTP,
	      "SIGTSTP");
	kill(pid, SIGCONT);
	check(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status),
	      "waitpid-continued");
	check(count == 0, "SA_NOCLDSTOP");
	kill(pid, SIGKILL);
	check(waitid(P_PID, (id_t)pid, &si, WEXITED) == 0 && si.si_code == CLD_KILLED &&
		      si.si_status == SIGKILL,
	      "CLD_KILLED");
	check(told_of(CLD_KILLED), "SIGCHLD-killed");
	check(waitpid(pid, &status, 0) == -1 && errno == ECHILD, "ECHILD");
	close(ready[0]);
	close(ready[1]);
}

static void reaped(void)
{
	int status;
	pid_t pid;

	signal(SIGCHLD, SIG_IGN);
	pid = fork();
	if (!pid)
		_exit(1);
	check(waitpid(pid, &status, 0) == -1 && errno == ECHILD, "SIGCHLD-ignored");
	signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (!pid) {
		/* A group that is orphaned is not stopped by a terminal's signals. */
		setsid();
		raise(SIGTSTP);
		_exit(7);
	}
	check(waitpid(pid, &status, WUNTRACED) == pid && WIFEXITED(status) &&
		      WEXITSTATUS(status) == 7,
	      "orphaned-group");
}

/* ---- on a terminal --------------------------------------------------------------------------- */

static int master;

/* In a group of its own, which is in the foreground or not. */
static pid_t job(int terminal, int foreground, void (*work)(int))
{
	int go[2];
	pid_t pid;
	char c;

	if (pipe(go))
		_exit(99);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		if (read(go[0], &c, 1) != 1)
			_exit(99);
		work(terminal);
		_exit(5);
	}
	setpgid(pid, pid);
	if (foreground)
		tcsetpgrp(terminal, pid);
	if (write(go[1], "x", 1) != 1)
		_exit(99);
	close(go[0]);
	close(go[1]);
	return pid;
}

static void reads_a_line(int terminal)
{
	char line[16];

	_exit(read(terminal, line, sizeof(line)) == 3 && !memcmp(line, "hi\n", 3) ? 5 : 6);
}

static void changes_it(int terminal)
{
	struct termios t;

	_exit(tcgetattr(terminal, &t) == 0 && tcsetattr(terminal, TCSANOW, &t) == 0 ? 5 : 6);
}

/* Says so by a line, so that nobody types before. */
static void works(int terminal)
{
	if (write(terminal, "\n", 1) != 1)
		_exit(99);
	heat();
	for (;;)
		syscall(SYS_getppid);
}

static void type(const char *text)
{
	if (write(master, text, strlen(text)) != (ssize_t)strlen(text))
		_exit(99);
}

static void await_output(void)
{
	char c = 0;

	while (c != '\n')
		if (read(master, &c, 1) != 1)
			_exit(99);
}

static void stopped_by(pid_t pid, int sig, const char *name)
{
	int status;

	check(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) &&
		      WSTOPSIG(status) == sig,
	      name);
}

/* To the foreground, as a shell does it. */
static void foreground(int terminal, pid_t pid)
{
	tcsetpgrp(terminal, pid);
	kill(-pid, SIGCONT);
}

static void ends(pid_t pid, int want, const char *name)
{
	int status;

	check(waitpid(pid, &status, 0) == pid && status == want, name);
}

static void shell(const char *path)
{
	int terminal;
	pid_t pid;

	if (setsid() < 0 || (terminal = open(path, O_RDWR | O_CLOEXEC)) < 0 ||
	    ioctl(terminal, TIOCSCTTY, 0) < 0 || tcgetpgrp(terminal) != getpid())
		_exit(99);
	signal(SIGTTOU, SIG_IGN);
	pid = job(terminal, 0, reads_a_line);
	stopped_by(pid, SIGTTIN, "background-SIGTTIN");
	foreground(terminal, pid);
	type("hi\n");
	ends(pid, 5 << 8, "foreground-reads");
	tcsetpgrp(terminal, getpid());
	signal(SIGTTOU, SIG_DFL);
	pid = job(terminal, 0, changes_it);
	signal(SIGTTOU, SIG_IGN);
	stopped_by(pid, SIGTTOU, "background-SIGTTOU");
	foreground(terminal, pid);
	ends(pid, 5 << 8, "foreground-changes");
	while (tcflush(terminal, TCIOFLUSH))
		;
	pid = job(terminal, 1, works);
	await_output();
	type("\032");
	stopped_by(pid, SIGTSTP, "typed-SIGTSTP");
	foreground(terminal, pid);
	type("\003");
	ends(pid, SIGINT, "typed-SIGINT");
	tcsetpgrp(terminal, getpid());
	signal(SIGHUP, SIG_DFL);
	close(master);
	pause();
	_exit(0);
}

static void terminal_jobs(void)
{
	int status;
	pid_t pid;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) || unlockpt(master))
		exit(99);
	fflush(stdout);
	pid = fork();
	if (!pid)
		shell(ptsname(master));
	close(master);
	check(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP,
	      "hangup");
}

int main(void)
{
	stops();
	reaped();
	terminal_jobs();
	heat();
	stops();
	return 0;
}
