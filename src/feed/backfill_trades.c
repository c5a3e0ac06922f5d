/* Trades the streams did not bring: by id where ids prove what is missing (Binance), as
 * far as the venue's list of recent trades reaches where they do not (Bybit). */
#include "feed/backfill_impl.h"

#define IDS_AGAIN_NS (2 * SECOND_NS)

struct taking {
	struct entry *entry;
	int64_t first, last; /* ids that count; Bybit: all */
	size_t taken;
};

static void tell(struct entry *entry, const struct trade *trade)
{
	const struct backfill_config *config = &entry->backfill->config;
	if (config->on_trade)
		config->on_trade(config->ctx, entry->market, trade);
}

static bool is_asked(const struct taking *taking, const struct event *event)
{
	if (event->symbol.len &&
	    !str_eq(event->symbol, str_of(market_id(taking->entry->market)->symbol)))
		return false;
	return event->trade.ordered_id >= taking->first && event->trade.ordered_id <= taking->last;
}

static void take_trade(void *ctx, const struct event *event)
{
	struct taking *taking = ctx;
	struct entry *entry = taking->entry;
	struct trade trade, held;
	if (!is_asked(taking, event))
		return;
	enum market_taken taken =
	    market_repair_trade(entry->market, &event->trade, event->t_ms, &trade);
	if (taken != MARKET_NEW && taken != MARKET_LATE)
		return;
	if (market_held_trade(entry->market, &held))
		tell(entry, &held);
	tell(entry, &trade);
	entry->backfill->counts.repaired++;
	taking->taken++;
}

static enum status take_body(struct taking *taking, struct str body)
{
	struct entry *entry = taking->entry;
	return rest_read_trades(entry->backfill->reader, entry->source->venue, body, take_trade,
				taking);
}

/* ---- missing ids ---- */

static void give_up(struct entry *entry, const struct seen_range *range)
{
	market_give_up(entry->market, range);
	entry->backfill->counts.ranges_given_up++;
}

/* The newest range that may be asked for: it touches the minutes people look at. Those
 * that are too long are left to klines on the way. */
static bool next_range(struct entry *entry, struct seen_range *out)
{
	struct seen_range ranges[SEEN_RANGES];
	size_t n = market_missing(entry->market, ranges, SEEN_RANGES);
	int64_t old_ms = source_now_ms(entry->source) - BACKFILL_REORDER_MS;
	for (size_t i = n; i > 0; i--) {
		const struct seen_range *range = &ranges[i - 1];
		if (range->last - range->first >= BACKFILL_IDS_MAX) {
			give_up(entry, range);
		} else if (range->ms_last <= old_ms) {
			*out = *range;
			return true;
		}
	}
	return false;
}

static void ids_answer(void *ctx, enum status status, struct str body, const char *why);

void ids_step(struct entry *entry)
{
	struct ids_state *state = &entry->of_ids;
	struct seen_range range;
	struct question question;
	if (entry->source->venue != VENUE_BINANCE || !wish_ready(&entry->ids) ||
	    !next_range(entry, &range))
		return;
	int64_t rows = entry_rows(entry, ASK_TRADES), most = range.first + rows - 1;
	if (range.last > most)
		range.last = most;
	if (range.first != state->asked.first)
		state->fruitless = 0;
	state->asked = range;
	question_begin(&question, entry, ASK_TRADES);
	question_number(&question, "fromId", range.first);
	question_number(&question, "limit", range.last - range.first + 1);
	question.priority = REST_REPAIR;
	question.answer = ids_answer;
	wish_ask(&entry->ids, &question);
}

/* Nothing of the ids came: the venue may have them in a moment, or never. */
static void ids_in_vain(struct entry *entry)
{
	struct ids_state *state = &entry->of_ids;
	if (++state->fruitless < BACKFILL_TRIES)
		return;
	give_up(entry, &state->asked);
	state->fruitless = 0;
}

static void ids_answer(void *ctx, enum status status, struct str body, const char *why)
{
	(void)why;
	struct wish *wish = ctx;
	struct entry *entry = wish->entry;
	struct taking taking = { entry, entry->of_ids.asked.first, entry->of_ids.asked.last, 0 };
	if (!wish_answered(wish, status)) {
		if (status != STATUS_INVALID)
			return;
		ids_in_vain(entry); /* ids the venue will not look up any more */
		wish_done(wish, IDS_AGAIN_NS);
		return;
	}
	status = take_body(&taking, body);
	if (status)
		wish_failed(wish, status);
	else
		wish_done(wish, taking.taken ? 0 : IDS_AGAIN_NS);
	if (!taking.taken) {
		ids_in_vain(entry);
		return;
	}
	entry->of_ids.fruitless = 0;
	ids_step(entry); /* the next page */
}

/* ---- what a reconnect missed ---- */

/* Whatever of the answer is not in the set of ids was missed: each counts in its own
 * minute, which stays partial until a kline agrees. An empty answer is one too. */
static void recent_answer(void *ctx, enum status status, struct str body, const char *why)
{
	(void)why;
	struct wish *wish = ctx;
	struct taking taking = { wish->entry, INT64_MIN, INT64_MAX, 0 };
	if (!wish_answered(wish, status)) {
		if (status == STATUS_INVALID || status == STATUS_NOT_FOUND)
			wish->entry->recent_wanted = false; /* until it opens again */
		return;
	}
	status = take_body(&taking, body);
	if (status) {
		wish_failed(wish, status);
		return;
	}
	wish->entry->recent_wanted = false;
	wish_done(wish, 0);
}

void recent_step(struct entry *entry)
{
	struct question question;
	if (!entry->recent_wanted || !wish_ready(&entry->recent))
		return;
	question_begin(&question, entry, ASK_TRADES);
	question_number(&question, "limit", entry_rows(entry, ASK_TRADES));
	question.priority = REST_REPAIR;
	question.answer = recent_answer;
	wish_ask(&entry->recent, &question);
}
