#include "cli/top_model.h"

/* The status, the panes, the head of the table; the foot. */
enum { LINES_ABOVE = 3, LINES_BELOW = 1 };

void top_model_init(struct top_model *model, enum top_pane pane)
{
	*model = (struct top_model){ .pane = pane,
				     .width = TOP_WIDTH_LEAST,
				     .height = TOP_HEIGHT_LEAST };
	for (size_t i = 0; i < TOP_PANES; i++)
		model->places[i].view.sort =
		    i == TOP_fleet || i == TOP_markets ? 0 : TOP_COLUMNS_MAX;
}

int top_model_room(const struct top_model *model)
{
	int room = model->height - LINES_ABOVE - LINES_BELOW;
	return room > 0 ? room : 0;
}

bool top_model_fits(const struct top_model *model)
{
	return model->width >= TOP_WIDTH_LEAST && model->height >= TOP_HEIGHT_LEAST;
}

void top_model_settle(struct top_model *model, size_t rows)
{
	struct top_place *place = top_model_place(model);
	size_t room = top_model_room(model) ? (size_t)top_model_room(model) : 1;
	model->rows = rows;
	if (place->cursor >= rows)
		place->cursor = rows ? rows - 1 : 0;
	if (place->cursor < place->first)
		place->first = place->cursor;
	if (place->cursor >= place->first + room)
		place->first = place->cursor - room + 1;
	size_t most = model->lines > room ? model->lines - room : 0;
	if (place->scroll > most)
		place->scroll = most;
}

/* ---- the filter ---- */

static bool type_filter(struct top_model *model, int key)
{
	char *filter = top_model_place(model)->view.filter;
	size_t len = strlen(filter);
	if (key == TOP_KEY_ENTER) {
		model->typing = false;
	} else if (key == TOP_KEY_ESCAPE) {
		model->typing = false;
		filter[0] = 0;
	} else if (key == TOP_KEY_BACKSPACE && len) {
		filter[len - 1] = 0;
	} else if (key >= ' ' && key < 127 && len + 1 < TOP_FILTER_MAX) {
		filter[len] = (char)key;
		filter[len + 1] = 0;
	}
	return true;
}

/* ---- moving ---- */

static size_t moved(size_t at, int64_t by, size_t count)
{
	int64_t to = (int64_t)at + by;
	int64_t most = count ? (int64_t)count - 1 : 0;
	return (size_t)(to < 0 ? 0 : to > most ? most : to);
}

static bool move(struct top_model *model, int key)
{
	struct top_place *place = top_model_place(model);
	int64_t page = top_model_room(model) > 1 ? top_model_room(model) - 1 : 1, by = 0;
	switch (key) {
	case TOP_KEY_UP: by = -1; break;
	case TOP_KEY_DOWN: by = 1; break;
	case TOP_KEY_PAGE_UP: by = -page; break;
	case TOP_KEY_PAGE_DOWN: by = page; break;
	case TOP_KEY_HOME: by = -INT32_MAX; break;
	case TOP_KEY_END: by = INT32_MAX; break;
	default: return false;
	}
	if (place->open[0])
		place->scroll = moved(place->scroll, by, model->lines);
	else
		place->cursor = moved(place->cursor, by, model->rows);
	top_model_settle(model, model->rows);
	return true;
}

static void go_to(struct top_model *model, size_t pane)
{
	model->pane = (enum top_pane)(pane % TOP_PANES);
	model->rows = model->lines = 0;
}

static void open_row(struct top_model *model, const char *name)
{
	struct top_place *place = top_model_place(model);
	if (str_copy(str_of(name), place->open, sizeof place->open))
		place->open[0] = 0;
	place->scroll = 0;
}

static void sort_by_next(struct top_view *view, size_t columns)
{
	view->sort = view->sort >= columns ? 0 : view->sort + 1;
	if (view->sort == columns)
		view->sort = TOP_COLUMNS_MAX; /* as it came */
}

bool top_model_press(struct top_model *model, int key, const char *name)
{
	struct top_place *place = top_model_place(model);
	if (key == TOP_KEY_NONE)
		return !model->held;
	if (model->help) {
		model->help = false;
		return true;
	}
	if (model->typing)
		return type_filter(model, key);
	if (move(model, key))
		return false;
	if (key >= '1' && key < '1' + TOP_PANES) {
		go_to(model, (size_t)(key - '1'));
		return true;
	}
	switch (key) {
	case 'q': model->ended = true; break;
	case '?': model->help = true; break;
	case ' ': model->held = !model->held; break;
	case '/': model->typing = true; break;
	case 's': sort_by_next(&place->view, top_column_count(model->pane)); break;
	case 'r': place->view.reverse = !place->view.reverse; break;
	case TOP_KEY_TAB: go_to(model, model->pane + 1u); break;
	case TOP_KEY_BACK_TAB: go_to(model, model->pane + TOP_PANES - 1u); break;
	case TOP_KEY_ENTER: open_row(model, name); break;
	case TOP_KEY_ESCAPE: place->open[0] = 0; break;
	default: return key == TOP_KEY_RESIZE;
	}
	return true;
}
