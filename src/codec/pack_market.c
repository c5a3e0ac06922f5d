#include "codec/pack_market.h"

uint8_t *pack_put_market(uint8_t *out, const struct market_id *market)
{
	size_t len = strnlen(market->symbol, SYMBOL_MAX);
	*out++ = market->venue;
	*out++ = market->kind;
	*out++ = (uint8_t)len;
	memcpy(out, market->symbol, len);
	return out + len;
}

enum status pack_read_market(struct pack_reader *reader, struct market_id *out)
{
	uint8_t venue = pack_read_byte(reader);
	uint8_t kind = pack_read_byte(reader);
	struct str symbol = pack_read_bytes(reader, pack_read_byte(reader));
	if (reader->bad || venue >= VENUE_COUNT || kind >= KIND_COUNT)
		return STATUS_FORMAT;
	return market_id_make(venue, kind, symbol, out) == STATUS_OK ? STATUS_OK : STATUS_FORMAT;
}
