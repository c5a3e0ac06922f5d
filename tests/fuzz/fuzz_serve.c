/* Any bytes as JSON, as a body of signals, as a query string, and as a tokens file. */
#include <stdlib.h>

#include "base/check.h"
#include "serve/access.h"
#include "serve/json_in.h"
#include "serve/query.h"
#include "serve/signals_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* True: it is JSON. Depth stays within its bound, texts within the input. */
static bool read_json(struct str text)
{
	struct json_in json;
	struct json_in_token token;
	struct buf out;
	buf_init(&out, text.len + 1);
	json_in_init(&json, text);
	while (json_in_next(&json, &token) > JSON_IN_END) {
		CHECK(json.depth <= JSON_IN_DEPTH && json.at <= text.len);
		if (token.kind != JSON_IN_STRING && token.kind != JSON_IN_KEY)
			continue;
		CHECK(token.text.ptr >= text.ptr &&
		      token.text.ptr + token.text.len <= text.ptr + text.len);
		buf_clear(&out);
		json_in_unescape(token.text, &out);
		CHECK(!out.overflow && out.len <= token.text.len);
		for (struct str rest = buf_str(&out); rest.len;) {
			size_t n = str_utf8_len(rest);
			CHECK(n);
			rest = str_skip(rest, n);
		}
	}
	CHECK((token.kind == JSON_IN_BAD) == (json.why != NULL));
	buf_deinit(&out);
	return !json.why;
}

static void read_signals(struct str text, bool is_json)
{
	char storage[200];
	struct buf why = buf_over(storage, sizeof storage);
	struct signals_in *signals = signals_in_read(text, &why);
	CHECK(!signals || is_json);
	CHECK(signals ? !why.len : why.len > 0);
	for (size_t i = 0; signals && i < signals_in_count(signals); i++) {
		struct signal_in signal = signals_in_at(signals, i);
		CHECK(signal.count <= SIGNALS_IN_FIELDS_MAX);
	}
	signals_in_destroy(signals);
}

static void read_query(struct str text)
{
	char storage[64];
	struct buf out = buf_over(storage, sizeof storage);
	struct str value;
	enum status status = query_get(text, "q", &out, &value);
	if (!status)
		CHECK(value.ptr >= storage && value.len <= out.len);
	const char *why = query_check(text, "q id");
	CHECK(!why || *why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	struct access *access = NULL;
	struct err err = { 0 };
	read_signals(text, read_json(text));
	read_query(text);
	enum status status = access_parse(text, "tokens", &access, &err);
	CHECK((status == STATUS_OK) == (access != NULL));
	CHECK(status == STATUS_OK || err.text[0]);
	access_destroy(access);
	return 0;
}
