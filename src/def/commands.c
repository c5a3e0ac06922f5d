#include "def/commands.h"

#include "base/check.h"

static const struct command_row commands[] = {
#define COMMAND(id, words, operands, min, max, stop, summary, about)                               \
	[COMMAND_##id] = { words, operands, min, max, STOP_##stop, summary, about, NULL },
#define WAITS(id, word, summary, waits_for)                                                        \
	[COMMAND_##id] = { word, "", 0, ARGS_OPERANDS_MAX, STOP_ANYWHERE, summary, "", waits_for },
#include "def/commands.def"
#undef WAITS
#undef COMMAND
};

static const struct flag_row flags[] = {
#define FLAG(id, name, type, value, preset, min, max, help)                                        \
	{ name, FLAG_##type, value, preset, min, max, help },
#include "def/flags.def"
#undef FLAG
};

static const bool uses[COMMAND_COUNT][FLAG_COUNT] = {
#define USES(command, flag) [COMMAND_##command][FLAG_##flag] = true,
#include "def/commands.def"
#undef USES
};

static const struct command_example examples[] = {
#define EXAMPLE(command, line, what) { COMMAND_##command, line, what },
#include "def/commands.def"
#undef EXAMPLE
};

const struct command_row *command_row(enum command command)
{
	CHECK(command < COMMAND_COUNT);
	return &commands[command];
}

const struct flag_row *flag_row(enum flag flag)
{
	CHECK(flag < FLAG_COUNT);
	return &flags[flag];
}

bool command_uses(enum command command, enum flag flag)
{
	CHECK(command < COMMAND_COUNT && flag < FLAG_COUNT);
	return uses[command][flag];
}

const struct command_example *command_example(size_t index)
{
	return index < ARRAY_LEN(examples) ? &examples[index] : NULL;
}

struct str command_first_word(enum command command)
{
	struct str words = str_of(command_row(command)->words);
	return str_make(words.ptr, str_find_char(words, ' '));
}
