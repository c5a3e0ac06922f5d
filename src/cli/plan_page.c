#include "cli/plan_page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "cli/plan_page_style.h"
#include "def/segments.h"

enum { PLOT_WIDTH = 1000, BAR_ROW = 22, BAR_INSET = 5 };

/* The four figures of a component, as they are drawn. */
enum { ORIGINAL, CORRECTED, PLANNED, MEASURED, BARS };
static const char *const bar_names[BARS] = { "original", "corrected", "planned", "measured" };

/* The logarithmic axis: decades from 10^low to 10^high. */
struct axis {
	int low, high;
};

struct page_out {
	struct buf *out;
	struct axis axis;
};

static void text(struct buf *out, const char *s) { buf_html(out, str_of(s)); }

static void get_bars(const struct plan_figures *figures, int64_t bars[BARS])
{
	bars[ORIGINAL] = figures->original;
	bars[CORRECTED] = figures->corrected;
	bars[PLANNED] = figures->planned;
	bars[MEASURED] = figures->measured;
}

/* ---- the scale ---- */

static struct axis axis_of(const struct plan *plan)
{
	struct axis axis = { 6, 9 };
	for (size_t i = 0; i < plan->count; i++) {
		int64_t bars[BARS + 1];
		get_bars(&plan->figures[i], bars);
		bars[BARS] = plan->figures[i].bound;
		for (size_t bar = 0; bar <= BARS; bar++) {
			if (bars[bar] <= 0)
				continue;
			int decade = (int)floor(log10((double)bars[bar]));
			axis.low = decade < axis.low ? decade : axis.low;
			axis.high = decade + 1 > axis.high ? decade + 1 : axis.high;
		}
	}
	axis.low = axis.low < 3 ? 3 : axis.low; /* below a kilobyte nothing is to be seen */
	return axis;
}

/* For drawing alone. */
static double place(struct axis axis, int64_t bytes)
{
	if (bytes <= 0)
		return 0;
	double at = (log10((double)bytes) - axis.low) / (axis.high - axis.low);
	return at < 0 ? 0 : at * PLOT_WIDTH;
}

static void put_axis(struct page_out *page)
{
	static const struct {
		int decade;
		const char *name;
	} names[] = { { 3, "1 kB" },  { 6, "1 MB" },  { 9, "1 GB" },
		      { 12, "1 TB" }, { 15, "1 PB" }, { 18, "1 EB" } };
	const struct axis axis = page->axis;
	buf_printf(page->out, "<div class=\"plot axis\" aria-hidden=\"true\"><div></div><div>");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (names[i].decade >= axis.low && names[i].decade <= axis.high)
			buf_printf(page->out, "<i style=\"left:%.1f%%\">%s</i>",
				   100.0 * (names[i].decade - axis.low) / (axis.high - axis.low),
				   names[i].name);
	buf_printf(page->out, "</div><div></div></div>\n");
}

/* ---- a component ---- */

static void put_svg(struct page_out *page, const int64_t bars[BARS], int64_t bound, int rows,
		    const char *name)
{
	struct buf *out = page->out;
	int height = rows * BAR_ROW, y = 0;
	buf_printf(out,
		   "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\" "
		   "aria-label=\"",
		   PLOT_WIDTH, height);
	text(out, name);
	buf_printf(out, ", logarithmic bars\">");
	for (int decade = page->axis.low; decade <= page->axis.high; decade++) {
		double x = PLOT_WIDTH * (double)(decade - page->axis.low) /
			   (page->axis.high - page->axis.low);
		buf_printf(out, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"%d\"/>",
			   x, x, height);
	}
	for (size_t bar = 0; bar < BARS; bar++) {
		if (bars[bar] < 0)
			continue;
		buf_printf(out,
			   "<rect class=\"%s\" x=\"0\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>",
			   bar_names[bar], y + BAR_INSET, place(page->axis, bars[bar]),
			   BAR_ROW - 2 * BAR_INSET);
		y += BAR_ROW;
	}
	if (bound > 0)
		buf_printf(out,
			   "<line class=\"bound\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" y2=\"%d\"/>",
			   place(page->axis, bound), place(page->axis, bound), height);
	buf_printf(out, "</svg>");
}

static void put_plot(struct page_out *page, const struct plan_figures *figures)
{
	struct buf *out = page->out;
	int64_t bars[BARS];
	int rows = 0;
	get_bars(figures, bars);
	for (size_t bar = 0; bar < BARS; bar++)
		rows += bars[bar] >= 0;
	if (!rows)
		return;
	buf_printf(out, "<div class=\"plot\"><div class=\"k\">");
	for (size_t bar = 0; bar < BARS; bar++)
		if (bars[bar] >= 0)
			buf_printf(out, "<span>%s</span>", bar_names[bar]);
	buf_printf(out, "</div>");
	put_svg(page, bars, figures->bound, rows, figures->name);
	buf_printf(out, "<div class=\"v\">");
	for (size_t bar = 0; bar < BARS; bar++)
		if (bars[bar] >= 0) {
			buf_printf(out, "<span>");
			plan_put_bytes(out, bars[bar]);
			buf_printf(out, "</span>");
		}
	buf_printf(out, "</div></div>\n");
}

/* The smaller figure that the document came to, by keeping less or by a fault. */
static void put_optimised(struct buf *out, const struct plan_figures *figures)
{
	if (figures->optimised < 0 || figures->optimised == figures->original)
		return;
	buf_printf(out, "<p class=\"sum\">The document's own smaller figure: <b>");
	plan_put_bytes(out, figures->optimised);
	buf_printf(out, "</b>");
	if (figures->optimised_corrected >= 0 &&
	    figures->optimised_corrected != figures->optimised) {
		buf_printf(out, "; by its own arithmetic <b>");
		plan_put_bytes(out, figures->optimised_corrected);
		buf_printf(out, "</b>");
	}
	buf_printf(out, ".</p>\n");
}

static void put_how(struct buf *out, const char *name, const char *how, int64_t bytes)
{
	char storage[256];
	struct buf sum = buf_over(storage, sizeof storage);
	if (!*how)
		return;
	plan_put_how(&sum, how, bytes);
	buf_printf(out, "<p class=\"sum\"><i class=\"%s\"></i>%s: ", name, name);
	buf_html(out, buf_str(&sum));
	buf_printf(out, "</p>\n");
}

static void put_mark(struct buf *out, const struct plan_figures *figures)
{
	const char *kind = figures->bound < 0 ? "none" : figures->within ? "ok" : "over";
	if (plan_view_is_estimate(figures)) {
		buf_printf(out, "<span class=\"mark none\">estimate</span>");
		return;
	}
	buf_printf(out, "<span class=\"mark %s\">", kind);
	if (figures->bound < 0)
		buf_printf(out, "no bound");
	else
		buf_printf(out, figures->within ? "within " : "over ");
	if (figures->bound >= 0)
		plan_put_bytes(out, figures->bound);
	buf_printf(out, "</span>");
}

static void put_component(struct page_out *page, const struct plan_figures *figures)
{
	struct buf *out = page->out;
	buf_printf(out, "<section class=\"card\"><div class=\"head\"><h3>");
	text(out, figures->name);
	buf_printf(out, "</h3>");
	put_mark(out, figures);
	buf_printf(out, "</div>\n");
	put_plot(page, figures);
	put_how(out, "corrected", figures->how_corrected, figures->corrected);
	put_how(out, "planned", figures->how, figures->planned);
	put_optimised(out, figures);
	buf_printf(out, "</section>\n");
}

/* ---- tables ---- */

static void begin_table(struct buf *out, const char *const *names, size_t count)
{
	buf_printf(out, "<table><thead><tr>");
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "<th>%s</th>", names[i]);
	buf_printf(out, "</tr></thead><tbody>\n");
}

static void end_table(struct buf *out) { buf_printf(out, "</tbody></table>\n"); }

typedef void put_fn(struct buf *out, int64_t value);

static void cell(struct buf *out, const char *name, put_fn *put, int64_t value)
{
	buf_printf(out, "<td data-k=\"%s\">", name);
	put(out, value);
	buf_printf(out, "</td>");
}

static void put_segments(struct buf *out, const struct plan *plan)
{
	static const char *const names[] = { "segment",  "planned",   "measured",
					     "headroom", "maxmemory", "full in" };
	buf_printf(out,
		   "<h2>Segments</h2>\n<p class=\"dim\">maxmemory is the value to set: what is "
		   "planned, and headroom for copy-on-write, clients and fragmentation. Full "
		   "in: the time from the plan's size until the segment is full, with its "
		   "sink down.</p>\n");
	begin_table(out, names, ARRAY_LEN(names));
	for (enum segment segment = 0; segment < SEGMENT_COUNT; segment++) {
		const struct plan_segment *row = &plan->segments[segment];
		buf_printf(out, "<tr><td>%s <small>", segment_row(segment)->name);
		text(out, segment_row(segment)->title);
		buf_printf(out, "</small></td>");
		cell(out, "planned", plan_put_bytes, row->planned);
		cell(out, "measured", plan_put_bytes, row->measured);
		cell(out, "headroom", plan_put_bytes, row->headroom);
		cell(out, "maxmemory", plan_put_bytes, row->maxmemory);
		buf_printf(out, "<td data-k=\"full in\"><div>");
		plan_put_seconds(out, row->full_in_s);
		if (*row->sink) {
			buf_printf(out, " <small>without ");
			text(out, row->sink);
			buf_printf(out, "</small>");
		}
		buf_printf(out, "</div></td></tr>\n");
	}
	end_table(out);
}

static void put_deviations(struct buf *out, const struct plan *filled)
{
	static const char *const names[] = { "projection", "planned", "measured", "deviation",
					     "allowed" };
	begin_table(out, names, ARRAY_LEN(names));
	for (size_t i = 0; i < filled->count; i++) {
		const struct plan_figures *figures = &filled->figures[i];
		struct plan_deviation deviation =
		    plan_view_deviation(figures->planned, figures->measured, figures->stream);
		if (figures->measured < 0)
			continue;
		buf_printf(out, "<tr><td>");
		text(out, figures->name);
		buf_printf(out, "</td>");
		cell(out, "planned", plan_put_bytes, figures->planned);
		cell(out, "measured", plan_put_bytes, figures->measured);
		buf_printf(out, "<td data-k=\"deviation\"%s>",
			   deviation.known && !deviation.within ? " class=\"over\"" : "");
		if (deviation.known)
			plan_put_permille(out, deviation.permille);
		else
			buf_printf(out, "–");
		buf_printf(out, "</td><td data-k=\"allowed\">%d %%</td></tr>\n", deviation.limit);
	}
	end_table(out);
}

static void put_servers(struct buf *out, const struct measure_result *measured)
{
	static const char *const names[] = { "server",   "used idle",     "used", "resident idle",
					     "resident", "fragmentation", "keys" };
	begin_table(out, names, ARRAY_LEN(names));
	for (enum segment segment = 0; segment < SEGMENT_COUNT; segment++) {
		const struct measure_segment *row = &measured->segments[segment];
		buf_printf(out, "<tr><td>%s</td>", segment_row(segment)->name);
		cell(out, "used idle", plan_put_bytes, row->idle);
		cell(out, "used", plan_put_bytes, row->used);
		cell(out, "resident idle", plan_put_bytes, row->idle_rss);
		cell(out, "resident", plan_put_bytes, row->rss);
		cell(out, "fragmentation", plan_put_1000, row->fragmentation_1000);
		cell(out, "keys", plan_put_count, row->keys);
		buf_printf(out, "</tr>\n");
	}
	end_table(out);
}

static void put_measured(struct buf *out, const struct plan_view *view)
{
	buf_printf(out, "<h2>Measured</h2>\n<p class=\"dim\">");
	char storage[512];
	struct buf sentence = buf_over(storage, sizeof storage - 1);
	plan_put_measurement(&sentence, view);
	buf_html(out, buf_str(&sentence));
	buf_printf(out, " The projection is held to 5 %%, of streams to 10 %%.</p>\n");
	put_deviations(out, view->filled);
	put_servers(out, view->measured);
}

static void put_figures(struct buf *out, const struct plan_figures *row, const char *kind)
{
	buf_printf(out, "<tr%s><td>", kind);
	text(out, row->name);
	buf_printf(out, "</td>");
	cell(out, "original", plan_put_count, row->original);
	cell(out, "corrected", plan_put_count, row->corrected);
	cell(out, "planned", plan_put_count, row->planned);
	cell(out, "measured", plan_put_count, row->measured);
	cell(out, "bound", plan_put_count, row->bound);
	buf_printf(out, "</tr>\n");
}

static void put_all_figures(struct buf *out, const struct plan *plan)
{
	static const char *const names[] = { "bytes",   "original", "corrected",
					     "planned", "measured", "bound" };
	buf_printf(out, "<h2>The figures in bytes</h2>\n");
	begin_table(out, names, ARRAY_LEN(names));
	for (size_t i = 0; i < plan->count; i++)
		put_figures(out, &plan->figures[i], "");
	put_figures(out,
		    &(struct plan_figures){ .name = "all Redis, sinks healthy",
					    .original = plan->original,
					    .corrected = plan->corrected,
					    .planned = plan->planned,
					    .measured = plan->measured,
					    .bound = plan->bound },
		    " class=\"sum\"");
	put_figures(out,
		    &(struct plan_figures){ .name = "everything but the terminals, resident",
					    .original = -1,
					    .corrected = -1,
					    .planned = plan->everything_planned,
					    .measured = plan->everything_measured,
					    .bound = plan->everything_bound },
		    " class=\"sum\"");
	end_table(out);
}

/* ---- the page ---- */

static void put_faults(struct buf *out, const struct plan *plan)
{
	if (!plan->faults)
		return;
	buf_printf(out, "<h2>Faults</h2>\n<ol>\n");
	for (size_t i = 0; i < plan->faults; i++) {
		const struct plan_found *found = &plan->found[i];
		buf_printf(out, "<li class=\"card\"><h3>");
		text(out, found->where);
		buf_printf(out, "</h3><p class=\"sum\">");
		text(out, plan_fault_text(found->rule));
		buf_printf(out, "</p><dl><dt>says</dt><dd class=\"says\">");
		text(out, found->original);
		buf_printf(out, "</dd><dt>is</dt><dd class=\"is\">");
		text(out, found->corrected);
		buf_printf(out, "</dd></dl></li>\n");
	}
	buf_printf(out, "</ol>\n");
	if (plan->faults_more)
		buf_printf(out, "<p class=\"dim\">and %zu more</p>\n", plan->faults_more);
}

static void put_tile(struct buf *out, const char *name, int64_t bytes)
{
	if (bytes < 0)
		return;
	buf_printf(out, "<div class=\"tile %s\"><small>%s</small><b>", name, name);
	plan_put_bytes(out, bytes);
	buf_printf(out, "</b></div>");
}

static void put_head(struct buf *out, const struct plan_view *view)
{
	const struct plan *plan = view->plan;
	buf_printf(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
			"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>"
			"<title>Memory plan: ");
	text(out, plan->title);
	buf_printf(out, "</title>\n<style>\n");
	buf_put(out, plan_page_style, sizeof plan_page_style - 1);
	buf_printf(out, "</style></head>\n<body><main>\n<header><span class=\"kicker\">Memory plan"
			"</span><h1>");
	text(out, plan->title);
	buf_printf(out, "</h1><p class=\"lead\">");
	text(out, plan->summary);
	buf_printf(out, "</p><p><span class=\"mark %s\">%s</span></p></header>\n",
		   plan->within_bounds ? "ok" : "over",
		   plan->within_bounds ? "within all bounds" : "out of bounds");
	buf_printf(out, "<div class=\"tiles\">");
	put_tile(out, "original", plan->original);
	put_tile(out, "corrected", plan->corrected);
	put_tile(out, "planned", plan->planned);
	put_tile(out, "measured", plan->measured);
	put_tile(out, "bound", plan->bound);
	buf_printf(out, "</div>\n<p class=\"dim\">These are all Redis segments together. ");
	char storage[1024];
	struct buf load = buf_over(storage, sizeof storage);
	plan_put_load(&load, &plan->load);
	buf_html(out, buf_str(&load));
	buf_printf(out, "</p>\n");
}

static void put_components(struct page_out *page, const struct plan *plan)
{
	buf_printf(page->out,
		   "<h2>Components</h2>\n<p class=\"dim\">Bytes of used_memory above an idle "
		   "server. The bars are on a logarithmic scale: each line is ten times the one "
		   "before it. The dashed line is the bound.</p>\n");
	put_axis(page);
	for (size_t i = 0; i < plan->count; i++)
		put_component(page, &plan->figures[i]);
}

void plan_page_print(struct buf *out, const struct plan_view *view)
{
	struct page_out page = { .out = out, .axis = axis_of(view->plan) };
	put_head(out, view);
	put_components(&page, view->plan);
	put_faults(out, view->plan);
	put_segments(out, view->plan);
	if (view->measured)
		put_measured(out, view);
	put_all_figures(out, view->plan);
	buf_printf(out, "<footer><p>");
	text(out, view->table);
	buf_printf(out,
		   "</p><p>kB, MB and GB are powers of 1,000. What MetaTrader 5 terminals take "
		   "is an estimate.</p></footer>\n</main></body></html>\n");
}
