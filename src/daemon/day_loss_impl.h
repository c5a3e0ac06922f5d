/* day_loss_impl.h - shared by day_loss*.c, and looked at by their tests. */
#pragma once

#include "daemon/day_loss.h"
#include "port/redis.h"

/* ---- a result (day_loss_values.c) ---- */

/* By its values, or its fields (a name, a value, …); received_ms stands for a missing `t`. As the
 * live path does it each amount counts that is one, and texts do not matter. false: no deal. It
 * points into the values. */
bool day_loss_deal(const struct str *values, int64_t received_ms, struct day_deal *deal,
		   int64_t *server_ms);
void day_loss_gather(const struct redis_reply *fields, size_t count, struct str *values);

/* ---- what the file has (day_loss_file.c); on the writer's thread ---- */

/* Deals that the file has, by hash; those told first are kept when there are too many. */
struct day_known {
	uint64_t *keys;
	size_t count, room, most;
	bool no_room; /* no memory */
};

enum { DAY_KNOWN_MAX = 1 << 22 };

/* known: zeroed, but for most. Those with money, as only they were told. */
MUST_CHECK enum status day_known_load(struct archive_db *db, int64_t today_us,
				      struct day_known *known, struct err *err);
void day_known_free(struct day_known *known);
/* server, login: as they are known of the account. */
bool day_known_has(const struct day_known *known, const struct day_deal *deal, struct str server,
		   int64_t login);

/* Results that are no rows, to be tried again or dead letters of the day: the payload
 * (results_row.h), and the id of the entry. */
MUST_CHECK enum status day_loss_letters(struct archive_db *db, int64_t today_us,
					void (*each)(void *ctx, struct str payload,
						     struct str entry_id),
					void *ctx, struct err *err);
