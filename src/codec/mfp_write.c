#include "codec/mfp_impl.h"

void mfp_begin(struct mfp_writer *writer, struct buf *out, enum mfp_verb verb, uint64_t seq)
{
	CHECK((unsigned)verb < MFP_VERBS);
	CHECK((seq == 0) == (mfp_verb_rows[verb].reliable == MFP_RELIABLE_NO));
	*writer = (struct mfp_writer){ .out = out, .from = out->len, .verb = verb };
	buf_char(out, mfp_verb_rows[verb].letter);
	buf_char(out, ' ');
	buf_u64(out, seq);
}

/* " key=", once a frame. */
static const struct mfp_field_row *put_key(struct mfp_writer *writer, enum mfp_field field)
{
	uint64_t bit = (uint64_t)1 << mfp_place(writer->verb, field);
	CHECK(!(writer->given & bit));
	writer->given |= bit;
	size_t len = strlen(mfp_field_rows[field].key);
	char *at = buf_reserve(writer->out, len + 2);
	if (at) {
		at[0] = ' ';
		memcpy(at + 1, mfp_field_rows[field].key, len);
		at[len + 1] = '=';
		writer->out->len += len + 2;
	}
	return &mfp_field_rows[field];
}

/* The characters of a text that a reader takes; a byte that is none is three to it. */
static struct str what_fits(struct str text)
{
	size_t at = 0, len = 0;
	while (at < text.len) {
		size_t n = str_utf8_len(str_skip(text, at));
		len += n && text.ptr[at] ? n : 3;
		if (len > MFP_TEXT_MAX)
			break;
		at += n ? n : 1;
	}
	return str_make(text.ptr, at);
}

void mfp_put_text(struct mfp_writer *writer, enum mfp_field field, struct str text)
{
	enum mfp_type type = put_key(writer, field)->type;
	CHECK(type == MFP_TEXT || type == MFP_NAME || type == MFP_HEX);
	mfp_escape(writer->out, what_fits(text));
}

void mfp_put_raw(struct mfp_writer *writer, enum mfp_field field, struct str escaped)
{
	put_key(writer, field);
	buf_str_put(writer->out, escaped);
}

void mfp_put_i64(struct mfp_writer *writer, enum mfp_field field, int64_t value)
{
	enum mfp_type type = put_key(writer, field)->type;
	CHECK(type == MFP_COUNT || type == MFP_INT || type == MFP_NUMBER);
	buf_i64(writer->out, value);
}

void mfp_put_number(struct mfp_writer *writer, enum mfp_field field, struct number value)
{
	enum mfp_type type = put_key(writer, field)->type;
	CHECK(type == MFP_NUMBER);
	number_print(writer->out, value);
}

void mfp_put_word(struct mfp_writer *writer, enum mfp_field field, int choice)
{
	const struct mfp_field_row *row = put_key(writer, field);
	struct str words = str_of(row->choices), word = STR("");
	bool found = row->type == MFP_WORD && choice >= 0;
	for (int i = 0; found && i <= choice; i++)
		found = str_split(&words, ' ', &word);
	CHECK(found);
	buf_str_put(writer->out, word);
}

void mfp_put_hash(struct mfp_writer *writer, enum mfp_field field, uint64_t hash)
{
	static const char digits[] = "0123456789abcdef";
	char text[MFP_HASH_DIGITS];
	enum mfp_type type = put_key(writer, field)->type;
	CHECK(type == MFP_HASH);
	for (size_t i = sizeof text; i-- > 0; hash >>= 4)
		text[i] = digits[hash & 15];
	buf_put(writer->out, text, sizeof text);
}

void mfp_end(struct mfp_writer *writer)
{
	const struct mfp_verb_row *row = &mfp_verb_rows[writer->verb];
	struct buf *out = writer->out;
	for (enum mfp_field field = row->first; field < row->end; field++)
		CHECK(!mfp_field_rows[field].must || writer->given >> (field - row->first) & 1);
	buf_char(out, '\n');
	if (out->len - writer->from > MFP_LINE_MAX)
		out->overflow = true;
	if (out->overflow)
		out->len = writer->from;
}
