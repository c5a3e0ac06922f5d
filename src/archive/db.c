/* Asking and changing: statements, rows of answers, and the one form of a transaction. */
#include "archive/db.h"

#include <time.h>

#include "archive/db_impl.h"
#include "base/check.h"

enum { ROW_COLUMNS_MAX = 64 };

struct db_row {
	size_t columns, row;
	uint64_t *validity[ROW_COLUMNS_MAX];
	void *data[ROW_COLUMNS_MAX];
	duckdb_type types[ROW_COLUMNS_MAX]; /* as stored: of a DECIMAL its integer */
};

int64_t db_now_us(const struct archive_db *db)
{
	(void)db;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

enum status db_exec(struct archive_db *db, const char *sql, struct db_args args, int64_t *changed,
		    struct err *err)
{
	duckdb_prepared_statement statement;
	enum status status = db_statement(db, sql, args, &statement, err);
	if (status)
		return status;
	duckdb_result result;
	if (db->duck->execute_prepared(statement, &result) != DuckDBSuccess)
		status = db_failed(db, &result, err);
	else if (changed)
		*changed = (int64_t)db->duck->rows_changed(&result);
	db->duck->destroy_result(&result);
	return status;
}

/* ---- rows of an answer ---- */

bool db_row_null(const struct db_row *row, size_t column)
{
	CHECK(column < row->columns);
	const uint64_t *bits = row->validity[column];
	return bits && !(bits[row->row / 64] >> row->row % 64 & 1);
}

static i128 whole(const struct db_row *row, size_t column)
{
	const void *data = row->data[column];
	size_t at = row->row;
	switch (row->types[column]) {
	case DUCKDB_TYPE_BOOLEAN: return ((const bool *)data)[at];
	case DUCKDB_TYPE_TINYINT: return ((const int8_t *)data)[at];
	case DUCKDB_TYPE_SMALLINT: return ((const int16_t *)data)[at];
	case DUCKDB_TYPE_DATE:
	case DUCKDB_TYPE_INTEGER: return ((const int32_t *)data)[at];
	case DUCKDB_TYPE_TIMESTAMP:
	case DUCKDB_TYPE_BIGINT: return ((const int64_t *)data)[at];
	case DUCKDB_TYPE_UTINYINT: return ((const uint8_t *)data)[at];
	case DUCKDB_TYPE_USMALLINT: return ((const uint16_t *)data)[at];
	case DUCKDB_TYPE_UINTEGER: return ((const uint32_t *)data)[at];
	case DUCKDB_TYPE_UBIGINT: return ((const uint64_t *)data)[at];
	case DUCKDB_TYPE_HUGEINT: {
		const duckdb_hugeint *huge = &((const duckdb_hugeint *)data)[at];
		return (i128)((u128)(uint64_t)huge->upper << 64 | huge->lower);
	}
	default: CHECK(!"a column of whole numbers");
	}
	return 0;
}

i128 db_row_big(const struct db_row *row, size_t column)
{
	return db_row_null(row, column) ? 0 : whole(row, column);
}

int64_t db_row_int(const struct db_row *row, size_t column, int64_t absent)
{
	if (db_row_null(row, column))
		return absent;
	i128 value = whole(row, column);
	CHECK(value >= INT64_MIN && value <= INT64_MAX);
	return (int64_t)value;
}

double db_row_real(const struct db_row *row, size_t column, double absent)
{
	CHECK(column < row->columns && row->types[column] == DUCKDB_TYPE_DOUBLE);
	return db_row_null(row, column) ? absent : ((const double *)row->data[column])[row->row];
}

struct str db_row_text(const struct db_row *row, size_t column)
{
	CHECK(column < row->columns && row->types[column] == DUCKDB_TYPE_VARCHAR);
	if (db_row_null(row, column))
		return (struct str){ NULL, 0 };
	return duck_str(&((const duckdb_string_t *)row->data[column])[row->row]);
}

static void row_of(const struct duck *duck, duckdb_data_chunk chunk, struct db_row *row)
{
	for (size_t i = 0; i < row->columns; i++) {
		duckdb_vector vector = duck->data_chunk_get_vector(chunk, i);
		duckdb_logical_type type = duck->vector_get_column_type(vector);
		row->types[i] = duck->get_type_id(type);
		if (row->types[i] == DUCKDB_TYPE_DECIMAL)
			row->types[i] = duck->decimal_internal_type(type);
		duck->destroy_logical_type(&type);
		row->data[i] = duck->vector_get_data(vector);
		row->validity[i] = duck->vector_get_validity(vector);
	}
}

static enum status each_chunk(struct archive_db *db, duckdb_result *result,
			      bool (*each)(void *ctx, const struct db_row *row), void *ctx,
			      struct err *err)
{
	struct db_row row = { .columns = db->duck->column_count(result) };
	CHECK(row.columns <= ROW_COLUMNS_MAX);
	duckdb_data_chunk chunk;
	bool goes_on = true;
	while (goes_on && (chunk = db->duck->fetch_chunk(*result))) {
		size_t count = db->duck->data_chunk_get_size(chunk);
		row_of(db->duck, chunk, &row);
		for (row.row = 0; goes_on && row.row < count; row.row++)
			goes_on = each(ctx, &row);
		db->duck->destroy_data_chunk(&chunk);
	}
	return goes_on && db->duck->result_error(result) ? db_failed(db, result, err) : STATUS_OK;
}

enum status db_each(struct archive_db *db, const char *sql, struct db_args args,
		    bool (*each)(void *ctx, const struct db_row *row), void *ctx, struct err *err)
{
	duckdb_prepared_statement statement;
	enum status status = db_statement(db, sql, args, &statement, err);
	if (status)
		return status;
	duckdb_result result;
	if (db->duck->execute_prepared_streaming(statement, &result) != DuckDBSuccess)
		status = db_failed(db, &result, err);
	else
		status = each_chunk(db, &result, each, ctx, err);
	db->duck->destroy_result(&result);
	return status;
}

struct scalar {
	int64_t value;
};

static bool take_scalar(void *ctx, const struct db_row *row)
{
	struct scalar *scalar = ctx;
	scalar->value = db_row_int(row, 0, scalar->value);
	return false;
}

enum status db_scalar(struct archive_db *db, const char *sql, struct db_args args, int64_t absent,
		      int64_t *out, struct err *err)
{
	struct scalar scalar = { absent };
	enum status status = db_each(db, sql, args, take_scalar, &scalar, err);
	if (!status)
		*out = scalar.value;
	return status;
}

/* ---- the transaction ---- */

static enum status control(struct archive_db *db, const char *sql, struct err *err)
{
	duckdb_result result;
	enum status status = STATUS_OK;
	if (db->duck->query(db->connection, sql, &result) != DuckDBSuccess)
		status = db_failed(db, &result, err);
	db->duck->destroy_result(&result);
	return status;
}

/* What was appended and not flushed would go with the next transaction: the appenders go. */
static void undo(struct archive_db *db)
{
	db_tables_close(db);
	if (control(db, "ROLLBACK", NULL))
		db->broken = true;
	db_books_undo(db);
	db->batches = db->batches_before;
	db->in_transaction = false;
}

static enum status inside(struct archive_db *db, db_transaction_fn fn, void *ctx, struct err *err)
{
	enum status status = fn(db, ctx, err);
	return status ? status : db_books_write(db, err);
}

/* *unknown: COMMIT was said, and did not answer OK. */
static enum status try_once(struct archive_db *db, db_transaction_fn fn, void *ctx, bool *unknown,
			    struct err *err)
{
	enum status status = control(db, "BEGIN TRANSACTION", err);
	if (status) {
		db->broken = true;
		return status;
	}
	db->in_transaction = true;
	db->batches_before = db->batches;
	status = inside(db, fn, ctx, err);
	if (status) {
		undo(db);
		return status;
	}
	status = control(db, "COMMIT", err);
	db->in_transaction = false;
	*unknown = status != STATUS_OK;
	if (*unknown)
		return status;
	db_books_committed(db);
	if (!db->checkpoint_fails)
		db_trouble_set(&db->trouble, STATUS_OK, "");
	return STATUS_OK;
}

enum status db_try(struct archive_db *db, db_transaction_fn fn, void *ctx, struct err *err)
{
	bool unknown = false;
	return try_once(db, fn, ctx, &unknown, err);
}

/* The file tells: it is closed and opened, and holds that number, or does not. Opening it may
 * take several tries, each with transactions of its own, so it is asked for that one alone. */
static enum status look(struct archive_db *db, uint64_t number, const char *failure, bool *there)
{
	struct err why;
	db_books_undo(db);
	db_close_for(db, failure);
	for (;;) {
		if (db_be_open(db))
			return STATUS_CANCELLED;
		enum status status = db_books_has(db, number, there, &why);
		if (!status)
			return STATUS_OK;
		db_trouble_set(&db->trouble, status, why.text);
		db_close_for(db, why.text);
		if (!db_trouble_wait(&db->trouble))
			return STATUS_CANCELLED;
	}
}

static enum status closing(struct err *err)
{
	return err_set(err, STATUS_CANCELLED, "the archive file is closed in trouble");
}

/* OK: committed. CANCELLED: the writer closes. TIMEOUT: once more. Else it is fn's word. */
static enum status one_round(struct archive_db *db, db_transaction_fn fn, void *ctx,
			     struct err *err)
{
	struct err why;
	bool unknown = false, there = false;
	enum status status = try_once(db, fn, ctx, &unknown, &why);
	if (!status)
		return STATUS_OK;
	db->failed++;
	if (db->broken)
		db_close_for(db, why.text);
	if (!unknown && status != STATUS_DISK_FULL)
		return err_set(err, status, "%s", why.text);
	db_trouble_set(&db->trouble, status, why.text);
	if (unknown && look(db, db->books.used, why.text, &there))
		return closing(err);
	if (there)
		db_trouble_set(&db->trouble, STATUS_OK, "");
	return there ? STATUS_OK : STATUS_TIMEOUT;
}

enum status db_transact(struct archive_db *db, db_transaction_fn fn, void *ctx, struct err *err)
{
	CHECK(!db->in_transaction);
	for (;;) {
		if (db_be_open(db))
			return closing(err);
		enum status status = one_round(db, fn, ctx, err);
		if (status != STATUS_TIMEOUT)
			return status;
		if (!db_trouble_wait(&db->trouble))
			return closing(err);
	}
}

/* ---- trouble ---- */

void db_trouble_init(struct db_trouble *trouble)
{
	*trouble = (struct db_trouble){ 0 };
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&trouble->lock, NULL);
	pthread_cond_init(&trouble->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

void db_trouble_deinit(struct db_trouble *trouble)
{
	pthread_cond_destroy(&trouble->changed);
	pthread_mutex_destroy(&trouble->lock);
}

void db_trouble_set(struct db_trouble *trouble, enum status status, const char *text)
{
	pthread_mutex_lock(&trouble->lock);
	trouble->status = status;
	trouble->failures += status != STATUS_OK;
	struct str line = str_of(text);
	if (line.len >= sizeof trouble->text)
		line.len = sizeof trouble->text - 1;
	memcpy(trouble->text, line.ptr, line.len);
	trouble->text[line.len] = 0;
	pthread_mutex_unlock(&trouble->lock);
}

void db_trouble_stop(struct db_trouble *trouble)
{
	pthread_mutex_lock(&trouble->lock);
	trouble->stop = true;
	pthread_cond_broadcast(&trouble->changed);
	pthread_mutex_unlock(&trouble->lock);
}

bool db_trouble_wait(struct db_trouble *trouble)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += DB_RETRY_MS / 1000;
	pthread_mutex_lock(&trouble->lock);
	int waited = 0;
	while (!trouble->stop && !waited)
		waited = pthread_cond_timedwait(&trouble->changed, &trouble->lock, &until);
	bool goes_on = !trouble->stop;
	pthread_mutex_unlock(&trouble->lock);
	return goes_on;
}
