#include "audit/names_lex.h"

#include "audit/names_kinds.h"
#include "base/check.h"

static const char *const kinds[] = { "",      "symbol", "tf",   "id",  "n",     "hex",
				     "uuid",  "date",   "time", "ip",  "email", "token",
				     "bytes", "text",   "rest", "word" };

_Static_assert(ARRAY_LEN(kinds) == NAME_KINDS, "each kind has a name");

const char *name_kind_text(enum name_kind kind)
{
	CHECK((size_t)kind < NAME_KINDS);
	return kinds[kind];
}

void name_lexer_init(struct name_lexer *lexer, struct str separators)
{
	memset(lexer, 0, sizeof *lexer);
	for (unsigned c = 0; c < 256; c++)
		lexer->class[c] = c >= '0' && c <= '9'   ? NAME_DIGIT
				  : c >= 'a' && c <= 'f' ? NAME_LOWER_HEX
				  : c >= 'g' && c <= 'z' ? NAME_LOWER
				  : c >= 'A' && c <= 'F' ? NAME_UPPER_HEX
				  : c >= 'G' && c <= 'Z' ? NAME_UPPER
				  : c >= 0x80            ? NAME_HIGH
							 : NAME_OTHER;
	for (size_t i = 0; i < separators.len; i++)
		if (separators.ptr[i])
			lexer->class[(unsigned char)separators.ptr[i]] = NAME_SEPARATOR;
	name_words_make(&lexer->words);
}

bool name_part_put(uint8_t *text, size_t size, uint16_t *len, const struct name_part *part)
{
	bool word = part->kind == NAME_WORD;
	size_t need = 2 + (word ? 1 + part->word.len : 0);
	if (*len + need > size)
		return false;
	uint8_t *at = text + *len;
	*at++ = (uint8_t)part->kind;
	if (word) {
		*at++ = (uint8_t)part->word.len;
		if (part->word.len)
			memcpy(at, part->word.ptr, part->word.len);
		at += part->word.len;
	}
	*at = (uint8_t)part->separator;
	*len = (uint16_t)(*len + need);
	return true;
}

bool name_part_next(struct str *skeleton, struct name_part *part)
{
	if (skeleton->len < 2)
		return false;
	const char *at = skeleton->ptr;
	*part = (struct name_part){ .kind = (enum name_kind)(uint8_t)*at++ };
	if (part->kind == NAME_WORD) {
		part->word = str_make(at + 1, (uint8_t)*at);
		at += 1 + part->word.len;
	}
	part->separator = *at++;
	*skeleton = str_skip(*skeleton, (size_t)(at - skeleton->ptr));
	return true;
}

struct lexing {
	const struct name_lexer *lexer;
	struct str name;
	size_t at;
	bool has_at; /* '@' is somewhere */
	struct name_lexed *out;
};

static bool separates(const struct lexing *lexing, size_t at)
{
	return lexing->lexer->class[(unsigned char)lexing->name.ptr[at]] == NAME_SEPARATOR;
}

static void put(struct lexing *lexing, enum name_kind kind, struct str word, char separator)
{
	struct name_lexed *out = lexing->out;
	const struct name_part part = { kind, separator, word };
	/* Room is kept for the longest word, {rest} and digits that go back to their word:
	 * name_lex stops before. */
	CHECK(name_part_put(out->text, sizeof out->text, &out->len, &part));
	out->parts++;
}

static uint32_t number_of(struct str digits)
{
	uint32_t value = 0;
	for (size_t i = 0; i < digits.len; i++)
		value = value * 10 + (uint32_t)(digits.ptr[i] - '0');
	return value;
}

static bool is_minutes(uint32_t value)
{
	static const uint16_t minutes[] = { 1,   3,   5,   10,  15,  30,  45,   60,
					    120, 180, 240, 360, 480, 720, 1440, 10080 };
	if (value > minutes[ARRAY_LEN(minutes) - 1])
		return false;
	for (size_t i = 0; i < ARRAY_LEN(minutes); i++)
		if (minutes[i] == value)
			return true;
	return false;
}

/* Marks what is known of a number besides that it is one. */
static void number_marks(struct name_lexed *out, struct str digits)
{
	uint32_t bit = 1U << out->parts;
	if (digits.len > 9) {
		out->wide |= bit;
		return;
	}
	uint32_t value = number_of(digits);
	if (value >= 100)
		out->wide |= bit;
	if (digits.ptr[0] != '0' && is_minutes(value))
		out->minutes |= bit;
}

static void put_digits(struct lexing *lexing, struct str digits, char separator)
{
	enum name_kind kind = name_digits_kind(digits);
	if (kind == NAME_ID)
		number_marks(lexing->out, digits);
	put(lexing, kind, STR(""), separator);
}

/* user123: the letters are a word, the digits a number. */
static void put_joined(struct lexing *lexing, struct str part, size_t letters, char separator)
{
	struct name_lexed *out = lexing->out;
	struct str digits = str_skip(part, letters);
	put(lexing, NAME_WORD, str_make(part.ptr, letters), 0);
	/* Behind a blank or another mark it is a number even where it never varies. */
	if (lexing->lexer->class[(unsigned char)part.ptr[letters - 1]] & NAME_ALNUM) {
		if (!out->joined && digits.len <= 9) {
			out->number = number_of(digits);
			out->digits = (uint8_t)digits.len;
		}
		out->joined |= 1U << out->parts;
	}
	number_marks(out, digits);
	put(lexing, NAME_ID, STR(""), separator);
}

/* Whether digits at the end are a number of their own: `user123`, `note 7`. `rsi14`, `v2`,
 * `RSI14` are one word. */
static size_t letters_to_cut(const struct lexing *lexing, struct str part, unsigned seen)
{
	if (!(seen & NAME_DIGIT))
		return 0;
	size_t letters = part.len;
	while (letters > 0 && part.ptr[letters - 1] >= '0' && part.ptr[letters - 1] <= '9')
		letters--;
	size_t digits = part.len - letters;
	if (!digits || !letters)
		return 0;
	if (!(lexing->lexer->class[(unsigned char)part.ptr[letters - 1]] & NAME_ALNUM))
		return letters;
	for (size_t i = 0; i < letters; i++)
		if (part.ptr[i] >= '0' && part.ptr[i] <= '9')
			return 0;
	bool lower = seen & (NAME_LOWER | NAME_LOWER_HEX);
	if (digits < 4 && (!lower || letters < 2))
		return 0;
	uint32_t bits = name_words_find(&lexing->lexer->words, str_make(part.ptr, letters));
	return bits & WORD_INDICATOR ? 0 : letters;
}

/* A part between two separators, its bytes' classes in `seen`. */
static void put_part(struct lexing *lexing, struct str part, unsigned seen, char separator)
{
	enum name_kind kind = NAME_WORD;
	if (part.len > 0 && seen == NAME_DIGIT) {
		put_digits(lexing, part, separator);
		return;
	}
	if (part.len > 0 && !(seen & ~NAME_ALNUM))
		kind = name_letters_kind(&lexing->lexer->words, part, seen);
	if (kind == NAME_WORD && part.len > NAME_WORD_MAX)
		kind = NAME_TEXT;
	size_t letters = kind == NAME_WORD ? letters_to_cut(lexing, part, seen) : 0;
	if (letters)
		put_joined(lexing, part, letters, separator);
	else
		put(lexing, kind, part, separator);
}

static bool is_text(struct str part)
{
	for (size_t i = 0; i < part.len;) {
		unsigned char c = (unsigned char)part.ptr[i];
		size_t n = c >= 0x80 ? str_utf8_len(str_skip(part, i)) : c >= 0x20 && c != 0x7f;
		if (!n)
			return false;
		i += n;
	}
	return true;
}

/* Only here may a token of several fragments begin: it would have been seen before. */
static bool begins_run(const struct lexing *lexing)
{
	char before = lexing->at ? lexing->name.ptr[lexing->at - 1] : 0;
	return before != '-' && before != '_';
}

/* What begins here and may hold separators itself: its length, 0: nothing does. */
static size_t compound(const struct lexing *lexing, enum name_kind *kind)
{
	struct str rest = str_skip(lexing->name, lexing->at);
	size_t len = name_compound(rest, kind);
	if (!len && lexing->has_at) {
		len = name_email(rest);
		*kind = NAME_EMAIL;
	}
	if (!len && rest.len >= NAME_TOKEN_MIN && begins_run(lexing)) {
		len = name_token(rest);
		*kind = NAME_TOKEN;
	}
	if (len && len < rest.len && !separates(lexing, lexing->at + len))
		return 0;
	return len;
}

/* The first part of the rest, its separator with it. */
static void next_part(struct lexing *lexing)
{
	const char *text = lexing->name.ptr;
	size_t from = lexing->at, end = from, len = lexing->name.len;
	enum name_kind kind = NAME_WORD;
	size_t whole = compound(lexing, &kind);
	unsigned seen = 0;
	for (; !whole && end < len; end++) {
		unsigned class = lexing->lexer->class[(unsigned char)text[end]];
		if (class == NAME_SEPARATOR)
			break;
		seen |= class;
	}
	end += whole;
	size_t pair =
	    whole ? 0 : name_pair(&lexing->lexer->words, str_skip(lexing->name, from), end - from);
	if (pair) {
		whole = pair;
		end = from + pair;
		kind = NAME_SYMBOL;
	}
	if (!whole && seen & (NAME_OTHER | NAME_HIGH) &&
	    !is_text(str_make(text + from, end - from))) {
		/* Separators among bytes mean nothing. */
		whole = end = len;
		kind = NAME_BYTES;
	}
	char separator = end < len ? text[end] : 0;
	if (whole)
		put(lexing, kind, STR(""), separator);
	else
		put_part(lexing, str_make(text + from, end - from), seen, separator);
	lexing->at = end + (end < len);
}

void name_lex(const struct name_lexer *lexer, struct str name, struct name_lexed *out)
{
	struct lexing lexing = { .lexer = lexer, .name = name, .out = out };
	out->len = out->parts = out->digits = 0;
	out->wide = out->minutes = out->joined = out->number = 0;
	lexing.has_at = name.len && memchr(name.ptr, '@', name.len);
	bool open = true; /* a part is to come, an empty one behind the last separator too */
	while (open) {
		if (out->parts + 3 > NAME_PARTS_MAX ||
		    out->len + NAME_WORD_MAX + 32 > NAME_SKELETON_MAX) {
			put(&lexing, NAME_REST, STR(""), 0);
			return;
		}
		next_part(&lexing);
		open = lexing.at < name.len || (name.len && out->text[out->len - 1] != 0);
	}
}
