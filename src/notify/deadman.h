/* deadman.h - a dead man's switch outwards: a ping each interval, to somebody who raises the
 * alarm when none comes. The loop makes the pings, so they end when weir ends and when its loop
 * is stuck. Nothing is tried again before the next one is due; while one is under way none is
 * made. The first goes out at once. Uses one timer. Loop thread. */
#pragma once

#include "base/str.h"
#include "notify/channel.h"

struct deadman;

struct deadman *deadman_create(const struct channel_net *net); /* NULL: out of memory */
void deadman_destroy(struct deadman *deadman);                 /* NULL is fine */
/* Copied; url "": off. posts: POST with an empty body instead of GET. RANGE: too long. */
MUST_CHECK enum status deadman_set(struct deadman *deadman, struct str url, bool posts,
				   int64_t interval_ns);
const struct channel_facts *deadman_facts(const struct deadman *deadman);
