/* broker.h - one trading account as its broker's server keeps it.
 *
 * What a terminal can do over its link: send requests and get replies with MetaTrader's
 * return codes a latency later, look at positions, pending orders, the history of deals
 * and the account's figures. What happens by itself: own trading (a trader, or another
 * expert), stop losses and take profits, pending orders that are reached, stop-out, swap,
 * deposits and withdrawals, and a link that breaks. The account goes on while nobody
 * looks. Hedging: a position for each opening deal; netting: one a symbol, which is
 * reduced and reversed.
 *
 * Times are unix ns as told; volumes 1/100 lot, prices points, money cents (1/100 of the
 * currency). A request is executed at most BROKER_LATENCY_NS_MAX after it was sent, or
 * never: so whoever looks into the history later than that knows. What a request becomes
 * depends on the seed and the order of requests alone.
 *
 * Bounds: BROKER_POSITIONS_MAX (10040), BROKER_PENDING_MAX (10033), BROKER_REQUESTS_MAX
 * under way (send gives 0), deals that nobody acknowledged BROKER_HISTORY_MAX (the oldest
 * go, counted). No I/O, no clock. One thread. */
#pragma once

#include "base/rng.h"
#include "sim/prices.h"
#include "sim/sim_scenario.h"

enum {
	BROKER_POSITIONS_MAX = 256,
	BROKER_PENDING_MAX = 64,
	BROKER_REQUESTS_MAX = 80,
	BROKER_HISTORY_MAX = 65536,
	BROKER_HISTORY_KEPT = 1024, /* acknowledged deals that stay */
	BROKER_CHANGES_MAX = 64,
	BROKER_VOLUME_MAX = 5000, /* 50 lots */
};
#define BROKER_LATENCY_NS_MAX 9000000000

enum broker_side { BROKER_BUY, BROKER_SELL };

enum broker_action {
	BROKER_OPEN,
	BROKER_CLOSE, /* volume 0: all of it */
	BROKER_CLOSE_BY,
	BROKER_CLOSE_ALL,
	BROKER_MODIFY,       /* position */
	BROKER_MODIFY_ORDER, /* pending order */
	BROKER_PEND,
	BROKER_CANCEL,
};

enum broker_pending_type { BROKER_LIMIT, BROKER_STOP, BROKER_STOP_LIMIT };

struct broker_request {
	enum broker_action action;
	enum broker_pending_type type; /* PEND */
	enum broker_side side;
	int symbol;
	uint64_t magic;
	uint64_t position, by, order;
	int64_t volume, price, limit, sl, tp;
	int64_t asked;     /* the quote when it was sent */
	int64_t deviation; /* points; negative: any */
};

struct broker_reply {
	uint64_t request;
	uint32_t code;
	uint64_t order;    /* 0: none came about */
	uint64_t position; /* identifier */
	uint32_t deals;    /* of this order, up to now */
	int64_t at_ns;
};

/* Places among the words of the deal frame in def/mfp.def. */
enum broker_deal_type { DEAL_BUY, DEAL_SELL, DEAL_BALANCE };
enum broker_entry { DEAL_IN, DEAL_OUT, DEAL_INOUT, DEAL_OUT_BY };
enum broker_reason { DEAL_CLIENT = 0, DEAL_EXPERT = 3, DEAL_SL = 4, DEAL_TP = 5, DEAL_SO = 6 };

struct broker_deal {
	uint64_t ticket, order, position, magic;
	int64_t at_ns, server_ms;
	int64_t volume, price;
	int64_t asked; /* what slippage is counted from; 0: nothing */
	int64_t level; /* stop loss or take profit that was hit; 0: none */
	int64_t commission, swap, profit;
	uint8_t symbol, type, entry, reason;
};

struct broker_position {
	uint64_t ticket, id, magic;
	int symbol;
	enum broker_side side;
	int64_t volume, open, sl, tp;
	int64_t swap;
	int64_t opened_ms; /* by the server's clock */
};

struct broker_figures {
	int64_t balance, equity, margin, free, profit, credit;
	int64_t level; /* 1/100 %; 0 without positions */
};

/* An order's outcome, for whoever keeps the truth: each deal, and each request that came
 * to an end without one (deal 0). */
struct broker_fact {
	int64_t sent_ns; /* deals without a request: when they happened */
	uint64_t sid;    /* the request's magic; 0: own trading, stops, balance … */
	uint64_t deal, position;
	int64_t volume;
};

struct broker_config {
	const struct sim_settings *settings; /* outlives the broker */
	struct prices *prices;               /* likewise; shared */
	uint64_t seed;
	int64_t start_ns;
	void (*on_fact)(void *ctx, const struct broker_fact *fact); /* NULL: nobody asks */
	void *ctx;
};

struct broker;

/* A new account whose history begins with its deposit. FORMAT: settings->codes. */
MUST_CHECK enum status broker_create(const struct broker_config *config, struct broker **broker,
				     struct err *err);
void broker_destroy(struct broker *broker);
/* Everything that is due by now_ns, in order. Times never go back. */
void broker_step(struct broker *broker, int64_t now_ns);
/* When the terminal will next be able to notice something; INT64_MAX: nothing is on its way. */
int64_t broker_next_ns(const struct broker *broker);

/* ---- what a terminal does ---- */

bool broker_connected(const struct broker *broker);
/* A number above 0; 0 when it cannot be sent (not connected, or too many under way). */
uint64_t broker_send(struct broker *broker, const struct broker_request *request, int64_t now_ns);
/* The next reply that has arrived. */
bool broker_take_reply(struct broker *broker, struct broker_reply *reply);
/* The terminal is gone: replies under way reach nobody; the requests go on. */
void broker_forget_replies(struct broker *broker);
/* Own trading stops while the terminal is down. */
void broker_set_trading(struct broker *broker, bool on);

int64_t broker_bid(struct broker *broker, int symbol, int64_t now_ns);
int64_t broker_ask(struct broker *broker, int symbol, int64_t now_ns);
int64_t broker_server_ms(const struct broker *broker, int64_t now_ns);
void broker_figures(struct broker *broker, int64_t now_ns, struct broker_figures *figures);

size_t broker_position_count(const struct broker *broker);
const struct broker_position *broker_position_at(const struct broker *broker, size_t index);
const struct broker_position *broker_position_find(const struct broker *broker, uint64_t ticket);
int64_t broker_position_profit(struct broker *broker, const struct broker_position *position,
			       int64_t now_ns);
bool broker_has_pending(const struct broker *broker, uint64_t order);

enum broker_change_kind { BROKER_NEW, BROKER_CHANGED, BROKER_GONE };
struct broker_change {
	uint64_t ticket;
	enum broker_change_kind kind;
};
/* Changes of positions since the last call, a ticket at most once; false: there were too
 * many to note, only looking at all positions helps. */
bool broker_take_changes(struct broker *broker, struct broker_change changes[BROKER_CHANGES_MAX],
			 size_t *count);

/* ---- history ---- */

/* Deals have indexes that ascend for ever, as their tickets do. First there is, and the
 * one after the last that has reached the terminal. */
uint64_t broker_deals_first(const struct broker *broker);
uint64_t broker_deals_end(const struct broker *broker);
const struct broker_deal *broker_deal(const struct broker *broker, uint64_t index);
/* Those that have not reached the terminal too. */
uint64_t broker_deals_made(const struct broker *broker);
/* Index of the first deal after this one. */
uint64_t broker_deals_after(const struct broker *broker, int64_t server_ms, uint64_t ticket);
/* Deals before index need not be kept. */
void broker_deals_known(struct broker *broker, uint64_t index);
/* The request with this magic, as a pending order or deals from since_ns on show it: false
 * when nothing does (yet). reply->request and code are 0. */
bool broker_find_magic(const struct broker *broker, uint64_t magic, int64_t since_ns,
		       struct broker_reply *reply);

struct broker_counts {
	uint64_t requests, deals, own_deals, stops_hit, link_drops, deals_lost;
};
struct broker_counts broker_counts(const struct broker *broker);
