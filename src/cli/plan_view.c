#include "cli/plan_view.h"

#include <stdio.h>

#include "base/check.h"
#include "base/decimal.h"

static const char absent[] = "–";

/* ---- texts of a document ---- */

void plan_view_clean_text(char *text)
{
	struct str rest = str_of(text);
	while (rest.len) {
		size_t at = (size_t)(rest.ptr - text), n = str_utf8_len(rest);
		if ((unsigned char)text[at] < 0x20 || text[at] == 0x7f)
			text[at] = ' ';
		else if (!n)
			text[at] = '?';
		rest = str_skip(rest, n ? n : 1);
	}
}

void plan_view_clean(struct plan *plan)
{
	plan_view_clean_text(plan->title);
	for (size_t i = 0; i < plan->count; i++) {
		plan_view_clean_text(plan->figures[i].name);
		plan_view_clean_text(plan->figures[i].how);
		plan_view_clean_text(plan->figures[i].how_corrected);
	}
	for (size_t i = 0; i < plan->faults; i++) {
		plan_view_clean_text(plan->found[i].where);
		plan_view_clean_text(plan->found[i].original);
		plan_view_clean_text(plan->found[i].corrected);
	}
	plan_view_clean_text(plan->summary);
}

/* ---- judgements ---- */

struct plan_deviation plan_view_deviation(int64_t planned, int64_t measured, bool stream)
{
	struct plan_deviation deviation = { .limit = stream ? 10 : 5 };
	if (planned < 0 || measured <= 0)
		return deviation;
	i128 difference = (i128)planned - measured;
	i128 permille = difference * 1000 / measured;
	deviation.known = true;
	deviation.within =
	    (difference < 0 ? -difference : difference) * 100 <= (i128)measured * deviation.limit;
	deviation.permille = permille > INT64_MAX ? INT64_MAX : (int64_t)permille;
	return deviation;
}

bool plan_view_is_estimate(const struct plan_figures *figures)
{
	struct str name = str_of(figures->name);
	return name.len >= 3 && str_eq_nocase(str_make(name.ptr, 3), STR("mt5"));
}

const char *plan_view_verdict(const struct plan_figures *figures)
{
	if (plan_view_is_estimate(figures))
		return "estimate";
	if (figures->bound < 0)
		return absent;
	return figures->within ? "ok" : "OVER";
}

/* ---- numbers ---- */

/* Three digits: rounding may carry into the next unit, 999.6 MB being 1.00 GB. */
void plan_put_bytes(struct buf *out, int64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	int32_t unit = 0;
	if (bytes < 0) {
		buf_printf(out, "%s", absent);
		return;
	}
	if (bytes < 1000) {
		buf_printf(out, "%lld B", (long long)bytes);
		return;
	}
	while ((i128)bytes * 10 >= (i128)decimal_pow10(3 * unit) * 9995)
		unit++;
	int64_t one = decimal_pow10(3 * unit);
	int32_t places = (i128)bytes * 1000 < (i128)one * 9995  ? 2
			 : (i128)bytes * 100 < (i128)one * 9995 ? 1
								: 0;
	decimal_print_round(out, bytes, 3 * unit, places);
	buf_printf(out, " %s", units[unit]);
}

void plan_put_count(struct buf *out, int64_t count)
{
	char digits[24];
	if (count < 0) {
		buf_printf(out, "%s", absent);
		return;
	}
	int len = snprintf(digits, sizeof digits, "%lld", (long long)count);
	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf_char(out, ',');
		buf_char(out, digits[i]);
	}
}

void plan_put_1000(struct buf *out, int64_t value)
{
	if (value >= 0 && value < 1000000) {
		decimal_print_trim(out, value, 3);
		return;
	}
	plan_put_count(out, value < 0 ? -1 : value / 1000 + (value % 1000 >= 500));
}

void plan_put_seconds(struct buf *out, int64_t seconds)
{
	static const struct {
		int64_t below, one;
		const char *unit;
	} steps[] = {
		{ 60, 1, "s" },
		{ 3600, 60, "min" },
		{ 172800, 3600, "h" },
		{ 400 * 86400, 86400, "d" },
	};
	if (seconds < 0) {
		buf_printf(out, "never");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		if (seconds >= steps[i].below)
			continue;
		int64_t tenths = seconds * 10 / steps[i].one;
		decimal_print_trim(out, tenths < 100 ? tenths : tenths / 10 * 10, 1);
		buf_printf(out, " %s", steps[i].unit);
		return;
	}
	buf_printf(out, "over a year");
}

void plan_put_permille(struct buf *out, int64_t permille)
{
	buf_char(out, permille < 0 ? '-' : '+');
	decimal_print(out, permille < 0 ? -(i128)permille : permille, 1);
	buf_printf(out, " %%");
}

/* ---- sentences ---- */

static void put(struct buf *out, int64_t count, const char *words)
{
	plan_put_count(out, count);
	buf_printf(out, "%s", words);
}

void plan_put_how(struct buf *out, const char *how, int64_t bytes)
{
	buf_printf(out, "%s", how);
	if (bytes < 0 || (!strstr(how, " x ") && !strstr(how, " + ")))
		return;
	buf_printf(out, " = ");
	plan_put_bytes(out, bytes);
}

/* "1 market", "40 markets", and what follows. */
static void put_things(struct buf *out, int64_t count, const char *thing, const char *words)
{
	plan_put_count(out, count);
	buf_printf(out, " %s%s%s", thing, count == 1 ? "" : "s", words);
}

void plan_put_load(struct buf *out, const struct plan_load *load)
{
	put_things(out, load->instances, "terminal", ", each with 64 numbers a second for ");
	put(out, load->state_hours,
	    load->mix == PLAN_MIX_USUAL
		? " h (24 move each second, 24 one second in ten, 16 never), "
		: " h (all move each second), ");
	put_things(out, load->open_trades, "open trade", ", ");
	put(out, load->closed_a_day, " closed a day and kept for ");
	put(out, load->closed_days, " d, up to ");
	put(out, load->signals_s, " signals/s and ");
	put(out, load->results_s, " results/s; ");
	put_things(out, load->sessions, "session", ", ");
	put_things(out, load->alerts, "alert", "; ");
	put_things(out, load->markets, "market", " of ");
	put_things(out, load->symbols, "symbol", ", ");
	put(out, load->trades_s, " trades/s together, each kept for ");
	put(out, load->market_hours, " h; a sink away for ");
	plan_put_seconds(out, load->away_s);
	buf_char(out, '.');
}

void plan_put_measurement(struct buf *out, const struct plan_view *view)
{
	const struct measure_result *measured = view->measured;
	buf_printf(out, "Redis %s, ", measured->version);
	if (view->scale_1000 >= 1000) {
		buf_printf(out, "the whole load in throwaway servers");
	} else {
		decimal_print_trim(out, view->scale_1000, 1);
		buf_printf(out, " %% of the load in throwaway servers (");
		put_things(out, measured->load.instances, "terminal", ", ");
		put(out, measured->load.state_hours, " h of states, ");
		put_things(out, measured->load.markets, "market", ", ");
		put(out, measured->load.market_hours, " h of trades)");
	}
	buf_printf(out, ", filled in ");
	plan_put_seconds(out, measured->took_ns / 1000000000);
	buf_printf(out, view->scale_1000 >= 1000
			    ? "."
			    : "; the table's measured figures are extrapolated, item by item.");
}
