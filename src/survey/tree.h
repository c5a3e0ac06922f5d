/* tree.h - a folder of source code as a source of an audit: its files, fed to audit/code.h.
 *
 * Folders are walked in the order of their names, bytewise, and once each: links to folders are
 * not followed. Hidden ones are left out, and those that hold others' code (tree.c's table).
 * Files whose name is no known language's, links, and what is no file are passed over; files
 * over CODE_FILE_BYTES_MAX, unreadable ones and folders below TREE_DEPTH_MAX are counted.
 *
 * Memory: a file's text, and the names of the folders on the way. Blocking; any one thread. */
#pragma once

#include "audit/code.h"
#include "base/err.h"

enum { TREE_DEPTH_MAX = 64 };

struct tree_totals {
	int64_t files, folders; /* read */
	int64_t too_large, unreadable, too_deep;
	int64_t full; /* not taken: code's bounds */
};

struct tree_config {
	const char *folder;
	struct code *code;
	void (*on_progress)(void *ctx, int64_t files); /* may be NULL */
	void *ctx;
};

/* NOT_FOUND, INVALID (no folder), IO of the folder itself, NO_MEMORY. *totals always. */
MUST_CHECK enum status tree_walk(const struct tree_config *config, struct tree_totals *totals,
				 struct err *err);
