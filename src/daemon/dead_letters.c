#include "daemon/dead_letters.h"

#include <stdlib.h>

#include "archive/db.h"
#include "archive/sinks_again.h"
#include "base/check.h"
#include "base/log.h"
#include "codec/mfp.h"

enum { ANSWER_MAX = 8 << 20, LIST_MAX = 1000, ID_MAX = 512 };

enum dead_verb { DEAD_LIST, DEAD_SHOW, DEAD_RETRY, DEAD_DROP };

struct dead_job {
	struct writer_job job;
	struct archiving *archiving;
	struct control_later *later;
	enum dead_verb verb;
	char id_storage[ID_MAX];
	struct str id;
	struct buf answer;
	enum status status;
	struct archive_rows rows; /* of retry, drop */
	int64_t count;
	struct sinks_again again; /* of retry: what sinks refused */
};

/* ---- on the thread ---- */

static void put_field(struct buf *out, const char *name, struct str text)
{
	buf_printf(out, "%s\"%s\":", out->len && out->ptr[out->len - 1] != '{' ? "," : "", name);
	buf_json_str(out, text);
}

static bool put_letter(void *ctx, const struct db_row *row)
{
	static const char *const names[] = { "origin", "id", "entry", "reason", "payload" };
	struct dead_job *dead = ctx;
	struct buf *out = &dead->answer;
	buf_printf(out, dead->count++ ? ",\n{" : "\n{");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (db_row_text(row, i).ptr)
			put_field(out, names[i], db_row_text(row, i));
	buf_printf(out, ",\"attempts\":%lld,\"at_us\":%lld}", (long long)db_row_int(row, 5, 0),
		   (long long)db_row_int(row, 6, 0));
	return !out->overflow;
}

static enum status print_letters(struct archive_db *db, struct dead_job *dead, struct err *err)
{
	enum status status;
	buf_printf(&dead->answer, "[");
	if (dead->verb == DEAD_SHOW)
		status = db_each(db,
				 "SELECT origin, letter_id, entry_id, reason, payload, attempts, "
				 "at_us FROM dead_letters WHERE letter_id = ?",
				 DB_ARGS(DB_TEXT(dead->id)), put_letter, dead, err);
	else
		status = db_each(db,
				 "SELECT origin, letter_id, entry_id, reason, CAST(NULL AS "
				 "VARCHAR), attempts, at_us "
				 "FROM dead_letters ORDER BY at_us DESC LIMIT 1000",
				 DB_NONE, put_letter, dead, err);
	buf_printf(&dead->answer, "]\n");
	return status;
}

static enum status find_letters(struct archive_db *db, struct dead_job *dead, struct err *err)
{
	archive_rows_clear(&dead->rows);
	if (str_eq(dead->id, STR("all")))
		return db_read_rows(db, TABLE_dead_letters, NULL, DB_NONE, LIST_MAX, &dead->rows,
				    err);
	return db_read_rows(db, TABLE_dead_letters, "letter_id = ?", DB_ARGS(DB_TEXT(dead->id)),
			    LIST_MAX, &dead->rows, err);
}

static void work(struct archive_db *db, struct writer_job *job)
{
	struct dead_job *dead = (struct dead_job *)job;
	struct err err = { 0 };
	if (dead->verb == DEAD_LIST || dead->verb == DEAD_SHOW)
		dead->status = print_letters(db, dead, &err);
	else
		dead->status = find_letters(db, dead, &err);
	if (!dead->status && dead->verb == DEAD_RETRY)
		dead->status = db_transact(db, sinks_again, &dead->again, &err);
	if (!dead->status)
		return;
	buf_clear(&dead->answer);
	buf_printf(&dead->answer, "%s\n", err.text);
}

/* ---- on the loop ---- */

static void end(struct dead_job *dead, int exit_status)
{
	control_answer(dead->later, exit_status, buf_str(&dead->answer));
	buf_deinit(&dead->answer);
	archive_rows_deinit(&dead->rows);
	free(dead);
}

static void tell_why(struct dead_job *dead)
{
	const struct sinks_again *again = &dead->again;
	if (again->stuck)
		buf_printf(&dead->answer,
			   "%lld letters of a sink cannot be tried now: the row has left the "
			   "archive, or its newest state has not reached every sink yet\n",
			   (long long)again->stuck);
	if (again->unnamed)
		buf_printf(&dead->answer,
			   "%lld letters are of a sink that the settings do not name now\n",
			   (long long)again->unnamed);
}

static void tell(struct dead_job *dead, enum status status)
{
	const char *verb = dead->verb == DEAD_RETRY ? "retry" : "drop";
	bool left = dead->again.stuck + dead->again.unnamed > 0;
	dead->count += dead->again.sent;
	if (!status)
		archiving_operator(dead->archiving, STR("local"),
				   str_of(dead->verb == DEAD_RETRY ? "dead retry" : "dead drop"),
				   dead->id, STR("done"));
	log_line(LOG_INFO, "archive", "operator: dead %s %.*s: %lld", verb, STR_ARG(dead->id),
		 (long long)dead->count);
	tell_why(dead);
	if (dead->count || !left)
		buf_printf(&dead->answer, "%lld\n", (long long)dead->count);
	end(dead, status ? 3 : !dead->count && left);
}

static void on_moved(void *ctx, struct writer_batch *batch, enum status status)
{
	(void)batch;
	tell(ctx, status);
}

/* Only letters of the stream are in the ledger's count of dead results. */
static void move_letter(struct dead_job *dead, struct writer_batch *batch,
			const struct archive_row *row)
{
	const struct writer_retry retry = {
		.origin = archive_cell_text(row, COLUMN_dead_letters_origin),
		.entry_id = archive_cell_text(row, COLUMN_dead_letters_entry_id),
		.letter_id = archive_cell_text(row, COLUMN_dead_letters_letter_id),
		.payload = archive_cell_text(row, COLUMN_dead_letters_payload),
		.reason = archive_cell_text(row, COLUMN_dead_letters_reason),
	};
	if (dead->verb == DEAD_RETRY && sinks_again_wants(row))
		return;
	dead->count++;
	writer_dead_drop(batch, retry.origin, retry.letter_id);
	if (dead->verb == DEAD_RETRY)
		results_retry(archiving_results(dead->archiving), batch, &retry);
	if (dead->verb == DEAD_DROP && !sinks_again_wants(row)) {
		writer_count(batch, "dropped", 1);
		writer_count(batch, "dead", -1);
	}
}

static bool has_some_of_stream(const struct dead_job *dead)
{
	const struct archive_row *row = NULL;
	while ((row = archive_rows_next(&dead->rows, row)))
		if (!sinks_again_wants(row))
			return true;
	return false;
}

static void move(struct dead_job *dead)
{
	const struct archive_row *row = NULL;
	if (dead->verb == DEAD_RETRY && !has_some_of_stream(dead)) {
		tell(dead, STATUS_OK);
		return;
	}
	struct writer_batch *batch = writer_batch_take(archiving_writer(dead->archiving));
	if (!batch) {
		buf_printf(&dead->answer, "the archive is busy: ask again\n");
		end(dead, 1);
		return;
	}
	batch->done = on_moved;
	batch->ctx = dead;
	while ((row = archive_rows_next(&dead->rows, row)))
		move_letter(dead, batch, row);
	writer_submit(archiving_writer(dead->archiving), batch);
}

static void on_done(struct writer_job *job, enum status status)
{
	struct dead_job *dead = (struct dead_job *)job;
	bool print = dead->verb == DEAD_LIST || dead->verb == DEAD_SHOW;
	if (status || dead->status) {
		end(dead, 3);
	} else if (print) {
		end(dead, dead->verb == DEAD_SHOW && !dead->count);
	} else if (!dead->rows.count) {
		buf_printf(&dead->answer, "no dead letter is called '%.*s'\n", STR_ARG(dead->id));
		end(dead, 1);
	} else {
		move(dead);
	}
}

static void name_sinks(struct dead_job *dead)
{
	const struct sinks *sinks = archiving_sinks(dead->archiving);
	struct sinks_count counts[SINKS_MAX];
	dead->again.letters = &dead->rows;
	dead->again.sinks = sinks ? sinks_counts(sinks, counts, SINKS_MAX) : 0;
	for (size_t i = 0; i < dead->again.sinks; i++)
		dead->again.names[i] = str_of(counts[i].name);
}

static bool find_verb(struct str word, enum dead_verb *verb)
{
	static const char *const words[] = { "list", "show", "retry", "drop" };
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(word, str_of(words[i]))) {
			*verb = (enum dead_verb)i;
			return true;
		}
	return false;
}

void dead_letters_run(struct archiving *archiving, struct str verb, struct str id,
		      struct control_later *later)
{
	struct dead_job *dead = calloc(1, sizeof *dead);
	if (!dead) {
		control_answer(later, 3, STR("out of memory\n"));
		return;
	}
	dead->job.work = work;
	dead->job.done = on_done;
	dead->archiving = archiving;
	dead->later = later;
	buf_init(&dead->answer, ANSWER_MAX);
	archive_rows_init(&dead->rows, ANSWER_MAX);
	struct buf text = buf_over(dead->id_storage, sizeof dead->id_storage);
	if (mfp_unescape(id, &text) || !find_verb(verb, &dead->verb) ||
	    (dead->verb != DEAD_LIST && !id.len)) {
		buf_printf(&dead->answer, "archive dead: list, show ID, retry ID|all, drop ID\n");
		end(dead, 2);
		return;
	}
	dead->id = buf_str(&text);
	name_sinks(dead);
	writer_run(archiving_writer(archiving), &dead->job);
}
