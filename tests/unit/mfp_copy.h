/* mfp_copy.h - writes a frame that was read again, in the order in which its fields came.
 * For tests and the fuzz target of MFP/1. */
#pragma once

#include "base/check.h"
#include "codec/mfp.h"

/* The fields given, by where they stood in the line. */
static inline size_t mfp_given(const struct mfp_frame *frame, enum mfp_field fields[MFP_FIELDS_MAX])
{
	const struct mfp_verb_row *row = mfp_verb_row(frame->verb);
	size_t count = 0;
	for (enum mfp_field field = row->first; field < row->end; field++) {
		if (!mfp_has(frame, field))
			continue;
		size_t at = count++;
		const char *begin = mfp_raw(frame, field).ptr;
		for (; at > 0 && mfp_raw(frame, fields[at - 1]).ptr > begin; at--)
			fields[at] = fields[at - 1];
		fields[at] = field;
	}
	return count;
}

static inline void mfp_put_again(struct mfp_writer *writer, const struct mfp_frame *frame,
				 enum mfp_field field)
{
	char text[MFP_TEXT_MAX + 3];
	switch (mfp_field_row(field)->type) {
	case MFP_COUNT:
	case MFP_INT: mfp_put_i64(writer, field, mfp_i64(frame, field, -1)); break;
	case MFP_NUMBER: mfp_put_number(writer, field, mfp_number(frame, field)); break;
	case MFP_WORD: mfp_put_word(writer, field, mfp_word(frame, field)); break;
	case MFP_HASH: mfp_put_hash(writer, field, mfp_hash(frame, field)); break;
	case MFP_TEXT:
	case MFP_NAME:
	case MFP_HEX: mfp_put_text(writer, field, mfp_text(frame, field, text)); break;
	}
}

/* raw: values as they were sent; else from what they mean. */
static inline void mfp_write_again(const struct mfp_frame *frame, bool raw, struct buf *out)
{
	enum mfp_field fields[MFP_FIELDS_MAX];
	size_t count = mfp_given(frame, fields);
	struct mfp_writer writer;
	mfp_begin(&writer, out, frame->verb, frame->seq);
	for (size_t i = 0; i < count; i++) {
		if (raw)
			mfp_put_raw(&writer, fields[i], mfp_raw(frame, fields[i]));
		else
			mfp_put_again(&writer, frame, fields[i]);
	}
	mfp_end(&writer);
}

/* Do both say the same? raw: with the same bytes, too. */
static inline bool mfp_same(const struct mfp_frame *a, const struct mfp_frame *b, bool raw)
{
	char a_text[MFP_TEXT_MAX + 3], b_text[MFP_TEXT_MAX + 3];
	enum mfp_field fields[MFP_FIELDS_MAX];
	size_t count = mfp_given(a, fields);
	if (a->verb != b->verb || a->seq != b->seq || a->given != b->given)
		return false;
	for (size_t i = 0; i < count; i++) {
		uint32_t place = fields[i] - mfp_verb_row(a->verb)->first;
		struct number x = a->values[place].number, y = b->values[place].number;
		enum mfp_type type = mfp_field_row(fields[i])->type;
		bool is_text = type == MFP_TEXT || type == MFP_NAME || type == MFP_HEX;
		if (x.mantissa != y.mantissa || x.digits != y.digits)
			return false;
		if (raw && !str_eq(mfp_raw(a, fields[i]), mfp_raw(b, fields[i])))
			return false;
		if (is_text &&
		    !str_eq(mfp_text(a, fields[i], a_text), mfp_text(b, fields[i], b_text)))
			return false;
	}
	return true;
}
