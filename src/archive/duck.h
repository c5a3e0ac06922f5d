/* duck.h - DuckDB's C API, loaded when it is first needed: the library is 65 MB.
 *
 * It is looked for where the program says (its RUNPATH: beside the program, in lib/weir,
 * in the build's third_party), then where the system keeps libraries. Calls go through the
 * table: duck->query(…) is duckdb_query(…). The library stays loaded. Any thread. */
#pragma once

#include <duckdb.h>

#include "base/err.h"
#include "base/str.h"

/* clang-format off */
#define DUCK_FUNCTIONS \
	DUCK(library_version) DUCK(create_config) DUCK(set_config) DUCK(destroy_config) \
	DUCK(open_ext) DUCK(close) DUCK(connect) DUCK(disconnect) DUCK(interrupt) \
	DUCK(free) DUCK(query) DUCK(destroy_result) DUCK(result_error) \
	DUCK(result_error_type) DUCK(rows_changed) DUCK(column_count) DUCK(column_name) \
	DUCK(fetch_chunk) DUCK(prepare) \
	DUCK(prepare_error) DUCK(destroy_prepare) DUCK(nparams) \
	DUCK(prepared_statement_column_count) DUCK(prepared_statement_column_type) \
	DUCK(prepared_statement_type) DUCK(bind_null) DUCK(bind_int64) DUCK(bind_double) \
	DUCK(bind_varchar_length) DUCK(bind_value) DUCK(execute_prepared) \
	DUCK(execute_prepared_streaming) \
	DUCK(create_varchar_length) DUCK(create_list_value) \
	DUCK(destroy_value) DUCK(create_logical_type) DUCK(create_decimal_type) \
	DUCK(destroy_logical_type) DUCK(get_type_id) DUCK(decimal_internal_type) \
	DUCK(create_data_chunk) DUCK(destroy_data_chunk) \
	DUCK(data_chunk_reset) DUCK(data_chunk_get_vector) DUCK(data_chunk_get_size) \
	DUCK(data_chunk_set_size) DUCK(vector_get_data) DUCK(vector_get_validity) \
	DUCK(vector_get_column_type) DUCK(vector_ensure_validity_writable) \
	DUCK(vector_size) DUCK(appender_create) DUCK(appender_destroy) \
	DUCK(appender_flush) DUCK(appender_error) DUCK(append_data_chunk)
/* clang-format on */

struct duck {
#define DUCK(name) __typeof__(duckdb_##name) *name;
	DUCK_FUNCTIONS
#undef DUCK
};

/* The table, the same for all; NULL: the library is not there, or not the one that the
 * file's format is tested with (err says where it was looked for). */
const struct duck *duck_load(struct err *err);

/* A VARCHAR in a vector. */
static inline struct str duck_str(const duckdb_string_t *text)
{
	uint32_t len = text->value.inlined.length;
	return len <= sizeof text->value.inlined.inlined
		   ? str_make(text->value.inlined.inlined, len)
		   : str_make(text->value.pointer.ptr, len);
}
