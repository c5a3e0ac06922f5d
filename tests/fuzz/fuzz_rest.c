/* REST answers of any bytes: survived, and what is given is sane. The first byte
 * chooses the call (its low three bits), the venue, and the klines' interval. */
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "codec/rest_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_levels(struct str levels, uint32_t n)
{
	struct decimal price, qty;
	for (; depth_level_next(&levels, &price, &qty); n--)
		CHECK(n > 0 && price.mantissa >= 0 && qty.mantissa >= 0);
	CHECK(n == 0);
}

static void check_event(void *ctx, const struct event *event)
{
	size_t *n = ctx;
	++*n;
	switch ((enum event_type)event->type) {
	case EVENT_TRADE:
		CHECK(event->trade.price.mantissa > 0 && event->trade.qty.mantissa > 0);
		CHECK(event->trade.id.len > 0 && event->trade.side <= SIDE_SELL);
		break;
	case EVENT_KLINE:
		CHECK(event->kline.open_ms >= 0 && event->kline.close_ms > event->kline.open_ms);
		CHECK(event->kline.volume.mantissa >= 0 && event->kline.low.mantissa >= 0);
		break;
	case EVENT_OI: CHECK(event->oi.qty.mantissa >= 0 && event->t_ms >= 0); break;
	case EVENT_DEPTH:
		check_levels(event->depth.bids, event->depth.n_bids);
		check_levels(event->depth.asks, event->depth.n_asks);
		break;
	default: CHECK(false);
	}
}

static void check_instrument(void *ctx, const struct rest_instrument *instrument)
{
	size_t *n = ctx;
	++*n;
	CHECK(instrument->symbol.len > 0 && instrument->tick.mantissa >= 0 &&
	      instrument->lot.mantissa >= 0 && instrument->funding_interval_min >= 0);
}

static enum status read_body(struct rest_reader *reader, uint8_t choice, struct str body)
{
	enum venue venue = choice & 8 ? VENUE_BYBIT : VENUE_BINANCE;
	struct rest_klines ask = { venue, choice & 16 ? 240 : 1, 1700000000000 };
	size_t n = 0;
	enum status status;
	switch (choice & 7) {
	case 0: status = rest_read_trades(reader, venue, body, check_event, &n); break;
	case 1: status = rest_read_klines(reader, &ask, body, check_event, &n); break;
	case 2: status = rest_read_oi(reader, venue, body, check_event, &n); break;
	case 3: status = rest_read_depth(reader, body, check_event, &n); break;
	case 4: status = rest_read_instruments(reader, venue, body, check_instrument, &n); break;
	default: status = rest_read_funding_info(reader, body, check_instrument, &n); break;
	}
	CHECK(n <= body.len);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rest_reader *reader;
	if (!reader)
		reader = rest_reader_create();
	if (size < 1 || !reader)
		return 0;
	char *exact = calloc(1, size - 1 + 64); /* so that asan sees an overrun */
	if (!exact)
		abort();
	memcpy(exact, data + 1, size - 1);
	enum status status = read_body(reader, data[0], str_make(exact, size - 1));
	CHECK(!status == !rest_reader_why(reader)[0]);
	free(exact);
	return 0;
}
