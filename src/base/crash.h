/* crash.h - named places at which a test may have weir killed.
 *
 * In weir crash_point does nothing. `weir_crash`, a program of the tests, is the same code
 * linked with another crash_point, which raises SIGKILL at the place that the environment
 * names: CRASH_AT=commit, or CRASH_AT=commit:3 for the third time it is reached. Any thread.
 *
 * CRASH(name, meaning): the list; the names are the environment's. */
#pragma once

#define CRASH_POINTS                                                                               \
	CRASH(read, "entries of trade_results were read, no transaction begun")                    \
	CRASH(append, "in the middle of a transaction of the archive file")                        \
	CRASH(commit, "committed to the archive file, not acknowledged to Redis")                  \
	CRASH(ack, "acknowledged to Redis, stream not trimmed")                                    \
	CRASH(trim, "stream trimmed")                                                              \
	CRASH(checkpoint, "archive file checkpointed, nothing trimmed yet")                        \
	CRASH(retry, "a failed entry is in the retry table, not acknowledged")                     \
	CRASH(dead, "a dead letter is committed")                                                  \
	CRASH(batch, "a batch for the sinks is closed, nothing sent")                              \
	CRASH(http_half, "half of a batch's body is sent to a sink")                               \
	CRASH(ch_ok, "a sink has confirmed a batch, which is not recorded")                        \
	CRASH(shipped, "a batch is recorded as confirmed")                                         \
	CRASH(expire, "rows past their keep_days are gone from the archive file")                  \
	CRASH(spill, "a write is in the spill file, not acknowledged")                             \
	CRASH(replay, "the spill file is written to its segment, not removed")                     \
	CRASH(closed, "a closed trade is in its packed stream")                                    \
	CRASH(signal_add, "a signal is durable, its producer not answered")                        \
	CRASH(signal_sent, "a signal was given to its terminal's connection")                      \
	CRASH(result_put, "a final result is durable, its signal not removed")                     \
	CRASH(signal_done, "a signal is removed from its stream")                                  \
	CRASH(migrate_intent, "a batch of keys is backed up, nothing of it written")               \
	CRASH(migrate_written, "new forms are written, nothing is journaled")                      \
	CRASH(migrate_done, "a batch is journaled, not synced")                                    \
	CRASH(migrate_piece, "some pieces of a large key are written")                             \
	CRASH(migrate_removing, "old keys are about to be removed")                                \
	CRASH(migrate_removed, "old keys are removed, nothing is journaled")                       \
	CRASH(move_sent, "rows of moved keys are in a sink, not read back")                        \
	CRASH(move_read, "moved rows are read back, nothing is journaled")                         \
	CRASH(migrate_restored, "old keys are restored, nothing is journaled")

enum crash {
#define CRASH(name, meaning) CRASH_##name,
	CRASH_POINTS
#undef CRASH
	    CRASH_COUNT
};

void crash_point(enum crash point);
