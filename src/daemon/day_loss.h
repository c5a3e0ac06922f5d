/* day_loss.h - the closed profit of the day, of before this run, for the limits (limits.h).
 *
 *   in the archive file      day_loss_of_file, with the recall of the archive
 *   in the spill file        day_loss_of_values, as the store of results finds it
 *   in trade_results, and not archived yet; or no row for its texts (a comment that is too
 *   long), so that it is tried again or is a dead letter: day_loss_read
 *
 * Each deal is told by its ticket, so one that is in two of them counts once, whatever is told
 * first. All of it is told before a signal is taken: a restart loosens no limit. */
#pragma once

#include "archive/db.h"
#include "archive/writer.h"
#include "daemon/terminals.h"
#include "store/segments.h"
#include "trade/limits.h"

/* A deal, or (deal 0) a sum of an account. */
struct day_deal {
	struct str server;   /* empty: that of the terminal `instance` */
	struct str instance; /* may be empty */
	int64_t login, at_us;
	uint64_t deal;
	int64_t profit; /* 10^-8 */
};

/* Deals of the file since today_us, at most `newest` of them one by one, with what is before
 * those as sums of accounts: a limit knows so many deals. Any order. On the writer's thread. */
MUST_CHECK enum status day_loss_of_file(struct archive_db *db, int64_t today_us, size_t newest,
					void (*each)(void *ctx, const struct day_deal *deal),
					void *ctx, struct err *err);
/* To the limits. Loop thread, all of these. */
void day_loss_tell(struct terminals *terminals, const struct day_deal *deal);
/* A result by its values, RESULT_FIELDS of them. */
void day_loss_of_values(struct terminals *terminals, const struct str *values);

struct day_loss_config {
	struct loop *loop;
	struct terminals *terminals; /* restored: they know whose account a result is of */
	struct segments *segments;   /* RTRS is up; it gets a connection of its own meanwhile */
	struct writer *writer;       /* open: from its mark on; NULL: the whole day */
};

struct day_loss;

/* done runs once, never from inside the call, and it is freed with it. A mark that is of no or
 * another stream: from its begin, without the deals that the file has (the first 4,194,304 of
 * them are known). NULL: no memory. */
struct day_loss *day_loss_read(const struct day_loss_config *config,
			       void (*done)(void *ctx, enum status status), void *ctx);
/* Ends it early, with CANCELLED, before the segments and the writer are closed. */
void day_loss_stop(struct day_loss *loss);
