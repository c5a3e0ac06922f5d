/* What a user's query may be.
 *
 * The whole database has external access, extensions and settings locked off (db_open.c) and
 * a query runs in a read-only transaction; but a SELECT may still call functions that change
 * something (force_checkpoint, enable_logging), or that hide another query from this look at
 * it. So DuckDB's own parser is asked for the tree (json_serialize_sql takes nothing but
 * SELECT), and functions that stand for tables are taken by name. */
#include <jansson.h>

#include "archive/writer_impl.h"
#include "base/check.h"

enum { SQL_BYTES_MAX = 64 << 10 };

static const char *const tables[] = {
	"range",
	"generate_series",
	"unnest",
	"repeat",
	"repeat_row",
	"json_each",
	"json_tree",
	"summary",
	"duckdb_tables",
	"duckdb_columns",
	"duckdb_views",
	"pragma_table_info",
	"duckdb_functions",
	"pg_timezone_names",
	"duckdb_types",
};

static const char *const refused[] = { "write_log", "query", "query_table",
				       "json_execute_serialized_sql", "getvariable" };

static bool is_among(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(str_of(names[i]), str_of(name)))
			return true;
	return false;
}

static enum status refuse(const char *name, struct err *err)
{
	return err_set(err, STATUS_REFUSED, "a query may not use %s", name);
}

static enum status check_function(const json_t *node, bool is_table, struct err *err)
{
	const char *name = json_string_value(json_object_get(node, "function_name"));
	if (!name)
		return STATUS_OK;
	if (is_among(refused, ARRAY_LEN(refused), name) ||
	    (is_table && !is_among(tables, ARRAY_LEN(tables), name)))
		return refuse(name, err);
	return STATUS_OK;
}

/* As deep as the parser let the text be (jansson: 2,048). */
static enum status walk(const json_t *node, struct err *err)
{
	const char *key;
	json_t *part;
	size_t i;
	enum status status = check_function(node, false, err);
	const char *type = json_string_value(json_object_get(node, "type"));
	if (!status && type && strcmp(type, "TABLE_FUNCTION") == 0)
		status = check_function(json_object_get(node, "function"), true, err);
	if (json_is_object(node)) {
		json_object_foreach((json_t *)(uintptr_t)node, key, part)
		{
			if (!status)
				status = walk(part, err);
		}
	}
	json_array_foreach(node, i, part)
	{
		if (!status)
			status = walk(part, err);
	}
	return status;
}

static enum status check_tree(const json_t *tree, struct err *err)
{
	const char *why = json_string_value(json_object_get(tree, "error_message"));
	if (!json_is_false(json_object_get(tree, "error")))
		return err_set(err, STATUS_REFUSED, "a query is one SELECT: %s",
			       why ? why : "this is none");
	const json_t *statements = json_object_get(tree, "statements");
	if (json_array_size(statements) != 1)
		return err_set(err, STATUS_REFUSED, "a query is one SELECT: these are %zu",
			       json_array_size(statements));
	return walk(statements, err);
}

static enum status parse(const struct duck *duck, duckdb_connection connection, struct str sql,
			 json_t **tree, struct err *err)
{
	duckdb_prepared_statement statement = NULL;
	duckdb_result result;
	enum status status = STATUS_UNAVAILABLE;
	*tree = NULL;
	if (duck->prepare(connection, "SELECT json_serialize_sql(?::VARCHAR)", &statement) ==
		DuckDBSuccess &&
	    duck->bind_varchar_length(statement, 1, sql.ptr, sql.len) == DuckDBSuccess) {
		if (duck->execute_prepared(statement, &result) == DuckDBSuccess) {
			duckdb_data_chunk chunk = duck->fetch_chunk(result);
			duckdb_string_t *text =
			    duck->vector_get_data(duck->data_chunk_get_vector(chunk, 0));
			struct str json = duck_str(text);
			*tree = json_loadb(json.ptr, json.len, JSON_DECODE_INT_AS_REAL, NULL);
			duck->destroy_data_chunk(&chunk);
		}
		duck->destroy_result(&result);
	}
	duck->destroy_prepare(&statement);
	if (*tree)
		status = STATUS_OK;
	else
		err_set(err, status, "the query cannot be looked at");
	return status;
}

static struct str without_end(struct str sql)
{
	sql = str_trim(sql);
	while (sql.len && sql.ptr[sql.len - 1] == ';')
		sql = str_trim(str_make(sql.ptr, sql.len - 1));
	return sql;
}

enum status writer_select_check(const struct duck *duck, duckdb_connection connection,
				struct str sql, struct str *select, struct err *err)
{
	json_t *tree;
	sql = without_end(sql);
	if (!sql.len || sql.len > SQL_BYTES_MAX || memchr(sql.ptr, 0, sql.len))
		return err_set(err, STATUS_INVALID, "a query has 1..%d bytes of text",
			       SQL_BYTES_MAX);
	enum status status = parse(duck, connection, sql, &tree, err);
	if (!status)
		status = check_tree(tree, err);
	json_decref(tree);
	if (!status)
		*select = sql;
	return status;
}
