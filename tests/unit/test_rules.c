/* Alerts of people's own: edges, margins, cooldowns, caps, exact thresholds, the store. */
#include "rules_stage.h"

static int setup(void **state)
{
	*state = stage_create();
	stage_trade(*state, PERP, "60000.5", "2", SIDE_BUY);
	stage_trade(*state, SPOT, "60001", "1", SIDE_BUY);
	return 0;
}

static int teardown(void **state)
{
	stage_destroy(*state);
	return 0;
}

/* ---- edges ---- */

static void a_rule_is_told_on_the_edge_and_again_when_it_has_been_back(void **state)
{
	struct stage *stage = *state;
	uint32_t id = stage_add(stage, "local", "BTC price > 70000 every 1m");
	assert_int_equal(stage_view(stage, id).state, RULE_ARMED);
	stage_price(stage, "70000");
	assert_int_equal(stage->n_told, 0);
	stage_price(stage, "70000.1");
	assert_int_equal(stage->n_told, 1);
	assert_string_equal(stage->message,
			    "BTC price is 70000.1 on binance:perp:BTCUSDT: > 70000");
	stage_price(stage, "71000");
	assert_int_equal(stage->n_told, 1);
	stage_at(stage, stage->now_ms + 120000);
	stage_price(stage, "69930.1"); /* a thousandth is 70 */
	stage_price(stage, "70001");
	assert_int_equal(stage->n_told, 1);
	stage_price(stage, "69930");
	assert_int_equal(stage_view(stage, id).state, RULE_ARMED);
	stage_price(stage, "70001");
	assert_int_equal(stage->n_told, 2);
	assert_int_equal(stage_view(stage, id).fired, 2);
}

static void what_is_true_already_waits_until_it_was_false(void **state)
{
	struct stage *stage = *state;
	uint32_t id = stage_add(stage, "local", "BTC price > 60000");
	assert_int_equal(stage_view(stage, id).state, RULE_WAITING);
	stage_price(stage, "60001");
	assert_int_equal(stage->n_told, 0);
	stage_price(stage, "60000");
	assert_int_equal(stage_view(stage, id).state, RULE_ARMED);
	stage_price(stage, "60000.01");
	assert_int_equal(stage->n_told, 1);
}

static void what_is_not_known_yet_is_armed_by_the_first_value_that_is_false(void **state)
{
	struct stage *stage = *state;
	markets_get(stage->markets, VENUE_BYBIT, KIND_PERP, STR("SOLUSDT"));
	uint32_t id = stage_add(stage, "local", "SOL price < 100");
	assert_int_equal(stage_view(stage, id).pause, RULE_NO_DATA);
	assert_int_equal(stage_view(stage, id).state, RULE_WAITING);
	stage_trade(stage, "bybit:perp:SOLUSDT", "99", "1", SIDE_SELL);
	assert_int_equal(stage->n_told, 0);
	stage_trade(stage, "bybit:perp:SOLUSDT", "100", "1", SIDE_SELL);
	stage_trade(stage, "bybit:perp:SOLUSDT", "99.99", "1", SIDE_SELL);
	assert_int_equal(stage->n_told, 1);
}

static void thresholds_are_compared_exactly_at_any_number_of_digits(void **state)
{
	struct stage *stage = *state;
	stage_add(stage, "local", "BTC price >= 60100.123456789");
	stage_add(stage, "local", "BTC price <= 59900.000000001");
	stage_price(stage, "60100.12345678");
	stage_price(stage, "60100.123456788");
	assert_int_equal(stage->n_told, 0);
	stage_price(stage, "60100.123456789"); /* the market's digits rise with it */
	assert_int_equal(stage->n_told, 1);
	stage_price(stage, "59900.000000002");
	assert_int_equal(stage->n_told, 1);
	stage_price(stage, "59900.000000001");
	assert_int_equal(stage->n_told, 2);
}

static void a_threshold_finer_than_the_market_is_neither_moved_up_nor_down(void **state)
{
	struct stage *stage = *state;
	stage_add(stage, "local", "BTC price > 60100.05 once");
	stage_add(stage, "local", "BTC price < 59900.05 once");
	stage_price(stage, "60100");
	stage_price(stage, "59900.1");
	assert_int_equal(stage->n_told, 0);
	stage_price(stage, "60100.1");
	stage_price(stage, "59900");
	assert_int_equal(stage->n_told, 2);
}

/* ---- how often ---- */

static void a_rule_that_is_once_goes_when_it_was_told(void **state)
{
	struct stage *stage = *state;
	uint32_t id = stage_add(stage, "local", "BTC price > 70000 once");
	struct rule_view view;
	stage_price(stage, "70001");
	assert_int_equal(stage->n_told, 1);
	assert_false(rules_find(stage->rules, STR(""), id, &view));
	assert_int_equal(stage->changed, id);
	assert_int_equal(rules_counts(stage->rules).groups, 0);
	assert_int_equal(rules_counts(stage->rules).rules, 0);
}

static void within_its_cooldown_it_is_counted_and_not_told(void **state)
{
	struct stage *stage = *state;
	uint32_t id = stage_add(stage, "local", "BTC price > 70000 every 1h");
	int64_t first_ms = stage->now_ms + 1000;
	stage_price(stage, "70001");
	stage_price(stage, "60000");
	stage_price(stage, "70001");
	assert_int_equal(stage->n_told, 1);
	assert_int_equal(stage_view(stage, id).suppressed, 1);
	stage_price(stage, "60000");
	stage_at(stage, first_ms + 3600000 - 1001);
	stage_price(stage, "70001");
	assert_int_equal(stage->n_told, 1);
	stage_price(stage, "60000"); /* the hour has passed */
	stage_price(stage, "70001");
	assert_int_equal(stage->n_told, 2);
}

static void crossings(struct stage *stage, int n)
{
	for (; n > 0; n--) {
		stage_at(stage, stage->now_ms + 60000);
		stage_price(stage, "70001");
		stage_price(stage, "60000");
	}
}

static void its_cap_and_its_owners_hold_for_the_day(void **state)
{
	struct stage *stage = *state;
	const struct rules_config config = { .owner_max = 100,
					     .owner_day_max = 5,
					     .stale_ms = 10000 };
	rules_destroy(stage->rules);
	stage->rules = stage_rules(stage, &config);
	uint32_t id = stage_add(stage, "local", "BTC price > 70000 every 1m max 3");
	crossings(stage, 5);
	assert_int_equal(stage->n_told, 3);
	assert_int_equal(stage_view(stage, id).pause, RULE_CAPPED);
	uint32_t other = stage_add(stage, "local", "BTC price > 70000 every 1m");
	crossings(stage, 5);
	assert_int_equal(stage->n_told, 5);
	assert_int_equal(stage_view(stage, other).pause, RULE_OWNER_CAPPED);
	stage_add(stage, "tg:1", "BTC price > 70000 every 1m");
	crossings(stage, 1);
	assert_int_equal(stage->n_told, 6);
	stage_at(stage, STAGE_MS + 86400000); /* the next day */
	stage_price(stage, "60000");
	assert_int_equal(stage_view(stage, id).pause, RULE_ACTIVE);
	crossings(stage, 1);
	assert_int_equal(stage->n_told, 9);
}

static void deleting_does_not_give_the_days_share_back(void **state)
{
	struct stage *stage = *state;
	const struct rules_config config = { .owner_max = 100,
					     .owner_day_max = 2,
					     .stale_ms = 10000 };
	rules_destroy(stage->rules);
	stage->rules = stage_rules(stage, &config);
	for (int i = 0; i < 4; i++) {
		stage_add(stage, "local", "BTC price > 70000 once");
		crossings(stage, 1);
		rules_remove_owner(stage->rules, STR("local"));
	}
	assert_int_equal(stage->n_told, 2);
}

static void a_muted_or_snoozed_rule_uses_its_edge_up(void **state)
{
	struct stage *stage = *state;
	uint32_t id = stage_add(stage, "local", "BTC price > 70000 every 1m");
	assert_int_equal(rules_mute(stage->rules, STR("local"), id, true), STATUS_OK);
	crossings(stage, 1);
	assert_int_equal(stage_view(stage, id).pause, RULE_MUTED);
	assert_int_equal(rules_mute(stage->rules, STR("local"), id, false), STATUS_OK);
	assert_int_equal(rules_snooze(stage->rules, STR("local"), id, stage->now_ms + 3600000),
			 STATUS_OK);
	assert_int_equal(stage_view(stage, id).pause, RULE_SNOOZED);
	crossings(stage, 2);
	assert_int_equal(stage->n_told, 0);
	assert_int_equal(stage_view(stage, id).suppressed, 3);
	stage_at(stage, stage->now_ms + 3600000);
	crossings(stage, 1);
	assert_int_equal(stage->n_told, 1);
}

/* ---- stale data ---- */

static void stale_data_pauses_and_what_was_crossed_is_told_when_it_is_back(void **state)
{
	struct stage *stage = *state;
	uint32_t id = stage_add(stage, "local", "BTC price > 70000");
	stage_at(stage, stage->now_ms + 10001);
	assert_int_equal(stage_view(stage, id).pause, RULE_STALE);
	stage_price(stage, "70001");
	assert_int_equal(stage->n_told, 1);
	assert_int_equal(stage_view(stage, id).pause, RULE_ACTIVE);
}

static void trades_that_come_late_change_nothing(void **state)
{
	struct stage *stage = *state;
	stage_add(stage, "local", "BTC price > 70000");
	rules_step(stage->rules, stage->now_ms + 20000); /* the feed lags */
	stage_trade(stage, PERP, "70001", "1", SIDE_BUY);
	assert_int_equal(stage->n_told, 0);
	assert_int_equal(rules_counts(stage->rules).late, 1);
}

/* ---- whose ---- */

static void nobody_touches_anothers(void **state)
{
	struct stage *stage = *state;
	uint32_t id = stage_add(stage, "tg:1", "BTC price > 70000");
	struct rule_view view;
	struct err err;
	struct rule_spec spec = { 0 };
	assert_false(rules_find(stage->rules, STR("tg:2"), id, &view));
	assert_int_equal(rules_remove(stage->rules, STR("tg:2"), id), STATUS_NOT_FOUND);
	assert_int_equal(rules_mute(stage->rules, STR("tg:2"), id, true), STATUS_NOT_FOUND);
	assert_int_equal(rules_snooze(stage->rules, STR("tg:2"), id, 1), STATUS_NOT_FOUND);
	assert_int_equal(rules_edit(stage->rules, STR("tg:2"), id, &spec, &err), STATUS_NOT_FOUND);
	assert_int_equal(rules_board(stage->rules, STR("tg:2"), &view, 1, NULL), 0);
	assert_int_equal(rules_board(stage->rules, STR(""), &view, 1, NULL), 1);
	assert_int_equal(rules_remove(stage->rules, STR(""), id), STATUS_OK);
}

static void an_owner_has_so_many_and_no_more(void **state)
{
	struct stage *stage = *state;
	char text[64];
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof text, "BTC price > %d", 70000 + i);
		stage_add(stage, "local", text);
	}
	assert_string_equal(stage_refuses(stage, "local", "BTC price > 1", STATUS_FULL),
			    "You have 100 alerts already, and that is the most: delete one first.");
	assert_int_equal(rules_counts(stage->rules).refused, 1);
	stage_add(stage, "tg:1", "BTC price > 1");
}

static void in_all_there_are_20000_and_no_more(void **state)
{
	struct stage *stage = *state;
	char owner[24], text[64];
	for (int i = 0; i < RULES_MAX; i++) {
		snprintf(owner, sizeof owner, "tg:%d", i / 100);
		snprintf(text, sizeof text, i % 3 ? "BTC price > %d" : "mt5-%d failed", 61000 + i);
		stage_add(stage, owner, text);
	}
	assert_string_equal(stage_refuses(stage, "local", "BTC price > 1", STATUS_FULL),
			    "There is no room for another alert here (20000 at most).");
	for (int i = 0; i < RULES_MAX / 100; i++) {
		snprintf(owner, sizeof owner, "tg:%d", i);
		assert_int_equal(rules_remove_owner(stage->rules, str_of(owner)), 100);
	}
	assert_int_equal(rules_counts(stage->rules).rules, 0);
	assert_int_equal(rules_counts(stage->rules).owners, 0);
	assert_int_equal(rules_counts(stage->rules).groups, 0);
	stage_add(stage, "local", "BTC price > 1");
}

/* ---- which market ---- */

static bool watches(const struct stage *stage, uint32_t rule, const char *name)
{
	struct rule_view view = stage_view(stage, rule);
	struct market_id id;
	assert_int_equal(market_id_parse(str_of(name), &id), STATUS_OK);
	return view.has_market && market_id_eq(&view.market, &id);
}

static void a_word_means_the_busiest_market_quoted_in_dollars(void **state)
{
	struct stage *stage = *state;
	stage_trade(stage, "binance:spot:BTCEUR", "55000", "100", SIDE_BUY);
	uint32_t rule = stage_add(stage, "local", "BTC price > 70000");
	assert_true(watches(stage, rule, PERP));
	rule = stage_add(stage, "local", "binance:spot:BTCUSDT price > 70000");
	assert_true(watches(stage, rule, SPOT));
	stage_price(stage, "71000");
	assert_int_equal(stage->n_told, 1);
}

static void what_no_market_can_tell_is_refused(void **state)
{
	struct stage *stage = *state;
	stage_trade(stage, "binance:spot:ETHBTC", "0.05", "1", SIDE_BUY);
	assert_string_equal(stage_refuses(stage, "local", "DOGE price > 1", STATUS_NOT_FOUND),
			    "Unknown symbol 'DOGE': no such market is followed.");
	assert_string_equal(stage_refuses(stage, "local", "ETH oi > 10%", STATUS_INVALID),
			    "No perpetual of ETH is followed: spot has no open interest.");
	assert_string_equal(stage_refuses(stage, "local", "ETH whale", STATUS_INVALID),
			    "No market of ETH is quoted in dollars: sizes would mean nothing.");
	assert_string_equal(
	    stage_refuses(stage, "local", PERP " cascade", STATUS_INVALID),
	    "A cascade is of an asset over all its markets: write its symbol, not " PERP ".");
	assert_string_equal(stage_refuses(stage, "a b", "BTC price > 1", STATUS_INVALID),
			    "An alert needs an owner.");
}

static void an_edit_begins_anew_and_keeps_its_number(void **state)
{
	struct stage *stage = *state;
	uint32_t id = stage_add(stage, "local", "BTC price > 70000");
	struct rule_spec spec = stage_view(stage, id).spec;
	struct err err = { 0 };
	stage_price(stage, "70001");
	assert_int_equal(rule_parse_change(STR("> 72000"), &spec, &err), STATUS_OK);
	assert_int_equal(rules_edit(stage->rules, STR("local"), id, &spec, &err), STATUS_OK);
	assert_int_equal(stage_view(stage, id).state, RULE_ARMED);
	assert_int_equal(stage_view(stage, id).fired, 1);
	stage_at(stage, stage->now_ms + 900000);
	stage_price(stage, "71999");
	stage_price(stage, "72001");
	assert_int_equal(stage->n_told, 2);
	assert_int_equal(rule_parse_change(STR("BTC delta 5m > 100"), &spec, &err), STATUS_OK);
	assert_int_equal(rules_edit(stage->rules, STR("local"), id, &spec, &err), STATUS_OK);
	assert_int_equal(rules_counts(stage->rules).groups, 1);
	assert_int_equal(rule_parse_change(STR("DOGE price > 100"), &spec, &err), STATUS_OK);
	assert_int_equal(rules_edit(stage->rules, STR("local"), id, &spec, &err), STATUS_NOT_FOUND);
	assert_int_equal(stage_view(stage, id).spec.metric, RULE_delta);
}

/* ---- the board ---- */

static void the_board_begins_with_what_is_closest(void **state)
{
	struct stage *stage = *state;
	struct rule_view views[8];
	size_t total;
	stage_price(stage, "60000");
	uint32_t far = stage_add(stage, "local", "BTC price > 90000");
	uint32_t event = stage_add(stage, "local", "mt5-1 failed");
	uint32_t near = stage_add(stage, "local", "BTC price < 59400");
	uint32_t already = stage_add(stage, "local", "BTC price > 100");
	stage_add(stage, "tg:1", "BTC price > 60001");
	assert_int_equal(rules_board(stage->rules, STR("local"), views, 8, &total), 4);
	assert_int_equal(total, 4);
	assert_int_equal(views[0].id, near);
	assert_true(views[0].distance > 1.0101 && views[0].distance < 1.0102);
	assert_int_equal(views[1].id, far);
	assert_int_equal(views[2].id, already);
	assert_int_equal(views[3].id, event);
	assert_int_equal(rules_board(stage->rules, STR(""), views, 2, &total), 2);
	assert_int_equal(total, 5);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_rule_is_told_on_the_edge_and_again_when_it_has_been_back),
		CASE(what_is_true_already_waits_until_it_was_false),
		CASE(what_is_not_known_yet_is_armed_by_the_first_value_that_is_false),
		CASE(thresholds_are_compared_exactly_at_any_number_of_digits),
		CASE(a_threshold_finer_than_the_market_is_neither_moved_up_nor_down),
		CASE(a_rule_that_is_once_goes_when_it_was_told),
		CASE(within_its_cooldown_it_is_counted_and_not_told),
		CASE(its_cap_and_its_owners_hold_for_the_day),
		CASE(deleting_does_not_give_the_days_share_back),
		CASE(a_muted_or_snoozed_rule_uses_its_edge_up),
		CASE(stale_data_pauses_and_what_was_crossed_is_told_when_it_is_back),
		CASE(trades_that_come_late_change_nothing),
		CASE(nobody_touches_anothers),
		CASE(an_owner_has_so_many_and_no_more),
		CASE(in_all_there_are_20000_and_no_more),
		CASE(a_word_means_the_busiest_market_quoted_in_dollars),
		CASE(what_no_market_can_tell_is_refused),
		CASE(an_edit_begins_anew_and_keeps_its_number),
		CASE(the_board_begins_with_what_is_closest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
