/* Limits, halts, symbols and targets, each by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/check.h"
#include "trade/halts.h"
#include "trade/limits.h"
#include "trade/symbols.h"
#include "trade/target.h"

enum { SLOTS = 4 };

#define LOTS(n)  ((int64_t)((n)*100000000.0 + 0.5))
#define MONEY(n) ((int64_t)(n)*100000000)

static const int64_t day_ms = INT64_C(1784073600000); /* 00:00 UTC of a day */

/* Accounts 1@S … 4@S; 0 and 1 are in the group g, whose terminals show what `open` says. */
struct stage {
	struct limits *limits;
	struct limits_open open[SLOTS];
	uint64_t shown;
};

static void open_at(void *ctx, uint32_t slot, struct limits_open *out)
{
	*out = ((struct stage *)ctx)->open[slot];
}

static bool shows(void *ctx, uint32_t slot, uint64_t position)
{
	(void)slot;
	return ((struct stage *)ctx)->shown >= position;
}

static size_t group(void *ctx, struct str name, uint32_t *slots, size_t room)
{
	(void)ctx;
	if (!str_eq(name, STR("g")) || room < 2)
		return 0;
	slots[0] = 0;
	slots[1] = 1;
	return 2;
}

static void account(void *ctx, uint32_t slot, struct str *server, int64_t *login)
{
	(void)ctx;
	*server = STR("S");
	*login = slot + 1;
}

static struct config *config_of(const char *text)
{
	static struct config_problems problems;
	struct config *config = NULL;
	const struct config_source source = { .file_name = STR("weir.conf"),
					      .file_text = str_of(text) };
	assert_int_equal(config_create(&source, &config, &problems), STATUS_OK);
	return config;
}

static void configure(struct stage *stage, const char *text)
{
	struct config *config = config_of(text);
	assert_int_equal(limits_configure(stage->limits, config), STATUS_OK);
	config_destroy(config);
}

static void begin(struct stage *stage, const char *text)
{
	const struct limits_hooks hooks = { open_at, shows, group, account, stage };
	*stage = (struct stage){ 0 };
	stage->limits = limits_create(SLOTS, &hooks);
	assert_non_null(stage->limits);
	limits_step(stage->limits, day_ms + 5000);
	configure(stage, text);
}

static const char *ask(struct stage *stage, uint32_t slot, const char *symbol, int64_t volume,
		       enum limits_stage at)
{
	static const struct str groups[] = { { "g", 1 } };
	const struct limits_ask what = { .slot = slot,
					 .symbol = str_of(symbol),
					 .groups = groups,
					 .group_count = slot < 2,
					 .volume = volume };
	const char *why = limits_check(stage->limits, &what, at);
	return why ? why : "";
}

#define expect(slot, symbol, volume, why)                                                          \
	assert_string_equal(ask(&stage, slot, symbol, volume, LIMITS_TAKING), why)

static void without_settings_anything_goes(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "");
	stage.open[0] = (struct limits_open){ 900, LOTS(900), MONEY(-90000) };
	expect(0, "EURUSD", LOTS(1000), "");
	limits_destroy(stage.limits);
}

static void each_limit_refuses_by_its_name_and_holds_at_its_value(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "[limits]\nmax_volume = 1.5\nmax_positions = 3\nmax_total_volume = 4\n"
		      "symbols = EURUSD,XAUUSD\nmax_day_loss = 100.5\n");
	expect(0, "EURUSD", LOTS(1.5), "");
	expect(0, "EURUSD", LOTS(1.5) + 1, "limit_volume");
	expect(0, "EURUSD.r", LOTS(1), "limit_symbol");
	stage.open[0] = (struct limits_open){ 2, LOTS(2.5), MONEY(-100) };
	expect(0, "XAUUSD", LOTS(1.5), "");
	stage.open[0].volume++;
	expect(0, "XAUUSD", LOTS(1.5), "limit_total_volume");
	stage.open[0].positions = 3;
	expect(0, "XAUUSD", LOTS(0.1), "limit_positions");
	stage.open[0] = (struct limits_open){ 0, 0, -LOTS(100.5) };
	expect(0, "XAUUSD", LOTS(0.1), "limit_loss");
	expect(1, "XAUUSD", LOTS(0.1), ""); /* another's account */
	assert_int_equal(limits_counts(stage.limits).refused, 5);
	limits_destroy(stage.limits);
}

static void an_accounts_own_section_replaces_what_it_names(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "[limits]\nmax_volume = 1\nmax_positions = 1\nsymbols = A\n"
		      "[limits.account:1@S]\nmax_volume = 5\nmax_positions = 0\n"
		      "[limits.account:2@S]\nsymbols = B,C\n");
	stage.open[0].positions = stage.open[1].positions = 1;
	expect(0, "A", LOTS(5), "");
	expect(0, "B", LOTS(5), "limit_symbol");
	expect(1, "A", LOTS(1), "limit_symbol");
	expect(1, "C", LOTS(1), "limit_positions");
	expect(1, "C", LOTS(2), "limit_volume");
	configure(&stage, "[limits]\nmax_volume = 1\n"); /* a reload */
	expect(0, "B", LOTS(2), "limit_volume");
	expect(1, "A", LOTS(1), "");
	limits_destroy(stage.limits);
}

static void a_groups_section_counts_its_terminals_together(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "[limits.group:g]\nmax_positions = 4\nmax_total_volume = 3\n"
		      "max_day_loss = 50\n");
	stage.open[0] = (struct limits_open){ 1, LOTS(1), 0 };
	stage.open[1] = (struct limits_open){ 2, LOTS(1), 0 };
	stage.open[2] = (struct limits_open){ 90, LOTS(90), 0 }; /* not of it */
	expect(0, "A", LOTS(1), "");
	expect(0, "A", LOTS(1.1), "limit_total_volume");
	expect(2, "A", LOTS(50), "");
	stage.open[1].positions = 3;
	expect(0, "A", LOTS(1), "limit_positions");
	stage.open[1].positions = 0;
	limits_deal(stage.limits, STR("S"), 2, 5, day_ms + 4000, MONEY(-49));
	expect(0, "A", LOTS(1), "");
	stage.open[0].profit = MONEY(-1);
	expect(0, "A", LOTS(1), "limit_loss");
	limits_destroy(stage.limits);
}

static void what_is_on_its_way_counts(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "[limits]\nmax_positions = 3\nmax_total_volume = 3\n");
	limits_hold(stage.limits, 0, LIMITS_TAKING, LOTS(1), 1);
	limits_hold(stage.limits, 0, LIMITS_SENDING, LOTS(1), 1);
	expect(0, "A", LOTS(1), "");
	expect(0, "A", LOTS(1.1), "limit_total_volume");
	assert_string_equal(ask(&stage, 0, "A", LOTS(2), LIMITS_SENDING), "");
	assert_string_equal(ask(&stage, 0, "A", LOTS(2.1), LIMITS_SENDING), "limit_total_volume");
	limits_hold(stage.limits, 0, LIMITS_TAKING, LOTS(1), 1);
	expect(0, "A", LOTS(0.1), "limit_positions");
	limits_hold(stage.limits, 0, LIMITS_TAKING, LOTS(1), -1);
	limits_hold(stage.limits, 0, LIMITS_TAKING, LOTS(1), -1);
	limits_hold(stage.limits, 0, LIMITS_SENDING, LOTS(1), -1);
	expect(0, "A", LOTS(3), "");
	limits_destroy(stage.limits);
}

static void what_was_opened_counts_until_the_terminal_shows_it(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "[limits]\nmax_positions = 2\n");
	limits_settle(stage.limits, 0, 11, LOTS(1));
	limits_settle(stage.limits, 0, 12, LOTS(1));
	limits_settle(stage.limits, 1, 13, LOTS(1));
	expect(0, "A", LOTS(1), "limit_positions");
	stage.shown = 11;
	stage.open[0].positions = 1;
	expect(0, "A", LOTS(1), "limit_positions");
	stage.open[0].positions = 0; /* closed at once */
	expect(0, "A", LOTS(1), "");
	limits_settle(stage.limits, 0, 14, LOTS(1));
	expect(0, "A", LOTS(1), "limit_positions");
	limits_step(stage.limits, day_ms + 5000 + LIMITS_SETTLE_MS); /* it never came */
	expect(0, "A", LOTS(1), "");
	limits_settle(stage.limits, 0, 15, LOTS(1));
	limits_settle(stage.limits, 0, 16, LOTS(1));
	limits_forget(stage.limits, 0);
	expect(0, "A", LOTS(1), "");
	for (uint64_t i = 0; i < LIMITS_SETTLING_MAX + 3; i++)
		limits_settle(stage.limits, 2, 100 + i, 1);
	assert_int_equal(limits_counts(stage.limits).settling, LIMITS_SETTLING_MAX);
	assert_true(limits_counts(stage.limits).settled_early >= 3);
	limits_destroy(stage.limits);
}

/* ---- the day ---- */

static void the_day_begins_with_nothing_and_a_deal_counts_once(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "[limits]\nmax_day_loss = 10\n");
	limits_deal(stage.limits, STR("S"), 1, 7, day_ms - 1, MONEY(-500)); /* yesterday's */
	assert_int_equal(limits_day(stage.limits, STR("S"), 1), 0);
	for (int i = 0; i < 3; i++)
		limits_deal(stage.limits, STR("S"), 1, 8, day_ms, MONEY(-6));
	limits_deal(stage.limits, STR("T"), 1, 8, day_ms, MONEY(-6)); /* another broker's */
	assert_int_equal(limits_day(stage.limits, STR("S"), 1), MONEY(-6));
	assert_int_equal(limits_counts(stage.limits).deals_repeated, 2);
	expect(0, "A", 1, "");
	limits_deal(stage.limits, STR("S"), 1, 9, day_ms + 1, MONEY(-4));
	expect(0, "A", 1, "limit_loss");
	stage.open[0].profit = 1;
	expect(0, "A", 1, "");
	stage.open[0].profit = 0;
	limits_step(stage.limits, day_ms + 86399999);
	expect(0, "A", 1, "limit_loss");
	limits_step(stage.limits, day_ms + 86400000);
	expect(0, "A", 1, "");
	limits_step(stage.limits, day_ms + 86399999); /* set back: the day stays */
	limits_deal(stage.limits, STR("S"), 1, 9, day_ms + 5, MONEY(-4));
	assert_int_equal(limits_day(stage.limits, STR("S"), 1), 0);
	limits_destroy(stage.limits);
}

static void more_deals_and_accounts_than_there_is_room_for_do_no_harm(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage, "");
	for (uint64_t deal = 1; deal <= 3 * LIMITS_DEALS_MAX; deal++)
		limits_deal(stage.limits, STR("S"), 1, deal, day_ms, 1);
	assert_int_equal(limits_day(stage.limits, STR("S"), 1), 3 * LIMITS_DEALS_MAX);
	for (uint64_t deal = 2 * LIMITS_DEALS_MAX + 1; deal <= 3 * LIMITS_DEALS_MAX; deal++)
		limits_deal(stage.limits, STR("S"), 1, deal, day_ms, 1);
	assert_int_equal(limits_counts(stage.limits).deals_repeated, LIMITS_DEALS_MAX);
	for (int64_t login = 0; login < 50; login++)
		limits_deal(stage.limits, STR("X"), login, 0, day_ms, 1);
	assert_true(limits_counts(stage.limits).accounts_lost > 0);
	assert_true(limits_counts(stage.limits).accounts >= SLOTS);
	limits_deal(stage.limits, STR("S"), 1, 0, day_ms, INT64_MAX);
	limits_deal(stage.limits, STR("S"), 1, 0, day_ms, INT64_MAX);
	assert_true(limits_day(stage.limits, STR("S"), 1) > 0);
	limits_destroy(stage.limits);
}

/* ---- halts, symbols, targets ---- */

static bool held(const struct halts *halts, const char *instance, const char *of_group)
{
	const struct str groups[] = { STR("x"), str_of(of_group) };
	return halts_hold(halts, str_of(instance), groups, 2);
}

static void a_halt_holds_its_scope_until_it_is_lifted(void **state)
{
	(void)state;
	static struct halts halts;
	assert_false(held(&halts, "mt5-1", "g"));
	assert_int_equal(halts_add(&halts, STR("mt5-1")), STATUS_OK);
	assert_int_equal(halts_add(&halts, STR("mt5-1")), STATUS_EXISTS);
	assert_int_equal(halts_add(&halts, STR("group:g")), STATUS_OK);
	assert_int_equal(halts_add(&halts, STR("group:")), STATUS_INVALID);
	assert_int_equal(halts_add(&halts, STR("account:1@S")), STATUS_INVALID);
	assert_int_equal(halts_add(&halts, STR("")), STATUS_INVALID);
	assert_true(held(&halts, "mt5-1", "h") && held(&halts, "mt5-2", "g"));
	assert_false(held(&halts, "mt5-2", "h") || held(&halts, "group:g", "h"));
	assert_int_equal(halts_lift(&halts, STR("mt5-2")), STATUS_NOT_FOUND);
	assert_int_equal(halts_lift(&halts, STR("mt5-1")), STATUS_OK);
	assert_false(held(&halts, "mt5-1", "h"));
	assert_int_equal(halts_add(&halts, STR("all")), STATUS_OK);
	assert_true(held(&halts, "mt5-9", "h"));
	assert_int_equal(halts_lift(&halts, STR("all")), STATUS_OK); /* with the group's */
	assert_false(held(&halts, "mt5-2", "g"));
	assert_int_equal(halts_lift(&halts, STR("all")), STATUS_NOT_FOUND);
	for (int i = 0; i < HALTS_MAX; i++) {
		char name[16];
		snprintf(name, sizeof name, "t%d", i);
		assert_int_equal(halts_add(&halts, str_of(name)), STATUS_OK);
	}
	assert_int_equal(halts_add(&halts, STR("one-more")), STATUS_FULL);
}

static void a_broker_with_a_section_knows_what_it_names(void **state)
{
	(void)state;
	struct str out;
	struct symbols *symbols = symbols_create();
	struct config *config = config_of("[symbols.A-Live]\nEURUSD = EURUSD.r\nX = X\n"
					  "[symbols.Empty]\n");
	assert_int_equal(symbols_find(symbols, STR("A-Live"), STR("Z"), &out), SYMBOLS_AS_IT_IS);
	assert_int_equal(symbols_configure(symbols, config), STATUS_OK);
	assert_int_equal(symbols_find(symbols, STR("A-Live"), STR("EURUSD"), &out), SYMBOLS_MAPPED);
	config_destroy(config); /* it is its own */
	assert_true(str_eq(out, STR("EURUSD.r")));
	assert_int_equal(symbols_find(symbols, STR("A-Live"), STR("EURUSD.r"), &out),
			 SYMBOLS_UNKNOWN);
	assert_int_equal(symbols_find(symbols, STR("A-Live"), STR(""), &out), SYMBOLS_UNKNOWN);
	assert_int_equal(symbols_find(symbols, STR("Empty"), STR("X"), &out), SYMBOLS_UNKNOWN);
	assert_int_equal(symbols_find(symbols, STR("B-Live"), STR("EURUSD"), &out),
			 SYMBOLS_AS_IT_IS);
	assert_true(str_eq(out, STR("EURUSD")));
	config = config_of("");
	assert_int_equal(symbols_configure(symbols, config), STATUS_OK);
	assert_int_equal(symbols_find(symbols, STR("A-Live"), STR("Z"), &out), SYMBOLS_AS_IT_IS);
	config_destroy(config);
	symbols_destroy(symbols);
}

static void a_target_is_read_by_its_prefix(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum status status;
		enum target_kind kind;
		const char *name;
		int64_t login;
	} cases[] = {
		{ "mt5-017", STATUS_OK, TARGET_INSTANCE, "mt5-017", 0 },
		{ "all", STATUS_OK, TARGET_ALL, "all", 0 },
		{ "ALL", STATUS_OK, TARGET_INSTANCE, "ALL", 0 },
		{ "group:gold", STATUS_OK, TARGET_GROUP, "gold", 0 },
		{ "group:", STATUS_FORMAT, 0, NULL, 0 },
		{ "account:90000001@A-Live", STATUS_OK, TARGET_ACCOUNT, "A-Live", 90000001 },
		{ "account:1@a@b", STATUS_OK, TARGET_ACCOUNT, "a@b", 1 },
		{ "account:@A", STATUS_FORMAT, 0, NULL, 0 },
		{ "account:1@", STATUS_FORMAT, 0, NULL, 0 },
		{ "account:1", STATUS_FORMAT, 0, NULL, 0 },
		{ "account:-1@A", STATUS_FORMAT, 0, NULL, 0 },
		{ "account:99999999999999999999@A", STATUS_FORMAT, 0, NULL, 0 },
		{ "other:1", STATUS_OK, TARGET_INSTANCE, "other:1", 0 },
		{ "", STATUS_FORMAT, 0, NULL, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct target target;
		assert_int_equal(target_read(&target, str_of(cases[i].text)), cases[i].status);
		if (cases[i].status)
			continue;
		assert_int_equal(target.kind, cases[i].kind);
		assert_true(str_eq(target.name, str_of(cases[i].name)));
		assert_int_equal(target.login, cases[i].login);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_settings_anything_goes),
		cmocka_unit_test(each_limit_refuses_by_its_name_and_holds_at_its_value),
		cmocka_unit_test(an_accounts_own_section_replaces_what_it_names),
		cmocka_unit_test(a_groups_section_counts_its_terminals_together),
		cmocka_unit_test(what_is_on_its_way_counts),
		cmocka_unit_test(what_was_opened_counts_until_the_terminal_shows_it),
		cmocka_unit_test(the_day_begins_with_nothing_and_a_deal_counts_once),
		cmocka_unit_test(more_deals_and_accounts_than_there_is_room_for_do_no_harm),
		cmocka_unit_test(a_halt_holds_its_scope_until_it_is_lifted),
		cmocka_unit_test(a_broker_with_a_section_knows_what_it_names),
		cmocka_unit_test(a_target_is_read_by_its_prefix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
