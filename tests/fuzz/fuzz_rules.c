/* What people write, line by line: rules, changes of them, what a store holds, and prices in
 * between. Whatever is read is written so that it reads the same; what is packed comes back. */
#include "base/check.h"
#include "rules/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct markets *markets;

static struct market *make_market(void)
{
	const struct market_config config = { .whale_quote = 500000 };
	if (!markets)
		markets = markets_create(&config);
	return markets_get(markets, VENUE_BINANCE, KIND_PERP, STR("BTCUSDT"));
}

static bool same(const struct rule_spec *a, const struct rule_spec *b)
{
	return strcmp(a->subject, b->subject) == 0 && a->metric == b->metric &&
	       a->minutes == b->minutes && a->op == b->op &&
	       a->threshold.mantissa == b->threshold.mantissa &&
	       a->threshold.scale == b->threshold.scale && a->event == b->event &&
	       a->once == b->once && a->cooldown_ms == b->cooldown_ms && a->cap == b->cap;
}

static void check_printed(const struct rule_spec *spec)
{
	char text[RULE_TEXT_MAX];
	struct buf out = buf_over(text, sizeof text);
	struct rule_spec again;
	rule_print(&out, spec);
	CHECK(!out.overflow);
	CHECK(rule_parse(buf_str(&out), &again, NULL) == STATUS_OK);
	CHECK(same(spec, &again));
}

static void check_packed(struct rules *rules, uint32_t id)
{
	char text[RULE_PACKED_MAX], second[RULE_PACKED_MAX];
	struct buf out = buf_over(text, sizeof text), again = buf_over(second, sizeof second);
	CHECK(rule_pack(rules, id, &out) && !out.overflow);
	CHECK(rules_remove(rules, STR(""), id) == STATUS_OK);
	CHECK(rules_restore(rules, buf_str(&out), NULL) == STATUS_OK);
	CHECK(rule_pack(rules, id, &again) && str_eq(buf_str(&out), buf_str(&again)));
}

static void take_line(struct rules *rules, struct str line, uint32_t *last)
{
	struct rule_spec spec;
	struct rule_view view;
	struct err err = { 0 };
	uint32_t id;
	if (rule_parse(line, &spec, &err) == STATUS_OK) {
		check_printed(&spec);
		if (rules_add(rules, STR("a"), &spec, &id, &err) == STATUS_OK)
			check_packed(rules, *last = id);
	} else {
		CHECK(err.text[0]);
	}
	if (rules_find(rules, STR("a"), *last, &view) &&
	    rule_parse_change(line, &view.spec, &err) == STATUS_OK) {
		check_printed(&view.spec);
		enum status status = rules_edit(rules, STR("a"), *last, &view.spec, &err);
		CHECK(status == STATUS_OK || err.text[0]);
	}
	enum status status = rules_restore(rules, line, &err);
	CHECK(status == STATUS_OK || err.text[0]);
	rule_time_ms(line);
}

static void take_prices(struct rules *rules, const struct market *market, int64_t now_ms,
			uint8_t seed)
{
	rules_step(rules, now_ms);
	for (int i = 0; i < 4; i++) {
		const struct trade trade = { .t_ms = now_ms,
					     .price = (seed * 7919 + i * 104729) % 100000 + 1,
					     .qty = 1 + seed };
		rules_trade(rules, market, &trade);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rules_config config = rules_config_default();
	const struct rules_hooks hooks = { 0 };
	struct market *market = make_market();
	struct rules *rules = rules_create(markets, &config, &hooks);
	struct str rest = str_make((const char *)data, size), line;
	uint32_t last = 0;
	int64_t now_ms = 1723161600000;
	CHECK(market && rules);
	while (size && str_split(&rest, '\n', &line)) {
		take_line(rules, line, &last);
		take_prices(rules, market, now_ms += 60000, line.len ? (uint8_t)line.ptr[0] : 0);
	}
	struct rule_view views[8];
	size_t total, n = rules_board(rules, STR(""), views, 8, &total);
	CHECK(total == rules_counts(rules).rules && n == (total < 8 ? total : 8));
	rules_remove_owner(rules, STR("a"));
	rules_destroy(rules);
	return 0;
}
