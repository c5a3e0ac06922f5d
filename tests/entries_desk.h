/* entries_desk.h - results and signals as a desk's terminals and producers make them, drawn
 * from a seed: some brokers whose tickets rise for all of their accounts, prices that walk,
 * strategies that trade single terminals or groups, positions that are opened and closed,
 * stops that are hit, refusals, balances. In order of arrival. */
#pragma once

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/rng.h"
#include "codec/entries.h"

enum {
	DESK_TERMINALS_MAX = 128,
	DESK_BROKERS = 3,
	DESK_SYMBOLS = 8,
	DESK_STRATEGIES = 12,
	DESK_POSITIONS = 8,
	DESK_TEXT = 640,
	DESK_PENDING = 4096,
};

struct desk_symbol {
	const char *name;
	int digits;
	int64_t price;
	double move;        /* points, of a millisecond's square root */
	int spread;         /* points */
	int64_t value;      /* of a point of one lot, 1/1000 */
	int64_t commission; /* of a lot, cents */
};

struct desk_position {
	int64_t ticket, open, volume, level;
	int symbol;
	bool sell;
};

struct desk_terminal {
	char ins[24];
	int broker;
	int64_t login;
	struct desk_position positions[DESK_POSITIONS];
	uint32_t count;
	int64_t lots; /* 1/100 */
};

struct desk_broker {
	const char *server;
	int64_t order, deal, zone_ms;
	int64_t latency;
};

/* A delivery whose broker has yet to act, by its time. */
struct desk_order {
	int64_t at_ms, sent_ms, sid;
	uint32_t terminal, strategy;
	uint64_t number;
	int symbol;
	bool sell, closes;
	double factor;
};

struct desk {
	struct rng rng;
	int64_t now_ms, walked_ms;
	uint32_t terminals, strategies;
	double mean_ms;      /* between signals */
	int64_t others;      /* mean tickets that others take between two of ours, twice */
	double execution_ms; /* mean, above a broker's latency */
	struct desk_symbol symbols[DESK_SYMBOLS];
	struct desk_broker brokers[DESK_BROKERS];
	struct desk_terminal terminal[DESK_TERMINALS_MAX];
	uint64_t number[DESK_STRATEGIES];
	struct desk_order pending[DESK_PENDING];
	size_t pending_count;
	int64_t signal_ms, sid_ms, sid_seq, arrived_ms;
};

/* Values of one row; they point into text. */
struct desk_row {
	struct str values[ENTRIES_FIELDS_MAX];
	char text[DESK_TEXT];
	size_t len;
	enum entries_table table;
};

static const struct desk_symbol desk_symbols[DESK_SYMBOLS] = {
	{ "EURUSD", 5, 114280, 0.10, 2, 1000, -350 },
	{ "GBPUSD", 5, 134950, 0.12, 4, 1000, -350 },
	{ "USDJPY", 3, 157530, 0.11, 6, 635, -350 },
	{ "XAUUSD", 2, 331240, 0.60, 20, 1000, -500 },
	{ "BTCUSD", 2, 6334348, 20, 1800, 10, -1900 },
	{ "USDCHF", 5, 80980, 0.08, 5, 1235, -350 },
	{ "NZDCHF.r", 5, 46850, 0.06, 12, 1235, -350 },
	{ "US30", 2, 5347380, 4, 240, 10, 0 },
};

static inline double desk_exp(struct rng *rng, double mean)
{
	double u = 1 - rng_unit(rng), sum = 0, term = u; /* no libm: -ln u by halving */
	while (term < 0.5) {
		term *= 2;
		sum += 0.6931471805599453;
	}
	double x = (1 - term) / (1 + term), odd = x, series = 0;
	for (int i = 1; i < 12; i += 2, odd *= x * x)
		series += odd / i;
	return mean * (sum + 2 * series);
}

/* About normal: the sum of twelve. */
static inline double desk_normal(struct rng *rng)
{
	double sum = -6;
	for (int i = 0; i < 12; i++)
		sum += rng_unit(rng);
	return sum;
}

static inline void desk_start(struct desk *desk, uint64_t seed, uint32_t terminals)
{
	static const char *const servers[] = { "FPMarketsSC-Live", "ICMarketsSC-MT5-4",
					       "Pepperstone-Edge12" };
	memset(desk, 0, sizeof *desk);
	rng_init(&desk->rng, seed);
	desk->terminals = terminals;
	desk->strategies = terminals < DESK_STRATEGIES ? terminals + 1 : DESK_STRATEGIES;
	desk->now_ms = 1795000000000 + (int64_t)rng_below(&desk->rng, 86400000);
	desk->signal_ms = desk->walked_ms = desk->arrived_ms = desk->now_ms;
	desk->mean_ms = terminals < 4 ? 100 : 1400.0 / terminals;
	desk->others = 6 << rng_below(&desk->rng, 5);
	desk->execution_ms = (double)(20 << rng_below(&desk->rng, 3));
	memcpy(desk->symbols, desk_symbols, sizeof desk->symbols);
	for (int i = 0; i < DESK_SYMBOLS; i++)
		desk->symbols[i].price +=
		    (int64_t)(desk_normal(&desk->rng) * 0.02 * (double)desk->symbols[i].price);
	for (int i = 0; i < DESK_BROKERS; i++)
		desk->brokers[i] = (struct desk_broker){
			servers[i],
			573338240 + 250000000 * i + (int64_t)rng_below(&desk->rng, 90000000),
			391774213 + 250000000 * i + (int64_t)rng_below(&desk->rng, 90000000),
			i == 2 ? 7200000 : 10800000, 40 + 30 * i
		};
	for (uint32_t i = 0; i < terminals; i++) {
		struct desk_terminal *terminal = &desk->terminal[i];
		snprintf(terminal->ins, sizeof terminal->ins, "mt5-%03u", i + 1);
		terminal->broker = (int)rng_below(&desk->rng, DESK_BROKERS);
		terminal->login = 90000001 + (int64_t)rng_below(&desk->rng, 1000000);
		terminal->lots = (int64_t[]){ 1, 5, 10, 50, 100 }[rng_below(&desk->rng, 5)];
	}
	for (int i = 0; i < DESK_STRATEGIES; i++)
		desk->number[i] = 1000 + rng_below(&desk->rng, 90000);
}

/* ---- what happens ---- */

/* In whole points: what is left over is carried as luck. */
static inline int64_t desk_step(struct rng *rng, double points)
{
	double step = desk_normal(rng) * points, size = step < 0 ? -step : step;
	int64_t whole = (int64_t)size;
	whole += rng_unit(rng) < size - (double)whole;
	return step < 0 ? -whole : whole;
}

static inline void desk_walk(struct desk *desk, int64_t now_ms)
{
	for (; desk->walked_ms < now_ms; desk->walked_ms++)
		for (int i = 0; i < DESK_SYMBOLS; i++)
			desk->symbols[i].price += desk_step(&desk->rng, desk->symbols[i].move);
}

static inline void desk_push(struct desk *desk, struct desk_order order)
{
	CHECK(desk->pending_count < DESK_PENDING);
	size_t at = desk->pending_count++;
	for (; at > 0 && desk->pending[at - 1].at_ms > order.at_ms; at--)
		desk->pending[at] = desk->pending[at - 1];
	desk->pending[at] = order;
}

static inline int64_t desk_sid(struct desk *desk, int64_t ms)
{
	ms -= 1577836800000;
	desk->sid_seq = ms == desk->sid_ms ? desk->sid_seq + 1 : 0;
	desk->sid_ms = ms;
	return ms << 21 | desk->sid_seq;
}

/* A strategy's signal: a third of them to a group of four terminals. */
static inline void desk_signal(struct desk *desk)
{
	struct rng *rng = &desk->rng;
	uint32_t strategy = (uint32_t)rng_below(rng, desk->strategies);
	uint32_t first = (uint32_t)rng_below(rng, desk->terminals);
	uint32_t count = strategy % 3 == 0 && desk->terminals >= 4 ? 4 : 1;
	int64_t ms = desk->signal_ms, sid = desk_sid(desk, ms);
	struct desk_order order = { .sid = sid,
				    .strategy = strategy,
				    .number = desk->number[strategy]++,
				    .symbol = (int)((strategy + rng_below(rng, 2)) % DESK_SYMBOLS),
				    .sell = rng_below(rng, 2),
				    .closes = rng_below(rng, 2),
				    .factor = rng_below(rng, 4) ? 1 : 2 };
	for (uint32_t i = 0; i < count; i++) {
		order.terminal = (first + i * 7) % desk->terminals;
		const struct desk_terminal *terminal = &desk->terminal[order.terminal];
		order.sent_ms = ms + 1 + (int64_t)rng_below(rng, 4);
		order.at_ms = order.sent_ms + desk->brokers[terminal->broker].latency +
			      (int64_t)desk_exp(rng, desk->execution_ms);
		desk_push(desk, order);
	}
}

/* ---- rows ---- */

static inline size_t desk_field(const struct desk_row *row, const char *name)
{
	size_t count, at = entries_field_find(row->table, str_of(name));
	entries_fields(row->table, &count);
	CHECK(at < count);
	return at;
}

__attribute__((format(printf, 3, 4))) static inline void
desk_put(struct desk_row *row, const char *name, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *at = row->text + row->len;
	int len = vsnprintf(at, sizeof row->text - row->len, format, args);
	va_end(args);
	CHECK(len >= 0 && row->len + (size_t)len < sizeof row->text);
	row->values[desk_field(row, name)] = str_make(at, (size_t)len);
	row->len += (size_t)len;
}

static inline void desk_decimal(struct desk_row *row, const char *name, int64_t value, int digits)
{
	int64_t ten = 1, size = value < 0 ? -value : value;
	for (int i = 0; i < digits; i++)
		ten *= 10;
	desk_put(row, name, "%s%" PRId64 ".%0*" PRId64, value < 0 ? "-" : "", size / ten, digits,
		 size % ten);
}

static inline void desk_clear(struct desk_row *row, enum entries_table table)
{
	memset(row->values, 0, sizeof row->values);
	row->len = 0;
	row->table = table;
}

static inline int64_t desk_take_ticket(struct rng *rng, int64_t *next, int64_t step)
{
	*next += 1 + (int64_t)rng_below(rng, (uint64_t)step);
	return *next;
}

static inline void desk_money(struct desk_row *row, int64_t commission, int64_t swap, int64_t pnl)
{
	desk_decimal(row, "com", commission, 2);
	desk_decimal(row, "swp", swap, 2);
	desk_decimal(row, "fee", 0, 2);
	desk_decimal(row, "pnl", pnl, 2);
}

static inline int64_t desk_pnl(const struct desk_symbol *symbol,
			       const struct desk_position *position, int64_t price)
{
	int64_t points = position->sell ? position->open - price : price - position->open;
	return points * position->volume * symbol->value / 100000;
}

static inline void desk_ids(struct desk *desk, struct desk_row *row, const struct desk_order *order,
			    int64_t deal, const char *st)
{
	const struct desk_terminal *terminal = &desk->terminal[order->terminal];
	desk_put(row, "rid", "%" PRId64 "-%s-%" PRId64, order->sid, terminal->ins, deal);
	desk_put(row, "id", "strat%02u-%08" PRIu64, order->strategy, order->number);
	desk_put(row, "sid", "%" PRId64, order->sid);
	desk_put(row, "ins", "%s", terminal->ins);
	desk_put(row, "st", "%s", st);
}

/* Arrivals do not go back. */
static inline void desk_times(struct desk *desk, struct desk_row *row, int64_t at_ms)
{
	int64_t t = at_ms + 15 + (int64_t)desk_exp(&desk->rng, 8);
	desk->arrived_ms = t > desk->arrived_ms ? t : desk->arrived_ms;
	desk_put(row, "t", "%" PRId64, desk->arrived_ms);
}

static inline void desk_refused(struct desk *desk, struct desk_row *row,
				const struct desk_order *order)
{
	static const struct {
		int code;
		const char *why;
	} reasons[] = { { 10019, "no money" },
			{ 10018, "Market closed" },
			{ 10016, "Invalid stops" } };
	uint64_t reason = rng_below(&desk->rng, 3);
	desk_ids(desk, row, order, 0, "fail");
	desk_put(row, "rc", "%d", reasons[reason].code);
	desk_put(row, "sym", "%s", desk->symbols[order->symbol].name);
	desk_decimal(row, "vol", desk->terminal[order->terminal].lots, 2);
	desk_put(row, "ex", "%" PRId64, order->at_ms - order->sent_ms);
	desk_put(row, "try", "1");
	desk_put(row, "why", "%s", reasons[reason].why);
	desk_times(desk, row, order->at_ms);
}

static inline void desk_fill(struct desk *desk, struct desk_row *row,
			     const struct desk_order *order)
{
	struct rng *rng = &desk->rng;
	struct desk_terminal *terminal = &desk->terminal[order->terminal];
	struct desk_broker *broker = &desk->brokers[terminal->broker];
	bool closes = (order->closes && terminal->count > 0) || terminal->count == DESK_POSITIONS;
	uint32_t which = closes ? (uint32_t)rng_below(rng, terminal->count) : terminal->count;
	struct desk_position *position = &terminal->positions[which];
	int64_t ticket = desk_take_ticket(rng, &broker->order, desk->others);
	int64_t deal = desk_take_ticket(rng, &broker->deal, desk->others), pnl = 0, slip = 0;
	if (!closes)
		*position = (struct desk_position){ .ticket = ticket,
						    .symbol = order->symbol,
						    .sell = order->sell,
						    .volume = (int64_t)((double)terminal->lots *
									order->factor) };
	const struct desk_symbol *symbol = &desk->symbols[position->symbol];
	bool sell = position->sell != closes;
	int64_t asked = symbol->price + (sell ? 0 : symbol->spread);
	if (rng_below(rng, 5) < 2)
		slip = (int64_t)(desk_normal(rng) * 1.5 * (symbol->spread / 4.0 + 1));
	int64_t price = asked + (sell ? -slip : slip);
	if (closes)
		pnl = desk_pnl(symbol, position, price);
	else
		position->open = price;
	desk_ids(desk, row, order, deal, "done");
	desk_put(row, "rc", "10009");
	desk_put(row, "ord", "%" PRId64, ticket);
	desk_put(row, "deal", "%" PRId64, deal);
	desk_put(row, "pos", "%" PRId64, position->ticket);
	desk_put(row, "sym", "%s", symbol->name);
	desk_put(row, "sd", "%s", sell ? "sell" : "buy");
	desk_decimal(row, "vol", position->volume, 2);
	desk_decimal(row, "rq", asked, symbol->digits);
	desk_decimal(row, "px", price, symbol->digits);
	desk_decimal(row, "slp", slip * 10, 1);
	desk_money(row, symbol->commission * position->volume / 100,
		   closes && rng_below(rng, 8) == 0 ? -(int64_t)rng_below(rng, 900) : 0, pnl);
	desk_put(row, "ex", "%" PRId64, order->at_ms - order->sent_ms);
	desk_put(row, "sv", "%" PRId64, order->at_ms - 5 + broker->zone_ms);
	desk_put(row, "try", "1");
	desk_times(desk, row, order->at_ms);
	if (closes)
		*position = terminal->positions[--terminal->count];
	else
		terminal->count++;
}

/* A stop that was hit, or somebody's own trade, or a deposit. */
static inline bool desk_deal(struct desk *desk, struct desk_row *row, int64_t at_ms)
{
	struct rng *rng = &desk->rng;
	struct desk_terminal *terminal = &desk->terminal[rng_below(rng, desk->terminals)];
	struct desk_broker *broker = &desk->brokers[terminal->broker];
	if (!terminal->count)
		return false;
	bool stop = rng_below(rng, 3) > 0;
	struct desk_position *position = &terminal->positions[rng_below(rng, terminal->count)];
	const struct desk_symbol *symbol = &desk->symbols[position->symbol];
	int64_t deal = desk_take_ticket(rng, &broker->deal, desk->others);
	int64_t level = symbol->price, slip = rng_below(rng, 3) ? 0 : (int64_t)rng_below(rng, 4);
	int64_t price = level + (position->sell ? slip : -slip);
	bool profit = desk_pnl(symbol, position, price) > 0;
	desk_put(row, "rid", "deal:%s:%" PRId64 ":%" PRId64, broker->server, terminal->login, deal);
	desk_put(row, "ins", "%s", terminal->ins);
	desk_put(row, "st", "done");
	desk_put(row, "deal", "%" PRId64, deal);
	desk_put(row, "ord", "%" PRId64, desk_take_ticket(rng, &broker->order, desk->others));
	desk_put(row, "pos", "%" PRId64, position->ticket);
	desk_put(row, "sym", "%s", symbol->name);
	desk_put(row, "sd", "%s", position->sell ? "buy" : "sell");
	desk_decimal(row, "vol", position->volume, 2);
	if (stop) {
		desk_decimal(row, "rq", level, symbol->digits);
		desk_decimal(row, "slp", slip * 10, 1);
		desk_put(row, "cm", "[%s ", profit ? "tp" : "sl");
		size_t cm = desk_field(row, "cm"), rq = desk_field(row, "rq");
		desk_put(row, "cm", "%.*s%.*s]", STR_ARG(row->values[cm]),
			 STR_ARG(row->values[rq]));
	}
	desk_decimal(row, "px", price, symbol->digits);
	desk_money(row, symbol->commission * position->volume / 100, 0,
		   desk_pnl(symbol, position, price));
	desk_put(row, "sv", "%" PRId64, at_ms - 5 + broker->zone_ms);
	desk_put(row, "en", "out");
	desk_put(row, "rs", "%s", stop ? profit ? "tp" : "sl" : "client");
	desk_put(row, "mg", "%d", stop ? 7700 + (int)(position->ticket % 3) : 0);
	desk_times(desk, row, at_ms);
	*position = terminal->positions[--terminal->count];
	return true;
}

/* The next result that arrives. */
static inline void desk_result(struct desk *desk, struct desk_row *row)
{
	desk_clear(row, ENTRIES_RESULTS);
	while (!desk->pending_count || desk->pending[0].at_ms > desk->signal_ms) {
		desk->signal_ms += (int64_t)desk_exp(&desk->rng, desk->mean_ms);
		desk_signal(desk);
	}
	struct desk_order order = desk->pending[0];
	desk->now_ms = order.at_ms;
	desk_walk(desk, desk->now_ms);
	if (rng_below(&desk->rng, 12) == 0 && desk_deal(desk, row, desk->now_ms))
		return;
	desk->pending_count--;
	memmove(desk->pending, desk->pending + 1, desk->pending_count * sizeof *desk->pending);
	if (rng_below(&desk->rng, 25) == 0)
		desk_refused(desk, row, &order);
	else
		desk_fill(desk, row, &order);
}

/* A producer's next signal. */
static inline void desk_order_signal(struct desk *desk, struct desk_row *row)
{
	struct rng *rng = &desk->rng;
	uint32_t strategy = (uint32_t)rng_below(rng, desk->strategies);
	const struct desk_symbol *symbol = &desk->symbols[strategy % DESK_SYMBOLS];
	bool sell = rng_below(rng, 2);
	desk_clear(row, ENTRIES_SIGNALS);
	desk->signal_ms += 1 + (int64_t)desk_exp(rng, desk->mean_ms);
	desk_walk(desk, desk->signal_ms);
	desk_put(row, "id", "strat%02u-%08" PRIu64, strategy, desk->number[strategy]++);
	if (strategy % 3 == 0)
		desk_put(row, "to", "group:desk%u", strategy % 2);
	else
		desk_put(row, "to", "%s", desk->terminal[rng_below(rng, desk->terminals)].ins);
	desk_put(row, "exp", "%" PRId64, desk->signal_ms + 30000);
	if (rng_below(rng, 3) == 0) {
		desk_put(row, "act", "close");
		desk_put(row, "pos", "%" PRId64,
			 desk_take_ticket(rng, &desk->brokers[0].order, 99));
		return;
	}
	desk_put(row, "act", "open");
	desk_put(row, "sym", "%s", symbol->name);
	desk_put(row, "sd", "%s", sell ? "sell" : "buy");
	desk_decimal(row, "vol", (int64_t[]){ 1, 5, 10, 50 }[rng_below(rng, 4)], 2);
	desk_decimal(row, "sl", symbol->price + (sell ? 300 : -300), symbol->digits);
	desk_decimal(row, "tp", symbol->price + (sell ? -600 : 600), symbol->digits);
}

/* Bytes of names and values as plain fields. */
static inline size_t desk_plain_bytes(const struct desk_row *row)
{
	size_t count, bytes = 0;
	const struct str *names = entries_fields(row->table, &count);
	for (size_t i = 0; i < count; i++)
		bytes += row->values[i].ptr ? names[i].len + row->values[i].len : 0;
	return bytes;
}
