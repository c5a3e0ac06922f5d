/* command_pipe.h - what a store says to its server: commands put together in one scratch,
 * transactions that go out whole or not at all, and how many replies are awaited.
 *
 *   command_pipe_begin(&pipe)            MULTI; FULL, CLOSED: nothing was begun
 *   command_begin(&pipe.text, verb) … command_pipe_add(&pipe)
 *   command_pipe_end(&pipe, fn, ctx)     EXEC, or DISCARD if any of it could not be sent
 *
 * Only the reply of EXEC is looked at: a command that was refused while it was queued
 * aborts it, one that failed afterwards stands as an error in its array
 * (command_pipe_exec). Should the port take neither EXEC nor DISCARD, the server waits
 * inside MULTI: DISCARD is then sent before anything else, and until it was, nothing is.
 *
 * No transaction begins while COMMAND_PIPE_BYTES are pending, so that the port's own bound
 * is not met in the middle of one; `command_pipe_is_full` tells those who can wait.
 * No allocation. One store, its thread. */
#pragma once

#include "port/redis.h"
#include "store/command_text.h"

enum { COMMAND_PIPE_BYTES = 4 << 20 };

struct command_pipe {
	struct redis_port *redis;
	struct command_text text; /* of the command that is being put together */
	size_t in_flight;         /* replies awaited that somebody looks at */
	bool open;                /* between begin and end */
	bool discard_due;         /* the server may be inside a MULTI that will not end */
	enum status trouble;      /* of the open transaction */
};

static inline bool command_pipe_is_full(const struct command_pipe *pipe)
{
	return redis_pending_bytes(pipe->redis) > COMMAND_PIPE_BYTES;
}

/* pipe->text; fn runs once when it is OK, never otherwise. Its last word is
 * command_pipe_answered. */
MUST_CHECK enum status command_pipe_send(struct command_pipe *pipe, redis_reply_fn fn, void *ctx);
MUST_CHECK enum status command_pipe_begin(struct command_pipe *pipe);
void command_pipe_add(struct command_pipe *pipe);
MUST_CHECK enum status command_pipe_end(struct command_pipe *pipe, redis_reply_fn fn, void *ctx);
void command_pipe_answered(struct command_pipe *pipe);

/* What EXEC's reply says of the whole: OK, the status it came with, or the first error
 * among its items. */
MUST_CHECK enum status command_pipe_exec(enum status status, const struct redis_reply *reply);
