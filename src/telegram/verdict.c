#include "telegram/verdict.h"

#include <jansson.h>
#include <stdio.h>

#include "base/check.h"

enum { CODE_OK = 200 };

static const struct words {
	int code;
	const char *words;
	enum verdict verdict;
} known[] = {
#define VERDICT_WORDS(code, words, verdict) { code, words, VERDICT_##verdict },
#include "telegram/verdict.def"
#undef VERDICT_WORDS
};

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 32) : c; }

static bool holds(const char *text, const char *words)
{
	for (; *text; text++) {
		size_t i = 0;
		while (words[i] && lower(text[i]) == words[i])
			i++;
		if (!words[i])
			return true;
	}
	return false;
}

static enum verdict verdict_of(int code, const char *why)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i].code == code && holds(why, known[i].words))
			return known[i].verdict;
	switch (code) {
	case 401:
	case 404: return VERDICT_TOKEN;
	case 403: return VERDICT_BLOCKED;
	case 409: return VERDICT_CONFLICT;
	case 429: return VERDICT_LIMITED;
	default: return code >= 400 && code < 500 ? VERDICT_INVALID : VERDICT_AGAIN;
	}
}

/* One line, whole characters, cut. */
static void keep_why(struct verdict_told *out, struct str text)
{
	struct buf why = buf_over(out->why, sizeof out->why - 1);
	while (text.len) {
		size_t n = str_utf8_len(text);
		bool plain = n > 0 && (unsigned char)text.ptr[0] >= ' ' && text.ptr[0] != 0x7f;
		if (why.len + (n ? n : 1) > why.cap)
			break;
		buf_str_put(&why, plain ? str_make(text.ptr, n) : STR(" "));
		text = str_skip(text, n ? n : 1);
	}
	out->why[why.len] = 0;
}

static json_t *read_json(struct str body)
{
	return body.len ? json_loadb(body.ptr, body.len, JSON_ALLOW_NUL, NULL) : NULL;
}

static struct str text_of(const json_t *json)
{
	return json_is_string(json) ? str_make(json_string_value(json), json_string_length(json))
				    : STR("");
}

static int64_t retry_of(const json_t *json)
{
	const json_t *after = json_object_get(json_object_get(json, "parameters"), "retry_after");
	int64_t s = json_is_integer(after) ? json_integer_value(after) : 0;
	if (s <= 0)
		return VERDICT_RETRY_S;
	return s < VERDICT_RETRY_S_MAX ? s : VERDICT_RETRY_S_MAX;
}

static void read_error(int code, const json_t *json, struct verdict_told *out)
{
	const json_t *number = json_object_get(json, "error_code");
	if (json_is_integer(number) && code == CODE_OK)
		code = json_integer_value(number) > 0 && json_integer_value(number) < 1000
			   ? (int)json_integer_value(number)
			   : 0;
	struct str description = text_of(json_object_get(json, "description"));
	char line[VERDICT_WHY_BYTES * 2];
	keep_why(out, description);
	out->verdict = verdict_of(code, out->why);
	snprintf(line, sizeof line, "%d%s%s", code, out->why[0] ? ": " : "", out->why);
	keep_why(out, str_of(line));
	out->retry_s = out->verdict == VERDICT_LIMITED ? retry_of(json) : 0;
}

void verdict_read(enum status status, int code, struct str body, struct verdict_told *out)
{
	*out = (struct verdict_told){ .verdict = VERDICT_AGAIN };
	if (status != STATUS_OK) {
		keep_why(out, str_of(status_text(status)));
		return;
	}
	json_t *json = read_json(body);
	const json_t *ok = json_object_get(json, "ok");
	if (code == CODE_OK && json_is_true(ok)) {
		const json_t *id = json_object_get(json_object_get(json, "result"), "message_id");
		out->verdict = VERDICT_DONE;
		out->message_id = json_is_integer(id) ? json_integer_value(id) : 0;
	} else if (code == CODE_OK && !json_is_false(ok)) {
		keep_why(out, STR("200 without an answer of the Bot API"));
	} else {
		read_error(code, json, out);
	}
	json_decref(json);
}

void verdict_name(struct str body, char *name, size_t size)
{
	json_t *json = read_json(body);
	struct str found = text_of(json_object_get(json_object_get(json, "result"), "username"));
	if (memchr(found.ptr, 0, found.len) || str_copy(found, name, size))
		name[0] = 0;
	json_decref(json);
}
