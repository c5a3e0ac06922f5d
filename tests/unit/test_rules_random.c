/* A thousand rules over random trades against one that looks at every rule on every trade. */
#include "base/rng.h"
#include "rules_stage.h"

enum { RULES = 1000, TRADES = 30000, MARKETS = 3 };

static const char *const names[MARKETS] = { PERP, SPOT, "bybit:perp:BTCUSDT" };

/* The same rule, told plainly. */
struct plain {
	uint32_t id;
	bool above, equal, once, gone;
	int market;
	i128 threshold; /* × 10^6 */
	enum rule_state state;
	int64_t fired_ms, cooldown_ms, day;
	uint32_t cap, today;
};

static struct plain plains[RULES];
static struct stage_told expected[STAGE_TOLD_MAX];
static size_t n_expected;

static bool is_true(const struct plain *plain, i128 price)
{
	if (price == plain->threshold)
		return plain->equal;
	return plain->above == (price > plain->threshold);
}

/* Back by a thousandth of the threshold, and not true. */
static bool is_back(const struct plain *plain, i128 price, int32_t scale)
{
	i128 one = decimal_pow10(6 - scale);
	i128 floor = plain->threshold / one, ceil = (plain->threshold + one - 1) / one;
	i128 margin = floor / 1000;
	if (is_true(plain, price))
		return false;
	return plain->above ? price / one <= floor - margin : price / one >= ceil + margin;
}

static void tell(struct plain *plain, int64_t now_ms)
{
	if (plain->day != now_ms / 86400000) {
		plain->day = now_ms / 86400000;
		plain->today = 0;
	}
	if (plain->today >= plain->cap ||
	    (plain->fired_ms && now_ms - plain->fired_ms < plain->cooldown_ms))
		return;
	plain->today++;
	plain->fired_ms = now_ms;
	plain->gone = plain->once;
	assert_true(n_expected < STAGE_TOLD_MAX);
	expected[n_expected++] = (struct stage_told){ plain->id, now_ms };
}

static void look(struct plain *plain, i128 price, int32_t scale, int64_t now_ms)
{
	bool is = is_true(plain, price);
	if (plain->gone)
		return;
	if (plain->state == RULE_WAITING && !is) {
		plain->state = RULE_ARMED;
	} else if (plain->state == RULE_FIRED && is_back(plain, price, scale)) {
		plain->state = RULE_ARMED;
	} else if (plain->state == RULE_ARMED && is) {
		plain->state = RULE_FIRED;
		tell(plain, now_ms);
	}
}

static void add(struct stage *stage, struct rng *rng, struct plain *plain)
{
	char text[128], owner[16];
	int32_t digits = (int32_t)rng_below(rng, 4); /* of the threshold; the market has 1 */
	int64_t mantissa = 59000 * decimal_pow10(digits) +
			   (int64_t)rng_below(rng, (uint64_t)(2000 * decimal_pow10(digits)));
	struct buf out = buf_over(text, sizeof text);
	*plain = (struct plain){
		.above = rng_below(rng, 2),
		.equal = rng_below(rng, 2),
		.once = rng_below(rng, 10) == 0,
		.market = (int)rng_below(rng, MARKETS),
		.threshold = (i128)mantissa * decimal_pow10(6 - digits),
		.cooldown_ms = (int64_t)(1 + rng_below(rng, 20)) * 60000,
		.cap = 1 + (uint32_t)rng_below(rng, 30),
	};
	buf_printf(&out, "%s price %c%s ", names[plain->market], plain->above ? '>' : '<',
		   plain->equal ? "=" : "");
	decimal_print(&out, mantissa, digits);
	if (plain->once) {
		plain->cooldown_ms = RULE_COOLDOWN_MS;
		buf_printf(&out, " once max %u", plain->cap);
	} else {
		buf_printf(&out, " every %lldm max %u", (long long)(plain->cooldown_ms / 60000),
			   plain->cap);
	}
	buf_char(&out, 0);
	assert_false(out.overflow);
	snprintf(owner, sizeof owner, "tg:%u", (unsigned)rng_below(rng, 50));
	plain->id = stage_add(stage, owner, text);
	plain->state = stage_view(stage, plain->id).state;
}

static int by_time_and_id(const void *a, const void *b)
{
	const struct stage_told *x = a, *y = b;
	if (x->ms != y->ms)
		return x->ms < y->ms ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static void run(uint64_t seed)
{
	const struct rules_config config = { .owner_max = 1000,
					     .owner_day_max = UINT32_MAX,
					     .stale_ms = 10000 };
	struct stage *stage = stage_create();
	struct rng rng;
	int64_t walk[MARKETS] = { 600000, 600000, 600000 };
	char price[32];
	rules_destroy(stage->rules);
	stage->rules = stage_rules(stage, &config);
	rng_init(&rng, seed);
	n_expected = 0;
	for (int i = 0; i < MARKETS; i++)
		stage_trade(stage, names[i], "60000.1", "1", SIDE_BUY);
	for (int i = 0; i < RULES; i++)
		add(stage, &rng, &plains[i]);
	for (int i = 0; i < TRADES; i++) {
		size_t market = rng_below(&rng, MARKETS);
		stage_at(stage, stage->now_ms + (int64_t)rng_below(&rng, 9000));
		walk[market] += (int64_t)rng_below(&rng, 801) - 400;
		if (walk[market] < 585000 || walk[market] > 615000)
			walk[market] = 600000;
		snprintf(price, sizeof price, "%lld.%lld", (long long)(walk[market] / 10),
			 (long long)(walk[market] % 10));
		stage_trade(stage, names[market], price, "1", SIDE_BUY);
		for (int r = 0; r < RULES; r++)
			if (plains[r].market == (int)market)
				look(&plains[r], (i128)walk[market] * 100000, 1, stage->now_ms);
	}
	qsort(stage->told, stage->n_told, sizeof *stage->told, by_time_and_id);
	qsort(expected, n_expected, sizeof *expected, by_time_and_id);
	assert_true(n_expected > 1000);
	assert_int_equal(stage->n_told, n_expected);
	for (size_t i = 0; i < n_expected; i++) {
		assert_int_equal(stage->told[i].id, expected[i].id);
		assert_int_equal(stage->told[i].ms, expected[i].ms);
	}
	stage_destroy(stage);
}

static void a_thousand_rules_are_told_as_if_each_were_looked_at(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++)
		run(seed);
}

/* The heaps hold what the rules say, whatever is added, taken out and changed. */
static void any_order_of_changes_is_survived(void **state)
{
	(void)state;
	struct stage *stage = stage_create();
	uint32_t ids[200] = { 0 };
	char text[64], owner[16], packed[RULE_PACKED_MAX + 1];
	struct rng rng;
	struct err err;
	rng_init(&rng, 11);
	stage_trade(stage, PERP, "60000.1", "1", SIDE_BUY);
	for (int i = 0; i < 40000; i++) {
		size_t at = rng_below(&rng, 200);
		struct rule_view view;
		bool there = ids[at] && rules_find(stage->rules, STR(""), ids[at], &view);
		snprintf(owner, sizeof owner, "tg:%u", (unsigned)rng_below(&rng, 5));
		snprintf(text, sizeof text, "BTC %s %s %u%s",
			 rng_below(&rng, 4) ? "price" : "delta",
			 rng_below(&rng, 2) ? ">" : "<=", 59000 + (unsigned)rng_below(&rng, 2000),
			 rng_below(&rng, 3) ? "" : " once");
		if (!there) {
			ids[at] = stage_add(stage, owner, text);
		} else if (rng_below(&rng, 3) == 0) {
			assert_int_equal(rules_remove(stage->rules, STR(""), ids[at]), STATUS_OK);
		} else if (rng_below(&rng, 3) == 0) {
			struct buf out = buf_over(packed, RULE_PACKED_MAX);
			assert_true(rule_pack(stage->rules, ids[at], &out));
			assert_int_equal(rules_remove(stage->rules, STR(""), ids[at]), STATUS_OK);
			assert_int_equal(rules_restore(stage->rules, buf_str(&out), &err),
					 STATUS_OK);
		} else if (rng_below(&rng, 2)) {
			assert_int_equal(rule_parse(str_of(text), &view.spec, &err), STATUS_OK);
			assert_int_equal(
			    rules_edit(stage->rules, STR(""), ids[at], &view.spec, &err),
			    STATUS_OK);
		}
		snprintf(text, sizeof text, "%u.%u", 59000 + (unsigned)rng_below(&rng, 2000),
			 (unsigned)rng_below(&rng, 10));
		stage->n_told = 0;
		stage_price(stage, text);
	}
	size_t total;
	rules_board(stage->rules, STR(""), NULL, 0, &total);
	assert_int_equal(total, rules_counts(stage->rules).rules);
	stage_destroy(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thousand_rules_are_told_as_if_each_were_looked_at),
		cmocka_unit_test(any_order_of_changes_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
