/* What the rules are told from outside: the configuration's limits, and the source code. */
#include "audit_stage.h"

#include "audit/code.h"
#include "def/config.h"

static struct config *config_of(const char *text)
{
	struct config *config;
	struct config_problems problems = { 0 };
	const struct config_source source = { .file_name = STR("weir.conf"),
					      .file_text = str_of(text) };
	assert_int_equal(config_create(&source, &config, &problems), STATUS_OK);
	return config;
}

static void limits_come_from_the_configuration(void **state)
{
	(void)state;
	struct config *config = config_of("");
	struct audit_limits limits = audit_limits_of(config);
	assert_int_equal(limits.dead_days, 30);
	assert_int_equal(limits.stale_hours, 24);
	assert_int_equal(limits.big_string, 100 << 10);
	assert_int_equal(limits.big_hash, 5000);
	assert_int_equal(limits.big_items, 1000);
	assert_int_equal(limits.big_bytes, 1 << 20);
	assert_int_equal(limits.unbounded_items, 1000);
	assert_int_equal(limits.compress_min, 1024);
	assert_true(str_eq(limits.separators, STR(":_-./|")));
	assert_int_equal(limits.off.len + limits.ignore.len, 0);
	config_destroy(config);
	config = config_of("[audit]\ndead_days = 7\nbig_string = 2kb\noff = naming, cache\n"
			   "ignore = celery*\nseparators = \":#\"\n");
	limits = audit_limits_of(config);
	assert_int_equal(limits.dead_days, 7);
	assert_int_equal(limits.big_string, 2048);
	assert_true(str_eq(limits.off, STR("naming,cache")));
	assert_true(str_eq(limits.ignore, STR("celery*")));
	assert_true(str_eq(limits.separators, STR(":#")));
	config_destroy(config);
}

/* The rules' names in config.def are those of findings.def. */
static void every_rule_can_be_turned_off(void **state)
{
	(void)state;
	char text[1024];
	struct buf buf = buf_over(text, sizeof text);
	buf_printf(&buf, "[audit]\noff = ");
	for (enum finding_rule rule = 0; rule < FINDING_RULES; rule++)
		buf_printf(&buf, "%s%s", rule ? "," : "", finding_row(rule)->name);
	buf_char(&buf, 0);
	struct config *config = config_of(text);
	struct stage *stage = stage_open();
	stage->config.limits = audit_limits_of(config);
	stage_family(stage, "f", AUDIT_USE_cache)->namespaced = false;
	stage_string(stage, "f", STR("{\"a\":1}"))->idle_s = 900 * 86400;
	stage_run(stage);
	assert_int_equal(stage->n_hits, 0);
	stage_close(stage);
	config_destroy(config);
}

static const char bot[] = "import redis\n"
			  "r = redis.Redis()\n"
			  "def scan(symbol):\n"
			  "    r.set(f'{symbol}_scan_result', 1)\n"
			  "    r.set(f'price:{symbol}', 2)\n"
			  "    return r.get(f'price:{symbol}')\n";

static void what_the_code_writes_and_never_reads_is_dead(void **state)
{
	(void)state;
	struct code *code;
	assert_int_equal(code_create(&code), STATUS_OK);
	assert_int_equal(code_file(code, STR("bot.py"), str_of(bot)), STATUS_OK);
	assert_int_equal(code_settle(code), STATUS_OK);
	struct stage *stage = stage_open();
	stage->code = code;
	stage_family(stage, "{symbol}_scan_result", AUDIT_USE_unknown);
	stage_string(stage, "BTC_scan_result", STR("1"));
	stage_family(stage, "price:{symbol}", AUDIT_USE_unknown);
	stage_string(stage, "price:BTC", STR("2"));
	stage_family(stage, "other:{id}", AUDIT_USE_unknown);
	stage_string(stage, "other:1", STR("2"));
	stage_run(stage);
	assert_true(stage_hits(stage, FINDING_dead, "BTC_scan_result"));
	assert_false(stage_hits(stage, FINDING_dead, "price:BTC"));
	assert_false(stage_hits(stage, FINDING_dead, "other:1"));
	const struct audit_finding *finding = stage_finding(stage, FINDING_dead);
	while (finding->family != 0)
		finding++;
	assert_non_null(strstr(finding->what, "which the code writes and never reads"));
	stage_close(stage);
	code_destroy(code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_come_from_the_configuration),
		cmocka_unit_test(every_rule_can_be_turned_off),
		cmocka_unit_test(what_the_code_writes_and_never_reads_is_dead),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
