#include "oracle.h"

#include <stdlib.h>

#include "base/check.h"
#include "codec/tape.h"
#include "def/keys.h"

enum { LOSSES_MAX = 64, TOLD_AGAIN_MS = 20000 };

struct made { /* a trade of the venue */
	int64_t t_ms, id, seq, price, qty;
	int64_t newest_ms; /* of this one and all before it */
	bool sell;
	bool delivered, late;
	int64_t delivered_ns; /* of the first delivery */
	bool on_tape;
};

struct delivery { /* in order; a trade told twice has two */
	size_t trade;
	int64_t at_ns;
};

struct ledger { /* of one market */
	struct market_id id;
	int32_t price_scale, qty_scale;
	struct made *made;
	size_t n_made, room_made;
	struct delivery *deliveries;
	size_t n_deliveries, room_deliveries;
	int64_t newest_ms;
};

struct oracle {
	struct ledger *ledgers;
	size_t count;
	struct {
		int64_t from_ns, to_ns;
	} losses[LOSSES_MAX];
	size_t n_losses;
	uint64_t delivered, duplicates, late;
};

struct oracle *oracle_create(void)
{
	struct oracle *oracle = calloc(1, sizeof *oracle);
	CHECK(oracle);
	return oracle;
}

void oracle_destroy(struct oracle *oracle)
{
	if (!oracle)
		return;
	for (size_t i = 0; i < oracle->count; i++) {
		free(oracle->ledgers[i].made);
		free(oracle->ledgers[i].deliveries);
	}
	free(oracle->ledgers);
	free(oracle);
}

static void *grow(void *array, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return array;
	*room = *room * 2 + 64;
	array = realloc(array, *room * size);
	CHECK(array);
	return array;
}

static struct ledger *ledger_of(struct oracle *oracle, const struct simulator_trade *trade)
{
	for (size_t i = 0; i < oracle->count; i++)
		if (market_id_eq(&oracle->ledgers[i].id, trade->market))
			return &oracle->ledgers[i];
	oracle->ledgers =
	    realloc(oracle->ledgers, (oracle->count + 1) * sizeof(oracle->ledgers[0]));
	CHECK(oracle->ledgers);
	struct ledger *ledger = &oracle->ledgers[oracle->count++];
	*ledger = (struct ledger){ .id = *trade->market,
				   .price_scale = trade->price_scale,
				   .qty_scale = trade->qty_scale };
	return ledger;
}

/* A trade is told again within seconds, so what is older need not be looked at. */
static size_t made_of(struct ledger *ledger, const struct simulator_trade *trade)
{
	for (size_t i = ledger->n_made;
	     i-- > 0 && ledger->made[i].t_ms > trade->t_ms - TOLD_AGAIN_MS;)
		if (ledger->made[i].id == trade->id)
			return i;
	ledger->made =
	    grow(ledger->made, ledger->n_made, &ledger->room_made, sizeof(ledger->made[0]));
	int64_t newest_ms = ledger->n_made ? ledger->made[ledger->n_made - 1].newest_ms : 0;
	ledger->made[ledger->n_made] = (struct made){
		.newest_ms = newest_ms > trade->t_ms ? newest_ms : trade->t_ms,
		.t_ms = trade->t_ms,
		.id = trade->id,
		.seq = trade->seq,
		.price = trade->price,
		.qty = trade->qty,
		.sell = trade->sell,
	};
	return ledger->n_made++;
}

static void deliver(struct oracle *oracle, struct ledger *ledger, size_t index, int64_t now_ns)
{
	struct made *made = &ledger->made[index];
	ledger->deliveries = grow(ledger->deliveries, ledger->n_deliveries,
				  &ledger->room_deliveries, sizeof(ledger->deliveries[0]));
	ledger->deliveries[ledger->n_deliveries++] = (struct delivery){ index, now_ns };
	if (made->delivered) {
		oracle->duplicates++;
		return;
	}
	made->delivered = true;
	made->delivered_ns = now_ns;
	made->late = ledger->newest_ms - made->t_ms > MARKET_LATE_MS;
	oracle->delivered++;
	oracle->late += made->late;
	if (made->t_ms > ledger->newest_ms)
		ledger->newest_ms = made->t_ms;
}

void oracle_trade(struct oracle *oracle, const struct simulator_trade *trade, bool delivered,
		  int64_t now_ns)
{
	struct ledger *ledger = ledger_of(oracle, trade);
	size_t index = made_of(ledger, trade);
	if (delivered)
		deliver(oracle, ledger, index, now_ns);
}

void oracle_allow_loss(struct oracle *oracle, int64_t from_ns, int64_t to_ns)
{
	CHECK(oracle->n_losses < LOSSES_MAX);
	oracle->losses[oracle->n_losses].from_ns = from_ns;
	oracle->losses[oracle->n_losses++].to_ns = to_ns;
}

uint64_t oracle_delivered(const struct oracle *oracle) { return oracle->delivered; }

static bool loss_allowed(const struct oracle *oracle, int64_t at_ns)
{
	for (size_t i = 0; i < oracle->n_losses; i++)
		if (at_ns > oracle->losses[i].from_ns && at_ns <= oracle->losses[i].to_ns)
			return true;
	return false;
}

/* ---- minutes ---- */

struct sums {
	i128 buy, sell, buy_quote, sell_quote;
	uint64_t n_buy, n_sell;
	int64_t high, low;
};

static void sums_add(struct sums *sums, const struct made *made)
{
	i128 quote = (i128)made->price * made->qty;
	if (made->sell) {
		sums->sell += made->qty;
		sums->sell_quote += quote;
		sums->n_sell++;
	} else {
		sums->buy += made->qty;
		sums->buy_quote += quote;
		sums->n_buy++;
	}
	sums->high = made->price > sums->high ? made->price : sums->high;
	sums->low = !sums->low || made->price < sums->low ? made->price : sums->low;
}

/* The first trade that can be of this minute or later. */
static size_t first_of(const struct ledger *ledger, int64_t minute_ms)
{
	size_t low = 0, high = ledger->n_made;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (ledger->made[middle].newest_ms < minute_ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct sums sums_of(const struct ledger *ledger, int64_t minute_ms, bool delivered)
{
	struct sums sums = { 0 };
	int64_t end_ms = minute_ms + MINUTE_MS + TOLD_AGAIN_MS;
	for (size_t i = first_of(ledger, minute_ms); i < ledger->n_made; i++) {
		const struct made *made = &ledger->made[i];
		if (made->newest_ms >= end_ms)
			break;
		if (made->t_ms >= minute_ms && made->t_ms < minute_ms + MINUTE_MS &&
		    (!delivered || (made->delivered && !made->late)))
			sums_add(&sums, made);
	}
	return sums;
}

/* a at scale `from`, at scale `to` ≥ from. */
static i128 scaled(i128 a, int32_t from, int32_t to)
{
	CHECK(to >= from);
	return a * decimal_pow10(to - from);
}

/* The bar in the ledger's scales, which are those of the venue's printing. */
static struct sums sums_of_bar(const struct bar *bar, const struct market *market,
			       const struct ledger *ledger)
{
	int32_t price_scale, qty_scale, p = ledger->price_scale, q = ledger->qty_scale;
	market_scales(market, &price_scale, &qty_scale);
	return (struct sums){
		.buy = scaled(bar->buy, qty_scale, q),
		.sell = scaled(bar->sell, qty_scale, q),
		.buy_quote = scaled(bar->buy_quote, price_scale + qty_scale, p + q),
		.sell_quote = scaled(bar->sell_quote, price_scale + qty_scale, p + q),
		.n_buy = bar->n_buy,
		.n_sell = bar->n_sell,
		.high = (int64_t)scaled(bar->high, price_scale, p),
		.low = (int64_t)scaled(bar->low, price_scale, p),
	};
}

static bool same(const struct sums *a, const struct sums *b)
{
	return a->buy == b->buy && a->sell == b->sell && a->buy_quote == b->buy_quote &&
	       a->sell_quote == b->sell_quote && a->n_buy == b->n_buy && a->n_sell == b->n_sell &&
	       a->high == b->high && a->low == b->low;
}

static bool within(const struct sums *part, const struct sums *whole)
{
	return part->buy <= whole->buy && part->sell <= whole->sell &&
	       part->buy_quote <= whole->buy_quote && part->sell_quote <= whole->sell_quote &&
	       part->n_buy <= whole->n_buy && part->n_sell <= whole->n_sell &&
	       part->high <= whole->high && (!part->low || part->low >= whole->low);
}

static enum status differ(struct err *err, const struct ledger *ledger, int64_t minute_ms,
			  const char *what, const struct sums *got, const struct sums *want)
{
	return err_set(err, STATUS_INVALID,
		       "%s:%s:%s minute %lld %s: %llu buys %llu sells, base %lld %lld; truth %llu "
		       "%llu, %lld %lld",
		       venue_text((enum venue)ledger->id.venue),
		       kind_text((enum kind)ledger->id.kind), ledger->id.symbol,
		       (long long)minute_ms, what, (unsigned long long)got->n_buy,
		       (unsigned long long)got->n_sell, (long long)got->buy, (long long)got->sell,
		       (unsigned long long)want->n_buy, (unsigned long long)want->n_sell,
		       (long long)want->buy, (long long)want->sell);
}

static enum status no_market(struct err *err, const struct ledger *ledger)
{
	return err_set(err, STATUS_INVALID,
		       "%s:%s:%s: trades were delivered, but there is no market",
		       venue_text((enum venue)ledger->id.venue),
		       kind_text((enum kind)ledger->id.kind), ledger->id.symbol);
}

static bool any_delivered(const struct ledger *ledger) { return ledger->n_deliveries > 0; }

enum status oracle_check_minutes(struct oracle *oracle, const struct markets *markets,
				 size_t *partial, size_t *complete, struct err *err)
{
	*partial = *complete = 0;
	for (size_t i = 0; i < oracle->count; i++) {
		const struct ledger *ledger = &oracle->ledgers[i];
		const struct market *market = markets_find(markets, &ledger->id);
		struct market_cursor cursor = { 0 };
		struct bar bar;
		if (!market && any_delivered(ledger))
			return no_market(err, ledger);
		while (market && market_next_minute(market, &cursor, &bar)) {
			struct sums got = sums_of_bar(&bar, market, ledger);
			struct sums want = sums_of(ledger, bar.minute_ms, false);
			bool is_partial = bar.flags & BAR_PARTIAL;
			*partial += is_partial;
			*complete += !is_partial;
			if (!is_partial && !same(&got, &want))
				return differ(err, ledger, bar.minute_ms, "called complete", &got,
					      &want);
			if (is_partial && !within(&got, &want))
				return differ(err, ledger, bar.minute_ms, "partial", &got, &want);
		}
	}
	return STATUS_OK;
}

enum status oracle_check_delivered(struct oracle *oracle, const struct markets *markets,
				   struct err *err)
{
	for (size_t i = 0; i < oracle->count; i++) {
		const struct ledger *ledger = &oracle->ledgers[i];
		const struct market *market = markets_find(markets, &ledger->id);
		if (!market && any_delivered(ledger))
			return no_market(err, ledger);
		for (size_t j = 0; market && j < ledger->n_made; j++) {
			int64_t minute_ms = ledger->made[j].t_ms / MINUTE_MS * MINUTE_MS;
			struct bar bar = { 0 };
			if (j > 0 && ledger->made[j - 1].newest_ms >= minute_ms)
				continue;
			struct sums want = sums_of(ledger, minute_ms, true);
			enum status status = market_minute(market, minute_ms, &bar);
			struct sums got = sums_of_bar(&bar, market, ledger);
			if ((status && want.n_buy + want.n_sell) || (!status && !same(&got, &want)))
				return differ(err, ledger, minute_ms, "delivered", &got, &want);
		}
	}
	return STATUS_OK;
}

/* ---- the tape ---- */

struct tape_walk {
	struct oracle *oracle;
	struct ledger *ledger;
	size_t next; /* in deliveries */
	uint64_t missing, presumed;
	struct err *err;
};

static const char *label(const struct ledger *ledger, char text[64])
{
	struct buf out = buf_over(text, 63);
	market_id_print(&out, &ledger->id);
	text[out.len] = 0;
	return text;
}

static bool is_this(const struct ledger *ledger, const struct made *made, const struct trade *trade,
		    const struct tape_info *info)
{
	int64_t id = ledger->id.venue == VENUE_BINANCE ? made->id : made->seq;
	return trade->id == id && trade->t_ms == made->t_ms &&
	       trade->side == (made->sell ? SIDE_SELL : SIDE_BUY) &&
	       scaled(trade->price, info->price_scale, ledger->price_scale) == made->price &&
	       scaled(trade->qty, info->qty_scale, ledger->qty_scale) == made->qty;
}

/* A delivery that the tape passes over: a second telling, or a loss. */
static enum status passed_over(struct tape_walk *walk, const struct delivery *delivery)
{
	const struct made *made = &walk->ledger->made[delivery->trade];
	char text[64];
	if (made->on_tape || loss_allowed(walk->oracle, delivery->at_ns) ||
	    (delivery->at_ns != made->delivered_ns))
		return STATUS_OK;
	if (++walk->missing <= walk->presumed)
		return STATUS_OK;
	return err_set(walk->err, STATUS_INVALID,
		       "%s: trade %lld of %lld, delivered at %.3f s, is missing from the tape",
		       label(walk->ledger, text), (long long)made->id, (long long)made->t_ms,
		       (double)delivery->at_ns / 1e9);
}

static enum status walk_trade(struct tape_walk *walk, const struct trade *trade,
			      const struct tape_info *info)
{
	struct ledger *ledger = walk->ledger;
	char text[64];
	for (; walk->next < ledger->n_deliveries; walk->next++) {
		struct delivery *delivery = &ledger->deliveries[walk->next];
		struct made *made = &ledger->made[delivery->trade];
		if (!made->on_tape && is_this(ledger, made, trade, info)) {
			made->on_tape = true;
			walk->next++;
			return STATUS_OK;
		}
		enum status status = passed_over(walk, delivery);
		if (status)
			return status;
	}
	return err_set(walk->err, STATUS_INVALID,
		       "%s: the tape has trade %lld of %lld twice, out of order, or it never was",
		       label(ledger, text), (long long)trade->id, (long long)trade->t_ms);
}

static enum status walk_chunk(struct tape_walk *walk, struct str chunk)
{
	static struct trade trades[TAPE_CHUNK_TRADES];
	struct tape_info info;
	char text[64];
	if (tape_read(chunk, &info, trades) || !market_id_eq(&info.market, &walk->ledger->id))
		return err_set(walk->err, STATUS_INVALID, "%s: a chunk of the tape cannot be read",
			       label(walk->ledger, text));
	enum status status = STATUS_OK;
	for (uint32_t i = 0; i < info.count && !status; i++)
		status = walk_trade(walk, &trades[i], &info);
	return status;
}

static enum status walk_closed(struct tape_walk *walk, struct fake_redis *redis)
{
	struct key key;
	struct str argv[] = { STR("XRANGE"), key_tape(&key, &walk->ledger->id), STR("-"),
			      STR("+") };
	struct redis_reply *reply = fake_redis_peek(redis, argv, ARRAY_LEN(argv));
	enum status status = STATUS_OK;
	for (size_t i = 0; i < reply->count && !status; i++)
		status = walk_chunk(walk, reply->items[i].items[1].items[1].text);
	fake_reply_free(reply);
	return status;
}

static enum status walk_open(struct tape_walk *walk, struct fake_redis *redis)
{
	struct key key;
	struct str argv[] = { STR("GET"), key_tape_open(&key, &walk->ledger->id) };
	struct redis_reply *reply = fake_redis_peek(redis, argv, ARRAY_LEN(argv));
	struct str rest = reply->type == REDIS_BULK ? reply->text : (struct str){ 0 };
	enum status status = STATUS_OK;
	while (rest.len && !status) {
		size_t len = tape_chunk_len(rest);
		status = walk_chunk(walk, len ? str_make(rest.ptr, len) : rest);
		rest = str_skip(rest, len);
	}
	fake_reply_free(reply);
	return status;
}

enum status oracle_check_tape(struct oracle *oracle, struct fake_redis *redis, uint64_t presumed,
			      struct err *err)
{
	struct tape_walk walk = { .oracle = oracle, .presumed = presumed, .err = err };
	enum status status = STATUS_OK;
	for (size_t i = 0; i < oracle->count && !status; i++) {
		walk.ledger = &oracle->ledgers[i];
		walk.next = 0;
		for (size_t j = 0; j < walk.ledger->n_made; j++)
			walk.ledger->made[j].on_tape = false;
		status = walk_closed(&walk, redis);
		if (!status)
			status = walk_open(&walk, redis);
		for (; !status && walk.next < walk.ledger->n_deliveries; walk.next++)
			status = passed_over(&walk, &walk.ledger->deliveries[walk.next]);
	}
	return status;
}

/* ---- counters ---- */

enum status oracle_check_counts(struct oracle *oracle, const struct markets *markets,
				struct err *err)
{
	uint64_t trades = 0, duplicates = 0, late = 0;
	for (size_t i = 0; i < markets_count(markets); i++) {
		const struct market_counts *counts = market_counts(markets_at(markets, i));
		trades += counts->trades;
		duplicates += counts->duplicates;
		late += counts->late;
	}
	if (trades == oracle->delivered && duplicates == oracle->duplicates && late == oracle->late)
		return STATUS_OK;
	return err_set(err, STATUS_INVALID,
		       "counts: trades %llu, duplicates %llu, late %llu; truth %llu, %llu, %llu",
		       (unsigned long long)trades, (unsigned long long)duplicates,
		       (unsigned long long)late, (unsigned long long)oracle->delivered,
		       (unsigned long long)oracle->duplicates, (unsigned long long)oracle->late);
}
