/* Ends of deliveries become rows: signals, the steps on the way, what was unknown for a
 * time. An entry leaves its stream only when they are committed. */
#include <stdlib.h>

#include "base/check.h"
#include "daemon/archiving_impl.h"
#include "trade/signal.h"

static struct delivery_rows *spare(struct archiving *archiving)
{
	if (archiving->spare_count)
		return archiving->spare[--archiving->spare_count];
	struct delivery_rows *rows = calloc(1, sizeof *rows);
	if (rows)
		rows->archiving = archiving;
	return rows;
}

static void on_committed(void *ctx, struct writer_batch *batch, enum status status)
{
	struct delivery_rows *rows = ctx;
	struct archiving *archiving = rows->archiving;
	(void)batch;
	for (uint32_t i = 0; i < rows->count && status == STATUS_OK && archiving->terminals; i++)
		terminals_delivery_archived(archiving->terminals, rows->tags[i].tag,
					    rows->tags[i].sid, str_of(rows->tags[i].instance));
	rows->count = 0;
	rows->batch = NULL;
	if (archiving->spare_count < ARRAY_LEN(archiving->spare))
		archiving->spare[archiving->spare_count++] = rows;
	else
		free(rows);
}

/* The batch that is being filled; NULL: the writer has none free. */
static struct delivery_rows *filling(struct archiving *archiving)
{
	struct delivery_rows *rows = archiving->filling;
	if (rows && rows->batch)
		return rows;
	if (!rows)
		rows = archiving->filling = spare(archiving);
	if (rows)
		rows->batch = writer_batch_take(archiving->writer);
	if (!rows || !rows->batch)
		return NULL;
	rows->batch->done = on_committed;
	rows->batch->ctx = rows;
	loop_timer_after(archiving->config.loop, &archiving->batch_timer, ARCHIVING_BATCH_NS);
	return rows;
}

void archiving_flush_deliveries(struct archiving *archiving)
{
	struct delivery_rows *rows = archiving->filling;
	timers_cancel(loop_timers(archiving->config.loop), &archiving->batch_timer);
	if (!rows || !rows->batch)
		return;
	archiving->filling = NULL;
	writer_submit(archiving->writer, rows->batch);
}

void archiving_free_deliveries(struct archiving *archiving)
{
	free(archiving->filling);
	while (archiving->spare_count)
		free(archiving->spare[--archiving->spare_count]);
}

/* ---- rows ---- */

static void put_time(struct archive_rows *rows, enum archive_column column, int64_t ms)
{
	if (ms)
		archive_row_int(rows, column, ms * 1000);
}

/* Texts of the signal in the columns that take them. What was refused for being no number is
 * NULL here, and its text is in the payload nowhere: the producer has it. */
static void put_texts(struct archive_rows *rows, const struct signal *signal)
{
	static const struct {
		enum signal_field field;
		enum archive_column column;
	} words[] = {
		{ SIGNAL_id, COLUMN_signals_signal_id }, { SIGNAL_to, COLUMN_signals_target },
		{ SIGNAL_act, COLUMN_signals_act },      { SIGNAL_sym, COLUMN_signals_symbol },
		{ SIGNAL_sd, COLUMN_signals_side },      { SIGNAL_ty, COLUMN_signals_type },
		{ SIGNAL_cm, COLUMN_signals_comment },
	}, numbers[] = {
		{ SIGNAL_vol, COLUMN_signals_volume },    { SIGNAL_px, COLUMN_signals_price },
		{ SIGNAL_slim, COLUMN_signals_stop_limit }, { SIGNAL_sl, COLUMN_signals_sl },
		{ SIGNAL_tp, COLUMN_signals_tp },         { SIGNAL_dev, COLUMN_signals_deviation },
		{ SIGNAL_pos, COLUMN_signals_position_id }, { SIGNAL_by, COLUMN_signals_by_position },
		{ SIGNAL_ord, COLUMN_signals_order_ticket },
	};
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		archive_row_word(rows, words[i].column, signal_text(signal, words[i].field));
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		enum status status = archive_row_number(rows, numbers[i].column,
							signal_text(signal, numbers[i].field));
		(void)status; /* NULL where it is none */
	}
}

static enum status put_signal(struct archive_rows *rows, const struct delivery_end *end)
{
	archive_rows_begin(rows, TABLE_signals);
	archive_row_int(rows, COLUMN_signals_sid, (int64_t)end->sid);
	archive_row_text(rows, COLUMN_signals_instance, end->instance);
	put_texts(rows, end->signal);
	archive_row_word(rows, COLUMN_signals_broker_symbol, end->symbol);
	put_time(rows, COLUMN_signals_expires_us, end->expires_ms);
	archive_row_int(rows, COLUMN_signals_received_us, end->received_ms * 1000);
	put_time(rows, COLUMN_signals_sent_us, end->sent_ms);
	put_time(rows, COLUMN_signals_confirmed_us, end->confirmed_ms);
	archive_row_int(rows, COLUMN_signals_ended_us, end->ended_ms * 1000);
	archive_row_text(rows, COLUMN_signals_status, end->st);
	archive_row_word(rows, COLUMN_signals_reason, end->why);
	archive_row_int(rows, COLUMN_signals_attempt, end->sent);
	return archive_rows_end(rows);
}

static enum status put_step(struct archive_rows *rows, const struct delivery_end *end,
			    const struct delivery_step *step)
{
	archive_rows_begin(rows, TABLE_trade_execution_log);
	archive_row_int(rows, COLUMN_trade_execution_log_sid, (int64_t)end->sid);
	archive_row_text(rows, COLUMN_trade_execution_log_instance, end->instance);
	archive_row_text(rows, COLUMN_trade_execution_log_step,
			 str_of(delivery_step_text(step->kind)));
	archive_row_int(rows, COLUMN_trade_execution_log_at_us, step->at_ms * 1000);
	archive_row_int(rows, COLUMN_trade_execution_log_attempt, step->sent);
	if (step->kind == DELIVERY_STEP_ENDED)
		archive_row_word(rows, COLUMN_trade_execution_log_detail,
				 end->why.len ? end->why : end->st);
	return archive_rows_end(rows);
}

static enum status put_unknown(struct archive_rows *rows, const struct delivery_end *end)
{
	archive_rows_begin(rows, TABLE_reconciliation);
	archive_row_int(rows, COLUMN_reconciliation_sid, (int64_t)end->sid);
	archive_row_text(rows, COLUMN_reconciliation_instance, end->instance);
	archive_row_int(rows, COLUMN_reconciliation_began_us, end->unknown_ms * 1000);
	archive_row_word(rows, COLUMN_reconciliation_cause, end->unknown_why);
	archive_row_int(rows, COLUMN_reconciliation_ended_us, end->ended_ms * 1000);
	archive_row_text(rows, COLUMN_reconciliation_status, end->st);
	if (end->deal)
		archive_row_int(rows, COLUMN_reconciliation_deal_ticket, (int64_t)end->deal);
	archive_row_int(rows, COLUMN_reconciliation_asked, end->asked);
	return archive_rows_end(rows);
}

/* Its row first: without room for that there is none for the rest, and it is told again. */
static bool put_all(struct archive_rows *rows, const struct delivery_end *end)
{
	enum status status = put_signal(rows, end);
	if (status)
		return false;
	for (size_t i = 0; i < end->step_count && !status; i++)
		status = put_step(rows, end, &end->steps[i]);
	if (!status && end->unknown_ms)
		status = put_unknown(rows, end);
	return true;
}

static void keep_tag(struct delivery_rows *rows, const struct delivery_end *end)
{
	struct delivery_tag *tag = &rows->tags[rows->count++];
	tag->tag = end->tag;
	tag->sid = end->sid;
	if (str_copy(end->instance, tag->instance, sizeof tag->instance) != STATUS_OK)
		tag->instance[0] = 0;
}

enum delivery_told archiving_delivery(struct archiving *archiving, const struct delivery_end *end)
{
	bool of_before = str_eq(end->st, STR("?"));
	bool ready = archiving->started && (archiving->caught_up || !of_before);
	struct delivery_rows *rows = ready ? filling(archiving) : NULL;
	if (!rows)
		return DELIVERY_TOLD_LATER;
	if (!put_all(&rows->batch->rows, end)) {
		archiving_flush_deliveries(archiving);
		return DELIVERY_TOLD_LATER;
	}
	if (of_before || end->received_ms < archiving->started_ms)
		rows->batch->flags |= WRITER_CHECKED;
	keep_tag(rows, end);
	if (rows->count == ARCHIVING_TAGS_MAX || rows->batch->rows.count >= WRITER_ROWS_MAX / 2)
		archiving_flush_deliveries(archiving);
	return DELIVERY_TOLD_KEPT;
}
