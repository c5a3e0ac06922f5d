/* mess_tree.h - the sources of a trading bot that grew, with everything that an audit of code
 * finds planted, and told.
 *
 * Mostly Python, some JavaScript, Go, C#, PHP: clients made in every file, aliases, clients
 * passed as parameters, f-strings, calls over lines, dictionaries named r, comments and texts
 * with calls in them, files that do not parse; and beside each planted fault what only looks
 * like it (mess_tree.def). The same seed and count give the same tree on every machine. Pure:
 * files are handed to a function. */
#pragma once

#include "base/str.h"
#include "base/err.h"

enum { MESS_TREE_FILES_MIN = 4, MESS_TREE_FILES_MAX = 10000 };

struct mess_tree_to {
	/* path is relative to the tree's root. */
	enum status (*file)(void *ctx, struct str path, struct str text, struct err *err);
	/* A line of the truth: {"rule":…,"severity":…,"file":…,"line":…}, without its end. */
	enum status (*truth)(void *ctx, struct str line, struct err *err);
	void *ctx;
};

struct mess_tree_counts {
	int64_t files, broken, planted;
};

MUST_CHECK enum status mess_tree_make(uint64_t seed, int64_t files, const struct mess_tree_to *to,
				      struct mess_tree_counts *counts, struct err *err);
