// SPDX-License-Identifier: Apache-2.0
/* Of several AppArmor profiles: in which of them an entry is. */
#include "gen/explain-internal.h"

void wh_explain_profiles_file(const struct wh_policy *p, const char *pattern, struct wh_buf *b)
{
	static const char order[] = "rwalkm";

	for (size_t i = 0; i < p->n_profiles; i++) {
		const struct wh_policy *one = p->profiles[i];

		for (size_t j = 0; j < one->n_files; j++) {
			const struct wh_policy_file *file = &one->files[j];

			if (strcmp(file->pattern, pattern) != 0)
				continue;
			wh_buf_addf(b, "  in the profile %s: ", one->name);
			for (size_t k = 0; order[k]; k++)
				if (file->letters & (1u << k))
					wh_buf_addc(b, order[k]);
			if (file->letters & WH_POLICY_X)
				wh_buf_addf(b, "%sexecuted under %s",
					    file->letters & ~(unsigned)WH_POLICY_X ? ", " : "",
					    file->to ? file->to->name : "the same");
			wh_buf_adds(b, file->owner ? ", to its owner only\n" : "\n");
		}
	}
}

void wh_explain_profiles_cap(const struct wh_policy *p, const char *name, struct wh_buf *b)
{
	for (size_t i = 0; i < p->n_profiles; i++)
		for (size_t j = 0; j < p->profiles[i]->n_caps; j++)
			if (strcmp(p->profiles[i]->caps[j].name, name) == 0)
				wh_buf_addf(b, "  in the profile %s\n", p->profiles[i]->name);
}
