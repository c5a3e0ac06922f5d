/* link.h - the agent's side of MFP/1: one connection to weir after the other (fleet.md 3).
 *
 *   DOWN → (opened) WAITS_BANNER → (B, H) WAITS_WELCOME → (W) LIVE → (closed) DOWN
 *
 * Answers to commands (Y) are numbered 1, 2, 3… in the epoch, which is the agent's start, and
 * kept until weir has acknowledged them (K, or up= of W); after W the others are sent again,
 * with their numbers. Of more than LINK_ANSWERS_MAX the oldest is let go, counted: weir knows
 * by dn= in the hello that the command was handled. A C that comes twice in a row is answered
 * again and not handed out again.
 * The next connection begins after rand(0, min(30 s, 0.5 s x 2^n)), n being the tries since a
 * connection was LIVE for LINK_STEADY_NS; not before what `retry` of an E says. What cannot
 * be read is answered E code=frame and ends the connection; a verb that is not for agents
 * E code=verb. Silence for `dead` of the banner (15 s before it) ends it.
 *
 * Pure: time is told, lines go to the caller's buf. One thread. */
#pragma once

#include "base/log.h"
#include "base/rng.h"
#include "codec/mfp.h"

enum { LINK_ANSWERS_MAX = 64, LINK_TEXT_MAX = 160 };
#define LINK_STEADY_NS    INT64_C(15000000000)
#define LINK_RETRY_NS_MAX INT64_C(600000000000)

enum link_state { LINK_DOWN, LINK_WAITS_BANNER, LINK_WAITS_WELCOME, LINK_LIVE };

enum link_event {
	LINK_NOTHING,
	LINK_WELCOME, /* LIVE: reports may be sent */
	LINK_COMMAND, /* link->frame is a C: link_answer must follow */
	LINK_END,     /* the connection is to be closed; link->why */
};

struct link_answer {
	uint64_t seq;
	int64_t down, cid;
	bool ok;
};

struct link_counts {
	uint64_t connections, welcomes, commands, repeated, answers_lost;
	uint64_t errors;     /* E that weir sent */
	uint64_t bad_frames; /* that could not be read, or not there and then */
	uint64_t bad_verbs, silences;
};

struct link {
	const char *host; /* the caller's, as secret is */
	struct str secret;
	int64_t epoch_ms;
	struct rng rng;
	enum link_state state;
	struct mfp_frame frame;  /* the newest that came; valid until its line is gone */
	char why[LINK_TEXT_MAX]; /* the newest trouble for people; the owner may empty it */
	int64_t heard_ns, live_ns, dead_ns;
	int64_t retry_ns; /* of an E; 0 none */
	uint32_t tries;
	uint64_t up;       /* newest number given */
	int64_t down, cid; /* of the newest C; 0 none */
	bool down_ok;      /* how it was answered */
	struct link_answer answers[LINK_ANSWERS_MAX];
	uint32_t answer_count;
	struct link_counts counts;
};

/* host: a NAME. secret: its token's text. epoch_ms: wall clock at the agent's start, > 0. */
void link_init(struct link *link, const char *host, struct str secret, int64_t epoch_ms,
	       uint64_t seed);
/* Bytes can flow. */
void link_opened(struct link *link, int64_t now_ns);
/* A line that came, while not DOWN. Answers go to out. */
MUST_CHECK enum link_event link_take(struct link *link, struct str line, int64_t now_ns,
				     struct buf *out);
/* To the command just handed out. */
void link_answer(struct link *link, bool ok, struct buf *out);
/* True: nothing has come for too long, and the connection is to be closed; link->why. */
bool link_is_silent(struct link *link, int64_t now_ns);
/* The connection is over, or none came about. Returns when the next is to begin. */
int64_t link_closed(struct link *link, int64_t now_ns);
