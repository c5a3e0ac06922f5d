#include <endian.h>

#include "codec/mfp_impl.h"

/* What a byte is inside a value. */
enum { VALUE_BYTE, VALUE_ESCAPE, VALUE_END, VALUE_BAD };

static const uint8_t value_bytes[256] = {
	[0 ... 0x1F] = VALUE_BAD, [' '] = VALUE_END,  ['%'] = VALUE_ESCAPE,
	['='] = VALUE_BAD,        [0x7F] = VALUE_BAD,
};

static const bool key_bytes[256] = {
	['a' ... 'z'] = true,
	['0' ... '9'] = true,
	['_'] = true,
};

static const bool name_bytes[256] = {
	['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true,
	['.'] = true,         ['_'] = true,         ['-'] = true,
};

/* Unknown keys are kept in a hash table, so that a line full of them costs no more than
 * its length: a field takes three bytes (" a=") at least, so two slots in three are used
 * at most. */
enum { SLOTS_BITS = 11, SLOTS = 1 << SLOTS_BITS };
static_assert(SLOTS >= MFP_LINE_MAX / 3 * 3 / 2, "room for every key that fits a line");

struct reader {
	const char *at, *end;
	const struct mfp_verb_row *row; /* NULL: of no verb that this side has */
	enum mfp_field next;            /* where the next key is looked for first */
	uint64_t key;                   /* the one at hand, 0 for none; see key_word */
	const char *what;               /* is wrong */
	struct mfp_frame frame;
	uint64_t unknown[SLOTS]; /* the unknown keys so far, 0 is free; empty before the first */
};

static enum status fail(struct reader *reader, enum status status, const char *what)
{
	reader->what = what;
	return status;
}

/* A key as one word, its first character lowest, so that keys compare at once. */
static uint64_t key_word(enum mfp_field field)
{
	uint64_t word;
	memcpy(&word, mfp_keys[field], sizeof word);
	return le64toh(word);
}

/* ---- types ---- */

static enum status read_count(struct str text, int64_t *out)
{
	uint64_t value;
	enum status status = str_to_u64(text, &value);
	if (status)
		return status;
	if (value > INT64_MAX)
		return STATUS_RANGE;
	*out = (int64_t)value;
	return STATUS_OK;
}

static bool all_of(struct str text, const bool bytes[256])
{
	for (size_t i = 0; i < text.len; i++)
		if (!bytes[(unsigned char)text.ptr[i]])
			return false;
	return true;
}

/* Lower case digits; of more than 16 the last 16 are in *bits. */
static enum status read_hex(struct str text, size_t digits, uint64_t *bits)
{
	*bits = 0;
	for (size_t i = 0; i < text.len; i++) {
		int digit = mfp_hex_digit(text.ptr[i]);
		if (digit < 0 || (text.ptr[i] >= 'A' && text.ptr[i] <= 'F'))
			return STATUS_FORMAT;
		*bits = *bits << 4 | (uint64_t)digit;
	}
	return text.len == digits ? STATUS_OK : STATUS_FORMAT;
}

/* Which of the choices it is, -1 when none. */
static int read_word(struct str text, const char *choices)
{
	for (int choice = 0; text.len && *choices; choice++) {
		const char *word = choices;
		while (*choices && *choices != ' ')
			choices++;
		if (str_eq(text, str_make(word, (size_t)(choices - word))))
			return choice;
		choices += *choices == ' ';
	}
	return -1;
}

static enum status check_text(struct str text)
{
	size_t len = 0;
	if (text.len <= MFP_TEXT_MAX) /* unescaped it is not longer */
		return STATUS_OK;
	while (text.len && len <= MFP_TEXT_MAX) {
		char character[4];
		len += mfp_take_character(&text, character);
	}
	return len <= MFP_TEXT_MAX ? STATUS_OK : STATUS_RANGE;
}

static enum status check_name(struct str text)
{
	bool good = text.len && text.len <= MFP_NAME_MAX && all_of(text, name_bytes);
	return good ? STATUS_OK : STATUS_FORMAT;
}

static enum status convert(const struct mfp_field_row *row, struct str text, struct number *number)
{
	uint64_t bits = 0;
	enum status status = STATUS_OK;
	*number = number_of(0);
	switch (row->type) {
	case MFP_COUNT: return read_count(text, &number->mantissa);
	case MFP_INT: return str_to_i64(text, &number->mantissa);
	case MFP_NUMBER: return number_parse(text, number);
	case MFP_WORD:
		number->mantissa = read_word(text, row->choices);
		return number->mantissa < 0 ? STATUS_FORMAT : STATUS_OK;
	case MFP_TEXT: return check_text(text);
	case MFP_NAME: return check_name(text);
	case MFP_HASH:
		status = read_hex(text, MFP_HASH_DIGITS, &bits);
		number->mantissa = (int64_t)bits;
		return status;
	case MFP_HEX: return read_hex(text, MFP_HEX_DIGITS, &bits);
	}
	return STATUS_OK;
}

static enum status read_value(struct reader *reader, enum mfp_field field, struct str text,
			      struct number *number)
{
	static const char *const not_it[] = {
		[MFP_COUNT] = "not a whole number",
		[MFP_INT] = "not a whole number",
		[MFP_NUMBER] = "not a number",
		[MFP_WORD] = "none of its words",
		[MFP_TEXT] = "not a text",
		[MFP_NAME] = "not a name",
		[MFP_HASH] = "not 16 hexadecimal digits",
		[MFP_HEX] = "not 32 hexadecimal digits",
	};
	const struct mfp_field_row *row = &mfp_field_rows[field];
	enum status status = convert(row, text, number);
	if (status == STATUS_OK)
		return STATUS_OK;
	if (status == STATUS_RANGE)
		return fail(reader, status,
			    row->type == MFP_TEXT ? "text too long" : "number too large");
	return fail(reader, status, not_it[row->type]);
}

/* ---- key=value ---- */

/* The key at the front, with its '='. */
static enum status take_key(struct reader *reader)
{
	const char *begin = reader->at;
	size_t left = (size_t)(reader->end - begin), len = 0;
	reader->key = 0;
	while (len < left && len < MFP_KEY_MAX && key_bytes[(unsigned char)begin[len]]) {
		reader->key |= (uint64_t)(unsigned char)begin[len] << len * 8;
		len++;
	}
	if (len == 0 || len == left || begin[len] != '=')
		return fail(reader, STATUS_FORMAT, "bad key");
	reader->at = begin + len + 1;
	return STATUS_OK;
}

/* The value at the front, up to a blank or the end, as sent. */
static enum status take_value(struct reader *reader, struct str *value)
{
	const char *at = reader->at;
	for (; at < reader->end; at++) {
		uint8_t byte = value_bytes[(unsigned char)*at];
		if (byte == VALUE_BYTE)
			continue;
		if (byte == VALUE_END)
			break;
		if (byte == VALUE_BAD)
			return fail(reader, STATUS_FORMAT, "a byte that must be escaped");
		if (mfp_escaped(str_make(at, (size_t)(reader->end - at))) < 0)
			return fail(reader, STATUS_FORMAT, "bad escape");
		at += 2;
	}
	*value = str_make(reader->at, (size_t)(at - reader->at));
	reader->at = at;
	return STATUS_OK;
}

/* The field of the key, row->end when the verb has none. Peers write fields in the order
 * of the table, so the search begins behind the last one found and mostly ends at once. */
static enum mfp_field find_field(struct reader *reader)
{
	const struct mfp_verb_row *row = reader->row;
	for (enum mfp_field field = reader->next; field < row->end; field++)
		if (key_word(field) == reader->key)
			return field;
	for (enum mfp_field field = row->first; field < reader->next; field++)
		if (key_word(field) == reader->key)
			return field;
	return row->end;
}

static enum status take_unknown(struct reader *reader)
{
	if (reader->frame.unknown_keys++ == 0)
		memset(reader->unknown, 0, sizeof reader->unknown);
	size_t slot = reader->key * 0x9E3779B97F4A7C15u >> (64 - SLOTS_BITS);
	for (; reader->unknown[slot]; slot = (slot + 1) % SLOTS)
		if (reader->unknown[slot] == reader->key)
			return fail(reader, STATUS_FORMAT, "key twice");
	reader->unknown[slot] = reader->key;
	return STATUS_OK;
}

static enum status take_known(struct reader *reader, enum mfp_field field, struct str text)
{
	uint32_t place = field - reader->row->first;
	if (reader->frame.given >> place & 1)
		return fail(reader, STATUS_FORMAT, "key twice");
	reader->frame.given |= (uint64_t)1 << place;
	reader->frame.values[place].text = text;
	reader->next = field + 1;
	return read_value(reader, field, text, &reader->frame.values[place].number);
}

static enum status take_field(struct reader *reader)
{
	struct str text;
	enum status status = take_key(reader);
	if (status || (status = take_value(reader, &text)))
		return status;
	if (!reader->row)
		return take_unknown(reader);
	enum mfp_field field = find_field(reader);
	if (field == reader->row->end)
		return take_unknown(reader);
	return take_known(reader, field, text);
}

/* ---- a line ---- */

static bool is_utf8(struct str line)
{
	for (; line.len >= 8; line = str_skip(line, 8)) {
		uint64_t word;
		memcpy(&word, line.ptr, sizeof word);
		if (word & 0x8080808080808080u)
			break;
	}
	while (line.len) {
		size_t n = str_utf8_len(line);
		if (!n)
			return false;
		line = str_skip(line, n);
	}
	return true;
}

static const struct mfp_verb_row *find_verb(char letter, enum mfp_side from)
{
	for (enum mfp_verb verb = 0; verb < MFP_VERBS; verb++) {
		const struct mfp_verb_row *row = &mfp_verb_rows[verb];
		if (row->letter == letter)
			return from == MFP_ANY || row->from == MFP_ANY || row->from == from ? row
											    : NULL;
	}
	return NULL;
}

/* "V 123", up to a blank or the end. */
static enum status take_head(struct reader *reader, enum mfp_side from)
{
	const char *begin = reader->at;
	char letter = reader->end - begin >= 2 ? begin[0] : 0;
	bool good = (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z');
	if (!good || begin[1] != ' ')
		return fail(reader, STATUS_FORMAT, "no verb");
	struct str rest = str_make(begin + 2, (size_t)(reader->end - begin) - 2);
	struct str digits = str_make(rest.ptr, str_find_char(rest, ' '));
	int64_t seq;
	enum status status = read_count(digits, &seq);
	if (status)
		return fail(reader, status, "bad sequence number");
	reader->frame.seq = (uint64_t)seq;
	reader->at = digits.ptr + digits.len;
	reader->row = find_verb(letter, from);
	return STATUS_OK;
}

static enum status take_fields(struct reader *reader)
{
	while (reader->at < reader->end) {
		reader->at++; /* the blank */
		enum status status = take_field(reader);
		if (status)
			return status;
	}
	reader->key = 0;
	return STATUS_OK;
}

/* What can be said only of a whole frame. */
static enum status check_whole(struct reader *reader)
{
	const struct mfp_verb_row *row = reader->row;
	if (!row)
		return fail(reader, STATUS_UNSUPPORTED, "no such verb");
	if ((reader->frame.seq == 0) != (row->reliable == MFP_RELIABLE_NO))
		return fail(reader, STATUS_FORMAT, "bad sequence number");
	for (enum mfp_field field = row->first; field < row->end; field++) {
		bool given = reader->frame.given >> (field - row->first) & 1;
		if (mfp_field_rows[field].must && !given) {
			reader->key = key_word(field);
			return fail(reader, STATUS_FORMAT, "missing");
		}
	}
	return STATUS_OK;
}

static enum status read_line(struct reader *reader, struct str line, enum mfp_side from)
{
	if (line.len >= MFP_LINE_MAX)
		return fail(reader, STATUS_RANGE, "line too long");
	if (line.len && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (line.len == 0)
		return fail(reader, STATUS_FORMAT, "no verb");
	if (!is_utf8(line))
		return fail(reader, STATUS_FORMAT, "not UTF-8");
	reader->at = line.ptr;
	reader->end = line.ptr + line.len;
	enum status status = take_head(reader, from);
	if (status)
		return status;
	if (reader->row)
		reader->next = reader->row->first;
	status = take_fields(reader);
	return status ? status : check_whole(reader);
}

/* The values behind the last one given are not worth copying: there are 40. */
static void hand_over(const struct reader *reader, struct mfp_frame *frame)
{
	const struct mfp_frame *read = &reader->frame;
	int values = read->given ? 64 - __builtin_clzll(read->given) : 0;
	frame->verb = (enum mfp_verb)(reader->row - mfp_verb_rows);
	frame->seq = read->seq;
	frame->given = read->given;
	frame->unknown_keys = read->unknown_keys;
	memcpy(frame->values, read->values, (size_t)values * sizeof *read->values);
}

enum status mfp_read(struct str line, enum mfp_side from, struct mfp_frame *frame,
		     struct mfp_fault *fault)
{
	struct reader reader; /* 18 KB, so not cleared: its arrays are written first */
	reader.row = NULL;
	reader.key = 0;
	reader.frame.given = 0;
	reader.frame.unknown_keys = 0;
	enum status status = read_line(&reader, line, from);
	if (status) {
		uint64_t key = htole64(reader.key);
		*fault = (struct mfp_fault){ .what = reader.what };
		memcpy(fault->key, &key, sizeof key);
		return status;
	}
	hand_over(&reader, frame);
	return STATUS_OK;
}
