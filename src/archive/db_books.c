/* Marks and counters. A transaction that changes some writes one row of `journal` with all
 * of them (an UPDATE of each costs as much as a batch's commit); before a checkpoint the
 * journal is folded into the tables sync_state and ledger. A row of the journal comes with
 * every transaction, for its number is what tells, after an error of COMMIT, whether it is
 * in the file.
 *
 * A row's text, for each change: c or m, the lengths, name, value: "c4 2 rows17m1 3 a1-0". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/db_impl.h"
#include "base/check.h"

enum { CHANGES_BYTES = DB_NAMES * (DB_NAME_MAX + DB_VALUE_MAX + 16) };

void db_rows_name(char out[DB_NAME_MAX + 1], enum archive_table table, bool gone)
{
	snprintf(out, DB_NAME_MAX + 1, "%s:%s", gone ? "gone" : "rows",
		 archive_table_row(table)->name);
}

static struct db_name *find(struct db_books *books, struct str name, bool counts)
{
	for (size_t i = 0; i < books->count; i++) {
		struct db_name *at = &books->names[i];
		if (at->counts == counts && strncmp(at->name, name.ptr, name.len) == 0 &&
		    at->name[name.len] == 0)
			return at;
	}
	return NULL;
}

/* The mark that was not written for the longest time, of a market or a terminal that is gone:
 * without it a stream is read again from its begin, against what is there. Those that are of
 * none, which have no colon in their names, stay. */
static struct db_name *oldest_mark(struct db_books *books)
{
	struct db_name *oldest = NULL;
	for (size_t i = 0; i < books->count; i++) {
		struct db_name *at = &books->names[i];
		if (!at->counts && !at->changed && strchr(at->name, ':') &&
		    (!oldest || at->written < oldest->written))
			oldest = at;
	}
	return oldest;
}

/* NULL: all are taken, by counters and by marks of this transaction. */
static struct db_name *take(struct db_books *books, struct str name, bool counts)
{
	CHECK(name.len > 0 && name.len <= DB_NAME_MAX);
	struct db_name *at = find(books, name, counts);
	if (at)
		return at;
	at = books->count < DB_NAMES ? &books->names[books->count++] : oldest_mark(books);
	if (!at)
		return NULL;
	*at = (struct db_name){ .counts = counts };
	memcpy(at->name, name.ptr, name.len);
	return at;
}

static void change(struct db_books *books, struct db_name *at)
{
	books->changed += !at->changed;
	at->changed = true;
	at->written = books->used;
}

/* A mark may come from outside (a stream's epoch): what is not plain ASCII is shown so. */
static void copy_text(char out[DB_VALUE_MAX + 1], struct str value)
{
	size_t len = value.len < DB_VALUE_MAX ? value.len : DB_VALUE_MAX;
	for (size_t i = 0; i < len; i++)
		out[i] = value.ptr[i] >= ' ' && value.ptr[i] < 0x7f ? value.ptr[i] : '?';
	out[len] = 0;
}

void db_mark(struct archive_db *db, struct str name, struct str value)
{
	CHECK(db->in_transaction);
	pthread_mutex_lock(&db->books.lock);
	struct db_name *at = take(&db->books, name, false);
	if (at) {
		copy_text(at->text_next, value);
		change(&db->books, at);
	}
	pthread_mutex_unlock(&db->books.lock);
}

void db_count(struct archive_db *db, const char *name, int64_t by)
{
	CHECK(db->in_transaction);
	pthread_mutex_lock(&db->books.lock);
	struct db_name *at = take(&db->books, str_of(name), true);
	CHECK(at); /* they are as many as tables and sinks */
	at->next += by;
	change(&db->books, at);
	pthread_mutex_unlock(&db->books.lock);
}

void db_count_gone(struct archive_db *db, enum archive_table table, int64_t rows)
{
	char name[DB_NAME_MAX + 1];
	db_rows_name(name, table, true);
	if (rows)
		db_count(db, name, rows);
}

int64_t db_counted(struct archive_db *db, const char *name)
{
	return db_books_count(&db->books, name);
}

int64_t db_books_count(struct db_books *books, const char *name)
{
	pthread_mutex_lock(&books->lock);
	const struct db_name *at = find(books, str_of(name), true);
	int64_t value = at ? at->value : 0;
	pthread_mutex_unlock(&books->lock);
	return value;
}

struct str db_books_mark(struct db_books *books, struct str name, char out[DB_VALUE_MAX + 1])
{
	pthread_mutex_lock(&books->lock);
	const struct db_name *at = find(books, name, false);
	out[0] = 0;
	if (at)
		memcpy(out, at->text, DB_VALUE_MAX + 1);
	pthread_mutex_unlock(&books->lock);
	return str_of(out);
}

static void end_changes(struct db_books *books, bool committed)
{
	pthread_mutex_lock(&books->lock);
	for (size_t i = 0; books->changed && i < books->count; i++) {
		struct db_name *at = &books->names[i];
		if (!at->changed)
			continue;
		if (committed) {
			at->value = at->next;
			memcpy(at->text, at->text_next, sizeof at->text);
		} else {
			at->next = at->value;
			memcpy(at->text_next, at->text, sizeof at->text);
		}
		at->changed = false;
		books->changed--;
	}
	pthread_mutex_unlock(&books->lock);
}

void db_books_undo(struct archive_db *db) { end_changes(&db->books, false); }

void db_books_committed(struct archive_db *db)
{
	end_changes(&db->books, true);
	db->books.number = db->books.used;
	db->books.journal++;
}

static void put_change(struct buf *out, const struct db_name *at)
{
	char digits[24];
	const char *value = at->text_next;
	if (at->counts) {
		snprintf(digits, sizeof digits, "%" PRId64, at->next);
		value = digits;
	}
	buf_printf(out, "%c%zu %zu %s%s", at->counts ? 'c' : 'm', strlen(at->name), strlen(value),
		   at->name, value);
}

enum status db_books_write(struct archive_db *db, struct err *err)
{
	struct db_books *books = &db->books;
	struct buf text;
	buf_init(&text, CHANGES_BYTES);
	for (size_t i = 0; books->changed && i < books->count; i++)
		if (books->names[i].changed)
			put_change(&text, &books->names[i]);
	enum status status = STATUS_NO_MEMORY;
	books->used++;
	if (!text.overflow)
		status = db_exec(db, "INSERT INTO journal VALUES (?, ?)",
				 DB_ARGS(DB_INT((int64_t)books->used), DB_TEXT(buf_str(&text))),
				 NULL, err);
	buf_deinit(&text);
	return status;
}

/* ---- reading them ---- */

static void restore(struct db_books *books, bool counts, struct str name, struct str value)
{
	int64_t number = 0;
	if (!name.len || name.len > DB_NAME_MAX || (counts && str_to_i64(value, &number)))
		return;
	struct db_name *at = take(books, name, counts);
	if (!at)
		return;
	at->value = at->next = number;
	at->written = books->number; /* of the journal; 0 before it */
	copy_text(at->text, counts ? (struct str){ "", 0 } : value);
	memcpy(at->text_next, at->text, sizeof at->text);
}

static bool take_mark(void *ctx, const struct db_row *row)
{
	restore(ctx, false, db_row_text(row, 0), db_row_text(row, 1));
	return true;
}

static bool take_count(void *ctx, const struct db_row *row)
{
	restore(ctx, true, db_row_text(row, 0), db_row_text(row, 1));
	return true;
}

static bool take_part(struct str *rest, uint64_t len, struct str *part)
{
	if (len > rest->len)
		return false;
	*part = str_make(rest->ptr, len);
	*rest = str_skip(*rest, len);
	return true;
}

static bool take_change(struct db_books *books, struct str *rest)
{
	char kind = rest->ptr[0];
	struct str word, name, value;
	uint64_t name_len, value_len;
	*rest = str_skip(*rest, 1);
	if (!str_split(rest, ' ', &word) || str_to_u64(word, &name_len) ||
	    !str_split(rest, ' ', &word) || str_to_u64(word, &value_len) ||
	    !take_part(rest, name_len, &name) || !take_part(rest, value_len, &value))
		return false;
	restore(books, kind == 'c', name, value);
	return true;
}

static bool take_journal(void *ctx, const struct db_row *row)
{
	struct db_books *books = ctx;
	books->number = (uint64_t)db_row_int(row, 0, 0);
	books->journal++;
	struct str rest = db_row_text(row, 1);
	while (rest.len && take_change(books, &rest))
		;
	return true;
}

enum status db_books_load(struct archive_db *db, struct err *err)
{
	struct db_books *books = &db->books;
	pthread_mutex_lock(&books->lock);
	books->count = books->changed = books->journal = 0;
	books->number = 0;
	enum status status =
	    db_each(db, "SELECT name, value FROM sync_state", DB_NONE, take_mark, books, err);
	if (!status)
		status = db_each(db, "SELECT name, value::VARCHAR FROM ledger", DB_NONE, take_count,
				 books, err);
	if (!status)
		status = db_each(db, "SELECT number, changes FROM journal ORDER BY number", DB_NONE,
				 take_journal, books, err);
	if (books->used < books->number)
		books->used = books->number;
	pthread_mutex_unlock(&books->lock);
	return status;
}

enum status db_books_has(struct archive_db *db, uint64_t number, bool *there, struct err *err)
{
	int64_t count = 0;
	enum status status = db_scalar(db, "SELECT count(*) FROM journal WHERE number = ?",
				       DB_ARGS(DB_INT((int64_t)number)), 0, &count, err);
	*there = count > 0;
	return status;
}

/* ---- folding ---- */

struct fold {
	struct str names[DB_NAMES], values[DB_NAMES];
	char digits[DB_NAMES][24];
	size_t count;
};

static void gather(const struct db_books *books, bool counts, struct fold *fold)
{
	fold->count = 0;
	for (size_t i = 0; i < books->count; i++) {
		const struct db_name *at = &books->names[i];
		if (at->counts != counts)
			continue;
		char *digits = fold->digits[fold->count];
		snprintf(digits, sizeof fold->digits[0], "%" PRId64, at->value);
		fold->names[fold->count] = str_of(at->name);
		fold->values[fold->count++] = str_of(counts ? digits : at->text);
	}
}

static enum status rewrite(struct archive_db *db, const char *clear, const char *put,
			   const struct fold *fold, struct err *err)
{
	enum status status = db_exec(db, clear, DB_NONE, NULL, err);
	if (status || !fold->count)
		return status;
	return db_exec(
	    db, put,
	    DB_ARGS(DB_TEXTS(fold->names, fold->count), DB_TEXTS(fold->values, fold->count)), NULL,
	    err);
}

static enum status fold_them(struct archive_db *db, void *ctx, struct err *err)
{
	struct fold *fold = ctx;
	gather(&db->books, false, fold);
	enum status status = rewrite(
	    db, "DELETE FROM sync_state",
	    "INSERT INTO sync_state SELECT unnest(?::VARCHAR[]), unnest(?::VARCHAR[])", fold, err);
	gather(&db->books, true, fold);
	if (!status)
		status = rewrite(db, "DELETE FROM ledger",
				 "INSERT INTO ledger SELECT unnest(?::VARCHAR[]), "
				 "unnest(?::VARCHAR[])::BIGINT",
				 fold, err);
	if (!status)
		status = db_exec(db, "DELETE FROM journal", DB_NONE, NULL, err);
	return status;
}

enum status db_books_fold(struct archive_db *db, struct err *err)
{
	struct fold *fold = malloc(sizeof *fold);
	if (!fold)
		return err_set(err, STATUS_NO_MEMORY, "no memory to fold the journal");
	enum status status = db_transact(db, fold_them, fold, err);
	free(fold);
	if (!status)
		db->books.journal = 1; /* its own */
	return status;
}
