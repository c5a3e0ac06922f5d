/* account_store_impl.h - shared by account_store*.c only. */
#pragma once

#include "codec/closed.h"
#include "def/keys.h"
#include "store/account_store.h"
#include "store/command_pipe.h"
#include "store/store_format.h"

enum {
	ACCOUNT_PHASES = 50,    /* a second is spread over so many turns */
	ACCOUNT_QUIET_MAX = 32, /* positions whose price moved in a second; more: all of them */
	ACCOUNT_BROKER_MAX = 63,
	ACCOUNT_QUOTE_SLOTS = 2 * ACCOUNT_STORE_QUOTES,
	ACCOUNT_READS = 16, /* terminals whose positions are read at a time, at the start */
	ACCOUNT_TRADE_PLACES = 2 * ACCOUNT_STORE_TRADES,
	ACCOUNT_DEALS_KNOWN = 12,  /* tickets of a position's newest deals */
	ACCOUNT_UNHELD_MS = 10000, /* a position with a deal should be told of by then */
	ACCOUNT_MOVES_AT_ONCE = 100,
	ACCOUNT_ASKED = 1024, /* keys of a sweep that are looked into; a page has about 512 */
};

/* What the deals of a position add up to, in 10^-8; and what is known of how it was opened. */
struct account_trade {
	bool used, closed;
	bool unheld; /* the terminal has not told of the position yet */
	bool partly; /* the order has more to come */
	bool sell, has_requested, has_slippage, has_latency;
	uint8_t known_count;
	char instance[INSTANCE_NAME_MAX + 1];
	char symbol[POSITION_SYMBOL_MAX + 1];
	uint64_t position;
	int64_t volume_in, volume_out;
	i128 value_in, value_out; /* volume × price, 10^-16 */
	int64_t commission, swap, fee, profit;
	struct number requested, slippage;
	int64_t latency_ms, deal_ms;
	int64_t made_ms;
	uint64_t newest, below; /* tickets up to below count as known */
	uint64_t known[ACCOUNT_DEALS_KNOWN];
};

enum account_move_state { MOVE_NONE, MOVE_WAITS, MOVE_READING, MOVE_READY, MOVE_SENT };

/* A trade on its way into the stream. */
struct account_move {
	struct account_store *store;
	enum account_move_state state;
	int64_t due_ns; /* WAITS: its hash is read then */
	char instance[INSTANCE_NAME_MAX + 1];
	struct closed_account account;
	struct closed_trade trade;
};

/* A trade_state that a sweep looks into. */
struct account_asked {
	struct account_store *store; /* NULL: the place is free */
	char instance[INSTANCE_NAME_MAX + 1];
	uint64_t position;
};

/* The one stream that is being written. */
struct account_chunk {
	bool busy, heal;
	bool top_is_known, replaces; /* replaces: the newest entry is written anew */
	char instance[INSTANCE_NAME_MAX + 1];
	struct closed_account account;
	struct stream_id top, entry;
	uint32_t count, kept; /* kept: of them were in the entry */
	struct closed_trade trades[CLOSED_CHUNK_TRADES];
	char bytes[CLOSED_CHUNK_BYTES];
};

/* A terminal, by its slot. */
/* The write of a position that is being timed; others of the terminal meanwhile are not. */
struct account_timing {
	uint32_t sent, answered; /* transactions of positions */
	uint32_t number;         /* the one that is timed; 0: none was sent */
	bool began;
	uint64_t position;
	int64_t began_ns, sent_ns;
};

struct account_row {
	struct account_store *store;
	uint32_t slot;
	uint32_t replies_due;
	bool account_due;     /* the newest account has not been written */
	bool forgotten;       /* a terminal of this slot was; its account may still be there */
	bool positions_wrong; /* what the server holds of its positions is not known */
	bool heal;            /* something else stands in the place of its keys */
	bool reading;         /* its index is being read … */
	bool stale;           /* … for the terminal that had the slot before */
	bool quiet_all;
	uint32_t quiet_count;
	uint32_t unheld;      /* positions with deals that the terminal has not told of … */
	int64_t unheld_ms;    /* … the newest since then */
	int64_t account_ms;   /* when its account was told */
	uint64_t server_hash; /* of the broker that it was told at */
	uint64_t quiet[ACCOUNT_QUIET_MAX];
	struct account_timing timing;
};

/* A symbol at a broker. */
struct account_quote {
	struct account_store *store;
	bool used, dirty, heal;
	bool flying; /* a reply is awaited */
	bool has_spread, has_digits;
	char broker[ACCOUNT_BROKER_MAX + 1];
	char symbol[POSITION_SYMBOL_MAX + 1];
	char state[8]; /* "" not told */
	struct number bid, ask, spread;
	int64_t digits;
	int64_t ms; /* told */
};

struct account_store {
	struct command_pipe pipe;
	struct fleet *fleet;
	struct timers *timers;
	const struct clock_port *clock;
	struct timer timer;
	int64_t next_ns; /* of the phases */
	uint32_t phase;
	int64_t again_ns; /* everything is written once more then */
	bool started;
	uint32_t room;
	struct account_row *rows;
	struct account_quote *quotes;
	uint16_t *quote_index; /* open addressing: place among the quotes + 1; 0 free */
	uint32_t quotes_used, quotes_end;
	bool quotes_unused;   /* some may be of a broker that no terminal has any more */
	bool sweep, sweeping; /* all keys are to be looked at, are being */
	struct account_trade *trades;
	uint32_t *trade_index;                         /* as the quotes' */
	uint32_t trades_used, trades_end, trades_free; /* free: place + 1 of a chain by `below` */
	struct account_move *moves;
	uint32_t moves_used;
	bool moves_left_out; /* some are to be found again when there is room */
	struct account_chunk *chunk;
	struct account_asked *asked;
	bool without_archive;
	void (*on_closed_found)(void *ctx, struct str instance, uint64_t position);
	void *closed_ctx;
	struct account_store_counts counts;
	struct account_watch watch; /* on_update NULL: nobody measures */
	/* restore and drain */
	void (*restored)(void *ctx, enum status status, const char *why);
	void (*drained)(void *ctx, enum status status);
	void *ctx;
	uint32_t next_slot; /* the next one to be read, or to be written */
	uint32_t reads;     /* indexes under way */
	size_t waited;
	enum status status;
	const char *why;
};

static inline int64_t account_wall_ms(const struct account_store *store)
{
	return clock_wall_ns(store->clock) / 1000000;
}

/* ---- account_store.c ---- */

/* Of every reply that is not OK, and of every command that could not be sent. */
void account_note(struct account_store *store, enum status status);
void account_settle(struct account_store *store); /* last of every reply */
/* pipe.text, with a reply of the row's. */
MUST_CHECK enum status account_send(struct account_row *row, redis_reply_fn fn);
void account_answered(struct account_row *row, enum status status);

/* ---- account_store_positions.c ---- */

uint64_t position_key(const struct position *position);
/* The position of that identifier in the fleet; NULL. */
const struct position *account_held(const struct instance *instance, uint64_t id);
void account_positions_second(struct account_row *row, const struct instance *instance);
void account_positions_forget(struct account_row *row);

/* ---- account_store_quotes.c ---- */

void account_quotes_write(struct account_store *store, uint32_t from, uint32_t step);
void account_quotes_doubt(struct account_store *store); /* all are written again */
void account_quotes_drop_unused(struct account_store *store);
bool account_broker_is_used(const struct account_store *store, struct str broker);

/* ---- account_store_trades.c ---- */

struct account_trade *account_trade_find(const struct account_store *store, struct str instance,
					 uint64_t position);
/* NULL: too many, counted. */
struct account_trade *account_trade_add(struct account_store *store, struct str instance,
					uint64_t position);
void account_trade_remove(struct account_store *store, struct account_trade *trade);
/* Those of its open positions. */
void account_trades_forget(struct account_store *store, struct str instance);
/* Fields of an HSET: what its deals say (trade may be NULL); the volume and price that a
 * position would tell; what they say when the trade is closed; its end (NULL too). */
void account_trade_put(struct command_text *command, const struct account_trade *trade);
void account_trade_put_opening(struct command_text *command, const struct account_trade *trade);
void account_trade_put_late(struct command_text *command, const struct account_trade *trade);
void account_trade_put_end(struct account_store *store, const struct account_trade *trade);
/* A field of a hash that account_trade_put wrote; *taken: it is one. False: damaged. */
bool account_trade_take(struct account_trade *trade, struct str name, struct str value,
			bool *taken);
/* The terminal told of the position. */
void account_trade_is_held(struct account_row *row, struct account_trade *trade);
/* It may still tell of it. */
bool account_trade_is_young(const struct account_store *store, const struct account_trade *trade);

/* ---- account_store_positions.c, for trades ---- */

void account_write_trade(struct account_row *row, const struct instance *instance,
			 struct account_trade *trade);

/* ---- account_store_moves.c ---- */

/* The trade's hash says closed (or will): the archive is asked for it, or it moves. */
void account_closed(struct account_store *store, struct str instance, uint64_t position,
		    bool found);
void account_moves_step(struct account_store *store);
bool account_is_open(const struct account_store *store, struct str instance, uint64_t position);
void account_move_begin_state(struct account_store *store, struct str verb,
			      const struct account_move *move);
void account_move_end(struct account_move *move);

/* ---- account_store_closed.c ---- */

/* The first that is ready, and all that go with it; a reply brings the next. */
void account_moves_write(struct account_store *store);
bool account_moves_may_go(const struct account_store *store);

/* ---- account_store_hash.c ---- */

/* A closed trade as its hash tells it, HGETALL's reply. NOT_FOUND: it is not closed or not
 * there. FORMAT: it tells of no trade. */
MUST_CHECK enum status account_hash_read(const struct account_store *store,
					 const struct redis_reply *reply,
					 struct account_move *move);
void account_move_of_sum(struct account_move *move, const struct trade_sum *sum);

/* ---- account_store_sweep.c ---- */

/* Removes keys of terminals and of brokers that the fleet does not know, but closed trades,
 * which are told. */
void account_sweep(struct account_store *store);

/* ---- account_store_watch.c ---- */

/* A position's state is about to be written; its transaction was sent; was answered. */
void account_watch_begin(struct account_row *row, const struct instance *instance, uint64_t id);
void account_watch_sent(struct account_row *row);
void account_watch_answered(struct account_row *row, enum status status);
void account_watch_quiet(struct account_row *row, const struct instance *instance, uint64_t id);
int64_t account_precise_ns(const struct account_store *store); /* 0: nobody measures */
void account_watch_read(struct account_row *row, uint64_t id, int64_t sent_ns);

/* ---- account_store_restore.c ---- */

void account_restore_more(struct account_store *store);
