/* A batch: what its owner says in it (loop), and its transaction (thread). */
#include <stdlib.h>

#include "archive/ledger.h"
#include "archive/writer_impl.h"
#include "base/check.h"
#include "base/crash.h"

/* ---- what is said ---- */

void writer_more_clear(struct writer_more *more)
{
	more->mark_count = more->note_count = 0;
	buf_clear(&more->texts);
}

void writer_more_deinit(struct writer_more *more)
{
	free(more->notes);
	buf_deinit(&more->texts);
}

static void copy(char out[WRITER_MARK_BYTES], struct str text)
{
	size_t len = text.len < WRITER_MARK_BYTES ? text.len : WRITER_MARK_BYTES - 1;
	memcpy(out, text.ptr, len);
	out[len] = 0;
}

void writer_mark(struct writer_batch *batch, struct str name, struct str value)
{
	struct writer_more *more = batch->more;
	size_t at = 0;
	CHECK(name.len > 0 && name.len < WRITER_MARK_BYTES);
	while (at < more->mark_count && !str_eq(str_of(more->marks[at].name), name))
		at++;
	CHECK(at < WRITER_MARKS_MAX);
	if (at == more->mark_count)
		more->mark_count++;
	copy(more->marks[at].name, name);
	copy(more->marks[at].value, value);
}

/* NULL: no memory, or more notes than a batch has. */
static struct note *new_note(struct writer_more *more, enum note_kind kind)
{
	if (more->note_count == more->note_room) {
		size_t room = more->note_room ? 2 * more->note_room : 64;
		struct note *notes =
		    room > NOTES_MAX ? NULL : realloc(more->notes, room * sizeof *notes);
		if (!notes)
			return NULL;
		more->notes = notes;
		more->note_room = room;
	}
	struct note *note = &more->notes[more->note_count++];
	*note = (struct note){ .kind = kind };
	return note;
}

static void put_text(struct writer_more *more, struct note *note, size_t n, struct str text)
{
	note->texts[n].at = (uint32_t)more->texts.len;
	note->texts[n].len = (uint32_t)text.len;
	buf_str_put(&more->texts, text);
}

struct str note_text(const struct writer_more *more, const struct note *note, size_t n)
{
	return note->texts[n].len
		   ? str_make(more->texts.ptr + note->texts[n].at, note->texts[n].len)
		   : STR("");
}

enum status writer_retry_put(struct writer_batch *batch, const struct writer_retry *retry)
{
	struct writer_more *more = batch->more;
	size_t len = more->texts.len;
	struct note *note = new_note(more, NOTE_RETRY_PUT);
	if (!note)
		return STATUS_FULL;
	put_text(more, note, NOTE_ORIGIN, retry->origin);
	put_text(more, note, NOTE_ENTRY, retry->entry_id);
	put_text(more, note, NOTE_LETTER, retry->letter_id);
	put_text(more, note, NOTE_PAYLOAD, retry->payload);
	put_text(more, note, NOTE_REASON, retry->reason);
	note->value = retry->due_ms;
	note->attempts = retry->attempts;
	if (!more->texts.overflow)
		return STATUS_OK;
	more->texts.len = len;
	more->texts.overflow = false;
	more->note_count--;
	return STATUS_FULL;
}

static void drop_note(struct writer_batch *batch, enum note_kind kind, size_t n, struct str origin,
		      struct str id)
{
	struct writer_more *more = batch->more;
	struct note *note = new_note(more, kind);
	CHECK(note);
	put_text(more, note, NOTE_ORIGIN, origin);
	put_text(more, note, n, id);
	CHECK(!more->texts.overflow);
}

void writer_retry_drop(struct writer_batch *batch, struct str origin, struct str entry_id)
{
	drop_note(batch, NOTE_RETRY_DROP, NOTE_ENTRY, origin, entry_id);
}

void writer_dead_drop(struct writer_batch *batch, struct str origin, struct str letter_id)
{
	drop_note(batch, NOTE_DEAD_DROP, NOTE_LETTER, origin, letter_id);
}

void writer_count(struct writer_batch *batch, const char *name, int64_t by)
{
	struct note *note = new_note(batch->more, NOTE_COUNT);
	CHECK(note);
	note->name = name;
	note->value = by;
}

/* ---- the transaction ---- */

struct writer_work *writer_work_create(struct archive_db *db)
{
	struct writer_work *work = calloc(1, sizeof *work);
	if (!work)
		return NULL;
	struct trades_hooks hooks = { writer_trade_closed, work };
	work->db = db;
	work->seen = writer_seen_create();
	work->trades = trades_create(&hooks);
	archive_rows_init(&work->derived, 2 * WRITER_BATCH_BYTES);
	buf_init(&work->keys.text, WRITER_BATCH_BYTES);
	buf_init(&work->retold, WRITER_ROWS_MAX * (TRADE_NAME_MAX + 32));
	buf_init(&work->digits, WRITER_ROWS_MAX * 24);
	if (work->seen && work->trades)
		return work;
	writer_work_destroy(work);
	return NULL;
}

void writer_work_destroy(struct writer_work *work)
{
	if (!work)
		return;
	writer_seen_destroy(work->seen);
	trades_destroy(work->trades);
	archive_rows_deinit(&work->derived);
	buf_deinit(&work->keys.text);
	buf_deinit(&work->retold);
	buf_deinit(&work->digits);
	free(work);
}

static bool take_seen(void *ctx, const struct db_row *row)
{
	struct str id = db_row_text(row, 0);
	writer_seen_add(ctx, id, str_hash(id));
	return true;
}

enum status writer_restore(struct writer_work *work, struct err *err)
{
	int64_t newest;
	writer_seen_clear(work->seen);
	enum status status =
	    db_scalar(work->db, "SELECT max(rowid) FROM trade_results", DB_NONE, 0, &newest, err);
	if (!status)
		status =
		    db_each(work->db, "SELECT result_id FROM trade_results WHERE rowid > ?",
			    DB_ARGS(DB_INT(newest - WRITER_SEEN_MAX)), take_seen, work->seen, err);
	if (!status)
		status = writer_load_trades(work, err);
	work->generation = work->db->generation;
	return status;
}

static enum status begin(struct writer_work *work, struct err *err)
{
	const struct archive_row *row = NULL;
	if (work->generation != work->db->generation) {
		enum status status = writer_restore(work, err);
		if (status)
			return status;
	}
	work->count = 0;
	while ((row = archive_rows_next(&work->batch->rows, row)))
		work->rows[work->count++] = row;
	memset(work->skip, 0, work->count * sizeof work->skip[0]);
	archive_rows_clear(&work->derived);
	buf_clear(&work->retold);
	return work->stale ? writer_load_trades(work, err) : STATUS_OK;
}

static enum status append_table(struct writer_work *work, enum archive_table table, struct err *err)
{
	size_t count = 0;
	for (size_t i = 0; i < work->count; i++)
		if (work->rows[i]->table == table && !work->skip[i])
			work->picked[count++] = work->rows[i];
	return count ? db_append_table(work->db, table, work->picked, count, err) : STATUS_OK;
}

/* Copies of signals rows with the end that was found. */
static enum status append_ended(struct writer_work *work, struct err *err)
{
	const struct archive_row *row = NULL;
	size_t count = 0;
	while ((row = archive_rows_next(&work->derived, row)))
		if (row->table == TABLE_signals)
			work->picked[count++] = row;
	return count ? db_append_table(work->db, TABLE_signals, work->picked, count, err)
		     : STATUS_OK;
}

static enum status append_rows(struct writer_work *work, struct err *err)
{
	enum status status = append_table(work, TABLE_trade_results, err);
	if (!status)
		status = writer_find_ends(work, err);
	for (unsigned i = 0; !status && i < TABLE_COUNT; i++)
		if (i != TABLE_trade_results)
			status = append_table(work, (enum archive_table)i, err);
	if (!status)
		status = append_ended(work, err);
	if (!status)
		status = writer_append_trades(work, err);
	return status;
}

/* ---- retries and dead letters ---- */

static enum status drop_retry(struct writer_work *work, const struct note *note, struct err *err)
{
	const struct writer_more *more = work->batch->more;
	return db_exec(work->db, "DELETE FROM retries WHERE origin = ? AND entry_id = ?",
		       DB_ARGS(DB_TEXT(note_text(more, note, NOTE_ORIGIN)),
			       DB_TEXT(note_text(more, note, NOTE_ENTRY))),
		       NULL, err);
}

static enum status put_retry(struct writer_work *work, const struct note *note, struct err *err)
{
	const struct writer_more *more = work->batch->more;
	enum status status = drop_retry(work, note, err);
	if (status)
		return status;
	return db_exec(work->db, "INSERT INTO retries VALUES (?, ?, ?, ?, ?, ?, ?)",
		       DB_ARGS(DB_TEXT(note_text(more, note, NOTE_ORIGIN)),
			       DB_TEXT(note_text(more, note, NOTE_ENTRY)),
			       DB_TEXT(note_text(more, note, NOTE_LETTER)),
			       DB_TEXT(note_text(more, note, NOTE_PAYLOAD)),
			       DB_TEXT(note_text(more, note, NOTE_REASON)), DB_INT(note->value),
			       DB_INT(note->attempts)),
		       NULL, err);
}

static enum status apply_note(struct writer_work *work, const struct note *note, struct err *err)
{
	switch (note->kind) {
	case NOTE_RETRY_PUT: return put_retry(work, note, err);
	case NOTE_RETRY_DROP: return drop_retry(work, note, err);
	case NOTE_DEAD_DROP:
		return db_drop_letter(work->db, note_text(work->batch->more, note, NOTE_ORIGIN),
				      note_text(work->batch->more, note, NOTE_LETTER), err);
	default: db_count(work->db, note->name, note->value);
	}
	return STATUS_OK;
}

/* ---- the ledger's counters ---- */

static void count_end(struct writer_work *work, const struct archive_row *row)
{
	struct str status = archive_cell_text(row, COLUMN_signals_status);
	int64_t sent = archive_cell_int(row, COLUMN_signals_attempt, 0);
	const char *name = ledger_end_name(delivery_bucket_of(status, (uint32_t)sent));
	if (name)
		db_count(work->db, name, 1);
}

static void count_for_ledger(struct writer_work *work)
{
	const struct archive_row *row = NULL;
	int64_t known = 0;
	for (size_t i = 0; i < work->count; i++) {
		known += work->skip[i] && work->rows[i]->table == TABLE_trade_results;
		if (!work->skip[i] && work->rows[i]->table == TABLE_signals)
			count_end(work, work->rows[i]);
	}
	while ((row = archive_rows_next(&work->derived, row)))
		if (row->table == TABLE_signals)
			count_end(work, row);
	if (known)
		db_count(work->db, LEDGER_KNOWN, known);
}

static enum status in_transaction(struct archive_db *db, void *ctx, struct err *err)
{
	struct writer_work *work = ctx;
	const struct writer_more *more = work->batch->more;
	enum status status = begin(work, err);
	if (!status)
		status = writer_leave_out_known(work, err);
	if (!status)
		status = writer_sum_trades(work, err);
	/* A letter that is tried again, and dies again in this batch, is dropped first. */
	for (size_t i = 0; !status && i < more->note_count; i++)
		status = apply_note(work, &more->notes[i], err);
	if (!status)
		status = append_rows(work, err);
	if (!status)
		count_for_ledger(work);
	for (size_t i = 0; !status && i < more->mark_count; i++)
		db_mark(db, str_of(more->marks[i].name), str_of(more->marks[i].value));
	return status;
}

static void committed(struct writer_work *work)
{
	struct writer_batch *batch = work->batch;
	batch->number = work->db->books.number;
	batch->rows_known = work->known;
	batch->rows_taken = (uint32_t)work->count - work->known - work->ends_missing;
	work->stale = false;
	for (size_t i = 0; i < work->count; i++) {
		if (work->rows[i]->table != TABLE_trade_results)
			continue;
		struct str id = archive_cell_text(work->rows[i], COLUMN_trade_results_result_id);
		writer_seen_add(work->seen, id, str_hash(id));
	}
	crash_point(CRASH_commit);
}

enum status writer_commit(struct writer_work *work, struct writer_batch *batch)
{
	struct err err;
	work->batch = batch;
	for (;;) {
		work->known = work->ends_missing = 0;
		enum status status = db_transact(work->db, in_transaction, work, &err);
		if (!status)
			break;
		if (status == STATUS_CANCELLED)
			return status;
		db_trouble_set(&work->db->trouble, status, err.text);
		if (!db_trouble_wait(&work->db->trouble))
			return STATUS_CANCELLED;
	}
	committed(work);
	return STATUS_OK;
}
