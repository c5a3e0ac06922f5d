/* top_frame.h - a picture of `weir top` as lines and their looks; curses puts it on the screen,
 * tests read it. Pure. */
#pragma once

#include "cli/top_model.h"

enum { TOP_LINES_MAX = 1024 };

enum top_look { LOOK_PLAIN, LOOK_BAR, LOOK_OK, LOOK_WARN, LOOK_BAD, LOOK_DIM };

struct top_frame {
	struct buf text; /* the lines, each with its LF */
	size_t count;
	struct {
		enum top_look look;
		bool chosen; /* the cursor is on it */
	} lines[TOP_LINES_MAX];
};

/* What is there to be shown. */
struct top_scene {
	const struct top_rows *rows;
	const json_t *now;     /* of GET /api/v1/now; NULL: not known */
	const json_t *open;    /* the row that is looked into; NULL: it is gone */
	const char *trouble;   /* why there are no rows; "" */
	const char *recording; /* the file that is shown; NULL: a running weir */
};

void top_frame_init(struct top_frame *frame);
void top_frame_deinit(struct top_frame *frame);
/* Exactly model->height lines; tells the model how many lines what is open has. */
void top_frame_draw(struct top_frame *frame, struct top_model *model,
		    const struct top_scene *scene);
/* The head and every row, for --once. */
void top_frame_once(struct buf *out, const struct top_model *model, const struct top_scene *scene);
