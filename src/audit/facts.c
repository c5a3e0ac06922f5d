#include "audit/facts.h"

#include "audit/bytes.h"
#include "base/check.h"

enum field_class {
#define FACT_FIELDS(id, least, words) FIELDS_##id,
#include "audit/facts.def"
	FIELDS
};

static const uint32_t field_facts[] = {
#define FACT_FIELDS(id, least, words) FACT_FIELDS_##id,
#include "audit/facts.def"
};
static const uint8_t field_least[] = {
#define FACT_FIELDS(id, least, words) least,
#include "audit/facts.def"
};

void facts_init(struct facts *facts, int64_t now_ms)
{
	facts->now_ms = now_ms;
	memset(&facts->words, 0, sizeof facts->words);
#define FACT_FIELDS(id, least, list) name_words_add(&facts->words, list, 1U << FIELDS_##id);
#include "audit/facts.def"
}

/* Years on both sides of now within which a number is a time. */
static const int64_t year_ms = 365LL * 86400000;

bool facts_is_time(const struct facts *facts, int64_t value)
{
	int64_t from = facts->now_ms - 12 * year_ms, to = facts->now_ms + 5 * year_ms;
	if (from < 1000000000000)
		from = 1000000000000;
	const int64_t ms[] = { value < INT64_MAX / 1000 ? value * 1000 : 0, value, value / 1000,
			       value / 1000000 };
	for (size_t i = 0; i < ARRAY_LEN(ms); i++)
		if (ms[i] >= from && ms[i] <= to)
			return true;
	return false;
}

/* Digits, a point, an exponent; *whole where there are digits alone. */
static bool is_number(struct str text, bool *whole)
{
	size_t at = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+'), digits = 0, points = 0;
	size_t from = at;
	for (; at < text.len && (byte_is_digit(text.ptr[at]) || text.ptr[at] == '.'); at++) {
		digits += byte_is_digit(text.ptr[at]);
		points += text.ptr[at] == '.';
	}
	if (digits == 0 || points > 1)
		return false;
	*whole = points == 0 && at == text.len && at - from <= 19;
	if (at == text.len)
		return true;
	if ((text.ptr[at] | 0x20) != 'e' || ++at == text.len)
		return false;
	at += text.ptr[at] == '-' || text.ptr[at] == '+';
	size_t exponent = 0;
	for (; at < text.len && byte_is_digit(text.ptr[at]); at++)
		exponent++;
	return exponent && at == text.len;
}

static uint32_t number_facts(const struct facts *facts, struct str text, bool whole)
{
	uint32_t bits = FACT_NUMBER | (whole ? FACT_INTEGER : 0);
	size_t point = str_find_char(text, '.');
	int64_t value;
	if (str_to_i64(str_make(text.ptr, point), &value) == STATUS_OK &&
	    facts_is_time(facts, value))
		bits |= FACT_TIME;
	if (whole && text.len == 1 && text.ptr[0] <= '1')
		bits |= FACT_SWITCH;
	return bits;
}

static bool is_date(struct str text)
{
	static const char form[] = "dddd-dd-dd";
	if (text.len < sizeof form - 1 || text.len > 40)
		return false;
	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'd' ? !byte_is_digit(text.ptr[i]) : text.ptr[i] != form[i])
			return false;
	return true;
}

static bool is_switch(struct str text)
{
	static const struct str words[] = { STR("true"), STR("false"), STR("on"), STR("off"),
					    STR("yes"),  STR("no"),    STR("ok"), STR("done"),
					    STR("none"), STR("null") };
	if (text.len > 5)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq_nocase(text, words[i]))
			return true;
	return false;
}

static bool is_word(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c != '_' && c != '-')
			return false;
	}
	return text.len > 0 && text.len <= 24;
}

/* A character that is cut off at the end is no fault where the text goes on. */
static bool is_binary(struct str text)
{
	for (size_t i = 0; i < text.len;) {
		if (text.len - i >= 8 && bytes_are_plain_8(text.ptr + i)) {
			i += 8;
			continue;
		}
		unsigned char c = (unsigned char)text.ptr[i];
		size_t n = c < 0x80
			       ? (c >= 0x20 || c == '\n' || c == '\r' || c == '\t') && c != 0x7f
			       : str_utf8_len(str_skip(text, i));
		if (!n)
			return text.len < FACTS_BYTES || i + 4 <= text.len;
		i += n;
	}
	return false;
}

static uint32_t text_facts(const struct facts *facts, struct str text, bool whole)
{
	bool integer = false;
	if (whole && text.len && text.len <= 40) {
		if (is_number(text, &integer))
			return number_facts(facts, text, integer);
		if (is_date(text))
			return FACT_TIME;
		if (is_switch(text))
			return FACT_SWITCH;
		if (is_word(text))
			return FACT_WORD;
	}
	return is_binary(text) ? FACT_BINARY : FACT_TEXT;
}

/* ---- fields ---- */

struct fields {
	const struct facts *facts;
	uint8_t seen[FIELDS];
};

static void field(struct fields *fields, struct str name)
{
	uint32_t bits = name_words_find(&fields->facts->words, name);
	if (!bits)
		return;
	for (size_t i = 0; i < FIELDS; i++)
		fields->seen[i] += bits >> i & 1 && fields->seen[i] < 255;
}

static uint32_t fields_facts(const struct fields *fields)
{
	uint32_t bits = 0;
	for (size_t i = 0; i < FIELDS; i++)
		bits |= fields->seen[i] >= field_least[i] ? field_facts[i] : 0;
	return bits;
}

static size_t blanks(struct str text, size_t at)
{
	while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\n' ||
				 text.ptr[at] == '\t' || text.ptr[at] == '\r'))
		at++;
	return at;
}

/* Each text in quotes before a colon; no more than a look, it need not be JSON. */
static void json_fields(struct fields *fields, struct str text)
{
	text.len = text.len < FACTS_BYTES ? text.len : FACTS_BYTES;
	for (size_t at = 0; at < text.len;) {
		const char *open = memchr(text.ptr + at, '"', text.len - at);
		if (!open)
			return;
		size_t from = (size_t)(open - text.ptr) + 1;
		size_t n = str_find_char(str_skip(text, from), '"');
		at = blanks(text, from + n + 1);
		if (at < text.len && text.ptr[at] == ':')
			field(fields, str_make(text.ptr + from, n));
	}
}

/* [[1700000000000,"1.0","2.0", …: rows that begin with a time. */
static bool is_rows(const struct facts *facts, struct str text)
{
	size_t at = blanks(text, 1);
	if (text.len < 16 || text.ptr[0] != '[' || text.ptr[at] != '[')
		return false;
	size_t from = blanks(text, at + 1), n = 0;
	while (from + n < text.len && byte_is_digit(text.ptr[from + n]))
		n++;
	int64_t value;
	return str_to_i64(str_make(text.ptr + from, n), &value) == STATUS_OK &&
	       facts_is_time(facts, value);
}

static uint32_t json_facts(const struct facts *facts, struct str text)
{
	size_t at = blanks(text, 0);
	if (at >= text.len || (text.ptr[at] != '{' && text.ptr[at] != '['))
		return 0;
	struct fields fields = { .facts = facts };
	json_fields(&fields, str_skip(text, at));
	return fields_facts(&fields) |
	       (is_rows(facts, str_skip(text, at)) ? FACT_FIELDS_CANDLE : 0);
}

static void entry_fields(struct fields *fields, struct str entry)
{
	struct str rest = entry, part;
	for (size_t i = 0; rest.len && str_split(&rest, '\0', &part); i++)
		if (i % 2 == 0)
			field(fields, part);
}

/* ZADD key 1700000000.25 1700000000.25: by the part before the point, the rest is rounded. */
static bool is_its_score(const struct audit_element *element)
{
	bool integer;
	int64_t value;
	size_t point = str_find_char(element->value, '.');
	return is_number(element->value, &integer) &&
	       str_to_i64(str_make(element->value.ptr, point), &value) == STATUS_OK &&
	       element->score > -9e18 && element->score < 9e18 && value == (int64_t)element->score;
}

static uint32_t elements_facts(const struct facts *facts, const struct audit_key *key)
{
	size_t n = key->count < FACTS_ELEMENTS ? key->count : FACTS_ELEMENTS, times = 0, same = 0;
	struct fields fields = { .facts = facts };
	uint32_t bits = 0;
	for (size_t i = 0; i < n; i++) {
		const struct audit_element *element = &key->elements[i];
		if (key->type == AUDIT_HASH)
			field(&fields, element->field);
		else if (key->type == AUDIT_STREAM && i == 0)
			entry_fields(&fields, element->value);
		else if (i < 2)
			bits |= json_facts(facts, element->value);
		if (key->type == AUDIT_ZSET && element->score > 0 && element->score < 9e18)
			times += facts_is_time(facts, (int64_t)element->score);
		same += key->type == AUDIT_ZSET && is_its_score(element);
	}
	if (n && times == n)
		bits |= FACT_SCORES_TIME;
	if (n && same == n)
		bits |= FACT_SCORES_SAME;
	return bits | fields_facts(&fields);
}

uint32_t facts_of(const struct facts *facts, const struct audit_key *key)
{
	if (key->type != AUDIT_STRING)
		return key->count ? FACT_READ | elements_facts(facts, key) |
					(key->count == (size_t)key->length ? FACT_WHOLE : 0)
				  : 0;
	bool whole = key->value.len == (size_t)key->length;
	if (!key->value.len && !whole)
		return 0;
	struct str head = key->value;
	head.len = head.len < FACTS_BYTES ? head.len : FACTS_BYTES;
	uint32_t bits = FACT_READ | (whole ? FACT_WHOLE : 0);
	return bits | text_facts(facts, head, whole && head.len == key->value.len) |
	       json_facts(facts, head);
}
