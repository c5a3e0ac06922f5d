/* What /metrics prints, read back as Prometheus reads it. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alert/alert.h"
#include "base/rise.h"
#include "metrics_stage.h"

enum { PAGE_MAX = 4 << 20, NAMES_MAX = 600 };

/* ---- a reader of the format ---- */

struct page {
	struct buf text;
	size_t series;
};

static struct page page_make(void)
{
	struct page page = { 0 };
	buf_init(&page.text, PAGE_MAX);
	return page;
}

static bool is_metric_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (!isalpha((unsigned char)c) && c != '_' && !(i && isdigit((unsigned char)c)))
			return false;
	}
	return name.len > 0;
}

static struct str name_of(struct str line)
{
	size_t len = 0;
	while (len < line.len && line.ptr[len] != '{' && line.ptr[len] != ' ')
		len++;
	return str_make(line.ptr, len);
}

static bool has_suffix(struct str name, struct str stem, const char *suffix)
{
	return name.len == stem.len + strlen(suffix) && str_starts(name, stem) &&
	       str_eq(str_skip(name, stem.len), str_of(suffix));
}

static bool belongs(struct str sample, struct str family)
{
	return str_eq(sample, family) || has_suffix(sample, family, "_bucket") ||
	       has_suffix(sample, family, "_sum") || has_suffix(sample, family, "_count");
}

/* HELP, TYPE and then samples of that name alone; no family comes twice; a value behind each.
 * Counts the samples. */
static void page_check(struct page *page)
{
	static struct str families[NAMES_MAX];
	struct str text = buf_str(&page->text), line, family = STR("");
	size_t count = 0;
	assert_false(page->text.overflow);
	page->series = 0;
	while (text.len && str_split(&text, '\n', &line)) {
		if (!line.len)
			continue;
		if (str_starts(line, STR("# HELP "))) {
			family = name_of(str_skip(line, 7));
			assert_true(is_metric_name(family));
			for (size_t i = 0; i < count; i++)
				assert_false(str_eq(families[i], family));
			assert_true(count < NAMES_MAX);
			families[count++] = family;
			assert_true(str_split(&text, '\n', &line));
			assert_true(str_starts(line, STR("# TYPE ")));
			assert_true(str_eq(name_of(str_skip(line, 7)), family));
			continue;
		}
		if (!belongs(name_of(line), family))
			fail_msg("%.*s stands under %.*s", STR_ARG(line), STR_ARG(family));
		char *end;
		const char *value = line.ptr + line.len;
		while (value > line.ptr && value[-1] != ' ')
			value--;
		strtod(value, &end);
		assert_ptr_equal(end, line.ptr + line.len);
		page->series++;
	}
}

/* The value of one sample, -1 where it is not there; twice is an error. */
static double value_of(const struct page *page, const char *sample)
{
	struct str text = buf_str(&page->text), line, wanted = str_of(sample);
	double found = -1;
	int times = 0;
	while (text.len && str_split(&text, '\n', &line)) {
		if (!str_starts(line, wanted) || line.len <= wanted.len ||
		    line.ptr[wanted.len] != ' ')
			continue;
		found = strtod(line.ptr + wanted.len, NULL);
		times++;
	}
	assert_true(times <= 1);
	return found;
}

static size_t samples_with(const struct page *page, const char *words)
{
	struct str text = buf_str(&page->text), line;
	size_t count = 0;
	while (text.len && str_split(&text, '\n', &line))
		count += line.len && line.ptr[0] != '#' &&
			 memmem(line.ptr, line.len, words, strlen(words)) != NULL;
	return count;
}

/* ---- the format ---- */

static void a_label_is_escaped_and_its_end_is_kept(void **state)
{
	(void)state;
	struct page page = page_make();
	const struct str labels[] = { STR("\"a\\\n"), STR("b\"") };
	metric_sample(&page.text, METRIC_redis_errors, labels, 2, 1);
	assert_true(
	    str_eq(buf_str(&page.text),
		   STR("weir_redis_errors_total{segment=\"\\\"a\\\\\\n\",error=\"b\\\"\"} 1\n")));
	buf_deinit(&page.text);
}

static void numbers_are_printed_so_that_they_read_back(void **state)
{
	(void)state;
	const double values[] = { 0, 1, -7, 0.25, 1e-9, 123456789012, 1234567.5, 1.0 / 3 };
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct page page = page_make();
		metric_sample_real(&page.text, METRIC_uptime, NULL, 0, values[i]);
		double back = strtod(page.text.ptr + strlen("weir_uptime_seconds "), NULL);
		assert_true(back - values[i] <= 1e-9 && values[i] - back <= 1e-9);
		buf_deinit(&page.text);
	}
	struct page page = page_make();
	const struct str label = STR("t");
	metric_sample_number(&page.text, METRIC_terminal_equity, &label, 1,
			     (struct number){ -107429, 2 });
	assert_true(value_of(&page, "weir_terminal_equity{terminal=\"t\"}") < -1074.28);
	buf_deinit(&page.text);
}

static void a_histogram_has_each_bucket_with_all_below_it(void **state)
{
	(void)state;
	struct page page = page_make();
	struct spread spread = spread_of(&spread_points);
	const double values[] = { -60, -50, 0, 0.5, 1, 99, 101, 5000 };
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		spread_add(&spread, values[i]);
	metric_head(&page.text, METRIC_slippage_points);
	metric_histogram(&page.text, METRIC_slippage_points, NULL, 0, &spread);
	page_check(&page);
	assert_int_equal(page.series, spread_points.count + 3);
	assert_true(value_of(&page, "weir_slippage_points_bucket{le=\"-50\"}") == 2);
	assert_true(value_of(&page, "weir_slippage_points_bucket{le=\"0\"}") == 3);
	assert_true(value_of(&page, "weir_slippage_points_bucket{le=\"1\"}") == 5);
	assert_true(value_of(&page, "weir_slippage_points_bucket{le=\"100\"}") == 6);
	assert_true(value_of(&page, "weir_slippage_points_bucket{le=\"+Inf\"}") == 8);
	assert_true(value_of(&page, "weir_slippage_points_count") == 8);
	assert_true(value_of(&page, "weir_slippage_points_sum") == 5091.5);
	buf_deinit(&page.text);
}

static void a_summary_has_quantiles_sum_and_count(void **state)
{
	(void)state;
	struct page page = page_make();
	struct hist hist;
	hist_clear(&hist);
	for (uint64_t i = 1; i <= 100; i++)
		hist_record(&hist, i * 1000000);
	metric_head(&page.text, METRIC_answer_cpu);
	metric_quantiles(&page.text, METRIC_answer_cpu, &hist, 1e-9);
	page_check(&page);
	double median = value_of(&page, "weir_answer_cpu_seconds{quantile=\"0.5\"}");
	assert_true(median > 0.048 && median < 0.054);
	assert_true(value_of(&page, "weir_answer_cpu_seconds{quantile=\"1\"}") == 0.1);
	assert_true(value_of(&page, "weir_answer_cpu_seconds_count") == 100);
	assert_true(value_of(&page, "weir_answer_cpu_seconds_sum") == 5.05);
	buf_deinit(&page.text);
}

/* ---- segments ---- */

static struct page redis_page(void)
{
	static struct segment_status status[SEGMENT_COUNT];
	static struct redis_conn_stats conn;
	struct segment_info info = { 0 };
	struct page page = page_make();
	conn.reads = (struct redis_timing){ 4, 2000000 };
	stage_segments(status, &info, &conn);
	metrics_redis_put(status, 1784046185000, &page.text);
	page_check(&page);
	return page;
}

static void what_a_server_says_has_the_exporters_names(void **state)
{
	(void)state;
	struct page page = redis_page();
	assert_true(value_of(&page, "redis_up{segment=\"rms\"}") == 1);
	assert_true(value_of(&page, "redis_memory_used_bytes{segment=\"rts\"}") == 1234567);
	assert_true(value_of(&page, "redis_mem_fragmentation_ratio{segment=\"rts\"}") == 2);
	assert_true(value_of(&page, "redis_cpu_sys_seconds_total{segment=\"rts\"}") == 1.25);
	assert_true(value_of(&page, "redis_rdb_last_bgsave_status{segment=\"rts\"}") == 1);
	assert_true(value_of(&page, "redis_aof_last_write_status{segment=\"rts\"}") == 0);
	assert_true(value_of(&page, "redis_db_keys{segment=\"rts\",db=\"db0\"}") == 50);
	assert_true(value_of(&page, "redis_db_keys_expiring{segment=\"rts\",db=\"db0\"}") == 7);
	assert_true(value_of(&page, "redis_db_keys{segment=\"rts\",db=\"db3\"}") == 2);
	assert_true(value_of(&page, "redis_db_keys{segment=\"rts\",db=\"db1\"}") == -1);
	assert_true(value_of(&page, "redis_commands_total{segment=\"rts\",cmd=\"hset\"}") == 600);
	assert_true(value_of(&page, "redis_commands_duration_seconds_total{segment=\"rts\","
				    "cmd=\"config|get\"}") == 0.00004);
	assert_true(value_of(&page, "redis_start_time_seconds{segment=\"rts\"}") == 1784046173);
	assert_true(value_of(&page, "weir_redis_read_seconds_sum{segment=\"rts\"}") == 0.002);
	assert_int_equal(samples_with(&page, "redis_version=\"7.0.15\",role=\"master\","
					     "maxmemory_policy=\"noeviction\""),
			 SEGMENT_COUNT);
	buf_deinit(&page.text);
}

static void no_name_that_dashboard_763_asks_for_is_missing(void **state)
{
	(void)state;
	struct page page = redis_page();
	FILE *file = fopen(TEST_DATA_DIR "/redis_dashboard_763.txt", "r");
	char line[256];
	size_t names = 0;
	assert_non_null(file);
	while (fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = 0;
		if (!line[0] || line[0] == '#')
			continue;
		names++;
		char sample[300];
		snprintf(sample, sizeof sample, "%s{", line);
		if (samples_with(&page, sample) < SEGMENT_COUNT)
			fail_msg("no samples of %s", line);
	}
	fclose(file);
	assert_int_equal(names, 17);
	buf_deinit(&page.text);
}

static void of_a_server_that_is_down_nothing_is_shown_but_that(void **state)
{
	(void)state;
	struct segment_status status[SEGMENT_COUNT];
	struct segment_info info = { 0 };
	struct redis_conn_stats conn = { 0 };
	struct page page = page_make();
	stage_segments(status, &info, &conn);
	status[SEGMENT_RTS].state = SEGMENT_DOWN;
	status[SEGMENT_RIS].wanted = false;
	metrics_redis_put(status, 1784046185000, &page.text);
	page_check(&page);
	assert_true(value_of(&page, "redis_up{segment=\"rts\"}") == 0);
	assert_true(value_of(&page, "redis_up{segment=\"ris\"}") == -1);
	assert_true(value_of(&page, "redis_memory_used_bytes{segment=\"rts\"}") == -1);
	assert_true(value_of(&page, "redis_memory_used_bytes{segment=\"rtss\"}") == 1234567);
	buf_deinit(&page.text);
}

static void commands_beyond_the_table_count_together(void **state)
{
	(void)state;
	struct segment_info info = { 0 };
	struct buf text;
	buf_init(&text, 65536);
	for (int i = 0; i < SEGMENT_COMMANDS + 36; i++)
		buf_printf(&text, "cmdstat_c%d:calls=2,usec=10,usec_per_call=5.00\r\n", i);
	for (int times = 0; times < 3; times++)
		segment_info_take_commands(&info, buf_str(&text));
	assert_int_equal(info.command_count, SEGMENT_COMMANDS);
	assert_int_equal(info.commands[0].calls, 2);
	assert_int_equal(info.other.calls, 72);
	assert_int_equal(info.other.microseconds, 360);
	assert_string_equal(info.other.name, "other");
	buf_deinit(&text);
}

static void damaged_info_says_nothing(void **state)
{
	(void)state;
	struct segment_info info = { 0 };
	segment_info_take(&info, STR("used_memory:12x\r\nmaxmemory\r\nrole:\r\ndb99:keys=1\r\n"
				     "db0:keys=,expires\r\n:5\r\nblocked_clients:\r\n"));
	assert_int_equal(info.known, 0);
	assert_int_equal(info.databases[0].keys, 0);
	segment_info_take_commands(&info,
				   STR("cmdstat_:calls=1\r\ncmdstat_x\r\ncmdstat_y:calls\r\n"));
	assert_int_equal(info.command_count, 1);
	assert_int_equal(info.commands[0].calls, 0);
}

/* ---- terminals ---- */

static void a_terminal_has_at_most_fifteen_series(void **state)
{
	(void)state;
	const struct alert_hooks hooks = { 0 };
	struct alerts *alerts = alerts_create(&hooks);
	struct fleet *fleet = stage_fleet(METRICS_TERMINALS + 24, alerts);
	struct page page = page_make();
	metrics_instances_put(fleet, &page.text);
	page_check(&page);
	assert_true(samples_with(&page, "\"mt5-0000\"") <= METRICS_TERMINAL_SERIES);
	assert_true(samples_with(&page, "\"mt5-0000\"") >= 13);
	assert_true(page.series <= METRICS_TERMINALS * METRICS_TERMINAL_SERIES + 1);
	assert_int_equal(samples_with(&page, "\"mt5-1000\""), 0);
	assert_true(value_of(&page, "weir_terminals_left_out") == 24);
	assert_true(value_of(&page, "weir_terminal_balance{terminal=\"mt5-0999\"}") == 3346.16);
	assert_true(value_of(&page, "weir_terminal_ping_seconds{terminal=\"mt5-0999\"}") ==
		    0.15841);
	assert_true(value_of(&page, "weir_terminal_memory_bytes{terminal=\"mt5-0999\"}") ==
		    62 << 20);
	buf_deinit(&page.text);
	fleet_destroy(fleet);
	alerts_destroy(alerts);
}

/* ---- signals and results ---- */

static struct signal signal_that(const char *act)
{
	struct signal signal;
	const struct str keys[] = { STR("id"), STR("to"), STR("act") };
	const struct str values[] = { STR("s-1"), STR("mt5-0001"), str_of(act) };
	(void)signal_read(&signal, keys, values, ARRAY_LEN(keys));
	return signal;
}

static void tell(struct trade_meter *meter, uint64_t sid, enum delivery_bucket bucket)
{
	const struct signal signal = signal_that("closeall");
	char id[32];
	snprintf(id, sizeof id, "order-%llu", (unsigned long long)sid);
	trade_meter_signal(meter, sid, str_of(id), STR("closeall"));
	const struct delivery_end end = { .sid = sid,
					  .signal = &signal,
					  .received_ms = 1000,
					  .ended_ms = 1040,
					  .bucket = bucket };
	trade_meter_end(meter, &end);
}

static void ends_are_counted_by_action_and_kept_by_id(void **state)
{
	(void)state;
	struct trade_meter *meter = trade_meter_create();
	struct page page = page_make();
	tell(meter, 1, DELIVERY_DONE);
	tell(meter, 2, DELIVERY_FAILED);
	tell(meter, 3, DELIVERY_EXPIRED_UNDELIVERED);
	tell(meter, 4, DELIVERY_RECORDED);
	trade_meter_signal(meter, 5, STR("odd"), STR("dance"));
	metrics_trade_put(meter, &page.text);
	page_check(&page);
	assert_true(value_of(&page, "weir_signals_taken_total{action=\"closeall\"}") == 4);
	assert_true(value_of(&page, "weir_signals_taken_total{action=\"other\"}") == 1);
	assert_true(value_of(&page, "weir_deliveries_ended_total{action=\"closeall\","
				    "end=\"dropped\"}") == 1);
	assert_true(value_of(&page, "weir_signal_seconds_count") == 3);
	assert_true(value_of(&page, "weir_signal_seconds_bucket{le=\"0.025\"}") == 0);
	assert_true(value_of(&page, "weir_signal_seconds_bucket{le=\"0.1\"}") == 3);
	assert_string_equal(trade_meter_signal_at(meter, 0)->id, "odd");
	assert_true(trade_meter_signal_at(meter, 0)->latency_ms < 0);
	assert_string_equal(trade_meter_signal_at(meter, 4)->id, "order-1");
	assert_int_equal(trade_meter_signal_at(meter, 4)->ended[METER_DONE], 1);
	assert_true(trade_meter_signal_at(meter, 4)->latency_ms == 40);
	assert_null(trade_meter_signal_at(meter, 5));
	buf_deinit(&page.text);
	trade_meter_destroy(meter);
}

static size_t series_of(const struct trade_meter *meter)
{
	struct page page = page_make();
	metrics_trade_put(meter, &page.text);
	page_check(&page);
	buf_deinit(&page.text);
	return page.series;
}

static void more_signals_are_no_more_series(void **state)
{
	(void)state;
	struct trade_meter *meter = trade_meter_create();
	size_t before = series_of(meter);
	for (uint64_t sid = 1; sid <= 5000; sid++)
		tell(meter, sid, sid % 7 ? DELIVERY_DONE : DELIVERY_REFUSED);
	assert_int_equal(series_of(meter), before);
	assert_string_equal(trade_meter_signal_at(meter, METER_IDS - 1)->id, "order-4001");
	assert_null(trade_meter_signal_at(meter, METER_IDS));
	trade_meter_destroy(meter);
}

static void results_are_counted_by_status(void **state)
{
	(void)state;
	struct trade_meter *meter = trade_meter_create();
	struct result result = { 0 };
	result.fields[RESULT_rid] = STR("7-t1-9");
	result.fields[RESULT_st] = STR("done");
	result.fields[RESULT_slp] = STR("-3.5");
	result.fields[RESULT_ex] = STR("120");
	trade_meter_result(meter, &result);
	result.fields[RESULT_st] = STR("fail");
	result.fields[RESULT_slp] = result.fields[RESULT_ex] = STR("");
	trade_meter_result(meter, &result);
	const struct meter_counts *counts = trade_meter_counts(meter);
	assert_int_equal(counts->results[METER_ST_DONE], 1);
	assert_int_equal(counts->results[METER_ST_FAIL], 1);
	assert_int_equal(counts->slippage_points.count, 1);
	assert_true(counts->slippage_points.sum == -3.5);
	assert_true(counts->execution_s.sum == 0.12);
	assert_false(trade_meter_result_at(meter, 0)->has_slippage);
	assert_true(trade_meter_result_at(meter, 1)->slippage == -3.5);
	assert_string_equal(trade_meter_result_at(meter, 1)->rid, "7-t1-9");
	trade_meter_destroy(meter);
}

static void updates_of_a_trade_are_those_of_the_last_ten_seconds(void **state)
{
	(void)state;
	struct trade_meter *meter = trade_meter_create();
	for (int i = 0; i < 20; i++)
		trade_meter_update(meter, STR("mt5-1"), 42, 300000, 200000, 1000000 + i * 500);
	trade_meter_update(meter, STR("mt5-2"), 42, -1, -1, 1009500);
	trade_meter_read(meter, STR("mt5-1"), 42, 5000);
	const struct meter_trade *trade = trade_meter_trade_at(meter, 1);
	assert_string_equal(trade->id, "mt5-1-42");
	assert_true(trade->update_us == 300 && trade->set_us == 200 && trade->read_us == 5);
	assert_true(meter_trade_rate(trade, 1009900) == 2);
	assert_true(meter_trade_rate(trade, 1014900) == 1);
	assert_true(meter_trade_rate(trade, 1019900) == 0);
	assert_true(trade_meter_trade_at(meter, 0)->update_us < 0);
	assert_int_equal(trade_meter_counts(meter)->update_s.count, 20);
	trade_meter_quiet(meter, STR("mt5-1"), 42, 1019900);
	trade_meter_quiet(meter, STR("mt5-9"), 42, 1019900); /* never written: not brought in */
	assert_true(meter_trade_rate(trade, 1019900) == 0.1);
	assert_null(trade_meter_trade_at(meter, 2));
	trade_meter_destroy(meter);
}

static void the_newest_thousand_trades_are_kept_and_found(void **state)
{
	(void)state;
	struct trade_meter *meter = trade_meter_create();
	for (int times = 0; times < 2; times++)
		for (uint64_t i = 1; i <= METER_IDS; i++)
			trade_meter_update(meter, STR("t"), i, 1000, 500, 1000000);
	assert_string_equal(trade_meter_trade_at(meter, 0)->id, "t-1000");
	assert_string_equal(trade_meter_trade_at(meter, METER_IDS - 1)->id, "t-1");
	assert_true(meter_trade_rate(trade_meter_trade_at(meter, 500), 1000000) == 0.2);
	trade_meter_update(meter, STR("t"), 5000, -1, -1, 1000000);
	assert_string_equal(trade_meter_trade_at(meter, 0)->id, "t-5000");
	assert_string_equal(trade_meter_trade_at(meter, METER_IDS - 1)->id, "t-2");
	trade_meter_quiet(meter, STR("t"), 1, 1000000);
	assert_true(meter_trade_rate(trade_meter_trade_at(meter, METER_IDS - 1), 1000000) == 0.2);
	trade_meter_destroy(meter);
}

static void a_rise_is_that_of_ten_seconds_and_begins_anew_with_its_counter(void **state)
{
	(void)state;
	struct rise rise = { 0 };
	assert_int_equal(rise_seconds(&rise), 0);
	for (int i = 0; i <= 25; i++)
		rise_push(&rise, i * i);
	assert_int_equal(rise_seconds(&rise), 10);
	assert_true(rise_of(&rise) == 25 * 25 - 15 * 15);
	rise_push(&rise, 3);
	assert_int_equal(rise_seconds(&rise), 0);
	rise_push(&rise, 5);
	assert_true(rise_seconds(&rise) == 1 && rise_of(&rise) == 2);
	rise_note(&rise, 1);
	assert_true(rise_of(&rise) == -2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_label_is_escaped_and_its_end_is_kept),
		cmocka_unit_test(numbers_are_printed_so_that_they_read_back),
		cmocka_unit_test(a_histogram_has_each_bucket_with_all_below_it),
		cmocka_unit_test(a_summary_has_quantiles_sum_and_count),
		cmocka_unit_test(what_a_server_says_has_the_exporters_names),
		cmocka_unit_test(no_name_that_dashboard_763_asks_for_is_missing),
		cmocka_unit_test(of_a_server_that_is_down_nothing_is_shown_but_that),
		cmocka_unit_test(commands_beyond_the_table_count_together),
		cmocka_unit_test(damaged_info_says_nothing),
		cmocka_unit_test(a_terminal_has_at_most_fifteen_series),
		cmocka_unit_test(ends_are_counted_by_action_and_kept_by_id),
		cmocka_unit_test(more_signals_are_no_more_series),
		cmocka_unit_test(results_are_counted_by_status),
		cmocka_unit_test(updates_of_a_trade_are_those_of_the_last_ten_seconds),
		cmocka_unit_test(the_newest_thousand_trades_are_kept_and_found),
		cmocka_unit_test(a_rise_is_that_of_ten_seconds_and_begins_anew_with_its_counter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
