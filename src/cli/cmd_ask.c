/* weir ask: of the running weir, of the state directory, or of a recording. */
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "daemon/config_file.h"
#include "daemon/daemon.h"
#include "os/files.h"
#include "os/line_client.h"

enum { ASK_TIMEOUT_MS = 10000, RETRY_MS = 20 };

struct question {
	const struct args *args;
	enum ask_format format;
	char text[ASK_TEXT_MAX * 2];
	size_t len;
	struct buf answer;
	int exit_status;
};

static enum status join_words(struct question *question, struct err *err)
{
	struct buf text = buf_over(question->text, sizeof question->text);
	for (size_t i = 0; i < question->args->n_operands; i++) {
		if (i > 0)
			buf_char(&text, ' ');
		buf_str_put(&text, str_of(question->args->operands[i]));
	}
	for (size_t i = 0; i < text.len; i++) /* a request is one line */
		if (text.ptr[i] == '\n' || text.ptr[i] == '\r')
			text.ptr[i] = ' ';
	if (text.overflow)
		return err_set(err, STATUS_USAGE, "the question is longer than %d bytes",
			       ASK_TEXT_MAX);
	question->len = text.len;
	return STATUS_OK;
}

static struct str question_text(const struct question *question)
{
	return str_make(question->text, question->len);
}

/* Of the running weir. UNAVAILABLE: none runs here. */
static enum status ask_running(struct question *question, const char *state_dir, struct err *err)
{
	static const char *const formats[] = { "text", "json", "html" };
	char path[PATH_BYTES_MAX], request_storage[sizeof question->text + 16];
	struct buf request = buf_over(request_storage, sizeof request_storage);
	enum status status = path_format(path, err, "%s/run/weir.sock", state_dir);
	if (status)
		return status;
	buf_printf(&request, "ask %s ", formats[question->format]);
	buf_str_put(&request, question_text(question));
	return control_call(path, buf_str(&request), ASK_TIMEOUT_MS, &question->exit_status,
			    &question->answer, err);
}

static void answer_here(struct question *question, struct daemon *daemon)
{
	question->exit_status =
	    daemon_ask(daemon, question->format, question_text(question), &question->answer);
}

static void on_ready(void *ctx, struct daemon *daemon)
{
	answer_here(ctx, daemon);
	daemon_stop(daemon);
}

/* From the state directory, or from a recording and nothing else. */
static enum status ask_alone(struct question *question, const struct config *config,
			     struct err *err)
{
	const struct args *args = question->args;
	const char *files[64];
	struct daemon *daemon = NULL;
	struct daemon_options options = {
		.config = config,
		.state_dir = args_str(args, FLAG_state).ptr,
		.store = !args_has(args, FLAG_replay),
		.restore = true,
		.segments = 1u << SEGMENT_RMS,
		.feed = args_has(args, FLAG_replay) ? DAEMON_FEED_RECORDING : DAEMON_FEED_NONE,
		.recording = { .paths = files },
		.on_ready = args_has(args, FLAG_replay) ? NULL : on_ready,
		.ctx = question,
	};
	for (size_t i = 0; i < args_count(args, FLAG_replay) && i < 64; i++)
		files[options.recording.n_paths++] = args_at(args, FLAG_replay, i).ptr;
	options.recording.has_as =
	    args_source(args, FLAG_as, &options.recording.venue, &options.recording.kind);
	enum status status = daemon_create(&options, &daemon, err);
	if (status)
		return status;
	if (daemon_run(daemon))
		status = err_set(err, STATUS_IO, "%s", daemon_error(daemon));
	else if (!options.store)
		answer_here(question, daemon);
	daemon_destroy(daemon);
	return status;
}

static enum status ask(struct question *question, const struct config *config, struct err *err)
{
	const char *state_dir = args_str(question->args, FLAG_state).ptr;
	if (args_has(question->args, FLAG_replay))
		return ask_alone(question, config, err);
	for (int waited_ms = 0;; waited_ms += RETRY_MS) {
		enum status status = ask_running(question, state_dir, err);
		if (status != STATUS_UNAVAILABLE)
			return status;
		if (!files_is_folder(state_dir))
			return err_set(
			    err, STATUS_NOT_FOUND,
			    "no weir runs here and there is no state directory %s: start one "
			    "with 'weir up', or name another with --state",
			    state_dir);
		status = ask_alone(question, config, err);
		if (status != STATUS_IN_USE || waited_ms >= ASK_TIMEOUT_MS)
			return status;
		usleep(RETRY_MS * 1000); /* one is starting, or ending: it holds the lock */
	}
}

int cmd_ask(const struct args *args)
{
	struct err err = { 0 };
	struct config *config = NULL;
	struct question question = { .args = args };
	const char *config_path = cli_config_path(args);
	question.format = args_has(args, FLAG_json)   ? ASK_JSON
			  : args_has(args, FLAG_html) ? ASK_HTML
						      : ASK_TEXT;
	enum status status = join_words(&question, &err);
	if (!status)
		status = config_file_load(config_path, &config, NULL, &err);
	buf_init(&question.answer, ASK_OUT_LIMIT + 1);
	if (!status)
		status = ask(&question, config, &err);
	int exit_status = status ? cli_fail(args, &err) : question.exit_status;
	if (!status && question.answer.len && question.answer.ptr[question.answer.len - 1] != '\n')
		buf_char(&question.answer, '\n');
	if (!status && cli_print(args, &question.answer))
		exit_status = CLI_ENVIRONMENT;
	buf_deinit(&question.answer);
	config_destroy(config);
	return exit_status;
}
