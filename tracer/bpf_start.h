/* SPDX-License-Identifier: Apache-2.0 */
/* What each use of BPF begins with. */
#ifndef WHITTLE_TRACER_BPF_START_H
#define WHITTLE_TRACER_BPF_START_H

#include "whittle/error.h"

struct bpf_program;

/** wh_bpf_start_check() - -EPERM or -ENOTSUP where none can be loaded, as far as one can tell without trying. */
int wh_bpf_start_check(struct wh_error *e);

/** wh_bpf_start_quiet() - libbpf prints nothing: what goes wrong is told by our own errors. */
void wh_bpf_start_quiet(void);

/** wh_bpf_start_introduce() - run @who_am_i (tracer/bpf/self.bpf.h), which looks who runs it, and that is we. */
int wh_bpf_start_introduce(const struct bpf_program *who_am_i, struct wh_error *e);

#endif
