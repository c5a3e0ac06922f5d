/* The file opened, closed, and opened again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "archive/db_impl.h"
#include "base/check.h"
#include "base/crash.h"

enum { SALVAGES_MAX = 64 };

struct archive_db *db_create(const struct db_config *config)
{
	struct archive_db *db = calloc(1, sizeof *db);
	if (!db)
		return NULL;
	db->config = *config;
	db_trouble_init(&db->trouble);
	pthread_mutex_init(&db->books.lock, NULL);
	pthread_mutex_init(&db->queries.lock, NULL);
	pthread_mutex_init(&db->queries.using, NULL);
	return db;
}

void db_destroy(struct archive_db *db)
{
	if (!db)
		return;
	CHECK(!db->is_open);
	db_trouble_deinit(&db->trouble);
	pthread_mutex_destroy(&db->books.lock);
	pthread_mutex_destroy(&db->queries.lock);
	pthread_mutex_destroy(&db->queries.using);
	free(db);
}

/* ---- DuckDB's own opening ---- */

static duckdb_config settings(const struct archive_db *db)
{
	char memory[32], threshold[32];
	duckdb_config config = NULL;
	if (db->duck->create_config(&config) != DuckDBSuccess)
		return NULL;
	snprintf(memory, sizeof memory, "%" PRId64 "B", db->config.memory_bytes);
	snprintf(threshold, sizeof threshold, "%" PRId64 "B",
		 db->config.wal_bytes_max + DB_WAL_SPARE);
	const char *const pairs[][2] = {
		{ "memory_limit", memory },
		{ "threads", "1" },
		{ "checkpoint_threshold", threshold },
		{ "temp_directory", db->config.temp_dir },
		{ "max_temp_directory_size", "1GB" },
		{ "autoinstall_known_extensions", "false" },
		{ "autoload_known_extensions", "false" },
		/* A statement prepared while a table was empty would keep what was known of
		 * it then, and answer wrongly for ever (1.4.4). */
		{ "disabled_optimizers", "statistics_propagation" },
	};
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		CHECK(db->duck->set_config(config, pairs[i][0], pairs[i][1]) == DuckDBSuccess);
	return config;
}

static enum status open_duck(struct archive_db *db, struct err *err)
{
	for (int tries = 0;; tries++) {
		struct err why;
		char *text = NULL;
		duckdb_config config = settings(db);
		if (!config)
			return err_set(err, STATUS_NO_MEMORY, "no memory for DuckDB's settings");
		duckdb_state state =
		    db->duck->open_ext(db->config.path, &db->database, config, &text);
		db->duck->destroy_config(&config);
		if (state == DuckDBSuccess)
			return STATUS_OK;
		db->database = NULL;
		enum status status = db_said(db, text, &why);
		enum status mended =
		    tries < SALVAGES_MAX ? db_wal_salvage(db, text ? text : "", &why) : status;
		db->duck->free(text);
		if (mended)
			return err_set(err, mended == STATUS_UNSUPPORTED ? status : mended,
				       "%s cannot be opened: %s", db->config.path, why.text);
	}
}

static enum status quoted_setting(struct archive_db *db, struct err *err)
{
	char text[2 * PATH_BYTES_MAX];
	struct buf sql = buf_over(text, sizeof text - 1);
	buf_printf(&sql, "SET allowed_directories = ['");
	for (const char *at = db->config.export_dir; *at; at++) {
		buf_char(&sql, *at);
		if (*at == '\'')
			buf_char(&sql, '\'');
	}
	buf_printf(&sql, "']");
	if (sql.overflow)
		return err_set(err, STATUS_RANGE, "%s is too long", db->config.export_dir);
	text[sql.len] = 0;
	return db_exec(db, text, DB_NONE, NULL, err);
}

/* From here on no statement reaches a file but the archive's own, DuckDB's temporary ones and
 * those in the export folder; no extension is loaded, and nothing can be set. */
static enum status lock_down(struct archive_db *db, struct err *err)
{
	static const char *const statements[] = {
		"PRAGMA disable_checkpoint_on_shutdown", /* ours are told of; its own are not */
		"SET TimeZone = 'UTC'",
		"SET enable_external_access = false",
		"SET lock_configuration = true",
	};
	enum status status = quoted_setting(db, err);
	for (size_t i = 0; !status && i < ARRAY_LEN(statements); i++)
		status = db_exec(db, statements[i], DB_NONE, NULL, err);
	return status;
}

static enum status connect_all(struct archive_db *db, struct err *err)
{
	duckdb_connection user = NULL;
	if (db->duck->connect(db->database, &db->connection) != DuckDBSuccess ||
	    db->duck->connect(db->database, &user) != DuckDBSuccess)
		return err_set(err, STATUS_NO_MEMORY, "DuckDB gives no connection");
	pthread_mutex_lock(&db->queries.lock);
	db->queries.connection = user;
	pthread_mutex_unlock(&db->queries.lock);
	return STATUS_OK;
}

static enum status restore(struct archive_db *db, struct err *err)
{
	bool made = false;
	enum status status = lock_down(db, err);
	if (!status)
		status = db_schema_mend(db, &made, err);
	if (!status && made)
		status = db_checkpoint(db, err);
	if (!status)
		status = db_marker_write(db, err);
	return status ? status : db_batches_load(db, err);
}

static enum status open_steps(struct archive_db *db, struct err *err)
{
	db->duck = duck_load(err);
	if (!db->duck)
		return STATUS_UNAVAILABLE;
	CHECK(db->duck->vector_size() == DB_CHUNK_ROWS);
	db->kept[0] = 0;
	db->wal_bytes = db->wal_bytes_kept = 0;
	db->broken = false;
	enum status status = db_marker_look(db, err);
	if (!status)
		status = db_wal_look(db, err);
	if (!status)
		status = open_duck(db, err);
	if (status)
		return status;
	db->is_open = true;
	status = connect_all(db, err);
	return status ? status : restore(db, err);
}

enum status db_open(struct archive_db *db, struct err *err)
{
	CHECK(!db->is_open);
	enum status status = open_steps(db, err);
	if (db->kept[0]) { /* what was cut is cut, whatever came after it */
		pthread_mutex_lock(&db->trouble.lock);
		memcpy(db->told.kept, db->kept, sizeof db->kept);
		db->told.damaged_bytes = db->wal_bytes;
		db->told.damaged_bytes_kept = db->wal_bytes_kept;
		pthread_mutex_unlock(&db->trouble.lock);
		db->salvaged++;
		db->generation++;
	}
	if (status)
		db_close(db);
	return status;
}

/* ---- the end of it ---- */

/* A query of the user's is interrupted and waited for. Again and again, for one that has not
 * begun yet does not notice. */
static void end_queries(struct archive_db *db)
{
	pthread_mutex_lock(&db->queries.lock);
	duckdb_connection connection = db->queries.connection;
	db->queries.connection = NULL;
	pthread_mutex_unlock(&db->queries.lock);
	if (!connection)
		return;
	struct timespec until;
	do {
		db->duck->interrupt(connection);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 20 * 1000 * 1000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
	} while (pthread_mutex_timedlock(&db->queries.using, &until) != 0);
	db->duck->disconnect(&connection);
	pthread_mutex_unlock(&db->queries.using);
}

void db_close(struct archive_db *db)
{
	if (!db->is_open)
		return;
	CHECK(!db->in_transaction);
	end_queries(db);
	db_tables_close(db);
	db_statements_drop(db);
	if (db->connection)
		db->duck->disconnect(&db->connection);
	db->duck->close(&db->database);
	db->is_open = false;
}

void db_close_for(struct archive_db *db, const char *why)
{
	if (!db->is_open)
		return;
	snprintf(db->closed_why, sizeof db->closed_why, "%s", why);
	db->reopened++;
	db_close(db);
}

enum status db_be_open(struct archive_db *db)
{
	struct err err;
	while (!db->is_open) {
		enum status status = db_open(db, &err);
		if (!status)
			break;
		db_trouble_set(&db->trouble, status, err.text);
		if (!db_trouble_wait(&db->trouble))
			return STATUS_CANCELLED;
	}
	return STATUS_OK;
}

/* ---- checkpoints ---- */

enum status db_checkpoint(struct archive_db *db, struct err *err)
{
	enum status status = db_exec(db, "CHECKPOINT", DB_NONE, NULL, err);
	if (!status)
		crash_point(CRASH_checkpoint);
	return status;
}

static uint64_t size_of(const char *path)
{
	struct stat now;
	return stat(path, &now) == 0 ? (uint64_t)now.st_size : 0;
}

void db_sizes(const struct archive_db *db, uint64_t *file, uint64_t *wal)
{
	char path[PATH_BYTES_MAX];
	*file = size_of(db->config.path);
	*wal = path_format(path, NULL, "%s.wal", db->config.path) ? 0 : size_of(path);
}

void db_tell(struct archive_db *db)
{
	uint64_t file, wal;
	db_sizes(db, &file, &wal);
	pthread_mutex_lock(&db->trouble.lock);
	db->told.reopened = db->reopened;
	db->told.salvaged = db->salvaged;
	db->told.failed = db->failed;
	db->told.file_bytes = file;
	db->told.wal_bytes = wal;
	memcpy(db->told.closed_why, db->closed_why, sizeof db->closed_why);
	pthread_mutex_unlock(&db->trouble.lock);
}
