/* session_stage.h - one session in simulated time, against a venue that the test plays.
 * Frames go through the real decoder, so the table's classes and its events are held
 * together. What the session sends is held against the venue's limits as it comes. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "codec/decoder.h"
#include "feed/session.h"
#include "sim/fake_ws.h"

#define SECOND 1000000000LL
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

enum { SOCKETS = 8, TOPICS = 1000, TIMER_ROOM = 64, SYMBOLS = 3, ASKED_MAX = 4096 };

/* ---- the venue's side of a socket ---- */

struct peer {
	bool subscribed[TOPICS];   /* by the topic's place in the plan */
	size_t answered;           /* topics acknowledged */
	int64_t answered_ns;       /* the last acknowledgement */
	uint32_t muted;            /* classes that this socket does not get */
	uint32_t given;            /* classes that the session was given from it */
	int64_t trade_ns;          /* the last trade given from it */
	int64_t first_ns, last_ns; /* the first and the last frame given from it */
	int64_t sent_ns[8];        /* our last messages */
	size_t n_sent, n_pings;
};

static struct {
	struct timers *timers;
	struct clock_port clock;
	int64_t now_ns;
	struct timer tick;
	int64_t tick_ns;

	struct plan plan;
	const struct plan_connection *connection;
	struct fake_ws_crowd *crowd;
	struct decoder *decoder;
	struct connect_gate gate;
	struct session *session;
	struct peer peers[SOCKETS];

	/* How the venue behaves. */
	uint32_t muted; /* classes that nobody gets */
	bool no_acks, no_pongs, late_acks;
	const char *refuses; /* messages with this text in them; NULL: none */
	const char *refusal; /* the answer, with %s for the id */
	uint64_t traded[SYMBOLS];

	/* What the session told. */
	size_t live, interrupted, interrupted_trades, warned;
	char note[256];
	int64_t asked_ns[ASKED_MAX];
	size_t n_asked;
	void (*on_trade)(size_t socket, size_t symbol, uint64_t number);
	void (*on_interrupted)(bool trades);
	void (*on_said)(void); /* trades have a new number */
} stage;

static inline int64_t clock_now(void *ctx)
{
	(void)ctx;
	return stage.now_ns;
}

static inline size_t index_of(const struct fake_ws *ws)
{
	for (size_t i = 0; i < fake_ws_crowd_count(stage.crowd); i++)
		if (fake_ws_crowd_at(stage.crowd, i) == ws)
			return i;
	fail_msg("whose socket?");
	return 0;
}

static inline struct fake_ws *socket_at(size_t index)
{
	return fake_ws_crowd_at(stage.crowd, index);
}

/* ---- what the venue says ---- */

static inline const char *symbol_of(size_t topic)
{
	return stage.connection->topics[topic].market.symbol;
}

static inline size_t number_of_symbol(size_t topic)
{
	size_t number = 0;
	for (size_t i = 1; i <= topic; i++)
		number += strcmp(symbol_of(i), symbol_of(i - 1)) != 0;
	return number % SYMBOLS;
}

#define T "1700000000000"

static inline void binance_frame(struct buf *out, enum stream_class class, const char *symbol,
				 const char *mark)
{
	static const char *const data[STREAM_CLASSES] = {
		[STREAM_TRADES] =
		    "\"e\":\"aggTrade\",\"E\":" T ",\"a\":7,\"p\":\"1.5\",\"q\":\"2\","
		    "\"f\":1,\"l\":1,\"T\":" T ",\"m\":true",
		[STREAM_BOOK] = "\"e\":\"bookTicker\",\"E\":" T ",\"u\":1,\"b\":\"1\",\"B\":\"1\","
				"\"a\":\"2\",\"A\":\"1\"",
		[STREAM_MARK] = "\"e\":\"markPriceUpdate\",\"E\":" T ",\"p\":\"1\",\"i\":\"1\","
				"\"P\":\"1\",\"r\":\"0.0001\",\"T\":" T,
		[STREAM_TICKER] =
		    "\"e\":\"24hrTicker\",\"E\":" T ",\"c\":\"1\",\"P\":\"1\",\"v\":\"1\","
		    "\"q\":\"1\"",
		[STREAM_DEPTH] =
		    "\"e\":\"depthUpdate\",\"E\":" T ",\"U\":1,\"u\":2,\"b\":[[\"1\",\"1\"]],"
		    "\"a\":[]",
	};
	if (class == STREAM_LIQUIDATIONS)
		buf_printf(out,
			   "{\"stream\":\"x\",\"data\":{\"e\":\"forceOrder\",\"E\":" T ",\"o\":{"
			   "\"s\":\"%s\",\"S\":\"SELL\",\"z\":\"1\",\"ap\":\"1\",\"T\":" T "}%s}}",
			   symbol, mark);
	else
		buf_printf(out, "{\"stream\":\"x\",\"data\":{%s,\"s\":\"%s\"%s}}", data[class],
			   symbol, mark);
}

static inline void bybit_frame(struct buf *out, enum stream_class class, const char *symbol,
			       const char *mark)
{
	static const char *const topic[STREAM_CLASSES] = { [STREAM_TRADES] = "publicTrade",
							   [STREAM_TICKER] = "tickers",
							   [STREAM_KLINES] = "kline.1",
							   [STREAM_LIQUIDATIONS] = "allLiquidation",
							   [STREAM_DEPTH] = "orderbook.50" };
	buf_printf(out, "{\"topic\":\"%s.%s\",\"ts\":" T ",\"type\":\"snapshot\",\"data\":",
		   topic[class], symbol);
	if (class == STREAM_TRADES)
		buf_printf(out,
			   "[{\"T\":" T ",\"s\":\"%s\",\"S\":\"Buy\",\"v\":\"1\",\"p\":\"1\","
			   "\"i\":\"a-1\",\"BT\":false}]%s}",
			   symbol, mark);
	else if (class == STREAM_TICKER)
		buf_printf(out, "{\"symbol\":\"%s\",\"lastPrice\":\"1\",\"markPrice\":\"1\"}%s}",
			   symbol, mark);
	else if (class == STREAM_KLINES)
		buf_printf(out,
			   "[{\"start\":" T ",\"end\":" T ",\"interval\":\"1\",\"open\":\"1\","
			   "\"close\":\"1\",\"high\":\"1\",\"low\":\"1\",\"volume\":\"1\","
			   "\"turnover\":\"1\",\"confirm\":false}]%s}",
			   mark);
	else if (class == STREAM_LIQUIDATIONS)
		buf_printf(out,
			   "[{\"T\":" T ",\"s\":\"%s\",\"S\":\"Buy\",\"v\":\"1\",\"p\":\"1\"}]%s}",
			   symbol, mark);
	else
		buf_printf(out, "{\"s\":\"%s\",\"b\":[[\"1\",\"1\"]],\"a\":[],\"u\":3}%s}", symbol,
			   mark);
}

/* One frame of a topic; the members behind `mark` are the test's, venues have none. */
static inline bool say_topic(size_t socket, size_t topic)
{
	char text[512], mark[64];
	const struct plan_topic *what = &stage.connection->topics[topic];
	size_t symbol = number_of_symbol(topic);
	snprintf(mark, sizeof mark, ",\"xk\":%zu,\"xs\":%zu,\"xn\":%llu", socket, symbol,
		 (unsigned long long)stage.traded[symbol]);
	struct buf out = buf_over(text, sizeof text);
	(stage.connection->venue == VENUE_BINANCE ? binance_frame : bybit_frame)(
	    &out, what->class, what->market.symbol, mark);
	assert_false(out.overflow);
	return fake_ws_say(socket_at(socket), buf_str(&out), 0);
}

static inline bool say_text(size_t socket, const char *text)
{
	return fake_ws_say(socket_at(socket), str_of(text), 0);
}

static inline void say_due(void)
{
	for (size_t i = 0; i < SYMBOLS; i++)
		stage.traded[i] += !(stage.muted >> STREAM_TRADES & 1);
	if (stage.on_said)
		stage.on_said();
	for (size_t socket = 0; socket < fake_ws_crowd_count(stage.crowd); socket++) {
		const struct peer *peer = &stage.peers[socket];
		for (size_t i = 0; i < stage.connection->n_topics; i++) {
			enum stream_class class = stage.connection->topics[i].class;
			if (peer->subscribed[i] && !((stage.muted | peer->muted) >> class & 1))
				say_topic(socket, i);
		}
	}
}

static inline void on_tick(void *ctx)
{
	(void)ctx;
	say_due();
	timers_arm(stage.timers, &stage.tick, stage.now_ns + stage.tick_ns);
}

/* ---- what the venue is told ---- */

static inline void on_asked(void *ctx, struct fake_ws *ws)
{
	(void)ctx;
	stage.peers[index_of(ws)] = (struct peer){ 0 };
	assert_true(stage.n_asked < ASKED_MAX);
	stage.asked_ns[stage.n_asked++] = stage.now_ns;
	for (size_t i = stage.n_asked; i-- > 0 && stage.asked_ns[i] > stage.now_ns - 5 * MINUTE;)
		assert_true(stage.n_asked - i <= (size_t)stage.gate.limit);
}

static inline void count_message(struct peer *peer)
{
	size_t most = (size_t)wire_of(stage.connection->venue, stage.connection->kind)->messages;
	if (peer->n_sent >= most)
		assert_true(stage.now_ns - peer->sent_ns[(peer->n_sent - most) % 8] >= SECOND);
	peer->sent_ns[peer->n_sent++ % 8] = stage.now_ns;
}

static inline size_t subscribe(struct peer *peer, struct str message)
{
	size_t topics = 0;
	for (size_t i = 0; i < stage.connection->n_topics; i++) {
		char quoted[PLAN_TOPIC_MAX + 3];
		int len =
		    snprintf(quoted, sizeof quoted, "\"%s\"", stage.connection->topics[i].text);
		if (!memmem(message.ptr, message.len, quoted, (size_t)len))
			continue;
		peer->subscribed[i] = true;
		topics++;
	}
	return topics;
}

static inline void id_of(struct str message, char id[24])
{
	const char *key = stage.connection->venue == VENUE_BYBIT ? "\"req_id\":\"" : "\"id\":";
	const char *at = memmem(message.ptr, message.len, key, strlen(key));
	assert_non_null(at);
	snprintf(id, 24, "%llu", strtoull(at + strlen(key), NULL, 10));
}

static inline void answer(size_t socket, const char *format, const char *id)
{
	char text[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof text, format, id);
#pragma GCC diagnostic pop
	say_text(socket, text);
}

static inline const char *yes(void)
{
	return stage.connection->venue == VENUE_BYBIT
		   ? "{\"success\":true,\"ret_msg\":\"\",\"conn_id\":\"c\",\"req_id\":\"%s\","
		     "\"op\":\"subscribe\"}"
		   : "{\"result\":null,\"id\":%s}";
}

static inline void on_sent(void *ctx, struct fake_ws *ws, struct str message)
{
	(void)ctx;
	size_t socket = index_of(ws);
	struct peer *peer = &stage.peers[socket];
	char id[24];
	count_message(peer);
	if (str_eq(message, STR("{\"op\":\"ping\"}"))) {
		peer->n_pings++;
		if (!stage.no_pongs)
			say_text(socket, "{\"success\":true,\"ret_msg\":\"pong\",\"op\":\"ping\"}");
		return;
	}
	id_of(message, id);
	if (stage.refuses &&
	    memmem(message.ptr, message.len, stage.refuses, strlen(stage.refuses))) {
		answer(socket, stage.refusal, id);
		return;
	}
	size_t topics = subscribe(peer, message);
	if (stage.late_acks)
		say_due();
	if (stage.no_acks)
		return;
	answer(socket, yes(), id);
	peer->answered += topics;
	peer->answered_ns = stage.now_ns;
}

/* ---- what the session tells ---- */

static inline unsigned long long marked(struct str frame, const char *key)
{
	const char *at = memmem(frame.ptr, frame.len, key, strlen(key));
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static inline uint32_t on_frame(void *ctx, struct session *session, struct str frame,
				int64_t received_ns)
{
	static struct event events[EVENTS_PER_FRAME];
	uint32_t mask = 0;
	(void)ctx, (void)received_ns;
	assert_ptr_equal(session, stage.session);
	size_t n = decoder_decode(stage.decoder, frame, events);
	for (size_t i = 0; i < n; i++)
		mask |= 1u << events[i].type;
	assert_false(mask >> EVENT_MALFORMED & 1);
	if (!memmem(frame.ptr, frame.len, "\"xk\":", 5))
		return mask;
	size_t socket = marked(frame, "\"xk\":");
	struct peer *peer = &stage.peers[socket];
	assert_true(fake_ws_is_open(socket_at(socket))); /* not one that it has given up */
	if (!peer->first_ns)
		peer->first_ns = stage.now_ns;
	peer->last_ns = stage.now_ns;
	if (mask >> EVENT_TRADE & 1) {
		peer->trade_ns = stage.now_ns;
		if (stage.on_trade)
			stage.on_trade(socket, marked(frame, "\"xs\":"), marked(frame, "\"xn\":"));
	}
	return mask;
}

static inline void on_live(void *ctx, struct session *session)
{
	(void)ctx, (void)session;
	stage.live++;
}

static inline void on_interrupted(void *ctx, struct session *session, bool trades)
{
	(void)ctx, (void)session;
	stage.interrupted++;
	stage.interrupted_trades += trades;
	if (stage.on_interrupted)
		stage.on_interrupted(trades);
}

static inline void on_note(void *ctx, struct session *session, bool warn, const char *line)
{
	(void)ctx, (void)session;
	assert_true(strlen(line) > 0);
	stage.warned += warn;
	snprintf(stage.note, sizeof stage.note, "%s", line);
	if (getenv("SESSION_NOTES"))
		fprintf(stderr, "%12.3f %s%s\n", (double)stage.now_ns / 1e9, warn ? "! " : "",
			line);
}

/* ---- the stage ---- */

static inline void run_to(int64_t until_ns)
{
	for (int64_t next; (next = timers_next_ns(stage.timers)) <= until_ns;) {
		stage.now_ns = next > stage.now_ns ? next : stage.now_ns;
		timers_run(stage.timers, stage.now_ns, 1);
	}
	stage.now_ns = until_ns;
}

static inline void run(int64_t ns) { run_to(stage.now_ns + ns); }

/* Runs until it is so, at most as long; false: it is not. */
static inline bool run_until(bool (*is_so)(void), int64_t most_ns)
{
	for (int64_t end_ns = stage.now_ns + most_ns; stage.now_ns < end_ns;) {
		if (is_so())
			return true;
		int64_t next_ns = timers_next_ns(stage.timers);
		run_to(next_ns < end_ns ? next_ns : end_ns);
	}
	return is_so();
}

struct setting {
	enum venue venue;
	enum kind kind;
	const char *path; /* of the connection: in its URL; NULL: the first one */
	size_t symbols;   /* 0: one */
	int32_t patience; /* 0: 1000 */
	int32_t attempts; /* 0: the table's */
	uint64_t seed;
};

static inline struct session_config session_config_of(const struct setting *setting)
{
	struct session_config config = {
		.plan = stage.connection,
		.maker = fake_ws_crowd_maker(stage.crowd),
		.timers = stage.timers,
		.clock = &stage.clock,
		.gate = &stage.gate,
		.seed = setting->seed,
		.hooks = { on_frame, on_live, on_interrupted, on_note, NULL },
		.patience = setting->patience ? setting->patience : 1000,
	};
	return config;
}

static inline void plan_stage(const struct setting *setting)
{
	static struct market_id ids[400];
	size_t n = setting->symbols ? setting->symbols : 1;
	for (size_t i = 0; i < n; i++) {
		char symbol[32];
		snprintf(symbol, sizeof symbol, "A%zuUSDT", i);
		assert_int_equal(
		    market_id_make(setting->venue, setting->kind, str_of(symbol), &ids[i]), 0);
	}
	struct plan_config config = { .venue = setting->venue,
				      .kind = setting->kind,
				      .ws_url = "wss://venue",
				      .ids = ids,
				      .n_ids = n,
				      .depth = true,
				      .patience = setting->patience ? setting->patience : 1000 };
	assert_int_equal(plan_create(&config, &stage.plan, NULL), STATUS_OK);
	for (size_t i = stage.plan.n_connections; i-- > 0;)
		if (!setting->path || strstr(stage.plan.connections[i].url, setting->path))
			stage.connection = &stage.plan.connections[i];
	assert_non_null(stage.connection);
}

static inline void set_up(struct setting setting)
{
	memset(&stage, 0, sizeof stage);
	stage.now_ns = 1000 * SECOND;
	stage.clock = (struct clock_port){ clock_now, clock_now, NULL };
	stage.timers = timers_create(TIMER_ROOM);
	plan_stage(&setting);
	struct fake_ws_peer peer = { on_asked, on_sent, NULL };
	stage.crowd = fake_ws_crowd_create(stage.timers, &stage.clock, &peer);
	stage.decoder = decoder_create(setting.venue, setting.kind, DECODE_AUTO);
	connect_gate_init(&stage.gate, setting.attempts
					   ? setting.attempts
					   : wire_of(setting.venue, setting.kind)->attempts);
	struct session_config config = session_config_of(&setting);
	stage.session = session_create(&config);
	assert_non_null(stage.session);
	stage.tick = (struct timer){ .fn = on_tick };
	stage.tick_ns = SECOND * config.patience / 1000;
	timers_arm(stage.timers, &stage.tick, stage.now_ns + stage.tick_ns);
}

static inline void tear_down(void)
{
	session_destroy(stage.session);
	fake_ws_crowd_destroy(stage.crowd);
	plan_destroy(&stage.plan);
	decoder_destroy(stage.decoder);
	timers_destroy(stage.timers);
}

static inline const struct session_counts *counts(void) { return session_counts(stage.session); }
static inline enum session_state state_now(void) { return session_state(stage.session); }
static inline bool is_live(void) { return state_now() == SESSION_LIVE; }

static inline size_t sockets_open(void)
{
	size_t open = 0;
	for (size_t i = 0; i < fake_ws_crowd_count(stage.crowd); i++)
		open += fake_ws_is_open(socket_at(i));
	return open;
}

static inline bool two_are_open(void) { return sockets_open() == 2; }
static inline bool one_is_open(void) { return sockets_open() == 1; }

/* The socket that was opened last and is open. */
static inline size_t newest(void)
{
	size_t best = SOCKETS;
	for (size_t i = 0; i < fake_ws_crowd_count(stage.crowd); i++)
		if (fake_ws_is_open(socket_at(i)) &&
		    (best == SOCKETS || stage.peers[i].sent_ns[0] > stage.peers[best].sent_ns[0]))
			best = i;
	assert_true(best < SOCKETS);
	return best;
}

static inline void go_live(struct setting setting)
{
	set_up(setting);
	session_open(stage.session);
	assert_true(run_until(is_live, 10 * SECOND));
}
