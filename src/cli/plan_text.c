#include "cli/plan_text.h"

#include <stdio.h>

#include "base/check.h"
#include "base/text.h"
#include "def/segments.h"

enum { CELL_BYTES = 64, CELLS_MAX = 10, LINES_MAX = PLAN_FIGURES_MAX + 4, PROSE_COLUMNS = 100 };

/* Rows of cells; the first column is text and is cut where the table would be too wide, the
 * others are numbers and stand to the right. */
struct grid {
	size_t columns, count;
	char cells[LINES_MAX][CELLS_MAX][CELL_BYTES];
	const char *colours[LINES_MAX]; /* of the row's last cell; NULL: none */
};

static const char red[] = "\033[1;31m", green[] = "\033[32m", bold[] = "\033[1m",
		  plain[] = "\033[0m";

/* ---- prose ---- */

/* A word in the margin, and prose. */
static void put_fact(struct buf *out, const char *name, struct str text)
{
	buf_printf(out, "%-10s", name);
	text_put_wrapped(out, 10, PROSE_COLUMNS, text);
}

static void put_heading(struct buf *out, bool colour, const char *text)
{
	buf_printf(out, "\n%s%s%s\n", colour ? bold : "", text, colour ? plain : "");
}

/* ---- a table ---- */

static char (*add_row(struct grid *grid))[CELL_BYTES]
{
	CHECK(grid->count < LINES_MAX);
	return grid->cells[grid->count++];
}

static void set(char cell[CELL_BYTES], const char *text) { snprintf(cell, CELL_BYTES, "%s", text); }

typedef void put_fn(struct buf *out, int64_t value);

static void set_by(char cell[CELL_BYTES], put_fn *put, int64_t value)
{
	struct buf text = buf_over(cell, CELL_BYTES - 1);
	put(&text, value);
	cell[text.len] = 0;
}

static void begin_grid(struct grid *grid, const char *const *names, size_t columns)
{
	grid->columns = columns;
	grid->count = 0;
	char(*cells)[CELL_BYTES] = add_row(grid);
	for (size_t i = 0; i < columns; i++)
		set(cells[i], names[i]);
	memset(grid->colours, 0, sizeof grid->colours);
}

static void measure_grid(const struct grid *grid, size_t widths[CELLS_MAX])
{
	size_t sum = 0;
	for (size_t i = 0; i < grid->columns; i++) {
		widths[i] = 0;
		for (size_t line = 0; line < grid->count; line++) {
			size_t width = text_width(str_of(grid->cells[line][i]));
			if (width > widths[i])
				widths[i] = width;
		}
		sum += widths[i] + (i ? 2 : 0);
	}
	if (sum > PLAN_TEXT_COLUMNS) {
		size_t over = sum - PLAN_TEXT_COLUMNS;
		widths[0] -= over < widths[0] ? over : widths[0];
	}
}

static void put_row(struct buf *out, const struct grid *grid, size_t line, const size_t *widths,
		    bool colour)
{
	const char *tint = colour ? grid->colours[line] : NULL;
	for (size_t i = 0; i < grid->columns; i++) {
		struct str cell = str_of(grid->cells[line][i]);
		size_t width = text_width(cell), blanks = width < widths[i] ? widths[i] - width : 0;
		bool last = i + 1 == grid->columns;
		if (i)
			text_put_blanks(out, 2 + blanks);
		if (last && tint)
			buf_printf(out, "%s", tint);
		text_put_cut(out, cell, widths[i]);
		if (last && tint)
			buf_printf(out, "%s", plain);
		if (!i)
			text_put_blanks(out, blanks);
	}
	buf_char(out, '\n');
}

static void put_grid(struct buf *out, const struct grid *grid, bool colour)
{
	size_t widths[CELLS_MAX];
	measure_grid(grid, widths);
	for (size_t line = 0; line < grid->count; line++)
		put_row(out, grid, line, widths, colour);
}

/* ---- the parts ---- */

static void set_figures(char (*cells)[CELL_BYTES], int64_t original, int64_t corrected,
			int64_t planned, int64_t measured, int64_t bound)
{
	set_by(cells[3], plan_put_bytes, original);
	set_by(cells[4], plan_put_bytes, corrected);
	set_by(cells[5], plan_put_bytes, planned);
	set_by(cells[6], plan_put_bytes, measured);
	set_by(cells[7], plan_put_bytes, bound);
}

static void put_total(struct grid *grid, const char *name, int64_t original, int64_t corrected,
		      int64_t planned, int64_t measured, int64_t bound)
{
	char(*cells)[CELL_BYTES] = add_row(grid);
	bool within = (measured >= 0 ? measured : planned) <= bound;
	set(cells[0], name);
	set_figures(cells, original, corrected, planned, measured, bound);
	set(cells[8], bound < 0 ? "–" : within ? "ok" : "OVER");
	if (bound >= 0)
		grid->colours[grid->count - 1] = within ? green : red;
}

static void put_components(struct buf *out, struct grid *grid, const struct plan *plan, bool colour)
{
	static const char *const names[] = { "component", "items",     "bytes/item",
					     "original",  "corrected", "planned",
					     "measured",  "bound",     "verdict" };
	begin_grid(grid, names, ARRAY_LEN(names));
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_figures *figures = &plan->figures[i];
		char(*cells)[CELL_BYTES] = add_row(grid);
		set(cells[0], figures->name);
		set_by(cells[1], plan_put_count, figures->items);
		set_by(cells[2], plan_put_1000, figures->bytes_per_item_1000);
		set_figures(cells, figures->original, figures->corrected, figures->planned,
			    figures->measured, figures->bound);
		set(cells[8], plan_view_verdict(figures));
		if (figures->bound >= 0)
			grid->colours[grid->count - 1] = figures->within ? green : red;
	}
	put_total(grid, "all Redis, sinks healthy", plan->original, plan->corrected, plan->planned,
		  plan->measured, plan->bound);
	put_total(grid, "everything but the terminals", -1, -1, plan->everything_planned,
		  plan->everything_measured, plan->everything_bound);
	put_grid(out, grid, colour);
}

static void put_segments(struct buf *out, struct grid *grid, const struct plan *plan, bool colour)
{
	static const char *const names[] = { "segment",   "planned", "measured", "headroom",
					     "maxmemory", "full in", "sink down" };
	put_heading(out, colour,
		    "Segments: maxmemory to set, with headroom for copy-on-write, clients and "
		    "fragmentation;\ntime until full from the plan's size with the sink down");
	begin_grid(grid, names, ARRAY_LEN(names));
	for (enum segment segment = 0; segment < SEGMENT_COUNT; segment++) {
		const struct plan_segment *row = &plan->segments[segment];
		char(*cells)[CELL_BYTES] = add_row(grid);
		snprintf(cells[0], CELL_BYTES, "%-5s %s", segment_row(segment)->name,
			 segment_row(segment)->title);
		set_by(cells[1], plan_put_bytes, row->planned);
		set_by(cells[2], plan_put_bytes, row->measured);
		set_by(cells[3], plan_put_bytes, row->headroom);
		set_by(cells[4], plan_put_bytes, row->maxmemory);
		set_by(cells[5], plan_put_seconds, row->full_in_s);
		set(cells[6], *row->sink ? row->sink : "–");
	}
	put_grid(out, grid, colour);
}

/* ---- what was measured ---- */

static void set_deviation(struct grid *grid, const struct plan_deviation *deviation,
			  char (*cells)[CELL_BYTES])
{
	set(cells[3], "–");
	set(cells[5], "–");
	snprintf(cells[4], CELL_BYTES, "%d %%", deviation->limit);
	if (!deviation->known)
		return;
	set_by(cells[3], plan_put_permille, deviation->permille);
	set(cells[5], deviation->within ? "ok" : "BEYOND");
	grid->colours[grid->count - 1] = deviation->within ? green : red;
}

static void put_deviations(struct buf *out, struct grid *grid, const struct plan_view *view,
			   bool colour)
{
	static const char *const names[] = { "projection", "planned", "measured",
					     "deviation",  "allowed", "verdict" };
	const struct plan *filled = view->filled;
	put_heading(out, colour, "Projection beside the servers, of what was filled");
	begin_grid(grid, names, ARRAY_LEN(names));
	for (size_t i = 0; i < filled->count; i++) {
		const struct plan_figures *figures = &filled->figures[i];
		if (figures->measured < 0)
			continue;
		struct plan_deviation deviation =
		    plan_view_deviation(figures->planned, figures->measured, figures->stream);
		char(*cells)[CELL_BYTES] = add_row(grid);
		set(cells[0], figures->name);
		set_by(cells[1], plan_put_bytes, figures->planned);
		set_by(cells[2], plan_put_bytes, figures->measured);
		set_deviation(grid, &deviation, cells);
	}
	put_grid(out, grid, colour);
}

static void put_servers(struct buf *out, struct grid *grid, const struct plan_view *view,
			bool colour)
{
	static const char *const names[] = { "server",   "used idle",     "used", "resident idle",
					     "resident", "fragmentation", "keys" };
	char heading[64];
	snprintf(heading, sizeof heading, "Servers: Redis %s, used_memory and RSS",
		 view->measured->version);
	put_heading(out, colour, heading);
	begin_grid(grid, names, ARRAY_LEN(names));
	for (enum segment segment = 0; segment < SEGMENT_COUNT; segment++) {
		const struct measure_segment *row = &view->measured->segments[segment];
		char(*cells)[CELL_BYTES] = add_row(grid);
		set(cells[0], segment_row(segment)->name);
		set_by(cells[1], plan_put_bytes, row->idle);
		set_by(cells[2], plan_put_bytes, row->used);
		set_by(cells[3], plan_put_bytes, row->idle_rss);
		set_by(cells[4], plan_put_bytes, row->rss);
		set_by(cells[5], plan_put_1000, row->fragmentation_1000);
		set_by(cells[6], plan_put_count, row->keys);
	}
	put_grid(out, grid, colour);
}

/* ---- faults ---- */

static void put_faults(struct buf *out, const struct plan *plan, bool colour)
{
	if (!plan->faults)
		return;
	put_heading(out, colour, "Faults");
	for (size_t i = 0; i < plan->faults; i++) {
		const struct plan_found *found = &plan->found[i];
		char title[256];
		snprintf(title, sizeof title, "%s: %s", found->where, plan_fault_text(found->rule));
		buf_printf(out, "%3zu  ", i + 1);
		text_put_wrapped(out, 5, PROSE_COLUMNS, str_of(title));
		buf_printf(out, "     says  ");
		text_put_wrapped(out, 11, PROSE_COLUMNS, str_of(found->original));
		buf_printf(out, "     is    ");
		text_put_wrapped(out, 11, PROSE_COLUMNS, str_of(found->corrected));
	}
	if (plan->faults_more)
		buf_printf(out, "     and %zu more\n", plan->faults_more);
}

static void put_how(struct buf *out, const char *name, const char *how, int64_t bytes)
{
	char storage[256];
	struct buf sum = buf_over(storage, sizeof storage);
	if (!*how)
		return;
	plan_put_how(&sum, how, bytes);
	buf_printf(out, "  %-9s  ", name);
	text_put_wrapped(out, 13, PROSE_COLUMNS, buf_str(&sum));
}

/* How the figures come about, where it is told. */
static void put_arithmetic(struct buf *out, const struct plan *plan, bool colour)
{
	bool any = false;
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_figures *figures = &plan->figures[i];
		if (!*figures->how_corrected && !*figures->how)
			continue;
		if (!any)
			put_heading(out, colour, "The arithmetic");
		any = true;
		buf_printf(out, "%s\n", figures->name);
		put_how(out, "corrected", figures->how_corrected, figures->corrected);
		put_how(out, "planned", figures->how, figures->planned);
	}
}

static void put_head(struct buf *out, const struct plan_view *view, bool colour)
{
	char storage[1024];
	struct buf text = buf_over(storage, sizeof storage);
	buf_printf(out, "%s%s%s\n", colour ? bold : "", view->plan->title, colour ? plain : "");
	plan_put_load(&text, &view->plan->load);
	put_fact(out, "load", buf_str(&text));
	put_fact(out, "costs", str_of(view->table));
	if (view->measured) {
		buf_clear(&text);
		plan_put_measurement(&text, view);
		put_fact(out, "measured", buf_str(&text));
	}
	buf_char(out, '\n');
}

void plan_text_print(struct buf *out, const struct plan_view *view, bool colour)
{
	static struct grid grid; /* a command's only one */
	put_head(out, view, colour);
	put_components(out, &grid, view->plan, colour);
	put_segments(out, &grid, view->plan, colour);
	if (view->measured) {
		put_deviations(out, &grid, view, colour);
		put_servers(out, &grid, view, colour);
	}
	put_arithmetic(out, view->plan, colour);
	put_faults(out, view->plan, colour);
	buf_char(out, '\n');
	text_put_wrapped(out, 0, PROSE_COLUMNS, str_of(view->plan->summary));
}
