/* Closed positions wait in trade_state until their trade is archived and a checkpoint holds
 * it: then they move to their packed stream. The trades are looked up on the writer's
 * thread, some hundred at a time, after each checkpoint. */
#include <stdlib.h>
#include <string.h>

#include "archive/db.h"
#include "base/check.h"
#include "base/log.h"
#include "daemon/archiving_impl.h"

enum { ROWS_BYTES = 1 << 20 };

struct closed_job {
	struct writer_job job;
	struct archiving *archiving;
	char ids[ARCHIVING_ASKED_MAX][TRADE_NAME_MAX + 24];
	struct str asked[ARCHIVING_ASKED_MAX];
	uint32_t count;
	struct archive_rows rows;
};

void archiving_closed(struct archiving *archiving, struct str instance, uint64_t position)
{
	if (!archiving->closed)
		archiving->closed = calloc(ARCHIVING_CLOSED_MAX, sizeof archiving->closed[0]);
	if (!archiving->closed || archiving->closed_count == ARCHIVING_CLOSED_MAX)
		return; /* found again at the next start */
	struct closed_position *closed = &archiving->closed[archiving->closed_count];
	if (str_copy(instance, closed->instance, sizeof closed->instance) != STATUS_OK)
		return;
	closed->position = position;
	archiving->closed_count++;
}

/* ---- on the thread ---- */

static void work(struct archive_db *db, struct writer_job *job)
{
	struct closed_job *asked = (struct closed_job *)job;
	struct err err = { 0 };
	archive_rows_clear(&asked->rows);
	if (db_read_rows(db, TABLE_trades, "trade_id IN (SELECT unnest(?))",
			 DB_ARGS(DB_TEXTS(asked->asked, asked->count)), ARCHIVING_ASKED_MAX,
			 &asked->rows, &err))
		log_line(LOG_WARN, "archive", "closed trades are looked up later: %s", err.text);
}

/* ---- and back ---- */

static void copy_name(char *to, size_t size, struct str name)
{
	if (str_copy(name, to, size) != STATUS_OK)
		to[0] = 0;
}

static struct trade_sum sum_of(const struct archive_row *row)
{
	struct trade_sum sum = {
		.login = archive_cell_int(row, COLUMN_trades_login, 0),
		.position = archive_cell_int(row, COLUMN_trades_position_id, 0),
		.side = str_eq(archive_cell_text(row, COLUMN_trades_side), STR("sell")) ? TRADE_SELL
											: TRADE_BUY,
		.volume_in = archive_cell_int(row, COLUMN_trades_volume, 0),
		.commission = archive_cell_int(row, COLUMN_trades_commission, 0),
		.swap = archive_cell_int(row, COLUMN_trades_swap, 0),
		.fee = archive_cell_int(row, COLUMN_trades_fee, 0),
		.pnl = archive_cell_int(row, COLUMN_trades_pnl, 0),
		.has_sl = archive_cell_there(row, COLUMN_trades_sl),
		.has_tp = archive_cell_there(row, COLUMN_trades_tp),
		.sl = archive_cell_int(row, COLUMN_trades_sl, 0),
		.tp = archive_cell_int(row, COLUMN_trades_tp, 0),
		.opened_us = archive_cell_int(row, COLUMN_trades_opened_us, 0),
		.closed_us = archive_cell_int(row, COLUMN_trades_closed_us, 0),
		.deals = (uint32_t)archive_cell_int(row, COLUMN_trades_deals, 0),
	};
	sum.volume_out = sum.volume_in;
	sum.value_in = (i128)archive_cell_int(row, COLUMN_trades_price_open, 0) * sum.volume_in;
	sum.value_out = (i128)archive_cell_int(row, COLUMN_trades_price_close, 0) * sum.volume_out;
	copy_name(sum.instance, sizeof sum.instance,
		  archive_cell_text(row, COLUMN_trades_instance));
	copy_name(sum.server, sizeof sum.server, archive_cell_text(row, COLUMN_trades_server));
	copy_name(sum.symbol, sizeof sum.symbol, archive_cell_text(row, COLUMN_trades_symbol));
	return sum;
}

/* It does not wait any more. */
static void drop(struct archiving *archiving, struct str instance, uint64_t position)
{
	for (uint32_t i = 0; i < archiving->closed_count; i++) {
		struct closed_position *closed = &archiving->closed[i];
		if (closed->position != position || !str_eq(instance, str_of(closed->instance)))
			continue;
		*closed = archiving->closed[--archiving->closed_count];
		return;
	}
}

static void on_read(struct writer_job *job, enum status status)
{
	struct closed_job *asked = (struct closed_job *)job;
	struct archiving *archiving = asked->archiving;
	const struct archive_row *row = NULL;
	archiving->closed_busy = false;
	if (status || !archiving->started || !archiving->terminals)
		return;
	while ((row = archive_rows_next(&asked->rows, row))) {
		struct trade_sum sum = sum_of(row);
		struct str instance = str_of(sum.instance);
		drop(archiving, instance, (uint64_t)sum.position);
		terminals_trade_archived(archiving->terminals, &sum);
	}
}

/* Those asked for go to the end, so that all have their turn. */
static void choose(struct archiving *archiving, struct closed_job *asked)
{
	uint32_t count = archiving->closed_count;
	asked->count = count < ARCHIVING_ASKED_MAX ? count : ARCHIVING_ASKED_MAX;
	for (uint32_t i = 0; i < asked->count; i++) {
		const struct closed_position *closed = &archiving->closed[i];
		struct buf id = buf_over(asked->ids[i], sizeof asked->ids[i]);
		buf_printf(&id, "%s-%llu", closed->instance, (unsigned long long)closed->position);
		asked->asked[i] = buf_str(&id);
	}
	if (asked->count == count)
		return;
	for (uint32_t i = 0; i < asked->count && count - asked->count > i; i++) {
		struct closed_position *other = &archiving->closed[count - 1 - i];
		struct closed_position kept = archiving->closed[i];
		archiving->closed[i] = *other;
		*other = kept;
	}
}

static struct closed_job *make_job(struct archiving *archiving)
{
	struct closed_job *job = calloc(1, sizeof *job);
	if (!job)
		return NULL;
	job->job.work = work;
	job->job.done = on_read;
	job->archiving = archiving;
	archive_rows_init(&job->rows, ROWS_BYTES);
	return job;
}

void archiving_ask_closed(struct archiving *archiving)
{
	if (!archiving->closed_count || archiving->closed_busy)
		return;
	if (!archiving->closed_job)
		archiving->closed_job = make_job(archiving);
	if (!archiving->closed_job)
		return;
	choose(archiving, archiving->closed_job);
	archiving->closed_busy = true;
	writer_run(archiving->writer, &archiving->closed_job->job);
}

void archiving_free_closed(struct archiving *archiving)
{
	if (archiving->closed_job)
		archive_rows_deinit(&archiving->closed_job->rows);
	free(archiving->closed_job);
	free(archiving->closed);
}
