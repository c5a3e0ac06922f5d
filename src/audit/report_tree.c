#include "audit/report_tree.h"

#include <stdlib.h>
#include <string.h>

/* While it is made: the families in the order of their patterns, so that those of one node stand
 * together. */
struct making {
	const struct audit_family *families;
	struct str separators;
	struct order {
		struct str pattern;
		size_t family;
	} * order;
	struct report_tree *tree;
	size_t room;
};

static int by_pattern(const void *left, const void *right)
{
	const struct order *a = left, *b = right;
	int order = strcmp(a->pattern.ptr, b->pattern.ptr);
	return order ? order : a->family < b->family ? -1 : 1;
}

static int by_bytes(const void *left, const void *right)
{
	const struct report_node *a = left, *b = right;
	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	size_t len = a->label.len < b->label.len ? a->label.len : b->label.len;
	int order = memcmp(a->label.ptr, b->label.ptr, len);
	return order ? order : a->label.len < b->label.len ? -1 : 1;
}

/* The next part of a pattern with its separator; separators in braces are none. */
static struct str part_at(const struct making *making, struct str pattern, size_t at)
{
	bool braces = false;
	size_t end = at;
	while (end < pattern.len) {
		char c = pattern.ptr[end++];
		braces = c == '{' || (braces && c != '}');
		if (!braces && c != '}' &&
		    str_find_char(making->separators, c) < making->separators.len)
			break;
	}
	return str_make(pattern.ptr + at, end - at);
}

static bool add_node(struct making *making, struct report_node node)
{
	struct report_tree *tree = making->tree;
	if (tree->count == making->room) {
		size_t room = making->room ? 2 * making->room : 256;
		struct report_node *grown = realloc(tree->nodes, room * sizeof *grown);
		if (!grown)
			return false;
		tree->nodes = grown;
		making->room = room;
	}
	tree->nodes[tree->count++] = node;
	return true;
}

/* A span of the order, its patterns alike up to `at`: what a node stands for while its children
 * are not made. */
struct span {
	size_t from, to, at;
	uint32_t depth;
};

static struct str label_of(const struct making *making, const struct order *order,
			   const struct span *span)
{
	if (span->depth + 1 >= REPORT_TREE_DEPTH)
		return str_skip(order->pattern, span->at);
	return part_at(making, order->pattern, span->at);
}

/* Adds the children of a node; spans[i] is that of node i. */
static bool add_children(struct making *making, size_t parent, struct span **spans, size_t *room)
{
	const struct span span = (*spans)[parent];
	size_t first = making->tree->count, i = span.from;
	while (i < span.to) {
		const struct order *order = &making->order[i];
		struct str label = label_of(making, order, &span);
		struct report_node node = { .label = label, .family = -1 };
		size_t next = i;
		while (next < span.to &&
		       str_eq(label_of(making, &making->order[next], &span), label)) {
			const struct audit_family *family =
			    &making->families[making->order[next].family];
			node.bytes += family->bytes;
			node.keys += family->keys;
			next++;
		}
		if (next == i + 1 || span.at + label.len == order->pattern.len) {
			node.family = (int64_t)order->family;
			if (next == i + 1) /* alone: its whole rest is one row */
				node.label = str_skip(order->pattern, span.at);
		}
		if (!add_node(making, node))
			return false;
		if (making->tree->count > *room) {
			struct span *grown = realloc(*spans, 2 * *room * sizeof *grown);
			if (!grown)
				return false;
			*spans = grown;
			*room *= 2;
		}
		(*spans)[making->tree->count - 1] =
		    (struct span){ node.family >= 0 ? i + 1 : i, next, span.at + label.len,
				   span.depth + 1 };
		i = next;
	}
	making->tree->nodes[parent].children = (uint32_t)first;
	making->tree->nodes[parent].count = (uint32_t)(making->tree->count - first);
	return true;
}

static enum status make_nodes(struct making *making, size_t count)
{
	size_t room = 256;
	struct span *spans = malloc(room * sizeof *spans);
	bool ok = spans && add_node(making, (struct report_node){ .family = -1 });
	if (ok)
		spans[0] = (struct span){ 0, count, 0, 0 };
	for (size_t i = 0; ok && i < making->tree->count; i++)
		ok = spans[i].from == spans[i].to || add_children(making, i, &spans, &room);
	free(spans);
	return ok ? STATUS_OK : STATUS_NO_MEMORY;
}

static void sort_children(struct report_tree *tree)
{
	/* From the end: a node's place changes while those below it stay together. */
	for (size_t i = tree->count; i-- > 0;)
		if (tree->nodes[i].count > 1)
			qsort(tree->nodes + tree->nodes[i].children, tree->nodes[i].count,
			      sizeof *tree->nodes, by_bytes);
}

enum status report_tree_make(const struct audit_family *families, size_t count,
			     struct str separators, struct report_tree *tree)
{
	struct making making = { .families = families, .separators = separators, .tree = tree };
	*tree = (struct report_tree){ 0 };
	making.order = calloc(count + 1, sizeof *making.order);
	if (!making.order)
		return STATUS_NO_MEMORY;
	for (size_t i = 0; i < count; i++)
		making.order[i] = (struct order){ str_of(families[i].pattern), i };
	qsort(making.order, count, sizeof *making.order, by_pattern);
	enum status status = make_nodes(&making, count);
	free(making.order);
	if (status) {
		report_tree_free(tree);
		return status;
	}
	for (uint32_t i = 0; i < tree->nodes[0].count; i++) {
		tree->nodes[0].bytes += tree->nodes[tree->nodes[0].children + i].bytes;
		tree->nodes[0].keys += tree->nodes[tree->nodes[0].children + i].keys;
	}
	sort_children(tree);
	return STATUS_OK;
}

void report_tree_free(struct report_tree *tree)
{
	free(tree->nodes);
	*tree = (struct report_tree){ 0 };
}
