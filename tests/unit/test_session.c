/* One planned connection: its states, its waits, and what it makes of trouble. */
#include "session_stage.h"

static const struct setting perp_market = { VENUE_BINANCE, KIND_PERP, "/market", 0, 0, 0, 1 };
static const struct setting bybit_perp = { VENUE_BYBIT, KIND_PERP, NULL, 0, 0, 0, 2 };

/* ---- going live ---- */

static void every_connection_of_every_venue_goes_live_on_its_own_frames(void **state)
{
	(void)state;
	static const struct setting settings[] = {
		{ VENUE_BINANCE, KIND_SPOT, NULL, 3, 0, 0, 1 },
		{ VENUE_BINANCE, KIND_PERP, "/market", 3, 0, 0, 2 },
		{ VENUE_BINANCE, KIND_PERP, "/public", 3, 0, 0, 3 },
		{ VENUE_BYBIT, KIND_SPOT, NULL, 3, 0, 0, 4 },
		{ VENUE_BYBIT, KIND_PERP, NULL, 3, 0, 0, 5 },
	};
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		go_live(settings[i]);
		assert_string_equal(session_why(stage.session), "");
		assert_string_equal(fake_ws_url(socket_at(0)), stage.connection->url);
		assert_int_equal(stage.live, 1);
		/* No class is taken for another: it stays so, and no watchdog is missing. */
		run(10 * MINUTE);
		assert_int_equal(counts()->attempts, 1);
		assert_int_equal(counts()->stale, 0);
		for (size_t c = 0; c < STREAM_CLASSES; c++)
			assert_true(!stage.connection->classes[c].used ==
				    !session_last_ns(stage.session, (enum stream_class)c));
		tear_down();
	}
}

static void the_states_follow_each_other(void **state)
{
	(void)state;
	set_up(bybit_perp);
	assert_int_equal(state_now(), SESSION_CLOSED);
	assert_int_equal(session_open_since_ns(stage.session), 0);
	session_open(stage.session);
	assert_int_equal(state_now(), SESSION_WAITING);
	assert_string_equal(session_why(stage.session), "connecting");
	assert_int_equal(stage.n_asked, 0); /* nothing happens inside a call of the owner */
	run(0);
	assert_int_equal(state_now(), SESSION_CONNECTING);
	run(FAKE_WS_OPEN_NS);
	assert_int_equal(state_now(), SESSION_SUBSCRIBING);
	assert_true(session_open_since_ns(stage.session) == stage.now_ns);
	assert_string_equal(session_why(stage.session), "open, no data yet");
	assert_int_equal(stage.live, 0);
	run(SECOND);
	assert_int_equal(state_now(), SESSION_LIVE);
	assert_string_equal(session_state_text(SESSION_LIVE), "live");
	assert_int_equal(stage.interrupted, 0);
	assert_int_equal(stage.warned, 0);
	tear_down();
}

static void live_waits_for_every_class_with_a_deadline_and_for_no_other(void **state)
{
	(void)state;
	set_up(bybit_perp);
	stage.muted = 1u << STREAM_KLINES | 1u << STREAM_LIQUIDATIONS | 1u << STREAM_DEPTH;
	session_open(stage.session);
	run(5 * SECOND);
	assert_int_equal(state_now(), SESSION_SUBSCRIBING);
	stage.muted &= ~(1u << STREAM_DEPTH);
	run(SECOND);
	assert_true(is_live());
	tear_down();
}

static void data_before_the_acknowledgement_counts(void **state)
{
	(void)state;
	set_up(bybit_perp);
	stage.late_acks = true;
	timers_cancel(stage.timers, &stage.tick); /* nothing comes but before the ack */
	session_open(stage.session);
	run(SECOND);
	assert_true(is_live());
	tear_down();
}

static void a_venue_that_does_not_acknowledge_is_believed_for_its_data(void **state)
{
	(void)state;
	set_up((struct setting){ VENUE_BYBIT, KIND_SPOT, NULL, 5, 0, 0, 1 }); /* two messages */
	stage.no_acks = true;
	session_open(stage.session);
	run(9 * SECOND);
	assert_int_equal(state_now(), SESSION_SUBSCRIBING);
	run(3 * SECOND);
	assert_true(is_live());
	assert_int_equal(fake_ws_sent_count(socket_at(0)), 2);
	tear_down();
}

static void all_topics_are_asked_for_within_the_message_rate(void **state)
{
	(void)state;
	static const struct setting settings[] = {
		{ VENUE_BINANCE, KIND_SPOT, NULL, 250, 0, 0, 1 }, /* 1,000 streams */
		{ VENUE_BYBIT, KIND_SPOT, NULL, 50, 0, 0, 1 },    /* 20 messages of 10 */
	};
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		set_up(settings[i]);
		session_open(stage.session);
		run(30 * SECOND); /* on_sent counts */
		assert_true(is_live());
		assert_int_equal(stage.peers[0].answered, stage.connection->n_topics);
		assert_true(fake_ws_sent_count(socket_at(0)) >= 6);
		assert_int_equal(counts()->attempts, 1);
		tear_down();
	}
}

/* ---- refusals ---- */

static void a_refused_message_is_asked_for_topic_by_topic(void **state)
{
	(void)state;
	set_up((struct setting){ VENUE_BYBIT, KIND_PERP, NULL, 3, 0, 0, 1 });
	stage.refuses = "publicTrade.A1USDT";
	stage.refusal = "{\"success\":false,\"ret_msg\":\"error:handler not found,topic:"
			"publicTrade.A1USDT\",\"conn_id\":\"c\",\"req_id\":\"%s\",\"op\":"
			"\"subscribe\"}";
	session_open(stage.session);
	run(20 * SECOND);
	assert_true(is_live());
	assert_int_equal(counts()->refused_topics, 1);
	assert_int_equal(stage.peers[0].answered, stage.connection->n_topics - 1);
	assert_int_equal(fake_ws_sent_count(socket_at(0)), 1 + stage.connection->n_topics);
	assert_string_equal(session_why(stage.session), "");
	assert_int_equal(counts()->attempts, 1);
	tear_down();
}

static void a_refusal_without_an_id_means_what_was_asked_last(void **state)
{
	(void)state;
	set_up((struct setting){ VENUE_BINANCE, KIND_SPOT, NULL, 2, 0, 0, 1 });
	stage.refuses = "a1usdt@bookTicker";
	stage.refusal = "{\"code\":2,\"msg\":\"Invalid request %.0s\"}";
	session_open(stage.session);
	run(20 * SECOND);
	assert_true(is_live());
	assert_int_equal(counts()->refused_topics, 1);
	assert_int_equal(stage.peers[0].answered, stage.connection->n_topics - 1);
	tear_down();
}

static void what_is_subscribed_already_is_not_refused(void **state)
{
	(void)state;
	set_up((struct setting){ VENUE_BYBIT, KIND_PERP, NULL, 1, 0, 0, 1 });
	stage.refuses = "tickers.A0USDT";
	stage.refusal = "{\"success\":false,\"ret_msg\":\"error:already subscribed,topic:"
			"tickers.A0USDT\",\"req_id\":\"%s\",\"op\":\"subscribe\"}";
	session_open(stage.session);
	run(SECOND / 2);
	stage.peers[0].subscribed[1] = true; /* as the venue says */
	run(5 * SECOND);
	assert_true(is_live());
	assert_int_equal(counts()->refused_topics, 0);
	tear_down();
}

static void who_may_subscribe_nothing_tries_again_in_a_while(void **state)
{
	(void)state;
	set_up(bybit_perp);
	stage.refuses = "subscribe";
	stage.refusal = "{\"success\":false,\"ret_msg\":\"no\",\"req_id\":\"%s\",\"op\":"
			"\"subscribe\"}";
	session_open(stage.session);
	run(HOUR);
	assert_int_equal(state_now(), SESSION_SUBSCRIBING);
	assert_int_equal(counts()->refused_topics % stage.connection->n_topics, 0);
	assert_true(counts()->attempts > 10 && counts()->attempts < 40);
	assert_non_null(strstr(session_why(stage.session), "was refused: no"));
	stage.refuses = NULL;
	stage.muted = 1u << STREAM_DEPTH; /* not all, but better than nothing */
	run(6 * MINUTE);
	assert_int_equal(counts()->replaced, 1);
	assert_true(stage.now_ns - session_last_ns(stage.session, STREAM_TRADES) < 2 * SECOND);
	stage.muted = 0;
	run(2 * SECOND);
	assert_true(is_live());
	tear_down();
}

static void a_replacement_that_may_subscribe_nothing_is_let_go(void **state)
{
	(void)state;
	go_live(bybit_perp);
	run(2 * MINUTE);
	stage.refuses = "subscribe";
	stage.refusal = "{\"success\":false,\"ret_msg\":\"no\",\"req_id\":\"%s\",\"op\":"
			"\"subscribe\"}";
	say_text(0, "{\"e\":\"serverShutdown\",\"E\":1770123456789}");
	run(10 * MINUTE);
	assert_true(is_live() && fake_ws_is_open(socket_at(0)));
	assert_true(counts()->failed > 5 && counts()->failed < 40);
	stage.refuses = NULL;
	run(2 * MINUTE);
	assert_int_equal(counts()->replaced, 1);
	assert_int_equal(stage.interrupted, 0);
	tear_down();
}

static void an_answer_to_something_else_answers_nothing(void **state)
{
	(void)state;
	set_up(bybit_perp);
	stage.no_acks = true;
	session_open(stage.session);
	run(SECOND / 2);
	say_text(0,
		 "{\"success\":false,\"ret_msg\":\"no\",\"req_id\":\"999\",\"op\":\"subscribe\"}");
	say_text(0, "{\"success\":false,\"ret_msg\":\"pong\",\"op\":\"ping\"}");
	say_text(0, "{\"op\":\"pong\",\"args\":[\"1\"]}");
	run(3 * SECOND);
	assert_int_equal(counts()->refused_topics, 0);
	assert_int_equal(state_now(), SESSION_SUBSCRIBING); /* still waits for its answer */
	assert_int_equal(fake_ws_sent_count(socket_at(0)), 1);
	tear_down();
}

/* ---- breaking ---- */

static void a_break_interrupts_once_and_is_mended_at_once(void **state)
{
	(void)state;
	go_live(perp_market);
	run(2 * MINUTE);
	fake_ws_close(socket_at(0), 1006, STR("reset by peer"));
	assert_int_equal(stage.interrupted_trades, 1);
	assert_int_equal(stage.interrupted, 1);
	assert_int_equal(state_now(), SESSION_WAITING);
	assert_non_null(strstr(session_why(stage.session), "closed (1006: reset by peer); next"));
	assert_true(run_until(is_live, 3 * SECOND));
	assert_int_equal(stage.interrupted, 1);
	assert_int_equal(stage.live, 2);
	assert_int_equal(counts()->broken, 1);
	assert_int_equal(counts()->replaced, 0);
	tear_down();
}

static void the_book_alone_breaks_without_trades(void **state)
{
	(void)state;
	go_live((struct setting){ VENUE_BINANCE, KIND_PERP, "/public", 0, 0, 0, 1 });
	fake_ws_break(socket_at(0), 1006);
	assert_int_equal(stage.interrupted, 1);
	assert_int_equal(stage.interrupted_trades, 0);
	tear_down();
}

static void waits_grow_to_a_minute_and_start_over_after_a_minute_of_health(void **state)
{
	(void)state;
	set_up(perp_market);
	fake_ws_crowd_refuse(stage.crowd, 1006, "connection refused");
	session_open(stage.session);
	run(HOUR);
	int64_t longest_ns = 0;
	for (size_t i = 1; i < stage.n_asked; i++) {
		int64_t wait_ns = stage.asked_ns[i] - stage.asked_ns[i - 1];
		assert_true(wait_ns >= SECOND / 8);
		longest_ns = wait_ns > longest_ns ? wait_ns : longest_ns;
	}
	assert_true(longest_ns > 30 * SECOND && longest_ns < 61 * SECOND);
	assert_true(stage.n_asked > 60 && stage.n_asked < 140);
	assert_int_equal(counts()->failed, stage.n_asked);
	assert_non_null(
	    strstr(session_why(stage.session), "cannot connect (1006: connection refused"));
	/* Health of half a minute does not make up for it, a minute does. */
	fake_ws_crowd_refuse(stage.crowd, 0, NULL);
	assert_true(run_until(is_live, 2 * MINUTE));
	run(30 * SECOND);
	int64_t broke_ns = stage.now_ns;
	fake_ws_break(socket_at(newest()), 1006);
	assert_true(run_until(is_live, 2 * MINUTE));
	assert_true(stage.asked_ns[stage.n_asked - 1] - broke_ns >= 30 * SECOND);
	run(61 * SECOND);
	broke_ns = stage.now_ns;
	fake_ws_break(socket_at(newest()), 1006);
	assert_true(run_until(is_live, 2 * MINUTE));
	assert_true(stage.asked_ns[stage.n_asked - 1] - broke_ns < SECOND);
	tear_down();
}

static void waits_grow_after_a_healthy_connection_too(void **state)
{
	(void)state;
	go_live(perp_market);
	run(2 * MINUTE);
	fake_ws_crowd_refuse(stage.crowd, 1006, "connection refused");
	fake_ws_break(socket_at(0), 1006);
	run(10 * MINUTE);
	assert_true(stage.n_asked > 15 && stage.n_asked < 40);
	tear_down();
}

static void who_is_told_to_go_away_stays_away_for_a_minute(void **state)
{
	(void)state;
	static const char *const reasons[] = { "HTTP 429 Too Many Requests", "HTTP 418",
					       "refused: HTTP 403 Forbidden" };
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		set_up(perp_market);
		fake_ws_crowd_refuse(stage.crowd, 1006, reasons[i]);
		session_open(stage.session);
		run(59 * SECOND);
		assert_int_equal(stage.n_asked, 1);
		run(5 * SECOND);
		assert_int_equal(stage.n_asked, 2);
		tear_down();
	}
	go_live(perp_market);
	run(2 * MINUTE);
	fake_ws_close(socket_at(0), 1008, STR("Too many requests"));
	run(59 * SECOND);
	assert_int_equal(stage.n_asked, 1);
	run(5 * SECOND);
	assert_int_equal(stage.n_asked, 2);
	tear_down();
}

static void no_hurry_breaks_the_minute_away(void **state)
{
	(void)state;
	go_live(perp_market);
	run(2 * MINUTE);
	fake_ws_crowd_refuse(stage.crowd, 1006, "HTTP 429");
	stage.muted = 1u << STREAM_TICKER;
	run(31 * SECOND);
	assert_int_equal(stage.n_asked, 2);
	say_text(0, "{\"e\":\"serverShutdown\",\"E\":1770123456789}");
	run(57 * SECOND);
	assert_int_equal(stage.n_asked, 2);
	run(5 * SECOND);
	assert_int_equal(stage.n_asked, 3);
	tear_down();
}

static void a_handshake_that_does_not_end_is_given_up(void **state)
{
	(void)state;
	set_up(perp_market);
	fake_ws_crowd_hang(stage.crowd, true);
	session_open(stage.session);
	run(19 * SECOND);
	assert_int_equal(state_now(), SESSION_CONNECTING);
	run(2 * SECOND);
	assert_int_equal(counts()->failed, 1);
	fake_ws_crowd_hang(stage.crowd, false);
	assert_true(run_until(is_live, 25 * SECOND));
	tear_down();
}

static void the_gate_keeps_attempts_within_the_limit(void **state)
{
	(void)state;
	struct connect_gate gate;
	connect_gate_init(&gate, 3);
	int64_t start_ns = 7;
	assert_int_equal(connect_gate_try(&gate, start_ns), 0);
	assert_int_equal(connect_gate_try(&gate, start_ns + 1), 0);
	assert_int_equal(connect_gate_try(&gate, start_ns + 1), 0);
	assert_true(connect_gate_try(&gate, start_ns + 2) == start_ns + 5 * MINUTE);
	assert_true(connect_gate_try(&gate, start_ns + 5 * MINUTE - 1) == start_ns + 5 * MINUTE);
	assert_int_equal(connect_gate_try(&gate, start_ns + 5 * MINUTE), 0);
	assert_true(connect_gate_try(&gate, start_ns + 5 * MINUTE) == start_ns + 1 + 5 * MINUTE);
	connect_gate_init(&gate, 128);
	for (int i = 0; i < 128; i++)
		assert_int_equal(connect_gate_try(&gate, 100 + i), 0);
	assert_true(connect_gate_try(&gate, 300) == 100 + 5 * MINUTE);
	/* And a session waits for it. */
	set_up((struct setting){ VENUE_BINANCE, KIND_PERP, "/market", 0, 0, 4, 1 });
	fake_ws_crowd_refuse(stage.crowd, 1006, "no");
	session_open(stage.session);
	run(MINUTE);
	assert_int_equal(stage.n_asked, 4);
	assert_non_null(strstr(session_why(stage.session), "as many attempts as the venue allows"));
	fake_ws_crowd_refuse(stage.crowd, 0, NULL);
	assert_true(run_until(is_live, 5 * MINUTE));
	assert_int_equal(stage.n_asked, 5);
	tear_down();
}

/* ---- replacing ---- */

static void a_day_old_connection_is_replaced_with_an_overlap_and_nothing_is_lost(void **state)
{
	(void)state;
	int64_t replaced_ns[2];
	for (uint64_t seed = 1; seed <= 2; seed++) {
		struct setting setting = perp_market;
		setting.seed = seed;
		go_live(setting);
		int64_t start_ns = stage.now_ns;
		assert_true(run_until(two_are_open, 24 * HOUR));
		replaced_ns[seed - 1] = stage.now_ns - start_ns;
		assert_true(run_until(one_is_open, 10 * SECOND));
		/* Both were listened to for two seconds at least. */
		assert_true(stage.now_ns - stage.peers[1].first_ns >= 2 * SECOND);
		assert_true(stage.peers[0].last_ns > stage.peers[1].first_ns);
		assert_true(fake_ws_is_open(socket_at(1)));
		assert_true(is_live());
		assert_int_equal(counts()->replaced, 1);
		assert_int_equal(stage.interrupted, 0);
		assert_int_equal(stage.live, 2);
		run(HOUR);
		assert_int_equal(counts()->attempts, 2);
		tear_down();
		assert_true(replaced_ns[seed - 1] <= 1410 * MINUTE);
		assert_true(replaced_ns[seed - 1] >= 1360 * MINUTE);
	}
	assert_true(replaced_ns[0] != replaced_ns[1]); /* not all sessions in one second */
}

static void a_shutdown_that_is_announced_is_forestalled(void **state)
{
	(void)state;
	go_live(perp_market);
	run(2 * MINUTE);
	say_text(0, "{\"e\":\"serverShutdown\",\"E\":1770123456789}");
	assert_int_equal(counts()->shutdowns, 1);
	run(SECOND / 10);
	assert_int_equal(sockets_open(), 2);
	say_text(0, "{\"e\":\"serverShutdown\",\"E\":1770123456789}");
	run(2 * SECOND);
	fake_ws_break(socket_at(0), 1001); /* before the overlap is over */
	run(MINUTE);
	assert_true(is_live());
	assert_int_equal(stage.interrupted, 0);
	assert_int_equal(counts()->replaced, 1);
	assert_int_equal(counts()->shutdowns, 1);
	assert_int_equal(counts()->attempts, 2);
	tear_down();
}

static void who_shuts_down_all_the_time_is_followed_ever_more_slowly(void **state)
{
	(void)state;
	go_live(perp_market);
	size_t last = 0;
	for (int i = 0; i < 600; i++) {
		run(SECOND);
		for (size_t s = 0; s < 2; s++)
			say_text(s, "{\"e\":\"serverShutdown\",\"E\":1770123456789}");
		if (i == 299)
			last = stage.n_asked;
	}
	assert_true(last < 30);
	assert_true(stage.n_asked - last < 10);
	assert_true(is_live());
	assert_int_equal(stage.interrupted, 0);
	tear_down();
}

static void a_replacement_that_fails_leaves_the_current_one_alone(void **state)
{
	(void)state;
	go_live(perp_market);
	run(2 * MINUTE);
	fake_ws_crowd_refuse(stage.crowd, 1006, "no");
	say_text(0, "{\"e\":\"serverShutdown\",\"E\":1770123456789}");
	run(MINUTE);
	assert_true(is_live());
	assert_true(counts()->failed >= 5);
	fake_ws_crowd_refuse(stage.crowd, 0, NULL);
	run(2 * MINUTE);
	assert_int_equal(counts()->replaced, 1);
	assert_int_equal(stage.interrupted, 0);
	tear_down();
}

static void a_break_before_the_replacement_brings_all_interrupts(void **state)
{
	(void)state;
	go_live(perp_market);
	run(2 * MINUTE);
	stage.no_acks = true;
	say_text(0, "{\"e\":\"serverShutdown\",\"E\":1770123456789}");
	run(2 * SECOND); /* the next one is open and has data, but no answer yet */
	assert_int_equal(sockets_open(), 2);
	assert_int_equal(stage.live, 1);
	fake_ws_break(socket_at(0), 1001);
	assert_int_equal(stage.interrupted_trades, 1);
	assert_int_equal(state_now(), SESSION_SUBSCRIBING);
	run(5 * SECOND);
	assert_true(is_live());
	assert_int_equal(stage.interrupted, 1);
	assert_int_equal(counts()->broken, 1);
	assert_int_equal(counts()->attempts, 2);
	tear_down();
}

static void a_replacement_that_breaks_within_the_overlap_costs_nothing(void **state)
{
	(void)state;
	go_live(perp_market);
	run(2 * MINUTE);
	say_text(0, "{\"e\":\"serverShutdown\",\"E\":1770123456789}");
	run(2 * SECOND);
	assert_int_equal(stage.live, 2);
	fake_ws_break(socket_at(1), 1006);
	assert_int_equal(stage.interrupted, 0);
	run(MINUTE);
	assert_int_equal(counts()->replaced, 1);
	assert_int_equal(stage.interrupted, 0);
	tear_down();
}

/* ---- silence ---- */

static void an_acknowledgement_without_data_proves_nothing(void **state)
{
	(void)state;
	set_up(perp_market);
	stage.muted = UINT32_MAX;
	session_open(stage.session);
	run(9 * SECOND);
	assert_int_equal(state_now(), SESSION_SUBSCRIBING);
	assert_int_equal(counts()->first_data_missed, 0);
	run(2 * SECOND);
	assert_int_equal(counts()->first_data_missed, 1);
	assert_int_equal(counts()->attempts, 2);
	assert_int_equal(sockets_open(), 2);
	assert_string_equal(session_why(stage.session), "subscribed, and nothing came: mark");
	run(2 * HOUR);
	assert_int_equal(state_now(), SESSION_SUBSCRIBING);
	assert_int_equal(stage.live, 0);
	assert_int_equal(stage.interrupted, 0);
	assert_true(stage.n_asked > 100 && stage.n_asked < 200); /* once in a minute */
	size_t asked = stage.n_asked;
	stage.muted = 0; /* the current one was kept, and is there at once */
	run(SECOND);
	assert_true(is_live());
	run(10 * MINUTE);
	assert_true(stage.n_asked <= asked + 1);
	tear_down();
}

static void a_class_that_falls_silent_on_one_connection_is_found_on_the_next(void **state)
{
	(void)state;
	static const struct {
		enum stream_class class;
		int64_t stale_ns;
	} rows[] = { { STREAM_TRADES, 30 * SECOND },
		     { STREAM_MARK, 10 * SECOND },
		     { STREAM_TICKER, 30 * SECOND } };
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		go_live(perp_market);
		run(2 * MINUTE);
		stage.peers[0].muted = 1u << rows[i].class;
		run(rows[i].stale_ns - SECOND);
		assert_int_equal(counts()->stale, 0);
		run(2 * SECOND);
		assert_int_equal(counts()->stale, 1);
		assert_int_equal(stage.interrupted, 1);
		assert_int_equal(stage.interrupted_trades, rows[i].class == STREAM_TRADES);
		assert_true(is_live()); /* the rest comes */
		run(10 * SECOND);
		assert_int_equal(counts()->replaced, 1);
		assert_int_equal(counts()->attempts, 2);
		assert_int_equal(stage.interrupted, 1);
		assert_int_equal(stage.live, 2);
		tear_down();
	}
}

static void liquidations_may_be_silent_for_ever(void **state)
{
	(void)state;
	go_live(perp_market);
	stage.muted = 1u << STREAM_LIQUIDATIONS;
	run(10 * HOUR);
	assert_int_equal(counts()->attempts, 1);
	assert_int_equal(stage.interrupted, 0);
	tear_down();
}

static void candles_that_do_not_come_are_missed_after_a_while(void **state)
{
	(void)state;
	set_up(bybit_perp);
	session_open(stage.session);
	stage.peers[0].muted = 0;
	run(SECOND / 10);
	stage.peers[0].muted = 1u << STREAM_KLINES;
	run(2 * MINUTE);
	assert_true(is_live());
	assert_int_equal(counts()->attempts, 1);
	run(MINUTE);
	assert_int_equal(counts()->attempts, 2);
	assert_int_equal(counts()->replaced, 1);
	tear_down();
}

static void a_silence_of_the_whole_venue_makes_no_storm(void **state)
{
	(void)state;
	go_live(perp_market);
	run(2 * MINUTE);
	size_t socket = newest();
	stage.muted = 1u << STREAM_TRADES;
	run(6 * HOUR);
	assert_true(fake_ws_is_open(socket_at(socket))); /* the same one all the time */
	assert_true(is_live());
	assert_int_equal(stage.interrupted, 1);
	assert_true(stage.n_asked > 60 && stage.n_asked < 6 * 20);
	assert_int_equal(counts()->replaced, 0);
	for (size_t i = 20; i < stage.n_asked; i++) /* grown: once in five minutes at most */
		assert_true(stage.asked_ns[i] - stage.asked_ns[i - 1] > 150 * SECOND);
	stage.muted = 0;
	run(30 * SECOND);
	size_t asked = stage.n_asked;
	run(10 * MINUTE);
	assert_int_equal(stage.n_asked, asked);
	assert_int_equal(stage.interrupted, 1);
	tear_down();
}

static void a_market_that_trades_once_in_a_while_is_not_tried_each_time(void **state)
{
	(void)state;
	go_live(perp_market);
	for (int i = 0; i < 6 * 60; i++) { /* a trade each minute */
		stage.muted = 1u << STREAM_TRADES;
		run(58 * SECOND);
		stage.muted = 0;
		run(2 * SECOND);
	}
	assert_true(stage.n_asked < 60);
	assert_true(is_live());
	tear_down();
}

static void what_brings_more_is_kept_though_it_is_not_all(void **state)
{
	(void)state;
	go_live(perp_market);
	run(2 * MINUTE);
	stage.peers[0].muted = 1u << STREAM_TRADES; /* only there */
	run(25 * SECOND);
	stage.muted = 1u << STREAM_MARK; /* nowhere */
	run(30 * SECOND);
	assert_int_equal(sockets_open(), 1);
	size_t socket = newest();
	assert_int_equal(socket, 1);
	assert_int_equal(state_now(), SESSION_SUBSCRIBING);
	assert_int_equal(stage.interrupted_trades, 1);
	assert_int_equal(stage.live, 2); /* its trades are worth asking for what was missed */
	assert_true(stage.now_ns - stage.peers[1].trade_ns < 2 * SECOND);
	stage.muted = 0;
	run(2 * SECOND);
	assert_true(is_live());
	assert_int_equal(stage.live, 2);
	tear_down();
}

static void a_worse_silence_is_not_left_to_a_wait_that_has_grown(void **state)
{
	(void)state;
	go_live(perp_market);
	stage.muted = 1u << STREAM_TICKER;
	run(3 * HOUR);
	assert_true(stage.n_asked > 10);
	stage.peers[newest()].muted = 1u << STREAM_TRADES;
	run(50 * SECOND);
	assert_int_equal(stage.interrupted_trades, 1);
	assert_true(stage.now_ns - session_last_ns(stage.session, STREAM_TRADES) < 2 * SECOND);
	tear_down();
}

static void a_shutdown_is_not_left_to_a_wait_that_has_grown(void **state)
{
	(void)state;
	go_live(perp_market);
	stage.muted = 1u << STREAM_TICKER;
	run(3 * HOUR);
	assert_true(run_until(one_is_open, MINUTE));
	run(SECOND);
	say_text(newest(), "{\"e\":\"serverShutdown\",\"E\":1770123456789}");
	run(SECOND);
	assert_int_equal(sockets_open(), 2);
	tear_down();
}

/* Breaks make the back-off grow; what came live after them is then told to go. */
static void a_shutdown_soon_after_trouble_is_followed_at_once(void **state)
{
	(void)state;
	go_live(perp_market);
	for (int i = 0; i < 8; i++) {
		run(SECOND);
		fake_ws_break(socket_at(newest()), 1006);
		assert_true(run_until(is_live, 2 * MINUTE));
	}
	run(20 * SECOND);
	say_text(newest(), "{\"e\":\"serverShutdown\",\"E\":1770123456789}");
	run(SECOND);
	assert_int_equal(sockets_open(), 2);
	tear_down();
}

/* ---- pings ---- */

static void bybit_is_pinged_and_may_take_its_time(void **state)
{
	(void)state;
	go_live(bybit_perp);
	stage.no_pongs = true; /* data is a sign of life too */
	run(10 * MINUTE);
	assert_true(stage.peers[0].n_pings >= 29 && stage.peers[0].n_pings <= 31);
	assert_int_equal(counts()->attempts, 1);
	tear_down();
}

static void who_says_nothing_at_all_is_taken_for_dead(void **state)
{
	(void)state;
	go_live(bybit_perp);
	run(2 * MINUTE);
	stage.muted = UINT32_MAX;
	fake_ws_go_stale(socket_at(0));
	fake_ws_crowd_hang(stage.crowd, true); /* no replacement either */
	run(48 * SECOND);
	assert_true(fake_ws_is_open(socket_at(0)));
	assert_int_equal(stage.interrupted_trades, 1); /* after 30 s */
	run(4 * SECOND);
	assert_false(fake_ws_is_open(socket_at(0)));
	assert_int_equal(counts()->broken, 1);
	assert_int_equal(stage.interrupted_trades, 1);
	stage.muted = 0;
	fake_ws_crowd_hang(stage.crowd, false);
	assert_true(run_until(is_live, 2 * MINUTE));
	tear_down();
}

static void a_dead_connection_is_not_left_to_a_wait_for_a_silent_one(void **state)
{
	(void)state;
	go_live(bybit_perp);
	stage.muted = 1u << STREAM_TICKER;
	run(3 * HOUR);
	assert_true(run_until(one_is_open, MINUTE));
	fake_ws_crowd_refuse(stage.crowd, 1006, "no");
	fake_ws_go_stale(socket_at(newest()));
	run(52 * SECOND);
	assert_int_equal(sockets_open(), 0);
	size_t asked = stage.n_asked;
	run(20 * SECOND);
	assert_true(stage.n_asked - asked >= 3);
	tear_down();
}

/* ---- back-pressure ---- */

static void watchdogs_wait_while_it_is_paused(void **state)
{
	(void)state;
	go_live(bybit_perp);
	run(2 * MINUTE);
	session_pause(stage.session, true);
	assert_true(fake_ws_is_paused(socket_at(0)));
	size_t pings = stage.peers[0].n_pings;
	run(10 * MINUTE);
	assert_true(stage.peers[0].n_pings > pings + 25); /* the venue wants them all the same */
	assert_int_equal(counts()->attempts, 1);
	assert_int_equal(counts()->stale, 0);
	timers_cancel(stage.timers, &stage.tick);
	fake_ws_break(socket_at(0), 1006); /* one that is opened now is paused too */
	run(10 * SECOND);
	assert_true(sockets_open() == 1 && fake_ws_is_paused(socket_at(newest())));
	run(10 * MINUTE);
	assert_int_equal(counts()->first_data_missed, 0);
	assert_int_equal(counts()->attempts, 2);
	session_pause(stage.session, false);
	assert_false(fake_ws_is_paused(socket_at(newest())));
	run(9 * SECOND); /* the deadline of the first data goes on */
	assert_int_equal(counts()->first_data_missed, 0);
	timers_arm(stage.timers, &stage.tick, stage.now_ns);
	run(SECOND);
	assert_true(is_live());
	tear_down();
}

static void a_pause_is_no_silence(void **state)
{
	(void)state;
	go_live(bybit_perp);
	run(2 * MINUTE);
	timers_cancel(stage.timers, &stage.tick);
	session_pause(stage.session, true);
	run(10 * MINUTE);
	session_pause(stage.session, false);
	run(28 * SECOND); /* of 30 */
	assert_int_equal(counts()->stale, 0);
	assert_int_equal(stage.interrupted, 0);
	assert_int_equal(counts()->attempts, 1);
	run(3 * SECOND);
	assert_int_equal(counts()->stale, 3); /* trades, ticker, depth */
	tear_down();
}

static void what_comes_after_it_was_given_up_is_not_given(void **state)
{
	(void)state;
	go_live(perp_market);
	run(2 * MINUTE);
	say_text(0, "{\"e\":\"serverShutdown\",\"E\":1770123456789}");
	assert_true(run_until(two_are_open, SECOND));
	do {
		timers_run(stage.timers, stage.now_ns, 1); /* one thing at a time */
		int64_t next_ns = timers_next_ns(stage.timers);
		stage.now_ns = next_ns > stage.now_ns ? next_ns : stage.now_ns;
	} while (fake_ws_is_open(socket_at(0)));
	uint64_t frames = counts()->frames;
	assert_false(fake_ws_is_idle(socket_at(0)));
	assert_true(say_topic(0, 0)); /* it was on its way */
	assert_true(counts()->frames == frames);
	run(MINUTE);
	assert_true(fake_ws_is_idle(socket_at(0)));
	tear_down();
}

static void patience_shortens_every_wait(void **state)
{
	(void)state;
	go_live((struct setting){ VENUE_BYBIT, KIND_PERP, NULL, 0, 50, 0, 1 });
	assert_true(stage.now_ns < 1002 * SECOND);
	assert_true(run_until(two_are_open, 1410 * MINUTE / 20));
	assert_true(run_until(one_is_open, SECOND));
	assert_int_equal(counts()->replaced, 1);
	assert_int_equal(stage.interrupted, 0);
	run(5 * SECOND);
	stage.muted = 1u << STREAM_TRADES;
	run(3 * SECOND); /* of 30 */
	assert_int_equal(counts()->stale, 1);
	tear_down();
}

/* ---- ends ---- */

static void it_can_be_destroyed_in_any_state(void **state)
{
	(void)state;
	static const int64_t after_ns[] = { 0, 1, FAKE_WS_OPEN_NS, SECOND / 2, 5 * SECOND };
	session_destroy(NULL);
	for (size_t i = 0; i < ARRAY_LEN(after_ns); i++) {
		set_up(perp_market);
		session_open(stage.session);
		run(after_ns[i]);
		session_destroy(stage.session);
		stage.session = NULL;
		run(MINUTE);
		assert_int_equal(sockets_open(), 0);
		tear_down();
	}
	go_live(perp_market); /* and with two connections */
	say_text(0, "{\"e\":\"serverShutdown\",\"E\":1770123456789}");
	assert_true(run_until(two_are_open, SECOND));
	session_destroy(stage.session);
	stage.session = NULL;
	run(MINUTE);
	tear_down();
}

static void without_sockets_there_is_no_session(void **state)
{
	(void)state;
	set_up(perp_market);
	struct session_config config = session_config_of(&perp_market);
	for (size_t made = 0; made < 2; made++) {
		struct fake_ws_crowd *crowd = stage.crowd;
		if (made)
			config.maker.create(config.maker.ctx);
		fake_ws_crowd_starve(crowd, 1);
		assert_null(session_create(&config));
	}
	tear_down();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_connection_of_every_venue_goes_live_on_its_own_frames),
		cmocka_unit_test(the_states_follow_each_other),
		cmocka_unit_test(live_waits_for_every_class_with_a_deadline_and_for_no_other),
		cmocka_unit_test(data_before_the_acknowledgement_counts),
		cmocka_unit_test(a_venue_that_does_not_acknowledge_is_believed_for_its_data),
		cmocka_unit_test(all_topics_are_asked_for_within_the_message_rate),
		cmocka_unit_test(a_refused_message_is_asked_for_topic_by_topic),
		cmocka_unit_test(a_refusal_without_an_id_means_what_was_asked_last),
		cmocka_unit_test(what_is_subscribed_already_is_not_refused),
		cmocka_unit_test(who_may_subscribe_nothing_tries_again_in_a_while),
		cmocka_unit_test(a_replacement_that_may_subscribe_nothing_is_let_go),
		cmocka_unit_test(an_answer_to_something_else_answers_nothing),
		cmocka_unit_test(a_break_interrupts_once_and_is_mended_at_once),
		cmocka_unit_test(the_book_alone_breaks_without_trades),
		cmocka_unit_test(waits_grow_to_a_minute_and_start_over_after_a_minute_of_health),
		cmocka_unit_test(waits_grow_after_a_healthy_connection_too),
		cmocka_unit_test(no_hurry_breaks_the_minute_away),
		cmocka_unit_test(a_dead_connection_is_not_left_to_a_wait_for_a_silent_one),
		cmocka_unit_test(who_is_told_to_go_away_stays_away_for_a_minute),
		cmocka_unit_test(a_handshake_that_does_not_end_is_given_up),
		cmocka_unit_test(the_gate_keeps_attempts_within_the_limit),
		cmocka_unit_test(
		    a_day_old_connection_is_replaced_with_an_overlap_and_nothing_is_lost),
		cmocka_unit_test(a_shutdown_that_is_announced_is_forestalled),
		cmocka_unit_test(who_shuts_down_all_the_time_is_followed_ever_more_slowly),
		cmocka_unit_test(a_replacement_that_fails_leaves_the_current_one_alone),
		cmocka_unit_test(a_break_before_the_replacement_brings_all_interrupts),
		cmocka_unit_test(a_replacement_that_breaks_within_the_overlap_costs_nothing),
		cmocka_unit_test(an_acknowledgement_without_data_proves_nothing),
		cmocka_unit_test(a_class_that_falls_silent_on_one_connection_is_found_on_the_next),
		cmocka_unit_test(liquidations_may_be_silent_for_ever),
		cmocka_unit_test(candles_that_do_not_come_are_missed_after_a_while),
		cmocka_unit_test(a_silence_of_the_whole_venue_makes_no_storm),
		cmocka_unit_test(a_market_that_trades_once_in_a_while_is_not_tried_each_time),
		cmocka_unit_test(what_brings_more_is_kept_though_it_is_not_all),
		cmocka_unit_test(a_worse_silence_is_not_left_to_a_wait_that_has_grown),
		cmocka_unit_test(a_shutdown_is_not_left_to_a_wait_that_has_grown),
		cmocka_unit_test(a_shutdown_soon_after_trouble_is_followed_at_once),
		cmocka_unit_test(bybit_is_pinged_and_may_take_its_time),
		cmocka_unit_test(who_says_nothing_at_all_is_taken_for_dead),
		cmocka_unit_test(watchdogs_wait_while_it_is_paused),
		cmocka_unit_test(a_pause_is_no_silence),
		cmocka_unit_test(what_comes_after_it_was_given_up_is_not_given),
		cmocka_unit_test(patience_shortens_every_wait),
		cmocka_unit_test(it_can_be_destroyed_in_any_state),
		cmocka_unit_test(without_sockets_there_is_no_session),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
