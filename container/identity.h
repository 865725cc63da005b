/* SPDX-License-Identifier: Apache-2.0 */
/* What people call a container: a runtime is told but an id, its engine knows more. */
#ifndef WHITTLE_CONTAINER_IDENTITY_H
#define WHITTLE_CONTAINER_IDENTITY_H

#include "container/oci.h"

/**
 * struct wh_identity - NULL where it is not known.
 * @engine: "docker", "podman", "cri-o", "containerd" …; static
 * @label: of Docker's containers, the value of their label org.whittle.trace
 */
struct wh_identity {
	const char *engine;
	char *name, *image, *label;
};

/**
 * wh_identity_find() - from annotations, and from the engine's own files beside the bundle and behind the container's
 * mounts. Those are another program's: what is not as it is expected there is not known.
 * @ret: zeroed; wh_identity_release() it, also after an error
 * Return: 0 or -ENOMEM.
 */
int wh_identity_find(const struct wh_oci *oci, struct wh_identity *ret, struct wh_error *e);
void wh_identity_release(struct wh_identity *identity);

#endif
