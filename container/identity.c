// SPDX-License-Identifier: Apache-2.0
#include "container/identity.h"

#include <libgen.h>

#include "container/jsonfile.h"

#define LABEL "org.whittle.trace"

void wh_identity_release(struct wh_identity *identity)
{
	free(identity->name);
	free(identity->image);
	free(identity->label);
	*identity = (struct wh_identity){0};
}

static int keep(char **to, const char *text)
{
	if (!text || !*text || *to)
		return 0;
	*to = strdup(text);
	return *to ? 0 : -ENOMEM;
}

/* ---- Kubernetes ------------------------------------------------------------------------------ */

static const struct {
	const char *engine, *name, *image; /* annotations */
} annotated[] = {
	{"cri-o", "io.kubernetes.cri-o.Name", "io.kubernetes.cri-o.ImageName"},
	{"cri-o", "io.kubernetes.cri-o.ContainerName", "io.kubernetes.cri-o.Image"},
	{"containerd", "io.kubernetes.cri.container-name", "io.kubernetes.cri.image-name"},
	{"nerdctl", "nerdctl/name", "nerdctl/image-name"},
};

static int from_annotations(const struct wh_oci *oci, struct wh_identity *ret)
{
	for (size_t i = 0; i < WH_ARRAY_SIZE(annotated); i++) {
		const char *name = wh_oci_annotation(oci, annotated[i].name);
		const char *image = wh_oci_annotation(oci, annotated[i].image);

		if (!name)
			continue;
		ret->engine = annotated[i].engine;
		return keep(&ret->name, name) < 0 || keep(&ret->image, image) < 0 ? -ENOMEM : 0;
	}
	return 0;
}

/* ---- Docker ---------------------------------------------------------------------------------- */

/* The engine's folder of the container: some of its files are mounted into each, by default. */
static char *docker_folder(const struct wh_oci *oci)
{
	static const char *const mounted[] = {"/etc/resolv.conf", "/etc/hostname", "/etc/hosts"};
	wh_auto(str) part = NULL;

	if (asprintf(&part, "/containers/%s/", wh_oci_id(oci)) < 0) {
		part = NULL;
		return NULL;
	}
	for (size_t i = 0; i < WH_ARRAY_SIZE(mounted); i++) {
		const char *source = wh_oci_mount_source(oci, mounted[i]);
		const char *found = source ? strstr(source, part) : NULL;

		if (found)
			return strndup(source, (size_t)(found - source) + strlen(part));
	}
	return NULL;
}

static int from_docker(const struct wh_oci *oci, struct wh_identity *ret)
{
	wh_auto(str) folder = docker_folder(oci);
	wh_auto(str) path = NULL;
	wh_auto(json) json = NULL;
	const json_t *config;
	const char *name;

	if (!folder)
		return 0;
	if (asprintf(&path, "%sconfig.v2.json", folder) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (wh_jsonfile_read(path, &json, NULL, NULL) < 0)
		return 0;
	ret->engine = "docker";
	config = json_object_get(json, "Config");
	name = wh_jsonfile_string(json, "Name");
	return keep(&ret->name, name && *name == '/' ? name + 1 : name) < 0 ||
			       keep(&ret->image, wh_jsonfile_string(config, "Image")) < 0 ||
			       keep(&ret->label,
				    wh_jsonfile_string(json_object_get(config, "Labels"), LABEL)) <
				       0
		       ? -ENOMEM
		       : 0;
}

/* ---- Podman ---------------------------------------------------------------------------------- */

static const json_t *find_id(const json_t *containers, const char *id)
{
	json_t *item;
	size_t i;

	json_array_foreach (containers, i, item) {
		const char *other = wh_jsonfile_string(item, "id");

		if (other && strcmp(other, id) == 0)
			return item;
	}
	return NULL;
}

/* Its storage has a list, whose entries have a text that is JSON again. */
static int from_list(const json_t *containers, const char *id, struct wh_identity *ret)
{
	const json_t *own = find_id(containers, id);
	const char *text = wh_jsonfile_string(own, "metadata");
	const char *name = json_string_value(json_array_get(json_object_get(own, "names"), 0));
	wh_auto(json) metadata = text ? json_loads(text, 0, NULL) : NULL;

	if (!own)
		return 0;
	return keep(&ret->name, name) < 0 ||
			       keep(&ret->image, wh_jsonfile_string(metadata, "image-name")) < 0
		       ? -ENOMEM
		       : 0;
}

/* The bundle is …/overlay-containers/ID/userdata, the list …/overlay-containers/containers.json. */
static int from_podman(const struct wh_oci *oci, struct wh_identity *ret)
{
	const char *manager = wh_oci_annotation(oci, "io.container.manager");
	wh_auto(str) folder = strdup(wh_oci_bundle(oci));
	wh_auto(str) path = NULL;
	wh_auto(json) json = NULL;
	json_t *containers;
	json_error_t error;
	bool podman = manager && strcmp(manager, "libpod") == 0;

	if (!folder)
		return -ENOMEM;
	if (!podman)
		return 0;
	ret->engine = "podman";
	if (asprintf(&path, "%s/containers.json", dirname(dirname(folder))) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	containers = json = json_load_file(path, 0, &error);
	return containers ? from_list(containers, wh_oci_id(oci), ret) : 0;
}

/* ---- containerd, by its own client ----------------------------------------------------------- */

/* The bundle is …/io.containerd.runtime.v2.task/NAMESPACE/ID; Docker's own containers are of the namespace moby. */
static void from_containerd(const struct wh_oci *oci, struct wh_identity *ret)
{
	static const char part[] = "/io.containerd.runtime.v2.task/", docker[] = "moby/";
	const char *found = strstr(wh_oci_bundle(oci), part);

	if (found)
		ret->engine =
			wh_util_has_prefix(found + strlen(part), docker) ? "docker" : "containerd";
}

int wh_identity_find(const struct wh_oci *oci, struct wh_identity *ret, struct wh_error *e)
{
	int err = from_annotations(oci, ret);

	if (err == 0 && !ret->engine)
		err = from_podman(oci, ret);
	if (err == 0 && !ret->engine)
		err = from_docker(oci, ret);
	if (err == 0 && !ret->engine)
		from_containerd(oci, ret);
	return err < 0 ? wh_error_oom(e) : 0;
}
