/* What is in a panel: its axis, its slots, the mark of the last value. */
#include "base/check.h"
#include "picture/draw.h"

enum { HEAD = 24, LINE_ROOM = 30, LINES_MOST = 8, TAG_HEIGHT = 24, LABEL_GAP = 8, BODY_MOST = 41 };

struct plot {
	const struct drawing *drawing;
	const struct picture_panel *panel;
	struct axis axis;
	struct box box;
	double slot; /* width */
};

double draw_head_height(void) { return HEAD; }

double draw_slot_x(const struct drawing *drawing, size_t slot)
{
	return drawing->plots.x +
	       drawing->plots.width * ((double)slot + 0.5) / (double)drawing->facts->slots;
}

/* ---- the axis ---- */

/* Series that the axis must hold. */
static size_t series_of(enum picture_form form)
{
	return form == PICTURE_CANDLES ? 4 : form == PICTURE_SIDES ? 2 : 1;
}

/* As drawn: the second side goes down. */
static i128 drawn(const struct picture_panel *panel, size_t series, size_t slot)
{
	i128 value = panel->value[series][slot];
	return panel->form == PICTURE_SIDES && series == 1 ? -value : value;
}

bool draw_axis_of(const struct picture_facts *facts, const struct picture_panel *panel,
		  double height, struct axis *axis)
{
	bool any = false;
	i128 least = 0, most = 0;
	bool on_zero = panel->form == PICTURE_BARS || panel->form == PICTURE_VOLUME ||
		       panel->form == PICTURE_SIDES;
	for (size_t slot = 0; slot < facts->slots; slot++)
		for (size_t i = 0; panel->known[slot] && i < series_of(panel->form); i++) {
			i128 value = drawn(panel, i, slot);
			least = !any || value < least ? value : least;
			most = !any || value > most ? value : most;
			any = true;
		}
	int32_t lines = (int32_t)(height / LINE_ROOM);
	if (any)
		axis_init(axis, least, most, on_zero ? AXIS_ON_ZERO : AXIS_FREE, panel->scale,
			  panel->is_price,
			  lines < 2            ? 2
			  : lines < LINES_MOST ? lines
					       : LINES_MOST);
	return any;
}

static const struct lettering label = { DRAW_AXIS_TEXT, false, COLOUR_MUTED, ANCHOR_LEFT };

/* Downward sides are amounts, too: without a sign. */
static void line_text(const struct picture_panel *panel, const struct axis *axis, i128 value,
		      struct figure *out)
{
	*out = axis_line_text(axis, panel->form == PICTURE_SIDES && value < 0 ? -value : value);
	out->text[out->len] = 0;
}

/* The series whose last value is marked, and where; false: none is. */
static bool last_value(const struct picture_facts *facts, const struct picture_panel *panel,
		       size_t *slot, i128 *value)
{
	if (panel->form == PICTURE_SIDES)
		return false;
	for (size_t i = facts->slots; i-- > 0;) {
		if (!panel->known[i])
			continue;
		*slot = i;
		*value = panel->value[panel->form == PICTURE_CANDLES ? 3 : 0][i];
		return true;
	}
	return false;
}

/* A bar may be much smaller than the lines are apart. */
static void mark_text(const struct picture_panel *panel, const struct axis *axis, i128 value,
		      struct figure *out)
{
	if (panel->form == PICTURE_BARS || panel->form == PICTURE_VOLUME)
		*out = figure_short(value, panel->scale,
				    panel->form == PICTURE_BARS ? FIGURE_PLUS : FIGURE_PLAIN);
	else
		*out = axis_value_text(axis, value);
	out->text[out->len] = 0;
}

double draw_axis_width(struct canvas *canvas, const struct picture_facts *facts,
		       const struct picture_panel *panel, double height)
{
	const struct lettering tag = { DRAW_AXIS_TEXT, true, COLOUR_ON_TAG, ANCHOR_LEFT };
	struct axis axis;
	struct figure text;
	double widest = 0, own;
	size_t slot;
	i128 value;
	if (panel->form == PICTURE_METER || !draw_axis_of(facts, panel, height, &axis))
		return 0;
	for (i128 line = axis.first; line <= axis.high; line += axis.step) {
		line_text(panel, &axis, line, &text);
		own = canvas_text_width(canvas, &label, text.text);
		widest = own > widest ? own : widest;
	}
	if (!last_value(facts, panel, &slot, &value))
		return widest;
	mark_text(panel, &axis, value, &text);
	own = canvas_text_width(canvas, &tag, text.text);
	return own > widest ? own : widest;
}

/* ---- ground ---- */

static double y_of(const struct plot *plot, i128 value)
{
	return plot->box.y + plot->box.height * (1 - axis_place(&plot->axis, value));
}

/* Where the mark of a value stands: all of it beside the plot. */
static double mark_y(const struct plot *plot, i128 value)
{
	double y = y_of(plot, value), half = TAG_HEIGHT / 2.0;
	double least = plot->box.y + half, most = plot->box.y + plot->box.height - half;
	return y < least ? least : y > most ? most : y;
}

static void draw_ground(const struct plot *plot)
{
	const struct drawing *drawing = plot->drawing;
	const struct picture_facts *facts = drawing->facts;
	canvas_fill(drawing->canvas, plot->box, COLOUR_PANEL);
	for (size_t i = 0; i < facts->slots; i++)
		if (facts->shaded[i])
			canvas_fill(drawing->canvas,
				    (struct box){ draw_slot_x(drawing, i) - plot->slot / 2,
						  plot->box.y, plot->slot, plot->box.height },
				    COLOUR_SHADE);
	for (size_t i = 0; i < facts->slots; i++)
		if ((facts->from_ms + (int64_t)i * facts->step_ms) % drawing->time_step == 0)
			canvas_upright(drawing->canvas, draw_slot_x(drawing, i), plot->box.y,
				       plot->box.height, COLOUR_GRID);
}

/* Lines, and at the right what they are; none where the last value's mark will stand. */
static void draw_lines(const struct plot *plot)
{
	const struct drawing *drawing = plot->drawing;
	double right = plot->box.x + plot->box.width, mark = -1000;
	struct figure text;
	size_t slot;
	i128 value;
	if (last_value(drawing->facts, plot->panel, &slot, &value))
		mark = mark_y(plot, value);
	for (i128 line = plot->axis.first; line <= plot->axis.high; line += plot->axis.step) {
		double y = y_of(plot, line), from_mark = y > mark ? y - mark : mark - y;
		bool fits = y >= plot->box.y + 6 && y <= plot->box.y + plot->box.height - 4;
		canvas_across(drawing->canvas, plot->box.x, y, plot->box.width,
			      line == 0 ? COLOUR_ZERO : COLOUR_GRID, false);
		if (from_mark < TAG_HEIGHT || !fits)
			continue;
		line_text(plot->panel, &plot->axis, line, &text);
		canvas_text(drawing->canvas, right + LABEL_GAP, y + 6,
			    drawing->right - right - LABEL_GAP, &label, text.text);
	}
}

/* ---- slots ---- */

/* Whole pixels, an odd number of them, so that a wick stands in the middle. */
static int body_width(const struct plot *plot)
{
	int width = (int)(plot->slot * 0.75);
	return width > BODY_MOST ? BODY_MOST : width < 3 ? 1 : width % 2 ? width : width - 1;
}

/* Between two values, one pixel high at least. */
static void draw_bar(const struct plot *plot, size_t slot, int width, i128 a, i128 b,
		     enum colour colour)
{
	int x = (int)draw_slot_x(plot->drawing, slot) - width / 2;
	double top = y_of(plot, a), bottom = y_of(plot, b);
	if (top > bottom) {
		double other = top;
		top = bottom;
		bottom = other;
	}
	canvas_fill(plot->drawing->canvas, (struct box){ x, top, width, bottom - top }, colour);
}

static void draw_candle(const struct plot *plot, size_t slot)
{
	const struct picture_panel *panel = plot->panel;
	i128 open = panel->value[0][slot], close = panel->value[3][slot];
	enum colour colour = close >= open ? COLOUR_UP : COLOUR_DOWN;
	draw_bar(plot, slot, 1, panel->value[1][slot], panel->value[2][slot], colour);
	draw_bar(plot, slot, body_width(plot), open, close, colour);
}

static void draw_slot(const struct plot *plot, size_t slot)
{
	const struct picture_panel *panel = plot->panel;
	i128 value = panel->value[0][slot];
	int width = body_width(plot);
	switch (panel->form) {
	case PICTURE_CANDLES: draw_candle(plot, slot); break;
	case PICTURE_BARS:
		if (value)
			draw_bar(plot, slot, width, 0, value, value > 0 ? COLOUR_UP : COLOUR_DOWN);
		break;
	case PICTURE_VOLUME:
		if (value)
			draw_bar(plot, slot, width, 0, value,
				 panel->value[1][slot] >= 0 ? COLOUR_UP_SOFT : COLOUR_DOWN_SOFT);
		break;
	case PICTURE_SIDES:
		if (value)
			draw_bar(plot, slot, width, 0, value, COLOUR_UP);
		if (panel->value[1][slot])
			draw_bar(plot, slot, width, 0, -panel->value[1][slot], COLOUR_DOWN);
		break;
	default: break;
	}
}

static enum colour line_colour(const struct picture_panel *panel)
{
	return panel->is_price ? COLOUR_PRICE : COLOUR_LINE;
}

/* Broken where a slot is not known. */
static void draw_curve(const struct plot *plot)
{
	const struct picture_panel *panel = plot->panel;
	const size_t slots = plot->drawing->facts->slots;
	double x[PICTURE_SLOTS], y[PICTURE_SLOTS];
	double floor = plot->box.y + plot->box.height;
	size_t n = 0;
	for (size_t i = 0; i <= slots; i++) {
		bool known = i < slots && panel->known[i];
		if (n && !known) {
			canvas_curve(plot->drawing->canvas, x, y, n, panel->is_price ? -1 : floor,
				     line_colour(panel));
			n = 0;
		}
		if (!known)
			continue;
		x[n] = draw_slot_x(plot->drawing, i);
		y[n++] = y_of(plot, panel->value[0][i]);
	}
}

/* ---- the last value ---- */

static enum colour mark_colour(const struct picture_panel *panel, size_t slot)
{
	switch (panel->form) {
	case PICTURE_CANDLES:
		return panel->value[3][slot] >= panel->value[0][slot] ? COLOUR_UP : COLOUR_DOWN;
	case PICTURE_BARS: return panel->value[0][slot] >= 0 ? COLOUR_UP : COLOUR_DOWN;
	case PICTURE_VOLUME: return panel->value[1][slot] >= 0 ? COLOUR_UP : COLOUR_DOWN;
	default: return line_colour(panel);
	}
}

static void draw_mark(const struct plot *plot)
{
	const struct drawing *drawing = plot->drawing;
	const struct lettering on_tag = { DRAW_AXIS_TEXT, true, COLOUR_ON_TAG, ANCHOR_LEFT };
	double right = plot->box.x + plot->box.width;
	size_t slot;
	i128 value;
	if (!last_value(drawing->facts, plot->panel, &slot, &value))
		return;
	enum colour colour = mark_colour(plot->panel, slot);
	struct figure text;
	double y = mark_y(plot, value);
	mark_text(plot->panel, &plot->axis, value, &text);
	canvas_across(drawing->canvas, plot->box.x, y_of(plot, value), plot->box.width, colour,
		      true);
	canvas_fill(drawing->canvas,
		    (struct box){ right, y - TAG_HEIGHT / 2.0, drawing->right - right, TAG_HEIGHT },
		    colour);
	canvas_text(drawing->canvas, right + LABEL_GAP, y + 6,
		    drawing->right - right - LABEL_GAP - 2, &on_tag, text.text);
}

/* ---- */

static enum colour note_colour(const struct picture_panel *panel)
{
	return panel->note[0] == '+'   ? COLOUR_UP
	       : panel->note[0] == '-' ? COLOUR_DOWN
				       : COLOUR_MUTED;
}

static void draw_head(const struct drawing *drawing, const struct picture_panel *panel,
		      struct box box)
{
	const struct lettering name = { DRAW_NAME_TEXT, false, COLOUR_TEXT, ANCHOR_LEFT };
	const struct lettering note = { DRAW_NAME_TEXT, false, note_colour(panel), ANCHOR_RIGHT };
	double used = panel->note[0] ? canvas_text_width(drawing->canvas, &note, panel->note) : 0;
	if (used > box.width / 2)
		used = box.width / 2;
	canvas_text(drawing->canvas, box.x, box.y + HEAD - 7, box.width - used - 12, &name,
		    panel->name);
	if (panel->note[0])
		canvas_text(drawing->canvas, box.x + box.width, box.y + HEAD - 7, used, &note,
			    panel->note);
}

void draw_panel(const struct drawing *drawing, const struct picture_panel *panel, struct box box)
{
	const struct lettering empty = { DRAW_NAME_TEXT, false, COLOUR_MUTED, ANCHOR_MIDDLE };
	struct plot plot = { .drawing = drawing, .panel = panel };
	draw_head(drawing, panel, box);
	plot.box = (struct box){ box.x, box.y + HEAD, box.width, box.height - HEAD };
	plot.slot = box.width / (double)drawing->facts->slots;
	draw_ground(&plot);
	if (!draw_axis_of(drawing->facts, panel, plot.box.height, &plot.axis)) {
		canvas_text(drawing->canvas, box.x + box.width / 2,
			    plot.box.y + plot.box.height / 2, box.width, &empty,
			    panel->empty[0] ? panel->empty : "nothing known");
		return;
	}
	draw_lines(&plot);
	if (panel->form == PICTURE_LINE)
		draw_curve(&plot);
	else
		for (size_t i = 0; i < drawing->facts->slots; i++)
			if (panel->known[i])
				draw_slot(&plot, i);
	draw_mark(&plot);
}

/* ---- without time ---- */

static double share_of(i128 value, i128 most)
{
	return most ? (double)(value < 0 ? -value : value) / (double)most : 0;
}

void draw_meters(const struct drawing *drawing, const struct picture_panel *panel, struct box box)
{
	const struct lettering name = { DRAW_NAME_TEXT - 1, false, COLOUR_TEXT, ANCHOR_LEFT };
	const struct lettering text = { DRAW_NAME_TEXT - 1, true, COLOUR_TEXT, ANCHOR_RIGHT };
	struct box all = { box.x, box.y, drawing->right - box.x, box.height };
	double row = (box.height - HEAD) / (double)(panel->meters ? panel->meters : 1);
	double middle = all.x + all.width * 0.42, half = all.width * 0.15;
	i128 most = 0;
	draw_head(drawing, panel, all);
	canvas_fill(drawing->canvas,
		    (struct box){ all.x, all.y + HEAD, all.width, all.height - HEAD },
		    COLOUR_PANEL);
	for (size_t i = 0; i < panel->meters; i++) {
		i128 value = panel->meter[i].value;
		most = value > most ? value : -value > most ? -value : most;
	}
	for (size_t i = 0; i < panel->meters; i++) {
		const struct picture_meter *meter = &panel->meter[i];
		double y = all.y + HEAD + row * (double)i;
		double length = half * share_of(meter->value, most);
		canvas_text(drawing->canvas, all.x + 8, y + row / 2 + 6, all.width * 0.25, &name,
			    meter->label);
		canvas_text(drawing->canvas, all.x + all.width - 8, y + row / 2 + 6,
			    all.width * 0.4, &text, meter->text);
		if (meter->known && meter->value)
			canvas_fill(drawing->canvas,
				    (struct box){ meter->value > 0 ? middle : middle - length,
						  y + row * 0.25, length, row * 0.5 },
				    meter->value > 0 ? COLOUR_UP : COLOUR_DOWN);
	}
	canvas_upright(drawing->canvas, middle, all.y + HEAD, all.height - HEAD, COLOUR_ZERO);
}
