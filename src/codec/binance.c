#include "codec/binance.h"

#include "base/check.h"

static const struct {
	struct str e;
	void (*read)(struct reader *reader, struct json_value data);
} event_readers[] = {
	{ { "trade", 5 }, binance_read_trade },
	{ { "aggTrade", 8 }, binance_read_agg_trade },
	{ { "bookTicker", 10 }, binance_read_book },
	{ { "depthUpdate", 11 }, binance_read_depth },
	{ { "kline", 5 }, binance_read_kline },
	{ { "markPriceUpdate", 15 }, binance_read_mark },
	{ { "forceOrder", 10 }, binance_read_force_order },
	{ { "24hrTicker", 10 }, binance_read_ticker },
};

static void read_named(struct reader *reader, struct json_value data, struct str e)
{
	for (size_t i = 0; i < ARRAY_LEN(event_readers); i++) {
		if (str_eq(event_readers[i].e, e)) {
			event_readers[i].read(reader, data);
			return;
		}
	}
}

static bool has(struct json_value data, const char *key)
{
	struct json_value member;
	return json_get(data, str_of(key), &member);
}

/* An answer to a request of ours: {"result":…,"id":…}, {"error":…} or {"code":…,"msg":…}. */
static bool read_ack(struct reader *reader, struct json_value data)
{
	bool refused = has(data, "error") || (has(data, "code") && has(data, "msg"));
	if (!refused && !(has(data, "result") && has(data, "id")))
		return false;
	struct event *event = reader_event(reader, EVENT_ACK, (struct str){ 0 }, 0);
	if (event)
		event->ack.success = !refused;
	return true;
}

static void read_object(struct reader *reader, struct json_value data)
{
	struct str e;
	if (has(data, "e")) {
		if (READ_TEXT(reader, data, "e", &e))
			read_named(reader, data, e);
	} else if (has(data, "lastUpdateId")) {
		binance_read_depth_snapshot(reader, data);
	} else if (!read_ack(reader, data) && has(data, "u") && has(data, "b") && has(data, "B") &&
		   has(data, "a") && has(data, "A")) {
		binance_read_book(reader, data); /* spot's bookTicker names no event */
	}
}

/* All-market streams (!markPrice@arr, !ticker@arr) send an array of objects. */
static void read_any(struct reader *reader, struct json_value data)
{
	struct json_iter rest;
	struct json_value element;
	if (json_as_array(data, &rest)) {
		while (!reader->reason && json_next(&rest, &element)) {
			if (json_type(element) == JSON_OBJECT)
				read_object(reader, element);
			else
				reader_fail(reader, "wants an array of objects");
		}
	} else if (json_type(data) == JSON_OBJECT) {
		read_object(reader, data);
	} else {
		reader_fail(reader, "wants an object or an array");
	}
}

void binance_read(struct reader *reader, struct json_value root)
{
	struct json_value data;
	if (json_get(root, STR("stream"), &data)) {
		if (!READ_TEXT(reader, root, "stream", &reader->stream))
			return;
		if (!json_get(root, STR("data"), &data)) {
			reader_fail(reader, "data: wants an object or an array");
			return;
		}
		root = data;
	}
	read_any(reader, root);
}
