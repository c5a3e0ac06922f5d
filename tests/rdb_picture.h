/* rdb_picture.h - what a dump holds, as text that can be compared: one line of bytes a key, by
 * the reader's events and by a real server's answers. A list keeps its order, the elements of
 * sets, zsets and hashes are sorted. Include after cmocka.h. */
#pragma once

#include "codec/rdb.h"
#include "rdb_stage.h"

enum { PICTURE_KEYS_MAX = 20000, PICTURE_ELEMENTS_MAX = 200000, PICTURE_BYTES_MAX = 256 << 20 };

struct picture_key {
	char *text; /* head and elements */
	size_t len;
};

struct picture {
	struct picture_key keys[PICTURE_KEYS_MAX];
	size_t n_keys;
	/* of the key that is being told */
	struct buf head, elements[PICTURE_ELEMENTS_MAX];
	size_t n_elements;
	bool ordered;
	/* of the reader's events */
	struct buf string;
	enum rdb_kind kind;
	uint64_t fields;
	/* what can be compared with an old server alone is left out */
	bool plain;
	size_t unread;
};

static inline void picture_part(struct buf *buf, struct str part)
{
	buf_printf(buf, "%zu:", part.len);
	buf_str_put(buf, part);
	buf_char(buf, ' ');
}

static inline void picture_score(struct buf *buf, double score)
{
	buf_printf(buf, "%.17g ", score);
}

static inline struct buf *picture_element(struct picture *picture)
{
	assert_true(picture->n_elements < PICTURE_ELEMENTS_MAX);
	struct buf *buf = &picture->elements[picture->n_elements++];
	buf_init(buf, PICTURE_BYTES_MAX);
	return buf;
}

static inline void picture_begin(struct picture *picture, int64_t db, struct str name,
				 const char *type, int64_t expires_ms)
{
	picture->n_elements = 0;
	picture->ordered = strcmp(type, "list") == 0 || strcmp(type, "stream") == 0;
	buf_init(&picture->head, PICTURE_BYTES_MAX);
	buf_printf(&picture->head, "db %lld ", (long long)db);
	picture_part(&picture->head, name);
	buf_printf(&picture->head, "%s expires %lld = ", type, (long long)expires_ms);
}

static inline int picture_compare_bufs(const void *a, const void *b)
{
	const struct buf *x = a, *y = b;
	return str_cmp(str_make(x->ptr, x->len), str_make(y->ptr, y->len));
}

static inline void picture_end(struct picture *picture)
{
	assert_true(picture->n_keys < PICTURE_KEYS_MAX);
	if (!picture->ordered)
		qsort(picture->elements, picture->n_elements, sizeof *picture->elements,
		      picture_compare_bufs);
	for (size_t i = 0; i < picture->n_elements; i++) {
		struct buf *element = &picture->elements[i];
		assert_false(element->overflow);
		buf_put(&picture->head, element->ptr, element->len);
		buf_put(&picture->head, "| ", 2);
		buf_deinit(element);
	}
	assert_false(picture->head.overflow);
	picture->keys[picture->n_keys++] =
	    (struct picture_key){ picture->head.ptr, picture->head.len };
	picture->head = (struct buf){ 0 };
	picture->n_elements = 0;
}

static inline int picture_compare_keys(const void *a, const void *b)
{
	const struct picture_key *x = a, *y = b;
	return str_cmp(str_make(x->text, x->len), str_make(y->text, y->len));
}

static inline struct picture *picture_new(void)
{
	struct picture *picture = calloc(1, sizeof *picture);
	assert_non_null(picture);
	return picture;
}

static inline void picture_free(struct picture *picture)
{
	for (size_t i = 0; i < picture->n_keys; i++)
		free(picture->keys[i].text);
	for (size_t i = 0; i < picture->n_elements; i++)
		buf_deinit(&picture->elements[i]); /* of a key that was cut */
	buf_deinit(&picture->head);
	buf_deinit(&picture->string);
	free(picture);
}

static inline void picture_sort(struct picture *picture)
{
	qsort(picture->keys, picture->n_keys, sizeof *picture->keys, picture_compare_keys);
}

/* The index of the first difference of two sorted ones is told with both texts. */
static inline void picture_assert_same(const char *what, struct picture *a, struct picture *b)
{
	picture_sort(a);
	picture_sort(b);
	for (size_t i = 0; i < a->n_keys && i < b->n_keys; i++) {
		if (picture_compare_keys(&a->keys[i], &b->keys[i]) == 0)
			continue;
		size_t at = 0;
		while (at < a->keys[i].len && at < b->keys[i].len &&
		       a->keys[i].text[at] == b->keys[i].text[at])
			at++;
		size_t from = at > 60 ? at - 60 : 0;
		fail_msg("%s: key %zu differs at %zu:\n  %.80s …%.*s\n  %.80s …%.*s", what, i, at,
			 a->keys[i].text,
			 (int)(a->keys[i].len - from < 150 ? a->keys[i].len - from : 150),
			 a->keys[i].text + from, b->keys[i].text,
			 (int)(b->keys[i].len - from < 150 ? b->keys[i].len - from : 150),
			 b->keys[i].text + from);
	}
	if (a->n_keys != b->n_keys)
		fail_msg("%s: %zu keys against %zu", what, a->n_keys, b->n_keys);
}

/* ---- by the reader's events ---- */

static inline const char *picture_type(enum rdb_kind kind)
{
	static const char *const names[] = { "string", "list",   "set",   "zset",
					     "hash",   "stream", "module" };
	return names[kind];
}

static inline enum status picture_on_key(void *ctx, const struct rdb_key *key)
{
	struct picture *picture = ctx;
	picture_begin(picture, key->db, key->name.head, picture_type(key->kind), key->expires_ms);
	buf_deinit(&picture->string);
	buf_init(&picture->string, PICTURE_BYTES_MAX);
	picture->kind = key->kind;
	picture->ordered = key->kind == RDB_LIST || key->kind == RDB_STREAM;
	return STATUS_OK;
}

static inline enum status picture_on_string(void *ctx, struct str piece, uint64_t whole)
{
	struct picture *picture = ctx;
	buf_str_put(&picture->string, piece);
	if (picture->string.len == whole)
		picture_part(picture_element(picture), str_make(picture->string.ptr, whole));
	return STATUS_OK;
}

static inline enum status picture_on_element(void *ctx, const struct rdb_element *element)
{
	struct picture *picture = ctx;
	struct buf *buf = picture_element(picture);
	assert_int_equal(element->value.len, element->value.head.len);
	if (picture->kind == RDB_HASH) {
		picture_part(buf, element->field.head);
		if (element->expires_ms >= 0)
			buf_printf(buf, "until %lld ", (long long)element->expires_ms);
	}
	picture_part(buf, element->value.head);
	if (picture->kind == RDB_ZSET)
		picture_score(buf, element->score);
	return STATUS_OK;
}

static inline enum status picture_on_entry(void *ctx, struct rdb_stream_id id, uint64_t fields)
{
	struct picture *picture = ctx;
	buf_printf(picture_element(picture), "%llu-%llu ", (unsigned long long)id.ms,
		   (unsigned long long)id.seq);
	picture->fields = fields;
	return STATUS_OK;
}

static inline enum status picture_on_field(void *ctx, struct str name, struct str value)
{
	struct picture *picture = ctx;
	struct buf *buf = &picture->elements[picture->n_elements - 1];
	assert_true(picture->fields-- > 0);
	picture_part(buf, name);
	picture_part(buf, value);
	return STATUS_OK;
}

static inline void picture_id(struct buf *buf, struct rdb_stream_id id)
{
	buf_printf(buf, "%llu-%llu ", (unsigned long long)id.ms, (unsigned long long)id.seq);
}

static inline enum status picture_on_stream(void *ctx, const struct rdb_stream *stream)
{
	struct picture *picture = ctx;
	struct buf *buf = picture_element(picture);
	buf_printf(buf, "length %llu last ", (unsigned long long)stream->length);
	picture_id(buf, stream->last);
	if (picture->plain)
		return STATUS_OK;
	buf_printf(buf, "first ");
	picture_id(buf, stream->first);
	buf_printf(buf, "deleted ");
	picture_id(buf, stream->max_deleted);
	buf_printf(buf, "added %lld ", (long long)stream->added);
	return STATUS_OK;
}

static inline enum status picture_on_group(void *ctx, const struct rdb_group *group)
{
	struct picture *picture = ctx;
	struct buf *buf = picture_element(picture);
	buf_printf(buf, "group ");
	picture_part(buf, group->name.head);
	picture_id(buf, group->last);
	if (!picture->plain)
		buf_printf(buf, "read %lld ", (long long)group->read);
	return STATUS_OK;
}

static inline enum status picture_on_consumer(void *ctx, const struct rdb_consumer *consumer)
{
	struct picture *picture = ctx;
	struct buf *buf = picture_element(picture);
	buf_printf(buf, "consumer ");
	picture_part(buf, consumer->name.head);
	buf_printf(buf, "seen %lld ", (long long)consumer->seen_ms);
	return STATUS_OK;
}

static inline enum status picture_on_pending(void *ctx, const struct rdb_pending *pending)
{
	struct buf *buf = picture_element(ctx);
	buf_printf(buf, "pending ");
	picture_id(buf, pending->id);
	if (!pending->of_consumer)
		buf_printf(buf, "at %lld times %llu ", (long long)pending->delivered_ms,
			   (unsigned long long)pending->count);
	return STATUS_OK;
}

static inline enum status picture_on_key_end(void *ctx, uint64_t elements, bool unread)
{
	struct picture *picture = ctx;
	(void)elements;
	picture->unread += unread;
	picture_end(picture);
	return STATUS_OK;
}

static const struct rdb_events picture_events = {
	.key = picture_on_key,
	.string = picture_on_string,
	.element = picture_on_element,
	.stream_entry = picture_on_entry,
	.stream_field = picture_on_field,
	.stream = picture_on_stream,
	.group = picture_on_group,
	.consumer = picture_on_consumer,
	.pending = picture_on_pending,
	.key_end = picture_on_key_end,
};

/* ---- input from memory, in bites ---- */

struct rdb_bytes {
	const char *at;
	size_t left, bite; /* bite: at most so many at once; 0: all */
};

static inline enum status rdb_bytes_fill(void *ctx, char *at, size_t size, size_t *got)
{
	struct rdb_bytes *bytes = ctx;
	size_t n = bytes->bite && bytes->bite < size ? bytes->bite : size;
	if (n > bytes->left)
		n = bytes->left;
	if (n)
		memcpy(at, bytes->at, n);
	bytes->at += n;
	bytes->left -= n;
	*got = n;
	return STATUS_OK;
}

static inline enum status picture_read(struct picture *picture, const char *at, size_t size,
				       size_t bite, struct rdb_end *end)
{
	struct rdb_bytes bytes = { at, size, bite };
	struct rdb *rdb;
	assert_int_equal(rdb_create(rdb_bytes_fill, &bytes, &rdb), STATUS_OK);
	enum status status = rdb_read(rdb, &picture_events, picture, end);
	rdb_destroy(rdb);
	return status;
}
