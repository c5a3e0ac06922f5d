/* The ledger for HTTP: counted on the writer's thread, so it is asked for and comes later.
 * Those who ask while it is counted share the count; what was counted last is kept for
 * answers that cannot wait. */
#include <stdlib.h>

#include "archive/ledger.h"
#include "daemon/archiving.h"
#include "daemon/serving_impl.h"
#include "daemon/terminals.h"

static const int64_t fresh_ns = 1000000000;
enum { REST_TIMES = 20 }; /* a count of millions of rows takes the writer 5 % of its time at most */

static void tell(struct serving_ledger_wait *wait, enum status status, struct str text)
{
	wait->done(wait->done_ctx, status, text, false);
	free(wait);
}

static void end_all(struct serving *serving, enum status status, struct str text)
{
	struct serving_ledger_wait *wait = serving->ledger.waiting;
	serving->ledger.waiting = NULL;
	while (wait) {
		struct serving_ledger_wait *next = wait->next;
		tell(wait, status, text);
		wait = next;
	}
}

static void on_ledger(void *ctx, const struct ledger *ledger, const char *why)
{
	struct serving *serving = ctx;
	struct serving_ledger *kept = &serving->ledger;
	kept->reading = false;
	if (why) {
		kept->known = false; /* an old count would pass for the present one */
		end_all(serving, STATUS_UNAVAILABLE, str_of(why));
	} else {
		buf_clear(&kept->text);
		ledger_print(&kept->text, ledger);
		kept->at_ns = loop_now_ns(serving->loop);
		kept->rest_ns = REST_TIMES * (kept->at_ns - kept->begun_ns);
		if (kept->rest_ns < fresh_ns)
			kept->rest_ns = fresh_ns;
		kept->known = !kept->text.overflow;
		kept->balanced = ledger->balanced;
		end_all(serving, STATUS_OK, str_trim(buf_str(&kept->text)));
	}
	serving_end(serving);
}

static void on_settled(void *ctx)
{
	struct serving *serving = ctx;
	if (serving->is_closing) {
		on_ledger(serving, NULL, "weir is ending");
		return;
	}
	struct archiving *archiving = daemon_archiving(serving->config.daemon);
	struct terminals *terminals = daemon_terminals(serving->config.daemon);
	const struct ledger_sources sources = {
		.writer = archiving_writer(archiving),
		.results = archiving_results(archiving),
		.sinks = archiving_sinks(archiving),
		.deliveries = terminals ? terminals_deliveries(terminals) : NULL,
	};
	ledger_read(&sources, false, on_ledger, serving);
}

static bool is_fresh(const struct serving *serving)
{
	const struct serving_ledger *kept = &serving->ledger;
	return kept->known && loop_now_ns(serving->loop) - kept->at_ns < kept->rest_ns;
}

static void read_anew(struct serving *serving)
{
	if (serving->ledger.reading || serving->is_closing)
		return;
	serving->ledger.reading = true;
	serving->ledger.begun_ns = loop_now_ns(serving->loop);
	serving_begin(serving);
	archiving_settle(daemon_archiving(serving->config.daemon), on_settled, serving);
}

void serving_ledger(void *ctx, serve_text_fn done, void *done_ctx)
{
	struct serving *serving = ctx;
	if (is_fresh(serving)) {
		done(done_ctx, STATUS_OK, str_trim(buf_str(&serving->ledger.text)), false);
		return;
	}
	struct serving_ledger_wait *wait = calloc(1, sizeof *wait);
	if (!wait || serving->is_closing) {
		free(wait);
		done(done_ctx, wait ? STATUS_UNAVAILABLE : STATUS_NO_MEMORY, STR(""), false);
		return;
	}
	wait->done = done;
	wait->done_ctx = done_ctx;
	wait->next = serving->ledger.waiting;
	serving->ledger.waiting = wait;
	read_anew(serving);
}

struct str serving_ledger_kept(struct serving *serving)
{
	if (!daemon_archiving(serving->config.daemon))
		return STR("");
	if (!is_fresh(serving))
		read_anew(serving);
	return serving->ledger.known ? str_trim(buf_str(&serving->ledger.text)) : STR("");
}
