/* market_outputs_impl.h - shared by market_outputs*.c only. */
#pragma once

#include "def/keys.h"
#include "store/market_outputs.h"

enum {
	OUTPUTS_SLOTS = MARKETS_MAX,
	OUTPUTS_TABLE = 1024,            /* places of the table by market; a power of two */
	OUTPUTS_PENDING_BYTES = 4 << 20, /* more than this under way: live outputs are dropped */
	OUTPUTS_LIVE_AGE_MS = 60000,     /* an older trade is history, not live */
	OUTPUTS_COMMAND_BYTES = 4096,
	OUTPUTS_ARGS_MAX = 64,
	OUTPUTS_TRIM = 10,  /* part of the live streams that is left */
	OUTPUTS_SCALE = 16, /* sums over markets: units × 10^16 */
};

struct symbol_slot { /* of all venues */
	char symbol[SYMBOL_MAX + 1];
	i128 buy, sell, buy_quote, sell_quote; /* since the last aggressor entry, × 10^16 */
	uint64_t n;
	int64_t newest_ms;  /* of the markets in it */
	int64_t written_ms; /* newest_ms when delta_state was written; TTL counts from … */
	int64_t renewed_ns; /* … here */
};

struct outputs_slot {
	struct market *market;
	struct symbol_slot *symbol;
	struct trade batch[OUTPUTS_BATCH_TRADES];
	int32_t price_scale, qty_scale; /* of the batch */
	uint32_t n_batch;
	int64_t written_ms, renewed_ns; /* as the symbol's, of market:{} */
	int64_t oi_sent_ms;
	struct funding_state funding_sent;
	int64_t bars_sent_ms[SERIES_TIMEFRAMES_MAX];
	size_t bars_sent[SERIES_TIMEFRAMES_MAX]; /* how many there were */
};

struct market_outputs {
	struct redis_port *redis;
	struct markets *markets;
	struct timers *timers;
	const struct clock_port *clock;
	bool live, shed;
	struct timer live_timer, state_timer;
	struct outputs_slot *table[OUTPUTS_TABLE];
	struct outputs_slot *slots[OUTPUTS_SLOTS];
	size_t n_slots;
	struct symbol_slot symbols[OUTPUTS_SLOTS];
	size_t n_symbols;
	uint64_t under_way; /* commands without their reply */
	struct market_outputs_counts counts;
	void (*drained)(void *ctx, enum status status);
	void *drain_ctx;
	enum status drain_status;
	struct outputs_restore *restore;
	struct buf value; /* packed bars */
};

/* A command being built: words in one storage. */
struct command {
	char storage[OUTPUTS_COMMAND_BYTES];
	struct buf text;
	struct str argv[OUTPUTS_ARGS_MAX];
	size_t argc;
};

void command_begin(struct command *command);
void command_word(struct command *command, struct str word);
void command_i64(struct command *command, int64_t value);
/* A field and its value, trailing zeros dropped. */
void command_field(struct command *command, const char *field, i128 mantissa, int32_t scale);
void command_field_i64(struct command *command, const char *field, int64_t value);
/* False: refused, and counted. */
bool outputs_send(struct market_outputs *outputs, const struct command *command);
/* Whether live outputs may be written now. */
bool outputs_may(struct market_outputs *outputs);
/* HSET and its EXPIRE in one transaction. */
void outputs_send_hash(struct market_outputs *outputs, const struct command *hset, struct str key,
		       int64_t ttl_s);

int64_t outputs_now_ms(const struct market_outputs *outputs);
struct outputs_slot *outputs_slot(struct market_outputs *outputs, struct market *market);

/* market_outputs_live.c */
void outputs_flush_trades(struct market_outputs *outputs, struct outputs_slot *slot);
void outputs_write_aggressor(struct market_outputs *outputs, struct symbol_slot *symbol);
void outputs_write_market(struct market_outputs *outputs, struct outputs_slot *slot);
void outputs_write_delta(struct market_outputs *outputs, struct symbol_slot *symbol);
/* market_outputs_samples.c */
void outputs_write_samples(struct market_outputs *outputs, struct outputs_slot *slot);
