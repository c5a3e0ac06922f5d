#include "migrate/forms.h"

#include <stdlib.h>
#include <zstd.h>

#include "base/check.h"

enum { TEXTS_LIMIT = 64 << 20, PACKED_MAX = 8 << 20, PACK_LEVEL = 9 };
static const char packed_magic[] = "WZ1\n";
enum { MAGIC_BYTES = sizeof packed_magic - 1 };

struct form_room {
	struct buf texts[2]; /* one for what is made, one that is told about it */
	struct audit_element members[FORM_MEMBERS_MAX];
	struct audit_element *entries;
	size_t entries_room;
};

static const struct {
	const char *name, *text;
} reasons[] = {
#define FORM_REASON(id, text) { #id, text },
	FORM_REASONS
#undef FORM_REASON
};

const char *form_reason_name(enum form_reason reason) { return reasons[reason].name; }
const char *form_reason_text(enum form_reason reason) { return reasons[reason].text; }

enum status form_room_create(struct form_room **out)
{
	struct form_room *room = calloc(1, sizeof *room);
	if (!room)
		return STATUS_NO_MEMORY;
	buf_init(&room->texts[0], TEXTS_LIMIT);
	buf_init(&room->texts[1], TEXTS_LIMIT);
	*out = room;
	return STATUS_OK;
}

void form_room_destroy(struct form_room *room)
{
	if (!room)
		return;
	buf_deinit(&room->texts[0]);
	buf_deinit(&room->texts[1]);
	free(room->entries);
	free(room);
}

void form_room_clear(struct form_room *room)
{
	buf_clear(&room->texts[0]);
	buf_clear(&room->texts[1]);
}

static struct digest digest_elements(enum audit_type type, const struct audit_element *elements,
				     size_t count)
{
	struct digesting sum;
	digest_begin(&sum, type);
	for (size_t i = 0; i < count; i++)
		digest_element(&sum, elements[i].field, elements[i].value);
	return digest_end(&sum);
}

static struct digest digest_string(struct str value)
{
	struct digesting sum;
	digest_begin(&sum, AUDIT_STRING);
	digest_bytes(&sum, value);
	return digest_end(&sum);
}

static enum form_reason make_same(const struct source_key *source, struct form_made *made)
{
	*made = (struct form_made){ .type = source->type,
				    .value = source->value,
				    .elements = source->elements,
				    .n_elements = source->n_elements,
				    .digest = source->digest };
	return FORM_ok;
}

/* ---- hash ---- */

static int by_field(const void *a, const void *b)
{
	return str_cmp(((const struct audit_element *)a)->field,
		       ((const struct audit_element *)b)->field);
}

/* The proof that nothing is lost: what the fields print is taken apart again and is the same. */
static bool comes_back(struct form_room *room, const struct audit_element *elements, size_t count)
{
	struct buf *proof = &room->texts[1];
	struct audit_element *again = malloc(FORM_MEMBERS_MAX * sizeof *again);
	size_t n = 0;
	if (!again)
		return false;
	buf_clear(proof);
	form_print_json(proof, elements, count);
	struct buf texts;
	buf_init(&texts, TEXTS_LIMIT);
	bool same = !proof->overflow && proof->len <= FORM_BYTES_MAX &&
		    form_flat_json(buf_str(proof), &texts, again, &n) == FORM_ok && n == count;
	for (size_t i = 0; same && i < n; i++)
		same = str_eq(again[i].field, elements[i].field) &&
		       str_eq(again[i].value, elements[i].value);
	buf_deinit(&texts);
	free(again);
	return same;
}

static enum form_reason make_hash(struct form_room *room, const struct source_key *source,
				  struct form_made *made)
{
	size_t count = 0;
	form_room_clear(room);
	enum form_reason why =
	    form_flat_json(source->value, &room->texts[0], room->members, &count);
	if (why)
		return why;
	if (!comes_back(room, room->members, count))
		return FORM_large;
	*made = (struct form_made){ .type = AUDIT_HASH,
				    .elements = room->members,
				    .n_elements = count,
				    .digest = digest_elements(AUDIT_HASH, room->members, count) };
	return FORM_ok;
}

static enum form_reason unmake_hash(struct form_room *room, const struct source_key *target,
				    struct form_made *made)
{
	form_room_clear(room);
	if (target->n_elements > FORM_MEMBERS_MAX)
		return FORM_large;
	memcpy(room->members, target->elements, target->n_elements * sizeof *room->members);
	qsort(room->members, target->n_elements, sizeof *room->members, by_field);
	if (!comes_back(room, room->members, target->n_elements))
		return FORM_text;
	*made = (struct form_made){ .type = AUDIT_STRING, .value = buf_str(&room->texts[1]) };
	made->digest = digest_string(made->value);
	return FORM_ok;
}

/* ---- packed ---- */

static enum form_reason make_packed(struct form_room *room, const struct source_key *source,
				    struct form_made *made)
{
	form_room_clear(room);
	size_t bound = ZSTD_compressBound(source->value.len);
	buf_put(&room->texts[0], packed_magic, MAGIC_BYTES);
	char *at = buf_reserve(&room->texts[0], bound);
	if (!at)
		return FORM_large;
	size_t n = ZSTD_compress(at, bound, source->value.ptr, source->value.len, PACK_LEVEL);
	if (ZSTD_isError(n))
		return FORM_large;
	room->texts[0].len += n;
	if (room->texts[0].len >= source->value.len)
		return FORM_not_smaller;
	*made = (struct form_made){ .type = AUDIT_STRING, .value = buf_str(&room->texts[0]) };
	made->digest = digest_string(made->value);
	return FORM_ok;
}

static enum form_reason unmake_packed(struct form_room *room, const struct source_key *target,
				      struct form_made *made)
{
	struct str frame = str_skip(target->value, MAGIC_BYTES);
	form_room_clear(room);
	if (!str_starts(target->value, str_make(packed_magic, MAGIC_BYTES)))
		return FORM_text;
	unsigned long long size = ZSTD_getFrameContentSize(frame.ptr, frame.len);
	if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > PACKED_MAX)
		return FORM_text;
	char *at = buf_reserve(&room->texts[0], (size_t)size + 1);
	if (!at)
		return FORM_large;
	size_t n = ZSTD_decompress(at, (size_t)size, frame.ptr, frame.len);
	if (ZSTD_isError(n) || n != size)
		return FORM_text;
	room->texts[0].len += n;
	*made = (struct form_made){ .type = AUDIT_STRING, .value = buf_str(&room->texts[0]) };
	made->digest = digest_string(made->value);
	return FORM_ok;
}

/* ---- stream ---- */

static void put_u32(struct buf *out, size_t value)
{
	const unsigned char bytes[] = { (unsigned char)value, (unsigned char)(value >> 8),
					(unsigned char)(value >> 16),
					(unsigned char)(value >> 24) };
	buf_put(out, bytes, sizeof bytes);
}

void form_stream_entry(struct audit_element *entry, struct buf *texts, struct str value,
		       int64_t index)
{
	size_t id = texts->len;
	buf_printf(texts, "1-%lld", (long long)index + 1);
	size_t fields = texts->len;
	put_u32(texts, 1);
	buf_char(texts, 'v');
	put_u32(texts, value.len);
	buf_str_put(texts, value);
	*entry = (struct audit_element){
		.field = str_make(texts->ptr + id, fields - id),
		.value = str_make(texts->ptr + fields, texts->len - fields),
	};
}

static bool entries_room(struct form_room *room, size_t count)
{
	if (count <= room->entries_room)
		return true;
	struct audit_element *grown = realloc(room->entries, count * sizeof *grown);
	if (!grown)
		return false;
	room->entries = grown;
	room->entries_room = count;
	return true;
}

static enum form_reason make_stream(struct form_room *room, const struct source_key *source,
				    struct form_made *made)
{
	size_t bytes = 0;
	form_room_clear(room);
	for (size_t i = 0; i < source->n_elements; i++)
		bytes += source->elements[i].value.len + 64;
	if (!entries_room(room, source->n_elements + 1) || !buf_reserve(&room->texts[0], bytes + 1))
		return FORM_large; /* reserved at once: texts do not move below */
	for (size_t i = 0; i < source->n_elements; i++)
		form_stream_entry(&room->entries[i], &room->texts[0], source->elements[i].value,
				  (int64_t)i);
	*made = (struct form_made){ .type = AUDIT_STREAM,
				    .elements = room->entries,
				    .n_elements = source->n_elements,
				    .digest = digest_elements(AUDIT_STREAM, room->entries,
							      source->n_elements) };
	return FORM_ok;
}

/* ---- */

enum form_reason form_make(struct form_room *room, enum migrate_form form,
			   const struct source_key *source, struct form_made *made)
{
	switch (form) {
	case MIGRATE_SAME: return make_same(source, made);
	case MIGRATE_HASH: return make_hash(room, source, made);
	case MIGRATE_STREAM: return make_stream(room, source, made);
	case MIGRATE_PACKED: return make_packed(room, source, made);
	default: return FORM_plan;
	}
}

enum form_reason form_unmake(struct form_room *room, enum migrate_form form,
			     const struct source_key *target, struct form_made *made)
{
	static const enum audit_type shapes[] = {
		[MIGRATE_HASH] = AUDIT_HASH, [MIGRATE_PACKED] = AUDIT_STRING
	};
	if (form == MIGRATE_SAME)
		return make_same(target, made);
	if ((form != MIGRATE_HASH && form != MIGRATE_PACKED) || target->type != shapes[form])
		return FORM_type;
	return form == MIGRATE_HASH ? unmake_hash(room, target, made)
				    : unmake_packed(room, target, made);
}
