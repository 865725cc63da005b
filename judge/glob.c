// SPDX-License-Identifier: Apache-2.0
/* A pattern becomes a non-deterministic automaton (Thompson's), whose set of states is followed. */
#include "judge/glob.h"

#define NODES_MOST (1u << 17)
#define DEPTH_MOST 16
#define NONE	   UINT32_MAX

enum type { EMPTY, FORK, BYTE, ANY, NO_SLASH, CLASS };

struct node {
	uint8_t type, byte;
	uint32_t out, other; /* NONE: it ends here; @other of FORK only */
	uint32_t set;	     /* of CLASS */
};

struct set {
	uint32_t bits[8];
};

struct wh_glob {
	struct node *node;
	struct set *set;
	uint32_t n, size, n_sets, start;
	uint32_t *now, *next, *mark; /* room for the matcher */
	uint32_t generation;
};

struct compiler {
	struct wh_glob *g;
	const struct wh_glob_variable *variables;
	size_t n_variables;
	struct wh_error *e;
};

/* A part of the automaton: from one node to another, whose way out is not yet known. */
struct part {
	uint32_t from, to;
};

static int add_node(struct compiler *c, struct node node, uint32_t *ret)
{
	struct wh_glob *g = c->g;

	if (g->n == g->size) {
		uint32_t size = g->size ? 2 * g->size : 64;
		struct node *p;

		if (size > NODES_MOST)
			return wh_error_set(c->e, E2BIG, "a pattern is too large");
		p = reallocarray(g->node, size, sizeof(*p));
		if (!p)
			return wh_error_oom(c->e);
		g->node = p;
		g->size = size;
	}
	node.out = node.other = NONE;
	g->node[g->n] = node;
	*ret = g->n++;
	return 0;
}

/* Puts a node behind a part. */
static int append(struct compiler *c, struct part *part, struct node node)
{
	uint32_t at;
	int r = add_node(c, node, &at);

	if (r < 0)
		return r;
	c->g->node[part->to].out = at;
	part->to = at;
	return 0;
}

static int append_byte(struct compiler *c, struct part *part, unsigned char byte)
{
	return append(c, part, (struct node){.type = BYTE, .byte = byte});
}

/* Any number of such bytes: a fork to it, and back from it. */
static int append_star(struct compiler *c, struct part *part, enum type type)
{
	uint32_t loop, fork;
	int r = append(c, part, (struct node){.type = FORK});

	fork = part->to;
	if (r == 0)
		r = add_node(c, (struct node){.type = (uint8_t)type}, &loop);
	if (r < 0)
		return r;
	c->g->node[fork].other = loop;
	c->g->node[loop].out = fork;
	return 0;
}

/* A byte that is written with a backslash, which @p stands behind. Return: how many characters it takes. */
static size_t escaped(const char *p, unsigned char *ret)
{
	static const char from[] = "nrtafv", to[] = "\n\r\t\a\f\v";
	const char *at;
	unsigned value = 0;
	size_t n = 0;

	while (n < 3 && p[n] >= '0' && p[n] <= '7')
		value = value * 8 + (unsigned)(p[n++] - '0');
	if (n == 3 && value < 256) {
		*ret = (unsigned char)value;
		return 3;
	}
	at = *p ? strchr(from, *p) : NULL;
	*ret = (unsigned char)(at ? to[at - from] : *p);
	return *p ? 1 : 0;
}

static int add_set(struct compiler *c, const struct set *set, uint32_t *ret)
{
	struct wh_glob *g = c->g;
	struct set *p = reallocarray(g->set, g->n_sets + 1, sizeof(*p));

	if (!p)
		return wh_error_oom(c->e);
	g->set = p;
	g->set[g->n_sets] = *set;
	*ret = g->n_sets++;
	return 0;
}

static unsigned char class_byte(const char **p)
{
	unsigned char byte = (unsigned char)*(*p)++;

	if (byte == '\\')
		*p += escaped(*p, &byte);
	return byte;
}

/* "[a-z]", "[^a]"; @p is behind the bracket. */
static int append_class(struct compiler *c, struct part *part, const char **p)
{
	struct node node = {.type = CLASS};
	struct set set = {0};
	bool negated = **p == '^', first = true;
	int r;

	*p += negated;
	for (; **p && (first || **p != ']'); first = false) {
		unsigned from = class_byte(p), to = from;

		if (**p == '-' && (*p)[1] && (*p)[1] != ']') {
			(*p)++;
			to = class_byte(p);
		}
		if (to < from)
			return wh_error_set(c->e, EINVAL, "a range in [] goes backwards");
		for (unsigned b = from; b <= to; b++)
			set.bits[b / 32] |= 1u << b % 32;
	}
	if (**p != ']')
		return wh_error_set(c->e, EINVAL, "a '[' without its ']'");
	(*p)++;
	for (size_t i = 0; negated && i < WH_ARRAY_SIZE(set.bits); i++)
		set.bits[i] = ~set.bits[i];
	r = add_set(c, &set, &node.set);
	return r < 0 ? r : append(c, part, node);
}

static int sequence(struct compiler *c, const char **p, bool inside, unsigned depth,
		    struct part *ret);

/* Puts one more way between two nodes. */
static int add_way(struct compiler *c, uint32_t *fork, uint32_t end, struct part way)
{
	uint32_t next;
	int r = add_node(c, (struct node){.type = FORK}, &next);

	if (r < 0)
		return r;
	c->g->node[*fork].other = way.from;
	c->g->node[*fork].out = next;
	c->g->node[way.to].out = end;
	*fork = next;
	return 0;
}

/*
 * The last fork leads nowhere: a node that is never followed. @end is where all ways meet.
 */
static int begin_ways(struct compiler *c, struct part *part, uint32_t *ret_fork, uint32_t *ret_end)
{
	int r = append(c, part, (struct node){.type = FORK});

	*ret_fork = part->to;
	return r < 0 ? r : add_node(c, (struct node){.type = EMPTY}, ret_end);
}

static void end_ways(struct compiler *c, struct part *part, uint32_t fork, uint32_t end)
{
	c->g->node[fork] = (struct node){.type = CLASS, .set = NONE, .out = NONE, .other = NONE};
	part->to = end;
}

/* "{a,b}"; @p is behind the brace. */
static int append_choice(struct compiler *c, struct part *part, const char **p, unsigned depth)
{
	uint32_t fork, end;
	int r = begin_ways(c, part, &fork, &end);

	for (;;) {
		struct part way;

		if (r == 0)
			r = sequence(c, p, true, depth + 1, &way);
		if (r == 0)
			r = add_way(c, &fork, end, way);
		if (r < 0)
			return r;
		if (!**p)
			return wh_error_set(c->e, EINVAL, "a '{' without its '}'");
		if (*(*p)++ == '}')
			break;
	}
	end_ways(c, part, fork, end);
	return 0;
}

/* "@{name}": each of its values; @p is behind the brace. */
static int append_variable(struct compiler *c, struct part *part, const char **p, unsigned depth)
{
	const struct wh_glob_variable *v = NULL;
	size_t len = strcspn(*p, "}");
	uint32_t fork, end;
	int r;

	if (!(*p)[len])
		return wh_error_set(c->e, EINVAL, "a '@{' without its '}'");
	for (size_t i = 0; i < c->n_variables && !v; i++) {
		if (strlen(c->variables[i].name) == len &&
		    memcmp(c->variables[i].name, *p, len) == 0)
			v = &c->variables[i];
	}
	if (!v)
		return wh_error_set(c->e, EINVAL, "the variable @{%.*s} has no value",
				    (int)(len < 60 ? len : 60), *p);
	*p += len + 1;
	r = begin_ways(c, part, &fork, &end);
	for (size_t i = 0; r == 0 && i < v->n_values; i++) {
		const char *value = v->values[i];
		struct part way;

		r = sequence(c, &value, false, depth + 1, &way);
		if (r == 0)
			r = add_way(c, &fork, end, way);
	}
	if (r < 0)
		return r;
	end_ways(c, part, fork, end);
	return 0;
}

/*
 * Stars: between two slashes, or behind the last one, they stand for at least one character, which is what
 * keeps a folder out of the rule for what is in it (apparmor_parser's convert_aaregex_to_pcre()).
 */
static int append_stars(struct compiler *c, struct part *part, const char *begin, const char **p)
{
	const char *star = *p;
	enum type type = star[1] == '*' ? ANY : NO_SLASH;
	int r = 0;

	*p += type == ANY ? 2 : 1;
	if (star > begin && star[-1] == '/') {
		const char *behind = star + strspn(star, "*");

		if (!*behind || *behind == '/')
			r = append(c, part, (struct node){.type = NO_SLASH});
	}
	return r < 0 ? r : append_star(c, part, type);
}

static int sequence(struct compiler *c, const char **p, bool inside, unsigned depth,
		    struct part *ret)
{
	const char *begin = *p;
	struct part part;
	int r = depth > DEPTH_MOST ? wh_error_set(c->e, E2BIG, "a pattern is nested too deeply")
				   : add_node(c, (struct node){.type = EMPTY}, &part.from);

	part.to = part.from;
	while (r == 0 && **p && !(inside && (**p == ',' || **p == '}'))) {
		unsigned char byte = (unsigned char)**p;

		if (byte == '*') {
			r = append_stars(c, &part, begin, p);
			continue;
		}
		(*p)++;
		if (byte == '?') {
			r = append(c, &part, (struct node){.type = NO_SLASH});
		} else if (byte == '[') {
			r = append_class(c, &part, p);
		} else if (byte == '{') {
			r = append_choice(c, &part, p, depth);
		} else if (byte == '@' && **p == '{') {
			(*p)++;
			r = append_variable(c, &part, p, depth);
		} else {
			if (byte == '\\')
				*p += escaped(*p, &byte);
			r = append_byte(c, &part, byte);
		}
	}
	*ret = part;
	return r;
}

int wh_glob_compile(const char *pattern, const struct wh_glob_variable *variables, size_t n,
		    struct wh_glob **ret, struct wh_error *e)
{
	wh_auto(glob) g = calloc(1, sizeof(*g));
	struct compiler c = {g, variables, n, e};
	const char *p = pattern;
	struct part part;
	int r;

	if (!g)
		return wh_error_oom(e);
	r = sequence(&c, &p, false, 0, &part);
	if (r < 0)
		return r;
	g->start = part.from;
	g->now = calloc(g->n, sizeof(*g->now));
	g->next = calloc(g->n, sizeof(*g->next));
	g->mark = calloc(g->n, sizeof(*g->mark));
	if (!g->now || !g->next || !g->mark)
		return wh_error_oom(e);
	*ret = wh_take(g);
	return 0;
}

void wh_glob_free(struct wh_glob *g)
{
	if (!g)
		return;
	free(g->node);
	free(g->set);
	free(g->now);
	free(g->next);
	free(g->mark);
	free(g);
}

static bool takes(const struct wh_glob *g, const struct node *node, unsigned char byte)
{
	switch ((enum type)node->type) {
	case BYTE:
		return node->byte == byte;
	case ANY:
		return byte != '\0';
	case NO_SLASH:
		return byte != '\0' && byte != '/';
	case CLASS:
		return node->set != NONE && g->set[node->set].bits[byte / 32] & 1u << byte % 32;
	default:
		return false;
	}
}

/* @list gets the nodes that take a byte, from @at on; @ret_end is set where the pattern may end. */
static uint32_t follow(struct wh_glob *g, uint32_t at, uint32_t *list, uint32_t n, bool *ret_end)
{
	uint32_t from = n;

	if (at == NONE) {
		*ret_end = true;
		return n;
	}
	if (g->mark[at] == g->generation)
		return n;
	g->mark[at] = g->generation;
	list[n++] = at;
	/* What takes no byte is replaced by what is behind it; the list serves as the queue. */
	for (uint32_t i = from; i < n;) {
		const struct node *node = &g->node[list[i]];
		uint32_t ways[2] = {node->out, node->type == FORK ? node->other : node->out};

		if (node->type != EMPTY && node->type != FORK) {
			i++;
			continue;
		}
		list[i] = list[--n];
		for (unsigned w = 0; w < 2; w++) {
			if (ways[w] == NONE) {
				*ret_end |= node->type == EMPTY || w == 0;
			} else if (g->mark[ways[w]] != g->generation) {
				g->mark[ways[w]] = g->generation;
				list[n++] = ways[w];
			}
		}
	}
	return n;
}

static void next_generation(struct wh_glob *g)
{
	if (++g->generation == 0) {
		memset(g->mark, 0, g->n * sizeof(*g->mark));
		g->generation = 1;
	}
}

bool wh_glob_match(struct wh_glob *g, const char *text)
{
	bool end = false;
	uint32_t n;

	next_generation(g);
	n = follow(g, g->start, g->now, 0, &end);
	for (; *text; text++) {
		uint32_t *swap = g->now, n_next = 0;

		end = false;
		next_generation(g);
		for (uint32_t i = 0; i < n; i++) {
			const struct node *node = &g->node[g->now[i]];

			if (takes(g, node, (unsigned char)*text))
				n_next = follow(g, node->out, g->next, n_next, &end);
		}
		g->now = g->next;
		g->next = swap;
		n = n_next;
		if (!n && !end)
			return false;
	}
	return end;
}

/* A byte that a node takes, one that can be read if there is one. */
static int byte_of(const struct wh_glob *g, const struct node *node)
{
	static const char liked[] = "a0A_-. ";

	for (const char *p = liked; *p; p++) {
		if (takes(g, node, (unsigned char)*p))
			return (unsigned char)*p;
	}
	for (int b = 1; b < 256; b++) {
		if (takes(g, node, (unsigned char)b))
			return b;
	}
	return -1;
}

/* Breadth first, bytes and empty steps alike: near enough to the shortest. */
bool wh_glob_sample(struct wh_glob *g, struct wh_buf *b)
{
	uint32_t n = 0, last = NONE;
	size_t len = 0;

	/* @next is the queue, @now who led to a node; the bytes come out from the end. */
	next_generation(g);
	g->mark[g->start] = g->generation;
	g->now[g->start] = NONE;
	g->next[n++] = g->start;
	for (uint32_t i = 0; i < n && last == NONE; i++) {
		const struct node *node = &g->node[g->next[i]];
		uint32_t ways[2] = {node->out, node->type == FORK ? node->other : node->out};

		if (node->type != EMPTY && node->type != FORK && byte_of(g, node) < 0)
			continue;
		for (unsigned w = 0; w < 2; w++) {
			if (ways[w] == NONE) {
				last = g->next[i];
			} else if (g->mark[ways[w]] != g->generation) {
				g->mark[ways[w]] = g->generation;
				g->now[ways[w]] = g->next[i];
				g->next[n++] = ways[w];
			}
		}
	}
	if (last == NONE)
		return false;
	for (uint32_t at = last; at != NONE; at = g->now[at]) {
		g->next[len] = at;
		len++;
	}
	while (len--) {
		const struct node *node = &g->node[g->next[len]];

		if (node->type != EMPTY && node->type != FORK)
			wh_buf_addc(b, (char)byte_of(g, node));
	}
	return true;
}
