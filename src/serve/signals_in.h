/* signals_in.h - the body of POST /api/v1/signals: JSON made into fields of trade_signals.
 *
 * An object, or an array of 1 to SERVE_SIGNALS_MAX objects. Of an object's members those of
 * def/signals.def are kept: strings as they are, numbers as the text they were written with,
 * true and false as 1 and 0; null is as if it were not there. One that is an array, an object,
 * or stands twice is the signal's fault (why = its name). Others are ignored. One thread. */
#pragma once

#include "serve/json_in.h"

enum { SIGNALS_IN_FIELDS_MAX = 32 }; /* there are fewer in the table */

struct signal_in {
	struct str keys[SIGNALS_IN_FIELDS_MAX], values[SIGNALS_IN_FIELDS_MAX];
	size_t count;
	struct str id;   /* "" none */
	const char *why; /* the member at fault, or NULL */
};

struct signals_in;

/* NULL and one line in why (a buf): the whole body is refused. */
struct signals_in *signals_in_read(struct str body, struct buf *why);
void signals_in_destroy(struct signals_in *signals); /* NULL is fine */
size_t signals_in_count(const struct signals_in *signals);
/* Valid until destroy. */
struct signal_in signals_in_at(const struct signals_in *signals, size_t index);
