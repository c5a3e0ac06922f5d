/* What the archive knows and the trade cores forget with each restart: the producers' keys of
 * the newest signals, and the deals of the day. Read while the segments start. */
#include <stdlib.h>

#include "archive/db.h"
#include "base/check.h"
#include "base/log.h"
#include "daemon/archiving_impl.h"
#include "daemon/day_loss.h"
#include "trade/signal_ids.h"

enum { ID_MAX = 64 };

struct recalled_id {
	uint64_t sid;
	uint8_t len;
	char id[ID_MAX];
};

struct recalled_deal {
	char server[LIMITS_NAME_MAX + 1], instance[TRADE_NAME_MAX + 1];
	int64_t login, at_us, profit;
	uint64_t deal;
};

struct recall_job {
	struct writer_job job;
	struct archiving *archiving;
	struct recalled_id *ids;
	struct recalled_deal *deals;
	size_t id_count, deal_count, deal_room;
	bool no_room;
	struct err err;
	enum status status;
};

/* ---- on the thread ---- */

static bool take_id(void *ctx, const struct db_row *row)
{
	struct recall_job *recall = ctx;
	struct str id = db_row_text(row, 0);
	if (id.len > ID_MAX || recall->id_count == SIGNAL_IDS_MAX)
		return true;
	struct recalled_id *kept = &recall->ids[recall->id_count++];
	kept->sid = (uint64_t)db_row_int(row, 1, 0);
	kept->len = (uint8_t)id.len;
	memcpy(kept->id, id.ptr, id.len);
	return true;
}

static bool make_room(struct recall_job *recall)
{
	if (recall->deal_count < recall->deal_room)
		return true;
	size_t room = recall->deal_room ? 2 * recall->deal_room : 256;
	struct recalled_deal *deals = realloc(recall->deals, room * sizeof *deals);
	if (!deals)
		return false;
	recall->deals = deals;
	recall->deal_room = room;
	return true;
}

static void take_deal(void *ctx, const struct day_deal *deal)
{
	struct recall_job *recall = ctx;
	if (!make_room(recall)) {
		recall->no_room = true;
		return;
	}
	struct recalled_deal *kept = &recall->deals[recall->deal_count];
	if (str_copy(deal->server, kept->server, sizeof kept->server) ||
	    str_copy(deal->instance, kept->instance, sizeof kept->instance))
		return; /* longer than any that a limit knows */
	kept->login = deal->login;
	kept->deal = deal->deal;
	kept->at_us = deal->at_us;
	kept->profit = deal->profit;
	recall->deal_count++;
}

static void work(struct archive_db *db, struct writer_job *job)
{
	struct recall_job *recall = (struct recall_job *)job;
	const int64_t day_us = INT64_C(86400000000);
	int64_t today_us = db_now_us(db) / day_us * day_us;
	recall->status =
	    db_each(db,
		    "SELECT signal_id, sid FROM (SELECT signal_id, sid, received_us FROM signals "
		    "WHERE signal_id IS NOT NULL ORDER BY received_us DESC LIMIT 262144) ORDER BY "
		    "received_us",
		    DB_NONE, take_id, recall, &recall->err);
	if (recall->status)
		return;
	recall->status =
	    day_loss_of_file(db, today_us, LIMITS_DEALS_MAX, take_deal, recall, &recall->err);
	if (!recall->status && recall->no_room)
		recall->status =
		    err_set(&recall->err, STATUS_NO_MEMORY, "no memory for the deals of the day");
}

/* ---- and back ---- */

static void on_read(struct writer_job *job, enum status status)
{
	struct recall_job *recall = (struct recall_job *)job;
	struct archiving *archiving = recall->archiving;
	if (!status)
		status = recall->status;
	archiving->opened = status == STATUS_OK;
	archiving->config.on_open(archiving->config.ctx, status, &recall->err);
}

void archiving_recall(struct archiving *archiving)
{
	struct recall_job *recall = calloc(1, sizeof *recall);
	struct err err;
	if (recall)
		recall->ids = calloc(SIGNAL_IDS_MAX, sizeof recall->ids[0]);
	archiving->recall = recall;
	if (!recall || !recall->ids) {
		err_set(&err, STATUS_NO_MEMORY, "no memory for the archive's memory of signals");
		archiving->config.on_open(archiving->config.ctx, STATUS_NO_MEMORY, &err);
		return;
	}
	recall->job.work = work;
	recall->job.done = on_read;
	recall->archiving = archiving;
	writer_run(archiving->writer, &recall->job);
}

void archiving_tell_recalled(struct archiving *archiving)
{
	const struct recall_job *recall = archiving->recall;
	if (!recall || !archiving->terminals)
		return;
	for (size_t i = 0; i < recall->id_count; i++)
		terminals_remember(archiving->terminals,
				   str_make(recall->ids[i].id, recall->ids[i].len),
				   recall->ids[i].sid);
	for (size_t i = 0; i < recall->deal_count; i++) {
		const struct recalled_deal *kept = &recall->deals[i];
		const struct day_deal deal = { .server = str_of(kept->server),
					       .instance = str_of(kept->instance),
					       .login = kept->login,
					       .at_us = kept->at_us,
					       .deal = kept->deal,
					       .profit = kept->profit };
		day_loss_tell(archiving->terminals, &deal);
	}
}

void archiving_free_recall(struct archiving *archiving)
{
	if (!archiving->recall)
		return;
	free(archiving->recall->ids);
	free(archiving->recall->deals);
	free(archiving->recall);
	archiving->recall = NULL;
}
