/* dead_letters.h - what could not be archived: listed, shown, tried anew, dropped, by a
 * person. Loop thread; the work is done on the writer's. */
#pragma once

#include "daemon/archiving.h"
#include "daemon/control_impl.h"

/* verb: list, show, retry, drop; id: a letter's, or `all` (retry). Answers `later`. */
void dead_letters_run(struct archiving *archiving, struct str verb, struct str id,
		      struct control_later *later);
