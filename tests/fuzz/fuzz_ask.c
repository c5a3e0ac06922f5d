/* Any question to a small world. First byte: format, and whether the data is stale;
 * the rest is what was typed. */
#include "ask/page.h"
#include "base/check.h"
#include "unit/test_ask_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t count_chars(struct str text)
{
	uint32_t chars = 0;
	for (size_t i = 0; i < text.len; i++)
		chars += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
	return chars;
}

/* What goes to terminals and to Telegram holds no control character, whatever was
 * typed, and no tag but ours. */
static void check_answer(struct str answer, enum ask_format format)
{
	for (size_t i = 0; i < answer.len; i++) {
		unsigned char c = (unsigned char)answer.ptr[i];
		CHECK(c >= 0x20 || (c == '\n' && format != ASK_JSON));
		CHECK(c != 0x7F);
	}
	if (format == ASK_TEXT)
		CHECK(count_chars(answer) <= PAGE_CHARS);
	if (format == ASK_JSON)
		CHECK(answer.ptr[0] == '{' && answer.ptr[answer.len - 1] == '}');
	for (size_t i = 0; format == ASK_HTML && i < answer.len; i++) {
		struct str rest = str_skip(answer, i);
		CHECK(rest.ptr[0] != '<' || str_starts(rest, STR("<b>")) ||
		      str_starts(rest, STR("</b>")) || str_starts(rest, STR("<pre>")) ||
		      str_starts(rest, STR("</pre>")));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ask_world world;
	static char storage[ASK_OUT_LIMIT];
	const int64_t end_ms = WORLD_START_MS + 20 * MINUTE_MS;
	if (!world.markets)
		world = (struct ask_world){ .markets = world_create(false, end_ms),
					    .options = ask_options_default(),
					    .alerts = world_alerts(end_ms) };
	if (size == 0)
		return 0;
	struct ask_request request = {
		.text = str_make((const char *)data + 1, size - 1),
		.format = (enum ask_format)(data[0] % 3),
		.now_ms = data[0] & 0x80 ? end_ms + 60000 : 0,
	};
	struct buf out = buf_over(storage, sizeof storage);
	enum ask_outcome outcome;
	enum status status = ask_answer(&world, &request, &out, &outcome);
	CHECK(status == STATUS_OK && out.len > 0);
	CHECK(outcome == ASK_ANSWERED || outcome == ASK_NO || outcome == ASK_USAGE);
	check_answer(buf_str(&out), request.format);
	return 0;
}
