/* signal_story.h - one order's whole story: what is on its way now (the trade core), and what
 * the archive has of it: its steps, results, reconciliation, the trade it made. Loop thread. */
#pragma once

#include "archive/writer.h"
#include "serve/serve.h"
#include "trade/deliveries.h"

struct signal_story_sources {
	struct writer *writer;               /* NULL: no archive */
	const struct deliveries *deliveries; /* NULL: no fleet */
};

/* id: the producer's, or a sid. A JSON object
 *   {"id","sid","now":[{"instance","state","sent","expires_ms"}],
 *    "story":[{"at_us","instance","what","detail"}]}
 * or NOT_FOUND; done runs once, perhaps inside the call. */
void signal_story(const struct signal_story_sources *sources, struct str id, serve_text_fn done,
		  void *done_ctx);
