/* draw.h - facts on a canvas: where everything stands (draw.c), and what is in a panel
 * (draw_panel.c). Internal to picture/. */
#pragma once

#include "picture/axis.h"
#include "picture/canvas.h"

enum {
	DRAW_MARGIN = 16,
	DRAW_AXIS_TEXT = 17, /* pixels; a phone shows the picture at less than half its size */
	DRAW_NAME_TEXT = 17,
};

struct drawing {
	struct canvas *canvas;
	const struct picture_facts *facts;
	struct box plots;  /* of all panels with a time axis; right of it are the labels */
	double right;      /* where labels end */
	int64_t time_step; /* between the labels of time */
};

/* A panel's axis, from the values known; false: there is none. */
bool draw_axis_of(const struct picture_facts *facts, const struct picture_panel *panel,
		  double height, struct axis *axis);
/* What stands at the right of the panel: the widest text, in pixels. */
double draw_axis_width(struct canvas *canvas, const struct picture_facts *facts,
		       const struct picture_panel *panel, double height);
/* Middle of a slot. */
double draw_slot_x(const struct drawing *drawing, size_t slot);
/* The panel with its name above: `box` is all of it. */
void draw_panel(const struct drawing *drawing, const struct picture_panel *panel, struct box box);
/* A panel without time. */
void draw_meters(const struct drawing *drawing, const struct picture_panel *panel, struct box box);
/* Height of a panel's head, above its plot. */
double draw_head_height(void);
