/* plan.h - which connections a venue's markets need, and what each subscribes to.
 *
 * Made once from def/streams.def and the configured symbols: topics of one path go on
 * one connection until it holds as many streams, or as many characters, as the venue
 * allows, then on another; all topics of one symbol and path stay together. Pure.
 *
 * The base URL is scheme and host, or more: one without a path (or with "/") gets ours.
 * One with a path of its own is taken for what it is: at Bybit it replaces ours, at
 * Binance ours is put behind it, because futures need two paths of one base. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "def/market_id.h"

enum stream_class {
	STREAM_TRADES,
	STREAM_BOOK,
	STREAM_MARK,
	STREAM_TICKER,
	STREAM_KLINES,
	STREAM_LIQUIDATIONS,
	STREAM_DEPTH,
	STREAM_CLASSES
};

const char *stream_class_text(enum stream_class class); /* "trades" … */

enum {
	PLAN_URL_MAX = 511,
	PLAN_TOPIC_MAX = 63,
	PLAN_CONNECTIONS_MAX = 16,
	/* Bytes of a message that we send. Binance reads 4,096 of a frame, and does not
	 * answer a longer SUBSCRIBE. */
	PLAN_MESSAGE_MAX = 4000,
};

/* What a venue allows, from def/streams.def. */
struct wire {
	enum venue venue;
	enum kind kind;
	int32_t messages; /* we may send in a second */
	int32_t streams, args, args_chars;
	int32_t attempts; /* connections in 5 minutes */
	int64_t ping_ms, life_ms;
};
const struct wire *wire_of(enum venue venue, enum kind kind);

struct plan_topic {
	char text[PLAN_TOPIC_MAX + 1];
	struct market_id market;
	enum stream_class class;
};

struct plan_class { /* of a connection */
	bool used;
	int64_t first_ns; /* deadline of the first data; 0: live without it */
	int64_t stale_ns; /* longest silence; 0: silence means nothing */
};

struct plan_connection {
	char url[PLAN_URL_MAX + 1];
	char name[48]; /* "binance:perp /market 1", for people */
	enum venue venue;
	enum kind kind;
	struct plan_class classes[STREAM_CLASSES];
	struct plan_topic *topics;
	size_t n_topics;
};

struct plan {
	struct plan_connection connections[PLAN_CONNECTIONS_MAX];
	size_t n_connections;
};

struct plan_config {
	enum venue venue;
	enum kind kind;
	const char *ws_url;          /* "wss://host:port", or with a path: above */
	const struct market_id *ids; /* of this venue and kind */
	size_t n_ids;
	bool depth; /* subscribe depth too */
	/* Watchdogs in thousandths of the table's: 1000. For tests in a hurry. */
	int32_t patience;
};

/* Heap inside. FULL: more connections than PLAN_CONNECTIONS_MAX would be needed;
 * INVALID: the URL is none of ws:// or wss://, or too long. */
MUST_CHECK enum status plan_create(const struct plan_config *config, struct plan *plan,
				   struct err *err);
void plan_destroy(struct plan *plan);
/* The subscribe message for `count` topics from `first` on; returns how many fitted
 * into one message by the venue's rules (≥ 1), PLAN_MESSAGE_MAX bytes at most. id:
 * Binance's, and Bybit's req_id. */
size_t plan_subscribe(const struct plan_connection *connection, size_t first, size_t count,
		      uint64_t id, struct buf *out);
/* The venue's JSON ping; false where it has none. */
bool plan_ping(const struct plan_connection *connection, struct buf *out);
