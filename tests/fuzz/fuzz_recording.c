#include <stdlib.h>

#include "base/check.h"
#include "codec/decoder.h"
#include "codec/recording.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A line gives a frame that can be decoded where it lies, or a reason. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct recording *recording;
	static struct decoder *decoder;
	static struct event events[EVENTS_PER_FRAME];
	if (!recording) {
		recording = recording_create();
		decoder = decoder_create(VENUE_BINANCE, KIND_SPOT, DECODE_AUTO);
		CHECK(recording && decoder);
	}
	char *line = calloc(1, size + DECODE_PADDING); /* so that asan sees an overrun */
	CHECK(line);
	memcpy(line, data, size);
	struct recording_line out;
	const char *why = NULL;
	enum status status = recording_parse(recording, str_make(line, size), &out, &why);
	CHECK(status == STATUS_OK || status == STATUS_NOT_FOUND || why);
	if (status == STATUS_OK) {
		CHECK(out.receive_ns >= 0 && out.frame.len <= size);
		decoder_decode(decoder, out.frame, events);
	}
	free(line);
	return 0;
}
