/* terminal.h - one simulated terminal and its expert, as a state machine without I/O.
 *
 * It speaks MFP/1 as the expert of mt5/ does (fleet.md 3): hello with HMAC, resume, an
 * outbox that is sent again until it is durable, signals that are taken once (a file of
 * sids that survives a crash, the magic looked for after a restart), results and deals
 * out of the account's history, state each second, positions, figures, quotes, commands.
 * Behind it is an account at a simulated broker (broker.h), and what its settings say goes
 * wrong does.
 *
 *   terminal_create(…);
 *   loop: at terminal_next_ns, and after each of the calls below:
 *     terminal_step(t, now)
 *     send terminal_output(t), say so by terminal_sent
 *     do what terminal_wish says, pause reading where terminal_pauses says so
 *
 *   DOWN → (start) → IDLE → DIAL wished → DIALLING → BANNER → HELLO → UP → IDLE …
 *
 * Times are unix ns as the owner tells them; they never go back. The same configuration
 * and the same calls give the same bytes. Bounds: TERMINAL_OUTBOX reliable frames that
 * are not durable (no more signals are taken then, deals wait in the history),
 * TERMINAL_LIGHT_BYTES of ephemeral frames (dropped beyond, counted in dr),
 * TERMINAL_WORK signals at work (busy), TERMINAL_SIDS remembered, TERMINAL_INBOX_BYTES
 * unread (reading pauses, then the connection ends). One thread. */
#pragma once

#include "codec/mfp.h"
#include "sim/broker.h"

enum {
	TERMINAL_OUTBOX = 1024,
	TERMINAL_LIGHT_BYTES = 96 * 1024,
	TERMINAL_SEND_BYTES = 8 * 1024, /* a turn */
	TERMINAL_INBOX_BYTES = 64 * 1024,
	TERMINAL_READ_FRAMES = 16, /* a turn */
	TERMINAL_WORK = 64,
	TERMINAL_SIDS = 512,
	TERMINAL_LINE_MAX = 1024, /* of its own reliable frames */
};

/* Sums over all terminals that share it. */
struct terminal_counts {
	uint64_t dials, welcomes, resumes; /* resumes: welcomes after the first */
	uint64_t refusals;                 /* E frames that ended a connection */
	uint64_t frames_sent, frames_taken, frames_bad;
	uint64_t results_sent, results_again,
	    results_acked; /* R and D; again: sent after a resume */
	uint64_t signals, duplicates, expired, busy, stopped, invalid, unknown;
	uint64_t orders; /* requests of signals */
	uint64_t commands, snapshots, dropped;
	uint64_t crashes, reloads, freezes, restarts, cuts;
	uint64_t silences; /* weir said nothing for too long */
	uint64_t garbage, long_lines, replays;
};

/* A result or deal of its that weir says is durable. */
struct terminal_ack {
	int64_t now_ns, sent_ns; /* the frame's last sending */
	uint64_t sid, deal;      /* sid 0: a deal that no signal caused */
	const char *status;      /* st of the result; done for a deal */
	int64_t profit;          /* cents */
};

struct terminal_events {
	void (*on_fact)(void *ctx, const struct broker_fact *fact); /* may be NULL */
	void (*on_ack)(void *ctx, const struct terminal_ack *ack);  /* may be NULL */
	void *ctx;
};

struct terminal_config {
	struct str id, token; /* copied */
	uint64_t login;
	const char *server; /* outlives the terminal, as settings and prices do */
	const struct sim_settings *settings;
	struct prices *prices;
	uint64_t seed;
	int64_t start_ns;   /* it exists from here on */
	int64_t connect_ns; /* and connects then */
	struct terminal_counts *counts;
	struct terminal_events events;
};

struct terminal;

MUST_CHECK enum status terminal_create(const struct terminal_config *config,
				       struct terminal **terminal, struct err *err);
void terminal_destroy(struct terminal *terminal);

/* ---- running ---- */

int64_t terminal_next_ns(const struct terminal *terminal);
void terminal_step(struct terminal *terminal, int64_t now_ns);

enum terminal_wish { TERMINAL_NOTHING, TERMINAL_DIAL, TERMINAL_HANG_UP };
/* DIAL: begin a connection and call terminal_dialled. HANG_UP: end the connection after
 * the output was sent and call terminal_hung_up; terminal_closed is not called for it. */
enum terminal_wish terminal_wish(const struct terminal *terminal);
void terminal_dialled(struct terminal *terminal);
void terminal_hung_up(struct terminal *terminal);
/* The connection is there. */
void terminal_opened(struct terminal *terminal, int64_t now_ns);
/* One line without LF; CHECKs that there is a connection. */
void terminal_line(struct terminal *terminal, struct str line, int64_t now_ns);
/* The connection has ended, or could not be made. */
void terminal_closed(struct terminal *terminal, int64_t now_ns);
/* What may be sent now. Of a byte writer one byte; more comes with time. */
struct str terminal_output(const struct terminal *terminal);
void terminal_sent(struct terminal *terminal, size_t bytes, int64_t now_ns);
bool terminal_pauses(const struct terminal *terminal);

/* ---- what can be done to it ---- */

/* The process is gone without a word; it starts again after down_ns, 0: when
 * terminal_start says so. What was not sent is lost. */
void terminal_crash(struct terminal *terminal, int64_t now_ns, int64_t down_ns);
/* The expert is unloaded (Z with this reason) and loaded again after down_ns, 0: when
 * terminal_start says so. */
void terminal_reload(struct terminal *terminal, int64_t now_ns, int why, int64_t down_ns);
/* Starts one that is down; nothing for one that is not. */
void terminal_start(struct terminal *terminal, int64_t now_ns);
/* No own trading and no more trouble from here on: for an orderly end. */
void terminal_calm(struct terminal *terminal);

/* ---- looking at it ---- */

struct str terminal_id(const struct terminal *terminal);
bool terminal_is_up(const struct terminal *terminal);     /* welcomed */
bool terminal_is_down(const struct terminal *terminal);   /* its process does not run */
size_t terminal_unacked(const struct terminal *terminal); /* reliable frames */
/* Deals and results that no frame tells yet; 0 of one that is down. */
uint64_t terminal_untold(const struct terminal *terminal);
struct broker *terminal_broker(struct terminal *terminal);
