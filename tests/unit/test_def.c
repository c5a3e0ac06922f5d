/* Walks every row of every table: what a row promises must hold for each, also for
 * those that later issues add. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#include <ctype.h>

#include "base/check.h"
#include "cli/help.h"
#include "def/commands.h"
#include "def/config.h"
#include "def/keys.h"
#include "def/timeframes.h"
#include "def/market_id.h"
#include "def/metrics.h"
#include "def/questions.h"

static bool is_name(const char *text)
{
	if (!*text)
		return false;
	for (; *text; text++)
		if (!islower((unsigned char)*text) && !isdigit((unsigned char)*text) &&
		    *text != '_')
			return false;
	return true;
}

/* Help and summaries end in no full stop and stay on one line. */
static bool is_phrase(const char *text)
{
	size_t len = strlen(text);
	return len > 3 && text[len - 1] != '.' && !strchr(text, '\n');
}

static void every_status_has_a_name_and_a_text(void **state)
{
	(void)state;
	for (enum status status = 0; status < STATUS_COUNT; status++) {
		assert_true(strlen(status_text(status)) > 1);
		for (enum status other = 0; other < status; other++) {
			assert_string_not_equal(status_name(status), status_name(other));
			assert_string_not_equal(status_text(status), status_text(other));
		}
	}
	assert_int_equal(STATUS_OK, 0);
	assert_string_equal(status_text(STATUS_COUNT), "unknown status");
}

static void every_setting_is_named_as_its_section_and_key(void **state)
{
	(void)state;
	for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
		const struct config_row *row = config_row(id);
		char joined[64];
		snprintf(joined, sizeof joined, "%s_%s", row->section, row->key);
		for (char *c = joined; *c; c++)
			*c = *c == '.' ? '_' : *c;
		assert_string_equal(row->id, joined);
		assert_true(is_name(row->key));
		assert_true(row->min <= row->max);
		assert_true(is_phrase(row->help));
		if (row->type == CONFIG_ENUM || row->type == CONFIG_URL)
			assert_true(*row->choices != 0);
		else if (row->type != CONFIG_LIST) /* whose words may be free */
			assert_string_equal(row->choices, "");
		if (row->type == CONFIG_DURATION)
			assert_string_equal(row->unit, "ms");
	}
}

static void sections_stand_together_and_segments_are_alike(void **state)
{
	(void)state;
	for (enum config_id id = 1; id < CONFIG_COUNT; id++)
		if (strcmp(config_row(id)->section, config_row(id - 1)->section) != 0)
			for (enum config_id before = 0; before < id; before++)
				assert_string_not_equal(config_row(before)->section,
							config_row(id)->section);
	for (unsigned i = 0; i < CONFIG_SEGMENT_ROWS; i++)
		for (enum segment segment = 0; segment < SEGMENT_COUNT; segment++) {
			enum config_id first = CONFIG_segment_rts_mode + i;
			enum config_id id = config_of_segment(first, segment);
			char section[32];
			snprintf(section, sizeof section, "segment.%s", segment_row(segment)->name);
			assert_string_equal(config_row(id)->section, section);
			assert_string_equal(config_row(id)->key, config_row(first)->key);
			assert_int_equal(config_row(id)->type, config_row(first)->type);
		}
}

static void segments_and_their_settings_have_the_same_defaults(void **state)
{
	(void)state;
	struct config_problems problems;
	struct config_source source = { 0 };
	struct config *config;
	assert_int_equal(config_create(&source, &config, &problems), STATUS_OK);
	for (enum segment segment = 0; segment < SEGMENT_COUNT; segment++) {
		const struct segment_row *row = segment_row(segment);
		enum config_id id = config_of_segment(CONFIG_segment_rts_maxmemory, segment);
		assert_true((uint64_t)config_i64(config, id) == row->maxmemory);
		id = config_of_segment(CONFIG_segment_rts_appendfsync, segment);
		assert_true(str_eq(config_str(config, id), str_of(row->appendfsync)));
		assert_true(!row->money || strcmp(row->policy, "noeviction") == 0);
	}
	config_destroy(config);
}

static void every_secret_setting_is_there_and_hidden(void **state)
{
	static const char *const names[] = {
#define SECRET(name, show) name,
#include "def/secret.def"
#undef SECRET
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		bool found = false;
		for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
			char name[80];
			snprintf(name, sizeof name, "%s.%s", config_row(id)->section,
				 config_row(id)->key);
			found = found || (strcmp(name, names[i]) == 0 && config_is_secret(id));
		}
		assert_true(found);
	}
	assert_false(config_is_secret(CONFIG_log_level));
}

static void every_default_is_accepted_by_its_row(void **state)
{
	(void)state;
	struct config_problems problems;
	struct config_source source = { 0 };
	struct config *config;
	assert_int_equal(config_create(&source, &config, &problems), STATUS_OK);
	for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
		char storage[2048];
		struct buf value = buf_over(storage, sizeof storage - 1);
		config_print_value(&value, config, id);
		assert_false(value.overflow);
		assert_true(value.len > 0 || *config_row(id)->preset == 0);
	}
	config_destroy(config);
}

static void every_command_has_help_with_an_example(void **state)
{
	(void)state;
	for (enum command command = 0; command < COMMAND_COUNT; command++) {
		const struct command_row *row = command_row(command);
		char storage[8192], usage[512];
		struct buf help = buf_over(storage, sizeof storage - 1);
		bool any = false;
		const struct command_example *example;
		help_print_command(&help, command);
		assert_false(help.overflow);
		storage[help.len] = 0;
		assert_non_null(strstr(storage, row->summary));
		assert_true(is_phrase(row->summary));
		assert_true(row->min <= row->max);
		snprintf(usage, sizeof usage, "weir %s", row->words);
		for (size_t i = 0; (example = command_example(i)); i++)
			if (example->command == command)
				any = any || strstr(example->line, usage);
		assert_true(any || row->waits);
		assert_true((command >= COMMAND_THERE) == (row->waits != NULL));
		if (row->waits)
			assert_non_null(strstr(storage, row->waits));
	}
}

static void every_flag_is_used_and_explained(void **state)
{
	(void)state;
	for (enum flag flag = 0; flag < FLAG_COUNT; flag++) {
		const struct flag_row *row = flag_row(flag);
		bool used = false;
		assert_true(is_phrase(row->help));
		assert_true((row->type == FLAG_SWITCH) == (*row->value == 0));
		for (enum command command = 0; command < COMMAND_THERE; command++)
			used = used || command_uses(command, flag);
		assert_true(used);
	}
}

static void no_line_of_help_is_wider_than_a_terminal(void **state)
{
	(void)state;
	for (enum command command = 0; command < COMMAND_COUNT; command++) {
		char storage[8192];
		struct buf help = buf_over(storage, sizeof storage);
		help_print_command(&help, command);
		struct str rest = buf_str(&help), line;
		while (str_split(&rest, '\n', &line))
			if (line.len > 100) {
				print_error("%.*s\n", STR_ARG(line));
				fail();
			}
	}
}

static void every_question_is_found_by_its_name(void **state)
{
	(void)state;
	for (enum question question = 0; question < QUESTION_COUNT; question++) {
		const struct question_row *row = question_row(question);
		assert_int_equal(row->name[0], '/');
		assert_true(is_name(row->name + 1));
		assert_true(is_phrase(row->help));
		assert_int_equal(question_find(str_of(row->name)), question);
		assert_int_equal(question_find(str_of(row->name + 1)), question);
	}
	assert_int_equal(question_find(STR("/CVD")), QUESTION_cvd);
	assert_int_equal(question_find(STR("/nothing")), QUESTION_COUNT);
	assert_int_equal(question_find(STR("")), QUESTION_COUNT);
}

static void every_key_has_a_pattern_a_life_and_fields(void **state)
{
	(void)state;
	for (enum key_id id = 0; id < KEY_COUNT; id++) {
		const struct key_row *row = key_row(id);
		const struct key_field *field;
		bool any = false;
		for (const char *c = row->pattern; *c && *c != '{'; c++)
			assert_true(isalpha((unsigned char)*c) || *c == '_' || *c == ':');
		assert_true(strlen(row->type) && strlen(row->life) && strlen(row->writer));
		assert_true(is_phrase(row->meaning));
		for (size_t i = 0; (field = key_field(i)); i++)
			any = any || field->key == id;
		assert_true(any);
		for (enum key_id other = 0; other < id; other++)
			assert_string_not_equal(row->pattern, key_row(other)->pattern);
	}
}

static void a_key_is_its_prefix_and_the_longest_market_fits(void **state)
{
	(void)state;
	struct market_id id;
	struct key key;
	char text[KEY_BYTES + 1];
	assert_int_equal(market_id_parse(STR("binance:perp:ETHUSDT"), &id), STATUS_OK);
	assert_int_equal(str_copy(key_tape(&key, &id), text, sizeof text), STATUS_OK);
	assert_string_equal(text, "tape:binance:perp:ETHUSDT");
	assert_int_equal(market_id_parse(STR("binance:perp:ABCDEFGHIJKLMNOPQRSTUVW"), &id),
			 STATUS_OK);
	char scope[64], rule[64];
	memset(scope, 's', sizeof scope);
	memset(rule, 'r', sizeof rule);
#define LONGEST_MARKET     &id
#define LONGEST_MARKET_TF  &id, 720
#define LONGEST_SYMBOL     STR("ABCDEFGHIJKLMNOPQRSTUVW")
#define LONGEST_ALERT      str_make(scope, sizeof scope), str_make(rule, sizeof rule)
#define LONGEST_INSTANCE   str_make(scope, sizeof scope)
#define LONGEST_STATE      STR("RECOVERING")
#define LONGEST_POSITION   str_make(scope, sizeof scope), UINT64_MAX
#define LONGEST_QUOTE      str_make(scope, sizeof scope), str_make(rule, sizeof rule)
#define LONGEST_SIGNAL     UINT64_MAX
#define LONGEST_ACCOUNT    str_make(scope, sizeof scope)
#define LONGEST_DELIVERY   UINT64_MAX, str_make(scope, sizeof scope)
#define LONGEST_USER       str_make(scope, sizeof scope)
#define LONGEST_USER_FIELD str_make(scope, sizeof scope), STR("autoclose")
#define KEY(name, segment, prefix, part, type, life, writer, meaning)                              \
	assert_true(str_starts(key_##name(&key, LONGEST_##part), key_##name##_prefix()));
#define KEY_ALONE(name, segment, whole, type, life, writer, meaning)                               \
	assert_true(str_eq(key_##name(&key), STR(whole)));
#include "def/keys.def"
#undef KEY
#undef KEY_ALONE
	assert_int_equal(str_copy(key_klines(&key, &id, 240), text, sizeof text), STATUS_OK);
	assert_string_equal(text, "klines:binance:perp:ABCDEFGHIJKLMNOPQRSTUVW:4h");
	assert_int_equal(str_copy(key_alert(&key, STR("BTC"), STR("cascade")), text, sizeof text),
			 STATUS_OK);
	assert_string_equal(text, "alert:BTC:cascade");
}

static void a_key_is_known_by_its_longest_prefix(void **state)
{
	(void)state;
	static const struct {
		const char *name, *part;
		enum key_id id;
	} keys[] = {
		{ "tape:binance:perp:ETHUSDT", "binance:perp:ETHUSDT", KEY_tape },
		{ "instance:t1", "t1", KEY_instance },
		{ "instance:state:RUNNING", "RUNNING", KEY_instance_state },
		{ "trades:closed:t1", "t1", KEY_trades_closed },
		{ "trade_results", "", KEY_trade_results },
	};
	static const char *const none[] = { "", "tape", "tape:", "trade_results:", "trade_result" };
	enum key_id id;
	struct str part;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		assert_int_equal(key_find(str_of(keys[i].name), &id, &part), STATUS_OK);
		assert_int_equal(id, keys[i].id);
		assert_true(str_eq(part, str_of(keys[i].part)));
	}
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_int_equal(key_find(str_of(none[i]), &id, &part), STATUS_NOT_FOUND);
}

static void every_timeframe_reads_back(void **state)
{
	(void)state;
	static const int32_t minutes[] = { 5, 15, 30, 60, 120, 240, 360, 720, 1440 };
	for (size_t i = 0; i < sizeof minutes / sizeof *minutes; i++)
		assert_int_equal(timeframe_minutes(str_of(timeframe_text(minutes[i]))), minutes[i]);
	assert_int_equal(timeframe_minutes(STR("7m")), 0);
	struct str rest = str_of(config_row(CONFIG_market_indicators)->choices), word;
	while (str_split(&rest, ' ', &word))
		assert_true(timeframe_minutes(word) > 0);
}

static void every_metric_is_named_by_the_rules(void **state)
{
	(void)state;
	for (enum metric metric = 0; metric < METRIC_DESIGN_FIRST; metric++) {
		const struct metric_row *row = metric_row(metric);
		size_t len = strlen(row->name);
		bool total = len > 6 && strcmp(row->name + len - 6, "_total") == 0;
		bool weirs = strncmp(row->name, "weir_", 5) == 0;
		assert_true(is_name(row->name));
		assert_true(weirs || strncmp(row->name, "redis_", 6) == 0);
		assert_true(is_phrase(row->help));
		assert_true(total == (row->type == METRIC_COUNTER));
		for (enum metric other = 0; other < metric; other++)
			assert_string_not_equal(row->name, metric_row(other)->name);
	}
}

/* The names of operate.md 1, to the letter; on each page each once. */
static void the_original_designs_names_are_all_there(void **state)
{
	(void)state;
	static const char *const names[] = {
		"latency_us",
		"retrieval_latency_us",
		"set_latency_us",
		"commands_processed_per_sec",
		"trade_state_updates_per_sec",
		"used_memory",
		"maxmemory",
		"mem_fragmentation_ratio",
		"used_cpu_sys",
		"used_cpu_user",
		"used_cpu_sys_children",
		"used_cpu_user_children",
		"keyspace_hits",
		"keyspace_misses",
		"hit_ratio",
		"expired_keys",
		"evicted_keys",
		"redis_tss_signals_received_total",
		"redis_tss_signals_processed_total",
		"redis_tss_signals_failed_total",
		"redis_tss_signal_processing_latency",
		"redis_tss_stream_size",
		"redis_tss_pending_signals",
		"redis_tss_dropped_signals_total",
		"redis_tss_connection_errors_total",
		"redis_trade_result",
		"redis_trade_slippage",
		"redis_execution_time",
	};
	assert_int_equal(METRIC_IDS_FIRST - METRIC_DESIGN_FIRST, ARRAY_LEN(names));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int found = 0;
		for (enum metric metric = METRIC_DESIGN_FIRST; metric < METRIC_IDS_FIRST; metric++)
			found += strcmp(metric_row(metric)->name, names[i]) == 0;
		assert_int_equal(found, 1);
	}
	for (enum metric metric = METRIC_IDS_FIRST; metric < METRIC_COUNT; metric++) {
		assert_true(is_phrase(metric_row(metric)->help));
		for (enum metric other = METRIC_IDS_FIRST; other < metric; other++)
			assert_string_not_equal(metric_row(metric)->name, metric_row(other)->name);
	}
}

static void a_metric_is_printed_as_prometheus_reads_it(void **state)
{
	(void)state;
	char storage[512];
	struct buf out = buf_over(storage, sizeof storage - 1);
	const struct str labels[] = { STR("rms"), STR("a\"b\\c\nd") };
	metric_head(&out, METRIC_redis_errors);
	metric_sample(&out, METRIC_redis_errors, labels, 2, UINT64_MAX);
	metric_sample(&out, METRIC_markets, NULL, 0, 7);
	storage[out.len] = 0;
	assert_string_equal(
	    storage, "# HELP weir_redis_errors_total commands that failed, by the name of the "
		     "status\n# TYPE weir_redis_errors_total counter\n"
		     "weir_redis_errors_total{segment=\"rms\",error=\"a\\\"b\\\\c\\nd\"} "
		     "18446744073709551615\nweir_markets 7\n");
}

static void every_venue_and_kind_names_a_market(void **state)
{
	(void)state;
	for (enum venue venue = 0; venue < VENUE_COUNT; venue++)
		for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
			struct market_id id, back;
			char storage[64];
			struct buf text = buf_over(storage, sizeof storage);
			assert_int_equal(market_id_make(venue, kind, STR("btcusdt"), &id),
					 STATUS_OK);
			market_id_print(&text, &id);
			assert_int_equal(market_id_parse(buf_str(&text), &back), STATUS_OK);
			assert_true(market_id_eq(&id, &back));
			assert_string_equal(back.symbol, "BTCUSDT");
		}
}

static void market_ids_from_outside_are_checked(void **state)
{
	(void)state;
	static const char *const wrong[] = { "",
					     "binance",
					     "binance:perp",
					     "binance:perp:",
					     "binance:swap:BTC",
					     "okx:spot:BTC",
					     ":spot:BTC",
					     "binance:spot:BT C",
					     "binance:spot:BTC\n",
					     "binance:spot:ABCDEFGHIJKLMNOPQRSTUVWX" };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct market_id id = { .symbol = "UNTOUCHED" };
		assert_int_not_equal(market_id_parse(str_of(wrong[i]), &id), STATUS_OK);
		assert_string_equal(id.symbol, "UNTOUCHED");
	}
}

static void assets_are_split_by_known_quotes(void **state)
{
	(void)state;
	static const char *const cases[][3] = { { "ETHUSDT", "ETH", "USDT" },
						{ "BTCUSD", "BTC", "USD" },
						{ "ETHBTC", "ETH", "BTC" },
						{ "BTC", "BTC", "" },
						{ "1000PEPEUSDT", "1000PEPE", "USDT" } };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct market_id id;
		struct str base, quote;
		assert_int_equal(market_id_make(0, 0, str_of(cases[i][0]), &id), STATUS_OK);
		market_id_assets(&id, &base, &quote);
		assert_true(str_eq(base, str_of(cases[i][1])));
		assert_true(str_eq(quote, str_of(cases[i][2])));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status_has_a_name_and_a_text),
		cmocka_unit_test(every_setting_is_named_as_its_section_and_key),
		cmocka_unit_test(sections_stand_together_and_segments_are_alike),
		cmocka_unit_test(segments_and_their_settings_have_the_same_defaults),
		cmocka_unit_test(every_secret_setting_is_there_and_hidden),
		cmocka_unit_test(every_default_is_accepted_by_its_row),
		cmocka_unit_test(every_command_has_help_with_an_example),
		cmocka_unit_test(every_flag_is_used_and_explained),
		cmocka_unit_test(no_line_of_help_is_wider_than_a_terminal),
		cmocka_unit_test(every_question_is_found_by_its_name),
		cmocka_unit_test(every_key_has_a_pattern_a_life_and_fields),
		cmocka_unit_test(a_key_is_its_prefix_and_the_longest_market_fits),
		cmocka_unit_test(a_key_is_known_by_its_longest_prefix),
		cmocka_unit_test(every_timeframe_reads_back),
		cmocka_unit_test(every_metric_is_named_by_the_rules),
		cmocka_unit_test(the_original_designs_names_are_all_there),
		cmocka_unit_test(a_metric_is_printed_as_prometheus_reads_it),
		cmocka_unit_test(every_venue_and_kind_names_a_market),
		cmocka_unit_test(market_ids_from_outside_are_checked),
		cmocka_unit_test(assets_are_split_by_known_quotes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
