#include "trade/signal.h"

#include "base/check.h"

enum kind { NAME, TO, COUNT, FLAG, WORD, TEXT, VOLUME, PRICE };

enum { NO_WIRE = -1 };

static const struct row {
	const char *key;
	enum kind kind;
	int wire; /* enum mfp_field */
} rows[SIGNAL_FIELDS] = {
#define SIGNAL(key, type, meaning)      { #key, type, NO_WIRE },
#define SIGNAL_WIRE(key, type, meaning) { #key, type, MFP_signal_##key },
#include "def/signals.def"
#undef SIGNAL
#undef SIGNAL_WIRE
};

static const struct {
	const char *act, *keys;
} needs[] = {
#define SIGNAL_NEEDS(act, keys) { #act, keys },
#include "def/signals.def"
#undef SIGNAL_NEEDS
};

static const char *const opening[] = {
#define SIGNAL_OPENS(act) #act,
#include "def/signals.def"
#undef SIGNAL_OPENS
};

const char *signal_field_name(enum signal_field field) { return rows[field].key; }

struct str signal_text(const struct signal *signal, enum signal_field field)
{
	return str_make(signal->text + signal->values[field].at, signal->values[field].len);
}

int64_t signal_i64(const struct signal *signal, enum signal_field field, int64_t absent)
{
	int64_t value;
	return str_to_i64(signal_text(signal, field), &value) ? absent : value;
}

bool signal_opens(const struct signal *signal)
{
	for (size_t i = 0; i < ARRAY_LEN(opening); i++)
		if (str_eq(signal_text(signal, SIGNAL_act), str_of(opening[i])))
			return true;
	return false;
}

/* ---- checks by kind ---- */

static bool is_name(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      c == '.' || c == '_' || c == '-'))
			return false;
	}
	return text.len > 0 && text.len <= 64;
}

static bool is_text(struct str text, size_t max)
{
	if (!text.len || text.len > max)
		return false;
	while (text.len) {
		size_t len = str_utf8_len(text);
		if (!len || (unsigned char)text.ptr[0] < 0x20)
			return false;
		text = str_skip(text, len);
	}
	return true;
}

static bool is_word(struct str text, enum mfp_field field)
{
	struct str rest = str_of(mfp_field_row(field)->choices), word;
	while (str_split(&rest, ' ', &word))
		if (str_eq(text, word))
			return true;
	return false;
}

static bool is_number(struct str text, bool positive)
{
	struct number number;
	return number_parse(text, &number) == STATUS_OK && number.mantissa >= (positive ? 1 : 0) &&
	       text.ptr[0] != '-';
}

static bool is_count(struct str text)
{
	int64_t value;
	return str_to_i64(text, &value) == STATUS_OK && value >= 0 && text.ptr[0] >= '0';
}

static bool is_right(const struct row *row, struct str text)
{
	switch (row->kind) {
	case NAME: return is_name(text);
	case TO: return is_text(text, SIGNAL_TO_MAX);
	case COUNT: return is_count(text);
	case FLAG: return str_eq(text, STR("0")) || str_eq(text, STR("1"));
	case WORD: return is_word(text, (enum mfp_field)row->wire);
	case TEXT: return is_text(text, SIGNAL_TEXT_MAX);
	case VOLUME: return is_number(text, true);
	case PRICE: return is_number(text, false);
	}
	return false;
}

/* ---- reading ---- */

/* A value is kept even where a later one is at fault: a refusal names its id. */
static bool keep(struct signal *out, enum signal_field field, struct str text)
{
	if (out->values[field].len || out->used + text.len > SIGNAL_BYTES_MAX ||
	    !is_right(&rows[field], text))
		return false;
	memcpy(out->text + out->used, text.ptr, text.len);
	out->values[field].at = out->used;
	out->values[field].len = (uint16_t)text.len;
	out->used = (uint16_t)(out->used + text.len);
	return true;
}

static enum signal_field field_named(struct str key)
{
	enum signal_field field = 0;
	while (field < SIGNAL_FIELDS && !str_eq(key, str_of(rows[field].key)))
		field++;
	return field;
}

/* The first of the needed keys that is not there, by its name in the table. */
static const char *lacking(const struct signal *signal, struct str keys)
{
	struct str need, key;
	while (keys.len && str_split(&keys, ' ', &need)) {
		enum signal_field first = SIGNAL_FIELDS;
		bool there = false;
		while (str_split(&need, '|', &key)) {
			enum signal_field field = field_named(key);
			CHECK(field < SIGNAL_FIELDS);
			first = first == SIGNAL_FIELDS ? field : first;
			there |= signal->values[field].len > 0;
		}
		if (!there)
			return rows[first].key;
	}
	return NULL;
}

static const char *check_needs(const struct signal *signal)
{
	static const enum signal_field always[] = { SIGNAL_id, SIGNAL_to, SIGNAL_act };
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		if (!signal->values[always[i]].len)
			return rows[always[i]].key;
	for (size_t i = 0; i < ARRAY_LEN(needs); i++)
		if (str_eq(signal_text(signal, SIGNAL_act), str_of(needs[i].act)))
			return lacking(signal, str_of(needs[i].keys));
	CHECK(!"an act of def/mfp.def without a row of SIGNAL_NEEDS");
	return NULL;
}

const char *signal_read(struct signal *out, const struct str *keys, const struct str *values,
			size_t count)
{
	const char *fault = NULL;
	memset(out->values, 0, sizeof out->values);
	out->used = 0;
	for (size_t i = 0; i < count; i++) {
		enum signal_field field = field_named(keys[i]);
		if (field < SIGNAL_FIELDS && !keep(out, field, values[i]) && !fault)
			fault = rows[field].key;
	}
	if (!fault)
		fault = check_needs(out);
	bool stop_limit = str_eq(signal_text(out, SIGNAL_ty), STR("stop_limit"));
	if (!fault && stop_limit && !out->values[SIGNAL_slim].len)
		fault = rows[SIGNAL_slim].key;
	return fault;
}

/* ---- writing ---- */

void signal_write(struct buf *out, const struct signal *signal, struct str symbol, uint64_t down,
		  uint64_t sid, int64_t ttl_ms)
{
	struct mfp_writer writer;
	mfp_begin(&writer, out, MFP_VERB_signal, down);
	mfp_put_i64(&writer, MFP_signal_sid, (int64_t)sid);
	for (enum signal_field field = 0; field < SIGNAL_FIELDS; field++) {
		struct str text = signal_text(signal, field);
		if (rows[field].wire == NO_WIRE || !text.len)
			continue;
		if (field == SIGNAL_sym && symbol.len)
			text = symbol;
		if (rows[field].kind == TEXT)
			mfp_put_text(&writer, (enum mfp_field)rows[field].wire, text);
		else
			mfp_put_raw(&writer, (enum mfp_field)rows[field].wire, text);
	}
	mfp_put_i64(&writer, MFP_signal_ttl, ttl_ms > 0 ? ttl_ms : 0);
	mfp_end(&writer);
}
