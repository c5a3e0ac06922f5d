/* The longest values that there may be leave every hash a listpack: on a server that allows
 * 64 bytes, as one that nobody configured does, what people write is outside (long_text.h);
 * on weir's own servers the names of brokers and terminals have room too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "def/indicators.h"
#include "fleet/fleet_impl.h"
#include "store/account_store.h"
#include "store/alert_store.h"
#include "store/execution_store.h"
#include "store/instance_store.h"
#include "store/long_text.h"
#include "store/session_store.h"
#include "store/signal_store.h"
#include "trade/deliveries_impl.h"
#include "unit/family_stage.h"

enum { PER_FAMILY = 20 };

static char longest[301];

static int set_up(void **state)
{
	(void)state;
	memset(longest, 'x', sizeof longest - 1);
	return 0;
}

static struct str long_text(size_t len) { return str_make(longest, len); }

/* As a server that weir does not manage. */
static struct family *open_unconfigured(enum segment segment)
{
	struct family *family = family_open(segment, 0);
	freeReplyObject(FAMILY_ASK(family, "CONFIG", "SET", "hash-max-listpack-value", "64"));
	return family;
}

/* ---- what people write ---- */

static void on_put(void *ctx, enum status status)
{
	assert_int_equal(status, STATUS_OK);
	++*(size_t *)ctx;
}

static void put_full(struct session_store *store, enum session_kind kind, const char *user,
		     size_t *done)
{
	struct session_fields fields = { .count = 0 };
	enum key_id key = kind == SESSION_SESSION ? KEY_session : KEY_preference;
	const struct key_field *field;
	for (size_t i = 0; (field = key_field(i)); i++) {
		if (field->key != key || strcmp(field->unit, "ms") == 0)
			continue;
		fields.names[fields.count] = str_of(field->name);
		fields.values[fields.count++] = long_text(SESSION_VALUE_MAX);
	}
	assert_int_equal(session_store_put(store, kind, str_of(user), &fields, on_put, done),
			 STATUS_OK);
}

static void sessions_and_preferences_stay_small_whatever_is_written(void **state)
{
	(void)state;
	struct family *family = open_unconfigured(SEGMENT_RSS);
	struct session_store *store =
	    session_store_create(&family->stage.port, &family->stage.clock, 0);
	size_t done = 0;
	for (int i = 0; i < PER_FAMILY; i++) {
		char user[16];
		snprintf(user, sizeof user, "user%d", i);
		put_full(store, SESSION_SESSION, user, &done);
		put_full(store, SESSION_PREFERENCE, user, &done);
		family_settle(family);
	}
	assert_int_equal(done, 2 * PER_FAMILY);
	assert_int_equal(family_keys(family, key_session_prefix(), "listpack"), PER_FAMILY);
	assert_int_equal(family_keys(family, key_preference_prefix(), "listpack"), PER_FAMILY);
	assert_int_equal(family_keys(family, key_session_text_prefix(), "raw"), 4 * PER_FAMILY);
	assert_int_equal(family_keys(family, key_preference_text_prefix(), "raw"), 10 * PER_FAMILY);
	family_disconnect(family);
	session_store_destroy(store);
	family_close(family);
}

static void alerts_stay_small_whatever_they_say(void **state)
{
	(void)state;
	struct family *family = open_unconfigured(SEGMENT_RLS);
	struct stage *stage = &family->stage;
	struct alert_store *store =
	    alert_store_create(&stage->port, stage->alerts, stage->timers, &stage->clock);
	for (int i = 0; i < PER_FAMILY; i++) {
		struct alert_view view = { .rule = ALERT_high_memory,
					   .state = ALERT_FIRING,
					   .value = -1.2345678901e-300,
					   .first_ms = INT64_MAX,
					   .last_ms = INT64_MAX,
					   .told = UINT32_MAX };
		memset(view.scope, 'a' + i, ALERT_SCOPE_MAX);
		memcpy(view.message, longest, ALERT_MESSAGE_MAX);
		alert_store_notice(store, ALERT_FIRED, &view);
	}
	family_settle(family);
	assert_int_equal(family_keys(family, key_alert_prefix(), "listpack"), PER_FAMILY);
	assert_int_equal(family_keys(family, key_alert_text_prefix(), "raw"), PER_FAMILY);
	family_disconnect(family);
	alert_store_destroy(store);
	family_close(family);
}

/* ---- what is bounded where it is made ---- */

static bool is_under_way(void *ctx, uint64_t sid, struct str instance)
{
	(void)ctx;
	return sid && instance.len;
}

static void executions_stay_small_whatever_is_told(void **state)
{
	(void)state;
	struct family *family = open_unconfigured(SEGMENT_RLS);
	struct stage *stage = &family->stage;
	const struct execution_store_hooks hooks = { .is_under_way = is_under_way };
	struct execution_store *store = execution_store_create(
	    &stage->port, &stage->port, stage->timers, &stage->clock, &hooks);
	for (uint64_t i = 0; i < PER_FAMILY; i++) {
		const struct execution_step step = { .sid = UINT64_MAX - i,
						     .instance = long_text(INSTANCE_NAME_MAX),
						     .kind = DELIVERY_STEP_ENDED,
						     .at_ms = INT64_MAX,
						     .sent = UINT32_MAX,
						     .why = long_text(300) };
		const struct execution_unknown unknown = { .sid = UINT64_MAX - i,
							   .instance = step.instance,
							   .id = long_text(300),
							   .since_ms = INT64_MAX,
							   .why = long_text(300),
							   .asked = UINT32_MAX };
		execution_store_step(store, &step);
		execution_store_unknown(store, &unknown);
	}
	family_settle(family);
	assert_int_equal(family_keys(family, key_trade_execution_prefix(), "listpack"), PER_FAMILY);
	assert_int_equal(family_keys(family, key_reconciliation_prefix(), "listpack"), PER_FAMILY);
	family_disconnect(family);
	execution_store_destroy(store);
	family_close(family);
}

static void other_texts_of_hashes_are_bounded_below_what_a_listpack_takes(void **state)
{
	(void)state;
	/* instance: err, fl, host, cur; trade_state: ins, sym */
	assert_true(sizeof((struct told *)0)->reason - 1 <= (size_t)LONG_TEXT_INSIDE);
	assert_true(strlen("suspect+flapping+held+draining") <= (size_t)LONG_TEXT_INSIDE);
	assert_true((size_t)INSTANCE_NAME_MAX <= (size_t)LONG_TEXT_INSIDE);
	assert_true(sizeof((struct instance *)0)->currency - 1 <= (size_t)LONG_TEXT_INSIDE);
	assert_true((size_t)POSITION_SYMBOL_MAX <= (size_t)LONG_TEXT_INSIDE);
	/* trade_execution, reconciliation: why */
	assert_true((size_t)DELIVERY_WHY_MAX <= (size_t)LONG_TEXT_INSIDE);
	/* market: fl; indicators: a field for each, all numbers */
	assert_true(strlen("simulated+partial+halted+gone") <= (size_t)LONG_TEXT_INSIDE);
	assert_true(INDICATOR_COUNT + 2 <= 512);
}

/* ---- names ---- */

static void name_terminals(struct family *family)
{
	for (uint32_t slot = 0; slot < PER_FAMILY; slot++) {
		struct instance *instance = stage_instance(&family->stage, slot);
		snprintf(instance->server, sizeof instance->server, "%.*s", MFP_TEXT_MAX, longest);
		instance->connected = true;
		instance->latest.known = UINT64_MAX;
		for (int i = 0; i < SAMPLE_COUNT; i++)
			instance->latest.values[i] = (struct number){ -(INT64_C(1) << 53), 8 };
	}
}

static void terminals_of_a_server_with_a_long_name_stay_small(void **state)
{
	(void)state;
	struct family *family = family_open(SEGMENT_RIS, PER_FAMILY);
	struct stage *stage = &family->stage;
	name_terminals(family);
	struct instance_store *store =
	    instance_store_create(&stage->port, stage->fleet, stage->timers, &stage->clock);
	instance_store_start(store);
	family_run(family, 3 * stage_second_ns);
	assert_int_equal(family_keys(family, STR("instance:mt5"), "listpack"), PER_FAMILY);
	family_disconnect(family);
	instance_store_destroy(store);
	family_close(family);
}

static void open_one(struct account_store *store, struct instance *instance)
{
	struct mfp_frame frame;
	struct mfp_fault fault;
	const struct position *position;
	enum position_change change;
	const char *line = "o 0 ev=new tk=70 id=70 sym=ABCDEFGHIJKLMNOPQRSTUVWXYZ01234 sd=buy "
			   "vol=0.06 po=2411.60 pc=2413.77 sl=2400.00 tp=2450.00 sw=-1.20 pl=13.02 "
			   "mg=9223372036854775807 sv=1784046190000";
	assert_int_equal(mfp_read(str_of(line), MFP_PEER, &frame, &fault), STATUS_OK);
	assert_int_equal(positions_take(instance->positions, &frame, &change, &position),
			 STATUS_OK);
	account_store_position(store, instance, change, position);
}

static void positions_and_accounts_there_stay_small(void **state)
{
	(void)state;
	struct family *family = family_open(SEGMENT_RTS, PER_FAMILY);
	struct stage *stage = &family->stage;
	name_terminals(family);
	struct account_store *store =
	    account_store_create(&stage->port, stage->fleet, stage->timers, &stage->clock);
	account_store_start(store);
	family_run(family, 3 * stage_second_ns);
	for (uint32_t slot = 0; slot < PER_FAMILY; slot++) {
		account_store_account(store, stage_instance(stage, slot));
		open_one(store, stage_instance(stage, slot));
	}
	family_run(family, 3 * stage_second_ns);
	assert_int_equal(family_keys(family, key_account_state_prefix(), "listpack"), PER_FAMILY);
	assert_int_equal(family_keys(family, key_trade_state_prefix(), "listpack"), PER_FAMILY);
	family_disconnect(family);
	account_store_destroy(store);
	family_close(family);
}

static bool take_none(void *ctx, const struct signal_entry *entry)
{
	(void)ctx;
	(void)entry;
	return false;
}

static void signals_for_terminals_with_long_names_stay_small(void **state)
{
	(void)state;
	struct family *family = family_open(SEGMENT_RTSS, 0);
	struct stage *stage = &family->stage;
	const struct signal_store_hooks hooks = { .on_signal = take_none };
	struct signal_store *store =
	    signal_store_create(&stage->port, stage->timers, &stage->clock, true, &hooks);
	for (uint64_t i = 0; i < PER_FAMILY; i++) {
		const struct signal_stand stand = { .sid = UINT64_MAX - i,
						    .instance = long_text(INSTANCE_NAME_MAX),
						    .id = long_text(64),
						    .st = "received",
						    .down = UINT64_MAX,
						    .sent = UINT32_MAX,
						    .sent_ms = INT64_MAX,
						    .confirmed_ms = INT64_MAX,
						    .expires_ms = INT64_MAX };
		signal_store_state(store, &stand);
	}
	family_settle(family);
	assert_int_equal(family_keys(family, key_signal_prefix(), "listpack"), PER_FAMILY);
	family_disconnect(family);
	signal_store_destroy(store);
	family_close(family);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_and_preferences_stay_small_whatever_is_written),
		cmocka_unit_test(alerts_stay_small_whatever_they_say),
		cmocka_unit_test(executions_stay_small_whatever_is_told),
		cmocka_unit_test(other_texts_of_hashes_are_bounded_below_what_a_listpack_takes),
		cmocka_unit_test(terminals_of_a_server_with_a_long_name_stay_small),
		cmocka_unit_test(positions_and_accounts_there_stay_small),
		cmocka_unit_test(signals_for_terminals_with_long_names_stay_small),
	};
	if (!fixture_has_redis())
		return 77;
	return cmocka_run_group_tests(tests, set_up, NULL);
}
