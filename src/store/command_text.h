/* command_text.h - a Redis command being put together: words, and the text they point
 * into. No allocation: both are the caller's scratch, used again for each command. */
#pragma once

#include "base/check.h"
#include "base/number.h"

enum { COMMAND_WORDS_MAX = 256, COMMAND_TEXT_MAX = 16384 };

struct command_text {
	struct str words[COMMAND_WORDS_MAX];
	size_t count;
	char storage[COMMAND_TEXT_MAX];
	size_t used;
};

static inline void command_begin(struct command_text *command, struct str verb)
{
	command->count = command->used = 0;
	command->words[command->count++] = verb;
}

/* The word must live until the command is sent. */
static inline void command_word(struct command_text *command, struct str word)
{
	CHECK(command->count < COMMAND_WORDS_MAX);
	command->words[command->count++] = word;
}

/* A copy of it: cut at what is left, which the bounds of all that is put rule out. */
static inline void command_copy(struct command_text *command, struct str word)
{
	CHECK(word.len <= COMMAND_TEXT_MAX - command->used);
	char *at = command->storage + command->used;
	if (word.len)
		memcpy(at, word.ptr, word.len);
	command->used += word.len;
	command_word(command, str_make(at, word.len));
}

static inline void command_i64(struct command_text *command, int64_t value)
{
	char storage[24];
	struct buf text = buf_over(storage, sizeof storage);
	buf_i64(&text, value);
	command_copy(command, buf_str(&text));
}

static inline void command_u64(struct command_text *command, uint64_t value)
{
	char storage[24];
	struct buf text = buf_over(storage, sizeof storage);
	buf_u64(&text, value);
	command_copy(command, buf_str(&text));
}

static inline void command_number(struct command_text *command, struct number value)
{
	char storage[48];
	struct buf text = buf_over(storage, sizeof storage);
	number_print(&text, value);
	command_copy(command, buf_str(&text));
}

/* Field and value of an HSET or an XADD. */
static inline void command_pair(struct command_text *command, struct str field, struct str value)
{
	command_word(command, field);
	command_word(command, value);
}

static inline void command_pair_i64(struct command_text *command, struct str field, int64_t value)
{
	command_word(command, field);
	command_i64(command, value);
}
