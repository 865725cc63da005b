/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service whose needs are known, for tests/docker/harden.sh. Answers each connection with what is in /etc/serve.conf.
 *
 *   serve [state] [high] [unix]
 *
 * It writes /run/serve.pid and a file in /tmp, and has four threads. With "state" it reads /var/lib/serve/seed, which the image
 * has, and appends to a file beside it; with "high" it listens on port 8080, with "unix" on /run/serve.sock instead of port 80. Whatever
 * fails ends it.
 */
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void slurp(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (n <= 0)
		err(1, "%s", path);
	text[n] = '\0';
	close(fd);
}

static void put(const char *path, int flags, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | flags, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, "%s", path);
	close(fd);
}

static int listen_on(const struct sockaddr *address, socklen_t len)
{
	int fd = socket(address->sa_family, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, address, len) < 0 || listen(fd, 5) < 0)
		err(1, "cannot listen");
	return fd;
}

static void *sleeper(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void stop(int signo)
{
	(void)signo;
	unlink("/run/serve.pid");
	_exit(0);
}

int main(int argc, char **argv)
{
	struct sockaddr_in inet = {
		.sin_family = AF_INET,
		.sin_port = htons(80),
		.sin_addr.s_addr = htonl(INADDR_ANY),
	};
	const struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/run/serve.sock"};
	char conf[256], seed[256];
	pthread_t thread;
	int fd = -1;

	signal(SIGTERM, stop);
	slurp("/etc/serve.conf", conf, sizeof(conf));
	put("/run/serve.pid", O_TRUNC, "1\n");
	put("/tmp/serve.tmp", O_TRUNC, "x\n");
	for (int i = 0; i < 3; i++) {
		if (pthread_create(&thread, NULL, sleeper, NULL))
			errx(1, "no thread");
	}
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "unix") == 0) {
			fd = listen_on((const struct sockaddr *)&local, sizeof(local));
			if (chmod(local.sun_path, 0666) < 0)
				err(1, "chmod");
		} else if (strcmp(argv[i], "high") == 0) {
			inet.sin_port = htons(8080);
		} else {
			slurp("/var/lib/serve/seed", seed, sizeof(seed));
			put("/var/lib/serve/log", O_APPEND, seed);
		}
	}
	if (fd < 0)
		fd = listen_on((const struct sockaddr *)&inet, sizeof(inet));
	for (;;) {
		int client = accept(fd, NULL, NULL);

		if (client < 0)
			continue;
		if (write(client, conf, strlen(conf)) < 0)
			warn("write");
		close(client);
	}
}
