/* WebSockets without sockets: who is let in, topics, changes, who is skipped and cut. */
#include "serve_stage.h"

#include "allocations.h"

static const int64_t ms_ns = 1000000;

static void offer(struct world *world, const char *protocols)
{
	const struct http_header headers[] = {
		{ STR("upgrade"), STR("websocket") },
		{ STR("connection"), STR("Upgrade") },
		{ STR("sec-websocket-version"), STR("13") },
		{ STR("sec-websocket-key"), STR("dGhlIHNhbXBsZSBub25jZQ==") },
		{ STR("sec-websocket-protocol"), str_of(protocols) },
	};
	world->n_more = sizeof headers / sizeof headers[0];
	memcpy(world->more, headers, sizeof headers);
}

static struct asked_ws *open_ws(struct world *world)
{
	offer(world, "weir.v1");
	assert_int_equal(ask(world, "GET", "/api/v1/ws", NULL), 101);
	return world->call->ws;
}

static void step(struct world *world, int64_t ms)
{
	world->now_ns += ms * ms_ns;
	serve_step(world->serve);
}

/* The only message that came, and none is left. */
static void expect_sent(struct asked_ws *ws, const char *text)
{
	if (ws->n_sent != 1)
		fail_msg("%d messages, the last %s", ws->n_sent,
			 ws->n_sent ? ws->sent[ws->n_sent - 1] : "");
	const char *at = strstr(ws->sent[0], "\"t_ms\":"), *rest = at ? strchr(at, ',') + 1 : "";
	if (strncmp(ws->sent[0], text, strcspn(text, "~")) != 0 ||
	    (at && strcmp(rest, strchr(text, '~') ? strchr(text, '~') + 1 : "") != 0))
		fail_msg("%s, not %s", ws->sent[0], text);
	forget_sent(ws);
}

static void expect_told(struct asked_ws *ws, const char *words)
{
	assert_true(ws->n_sent > 0);
	if (!strstr(ws->sent[ws->n_sent - 1], words))
		fail_msg("%s does not say %s", ws->sent[ws->n_sent - 1], words);
	forget_sent(ws);
}

/* ---- who is let in ---- */

static void test_handshakes(void **state)
{
	struct world *world = *state;
	struct asked_ws *ws = open_ws(world);
	assert_string_equal(ws->protocol, "weir.v1");
	assert_string_equal(ws->key, "dGhlIHNhbXBsZSBub25jZQ==");
	end_ws(ws);
	offer(world, "weir.v2");
	ask(world, "GET", "/api/v1/ws", NULL);
	expect_error(world, 400, "weir.v1");
	world->n_more = 0;
	ask(world, "GET", "/api/v1/ws", NULL);
	expect_error(world, 426, "Upgrade");
	assert_string_equal(world->call->headers, "Sec-WebSocket-Version: 13\n");
	offer(world, "weir.v1");
	world->origin = "http://evil.example";
	ask(world, "GET", "/api/v1/ws", NULL);
	expect_error(world, 403, "origin");
	world->origin = "http://127.0.0.1:8780";
	assert_int_equal(ask(world, "GET", "/api/v1/ws", NULL), 101);
	end_ws(world->call->ws);
}

static void test_a_browser_offers_its_token(void **state)
{
	struct world *world = *state;
	open_with_tokens(world);
	offer(world, "weir.v1");
	ask(world, "GET", "/api/v1/ws", NULL);
	expect_error(world, 401, "token");
	offer(world, "weir.v1, bearer.nobody-is-called-so-1");
	ask(world, "GET", "/api/v1/ws", NULL);
	expect_error(world, 401, "nobody");
	offer(world, "weir.v1, bearer." SIGNAL_TOKEN);
	ask(world, "GET", "/api/v1/ws", NULL);
	expect_error(world, 403, "may not");
	offer(world, "bearer." READ_TOKEN ", weir.v1");
	assert_int_equal(ask(world, "GET", "/api/v1/ws", NULL), 101);
	struct asked_ws *ws = world->call->ws;
	assert_string_equal(ws->protocol, "weir.v1");
	/* Other routes take no token so. */
	ask(world, "GET", "/api/v1/fleet", NULL);
	expect_error(world, 401, "token");
	assert_int_equal(serve_set_tokens(world->serve, world->tokens, &world->err), STATUS_OK);
	assert_int_equal(ws->closed_with, 1008);
	end_ws(ws);
}

static void test_as_many_as_may_be(void **state)
{
	struct world *world = *state;
	struct asked_ws *all[PUSH_CLIENTS];
	for (int i = 0; i < PUSH_CLIENTS; i++)
		all[i] = open_ws(world);
	offer(world, "weir.v1");
	ask(world, "GET", "/api/v1/ws", NULL);
	expect_error(world, 503, "32");
	assert_int_equal(serve_push_counts(world->serve)->refused, 1);
	assert_int_equal(serve_push_counts(world->serve)->clients, PUSH_CLIENTS);
	for (int i = 0; i < PUSH_CLIENTS; i++)
		end_ws(all[i]);
	assert_int_equal(serve_push_counts(world->serve)->clients, 0);
	end_ws(open_ws(world));
}

/* ---- topics ---- */

static void test_nothing_is_rendered_while_nobody_listens(void **state)
{
	struct world *world = *state;
	struct asked_ws *ws = open_ws(world);
	step(world, 1000);
	step(world, 1000);
	assert_string_equal(world->noted, "");
	say(ws, "{\"op\":\"sub\",\"topics\":[\"now\"]}");
	step(world, 250);
	assert_string_equal(world->noted, "now");
	expect_sent(ws, "{\"topic\":\"now\",\"t_ms\":~\"data\":{\"view\":\"now\"}}");
	say(ws, "{\"op\":\"unsub\",\"topics\":[\"now\"]}");
	world->noted[0] = 0;
	step(world, 2000);
	assert_string_equal(world->noted, "");
	end_ws(ws);
}

static void test_one_rendering_serves_all(void **state)
{
	struct world *world = *state;
	struct asked_ws *a = open_ws(world), *b = open_ws(world);
	say(a, "{\"op\":\"sub\",\"topics\":[\"memory\",\"memory\"]}");
	say(b, "{\"op\":\"sub\",\"topics\":[\"memory\"]}");
	for (int i = 0; i < 4; i++) /* a second: one message */
		step(world, 250);
	expect_sent(a, "{\"topic\":\"memory\",\"t_ms\":~\"data\":{\"view\":\"memory\"}}");
	expect_sent(b, "{\"topic\":\"memory\",\"t_ms\":~\"data\":{\"view\":\"memory\"}}");
	assert_string_equal(world->noted, "memory");
	assert_int_equal(serve_push_counts(world->serve)->rendered, 1);
	end_ws(a);
	step(world, 1000);
	expect_sent(b, "{\"topic\":\"memory\",\"t_ms\":~\"data\":{\"view\":\"memory\"}}");
	end_ws(b);
}

#define ROWS(text) "{\"instances\":[" text "],\"x\":1}"

static void show_fleet(struct world *world, const char *rows) { world->fleet_rows = rows; }

static void test_rows_that_change(void **state)
{
	struct world *world = *state;
	struct asked_ws *ws = open_ws(world);
	say(ws, "{\"op\":\"sub\",\"topics\":[\"fleet\"]}");
	show_fleet(world, ROWS("{\"id\":\"a\",\"n\":[1]},{\"id\":\"b\",\"n\":{}},{\"id\":\"c\"}"));
	step(world, 500);
	expect_sent(ws, "{\"topic\":\"fleet\",\"t_ms\":~\"data\":" ROWS(
			    "{\"id\":\"a\",\"n\":[1]},{\"id\":\"b\",\"n\":{}},{\"id\":\"c\"}") "}");
	show_fleet(world, ROWS("{\"id\":\"a\",\"n\":[2]},{\"id\":\"c\"},{\"id\":\"d\"}"));
	step(world, 500);
	expect_sent(ws, "{\"topic\":\"fleet\",\"t_ms\":~\"changed\":[{\"id\":\"a\",\"n\":[2]},"
			"{\"id\":\"d\"}],\"gone\":[\"b\"]}");
	/* Another order is no change. */
	show_fleet(world, ROWS("{\"id\":\"d\"},{\"id\":\"a\",\"n\":[2]},{\"id\":\"c\"}"));
	step(world, 500);
	expect_sent(ws, "{\"topic\":\"fleet\",\"t_ms\":~\"changed\":[],\"gone\":[]}");
	show_fleet(world, ROWS(""));
	step(world, 500);
	expect_sent(ws,
		    "{\"topic\":\"fleet\",\"t_ms\":~\"changed\":[],\"gone\":[\"d\",\"a\",\"c\"]}");
	/* What has no rows is told whole. */
	show_fleet(world, "{\"instances\":7}");
	step(world, 500);
	expect_sent(ws, "{\"topic\":\"fleet\",\"t_ms\":~\"data\":{\"instances\":7}}");
	end_ws(ws);
}

static void test_who_comes_later_gets_all(void **state)
{
	struct world *world = *state;
	struct asked_ws *a = open_ws(world), *b = open_ws(world);
	say(a, "{\"op\":\"sub\",\"topics\":[\"fleet\"]}");
	show_fleet(world, ROWS("{\"id\":\"a\"}"));
	step(world, 500);
	forget_sent(a);
	say(b, "{\"op\":\"sub\",\"topics\":[\"fleet\"]}");
	show_fleet(world, ROWS("{\"id\":\"a\",\"n\":1}"));
	step(world, 250);
	expect_sent(
	    a, "{\"topic\":\"fleet\",\"t_ms\":~\"changed\":[{\"id\":\"a\",\"n\":1}],\"gone\":[]}");
	expect_sent(b,
		    "{\"topic\":\"fleet\",\"t_ms\":~\"data\":" ROWS("{\"id\":\"a\",\"n\":1}") "}");
	end_ws(a);
	end_ws(b);
}

static void test_bars(void **state)
{
	struct world *world = *state;
	struct asked_ws *ws = open_ws(world);
	say(ws, "{\"op\":\"sub\",\"topics\":[\"bars:binance:perp:BTCUSDT:5m\"]}");
	step(world, 250);
	assert_string_equal(world->noted, "bars binance:perp:BTCUSDT 5 300 -1");
	expect_sent(ws,
		    "{\"topic\":\"bars:binance:perp:BTCUSDT:5m\",\"t_ms\":~\"data\":{\"bars\":1}}");
	world->bar_closes[0] = 1;
	world->bar_closes[1] = 9;
	step(world, 250);
	assert_int_equal(ws->n_sent, 2);
	assert_non_null(strstr(ws->sent[0], "\"bar\":{\"t\":59,\"c\":9}}"));
	assert_non_null(strstr(ws->sent[1], "\"bar\":{\"t\":60,\"c\":1}}"));
	forget_sent(ws);
	step(world, 250);
	assert_int_equal(ws->n_sent, 0); /* it stands as it was told */
	world->bar_closes[0] = 2;
	step(world, 250);
	expect_sent(
	    ws,
	    "{\"topic\":\"bars:binance:perp:BTCUSDT:5m\",\"t_ms\":~\"bar\":{\"t\":60,\"c\":2}}");
	say(ws, "{\"op\":\"sub\",\"topics\":[\"bars:binance:perp:BTCUSDT:7m\"]}");
	expect_told(ws, "MARKET:TF");
	say(ws, "{\"op\":\"sub\",\"topics\":[\"bars:binance:perp:NONE:1m\"]}");
	step(world, 250);
	expect_told(ws, "no such thing (404)");
	end_ws(ws);
}

/* Bars are told one by one: who was not there for some gets all of it, and everybody does each
 * minute, since older ones change too. */
static void test_bars_that_were_missed_come_whole(void **state)
{
	struct world *world = *state;
	struct asked_ws *ws = open_ws(world);
	say(ws, "{\"op\":\"sub\",\"topics\":[\"bars:binance:perp:BTCUSDT:5m\"]}");
	step(world, 250);
	forget_sent(ws);
	say(ws, "{\"op\":\"pause\"}");
	world->bar_closes[0] = 3;
	step(world, 250);
	step(world, 250);
	assert_int_equal(ws->n_sent, 0);
	say(ws, "{\"op\":\"resume\"}");
	step(world, 250);
	assert_true(ws->n_sent > 0);
	assert_non_null(strstr(ws->sent[ws->n_sent - 1], "\"data\":{\"bars\":1}"));
	step(world, 250);
	forget_sent(ws);
	step(world, 250);
	assert_int_equal(ws->n_sent, 0);
	step(world, 60000);
	expect_sent(ws,
		    "{\"topic\":\"bars:binance:perp:BTCUSDT:5m\",\"t_ms\":~\"data\":{\"bars\":1}}");
	end_ws(ws);
}

static void test_what_is_refused_is_left(void **state)
{
	struct world *world = *state;
	struct asked_ws *ws = open_ws(world);
	say(ws, "{\"op\":\"sub\",\"topics\":[\"terminal:nobody\",\"terminal:t-1\"]}");
	step(world, 1000);
	assert_int_equal(ws->n_sent, 2);
	assert_non_null(strstr(ws->sent[0], "{\"error\":\"terminal:nobody: "));
	assert_non_null(strstr(ws->sent[1], "{\"topic\":\"terminal:t-1\""));
	forget_sent(ws);
	step(world, 1000);
	assert_int_equal(ws->n_sent, 1);
	end_ws(ws);
}

/* The ledger is counted elsewhere: meanwhile its clients may go, and others come. */
static void test_an_answer_that_comes_late(void **state)
{
	struct world *world = *state;
	struct asked_ws *a = open_ws(world);
	world->later = true;
	world->text = "[]";
	say(a, "{\"op\":\"sub\",\"topics\":[\"ledger\"]}");
	step(world, 1000);
	step(world, 1000); /* not asked for twice */
	assert_int_equal(a->n_sent, 0);
	serve_text_fn done = world->text_done;
	end_ws(a);
	struct asked_ws *b = open_ws(world);
	say(b, "{\"op\":\"sub\",\"topics\":[\"ledger\"]}");
	done(world->text_ctx, STATUS_OK, STR("[]"), false); /* into nothing */
	assert_int_equal(b->n_sent, 0);
	world->later = false;
	step(world, 1000);
	expect_sent(b, "{\"topic\":\"ledger\",\"t_ms\":~\"data\":{\"ledger\":{\"balanced\":true},"
		       "\"dead\":[],\"next\":null}}");
	/* What cannot be had now is tried again, in silence. */
	world->text_status = STATUS_UNAVAILABLE;
	step(world, 1000);
	assert_int_equal(b->n_sent, 0);
	world->text_status = STATUS_OK;
	step(world, 1000);
	assert_int_equal(b->n_sent, 1);
	end_ws(b);
}

/* ---- pause, slow clients ---- */

static void test_pause(void **state)
{
	struct world *world = *state;
	struct asked_ws *ws = open_ws(world);
	show_fleet(world, ROWS("{\"id\":\"a\"}"));
	say(ws, "{\"op\":\"sub\",\"topics\":[\"fleet\"]}");
	step(world, 500);
	forget_sent(ws);
	say(ws, "{\"op\":\"pause\"}");
	world->noted[0] = 0;
	step(world, 500);
	assert_string_equal(world->noted, ""); /* for nobody */
	assert_int_equal(ws->n_sent, 0);
	say(ws, "{\"op\":\"resume\"}");
	step(world, 500);
	/* Nothing was rendered meanwhile: the change is against what it has. */
	expect_sent(ws, "{\"topic\":\"fleet\",\"t_ms\":~\"changed\":[],\"gone\":[]}");
	end_ws(ws);
}

static void test_a_slow_client_is_skipped_then_cut(void **state)
{
	struct world *world = *state;
	struct asked_ws *slow = open_ws(world), *quick = open_ws(world);
	const struct push_counts *counts = serve_push_counts(world->serve);
	show_fleet(world, ROWS("{\"id\":\"a\"}"));
	say(slow, "{\"op\":\"sub\",\"topics\":[\"fleet\"]}");
	say(quick, "{\"op\":\"sub\",\"topics\":[\"fleet\"]}");
	step(world, 500);
	forget_sent(slow);
	forget_sent(quick);
	slow->unsent = PUSH_UNSENT_BYTES + 1;
	step(world, 500);
	assert_int_equal(slow->n_sent, 0);
	assert_int_equal(quick->n_sent, 1);
	assert_int_equal(counts->skipped, 1);
	forget_sent(quick);
	/* It has caught up: it missed one and gets all. */
	slow->unsent = 0;
	step(world, 500);
	expect_sent(slow, "{\"topic\":\"fleet\",\"t_ms\":~\"data\":" ROWS("{\"id\":\"a\"}") "}");
	expect_sent(quick, "{\"topic\":\"fleet\",\"t_ms\":~\"changed\":[],\"gone\":[]}");
	/* Not taken by the connection is missed, too. */
	slow->is_full = true;
	step(world, 500);
	slow->is_full = false;
	step(world, 500);
	assert_non_null(strstr(slow->sent[0], "\"data\":"));
	slow->unsent = PUSH_UNSENT_BYTES + 1;
	step(world, 500);
	step(world, PUSH_CUT_MS - 500);
	assert_false(slow->is_cut);
	forget_sent(quick);
	step(world, 500);
	assert_true(slow->is_cut);
	assert_false(quick->is_cut);
	assert_int_equal(counts->cut, 1);
	end_ws(slow);
	end_ws(quick);
}

/* The fleet changes with each step, and so do the bars. */
static void step_changed(struct world *world, int i)
{
	show_fleet(world, i % 2 ? ROWS("{\"id\":\"a\",\"n\":1},{\"id\":\"b\"}")
				: ROWS("{\"id\":\"b\",\"n\":2},{\"id\":\"c\"}"));
	world->bar_closes[0] = i;
	step(world, 500);
}

static void test_nothing_is_allocated_once_all_was_told(void **state)
{
	struct world *world = *state;
	struct asked_ws *a = open_ws(world), *b = open_ws(world);
	a->forgets = b->forgets = true;
	say(a, "{\"op\":\"sub\",\"topics\":[\"fleet\",\"now\",\"markets\",\"memory\"]}");
	say(b, "{\"op\":\"sub\",\"topics\":[\"fleet\",\"terminal:t-1\","
	       "\"bars:binance:perp:BTCUSDT:1m\"]}");
	/* Bars are told whole a second time, too. */
	for (int i = 0; i < 250; i++)
		step_changed(world, i);
	uint64_t before = allocations_count;
	uint64_t told = serve_push_counts(world->serve)->changes;
	for (int i = 250; i < 500; i++)
		step_changed(world, i);
	assert_int_equal(allocations_count, before);
	assert_true(serve_push_counts(world->serve)->changes > told + 500);
	end_ws(a);
	end_ws(b);
}

/* ---- what clients say ---- */

static void test_questions(void **state)
{
	struct world *world = *state;
	struct asked_ws *ws = open_ws(world);
	say(ws, "{\"q\":\"/cvd \\u0042TC\",\"op\":\"ask\",\"more\":[{}],\"id\":12}");
	assert_string_equal(world->noted, "ask json /cvd BTC");
	assert_string_equal(ws->sent[0], "{\"answer\":12,\"data\":{\"asked\":true}}");
	forget_sent(ws);
	say(ws, "{\"op\":\"ask\",\"id\":\"a\\\"b\",\"q\":\"/x\"}");
	assert_string_equal(ws->sent[0], "{\"answer\":\"a\\\"b\",\"data\":{\"asked\":true}}");
	forget_sent(ws);
	for (int i = 2; i < PUSH_ASKS_S; i++)
		say(ws, "{\"op\":\"ask\",\"id\":1,\"q\":\"/x\"}");
	assert_int_equal(serve_push_counts(world->serve)->errors, 0);
	say(ws, "{\"op\":\"ask\",\"id\":1,\"q\":\"/x\"}");
	expect_told(ws, "questions in a second");
	step(world, 1000);
	say(ws, "{\"op\":\"ask\",\"id\":1,\"q\":\"/x\"}");
	expect_told(ws, "\"answer\":1");
	end_ws(ws);
}

static void test_what_is_not_understood_is_said(void **state)
{
	struct world *world = *state;
	struct asked_ws *ws = open_ws(world);
	static const char *const said[][2] = {
		{ "", "JSON" },
		{ "{", "JSON" },
		{ "[1]", "JSON: not an object" },
		{ "{\"op\":\"sub\",\"topics\":{}}", "array of names" },
		{ "{\"op\":\"sub\",\"topics\":[\"now\"", "JSON" },
		{ "{\"op\":\"sub\"} x", "JSON" },
		{ "{\"op\":7}", "op is sub" },
		{ "{\"op\":\"SUB\"}", "op is sub" },
		{ "{\"op\":\"sub\"}", "topics" },
		{ "{\"op\":\"sub\",\"topics\":[\"x\"]}", "x: there is no such topic" },
		{ "{\"op\":\"sub\",\"topics\":[\"now:\"]}", "nothing behind" },
		{ "{\"op\":\"sub\",\"topics\":[\"terminal:\"]}", "colon" },
		{ "{\"op\":\"ask\",\"q\":\"/x\"}", "\\\"id\\\"" },
		{ "{\"op\":\"ask\",\"id\":1}", "\\\"q\\\"" },
		{ "{\"op\":\"ask\",\"id\":{},\"q\":\"/x\"}", "id is a number" },
	};
	for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
		say(ws, said[i][0]);
		expect_told(ws, said[i][1]);
	}
	for (int i = 0; i < PUSH_CLIENT_TOPICS; i++) {
		char text[80];
		snprintf(text, sizeof text, "{\"op\":\"sub\",\"topics\":[\"terminal:%d\"]}", i);
		say(ws, text);
	}
	assert_int_equal(ws->n_sent, 0);
	say(ws, "{\"op\":\"sub\",\"topics\":[\"now\"]}");
	expect_told(ws, "16 topics");
	end_ws(ws);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_handshakes),
		TEST(test_a_browser_offers_its_token),
		TEST(test_as_many_as_may_be),
		TEST(test_nothing_is_rendered_while_nobody_listens),
		TEST(test_one_rendering_serves_all),
		TEST(test_rows_that_change),
		TEST(test_who_comes_later_gets_all),
		TEST(test_bars),
		TEST(test_what_is_refused_is_left),
		TEST(test_an_answer_that_comes_late),
		TEST(test_bars_that_were_missed_come_whole),
		TEST(test_pause),
		TEST(test_a_slow_client_is_skipped_then_cut),
		TEST(test_nothing_is_allocated_once_all_was_told),
		TEST(test_questions),
		TEST(test_what_is_not_understood_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
