/* What each family of keys takes on a real server with weir's configuration, written by its
 * own store with values as full as they come: so that a change that costs memory is seen.
 * Bounds are bytes of used_memory an item, a few percent above what was measured on Redis
 * 7.0.15; every hash stays a listpack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "codec/closed.h"
#include "measure/samples_load.h"
#include "store/account_store.h"
#include "store/alert_store.h"
#include "store/execution_store.h"
#include "store/instance_store.h"
#include "store/session_store.h"
#include "store/signal_store.h"
#include "unit/family_stage.h"

/* ---- terminals ---- */

static void name_terminals(struct family *family)
{
	for (uint32_t slot = 0; slot < fleet_room(family->stage.fleet); slot++) {
		struct instance *instance = stage_instance(&family->stage, slot);
		if (!instance)
			continue;
		strcpy(instance->server, slot % 2 ? "Broker-Two-Live" : "FPMarketsSC-Live");
		strcpy(instance->currency, "USD");
		strcpy(instance->identity.host, "host-1.example.net");
		strcpy(instance->reason, "no heartbeat for 15 s");
		instance->login = 90000000 + slot;
		instance->leverage = 500;
		instance->connected = true;
		instance->epoch_ms = instance->since_ms = stage_wall_ms(&family->stage);
	}
}

static void take_row(struct family *family, struct instance *instance, struct load *load)
{
	struct sample_row_values row;
	load_row(load, &row);
	memcpy(instance->latest.values, row.values, sizeof row.values);
	instance->latest.known = row.known;
	instance->heard_ms = stage_wall_ms(&family->stage);
}

static struct instance_store *open_instances(struct family *family)
{
	struct stage *stage = &family->stage;
	struct instance_store *store =
	    instance_store_create(&stage->port, stage->fleet, stage->timers, &stage->clock);
	assert_non_null(store);
	instance_store_start(store);
	return store;
}

static void a_terminals_hash(void **state)
{
	(void)state;
	enum { TERMINALS = 1000 };
	struct family *family = family_open(SEGMENT_RIS, TERMINALS);
	struct load load;
	name_terminals(family);
	load_start(&load, LOAD_SOME, 1, stage_wall_ms(&family->stage));
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		take_row(family, stage_instance(&family->stage, slot), &load);
	struct instance_store *store = open_instances(family);
	family_run(family, 5 * stage_second_ns);
	assert_int_equal(family_keys(family, STR("instance:mt5"), "listpack"), TERMINALS);
	family_expect(family, "instance, with its set and TTL", TERMINALS, 1170); /* 1,125 */
	family_disconnect(family);
	instance_store_destroy(store);
	family_close(family);
}

static void a_row_of_history(void **state)
{
	(void)state;
	enum { TERMINALS = 4, ROWS = 3600 };
	struct family *family = family_open(SEGMENT_RIS, TERMINALS);
	static struct load loads[TERMINALS];
	name_terminals(family);
	struct instance_store *store = open_instances(family);
	family_run(family, 3 * stage_second_ns);
	for (uint32_t slot = 0; slot < TERMINALS; slot++) {
		load_start(&loads[slot], LOAD_SOME, slot, stage_wall_ms(&family->stage));
		take_row(family, stage_instance(&family->stage, slot), &loads[slot]);
	}
	family_run(family, stage_second_ns);
	family_begin(family);
	for (int i = 0; i < ROWS; i++) {
		family->stage.now_ns += stage_second_ns - 5 * stage_ms_ns;
		family_run(family, 5 * stage_ms_ns);
		for (uint32_t slot = 0; slot < TERMINALS; slot++) {
			struct instance *instance = stage_instance(&family->stage, slot);
			take_row(family, instance, &loads[slot]);
			instance_store_sample(store, instance);
		}
	}
	family_run(family, 65 * stage_second_ns);
	assert_int_equal(family_keys(family, key_instance_history_prefix(), "stream"), TERMINALS);
	assert_int_equal(instance_store_counts(store).failed, 0);
	/* 19.3; 18.3 of two hours, as what a stream takes once is then less */
	family_expect(family, "a second of history, 24/24/16", TERMINALS * ROWS, 20.2);
	family_disconnect(family);
	instance_store_destroy(store);
	family_close(family);
}

/* ---- accounts and positions ---- */

static struct account_store *open_accounts(struct family *family)
{
	struct stage *stage = &family->stage;
	struct account_store *store =
	    account_store_create(&stage->port, stage->fleet, stage->timers, &stage->clock);
	assert_non_null(store);
	account_store_start(store);
	family_run(family, 3 * stage_second_ns);
	family_begin(family);
	return store;
}

static const struct mfp_frame *frame_of(const char *line)
{
	static struct mfp_frame frame;
	struct mfp_fault fault;
	if (mfp_read(str_of(line), MFP_PEER, &frame, &fault) != STATUS_OK)
		fail_msg("not a frame: %s", line);
	return &frame;
}

static void take_result(struct family *family, struct account_store *store,
			struct instance *instance, const char *line)
{
	static struct result result;
	const struct result_owner owner = { str_of(instance->identity.id), str_of(instance->server),
					    instance->login };
	assert_int_equal(
	    result_of_frame(&result, frame_of(line), &owner, stage_wall_ms(&family->stage)),
	    STATUS_OK);
	account_store_result(store, instance, &result);
}

/* A position, the result that made it and the deal that closed a part of it. */
static void open_position(struct family *family, struct account_store *store, uint32_t slot,
			  unsigned id)
{
	struct instance *instance = stage_instance(&family->stage, slot);
	const struct position *position;
	enum position_change change;
	char line[400];
	snprintf(line, sizeof line,
		 "o 0 ev=new tk=%u id=%u sym=XAUUSD.r sd=buy vol=0.06 po=2411.60 pc=2413.77 "
		 "sl=2400.00 tp=2450.00 sw=-1.20 pl=13.02 mg=432419876545658881 sv=1784046190000",
		 id, id);
	assert_int_equal(positions_take(instance->positions, frame_of(line), &change, &position),
			 STATUS_OK);
	account_store_position(store, instance, change, position);
	snprintf(line, sizeof line,
		 "R 5 sid=432419876545658881 st=done rc=10009 ord=%u deal=%u1 pos=%u sym=XAUUSD.r "
		 "sd=buy vol=0.10 rq=2411.52 px=2411.60 slp=8.0 com=-0.35 swp=0.00 fee=-0.01 "
		 "pl=0.00 sv=1784046190412 ex=316 try=1",
		 id, id, id);
	take_result(family, store, instance, line);
	snprintf(line, sizeof line,
		 "D 6 ord=%u deal=%u2 pos=%u sym=XAUUSD.r sd=sell en=out rs=client vol=0.04 "
		 "px=2413.77 com=-0.14 swp=-0.40 fee=0.00 pl=8.68 mg=0 sv=1784046191000",
		 id, id, id);
	take_result(family, store, instance, line);
}

static void an_open_trade_and_its_index(void **state)
{
	(void)state;
	enum { TERMINALS = 20, EACH = 100 };
	struct family *family = family_open(SEGMENT_RTS, TERMINALS);
	name_terminals(family);
	struct account_store *store = open_accounts(family);
	for (uint32_t slot = 0; slot < TERMINALS; slot++) {
		for (unsigned i = 0; i < EACH; i++)
			open_position(family, store, slot, 573338240 + slot * 1000 + i);
		family_settle(family);
	}
	family_run(family, 2 * stage_second_ns);
	size_t count = family_keys(family, key_trade_state_prefix(), "listpack");
	assert_int_equal(count, TERMINALS * EACH);
	assert_int_equal(family_keys(family, key_trades_open_prefix(), "intset"), TERMINALS);
	family_expect(family, "trade_state and its place in trades:open", count, 510); /* 490 */
	family_disconnect(family);
	account_store_destroy(store);
	family_close(family);
}

static void an_account(void **state)
{
	(void)state;
	enum { TERMINALS = 1000 };
	struct family *family = family_open(SEGMENT_RTS, TERMINALS);
	struct load load;
	name_terminals(family);
	struct account_store *store = open_accounts(family);
	load_start(&load, LOAD_SOME, 1, stage_wall_ms(&family->stage));
	for (uint32_t slot = 0; slot < TERMINALS; slot++) {
		struct instance *instance = stage_instance(&family->stage, slot);
		take_row(family, instance, &load);
		account_store_account(store, instance);
	}
	family_run(family, 3 * stage_second_ns);
	assert_int_equal(family_keys(family, key_account_state_prefix(), "listpack"), TERMINALS);
	family_expect(family, "account_state", TERMINALS, 280); /* 268 */
	family_disconnect(family);
	account_store_destroy(store);
	family_close(family);
}

static void a_quote(void **state)
{
	(void)state;
	enum { QUOTES = 1000 };
	struct family *family = family_open(SEGMENT_RTS, 2);
	name_terminals(family);
	struct account_store *store = open_accounts(family);
	for (unsigned i = 0; i < QUOTES; i++) {
		char line[120];
		snprintf(line, sizeof line,
			 "Q 0 sym=SYMB%03u.r bid=1.%05u ask=1.09514 spr=2 dg=5 st=open sv=1", i / 2,
			 8000 + i);
		account_store_quote(store, stage_instance(&family->stage, i % 2), frame_of(line));
	}
	family_run(family, 3 * stage_second_ns);
	assert_int_equal(family_keys(family, key_broker_state_prefix(), "listpack"), QUOTES);
	family_expect(family, "broker_state", QUOTES, 193); /* 184 */
	family_disconnect(family);
	account_store_destroy(store);
	family_close(family);
}

static void make_closed(struct rng *rng, struct closed_trade *trade, int64_t *ms, int64_t *position)
{
	int64_t lots = 10 * (1 + (int64_t)rng_below(rng, 3));
	int64_t move = (int64_t)(rng_normal(rng) * 400), unit = 1000;
	*ms += (int64_t)rng_below(rng, 1600000);
	*position += 50 + (int64_t)rng_below(rng, 40000);
	*trade = (struct closed_trade){
		.position = *position,
		.symbol = "EURUSD",
		.sell = rng_below(rng, 2),
		.has_sl = true,
		.has_tp = rng_below(rng, 10) < 7,
		.volume = lots * 1000000,
		.price_open = 108514000 + (int64_t)(rng_normal(rng) * 400) * unit,
		.commission = -lots * 7000000,
		.opened_us = (*ms - (int64_t)rng_below(rng, 7200000)) * 1000,
		.closed_us = *ms * 1000,
		.deals = 2,
	};
	trade->price_close = trade->price_open + move * unit;
	trade->sl = trade->price_open - 400 * unit;
	trade->tp = trade->has_tp ? trade->price_open + 800 * unit : 0;
	trade->pnl = (trade->sell ? -move : move) * lots * 1000000;
}

/* A terminal's days, each in one chunk, as account_store leaves them. */
static void a_closed_trade(void **state)
{
	(void)state;
	enum { TERMINALS = 10, DAYS = 30, EACH = 100 };
	static struct closed_trade trades[EACH];
	const struct closed_account account = { "FPMarketsSC-Live", 90000001 };
	char bytes[CLOSED_CHUNK_BYTES], name[32], id[32];
	struct key key;
	struct rng rng;
	struct family *family = family_open(SEGMENT_RTS, 0);
	rng_init(&rng, 42);
	for (int terminal = 0; terminal < TERMINALS; terminal++)
		for (int day = 0; day < DAYS; day++) {
			int64_t ms = 1784046190431 + day * INT64_C(86400000), position = 573338240;
			struct buf chunk = buf_over(bytes, sizeof bytes);
			for (int i = 0; i < EACH; i++)
				make_closed(&rng, &trades[i], &ms, &position);
			assert_int_equal(closed_pack(&account, trades, EACH, &chunk), STATUS_OK);
			snprintf(name, sizeof name, "mt5-%03d", terminal);
			snprintf(id, sizeof id, "%lld-0", (long long)trades[0].closed_us / 1000);
			const struct str argv[] = { STR("XADD"),
						    key_trades_closed(&key, str_of(name)),
						    str_of(id), STR("c"), buf_str(&chunk) };
			assert_int_equal(
			    redis_command(family->stage.real, argv, ARRAY_LEN(argv), NULL, NULL),
			    STATUS_OK);
		}
	family_settle(family);
	assert_int_equal(family_keys(family, key_trades_closed_prefix(), "stream"), TERMINALS);
	family_expect(family, "closed trade, 100 a day", TERMINALS * DAYS * EACH, 16.3); /* 15.6 */
	family_disconnect(family);
	family_close(family);
}

/* ---- signals ---- */

enum { SIGNALS = 6000, FLIGHT = 30000 };

struct signals {
	struct family *family;
	struct signal_store *store;
	struct halts halts;
	struct stream_id told[SIGNALS];
	size_t count;
	bool restored;
};

static bool on_signal(void *ctx, const struct signal_entry *entry)
{
	struct signals *signals = ctx;
	assert_true(signals->count < SIGNALS && !entry->fault);
	signals->told[signals->count++] = entry->id;
	return true;
}

static void on_signals_restored(void *ctx, enum status status, const char *why)
{
	(void)why;
	assert_int_equal(status, STATUS_OK);
	((struct signals *)ctx)->restored = true;
}

static void on_signal_added(void *ctx, enum status status, uint64_t sid, struct stream_id entry)
{
	(void)ctx;
	(void)entry;
	assert_true(status == STATUS_OK && sid);
}

static void open_signals(struct signals *signals, struct family *family)
{
	struct stage *stage = &family->stage;
	const struct signal_store_hooks hooks = { .on_signal = on_signal, .ctx = signals };
	*signals = (struct signals){ .family = family };
	signals->store =
	    signal_store_create(&stage->port, stage->timers, &stage->clock, true, &hooks);
	assert_non_null(signals->store);
	signal_store_restore(signals->store, &signals->halts, on_signals_restored, signals);
	family_settle(family);
	assert_true(signals->restored);
	signal_store_start(signals->store);
	family_run(family, 20 * stage_ms_ns);
	family_begin(family);
}

static void signal_id(size_t number, char id[24]) { snprintf(id, 24, "strat7-2026-%08zu", number); }

static void add_signal(struct signals *signals, size_t number)
{
	char id[24], to[16], px[16];
	signal_id(number, id);
	snprintf(to, sizeof to, "mt5-%03zu", number % 100);
	snprintf(px, sizeof px, "1.%05zu", 8512 + number % 97);
	const struct str keys[] = { STR("id"),  STR("to"), STR("act"), STR("sym"), STR("sd"),
				    STR("vol"), STR("sl"), STR("tp"),  STR("dev"), STR("cm") };
	const struct str values[] = { str_of(id), str_of(to),       STR("open"),    STR("EURUSD"),
				      STR("buy"), STR("0.10"),      STR("1.08200"), str_of(px),
				      STR("20"),  STR("strategy-7") };
	assert_int_equal(signal_store_add(signals->store, keys, values, ARRAY_LEN(keys),
					  on_signal_added, signals),
			 STATUS_OK);
}

/* As after its sending to one terminal. */
static void stand_sent(struct signals *signals, size_t number)
{
	struct stream_id entry = signals->told[number];
	int64_t now_ms = stage_wall_ms(&signals->family->stage);
	char id[24], instance[16];
	signal_id(number, id);
	snprintf(instance, sizeof instance, "mt5-%03zu", number % 100);
	const struct signal_stand stand = { .sid = (entry.ms - 1577836800000) << 21 | entry.seq,
					    .instance = str_of(instance),
					    .id = str_of(id),
					    .st = "sent",
					    .down = 1234567 + number,
					    .sent = 1,
					    .sent_ms = now_ms,
					    .expires_ms = now_ms + 30000 };
	signal_store_state(signals->store, &stand);
}

static size_t pending(struct family *family)
{
	redisReply *reply = FAMILY_ASK(family, "XPENDING", "trade_signals", "router");
	size_t count = (size_t)reply->element[0]->integer;
	freeReplyObject(reply);
	return count;
}

/* 30,000 of them, of which a fifth is made: 12 MB at most. */
static void a_signal_in_flight(void **state)
{
	(void)state;
	static struct signals signals;
	struct family *family = family_open(SEGMENT_RTSS, 0);
	open_signals(&signals, family);
	for (size_t i = 0; i < SIGNALS; i++) {
		add_signal(&signals, i);
		if (i % 64 == 63)
			family_run(family, 10 * stage_ms_ns);
	}
	family_run(family, 100 * stage_ms_ns);
	assert_int_equal(signals.count, SIGNALS);
	assert_int_equal(pending(family), SIGNALS);
	family_expect(family, "signal's entry, pending", SIGNALS, 176); /* 168 */
	for (size_t i = 0; i < SIGNALS; i++)
		stand_sent(&signals, i);
	family_settle(family);
	assert_int_equal(family_keys(family, key_signal_prefix(), "listpack"), SIGNALS);
	assert_int_equal(signal_store_counts(signals.store).failed, 0);
	family_expect(family, "signal in flight, with its hash", SIGNALS, 370); /* 355 */
	assert_true(370 * FLIGHT <= 12000000);
	family_disconnect(family);
	signal_store_destroy(signals.store);
	family_close(family);
}

/* ---- sessions ---- */

static void on_put(void *ctx, enum status status)
{
	assert_int_equal(status, STATUS_OK);
	++*(size_t *)ctx;
}

static void put_fields(struct session_store *store, enum session_kind kind, const char *user,
		       const char *text, size_t *done)
{
	struct session_fields fields = { .count = 0 };
	struct str rest = str_of(text), part;
	while (str_split(&rest, '|', &part)) {
		size_t at = str_find_char(part, '=');
		fields.names[fields.count] = str_make(part.ptr, at);
		fields.values[fields.count++] = str_skip(part, at + 1);
	}
	assert_int_equal(session_store_put(store, kind, str_of(user), &fields, on_put, done),
			 STATUS_OK);
}

static void a_session_and_its_preferences(void **state)
{
	(void)state;
	enum { USERS = 1000 };
	struct family *family = family_open(SEGMENT_RSS, 0);
	struct session_store *store =
	    session_store_create(&family->stage.port, &family->stage.clock, 0);
	assert_non_null(store);
	size_t done = 0;
	for (int i = 0; i < USERS; i++) {
		char user[32];
		snprintf(user, sizeof user, "trader.%04d@desk-one", i);
		put_fields(store, SESSION_SESSION, user,
			   "sid=5a6f3f0e9d8c4b7aa1b2c3d4e5f60718|ip=203.0.113.47|"
			   "dev=Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0|"
			   "seen=1784046190431|st=active",
			   &done);
		put_fields(store, SESSION_PREFERENCE, user,
			   "theme=dark|chart=candles|notify=fills,alerts,disconnects|lang=en-GB|"
			   "autoclose=0|confirm=1|sym=EURUSD,GBPUSD,USDJPY,XAUUSD,BTCUSD,ETHUSD|"
			   "tf=15m|quiet=22:00-06:30",
			   &done);
		family_settle(family);
	}
	assert_int_equal(done, 2 * USERS);
	assert_int_equal(family_keys(family, key_session_prefix(), "listpack"), USERS);
	assert_int_equal(family_keys(family, key_preference_prefix(), "listpack"), USERS);
	family_expect(family, "session and preference of a user", USERS, 730); /* 700 */
	family_disconnect(family);
	session_store_destroy(store);
	family_close(family);
}

/* ---- what is logged ---- */

static bool is_under_way(void *ctx, uint64_t sid, struct str instance)
{
	(void)ctx;
	(void)sid;
	(void)instance;
	return true;
}

static struct execution_store *open_executions(struct family *family)
{
	struct stage *stage = &family->stage;
	const struct execution_store_hooks hooks = { .is_under_way = is_under_way };
	struct execution_store *store = execution_store_create(
	    &stage->port, &stage->port, stage->timers, &stage->clock, &hooks);
	assert_non_null(store);
	return store;
}

static const uint64_t first_sid = UINT64_C(432419876545658881);

static void an_execution(void **state)
{
	(void)state;
	enum { COUNT = 2000 };
	static const enum delivery_step_kind kinds[] = { DELIVERY_STEP_TAKEN, DELIVERY_STEP_SENT,
							 DELIVERY_STEP_CONFIRMED,
							 DELIVERY_STEP_PART, DELIVERY_STEP_ENDED };
	struct family *family = family_open(SEGMENT_RLS, 0);
	struct execution_store *store = open_executions(family);
	for (uint64_t i = 0; i < COUNT; i++)
		for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
			const struct execution_step step = {
				.sid = first_sid + (i << 21),
				.instance = STR("mt5-017"),
				.kind = kinds[kind],
				.at_ms = stage_wall_ms(&family->stage) + (int64_t)kind * 30,
				.sent = 1,
				.why = kind == 4 ? STR("requote") : STR(""),
			};
			execution_store_step(store, &step);
			if (i % 64 == 0)
				family_settle(family);
		}
	family_settle(family);
	assert_int_equal(family_keys(family, key_trade_execution_prefix(), "listpack"), COUNT);
	family_expect(family, "trade_execution", COUNT, 289); /* 277 */
	family_disconnect(family);
	execution_store_destroy(store);
	family_close(family);
}

static void a_reconciliation(void **state)
{
	(void)state;
	enum { COUNT = 2000 };
	struct family *family = family_open(SEGMENT_RTRS, 0);
	struct execution_store *store = open_executions(family);
	for (uint64_t i = 0; i < COUNT; i++) {
		const struct execution_unknown unknown = { .sid = first_sid + (i << 21),
							   .instance = STR("mt5-017"),
							   .id = STR("strat7-2026-00001234"),
							   .since_ms =
							       stage_wall_ms(&family->stage),
							   .why = STR("connection"),
							   .asked = 3 };
		execution_store_unknown(store, &unknown);
		if (i % 64 == 0)
			family_settle(family);
	}
	family_settle(family);
	assert_int_equal(family_keys(family, key_reconciliation_prefix(), "listpack"), COUNT);
	family_expect(family, "reconciliation", COUNT, 222); /* 213 */
	family_disconnect(family);
	execution_store_destroy(store);
	family_close(family);
}

static void an_alert(void **state)
{
	(void)state;
	enum { COUNT = 1000 };
	struct family *family = family_open(SEGMENT_RLS, 0);
	struct stage *stage = &family->stage;
	struct alert_store *store =
	    alert_store_create(&stage->port, stage->alerts, stage->timers, &stage->clock);
	assert_non_null(store);
	for (int i = 0; i < COUNT; i++) {
		struct alert_view view = { .rule = ALERT_high_memory,
					   .state = ALERT_FIRING,
					   .value = 104.27,
					   .first_ms = stage_wall_ms(stage) - 71000,
					   .last_ms = stage_wall_ms(stage),
					   .told = 2 };
		snprintf(view.scope, sizeof view.scope, "mt5-%03d", i);
		snprintf(view.message, sizeof view.message,
			 "mt5-%03d uses 104.3 MB, 104 %% of its 100 MB", i);
		alert_store_notice(store, ALERT_FIRED, &view);
	}
	family_settle(family);
	assert_int_equal(family_keys(family, key_alert_prefix(), "listpack"), COUNT);
	family_expect(family, "alert and its TTL", COUNT, 404); /* 387 */
	family_disconnect(family);
	alert_store_destroy(store);
	family_close(family);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_terminals_hash),
		cmocka_unit_test(a_row_of_history),
		cmocka_unit_test(an_open_trade_and_its_index),
		cmocka_unit_test(an_account),
		cmocka_unit_test(a_quote),
		cmocka_unit_test(a_closed_trade),
		cmocka_unit_test(a_signal_in_flight),
		cmocka_unit_test(a_session_and_its_preferences),
		cmocka_unit_test(an_execution),
		cmocka_unit_test(a_reconciliation),
		cmocka_unit_test(an_alert),
	};
	if (!fixture_has_redis())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
