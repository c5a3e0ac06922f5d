#include "base/check.h"
#include "memory/plan_impl.h"

/* A gigabyte an item, in thousandths. */
#define COST_MAX INT64_C(1000000000000)

static enum status take_number(struct str text, int64_t *out, struct err *err)
{
	int64_t value;
	enum status status = str_to_i64(text, &value);
	if (status == STATUS_OK && (value < 0 || value > COST_MAX))
		status = STATUS_RANGE;
	if (status)
		return err_set(err, status, "'%.*s' is not 0..%lld", STR_ARG(text),
			       (long long)COST_MAX);
	*out = value;
	return STATUS_OK;
}

static enum status take_item(struct str name, struct str value, struct plan_costs *costs,
			     struct err *err)
{
	for (size_t i = 0; i < PLAN_ITEMS; i++)
		if (str_eq(name, str_of(plan_item_row((enum plan_item)i)->id)))
			return take_number(value, &costs->bytes_1000[i], err);
	return err_set(err, STATUS_INVALID, "no item '%.*s'", STR_ARG(name));
}

/* As servers write it: it is printed without quotes. */
static bool is_version(struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '-' && c != '_')
			return false;
	}
	return text.len > 0;
}

static enum status take_cost(struct str name, struct str value, struct plan_costs *costs,
			     struct err *err)
{
	if (str_eq(name, STR("idle")))
		return take_number(value, &costs->idle, err);
	if (str_eq(name, STR("idle_rss")))
		return take_number(value, &costs->idle_rss, err);
	if (!str_eq(name, STR("version")))
		return err_set(err, STATUS_INVALID, "no key '%.*s' in [costs]", STR_ARG(name));
	if (!is_version(value) || str_copy(value, costs->version, sizeof costs->version))
		return err_set(err, STATUS_INVALID,
			       "'%.*s' is no version of 1 to %zu letters, digits, . - _",
			       STR_ARG(value), sizeof costs->version - 1);
	return STATUS_OK;
}

static enum status take_line(const struct ini_item *item, bool *items, bool *section,
			     struct plan_costs *costs, struct err *err)
{
	switch (item->kind) {
	case INI_BAD: return err_set(err, STATUS_FORMAT, "%s", item->why);
	case INI_SECTION:
		*items = str_eq(item->name, STR("items"));
		*section = true;
		if (*items || str_eq(item->name, STR("costs")))
			return STATUS_OK;
		return err_set(err, STATUS_INVALID, "no section [%.*s]: costs or items",
			       STR_ARG(item->name));
	case INI_ENTRY:
		if (!*section)
			return err_set(err, STATUS_FORMAT, "a key before the first [section]");
		return *items ? take_item(item->name, item->value, costs, err)
			      : take_cost(item->name, item->value, costs, err);
	case INI_END: break;
	}
	return STATUS_OK;
}

enum status plan_costs_read(struct str text, struct plan_costs *costs, struct err *err)
{
	struct plan_costs read = *costs;
	struct ini ini;
	struct ini_item item;
	bool items = false, section = false;
	if (text.len > PLAN_SCENARIO_BYTES_MAX)
		return err_set(err, STATUS_RANGE, "more than %d bytes", PLAN_SCENARIO_BYTES_MAX);
	ini_init(&ini, text);
	while ((item = ini_next(&ini)).kind != INI_END) {
		enum status status = take_line(&item, &items, &section, &read, err);
		if (status)
			return err_wrap(err, status, "line %u", item.line);
	}
	*costs = read;
	return STATUS_OK;
}

void plan_costs_write(const struct plan_costs *costs, struct buf *out)
{
	buf_printf(out,
		   "# What an item costs, in thousandths of a byte of used_memory.\n[costs]\n");
	buf_printf(out, "version = %s\nidle = %lld\nidle_rss = %lld\n\n[items]\n", costs->version,
		   (long long)costs->idle, (long long)costs->idle_rss);
	for (size_t i = 0; i < PLAN_ITEMS; i++) {
		const struct plan_item_row *row = plan_item_row((enum plan_item)i);
		buf_printf(out, "# %s\n%s = %lld\n", row->what, row->id,
			   (long long)costs->bytes_1000[i]);
	}
}
