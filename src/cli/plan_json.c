#include "cli/plan_json.h"

#include "base/json_out.h"
#include "def/segments.h"

static void put_bytes(struct json_out *json, const char *key, int64_t bytes)
{
	json_out_known_i64(json, key, bytes >= 0, bytes);
}

/* A number that is no whole one. */
static void put_decimal(struct json_out *json, const char *key, bool known, int64_t mantissa,
			int32_t scale)
{
	if (known)
		json_out_number(json, key, mantissa, scale);
	else
		json_out_null(json, key);
}

static void put_component(struct json_out *json, const struct plan_figures *figures)
{
	json_out_open(json, NULL, '{');
	json_out_str(json, "name", str_of(figures->name));
	put_bytes(json, "items", figures->items);
	put_decimal(json, "bytes_per_item", figures->bytes_per_item_1000 >= 0,
		    figures->bytes_per_item_1000, 3);
	put_bytes(json, "original", figures->original);
	put_bytes(json, "corrected", figures->corrected);
	put_bytes(json, "planned", figures->planned);
	put_bytes(json, "measured", figures->measured);
	put_bytes(json, "bound", figures->bound);
	json_out_bool(json, "within", figures->within);
	json_out_close(json, '}');
}

static void put_segments(struct json_out *json, const struct plan *plan)
{
	json_out_open(json, "segments", '[');
	for (enum segment segment = 0; segment < SEGMENT_COUNT; segment++) {
		const struct plan_segment *row = &plan->segments[segment];
		json_out_open(json, NULL, '{');
		json_out_str(json, "name", str_of(segment_row(segment)->name));
		put_bytes(json, "planned", row->planned);
		put_bytes(json, "measured", row->measured);
		put_bytes(json, "headroom", row->headroom);
		put_bytes(json, "maxmemory", row->maxmemory);
		put_bytes(json, "full_in_s", row->full_in_s);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

static void put_server(struct json_out *json, const struct plan_view *view)
{
	json_out_open(json, "server", '{');
	json_out_str(json, "version", str_of(view->measured->version));
	put_decimal(json, "scale_percent", true, view->scale_1000, 1);
	json_out_open(json, "segments", '[');
	for (enum segment segment = 0; segment < SEGMENT_COUNT; segment++) {
		const struct measure_segment *row = &view->measured->segments[segment];
		json_out_open(json, NULL, '{');
		json_out_str(json, "name", str_of(segment_row(segment)->name));
		put_bytes(json, "idle", row->idle);
		put_bytes(json, "maxmemory", row->maxmemory ? row->maxmemory : -1);
		put_bytes(json, "used", row->used);
		put_bytes(json, "peak", row->peak);
		put_bytes(json, "rss", row->rss);
		put_decimal(json, "fragmentation", row->fragmentation_1000 >= 0,
			    row->fragmentation_1000, 3);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
	json_out_close(json, '}');
}

static void put_filled(struct json_out *json, const struct plan *filled)
{
	json_out_open(json, "filled", '[');
	for (size_t i = 0; i < filled->count; i++) {
		const struct plan_figures *figures = &filled->figures[i];
		struct plan_deviation deviation =
		    plan_view_deviation(figures->planned, figures->measured, figures->stream);
		if (figures->measured < 0)
			continue;
		json_out_open(json, NULL, '{');
		json_out_str(json, "name", str_of(figures->name));
		put_bytes(json, "planned", figures->planned);
		put_bytes(json, "measured", figures->measured);
		put_decimal(json, "deviation_percent", deviation.known, deviation.permille, 1);
		json_out_i64(json, "allowed_percent", deviation.limit);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

static void put_totals(struct json_out *json, const struct plan_view *view)
{
	const struct plan *plan = view->plan;
	json_out_open(json, "totals", '{');
	put_bytes(json, "original", plan->original);
	put_bytes(json, "corrected", plan->corrected);
	put_bytes(json, "planned", plan->planned);
	put_bytes(json, "measured", plan->measured);
	put_bytes(json, "bound", plan->bound);
	put_bytes(json, "headroom", plan->headroom);
	put_bytes(json, "maxmemory", plan->maxmemory);
	json_out_open(json, "everything", '{');
	put_bytes(json, "planned", plan->everything_planned);
	put_bytes(json, "measured", plan->everything_measured);
	put_bytes(json, "bound", plan->everything_bound);
	json_out_close(json, '}');
	json_out_str(json, "costs", str_of(view->table));
	put_segments(json, plan);
	if (view->measured) {
		put_server(json, view);
		put_filled(json, view->filled);
	}
	json_out_close(json, '}');
}

static void put_faults(struct json_out *json, const struct plan *plan)
{
	json_out_open(json, "faults", '[');
	for (size_t i = 0; i < plan->faults; i++) {
		const struct plan_found *found = &plan->found[i];
		json_out_open(json, NULL, '{');
		json_out_str(json, "rule", str_of(plan_fault_name(found->rule)));
		json_out_str(json, "where", str_of(found->where));
		json_out_str(json, "original", str_of(found->original));
		json_out_str(json, "corrected", str_of(found->corrected));
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

void plan_json_print(struct buf *out, const struct plan_view *view)
{
	struct json_out json = { .out = out };
	json_out_open(&json, NULL, '{');
	json_out_open(&json, "components", '[');
	for (size_t i = 0; i < view->plan->count; i++)
		put_component(&json, &view->plan->figures[i]);
	json_out_close(&json, ']');
	put_totals(&json, view);
	put_faults(&json, view->plan);
	json_out_bool(&json, "within_bounds", view->plan->within_bounds);
	json_out_str(&json, "summary", str_of(view->plan->summary));
	json_out_close(&json, '}');
	buf_char(out, '\n');
}
