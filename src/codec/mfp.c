#include "codec/mfp_impl.h"

/* A verb's fields stand together and verbs stand in the enum's order, so of the
 * initialisers of one member the last one wins and is the right one: the last field of a
 * verb says where the verb ends and the next one begins. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
const struct mfp_verb_row mfp_verb_rows[MFP_VERBS + 1] = {
#define MFP_VERB(letter_, id, from_, reliable_, meaning_)                                          \
	[MFP_VERB_##id] = { .letter = letter_,                                                     \
			    .name = #id,                                                           \
			    .meaning = meaning_,                                                   \
			    .from = MFP_##from_,                                                   \
			    .reliable = MFP_RELIABLE_##reliable_ },
#include "def/mfp.def"
#undef MFP_VERB
#define MFP_FIELD(verb_, key_, type_, need_, choices_, meaning_)                                   \
	[MFP_VERB_##verb_].end = MFP_##verb_##_##key_ + 1,                                         \
	[MFP_VERB_##verb_ + 1].first = MFP_##verb_##_##key_ + 1,
#include "def/mfp.def"
#undef MFP_FIELD
};
#pragma GCC diagnostic pop

enum { MAY, MUST };

const struct mfp_field_row mfp_field_rows[MFP_FIELDS] = {
#define MFP_FIELD(verb_, key_, type_, need_, choices_, meaning_)                                   \
	{ MFP_VERB_##verb_, #key_, MFP_##type_, need_ == MUST, choices_, meaning_ },
#include "def/mfp.def"
#undef MFP_FIELD
};

const char mfp_keys[MFP_FIELDS][MFP_KEY_MAX] = {
#define MFP_FIELD(verb_, key_, type_, need_, choices_, meaning_) #key_,
#include "def/mfp.def"
#undef MFP_FIELD
};

const struct mfp_verb_row *mfp_verb_row(enum mfp_verb verb)
{
	CHECK((unsigned)verb < MFP_VERBS);
	return &mfp_verb_rows[verb];
}

const struct mfp_field_row *mfp_field_row(enum mfp_field field)
{
	CHECK((unsigned)field < MFP_FIELDS);
	return &mfp_field_rows[field];
}

/* ---- access ---- */

/* The value of a field, NULL when it was not given. */
static const struct mfp_value *value_of(const struct mfp_frame *frame, enum mfp_field field)
{
	uint32_t place = mfp_place(frame->verb, field);
	return frame->given >> place & 1 ? &frame->values[place] : NULL;
}

static bool is_whole(enum mfp_field field)
{
	return mfp_field_rows[field].type == MFP_COUNT || mfp_field_rows[field].type == MFP_INT;
}

bool mfp_has(const struct mfp_frame *frame, enum mfp_field field)
{
	return value_of(frame, field) != NULL;
}

struct str mfp_raw(const struct mfp_frame *frame, enum mfp_field field)
{
	const struct mfp_value *value = value_of(frame, field);
	return value ? value->text : STR("");
}

int64_t mfp_i64(const struct mfp_frame *frame, enum mfp_field field, int64_t absent)
{
	const struct mfp_value *value = value_of(frame, field);
	CHECK(is_whole(field));
	return value ? value->number.mantissa : absent;
}

struct number mfp_number(const struct mfp_frame *frame, enum mfp_field field)
{
	const struct mfp_value *value = value_of(frame, field);
	CHECK(is_whole(field) || mfp_field_rows[field].type == MFP_NUMBER);
	return value ? value->number : number_of(0);
}

int mfp_word(const struct mfp_frame *frame, enum mfp_field field)
{
	const struct mfp_value *value = value_of(frame, field);
	CHECK(mfp_field_rows[field].type == MFP_WORD);
	return value ? (int)value->number.mantissa : -1;
}

uint64_t mfp_hash(const struct mfp_frame *frame, enum mfp_field field)
{
	const struct mfp_value *value = value_of(frame, field);
	CHECK(mfp_field_rows[field].type == MFP_HASH);
	return value ? (uint64_t)value->number.mantissa : 0;
}

struct str mfp_text(const struct mfp_frame *frame, enum mfp_field field, char out[MFP_TEXT_MAX + 3])
{
	struct str value = mfp_raw(frame, field);
	enum mfp_type type = mfp_field_rows[field].type;
	size_t len = 0;
	CHECK(type == MFP_TEXT || type == MFP_NAME || type == MFP_HEX);
	while (value.len) {
		char character[4];
		size_t n = mfp_take_character(&value, character);
		CHECK(len + n <= MFP_TEXT_MAX); /* mfp_read measured it */
		memcpy(out + len, character, n);
		len += n;
	}
	out[len] = 0;
	return str_make(out, len);
}

/* ---- escapes ---- */

/* Up to four bytes of a value, unescaped, without taking them. */
static size_t peek(struct str value, char bytes[4], size_t sent[4])
{
	size_t n = 0, at = 0;
	for (; n < 4 && at < value.len; n++) {
		int byte = mfp_escaped(str_skip(value, at));
		bytes[n] = byte < 0 ? value.ptr[at] : (char)byte;
		at += byte < 0 ? 1 : 3;
		sent[n] = at;
	}
	return n;
}

size_t mfp_take_character(struct str *value, char out[4])
{
	char bytes[4];
	size_t sent[4], n = peek(*value, bytes, sent);
	size_t len = str_utf8_len(str_make(bytes, n));
	bool good = len && bytes[0];
	*value = str_skip(*value, sent[good ? len - 1 : 0]);
	memcpy(out, good ? bytes : "\xEF\xBF\xBD", good ? len : 3);
	return good ? len : 3;
}

void mfp_escape(struct buf *out, struct str text)
{
	static const char digits[] = "0123456789ABCDEF";
	while (text.len) {
		unsigned char c = (unsigned char)text.ptr[0];
		size_t n = str_utf8_len(text);
		if (n && c > 0x20 && c != '%' && c != '=' && c != 0x7F) {
			buf_put(out, text.ptr, n);
		} else {
			char escape[3] = { '%', digits[c >> 4], digits[c & 15] };
			buf_put(out, escape, sizeof escape);
			n = 1;
		}
		text = str_skip(text, n);
	}
}

enum status mfp_unescape(struct str value, struct buf *out)
{
	size_t from = out->len;
	while (value.len) {
		int byte = mfp_escaped(value);
		if (byte < 0 && value.ptr[0] == '%') {
			out->len = from;
			return STATUS_FORMAT;
		}
		buf_char(out, byte < 0 ? value.ptr[0] : (char)byte);
		value = str_skip(value, byte < 0 ? 1 : 3);
	}
	return out->overflow ? STATUS_RANGE : STATUS_OK;
}

/* ---- the position hash ---- */

uint64_t mfp_position_hash(uint64_t ticket, struct number volume, struct number sl,
			   struct number tp)
{
	char storage[128]; /* four numbers of at most 21 bytes, three bars */
	struct buf text = buf_over(storage, sizeof storage);
	buf_u64(&text, ticket);
	buf_char(&text, '|');
	number_print(&text, volume);
	buf_char(&text, '|');
	number_print(&text, sl);
	buf_char(&text, '|');
	number_print(&text, tp);
	CHECK(!text.overflow);
	uint64_t hash = 0xcbf29ce484222325u;
	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)storage[i]) * 0x100000001b3u;
	return hash;
}
