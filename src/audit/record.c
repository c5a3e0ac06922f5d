#include "audit/record.h"

#include <stdlib.h>

#include "base/check.h"

enum {
	PACKED_MAX = AUDIT_NAME_MAX + 320, /* a record's most, with its length */
	WINDOW_BYTES = 256 << 10,
};

_Static_assert((int)PACKED_MAX <= (int)JOURNAL_BLOCK_BYTES, "a record fits in a block");
_Static_assert((int)PACKED_MAX <= (int)WINDOW_BYTES, "a record fits in the window");

struct journal_block {
	struct journal_block *next;
	size_t len;
	char bytes[JOURNAL_BLOCK_BYTES];
};

/* Fields that are there only where they differ from `absent`, in this order. */
#define RECORD_FIELDS(FIELD)                                                                       \
	FIELD(db, 0)                                                                               \
	FIELD(length, 0)                                                                           \
	FIELD(expires_ms, -1)                                                                      \
	FIELD(bytes, -1)                                                                           \
	FIELD(idle_s, -1)                                                                          \
	FIELD(longest, 0)                                                                          \
	FIELD(facts, 0)                                                                            \
	FIELD(shape, 0)                                                                            \
	FIELD(number[0], 0)                                                                        \
	FIELD(number[1], 0)                                                                        \
	FIELD(number[2], 0)                                                                        \
	FIELD(number[3], 0)
#define STREAM_FIELDS(FIELD)                                                                       \
	FIELD(groups)                                                                              \
	FIELD(consumers)                                                                           \
	FIELD(pending)                                                                             \
	FIELD(stale_consumers)                                                                     \
	FIELD(added)                                                                               \
	FIELD(first_ms)                                                                            \
	FIELD(last_ms)

_Static_assert(AUDIT_RECORD_NUMBERS == 4, "the fields above name each number");

enum { DIGEST_BIT = 1 << 12 };

static char *varint_put(char *at, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*at++ = (char)(value | 0x80);
	*at++ = (char)value;
	return at;
}

/* Signed numbers by their distance from zero: -1 takes one byte too. */
static char *number_put(char *at, int64_t value)
{
	return varint_put(at, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

static char *record_put(char *at, const struct audit_record *record)
{
	unsigned mask = record->digest ? DIGEST_BIT : 0, bit = 1;
#define MASK(field, absent)                                                                        \
	mask |= (int64_t)record->field != (absent) ? bit : 0;                                      \
	bit <<= 1;
	RECORD_FIELDS(MASK)
#undef MASK
	at = varint_put(at, record->name.len);
	memcpy(at, record->name.ptr, record->name.len);
	at += record->name.len;
	*at++ = (char)(record->type | record->encoding << 3);
	*at++ = (char)mask;
	*at++ = (char)(mask >> 8);
	bit = 1;
#define PUT(field, absent)                                                                         \
	if (mask & bit)                                                                            \
		at = number_put(at, (int64_t)record->field);                                       \
	bit <<= 1;
	RECORD_FIELDS(PUT)
#undef PUT
	if (mask & DIGEST_BIT) {
		memcpy(at, &record->digest, sizeof record->digest);
		at += sizeof record->digest;
	}
#define PUT(field) at = number_put(at, record->stream.field);
	if (record->type == AUDIT_STREAM) {
		STREAM_FIELDS(PUT)
	}
#undef PUT
	return at;
}

struct packed {
	const char *at, *end;
	bool bad; /* sticky: more was asked for than there is */
};

static uint64_t varint_take(struct packed *in)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
		unsigned char c = (unsigned char)*in->at++;
		value |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return value;
	}
	in->bad = true;
	return 0;
}

static int64_t number_take(struct packed *in)
{
	uint64_t value = varint_take(in);
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static const char *bytes_take(struct packed *in, uint64_t n)
{
	if ((uint64_t)(in->end - in->at) < n) {
		in->bad = true;
		return NULL;
	}
	in->at += n;
	return in->at - n;
}

static bool record_take(struct packed *in, struct audit_record *record)
{
	record->index = record->family = 0;
	record->name.len = varint_take(in);
	record->name.ptr = bytes_take(in, record->name.len);
	const char *head = bytes_take(in, 3);
	if (in->bad)
		return false;
	record->type = (enum audit_type)(head[0] & 7);
	record->encoding = (enum audit_encoding)((unsigned char)head[0] >> 3);
	unsigned mask = (unsigned char)head[1] | (unsigned)(unsigned char)head[2] << 8, bit = 1;
#define TAKE(field, absent)                                                                        \
	record->field = (__typeof__(record->field))(mask & bit ? number_take(in) : (absent));      \
	bit <<= 1;
	RECORD_FIELDS(TAKE)
#undef TAKE
	const char *digest = mask & DIGEST_BIT ? bytes_take(in, sizeof record->digest) : NULL;
	record->digest = 0;
	if (digest)
		memcpy(&record->digest, digest, sizeof record->digest);
	record->stream = (struct audit_stream){ 0 };
#define TAKE(field) record->stream.field = number_take(in);
	if (record->type == AUDIT_STREAM) {
		STREAM_FIELDS(TAKE)
	}
#undef TAKE
	return !in->bad && record->type < AUDIT_TYPES && record->encoding < AUDIT_ENCODINGS;
}

void journal_init(struct journal *journal, const struct audit_spill *spill, size_t memory)
{
	*journal = (struct journal){ .spill = spill, .memory = memory };
}

void journal_deinit(struct journal *journal)
{
	for (struct journal_block *block = journal->first, *next; block; block = next) {
		next = block->next;
		free(block);
	}
	free(journal->window);
	*journal = (struct journal){ 0 };
}

static enum status block_add(struct journal *journal)
{
	if (journal->held + sizeof(struct journal_block) > journal->memory)
		return STATUS_FULL;
	struct journal_block *block = malloc(sizeof *block);
	if (!block)
		return STATUS_NO_MEMORY;
	block->next = NULL;
	block->len = 0;
	journal->held += sizeof *block;
	*(journal->last ? &journal->last->next : &journal->first) = block;
	journal->last = block;
	return STATUS_OK;
}

static enum status spill_begin(struct journal *journal)
{
	if (!journal->spill)
		return STATUS_NO_MEMORY;
	journal->window = malloc(WINDOW_BYTES);
	if (!journal->window)
		return STATUS_NO_MEMORY;
	journal->spilling = true;
	return STATUS_OK;
}

static enum status spill_flush(struct journal *journal)
{
	if (!journal->window_len)
		return STATUS_OK;
	enum status status = journal->spill->append(journal->spill->ctx,
						    str_make(journal->window, journal->window_len));
	if (status)
		return status;
	journal->spilled += journal->window_len;
	journal->window_len = 0;
	return STATUS_OK;
}

/* Where a record of the largest size can be written. */
static enum status place_for(struct journal *journal, size_t most, char **at)
{
	enum status status = STATUS_OK;
	if (!journal->spilling &&
	    (!journal->last || journal->last->len + most > JOURNAL_BLOCK_BYTES)) {
		status = block_add(journal);
		if (status == STATUS_FULL)
			status = spill_begin(journal);
	}
	if (!status && journal->spilling && journal->window_len + most > WINDOW_BYTES)
		status = spill_flush(journal);
	if (!status)
		*at = journal->spilling ? journal->window + journal->window_len
					: journal->last->bytes + journal->last->len;
	return status;
}

enum status journal_append(struct journal *journal, const struct audit_record *record)
{
	CHECK(record->name.len <= AUDIT_NAME_MAX);
	char *at;
	enum status status =
	    place_for(journal, record->name.len + (PACKED_MAX - AUDIT_NAME_MAX), &at);
	if (status)
		return status;
	size_t len = (size_t)(record_put(at, record) - at);
	*(journal->spilling ? &journal->window_len : &journal->last->len) += len;
	journal->count++;
	return STATUS_OK;
}

enum status journal_rewind(struct journal *journal)
{
	if (journal->spilling && journal->read_to == 0) {
		enum status status = spill_flush(journal);
		if (status)
			return status;
	}
	journal->at = journal->first;
	journal->offset = 0;
	journal->window_len = 0;
	journal->read_to = 0;
	journal->next = 0;
	return STATUS_OK;
}

/* Moves what is left to the window's beginning and fills it up. */
static enum status window_fill(struct journal *journal)
{
	size_t left = journal->window_len - journal->offset;
	memmove(journal->window, journal->window + journal->offset, left);
	journal->window_len = left;
	journal->offset = 0;
	while (journal->window_len < WINDOW_BYTES && journal->read_to < journal->spilled) {
		size_t got = 0;
		enum status status = journal->spill->read(journal->spill->ctx, journal->read_to,
							  journal->window + journal->window_len,
							  WINDOW_BYTES - journal->window_len, &got);
		if (status)
			return status;
		if (got == 0)
			return STATUS_TRUNCATED;
		journal->window_len += got;
		journal->read_to += got;
	}
	return STATUS_OK;
}

static enum status window_next(struct journal *journal, struct packed *in)
{
	if (journal->window_len - journal->offset < PACKED_MAX &&
	    journal->read_to < journal->spilled) {
		enum status status = window_fill(journal);
		if (status)
			return status;
	}
	*in = (struct packed){ journal->window + journal->offset,
			       journal->window + journal->window_len, false };
	return STATUS_OK;
}

enum status journal_next(struct journal *journal, struct audit_record *record)
{
	if (journal->next == journal->count)
		return STATUS_NOT_FOUND;
	if (journal->at && journal->offset == journal->at->len) {
		journal->at = journal->at->next;
		journal->offset = 0;
	}
	struct packed in = { NULL, NULL, false };
	enum status status = STATUS_OK;
	if (journal->at)
		in = (struct packed){ journal->at->bytes + journal->offset,
				      journal->at->bytes + journal->at->len, false };
	else
		status = window_next(journal, &in);
	if (status)
		return status;
	const char *from = in.at;
	if (!record_take(&in, record))
		return STATUS_FORMAT;
	journal->offset += (size_t)(in.at - from);
	record->index = journal->next++;
	return STATUS_OK;
}
