/* The user's queries: a thread of their own, so that a long one holds up no result. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "archive/writer_impl.h"
#include "base/check.h"

enum { COLUMNS_MAX = 1024, AGAIN_MS = 50, COPY_BYTES = 1 << 20 };

static const int64_t ms_ns = 1000000;

/* ---- on its thread ---- */

static enum status fail(const struct duck *duck, duckdb_result *result, struct err *err)
{
	const char *text = duck->result_error(result);
	return err_set(err, db_status_of(duck->result_error_type(result), text), "%s",
		       text ? text : "no word of why");
}

static enum status control(const struct duck *duck, duckdb_connection connection, const char *sql,
			   struct err *err)
{
	duckdb_result result;
	enum status status = STATUS_OK;
	if (duck->query(connection, sql, &result) != DuckDBSuccess)
		status = fail(duck, &result, err);
	duck->destroy_result(&result);
	return status;
}

/* What the columns are before they are made text. */
static enum status types_of(const struct duck *duck, duckdb_connection connection, struct str sql,
			    duckdb_type types[COLUMNS_MAX], struct err *err)
{
	char *text = str_dup(sql);
	duckdb_prepared_statement statement = NULL;
	enum status status = STATUS_NO_MEMORY;
	if (text && duck->prepare(connection, text, &statement) != DuckDBSuccess) {
		status = err_set(err, STATUS_INVALID, "%s", duck->prepare_error(statement));
	} else if (text) {
		size_t count = duck->prepared_statement_column_count(statement);
		bool one =
		    duck->prepared_statement_type(statement) == DUCKDB_STATEMENT_TYPE_SELECT &&
		    duck->nparams(statement) == 0 && count <= COLUMNS_MAX;
		status =
		    one ? STATUS_OK
			: err_set(err, STATUS_REFUSED, "a query is one SELECT without parameters");
		for (size_t i = 0; one && i < count; i++)
			types[i] = duck->prepared_statement_column_type(statement, i);
	}
	duck->destroy_prepare(&statement);
	free(text);
	return status;
}

static enum status run_select(struct query *query, const struct duck *duck,
			      duckdb_connection connection, struct str select, struct err *err)
{
	duckdb_type types[COLUMNS_MAX];
	enum status status = types_of(duck, connection, select, types, err);
	if (status)
		return status;
	char *text = malloc(select.len + 128);
	if (!text)
		return err_set(err, STATUS_NO_MEMORY, "no memory for a query");
	sprintf(text, "SELECT COLUMNS(*)::VARCHAR FROM (\n%.*s\n)", STR_ARG(select));
	duckdb_prepared_statement statement = NULL;
	duckdb_result result = { 0 };
	struct answer answer = { duck, query->query.format, types, &query->answer, false };
	if (duck->prepare(connection, text, &statement) != DuckDBSuccess)
		status = err_set(err, STATUS_INVALID, "%s", duck->prepare_error(statement));
	else if (duck->execute_prepared_streaming(statement, &result) != DuckDBSuccess)
		status = fail(duck, &result, err);
	else
		status = writer_answer(&answer, &result);
	if (!status && !answer.truncated && duck->result_error(&result))
		status = fail(duck, &result, err);
	query->truncated = answer.truncated;
	duck->destroy_result(&result);
	duck->destroy_prepare(&statement);
	free(text);
	return status;
}

/* ---- to a file ---- */

static enum status copy_over(const char *from, const char *to, struct err *err)
{
	char *bytes = malloc(COPY_BYTES);
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t got = -1;
	while (bytes && in >= 0 && out >= 0 && (got = read(in, bytes, COPY_BYTES)) > 0)
		if (write(out, bytes, (size_t)got) != got) {
			got = -1;
			break;
		}
	enum status status =
	    got == 0 ? STATUS_OK : err_errno(err, errno, "%s cannot be written", to);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	free(bytes);
	return status;
}

static enum status move(const char *from, const char *to, struct err *err)
{
	enum status status = STATUS_OK;
	if (rename(from, to) != 0)
		status = errno == EXDEV ? copy_over(from, to, err)
					: err_errno(err, errno, "%s cannot be written", to);
	unlink(from);
	return status;
}

static void copy_sql(struct buf *sql, const struct query *query, struct str select,
		     const char *file)
{
	buf_printf(sql, "COPY (\n%.*s\n) TO '", STR_ARG(select));
	for (const char *at = file; *at; at++) {
		buf_char(sql, *at);
		if (*at == '\'')
			buf_char(sql, '\'');
	}
	buf_printf(sql, query->query.format == WRITER_CSV ? "' (FORMAT csv, HEADER)"
							  : "' (FORMAT parquet, COMPRESSION zstd)");
	buf_char(sql, 0);
}

static enum status export_it(struct query *query, const struct duck *duck,
			     duckdb_connection connection, struct str select, struct err *err)
{
	char file[PATH_BYTES_MAX];
	const char *folder = query->writer->export_dir;
	struct buf sql;
	duckdb_result result = { 0 };
	duckdb_type types[COLUMNS_MAX];
	enum status status = types_of(duck, connection, select, types, err);
	if (!status)
		status = files_make_folder(folder, 0700, err);
	if (!status)
		status = path_format(file, err, "%s/.export-%d", folder, (int)getpid());
	if (status)
		return status;
	buf_init(&sql, select.len + 2 * PATH_BYTES_MAX + 256);
	copy_sql(&sql, query, select, file);
	if (sql.overflow)
		status = err_set(err, STATUS_NO_MEMORY, "no memory for an export");
	else if (duck->query(connection, sql.ptr, &result) != DuckDBSuccess)
		status = fail(duck, &result, err);
	if (!status) {
		buf_printf(&query->answer, "%llu\n",
			   (unsigned long long)duck->rows_changed(&result));
		status = move(file, query->query.parquet, err);
	} else {
		unlink(file);
	}
	duck->destroy_result(&result);
	buf_deinit(&sql);
	return status;
}

static enum status in_transaction(struct query *query, const struct duck *duck,
				  duckdb_connection connection, struct err *err)
{
	struct str select;
	enum status status = writer_select_check(duck, connection, query->query.sql, &select, err);
	if (!status)
		status = control(duck, connection, "BEGIN TRANSACTION READ ONLY", err);
	if (status)
		return status;
	status = query->query.parquet ? export_it(query, duck, connection, select, err)
				      : run_select(query, duck, connection, select, err);
	(void)!control(duck, connection, "ROLLBACK", NULL);
	return status;
}

/* The connection, while its user is told to the loop; NULL: the file is closed, or the
 * query's time is over already. */
static duckdb_connection begin(struct query *query)
{
	struct archive_db *db = query->writer->db;
	pthread_mutex_lock(&db->queries.lock);
	duckdb_connection connection = query->interrupted ? NULL : db->queries.connection;
	db->queries.running = connection ? query : NULL;
	pthread_mutex_unlock(&db->queries.lock);
	return connection;
}

/* *closed: the file was, under it. */
static bool end(struct query *query, bool *closed)
{
	struct archive_db *db = query->writer->db;
	pthread_mutex_lock(&db->queries.lock);
	bool interrupted = query->interrupted;
	*closed = !db->queries.connection;
	db->queries.running = NULL;
	pthread_mutex_unlock(&db->queries.lock);
	return interrupted;
}

static struct query *query_of(struct worker_job *job)
{
	return (struct query *)(void *)((char *)job - offsetof(struct query, job));
}

static void query_work(struct worker_job *job)
{
	struct query *query = query_of(job);
	struct archive_db *db = query->writer->db;
	const struct duck *duck = duck_load(NULL);
	struct err err = { .status = STATUS_UNAVAILABLE, .text = "the archive file is closed" };
	pthread_mutex_lock(&db->queries.using);
	duckdb_connection connection = begin(query);
	query->status =
	    connection && duck ? in_transaction(query, duck, connection, &err) : STATUS_UNAVAILABLE;
	bool closed, interrupted = end(query, &closed);
	pthread_mutex_unlock(&db->queries.using);
	if (query->status && closed && !interrupted)
		query->status = err_set(&err, STATUS_UNAVAILABLE,
					"the archive file is being opened anew: ask again");
	if (query->status && interrupted)
		query->status = err_set(&err, STATUS_TIMEOUT, "the query took longer than %lld ms",
					(long long)query->query.deadline_ms);
	if (!query->status)
		return;
	buf_clear(&query->answer);
	buf_printf(&query->answer, "%s", err.text);
	query->truncated = false;
}

/* ---- on the loop ---- */

static void set_free(struct query *query)
{
	free((void *)(uintptr_t)query->query.sql.ptr);
	free((void *)(uintptr_t)query->query.parquet);
	buf_deinit(&query->answer);
	query->taken = false;
}

static void arm(struct writer *writer)
{
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < QUERIES_MAX; i++)
		if (writer->queries[i].taken && writer->queries[i].deadline_ns < first)
			first = writer->queries[i].deadline_ns;
	struct timers *timers = loop_timers(writer->loop);
	if (first == INT64_MAX)
		timers_cancel(timers, &writer->deadline);
	else
		timers_arm(timers, &writer->deadline, first);
}

static void query_done(struct worker_job *job)
{
	struct query *query = query_of(job);
	struct writer *writer = query->writer;
	writer->counts.queries++;
	writer->counts.interrupted += query->status == STATUS_TIMEOUT;
	enum status status = query->status;
	if (status && writer->closing)
		status = STATUS_CANCELLED;
	query->query.done(query->query.ctx, status, buf_str(&query->answer), query->truncated);
	set_free(query);
	arm(writer);
}

/* Again while it runs: one that is between two statements does not notice. */
static void interrupt(struct writer *writer, struct query *query)
{
	struct archive_db *db = writer->db;
	pthread_mutex_lock(&db->queries.lock);
	query->interrupted = true;
	if (db->queries.running == query && db->queries.connection)
		duck_load(NULL)->interrupt(db->queries.connection);
	pthread_mutex_unlock(&db->queries.lock);
}

void writer_query_deadlines(void *ctx)
{
	struct writer *writer = ctx;
	int64_t now = loop_now_ns(writer->loop);
	for (size_t i = 0; i < QUERIES_MAX; i++) {
		struct query *query = &writer->queries[i];
		if (!query->taken || query->deadline_ns > now)
			continue;
		interrupt(writer, query);
		query->deadline_ns = now + AGAIN_MS * ms_ns;
	}
	arm(writer);
}

void writer_queries_end(struct writer *writer)
{
	for (size_t i = 0; i < QUERIES_MAX; i++)
		if (writer->queries[i].taken)
			writer->queries[i].deadline_ns = 0;
	writer_query_deadlines(writer);
}

enum status writer_query(struct writer *writer, const struct writer_query *asked)
{
	struct query *query = NULL;
	CHECK(!writer->closing);
	for (size_t i = 0; i < QUERIES_MAX && !query; i++)
		if (!writer->queries[i].taken)
			query = &writer->queries[i];
	if (!query)
		return STATUS_FULL;
	*query = (struct query){ .writer = writer, .query = *asked, .taken = true };
	char *sql = malloc(asked->sql.len + 1);
	query->query.parquet = asked->parquet ? strdup(asked->parquet) : NULL;
	query->query.sql = str_make(sql, asked->sql.len);
	buf_init(&query->answer, WRITER_QUERY_BYTES);
	if (!sql || (asked->parquet && !query->query.parquet)) {
		set_free(query);
		return STATUS_NO_MEMORY;
	}
	if (asked->sql.len)
		memcpy(sql, asked->sql.ptr, asked->sql.len);
	query->job = (struct worker_job){ .work = query_work, .done = query_done };
	query->deadline_ns = loop_now_ns(writer->loop) + asked->deadline_ms * ms_ns;
	worker_submit(writer->query_worker, &query->job);
	arm(writer);
	return STATUS_OK;
}
