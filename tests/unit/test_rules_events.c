/* What rules of people watch beside the price: flow, rates, events, terminals; what is kept
 * of them in the store; and how often they would have been told. */
#include "rules_stage.h"

static int setup(void **state)
{
	*state = stage_create();
	return 0;
}

static int teardown(void **state)
{
	stage_destroy(*state);
	return 0;
}

/* One second, in steps as a daemon makes them: every group is looked at. */
static void second(struct stage *stage)
{
	for (int i = 0; i < 20; i++)
		stage_at(stage, stage->now_ms + 50);
}

/* ---- levels beside the price ---- */

static void minutes_of_trades(struct stage *stage, int minutes, const char *qty)
{
	for (int i = 0; i < minutes; i++) {
		stage_at(stage, stage->now_ms + MINUTE_MS);
		stage_trade(stage, PERP, "60000", qty, i & 1 ? SIDE_BUY : SIDE_SELL);
	}
}

static void delta_is_that_of_its_timeframe_and_exact(void **state)
{
	struct stage *stage = *state;
	minutes_of_trades(stage, 10, "1");
	uint32_t id = stage_add(stage, "local", "BTC delta 5m > 500.001");
	second(stage);
	assert_int_equal(stage_view(stage, id).state, RULE_ARMED);
	stage_trade(stage, PERP, "60000", "500.001", SIDE_BUY); /* after +1 -1 +1 -1 of before */
	second(stage);
	assert_true(stage_view(stage, id).known);
	assert_int_equal(stage->n_told, 1);
	assert_string_equal(stage->message,
			    "BTC delta 5m is at 501.001 on binance:perp:BTCUSDT: > 500.001");
	minutes_of_trades(stage, 6, "1"); /* out of the window again */
	second(stage);
	assert_int_equal(stage_view(stage, id).state, RULE_ARMED);
}

static void a_delta_of_exactly_the_threshold_is_not_above_it(void **state)
{
	struct stage *stage = *state;
	minutes_of_trades(stage, 6, "1");
	second(stage);
	stage_add(stage, "local", "BTC delta 1m > 10.5");
	stage_add(stage, "local", "BTC delta 1m >= 10.5");
	second(stage);
	stage_at(stage, stage->now_ms + MINUTE_MS);
	stage_trade(stage, PERP, "60000", "10.5", SIDE_BUY);
	second(stage);
	assert_int_equal(stage->n_told, 1);
	stage_trade(stage, PERP, "60000", "0.00001", SIDE_BUY); /* the digits rise */
	second(stage);
	assert_int_equal(stage->n_told, 2);
}

static void a_volume_spike_is_over_the_median(void **state)
{
	struct stage *stage = *state;
	minutes_of_trades(stage, 5 * 40, "1");
	uint32_t id = stage_add(stage, "local", "BTC volume 5m spike once");
	second(stage);
	assert_int_equal(stage_view(stage, id).state, RULE_ARMED);
	stage_trade(stage, PERP, "60000", "100", SIDE_BUY);
	second(stage);
	assert_int_equal(stage->n_told, 1);
	assert_non_null(strstr(stage->message, "BTC volume 5m is at "));
}

static struct rates *rates_of(const struct stage *stage)
{
	struct market_id id;
	assert_int_equal(market_id_parse(STR(PERP), &id), STATUS_OK);
	return market_rates(markets_find(stage->markets, &id));
}

static void open_interest_is_a_change_in_percent(void **state)
{
	struct stage *stage = *state;
	stage_trade(stage, PERP, "60000", "1", SIDE_BUY);
	for (int i = 0; i <= 15; i++) {
		rates_take_oi(rates_of(stage), (struct decimal){ 1000, 0 }, false, stage->now_ms);
		stage_at(stage, stage->now_ms + MINUTE_MS);
	}
	uint32_t id = stage_add(stage, "local", "BTC oi > 10%");
	second(stage);
	assert_int_equal(stage_view(stage, id).state, RULE_ARMED);
	rates_take_oi(rates_of(stage), (struct decimal){ 1100, 0 }, false, stage->now_ms);
	second(stage);
	assert_int_equal(stage->n_told, 0);
	rates_take_oi(rates_of(stage), (struct decimal){ 110001, 2 }, false, stage->now_ms);
	second(stage);
	assert_int_equal(stage->n_told, 1);
	assert_string_equal(stage->message,
			    "BTC oi 15m is at 10.001 % on binance:perp:BTCUSDT: > 10 %");
}

static void a_funding_rate_is_compared_exactly_and_only_while_it_is_fresh(void **state)
{
	struct stage *stage = *state;
	struct event_funding funding = { .rate = { 1, 4 } };
	stage_trade(stage, PERP, "60000", "1", SIDE_BUY);
	rates_take_funding(rates_of(stage), &funding, stage->now_ms);
	uint32_t id = stage_add(stage, "local", "BTC funding > 0.05%");
	second(stage);
	assert_int_equal(stage_view(stage, id).state, RULE_ARMED);
	funding.rate = (struct decimal){ 5, 4 };
	rates_take_funding(rates_of(stage), &funding, stage->now_ms);
	second(stage);
	assert_int_equal(stage->n_told, 0);
	funding.rate = (struct decimal){ 50000001, 11 };
	rates_take_funding(rates_of(stage), &funding, stage->now_ms - 61000);
	second(stage);
	assert_int_equal(stage->n_told, 0);
	rates_take_funding(rates_of(stage), &funding, stage->now_ms);
	second(stage);
	assert_int_equal(stage->n_told, 1);
	stage_at(stage, stage->now_ms + 61000);
	assert_int_equal(stage_view(stage, id).pause, RULE_STALE);
}

/* ---- events ---- */

static void a_whale_is_told_of_any_market_quoted_in_dollars(void **state)
{
	struct stage *stage = *state;
	stage_trade(stage, PERP, "60000", "1", SIDE_BUY);
	stage_trade(stage, SPOT, "60000", "1", SIDE_BUY);
	stage_trade(stage, "binance:spot:BTCEUR", "60000", "1", SIDE_BUY);
	uint32_t all = stage_add(stage, "local", "BTC whale > 600000 every 1m");
	stage_add(stage, "local", SPOT " whale > 600000 every 1m");
	stage_trade(stage, PERP, "60000", "10", SIDE_BUY);
	stage_trade(stage, "binance:spot:BTCEUR", "60000", "1000", SIDE_BUY);
	assert_int_equal(stage->n_told, 0);
	stage_trade(stage, PERP, "60000", "10.00000001", SIDE_SELL);
	assert_int_equal(stage->n_told, 1);
	assert_int_equal(stage->told[0].id, all);
	assert_string_equal(stage->message, "BTC whale sold 10.00000001 at 60000 on "
					    "binance:perp:BTCUSDT: > 600000");
	stage_at(stage, stage->now_ms + 60000);
	stage_trade(stage, SPOT, "60000", "11", SIDE_BUY);
	assert_int_equal(stage->n_told, 3);
	stage_trade(stage, SPOT, "60000", "11", SIDE_BUY); /* the cooldown */
	assert_int_equal(stage->n_told, 3);
	assert_int_equal(rules_counts(stage->rules).suppressed, 2);
}

static struct liquidation liquidation_of(const struct stage *stage, int64_t dollars)
{
	struct liquidation liquidation = {
		.t_ms = stage->now_ms,
		.price = { 60000, 0 },
		.quote_e8 = (i128)dollars * 100000000,
		.position = SIDE_BUY,
	};
	assert_int_equal(market_id_parse(STR(PERP), &liquidation.market), STATUS_OK);
	return liquidation;
}

static void a_liquidation_is_told_by_its_size(void **state)
{
	struct stage *stage = *state;
	stage_trade(stage, PERP, "60000", "1", SIDE_BUY);
	stage_add(stage, "local", "BTC liquidation > 1m");
	stage_add(stage, "tg:1", "BTC liquidation > 2m");
	struct liquidation liquidation = liquidation_of(stage, 1000000);
	rules_liquidation(stage->rules, &liquidation);
	assert_int_equal(stage->n_told, 0);
	liquidation.quote_e8++;
	rules_liquidation(stage->rules, &liquidation);
	assert_int_equal(stage->n_told, 1);
	assert_string_equal(stage->message, "BTC long liquidated: 1000000 USD at 60000 on "
					    "binance:perp:BTCUSDT: > 1000000");
	liquidation = liquidation_of(stage, 3000000);
	liquidation.t_ms = stage->now_ms - 10001; /* an old one, newly learnt */
	rules_liquidation(stage->rules, &liquidation);
	assert_int_equal(stage->n_told, 1);
}

static void a_cascade_is_told_when_it_begins(void **state)
{
	struct stage *stage = *state;
	struct cascade cascade = { .asset = "BTC", .n = 7, .risk = 0.75, .active = true };
	stage_trade(stage, PERP, "60000", "1", SIDE_BUY);
	cascade.last_ms = stage->now_ms;
	stage_add(stage, "local", "BTC cascade");
	stage_add(stage, "local", "BTC cascade > 0.75");
	rules_cascade(stage->rules, &cascade);
	assert_int_equal(stage->n_told, 1);
	cascade.active = false;
	rules_cascade(stage->rules, &cascade);
	assert_int_equal(stage->n_told, 1);
}

static void terminals_are_told_of_by_state_and_silence(void **state)
{
	struct stage *stage = *state;
	struct instance instance = { .slot = 3,
				     .identity = { .id = "mt5-001" },
				     .state = INSTANCE_FAILED,
				     .reason = "silence" };
	stage_add(stage, "a", "mt5-001 failed every 1m");
	stage_add(stage, "b", "mt5-001 suspect every 1m");
	stage_add(stage, "c", "all any every 1m");
	stage_add(stage, "d", "mt5-002 any every 1m");
	rules_instance(stage->rules, &instance, INSTANCE_RUNNING);
	assert_int_equal(stage->n_told, 2);
	assert_string_equal(stage->message, "mt5-001 went from RUNNING to FAILED (silence)");
	stage_at(stage, stage->now_ms + 60000);
	instance.flags = INSTANCE_SUSPECT;
	rules_instance(stage->rules, &instance, INSTANCE_FAILED);
	rules_instance(stage->rules, &instance, INSTANCE_FAILED); /* other flags have changed */
	assert_int_equal(stage->n_told, 4);
	assert_string_equal(stage->message, "mt5-001 is suspect: nothing is heard of it (silence)");
}

/* ---- the store ---- */

static void what_is_stored_comes_back_as_it_was(void **state)
{
	struct stage *stage = *state;
	char lines[4][RULE_PACKED_MAX + 1], again[RULE_PACKED_MAX + 1];
	const struct rules_config config = rules_config_default();
	struct err err = { 0 };
	stage_trade(stage, PERP, "60000", "1", SIDE_BUY);
	uint32_t ids[4] = {
		stage_add(stage, "tg:1", "BTC price > 61000 every 1h max 3"),
		stage_add(stage, "tg:1", "BTC price > 1 once"),
		stage_add(stage, "local", "BTC whale > 750k"),
		stage_add(stage, "local", "mt5-001 failed"),
	};
	stage_price(stage, "61001");
	assert_int_equal(rules_snooze(stage->rules, STR(""), ids[3], stage->now_ms + 5000),
			 STATUS_OK);
	assert_int_equal(rules_mute(stage->rules, STR(""), ids[2], true), STATUS_OK);
	for (int i = 0; i < 4; i++) {
		struct buf out = buf_over(lines[i], RULE_PACKED_MAX);
		assert_true(rule_pack(stage->rules, ids[i], &out));
		assert_false(out.overflow);
		lines[i][out.len] = 0;
	}
	assert_string_equal(lines[0],
			    "1 1 tg:1 2 binance:perp:BTCUSDT 1 0 0 1784073600000 1784073601000 1 0 "
			    "20649 1 BTC price > 61000 every 1h max 3");
	struct rules *before = stage->rules;
	stage->rules = stage_rules(stage, &config);
	for (int i = 0; i < 4; i++)
		assert_int_equal(rules_restore(stage->rules, str_of(lines[i]), &err), STATUS_OK);
	assert_int_equal(rules_restore(stage->rules, str_of(lines[0]), &err), STATUS_EXISTS);
	for (int i = 0; i < 4; i++) {
		struct buf out = buf_over(again, RULE_PACKED_MAX);
		assert_true(rule_pack(stage->rules, ids[i], &out));
		again[out.len] = 0;
		assert_string_equal(again, lines[i]);
	}
	rules_destroy(before);
	assert_int_equal(stage_add(stage, "local", "BTC price > 5"), ids[3] + 1);
	stage_at(stage, stage->now_ms + 3600000);
	stage_price(stage, "60000");
	stage_price(stage, "61001");
	assert_int_equal(stage->n_told, 2);
}

static void a_stored_rule_waits_for_its_market(void **state)
{
	struct stage *stage = *state;
	struct err err = { 0 };
	assert_int_equal(rules_restore(stage->rules,
				       STR("1 9 local 1 binance:perp:BTCUSDT 1 0 0 5 0 0 0 0 0 BTC "
					   "price > 61000"),
				       &err),
			 STATUS_OK);
	assert_int_equal(stage_view(stage, 9).pause, RULE_NO_DATA);
	stage_trade(stage, PERP, "60000", "1", SIDE_BUY);
	stage_price(stage, "61001"); /* a step has found the market */
	assert_int_equal(stage->n_told, 1);
}

static void what_is_malformed_is_refused(void **state)
{
	struct stage *stage = *state;
	static const struct {
		const char *line;
		enum status status;
	} rows[] = {
		{ "", STATUS_FORMAT },
		{ "2 9 local", STATUS_VERSION },
		{ "1 0 local 1 binance:perp:BTCUSDT 1 0 0 5 0 0 0 0 0 BTC price > 1",
		  STATUS_FORMAT },
		{ "1 9  1 binance:perp:BTCUSDT 1 0 0 5 0 0 0 0 0 BTC price > 1", STATUS_FORMAT },
		{ "1 9 local 3 binance:perp:BTCUSDT 1 0 0 5 0 0 0 0 0 BTC price > 1",
		  STATUS_FORMAT },
		{ "1 9 local 1 - 1 0 0 5 0 0 0 0 0 BTC price > 1", STATUS_FORMAT },
		{ "1 9 local 1 binance:perp:BTCUSDT 0 0 0 5 0 0 0 0 0 BTC price > 1",
		  STATUS_FORMAT },
		{ "1 9 local 1 binance:spot:BTCUSDT 1 0 0 5 0 0 0 0 0 BTC oi > 1", STATUS_FORMAT },
		{ "1 9 local 1 binance:perp:BTCUSDT 1 0 0 5 0 0 0 0 -1 BTC price > 1",
		  STATUS_FORMAT },
		{ "1 9 local 1 binance:perp:BTCUSDT 1 0 0 5 0 0 0 0 0", STATUS_FORMAT },
		{ "1 9 local 1 binance:perp:BTCUSDT 1 0 0 5 0 0 0 0 0 BTC price", STATUS_FORMAT },
		{ "1 9 local 1 binance:perp:BTCUSDT 0 0 0 5 0 0 0 0 0 all any", STATUS_FORMAT },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = { 0 };
		assert_int_equal(rules_restore(stage->rules, str_of(rows[i].line), &err),
				 rows[i].status);
	}
	assert_int_equal(rules_counts(stage->rules).rules, 0);
	assert_int_equal(rules_counts(stage->rules).groups, 0);
}

/* ---- how often it would have been told ---- */

static struct rule_past past_of(const struct stage *stage, const char *text)
{
	struct rule_past past;
	struct rule_spec spec;
	struct err err = { 0 };
	assert_int_equal(rule_parse(str_of(text), &spec, &err), STATUS_OK);
	assert_int_equal(rules_past(stage->rules, &spec, &past, &err), STATUS_OK);
	return past;
}

static void the_minutes_tell_how_often_a_price_was_crossed(void **state)
{
	struct stage *stage = *state;
	for (int i = 0; i < 30; i++) {
		stage_at(stage, stage->now_ms + MINUTE_MS);
		stage_trade(stage, PERP, i % 10 == 5 ? "61000" : "60000", "1", SIDE_BUY);
	}
	struct rule_past past = past_of(stage, "BTC price > 60500 every 1m");
	assert_true(past.possible);
	assert_int_equal(past.count, 3);
	assert_int_equal(past.at_ms[0], STAGE_MS + 6 * MINUTE_MS);
	assert_int_equal(past_of(stage, "BTC price > 60500 every 10m").count, 3);
	assert_int_equal(past_of(stage, "BTC price > 60500 every 11m").count, 2);
	assert_int_equal(past_of(stage, "BTC price > 60500 once").count, 1);
	assert_int_equal(past_of(stage, "BTC price > 60500 max 2 every 1m").count, 2);
	assert_int_equal(past_of(stage, "BTC price > 61000").count, 0);
	assert_int_equal(past_of(stage, "BTC delta 1m > 5").count, 0);
	assert_false(past_of(stage, "BTC funding > 0.1").possible);
	assert_false(past_of(stage, "mt5-1 failed").possible);
}

static void deltas_and_volumes_of_the_past_are_those_of_their_minutes(void **state)
{
	struct stage *stage = *state;
	minutes_of_trades(stage, 60, "1");
	stage_trade(stage, PERP, "60000", "50", SIDE_BUY);
	minutes_of_trades(stage, 30, "1");
	assert_int_equal(past_of(stage, "BTC delta 5m > 45").count, 1);
	assert_int_equal(past_of(stage, "BTC delta 5m > 55").count, 0);
	struct rule_past past = past_of(stage, "BTC volume 1m > 1000%");
	assert_true(past.possible);
	assert_int_equal(past.count, 1);
}

static void whales_and_liquidations_of_the_past_are_the_newest_ones(void **state)
{
	struct stage *stage = *state;
	stage_trade(stage, PERP, "60000", "20", SIDE_BUY);
	stage_at(stage, stage->now_ms + 1000);
	stage_trade(stage, PERP, "60000", "10", SIDE_BUY);
	struct rule_past past = past_of(stage, "BTC whale > 700000");
	assert_int_equal(past.count, 1);
	assert_true(past.at_least);
	assert_int_equal(past_of(stage, "BTC liquidation > 5000").count, 0);
	assert_int_equal(past_of(stage, "BTC cascade").count, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(delta_is_that_of_its_timeframe_and_exact),
		CASE(a_delta_of_exactly_the_threshold_is_not_above_it),
		CASE(a_volume_spike_is_over_the_median),
		CASE(open_interest_is_a_change_in_percent),
		CASE(a_funding_rate_is_compared_exactly_and_only_while_it_is_fresh),
		CASE(a_whale_is_told_of_any_market_quoted_in_dollars),
		CASE(a_liquidation_is_told_by_its_size),
		CASE(a_cascade_is_told_when_it_begins),
		CASE(terminals_are_told_of_by_state_and_silence),
		CASE(what_is_stored_comes_back_as_it_was),
		CASE(a_stored_rule_waits_for_its_market),
		CASE(what_is_malformed_is_refused),
		CASE(the_minutes_tell_how_often_a_price_was_crossed),
		CASE(deltas_and_volumes_of_the_past_are_those_of_their_minutes),
		CASE(whales_and_liquidations_of_the_past_are_the_newest_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
