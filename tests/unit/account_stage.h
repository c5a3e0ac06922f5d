/* account_stage.h - an account store on a stage, terminals whose positions, accounts and
 * quotes come as frames, and what RTS has to be. Include after cmocka.h. */
#pragma once

#include "store/account_store.h"
#include "unit/store_stage.h"

struct accounts {
	struct stage stage;
	struct account_store *store;
	int64_t account_ms[64]; /* told; by slot */
};

static inline void accounts_connected(void *ctx)
{
	struct accounts *t = ctx;
	if (t->store)
		account_store_reconnected(t->store);
}

static inline void accounts_open(struct accounts *t)
{
	t->store =
	    account_store_create(&t->stage.port, t->stage.fleet, t->stage.timers, &t->stage.clock);
	assert_non_null(t->store);
	t->stage.on_connected = accounts_connected;
	t->stage.ctx = t;
}

/* By turns at two brokers. */
static inline void accounts_name(struct accounts *t)
{
	for (uint32_t slot = 0; slot < fleet_room(t->stage.fleet); slot++) {
		struct instance *instance = stage_instance(&t->stage, slot);
		if (!instance)
			continue;
		strcpy(instance->server, slot % 2 ? "Broker:Two-Live" : "FPMarketsSC-Live");
		strcpy(instance->currency, "USD");
		instance->login = 90000000 + slot;
		instance->leverage = 500;
	}
}

/* With a store that is started, its first seconds over. */
static inline void accounts_init(struct accounts *t, uint32_t terminals, enum fake_sync sync)
{
	*t = (struct accounts){ 0 };
	stage_init(&t->stage, terminals, sync);
	accounts_name(t);
	accounts_open(t);
	account_store_start(t->store);
	stage_run(&t->stage, 3105 * stage_ms_ns);
}

static inline void accounts_deinit(struct accounts *t)
{
	t->stage.on_connected = NULL;
	fake_redis_abandon(t->stage.redis);
	account_store_destroy(t->store);
	stage_deinit(&t->stage);
}

static inline void accounts_restart(struct accounts *t, uint32_t terminals)
{
	t->stage.on_connected = NULL;
	fake_redis_abandon(t->stage.redis);
	account_store_destroy(t->store);
	t->store = NULL;
	fleet_destroy(t->stage.fleet);
	alerts_destroy(t->stage.alerts);
	stage_run(&t->stage, 300 * stage_ms_ns);
	fake_redis_on_connected(t->stage.redis, stage_connected, &t->stage);
	stage_make_fleet(&t->stage, terminals + 8);
	stage_add_many(&t->stage, terminals);
	accounts_name(t);
	memset(t->account_ms, 0, sizeof t->account_ms);
	accounts_open(t);
}

static inline enum status accounts_restore(struct accounts *t)
{
	account_store_restore(t->store, stage_restored, &t->stage);
	return stage_wait(&t->stage);
}

static inline enum status accounts_drain(struct accounts *t)
{
	account_store_drain(t->store, stage_drained, &t->stage);
	return stage_wait(&t->stage);
}

/* ---- frames ---- */

static inline const struct mfp_frame *accounts_frame(const char *line)
{
	static struct mfp_frame frame;
	struct mfp_fault fault;
	if (mfp_read(str_of(line), MFP_PEER, &frame, &fault) != STATUS_OK)
		fail_msg("not a frame: %s", line);
	return &frame;
}

/* An o frame, as the fleet tells it. */
static inline void accounts_position(struct accounts *t, uint32_t slot, const char *line)
{
	struct instance *instance = stage_instance(&t->stage, slot);
	const struct position *position;
	enum position_change change;
	assert_int_equal(
	    positions_take(instance->positions, accounts_frame(line), &change, &position),
	    STATUS_OK);
	account_store_position(t->store, instance, change, position);
}

static inline void accounts_account(struct accounts *t, uint32_t slot, int64_t cents)
{
	static const enum sample figures[] = { SAMPLE_bal, SAMPLE_eq, SAMPLE_mar, SAMPLE_fm,
					       SAMPLE_ml,  SAMPLE_cr, SAMPLE_pl };
	struct instance *instance = stage_instance(&t->stage, slot);
	for (size_t i = 0; i < 7; i++) {
		if (figures[i] == SAMPLE_cr && slot % 3 == 0)
			continue; /* not told by all */
		instance->latest.values[figures[i]] = (struct number){ cents + (int64_t)i, 2 };
		instance->latest.known |= UINT64_C(1) << figures[i];
	}
	account_store_account(t->store, instance);
	t->account_ms[slot] = stage_wall_ms(&t->stage);
}

static inline void accounts_quote(struct accounts *t, uint32_t slot, const char *line)
{
	account_store_quote(t->store, stage_instance(&t->stage, slot), accounts_frame(line));
}

/* ---- what RTS has to be ---- */

static inline uint64_t accounts_key(const struct position *position)
{
	return position->id ? position->id : position->ticket;
}

static inline bool accounts_position_is_right(struct accounts *t, const struct instance *instance,
					      const struct position *position)
{
	static struct expected expected;
	char ut[32];
	struct key key;
	struct str name =
	    key_trade_state(&key, str_of(instance->identity.id), accounts_key(position));
	expected.count = expected.used = 0;
	stage_field(&t->stage, name, STR("ut"), ut, sizeof ut); /* when it was written */
	expect_text(&expected, "ins", str_of(instance->identity.id));
	expect_text(&expected, "srv", str_of(instance->server));
	expect_i64(&expected, "login", instance->login);
	expect_text(&expected, "sym", str_of(position->symbol));
	expect_text(&expected, "sd", position->side ? STR("sell") : STR("buy"));
	expect_number(&expected, "vol", position->volume);
	expect_number(&expected, "px", position->price_open);
	expect_number(&expected, "pc", position->price_now);
	expect_number(&expected, "sl", position->sl);
	expect_number(&expected, "tp", position->tp);
	expect_number(&expected, "swp", position->swap);
	expect_number(&expected, "pnl", position->profit);
	expect_i64(&expected, "tk", (int64_t)position->ticket);
	expect_i64(&expected, "mg", (int64_t)position->magic);
	expect_text(&expected, "st", STR("executed"));
	expect_i64(&expected, "ct", position->server_ms);
	expect_text(&expected, "ut", str_of(ut));
	return stage_hash_is(&t->stage, name, &expected);
}

static inline bool accounts_account_is_right(struct accounts *t, const struct instance *instance)
{
	static struct expected expected;
	static const enum sample figures[] = { SAMPLE_bal, SAMPLE_eq, SAMPLE_mar, SAMPLE_fm,
					       SAMPLE_ml,  SAMPLE_cr, SAMPLE_pl };
	struct key key;
	expected.count = expected.used = 0;
	expect_text(&expected, "srv", str_of(instance->server));
	expect_i64(&expected, "login", instance->login);
	expect_i64(&expected, "lev", instance->leverage);
	expect_text(&expected, "cur", str_of(instance->currency));
	for (size_t i = 0; i < 7; i++)
		if (instance->latest.known >> figures[i] & 1)
			expect_number(&expected, sample_row(figures[i])->name,
				      instance->latest.values[figures[i]]);
	expect_i64(&expected, "t", t->account_ms[instance->slot]);
	return stage_hash_is(&t->stage, key_account_state(&key, str_of(instance->identity.id)),
			     &expected);
}

static inline bool accounts_index_is_right(struct accounts *t, const struct instance *instance)
{
	char storage[24];
	struct key key;
	struct redis_reply *reply = STAGE_PEEK(
	    &t->stage, STR("SMEMBERS"), key_trades_open(&key, str_of(instance->identity.id)));
	bool right = reply->count == positions_count(instance->positions);
	for (uint32_t i = 0; i < positions_count(instance->positions); i++) {
		struct buf id = buf_over(storage, sizeof storage);
		buf_u64(&id, accounts_key(positions_at(instance->positions, i)));
		right &= stage_has(reply, buf_str(&id));
	}
	if (!right)
		print_error("the index of %s has %zu members, not %u, or others\n",
			    instance->identity.id, reply->count,
			    positions_count(instance->positions));
	fake_reply_free(reply);
	return right;
}

/* How many keys there are under a prefix. */
static inline size_t accounts_keys(struct accounts *t, struct str prefix)
{
	struct redis_reply *reply =
	    STAGE_PEEK(&t->stage, STR("SCAN"), STR("0"), STR("COUNT"), STR("100000"));
	size_t count = 0;
	for (size_t i = 0; i < reply->items[1].count; i++)
		count += str_starts(reply->items[1].items[i].text, prefix);
	fake_reply_free(reply);
	return count;
}

/* How many trades are closed and wait for their archive. */
static inline size_t accounts_closed(struct accounts *t)
{
	struct redis_reply *reply =
	    STAGE_PEEK(&t->stage, STR("SCAN"), STR("0"), STR("COUNT"), STR("100000"));
	size_t count = 0;
	for (size_t i = 0; i < reply->items[1].count; i++) {
		struct str key = reply->items[1].items[i].text;
		char state[16] = "";
		if (str_starts(key, STR("trade_state:")))
			stage_field(&t->stage, key, STR("st"), state, sizeof state);
		count += strcmp(state, "closed") == 0;
	}
	fake_reply_free(reply);
	return count;
}

/* The keys are those of the fleet's positions and accounts, as these are, and no others but
 * of closed trades. */
static inline bool accounts_are_right(struct accounts *t)
{
	bool right = true;
	size_t positions = 0, indexes = 0, told = 0;
	for (uint32_t slot = 0; slot < fleet_room(t->stage.fleet); slot++) {
		const struct instance *instance = fleet_at(t->stage.fleet, slot);
		if (!instance)
			continue;
		uint32_t count = positions_count(instance->positions);
		positions += count;
		indexes += count > 0;
		right &= accounts_index_is_right(t, instance);
		for (uint32_t i = 0; i < count; i++)
			right &= accounts_position_is_right(t, instance,
							    positions_at(instance->positions, i));
		if (!t->account_ms[slot])
			continue;
		told++;
		right &= accounts_account_is_right(t, instance);
	}
	size_t states = accounts_keys(t, STR("trade_state:")) - accounts_closed(t);
	size_t opens = accounts_keys(t, STR("trades:open:"));
	size_t accounts = accounts_keys(t, STR("account_state:"));
	bool all = states == positions && opens == indexes && accounts == told;
	if (!all)
		print_error("%zu positions, %zu indexes, %zu accounts, not %zu, %zu, %zu\n", states,
			    opens, accounts, positions, indexes, told);
	return right && all;
}
