#include "def/metrics.h"

#include <math.h>

#include "base/check.h"

static const struct metric_row rows[] = {
#define METRIC(id, name, type, labels, help) { name, METRIC_##type, labels, help },
#include "def/metrics.def"
#undef METRIC
#define REDIS_INFO(id, info, type, name, help) { name, METRIC_##type, "segment", help },
#include "def/redis_info.def"
#undef REDIS_INFO
#define METRIC_DESIGN(id, name, type, labels, help) { name, METRIC_##type, labels, help },
#include "def/metrics_design.def"
#define METRIC_ID(id, name, type, labels, help) { name, METRIC_##type, labels, help },
#include "def/metrics_design.def"
};

const struct metric_row *metric_row(enum metric metric)
{
	CHECK(metric < METRIC_COUNT);
	return &rows[metric];
}

const char *metric_type_text(enum metric_type type)
{
	static const char *const texts[] = { "counter", "gauge", "histogram", "summary" };
	return texts[type];
}

static void put_text(struct buf *buf, const char *text) { buf_put(buf, text, strlen(text)); }

void metric_head(struct buf *buf, enum metric metric)
{
	const struct metric_row *row = metric_row(metric);
	buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
		   metric_type_text(row->type));
}

/* ---- labels ---- */

static bool is_special(char c) { return c == '\\' || c == '"' || c == '\n'; }

/* A label's value: backslash, quote and line feed are escaped. */
static void put_label_value(struct buf *buf, struct str value)
{
	while (value.len) {
		size_t plain = 0;
		while (plain < value.len && !is_special(value.ptr[plain]))
			plain++;
		buf_put(buf, value.ptr, plain);
		value = str_skip(value, plain);
		if (!value.len)
			break;
		buf_char(buf, '\\');
		buf_char(buf, value.ptr[0] == '\n' ? 'n' : value.ptr[0]);
		value = str_skip(value, 1);
	}
}

static void put_label(struct buf *buf, struct str name, struct str value, bool first)
{
	buf_char(buf, first ? '{' : ',');
	buf_str_put(buf, name);
	buf_put(buf, "=\"", 2);
	put_label_value(buf, value);
	buf_char(buf, '"');
}

/* name + suffix, labels, one more when `more` has a name, and the blank before the value. */
static void begin(struct buf *buf, enum metric metric, const char *suffix, const struct str *values,
		  size_t n_values, const struct str more[2])
{
	const struct metric_row *row = metric_row(metric);
	struct str rest = str_of(row->labels), label;
	size_t n = 0;
	put_text(buf, row->name);
	put_text(buf, suffix);
	while (rest.len && str_split(&rest, ' ', &label)) {
		CHECK(n < n_values);
		put_label(buf, label, values[n], n == 0);
		n++;
	}
	CHECK(n == n_values);
	if (more)
		put_label(buf, more[0], more[1], n == 0);
	if (n || more)
		buf_char(buf, '}');
	buf_char(buf, ' ');
}

/* ---- values ---- */

/* Whole numbers as such: nine digits are enough for what was measured. */
static void put_real(struct buf *buf, double value)
{
	if (isnan(value))
		put_text(buf, "NaN");
	else if (isinf(value))
		put_text(buf, value > 0 ? "+Inf" : "-Inf");
	else if (fabs(value) < 9e15 && value == (double)(int64_t)value)
		buf_i64(buf, (int64_t)value);
	else
		buf_printf(buf, "%.9g", value);
}

void metric_sample(struct buf *buf, enum metric metric, const struct str *values, size_t n_values,
		   uint64_t value)
{
	begin(buf, metric, "", values, n_values, NULL);
	buf_u64(buf, value);
	buf_char(buf, '\n');
}

void metric_sample_real(struct buf *buf, enum metric metric, const struct str *values,
			size_t n_values, double value)
{
	begin(buf, metric, "", values, n_values, NULL);
	put_real(buf, value);
	buf_char(buf, '\n');
}

void metric_sample_number(struct buf *buf, enum metric metric, const struct str *values,
			  size_t n_values, struct number value)
{
	begin(buf, metric, "", values, n_values, NULL);
	number_print(buf, value);
	buf_char(buf, '\n');
}

/* ---- of many ---- */

static void put_end(struct buf *buf, enum metric metric, const struct str *values, size_t n_values,
		    double sum, uint64_t count)
{
	begin(buf, metric, "_sum", values, n_values, NULL);
	put_real(buf, sum);
	buf_char(buf, '\n');
	begin(buf, metric, "_count", values, n_values, NULL);
	buf_u64(buf, count);
	buf_char(buf, '\n');
}

static void put_bucket(struct buf *buf, enum metric metric, const struct str *values,
		       size_t n_values, double bound, uint64_t count)
{
	char storage[32];
	struct buf text = buf_over(storage, sizeof storage);
	put_real(&text, bound);
	const struct str le[2] = { STR("le"), buf_str(&text) };
	begin(buf, metric, "_bucket", values, n_values, le);
	buf_u64(buf, count);
	buf_char(buf, '\n');
}

void metric_histogram(struct buf *buf, enum metric metric, const struct str *values,
		      size_t n_values, const struct spread *spread)
{
	CHECK(metric_row(metric)->type == METRIC_HISTOGRAM);
	for (size_t i = 0; i < spread->bounds->count; i++)
		put_bucket(buf, metric, values, n_values, spread->bounds->at[i],
			   spread_upto(spread, i));
	put_bucket(buf, metric, values, n_values, INFINITY, spread->count);
	put_end(buf, metric, values, n_values, spread->sum, spread->count);
}

void metric_summary(struct buf *buf, enum metric metric, const struct str *values, size_t n_values,
		    double sum, uint64_t count)
{
	CHECK(metric_row(metric)->type == METRIC_SUMMARY);
	put_end(buf, metric, values, n_values, sum, count);
}

void metric_quantiles(struct buf *buf, enum metric metric, const struct hist *hist, double scale)
{
	const struct {
		const char *name;
		double q;
	} quantiles[] = { { "0.5", 0.5 }, { "0.99", 0.99 }, { "1", 1 } };
	CHECK(metric_row(metric)->type == METRIC_SUMMARY);
	for (size_t i = 0; i < ARRAY_LEN(quantiles); i++) {
		const struct str label[2] = { STR("quantile"), str_of(quantiles[i].name) };
		begin(buf, metric, "", NULL, 0, label);
		put_real(buf, (double)hist_quantile(hist, quantiles[i].q) * scale);
		buf_char(buf, '\n');
	}
	put_end(buf, metric, NULL, 0, (double)hist->sum * scale, hist->count);
}
