/* def/answers.def as components of the document. */
#include "serve/openapi_impl.h"

#include <string.h>

#include "def/archive.h"

enum field_type {
	FIELD_TEXT,
	FIELD_INT,
	FIELD_NUM,
	FIELD_BOOL,
	FIELD_DEC,
	FIELD_OBJ,
	FIELD_LIST,
	FIELD_ROWS,
	FIELD_TEXTS,
	FIELD_INTS,
	FIELD_NUMS,
	FIELD_MAP,
	FIELD_ANY,
};

enum field_need { NEED_ONE, NEED_NUL, NEED_OPT };

struct field {
	const char *schema, *name;
	enum field_type type;
	const char *ref;
	enum field_need need;
	const char *meaning;
};

static const struct field fields[] = {
#define FIELD(schema, name, type, ref, need, meaning)                                              \
	{ #schema, #name, FIELD_##type, #ref, NEED_##need, meaning },
#include "def/answers.def"
};

static const struct {
	const char *id, *meaning;
} schemas[] = {
#define SCHEMA(id, meaning) { #id, meaning },
#include "def/answers.def"
};

static void put_text(struct json_out *json, const char *key, const char *text)
{
	if (*text)
		json_out_str(json, key, str_of(text));
}

void openapi_put_ref(struct json_out *json, const char *key, const char *schema)
{
	char storage[80];
	struct buf path = buf_over(storage, sizeof storage);
	buf_printf(&path, "#/components/schemas/%s", schema);
	json_out_open(json, key, '{');
	json_out_str(json, "$ref", buf_str(&path));
	json_out_close(json, '}');
}

/* ---- what a field may be ---- */

static const char *scalar_of(enum field_type type)
{
	switch (type) {
	case FIELD_INT:
	case FIELD_INTS: return "integer";
	case FIELD_NUM:
	case FIELD_NUMS: return "number";
	case FIELD_BOOL: return "boolean";
	default: return "string";
	}
}

static void put_items(struct json_out *json, const struct field *field)
{
	char row[80];
	struct buf name = buf_over(row, sizeof row - 1);
	json_out_str(json, "type", STR("array"));
	if (field->type == FIELD_LIST || field->type == FIELD_ROWS) {
		buf_printf(&name, "%s%s", field->type == FIELD_ROWS ? "row_" : "", field->ref);
		row[name.len] = 0;
		openapi_put_ref(json, "items", row);
		return;
	}
	json_out_open(json, "items", '{');
	json_out_str(json, "type", str_of(scalar_of(field->type)));
	if (field->type == FIELD_NUMS)
		json_out_bool(json, "nullable", true);
	json_out_close(json, '}');
}

static void put_map(struct json_out *json)
{
	json_out_str(json, "type", STR("object"));
	json_out_open(json, "additionalProperties", '{');
	json_out_str(json, "type", STR("string"));
	json_out_bool(json, "nullable", true);
	json_out_close(json, '}');
}

/* In 3.0 nothing may stand beside a $ref: one that may be null is wrapped. */
static void put_object(struct json_out *json, const struct field *field)
{
	json_out_open(json, "allOf", '[');
	openapi_put_ref(json, NULL, field->ref);
	json_out_close(json, ']');
}

static void put_field(struct json_out *json, const struct field *field)
{
	json_out_open(json, field->name, '{');
	switch (field->type) {
	case FIELD_OBJ: put_object(json, field); break;
	case FIELD_LIST:
	case FIELD_ROWS:
	case FIELD_TEXTS:
	case FIELD_INTS:
	case FIELD_NUMS: put_items(json, field); break;
	case FIELD_MAP: put_map(json); break;
	case FIELD_ANY: break;
	default:
		json_out_str(json, "type", str_of(scalar_of(field->type)));
		if (field->type == FIELD_DEC)
			json_out_str(json, "format", STR("decimal"));
	}
	if (field->need == NEED_NUL || field->type == FIELD_ANY)
		json_out_bool(json, "nullable", true);
	put_text(json, "description", field->meaning);
	json_out_close(json, '}');
}

/* ---- schemas ---- */

static void begin_object(struct json_out *json, const char *name, const char *meaning)
{
	json_out_open(json, name, '{');
	json_out_str(json, "type", STR("object"));
	put_text(json, "description", meaning);
	json_out_bool(json, "additionalProperties", false);
}

static void put_schema(struct json_out *json, const char *id, const char *meaning)
{
	begin_object(json, id, meaning);
	json_out_open(json, "properties", '{');
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (strcmp(fields[i].schema, id) == 0)
			put_field(json, &fields[i]);
	json_out_close(json, '}');
	json_out_open(json, "required", '[');
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (strcmp(fields[i].schema, id) == 0 && fields[i].need != NEED_OPT)
			json_out_str(json, NULL, str_of(fields[i].name));
	json_out_close(json, ']');
	json_out_close(json, '}');
}

/* ---- rows of the archive ---- */

static void put_column(struct json_out *json, const char *name, enum archive_type type,
		       bool optional, const char *meaning)
{
	struct field field = { .name = name, .meaning = meaning };
	field.need = optional ? NEED_NUL : NEED_ONE;
	switch (type) {
	case ARCHIVE_INT: field.type = FIELD_INT; break;
	case ARCHIVE_REAL: field.type = FIELD_NUM; break;
	case ARCHIVE_DEC:
	case ARCHIVE_BIG:
	case ARCHIVE_NUM: field.type = FIELD_DEC; break;
	default: field.type = FIELD_TEXT;
	}
	put_field(json, &field);
}

static void put_row(struct json_out *json, enum archive_table table)
{
	const struct archive_table_row *row = archive_table_row(table);
	char storage[80];
	struct buf name = buf_over(storage, sizeof storage - 1);
	buf_printf(&name, "row_%s", row->name);
	storage[name.len] = 0;
	begin_object(json, storage, row->meaning);
	json_out_open(json, "properties", '{');
	for (uint32_t i = 0; i < row->columns; i++) {
		const struct archive_column_row *column =
		    archive_column_row((enum archive_column)(row->first + i));
		put_column(json, column->name, column->type, column->optional, column->meaning);
	}
	put_column(json, "batch_id", ARCHIVE_INT, false, "of the sinks");
	json_out_close(json, '}');
	json_out_open(json, "required", '[');
	for (uint32_t i = 0; i < row->columns; i++)
		json_out_str(
		    json, NULL,
		    str_of(archive_column_row((enum archive_column)(row->first + i))->name));
	json_out_close(json, ']');
	json_out_close(json, '}');
}

static void put_rows(struct json_out *json)
{
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (fields[i].type == FIELD_ROWS)
			put_row(json, archive_table_find(str_of(fields[i].ref)));
}

/* ---- signals, problems ---- */

static void put_signal(struct json_out *json)
{
	static const struct field keys[] = {
#define SIGNAL(key, type, meaning)      { "", #key, FIELD_TEXT, "", NEED_OPT, meaning },
#define SIGNAL_WIRE(key, type, meaning) { "", #key, FIELD_TEXT, "", NEED_OPT, meaning },
#include "def/signals.def"
#undef SIGNAL
#undef SIGNAL_WIRE
	};
	json_out_open(json, "signal", '{');
	json_out_str(json, "type", STR("object"));
	json_out_str(json, "description",
		     STR("A signal; numbers may be numbers too, members not known are ignored"));
	json_out_open(json, "properties", '{');
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		json_out_open(json, keys[i].name, '{');
		put_text(json, "description", keys[i].meaning);
		json_out_close(json, '}');
	}
	json_out_close(json, '}');
	json_out_close(json, '}');
}

static void put_problem(struct json_out *json)
{
	static const struct field members[] = {
		{ "", "type", FIELD_TEXT, "", NEED_ONE, "about:blank" },
		{ "", "title", FIELD_TEXT, "", NEED_ONE, "of the status" },
		{ "", "status", FIELD_INT, "", NEED_ONE, "again" },
		{ "", "detail", FIELD_TEXT, "", NEED_ONE, "one line for people" },
		{ "", "error", FIELD_TEXT, "", NEED_ONE, "the same line" },
	};
	begin_object(json, "problem", "What is wrong (RFC 9457)");
	json_out_open(json, "properties", '{');
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		put_field(json, &members[i]);
	json_out_close(json, '}');
	json_out_open(json, "required", '[');
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
		json_out_str(json, NULL, str_of(members[i].name));
	json_out_close(json, ']');
	json_out_close(json, '}');
}

void openapi_put_schemas(struct json_out *json)
{
	json_out_open(json, "schemas", '{');
	for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++)
		put_schema(json, schemas[i].id, schemas[i].meaning);
	put_rows(json);
	put_signal(json);
	put_problem(json);
	json_out_close(json, '}');
}
