#include "store/account_store.h"

#include <stdlib.h>

#include "base/check.h"
#include "store/account_store_impl.h"

static const int64_t second_ns = INT64_C(1000000000);
static const int64_t phase_ns = INT64_C(1000000000) / ACCOUNT_PHASES;
/* So long after a connection began, nothing of the one before is still on its way. */
static const int64_t straggle_ns = INT64_C(2000000000);

/* ---- replies ---- */

void account_note(struct account_store *store, enum status status)
{
	if (!status)
		return;
	store->counts.failed++;
	if (store->drained && !store->status)
		store->status = status;
}

static void drain_more(struct account_store *store);

void account_settle(struct account_store *store)
{
	command_pipe_answered(&store->pipe);
	if (!store->drained)
		return;
	drain_more(store);
	if (store->pipe.in_flight)
		return;
	void (*done)(void *ctx, enum status status) = store->drained;
	store->drained = NULL;
	done(store->ctx, store->status);
}

enum status account_send(struct account_row *row, redis_reply_fn fn)
{
	enum status status = command_pipe_send(&row->store->pipe, fn, row);
	row->replies_due += !status;
	account_note(row->store, status);
	return status;
}

void account_answered(struct account_row *row, enum status status)
{
	row->replies_due--;
	account_note(row->store, status);
	account_settle(row->store);
}

/* ---- accounts ---- */

static void on_account(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct account_row *row = ctx;
	status = command_pipe_exec(status, reply);
	row->account_due |= status != STATUS_OK;
	account_answered(row, status);
}

static void begin_account(struct account_row *row, const struct instance *instance, struct str verb)
{
	struct key key;
	command_begin(&row->store->pipe.text, verb);
	command_copy(&row->store->pipe.text,
		     key_account_state(&key, str_of(instance->identity.id)));
}

static void put_account(struct account_row *row, const struct instance *instance)
{
	static const enum sample figures[] = { SAMPLE_bal, SAMPLE_eq, SAMPLE_mar, SAMPLE_fm,
					       SAMPLE_ml,  SAMPLE_cr, SAMPLE_pl };
	struct command_text *command = &row->store->pipe.text;
	command_pair(command, STR("srv"), str_of(instance->server));
	command_pair_i64(command, STR("login"), instance->login);
	command_pair_i64(command, STR("lev"), instance->leverage);
	command_pair(command, STR("cur"), str_of(instance->currency));
	for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
		if (!(instance->latest.known >> figures[i] & 1))
			continue;
		command_word(command, str_of(sample_row(figures[i])->name));
		command_number(command, instance->latest.values[figures[i]]);
	}
	command_pair_i64(command, STR("t"), row->account_ms);
}

/* From an empty hash: a figure of the account before must not stay. One that has not been
 * told is left as the weir before wrote it, unless its terminal has been forgotten since. */
static void write_account(struct account_row *row, const struct instance *instance)
{
	struct command_pipe *pipe = &row->store->pipe;
	row->account_due = false;
	if (!row->account_ms && !row->forgotten)
		return;
	enum status status = command_pipe_begin(pipe);
	if (!status) {
		begin_account(row, instance, STR("UNLINK"));
		command_pipe_add(pipe);
		if (row->account_ms) {
			begin_account(row, instance, STR("HSET"));
			put_account(row, instance);
			row->store->counts.updates++;
			command_pipe_add(pipe);
		}
		status = command_pipe_end(pipe, on_account, row);
		row->replies_due += !status;
	}
	row->account_due = status != STATUS_OK;
	account_note(row->store, status);
}

void account_store_account(struct account_store *store, const struct instance *instance)
{
	struct account_row *row = &store->rows[instance->slot];
	uint64_t server_hash = str_hash(str_of(instance->server));
	store->quotes_unused |= row->server_hash && row->server_hash != server_hash;
	row->server_hash = server_hash;
	row->account_ms = account_wall_ms(store);
	row->account_due = true;
}

/* ---- seconds ---- */

/* One that has not been answered yet waits: what it would write is written with the next. */
static void write_second(struct account_row *row, const struct instance *instance)
{
	struct account_store *store = row->store;
	uint64_t failed = store->counts.failed;
	uint32_t due = row->replies_due;
	account_positions_second(row, instance);
	if (row->account_due)
		write_account(row, instance);
	store->counts.batches += row->replies_due > due || store->counts.failed > failed;
}

/* What a dead connection, or a dead weir, had said may reach the server after what we say
 * now. So it is said once more when all of that must have been read. */
static void doubt_all(struct account_store *store, int64_t again_ns)
{
	for (uint32_t slot = 0; slot < store->room; slot++)
		store->rows[slot].account_due = store->rows[slot].positions_wrong = true;
	account_quotes_doubt(store);
	store->sweep = true;
	store->again_ns = again_ns;
}

static void run_phase(struct account_store *store)
{
	for (uint32_t slot = store->phase; slot < store->room; slot += ACCOUNT_PHASES) {
		const struct instance *instance = fleet_at(store->fleet, slot);
		if (instance && !store->rows[slot].replies_due &&
		    !command_pipe_is_full(&store->pipe))
			write_second(&store->rows[slot], instance);
	}
	account_quotes_write(store, store->phase, ACCOUNT_PHASES);
	store->phase = (store->phase + 1) % ACCOUNT_PHASES;
	if (store->phase)
		return;
	account_moves_step(store);
	if (store->quotes_unused)
		account_quotes_drop_unused(store);
	if (clock_monotonic_ns(store->clock) >= store->again_ns)
		doubt_all(store, INT64_MAX);
	if (store->sweep)
		account_sweep(store);
}

/* By the clock, not by when the timer came: a second stays one. */
static void on_phase(void *ctx)
{
	struct account_store *store = ctx;
	int64_t now_ns = clock_monotonic_ns(store->clock);
	if (now_ns - store->next_ns > second_ns)
		store->next_ns = now_ns; /* it stood still; nothing is gained by haste */
	for (; store->next_ns <= now_ns; store->next_ns += phase_ns)
		run_phase(store);
	timers_arm(store->timers, &store->timer, store->next_ns);
}

void account_store_start(struct account_store *store)
{
	int64_t now_ns = clock_monotonic_ns(store->clock);
	store->started = true;
	store->sweep = true;
	store->again_ns = now_ns + straggle_ns;
	store->next_ns = now_ns + phase_ns;
	timers_arm(store->timers, &store->timer, store->next_ns);
}

void account_store_reconnected(struct account_store *store)
{
	doubt_all(store, clock_monotonic_ns(store->clock) + straggle_ns);
}

/* ---- a terminal goes ---- */

/* Its index alone says what there is of it, and what is under way may still change that: a
 * sweep finds all of it, or, when the id has come back meanwhile, a sync. */
void account_store_forget(struct account_store *store, const struct instance *instance)
{
	struct account_row *row = &store->rows[instance->slot];
	store->sweep = true;
	store->quotes_unused = true;
	account_positions_forget(row);
	account_trades_forget(store, str_of(instance->identity.id));
	row->account_due = row->forgotten = true;
	row->account_ms = 0;
	row->server_hash = 0;
}

/* ---- the end ---- */

/* As much as the connection takes at once; replies bring the rest. */
static void drain_more(struct account_store *store)
{
	for (; store->next_slot < store->room &&
	       (!command_pipe_is_full(&store->pipe) || !store->pipe.in_flight);
	     store->next_slot++) {
		const struct instance *instance = fleet_at(store->fleet, store->next_slot);
		if (instance)
			write_second(&store->rows[store->next_slot], instance);
	}
}

void account_store_drain(struct account_store *store, void (*done)(void *ctx, enum status status),
			 void *ctx)
{
	CHECK(!store->drained && !store->restored);
	timers_cancel(store->timers, &store->timer);
	store->started = false;
	store->drained = done;
	store->ctx = ctx;
	store->status = STATUS_OK;
	store->next_slot = 0;
	store->pipe.in_flight++; /* this call's own */
	account_quotes_write(store, 0, 1);
	drain_more(store);
	account_settle(store);
}

/* ---- life ---- */

static bool make_rows(struct account_store *store)
{
	store->room = fleet_room(store->fleet);
	store->rows = calloc(store->room, sizeof store->rows[0]);
	for (uint32_t slot = 0; store->rows && slot < store->room; slot++)
		store->rows[slot] = (struct account_row){ .store = store, .slot = slot };
	return store->rows;
}

static bool make_trades(struct account_store *store)
{
	store->trades = calloc(ACCOUNT_STORE_TRADES, sizeof store->trades[0]);
	store->trade_index = calloc(ACCOUNT_TRADE_PLACES, sizeof store->trade_index[0]);
	store->moves = calloc(ACCOUNT_STORE_MOVES, sizeof store->moves[0]);
	store->chunk = calloc(1, sizeof *store->chunk);
	store->asked = calloc(ACCOUNT_ASKED, sizeof store->asked[0]);
	return store->trades && store->trade_index && store->moves && store->chunk && store->asked;
}

struct account_store *account_store_create(struct redis_port *rts, struct fleet *fleet,
					   struct timers *timers, const struct clock_port *clock)
{
	struct account_store *store = calloc(1, sizeof *store);
	if (!store)
		return NULL;
	store->pipe.redis = rts;
	store->fleet = fleet;
	store->timers = timers;
	store->clock = clock;
	store->timer = (struct timer){ .fn = on_phase, .ctx = store };
	store->quotes = calloc(ACCOUNT_STORE_QUOTES, sizeof store->quotes[0]);
	store->quote_index = calloc(ACCOUNT_QUOTE_SLOTS, sizeof store->quote_index[0]);
	if (!make_rows(store) || !store->quotes || !store->quote_index || !make_trades(store)) {
		account_store_destroy(store);
		return NULL;
	}
	return store;
}

void account_store_destroy(struct account_store *store)
{
	if (!store)
		return;
	timers_cancel(store->timers, &store->timer);
	free(store->rows);
	free(store->quotes);
	free(store->quote_index);
	free(store->trades);
	free(store->trade_index);
	free(store->moves);
	free(store->chunk);
	free(store->asked);
	free(store);
}

struct account_store_counts account_store_counts(const struct account_store *store)
{
	struct account_store_counts counts = store->counts;
	counts.moving = store->moves_used;
	return counts;
}

size_t account_store_bytes(const struct account_store *store)
{
	return sizeof *store + store->room * sizeof store->rows[0] +
	       ACCOUNT_STORE_QUOTES * sizeof store->quotes[0] +
	       ACCOUNT_QUOTE_SLOTS * sizeof store->quote_index[0] +
	       ACCOUNT_STORE_TRADES * sizeof store->trades[0] +
	       ACCOUNT_TRADE_PLACES * sizeof store->trade_index[0] +
	       ACCOUNT_STORE_MOVES * sizeof store->moves[0] + sizeof *store->chunk +
	       ACCOUNT_ASKED * sizeof store->asked[0];
}
