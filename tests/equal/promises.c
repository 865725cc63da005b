/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the names of the calls whose errors the adaptive engine does not promise: those that a filter
 * may let pass, so that their results are not seen. For compare.py.
 */
#include <stdio.h>

#include "tracer/quiet.h"
#include "whittle/syscall.h"

int main(void)
{
	size_t n;
	const struct wh_syscall_row *rows = wh_syscall_rows(&n);

	for (size_t i = 0; i < n; i++)
		if (wh_quiet_may(&rows[i]))
			puts(rows[i].name);
	return 0;
}
