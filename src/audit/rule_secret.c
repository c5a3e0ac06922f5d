#include "audit/rules_impl.h"

#include <ctype.h>

#include "audit/bytes.h"
#include "base/check.h"

enum { SECRET_BYTES_MIN = 8, NAME_BYTES_MAX = 64, TEXT_BYTES_MAX = 4096 };

/* Words that a secret's name holds, as letters alone: "apiKey", "api_key" and "API-KEY" are one. */
static const struct str words[] = { STR("password"),   STR("passwd"),     STR("passphrase"),
				    STR("secret"),     STR("apikey"),     STR("accesskey"),
				    STR("privatekey"), STR("bearer"),     STR("credential"),
				    STR("mnemonic"),   STR("seedphrase"), STR("authorization") };

/* How the hashes of passwords begin: those are no plain text. */
static const char *const hashes[] = { "$2",     "$1$",    "$5$",    "$6$",    "$argon2", "$scrypt",
				      "pbkdf2", "scrypt", "sha256", "{SSHA}", "{SHA}",   "md5:" };

static bool holds(struct str text, struct str word)
{
	return memmem(text.ptr, text.len, word.ptr, word.len) != NULL;
}

/* Does one of the words begin here? Nearly always its first letter says no. */
static bool begins_word(struct str text)
{
	static const bool first[256] = {
		['p'] = true, ['s'] = true, ['a'] = true, ['b'] = true, ['c'] = true, ['m'] = true
	};
	if (!first[(unsigned char)text.ptr[0]])
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i].ptr[0] == text.ptr[0] && str_starts(text, words[i]))
			return true;
	return false;
}

static bool ends(struct str text, struct str word)
{
	return text.len >= word.len && str_eq(str_skip(text, text.len - word.len), word);
}

static bool is_named(struct str name, bool *password)
{
	char letters[NAME_BYTES_MAX];
	struct str plain = { letters, 0 };
	for (size_t i = 0; i < name.len && plain.len < sizeof letters; i++) {
		char c = byte_alnum_lower(name.ptr[i]);
		letters[plain.len] = c;
		plain.len += c != 0;
	}
	/* "access_token" is one, "tokens" of a market are not. */
	bool named = ends(plain, STR("token")) || str_eq(plain, STR("jwt"));
	for (size_t i = 0; i < plain.len && !named; i++)
		named = begins_word(str_skip(plain, i));
	/* A token against forged requests must live in the session: it is compared with it. */
	if (named && (holds(plain, STR("csrf")) || holds(plain, STR("xsrf"))))
		named = false;
	*password = named && holds(plain, STR("passw"));
	return named;
}

/* "********", "xxxx", "<hidden>", "abcd****wxyz" */
static bool is_masked(struct str value)
{
	size_t stars = 0, same = 0;
	for (size_t i = 0; i < value.len; i++) {
		stars += value.ptr[i] == '*';
		same += value.ptr[i] == value.ptr[0];
	}
	char first = value.ptr[0], last = value.ptr[value.len - 1];
	return stars >= 3 || same == value.len || (first == '<' && last == '>') ||
	       (first == '[' && last == ']');
}

static bool is_hex(struct str value)
{
	for (size_t i = 0; i < value.len; i++)
		if (!isxdigit((unsigned char)value.ptr[i]))
			return false;
	return true;
}

static bool is_hash(struct str value, bool password)
{
	for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
		if (str_starts(value, str_of(hashes[i])))
			return true;
	/* MD5, SHA-1, SHA-256, SHA-512: only where a password is said to be, keys look alike */
	return password && is_hex(value) &&
	       (value.len == 32 || value.len == 40 || value.len == 64 || value.len == 128);
}

bool rule_secret_is(struct str name, struct str value)
{
	bool password;
	if (value.len < SECRET_BYTES_MIN || !is_named(name, &password))
		return false;
	return !is_masked(value) && !is_hash(value, password);
}

static bool parts_pairs(char c)
{
	return c == '&' || c == ';' || c == ',' || c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* `name=value`, wherever an equals sign stands. */
bool rule_secret_text(struct str text)
{
	if (text.len > TEXT_BYTES_MAX)
		text.len = TEXT_BYTES_MAX;
	if (str_starts(text, STR("Bearer ")))
		return text.len >= sizeof "Bearer " - 1 + SECRET_BYTES_MIN;
	for (size_t at = str_find_char(text, '='), behind; at < text.len; at = behind) {
		size_t from = at, to = at + 1;
		while (from > 0 && at - from < NAME_BYTES_MAX && !parts_pairs(text.ptr[from - 1]))
			from--;
		while (to < text.len && !parts_pairs(text.ptr[to]))
			to++;
		if (rule_secret_is(str_make(text.ptr + from, at - from),
				   str_make(text.ptr + at + 1, to - at - 1)))
			return true;
		behind = to + str_find_char(str_skip(text, to), '=');
	}
	return false;
}
