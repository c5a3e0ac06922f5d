/* Klines: of a minute, where the market does not know everything, and of the timeframes
 * of its indicators. */
#include "feed/backfill_impl.h"

#define OWN_BAR_NS (15 * SECOND_NS)

/* Binance's weight of a kline request goes by its limit: spot 2, futures 1 to 10. */
static int32_t weight_of(const struct source *source, int64_t limit)
{
	if (source->venue != VENUE_BINANCE || source->kind != KIND_PERP)
		return 0;
	return limit < 100 ? 1 : limit < 500 ? 2 : limit <= 1000 ? 5 : 10;
}

/* What a venue calls bars of so many minutes; NULL: it has none such. */
static const char *interval_of(enum venue venue, int32_t minutes)
{
	static const struct {
		int32_t minutes;
		const char *names[VENUE_COUNT];
	} intervals[] = {
		{ 1, { "1m", "1" } },      { 3, { "3m", "3" } },     { 5, { "5m", "5" } },
		{ 15, { "15m", "15" } },   { 30, { "30m", "30" } },  { 60, { "1h", "60" } },
		{ 120, { "2h", "120" } },  { 240, { "4h", "240" } }, { 360, { "6h", "360" } },
		{ 720, { "12h", "720" } }, { 1440, { "1d", "D" } },
	};
	for (size_t i = 0; i < ARRAY_LEN(intervals); i++)
		if (intervals[i].minutes == minutes)
			return intervals[i].names[venue];
	return NULL;
}

static void kline_question(struct question *question, const struct entry *entry,
			   const char *interval, int64_t limit)
{
	question_begin(question, entry, ASK_KLINES);
	question_text(question, "interval", interval);
	question_number(question, "limit", limit);
	question->weight = weight_of(entry->source, limit);
}

static enum status read_body(struct entry *entry, int32_t minutes, struct str body,
			     rest_event_fn fn)
{
	struct rest_klines ask = { entry->source->venue, minutes, source_now_ms(entry->source) };
	return rest_read_klines(entry->backfill->reader, &ask, body, fn, entry);
}

/* ---- minutes ---- */

void minutes_reset(struct entry *entry)
{
	entry->of_minutes.from_ms = 0;
	entry->of_minutes.fruitless = 0;
}

/* 72 h, less what was before the instrument was listed or was passed over. */
static int64_t look_from_ms(const struct entry *entry, int64_t now_ms)
{
	int64_t from_ms = now_ms - (int64_t)MARKET_MINUTES * MINUTE_MS;
	int64_t listed_ms = rates_instrument(market_rates(entry->market))->listed_ms;
	int64_t passed_ms = entry->of_minutes.from_ms;
	from_ms = listed_ms > from_ms ? listed_ms - listed_ms % MINUTE_MS : from_ms;
	return passed_ms > from_ms ? passed_ms : from_ms;
}

static bool look(const struct entry *entry, struct minute_span *span)
{
	int64_t now_ms = source_now_ms(entry->source);
	return market_wanted(entry->market, look_from_ms(entry, now_ms),
			     now_ms - BACKFILL_CLOSED_MS, entry_rows(entry, ASK_KLINES), span);
}

static void take_minute(void *ctx, const struct event *event)
{
	struct entry *entry = ctx;
	struct backfill_counts *counts = &entry->backfill->counts;
	struct minutes_state *state = &entry->of_minutes;
	const struct event_kline *kline = &event->kline;
	if (!state->got_first_ms)
		state->got_first_ms = kline->open_ms;
	if (kline->open_ms < state->asked.first_ms || kline->open_ms > state->asked.last_ms)
		return;
	switch (market_take_kline(entry->market, kline)) {
	case MARKET_KLINE_TAKEN:
		counts->klines_taken++;
		counts->history_minutes += kline->close_ms < entry->backfill->started_ms;
		break;
	case MARKET_KLINE_AGREED: counts->klines_agreed++; break;
	case MARKET_KLINE_DIFFERS: counts->klines_differ++; break;
	case MARKET_KLINE_WAITING:
	case MARKET_KLINE_IGNORED: break;
	}
}

/* Where to look from, for an hour: what is before is not to be had. */
static void pass_over(struct entry *entry, int64_t to_ms)
{
	entry->of_minutes.from_ms = to_ms;
	entry->of_minutes.again_ns = backfill_now_ns(entry->backfill) + HOUR_NS;
	entry->of_minutes.fruitless = 0;
}

/* The span begins where it began before the answer. */
static void minutes_in_vain(struct entry *entry)
{
	struct minutes_state *state = &entry->of_minutes;
	int64_t first_ms = state->asked.first_ms;
	if (entry->source->venue == VENUE_BINANCE && state->got_first_ms > first_ms) {
		pass_over(entry, state->got_first_ms); /* the venue's klines begin here */
		wish_done(&entry->minutes, 0);
		return;
	}
	if (first_ms != state->fruitless_first_ms)
		state->fruitless = 0;
	state->fruitless_first_ms = first_ms;
	if (++state->fruitless >= BACKFILL_TRIES)
		pass_over(entry, state->asked.last_ms + MINUTE_MS);
	wish_done(&entry->minutes, 10 * SECOND_NS);
}

static void minutes_answer(void *ctx, enum status status, struct str body, const char *why)
{
	(void)why;
	struct wish *wish = ctx;
	struct entry *entry = wish->entry;
	struct minutes_state *state = &entry->of_minutes;
	struct minute_span span;
	if (!wish_answered(wish, status))
		return;
	state->got_first_ms = 0;
	status = read_body(entry, 1, body, take_minute);
	if (status) {
		wish_failed(wish, status);
		return;
	}
	if (look(entry, &span) && span.first_ms == state->asked.first_ms)
		minutes_in_vain(entry);
	else
		wish_done(wish, 0);
	minutes_step(entry); /* the next page */
}

void minutes_step(struct entry *entry)
{
	struct minutes_state *state = &entry->of_minutes;
	bool binance = entry->source->venue == VENUE_BINANCE;
	struct question question;
	struct minute_span span;
	if (!binance)
		market_want_proof(entry->market); /* kline.1 says the same, or is asked for */
	if (!wish_ready(&entry->minutes))
		return;
	if (state->from_ms && backfill_now_ns(entry->backfill) >= state->again_ns)
		minutes_reset(entry);
	if (!look(entry, &span))
		return;
	state->asked = span;
	kline_question(&question, entry, interval_of(entry->source->venue, 1),
		       (span.last_ms - span.first_ms) / MINUTE_MS + 1);
	/* Binance without an end: the first klines from there on, so that an answer says
	 * where those of a young instrument begin. Bybit counts back from the end. */
	question_number(&question, binance ? "startTime" : "start", span.first_ms);
	if (!binance)
		question_number(&question, "end", span.last_ms);
	if (source_now_ms(entry->source) - span.last_ms < HOUR_MS)
		question.priority = REST_REPAIR; /* it is in the windows people look at */
	question.answer = minutes_answer;
	wish_ask(&entry->minutes, &question);
}

/* ---- bars of indicators ---- */

/* The newest SERIES_BARS of the answer. */
static void take_bar(void *ctx, const struct event *event)
{
	struct backfill *backfill = ((struct entry *)ctx)->backfill;
	const struct event_kline *kline = &event->kline;
	if (!kline->closed)
		return;
	if (backfill->n_bars == SERIES_BARS) {
		memmove(&backfill->bars[0], &backfill->bars[1],
			(SERIES_BARS - 1) * sizeof backfill->bars[0]);
		backfill->n_bars--;
	}
	backfill->bars[backfill->n_bars++] =
	    (struct series_bar){ kline->open_ms, kline->open,  kline->high,
				 kline->low,     kline->close, kline->volume };
}

static void series_answer(void *ctx, enum status status, struct str body, const char *why)
{
	(void)why;
	struct wish *wish = ctx;
	struct entry *entry = wish->entry;
	struct backfill *backfill = entry->backfill;
	size_t index = (size_t)(wish - entry->series);
	struct series_state *state = &entry->of_series[index];
	struct series *series = market_series_at(entry->market, index);
	if (!wish_answered(wish, status))
		return;
	backfill->n_bars = 0;
	status = read_body(entry, series_minutes(series), body, take_bar);
	if (status) {
		wish_failed(wish, status);
		return;
	}
	int64_t newest_ms = series_newest_ms(series);
	series_fill(series, backfill->bars, backfill->n_bars);
	backfill->counts.bars += backfill->n_bars;
	if (series_count(series) < SERIES_BARS)
		state->full_ns = backfill_now_ns(backfill) + HOUR_NS;
	if (series_newest_ms(series) > newest_ms)
		state->fruitless = 0;
	else if (state->fruitless < 6)
		state->fruitless++;
	wish_done(wish, (60 * SECOND_NS) << state->fruitless); /* a halted venue makes no bars */
}

/* A closed bar is wanting for so long that the market's own minutes will not make it:
 * a kline that proves the last of them takes some seconds. */
static bool is_overdue(struct series_state *state, bool complete, int64_t now_ns)
{
	if (complete)
		state->since_ns = 0;
	else if (!state->since_ns)
		state->since_ns = now_ns;
	return !complete && now_ns - state->since_ns >= OWN_BAR_NS;
}

/* How many bars to ask for; 0: nothing is wanting, or may still come by itself. */
static int64_t bars_wanted(struct entry *entry, size_t index, struct series *series)
{
	struct series_state *state = &entry->of_series[index];
	int64_t now_ns = backfill_now_ns(entry->backfill);
	bool complete;
	market_series_step(entry->market, series, &complete);
	bool overdue = is_overdue(state, complete, now_ns);
	if (series_count(series) < SERIES_BARS && now_ns >= state->full_ns)
		return SERIES_BARS + 1; /* the open one among them */
	if (!overdue || !series_count(series))
		return 0;
	int64_t behind_ms = source_now_ms(entry->source) - series_newest_ms(series);
	int64_t bars = behind_ms / ((int64_t)series_minutes(series) * MINUTE_MS) + 1;
	if (bars < 2)
		return 2; /* the wall clock is behind the trades */
	return bars < SERIES_BARS + 1 ? bars : SERIES_BARS + 1;
}

void series_step(struct entry *entry, size_t index)
{
	struct series *series = market_series_at(entry->market, index);
	struct question question;
	if (!series)
		return;
	const char *interval = interval_of(entry->source->venue, series_minutes(series));
	int64_t bars = bars_wanted(entry, index, series);
	if (!bars || !interval || !wish_ready(&entry->series[index]))
		return;
	kline_question(&question, entry, interval, bars);
	question.answer = series_answer;
	wish_ask(&entry->series[index], &question);
}
