/* When to ask, what, and how long to wait after it was in vain. */
#include "feed/backfill_impl.h"

int64_t backfill_now_ns(const struct backfill *backfill)
{
	return clock_monotonic_ns(backfill->config.clock);
}

int64_t source_now_ms(const struct source *source)
{
	int64_t wall_ms = clock_wall_ns(source->backfill->config.clock) / 1000000;
	return wall_ms + rest_clock_offset_ms(source->rest);
}

int64_t backfill_jitter_ns(struct backfill *backfill, int64_t below_ns)
{
	return (int64_t)rng_below(&backfill->rng, (uint64_t)below_ns);
}

/* ---- wishes ---- */

bool wish_ready(const struct wish *wish)
{
	return !wish->under_way && backfill_now_ns(wish->source->backfill) >= wish->next_ns;
}

/* 5 s and twice as long each time, up to ten minutes, half of it again by chance. The
 * REST client has tried before, so this is for troubles that last. */
void wish_failed(struct wish *wish, enum status status)
{
	struct backfill *backfill = wish->source->backfill;
	bool for_good = status == STATUS_INVALID || status == STATUS_NOT_FOUND;
	int64_t wait_ns = for_good ? HOUR_NS : (5 * SECOND_NS) << wish->failures;
	if (!for_good && wait_ns > 600 * SECOND_NS)
		wait_ns = 600 * SECOND_NS;
	if (wish->failures < 10)
		wish->failures++;
	backfill->counts.failures++;
	wish->next_ns =
	    backfill_now_ns(backfill) + wait_ns + backfill_jitter_ns(backfill, wait_ns / 2);
}

bool wish_answered(struct wish *wish, enum status status)
{
	wish->under_way = false;
	if (status)
		wish_failed(wish, status);
	return !status;
}

void wish_done(struct wish *wish, int64_t wait_ns)
{
	wish->failures = 0;
	wish->next_ns = backfill_now_ns(wish->source->backfill) + wait_ns;
}

/* ---- questions ---- */

static enum rest_endpoint endpoint_of(const struct source *source, enum ask ask)
{
	static const uint8_t endpoints[ASK_COUNT][VENUE_COUNT][KIND_COUNT] = {
		[ASK_TRADES] = { { REST_binance_spot_agg_trades, REST_binance_perp_agg_trades },
				 { REST_bybit_spot_trades, REST_bybit_perp_trades } },
		[ASK_KLINES] = { { REST_binance_spot_klines, REST_binance_perp_klines },
				 { REST_bybit_spot_klines, REST_bybit_perp_klines } },
		[ASK_INFO] = { { REST_binance_spot_info, REST_binance_perp_info },
			       { REST_bybit_spot_info, REST_bybit_perp_info } },
		[ASK_DEPTH] = { { REST_binance_spot_depth, REST_binance_perp_depth } },
		[ASK_OI] = { { [KIND_PERP] = REST_binance_perp_oi } },
		[ASK_OI_HISTORY] = { { [KIND_PERP] = REST_binance_perp_oi_history },
				     { [KIND_PERP] = REST_bybit_perp_oi_history } },
	};
	_Static_assert(VENUE_BINANCE == 0 && VENUE_BYBIT == 1 && KIND_SPOT == 0 && KIND_PERP == 1,
		       "the table's order");
	return endpoints[ask][source->venue][source->kind];
}

int32_t entry_rows(const struct entry *entry, enum ask ask)
{
	return rest_row(endpoint_of(entry->source, ask))->rows;
}

void question_text(struct question *question, const char *key, const char *value)
{
	buf_printf(&question->query, "%s%s=%s", question->query.len ? "&" : "", key, value);
}

void question_number(struct question *question, const char *key, int64_t value)
{
	buf_printf(&question->query, "%s%s=%lld", question->query.len ? "&" : "", key,
		   (long long)value);
}

void question_begin(struct question *question, const struct entry *entry, enum ask ask)
{
	const struct source *source = entry->source;
	question->endpoint = endpoint_of(source, ask);
	question->priority = REST_HISTORY;
	question->weight = 0;
	question->query = buf_over(question->text, sizeof question->text);
	if (source->venue == VENUE_BYBIT)
		question_text(question, "category", source->kind == KIND_SPOT ? "spot" : "linear");
	/* a symbol is A-Z 0-9 - _ . only: nothing to escape */
	question_text(question, "symbol", market_id(entry->market)->symbol);
}

void wish_ask(struct wish *wish, const struct question *question)
{
	struct source *source = wish->source;
	CHECK(!wish->under_way && !question->query.overflow);
	size_t room =
	    question->priority == REST_HISTORY ? (size_t)BACKFILL_HISTORY_ROOM : REST_QUEUE;
	enum status status = STATUS_FULL;
	if (rest_waiting(source->rest) < room)
		status =
		    rest_get(source->rest, question->endpoint, question->priority,
			     buf_str(&question->query), question->weight, question->answer, wish);
	wish->under_way = !status;
	if (status == STATUS_FULL)
		wish->next_ns = backfill_now_ns(source->backfill) + SECOND_NS;
	else if (status)
		wish_failed(wish, STATUS_INVALID); /* it can never be asked so */
}
