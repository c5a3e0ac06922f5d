/* /alerts add, edit, del, mute, unmute, snooze, test: people's own alerts, every sentence. */
#include "test_ask_golden.h"

#include <jansson.h>

#include "base/check.h"
#include "rules/rules.h"

static struct ask_world world;

static struct rules *new_rules(void)
{
	const struct rules_config config = rules_config_default();
	const struct rules_hooks hooks = { 0 };
	struct rules *rules = rules_create(world.markets, &config, &hooks);
	assert_non_null(rules);
	rules_step(rules, WORLD_END_MS);
	return rules;
}

static int setup(void **state)
{
	(void)state;
	world.rules = new_rules();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rules_destroy(world.rules);
	world.rules = NULL;
	return 0;
}

static enum ask_outcome put(struct buf *out, struct ask_request request)
{
	enum ask_outcome outcome;
	request.now_ms = WORLD_END_MS;
	assert_int_equal(ask_answer(&world, &request, out, &outcome), STATUS_OK);
	return outcome;
}

/* Questions and their answers, one behind the other. */
static void conversation(const char *golden, const char *owner, const char *const *questions,
			 size_t n, enum ask_outcome wanted)
{
	static char text[1 << 16];
	struct buf out = buf_over(text, sizeof text);
	for (size_t i = 0; i < n; i++) {
		const struct ask_request request = { .text = str_of(questions[i]),
						     .owner = str_of(owner),
						     .role = ROLE_READER };
		buf_printf(&out, "> %s\n", questions[i]);
		assert_int_equal(put(&out, request), wanted);
		buf_char(&out, '\n');
	}
	assert_false(out.overflow);
	same_as_golden(golden, buf_str(&out));
}

static void an_alert_is_set_changed_and_deleted(void **state)
{
	(void)state;
	static const char *const questions[] = {
		"/alerts add ETH price > 2700",
		"/alerts add ETH price > 100 once",
		"/alerts add binance:spot:ETHUSDT delta 15m < -1000 every 1h max 3",
		"/alerts add ETH volume spike",
		"/alerts add ETH oi 15m > 10%",
		"/alerts add ETH funding > 0.05%",
		"/alerts add ETH liquidation > 1m",
		"/alerts add ETH cascade",
		"/alerts add ETH whale",
		"/alerts add all failed",
		"/alerts edit 1 > 2800",
		"/alerts edit #1 once",
		"/alerts mute 2",
		"/alerts snooze 3 90m",
		"/alerts unmute 3",
		"/alerts del 4",
	};
	conversation("own_changes.txt", "", questions, ARRAY_LEN(questions), ASK_ANSWERED);
	goldens(&world, "own_board", "/alerts", WORLD_END_MS);
}

static void what_is_wrong_is_said(void **state)
{
	(void)state;
	static const char *const usage[] = {
		"/alerts foo",
		"/alerts lst",
		"/alerts list everything",
		"/alerts add",
		"/alerts add BTC",
		"/alerts add BTC prise > 1",
		"/alerts add BTC price",
		"/alerts add BTC price 70000",
		"/alerts add BTC price > 70,000",
		"/alerts add BTC price > 5%",
		"/alerts add BTC delta 7m > 1",
		"/alerts add BTC price 5m > 1",
		"/alerts add BTC whale > 10",
		"/alerts add BTC price > 1 once every 1h",
		"/alerts add BTC price > 1 every 5s",
		"/alerts add BTC price > 1 max 0",
		"/alerts edit",
		"/alerts edit x > 1",
		"/alerts edit 1",
		"/alerts edit 1 > x",
		"/alerts del x",
		"/alerts del 1 2",
		"/alerts mute",
		"/alerts snooze 1",
		"/alerts snooze 1 5s",
		"/alerts snooze 1 1h 2h",
		"/alerts test",
		"/alerts add <b>&\xc3\xa4 price > 1",
	};
	struct buf out = buf_over(storage, sizeof storage);
	struct ask_request request = { .text = STR("/alerts add ETH price > 9000") };
	assert_int_equal(put(&out, request), ASK_ANSWERED);
	conversation("own_usage.txt", "", usage, ARRAY_LEN(usage), ASK_USAGE);
}

static void what_cannot_be_is_said(void **state)
{
	(void)state;
	static const char *const questions[] = {
		"/alerts add DOGE price > 1",
		"/alerts del 77",
		"/alerts edit 77 > 1",
		"/alerts mute 77",
		"/alerts unmute 77",
		"/alerts snooze 77 1h",
		"/alerts add mt5-001 failed",
		"/alerts test DOGE price > 1",
		"/alerts add BTCFDUSD oi > 1%",
		"/alerts add BTCEUR whale",
		"/alerts add binance:perp:ETHUSDT cascade",
	};
	conversation("own_refusals.txt", "tg:1", questions, ARRAY_LEN(questions), ASK_NO);
}

static void a_dry_run_says_by_what(void **state)
{
	(void)state;
	static const char *const questions[] = {
		"/alerts test ETH price > 2700", "/alerts test ETH delta 60m > 300 every 1h",
		"/alerts test ETH volume spike", "/alerts test ETH oi > 1%",
		"/alerts test ETH whale",        "/alerts test ETH liquidation",
		"/alerts test ETH cascade",      "/alerts test ETH funding > 0.01%",
		"/alerts test all failed",       "/alerts test ETH price > 100",
	};
	conversation("own_tests.txt", "", questions, ARRAY_LEN(questions), ASK_ANSWERED);
	golden(&world, "own_test.json", "/alerts test ETH price > 2700", ASK_JSON, WORLD_END_MS);
}

static void an_owner_sees_and_changes_his_own_alone(void **state)
{
	(void)state;
	const struct ask_request ada = { .text = STR("/alerts add ETH price > 9000"),
					 .owner = STR("tg:1"),
					 .role = ROLE_READER };
	struct ask_request bob = { .owner = STR("tg:2"), .role = ROLE_READER };
	struct buf out = buf_over(storage, sizeof storage);
	assert_int_equal(put(&out, ada), ASK_ANSWERED);
	bob.text = STR("/alerts del 1");
	buf_clear(&out);
	assert_int_equal(put(&out, bob), ASK_NO);
	assert_true(str_eq(buf_str(&out), STR("You have no alert 1: /alerts lists them.\n")));
	bob.text = STR("/alerts list all"); /* of nobody but him */
	buf_clear(&out);
	assert_int_equal(put(&out, bob), ASK_ANSWERED);
	assert_null(memmem(out.ptr, out.len, "9000", 4));
	bob.owner = STR(""); /* somebody local */
	buf_clear(&out);
	assert_int_equal(put(&out, bob), ASK_ANSWERED);
	assert_non_null(memmem(out.ptr, out.len, "ETH price > 9000 · tg:1", 24));
	bob.text = STR("/alerts del 1");
	assert_int_equal(put(&out, bob), ASK_ANSWERED);
}

static void who_may_only_look_changes_nothing(void **state)
{
	(void)state;
	static const char *const texts[] = { "/alerts add ETH price > 9000",
					     "/alerts edit 1 > 2",
					     "/alerts del 1",
					     "/alerts mute 1",
					     "/alerts unmute 1",
					     "/alerts snooze 1 1h" };
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct ask_request request = { .text = str_of(texts[i]), .look_only = true };
		struct buf out = buf_over(storage, sizeof storage);
		assert_int_equal(put(&out, request), ASK_NO);
		assert_true(str_eq(buf_str(&out), STR("Nothing may be changed from here.\n")));
		request = (struct ask_request){ .text = str_of(texts[i]), .owner = STR("tg:1") };
		buf_clear(&out);
		assert_int_equal(put(&out, request), ASK_NO);
	}
	assert_int_equal(rules_counts(world.rules).rules, 0);
	struct ask_request request = { .text = STR("/alerts test ETH price > 9000"),
				       .look_only = true };
	struct buf out = buf_over(storage, sizeof storage);
	assert_int_equal(put(&out, request), ASK_ANSWERED);
}

static void a_full_board_fits_a_page(void **state)
{
	(void)state;
	struct ask_request request = { 0 };
	char text[64];
	for (int i = 0; i < 100; i++) {
		struct buf out = buf_over(storage, sizeof storage);
		snprintf(text, sizeof text, "/alerts add ETH price > %d", 5000 + i);
		request.text = str_of(text);
		assert_int_equal(put(&out, request), ASK_ANSWERED);
	}
	struct buf out = buf_over(storage, sizeof storage);
	request.text = STR("/alerts add ETH price > 9000");
	assert_int_equal(put(&out, request), ASK_NO);
	request.text = STR("/alerts");
	buf_clear(&out);
	assert_int_equal(put(&out, request), ASK_ANSWERED);
	assert_true(out.len < 4500);
	assert_non_null(memmem(out.ptr, out.len, " more: ask JSON", 15));
	request.format = ASK_JSON;
	buf_clear(&out);
	assert_int_equal(put(&out, request), ASK_ANSWERED);
	json_t *json = json_loadb(out.ptr, out.len, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(json_object_get(json, "data"), "own")),
			 100);
	json_decref(json);
}

static void without_rules_it_is_said(void **state)
{
	(void)state;
	struct ask_world none = world;
	none.rules = NULL;
	assert_string_equal(ask_text(&none, "/alerts add ETH price > 1", 0),
			    "No alerts are kept here.\n");
}

static int make_world(void **state)
{
	(void)state;
	world = (struct ask_world){ .markets = world_create(false, WORLD_END_MS),
				    .options = ask_options_default(),
				    .alerts = world_alerts(WORLD_END_MS) };
	world.options.live = true;
	return 0;
}

static int free_world(void **state)
{
	(void)state;
	markets_destroy(world.markets);
	alerts_destroy((struct alerts *)world.alerts);
	return 0;
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(an_alert_is_set_changed_and_deleted),
		CASE(what_is_wrong_is_said),
		CASE(what_cannot_be_is_said),
		CASE(a_dry_run_says_by_what),
		CASE(an_owner_sees_and_changes_his_own_alone),
		CASE(who_may_only_look_changes_nothing),
		CASE(a_full_board_fits_a_page),
		CASE(without_rules_it_is_said),
	};
	return cmocka_run_group_tests(tests, make_world, free_world);
}
