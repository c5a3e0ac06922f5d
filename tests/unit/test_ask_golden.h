/* test_ask_golden.h - answers against tests/data/golden/ask/. UPDATE_GOLDEN=1 rewrites
 * these files: look at the difference before it is kept. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "test_ask_world.h"

static char storage[ASK_OUT_LIMIT];

static inline enum ask_outcome ask(const struct ask_world *of, const char *text,
				   enum ask_format format, int64_t now_ms, struct buf *out)
{
	struct ask_request request = { .text = str_of(text), .format = format, .now_ms = now_ms };
	enum ask_outcome outcome;
	assert_int_equal(ask_answer(of, &request, out, &outcome), STATUS_OK);
	return outcome;
}

/* The text of an answer, with a zero behind it, in `storage`. */
static inline const char *ask_text(const struct ask_world *of, const char *text, int64_t now_ms)
{
	struct buf out = buf_over(storage, sizeof storage);
	ask(of, text, ASK_TEXT, now_ms, &out);
	buf_char(&out, 0);
	return storage;
}

static inline void rewrite(const char *path, struct str text)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(text.ptr, 1, text.len, file), text.len);
	assert_int_equal(fclose(file), 0);
}

static inline void same_as_golden(const char *name, struct str text)
{
	char path[512];
	static char expected[ASK_OUT_LIMIT];
	snprintf(path, sizeof path, "%s/golden/ask/%s", TEST_DATA_DIR, name);
	if (getenv("UPDATE_GOLDEN"))
		rewrite(path, text);
	FILE *file = fopen(path, "rb");
	if (!file)
		fail_msg("%s is missing; UPDATE_GOLDEN=1 writes it", path);
	size_t len = fread(expected, 1, sizeof expected, file);
	fclose(file);
	if (len == text.len && memcmp(expected, text.ptr, len) == 0)
		return;
	fail_msg("%s differs from this answer:\n%.*s", path, STR_ARG(text));
}

static inline void golden(const struct ask_world *of, const char *name, const char *text,
			  enum ask_format format, int64_t now_ms)
{
	struct buf out = buf_over(storage, sizeof storage);
	assert_int_equal(ask(of, text, format, now_ms, &out), ASK_ANSWERED);
	if (format == ASK_JSON)
		buf_char(&out, '\n');
	same_as_golden(name, buf_str(&out));
}

/* NAME.txt, NAME.html and NAME.json. */
static inline void goldens(const struct ask_world *of, const char *name, const char *text,
			   int64_t now_ms)
{
	static const char *const endings[] = {
		[ASK_TEXT] = "txt", [ASK_JSON] = "json", [ASK_HTML] = "html"
	};
	for (enum ask_format format = ASK_TEXT; format <= ASK_HTML; format++) {
		char file[64];
		snprintf(file, sizeof file, "%s.%s", name, endings[format]);
		golden(of, file, text, format, now_ms);
	}
}
