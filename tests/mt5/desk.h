/* desk.h - weir's side of the wire for the tests of the expert: a small listener that says
 * hello as fleet.md has it, hands every line through the codec, and keeps what came.
 *
 * Checked of each line, always: mfp_read takes it as a peer's, and reliable frames are
 * numbered without a gap. */
#pragma once

#include "codec/mfp.h"
#include "terminal.h"

enum { DESK_LINES = 65536, DESK_DEALS = 16384 };

struct desk {
	/* settings */
	bool mute;                      /* says nothing at all */
	bool no_ack;                    /* no K */
	bool snap;                      /* W asks for a snapshot */
	int64_t rate;                   /* of W */
	uint64_t seed;                  /* said when desk_check_deals fails */
	const char *refuse;             /* a line instead of W */
	void (*on_welcome)(int64_t dn); /* what weir sends again, by dn of the hello */
	int64_t durable_most;           /* of an epoch's frames, then no_ack; 0: no end */
	/* what weir has of this epoch */
	int64_t epoch, up;
	/* what it has of the account: the newest deal that is durable */
	uint64_t newest_deal;
	int64_t newest_ms;
	/* ... and which frames brought each */
	size_t deal_count;
	struct desk_deal {
		uint64_t deal;
		int results, deals;
	} deals[DESK_DEALS];
	/* state of the connection */
	int seen_connections;
	bool banner, welcomed;
	int64_t last_said_ms;
	int64_t next_down;
	/* what came */
	size_t count;
	char *lines[DESK_LINES];
	int welcomes;
};

extern struct desk desk;

void desk_reset(void);
/* Runs terminal and desk for so long. */
void desk_run(int64_t ms);
void desk_step(void);
/* Until a line that begins with `verb` and has all of `parts` (separated by blanks) as whole
 * fields was heard, at most so long; fails the test otherwise. Returns the line. */
const char *desk_wait(const char *verb, const char *parts, int64_t most_ms);
/* Lines heard with that verb and those fields. */
int desk_heard(const char *verb, const char *parts);
const char *desk_last(const char *verb, const char *parts);
void desk_forget(void);
/* Every deal of the account is durable, by R or by D and not by both, none by two D. (The R of
 * an epoch that died comes again.) */
void desk_check_deals(void);
/* The value of a field; "" when it is not there. Valid until the next call. */
const char *desk_field(const char *line, const char *key);
/* Says `G <next> sid=… …` or `C …`; returns the number. */
int64_t desk_signal(int64_t sid, const char *fields);
int64_t desk_command(int64_t cid, const char *fields);
void desk_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
