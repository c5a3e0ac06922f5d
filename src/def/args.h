/* args.h - the command line, from commands.def and flags.def.
 *
 *   weir WORD [WORD] [--flag value | --flag=value | --switch | operand]… [-- operand…]
 *
 * A flag of one letter is written -n 20 or -n=20.
 *
 * Parsing checks everything that can be known from the text, so getters cannot
 * fail; a getter for a flag that its command does not use is a bug and stops. All
 * strings are argv's own. Pure. */
#pragma once

#include "base/err.h"
#include "def/commands.h"
#include "def/market_id.h"

enum { ARGS_FLAGS_MAX = 64 };

struct args_flag {
	enum flag flag;
	const char *text; /* NULL for a switch */
};

enum args_wish { ARGS_RUN, ARGS_HELP_ALL, ARGS_HELP_COMMAND };

struct args {
	enum args_wish wish;
	enum command command; /* RUN, HELP_COMMAND; COMMAND_COUNT while it is not known */
	bool whole_group;     /* HELP_COMMAND: of all commands with this first word */
	size_t n_operands, n_flags;
	const char *operands[ARGS_OPERANDS_MAX];
	struct args_flag flags[ARGS_FLAGS_MAX];
};

/* argv as main gets it. USAGE: err says why, without the program's name; out->command
 * is then as far as it was known. */
MUST_CHECK enum status args_parse(int argc, char *const *argv, struct args *out, struct err *err);

bool args_has(const struct args *args, enum flag flag);
/* The last one given, or the flag's preset. */
struct str args_str(const struct args *args, enum flag flag);
int64_t args_i64(const struct args *args, enum flag flag); /* NUMBER */
/* How often it was given, and the index-th of those. */
size_t args_count(const struct args *args, enum flag flag);
struct str args_at(const struct args *args, enum flag flag, size_t index);
/* SOURCE, MARKET: false when not given. */
bool args_source(const struct args *args, enum flag flag, enum venue *venue, enum kind *kind);
bool args_market(const struct args *args, enum flag flag, struct market_id *market);
/* SPEED: times real time, 0 for max; `absent` when not given. */
double args_speed(const struct args *args, enum flag flag, double absent);
