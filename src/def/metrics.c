#include "def/metrics.h"

#include "base/check.h"

static const struct metric_row rows[] = {
#define METRIC(id, name, type, labels, help) { name, METRIC_##type, labels, help },
#include "def/metrics.def"
#undef METRIC
};

const struct metric_row *metric_row(enum metric metric)
{
	CHECK(metric < METRIC_COUNT);
	return &rows[metric];
}

const char *metric_type_text(enum metric_type type)
{
	return type == METRIC_COUNTER ? "counter" : "gauge";
}

void metric_head(struct buf *buf, enum metric metric)
{
	const struct metric_row *row = metric_row(metric);
	buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
		   metric_type_text(row->type));
}

/* A label's value: backslash, quote and line feed are escaped. */
static void print_label_value(struct buf *buf, struct str value)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];
		if (c == '\\' || c == '"')
			buf_char(buf, '\\');
		if (c == '\n')
			buf_put(buf, "\\n", 2);
		else
			buf_char(buf, c);
	}
}

void metric_sample(struct buf *buf, enum metric metric, const struct str *values, size_t n_values,
		   uint64_t value)
{
	const struct metric_row *row = metric_row(metric);
	struct str rest = str_of(row->labels), label;
	size_t n = 0;
	buf_printf(buf, "%s", row->name);
	while (rest.len && str_split(&rest, ' ', &label)) {
		CHECK(n < n_values);
		buf_printf(buf, "%c%.*s=\"", n ? ',' : '{', STR_ARG(label));
		print_label_value(buf, values[n++]);
		buf_char(buf, '"');
	}
	CHECK(n == n_values);
	if (n)
		buf_char(buf, '}');
	buf_char(buf, ' ');
	buf_u64(buf, value);
	buf_char(buf, '\n');
}
