/* updates.h - an answer to getUpdates, taken apart (Bot API, "Update", "Message",
 * "CallbackQuery").
 *
 * A message is told when a person or a bot wrote it in a private chat or a group and it has a
 * text, or a caption; a button press when its message is known and it has data. Everything else
 * (channels, members, photos alone, kinds yet to come) is OTHER. What lacks an id, a chat or a
 * sender, or has them of another type, is MALFORMED. Without an update_id not even that: it is
 * counted in `nameless` and comes again. Pure but for memory. Any thread. */
#pragma once

#include "bot/wire.h"

enum { UPDATES_MAX = 100, UPDATES_NAME_BYTES = 96 };

enum updates_kind { UPDATES_TOLD, UPDATES_OTHER, UPDATES_MALFORMED };

struct updates_row {
	int64_t id;
	enum updates_kind kind;
	struct bot_update update; /* of TOLD */
	char name[UPDATES_NAME_BYTES];
};

struct updates {
	struct updates_row rows[UPDATES_MAX]; /* by ascending id */
	size_t count;
	size_t nameless;
	void *json; /* holds the texts */
};

/* INVALID: it is no such answer; FORMAT: it is no JSON, or has more than UPDATES_MAX. On these
 * there is nothing to deinit. Names have no control characters and are cut at whole ones. */
MUST_CHECK enum status updates_init(struct updates *updates, struct str body);
void updates_deinit(struct updates *updates);
/* For a body that is not to be read: the highest number behind "update_id"; 0: none. */
int64_t updates_find_id(struct str body);
