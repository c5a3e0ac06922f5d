/* account_store_impl.h - shared by account_store*.c only. */
#pragma once

#include "def/keys.h"
#include "store/account_store.h"
#include "store/command_pipe.h"

enum {
	ACCOUNT_PHASES = 50,    /* a second is spread over so many turns */
	ACCOUNT_QUIET_MAX = 32, /* positions whose price moved in a second; more: all of them */
	ACCOUNT_BROKER_MAX = 63,
	ACCOUNT_QUOTE_SLOTS = 2 * ACCOUNT_STORE_QUOTES,
	ACCOUNT_READS = 16, /* terminals whose positions are read at a time, at the start */
};

/* A terminal, by its slot. */
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
	int64_t account_ms;   /* when its account was told */
	uint64_t server_hash; /* of the broker that it was told at */
	uint64_t quiet[ACCOUNT_QUIET_MAX];
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
	struct account_store_counts counts;
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
void account_positions_second(struct account_row *row, const struct instance *instance);
void account_positions_forget(struct account_row *row);

/* ---- account_store_quotes.c ---- */

void account_quotes_write(struct account_store *store, uint32_t from, uint32_t step);
void account_quotes_doubt(struct account_store *store); /* all are written again */
void account_quotes_drop_unused(struct account_store *store);
bool account_broker_is_used(const struct account_store *store, struct str broker);

/* ---- account_store_sweep.c ---- */

/* Removes keys of terminals and of brokers that the fleet does not know. */
void account_sweep(struct account_store *store);

/* ---- account_store_restore.c ---- */

void account_restore_more(struct account_store *store);
