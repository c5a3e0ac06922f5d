#include "serve/access.h"

#include <stdlib.h>

#include "base/check.h"

enum { FILE_BYTES_MAX = 1 << 20, KEY_BYTES = 32 };

struct access {
	size_t count;
	uint8_t key[KEY_BYTES];
	struct access_user users[ACCESS_MAX];
};

void access_destroy(struct access *access)
{
	if (!access)
		return;
	explicit_bzero(access, sizeof *access);
	free(access);
}

size_t access_count(const struct access *access) { return access->count; }

const struct access_user *access_at(const struct access *access, size_t index)
{
	CHECK(index < access->count);
	return &access->users[index];
}

static struct str mac_text(const uint8_t *mac)
{
	return str_make((const char *)mac, SECRET_MAC_BYTES);
}

static bool make_mac(const struct access *access, struct str token, uint8_t *mac)
{
	return secret_mac(str_make((const char *)access->key, KEY_BYTES), token, mac) == STATUS_OK;
}

const struct access_user *access_find(const struct access *access, struct str token)
{
	const struct access_user *found = NULL;
	uint8_t mac[SECRET_MAC_BYTES];
	if (token.len > ACCESS_TOKEN_MAX || !make_mac(access, token, mac))
		return NULL;
	for (size_t i = 0; i < access->count; i++)
		if (secret_equal(mac_text(access->users[i].mac), mac_text(mac)))
			found = &access->users[i];
	explicit_bzero(mac, sizeof mac);
	return found;
}

/* ---- the file ---- */

struct line {
	const char *name; /* of the file */
	size_t number;
	struct err *err;
};

static enum status bad(const struct line *line, const char *why)
{
	return err_set(line->err, STATUS_INVALID, "%s:%zu: %s", line->name, line->number, why);
}

/* The next word of the line; false at its end or at a comment. */
static bool take_word(struct str *rest, struct str *word)
{
	*rest = str_trim(*rest);
	if (!rest->len || rest->ptr[0] == '#')
		return false;
	size_t len = 0;
	while (len < rest->len && rest->ptr[len] != ' ' && rest->ptr[len] != '\t')
		len++;
	*word = str_make(rest->ptr, len);
	*rest = str_skip(*rest, len);
	return true;
}

static bool is_name(struct str text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-@";
	for (size_t i = 0; i < text.len; i++)
		if (!text.ptr[i] || !strchr(allowed, text.ptr[i]))
			return false;
	return text.len >= 1 && text.len <= ACCESS_NAME_MAX;
}

static bool is_token(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
			return false;
	return text.len >= ACCESS_TOKEN_MIN && text.len <= ACCESS_TOKEN_MAX;
}

/* 0: one of them is none. */
static unsigned scopes_of(struct str words)
{
	static const struct {
		struct str name;
		enum access_scope scope;
	} known[] = { { { "read", 4 }, ACCESS_READ },
		      { { "signal", 6 }, ACCESS_SIGNAL },
		      { { "admin", 5 }, ACCESS_ADMIN } };
	unsigned scopes = 0;
	struct str word;
	while (str_split(&words, ',', &word)) {
		unsigned one = 0;
		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			if (str_eq(word, known[i].name))
				one = known[i].scope;
		if (!one)
			return 0;
		scopes |= one;
	}
	return scopes;
}

static enum status take_user(const struct line *line, struct str words[3], struct access *access)
{
	struct access_user *user = &access->users[access->count];
	if (access->count == ACCESS_MAX)
		return bad(line, "more than 1024 tokens");
	if (!is_name(words[0]) || str_copy(words[0], user->name, sizeof user->name))
		return bad(line, "the name is not 1 to 64 of A-Z a-z 0-9 . _ - @");
	if (!is_token(words[1]))
		return bad(line, "the token is not 16 to 255 printable characters");
	user->scopes = scopes_of(words[2]);
	if (!user->scopes)
		return bad(line, "the scopes are not of read, signal, admin");
	for (size_t i = 0; i < access->count; i++)
		if (strcmp(access->users[i].name, user->name) == 0)
			return bad(line, "the name stands twice");
	if (access_find(access, words[1]))
		return bad(line, "the token stands twice");
	if (!make_mac(access, words[1], user->mac))
		return bad(line, "no memory");
	access->count++;
	return STATUS_OK;
}

static enum status take_line(const struct line *line, struct str text, struct access *access)
{
	struct str words[3], more;
	size_t n = 0;
	while (n < ARRAY_LEN(words) && take_word(&text, &words[n]))
		n++;
	if (!n)
		return STATUS_OK;
	if (n < ARRAY_LEN(words) || take_word(&text, &more))
		return bad(line, "a line is NAME TOKEN SCOPE[,SCOPE]");
	return take_user(line, words, access);
}

static enum status take_lines(struct str text, struct line *line, struct access *access)
{
	enum status status = secret_random(access->key, sizeof access->key, line->err);
	struct str one;
	while (!status && str_split(&text, '\n', &one)) {
		line->number++;
		status = take_line(line, one, access);
	}
	return status;
}

enum status access_parse(struct str text, const char *name, struct access **out, struct err *err)
{
	struct access *access = calloc(1, sizeof *access);
	struct line line = { name, 0, err };
	if (!access)
		return err_set(err, STATUS_NO_MEMORY, "%s: out of memory", name);
	enum status status = take_lines(text, &line, access);
	if (status)
		access_destroy(access);
	else
		*out = access;
	return status;
}

enum status access_read(const char *path, struct access **out, struct err *err)
{
	struct buf text;
	buf_init(&text, FILE_BYTES_MAX + 1);
	enum status status = secret_read_file(path, FILE_BYTES_MAX, &text, err);
	if (status == STATUS_OK)
		status = access_parse(buf_str(&text), path, out, err);
	secret_wipe(&text);
	return status;
}
