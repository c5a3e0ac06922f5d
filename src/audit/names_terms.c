#include "audit/names_terms.h"

#include "audit/key.h"

static bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool in_term(char c)
{
	return is_upper(c) || is_lower(c) || is_digit(c) || (unsigned char)c >= 0x80;
}

/* trades → trade, strategies → strategy, boxes → box; status and address stay. */
static void to_singular(struct name_term *term)
{
	char *text = term->text;
	size_t n = term->len;
	if (n < 4 || text[n - 1] != 's' || strchr("sui", text[n - 2]))
		return;
	if (n > 4 && text[n - 2] == 'e' && text[n - 3] == 'i') {
		text[n - 3] = 'y';
		term->len = n - 2;
		return;
	}
	bool es = text[n - 2] == 'e' && (strchr("sxz", text[n - 3]) || text[n - 3] == 'h');
	term->len = n - 1 - es;
}

/* Bytes of the term that begins the word: up to a mark, or to where a new word begins. */
static size_t term_bytes(struct str word)
{
	size_t n = 1;
	for (; n < word.len && in_term(word.ptr[n]); n++)
		if (is_upper(word.ptr[n]) && is_lower(word.ptr[n - 1]) && n + 1 < word.len)
			break;
	return n;
}

bool name_term_next(struct name_terms *terms, struct name_term *term)
{
	for (;;) {
		while (terms->word.len && !in_term(terms->word.ptr[0]))
			terms->word = str_skip(terms->word, 1);
		if (terms->word.len)
			break;
		struct name_part part;
		if (!name_part_next(&terms->skeleton, &part))
			return false;
		terms->word = part.kind == NAME_WORD ? part.word : str_make(NULL, 0);
	}
	size_t n = term_bytes(terms->word);
	term->len = n < NAME_TERM_BYTES ? n : NAME_TERM_BYTES;
	for (size_t i = 0; i < term->len; i++) {
		char c = terms->word.ptr[i];
		term->text[i] = (char)(is_upper(c) ? c + 32 : c);
	}
	to_singular(term);
	terms->word = str_skip(terms->word, n);
	return true;
}

uint64_t name_thing(struct str skeleton)
{
	struct name_terms terms = name_terms_of(skeleton);
	struct name_term term;
	struct name_part part;
	uint64_t sum = 0;
	unsigned words = 0, kinds = 0;
	for (; name_term_next(&terms, &term); words++)
		sum += audit_digest(str_make(term.text, term.len));
	while (name_part_next(&skeleton, &part)) {
		if (part.kind == NAME_BYTES || part.kind == NAME_REST)
			return 0;
		if (part.kind == NAME_WORD)
			continue;
		sum += audit_digest(str_of(name_kind_text(part.kind)));
		kinds += part.kind != NAME_ANY;
	}
	return words || kinds > 1 ? sum | 1 : 0;
}
