/* broker_impl.h - the account's insides; broker*.c only. */
#pragma once

#include "base/check.h"
#include "sim/broker.h"
#include "sim/chance.h"

enum { BROKER_CODES_MAX = 24, BROKER_NS_PER_MS = 1000000 };
#define BROKER_SECOND_NS 1000000000

/* What a request is going to meet, drawn when it is sent. */
enum broker_fate {
	FATE_EXECUTE,
	FATE_REFUSE,  /* with `code` */
	FATE_TIMEOUT, /* 10012; executed when `executes` */
	FATE_SILENCE, /* no reply; likewise */
	FATE_PLACED,  /* 10008, then the deal */
};

struct broker_slot {
	uint64_t id; /* 0: free */
	struct broker_request request;
	enum broker_fate fate;
	bool executes, executed, replied, lost, forgotten;
	uint32_t code;
	int64_t sent_ns, reach_ns, execute_ns, reply_ns;
	struct broker_reply reply;
};

struct broker_pending {
	uint64_t ticket, magic;
	enum broker_pending_type type;
	enum broker_side side;
	int symbol;
	int64_t volume, price, limit, sl, tp;
};

struct broker_code {
	uint32_t code;
	double share;
};

struct broker {
	const struct sim_settings *settings;
	struct prices *prices;
	struct rng rng, own_rng;
	void (*on_fact)(void *ctx, const struct broker_fact *fact);
	void *ctx;

	int64_t now_ns;
	bool trading, connected;
	int64_t own_ns, balance_op_ns, drop_ns; /* next; INT64_MAX: never */
	int64_t down_ns, up_ns;                 /* the last time without a link, or this one */
	int64_t second_ns, rollover_ns;         /* next look at prices, next swap */

	int64_t balance;
	uint64_t next_order, next_deal, next_request;

	struct broker_position *positions;
	size_t position_count, position_room;
	struct broker_pending *pending;
	size_t pending_count, pending_room;
	struct broker_slot *slots; /* made with the first request */
	size_t slots_used;

	struct broker_deal *deals; /* a ring; room is a power of two */
	uint64_t deal_first, deal_end, deal_known;
	uint64_t deal_seen; /* those before it have reached the terminal */
	size_t deal_room;

	struct broker_change changes[BROKER_CHANGES_MAX];
	size_t change_count;
	bool change_overflow;

	struct broker_code codes[BROKER_CODES_MAX];
	size_t code_count;
	struct broker_counts counts;
};

/* ---- broker.c ---- */

int64_t broker_half_ping_ns(const struct broker *broker);
int64_t broker_price(struct broker *broker, int symbol, enum broker_side side, int64_t now_ns);
/* Points with a sign: positive is profit. */
int64_t broker_gain(const struct broker_position *position, int64_t price);
int64_t broker_money(int symbol, int64_t points, int64_t volume);

/* ---- broker_requests.c ---- */

MUST_CHECK enum status broker_parse_codes(struct broker *broker, struct err *err);
int64_t broker_slots_next_ns(const struct broker *broker); /* execution */
int64_t broker_replies_next_ns(const struct broker *broker);
void broker_run_slots(struct broker *broker, int64_t at_ns);

/* ---- broker_execute.c ---- */

/* Returns the code and fills the reply's order, position and deals. */
uint32_t broker_execute(struct broker *broker, struct broker_slot *slot, int64_t at_ns);

/* ---- broker_positions.c ---- */

/* What a deal is made of besides the position it is about. */
struct broker_cause {
	uint64_t order, magic;
	int64_t at_ns, sent_ns;
	int64_t price, asked, level;
	enum broker_reason reason;
	uint64_t sid; /* for the truth */
};
struct broker_position *broker_find(struct broker *broker, uint64_t ticket);
/* Opens, or on a netting account adds, reduces, reverses. The position's identifier; 0: no
 * room or no memory. */
uint64_t broker_deal_in(struct broker *broker, const struct broker_cause *cause, int symbol,
			enum broker_side side, int64_t volume, int64_t sl, int64_t tp);
/* Closes volume of it; entry is OUT or OUT_BY. */
void broker_deal_out(struct broker *broker, const struct broker_cause *cause,
		     struct broker_position *position, int64_t volume, enum broker_entry entry);
void broker_note_change(struct broker *broker, uint64_t ticket, enum broker_change_kind kind);
int64_t broker_margin(struct broker *broker, int symbol, int64_t volume, int64_t now_ns);

/* ---- broker_own.c: what happens by itself ---- */

void broker_own_trade(struct broker *broker, int64_t at_ns);
void broker_balance_operation(struct broker *broker, int64_t at_ns);
void broker_deposit(struct broker *broker, int64_t at_ns, int64_t cents);
void broker_look_at_prices(struct broker *broker, int64_t at_ns);
void broker_roll_over(struct broker *broker);

/* ---- broker_history.c ---- */

/* Numbers it; false: no memory for it (it is counted as lost). */
bool broker_add_deal(struct broker *broker, struct broker_deal *deal);
void broker_tell(struct broker *broker, const struct broker_cause *cause,
		 const struct broker_deal *deal);
