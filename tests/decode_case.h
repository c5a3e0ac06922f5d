/* decode_case.h - what the decoder tests of both venues share: hand-written frames
 * with their events, and ways to spell a frame differently that must not matter. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/decoder.h"
#include "event_same.h"

enum { CASE_BYTES = 1 << 16, CASES_MAX = 64 };

struct cases {
	enum venue venue;
	enum kind kind;
	char text[CASE_BYTES]; /* of the file */
	struct str frames[CASES_MAX];
	size_t n;
};

static struct event case_events[EVENTS_PER_FRAME], case_again[EVENTS_PER_FRAME];

static inline void read_whole(const char *path, struct buf *out)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		fail_msg("cannot read %s", path);
	out->len = fread(out->ptr, 1, out->cap, file);
	fclose(file);
}

/* tests/data/frames/VENUE_KIND.txt, a frame a line. */
static inline void cases_load(struct cases *cases, enum venue venue, enum kind kind)
{
	char path[512];
	snprintf(path, sizeof path, TEST_DATA_DIR "/frames/%s_%s.txt", venue_text(venue),
		 kind_text(kind));
	memset(cases, 0, sizeof *cases);
	cases->venue = venue;
	cases->kind = kind;
	struct buf text = buf_over(cases->text, sizeof cases->text - DECODE_PADDING);
	read_whole(path, &text);
	struct str rest = buf_str(&text), line;
	while (str_split(&rest, '\n', &line))
		if (line.len)
			cases->frames[cases->n++] = line;
	assert_true(cases->n > 5);
}

static inline struct decoder *case_decoder(const struct cases *cases, enum decode_mode mode)
{
	struct decoder *decoder = decoder_create(cases->venue, cases->kind, mode);
	assert_non_null(decoder);
	return decoder;
}

/* Decodes a copy that ends where the heap block's padding ends. */
static inline size_t decode_copy(struct decoder *decoder, struct str frame, char **copy,
				 struct event *out)
{
	*copy = calloc(1, frame.len + DECODE_PADDING);
	assert_non_null(*copy);
	memcpy(*copy, frame.ptr, frame.len);
	return decoder_decode(decoder, str_make(*copy, frame.len), out);
}

static inline void print_events(const struct cases *cases, const struct event *events, size_t n,
				struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		event_print_json(out, cases->venue, cases->kind, &events[i], 0);
		buf_char(out, '\n');
	}
}

/* The events of all frames, one JSON line each, are the file beside the frames.
 * WEIR_UPDATE_GOLDEN=1 writes it anew. */
static inline void check_golden(const struct cases *cases, enum decode_mode mode)
{
	static char got_text[CASE_BYTES], want_text[CASE_BYTES];
	char path[512];
	snprintf(path, sizeof path, TEST_DATA_DIR "/frames/%s_%s.jsonl", venue_text(cases->venue),
		 kind_text(cases->kind));
	struct buf got = buf_over(got_text, sizeof got_text - 1);
	struct buf want = buf_over(want_text, sizeof want_text - 1);
	struct decoder *decoder = case_decoder(cases, mode);
	for (size_t i = 0; i < cases->n; i++) {
		char *copy;
		size_t n = decode_copy(decoder, cases->frames[i], &copy, case_events);
		print_events(cases, case_events, n, &got);
		free(copy);
	}
	decoder_destroy(decoder);
	if (getenv("WEIR_UPDATE_GOLDEN")) {
		FILE *file = fopen(path, "wb");
		assert_non_null(file);
		fwrite(got.ptr, 1, got.len, file);
		fclose(file);
	}
	read_whole(path, &want);
	got_text[got.len] = want_text[want.len] = 0;
	assert_string_equal(got_text, want_text);
}

/* ---- Other spellings of the same JSON ---- */

typedef void respell_fn(struct str frame, struct buf *out);

/* Blanks wherever JSON allows them. */
static inline void respell_blanks(struct str frame, struct buf *out)
{
	bool quoted = false;
	for (size_t i = 0; i < frame.len; i++) {
		char c = frame.ptr[i];
		if (c == '"' && (i == 0 || frame.ptr[i - 1] != '\\'))
			quoted = !quoted;
		bool mark = !quoted && strchr("{}[],:", c);
		if (mark)
			buf_put(out, " \t", 2);
		buf_char(out, c);
		if (mark)
			buf_put(out, "\r\n", 2);
	}
}

/* A key nobody knows at the front of every object. */
static inline void respell_keys(struct str frame, struct buf *out)
{
	for (size_t i = 0; i < frame.len; i++) {
		buf_char(out, frame.ptr[i]);
		if (frame.ptr[i] == '{')
			buf_printf(out, "\"zz\":[1.5,{\"deep\":null},true,\"x\"],");
	}
}

/* Every letter and digit of a string as \u00XX. */
static inline void respell_escapes(struct str frame, struct buf *out)
{
	bool quoted = false;
	for (size_t i = 0; i < frame.len; i++) {
		char c = frame.ptr[i];
		if (c == '"')
			quoted = !quoted;
		if (quoted && c != '"')
			buf_printf(out, "\\u%04x", (unsigned)c);
		else
			buf_char(out, c);
	}
}

/* From the value at the front of `text`: its length. Frames of ours have no
 * escapes. */
static inline size_t value_len(struct str text)
{
	size_t depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			depth++;
		else if (!quoted && depth == 0 && (c == ',' || c == '}' || c == ']'))
			return i;
		else if (!quoted && (c == '}' || c == ']'))
			depth--;
	}
	return text.len;
}

/* Members of every object in the opposite order; elements of arrays stay. */
static inline void respell_reversed(struct str value, struct buf *out)
{
	struct str parts[64];
	size_t n = 0;
	char open = value.len ? value.ptr[0] : 0;
	if (open != '{' && open != '[') {
		buf_str_put(out, value);
		return;
	}
	struct str rest = str_make(value.ptr + 1, value.len - 2);
	while (rest.len) {
		assert_true(n < 64);
		size_t len = value_len(rest);
		parts[n++] = str_make(rest.ptr, len);
		rest = str_skip(rest, len + 1);
	}
	buf_char(out, open);
	for (size_t i = 0; i < n; i++) {
		struct str part = open == '{' ? parts[n - 1 - i] : parts[i];
		if (i)
			buf_char(out, ',');
		if (open == '{') {
			size_t colon = str_find_char(part, ':');
			buf_put(out, part.ptr, colon + 1);
			part = str_skip(part, colon + 1);
		}
		respell_reversed(part, out);
	}
	buf_char(out, open == '{' ? '}' : ']');
}

/* Every frame, spelled so, gives the events it gives as it is, by simdjson. */
static inline void check_respelled(const struct cases *cases, respell_fn *respell)
{
	static char text[CASE_BYTES];
	struct decoder *plain = case_decoder(cases, DECODE_AUTO);
	struct decoder *other = case_decoder(cases, DECODE_AUTO);
	struct decoder *scanner = case_decoder(cases, DECODE_SCANNER);
	for (size_t i = 0; i < cases->n; i++) {
		struct buf spelled = buf_over(text, sizeof text);
		char *copy, *copy_again;
		respell(cases->frames[i], &spelled);
		assert_false(spelled.overflow);
		size_t n = decode_copy(plain, cases->frames[i], &copy, case_events);
		assert_int_equal(decode_copy(scanner, buf_str(&spelled), &copy_again, case_again),
				 0);
		free(copy_again);
		assert_int_equal(decode_copy(other, buf_str(&spelled), &copy_again, case_again), n);
		for (size_t e = 0; e < n; e++)
			assert_true(event_same(&case_events[e], &case_again[e]));
		free(copy);
		free(copy_again);
	}
	decoder_destroy(plain);
	decoder_destroy(other);
	decoder_destroy(scanner);
}

/* A frame cut at any byte is malformed, whether the bytes cut off still lie behind
 * it or not. */
static inline void check_cuts(const struct cases *cases)
{
	struct decoder *decoder = case_decoder(cases, DECODE_AUTO);
	for (size_t i = 0; i < cases->n; i++) {
		struct str frame = cases->frames[i];
		/* So that the scanner knows the stream. */
		decoder_decode(decoder, frame, case_events);
		for (size_t len = 0; len < frame.len; len++) {
			char *copy;
			size_t n =
			    decode_copy(decoder, str_make(frame.ptr, len), &copy, case_events);
			free(copy);
			assert_int_equal(n, 1);
			assert_int_equal(case_events[0].type, EVENT_MALFORMED);
			n = decoder_decode(decoder, str_make(frame.ptr, len), case_events);
			assert_int_equal(n, 1);
			assert_int_equal(case_events[0].type, EVENT_MALFORMED);
		}
	}
	decoder_destroy(decoder);
}

static inline void check_trailing(const struct cases *cases)
{
	static const char *const tails[] = { "x", "}", "]", ",", "{}", " 1", "\"", "\\u0000" };
	struct decoder *decoder = case_decoder(cases, DECODE_AUTO);
	for (size_t i = 0; i < cases->n; i++) {
		for (size_t t = 0; t < sizeof tails / sizeof tails[0]; t++) {
			char text[4096];
			char *copy;
			struct buf longer = buf_over(text, sizeof text);
			buf_str_put(&longer, cases->frames[i]);
			buf_str_put(&longer, str_of(tails[t]));
			assert_false(longer.overflow);
			size_t n = decode_copy(decoder, buf_str(&longer), &copy, case_events);
			free(copy);
			assert_int_equal(n, 1);
			assert_int_equal(case_events[0].type, EVENT_MALFORMED);
		}
	}
	decoder_destroy(decoder);
}

/* One frame to one malformed event whose reason has `part` in it. */
static inline void check_malformed(const struct cases *cases, const char *frame, const char *part)
{
	struct decoder *decoder = case_decoder(cases, DECODE_AUTO);
	char *copy;
	size_t n = decode_copy(decoder, str_of(frame), &copy, case_events);
	free(copy);
	assert_int_equal(n, 1);
	if (case_events[0].type != EVENT_MALFORMED)
		fail_msg("taken as %s: %s", event_type_text(case_events[0].type), frame);
	if (!strstr(case_events[0].malformed.reason, part))
		fail_msg("'%s' without '%s': %s", case_events[0].malformed.reason, part, frame);
	decoder_destroy(decoder);
}

/* The one event of a frame; slices point into *copy. */
static inline struct event decode_one(const struct cases *cases, const char *frame,
				      enum event_type type)
{
	struct decoder *decoder = case_decoder(cases, DECODE_AUTO);
	char *copy;
	size_t n = decode_copy(decoder, str_of(frame), &copy, case_events);
	struct event event = case_events[0];
	free(copy);
	decoder_destroy(decoder);
	event.symbol = (struct str){ 0 }; /* it pointed into what is gone */
	assert_int_equal(n, 1);
	if (event.type == EVENT_MALFORMED)
		fail_msg("%s: %s", event.malformed.reason, frame);
	assert_int_equal(event.type, type);
	return event;
}
