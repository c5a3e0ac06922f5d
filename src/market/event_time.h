/* event_time.h - which event times are believed where no clock is at hand; internal to
 * the market folder.
 *
 * "Newest" of a figure is the newest time told, so one absurd time far ahead would make
 * all that follows old. A time more than a day ahead of the newest is believed only when
 * the one told just before it was as far ahead, and another one: the same frame told by
 * two connections bears out nothing. The first of the two is lost. A live feed refuses
 * what is ahead of its clock before it comes here (feed/ingest). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define EVENT_MS_MIN  INT64_C(60000)           /* from minute 1 (0 is "none") */
#define EVENT_MS_MAX  INT64_C(253402300799999) /* up to the year 9999 */
#define EVENT_JUMP_MS INT64_C(86400000)

static inline bool event_time_sane(int64_t t_ms)
{
	return t_ms >= EVENT_MS_MIN && t_ms <= EVENT_MS_MAX;
}

/* newest_ms 0: nothing is known yet. *ahead_ms belongs to the caller, begins at 0, and
 * holds the time that waits to be borne out. */
static inline bool event_time_believed(int64_t newest_ms, int64_t t_ms, int64_t *ahead_ms)
{
	int64_t ahead = *ahead_ms;
	if (!event_time_sane(t_ms))
		return false;
	*ahead_ms = 0;
	if (!newest_ms || t_ms - newest_ms <= EVENT_JUMP_MS)
		return true;
	if (ahead && t_ms != ahead && t_ms - ahead <= EVENT_JUMP_MS &&
	    ahead - t_ms <= EVENT_JUMP_MS)
		return true;
	*ahead_ms = t_ms;
	return false;
}
