/* The sink for InfluxDB against a real server: what comes back is what went, as exactly as
 * a double and a text can say it, once, whatever happens between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "archive/influx.h"
#include "archive/influx_encode.h"
#include "archive/influx_url.h"
#include "influx_server.h"
#include "os/http.h"
#include "unit/sink_stage.h"

static struct influx_server server;
static const int64_t second_ns = 1000000000;

/* ---- the stage ---- */

struct world {
	struct stage stage; /* first */
	struct http *http;
	bool answered;
	json_t *answer;
};

static void open_sink(struct world *world, const char *login, const char *database,
		      int64_t answer_ns)
{
	char url[300];
	int len =
	    snprintf(url, sizeof url, "http://%s127.0.0.1:%u/%s", login, server.port, database);
	const struct influx_config config = { .http = http_client(world->http),
					      .timers = loop_timers(world->stage.loop),
					      .url = str_make(url, (size_t)len),
					      .answer_ns = answer_ns };
	struct err err;
	assert_int_equal(influx_create(&config, &world->stage.sink, &err), STATUS_OK);
}

static void on_json(void *ctx, enum status status, const struct http_answer *answer,
		    const char *why)
{
	struct world *world = ctx;
	if (status)
		fail_msg("%s", why);
	world->answered = true;
	world->answer = json_loadb(answer->body.ptr, answer->body.len, 0, NULL);
	if (!world->answer) /* it prints 1e20 as an integer */
		world->answer =
		    json_loadb(answer->body.ptr, answer->body.len, JSON_DECODE_INT_AS_REAL, NULL);
	assert_non_null(world->answer);
}

/* The answer is the caller's. */
static json_t *influx_ask(struct world *world, const char *sql)
{
	char text[1000];
	struct buf body = buf_over(text, sizeof text);
	char url[100];
	int len =
	    snprintf(url, sizeof url, "http://127.0.0.1:%u/query?epoch=ns&db=weir", server.port);
	buf_str_put(&body, STR("q="));
	influx_put_encoded(&body, str_of(sql));
	struct http_request request = { .method = "POST",
					.url = str_make(url, (size_t)len),
					.headers = { { STR("Content-Type"),
						       STR("application/x-www-form-urlencoded") } },
					.n_headers = 1,
					.body = buf_str(&body),
					.deadline_ns = 30 * second_ns,
					.body_bytes_max = 64 << 20 };
	world->answered = false;
	assert_int_equal(http_request(http_client(world->http), &request, on_json, world),
			 STATUS_OK);
	assert_true(loop_turn_until(world->stage.loop, &world->answered, stage_patience_ns));
	return world->answer;
}

static void influx_do(struct world *world, const char *sql) { json_decref(influx_ask(world, sql)); }

static void begin(struct world *world)
{
	struct err err;
	stage_init(&world->stage);
	assert_int_equal(
	    http_open(world->stage.loop, &(struct http_config){ 0 }, &world->http, &err),
	    STATUS_OK);
	influx_do(world, "DROP DATABASE weir");
	open_sink(world, "", "weir", 30 * second_ns);
}

static void end(struct world *world)
{
	bool closed = false;
	stage_close_sink(&world->stage);
	http_close(world->http, stage_set, &closed);
	assert_true(loop_turn_until(world->stage.loop, &closed, stage_patience_ns));
	stage_deinit(&world->stage);
}

static void send_rows(struct world *world, enum archive_table table, int64_t batch_id)
{
	stage_send(&world->stage, table, batch_id);
	stage_expect(&world->stage, SINK_DONE);
}

static uint64_t count_points(struct world *world, enum archive_table table)
{
	stage_count(&world->stage, table);
	stage_expect(&world->stage, SINK_DONE);
	return world->stage.count;
}

/* ---- what comes back ---- */

static json_t *cell_of(json_t *series, json_t *row, const char *name)
{
	json_t *columns = json_object_get(series, "columns"), *column;
	size_t i;
	json_array_foreach(columns, i, column)
	{
		if (strcmp(json_string_value(column), name) == 0)
			return json_array_get(row, i);
	}
	return NULL;
}

static bool is_there(const json_t *cell) { return cell && !json_is_null(cell); }

/* "1.2345e+03" has the digits of 12345000. */
static bool digits_are(const char *got, i128 value)
{
	char want[80], read[80];
	struct buf text = buf_over(want, sizeof want - 1), digits = buf_over(read, sizeof read - 1);
	while (value && value % 10 == 0)
		value /= 10;
	decimal_print(&text, value, 0);
	for (; *got && *got != 'e'; got++)
		if (*got != '.')
			buf_char(&digits, *got);
	while (digits.len > 1 && read[digits.len - 1] == '0')
		digits.len--;
	return str_eq(buf_str(&text), buf_str(&digits));
}

/* The decimal as a reader of the two fields gets it. */
static bool decimal_is(json_t *series, json_t *row, const char *name, i128 value, int places)
{
	char exact[80], want[80], got[80];
	struct buf text = buf_over(want, sizeof want - 1);
	snprintf(exact, sizeof exact, "%s_exact", name);
	decimal_print_trim(&text, value, places);
	want[text.len] = 0;
	json_t *more = cell_of(series, row, exact);
	double number = json_number_value(cell_of(series, row, name));
	assert_true(number == strtod(want, NULL));
	if (is_there(more))
		return strcmp(json_string_value(more), want) == 0;
	snprintf(got, sizeof got, "%.*e", INFLUX_DIGITS - 1, number);
	return digits_are(got, value);
}

static bool text_is(const json_t *cell, struct str want)
{
	return json_is_string(cell) &&
	       str_eq(str_make(json_string_value(cell), json_string_length(cell)), want);
}

static bool cell_is(json_t *series, json_t *line, const struct archive_row *row,
		    enum archive_column column)
{
	const struct archive_column_row *name = archive_column_row(column);
	json_t *cell = cell_of(series, line, name->name);
	if (!archive_cell_there(row, column))
		return !is_there(cell);
	switch (name->type) {
	case ARCHIVE_INT:
		return json_is_integer(cell)
			   ? json_integer_value(cell) == archive_cell_int(row, column, 0)
			   : json_real_value(cell) == (double)archive_cell_int(row, column, 0);
	case ARCHIVE_REAL: return json_number_value(cell) == archive_cell_real(row, column);
	case ARCHIVE_DEC:
		return decimal_is(series, line, name->name, archive_cell_int(row, column, 0), 8);
	case ARCHIVE_BIG:
		return decimal_is(series, line, name->name, archive_cell_big(row, column), 16);
	default: break;
	}
	return text_is(cell, archive_cell_text(row, column));
}

static void expect_rows(struct world *world, enum archive_table table, int64_t batch_id)
{
	const struct archive_table_row *table_row = archive_table_row(table);
	char sql[300], policy[40];
	snprintf(policy, sizeof policy, "weir_%lldd", (long long)table_row->days);
	snprintf(sql, sizeof sql, "SELECT * FROM weir.%s.\"%s\"",
		 table_row->days ? policy : "weir_forever", table_row->name);
	json_t *answer = influx_ask(world, sql);
	json_t *series = json_array_get(
	    json_object_get(json_array_get(json_object_get(answer, "results"), 0), "series"), 0);
	json_t *lines = json_object_get(series, "values");
	assert_int_equal(json_array_size(lines), world->stage.rows.count);
	size_t at = 0;
	for (const struct archive_row *row = NULL;
	     (row = archive_rows_next(&world->stage.rows, row)); at++) {
		json_t *line = json_array_get(lines, at);
		json_t *time = json_array_get(line, 0);
		int64_t time_us = archive_cell_int(row, table_row->time, 0);
		if (json_is_integer(time))
			assert_int_equal(json_integer_value(time) / 1000, time_us);
		assert_true(json_number_value(cell_of(series, line, "batch_id")) ==
			    (double)batch_id);
		for (unsigned i = 0; i < table_row->columns; i++) {
			enum archive_column column = (enum archive_column)(table_row->first + i);
			if (column != table_row->time && !cell_is(series, line, row, column))
				fail_msg("%s.%s: %s", table_row->name,
					 archive_column_row(column)->name,
					 json_dumps(line, JSON_COMPACT));
		}
	}
	json_decref(answer);
}

static void rows_of_every_table_come_back_as_they_went(void **state)
{
	(void)state;
	struct world world;
	begin(&world);
	stage_open(&world.stage);
	stage_expect(&world.stage, SINK_DONE);
	for (unsigned i = 0; i < TABLE_COUNT; i++) {
		enum archive_table table = (enum archive_table)i;
		stage_rows(&world.stage, table, 0, 300, 100 + i);
		send_rows(&world, table, 7 + i);
		expect_rows(&world, table, 7 + i);
		assert_int_equal(count_points(&world, table), 300);
		stage_probe(&world.stage, table, 7 + i);
		assert_int_equal(world.stage.count, 300);
		stage_probe(&world.stage, table, 1);
		assert_int_equal(world.stage.count, 0);
	}
	end(&world);
}

static void rows_sent_again_are_the_same_points_and_the_newest_wins(void **state)
{
	(void)state;
	struct world world;
	begin(&world);
	stage_rows(&world.stage, TABLE_trade_results, 0, 12000, 1); /* three requests */
	send_rows(&world, TABLE_trade_results, 5);
	send_rows(&world, TABLE_trade_results, 5);
	expect_rows(&world, TABLE_trade_results, 5);
	stage_rows(&world.stage, TABLE_liquidations, 0, 200, 2);
	send_rows(&world, TABLE_liquidations, 6);
	send_rows(&world, TABLE_liquidations, 7);
	expect_rows(&world, TABLE_liquidations, 7);
	struct rng rng;
	rng_init(&rng, 3);
	for (uint64_t i = 0; i < 200; i++) /* told again within the batch */
		random_row(&world.stage.rows, TABLE_liquidations, i, &rng);
	send_rows(&world, TABLE_liquidations, 8);
	assert_int_equal(count_points(&world, TABLE_liquidations), 200);
	end(&world);
}

/* ---- rows of one µs ---- */

static void add_result(struct world *world, uint64_t number, int64_t at_us)
{
	char id[40];
	struct archive_rows *rows = &world->stage.rows;
	snprintf(id, sizeof id, "deal:Broker:1:%llu", (unsigned long long)number);
	archive_rows_begin(rows, TABLE_trade_results);
	archive_row_text(rows, COLUMN_trade_results_result_id, str_of(id));
	archive_row_word(rows, COLUMN_trade_results_status, STR("done"));
	archive_row_int(rows, COLUMN_trade_results_received_us, at_us);
	archive_row_int(rows, COLUMN_trade_results_event_us, at_us);
	assert_int_equal(archive_rows_end(rows), STATUS_OK);
}

static void rows_of_one_microsecond_stay_apart_within_a_batch(void **state)
{
	(void)state;
	struct world world;
	begin(&world);
	for (uint64_t i = 0; i < 3000; i++) /* three times as many as a µs has ns */
		add_result(&world, i, random_row_base_us);
	send_rows(&world, TABLE_trade_results, 1);
	assert_int_equal(count_points(&world, TABLE_trade_results), 3000);
	/* the same rows in another order are the same points */
	archive_rows_clear(&world.stage.rows);
	for (uint64_t i = 3000; i-- > 0;)
		add_result(&world, i, random_row_base_us);
	send_rows(&world, TABLE_trade_results, 1);
	assert_int_equal(count_points(&world, TABLE_trade_results), 3000);
	end(&world);
}

/* The merges that are left are as rare as the header says: a pair in 1,000. */
static void merges_between_batches_are_counted(void **state)
{
	enum { ROWS = 20000 };
	struct world world;
	(void)state;
	begin(&world);
	for (int64_t batch = 0; batch < 2; batch++) { /* two rows of each µs, in two batches */
		archive_rows_clear(&world.stage.rows);
		for (uint64_t i = 0; i < ROWS; i++)
			add_result(&world, (uint64_t)batch * ROWS + i,
				   random_row_base_us + (int64_t)i);
		send_rows(&world, TABLE_trade_results, batch + 1);
	}
	uint64_t points = count_points(&world, TABLE_trade_results);
	print_message("%u rows, %u points\n", 2 * ROWS, (unsigned)points);
	assert_in_range(2 * ROWS - points, 5, 50);
	end(&world);
}

static void a_time_that_does_not_fit_is_named(void **state)
{
	(void)state;
	struct world world;
	size_t bad = 99;
	begin(&world);
	stage_rows(&world.stage, TABLE_trade_results, 0, 3, 1);
	add_result(&world, 1, INT64_MAX / 1000);
	assert_int_equal(world.stage.sink->ops->encode(world.stage.sink, &world.stage.rows, 0, 4, 1,
						       &world.stage.body, &bad),
			 STATUS_INVALID);
	assert_int_equal(bad, 3);
	assert_int_equal(world.stage.body.len, 0);
	struct buf small;
	buf_init(&small, 700);
	assert_int_equal(influx_encode(&world.stage.rows, 0, 3, 1, &small, &bad), STATUS_FULL);
	assert_int_equal(small.len, 0);
	buf_deinit(&small);
	end(&world);
}

/* ---- the server dies, hangs ---- */

static void turn(struct world *world, int times)
{
	for (int i = 0; i < times && !world->stage.done; i++)
		loop_turn(world->stage.loop, 2000000);
}

static void after_a_kill_in_the_middle_the_batch_is_sent_again_and_is_there_once(void **state)
{
	(void)state;
	struct world world;
	struct rng rng;
	begin(&world);
	stage_open(&world.stage);
	rng_init(&rng, 4);
	for (int64_t batch = 1; batch <= 5; batch++) {
		stage_rows(&world.stage, TABLE_trade_results, (uint64_t)batch * 3000,
			   (uint64_t)batch * 3000 + 3000, (uint64_t)batch);
		stage_encode(&world.stage, batch);
		stage_send_begin(&world.stage, TABLE_trade_results, batch);
		turn(&world, (int)rng_below(&rng, 60));
		influx_kill(&server);
		stage_wait(&world.stage);
		assert_true(world.stage.outcome == SINK_DONE || world.stage.outcome == SINK_AWAY ||
			    world.stage.outcome == SINK_UNKNOWN);
		print_message("%s: %s\n", sink_outcome_text(world.stage.outcome), world.stage.why);
		stage_send(&world.stage, TABLE_trade_results, batch); /* nobody is there */
		stage_expect(&world.stage, SINK_AWAY);
		influx_start(&server);
		send_rows(&world, TABLE_trade_results, batch);
	}
	assert_int_equal(count_points(&world, TABLE_trade_results), 5 * 3000);
	end(&world);
}

static void a_hang_is_unknown_after_the_deadline_and_may_land_later(void **state)
{
	(void)state;
	struct world world;
	begin(&world);
	stage_open(&world.stage);
	stage_expect(&world.stage, SINK_DONE); /* its database is made, however long that takes */
	stage_close_sink(&world.stage);
	open_sink(&world, "", "weir", 2 * second_ns);
	for (int tries = 0; tries < 30 && stage_open(&world.stage); tries++)
		;
	stage_expect(&world.stage, SINK_DONE);
	stage_rows(&world.stage, TABLE_funding, 0, 100, 1);
	kill(server.pid, SIGSTOP);
	stage_send(&world.stage, TABLE_funding, 1);
	stage_expect(&world.stage, SINK_UNKNOWN);
	stage_send(&world.stage, TABLE_funding, 1); /* it is asked first now whether it is there */
	stage_expect(&world.stage, SINK_AWAY);
	kill(server.pid, SIGCONT);
	stage_close_sink(&world.stage);
	open_sink(&world, "", "weir", 30 * second_ns);
	send_rows(&world, TABLE_funding, 1);
	expect_rows(&world, TABLE_funding, 1);
	end(&world);
}

/* ---- what is not as it should be ---- */

static void a_database_that_was_dropped_is_made_again(void **state)
{
	(void)state;
	struct world world;
	begin(&world);
	stage_rows(&world.stage, TABLE_alert_log, 0, 5, 1);
	send_rows(&world, TABLE_alert_log, 1);
	influx_do(&world, "DROP DATABASE weir");
	stage_send(&world.stage, TABLE_alert_log, 1);
	stage_expect(&world.stage, SINK_AWAY);
	send_rows(&world, TABLE_alert_log, 1);
	expect_rows(&world, TABLE_alert_log, 1);
	influx_do(&world, "DROP RETENTION POLICY weir_365d ON weir");
	stage_send(&world.stage, TABLE_alert_log, 2);
	stage_expect(&world.stage, SINK_AWAY);
	send_rows(&world, TABLE_alert_log, 2);
	influx_do(&world, "ALTER RETENTION POLICY weir_730d ON weir DURATION 800d");
	stage_open(&world.stage); /* an operator's */
	stage_expect(&world.stage, SINK_DONE);
	end(&world);
}

static void on_done(void *ctx, enum status status, const struct http_answer *answer,
		    const char *why)
{
	(void)why;
	assert_int_equal(status, STATUS_OK);
	assert_int_equal(answer->code, 204);
	((struct world *)ctx)->answered = true;
}

static void write_line(struct world *world, const char *line)
{
	char url[100];
	int len = snprintf(url, sizeof url, "http://127.0.0.1:%u/write?db=weir&rp=weir_730d",
			   server.port);
	struct http_request request = { .method = "POST",
					.url = str_make(url, (size_t)len),
					.body = str_of(line),
					.deadline_ns = 30 * second_ns };
	world->answered = false;
	assert_int_equal(http_request(http_client(world->http), &request, on_done, world),
			 STATUS_OK);
	assert_true(loop_turn_until(world->stage.loop, &world->answered, stage_patience_ns));
}

static void a_field_of_another_type_is_held(void **state)
{
	(void)state;
	struct world world;
	begin(&world);
	stage_open(&world.stage);
	write_line(&world, "open_interest,market=theirs quantity=\"text\" 1790000000000000000");
	stage_rows(&world.stage, TABLE_open_interest, 0, 3, 1);
	stage_send(&world.stage, TABLE_open_interest, 1);
	stage_expect(&world.stage, SINK_HELD);
	assert_non_null(strstr(world.stage.why, "field type conflict"));
	end(&world);
}

static void lines_that_it_cannot_read_are_poison(void **state)
{
	(void)state;
	struct world world;
	begin(&world);
	stage_rows(&world.stage, TABLE_funding, 0, 3, 1);
	stage_encode(&world.stage, 1);
	memset(world.stage.body.ptr + sizeof(struct influx_posts), '=', 20);
	stage_send_begin(&world.stage, TABLE_funding, 1);
	stage_wait(&world.stage);
	stage_expect(&world.stage, SINK_POISON);
	end(&world);
}

static void points_past_their_policy_are_done(void **state)
{
	(void)state;
	struct world world;
	begin(&world);
	add_result(&world, 1, 1000000);
	add_result(&world, 2, random_row_base_us);
	send_rows(&world, TABLE_trade_results, 1);
	assert_int_equal(count_points(&world, TABLE_trade_results), 1);
	stage_expire(&world.stage, TABLE_trade_results, random_row_base_us);
	stage_expect(&world.stage, SINK_DONE);
	end(&world);
}

static void a_wrong_password_is_held(void **state)
{
	(void)state;
	struct world world;
	begin(&world);
	influx_do(&world, "CREATE USER weir WITH PASSWORD 's:cret' WITH ALL PRIVILEGES");
	influx_kill(&server);
	server.auth = true;
	influx_configure(&server);
	influx_start(&server);
	static const struct {
		const char *login;
		enum sink_outcome outcome;
	} tries[] = { { "", SINK_HELD },
		      { "weir:wrong@", SINK_HELD },
		      { "weir:s%3Acret@", SINK_DONE } };
	for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
		stage_close_sink(&world.stage);
		open_sink(&world, tries[i].login, "weir", 30 * second_ns);
		stage_open(&world.stage);
		stage_expect(&world.stage, tries[i].outcome);
	}
	stage_rows(&world.stage, TABLE_funding, 0, 3, 1);
	send_rows(&world, TABLE_funding, 1);
	influx_kill(&server);
	server.auth = false;
	influx_configure(&server);
	influx_start(&server);
	end(&world);
}

static void it_can_be_closed_at_any_time(void **state)
{
	(void)state;
	for (int turns = 0; turns < 8; turns++) {
		struct world world;
		begin(&world);
		stage_rows(&world.stage, TABLE_trade_results, 0, 6000, 1);
		stage_encode(&world.stage, 1);
		stage_send_begin(&world.stage, TABLE_trade_results, 1);
		turn(&world, turns);
		end(&world);
	}
}

/* ---- its URL ---- */

static void urls_are_read_and_what_is_none_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",          "http://",      "http:///x",     "ftp://h/x",        "http://h",
		"http://h/", "http://h/a%2", "http://h/a\"b", "http://u:%zz@h/x", "http://h/a/b"
	};
	struct influx_url url;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_not_equal(influx_url_read(str_of(wrong[i]), &url), STATUS_OK);
	assert_int_equal(influx_url_read(STR("https://Aladdin:open%20sesame@h:8086/my%20db"), &url),
			 STATUS_OK);
	assert_string_equal(url.root, "https://h:8086");
	assert_string_equal(url.database, "my db");
	assert_string_equal(url.login, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="); /* RFC 7617 */
	assert_int_equal(influx_url_read(STR("http://h/x"), &url), STATUS_OK);
	assert_string_equal(url.login, "");
}

static int stop(void **state)
{
	(void)state;
	influx_deinit(&server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_every_table_come_back_as_they_went),
		cmocka_unit_test(rows_sent_again_are_the_same_points_and_the_newest_wins),
		cmocka_unit_test(rows_of_one_microsecond_stay_apart_within_a_batch),
		cmocka_unit_test(merges_between_batches_are_counted),
		cmocka_unit_test(a_time_that_does_not_fit_is_named),
		cmocka_unit_test(
		    after_a_kill_in_the_middle_the_batch_is_sent_again_and_is_there_once),
		cmocka_unit_test(a_hang_is_unknown_after_the_deadline_and_may_land_later),
		cmocka_unit_test(a_database_that_was_dropped_is_made_again),
		cmocka_unit_test(a_field_of_another_type_is_held),
		cmocka_unit_test(lines_that_it_cannot_read_are_poison),
		cmocka_unit_test(points_past_their_policy_are_done),
		cmocka_unit_test(a_wrong_password_is_held),
		cmocka_unit_test(it_can_be_closed_at_any_time),
		cmocka_unit_test(urls_are_read_and_what_is_none_is_refused),
	};
	if (!influx_init(&server))
		return 77;
	return cmocka_run_group_tests(tests, NULL, stop);
}
