/* Lists a page at a time, bars, timelines, the dashboard's files, the rate of an address. */
#include "serve/paging.h"
#include "serve_stage.h"

/* ---- pages ---- */

static const struct paging list = { "rows", { "at", "id" }, 2, 2 };

static void expect_page(const char *rows, bool cut, const char *want)
{
	char storage[1000];
	struct buf out = buf_over(storage, sizeof storage - 1);
	assert_int_equal(paging_put(&list, str_of(rows), cut, &out), STATUS_OK);
	storage[out.len] = 0;
	assert_string_equal(storage, want);
}

static void test_pages(void **state)
{
	(void)state;
	expect_page("[]", false, "\"rows\":[],\"next\":null");
	expect_page("[{\"at\":5,\"id\":\"a\"}]\n", false,
		    "\"rows\":[{\"at\":5,\"id\":\"a\"}],\"next\":null");
	expect_page("[{\"at\":5,\"id\":\"a\"},{\"id\":\"b'\\u0041\",\"x\":[{\"id\":1}],\"at\":4},"
		    "{\"at\":4,\"id\":\"z\"}]",
		    false,
		    "\"rows\":[{\"at\":5,\"id\":\"a\"},{\"id\":\"b'\\u0041\",\"x\":[{\"id\":1}],"
		    "\"at\":4}],\"next\":\"4.622741\"");
	expect_page("[{\"at\":5,\"id\":\"a\"}]", true,
		    "\"rows\":[{\"at\":5,\"id\":\"a\"}],\"next\":\"5.61\"");
}

static void test_rows_that_make_no_page(void **state)
{
	static const char *const wrong[] = { "",    "{}",
					     "[1]", "[{\"at\":5}",
					     "[{]", "[{\"id\":\"a\"},{},{}]" };
	char storage[1000];
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct buf out = buf_over(storage, sizeof storage);
		assert_int_equal(paging_put(&list, str_of(wrong[i]), false, &out), STATUS_FORMAT);
	}
}

static void test_cursors(void **state)
{
	char storage[1000];
	struct buf sql = buf_over(storage, sizeof storage - 1);
	(void)state;
	assert_int_equal(paging_condition(&list, STR("4.622741"), &sql), STATUS_OK);
	storage[sql.len] = 0;
	assert_string_equal(storage, " (at < 4 OR (at = 4 AND (id > 'b''A')))");
	static const char *const wrong[] = { "",     "x",   "4",       "4.6",   "4.6G",
					     "4.00", ".61", "4.61.61", "4.61.", "4.61'" };
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		buf_clear(&sql);
		assert_int_equal(paging_condition(&list, str_of(wrong[i]), &sql), STATUS_FORMAT);
	}
}

static void test_lists_go_on_behind_their_cursor(void **state)
{
	struct world *world = *state;
	world->text = "[{\"received_us\":9,\"result_id\":\"r1\"},"
		      "{\"received_us\":9,\"result_id\":\"r2\"}]";
	assert_int_equal(ask(world, "GET", "/api/v1/results?limit=1", NULL), 200);
	assert_string_equal(world->call->body, "{\"results\":[{\"received_us\":9,\"result_id\":"
					       "\"r1\"}],\"next\":\"9.7231\"}");
	ask(world, "GET", "/api/v1/results?limit=1&instance=t&cursor=9.7231", NULL);
	assert_string_equal(world->noted,
			    "json SELECT * FROM trade_results WHERE instance = 't' AND "
			    "(received_us < 9 OR (received_us = 9 AND (result_id > 'r1'))) "
			    "ORDER BY received_us DESC, result_id LIMIT 2");
	ask(world, "GET", "/api/v1/results?cursor=x", NULL);
	expect_error(world, 400, "cursor");
	world->text = "[]";
	assert_int_equal(ask(world, "GET", "/api/v1/signals", NULL), 200);
	assert_string_equal(world->call->body, "{\"signals\":[],\"next\":null}");
	assert_non_null(strstr(world->noted, "ORDER BY ended_us DESC, sid, instance LIMIT 101"));
	assert_int_equal(ask(world, "GET", "/api/v1/ledger", NULL), 200);
	assert_string_equal(world->call->body,
			    "{\"ledger\":{\"balanced\":true},\"dead\":[],\"next\":null}");
	world->hooks.query = NULL;
	open_serve(world, "", "");
	assert_int_equal(ask(world, "GET", "/api/v1/ledger", NULL), 200);
	assert_string_equal(world->call->body, "{\"ledger\":null,\"dead\":[],\"next\":null}");
}

/* ---- bars, timelines ---- */

static void test_bars(void **state)
{
	struct world *world = *state;
	assert_int_equal(
	    ask(world, "GET", "/api/v1/bars?market=binance:perp:BTCUSDT&tf=4h&n=7&to=99", NULL),
	    200);
	assert_string_equal(world->noted, "bars binance:perp:BTCUSDT 240 7 99");
	ask(world, "GET", "/api/v1/bars?market=binance:perp:BTCUSDT&tf=1d", NULL);
	assert_string_equal(world->noted, "bars binance:perp:BTCUSDT 1440 300 -1");
	static const char *const wrong[] = { "market=binance:perp:BTCUSDT",
					     "market=binance:perp:BTCUSDT&tf=2m",
					     "market=binance:perp:BTCUSDT&tf=1m&n=0",
					     "market=binance:perp:BTCUSDT&tf=1m&n=301",
					     "market=binance:perp:BTCUSDT&tf=1m&to=-1",
					     "market=BTC&tf=1m",
					     "tf=1m" };
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		char path[100];
		snprintf(path, sizeof path, "/api/v1/bars?%s", wrong[i]);
		ask(world, "GET", path, NULL);
		expect_error(world, 400, "");
		assert_string_equal(world->noted, "");
	}
	ask(world, "GET", "/api/v1/bars?market=binance:perp:NONE&tf=1m", NULL);
	expect_error(world, 404, "not followed");
}

static void test_a_timeline(void **state)
{
	struct world *world = *state;
	world->later = true;
	ask(world, "GET", "/api/v1/fleet/t-1/timeline?minutes=120&n=60", NULL);
	assert_non_null(strstr(world->noted, "(minute_us // 120000000) * 120000000 // 1000 AS t"));
	assert_non_null(strstr(world->noted, "WHERE instance = 't-1' AND minute_us >= "));
	world->noted[0] = 0;
	world->text_done(world->text_ctx, STATUS_OK,
			 STR("[{\"t\":60000,\"eq\":\"10.50000000\",\"bal\":\"10.00000000\","
			     "\"pl\":\"0.00000000\",\"ping\":1.25,\"cpu\":null,\"mem\":60.0},"
			     "{\"t\":180000,\"eq\":null,\"bal\":null,\"pl\":null,\"ping\":2,"
			     "\"cpu\":3.5,\"mem\":61}]"),
			 false);
	assert_non_null(strstr(world->noted, "FROM instance_events WHERE instance = 't-1'"));
	world->text_done(world->text_ctx, STATUS_OK, STR("[{\"t_ms\":1}]\n"), false);
	assert_int_equal(world->call->code, 200);
	assert_string_equal(
	    world->call->body,
	    "{\"id\":\"t-1\",\"t\":[60000,180000],\"fields\":{\"eq\":[10.5,null],"
	    "\"bal\":[10,null],\"pl\":[0,null],\"ping\":[1.25,2],\"cpu\":[null,3.5],"
	    "\"mem\":[60.0,61]},\"states\":[{\"t_ms\":1}]}");
	world->later = false;
	ask(world, "GET", "/api/v1/fleet/nobody/timeline", NULL);
	expect_error(world, 404, "no terminal");
	ask(world, "GET", "/api/v1/fleet/t-1/timeline?minutes=1441", NULL);
	expect_error(world, 400, "minutes is 1..1440");
	world->text_status = STATUS_TIMEOUT;
	ask(world, "GET", "/api/v1/fleet/t-1/timeline", NULL);
	expect_error(world, 504, "");
}

/* ---- files ---- */

static const struct serve_file files[] = {
	{ "/", "text/html; charset=utf-8", "\"abc\"", { "<p>", 3 }, { "GZ", 2 } },
	{ "/icon.svg", "image/svg+xml", "\"d\"", { "<svg>", 5 }, { NULL, 0 } },
	{ "/healthz", "text/plain", "\"e\"", { "never", 5 }, { NULL, 0 } },
};

static int get_file(struct world *world, const char *path, const char *encodings, const char *tags)
{
	world->n_more = 0;
	if (encodings)
		world->more[world->n_more++] =
		    (struct http_header){ STR("accept-encoding"), str_of(encodings) };
	if (tags)
		world->more[world->n_more++] =
		    (struct http_header){ STR("if-none-match"), str_of(tags) };
	return ask(world, "GET", path, NULL);
}

static void test_files(void **state)
{
	struct world *world = *state;
	world->files = files;
	world->file_count = sizeof files / sizeof files[0];
	open_with_tokens(world); /* none is asked for */
	assert_int_equal(get_file(world, "/", NULL, NULL), 200);
	assert_string_equal(world->call->body, "<p>");
	assert_string_equal(world->call->type, "text/html; charset=utf-8");
	assert_string_equal(world->call->headers, "ETag: \"abc\"\n");
	assert_non_null(strstr(world->call->lines, "Content-Security-Policy: default-src 'self'"));
	assert_non_null(strstr(world->call->lines, "Cache-Control: no-cache"));
	assert_int_equal(get_file(world, "/healthz", NULL, NULL), 200);
	assert_string_equal(world->call->body, "{\"ok\":true}"); /* routes win */
	get_file(world, "/nothing", NULL, NULL);
	expect_error(world, 404, "nothing");
	ask(world, "POST", "/", "x");
	expect_error(world, 405, "method");
	assert_int_equal(ask(world, "HEAD", "/", NULL), 200);
}

static void test_files_that_are_known_or_compressed(void **state)
{
	struct world *world = *state;
	static const char *const known[] = { "\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*" };
	static const char *const yes[] = { "gzip", "deflate, gzip;q=0.5", "GZIP", "x-gzip" };
	static const char *const no[] = { "", "deflate", "gzip;q=0", "gzip; q=0.0", "gzipped" };
	world->files = files;
	world->file_count = sizeof files / sizeof files[0];
	open_serve(world, "", "");
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		assert_int_equal(get_file(world, "/", "gzip", known[i]), 304);
		assert_string_equal(world->call->body, "");
		assert_string_equal(world->call->headers, "ETag: \"abc\"\n");
	}
	assert_int_equal(get_file(world, "/", NULL, "\"abcd\", abc"), 200);
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
		assert_int_equal(get_file(world, "/", yes[i], NULL), 200);
		assert_string_equal(world->call->body, "GZ");
		assert_string_equal(world->call->headers,
				    "ETag: \"abc\"\nContent-Encoding: gzip\n");
	}
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
		assert_int_equal(get_file(world, "/", no[i], NULL), 200);
		assert_string_equal(world->call->body, "<p>");
	}
	get_file(world, "/icon.svg", "gzip", NULL);
	assert_string_equal(world->call->body, "<svg>");
}

/* ---- the rate ---- */

static void test_an_address_may_so_many_requests_a_second(void **state)
{
	struct world *world = *state;
	serve_set_rate(world->serve, 10);
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask(world, "GET", "/healthz", NULL), 200);
	ask(world, "GET", "/healthz", NULL);
	expect_error(world, 429, "serve.rate");
	assert_string_equal(world->call->headers, "Retry-After: 1\n");
	assert_int_equal(serve_counts(world->serve)->too_many, 1);
	world->peer = "127.0.0.2"; /* another one may */
	assert_int_equal(ask(world, "GET", "/healthz", NULL), 200);
	world->peer = "127.0.0.1";
	world->now_ns += 100000000; /* one comes back each tenth of a second */
	assert_int_equal(ask(world, "GET", "/healthz", NULL), 200);
	assert_int_equal(ask(world, "GET", "/healthz", NULL), 429);
	serve_set_rate(world->serve, 0);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(ask(world, "GET", "/healthz", NULL), 200);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_rows_that_make_no_page),
		cmocka_unit_test(test_cursors),
		TEST(test_lists_go_on_behind_their_cursor),
		TEST(test_bars),
		TEST(test_a_timeline),
		TEST(test_files),
		TEST(test_files_that_are_known_or_compressed),
		TEST(test_an_address_may_so_many_requests_a_second),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
