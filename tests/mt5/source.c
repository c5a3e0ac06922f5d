#include "source.h"

#include <ctype.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void blank_comments(char *text)
{
	bool in_string = false;
	for (char *c = text; *c; c++) {
		if (*c == '"' && c[-1] != '\\')
			in_string = !in_string;
		if (in_string || c[0] != '/' || c[1] != '/')
			continue;
		while (*c && *c != '\n')
			*c++ = ' ';
	}
}

static size_t read_file(const char *name, char *out, size_t room)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/../../mt5/%s", TEST_DATA_DIR, name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t n = fread(out, 1, room - 1, file);
	assert_true(n < room - 1);
	out[n] = '\0';
	fclose(file);
	/* MetaEditor guesses a file's encoding: there shall be nothing to guess. */
	for (size_t i = 0; i < n; i++)
		assert_in_range(out[i], '\t', '~');
	return n;
}

static int is_source(const struct dirent *entry)
{
	return strstr(entry->d_name, ".mqh") || strstr(entry->d_name, ".mq5");
}

const char *source_load(const char *only)
{
	static char text[SOURCE_BYTES];
	struct dirent **entries;
	size_t used = 1;
	text[0] = '\n';
	int count = scandir(TEST_DATA_DIR "/../../mt5", &entries, is_source, alphasort);
	assert_true(count > 10);
	for (int i = 0; i < count; i++) {
		if (!only || strcmp(only, entries[i]->d_name) == 0)
			used += read_file(entries[i]->d_name, text + used, sizeof text - used);
		free(entries[i]);
	}
	free(entries);
	blank_comments(text + 1);
	return text;
}

const char *source_define(const char *text, const char *name)
{
	static char value[SOURCE_ARG];
	char find[128];
	snprintf(find, sizeof find, "#define %s ", name);
	const char *at = strstr(text, find);
	value[0] = '\0';
	if (at)
		sscanf(at + strlen(find), "%255s", value);
	return value;
}

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* From behind the opening parenthesis; the index-th argument. */
static void copy_argument(const char *at, int index, char argument[SOURCE_ARG])
{
	int depth = 0;
	size_t used = 0;
	bool in_string = false;
	for (; *at && (depth > 0 || in_string || *at != ')'); at++) {
		in_string = in_string != (*at == '"');
		depth += in_string ? 0 : (*at == '(') - (*at == ')');
		if (!in_string && depth == 0 && *at == ',') {
			index--;
			continue;
		}
		if (index == 0 && used < SOURCE_ARG - 1 &&
		    (used > 0 || !isspace((unsigned char)*at)))
			argument[used++] = *at;
	}
	argument[used] = '\0';
}

bool source_call(const char **at, const char *name, int index, char argument[SOURCE_ARG])
{
	const char *found = *at;
	size_t length = strlen(name);
	while ((found = strstr(found, name))) {
		const char *before = found - 1;
		found += length;
		if (is_word(*before) || *found != '(')
			continue;
		/* `void Name(` at the start of a line declares it. */
		while (before[-1] != '\n' && *before == ' ')
			before--;
		if (is_word(*before) && strncmp(before - 5, "return", 6) != 0)
			continue;
		copy_argument(found + 1, index, argument);
		*at = found;
		return true;
	}
	return false;
}

bool source_function(const char *text, const char *name, const char **from, const char **to)
{
	char find[128];
	int depth = 0;
	snprintf(find, sizeof find, " %s(", name);
	for (const char *at = text; (at = strstr(at, find)); at++) {
		const char *end = strchr(at, ')');
		const char *line = at;
		while (line[-1] != '\n')
			line--;
		if (!is_word(*line) || !end)
			continue;
		while (*end && *end != '{' && *end != ';')
			end++;
		if (*end != '{')
			continue;
		*from = end;
		do {
			depth += (*end == '{') - (*end == '}');
			end++;
		} while (depth > 0);
		*to = end;
		return true;
	}
	return false;
}

bool source_literal(const char **at, const char *end, char literal[SOURCE_ARG])
{
	const char *open = memchr(*at, '"', (size_t)(end - *at));
	if (!open)
		return false;
	const char *close = memchr(open + 1, '"', (size_t)(end - open - 1));
	assert_non_null(close);
	snprintf(literal, SOURCE_ARG, "%.*s", (int)(close - open - 1), open + 1);
	*at = close + 1;
	return true;
}
