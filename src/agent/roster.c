#include "agent/roster.h"

#include <stdlib.h>

#include "agent/match.h"
#include "base/buf.h"
#include "base/check.h"
#include "os/files.h"

static const struct str clean_begin = { "{clean:", 7 };

/* Texts and lists of words are cut from two blocks that are made once: a file's words are
 * never longer than the file, and what a default pattern adds to a line is known. */
struct roster {
	struct roster_row *rows;
	size_t count, room;
	char *texts;
	size_t texts_len, texts_room;
	const char **words;
	size_t word_count, words_room;
};

struct line {
	const char *name; /* of the file */
	size_t number;
	struct str rest;
	const char *root;
	struct roster *roster;
	struct err *err;
};

static enum status bad(const struct line *line, enum status status, const char *why)
{
	return err_set(line->err, status, "%s:%zu: %s", line->name, line->number, why);
}

/* ---- words ---- */

static void put_byte(struct roster *roster, char c)
{
	CHECK(roster->texts_len < roster->texts_room);
	roster->texts[roster->texts_len++] = c;
}

static void put_text(struct roster *roster, struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		put_byte(roster, text.ptr[i]);
}

static void skip_blanks(struct line *line)
{
	while (line->rest.len && (line->rest.ptr[0] == ' ' || line->rest.ptr[0] == '\t'))
		line->rest = str_skip(line->rest, 1);
}

/* The next word, without its quotes, NUL-terminated among the roster's texts. NOT_FOUND: the
 * line has no more. */
static enum status take_word(struct line *line, struct str *word)
{
	struct roster *roster = line->roster;
	size_t from = roster->texts_len;
	char quote = 0;
	skip_blanks(line);
	if (!line->rest.len || line->rest.ptr[0] == '#')
		return STATUS_NOT_FOUND;
	for (; line->rest.len; line->rest = str_skip(line->rest, 1)) {
		char c = line->rest.ptr[0];
		if (!quote && (c == ' ' || c == '\t'))
			break;
		if ((unsigned char)c < ' ' || c == 0x7F)
			return bad(line, STATUS_FORMAT, "a control character in a word");
		if (quote ? c == quote : c == '"' || c == '\'')
			quote = quote ? 0 : c;
		else
			put_byte(roster, c);
	}
	if (quote)
		return bad(line, STATUS_FORMAT, "a quote that is not closed");
	*word = str_make(roster->texts + from, roster->texts_len - from);
	put_byte(roster, 0);
	return STATUS_OK;
}

/* ---- a row ---- */

static bool is_name(struct str text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	for (size_t i = 0; i < text.len; i++)
		if (!strchr(allowed, text.ptr[i]))
			return false;
	return text.len >= 1 && text.len <= ROSTER_ID_MAX;
}

static enum status take_id(struct line *line, struct str word, struct roster_row *row)
{
	if (!is_name(word) || str_copy(word, row->id, sizeof row->id))
		return bad(line, STATUS_INVALID, "the id is not 1 to 64 of A-Z a-z 0-9 . _ -");
	if (roster_find(line->roster, word))
		return err_set(line->err, STATUS_EXISTS, "%s:%zu: %s stands twice", line->name,
			       line->number, row->id);
	return STATUS_OK;
}

/* ROOT/ID, and a pattern of it. */
static struct str put_home(struct line *line, struct roster_row *row)
{
	struct roster *roster = line->roster;
	struct str root = str_of(line->root);
	size_t from = roster->texts_len;
	while (root.len > 1 && root.ptr[root.len - 1] == '/')
		root.len--;
	put_text(roster, root);
	put_byte(roster, '/');
	put_text(roster, str_of(row->id));
	struct str home = str_make(roster->texts + from, roster->texts_len - from);
	put_byte(roster, 0);
	row->home = home.ptr;
	return home;
}

static struct str default_pattern(struct roster *roster, struct str home)
{
	size_t from = roster->texts_len;
	put_text(roster, STR("terminal64.exe*"));
	put_text(roster, home);
	struct str pattern = str_make(roster->texts + from, roster->texts_len - from);
	put_byte(roster, 0);
	return match_fold(pattern, roster->texts + from);
}

static enum status take_pattern(struct line *line, struct str word, struct roster_row *row)
{
	struct str home = STR("");
	row->home = "";
	if (line->root)
		home = put_home(line, row);
	bool none = !word.len || str_eq(word, STR("-"));
	if (none && !line->root)
		return bad(line, STATUS_INVALID, "no pattern, and no --root to make one of");
	if (!none && !match_is_pattern(word))
		return bad(
		    line, STATUS_INVALID,
		    "the pattern would match too much: it needs a text of 4 letters or digits");
	row->pattern =
	    none ? default_pattern(line->roster, home) : match_fold(word, (char *)word.ptr);
	for (size_t i = 0; i < line->roster->count; i++)
		if (str_eq(line->roster->rows[i].pattern, row->pattern))
			return err_set(line->err, STATUS_EXISTS, "%s:%zu: the pattern is %s's too",
				       line->name, line->number, line->roster->rows[i].id);
	return STATUS_OK;
}

/* {clean:WORD}; kept without its end, so that WORD is a text of its own. */
static bool is_clean_word(struct str word) { return str_starts(word, clean_begin); }

static bool cut_clean_word(struct str word)
{
	if (!is_clean_word(word) || word.len < clean_begin.len + 2 || word.ptr[word.len - 1] != '}')
		return false;
	((char *)word.ptr)[word.len - 1] = 0;
	return true;
}

static enum status take_start(struct line *line, struct roster_row *row)
{
	static const struct str prefix = { "WINEPREFIX=", 11 };
	struct roster *roster = line->roster;
	struct str word = STR("");
	size_t from = roster->word_count;
	enum status status;
	while ((status = take_word(line, &word)) == STATUS_OK) {
		if (roster->word_count - from == ROSTER_WORDS_MAX)
			return bad(line, STATUS_RANGE, "more than 64 words in the start command");
		if (roster->word_count == from && (!word.len || word.ptr[0] == '{'))
			return bad(line, STATUS_FORMAT, "the start command has no program");
		if (word.len && word.ptr[0] == '{' && !cut_clean_word(word))
			return bad(line, STATUS_FORMAT, "a word in { } that is not {clean:WORD}");
		if (str_starts(word, prefix))
			row->wine_prefix = str_skip(word, prefix.len);
		CHECK(roster->word_count < roster->words_room);
		roster->words[roster->word_count++] = word.ptr;
	}
	CHECK(roster->word_count < roster->words_room);
	roster->words[roster->word_count++] = NULL;
	row->start = roster->words + from;
	return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status take_line(struct line *line)
{
	struct roster *roster = line->roster;
	struct roster_row row = { 0 };
	struct str word = STR("");
	enum status status = take_word(line, &word);
	if (status)
		return status == STATUS_NOT_FOUND ? STATUS_OK : status;
	if (roster->count == ROSTER_MAX)
		return bad(line, STATUS_FULL, "more than 512 terminals");
	status = take_id(line, word, &row);
	if (status)
		return status;
	status = take_word(line, &word);
	if (status == STATUS_NOT_FOUND)
		word = STR("");
	else if (status)
		return status;
	status = take_pattern(line, word, &row);
	if (!status)
		status = take_start(line, &row);
	if (!status)
		roster->rows[roster->count++] = row;
	return status;
}

/* ---- the file ---- */

static size_t count_lines(struct str text)
{
	size_t lines = 1;
	for (size_t i = 0; i < text.len; i++)
		lines += text.ptr[i] == '\n';
	return lines;
}

/* Room for the words of the text and their NULs, and for ROOT/ID twice a row. */
static struct roster *make(struct str text, const char *root)
{
	struct roster *roster = calloc(1, sizeof *roster);
	size_t lines = count_lines(text);
	if (!roster)
		return NULL;
	roster->room = lines < ROSTER_MAX ? lines : ROSTER_MAX;
	size_t added = 2 * ((root ? strlen(root) : 0) + ROSTER_ID_MAX + 24);
	roster->texts_room = 2 * text.len + lines + (roster->room + 1) * added;
	roster->words_room = text.len + lines + 1;
	roster->rows = calloc(roster->room, sizeof roster->rows[0]);
	roster->texts = malloc(roster->texts_room);
	roster->words = malloc(roster->words_room * sizeof roster->words[0]);
	if (roster->rows && roster->texts && roster->words)
		return roster;
	roster_destroy(roster);
	return NULL;
}

void roster_destroy(struct roster *roster)
{
	if (!roster)
		return;
	free(roster->rows);
	free(roster->texts);
	free(roster->words);
	free(roster);
}

enum status roster_parse(struct str text, const char *name, const char *root, struct roster **out,
			 struct err *err)
{
	struct line line = { .name = name, .root = root, .err = err };
	struct str one;
	enum status status = STATUS_OK;
	if (!text.ptr)
		text = STR("");
	line.roster = make(text, root);
	if (!line.roster)
		return err_set(err, STATUS_NO_MEMORY, "%s: no memory for terminals", name);
	while (!status && str_split(&text, '\n', &one)) {
		line.number++;
		line.rest = str_trim(one);
		status = take_line(&line);
	}
	if (!status && !line.roster->count)
		status = err_set(err, STATUS_INVALID, "%s: names no terminal", name);
	if (status)
		roster_destroy(line.roster);
	else
		*out = line.roster;
	return status;
}

enum status roster_read(const char *path, const char *root, struct roster **out, struct err *err)
{
	struct buf text;
	buf_init(&text, ROSTER_BYTES_MAX + 1);
	enum status status = files_read(path, ROSTER_BYTES_MAX, &text, err);
	if (!status)
		status = roster_parse(buf_str(&text), path, root, out, err);
	buf_deinit(&text);
	return status;
}

/* ---- looking ---- */

size_t roster_count(const struct roster *roster) { return roster->count; }

const struct roster_row *roster_at(const struct roster *roster, size_t index)
{
	CHECK(index < roster->count);
	return &roster->rows[index];
}

const struct roster_row *roster_find(const struct roster *roster, struct str id)
{
	for (size_t i = 0; i < roster->count; i++)
		if (str_eq(str_of(roster->rows[i].id), id))
			return &roster->rows[i];
	return NULL;
}

bool roster_can_clean(const struct roster_row *row)
{
	for (const char *const *word = row->start; *word; word++)
		if (is_clean_word(str_of(*word)))
			return true;
	return false;
}

bool roster_start_words(const struct roster_row *row, bool clean,
			const char *words[ROSTER_WORDS_MAX + 1])
{
	size_t count = 0;
	for (const char *const *word = row->start; *word; word++) {
		struct str text = str_of(*word);
		if (!is_clean_word(text))
			words[count++] = *word;
		else if (clean)
			words[count++] = *word + clean_begin.len;
	}
	words[count] = NULL;
	return count > 0;
}
