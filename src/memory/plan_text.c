#include "base/check.h"
#include "memory/plan_impl.h"

static const char *const units[] = { "B", "KB", "MB", "GB", "TB", "PB", "EB" };

/* 10^3 to the place of a unit. */
static int64_t unit_bytes(size_t unit) { return decimal_pow10((int32_t)(3 * unit)); }

static bool is_short(int64_t bytes, size_t unit)
{
	return unit == 0 || bytes % (unit_bytes(unit) / 100) == 0;
}

/* The unit in which it is at least 1, or the one below where only that has it exactly. */
static size_t unit_of(int64_t bytes)
{
	size_t unit = 0;
	while (unit + 1 < ARRAY_LEN(units) && bytes >= unit_bytes(unit + 1))
		unit++;
	bool better = unit > 0 && !is_short(bytes, unit) && is_short(bytes, unit - 1) &&
		      bytes < 10 * unit_bytes(unit);
	return better ? unit - 1 : unit;
}

void plan_count_put(struct buf *out, int64_t count)
{
	if (count >= 1000) {
		plan_count_put(out, count / 1000);
		buf_printf(out, ",%03d", (int)(count % 1000));
	} else {
		buf_i64(out, count);
	}
}

/* value / 10^digits without trailing zeros. */
static void put_hundredths(struct buf *out, int64_t hundredths)
{
	int part = (int)(hundredths % 100);
	plan_count_put(out, hundredths / 100);
	if (part)
		buf_printf(out, part % 10 ? ".%02d" : ".%d", part % 10 ? part : part / 10);
}

void plan_bytes_put(struct buf *out, int64_t bytes)
{
	size_t unit = unit_of(bytes);
	i128 hundredths = ((i128)bytes * 100 + unit_bytes(unit) / 2) / unit_bytes(unit);
	put_hundredths(out, (int64_t)hundredths);
	buf_printf(out, " %s", units[unit]);
}

void plan_bytes_round_put(struct buf *out, int64_t bytes)
{
	size_t unit = 0;
	while (unit + 1 < ARRAY_LEN(units) && bytes >= unit_bytes(unit + 1))
		unit++;
	i128 tenths = ((i128)bytes * 10 + unit_bytes(unit) / 2) / unit_bytes(unit);
	put_hundredths(out, (int64_t)tenths * 10);
	buf_printf(out, " %s", units[unit]);
}

void plan_time_put(struct buf *out, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} spans[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	size_t i = 0;
	/* 90 min and 24 h are said so: three of the larger one, or two of it exactly. */
	while (i + 1 < ARRAY_LEN(spans) && seconds < 3 * spans[i].seconds &&
	       seconds != 2 * spans[i].seconds)
		i++;
	put_hundredths(out, (int64_t)(((i128)seconds * 10 / spans[i].seconds) * 10));
	buf_printf(out, " %s", spans[i].name);
}

struct buf plan_words(char *text, size_t size)
{
	CHECK(size > 0);
	return buf_over(text, size - 1);
}

void plan_words_end(struct buf *words) { words->ptr[words->len] = '\0'; }

static void copy_cut(char *to, size_t size, struct str text)
{
	size_t len = text.len < size ? text.len : size - 1;
	while (len > 0 && len < text.len && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
		len--;
	if (len)
		memcpy(to, text.ptr, len);
	to[len] = '\0';
}

void plan_find(struct plan *plan, enum plan_fault rule, struct str where, struct str original,
	       struct str corrected)
{
	if (plan->faults == PLAN_FOUND_MAX) {
		plan->faults_more++;
		return;
	}
	struct plan_found *found = &plan->found[plan->faults++];
	found->rule = rule;
	copy_cut(found->where, sizeof found->where, where);
	copy_cut(found->original, sizeof found->original, original);
	copy_cut(found->corrected, sizeof found->corrected, corrected);
}

static const struct {
	const char *name, *text;
} faults[PLAN_FAULTS] = {
#define PLAN_FAULT(id, what) [PLAN_FAULT_##id] = { #id, what },
#include "def/plan_faults.def"
};

const char *plan_fault_name(enum plan_fault rule)
{
	CHECK(rule < PLAN_FAULTS);
	return faults[rule].name;
}

const char *plan_fault_text(enum plan_fault rule)
{
	CHECK(rule < PLAN_FAULTS);
	return faults[rule].text;
}
