/* The HTTP interface: whom it serves, what it answers, and its description of itself. */
#include "serve/kept.h"
#include "serve_stage.h"

static void test_views_are_answered_by_their_hooks(void **state)
{
	struct world *world = *state;
	static const char *const views[][2] = {
		{ "/api/v1/now", "now" },
		{ "/metrics/design", "metrics_design" },
		{ "/metrics/ids", "metrics_ids" },
		{ "/metrics", "metrics" },
		{ "/api/v1/markets", "markets" },
		{ "/api/v1/fleet", "fleet" },
		{ "/api/v1/fleet/t-1", "terminal t-1" },
		{ "/api/v1/memory", "memory" },
		{ "/api/v1/alerts", "alerts" },
	};
	for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
		assert_int_equal(ask(world, "GET", views[i][0], NULL), 200);
		assert_string_equal(world->noted, views[i][1]);
		assert_int_equal(ask(world, "HEAD", views[i][0], NULL), 200);
		assert_string_equal(world->noted, views[i][1]);
	}
	assert_int_equal(ask(world, "GET", "/metrics", NULL), 200);
	assert_string_equal(world->call->type, "text/plain; version=0.0.4; charset=utf-8");
	ask(world, "GET", "/api/v1/fleet/none", NULL);
	expect_error(world, 404, "no terminal");
}

static void test_questions(void **state)
{
	struct world *world = *state;
	assert_int_equal(ask(world, "GET", "/api/v1/ask?q=%2Fcvd+ETH%205m", NULL), 200);
	assert_string_equal(world->noted, "ask json /cvd ETH 5m");
	assert_string_equal(world->call->type, "application/json");
	assert_int_equal(ask(world, "GET", "/api/v1/ask?format=text&q=/cvd", NULL), 200);
	assert_string_equal(world->noted, "ask text /cvd");
	assert_string_equal(world->call->type, "text/plain; charset=utf-8");
	assert_int_equal(ask(world, "GET", "/api/v1/ask?q=/no", NULL), 404);
	assert_int_equal(ask(world, "GET", "/api/v1/ask?q=/what", NULL), 400);
	ask(world, "GET", "/api/v1/ask", NULL);
	expect_error(world, 400, "?q=");
	ask(world, "GET", "/api/v1/ask?q=/cvd&format=xml", NULL);
	expect_error(world, 400, "format");
	ask(world, "GET", "/api/v1/ask?q=%ff", NULL);
	expect_error(world, 400, "parameter q");
	ask(world, "GET", "/api/v1/ask?q=a&q=b", NULL);
	expect_error(world, 400, "twice");
	ask(world, "GET", "/api/v1/ask?p=a", NULL);
	expect_error(world, 400, "(known: q format)");
}

static void test_answers_are_kept_for_a_moment(void **state)
{
	struct world *world = *state;
	ask(world, "GET", "/api/v1/ask?q=/cvd+ETH", NULL);
	assert_string_equal(world->noted, "ask json /cvd ETH");
	assert_int_equal(ask(world, "GET", "/api/v1/ask?q=/cvd%20ETH&format=json", NULL), 200);
	assert_string_equal(world->noted, "");
	assert_string_equal(world->call->body, "{\"asked\":true}");
	assert_string_equal(world->call->type, "application/json");
	/* Another form, another question. */
	ask(world, "GET", "/api/v1/ask?q=/cvd+ETH&format=text", NULL);
	assert_string_equal(world->noted, "ask text /cvd ETH");
	ask(world, "GET", "/api/v1/ask?q=/cvd+ETH+", NULL);
	assert_string_equal(world->noted, "ask json /cvd ETH ");
	/* Its code is kept, too. */
	assert_int_equal(ask(world, "GET", "/api/v1/ask?q=/no", NULL), 404);
	assert_int_equal(ask(world, "GET", "/api/v1/ask?q=/no", NULL), 404);
	assert_string_equal(world->noted, "");
	world->now_ns += (KEPT_MS - 1) * INT64_C(1000000);
	ask(world, "GET", "/api/v1/ask?q=/no", NULL);
	assert_string_equal(world->noted, "");
	world->now_ns += 1000000;
	ask(world, "GET", "/api/v1/ask?q=/no", NULL);
	assert_string_equal(world->noted, "ask json /no");
	/* Whatever is changed may change any of them. */
	ask(world, "POST", "/api/v1/signals", "{\"id\":\"a\"}");
	ask(world, "GET", "/api/v1/ask?q=/no", NULL);
	assert_string_equal(world->noted, "ask json /no");
	assert_int_equal(serve_counts(world->serve)->asked_kept, 3);
	assert_int_equal(serve_counts(world->serve)->asked_anew, 6);
}

/* More than there is room for, and longer than is kept. */
static void test_what_is_kept_is_bounded(void **state)
{
	struct world *world = *state;
	char path[700];
	for (int turn = 0; turn < 2; turn++)
		for (int i = 0; i < 4 * KEPT_ROOM; i++) {
			snprintf(path, sizeof path, "/api/v1/ask?q=/cvd+%d", i);
			assert_int_equal(ask(world, "GET", path, NULL), 200);
		}
	assert_true(serve_counts(world->serve)->asked_anew >= 7 * KEPT_ROOM);
	uint64_t before = serve_counts(world->serve)->asked_kept;
	snprintf(path, sizeof path, "/api/v1/ask?q=/%0*d", KEPT_QUESTION_MAX, 0);
	ask(world, "GET", path, NULL);
	ask(world, "GET", path, NULL);
	assert_int_equal(serve_counts(world->serve)->asked_kept, before);
}

static void test_pictures(void **state)
{
	struct world *world = *state;
	world->text = "\x89PNG";
	assert_int_equal(ask(world, "GET", "/api/v1/chart.png?q=/cvd+ETH+5m", NULL), 200);
	assert_string_equal(world->noted, "chart dark /cvd ETH 5m");
	assert_string_equal(world->call->type, "image/png");
	assert_string_equal(world->call->body, "\x89PNG");
	assert_int_equal(ask(world, "GET", "/api/v1/chart.png?q=/oi&theme=light", NULL), 200);
	assert_string_equal(world->noted, "chart light /oi");
	assert_int_equal(ask(world, "GET", "/api/v1/chart.png?q=/oi&theme=dark", NULL), 200);
	assert_string_equal(world->noted, "chart dark /oi");
	ask(world, "GET", "/api/v1/chart.png", NULL);
	expect_error(world, 400, "?q=");
	ask(world, "GET", "/api/v1/chart.png?q=/oi&theme=blue", NULL);
	expect_error(world, 400, "theme");
	world->text = "there is no picture of this answer";
	world->text_status = STATUS_NOT_FOUND;
	ask(world, "GET", "/api/v1/chart.png?q=/fleet", NULL);
	expect_error(world, 404, "no picture");
	world->text_status = STATUS_INVALID;
	ask(world, "GET", "/api/v1/chart.png?q=/what", NULL);
	expect_error(world, 400, "no picture");
	world->text_status = STATUS_FULL;
	ask(world, "GET", "/api/v1/chart.png?q=/cvd", NULL);
	expect_error(world, 503, "too many pictures");
	assert_non_null(strstr(world->call->headers, "Retry-After: 1"));
	world->hooks.chart = NULL;
	open_serve(world, "", "");
	ask(world, "GET", "/api/v1/chart.png?q=/cvd", NULL);
	expect_error(world, 503, "picture");
}

static void test_health_and_readiness(void **state)
{
	struct world *world = *state;
	assert_int_equal(ask(world, "GET", "/healthz", NULL), 200);
	assert_int_equal(ask(world, "GET", "/readyz", NULL), 200);
	world->is_ready = false;
	ask(world, "GET", "/readyz", NULL);
	expect_error(world, 503, "segment rts is down");
	assert_int_equal(ask(world, "GET", "/healthz", NULL), 200);
}

static void test_paths_and_methods_that_are_not_there(void **state)
{
	struct world *world = *state;
	static const char *const paths[] = {
		"/api",
		"/api/v1",
		"/api/v1/",
		"/api/v1/fleet/",
		"/api/v1/fleet/a/b",
		"/api/v2/ask",
		"//healthz",
		"/healthz/",
		"/Healthz",
		"/api/v1/sessions",
		"/api/v1/sessions/",
		"/api/v1/chart.gif",
		"/hook",
		"/hook/",
		"/hook/a/b",
		"/api/v1/{user}",
		"/api/v1/fleet/{id}x/y",
	};
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		ask(world, "GET", paths[i], NULL);
		expect_error(world, 404, "nothing at this path");
	}
	ask(world, "PATCH", "/api/v1/signals", "{}");
	expect_error(world, 405, "method");
	assert_string_equal(world->call->headers, "Allow: POST, GET, HEAD\n");
	ask(world, "OPTIONS", "/api/v1/sessions/anna", NULL);
	expect_error(world, 405, "method");
	assert_string_equal(world->call->headers, "Allow: GET, HEAD, PUT, DELETE\n");
	ask(world, "HEAD", "/hook/x", NULL);
	expect_error(world, 405, "method");
	assert_string_equal(world->call->headers, "Allow: POST\n");
}

/* A page whose name was made to resolve to us says that name. */
static void test_only_hosts_that_are_ours_are_served(void **state)
{
	struct world *world = *state;
	static const char *const ours[] = { "127.0.0.1",      "127.0.0.1:8780", "10.1.2.3:1",
					    "[::1]:8780",     "[::1]",          "localhost",
					    "LocalHost:8780", "desk.example",   "Desk.Example:443",
					    "two.example" };
	static const char *const others[] = { "evil.example",   "evil.example:8780",
					      "localhost.evil", "127.0.0.1.evil.example",
					      "[evil]",         "[::1",
					      "xdesk.example",  "1",
					      "0x7f000001",     ":8780",
					      "example" };
	open_serve(world, "", "desk.example, two.example");
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
		world->host = ours[i];
		assert_int_equal(ask(world, "GET", "/healthz", NULL), 200);
	}
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		world->host = others[i];
		ask(world, "GET", "/healthz", NULL);
		expect_error(world, 421, "Host");
		world->is_tls = true; /* the certificate told who we are */
		assert_int_equal(ask(world, "GET", "/healthz", NULL), 200);
		world->is_tls = false;
	}
	assert_int_equal(serve_counts(world->serve)->bad_host, sizeof others / sizeof others[0]);
}

static void test_pages_of_other_origins_may_not_change_anything(void **state)
{
	struct world *world = *state;
	static const char *const foreign[] = {
		"http://evil.example", "null", "", "http://127.0.0.1:8781", "http://127.0.0.1",
		"ftp://127.0.0.1:8780"
	};
	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
		world->origin = foreign[i];
		ask(world, "POST", "/api/v1/signals", "{\"id\":\"a\"}");
		expect_error(world, 403, "origin");
		assert_string_equal(world->noted, "");
		assert_int_equal(ask(world, "GET", "/healthz", NULL), 200);
	}
	world->origin = "http://127.0.0.1:8780";
	assert_int_equal(ask(world, "POST", "/api/v1/signals", "{\"id\":\"a\"}"), 202);
	/* Nor may a form, which cannot say that it is JSON. */
	static const char *const types[] = { "text/plain", "application/x-www-form-urlencoded",
					     "application/jsonx", "multipart/form-data", NULL };
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		world->type = types[i];
		ask(world, "POST", "/api/v1/signals", "{\"id\":\"a\"}");
		expect_error(world, 415, "application/json");
	}
	world->type = "Application/JSON ; charset=utf-8";
	assert_int_equal(ask(world, "POST", "/api/v1/signals", "{\"id\":\"b\"}"), 202);
}

static void test_what_is_not_kept_is_said(void **state)
{
	struct world *world = *state;
	static const char *const paths[] = {
		"/metrics/design",
		"/metrics/ids",
		"/metrics",
		"/api/v1/ask?q=/x",
		"/api/v1/markets",
		"/api/v1/fleet",
		"/api/v1/fleet/a",
		"/api/v1/memory",
		"/api/v1/alerts",
		"/api/v1/signals?id=a",
		"/api/v1/results",
		"/api/v1/sessions/a",
		"/api/v1/preferences/a",
		"/api/v1/archive/query?q=a",
	};
	world->hooks = (struct serve_hooks){ .ctx = world };
	open_serve(world, "", "");
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		ask(world, "GET", paths[i], NULL);
		expect_error(world, 503, "not kept here");
	}
	ask(world, "POST", "/api/v1/signals", "{\"id\":\"a\"}");
	expect_error(world, 503, "not kept here");
	assert_int_equal(ask(world, "GET", "/readyz", NULL), 200);
}

static void test_beyond_the_loopback_tls_and_tokens_are_needed(void **state)
{
	struct world *world = *state;
	static const char *const here[] = { "127.0.0.1", "127.8.0.1", "::1" };
	static const char *const beyond[] = { "0.0.0.0", "10.0.0.1",         "::",
					      "fe80::1", "::ffff:127.0.0.1", "128.0.0.1" };
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(serve_check_listener(here[i], false, false, &world->err),
				 STATUS_OK);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(serve_check_listener(beyond[i], true, true, &world->err),
				 STATUS_OK);
		assert_int_equal(serve_check_listener(beyond[i], true, false, &world->err),
				 STATUS_REFUSED);
		assert_non_null(strstr(world->err.text, "it needs serve.tokens_file"));
		assert_int_equal(serve_check_listener(beyond[i], false, true, &world->err),
				 STATUS_REFUSED);
		assert_non_null(strstr(world->err.text, "serve.tls_cert"));
		assert_null(strstr(world->err.text, "tokens_file"));
		assert_int_equal(serve_check_listener(beyond[i], false, false, &world->err),
				 STATUS_REFUSED);
		assert_non_null(strstr(world->err.text, "serve.tls_key and serve.tokens_file"));
	}
}

static void test_openapi_says_what_the_table_says(void **state)
{
	struct world *world = *state;
	assert_int_equal(ask(world, "GET", "/api/v1/openapi.json", NULL), 200);
	json_t *json = answer_json(world), *paths = json_object_get(json, "paths"), *methods;
	const char *path, *method;
	json_t *operation;
	int count = 0;
	assert_string_equal(json_string_value(json_object_get(json, "openapi")), "3.0.3");
	json_object_foreach(paths, path, methods) json_object_foreach(methods, method, operation)
	    count++;
	assert_int_equal(count, ROUTE_COUNT);
	for (int i = 0; i < ROUTE_COUNT; i++) {
		const struct route_row *row = route_row((enum route_id)i);
		char lower[16] = "";
		for (size_t at = 0; row->method[at]; at++)
			lower[at] = (char)(row->method[at] | 32);
		operation = json_object_get(json_object_get(paths, row->path), lower);
		assert_non_null(operation);
		assert_string_equal(json_string_value(json_object_get(operation, "summary")),
				    row->summary);
		assert_int_equal(json_object_get(operation, "requestBody") != NULL,
				 row->body != ROUTE_BODY_NONE);
		size_t n = json_array_size(json_object_get(operation, "parameters")), wanted = 0;
		wanted += strchr(row->path, '{') != NULL;
		for (const char *at = row->query; *at; at++)
			wanted += at == row->query || *at == ' ';
		assert_int_equal(n, wanted);
		bool secure = json_array_size(json_object_get(operation, "security")) > 0;
		assert_int_equal(secure,
				 row->scope != ROUTE_SCOPE_OPEN && row->scope != ROUTE_SCOPE_HOOK);
	}
	json_decref(json);
}

static void test_results_are_asked_of_the_archive(void **state)
{
	struct world *world = *state;
	world->text = "[]";
	assert_int_equal(ask(world, "GET", "/api/v1/results", NULL), 200);
	assert_string_equal(world->noted, "json SELECT * FROM trade_results ORDER BY received_us "
					  "DESC, result_id LIMIT 101");
	assert_string_equal(world->call->body, "{\"results\":[],\"next\":null}");
	ask(world, "GET", "/api/v1/results?limit=7&id=a.b&instance=mt5-1", NULL);
	assert_string_equal(world->noted,
			    "json SELECT * FROM trade_results WHERE signal_id = 'a.b' AND instance "
			    "= 'mt5-1' ORDER BY received_us DESC, result_id LIMIT 8");
	ask(world, "GET", "/api/v1/results?instance=mt5-1", NULL);
	assert_non_null(strstr(world->noted, "trade_results WHERE instance = 'mt5-1' ORDER"));
	static const char *const wrong[] = { "limit=0",
					     "limit=1001",
					     "limit=x",
					     "limit=1e3",
					     "id=a'b",
					     "id=a%20b",
					     "instance=%27%20OR%201=1" };
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		char path[100];
		snprintf(path, sizeof path, "/api/v1/results?%s", wrong[i]);
		ask(world, "GET", path, NULL);
		expect_error(world, 400, "");
		assert_string_equal(world->noted, "");
	}
}

static void test_archive_queries(void **state)
{
	struct world *world = *state;
	assert_int_equal(ask(world, "GET", "/api/v1/archive/query?q=SELECT+1", NULL), 200);
	assert_string_equal(world->noted, "json SELECT 1");
	assert_string_equal(world->call->type, "application/json");
	world->text = "a\n1\n";
	assert_int_equal(ask(world, "POST", "/api/v1/archive/query?format=csv",
			     "{\"sql\":\"SELECT \\\"a\\\"\"}"),
			 200);
	assert_string_equal(world->noted, "csv SELECT \"a\"");
	assert_string_equal(world->call->type, "text/csv; charset=utf-8");
	assert_string_equal(world->call->body, "a\n1\n");
	assert_string_equal(world->call->headers, "");
	world->cut = true;
	ask(world, "GET", "/api/v1/archive/query?q=SELECT+1", NULL);
	assert_string_equal(world->call->headers, "Weir-Truncated: yes\n");
	static const char *const bodies[] = { "",
					      "{}",
					      "{\"sql\":1}",
					      "{\"sql\":\"\"}",
					      "[\"sql\"]",
					      "{\"sql\":\"a\",\"x\":1}",
					      "{\"sql\":\"a\"}x",
					      "{\"SQL\":\"a\"}" };
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		ask(world, "POST", "/api/v1/archive/query", bodies[i]);
		expect_error(world, 400, "{\"sql\":");
	}
	ask(world, "GET", "/api/v1/archive/query?q=SELECT+1&format=xml", NULL);
	expect_error(world, 400, "json or csv");
	world->text_status = STATUS_INVALID;
	world->text = "Parser Error: \"x\"\nLINE 1";
	ask(world, "GET", "/api/v1/archive/query?q=SELEC", NULL);
	expect_error(world, 400, "Parser Error: \"x\"\nLINE 1");
	world->text_status = STATUS_REFUSED;
	ask(world, "GET", "/api/v1/archive/query?q=DROP+TABLE+x", NULL);
	expect_error(world, 400, "");
	world->text_status = STATUS_FULL;
	ask(world, "GET", "/api/v1/archive/query?q=SELECT+1", NULL);
	expect_error(world, 429, "");
	assert_string_equal(world->call->headers, "Retry-After: 1\n");
	world->text_status = STATUS_TIMEOUT;
	world->text = "";
	ask(world, "GET", "/api/v1/archive/query?q=SELECT+1", NULL);
	expect_error(world, 504, "timed out");
}

static void test_sessions_and_preferences(void **state)
{
	struct world *world = *state;
	assert_int_equal(ask(world, "GET", "/api/v1/sessions/anna@desk", NULL), 200);
	assert_string_equal(world->noted, "get 0 anna@desk");
	assert_int_equal(ask(world, "GET", "/api/v1/preferences/b", NULL), 200);
	assert_string_equal(world->noted, "get 1 b");
	assert_int_equal(ask(world, "DELETE", "/api/v1/sessions/b", NULL), 200);
	assert_string_equal(world->noted, "end b");
	assert_int_equal(ask(world, "PUT", "/api/v1/preferences/b",
			     "{\"theme\":\"d\\u0061rk\",\"ut\":1.50,\"confirm\":true,"
			     "\"autoclose\":false,\"tf\":null}"),
			 200);
	assert_string_equal(world->noted, "put 1 b theme=dark ut=1.50 confirm=1 autoclose=0");
	assert_int_equal(ask(world, "PUT", "/api/v1/sessions/b", "{}"), 200);
	assert_string_equal(world->noted, "put 0 b");
	static const char *const wrong[] = { "",
					     "[]",
					     "1",
					     "{\"a\":[]}",
					     "{\"a\":{}}",
					     "{\"a\":\"b\"} x",
					     "{\"a\"}",
					     "{\"a\":1,\"a\":2,\"b\":3,\"c\":4,\"d\":5,\"e\":6,"
					     "\"f\":7,\"g\":8,\"h\":9,\"i\":10,\"j\":11,\"k\":12,"
					     "\"l\":13,\"m\":14,\"n\":15,\"o\":16,\"p\":17}" };
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		ask(world, "PUT", "/api/v1/sessions/b", wrong[i]);
		expect_error(world, 400, "JSON, byte ");
		assert_string_equal(world->noted, "");
	}
	world->text_status = STATUS_RANGE;
	world->text = "colour";
	ask(world, "PUT", "/api/v1/preferences/b", "{\"colour\":\"red\"}");
	expect_error(world, 422, "colour: ");
	world->text_status = STATUS_NOT_FOUND;
	world->text = "there is none";
	ask(world, "GET", "/api/v1/sessions/b", NULL);
	expect_error(world, 404, "there is none");
	world->text_status = STATUS_REDIS_OOM;
	ask(world, "PUT", "/api/v1/sessions/b", "{}");
	expect_error(world, 507, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_views_are_answered_by_their_hooks),
		TEST(test_questions),
		TEST(test_answers_are_kept_for_a_moment),
		TEST(test_what_is_kept_is_bounded),
		TEST(test_pictures),
		TEST(test_health_and_readiness),
		TEST(test_paths_and_methods_that_are_not_there),
		TEST(test_only_hosts_that_are_ours_are_served),
		TEST(test_pages_of_other_origins_may_not_change_anything),
		TEST(test_what_is_not_kept_is_said),
		TEST(test_beyond_the_loopback_tls_and_tokens_are_needed),
		TEST(test_openapi_says_what_the_table_says),
		TEST(test_results_are_asked_of_the_archive),
		TEST(test_archive_queries),
		TEST(test_sessions_and_preferences),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
