/* weir top: the fleet and the segments of the running weir, drawn anew each second. */
#include <locale.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/running.h"
#include "cli/top_rows.h"

enum {
	ANSWER_LIMIT = 32 << 20,
	PLAIN_WIDTH = 200,
	REFRESH_MS = 1000,
	ID_MAX = 64,
	ESC = 27,
};

struct top {
	const char *state_dir;
	struct top_view view;
	struct top_rows rows;
	struct buf status, list, one; /* answers */
	struct err err;               /* why there is none; "" */
	size_t cursor, first;         /* the chosen row; the first one on the screen */
	char open[ID_MAX + 1];        /* the terminal that is looked into; "" none */
	bool typing;                  /* the filter is being typed */
	bool ended;
};

static enum status ask(struct top *top, const char *request, struct buf *answer)
{
	int exit_status = 0;
	buf_clear(answer);
	enum status status =
	    running_ask(top->state_dir, str_of(request), &exit_status, answer, &top->err);
	if (!status && exit_status)
		return err_set(&top->err, STATUS_UNAVAILABLE, "%.*s", (int)answer->len,
			       answer->ptr);
	return status;
}

/* All that is shown is of one moment, nearly. */
static void fetch(struct top *top)
{
	char request[ID_MAX + 16];
	top_rows_free(&top->rows);
	top->err.text[0] = 0;
	if (ask(top, "status", &top->status) || ask(top, "fleet list", &top->list))
		return;
	if (top_rows_read(buf_str(&top->list), &top->view, &top->rows)) {
		err_set(&top->err, STATUS_FORMAT, "weir's answer is not understood");
		return;
	}
	snprintf(request, sizeof request, "fleet show %s", top->open);
	if (top->open[0] && ask(top, request, &top->one))
		top->open[0] = 0;
}

/* ---- once ---- */

static int print_once(struct top *top, const struct args *args)
{
	struct buf out;
	fetch(top);
	if (top->err.text[0])
		return cli_fail(args, &top->err);
	buf_init(&out, ANSWER_LIMIT);
	buf_str_put(&out, buf_str(&top->status));
	buf_char(&out, '\n');
	top_head(&out, &top->view, PLAIN_WIDTH);
	for (size_t i = 0; i < top->rows.count; i++)
		top_line(&out, top->rows.rows[i], PLAIN_WIDTH);
	int exit_status = cli_print(args, &out);
	buf_deinit(&out);
	return exit_status;
}

/* ---- the screen ---- */

/* Lines of a text, at most `most` of them; returns the next free line. */
static int draw_text(struct str text, int line, int most)
{
	struct str part;
	for (int shown = 0; text.len && shown < most && str_split(&text, '\n', &part); shown++) {
		int width = (int)part.len < COLS ? (int)part.len : COLS;
		mvaddnstr(line++, 0, part.ptr, width);
	}
	return line;
}

static void draw_line(int line, attr_t attributes, const char *text, int len)
{
	attrset((int)attributes);
	mvhline(line, 0, ' ', COLS);
	mvaddnstr(line, 0, text, len);
	attrset(A_NORMAL);
}

static attr_t look_of(const json_t *row)
{
	const char *state = json_string_value(json_object_get(row, "state"));
	const char *flags = json_string_value(json_object_get(row, "flags"));
	if (state && (!strcmp(state, "FAILED") || !strcmp(state, "RECOVERING")))
		return A_BOLD;
	if (state && !strcmp(state, "STOPPED"))
		return A_DIM;
	return flags && *flags ? A_UNDERLINE : A_NORMAL;
}

static void keep_in_sight(struct top *top, int lines)
{
	size_t room = lines > 0 ? (size_t)lines : 1;
	if (top->rows.count && top->cursor >= top->rows.count)
		top->cursor = top->rows.count - 1;
	if (top->cursor < top->first)
		top->first = top->cursor;
	if (top->cursor >= top->first + room)
		top->first = top->cursor - room + 1;
}

static void draw_list(struct top *top, int line, int last)
{
	char storage[1024];
	struct buf text = buf_over(storage, sizeof storage);
	int width = COLS < 512 ? COLS : 512;
	top_head(&text, &top->view, width);
	draw_line(line++, A_REVERSE, text.ptr, (int)text.len - 1);
	keep_in_sight(top, last - line);
	for (size_t i = top->first; i < top->rows.count && line < last; i++) {
		attr_t look = look_of(top->rows.rows[i]);
		buf_clear(&text);
		top_line(&text, top->rows.rows[i], width);
		draw_line(line++, i == top->cursor ? look | A_STANDOUT : look, text.ptr,
			  (int)text.len - 1);
	}
}

/* Name and value, in as many columns as fit. */
static void draw_one(struct top *top, int line, int last)
{
	json_error_t fault;
	json_t *root = json_loadb(top->one.ptr, top->one.len, 0, &fault), *value;
	const char *name;
	int across = COLS / 26 > 0 ? COLS / 26 : 1, at = 0;
	draw_line(line++, A_REVERSE, top->open, (int)strlen(top->open));
	for (int part = 0; part < 2; part++) {
		json_t *facts = part ? json_object_get(root, "numbers") : root;
		json_object_foreach(facts, name, value)
		{
			char text[64];
			if (line + at / across >= last)
				break;
			if (json_is_string(value))
				snprintf(text, sizeof text, "%-11.11s%-14.14s", name,
					 json_string_value(value));
			else if (json_is_integer(value))
				snprintf(text, sizeof text, "%-11.11s%-14lld", name,
					 (long long)json_integer_value(value));
			else
				continue;
			mvaddstr(line + at / across, at % across * 26, text);
			at++;
		}
		line += (at + across - 1) / across + 1;
		at = 0;
	}
	json_decref(root);
}

static void draw(struct top *top)
{
	char foot[256];
	erase();
	if (top->err.text[0]) {
		mvaddnstr(0, 0, top->err.text, COLS);
	} else {
		int line = draw_text(buf_str(&top->status), 0, LINES / 2);
		if (top->open[0])
			draw_one(top, line + 1, LINES - 1);
		else
			draw_list(top, line + 1, LINES - 1);
	}
	snprintf(foot, sizeof foot, "%s%s%s   s sort  r reverse  / filter  Enter open  q quit",
		 top->typing || top->view.filter[0] ? "filter: " : "", top->view.filter,
		 top->typing ? "_" : "");
	draw_line(LINES - 1, A_REVERSE, foot, COLS);
	refresh();
}

/* ---- keys ---- */

static void type_filter(struct top *top, int key)
{
	size_t len = strlen(top->view.filter);
	if (key == '\n' || key == KEY_ENTER) {
		top->typing = false;
	} else if (key == ESC) {
		top->typing = false;
		top->view.filter[0] = 0;
	} else if ((key == KEY_BACKSPACE || key == 127 || key == '\b') && len) {
		top->view.filter[len - 1] = 0;
	} else if (key >= ' ' && key < 127 && len + 1 < sizeof top->view.filter) {
		top->view.filter[len] = (char)key;
		top->view.filter[len + 1] = 0;
	}
}

static void open_row(struct top *top)
{
	if (top->cursor >= top->rows.count)
		return;
	const char *id = json_string_value(json_object_get(top->rows.rows[top->cursor], "id"));
	if (id && str_copy(str_of(id), top->open, sizeof top->open))
		top->open[0] = 0;
}

static void press(struct top *top, int key)
{
	switch (key) {
	case 'q': top->ended = true; break;
	case ESC: top->open[0] = 0; break;
	case 's': top->view.sort = (top->view.sort + 1) % TOP_COLUMNS; break;
	case 'r': top->view.reverse = !top->view.reverse; break;
	case '/': top->typing = true; break;
	case KEY_UP: top->cursor -= top->cursor > 0; break;
	case KEY_DOWN: top->cursor += top->cursor + 1 < top->rows.count; break;
	case KEY_PPAGE: top->cursor -= top->cursor < 20 ? top->cursor : 20; break;
	case KEY_NPAGE: top->cursor += 20; break;
	case KEY_HOME: top->cursor = 0; break;
	case '\n':
	case KEY_ENTER: open_row(top); break;
	default: break;
	}
}

static void run_screen(struct top *top)
{
	setlocale(LC_ALL, "");
	initscr();
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	set_escdelay(50);
	curs_set(0);
	timeout(REFRESH_MS);
	while (!top->ended) {
		fetch(top);
		draw(top);
		int key = getch();
		if (top->typing)
			type_filter(top, key);
		else
			press(top, key);
	}
	endwin();
}

int cmd_top(const struct args *args)
{
	struct top top = { .state_dir = args_str(args, FLAG_state).ptr };
	int exit_status = CLI_DONE;
	buf_init(&top.status, ANSWER_LIMIT);
	buf_init(&top.list, ANSWER_LIMIT);
	buf_init(&top.one, ANSWER_LIMIT);
	if (args_has(args, FLAG_once) || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
		exit_status = print_once(&top, args);
	else
		run_screen(&top);
	top_rows_free(&top.rows);
	buf_deinit(&top.status);
	buf_deinit(&top.list);
	buf_deinit(&top.one);
	return exit_status;
}
