/* top_model.h - what `weir top` is showing and what a key does to it. Pure: no screen, no
 * answers; keys are numbers of its own. */
#pragma once

#include "cli/top_rows.h"

enum { TOP_WIDTH_LEAST = 80, TOP_HEIGHT_LEAST = 24, TOP_ID_MAX = 127 };

/* Keys that are no character. */
enum top_key {
	TOP_KEY_NONE = 0x10000, /* a second has passed */
	TOP_KEY_UP,
	TOP_KEY_DOWN,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END,
	TOP_KEY_ENTER,
	TOP_KEY_ESCAPE,
	TOP_KEY_BACKSPACE,
	TOP_KEY_TAB,
	TOP_KEY_BACK_TAB,
	TOP_KEY_RESIZE,
};

/* Each pane remembers how it was looked at. */
struct top_place {
	struct top_view view;
	size_t cursor, first;      /* the chosen row; the first one on the screen */
	char open[TOP_ID_MAX + 1]; /* the row that is looked into; "" none */
	size_t scroll;             /* of what is open */
};

struct top_model {
	enum top_pane pane;
	struct top_place places[TOP_PANES];
	int width, height;
	size_t rows;  /* of the pane, as they were last counted */
	size_t lines; /* of what is open */
	bool typing;  /* the filter is being typed */
	bool held, help, ended;
};

void top_model_init(struct top_model *model, enum top_pane pane);
static inline struct top_place *top_model_place(struct top_model *model)
{
	return &model->places[model->pane];
}
/* name: of the row under the cursor, "" when there is none. True: answers are wanted anew. */
bool top_model_press(struct top_model *model, int key, const char *name);
/* After rows have been read: the cursor is on a row, and in sight. */
void top_model_settle(struct top_model *model, size_t rows);
/* Lines that rows have on the screen. */
int top_model_room(const struct top_model *model);
bool top_model_fits(const struct top_model *model);
