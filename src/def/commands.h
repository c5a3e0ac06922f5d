/* commands.h - the commands and flags there are, from commands.def and flags.def.
 * Tables only; args.h reads a command line by them. Any thread. */
#pragma once

#include "base/str.h"

enum { ARGS_OPERANDS_MAX = 1024 };

enum command {
#define COMMAND(id, words, operands, min, max, stop, summary, about) COMMAND_##id,
#include "def/commands.def"
#undef COMMAND
	COMMAND_THERE, /* above: commands that are there */
	COMMAND_BEFORE_WAITING = COMMAND_THERE - 1,
#define WAITS(id, word, summary, waits_for) COMMAND_##id,
#include "def/commands.def"
#undef WAITS
	COMMAND_COUNT
};

enum flag {
#define FLAG(id, name, type, value, preset, min, max, help) FLAG_##id,
#include "def/flags.def"
#undef FLAG
	FLAG_COUNT
};

enum flag_type {
	FLAG_SWITCH,
	FLAG_TEXT,
	FLAG_NUMBER,
	FLAG_CHOICE,
	FLAG_SOURCE,
	FLAG_MARKET,
	FLAG_SPEED,
};

struct flag_row {
	const char *name; /* without the two dashes */
	enum flag_type type;
	const char *value; /* its name in usage lines; the words of a CHOICE, joined by | */
	const char *preset;
	int64_t min, max;
	const char *help;
};

enum command_stop { STOP_ANYWHERE, STOP_AT_OPERAND };

struct command_row {
	const char *words; /* "tape stat" */
	const char *operands;
	size_t min, max; /* operands */
	enum command_stop stop;
	const char *summary; /* without a full stop */
	const char *about;   /* lines; `x` marks a literal word */
	const char *waits;   /* what it waits for; NULL when it is there */
};

struct command_example {
	enum command command;
	const char *line, *what;
};

const struct command_row *command_row(enum command command);
const struct flag_row *flag_row(enum flag flag);
/* A flag whose name is one letter is written with one dash. */
static inline const char *flag_dashes(const struct flag_row *row)
{
	return row->name[1] ? "--" : "-";
}
bool command_uses(enum command command, enum flag flag);
/* Walks all examples; NULL at the end. */
const struct command_example *command_example(size_t index);
/* "tape" of "tape stat". */
struct str command_first_word(enum command command);
