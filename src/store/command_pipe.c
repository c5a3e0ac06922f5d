#include "store/command_pipe.h"

static enum status send_word(struct command_pipe *pipe, struct str word)
{
	return redis_command(pipe->redis, &word, 1, NULL, NULL);
}

static enum status leave_multi(struct command_pipe *pipe)
{
	if (!pipe->discard_due)
		return STATUS_OK;
	enum status status = send_word(pipe, STR("DISCARD"));
	pipe->discard_due = status != STATUS_OK;
	return status;
}

static enum status send_text(struct command_pipe *pipe, redis_reply_fn fn, void *ctx)
{
	enum status status =
	    redis_command(pipe->redis, pipe->text.words, pipe->text.count, fn, ctx);
	pipe->in_flight += !status && fn;
	return status;
}

enum status command_pipe_send(struct command_pipe *pipe, redis_reply_fn fn, void *ctx)
{
	CHECK(!pipe->open);
	enum status status = leave_multi(pipe);
	return status ? status : send_text(pipe, fn, ctx);
}

enum status command_pipe_begin(struct command_pipe *pipe)
{
	CHECK(!pipe->open);
	if (command_pipe_is_full(pipe))
		return STATUS_FULL;
	enum status status = leave_multi(pipe);
	if (!status)
		status = send_word(pipe, STR("MULTI"));
	pipe->open = status == STATUS_OK;
	pipe->trouble = STATUS_OK;
	return status;
}

void command_pipe_add(struct command_pipe *pipe)
{
	CHECK(pipe->open);
	if (!pipe->trouble)
		pipe->trouble = send_text(pipe, NULL, NULL);
}

enum status command_pipe_end(struct command_pipe *pipe, redis_reply_fn fn, void *ctx)
{
	CHECK(pipe->open && fn);
	pipe->open = false;
	command_begin(&pipe->text, STR("EXEC"));
	if (!pipe->trouble)
		pipe->trouble = send_text(pipe, fn, ctx);
	if (!pipe->trouble)
		return STATUS_OK;
	pipe->discard_due = true;
	enum status later = leave_multi(pipe); /* if not now, before anything else */
	(void)later;
	return pipe->trouble;
}

void command_pipe_answered(struct command_pipe *pipe)
{
	CHECK(pipe->in_flight > 0);
	pipe->in_flight--;
}

enum status command_pipe_exec(enum status status, const struct redis_reply *reply)
{
	if (status)
		return status;
	if (reply->type != REDIS_ARRAY)
		return STATUS_REDIS_PROTOCOL;
	for (size_t i = 0; i < reply->count; i++) {
		const struct redis_reply *item = &reply->items[i];
		if (item->type == REDIS_ERROR)
			return str_starts(item->text, STR("WRONGTYPE ")) ? STATUS_REDIS_WRONGTYPE
									 : STATUS_REDIS_ERR;
	}
	return STATUS_OK;
}
