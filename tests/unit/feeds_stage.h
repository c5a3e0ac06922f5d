/* feeds_stage.h - feeds on a stage of simulated time and a simulated Redis, and an archive
 * file in memory behind writer.h: batches are committed after a latency, nothing of one that
 * was not is there after a kill. Include after cmocka.h. */
#pragma once

#include "archive/feeds.h"
#include "unit/store_stage.h"

enum { FILE_MARKS_MAX = 8192 };

struct file_mark {
	char name[WRITER_MARK_BYTES], value[WRITER_MARK_BYTES];
};

struct writer_more {
	struct writer *writer;
	bool taken, submitted;
	struct timer timer;
	struct file_mark marks[WRITER_MARKS_MAX];
	size_t n_marks;
};

/* The file and its process; one a test. */
struct writer {
	struct stage *stage;
	enum writer_state state;
	int64_t latency_ns;
	struct writer_batch batches[WRITER_BATCHES];
	size_t out, out_most; /* taken, the most there ever were */
	uint64_t commits, checked, empty, marks_most, rows_most;
	size_t kill_in;  /* at the so manieth commit from now … */
	bool kill_after; /* … behind it, else before it */
	bool killed;
	/* what lasts */
	struct archive_rows file;
	struct file_mark *marks;
	size_t n_marks;
};

static inline struct writer *file_create(struct stage *stage)
{
	struct writer *writer = calloc(1, sizeof *writer);
	writer->marks = calloc(FILE_MARKS_MAX, sizeof writer->marks[0]);
	writer->stage = stage;
	writer->state = WRITER_READY;
	writer->latency_ns = 5 * stage_ms_ns;
	archive_rows_init(&writer->file, (size_t)1 << 30);
	for (int i = 0; i < WRITER_BATCHES; i++) {
		writer->batches[i].more = calloc(1, sizeof *writer->batches[i].more);
		archive_rows_init(&writer->batches[i].rows, WRITER_BATCH_BYTES);
	}
	return writer;
}

/* The process is gone: what was not committed is too. */
static inline void file_kill(struct writer *writer)
{
	for (int i = 0; i < WRITER_BATCHES; i++) {
		struct writer_more *more = writer->batches[i].more;
		timers_cancel(writer->stage->timers, &more->timer);
		more->taken = more->submitted = false;
		archive_rows_clear(&writer->batches[i].rows);
	}
	writer->out = 0;
	writer->kill_in = 0;
	writer->killed = false;
}

static inline void file_destroy(struct writer *writer)
{
	file_kill(writer);
	for (int i = 0; i < WRITER_BATCHES; i++) {
		archive_rows_deinit(&writer->batches[i].rows);
		free(writer->batches[i].more);
	}
	archive_rows_deinit(&writer->file);
	free(writer->marks);
	free(writer);
}

static inline struct file_mark *file_mark(struct writer *writer, struct str name)
{
	for (size_t i = 0; i < writer->n_marks; i++)
		if (str_eq(str_of(writer->marks[i].name), name))
			return &writer->marks[i];
	return NULL;
}

/* ---- writer.h ---- */

enum writer_state writer_state(const struct writer *writer) { return writer->state; }

struct str writer_marked(const struct writer *writer, struct str name)
{
	const struct file_mark *mark = file_mark((struct writer *)writer, name);
	return mark ? str_of(mark->value) : STR("");
}

struct writer_batch *writer_batch_take(struct writer *writer)
{
	for (int i = 0; i < WRITER_BATCHES; i++) {
		struct writer_batch *batch = &writer->batches[i];
		if (batch->more->taken)
			continue;
		*batch->more = (struct writer_more){ .writer = writer, .taken = true };
		archive_rows_clear(&batch->rows);
		batch->flags = 0;
		writer->out++;
		if (writer->out > writer->out_most)
			writer->out_most = writer->out;
		return batch;
	}
	return NULL;
}

void writer_batch_drop(struct writer *writer, struct writer_batch *batch)
{
	assert_true(batch->more->taken && !batch->more->submitted);
	batch->more->taken = false;
	writer->out--;
}

void writer_mark(struct writer_batch *batch, struct str name, struct str value)
{
	struct writer_more *more = batch->more;
	struct file_mark *mark = more->marks;
	while (mark < more->marks + more->n_marks && !str_eq(str_of(mark->name), name))
		mark++;
	if (mark == more->marks + more->n_marks)
		assert_true(more->n_marks++ < WRITER_MARKS_MAX);
	assert_int_equal(str_copy(name, mark->name, sizeof mark->name), STATUS_OK);
	assert_int_equal(str_copy(value, mark->value, sizeof mark->value), STATUS_OK);
}

static inline bool file_same_cell(const struct archive_row *a, const struct archive_row *b,
				  enum archive_column column)
{
	char storage[2][512];
	struct buf x = buf_over(storage[0], 512), y = buf_over(storage[1], 512);
	archive_cell_print(&x, a, column);
	archive_cell_print(&y, b, column);
	return str_eq(buf_str(&x), buf_str(&y));
}

static inline bool file_same_key(const struct archive_row *a, const struct archive_row *b)
{
	const struct archive_table_row *table = archive_table_row(a->table);
	if (a->table != b->table)
		return false;
	for (uint32_t i = 0; i < table->columns; i++)
		if (archive_is_key((enum archive_column)(table->first + i)) &&
		    !file_same_cell(a, b, (enum archive_column)(table->first + i)))
			return false;
	return true;
}

static inline bool file_knows(const struct writer *writer, const struct archive_row *row)
{
	for (const struct archive_row *r = NULL; (r = archive_rows_next(&writer->file, r));)
		if (file_same_key(r, row))
			return true;
	return false;
}

static inline void file_put_mark(struct writer *writer, const struct file_mark *mark)
{
	struct file_mark *old = file_mark(writer, str_of(mark->name));
	assert_true(old || writer->n_marks < FILE_MARKS_MAX);
	*(old ? old : &writer->marks[writer->n_marks++]) = *mark;
}

static inline void file_commit(struct writer *writer, struct writer_batch *batch)
{
	bool checked = batch->flags & WRITER_CHECKED;
	for (const struct archive_row *r = NULL; (r = archive_rows_next(&batch->rows, r));)
		if (!checked || !file_knows(writer, r))
			assert_int_equal(archive_rows_copy(&writer->file, r), STATUS_OK);
	for (size_t i = 0; i < batch->more->n_marks; i++)
		file_put_mark(writer, &batch->more->marks[i]);
	writer->commits++;
	writer->checked += checked;
	writer->empty += !batch->rows.count && !batch->more->n_marks;
	if (batch->more->n_marks > writer->marks_most)
		writer->marks_most = batch->more->n_marks;
	if (batch->rows.count > writer->rows_most)
		writer->rows_most = batch->rows.count;
}

static inline void file_on_timer(void *ctx)
{
	struct writer_batch *batch = ctx;
	struct writer *writer = batch->more->writer;
	bool killed = writer->killed || (writer->kill_in && --writer->kill_in == 0);
	if (writer->state == WRITER_TROUBLE) { /* tried again */
		timers_arm(writer->stage->timers, &batch->more->timer,
			   writer->stage->now_ns + writer->latency_ns);
		return;
	}
	if (!writer->killed && (!killed || writer->kill_after))
		file_commit(writer, batch);
	writer->killed = killed;
	if (killed)
		return;
	batch->more->taken = batch->more->submitted = false;
	writer->out--;
	batch->done(batch->ctx, batch, STATUS_OK);
}

void writer_submit(struct writer *writer, struct writer_batch *batch)
{
	assert_true(batch->more->taken && !batch->more->submitted);
	assert_true(batch->rows.count <= WRITER_ROWS_MAX);
	batch->more->submitted = true;
	batch->more->timer = (struct timer){ .fn = file_on_timer, .ctx = batch };
	timers_arm(writer->stage->timers, &batch->more->timer,
		   writer->stage->now_ns + writer->latency_ns);
}

/* ---- what is in the file ---- */

static inline size_t file_count(const struct writer *writer, enum archive_table table)
{
	size_t count = 0;
	for (const struct archive_row *r = NULL; (r = archive_rows_next(&writer->file, r));)
		count += r->table == table;
	return count;
}

/* The n-th row of the table; NULL. */
static inline const struct archive_row *file_row(const struct writer *writer,
						 enum archive_table table, size_t n)
{
	for (const struct archive_row *r = NULL; (r = archive_rows_next(&writer->file, r));)
		if (r->table == table && n-- == 0)
			return r;
	return NULL;
}

static inline bool file_cell_is(const struct archive_row *row, enum archive_column column,
				const char *text)
{
	char storage[512];
	struct buf cell = buf_over(storage, sizeof storage);
	archive_cell_print(&cell, row, column);
	bool is = str_eq(buf_str(&cell), str_of(text));
	if (!is)
		print_error("%s is '%.*s', not '%s'\n", archive_column_row(column)->name,
			    STR_ARG(buf_str(&cell)), text);
	return is;
}

/* ---- feeds ---- */

struct feeds_stage {
	struct stage stage;
	struct writer *writer;
	struct feeds *feeds;
	struct markets *markets;
	uint64_t gaps, gap_entries, remade;
	int drained;
	enum status status;
};

static inline void feeds_stage_gap(void *ctx, struct str stream, uint64_t entries)
{
	struct feeds_stage *t = ctx;
	assert_true(stream.len);
	t->gaps++;
	t->gap_entries += entries;
}

static inline void feeds_stage_remade(void *ctx, struct str stream)
{
	assert_true(stream.len);
	((struct feeds_stage *)ctx)->remade++;
}

static inline void feeds_stage_open(struct feeds_stage *t)
{
	const struct feeds_config config = {
		.writer = t->writer,
		.ris = &t->stage.port,
		.rms = &t->stage.port,
		.timers = t->stage.timers,
		.clock = &t->stage.clock,
		.markets = t->markets,
		.fleet = t->stage.fleet,
		.alerts = t->stage.alerts,
		.on_gap = feeds_stage_gap,
		.on_remade = feeds_stage_remade,
		.ctx = t,
	};
	t->feeds = feeds_create(&config);
	assert_non_null(t->feeds);
}

static inline void feeds_stage_init(struct feeds_stage *t, uint32_t terminals)
{
	static const struct market_config config = { .whale_quote = 500000,
						     .indicators = { 5, 60 } };
	*t = (struct feeds_stage){ 0 };
	stage_init(&t->stage, terminals, FAKE_EVERYSEC);
	t->writer = file_create(&t->stage);
	t->markets = markets_create(&config);
	assert_non_null(t->markets);
	feeds_stage_open(t);
}

/* kill -9, and a new process on the same file, the same Redis and the same cores. */
static inline void feeds_stage_restart(struct feeds_stage *t)
{
	fake_redis_abandon(t->stage.redis);
	feeds_destroy(t->feeds);
	file_kill(t->writer);
	stage_run(&t->stage, 300 * stage_ms_ns); /* connected again */
	feeds_stage_open(t);
}

static inline void feeds_stage_deinit(struct feeds_stage *t)
{
	fake_redis_abandon(t->stage.redis);
	feeds_destroy(t->feeds);
	file_destroy(t->writer);
	markets_destroy(t->markets);
	stage_deinit(&t->stage);
}

static inline void feeds_stage_drained(void *ctx, enum status status)
{
	struct feeds_stage *t = ctx;
	t->drained++;
	t->status = status;
}

static inline enum status feeds_stage_drain(struct feeds_stage *t)
{
	t->drained = 0;
	feeds_drain(t->feeds, feeds_stage_drained, t);
	for (int i = 0; !t->drained && i < 1000; i++)
		stage_run(&t->stage, 100 * stage_ms_ns);
	assert_int_equal(t->drained, 1);
	return t->status;
}
