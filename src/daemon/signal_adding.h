/* signal_adding.h - a signal of somebody who has no Redis (HTTP, a webhook, the command line):
 * checked, told from repeats, added to trade_signals, and answered when it is durable.
 * Loop thread. */
#pragma once

#include "serve/serve.h"
#include "store/signal_store.h"

struct signal_sink {
	struct signal_store *signals;
	struct deliveries *deliveries;
};

/* done runs once, perhaps inside the call. */
void signal_adding(const struct signal_sink *sink, const struct serve_signal *signal,
		   serve_signal_fn done, void *done_ctx);
