#include "gate/tokens.h"

#include <stdlib.h>

#include "base/check.h"
#include "os/secret.h"

enum { FILE_BYTES_MAX = 32 << 20, GROWTH_FIRST = 64 };

struct tokens {
	struct token *rows;
	size_t count, room;
	uint32_t *index; /* open addressing, twice the room: a row's number + 1, 0 empty */
};

struct tokens *tokens_create(void) { return calloc(1, sizeof(struct tokens)); }

void tokens_destroy(struct tokens *tokens)
{
	if (!tokens)
		return;
	for (size_t i = 0; i < tokens->count; i++) {
		char *secret = (char *)tokens->rows[i].secret.ptr;
		explicit_bzero(secret, tokens->rows[i].secret.len);
		free(secret);
	}
	free(tokens->rows);
	free(tokens->index);
	free(tokens);
}

/* ---- rows ---- */

/* Where the id stands in the index, or where it would. */
static uint32_t *place_of(const struct tokens *tokens, struct str id)
{
	size_t mask = tokens->room * 2 - 1, at = str_hash(id) & mask;
	for (;; at = (at + 1) & mask) {
		uint32_t *place = &tokens->index[at];
		if (!*place || str_eq(id, str_of(tokens->rows[*place - 1].identity.id)))
			return place;
	}
}

static enum status grow(struct tokens *tokens)
{
	size_t room = tokens->room ? tokens->room * 2 : GROWTH_FIRST;
	struct token *rows = realloc(tokens->rows, room * sizeof rows[0]);
	if (rows)
		tokens->rows = rows;
	uint32_t *index = calloc(room * 2, sizeof index[0]);
	if (!rows || !index) {
		free(index);
		return STATUS_NO_MEMORY;
	}
	free(tokens->index);
	tokens->index = index;
	tokens->room = room;
	for (size_t i = 0; i < tokens->count; i++)
		*place_of(tokens, str_of(rows[i].identity.id)) = (uint32_t)i + 1;
	return STATUS_OK;
}

static bool is_name(struct str text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	for (size_t i = 0; i < text.len; i++)
		if (!text.ptr[i] || !strchr(allowed, text.ptr[i]))
			return false;
	return text.len >= 1 && text.len <= INSTANCE_NAME_MAX;
}

static bool is_secret(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
			return false;
	return text.len >= TOKEN_MIN && text.len <= TOKEN_MAX;
}

static bool is_good(const struct token *token)
{
	const struct instance_identity *who = &token->identity;
	bool good = is_name(str_of(who->id)) && is_secret(token->secret) &&
		    (!who->host[0] || is_name(str_of(who->host))) &&
		    who->group_count <= INSTANCE_GROUPS_MAX;
	for (uint32_t i = 0; good && i < who->group_count; i++)
		good = is_name(str_of(who->groups[i]));
	return good;
}

enum status tokens_add(struct tokens *tokens, const struct token *token)
{
	if (!is_good(token))
		return STATUS_INVALID;
	if (tokens_find(tokens, str_of(token->identity.id)))
		return STATUS_EXISTS;
	if (tokens->count == TOKENS_MAX)
		return STATUS_FULL;
	if (tokens->count == tokens->room && grow(tokens) != STATUS_OK)
		return STATUS_NO_MEMORY;
	char *secret = malloc(token->secret.len);
	if (!secret)
		return STATUS_NO_MEMORY;
	memcpy(secret, token->secret.ptr, token->secret.len);
	struct token *row = &tokens->rows[tokens->count];
	*row = *token;
	row->secret.ptr = secret;
	*place_of(tokens, str_of(row->identity.id)) = (uint32_t)++tokens->count;
	return STATUS_OK;
}

size_t tokens_count(const struct tokens *tokens) { return tokens->count; }

const struct token *tokens_at(const struct tokens *tokens, size_t index)
{
	CHECK(index < tokens->count);
	return &tokens->rows[index];
}

const struct token *tokens_find(const struct tokens *tokens, struct str id)
{
	if (!tokens->count)
		return NULL;
	uint32_t number = *place_of(tokens, id);
	return number ? &tokens->rows[number - 1] : NULL;
}

/* ---- the file ---- */

struct line {
	const char *name; /* of the file */
	size_t number;
	struct err *err;
};

static enum status bad(const struct line *line, enum status status, const char *why)
{
	return err_set(line->err, status, "%s:%zu: %s", line->name, line->number, why);
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

static enum status take_name(const struct line *line, struct str word, char *out, const char *what)
{
	if (!is_name(word) || str_copy(word, out, INSTANCE_NAME_MAX + 1))
		return err_set(line->err, STATUS_INVALID,
			       "%s:%zu: %s is not 1 to %d of A-Z a-z 0-9 . _ -", line->name,
			       line->number, what, INSTANCE_NAME_MAX);
	return STATUS_OK;
}

static enum status take_groups(const struct line *line, struct str words,
			       struct instance_identity *out)
{
	struct str group;
	while (str_split(&words, ',', &group)) {
		if (out->group_count == INSTANCE_GROUPS_MAX)
			return bad(line, STATUS_RANGE, "more than 8 groups");
		enum status status =
		    take_name(line, group, out->groups[out->group_count], "the group");
		if (status)
			return status;
		out->group_count++;
	}
	return STATUS_OK;
}

static enum status take_more(const struct line *line, struct str rest,
			     struct instance_identity *out)
{
	struct str word;
	enum status status = STATUS_OK;
	if (take_word(&rest, &word) && !str_eq(word, STR("-")))
		status = take_name(line, word, out->host, "the host");
	if (!status && take_word(&rest, &word))
		status = take_groups(line, word, out);
	if (!status && take_word(&rest, &word))
		status = bad(line, STATUS_FORMAT, "more than ID TOKEN HOST GROUP,GROUP");
	return status;
}

/* Why not, without a word of the token. */
static enum status add(const struct line *line, struct tokens *tokens, const struct token *token)
{
	enum status status = tokens_add(tokens, token);
	switch (status) {
	case STATUS_OK: return STATUS_OK;
	case STATUS_INVALID:
		return bad(line, status, "the token is not 12 to 255 printable characters");
	case STATUS_EXISTS:
		return err_set(line->err, status, "%s:%zu: %s stands twice", line->name,
			       line->number, token->identity.id);
	case STATUS_FULL: return bad(line, status, "more than 16384 tokens");
	default: return bad(line, status, "no memory for tokens");
	}
}

static enum status take_line(const struct line *line, struct str text, struct tokens *tokens)
{
	struct token token = { 0 };
	struct str id;
	if (!take_word(&text, &id))
		return STATUS_OK;
	enum status status = take_name(line, id, token.identity.id, "the id");
	if (status)
		return status;
	if (!take_word(&text, &token.secret))
		return bad(line, STATUS_FORMAT, "no token after the id");
	status = take_more(line, text, &token.identity);
	return status ? status : add(line, tokens, &token);
}

enum status tokens_parse(struct str text, const char *name, struct tokens **out, struct err *err)
{
	struct tokens *tokens = tokens_create();
	struct line line = { name, 0, err };
	struct str one;
	enum status status = STATUS_OK;
	if (!tokens)
		return err_set(err, STATUS_NO_MEMORY, "%s: out of memory", name);
	if (!text.ptr)
		text = STR("");
	while (!status && str_split(&text, '\n', &one)) {
		line.number++;
		status = take_line(&line, one, tokens);
	}
	if (status)
		tokens_destroy(tokens);
	else
		*out = tokens;
	return status;
}

enum status tokens_read(const char *path, struct tokens **out, struct err *err)
{
	struct buf text;
	buf_init(&text, FILE_BYTES_MAX + 1);
	enum status status = secret_read_file(path, FILE_BYTES_MAX, &text, err);
	if (status == STATUS_OK)
		status = tokens_parse(buf_str(&text), path, out, err);
	secret_wipe(&text);
	return status;
}
