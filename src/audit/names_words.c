#include "audit/names_words.h"

#include "audit/bytes.h"
#include "base/check.h"

enum { WORD_BYTES = 16 };

/* Eight bytes at once: those from a to z lose the bit that makes them lower case. Sums of seven
 * bits do not reach into the next byte. */
static uint64_t to_upper(uint64_t bytes)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t seven = bytes & (ones * 0x7f);
	uint64_t from_a = seven + ones * (0x80 - 'a'), past_z = seven + ones * (0x7f - 'z');
	uint64_t lower = from_a & ~past_z & ~bytes & (ones * 0x80);
	return bytes - (lower >> 2);
}

/* Letters in upper case. Bytes that are no letters keep their value. */
static struct bytes16 pack(struct str word)
{
	struct bytes16 packed = bytes_16(word.ptr, word.len);
	return (struct bytes16){ to_upper(packed.low), to_upper(packed.high) };
}

static uint64_t mixed(const struct bytes16 *word)
{
	return (word->low ^ (word->high * 0x9e3779b97f4a7c15U)) * 0xbb67ae8584caa73bU;
}

static size_t slot_of(uint64_t hash) { return (size_t)(hash >> 40) % NAME_WORDS_SLOTS; }
static uint8_t tag_of(uint64_t hash) { return (uint8_t)(hash >> 56 | 1); }

static bool is_word(const struct name_words *words, size_t at, const struct bytes16 *word)
{
	return words->slots[at].low == word->low && words->slots[at].high == word->high;
}

static uint32_t find(const struct name_words *words, struct bytes16 word)
{
	uint64_t hash = mixed(&word);
	uint8_t tag = tag_of(hash);
	for (size_t at = slot_of(hash); words->tags[at]; at = (at + 1) % NAME_WORDS_SLOTS)
		if (words->tags[at] == tag && is_word(words, at, &word))
			return words->slots[at].bits;
	return 0;
}

static void add(struct name_words *words, struct str word, uint32_t bit)
{
	CHECK(word.len > 0 && word.len <= WORD_BYTES);
	struct bytes16 packed = pack(word);
	uint64_t hash = mixed(&packed);
	size_t at = slot_of(hash), tried = 0;
	while (words->tags[at] && !is_word(words, at, &packed)) {
		at = (at + 1) % NAME_WORDS_SLOTS;
		CHECK(++tried < NAME_WORDS_SLOTS / 2);
	}
	words->slots[at].low = packed.low;
	words->slots[at].high = packed.high;
	words->slots[at].bits |= bit;
	words->tags[at] = tag_of(hash);
}

void name_words_add(struct name_words *words, const char *list, uint32_t bits)
{
	struct str rest = str_of(list), word;
	while (str_split(&rest, ' ', &word))
		add(words, word, bits);
}

void name_words_make(struct name_words *words)
{
	memset(words, 0, sizeof *words);
#define NAME_COIN(list)      name_words_add(words, list, WORD_COIN);
#define NAME_COIN_WEAK(list) name_words_add(words, list, WORD_COIN_WEAK);
#define NAME_QUOTE(list)     name_words_add(words, list, WORD_QUOTE);
#define NAME_FIAT(list)      name_words_add(words, list, WORD_FIAT);
#define NAME_MARKET(list)    name_words_add(words, list, WORD_MARKET);
#define NAME_INDICATOR(list) name_words_add(words, list, WORD_INDICATOR);
#define NAME_COMMON(list)    name_words_add(words, list, WORD_COMMON);
#include "audit/names_words.def"
}

uint32_t name_words_find(const struct name_words *words, struct str word)
{
	if (word.len == 0 || word.len > WORD_BYTES)
		return 0;
	return find(words, pack(word));
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static size_t letters_before_digits(struct str word)
{
	size_t n = word.len;
	while (n > 0 && is_digit(word.ptr[n - 1]))
		n--;
	return n;
}

static uint32_t letters_say(struct str word)
{
	size_t upper = 0, lower = 0, digits = 0, hex = 0, groups = 0;
	for (size_t i = 0; i < word.len; i++) {
		char c = word.ptr[i];
		upper += c >= 'A' && c <= 'Z';
		lower += c >= 'a' && c <= 'z';
		hex += is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
		digits += is_digit(c);
		groups += is_digit(c) && (i == 0 || !is_digit(word.ptr[i - 1]));
	}
	uint32_t bits = digits ? WORD_DIGITS : 0;
	if (upper + lower + digits != word.len || word.len == 0)
		return bits;
	bits |= WORD_PLAIN;
	if (upper && !lower)
		bits |= WORD_UPPER;
	if (lower && !upper)
		bits |= WORD_LOWER;
	if (groups > 1 || (upper && lower && digits && groups && !is_digit(word.ptr[word.len - 1])))
		bits |= WORD_MIXED;
	if (hex == word.len && word.len >= 6)
		bits |= WORD_HEX;
	return bits;
}

/* tasks → task, statuses → status, strategies → strategy. */
static uint32_t find_singular(const struct name_words *words, struct str word)
{
	if (word.len < 3 || (word.ptr[word.len - 1] | 0x20) != 's')
		return 0;
	uint32_t bits = name_words_find(words, str_make(word.ptr, word.len - 1));
	if (!bits && (word.ptr[word.len - 2] | 0x20) == 'e')
		bits = name_words_find(words, str_make(word.ptr, word.len - 2));
	if (!bits && word.len > 4 && word.len <= WORD_BYTES &&
	    (word.ptr[word.len - 3] | 0x20) == 'i') {
		char singular[WORD_BYTES];
		memcpy(singular, word.ptr, word.len - 3);
		singular[word.len - 3] = 'y';
		bits = name_words_find(words, str_make(singular, word.len - 2));
	}
	return bits & WORD_COMMON;
}

uint32_t name_words_traits(const struct name_words *words, struct str word)
{
	uint32_t bits = name_words_find(words, word) | find_singular(words, word);
	size_t letters = letters_before_digits(word);
	if (letters < word.len)
		bits |= name_words_find(words, str_make(word.ptr, letters)) &
			(WORD_INDICATOR | WORD_COMMON);
	return bits | letters_say(word);
}

/* How many letters at the end are a quote; *any: whatever stands before it is an asset. */
static size_t quote_behind(const struct name_words *words, struct str word, bool *any)
{
	for (size_t n = 5; n >= 3; n--) {
		if (word.len < n + 2)
			continue;
		uint32_t bits = name_words_find(words, str_make(word.ptr + word.len - n, n));
		*any = bits & WORD_QUOTE;
		if (bits & (WORD_QUOTE | WORD_FIAT | WORD_MARKET))
			return n;
		if (n == 3 && (bits & WORD_COIN))
			return n;
	}
	return 0;
}

bool name_words_symbol(const struct name_words *words, struct str word)
{
	if (word.len < 2 || word.len > WORD_BYTES)
		return false;
	if (name_words_find(words, word) & WORD_COIN)
		return true;
	if (word.len < 5)
		return false;
	bool any = false;
	size_t quote = quote_behind(words, word, &any);
	if (!quote)
		return false;
	struct str base = str_make(word.ptr, word.len - quote);
	uint32_t bits = name_words_find(words, base);
	if (bits & (WORD_COIN | WORD_COIN_WEAK | WORD_FIAT | WORD_QUOTE))
		return true;
	return any && !(bits & (WORD_COMMON | WORD_INDICATOR)) && base.len <= 10;
}
