/* weir ask: of the running weir, of the state directory, or of a recording. */
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "daemon/config_file.h"
#include "daemon/daemon.h"
#include "daemon/picturing.h"
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
	struct buf png; /* with --png: the picture, or (not 0) why there is none */
	int png_status;
};

static bool wants_picture(const struct question *question)
{
	return args_has(question->args, FLAG_png) && question->exit_status == CLI_DONE;
}

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

static enum status picture_running(struct question *question, const char *path, struct err *err)
{
	char storage[sizeof question->text + 32];
	struct buf request = buf_over(storage, sizeof storage);
	buf_printf(&request, "picture %.*s ", STR_ARG(args_str(question->args, FLAG_theme)));
	buf_str_put(&request, question_text(question));
	return control_call(path, buf_str(&request), ASK_TIMEOUT_MS, &question->png_status,
			    &question->png, err);
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
	status = control_call(path, buf_str(&request), ASK_TIMEOUT_MS, &question->exit_status,
			      &question->answer, err);
	return status || !wants_picture(question) ? status : picture_running(question, path, err);
}

static void draw_here(struct question *question, struct daemon *daemon)
{
	struct picturing *picturing = daemon_picturing(daemon);
	enum picture_theme theme;
	bool known = picture_theme_of(args_str(question->args, FLAG_theme), &theme);
	enum status status =
	    !picturing || !known
		? STATUS_NO_MEMORY
		: picturing_draw(picturing, question_text(question), theme, &question->png);
	if (!status)
		return;
	question->png_status = status == STATUS_NOT_FOUND ? CLI_NO : CLI_ENVIRONMENT;
	if (status == STATUS_NOT_FOUND)
		(void)picturing_why(picturing, question_text(question), &question->png);
	else
		buf_str_put(&question->png, str_of(status_text(status)));
}

static void answer_here(struct question *question, struct daemon *daemon)
{
	question->exit_status =
	    daemon_ask(daemon, question->format, question_text(question), &question->answer);
	if (wants_picture(question))
		draw_here(question, daemon);
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

static int write_picture(const struct question *question)
{
	struct err err = { 0 };
	struct str png = buf_str(&question->png);
	if (question->png_status) {
		err_set(&err, STATUS_NOT_FOUND, "--png: %.*s", STR_ARG(str_trim(png)));
		(void)cli_fail(question->args, &err);
		return question->png_status;
	}
	if (files_replace(args_str(question->args, FLAG_png).ptr, png, 0644, &err))
		return cli_fail(question->args, &err);
	return CLI_DONE;
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
	buf_init(&question.png, PICTURE_BYTES_MAX + 1024);
	if (!status)
		status = ask(&question, config, &err);
	int exit_status = status ? cli_fail(args, &err) : question.exit_status;
	if (!status && question.answer.len && question.answer.ptr[question.answer.len - 1] != '\n')
		buf_char(&question.answer, '\n');
	if (!status && cli_print(args, &question.answer))
		exit_status = CLI_ENVIRONMENT;
	if (!status && exit_status == CLI_DONE && wants_picture(&question))
		exit_status = write_picture(&question);
	buf_deinit(&question.png);
	buf_deinit(&question.answer);
	config_destroy(config);
	return exit_status;
}
