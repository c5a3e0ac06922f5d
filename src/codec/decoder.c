#include "codec/decoder.h"

#include <stdlib.h>

#include "base/check.h"
#include "codec/binance.h"
#include "codec/bybit.h"

/* Text in scratch is never longer than the frame it was made from. */
enum { SCRATCH_BYTES = FRAME_BYTES_MAX + 64 };

struct decoder {
	enum venue venue;
	enum kind kind;
	enum decode_mode mode;
	struct json *json;
	struct scanner scanner;
	char scratch[SCRATCH_BYTES];
};

struct decoder *decoder_create(enum venue venue, enum kind kind, enum decode_mode mode)
{
	CHECK(venue < VENUE_COUNT && kind < KIND_COUNT);
	struct decoder *decoder = calloc(1, sizeof *decoder);
	if (!decoder)
		return NULL;
	decoder->json = json_create(FRAME_BYTES_MAX);
	if (!decoder->json) {
		decoder_destroy(decoder);
		return NULL;
	}
	decoder->venue = venue;
	decoder->kind = kind;
	decoder->mode = mode;
	scanner_init(&decoder->scanner);
	return decoder;
}

void decoder_destroy(struct decoder *decoder)
{
	if (!decoder)
		return;
	json_destroy(decoder->json);
	free(decoder);
}

static size_t scan(struct decoder *decoder, struct str frame, struct event *out)
{
	return decoder->venue == VENUE_BINANCE
		   ? binance_scan(&decoder->scanner, decoder->kind, frame, out)
		   : bybit_scan(&decoder->scanner, frame, out);
}

static void parse(struct decoder *decoder, struct str frame, struct reader *reader)
{
	struct json_value root;
	if (frame.len > FRAME_BYTES_MAX) {
		reader_fail(reader, "longer than 1 MiB");
		return;
	}
	const char *reason = json_parse(decoder->json, frame, &root);
	if (reason)
		reader_fail(reader, reason);
	else if (decoder->venue == VENUE_BINANCE)
		binance_read(reader, root);
	else
		bybit_read(reader, root);
}

/* An event that has nothing but its type. */
static size_t one_event(struct event *out, enum event_type type, const char *reason)
{
	memset(out, 0, sizeof *out);
	out->type = type;
	if (reason)
		out->malformed.reason = reason;
	return 1;
}

size_t decoder_decode(struct decoder *decoder, struct str frame, struct event *out)
{
	if (decoder->mode != DECODE_SIMDJSON) {
		size_t n = scan(decoder, frame, out);
		if (n || decoder->mode == DECODE_SCANNER)
			return n;
	}
	struct reader reader = { .out = out,
				 .scratch = buf_over(decoder->scratch, SCRATCH_BYTES),
				 .stream = STR("") };
	parse(decoder, frame, &reader);
	if (reader.reason)
		return one_event(out, EVENT_MALFORMED, reader.reason);
	return reader.count ? reader.count : one_event(out, EVENT_UNKNOWN, NULL);
}
