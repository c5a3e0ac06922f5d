#include "picture/axis.h"

enum { DAY_MS = 86400000, SCALE_MAX = 36, UNIT_FROM = 4, UNIT_OF_PRICES = 7 };

static i128 power(int32_t n)
{
	i128 out = 1;
	while (n-- > 0)
		out *= 10;
	return out;
}

static i128 bounded(i128 value)
{
	i128 most = power(36);
	return value > most ? most : value < -most ? -most : value;
}

/* 1, 2, 25 or 5 and zeros, at least `least`; *zeros: how many. */
static i128 round_up(i128 least, int32_t *zeros)
{
	static const struct {
		int digits;
		int32_t zeros;
	} steps[] = { { 10, 0 }, { 20, 0 }, { 25, -1 }, { 50, 0 } }; /* tenths of a digit */
	for (i128 ten = 1, zero = 0;; ten *= 10, zero++)
		for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
			i128 step = steps[i].digits * ten;
			if (step < 10 * least || step % 10)
				continue;
			*zeros = steps[i].zeros + (int32_t)zero;
			return step / 10;
		}
}

static void widen(struct axis *axis, i128 least, i128 most, enum axis_base base)
{
	i128 room = (most - least) / 16;
	i128 size = most > 0 ? most : -most;
	if (most == least)
		room = size / 200;
	if (room < 1)
		room = 1;
	axis->low = base == AXIS_ON_ZERO && least == 0 ? 0 : least - room;
	axis->high = base == AXIS_ON_ZERO && most == 0 && least < 0 ? 0 : most + room;
	if (least >= 0 && axis->low < 0) /* what is never negative has no such axis */
		axis->low = 0;
}

/* Thousands, millions … from five digits on; prices keep their digits longer. */
static int32_t unit_of(const struct axis *axis)
{
	i128 size = axis->high > -axis->low ? axis->high : -axis->low;
	int32_t digits = 0, unit = 0;
	for (size /= power(axis->scale); size; size /= 10)
		digits++;
	if (digits <= (axis->is_price ? UNIT_OF_PRICES : UNIT_FROM))
		return 0;
	while (unit < 12 && digits > unit + 3)
		unit += 3;
	return unit;
}

void axis_init(struct axis *axis, i128 least, i128 most, enum axis_base base, int32_t scale,
	       bool is_price, int32_t lines)
{
	int32_t zeros;
	least = bounded(least);
	most = bounded(most);
	if (base == AXIS_ON_ZERO) {
		least = least < 0 ? least : 0;
		most = most > 0 ? most : 0;
	}
	*axis = (struct axis){ .scale = scale, .is_price = is_price };
	widen(axis, least, most, base);
	axis->step = round_up((axis->high - axis->low + lines - 1) / lines, &zeros);
	axis->first = axis->low / axis->step * axis->step;
	if (axis->first < axis->low)
		axis->first += axis->step;
	axis->unit = unit_of(axis);
	axis->places = scale + axis->unit > zeros ? scale + axis->unit - zeros : 0;
}

static struct figure put(const struct axis *axis, i128 value, int32_t places)
{
	static const char suffix[] = { 0, 'k', 'M', 'B', 'T' };
	int32_t scale = axis->scale + axis->unit;
	if (value == 0)
		return figure_word("0");
	if (places > DECIMAL_SCALE_MAX)
		return figure_short(value, axis->scale, FIGURE_PLAIN);
	for (; scale > SCALE_MAX; scale--)
		value /= 10;
	struct figure text =
	    figure_group(value, scale, places < scale ? places : scale, FIGURE_PLAIN);
	if (axis->unit && text.len < FIGURE_BYTES)
		text.text[text.len++] = suffix[axis->unit / 3];
	return text;
}

struct figure axis_line_text(const struct axis *axis, i128 value)
{
	return put(axis, value, axis->places);
}

struct figure axis_value_text(const struct axis *axis, i128 value)
{
	if (axis->is_price && !axis->unit && axis->scale <= DECIMAL_SCALE_MAX &&
	    value == (int64_t)value)
		return figure_price((int64_t)value, axis->scale);
	return put(axis, value, axis->places + 1);
}

double axis_place(const struct axis *axis, i128 value)
{
	return (double)(bounded(value) - axis->low) / (double)(axis->high - axis->low);
}

/* ---- time ---- */

int64_t axis_time_step(int64_t span_ms, int32_t lines)
{
	static const int64_t minutes[] = { 1,   2,   5,   10,   15,   30,    60,    120,   180,
					   240, 360, 720, 1440, 2880, 10080, 20160, 43200, 86400 };
	size_t i = 0, last = sizeof minutes / sizeof minutes[0] - 1;
	while (i < last && span_ms / (minutes[i] * 60000) >= lines)
		i++;
	int64_t step_ms = minutes[i] * 60000;
	while (span_ms / step_ms >= lines)
		step_ms *= 2;
	return step_ms;
}

struct figure axis_time_text(int64_t t_ms, int64_t step_ms)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct figure when = figure_utc(t_ms); /* 2024-08-08 23:59:59Z */
	struct figure out = { 0 };
	struct buf text = buf_over(out.text, sizeof out.text);
	int month = (when.text[5] - '0') * 10 + when.text[6] - '0';
	const char *name = month >= 1 && month <= 12 ? months[month - 1] : "?";
	if (step_ms >= 30 * (int64_t)DAY_MS)
		buf_printf(&text, "%s %.4s", name, when.text);
	else if (t_ms % DAY_MS == 0)
		buf_printf(&text, "%.*s %s", when.text[8] == '0' ? 1 : 2,
			   when.text + (when.text[8] == '0' ? 9 : 8), name);
	else
		buf_printf(&text, "%.5s", when.text + 11);
	out.len = (uint8_t)text.len;
	return out;
}
