/* A query's rows as text: a table for people, CSV (RFC 4180, LF), or JSON, an array of
 * objects in which whole numbers, doubles and booleans are such, and decimals and all else
 * strings. At most WRITER_QUERY_BYTES, whole rows. */
#include "archive/writer_impl.h"

enum { COLUMNS_MAX = 1024, TABLE_RAW_BYTES = WRITER_QUERY_BYTES / 2, CELL_END = 0x1f };

struct rows {
	struct answer *answer;
	duckdb_result *result;
	size_t columns, count;
	size_t *widths; /* of a table, in characters */
};

static size_t characters(struct str text)
{
	size_t count = 0;
	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return count;
}

static bool is_number(duckdb_type type)
{
	switch (type) {
	case DUCKDB_TYPE_TINYINT:
	case DUCKDB_TYPE_SMALLINT:
	case DUCKDB_TYPE_INTEGER:
	case DUCKDB_TYPE_BIGINT:
	case DUCKDB_TYPE_UTINYINT:
	case DUCKDB_TYPE_USMALLINT:
	case DUCKDB_TYPE_UINTEGER:
	case DUCKDB_TYPE_UBIGINT:
	case DUCKDB_TYPE_HUGEINT:
	case DUCKDB_TYPE_UHUGEINT:
	case DUCKDB_TYPE_FLOAT:
	case DUCKDB_TYPE_DOUBLE:
	case DUCKDB_TYPE_DECIMAL: return true;
	default: return false;
	}
}

static bool is_plain_json(duckdb_type type, struct str text)
{
	if (type == DUCKDB_TYPE_BOOLEAN)
		return true;
	/* inf and nan are no JSON */
	return is_number(type) && type != DUCKDB_TYPE_DECIMAL && text.len &&
	       !memchr("in", text.ptr[text.ptr[0] == '-' && text.len > 1], 2);
}

static void csv_text(struct buf *out, struct str text)
{
	bool plain = true;
	for (size_t i = 0; i < text.len && plain; i++)
		plain = !strchr(",\"\r\n", text.ptr[i]) || !text.ptr[i];
	if (plain) {
		buf_str_put(out, text);
		return;
	}
	buf_char(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"')
			buf_char(out, '"');
		buf_char(out, text.ptr[i]);
	}
	buf_char(out, '"');
}

/* A table's cell is one line. */
static void table_text(struct rows *rows, size_t column, struct str text)
{
	struct buf *out = rows->answer->out;
	for (size_t i = 0; i < text.len; i++)
		buf_char(out, (unsigned char)text.ptr[i] < ' ' ? ' ' : text.ptr[i]);
	buf_char(out, CELL_END);
	size_t width = characters(text);
	if (width > rows->widths[column])
		rows->widths[column] = width;
}

static void json_text(struct rows *rows, size_t column, struct str text, bool is_null)
{
	struct buf *out = rows->answer->out;
	buf_printf(out, column ? "," : "{");
	buf_json_str(out, str_of(rows->answer->duck->column_name(rows->result, column)));
	buf_char(out, ':');
	if (is_null)
		buf_printf(out, "null");
	else if (is_plain_json(rows->answer->types[column], text))
		buf_str_put(out, text);
	else
		buf_json_str(out, text);
}

static void put_cell(struct rows *rows, size_t column, struct str text, bool is_null)
{
	struct buf *out = rows->answer->out;
	switch (rows->answer->format) {
	case WRITER_CSV:
		if (column)
			buf_char(out, ',');
		csv_text(out, text);
		break;
	case WRITER_JSON: json_text(rows, column, text, is_null); break;
	default: table_text(rows, column, text);
	}
}

static void put_names(struct rows *rows)
{
	if (rows->answer->format == WRITER_JSON) {
		buf_char(rows->answer->out, '[');
		return;
	}
	for (size_t i = 0; i < rows->columns; i++)
		put_cell(rows, i, str_of(rows->answer->duck->column_name(rows->result, i)), false);
	if (rows->answer->format == WRITER_CSV)
		buf_char(rows->answer->out, '\n');
}

/* False: it does not fit, and is not there. */
static bool put_row(struct rows *rows, duckdb_data_chunk chunk, size_t row)
{
	struct answer *answer = rows->answer;
	struct buf *out = answer->out;
	size_t begin = out->len;
	size_t most = answer->format == WRITER_TABLE ? TABLE_RAW_BYTES : WRITER_QUERY_BYTES - 8;
	if (answer->format == WRITER_JSON && rows->count)
		buf_char(out, ',');
	for (size_t i = 0; i < rows->columns && out->len <= most; i++) {
		duckdb_vector vector = answer->duck->data_chunk_get_vector(chunk, i);
		const uint64_t *bits = answer->duck->vector_get_validity(vector);
		bool is_null = bits && !(bits[row / 64] >> row % 64 & 1);
		const duckdb_string_t *texts = answer->duck->vector_get_data(vector);
		put_cell(rows, i, is_null ? (struct str){ NULL, 0 } : duck_str(&texts[row]),
			 is_null);
	}
	if (answer->format == WRITER_JSON)
		buf_char(out, '}');
	if (answer->format == WRITER_CSV)
		buf_char(out, '\n');
	if (out->len <= most && !out->overflow) {
		rows->count++;
		return true;
	}
	out->len = begin;
	out->overflow = false;
	return false;
}

/* ---- a table, when all widths are known ---- */

static void pad(struct buf *out, size_t count)
{
	while (count-- > 0)
		buf_char(out, ' ');
}

static void table_line(struct rows *rows, struct str *raw, struct buf *out)
{
	for (size_t i = 0; i < rows->columns; i++) {
		struct str cell = { "", 0 };
		str_split(raw, CELL_END, &cell);
		size_t missing = rows->widths[i] - characters(cell);
		bool right = is_number(rows->answer->types[i]), last = i + 1 == rows->columns;
		if (i)
			pad(out, 2);
		pad(out, right ? missing : 0);
		buf_str_put(out, cell);
		pad(out, right || last ? 0 : missing);
	}
	buf_char(out, '\n');
}

static enum status lay_table(struct rows *rows)
{
	struct buf *raw = rows->answer->out, laid;
	struct str rest = buf_str(raw);
	buf_init(&laid, WRITER_QUERY_BYTES);
	for (size_t i = 0; i <= rows->count; i++) {
		size_t before = laid.len;
		table_line(rows, &rest, &laid);
		if (!laid.overflow)
			continue;
		laid.len = before;
		rows->answer->truncated = true;
		break;
	}
	laid.overflow = false;
	buf_deinit(raw);
	*raw = laid;
	return STATUS_OK;
}

enum status writer_answer(struct answer *answer, duckdb_result *result)
{
	size_t widths[COLUMNS_MAX] = { 0 };
	struct rows rows = { .answer = answer, .result = result, .widths = widths };
	duckdb_data_chunk chunk;
	rows.columns = answer->duck->column_count(result);
	if (rows.columns > COLUMNS_MAX)
		return STATUS_RANGE;
	put_names(&rows);
	while (!answer->truncated && (chunk = answer->duck->fetch_chunk(*result))) {
		size_t count = answer->duck->data_chunk_get_size(chunk);
		for (size_t i = 0; i < count && !answer->truncated; i++)
			answer->truncated = !put_row(&rows, chunk, i);
		answer->duck->destroy_data_chunk(&chunk);
	}
	if (answer->format == WRITER_JSON)
		buf_printf(answer->out, "]\n");
	return answer->format == WRITER_TABLE ? lay_table(&rows) : STATUS_OK;
}
