/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of ablation.json: an answer it takes up is of sets that there can be, each there once. */
#include "judge/ablate.h"
#include "tests/fuzz/fuzz.h"

#define ENTRIES 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char dir[] = "/nonexistent", word[] = "service";
	struct wh_ablate_entry entries[ENTRIES] = {{.name = "CAP_CHOWN"}, {.name = "brk"},
						   {.name = "close"},	  {.name = "dup2"},
						   {.name = "fcntl"},	  {.name = "read"}};
	const struct wh_verify v = {.dir = dir};
	const struct wh_verify_request request = {.path = word, .argv = (char *[]){word, NULL}};
	struct wh_ablate a = {
		.v = &v, .request = &request, .entries = entries, .n_entries = ENTRIES};
	struct wh_error e = {};
	int r = wh_ablate_state_parse(&a, (const char *)data, size, true, &e);

	wh_assert(r == 0 || (e.err == -r && e.text[0] && !strchr(e.text, '\n')));
	wh_assert(a.reduce.n_tried <= 1u << ENTRIES);
	for (size_t i = 0; i < a.reduce.n_tried && r == 0; i++) {
		wh_assert(!(a.reduce.tried[i].kept.bit[0] >> ENTRIES));
		wh_assert(a.reduce.tried[i].passed || a.reduce.tried[i].failed);
		wh_assert(wh_reduce_known(&a.reduce, &a.reduce.tried[i].kept) ==
			  &a.reduce.tried[i]);
	}
	wh_reduce_forget(&a.reduce);
	free(a.anew);
	return 0;
}
