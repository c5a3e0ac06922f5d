/* Trade state: quotes, accounts, open trades; then months of closed ones. */
#include <string.h>

#include "base/check.h"
#include "measure/measure_impl.h"
#include "sim/prices.h"
#include "store/account_store.h"

enum {
	FIRST_SECONDS = 4, /* until the store has looked at what is there */
	MOVES_AT_ONCE = ACCOUNT_STORE_MOVES - 64,
	DAY_MS = 86400000,
};

static void pass_second(struct measure *m)
{
	measure_pass(m, SECOND_NS);
	measure_settle(m, SEGMENT_RTS);
}

static void check_store(struct measure *m, const struct account_store *store)
{
	struct account_store_counts counts = account_store_counts(store);
	if (counts.failed || counts.moves_failed || counts.moves_refused)
		measure_fail(m, STATUS_REDIS_ERR,
			     "trades: %llu commands failed, %llu moves failed, %llu refused",
			     (unsigned long long)counts.failed,
			     (unsigned long long)counts.moves_failed,
			     (unsigned long long)counts.moves_refused);
}

/* ---- open ---- */

static void fill_quotes(struct measure *m, struct account_store *store)
{
	struct measure_line line;
	for (int i = 0; i < SIM_SYMBOLS; i++) {
		const struct symbol_row *symbol = symbol_row(i);
		measure_quote_frame(&line, symbol->name, symbol->digits, symbol->start);
		account_store_quote(store, fleet_at(m->fleet, 0), &line.frame);
	}
	pass_second(m);
}

static void fill_accounts(struct measure *m, struct account_store *store)
{
	int64_t before = measure_used(m, SEGMENT_RTS);
	for (uint32_t i = 0; i < m->load->instances; i++)
		account_store_account(store, fleet_at(m->fleet, i));
	pass_second(m);
	measure_item(m, PLAN_ITEM_account, m->load->instances,
		     measure_used(m, SEGMENT_RTS) - before);
}

static struct position position_of(const struct measure_trade *trade)
{
	const struct symbol_row *symbol = symbol_row(trade->symbol);
	int64_t sign = trade->sell ? -1 : 1;
	struct position position = {
		.ticket = trade->position,
		.id = trade->position,
		.magic = trade->sid,
		.side = trade->sell,
		.volume = { trade->lots_e2, 2 },
		.price_open = symbol_price(trade->symbol, trade->price),
		.price_now = symbol_price(trade->symbol, trade->close),
		.sl = symbol_price(trade->symbol, trade->stop),
		.tp = symbol_price(trade->symbol, trade->take),
		.swap = { -trade->lots_e2 / 3, 2 },
		.profit = { sign * (trade->close - trade->price) * trade->lots_e2 *
				symbol->value_milli / 100000,
			    2 },
		.server_ms = trade->at_ms,
	};
	strcpy(position.symbol, symbol->name);
	return position;
}

static void open_trade(struct measure *m, struct account_store *store, uint32_t slot,
		       uint64_t number)
{
	const struct instance *instance = fleet_at(m->fleet, slot);
	struct measure_trade trade =
	    measure_trade_of(m, slot, number, measure_wall_ms(m) - (int64_t)number * 60000);
	struct position position = position_of(&trade);
	struct measure_line line;
	struct result result;
	char id[32];
	enum status status = positions_put(instance->positions, &position);
	if (status) {
		measure_fail(m, status, "a terminal holds at most %d positions", POSITIONS_MAX);
		return;
	}
	measure_result_frame(&line, &trade, number + 1);
	measure_result(instance, &line, &trade, id, measure_wall_ms(m), &result);
	account_store_result(store, instance, &result);
	account_store_position(store, instance, POSITION_NEW, &position);
}

static void fill_open(struct measure *m, struct account_store *store)
{
	int64_t before = measure_used(m, SEGMENT_RTS), count = 0;
	for (uint32_t slot = 0; slot < m->load->instances && measure_good(m); slot++) {
		measure_tell(m, "open trades", slot, m->load->instances);
		for (int64_t i = 0; i < m->load->open_trades && measure_good(m); i++, count++) {
			open_trade(m, store, slot, (uint64_t)i);
			measure_settle_some(m, SEGMENT_RTS);
		}
	}
	measure_item(m, PLAN_ITEM_trade_open, count, measure_used(m, SEGMENT_RTS) - before);
}

/* ---- closed ---- */

static struct trade_sum sum_of(const struct measure *m, uint32_t slot,
			       const struct measure_trade *trade)
{
	const struct instance *instance = fleet_at(m->fleet, slot);
	const struct symbol_row *symbol = symbol_row(trade->symbol);
	int64_t unit = 100000000, sign = trade->sell ? -1 : 1;
	for (int i = 0; i < symbol->digits; i++)
		unit /= 10; /* of a point, in 10^-8 */
	struct trade_sum sum = {
		.login = instance->login,
		.position = (int64_t)trade->position,
		.side = trade->sell ? TRADE_SELL : TRADE_BUY,
		.volume_in = trade->lots_e2 * 1000000,
		.volume_out = trade->lots_e2 * 1000000,
		.commission = symbol->commission_cents * trade->lots_e2 / 50 * 1000000,
		.pnl = sign * (trade->close - trade->price) * trade->lots_e2 * symbol->value_milli /
		       100000 * 1000000,
		.has_sl = true,
		.has_tp = true,
		.sl = trade->stop * unit,
		.tp = trade->take * unit,
		.opened_us = trade->at_ms * 1000,
		.closed_us = (trade->at_ms + trade->lasts_ms) * 1000,
		.deals = 2,
	};
	sum.value_in = (i128)sum.volume_in * (trade->price * unit);
	sum.value_out = (i128)sum.volume_out * (trade->close * unit);
	strcpy(sum.instance, instance->identity.id);
	strcpy(sum.server, instance->server);
	strcpy(sum.symbol, symbol->name);
	return sum;
}

struct months {
	struct account_store *store;
	int64_t day, waiting;
};

static void close_trade(struct measure *m, struct months *months, uint32_t slot, int64_t number)
{
	int64_t of_day = number % m->load->closed_a_day;
	int64_t closed_ms = MEASURE_START_MS / DAY_MS * DAY_MS + months->day * DAY_MS +
			    of_day * (DAY_MS / m->load->closed_a_day) + slot * 101 % 60000;
	/* Behind the open ones of the same terminal. */
	struct measure_trade trade =
	    measure_trade_of(m, slot, 1000000 + (uint64_t)number, closed_ms);
	trade.at_ms = closed_ms - trade.lasts_ms;
	struct trade_sum sum = sum_of(m, slot, &trade);
	account_store_archived(months->store, str_of(sum.instance), trade.position, &sum);
	if (++months->waiting < MOVES_AT_ONCE)
		return;
	pass_second(m);
	months->waiting = 0;
}

/* A day's trades come one after the other, and each writes the day anew. What that leaves
 * behind is decided by the last few, so the others of a day may come in handfuls. */
static void close_day(struct measure *m, struct months *months)
{
	int64_t left = m->load->closed_a_day, done = 0;
	while (left > 0 && measure_good(m)) {
		int64_t handful = left > 3 ? left / 2 : 1;
		for (uint32_t slot = 0; slot < m->load->instances; slot++)
			for (int64_t i = 0; i < handful; i++)
				close_trade(m, months, slot,
					    months->day * m->load->closed_a_day + done + i);
		pass_second(m);
		months->waiting = 0;
		done += handful;
		left -= handful;
	}
}

static void close_days(struct measure *m, struct months *months, int64_t until)
{
	int64_t midnight_ms = MEASURE_START_MS / DAY_MS * DAY_MS;
	for (; months->day < until && measure_good(m); months->day++) {
		measure_tell(m, "closed trades", months->day, m->load->closed_days);
		int64_t noon_ns = (midnight_ms + (months->day + 1) * DAY_MS - MEASURE_START_MS) *
				  INT64_C(1000000);
		if (noon_ns > m->now_ns)
			measure_pass(m, noon_ns - m->now_ns);
		close_day(m, months);
	}
}

static void fill_closed(struct measure *m, struct account_store *store)
{
	struct months months = { .store = store };
	int64_t a_day = m->load->instances * m->load->closed_a_day;
	int64_t days = m->load->closed_days, first = days / 2;
	struct measure_span span = measure_begin(m, PLAN_rts_closed);
	close_days(m, &months, first);
	int64_t half = measure_used(m, SEGMENT_RTS);
	close_days(m, &months, days);
	int64_t whole = measure_used(m, SEGMENT_RTS);
	measure_end(m, &span, days * a_day);
	if (first == days || !a_day || !measure_good(m))
		return;
	int64_t bytes = whole - span.before.used;
	int64_t packed = measure_part((whole - half) * days / (days - first), bytes);
	measure_item(m, PLAN_ITEM_trade_closed, days * a_day, packed);
	measure_item(m, PLAN_ITEM_closed_stream, m->load->instances, bytes - packed);
	if (account_store_counts(store).moved != (uint64_t)(days * a_day))
		measure_fail(m, STATUS_REDIS_ERR, "closed trades: %llu of %lld have moved",
			     (unsigned long long)account_store_counts(store).moved,
			     (long long)(days * a_day));
}

static void fill_open_part(struct measure *m, struct account_store *store)
{
	struct measure_span span = measure_begin(m, PLAN_rts_open);
	fill_quotes(m, store);
	fill_accounts(m, store);
	fill_open(m, store);
	measure_end(m, &span, m->load->instances * m->load->open_trades);
}

void measure_fill_rts(struct measure *m)
{
	if (!measure_good(m))
		return;
	struct account_store *store =
	    account_store_create(measure_redis(m, SEGMENT_RTS), m->fleet, m->timers, &m->clock);
	if (!store) {
		measure_fail(m, STATUS_NO_MEMORY, "out of memory");
		return;
	}
	account_store_start(store);
	for (int i = 0; i < FIRST_SECONDS; i++)
		pass_second(m);
	if (measure_wants(m, PLAN_rts_open))
		fill_open_part(m, store);
	if (measure_wants(m, PLAN_rts_closed))
		fill_closed(m, store);
	check_store(m, store);
	measure_note_filled(m, SEGMENT_RTS);
	measure_settle(m, SEGMENT_RTS);
	account_store_destroy(store);
}
