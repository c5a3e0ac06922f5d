/* report_tree.h - the memory as a tree: families put under each other by the parts of their
 * patterns, at any of several separators. `klines:{symbol}:{tf}` stands under `klines:`. Only for
 * report_html.c. */
#pragma once

#include "audit/report.h"

enum { REPORT_TREE_DEPTH = 6 };

struct report_node {
	struct str label; /* of the pattern, its separator at the end: points into the family's */
	int64_t bytes, keys;
	int64_t family;           /* its index where a family ends here; -1 */
	uint32_t children, count; /* where they begin in the tree's order, and how many */
};

struct report_tree {
	struct report_node *nodes; /* the root is the first; children stand together, by bytes */
	size_t count;
};

/* NO_MEMORY. */
MUST_CHECK enum status report_tree_make(const struct audit_family *families, size_t count,
					struct str separators, struct report_tree *tree);
void report_tree_free(struct report_tree *tree);
