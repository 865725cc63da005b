/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a fact is made of, as data: reading, writing, merging, ordering and comparing traces are all
 * loops over these tables, so a new member or a new kind is a line in core/schema.c and its struct.
 */
#ifndef WHITTLE_SCHEMA_H
#define WHITTLE_SCHEMA_H

#include "whittle/trace.h"

enum wh_field_type {
	WH_FIELD_STR, /* const char *; merges to the lesser one, NULL loses; NULL is not written */
	WH_FIELD_U64, /* uint64_t; merges to the greater */
	WH_FIELD_COUNT,	 /* uint64_t; merges to the sum */
	WH_FIELD_ENUM,	 /* an int-sized enum, written by name; keys only */
	WH_FIELD_ANY,	 /* bool; merges by OR */
	WH_FIELD_ALL,	 /* bool; merges by AND; a new fact starts with true */
	WH_FIELD_BITS,	 /* unsigned; merges by OR; written as names */
	WH_FIELD_SET,	 /* struct wh_strset; union, cut to the least `limit` */
	WH_FIELD_LIST,	 /* struct wh_strlist; the lesser one, an empty one loses */
	WH_FIELD_COUNTS, /* struct wh_counts; summed by name */
	WH_FIELD_TUPLES, /* struct wh_tuples; union, over the limit it overflows */
	WH_FIELD_SITE,	 /* const struct wh_site *; the lesser one, NULL loses */
};

struct wh_field {
	const char *name; /* in the file */
	enum wh_field_type type;
	size_t offset;
	bool key;
	bool nullable; /* a STR, ANY or U64 that may be absent; others must be there and not empty */
	size_t limit;  /* of a set */
	const char *const *names; /* of an enum or of bits, n_names of them */
	size_t n_names;
};

struct wh_kind_info {
	const char *name;     /* of the array in the file: "syscalls" */
	const char *singular; /* in messages: "syscall" */
	size_t size;	      /* of the struct */
	const struct wh_field *fields;
	size_t n_fields;
	size_t limit; /* facts of this kind in a trace */
};

const struct wh_kind_info *wh_schema_kind(enum wh_kind kind);

/** wh_schema_compare() - order of two facts of a kind by their key members, like strcmp(). */
int wh_schema_compare(enum wh_kind kind, const void *a, const void *b);

/**
 * struct wh_gap_info - what a kind of gap means.
 * @sentence: for people, "%s" free: "a path could not be resolved"
 * @refuse: generate does not go on without --allow-gaps: a profile made from this trace may well
 *   lack something the service needs
 */
struct wh_gap_info {
	const char *kind;
	const char *sentence;
	bool refuse;
};

/** wh_schema_gap() - the row of a gap kind, or NULL for one that is not in the table. */
const struct wh_gap_info *wh_schema_gap(const char *kind);
/** wh_schema_gaps() - the whole table. */
const struct wh_gap_info *wh_schema_gaps(size_t *ret_n);

#endif
