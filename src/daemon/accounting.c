#include "daemon/accounting.h"

#include <stdlib.h>

#include "base/log.h"
#include "daemon/accounting_impl.h"
#include "feed/rest.h"

static const int64_t second_ns = 1000000000;

size_t accounting_timers(void) { return 2 * ACCOUNTS_MAX + 1; }

const struct accounts *accounting_accounts(const struct accounting *accounting)
{
	return accounting->accounts;
}

const struct equity *accounting_equity(const struct accounting *accounting)
{
	return accounting->equity;
}

struct accounting_counts accounting_counts(const struct accounting *accounting)
{
	struct accounting_counts counts = { .samples = accounting->samples,
					    .skipped = accounting->skipped };
	if (accounting->store)
		counts.store = *equity_store_counts(accounting->store);
	return counts;
}

const struct account_link_counts *accounting_link_counts(const struct accounting *accounting,
							 uint32_t slot)
{
	static const struct account_link_counts none;
	const struct account_link *link = accounting->list[slot].link;
	return link ? account_link_counts(link) : &none;
}

/* ---- each second: the log, the samples ---- */

static void log_state(struct accounting *accounting, uint32_t slot)
{
	struct accounting_account *account = &accounting->list[slot];
	const struct account *book = accounts_at(accounting->accounts, slot);
	if (book->state == account->logged)
		return;
	bool up = book->state == ACCOUNT_UP;
	log_line(up ? LOG_INFO : LOG_WARN, "accounts", "%s: %s%s%s", book->name,
		 account_state_text(book->state), book->why[0] ? ": " : "", book->why);
	account->logged = book->state;
}

static void on_second(void *ctx)
{
	struct accounting *accounting = ctx;
	int64_t wall_ms = loop_wall_ns(accounting->config.loop) / 1000000;
	for (uint32_t slot = 0; slot < accounting->count; slot++)
		log_state(accounting, slot);
	accounting_restore_equity(accounting);
	accounting_sample_equity(accounting, wall_ms);
	loop_timer_after(accounting->config.loop, &accounting->second_timer, second_ns);
}

/* ---- life ---- */

static enum status make_parts(struct accounting *accounting, struct err *err)
{
	accounting->accounts = accounts_create();
	accounting->equity = equity_create();
	accounting->reading = account_reading_create();
	accounting->list = calloc(ACCOUNTS_MAX, sizeof *accounting->list);
	if (!accounting->accounts || !accounting->equity || !accounting->reading ||
	    !accounting->list)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the accounts");
	for (int venue = 0; venue < VENUE_COUNT; venue++)
		for (int kind = 0; kind < KIND_COUNT; kind++)
			rest_budget_init(&accounting->budgets[venue][kind], (enum venue)venue,
					 (enum kind)kind);
	return STATUS_OK;
}

enum status accounting_create(const struct accounting_config *config, struct accounting **out,
			      struct err *err)
{
	struct accounting *accounting = calloc(1, sizeof *accounting);
	if (!accounting)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the accounts");
	*out = accounting;
	accounting->config = *config;
	accounting->second_timer = (struct timer){ .fn = on_second, .ctx = accounting };
	enum status status = make_parts(accounting, err);
	return status ? status : accounting_read(accounting, err);
}

static void start_link(struct accounting *accounting, uint32_t slot)
{
	struct accounting_account *account = &accounting->list[slot];
	enum venue venue = accounts_at(accounting->accounts, slot)->venue;
	struct account_link_config config = {
		.accounts = accounting->accounts,
		.slot = slot,
		.key = &account->key,
		.reading = accounting->reading,
		.http = http_client(account->http),
		.timers = loop_timers(accounting->config.loop),
		.clock = loop_clock(accounting->config.loop),
		.poll_ns = account->poll_ms * 1000000,
		.seed = slot + 1,
	};
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		config.base_urls[kind] = account->urls[kind];
		config.budgets[kind] = &accounting->budgets[venue][kind];
	}
	account->link = account_link_create(&config);
	if (!account->link)
		log_line(LOG_ERROR, "accounts", "%s: no memory, it is not asked", account->name);
}

void accounting_start(struct accounting *accounting, const struct fleet *fleet,
		      struct redis_port *rss)
{
	accounting->fleet = fleet;
	accounting->store = rss ? equity_store_create(rss) : NULL;
	accounting_restore_equity(accounting);
	for (uint32_t slot = 0; slot < accounting->count; slot++)
		start_link(accounting, slot);
	loop_timer_after(accounting->config.loop, &accounting->second_timer, second_ns);
}

void accounting_stop(struct accounting *accounting)
{
	for (uint32_t slot = 0; slot < accounting->count; slot++) {
		account_link_destroy(accounting->list[slot].link);
		accounting->list[slot].link = NULL;
	}
	timers_cancel(loop_timers(accounting->config.loop), &accounting->second_timer);
}

static void on_closed(void *ctx)
{
	struct accounting *accounting = ctx;
	if (--accounting->open == 0)
		accounting->on_closed(accounting->ctx);
}

void accounting_close(struct accounting *accounting, void (*fn)(void *ctx), void *ctx)
{
	if (!accounting) {
		fn(ctx);
		return;
	}
	accounting_stop(accounting);
	accounting->on_closed = fn;
	accounting->ctx = ctx;
	accounting->open++; /* ours: the last one to close may be closed at once */
	for (uint32_t slot = 0; slot < accounting->count; slot++)
		if (accounting->list[slot].http)
			http_close(accounting->list[slot].http, on_closed, accounting);
	on_closed(accounting);
}

void accounting_destroy(struct accounting *accounting)
{
	if (!accounting)
		return;
	equity_store_destroy(accounting->store);
	account_reading_destroy(accounting->reading);
	equity_destroy(accounting->equity);
	accounts_destroy(accounting->accounts);
	if (accounting->list)
		explicit_bzero(accounting->list, ACCOUNTS_MAX * sizeof *accounting->list);
	free(accounting->list);
	free(accounting);
}
