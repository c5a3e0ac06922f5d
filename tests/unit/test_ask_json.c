/* The JSON of the answers: the fields of the reference, all of them and no other,
 * and figures that agree with the minutes they come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>

#include "ask/asked.h"
#include "ask/page.h"
#include "ask/reference.h"
#include "accounts_world.h"
#include "trade/halts.h"
#include "rules/rules.h"

static struct ask_world world;
static char storage[ASK_OUT_LIMIT], other[ASK_OUT_LIMIT];

/* Every question that is answered is among them, with ETH where it takes a symbol. */
static const char *const questions[] = {
	"/price ETH",    "/price BTC",        "/volume ETH 60m", "/cvd ETH 5m",  "/cvd BTC",
	"/momentum ETH", "/flow ETH",         "/oi ETH",         "/funding ETH", "/oi",
	"/funding",      "/liquidations ETH", "/top10",          "/top10 oi",    "/analysis ETH",
	"/analysis",     "/alerts",           "/liquidations",   "/help",        "/fleet",
	"/memory",       "/balance",          "/positions",      "/pnl",         "/halt",
};

static struct str ask(const struct ask_world *of, const char *text, enum ask_format format,
		      char *room)
{
	struct ask_request request = { .text = str_of(text), .format = format };
	struct buf out = buf_over(room, ASK_OUT_LIMIT);
	enum ask_outcome outcome;
	assert_int_equal(ask_answer(of, &request, &out, &outcome), STATUS_OK);
	return buf_str(&out);
}

static json_t *ask_json(const struct ask_world *of, const char *text)
{
	struct str answer = ask(of, text, ASK_JSON, storage);
	json_error_t error;
	json_t *json = json_loadb(answer.ptr, answer.len, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		fail_msg("%s: %s at %d", text, error.text, error.position);
	return json;
}

/* Decimals as 10^-18 units. */
static i128 units(const json_t *value)
{
	struct decimal decimal;
	assert_true(json_is_string(value));
	const char *text = json_string_value(value);
	/* Quote sums may exceed 63 bits with their scale: read in two halves. */
	const char *point = strchr(text, '.');
	size_t whole = point ? (size_t)(point - text) : strlen(text);
	int64_t integer;
	assert_int_equal(str_to_i64(str_make(text, whole), &integer), STATUS_OK);
	i128 sum = (i128)integer * decimal_pow10(18);
	if (!point)
		return sum;
	char fraction[64];
	snprintf(fraction, sizeof fraction, "%s0%s", text[0] == '-' ? "-" : "", point);
	assert_int_equal(decimal_parse(str_of(fraction), &decimal), STATUS_OK);
	return sum + (i128)decimal.mantissa * decimal_pow10(18 - decimal.scale);
}

static const struct ask_field *find_in(const struct ask_field *fields, size_t count,
				       const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(fields[i].path, path) == 0)
			return &fields[i];
	return NULL;
}

static const struct ask_field *find(enum question question, const char *path)
{
	size_t n[3];
	const struct ask_field *lists[3] = { ask_fields_common(&n[0]), ask_fields_market(&n[1]),
					     ask_fields_of(question, &n[2]) };
	const struct ask_field *field = NULL;
	for (size_t i = 0; i < 3 && !field; i++)
		field = find_in(lists[i], n[i], path);
	return field;
}

static bool has_type(const json_t *value, const char *type)
{
	if (json_is_null(value))
		return true;
	if (strcmp(type, "decimal") == 0)
		return json_is_string(value) && units(value) * 0 == 0;
	if (strcmp(type, "word") == 0)
		return json_is_string(value);
	if (strcmp(type, "bool") == 0)
		return json_is_boolean(value);
	if (strcmp(type, "object") == 0)
		return json_is_object(value);
	if (strcmp(type, "array") == 0)
		return json_is_array(value);
	return json_is_integer(value) && (strcmp(type, "int") == 0 || strcmp(type, "ms") == 0);
}

/* Every member is in the reference, with its type. */
static void walk(enum question question, const json_t *value, const char *path)
{
	char below[160];
	const char *key;
	json_t *member;
	size_t index;
	if (json_is_array(value)) {
		snprintf(below, sizeof below, "%s[]", path);
		json_array_foreach(value, index, member) walk(question, member, below);
		return;
	}
	json_object_foreach((json_t *)value, key, member)
	{
		snprintf(below, sizeof below, "%s%s%s", path, path[0] ? "." : "", key);
		const struct ask_field *field = find(question, below);
		if (!field)
			fail_msg("%s is not in the reference", below);
		if (!has_type(member, field->type))
			fail_msg("%s is no %s", below, field->type);
		walk(question, member, below);
	}
}

static bool has_path(const json_t *value, const char *path)
{
	if (!path[0])
		return true;
	if (path[0] == '.')
		path++;
	if (path[0] == '[') {
		for (size_t i = 0; i < json_array_size(value); i++)
			if (has_path(json_array_get(value, i), path + 2))
				return true;
		return false;
	}
	char key[64];
	size_t len = strcspn(path, ".[");
	snprintf(key, sizeof key, "%.*s", (int)len, path);
	const json_t *member = json_object_get(value, key);
	return member && has_path(member, path + len);
}

/* The dry run is told by /alerts test alone. */
static bool is_of_another(const char *question, const char *path)
{
	return str_starts(str_of(question), STR("/alerts")) &&
	       str_starts(str_of(path), STR("data.past"));
}

static void has_all(const json_t *answer, const char *question, const struct ask_field *fields,
		    size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!is_of_another(question, fields[i].path) && !has_path(answer, fields[i].path))
			fail_msg("%s is in the reference and not in the answer", fields[i].path);
}

/* Of BTC not everything is known (depth, a cascade, whales). */
static bool is_whole(const char *question, enum question kind)
{
	return strstr(question, "ETH") || !asked_takes_symbol(kind);
}

static bool has_markets(enum question question)
{
	size_t count;
	const struct ask_field *fields = ask_fields_of(question, &count);
	return find_in(fields, count, "data.markets[].market") != NULL;
}

static void answers_have_the_fields_of_the_reference(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
		json_t *answer = ask_json(&world, questions[i]);
		struct asked asked;
		size_t count;
		assert_int_equal(asked_parse(str_of(questions[i]), 256, STR("BTC"), &asked), 0);
		walk(asked.question, answer, "");
		const struct ask_field *own = ask_fields_of(asked.question, &count);
		if (is_whole(questions[i], asked.question))
			has_all(answer, questions[i], own, count);
		if (has_markets(asked.question)) {
			const struct ask_field *fields = ask_fields_market(&count);
			has_all(answer, questions[i], fields, count);
			fields = ask_fields_common(&count);
			has_all(answer, questions[i], fields, count);
		}
		json_decref(answer);
	}
}

static void every_question_is_held_against_the_reference(void **state)
{
	(void)state;
	for (enum question question = 0; question < QUESTION_COUNT; question++) {
		size_t fields, asked_of = 0;
		for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
			struct asked asked;
			asked_parse(str_of(questions[i]), 256, STR("BTC"), &asked);
			asked_of += asked.question == question && is_whole(questions[i], question);
		}
		ask_fields_of(question, &fields);
		assert_true(asked_of > 0);
		assert_true(fields > 0);
	}
}

static void refusals_have_the_common_fields(void **state)
{
	(void)state;
	static const char *const texts[] = { "/price DOGE", "/cvd ETH 7m",    "/oi SOL",        "",
					     "/price SOL",  "/top10 spot oi", "/balance nobody" };
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		json_t *answer = ask_json(&world, texts[i]);
		walk(QUESTION_price, answer, "");
		assert_true(json_is_string(json_object_get(answer, "error")));
		assert_true(json_is_null(json_object_get(answer, "data")));
		assert_true(json_is_null(json_object_get(answer, "coverage")));
		json_decref(answer);
	}
}

static uint32_t chars_of(struct str text)
{
	uint32_t n = 0;
	for (size_t i = 0; i < text.len; i++)
		n += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
	return n;
}

static void text_is_the_same_in_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
		json_t *answer = ask_json(&world, questions[i]);
		struct str text = ask(&world, questions[i], ASK_TEXT, other);
		const char *inside = json_string_value(json_object_get(answer, "text"));
		assert_int_equal(strlen(inside), text.len);
		assert_memory_equal(inside, text.ptr, text.len);
		assert_true(chars_of(text) <= PAGE_CHARS);
		json_decref(answer);
	}
}

struct expected {
	i128 cvd, cvd_quote, delta, buy, sell, day; /* 10^-18 units */
	int64_t origin_ms;
};

/* From the minutes themselves, one after another. */
static struct expected add_up(const struct market *market, int32_t minutes)
{
	struct expected out = { 0 };
	struct market_cursor cursor = { 0 };
	struct bar bar;
	int32_t price_scale, qty_scale;
	market_scales(market, &price_scale, &qty_scale);
	i128 base = decimal_pow10(18 - qty_scale),
	     quote = decimal_pow10(18 - price_scale - qty_scale);
	int64_t end = (market_newest_ms(market) / MINUTE_MS + 1) * MINUTE_MS;
	while (market_next_minute(market, &cursor, &bar)) {
		i128 delta = (i128)(bar.buy - bar.sell) * base;
		out.origin_ms = out.origin_ms ? out.origin_ms : bar.minute_ms;
		out.cvd += delta;
		out.cvd_quote += (bar.buy_quote - bar.sell_quote) * quote;
		if (bar.minute_ms >= end - (int64_t)1440 * MINUTE_MS)
			out.day += delta;
		if (bar.minute_ms < end - (int64_t)minutes * MINUTE_MS)
			continue;
		out.delta += delta;
		out.buy += (i128)bar.buy * base;
		out.sell += (i128)bar.sell * base;
	}
	return out;
}

static void is_units(const json_t *object, const char *key, i128 expected)
{
	if (units(json_object_get(object, key)) != expected)
		fail_msg("%s is %s", key, json_string_value(json_object_get(object, key)));
}

static void cvd_agrees(const struct ask_world *of)
{
	json_t *answer = ask_json(of, "/cvd ETH 5m");
	json_t *data = json_object_get(answer, "data"), *market;
	i128 total = 0;
	size_t index;
	json_array_foreach(json_object_get(data, "markets"), index, market)
	{
		struct market_id id;
		const char *name = json_string_value(json_object_get(market, "market"));
		assert_int_equal(market_id_parse(str_of(name), &id), STATUS_OK);
		struct expected expected = add_up(markets_find(of->markets, &id), 5);
		is_units(market, "cvd", expected.cvd);
		is_units(market, "cvd_quote", expected.cvd_quote);
		is_units(market, "delta", expected.delta);
		is_units(market, "buy", expected.buy);
		is_units(market, "sell", expected.sell);
		is_units(market, "change_24h", expected.day);
		assert_int_equal(json_integer_value(json_object_get(market, "origin_ms")),
				 expected.origin_ms);
		total += expected.cvd_quote;
	}
	assert_int_equal(index, 4);
	is_units(json_object_get(data, "total_quote"), "cvd", total);
	json_decref(answer);
}

static void cvd_is_what_the_minutes_add_up_to(void **state)
{
	(void)state;
	cvd_agrees(&world);
}

/* Longer than the 72 h that are kept: the origin moves with them. */
static void cvd_of_a_full_state_starts_72_hours_ago(void **state)
{
	(void)state;
	struct market_config config = { .whale_quote = 500000 };
	struct ask_world full = { .markets = markets_create(&config),
				  .options = ask_options_default() };
	for (size_t i = 0; i < 4; i++)
		world_fill(full.markets, &world_markets[i], i,
			   WORLD_START_MS + INT64_C(80) * 3600000);
	cvd_agrees(&full);
	json_t *answer = ask_json(&full, "/cvd ETH 5m");
	int64_t origin =
	    json_integer_value(json_object_get(json_object_get(answer, "data"), "origin_ms"));
	assert_in_range(origin, WORLD_START_MS + INT64_C(8) * 3600000,
			WORLD_START_MS + INT64_C(8) * 3600000 + 5 * MINUTE_MS);
	json_decref(answer);
	markets_destroy(full.markets);
}

/* Quote delta of the minutes from `from_ms` on. */
static i128 quote_delta_since(const struct market *market, int64_t from_ms)
{
	struct market_cursor cursor = { 0 };
	struct bar bar;
	int32_t price_scale, qty_scale;
	i128 sum = 0;
	market_scales(market, &price_scale, &qty_scale);
	while (market_next_minute(market, &cursor, &bar))
		if (bar.minute_ms >= from_ms)
			sum += bar.buy_quote - bar.sell_quote;
	return sum * decimal_pow10(18 - price_scale - qty_scale);
}

static void sums_are_of_the_same_minutes_for_all(void **state)
{
	(void)state;
	struct ask_world lagging = { .markets = world_create(false, WORLD_END_MS),
				     .options = ask_options_default() };
	const struct world_market *row = &world_markets[0];
	struct market *ahead =
	    markets_get(lagging.markets, row->venue, row->kind, str_of(row->symbol));
	world_trade(ahead, row, WORLD_LATER_ID, 268000, 10000, SIDE_BUY, WORLD_END_MS + 150000);
	int64_t end_ms = WORLD_END_MS + 3 * MINUTE_MS; /* of the newest minute */
	i128 quarter = 0, day = 0;
	for (size_t i = 0; i < 4; i++) {
		row = &world_markets[i];
		struct market *market =
		    markets_get(lagging.markets, row->venue, row->kind, str_of(row->symbol));
		quarter += quote_delta_since(market, end_ms - 15 * MINUTE_MS);
		day += quote_delta_since(market, end_ms - INT64_C(1440) * MINUTE_MS);
	}
	json_t *answer = ask_json(&lagging, "/cvd ETH 15m");
	json_t *total = json_object_get(json_object_get(answer, "data"), "total_quote");
	is_units(total, "delta", quarter);
	is_units(total, "change_24h", day);
	json_decref(answer);
	answer = ask_json(&lagging, "/price ETH");
	total = json_object_get(json_object_get(answer, "data"), "total_quote");
	is_units(total, "delta_15m", quarter);
	is_units(total, "delta_24h", day);
	json_decref(answer);
	markets_destroy(lagging.markets);
}

static void totals_leave_out_other_quotes(void **state)
{
	(void)state;
	json_t *answer = ask_json(&world, "/price BTC");
	json_t *data = json_object_get(answer, "data"), *market;
	json_t *total = json_object_get(data, "total_quote");
	i128 sum = 0;
	size_t index, left_out = 0;
	json_array_foreach(json_object_get(data, "markets"), index, market)
	{
		if (json_is_true(json_object_get(market, "in_total")))
			sum += units(json_object_get(market, "volume_24h_quote"));
		else
			left_out++;
	}
	assert_int_equal(left_out, 1);
	is_units(total, "volume_24h", sum);
	assert_int_equal(json_integer_value(json_object_get(total, "markets")), 2);
	json_decref(answer);
}

static void the_committed_reference_is_the_generated_one(void **state)
{
	(void)state;
	struct buf out = buf_over(storage, sizeof storage);
	ask_print_reference(&out);
	assert_false(out.overflow);
	char path[512];
	snprintf(path, sizeof path, "%s/../../docs/reference/ask.md", TEST_DATA_DIR);
	FILE *file = fopen(path, getenv("UPDATE_GOLDEN") ? "wb+" : "rb");
	assert_non_null(file);
	if (getenv("UPDATE_GOLDEN")) {
		assert_int_equal(fwrite(out.ptr, 1, out.len, file), out.len);
		rewind(file);
	}
	size_t len = fread(other, 1, sizeof other, file);
	fclose(file);
	assert_int_equal(len, out.len);
	assert_memory_equal(other, out.ptr, len);
}

static void on_event(void *ctx, const struct fleet_event *event) { (void)ctx, (void)event; }
static void on_moved(void *ctx, const struct instance *instance, enum instance_state from)
{
	(void)ctx, (void)instance, (void)from;
}
static void on_action(void *ctx, const struct fleet_action *action) { (void)ctx, (void)action; }
static void on_position(void *ctx, const struct instance *instance, enum position_change change,
			const struct position *position)
{
	(void)ctx, (void)instance, (void)change, (void)position;
}

/* One terminal, never seen: its fields are there. */
static struct fleet *world_fleet(struct alerts *alerts)
{
	static const struct fleet_hooks hooks = { on_event, on_moved, on_action, on_position,
						  NULL };
	const struct fleet_settings settings = fleet_settings_default();
	const struct instance_identity identity = { .id = "mt5-001" };
	struct fleet *fleet = fleet_create(4, &settings, alerts, 1, &hooks);
	uint32_t slot;
	assert_int_equal(fleet_add(fleet, &identity, &slot), STATUS_OK);
	return fleet;
}

static void the_dry_run_has_the_fields_of_the_reference(void **state)
{
	(void)state;
	size_t count;
	const struct ask_field *fields = ask_fields_of(QUESTION_alerts, &count);
	json_t *answer = ask_json(&world, "/alerts test ETH price > 1");
	walk(QUESTION_alerts, answer, "");
	for (size_t i = 0; i < count; i++)
		if (str_starts(str_of(fields[i].path), STR("data.past")))
			assert_true(has_path(answer, fields[i].path));
	json_decref(answer);
}

static struct rules *world_rules(struct markets *markets)
{
	const struct rules_config config = rules_config_default();
	const struct rules_hooks hooks = { 0 };
	struct rules *rules = rules_create(markets, &config, &hooks);
	struct rule_spec spec;
	uint32_t id;
	assert_non_null(rules);
	assert_int_equal(rule_parse(STR("ETH price > 1"), &spec, NULL), STATUS_OK);
	assert_int_equal(rules_add(rules, STR("local"), &spec, &id, NULL), STATUS_OK);
	return rules;
}

static const struct halts halts = { .count = 1, .scopes = { "group:eu" } };

static int setup(void **state)
{
	(void)state;
	world = (struct ask_world){ .markets = world_create(false, WORLD_END_MS),
				    .options = ask_options_default(),
				    .alerts = world_alerts(WORLD_END_MS) };
	world.fleet = world_fleet((struct alerts *)world.alerts);
	world.memory = world_memory();
	world.accounts = world_accounts();
	world.rules = world_rules(world.markets);
	world.halts = &halts;
	accounts_hello((struct fleet *)world.fleet, "mt5-002", 90000001, "USD", "2271.87");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rules_destroy(world.rules);
	markets_destroy(world.markets);
	accounts_destroy((struct accounts *)(uintptr_t)world.accounts);
	fleet_destroy((struct fleet *)world.fleet);
	alerts_destroy((struct alerts *)world.alerts);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_have_the_fields_of_the_reference),
		cmocka_unit_test(the_dry_run_has_the_fields_of_the_reference),
		cmocka_unit_test(every_question_is_held_against_the_reference),
		cmocka_unit_test(refusals_have_the_common_fields),
		cmocka_unit_test(text_is_the_same_in_json),
		cmocka_unit_test(cvd_is_what_the_minutes_add_up_to),
		cmocka_unit_test(cvd_of_a_full_state_starts_72_hours_ago),
		cmocka_unit_test(sums_are_of_the_same_minutes_for_all),
		cmocka_unit_test(totals_leave_out_other_quotes),
		cmocka_unit_test(the_committed_reference_is_the_generated_one),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
