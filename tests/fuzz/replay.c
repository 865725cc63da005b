/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzzer's function once on each file of the given folders: found once, tested for good. */
#include <dirent.h>

#include "tests/fuzz/fuzz.h"
#include "whittle/output.h"

#define INPUT_MAX ((size_t)16 << 20)

static int replay(const char *folder, const char *name)
{
	wh_auto(str) path = NULL;
	wh_auto(str) text = NULL;
	uint8_t *exact;
	size_t len;
	int r;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return 1;
	r = wh_output_slurp(path, INPUT_MAX, &text, &len, NULL);
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
		return 1;
	}
	/* Of exactly its size, so that a read past the end is seen by a sanitizer. */
	exact = malloc(len ? len : 1);
	if (!exact)
		return 1;
	memcpy(exact, text, len);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent *entry;
	int failed = 0, n = 0;
	DIR *dir;

	for (int i = 1; i < argc; i++) {
		dir = opendir(argv[i]);
		if (!dir) {
			perror(argv[i]);
			return 1;
		}
		while ((entry = readdir(dir))) {
			if (entry->d_name[0] == '.')
				continue;
			failed |= replay(argv[i], entry->d_name);
			n++;
		}
		closedir(dir);
	}
	if (!n)
		fprintf(stderr, "there was nothing to replay\n");
	return failed || !n;
}
