#include "archive/influx_encode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

enum { NS_OF_US = 1000 };

struct point {
	uint64_t series, hash; /* of the tags, of the rest of the key */
	int64_t time_ns;
	const struct archive_row *row;
};

static bool is_family(enum archive_column column)
{
	const struct archive_column_row *row = archive_column_row(column);
	return archive_is_moved(row->table) && strcmp(row->name, "family") == 0;
}

bool influx_is_tag(enum archive_column column)
{
	return archive_column_row(column)->type == ARCHIVE_WORD && archive_is_key(column) &&
	       !is_family(column);
}

/* What each column of the table is; looked up once a body. */
struct plan {
	const struct archive_table_row *table;
	enum archive_column columns[ARCHIVE_COLUMNS_MAX];
	bool tag[ARCHIVE_COLUMNS_MAX], key[ARCHIVE_COLUMNS_MAX];
	int family, seq; /* columns of a moved table; -1 */
};

static void make_plan(struct plan *plan, enum archive_table table)
{
	plan->table = archive_table_row(table);
	plan->family = plan->seq = -1;
	for (unsigned i = 0; i < plan->table->columns; i++) {
		enum archive_column column = (enum archive_column)(plan->table->first + i);
		plan->columns[i] = column;
		plan->tag[i] = influx_is_tag(column);
		plan->key[i] =
		    archive_is_key(column) && !plan->tag[i] && column != plan->table->time;
		if (is_family(column))
			plan->family = (int)i;
		if (archive_is_moved(table) && strcmp(archive_column_row(column)->name, "seq") == 0)
			plan->seq = (int)i;
	}
}

/* ---- values ---- */

static struct str text_of(const struct archive_row *row, unsigned i)
{
	return str_make((const char *)row + row->cells[i].bytes.at, row->cells[i].bytes.len);
}

static void put_tag_text(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i] == '\n' ? ' ' : text.ptr[i];
		if (c == ',' || c == '=' || c == ' ')
			buf_char(out, '\\');
		buf_char(out, c);
	}
	if (text.ptr[text.len - 1] == '\\')
		buf_str_put(out, STR("\\ "));
}

static void put_field_text(struct buf *out, struct str text)
{
	buf_char(out, '"');
	for (size_t i = 0, from = 0; i <= text.len; i++) {
		if (i < text.len && text.ptr[i] != '"' && text.ptr[i] != '\\')
			continue;
		buf_put(out, text.ptr + from, i - from);
		if (i < text.len)
			buf_char(out, '\\');
		from = i;
	}
	buf_char(out, '"');
}

static void put_real(struct buf *out, double value)
{
	char text[40];
	int n = snprintf(text, sizeof text, "%.15g", value);
	if (strtod(text, NULL) != value)
		n = snprintf(text, sizeof text, "%.17g", value);
	buf_put(out, text, (size_t)n);
}

/* More digits than a double keeps. */
static bool is_long(i128 value)
{
	static const int64_t bound = 1000000000000000; /* 10^INFLUX_DIGITS */
	if (value > -bound && value < bound)
		return false;
	while (value % 10 == 0)
		value /= 10;
	return value <= -bound || value >= bound;
}

static void put_name(struct buf *out, const char *name, const char *suffix)
{
	buf_str_put(out, str_of(name));
	buf_str_put(out, str_of(suffix));
	buf_char(out, '=');
}

static void put_decimal(struct buf *out, const char *name, i128 value, int places)
{
	put_name(out, name, "");
	decimal_print_trim(out, value, places);
	if (!is_long(value))
		return;
	buf_char(out, ',');
	put_name(out, name, "_exact");
	buf_char(out, '"');
	decimal_print_trim(out, value, places);
	buf_char(out, '"');
}

static void put_field(struct buf *out, const struct archive_row *row, unsigned i,
		      enum archive_column column)
{
	const struct archive_column_row *name = archive_column_row(column);
	switch (name->type) {
	case ARCHIVE_INT:
	case ARCHIVE_TIME:
		put_name(out, name->name, "");
		buf_i64(out, row->cells[i].i);
		buf_char(out, 'i');
		break;
	case ARCHIVE_REAL:
		if (!isfinite(row->cells[i].real))
			return;
		put_name(out, name->name, "");
		put_real(out, row->cells[i].real);
		break;
	case ARCHIVE_DEC: put_decimal(out, name->name, row->cells[i].i, ARCHIVE_DEC_PLACES); break;
	case ARCHIVE_BIG:
	case ARCHIVE_NUM:
		put_decimal(out, name->name, archive_cell_big(row, column), ARCHIVE_BIG_PLACES);
		break;
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD: put_name(out, name->name, ""); put_field_text(out, text_of(row, i));
	}
	buf_char(out, ',');
}

/* ---- points ---- */

static void put_tags(struct buf *out, const struct plan *plan, const struct archive_row *row)
{
	for (unsigned i = 0; i < plan->table->columns; i++) {
		if (!plan->tag[i] || !text_of(row, i).len)
			continue;
		buf_char(out, ',');
		put_name(out, archive_column_row(plan->columns[i])->name, "");
		put_tag_text(out, text_of(row, i));
	}
}

static void put_point(struct buf *out, const struct plan *plan, const struct point *point,
		      int64_t batch_id)
{
	if (plan->family < 0)
		buf_str_put(out, str_of(plan->table->name));
	else
		put_tag_text(out, text_of(point->row, (unsigned)plan->family));
	put_tags(out, plan, point->row);
	buf_char(out, ' ');
	for (unsigned i = 0; i < plan->table->columns; i++)
		if (!plan->tag[i] && plan->columns[i] != plan->table->time &&
		    (int)i != plan->family && (point->row->present >> i & 1))
			put_field(out, point->row, i, plan->columns[i]);
	buf_str_put(out, STR("batch_id="));
	buf_i64(out, batch_id);
	buf_str_put(out, STR("i "));
	buf_i64(out, point->time_ns);
	buf_char(out, '\n');
}

static uint64_t hash_mix(uint64_t hash, struct str bytes)
{
	return (hash ^ str_hash(bytes)) * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

static uint64_t cell_hash(uint64_t hash, const struct archive_row *row, unsigned i,
			  enum archive_column column)
{
	i128 big;
	switch (archive_column_row(column)->type) {
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD: return hash_mix(hash, text_of(row, i));
	case ARCHIVE_BIG:
	case ARCHIVE_NUM:
		big = archive_cell_big(row, column);
		return hash_mix(hash, str_make((const char *)&big, sizeof big));
	default: return hash_mix(hash, str_make((const char *)&row->cells[i], 8));
	}
}

/* Its tags and seq say all that its key does. */
static enum status make_moved(struct point *point, const struct plan *plan, int64_t time_us)
{
	int64_t seq = point->row->cells[plan->seq].i;
	if (seq < 0 || seq >= NS_OF_US || !text_of(point->row, (unsigned)plan->family).len)
		return STATUS_INVALID;
	for (unsigned i = 0; i < plan->table->columns; i++)
		if (plan->tag[i] || (int)i == plan->family)
			point->series = cell_hash(point->series, point->row, i, plan->columns[i]);
	point->hash = (uint64_t)seq;
	point->time_ns = time_us * NS_OF_US + seq;
	return STATUS_OK;
}

static enum status make_point(struct point *point, const struct plan *plan,
			      const struct archive_row *row)
{
	int64_t time_us = row->cells[plan->table->time - plan->table->first].i;
	if (time_us >= INT64_MAX / NS_OF_US - 1 || time_us <= INT64_MIN / NS_OF_US + 1)
		return STATUS_INVALID;
	*point = (struct point){ .row = row };
	if (plan->family >= 0)
		return make_moved(point, plan, time_us);
	bool keyed = false;
	for (unsigned i = 0; i < plan->table->columns; i++) {
		if (plan->tag[i])
			point->series = cell_hash(point->series, row, i, plan->columns[i]);
		if (plan->key[i])
			point->hash = cell_hash(point->hash, row, i, plan->columns[i]);
		keyed |= plan->key[i];
	}
	point->hash ^= point->hash >> 32;
	point->time_ns = time_us * NS_OF_US + (keyed ? (int64_t)(point->hash % NS_OF_US) : 0);
	return STATUS_OK;
}

/* ---- no two at one place ---- */

static int compare(uint64_t a, uint64_t b) { return a < b ? -1 : a > b; }

static int by_place(const void *a, const void *b)
{
	const struct point *x = *(const struct point *const *)a,
			   *y = *(const struct point *const *)b;
	if (x->series != y->series)
		return compare(x->series, y->series);
	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	if (x->hash != y->hash)
		return compare(x->hash, y->hash);
	return x < y ? -1 : x > y; /* as the rows came */
}

/* Rows with one key (told again) have one hash: of those the last is put. */
static void spread(struct point **order, size_t count)
{
	qsort(order, count, sizeof *order, by_place);
	int64_t was_ns = 0; /* where the one before stood at first */
	for (size_t i = 0; i < count; i++) {
		struct point *point = order[i], *before = i ? order[i - 1] : NULL;
		bool alone = !before || before->series != point->series;
		bool same = !alone && before->hash == point->hash && was_ns == point->time_ns;
		was_ns = point->time_ns;
		if (same) {
			point->time_ns = before->time_ns;
			before->row = NULL;
		} else if (!alone && point->time_ns <= before->time_ns) {
			point->time_ns = before->time_ns + 1;
		}
	}
}

/* ---- a body ---- */

struct work {
	struct plan plan;
	struct point *points;
	struct point **order;
	size_t count;
};

static enum status make_points(struct work *work, const struct archive_rows *rows, size_t from,
			       size_t to, size_t *bad)
{
	size_t index = 0;
	for (const struct archive_row *row = NULL; (row = archive_rows_next(rows, row)); index++) {
		if (index < from || index >= to)
			continue;
		if (work->count == 0)
			make_plan(&work->plan, (enum archive_table)row->table);
		work->order[work->count] = &work->points[work->count];
		if (make_point(&work->points[work->count], &work->plan, row)) {
			*bad = index;
			return STATUS_INVALID;
		}
		work->count++;
	}
	spread(work->order, work->count);
	return STATUS_OK;
}

static enum status put_points(struct buf *body, size_t begin, const struct work *work,
			      int64_t batch_id)
{
	struct influx_posts posts = { 0 };
	size_t rows = 0, from = 0; /* of the request, where it begins */
	buf_put(body, &posts, sizeof posts);
	for (size_t i = 0; i < work->count; i++) {
		if (work->points[i].row)
			put_point(body, &work->plan, &work->points[i], batch_id);
		size_t end = body->len - begin;
		if (i + 1 < work->count && ++rows < INFLUX_POST_ROWS &&
		    end - from < INFLUX_POST_BYTES)
			continue;
		if (body->overflow || posts.count == INFLUX_POSTS_MAX)
			return STATUS_FULL;
		posts.ends[posts.count++] = (uint32_t)end;
		from = end;
		rows = 0;
	}
	if (body->overflow)
		return STATUS_FULL;
	memcpy(body->ptr + begin, &posts, sizeof posts);
	return STATUS_OK;
}

enum status influx_encode(const struct archive_rows *rows, size_t from, size_t to, int64_t batch_id,
			  struct buf *body, size_t *bad)
{
	size_t begin = body->len;
	size_t room = to < rows->count ? to - from : rows->count - from;
	struct work work = { .points = calloc(room + 1, sizeof *work.points),
			     .order = calloc(room + 1, sizeof *work.order) };
	enum status status = STATUS_NO_MEMORY;
	if (work.points && work.order)
		status = make_points(&work, rows, from, to, bad);
	if (!status)
		status = put_points(body, begin, &work, batch_id);
	free(work.points);
	free(work.order);
	if (status) {
		body->len = begin;
		body->overflow = false;
	}
	return status;
}

struct influx_posts influx_posts(struct str body)
{
	struct influx_posts posts;
	CHECK(body.len >= sizeof posts);
	memcpy(&posts, body.ptr, sizeof posts);
	CHECK(posts.count <= INFLUX_POSTS_MAX);
	return posts;
}

struct str influx_post(struct str body, const struct influx_posts *posts, uint32_t n)
{
	CHECK(n < posts->count && posts->ends[n] <= body.len);
	size_t from = n ? posts->ends[n - 1] : sizeof *posts;
	return str_make(body.ptr + from, posts->ends[n] - from);
}
