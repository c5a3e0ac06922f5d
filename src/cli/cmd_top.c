/* weir top: panes of the running weir, drawn anew each second; or of a support file. */
#include <locale.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/top_frame.h"
#include "cli/top_source.h"

enum { OUTPUT_LIMIT = 32 << 20, REFRESH_MS = 1000, ESC = 27 };

struct top {
	struct top_source source;
	struct top_model model;
	struct top_frame frame;
	struct top_rows rows;
	json_t *answers[TOP_PANES]; /* the newest of each pane */
	json_t *open;               /* what is looked into */
	struct err err;             /* why there is none; "" */
};

/* ---- answers ---- */

static void fetch_pane(struct top *top, enum top_pane pane, struct err *err)
{
	json_t *root = NULL;
	err->text[0] = 0;
	if (top_source_pane(&top->source, pane, &root, err))
		return;
	json_decref(top->answers[pane]);
	top->answers[pane] = root;
}

/* The overview's answer is the status line of every pane. */
static void fetch(struct top *top)
{
	struct err ignored;
	if (top->model.pane != TOP_overview)
		fetch_pane(top, TOP_overview, &ignored);
	fetch_pane(top, top->model.pane, &top->err);
}

static json_t *find_row(const struct top *top, const char *name)
{
	for (size_t i = 0; i < top->rows.count; i++)
		if (strcmp(top_row_name(&top->rows, i), name) == 0)
			return top->rows.rows[i];
	return NULL;
}

static void look_into(struct top *top)
{
	const char *name = top_model_place(&top->model)->open;
	struct err ignored;
	json_decref(top->open);
	top->open = NULL;
	if (!*name)
		return;
	if (top->model.pane == TOP_fleet && !top->source.file &&
	    !top_source_terminal(&top->source, name, &top->open, &ignored))
		return;
	top->open = json_incref(find_row(top, name));
}

/* Rows of the answer that is held, in the order and with the filter of now. */
static void settle(struct top *top)
{
	struct top_model *model = &top->model;
	const struct top_view *view = &top_model_place(model)->view;
	json_t *answer = top->answers[model->pane];
	top_rows_free(&top->rows);
	if (top->err.text[0] && !answer) {
		top_model_settle(model, 0);
		return;
	}
	if (top_rows_take(model->pane, json_incref(answer), view, &top->rows))
		err_set(&top->err, STATUS_FORMAT, "weir's answer is not understood");
	top_model_settle(model, top->rows.count);
}

static struct top_scene scene_of(const struct top *top)
{
	return (struct top_scene){ .rows = &top->rows,
				   .now = top->answers[TOP_overview],
				   .open = top->open,
				   .trouble = top->err.text,
				   .recording = top->source.file };
}

/* ---- once ---- */

static int print_once(struct top *top, const struct args *args)
{
	struct buf out;
	fetch(top);
	settle(top);
	if (top->err.text[0])
		return cli_fail(args, &top->err);
	const struct top_scene scene = scene_of(top);
	buf_init(&out, OUTPUT_LIMIT);
	top_frame_once(&out, &top->model, &scene);
	int exit_status = cli_print(args, &out);
	buf_deinit(&out);
	return exit_status;
}

/* ---- the screen ---- */

static bool starts_colours(void)
{
	const char *no = getenv("NO_COLOR");
	if ((no && *no) || !has_colors() || start_color() == ERR)
		return false;
	use_default_colors();
	init_pair(LOOK_OK, COLOR_GREEN, -1);
	init_pair(LOOK_WARN, COLOR_YELLOW, -1);
	init_pair(LOOK_BAD, COLOR_RED, -1);
	return true;
}

static attr_t attributes_of(enum top_look look, bool colours)
{
	switch (look) {
	case LOOK_BAR: return A_REVERSE;
	case LOOK_DIM: return A_DIM;
	case LOOK_OK: return colours ? COLOR_PAIR(LOOK_OK) : A_NORMAL;
	case LOOK_WARN: return colours ? COLOR_PAIR(LOOK_WARN) : A_BOLD;
	case LOOK_BAD: return colours ? COLOR_PAIR(LOOK_BAD) | A_BOLD : A_BOLD | A_UNDERLINE;
	case LOOK_PLAIN: break;
	}
	return A_NORMAL;
}

static void show(struct top *top, bool colours)
{
	const struct top_scene scene = scene_of(top);
	struct str rest, line;
	getmaxyx(stdscr, top->model.height, top->model.width);
	top_model_settle(&top->model, top->rows.count);
	top_frame_draw(&top->frame, &top->model, &scene);
	erase();
	rest = buf_str(&top->frame.text);
	for (size_t i = 0; i < top->frame.count && str_split(&rest, '\n', &line); i++) {
		attr_t attributes = attributes_of(top->frame.lines[i].look, colours);
		if (top->frame.lines[i].chosen)
			attributes |= A_STANDOUT;
		attrset((int)attributes);
		if (top->frame.lines[i].chosen || top->frame.lines[i].look == LOOK_BAR)
			mvhline((int)i, 0, ' ', COLS);
		mvaddnstr((int)i, 0, line.ptr, (int)line.len);
	}
	attrset(A_NORMAL);
	refresh();
}

static int read_key(void)
{
	static const struct {
		int curses, ours;
	} keys[] = {
		{ ERR, TOP_KEY_NONE },
		{ KEY_UP, TOP_KEY_UP },
		{ KEY_DOWN, TOP_KEY_DOWN },
		{ KEY_PPAGE, TOP_KEY_PAGE_UP },
		{ KEY_NPAGE, TOP_KEY_PAGE_DOWN },
		{ KEY_HOME, TOP_KEY_HOME },
		{ KEY_END, TOP_KEY_END },
		{ KEY_ENTER, TOP_KEY_ENTER },
		{ '\n', TOP_KEY_ENTER },
		{ '\r', TOP_KEY_ENTER },
		{ ESC, TOP_KEY_ESCAPE },
		{ KEY_BACKSPACE, TOP_KEY_BACKSPACE },
		{ 127, TOP_KEY_BACKSPACE },
		{ '\b', TOP_KEY_BACKSPACE },
		{ '\t', TOP_KEY_TAB },
		{ KEY_BTAB, TOP_KEY_BACK_TAB },
		{ KEY_RESIZE, TOP_KEY_RESIZE },
	};
	int key = getch();
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].curses == key)
			return keys[i].ours;
	return key;
}

static void begin_screen(void)
{
	setlocale(LC_ALL, "");
	initscr();
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	timeout(REFRESH_MS);
}

/* A pane that has no answer yet is asked for also while the picture is held. */
static bool wants_answers(const struct top *top, bool asked)
{
	return asked && (!top->model.held || !top->answers[top->model.pane]);
}

static void run_screen(struct top *top)
{
	bool asked = true;
	begin_screen();
	bool colours = starts_colours();
	while (!top->model.ended) {
		if (wants_answers(top, asked))
			fetch(top);
		settle(top);
		look_into(top);
		show(top, colours);
		const char *name = top_row_name(&top->rows, top_model_place(&top->model)->cursor);
		asked = top_model_press(&top->model, read_key(), name);
	}
	endwin();
}

/* ---- */

static void close_top(struct top *top)
{
	top_rows_free(&top->rows);
	json_decref(top->open);
	for (size_t i = 0; i < TOP_PANES; i++)
		json_decref(top->answers[i]);
	top_frame_deinit(&top->frame);
	top_source_close(&top->source);
	free(top);
}

int cmd_top(const struct args *args)
{
	struct top *top = calloc(1, sizeof *top);
	const char *file =
	    args_has(args, FLAG_from_file) ? args_str(args, FLAG_from_file).ptr : NULL;
	enum top_pane pane = TOP_overview;
	int exit_status = CLI_DONE;
	CHECK(top && top_pane_parse(args_str(args, FLAG_pane), &pane));
	top_model_init(&top->model, pane);
	top_frame_init(&top->frame);
	if (top_source_open(args_str(args, FLAG_state).ptr, file, &top->source, &top->err)) {
		exit_status = cli_fail(args, &top->err);
		top->source.file = NULL; /* nothing of it is open */
	} else if (args_has(args, FLAG_once) || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
		exit_status = print_once(top, args);
	} else {
		run_screen(top);
	}
	close_top(top);
	return exit_status;
}
