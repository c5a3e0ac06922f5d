#include <stdlib.h>

#include "base/check.h"
#include "trade/signal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAIRS_MAX = 64, TTL = 29850 };

static bool is_a_field(const char *name)
{
	for (enum signal_field field = 0; field < SIGNAL_FIELDS; field++)
		if (str_eq(str_of(name), str_of(signal_field_name(field))))
			return true;
	return false;
}

/* What is passed on says to the terminal what the producer said. */
static void check_same(const struct mfp_frame *frame, enum mfp_field wire,
		       const struct signal *signal, enum signal_field field)
{
	char storage[MFP_LINE_MAX];
	struct buf text = buf_over(storage, sizeof storage);
	struct str said = signal_text(signal, field);
	CHECK(mfp_has(frame, wire) == (said.len > 0));
	CHECK(mfp_unescape(mfp_raw(frame, wire), &text) == STATUS_OK);
	CHECK(str_eq(buf_str(&text), said));
}

static void check_line(const struct signal *signal)
{
	static char storage[MFP_LINE_MAX];
	static struct mfp_frame frame;
	struct mfp_fault fault;
	struct buf line = buf_over(storage, sizeof storage);
	signal_write(&line, signal, STR(""), 88124, 5629499534213121, TTL);
	CHECK(!line.overflow && line.ptr[line.len - 1] == '\n');
	CHECK(mfp_read(str_make(line.ptr, line.len - 1), MFP_WEIR, &frame, &fault) == STATUS_OK);
	CHECK(frame.verb == MFP_VERB_signal && frame.seq == 88124);
	CHECK(mfp_i64(&frame, MFP_signal_sid, 0) == 5629499534213121);
	CHECK(mfp_i64(&frame, MFP_signal_ttl, -1) == TTL);
#define SIGNAL_WIRE(key, type, meaning) check_same(&frame, MFP_signal_##key, signal, SIGNAL_##key);
#include "def/signals.def"
#undef SIGNAL_WIRE
}

/* Lines `key=value` are an entry of trade_signals: it is refused by the name of a field, or
 * becomes a G line that says the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str keys[PAIRS_MAX], values[PAIRS_MAX];
	struct str rest = str_make((const char *)data, size), line;
	struct signal signal;
	size_t count = 0;
	while (rest.ptr && count < PAIRS_MAX && str_split(&rest, '\n', &line)) {
		size_t at = str_find_char(line, '=');
		keys[count] = str_make(line.ptr, at);
		values[count++] = str_skip(line, at + 1);
	}
	const char *fault = signal_read(&signal, keys, values, count);
	if (fault)
		CHECK(is_a_field(fault));
	else
		check_line(&signal);
	return 0;
}
