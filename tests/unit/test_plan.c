/* Which connections the venues' limits make of a list of symbols, and what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "feed/plan.h"

enum { IDS_MAX = 1200 };

static struct market_id ids[IDS_MAX];
static struct plan plan;
static struct err err;

static void add_id(enum venue venue, enum kind kind, size_t index, const char *symbol)
{
	assert_int_equal(market_id_make(venue, kind, str_of(symbol), &ids[index]), STATUS_OK);
}

/* `count` symbols of different lengths. */
static struct plan_config many(enum venue venue, enum kind kind, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char symbol[48];
		snprintf(symbol, sizeof symbol, "S%zu%.*sUSDT", i, (int)(i % 12), "LONGLONGLONG");
		add_id(venue, kind, i, symbol);
	}
	return (struct plan_config){ .venue = venue,
				     .kind = kind,
				     .ws_url = "wss://host",
				     .ids = ids,
				     .n_ids = count,
				     .depth = true,
				     .patience = 1000 };
}

static struct plan_config one(enum venue venue, enum kind kind, const char *url, bool depth)
{
	struct plan_config config = many(venue, kind, 1);
	add_id(venue, kind, 0, "BTCUSDT");
	config.ws_url = url;
	config.depth = depth;
	return config;
}

static void make(const struct plan_config *config)
{
	assert_int_equal(plan_create(config, &plan, &err), STATUS_OK);
}

/* "topic:class topic:class …" */
static const char *topics_of(const struct plan_connection *connection)
{
	static char text[2000];
	struct buf out = buf_over(text, sizeof text);
	for (size_t i = 0; i < connection->n_topics; i++)
		buf_printf(&out, "%s%s:%s", i ? " " : "", connection->topics[i].text,
			   stream_class_text(connection->topics[i].class));
	buf_char(&out, 0);
	return text;
}

static void each_venue_and_kind_gets_its_topics(void **state)
{
	(void)state;
	static const struct {
		enum venue venue;
		enum kind kind;
		const char *name, *url, *with_depth, *without;
	} rows[] = {
		{ VENUE_BINANCE, KIND_SPOT, "binance:spot 1", "wss://host/stream",
		  "btcusdt@aggTrade:trades btcusdt@bookTicker:book btcusdt@ticker:ticker "
		  "btcusdt@depth@100ms:depth",
		  "btcusdt@aggTrade:trades btcusdt@bookTicker:book btcusdt@ticker:ticker" },
		{ VENUE_BYBIT, KIND_SPOT, "bybit:spot 1", "wss://host/v5/public/spot",
		  "publicTrade.BTCUSDT:trades tickers.BTCUSDT:ticker orderbook.50.BTCUSDT:depth "
		  "kline.1.BTCUSDT:klines",
		  "publicTrade.BTCUSDT:trades tickers.BTCUSDT:ticker kline.1.BTCUSDT:klines" },
		{ VENUE_BYBIT, KIND_PERP, "bybit:perp 1", "wss://host/v5/public/linear",
		  "publicTrade.BTCUSDT:trades tickers.BTCUSDT:ticker orderbook.50.BTCUSDT:depth "
		  "kline.1.BTCUSDT:klines allLiquidation.BTCUSDT:liquidations",
		  "publicTrade.BTCUSDT:trades tickers.BTCUSDT:ticker kline.1.BTCUSDT:klines "
		  "allLiquidation.BTCUSDT:liquidations" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (int depth = 0; depth < 2; depth++) {
			struct plan_config config =
			    one(rows[i].venue, rows[i].kind, "wss://host", depth);
			make(&config);
			assert_int_equal(plan.n_connections, 1);
			assert_string_equal(plan.connections[0].name, rows[i].name);
			assert_string_equal(plan.connections[0].url, rows[i].url);
			assert_string_equal(topics_of(&plan.connections[0]),
					    depth ? rows[i].with_depth : rows[i].without);
			assert_int_equal(plan.connections[0].classes[STREAM_DEPTH].used, depth);
			plan_destroy(&plan);
		}
	}
}

static void binance_futures_are_listened_to_on_two_paths(void **state)
{
	(void)state;
	struct plan_config config = one(VENUE_BINANCE, KIND_PERP, "wss://host", true);
	make(&config);
	assert_int_equal(plan.n_connections, 2);
	assert_string_equal(plan.connections[0].name, "binance:perp /market 1");
	assert_string_equal(plan.connections[0].url, "wss://host/market/stream");
	assert_string_equal(topics_of(&plan.connections[0]),
			    "btcusdt@aggTrade:trades btcusdt@markPrice@1s:mark "
			    "btcusdt@ticker:ticker btcusdt@forceOrder:liquidations");
	assert_string_equal(plan.connections[1].name, "binance:perp /public 1");
	assert_string_equal(plan.connections[1].url, "wss://host/public/stream");
	assert_string_equal(topics_of(&plan.connections[1]),
			    "btcusdt@bookTicker:book btcusdt@depth@500ms:depth");
	assert_false(plan.connections[1].classes[STREAM_TRADES].used);
	plan_destroy(&plan);
}

static void a_base_url_with_a_path_is_taken_for_what_it_is(void **state)
{
	(void)state;
	static const struct {
		enum venue venue;
		const char *base, *url;
	} rows[] = {
		{ VENUE_BINANCE, "wss://host:9443", "wss://host:9443/stream" },
		{ VENUE_BINANCE, "ws://127.0.0.1:80/", "ws://127.0.0.1:80/stream" },
		{ VENUE_BINANCE, "wss://host/prefix", "wss://host/prefix/stream" },
		{ VENUE_BINANCE, "wss://host/a/b//", "wss://host/a/b/stream" },
		{ VENUE_BYBIT, "wss://host", "wss://host/v5/public/spot" },
		{ VENUE_BYBIT, "wss://host/", "wss://host/v5/public/spot" },
		{ VENUE_BYBIT, "wss://host/other/spot", "wss://host/other/spot" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct plan_config config = one(rows[i].venue, KIND_SPOT, rows[i].base, true);
		make(&config);
		assert_string_equal(plan.connections[0].url, rows[i].url);
		plan_destroy(&plan);
	}
}

static void a_url_that_is_none_is_refused_and_nothing_is_made(void **state)
{
	(void)state;
	static char long_url[PLAN_URL_MAX + 9];
	memset(long_url, 'a', sizeof long_url - 1);
	memcpy(long_url, "wss://", 6);
	const char *bad[] = { "",       "host",        "https://host", "wss:/host",
			      "wss://", "wss:///path", long_url };
	memset(&plan, 0, sizeof plan);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct plan_config config = one(VENUE_BINANCE, KIND_PERP, bad[i], true);
		assert_int_equal(plan_create(&config, &plan, &err), STATUS_INVALID);
		assert_int_equal(plan.n_connections, 0);
		assert_true(strlen(err.text) > 0);
	}
}

/* ---- limits ---- */

static void check_limits(const struct plan_config *config)
{
	const struct wire *wire = wire_of(config->venue, config->kind);
	size_t topics = 0;
	for (size_t c = 0; c < plan.n_connections; c++) {
		const struct plan_connection *connection = &plan.connections[c];
		size_t chars = 0;
		for (size_t i = 0; i < connection->n_topics; i++)
			chars += strlen(connection->topics[i].text) + 3;
		assert_true(connection->n_topics > 0);
		assert_true(connection->n_topics <= (size_t)wire->streams);
		assert_true(!wire->args_chars || chars <= (size_t)wire->args_chars);
		topics += connection->n_topics;
	}
	/* Every topic once: as many as one symbol has, for each. */
	struct plan_config alone = *config;
	struct plan single;
	alone.n_ids = 1;
	assert_int_equal(plan_create(&alone, &single, &err), STATUS_OK);
	size_t each = 0;
	for (size_t c = 0; c < single.n_connections; c++)
		each += single.connections[c].n_topics;
	assert_int_equal(topics, each * config->n_ids);
	plan_destroy(&single);
}

/* A symbol's topics of one path follow each other on one connection. */
static void check_together(void)
{
	for (size_t c = 0; c < plan.n_connections; c++) {
		const struct plan_connection *connection = &plan.connections[c];
		const struct market_id *first = &connection->topics[0].market;
		const struct market_id *last = &connection->topics[connection->n_topics - 1].market;
		for (size_t d = 0; d < plan.n_connections; d++) {
			const struct plan_connection *other = &plan.connections[d];
			if (c == d || strcmp(other->url, connection->url) != 0)
				continue;
			for (size_t i = 0; i < other->n_topics; i++) {
				assert_false(market_id_eq(&other->topics[i].market, first));
				assert_false(market_id_eq(&other->topics[i].market, last));
			}
		}
	}
}

static void no_connection_holds_more_than_the_venue_allows(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 3);
	for (int round = 0; round < 200; round++) {
		enum venue venue = (enum venue)rng_below(&rng, VENUE_COUNT);
		enum kind kind = (enum kind)rng_below(&rng, KIND_COUNT);
		struct plan_config config = many(venue, kind, 1 + rng_below(&rng, 400));
		config.depth = rng_below(&rng, 2);
		make(&config);
		check_limits(&config);
		check_together();
		plan_destroy(&plan);
	}
}

static void symbols_beyond_all_connections_are_refused(void **state)
{
	(void)state;
	struct plan_config config = many(VENUE_BINANCE, KIND_PERP, IDS_MAX);
	memset(&plan, 0, sizeof plan);
	assert_int_equal(plan_create(&config, &plan, &err), STATUS_FULL);
	assert_int_equal(plan.n_connections, 0);
	config.n_ids = 0;
	make(&config);
	assert_int_equal(plan.n_connections, 0);
	plan_destroy(&plan);
	plan_destroy(NULL);
}

static void patience_shortens_the_watchdogs(void **state)
{
	(void)state;
	struct plan_config config = one(VENUE_BYBIT, KIND_PERP, "wss://host", true);
	make(&config);
	int64_t first_ns = plan.connections[0].classes[STREAM_TRADES].first_ns;
	int64_t stale_ns = plan.connections[0].classes[STREAM_TRADES].stale_ns;
	assert_true(first_ns == 15000000000 && stale_ns == 30000000000);
	assert_int_equal(plan.connections[0].classes[STREAM_LIQUIDATIONS].stale_ns, 0);
	assert_int_equal(plan.connections[0].classes[STREAM_KLINES].first_ns, 0);
	plan_destroy(&plan);
	config.patience = 20;
	make(&config);
	assert_true(plan.connections[0].classes[STREAM_TRADES].first_ns == first_ns / 50);
	assert_true(plan.connections[0].classes[STREAM_TRADES].stale_ns == stale_ns / 50);
	plan_destroy(&plan);
}

static void what_weir_sends_stays_below_the_venues_limits(void **state)
{
	(void)state;
	/* market.md 1.1-1.3: messages a second, streams, connections in 5 minutes. */
	static const int32_t most[VENUE_COUNT][KIND_COUNT][3] = {
		[VENUE_BINANCE] = { [KIND_SPOT] = { 5, 1024, 300 },
				    [KIND_PERP] = { 10, 200, 300 } },
		[VENUE_BYBIT] = { [KIND_SPOT] = { 10, 1000, 500 },
				  [KIND_PERP] = { 10, 1000, 500 } },
	};
	for (int venue = 0; venue < VENUE_COUNT; venue++) {
		for (int kind = 0; kind < KIND_COUNT; kind++) {
			const struct wire *wire = wire_of((enum venue)venue, (enum kind)kind);
			assert_true(wire->messages * 2 <= most[venue][kind][0]);
			assert_true(wire->streams <= most[venue][kind][1]);
			assert_true(wire->attempts * 3 <= most[venue][kind][2]);
			assert_true(wire->life_ms < 24 * 3600000LL);
		}
	}
	assert_int_equal(wire_of(VENUE_BYBIT, KIND_SPOT)->args, 10);
	assert_true(wire_of(VENUE_BYBIT, KIND_SPOT)->args_chars <= 21000);
	assert_int_equal(wire_of(VENUE_BYBIT, KIND_PERP)->ping_ms, 20000);
	assert_int_equal(wire_of(VENUE_BINANCE, KIND_PERP)->ping_ms, 0);
}

/* ---- messages ---- */

/* Reads a message back: what it asks for, topic by topic from `first` on. */
static size_t read_back(const struct plan_connection *connection, size_t first, uint64_t id,
			const struct buf *message)
{
	bool bybit = connection->venue == VENUE_BYBIT;
	json_t *root = json_loadb(message->ptr, message->len, 0, NULL);
	assert_non_null(root);
	if (bybit) {
		char text[24];
		snprintf(text, sizeof text, "%llu", (unsigned long long)id);
		assert_string_equal(json_string_value(json_object_get(root, "req_id")), text);
		assert_string_equal(json_string_value(json_object_get(root, "op")), "subscribe");
	} else {
		assert_true(json_integer_value(json_object_get(root, "id")) == (json_int_t)id);
		assert_string_equal(json_string_value(json_object_get(root, "method")),
				    "SUBSCRIBE");
	}
	json_t *topics = json_object_get(root, bybit ? "args" : "params");
	size_t n = json_array_size(topics);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(json_string_value(json_array_get(topics, i)),
				    connection->topics[first + i].text);
	json_decref(root);
	return n;
}

static void check_messages(const struct plan_connection *connection)
{
	const struct wire *wire = wire_of(connection->venue, connection->kind);
	char storage[PLAN_MESSAGE_MAX];
	size_t first = 0;
	for (uint64_t id = 1; first < connection->n_topics; id++) {
		struct buf out = buf_over(storage, sizeof storage);
		size_t left = connection->n_topics - first;
		size_t n = plan_subscribe(connection, first, left, id, &out);
		assert_false(out.overflow);
		assert_true(n >= 1 && n <= left && (!wire->args || n <= (size_t)wire->args));
		assert_int_equal(read_back(connection, first, id, &out), n);
		/* No shorter than it has to be. */
		assert_true(n == left || n == (size_t)wire->args ||
			    out.len > PLAN_MESSAGE_MAX - PLAN_TOPIC_MAX - 3);
		first += n;
	}
}

static void subscribe_messages_hold_all_topics_within_the_limits(void **state)
{
	(void)state;
	for (int venue = 0; venue < VENUE_COUNT; venue++) {
		for (int kind = 0; kind < KIND_COUNT; kind++) {
			struct plan_config config = many((enum venue)venue, (enum kind)kind, 300);
			make(&config);
			for (size_t c = 0; c < plan.n_connections; c++)
				check_messages(&plan.connections[c]);
			plan_destroy(&plan);
		}
	}
}

static void one_topic_can_be_asked_for_alone(void **state)
{
	(void)state;
	char storage[PLAN_MESSAGE_MAX];
	struct plan_config config = one(VENUE_BYBIT, KIND_PERP, "wss://host", true);
	make(&config);
	struct buf out = buf_over(storage, sizeof storage);
	assert_int_equal(plan_subscribe(&plan.connections[0], 1, 1, 9, &out), 1);
	buf_char(&out, 0);
	assert_string_equal(
	    storage, "{\"req_id\":\"9\",\"op\":\"subscribe\",\"args\":[\"tickers.BTCUSDT\"]}");
	buf_clear(&out);
	assert_true(plan_ping(&plan.connections[0], &out));
	buf_char(&out, 0);
	assert_string_equal(storage, "{\"op\":\"ping\"}");
	plan_destroy(&plan);
	config = one(VENUE_BINANCE, KIND_SPOT, "wss://host", true);
	make(&config);
	buf_clear(&out);
	assert_false(plan_ping(&plan.connections[0], &out));
	assert_int_equal(out.len, 0);
	plan_destroy(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_venue_and_kind_gets_its_topics),
		cmocka_unit_test(binance_futures_are_listened_to_on_two_paths),
		cmocka_unit_test(a_base_url_with_a_path_is_taken_for_what_it_is),
		cmocka_unit_test(a_url_that_is_none_is_refused_and_nothing_is_made),
		cmocka_unit_test(no_connection_holds_more_than_the_venue_allows),
		cmocka_unit_test(symbols_beyond_all_connections_are_refused),
		cmocka_unit_test(patience_shortens_the_watchdogs),
		cmocka_unit_test(what_weir_sends_stays_below_the_venues_limits),
		cmocka_unit_test(subscribe_messages_hold_all_topics_within_the_limits),
		cmocka_unit_test(one_topic_can_be_asked_for_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
