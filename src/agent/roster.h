/* roster.h - the terminals of a host, from the file that `weir agent --terminals` names.
 *
 *   ID [PATTERN [START COMMAND…]]      # a comment
 *
 * One a line. An id is 1 to 64 of A-Z a-z 0-9 . _ - and stands once, as a pattern does
 * (match.h says what one is). A pattern of - or none at all is `terminal64.exe` together
 * with the portable folder ROOT/ID; it needs --root. The start command is run as it stands,
 * word by word and never through a shell; without one the agent starts nothing. Its word
 * {clean:WORD} is WORD when a clean start is asked for and else left out. Blanks and tabs
 * separate words; what stands in "…" or '…' is taken as it is; # begins a comment where a
 * word would.
 * Read whole or not at all. Blocking only in roster_read; otherwise pure. */
#pragma once

#include "base/err.h"
#include "base/str.h"

enum {
	ROSTER_MAX = 512, /* one M a second each stays below what weir takes of a connection */
	ROSTER_ID_MAX = 64,
	ROSTER_WORDS_MAX = 64, /* of a start command */
	ROSTER_BYTES_MAX = 1 << 20,
};

struct roster_row {
	char id[ROSTER_ID_MAX + 1];
	struct str pattern;       /* folded */
	const char *home;         /* ROOT/ID; "" without a root */
	struct str wine_prefix;   /* of a word WINEPREFIX=… of the start command; "" */
	const char *const *start; /* NULL-terminated; start[0] is NULL without one */
};

struct roster;

/* "FILE:LINE: reason" in err. root: NULL or the folder of portable folders. */
MUST_CHECK enum status roster_parse(struct str text, const char *name, const char *root,
				    struct roster **roster, struct err *err);
MUST_CHECK enum status roster_read(const char *path, const char *root, struct roster **roster,
				   struct err *err);
void roster_destroy(struct roster *roster);       /* NULL is fine */
size_t roster_count(const struct roster *roster); /* from 1 on */
const struct roster_row *roster_at(const struct roster *roster, size_t index);
const struct roster_row *roster_find(const struct roster *roster, struct str id); /* NULL */
/* The words to run; false: there is no start command. They live as long as the roster. */
bool roster_start_words(const struct roster_row *row, bool clean,
			const char *words[ROSTER_WORDS_MAX + 1]);
/* Whether its start command knows a clean start. */
bool roster_can_clean(const struct roster_row *row);
