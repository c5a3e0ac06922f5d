/* Where the parts of a picture stand. */
#include "picture/draw.h"

#include <stdlib.h>

enum {
	TITLE_TEXT = 25,
	TITLE_LINE = 36,
	WARNING_TEXT = 17,
	WARNING_HEIGHT = 24,
	TOP = 46,
	FOOTER_TEXT = 16,
	FOOTER_HEIGHT = 34,
	TIME_HEIGHT = 28,
	GAP = 6,
	LABEL_GAP = 8, /* between a plot and its labels */
	LABEL_LEAST = 64,
	LABEL_MOST = 190,
	TIME_ROOM = 92, /* of a label of time */
	STAMP_TEXT = 76,
};

static void draw_head(const struct drawing *drawing)
{
	const struct picture_facts *facts = drawing->facts;
	const double room = PICTURE_WIDTH - 2 * DRAW_MARGIN;
	const struct lettering title = { TITLE_TEXT, true,
					 facts->simulated ? COLOUR_WARN : COLOUR_TEXT,
					 ANCHOR_LEFT };
	const struct lettering warning = { WARNING_TEXT, true, COLOUR_WARN, ANCHOR_LEFT };
	const struct lettering footer = { FOOTER_TEXT, false, COLOUR_MUTED, ANCHOR_LEFT };
	canvas_text(drawing->canvas, DRAW_MARGIN, TITLE_LINE, room, &title, facts->title);
	if (facts->warning[0])
		canvas_text(drawing->canvas, DRAW_MARGIN, TITLE_LINE + WARNING_HEIGHT, room,
			    &warning, facts->warning);
	canvas_text(drawing->canvas, DRAW_MARGIN, PICTURE_HEIGHT - 12, room, &footer,
		    facts->footer);
}

/* ---- panels ---- */

static double panels_top(const struct picture_facts *facts)
{
	return TOP + (facts->warning[0] ? WARNING_HEIGHT : 0);
}

static double panels_bottom(void) { return PICTURE_HEIGHT - FOOTER_HEIGHT; }

static double panel_height(const struct picture_facts *facts, const struct picture_panel *panel)
{
	double room =
	    panels_bottom() - panels_top(facts) - TIME_HEIGHT - GAP * (double)(facts->panels - 1);
	uint32_t shares = 0;
	for (size_t i = 0; i < facts->panels; i++)
		shares += facts->panel[i].share;
	return room * panel->share / shares;
}

/* The labels' column is as wide as the widest of all panels. */
static void measure(struct drawing *drawing)
{
	const struct picture_facts *facts = drawing->facts;
	double width = LABEL_LEAST;
	for (size_t i = 0; i < facts->panels; i++) {
		const struct picture_panel *panel = &facts->panel[i];
		double height = panel_height(facts, panel) - draw_head_height();
		double own = draw_axis_width(drawing->canvas, facts, panel, height) + 2 * LABEL_GAP;
		if (own > width)
			width = own < LABEL_MOST ? own : LABEL_MOST;
	}
	drawing->right = PICTURE_WIDTH - DRAW_MARGIN / 2;
	drawing->plots.x = DRAW_MARGIN;
	drawing->plots.width = drawing->right - width - DRAW_MARGIN;
	drawing->time_step = axis_time_step(facts->step_ms * (int64_t)facts->slots,
					    (int32_t)(drawing->plots.width / TIME_ROOM));
}

static void draw_times(const struct drawing *drawing, double y)
{
	const struct picture_facts *facts = drawing->facts;
	const struct lettering at = { DRAW_AXIS_TEXT, false, COLOUR_MUTED, ANCHOR_MIDDLE };
	const struct lettering unit = { DRAW_AXIS_TEXT - 2, false, COLOUR_MUTED, ANCHOR_LEFT };
	double left = drawing->plots.x, right = left + drawing->plots.width;
	for (size_t i = 0; i < facts->slots; i++) {
		int64_t t_ms = facts->from_ms + (int64_t)i * facts->step_ms;
		if (t_ms % drawing->time_step)
			continue;
		struct figure text = axis_time_text(t_ms, drawing->time_step);
		double x = draw_slot_x(drawing, i);
		text.text[text.len] = 0;
		double half = canvas_text_width(drawing->canvas, &at, text.text) / 2;
		if (x - half >= left - DRAW_MARGIN / 2 && x + half <= right)
			canvas_text(drawing->canvas, x, y + 20, TIME_ROOM, &at, text.text);
	}
	canvas_text(drawing->canvas, right + LABEL_GAP, y + 20, LABEL_LEAST, &unit, "UTC");
}

static void draw_panels(struct drawing *drawing)
{
	const struct picture_facts *facts = drawing->facts;
	double y = panels_top(facts);
	for (size_t i = 0; i < facts->panels; i++) {
		const struct picture_panel *panel = &facts->panel[i];
		struct box box = { DRAW_MARGIN, y, drawing->plots.width,
				   panel_height(facts, panel) };
		bool timed = panel->form != PICTURE_METER;
		bool is_last = i + 1 == facts->panels || facts->panel[i + 1].form == PICTURE_METER;
		(timed ? draw_panel : draw_meters)(drawing, panel, box);
		y += box.height;
		if (timed && is_last) {
			draw_times(drawing, y);
			y += TIME_HEIGHT;
		}
		y += GAP;
	}
}

/* Above all, so that no part can be shown without it. */
static void draw_stamp(const struct drawing *drawing)
{
	const struct lettering stamp = { STAMP_TEXT, true, COLOUR_STAMP, ANCHOR_MIDDLE };
	double x = drawing->plots.x + drawing->plots.width / 2;
	if (drawing->facts->simulated)
		canvas_text(drawing->canvas, x, PICTURE_HEIGHT * 0.36, drawing->plots.width, &stamp,
			    "SIMULATED");
}

enum status picture_draw(const struct picture_facts *facts, enum picture_theme theme,
			 struct buf *png)
{
	struct drawing drawing = { .facts = facts };
	enum status status = canvas_open(PICTURE_WIDTH, PICTURE_HEIGHT, theme, &drawing.canvas);
	if (status)
		return status;
	measure(&drawing);
	draw_head(&drawing);
	draw_panels(&drawing);
	draw_stamp(&drawing);
	status = canvas_png(drawing.canvas, png);
	canvas_close(drawing.canvas);
	return status;
}
