#include "codec/bybit.h"

#include "base/check.h"

static const struct {
	struct str name;
	void (*read)(struct reader *reader, struct json_value root, struct str rest);
} topics[] = {
	{ { "publicTrade", 11 }, bybit_read_trades },
	{ { "tickers", 7 }, bybit_read_tickers },
	{ { "allLiquidation", 14 }, bybit_read_liquidations },
	{ { "kline", 5 }, bybit_read_klines },
	{ { "orderbook", 9 }, bybit_read_orderbook },
};

bool bybit_is_snapshot(struct reader *reader, struct json_value root)
{
	struct str type;
	if (!READ_TEXT(reader, root, "type", &type))
		return false;
	bool snapshot = str_eq(type, STR("snapshot"));
	if (!snapshot && !str_eq(type, STR("delta")))
		reader_fail(reader, "type: wants snapshot or delta");
	return snapshot;
}

uint8_t bybit_side(struct reader *reader, struct json_value from)
{
	struct str side;
	if (!READ_TEXT(reader, from, "S", &side))
		return SIDE_BUY;
	bool sell = str_eq(side, STR("Sell"));
	if (!sell && !str_eq(side, STR("Buy")))
		reader_fail(reader, "S: wants Buy or Sell");
	return sell ? SIDE_SELL : SIDE_BUY;
}

static void read_topic(struct reader *reader, struct json_value root, struct str topic)
{
	struct str rest = topic, name;
	str_split(&rest, '.', &name);
	for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
		if (str_eq(topics[i].name, name)) {
			topics[i].read(reader, root, rest);
			return;
		}
	}
}

/* Answers to subscribe and ping differ by endpoint: {"success":…,"op":…}, or
 * {"op":"pong",…} without a verdict, or retCode. */
static void read_answer(struct reader *reader, struct json_value root)
{
	struct json_value member;
	bool known = false, success = true;
	int64_t code = 0;
	if (json_get(root, STR("op"), &member))
		known = true;
	if (json_get(root, STR("success"), &member)) {
		known = true;
		READ_BOOL(reader, root, "success", &success);
	} else if (json_get(root, STR("retCode"), &member)) {
		known = true;
		success = json_as_integer(member, &code) && code == 0;
	}
	if (!known)
		return;
	struct event *event = reader_event(reader, EVENT_ACK, (struct str){ 0 }, 0);
	if (event)
		event->ack.success = success;
}

void bybit_read(struct reader *reader, struct json_value root)
{
	struct json_value member;
	struct str topic;
	if (json_type(root) != JSON_OBJECT)
		reader_fail(reader, "wants an object");
	else if (!json_get(root, STR("topic"), &member))
		read_answer(reader, root);
	else if (READ_TEXT(reader, root, "topic", &topic))
		read_topic(reader, root, topic);
}
