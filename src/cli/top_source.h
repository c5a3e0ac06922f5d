/* top_source.h - where `weir top` has its answers from: the running weir, or a file of
 * `weir bundle`. Blocking, at most TOP_ASK_MS an answer. */
#pragma once

#include "base/err.h"
#include "cli/top_rows.h"

enum { TOP_ASK_MS = 3000 };

struct top_source {
	const char *state_dir;
	const char *file; /* NULL: the running weir */
	struct buf tar;   /* of the file */
};

/* file NULL: the weir that runs on state_dir, or will. */
MUST_CHECK enum status top_source_open(const char *state_dir, const char *file,
				       struct top_source *source, struct err *err);
void top_source_close(struct top_source *source);
/* The answer that the pane's rows are in; json_decref. Of the ledger, one made of the ledger and
 * the dead letters: {"rows":[{"group","name","count"|"reason"}]}. */
MUST_CHECK enum status top_source_pane(struct top_source *source, enum top_pane pane, json_t **root,
				       struct err *err);
/* Everything known of one terminal; NOT_FOUND: no more than its row. */
MUST_CHECK enum status top_source_terminal(struct top_source *source, const char *id, json_t **root,
					   struct err *err);
