#include "unit/fake_writer.h"

#include <stdlib.h>

#include "base/check.h"

enum { NAMES = 16, OPS = 1 << 15, WALKS = 2 };

struct named {
	char name[WRITER_MARK_BYTES];
	char value[WRITER_MARK_BYTES]; /* of a mark */
	int64_t count;                 /* of a counter */
};

enum op_kind { OP_PUT, OP_DROP, OP_DEAD_DROP };

struct op {
	enum op_kind kind;
	struct writer_retry retry; /* its texts allocated */
};

struct writer_more {
	bool taken;
	struct named marks[NAMES], counts[NAMES];
	size_t n_marks, n_counts, n_ops, ops_room;
	struct op *ops;
};

/* A committed batch. */
struct transaction {
	uint64_t number;
	unsigned flags;
	struct archive_rows rows;
	struct writer_more more;
};

struct rid {
	char *text;
	size_t len;
	uint32_t rows;
	uint64_t order, number; /* of its row among all; of its transaction */
};

struct file {
	struct named marks[NAMES], counts[NAMES];
	size_t n_marks, n_counts;
	struct rid *rids; /* open addressing */
	size_t n_rids, rids_room;
	uint64_t rows[TABLE_COUNT];
	struct op *retries;
	size_t n_retries, retries_room;
	struct op *dropped; /* dead letters that went */
	size_t n_dropped, dropped_room;
};

struct walk {
	void (*each)(void *ctx, const struct writer_retry *retry);
	void (*done)(void *ctx, enum status status);
	void *ctx;
};

struct writer {
	size_t seen_max;
	struct writer_batch batches[WRITER_BATCHES];
	struct writer_more mores[WRITER_BATCHES];
	struct writer_batch *queue[WRITER_BATCHES];
	size_t waiting;
	struct transaction *transactions;
	size_t count, room;
	uint64_t number, checkpointed;
	struct file file;
	struct walk walks[WALKS];
	size_t n_walks;
	enum writer_state state;
	bool checkpoint_asked;
	void (*on_checkpoint)(void *ctx, uint64_t number);
	void *ctx;
};

/* ---- texts, lists ---- */

static struct str keep(struct str text)
{
	char *copy = malloc(text.len + 1);
	CHECK(copy);
	if (text.len)
		memcpy(copy, text.ptr, text.len);
	copy[text.len] = 0;
	return str_make(copy, text.len);
}

static void op_free(struct op *op)
{
	const struct str *texts[] = { &op->retry.origin, &op->retry.entry_id, &op->retry.letter_id,
				      &op->retry.payload, &op->retry.reason };
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free((void *)texts[i]->ptr);
}

static struct op op_copy(const struct op *op)
{
	struct op copy = *op;
	copy.retry.origin = keep(op->retry.origin);
	copy.retry.entry_id = keep(op->retry.entry_id);
	copy.retry.letter_id = keep(op->retry.letter_id);
	copy.retry.payload = keep(op->retry.payload);
	copy.retry.reason = keep(op->retry.reason);
	return copy;
}

static void op_add(struct op **ops, size_t *count, size_t *room, const struct op *op)
{
	if (*count == *room) {
		*room = *room * 2 + 16;
		*ops = realloc(*ops, *room * sizeof **ops);
		CHECK(*ops);
	}
	(*ops)[(*count)++] = op_copy(op);
}

static void ops_clear(struct op *ops, size_t *count)
{
	while (*count > 0)
		op_free(&ops[--*count]);
}

static struct named *name_of(struct named *list, size_t *count, struct str name)
{
	for (size_t i = 0; i < *count; i++)
		if (str_eq(str_of(list[i].name), name))
			return &list[i];
	CHECK(*count < NAMES);
	struct named *added = &list[(*count)++];
	*added = (struct named){ 0 };
	CHECK(str_copy(name, added->name, sizeof added->name) == STATUS_OK);
	return added;
}

/* ---- the file ---- */

static struct rid *rid_at(const struct file *file, struct str text)
{
	size_t at = str_hash(text) & (file->rids_room - 1);
	while (file->rids[at].text &&
	       !str_eq(str_make(file->rids[at].text, file->rids[at].len), text))
		at = (at + 1) & (file->rids_room - 1);
	return &file->rids[at];
}

static void grow(struct file *file)
{
	struct rid *old = file->rids;
	size_t room = file->rids_room;
	file->rids_room = room ? room * 2 : 1024;
	file->rids = calloc(file->rids_room, sizeof *file->rids);
	CHECK(file->rids);
	for (size_t i = 0; i < room; i++)
		if (old[i].text)
			*rid_at(file, str_make(old[i].text, old[i].len)) = old[i];
	free(old);
}

static bool is_known(const struct writer *writer, const struct rid *rid, unsigned flags)
{
	uint64_t newest = writer->file.rows[TABLE_trade_results];
	return rid->text && ((flags & WRITER_CHECKED) || rid->order + writer->seen_max >= newest);
}

/* True: it is new, or the writer does not know that it is not. */
static bool add_rid(struct writer *writer, struct str text, const struct transaction *transaction)
{
	struct file *file = &writer->file;
	if (file->n_rids * 2 >= file->rids_room)
		grow(file);
	struct rid *rid = rid_at(file, text);
	if (is_known(writer, rid, transaction->flags))
		return false;
	if (!rid->text) {
		struct str copy = keep(text);
		*rid = (struct rid){ .text = (char *)copy.ptr, .len = copy.len };
		file->n_rids++;
	}
	rid->rows++;
	rid->order = file->rows[TABLE_trade_results];
	rid->number = transaction->number;
	return true;
}

static void apply_op(struct file *file, const struct op *op)
{
	if (op->kind == OP_DEAD_DROP) {
		op_add(&file->dropped, &file->n_dropped, &file->dropped_room, op);
		return;
	}
	for (size_t i = 0; i < file->n_retries; i++)
		if (str_eq(file->retries[i].retry.entry_id, op->retry.entry_id)) {
			op_free(&file->retries[i]);
			file->retries[i] = file->retries[--file->n_retries];
			break;
		}
	if (op->kind == OP_PUT)
		op_add(&file->retries, &file->n_retries, &file->retries_room, op);
}

/* Returns the rows that were known. */
static uint32_t apply(struct writer *writer, const struct transaction *transaction)
{
	struct file *file = &writer->file;
	const struct writer_more *more = &transaction->more;
	const struct archive_row *row = NULL;
	uint32_t known = 0;
	while ((row = archive_rows_next(&transaction->rows, row))) {
		bool checked = row->table == TABLE_trade_results;
		if (checked &&
		    !add_rid(writer, archive_cell_text(row, COLUMN_trade_results_result_id),
			     transaction))
			known++;
		else
			file->rows[row->table]++;
	}
	for (size_t i = 0; i < more->n_marks; i++) {
		struct named *mark =
		    name_of(file->marks, &file->n_marks, str_of(more->marks[i].name));
		memcpy(mark->value, more->marks[i].value, sizeof mark->value);
	}
	for (size_t i = 0; i < more->n_counts; i++)
		name_of(file->counts, &file->n_counts, str_of(more->counts[i].name))->count +=
		    more->counts[i].count;
	name_of(file->counts, &file->n_counts, STR("known"))->count += known;
	for (size_t i = 0; i < more->n_ops; i++)
		apply_op(file, &more->ops[i]);
	return known;
}

static void file_clear(struct file *file)
{
	for (size_t i = 0; i < file->rids_room; i++)
		free(file->rids[i].text);
	ops_clear(file->retries, &file->n_retries);
	ops_clear(file->dropped, &file->n_dropped);
	free(file->rids);
	free(file->retries);
	free(file->dropped);
	*file = (struct file){ 0 };
	grow(file);
}

static void work_out(struct writer *writer)
{
	file_clear(&writer->file);
	for (size_t i = 0; i < writer->count; i++)
		apply(writer, &writer->transactions[i]);
}

/* ---- life ---- */

struct writer *fake_writer_create(size_t seen_max, size_t batch_bytes)
{
	struct writer *writer = calloc(1, sizeof *writer);
	CHECK(writer);
	writer->seen_max = seen_max;
	writer->state = WRITER_READY;
	file_clear(&writer->file);
	for (size_t i = 0; i < WRITER_BATCHES; i++) {
		writer->batches[i].more = &writer->mores[i];
		archive_rows_init(&writer->batches[i].rows, batch_bytes);
	}
	return writer;
}

static void transaction_free(struct transaction *transaction)
{
	archive_rows_deinit(&transaction->rows);
	ops_clear(transaction->more.ops, &transaction->more.n_ops);
	free(transaction->more.ops);
}

void fake_writer_destroy(struct writer *writer)
{
	while (writer->count > 0)
		transaction_free(&writer->transactions[--writer->count]);
	free(writer->transactions);
	file_clear(&writer->file);
	free(writer->file.rids);
	for (size_t i = 0; i < WRITER_BATCHES; i++) {
		archive_rows_deinit(&writer->batches[i].rows);
		ops_clear(writer->mores[i].ops, &writer->mores[i].n_ops);
		free(writer->mores[i].ops);
	}
	free(writer);
}

void fake_writer_on_checkpoint(struct writer *writer, void (*fn)(void *ctx, uint64_t number),
			       void *ctx)
{
	writer->on_checkpoint = fn;
	writer->ctx = ctx;
}

/* ---- batches ---- */

static void clear_batch(struct writer_batch *batch)
{
	archive_rows_clear(&batch->rows);
	batch->flags = 0;
	batch->done = NULL;
	batch->more->taken = false;
	batch->more->n_marks = batch->more->n_counts = 0;
	ops_clear(batch->more->ops, &batch->more->n_ops);
}

struct writer_batch *writer_batch_take(struct writer *writer)
{
	for (size_t i = 0; i < WRITER_BATCHES; i++)
		if (!writer->mores[i].taken) {
			clear_batch(&writer->batches[i]);
			writer->mores[i].taken = true;
			return &writer->batches[i];
		}
	return NULL;
}

void writer_batch_drop(struct writer *writer, struct writer_batch *batch)
{
	(void)writer;
	CHECK(batch->more->taken);
	clear_batch(batch);
}

void writer_mark(struct writer_batch *batch, struct str name, struct str value)
{
	struct named *mark = name_of(batch->more->marks, &batch->more->n_marks, name);
	CHECK(str_copy(value, mark->value, sizeof mark->value) == STATUS_OK);
}

static void add_op(struct writer_batch *batch, enum op_kind kind, const struct writer_retry *retry)
{
	const struct op op = { kind, *retry };
	op_add(&batch->more->ops, &batch->more->n_ops, &batch->more->ops_room, &op);
}

enum status writer_retry_put(struct writer_batch *batch, const struct writer_retry *retry)
{
	if (batch->more->n_ops == OPS)
		return STATUS_FULL;
	add_op(batch, OP_PUT, retry);
	return STATUS_OK;
}

void writer_retry_drop(struct writer_batch *batch, struct str origin, struct str entry_id)
{
	add_op(batch, OP_DROP, &(struct writer_retry){ .origin = origin, .entry_id = entry_id });
}

void writer_dead_drop(struct writer_batch *batch, struct str origin, struct str letter_id)
{
	add_op(batch, OP_DEAD_DROP,
	       &(struct writer_retry){ .origin = origin, .letter_id = letter_id });
}

void writer_count(struct writer_batch *batch, const char *name, int64_t by)
{
	name_of(batch->more->counts, &batch->more->n_counts, str_of(name))->count += by;
}

void writer_submit(struct writer *writer, struct writer_batch *batch)
{
	CHECK(batch->more->taken && writer->waiting < WRITER_BATCHES);
	writer->queue[writer->waiting++] = batch;
}

size_t writer_waiting(const struct writer *writer) { return writer->waiting; }

static struct writer_batch *commit_first(struct writer *writer)
{
	struct writer_batch *batch = writer->queue[0];
	if (!writer->waiting || writer->state != WRITER_READY)
		return NULL;
	memmove(writer->queue, writer->queue + 1, --writer->waiting * sizeof writer->queue[0]);
	if (writer->count == writer->room) {
		writer->room = writer->room * 2 + 64;
		writer->transactions =
		    realloc(writer->transactions, writer->room * sizeof *writer->transactions);
		CHECK(writer->transactions);
	}
	struct transaction *transaction = &writer->transactions[writer->count++];
	*transaction = (struct transaction){ .number = ++writer->number,
					     .flags = batch->flags,
					     .more = *batch->more };
	archive_rows_init(&transaction->rows, batch->rows.bytes_max);
	for (const struct archive_row *row = NULL; (row = archive_rows_next(&batch->rows, row));)
		CHECK(archive_rows_copy(&transaction->rows, row) == STATUS_OK);
	batch->more->ops = NULL; /* moved */
	batch->more->n_ops = batch->more->ops_room = 0;
	batch->number = transaction->number;
	batch->rows_known = apply(writer, transaction);
	batch->rows_taken = (uint32_t)batch->rows.count - batch->rows_known;
	return batch;
}

bool fake_writer_commit(struct writer *writer)
{
	struct writer_batch *batch = commit_first(writer);
	if (!batch)
		return false;
	if (batch->done)
		batch->done(batch->ctx, batch, STATUS_OK);
	clear_batch(batch);
	return true;
}

bool fake_writer_commit_untold(struct writer *writer) { return commit_first(writer) != NULL; }

void fake_writer_checkpoint(struct writer *writer, bool told)
{
	if (writer->state != WRITER_READY)
		return;
	writer->checkpointed = writer->count ? writer->transactions[writer->count - 1].number : 0;
	if (told && writer->on_checkpoint)
		writer->on_checkpoint(writer->ctx, writer->checkpointed);
}

void writer_checkpoint(struct writer *writer) { writer->checkpoint_asked = true; }

bool fake_writer_checkpoint_asked(struct writer *writer)
{
	bool asked = writer->checkpoint_asked;
	writer->checkpoint_asked = false;
	return asked;
}

void fake_writer_trouble(struct writer *writer, bool trouble)
{
	writer->state = trouble ? WRITER_TROUBLE : WRITER_READY;
}

void fake_writer_crash(struct writer *writer)
{
	writer->waiting = writer->n_walks = 0;
	writer->checkpoint_asked = false;
	writer->state = WRITER_READY;
	writer->on_checkpoint = NULL;
	for (size_t i = 0; i < WRITER_BATCHES; i++)
		clear_batch(&writer->batches[i]);
}

size_t fake_writer_salvage(struct writer *writer, size_t lose)
{
	size_t lost = 0;
	while (lost < lose && writer->count > 0 &&
	       writer->transactions[writer->count - 1].number > writer->checkpointed) {
		transaction_free(&writer->transactions[--writer->count]);
		lost++;
	}
	work_out(writer);
	return lost;
}

/* ---- what is known ---- */

enum writer_state writer_state(const struct writer *writer) { return writer->state; }

const char *writer_trouble(const struct writer *writer)
{
	return writer->state == WRITER_TROUBLE ? "no room left" : "";
}

/* Good until the next call, as the real one's. */
struct str writer_marked(const struct writer *writer, struct str name)
{
	static char value[WRITER_MARK_BYTES];
	value[0] = 0;
	for (size_t i = 0; i < writer->file.n_marks; i++)
		if (str_eq(str_of(writer->file.marks[i].name), name))
			snprintf(value, sizeof value, "%s", writer->file.marks[i].value);
	return str_of(value);
}

int64_t writer_counted(const struct writer *writer, const char *name)
{
	for (size_t i = 0; i < writer->file.n_counts; i++)
		if (strcmp(writer->file.counts[i].name, name) == 0)
			return writer->file.counts[i].count;
	return 0;
}

int64_t writer_rows(const struct writer *writer, enum archive_table table)
{
	return (int64_t)writer->file.rows[table];
}

int64_t writer_rows_gone(const struct writer *writer, enum archive_table table)
{
	(void)writer, (void)table;
	return 0;
}

void writer_retries(struct writer *writer,
		    void (*each)(void *ctx, const struct writer_retry *retry),
		    void (*done)(void *ctx, enum status status), void *ctx)
{
	CHECK(writer->n_walks < WALKS);
	writer->walks[writer->n_walks++] = (struct walk){ each, done, ctx };
}

static int by_due(const void *a, const void *b)
{
	const struct op *one = a, *other = b;
	return (one->retry.due_ms > other->retry.due_ms) -
	       (one->retry.due_ms < other->retry.due_ms);
}

void fake_writer_pump(struct writer *writer)
{
	struct file *file = &writer->file;
	if (writer->state != WRITER_READY || writer->waiting)
		return;
	if (writer->n_walks && file->n_retries)
		qsort(file->retries, file->n_retries, sizeof *file->retries, by_due);
	while (writer->n_walks > 0) {
		struct walk walk = writer->walks[--writer->n_walks];
		for (size_t i = 0; i < file->n_retries; i++)
			walk.each(walk.ctx, &file->retries[i].retry);
		walk.done(walk.ctx, STATUS_OK);
	}
}

/* ---- for oracles ---- */

uint32_t fake_writer_found(const struct writer *writer, struct str rid)
{
	return rid_at(&writer->file, rid)->rows;
}

bool fake_writer_holds(const struct writer *writer, struct str text)
{
	const struct rid *rid = rid_at(&writer->file, text);
	return rid->text && rid->number <= writer->checkpointed;
}

size_t fake_writer_retries(const struct writer *writer) { return writer->file.n_retries; }

const struct writer_retry *fake_writer_retry(const struct writer *writer, size_t index)
{
	CHECK(index < writer->file.n_retries);
	return &writer->file.retries[index].retry;
}

uint32_t fake_writer_dead(const struct writer *writer, struct str letter_id,
			  const struct archive_row **letter)
{
	uint32_t found = 0;
	for (size_t i = 0; i < writer->count; i++)
		for (const struct archive_row *row = NULL;
		     (row = archive_rows_next(&writer->transactions[i].rows, row));) {
			if (row->table != TABLE_dead_letters ||
			    !str_eq(archive_cell_text(row, COLUMN_dead_letters_letter_id),
				    letter_id))
				continue;
			found++;
			if (letter)
				*letter = row;
		}
	for (size_t i = 0; i < writer->file.n_dropped; i++)
		found -= str_eq(writer->file.dropped[i].retry.letter_id, letter_id);
	return found;
}

const struct archive_row *fake_writer_newest(const struct writer *writer, enum archive_table table)
{
	const struct archive_row *newest = NULL;
	for (size_t i = 0; i < writer->count; i++)
		for (const struct archive_row *row = NULL;
		     (row = archive_rows_next(&writer->transactions[i].rows, row));)
			if (row->table == table)
				newest = row;
	return newest;
}

uint64_t fake_writer_commits(const struct writer *writer) { return writer->count; }

/* ---- what nobody here asks for; so that no part of the real writer is needed ---- */

enum status writer_open(struct loop *loop, const struct writer_config *config,
			const struct writer_hooks *hooks, struct writer **out, struct err *err)
{
	(void)loop, (void)config, (void)hooks, (void)out;
	return err_set(err, STATUS_UNSUPPORTED, "a writer in memory");
}

void writer_close(struct writer *writer, void (*fn)(void *ctx), void *ctx)
{
	(void)writer;
	fn(ctx);
}

enum status writer_query(struct writer *writer, const struct writer_query *query)
{
	(void)writer, (void)query;
	return STATUS_UNSUPPORTED;
}

void writer_run(struct writer *writer, struct writer_job *job)
{
	(void)writer;
	job->done(job, STATUS_CANCELLED);
}

const struct writer_counts *writer_counts(const struct writer *writer)
{
	static const struct writer_counts none;
	(void)writer;
	return &none;
}
