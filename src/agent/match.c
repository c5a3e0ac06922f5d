#include "agent/match.h"

#include <stdio.h>

static const char program_name[] = "terminal64.exe";

/* ---- patterns ---- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_of_name(char c) { return is_letter(c) || c == '_' || c == '-'; }

static char fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c == '\\' ? '/' : c;
}

struct str match_fold(struct str text, char *out)
{
	for (size_t i = 0; i < text.len; i++)
		out[i] = fold(text.ptr[i]);
	return str_make(out, text.len);
}

bool match_is_pattern(struct str pattern)
{
	struct str part;
	int most = 0;
	while (str_split(&pattern, '*', &part)) {
		int letters = 0;
		for (size_t i = 0; i < part.len; i++)
			letters += is_letter(part.ptr[i]);
		if (!letters)
			return false;
		most = letters > most ? letters : most;
	}
	return most >= MATCH_LETTERS_MIN;
}

/* Whether the part of `text` from `at` on stands apart from what is beside it. */
static bool stands_apart(struct str text, size_t at, struct str part)
{
	size_t end = at + part.len;
	if (at > 0 && is_of_name(part.ptr[0]) && is_of_name(text.ptr[at - 1]))
		return false;
	return end >= text.len || !is_of_name(part.ptr[part.len - 1]) || !is_of_name(text.ptr[end]);
}

static bool has_part(struct str text, struct str part)
{
	for (size_t at = 0; at + part.len <= text.len; at++) {
		const char *found = memmem(text.ptr + at, text.len - at, part.ptr, part.len);
		if (!found)
			return false;
		at = (size_t)(found - text.ptr);
		if (stands_apart(text, at, part))
			return true;
	}
	return false;
}

bool match_command(struct str pattern, struct str command)
{
	struct str part;
	while (str_split(&pattern, '*', &part))
		if (!part.len || !has_part(command, part))
			return false;
	return true;
}

/* ---- the program ---- */

/* Where the first terminal64.exe ends; 0: nowhere. */
static size_t end_of_program(struct str command)
{
	const size_t len = sizeof program_name - 1;
	for (size_t at = 0; at + len <= command.len; at++) {
		size_t same = 0;
		while (same < len && fold(command.ptr[at + same]) == program_name[same])
			same++;
		bool apart = at + len == command.len || !is_of_name(command.ptr[at + len]);
		if (same == len && apart)
			return at + len;
	}
	return 0;
}

/* A path of Linux as it is, one of Windows as Wine maps it; false: neither, or too long. */
static bool path_of(struct str text, struct str wine_prefix, char path[MATCH_PATH_MAX])
{
	struct str rest = text.len > 2 ? str_skip(text, 2) : text;
	char drive = text.len > 2 && text.ptr[1] == ':' ? fold(text.ptr[0]) : 0;
	int len = -1;
	if (text.ptr[0] == '/')
		len = snprintf(path, MATCH_PATH_MAX, "%.*s", STR_ARG(text));
	else if (drive == 'z')
		len = snprintf(path, MATCH_PATH_MAX, "%.*s", STR_ARG(rest));
	else if (drive >= 'a' && drive < 'z' && wine_prefix.len)
		len = snprintf(path, MATCH_PATH_MAX, "%.*s/drive_%c%.*s", STR_ARG(wine_prefix),
			       drive, STR_ARG(rest));
	if (len <= 0 || len >= MATCH_PATH_MAX)
		return false;
	for (char *c = path; drive && *c; c++)
		if (*c == '\\')
			*c = '/';
	return path[0] == '/';
}

bool match_programs(struct str command, struct str wine_prefix,
		    bool (*fn)(void *ctx, const char *path), void *ctx)
{
	char path[MATCH_PATH_MAX];
	size_t end = end_of_program(command);
	for (size_t at = 0; at < end; at++) {
		if (at > 0 && command.ptr[at - 1] != ' ')
			continue;
		struct str text = str_make(command.ptr + at, end - at);
		if (path_of(text, wine_prefix, path) && fn(ctx, path))
			return true;
	}
	return false;
}
