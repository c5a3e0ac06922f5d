/* Stored state into a market, then trades and questions: any bytes are survived.
 * The first byte chooses the venue; the checksum is made right, or nothing but the
 * checksum would ever be tried. */
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "market/analysis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void go_on(struct market *market)
{
	struct trade out;
	struct window window;
	struct large_trade large[MARKET_WHALES];
	char bytes[MARKET_STATE_BYTES];
	struct buf buf = buf_over(bytes, sizeof bytes);
	int64_t t_ms = market_newest_ms(market);
	for (int64_t i = 0; i < 3; i++) {
		struct event_trade event = { .id = STR("fuzz"),
					     .ordered_id = 100 + i,
					     .price = { 12345, 2 },
					     .qty = { 5, 1 } };
		market_take_trade(market, &event, t_ms + i * 61000, &out);
		market_repair_trade(market, &event, t_ms - i * 61000, &out);
	}
	market_window(market, MARKET_MINUTES, &window);
	market_divergence(market, 5);
	market_atr(market, 15);
	market_largest(market, large, MARKET_WHALES);
	market_state_pack(market, &buf);
	CHECK(!buf.overflow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct market_config config = { .whale_quote = 500000 };
	struct market_id id;
	if (size < 5 || size > MARKET_STATE_BYTES + 64)
		return 0;
	char *bytes = malloc(size - 1);
	if (!bytes)
		abort();
	memcpy(bytes, data + 1, size - 1);
	size_t len = size - 1;
	uint32_t crc = crc32c(0, bytes, len - 4);
	for (int i = 0; i < 4; i++)
		bytes[len - 4 + (size_t)i] = (char)(crc >> (8 * i));
	if (market_id_make(data[0] & 1 ? VENUE_BYBIT : VENUE_BINANCE, KIND_PERP, STR("ETHUSDT"),
			   &id))
		abort();
	struct market *market = market_create(&id, &config);
	if (!market)
		abort();
	if (market_state_restore(market, str_make(bytes, len)) == STATUS_OK)
		go_on(market);
	market_destroy(market);
	free(bytes);
	return 0;
}
