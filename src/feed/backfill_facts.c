/* What a venue says of its instruments: steps, status, funding intervals. */
#include "feed/backfill_impl.h"

enum { FUNDING_DEFAULT_MIN = 480 }; /* Binance's, where its list of exceptions is silent */

static int64_t hour_and_some(struct backfill *backfill)
{
	return HOUR_NS + backfill_jitter_ns(backfill, 600 * SECOND_NS);
}

/* ---- one instrument ---- */

static void put_instrument(struct entry *entry, const struct instrument *instrument)
{
	const struct backfill_config *config = &entry->backfill->config;
	struct rates *rates = market_rates(entry->market);
	enum instrument_status was = rates_instrument(rates)->status;
	rates_set_instrument(rates, instrument);
	if (instrument->status != was && config->on_instrument)
		config->on_instrument(config->ctx, entry->market, was);
}

/* What was known of it stays, but for its state. */
static void put_gone(struct entry *entry)
{
	struct instrument instrument = *rates_instrument(market_rates(entry->market));
	instrument.status = INSTRUMENT_GONE;
	instrument.checked_ms = source_now_ms(entry->source);
	put_instrument(entry, &instrument);
}

static void put_listed(struct entry *entry, const struct rest_instrument *listed)
{
	struct instrument instrument = {
		.status = listed->trading ? INSTRUMENT_TRADING : INSTRUMENT_HALTED,
		.tick = listed->tick,
		.lot = listed->lot,
		.contract_size = { 1, 0 }, /* quantities of linear contracts are base units */
		.listed_ms = listed->listed_ms,
		.checked_ms = source_now_ms(entry->source),
		.funding_interval_min = listed->funding_interval_min,
	};
	if (!instrument.funding_interval_min)
		instrument.funding_interval_min =
		    rates_instrument(market_rates(entry->market))->funding_interval_min;
	put_instrument(entry, &instrument);
	if (listed->funding_interval_min)
		rates_set_interval(market_rates(entry->market), listed->funding_interval_min);
}

static void take_one(void *ctx, const struct rest_instrument *listed)
{
	struct entry *entry = ctx;
	if (!str_eq(listed->symbol, str_of(market_id(entry->market)->symbol)))
		return;
	entry->listed = true;
	put_listed(entry, listed);
}

static void instrument_answer(void *ctx, enum status status, struct str body, const char *why)
{
	(void)why;
	struct wish *wish = ctx;
	struct entry *entry = wish->entry;
	if (!wish_answered(wish, status)) {
		if (status == STATUS_NOT_FOUND)
			put_gone(entry);
		return;
	}
	entry->listed = false;
	status = rest_read_instruments(entry->backfill->reader, entry->source->venue, body,
				       take_one, entry);
	if (status) {
		wish_failed(wish, status);
		return;
	}
	if (!entry->listed)
		put_gone(entry);
	wish_done(wish, hour_and_some(entry->backfill));
}

/* Binance's futures have one list of all (source_step). */
static bool has_list(const struct source *source)
{
	return source->venue == VENUE_BINANCE && source->kind == KIND_PERP;
}

void instrument_step(struct entry *entry)
{
	struct question question;
	if (has_list(entry->source) || !wish_ready(&entry->instrument))
		return;
	question_begin(&question, entry, ASK_INFO);
	question.priority = REST_LIVE;
	question.answer = instrument_answer;
	wish_ask(&entry->instrument, &question);
}

/* ---- all of a venue ---- */

typedef void (*entry_fn)(struct entry *entry, const void *ctx);

static void each_entry(struct source *source, entry_fn fn, const void *ctx)
{
	struct backfill *backfill = source->backfill;
	for (size_t i = 0; i < backfill->n_entries; i++)
		if (backfill->entries[i].source == source)
			fn(&backfill->entries[i], ctx);
}

static void set_unlisted(struct entry *entry, const void *ctx)
{
	(void)ctx;
	entry->listed = false;
}

static void set_gone_unless_listed(struct entry *entry, const void *ctx)
{
	(void)ctx;
	if (!entry->listed)
		put_gone(entry);
}

static struct entry *entry_of(struct source *source, struct str symbol)
{
	struct market_id id;
	struct backfill *backfill = source->backfill;
	if (market_id_make(source->venue, source->kind, symbol, &id))
		return NULL;
	for (size_t i = 0; i < backfill->n_entries; i++)
		if (market_id_eq(market_id(backfill->entries[i].market), &id))
			return &backfill->entries[i];
	return NULL;
}

static void take_of_list(void *ctx, const struct rest_instrument *listed)
{
	struct entry *entry = entry_of(ctx, listed->symbol);
	if (entry)
		take_one(entry, listed);
}

static void list_answer(void *ctx, enum status status, struct str body, const char *why)
{
	(void)why;
	struct wish *wish = ctx;
	struct source *source = wish->source;
	if (!wish_answered(wish, status))
		return;
	each_entry(source, set_unlisted, NULL);
	status = rest_read_instruments(source->backfill->reader, source->venue, body, take_of_list,
				       source);
	if (status) { /* who is not in half a list may be in the other half */
		wish_failed(wish, status);
		return;
	}
	each_entry(source, set_gone_unless_listed, NULL);
	wish_done(wish, hour_and_some(source->backfill));
}

static void set_interval(struct entry *entry, const void *minutes)
{
	struct instrument instrument = *rates_instrument(market_rates(entry->market));
	instrument.funding_interval_min = *(const int32_t *)minutes;
	rates_set_instrument(market_rates(entry->market), &instrument);
	rates_set_interval(market_rates(entry->market), *(const int32_t *)minutes);
}

static void take_interval(void *ctx, const struct rest_instrument *listed)
{
	struct entry *entry = entry_of(ctx, listed->symbol);
	if (entry && listed->funding_interval_min > 0)
		set_interval(entry, &listed->funding_interval_min);
}

static void funding_answer(void *ctx, enum status status, struct str body, const char *why)
{
	(void)why;
	static const int32_t usual = FUNDING_DEFAULT_MIN;
	struct wish *wish = ctx;
	struct source *source = wish->source;
	if (!wish_answered(wish, status))
		return;
	each_entry(source, set_interval, &usual); /* an exception may have been lifted */
	status = rest_read_funding_info(source->backfill->reader, body, take_interval, source);
	if (status)
		wish_failed(wish, status);
	else
		wish_done(wish, hour_and_some(source->backfill));
}

static void ask_all(struct wish *wish, enum rest_endpoint endpoint, rest_answer_fn answer)
{
	struct question question = { .endpoint = endpoint,
				     .priority = REST_LIVE,
				     .answer = answer };
	question.query = buf_over(question.text, sizeof question.text);
	if (wish_ready(wish))
		wish_ask(wish, &question);
}

void source_step(struct source *source)
{
	if (!source->rest || !has_list(source))
		return;
	ask_all(&source->list, REST_binance_perp_info, list_answer);
	ask_all(&source->funding, REST_binance_perp_funding_info, funding_answer);
}
