/* sinks_again.h - `archive dead retry` of a row that a sink refused (sinks_again.c). Only on
 * the writer's thread. */
#pragma once

#include "archive/db.h"

/* Inside a transaction: the row of that letter is sent to that sink again, and to no other.
 * *done: false where it could not be: it has left the file, or a sink lacks its batch still. */
MUST_CHECK enum status sinks_again(struct archive_db *db, struct str sink, struct str payload,
				   bool *done, struct err *err);
