#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "store/market_outputs_impl.h"

/* ---- commands ---- */

void command_begin(struct command *command)
{
	command->text = buf_over(command->storage, sizeof command->storage);
	command->argc = 0;
}

/* The words that were put stay where they are: the storage is fixed. */
static void end_word(struct command *command, size_t from)
{
	CHECK(command->argc < OUTPUTS_ARGS_MAX && !command->text.overflow);
	command->argv[command->argc++] =
	    str_make(command->text.ptr + from, command->text.len - from);
}

void command_word(struct command *command, struct str word)
{
	size_t from = command->text.len;
	buf_str_put(&command->text, word);
	end_word(command, from);
}

void command_i64(struct command *command, int64_t value)
{
	size_t from = command->text.len;
	buf_i64(&command->text, value);
	end_word(command, from);
}

void command_field(struct command *command, const char *field, i128 mantissa, int32_t scale)
{
	command_word(command, str_of(field));
	size_t from = command->text.len;
	decimal_print_trim(&command->text, mantissa, scale);
	end_word(command, from);
}

void command_field_i64(struct command *command, const char *field, int64_t value)
{
	command_word(command, str_of(field));
	command_i64(command, value);
}

/* ---- sending ---- */

static void drain_step(struct market_outputs *outputs)
{
	if (outputs->under_way > 0 || !outputs->drained)
		return;
	void (*done)(void *ctx, enum status status) = outputs->drained;
	outputs->drained = NULL;
	done(outputs->drain_ctx, outputs->drain_status);
}

static void on_reply(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct market_outputs *outputs = ctx;
	(void)reply;
	outputs->under_way--;
	if (status) {
		outputs->counts.failed++;
		outputs->drain_status = status;
	}
	drain_step(outputs);
}

bool outputs_send(struct market_outputs *outputs, const struct command *command)
{
	enum status status =
	    redis_command(outputs->redis, command->argv, command->argc, on_reply, outputs);
	if (status) {
		outputs->counts.dropped++;
		return false;
	}
	outputs->counts.commands++;
	outputs->under_way++;
	return true;
}

bool outputs_may(struct market_outputs *outputs)
{
	return outputs->live && !outputs->shed &&
	       redis_pending_bytes(outputs->redis) < OUTPUTS_PENDING_BYTES;
}

/* All four or none: a hash without its TTL would stay for ever. */
void outputs_send_hash(struct market_outputs *outputs, const struct command *hset, struct str key,
		       int64_t ttl_s)
{
	struct command command;
	command_begin(&command);
	command_word(&command, STR("MULTI"));
	if (!outputs_send(outputs, &command))
		return;
	bool queued = outputs_send(outputs, hset);
	command_begin(&command);
	command_word(&command, STR("EXPIRE"));
	command_word(&command, key);
	command_i64(&command, ttl_s);
	queued = queued && outputs_send(outputs, &command);
	command_begin(&command);
	command_word(&command, queued ? STR("EXEC") : STR("DISCARD"));
	outputs_send(outputs, &command);
}

/* ---- slots ---- */

int64_t outputs_now_ms(const struct market_outputs *outputs)
{
	return clock_wall_ns(outputs->clock) / 1000000;
}

static struct symbol_slot *symbol_slot(struct market_outputs *outputs, const char *symbol)
{
	for (size_t i = 0; i < outputs->n_symbols; i++)
		if (strcmp(outputs->symbols[i].symbol, symbol) == 0)
			return &outputs->symbols[i];
	CHECK(outputs->n_symbols < OUTPUTS_SLOTS); /* not more symbols than markets */
	struct symbol_slot *slot = &outputs->symbols[outputs->n_symbols++];
	memcpy(slot->symbol, symbol, sizeof slot->symbol);
	return slot;
}

static size_t place_of(const struct market *market)
{
	return ((uintptr_t)market >> 6) * 0x9E3779B97F4A7C15u >> 54;
}

/* Made at the first sight of a market; NULL when there is no memory for it. */
struct outputs_slot *outputs_slot(struct market_outputs *outputs, struct market *market)
{
	_Static_assert(OUTPUTS_TABLE == 1 << (64 - 54), "place_of gives ten bits");
	size_t at = place_of(market);
	for (; outputs->table[at]; at = (at + 1) % OUTPUTS_TABLE)
		if (outputs->table[at]->market == market)
			return outputs->table[at];
	struct outputs_slot *slot = calloc(1, sizeof *slot);
	if (!slot)
		return NULL;
	CHECK(outputs->n_slots < OUTPUTS_SLOTS);
	slot->market = market;
	slot->symbol = symbol_slot(outputs, market_id(market)->symbol);
	outputs->table[at] = slot;
	outputs->slots[outputs->n_slots++] = slot;
	return slot;
}

/* ---- time ---- */

static void arm(struct market_outputs *outputs, struct timer *timer, int64_t ms)
{
	timers_arm(outputs->timers, timer, clock_monotonic_ns(outputs->clock) + ms * 1000000);
}

static void on_live_timer(void *ctx)
{
	struct market_outputs *outputs = ctx;
	for (size_t i = 0; i < outputs->n_slots; i++)
		outputs_flush_trades(outputs, outputs->slots[i]);
	for (size_t i = 0; i < outputs->n_symbols; i++)
		outputs_write_aggressor(outputs, &outputs->symbols[i]);
	arm(outputs, &outputs->live_timer, OUTPUTS_AGGRESSOR_MS);
}

static void write_states(struct market_outputs *outputs)
{
	for (size_t i = 0; i < markets_count(outputs->markets); i++) {
		struct outputs_slot *slot = outputs_slot(outputs, markets_at(outputs->markets, i));
		if (!slot)
			continue;
		outputs_write_samples(outputs, slot);
		if (outputs_may(outputs))
			outputs_write_market(outputs, slot);
	}
	for (size_t i = 0; i < outputs->n_symbols && outputs_may(outputs); i++)
		outputs_write_delta(outputs, &outputs->symbols[i]);
}

static void on_state_timer(void *ctx)
{
	struct market_outputs *outputs = ctx;
	if (!outputs->restore)
		write_states(outputs);
	arm(outputs, &outputs->state_timer, OUTPUTS_STATE_MS);
}

/* ---- life ---- */

struct market_outputs *market_outputs_create(struct redis_port *redis, struct markets *markets,
					     struct timers *timers, const struct clock_port *clock,
					     const struct market_outputs_config *config)
{
	struct market_outputs *outputs = calloc(1, sizeof *outputs);
	if (!outputs)
		return NULL;
	outputs->redis = redis;
	outputs->markets = markets;
	outputs->timers = timers;
	outputs->clock = clock;
	outputs->live = config->live;
	outputs->live_timer = (struct timer){ .fn = on_live_timer, .ctx = outputs };
	outputs->state_timer = (struct timer){ .fn = on_state_timer, .ctx = outputs };
	buf_init(&outputs->value, SERIES_PACKED_MAX);
	return outputs;
}

void market_outputs_start(struct market_outputs *outputs)
{
	arm(outputs, &outputs->live_timer, OUTPUTS_AGGRESSOR_MS);
	arm(outputs, &outputs->state_timer, OUTPUTS_STATE_MS);
}

void market_outputs_destroy(struct market_outputs *outputs)
{
	if (!outputs)
		return;
	timers_cancel(outputs->timers, &outputs->live_timer);
	timers_cancel(outputs->timers, &outputs->state_timer);
	for (size_t i = 0; i < outputs->n_slots; i++)
		free(outputs->slots[i]);
	buf_deinit(&outputs->value);
	free(outputs->restore);
	free(outputs);
}

void market_outputs_set_live(struct market_outputs *outputs, bool live) { outputs->live = live; }

void market_outputs_shed(struct market_outputs *outputs, bool shed) { outputs->shed = shed; }

void market_outputs_drain(struct market_outputs *outputs,
			  void (*done)(void *ctx, enum status status), void *ctx)
{
	timers_cancel(outputs->timers, &outputs->live_timer);
	timers_cancel(outputs->timers, &outputs->state_timer);
	outputs->drain_status = STATUS_OK;
	outputs->drained = done;
	outputs->drain_ctx = ctx;
	for (size_t i = 0; i < outputs->n_slots; i++)
		outputs_write_samples(outputs, outputs->slots[i]);
	drain_step(outputs);
}

const struct market_outputs_counts *market_outputs_counts(const struct market_outputs *outputs)
{
	return &outputs->counts;
}
