#include "cli/top_frame.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/text.h"

enum { FRAME_BYTES = 4 << 20, LINE_BYTES = 2048, ONCE_WIDTH = 200, NAME_WIDTH = 22 };

void top_frame_init(struct top_frame *frame)
{
	frame->count = 0;
	buf_init(&frame->text, FRAME_BYTES);
}

void top_frame_deinit(struct top_frame *frame) { buf_deinit(&frame->text); }

/* One line, cut at the width; the LF that a text may end with is not doubled. */
static void put(struct top_frame *frame, int width, enum top_look look, bool chosen,
		struct str text)
{
	if (frame->count == TOP_LINES_MAX)
		return;
	if (text.len && text.ptr[text.len - 1] == '\n')
		text.len--;
	text_put_cut(&frame->text, text, (size_t)width);
	buf_char(&frame->text, '\n');
	frame->lines[frame->count].look = look;
	frame->lines[frame->count++].chosen = chosen;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

/* ---- looks ---- */

/* Words that rows say of how they are. */
static const struct {
	const char *word;
	enum top_look look;
} words[] = {
	{ "ok", LOOK_OK },         { "warn", LOOK_WARN },     { "critical", LOOK_BAD },
	{ "off", LOOK_DIM },       { "FAILED", LOOK_BAD },    { "RECOVERING", LOOK_WARN },
	{ "DEGRADED", LOOK_WARN }, { "STOPPED", LOOK_DIM },   { "RUNNING", LOOK_PLAIN },
	{ "shed", LOOK_BAD },      { "slow", LOOK_BAD },      { "full", LOOK_BAD },
	{ "down", LOOK_BAD },      { "starting", LOOK_WARN }, { "info", LOOK_PLAIN },
	{ "dead", LOOK_WARN },
};

static enum top_look look_of_word(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].look;
	return LOOK_PLAIN;
}

static enum top_look look_of(const struct top_rows *rows, const json_t *row)
{
	static const char *const keys[TOP_PANES] = {
		[TOP_overview] = "light", [TOP_fleet] = "state",  [TOP_markets] = "market",
		[TOP_segments] = "state", [TOP_ledger] = "group", [TOP_alerts] = "severity",
	};
	enum top_look look = look_of_word(text_of(row, keys[rows->pane]));
	if (rows->pane == TOP_segments && look == LOOK_PLAIN)
		look = look_of_word(text_of(row, "level"));
	if (rows->pane == TOP_fleet && look == LOOK_PLAIN && *text_of(row, "flags"))
		look = LOOK_WARN;
	return look;
}

/* ---- the lines above ---- */

static void print_span(struct buf *out, int64_t seconds)
{
	if (seconds < 6000)
		buf_printf(out, "%lld min", (long long)seconds / 60);
	else
		buf_printf(out, "%lld h", (long long)seconds / 3600);
}

static void print_ledger(struct buf *out, const json_t *ledger)
{
	if (!json_is_object(ledger))
		return;
	if (json_is_true(json_object_get(ledger, "balanced")))
		buf_printf(out, "  ledger balances");
	else
		buf_printf(out, "  LEDGER: %s", text_of(ledger, "fault"));
}

static void print_worst(struct buf *out, const json_t *worst)
{
	const json_t *share = json_object_get(worst, "used_share");
	const json_t *left = json_object_get(worst, "time_to_full_s");
	if (!json_is_object(worst))
		return;
	buf_printf(out, "  fullest %s", text_of(worst, "segment"));
	if (json_is_number(share))
		buf_printf(out, " %.0f %%", 100 * json_number_value(share));
	if (json_is_integer(left)) {
		buf_printf(out, " in ");
		print_span(out, json_integer_value(left));
	}
}

/* "weir 0.1.0 ok  up 5 h  ledger balances  fullest rms 41 %" */
static enum top_look print_status(struct buf *out, const struct top_scene *scene)
{
	const json_t *now = scene->now;
	const char *light = text_of(now, "light");
	if (!now)
		buf_printf(out, "weir, its parts not known");
	if (now)
		buf_printf(out, "weir %s %s", text_of(now, "version"), light);
	if (json_is_integer(json_object_get(now, "uptime_s"))) {
		buf_printf(out, "  up ");
		print_span(out, json_integer_value(json_object_get(now, "uptime_s")));
	}
	if (json_is_true(json_object_get(now, "simulated")))
		buf_printf(out, "  SIMULATED");
	print_ledger(out, json_object_get(now, "ledger"));
	print_worst(out, json_object_get(now, "worst"));
	if (scene->recording)
		buf_printf(out, "  of %s", scene->recording);
	return look_of_word(light);
}

static void put_status(struct top_frame *frame, const struct top_model *model,
		       const struct top_scene *scene)
{
	char storage[LINE_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	enum top_look look = print_status(&text, scene);
	put(frame, model->width, look, false, buf_str(&text));
	buf_clear(&text);
	for (enum top_pane pane = 0; pane < TOP_PANES; pane++) {
		bool here = pane == model->pane;
		buf_printf(&text, "%s%u %s%s", here ? "[" : " ", (unsigned)pane + 1,
			   top_pane_row(pane)->name, here ? "]" : " ");
	}
	if (model->held)
		buf_printf(&text, "  HELD: space goes on");
	put(frame, model->width, LOOK_PLAIN, false, buf_str(&text));
}

/* ---- the list ---- */

static void put_rows(struct top_frame *frame, struct top_model *model,
		     const struct top_scene *scene)
{
	char storage[LINE_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	const struct top_place *place = top_model_place(model);
	const struct top_rows *rows = scene->rows;
	int room = top_model_room(model);
	top_head(&text, model->pane, &place->view, model->width);
	put(frame, model->width, LOOK_BAR, false, buf_str(&text));
	if (scene->trouble[0]) {
		put(frame, model->width, LOOK_BAD, false, str_of(scene->trouble));
		return;
	}
	if (!rows->count)
		put(frame, model->width, LOOK_DIM, false,
		    rows->total ? STR("nothing fits the filter") : STR("nothing"));
	for (size_t i = place->first; i < rows->count && room-- > 0; i++) {
		buf_clear(&text);
		top_line(&text, rows, rows->rows[i], model->width);
		put(frame, model->width, look_of(rows, rows->rows[i]), i == place->cursor,
		    buf_str(&text));
	}
}

/* ---- one row ---- */

static void print_value(struct buf *out, const json_t *value)
{
	if (json_is_string(value)) {
		buf_printf(out, "%s", json_string_value(value));
	} else if (!json_is_null(value)) {
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		buf_printf(out, "%s", text ? text : "");
		free(text);
	}
}

static bool is_of_objects(const json_t *value)
{
	return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

/* "name  value"; of a list of objects a line each. */
static void print_members(struct buf *out, const json_t *object, int indent)
{
	const char *name;
	json_t *value, *item;
	size_t index;
	json_object_foreach((json_t *)object, name, value)
	{
		buf_printf(out, "%*s%-*s ", indent, "", NAME_WIDTH - indent, name);
		if (json_is_object(value)) {
			buf_char(out, '\n');
			print_members(out, value, indent + 2);
		} else if (is_of_objects(value)) {
			buf_char(out, '\n');
			json_array_foreach(value, index, item)
			{
				buf_printf(out, "%*s", indent + 2, "");
				print_value(out, item);
				buf_char(out, '\n');
			}
		} else {
			print_value(out, value);
			buf_char(out, '\n');
		}
	}
}

static void put_open(struct top_frame *frame, struct top_model *model,
		     const struct top_scene *scene)
{
	const struct top_place *place = top_model_place(model);
	int room = top_model_room(model);
	struct buf text;
	struct str rest, line;
	put(frame, model->width, LOOK_BAR, false, str_of(place->open));
	buf_init(&text, FRAME_BYTES);
	if (scene->open)
		print_members(&text, scene->open, 0);
	else
		buf_printf(&text, "it is not there any more: Esc\n");
	model->lines = 0;
	rest = buf_str(&text);
	while (rest.len && str_split(&rest, '\n', &line)) {
		if (model->lines++ >= place->scroll && room-- > 0)
			put(frame, model->width, LOOK_PLAIN, false, line);
	}
	buf_deinit(&text);
}

/* ---- the whole ---- */

static void put_help(struct top_frame *frame, const struct top_model *model)
{
	static const char *const lines[] = {
		"1 to 6, Tab          another pane",
		"arrows, Page, Home   another row",
		"Enter, Esc           look into the row, and out again",
		"s                    sort by the next column; behind the last, as it came",
		"r                    the other way round",
		"/                    show rows that have a text; Esc ends it",
		"space                hold the picture",
		"q                    end",
		"",
		"any key              back",
	};
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		put(frame, model->width, LOOK_PLAIN, false, str_of(lines[i]));
}

static void put_foot(struct top_frame *frame, struct top_model *model)
{
	char storage[LINE_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	const struct top_place *place = top_model_place(model);
	while (frame->count + 1 < (size_t)model->height && frame->count < TOP_LINES_MAX)
		put(frame, model->width, LOOK_PLAIN, false, STR(""));
	if (model->typing || place->view.filter[0])
		buf_printf(&text, "filter: %s%s  ", place->view.filter, model->typing ? "_" : "");
	buf_printf(&text, "%s  s sort  r reverse  / filter  Enter open  space hold  ? help  q quit",
		   place->open[0] ? "Esc back" : "Tab pane");
	put(frame, model->width, LOOK_BAR, false, buf_str(&text));
}

static void put_too_small(struct top_frame *frame, const struct top_model *model)
{
	char storage[LINE_BYTES];
	struct buf text = buf_over(storage, sizeof storage);
	buf_printf(&text, "weir top wants %d x %d, this is %d x %d", TOP_WIDTH_LEAST,
		   TOP_HEIGHT_LEAST, model->width, model->height);
	put(frame, model->width, LOOK_PLAIN, false, buf_str(&text));
	put(frame, model->width, LOOK_PLAIN, false, STR("q quits"));
}

void top_frame_draw(struct top_frame *frame, struct top_model *model, const struct top_scene *scene)
{
	buf_clear(&frame->text);
	frame->count = 0;
	if (!top_model_fits(model)) {
		put_too_small(frame, model);
		return;
	}
	put_status(frame, model, scene);
	if (model->help)
		put_help(frame, model);
	else if (top_model_place(model)->open[0])
		put_open(frame, model, scene);
	else
		put_rows(frame, model, scene);
	put_foot(frame, model);
}

void top_frame_once(struct buf *out, const struct top_model *model, const struct top_scene *scene)
{
	const struct top_view *view = &model->places[model->pane].view;
	print_status(out, scene);
	buf_printf(out, "\n\n");
	top_head(out, model->pane, view, ONCE_WIDTH);
	for (size_t i = 0; i < scene->rows->count; i++)
		top_line(out, scene->rows, scene->rows->rows[i], ONCE_WIDTH);
}
