/* Any bytes as an answer to getUpdates, as an answer to a send, and as a text to cut. */
#include <stdlib.h>

#include "base/check.h"
#include "telegram/parts.h"
#include "telegram/updates.h"
#include "telegram/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_updates(struct str text)
{
	static struct updates updates;
	CHECK(updates_find_id(text) >= 0);
	if (updates_init(&updates, text))
		return;
	int64_t before = 0;
	CHECK(updates.count + updates.nameless <= UPDATES_MAX);
	for (size_t i = 0; i < updates.count; i++) {
		const struct updates_row *row = &updates.rows[i];
		CHECK(row->id >= before && row->id > 0);
		before = row->id;
		if (row->kind != UPDATES_TOLD)
			continue;
		CHECK(row->update.chat_id && row->update.text.len);
		CHECK(row->update.name.len < UPDATES_NAME_BYTES);
		CHECK(row->update.kind != BOT_UPDATE_BUTTON || row->update.button_id.len);
	}
	updates_deinit(&updates);
}

static void read_verdict(struct str text)
{
	static const int codes[] = { 200, 400, 403, 429, 502 };
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		struct verdict_told told;
		verdict_read(STATUS_OK, codes[i], text, &told);
		CHECK(strlen(told.why) < VERDICT_WHY_BYTES && !strchr(told.why, '\n'));
		CHECK((told.verdict == VERDICT_LIMITED) == (told.retry_s > 0));
	}
	char name[64];
	verdict_name(text, name, sizeof name);
	CHECK(strlen(name) < sizeof name);
}

static void cut(struct str text)
{
	struct buf out, plain;
	struct parts parts;
	if (text.len > 4096 || !parts_are_html(text))
		return;
	buf_init(&out, 1 << 20);
	buf_init(&plain, 1 << 20);
	parts_init(&parts, text);
	size_t units_max = 2 + text.len % 50;
	while (parts_next(&parts, units_max, &out)) {
		size_t units = parts_units(buf_str(&out));
		CHECK(units > 0 && units <= units_max && parts_are_html(buf_str(&out)));
		parts_plain(buf_str(&out), &plain);
		CHECK(!out.overflow && !plain.overflow);
		buf_clear(&out);
	}
	CHECK(!parts_more(&parts));
	buf_deinit(&out);
	buf_deinit(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	read_updates(text);
	read_verdict(text);
	cut(text);
	return 0;
}
