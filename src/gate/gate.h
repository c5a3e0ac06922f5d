/* gate.h - where terminals and host agents connect: MFP/1 sessions (fleet.md 3).
 *
 * The gate owns sessions and their protocol: banner, hello with HMAC, lease, welcome and
 * resume, sequence numbers, acknowledgements, probes, limits, errors. What frames mean is
 * the fleet's (it is told directly); what must last is the owner's: reliable frames go out
 * through `on_reliable` and are acknowledged to the terminal (K) only when the owner says
 * gate_durable: at once when that is all the terminal has sent, else held back for the
 * rest at most ack_ns.
 *
 *   CONNECTED → (hello) → LIVE → CLOSING;  LIVE with role agent: a host agent's
 *
 * Rules and their counters (gate_counts): no hello within hello_ns; a bad mac (3 of an
 * address within 60 s: blocked for 60 s, new connections of it are told how long);
 * unknown id counts as one; same login and server twice: the newer is refused (lease)
 * unless the older is SUSPECT, which is then closed; the same id twice likewise; up number
 * beyond the next: E code=seq, closed; at or below: acknowledged again and dropped;
 * undecodable or too long: E code=frame, closed; unknown verb: E code=verb, ignored; more
 * than FRAMES_BURST frames at once, FRAMES_RATE a second afterwards: E code=rate, closed; a
 * peer that does not read: closed; silent for dead_ms: closed; the owner is full: E
 * code=busy retry=5000, closed (what is not acknowledged comes again). A replayed hello
 * fails: the nonce is used once. A terminal that is HELD is welcomed: it may talk, the
 * fleet sends it nothing to do.
 *
 * An epoch is an identity, not an order: a hello with another epoch than the newest begins
 * a new one at 1 (or at what `mark` has of it), be it older, because a PC whose clock was
 * set back must not be locked out. The same epoch goes on where it was.
 *
 * A host agent's id is a host that other lines of the tokens name; such an id is no
 * terminal. It sends M of terminals that run on its host and Y of its commands; its
 * numbers need only rise, and are acknowledged as they come. A terminal's M and an agent's
 * other frames are E code=verb.
 *
 * Works on ports (line_conn, timers, clock), so the simulated world drives it as sockets
 * do. Fixed room; no allocation after create but what line_conn itself needs: about 1.9 KB
 * for a terminal with its session. Uses GATE_TIMERS of the timers given. Loop thread; hooks
 * must not destroy the gate. gate_close, gate_send, gate_command, gate_agent_command,
 * gate_probe and gate_durable never call the fleet nor a hook but next_down, so they may be
 * used inside hooks of either; who is closed by them is told gone from a timer.
 *
 * Measured (bench_gate, parsing and the fleet included): a state 1.1 us, a result with its
 * part of K 0.55 us, coming in 7.7 us; 1,000 terminals with 1 S and 10 R a second take 0.7 %
 * of a core, sockets and Redis apart. */
#pragma once

#include "base/timers.h"
#include "fleet/fleet.h"
#include "gate/tokens.h"
#include "port/clock.h"
#include "port/line_conn.h"

enum {
	GATE_FRAMES_BURST = 8192,
	GATE_FRAMES_RATE = 1000,
	GATE_COMMANDS_MAX = 8, /* of a terminal, not answered yet; the oldest goes, counted */
	GATE_OUT_BYTES_MAX = 256 * 1024,
	GATE_REFUSALS = 64, /* connections above sessions_max that are told E code=busy */
	GATE_TIMERS = 3,    /* of the heap given */
	GATE_KEY_MAX = 15,  /* bytes of a command's key and value */
	GATE_VALUE_MAX = 31,
};

/* The choices of an error's code. */
enum gate_error {
	GATE_ERROR_VERB,
	GATE_ERROR_FRAME,
	GATE_ERROR_AUTH,
	GATE_ERROR_LEASE,
	GATE_ERROR_SEQ,
	GATE_ERROR_BUSY,
	GATE_ERROR_VERSION,
	GATE_ERROR_RATE
};

/* What the owner has of a terminal's reliable frames. */
struct gate_mark {
	uint64_t up;     /* of the epoch asked for; 0: nothing */
	uint64_t deal;   /* newest deal */
	int64_t deal_ms; /* its server time */
};

struct gate_hooks {
	/* R, D, Y, Z, in order, each once per epoch. Not OK: it cannot be taken now, the
	 * terminal is to come again. After OK the owner calls gate_durable with this seq or a
	 * later one, soon and in order. */
	enum status (*on_reliable)(void *ctx, const struct instance *instance, int64_t epoch_ms,
				   uint64_t seq, const struct mfp_frame *frame);
	void (*mark)(void *ctx, const struct instance *instance, int64_t epoch_ms,
		     struct gate_mark *mark);
	/* W was sent: signals after `down` that still matter are sent again. */
	void (*on_welcome)(void *ctx, const struct instance *instance, uint64_t down);
	void (*on_gone)(void *ctx, const struct instance *instance);  /* LIVE no more */
	void (*on_state)(void *ctx, const struct instance *instance); /* S was taken */
	void (*on_account)(void *ctx, const struct instance *instance);
	void (*on_quote)(void *ctx, const struct instance *instance, const struct mfp_frame *frame);
	/* Not in the tokens any more; before fleet_remove. */
	void (*on_removed)(void *ctx, const struct instance *instance);
	/* The next down number; 0: none can be had now (nothing is sent). */
	uint64_t (*next_down)(void *ctx);
	/* The clock has moved and the fleet is about to be told something: the owner steps
	 * what must know the time first (alerts_step, fleet_step), and arms what follows at
	 * the turn's end. NULL: the gate calls fleet_step. */
	void (*on_turn)(void *ctx);
	/* A connection was refused or cut: one line for the log, at most 10 a second. NULL. */
	void (*on_note)(void *ctx, const char *line);
	void *ctx;
};

struct gate_config {
	const char *server;  /* "weir/0.1.0", in the banner */
	int64_t state_ms;    /* si and hb: 1,000 */
	int64_t account_ms;  /* ai: 1,000 */
	int64_t dead_ms;     /* 15,000 */
	int64_t hello_ns;    /* 10 s */
	int64_t probe_ns;    /* 5 s: P after so long without sending */
	int64_t ack_ns;      /* 5 ms: K is held back for others at most so long */
	size_t sessions_max; /* connections; one more gets E code=busy: a listener must
				take GATE_REFUSALS more */
};

struct gate;

struct gate *gate_create(const struct gate_config *config, struct fleet *fleet,
			 struct timers *timers, const struct clock_port *clock,
			 const struct gate_hooks *hooks); /* NULL: out of memory */
void gate_destroy(struct gate *gate);                     /* NULL is fine; no hook is called */
/* Times of the protocol, for those who come from now on; sessions_max stays. */
void gate_configure(struct gate *gate, const struct gate_config *config);
/* The secrets, the caller's until the next call has returned; terminals that are not in it
 * any more are removed from the fleet and closed (E code=auth), new ones added; whose
 * secret has changed is closed and must prove the new one. FULL: no room, nothing is
 * changed. Not inside a hook. */
MUST_CHECK enum status gate_set_tokens(struct gate *gate, const struct tokens *tokens,
				       struct err *err);
/* For a listener: events of one connection each. */
struct line_events gate_line_events(struct gate *gate);
/* Sent before a connection ends for a line that is too long. */
struct str gate_too_long(void);

/* Everything of the epoch up to seq is safe. */
void gate_durable(struct gate *gate, uint32_t slot, int64_t epoch_ms, uint64_t seq);
/* A finished G line to a terminal. CLOSED: not LIVE; FULL: it does not read. */
MUST_CHECK enum status gate_send(struct gate *gate, uint32_t slot, struct str line);

/* A command. Kept and sent again on resume (with a new down number, so that numbers rise
 * on every connection; the cid stays) until it is answered, by Y or by a dn at or above
 * its number, a minute has passed, or a newer one of the same op (and key) takes its
 * place. */
struct gate_command {
	int op; /* enum gate_op */
	int64_t rate, for_ms, code, wait_ms;
	bool clean, flat;
	const char *key, *value; /* set; copied */
};
enum gate_op { /* the choices of a command's op */
	       GATE_THROTTLE,
	       GATE_RECONNECT,
	       GATE_RESTART,
	       GATE_STOP,
	       GATE_START,
	       GATE_SNAPSHOT,
	       GATE_SET,
	       GATE_POKE
};
/* To the terminal itself. UNAVAILABLE: no down number now; CLOSED: not connected; it is kept
 * in both cases. RANGE: key or value too long, NOT_FOUND: no such terminal; nothing kept. */
enum status gate_command(struct gate *gate, uint32_t slot, const struct gate_command *command);
/* To the agent of its host. NOT_FOUND: no agent is connected, nothing is kept. */
enum status gate_agent_command(struct gate *gate, uint32_t slot,
			       const struct gate_command *command);
void gate_probe(struct gate *gate, uint32_t slot);
void gate_close(struct gate *gate, uint32_t slot, int error_code); /* enum gate_error; -1 none */
/* Everybody is told E code=busy retry=…; no new connections. For a clean end: the fleet is
 * not told that they are gone, for it is weir that goes; on_gone is. */
void gate_stop(struct gate *gate);

struct gate_counts {
	uint64_t accepted, live, agents; /* now: live, agents */
	uint64_t frames, frames_sent, bytes, bytes_sent;
	uint64_t bad_mac, blocked, no_hello, lease, bad_frame, bad_verb, bad_seq, too_fast,
	    too_slow, too_long, full, repeated; /* repeated: reliable frames seen before */
	uint64_t resumed;                       /* hellos of an epoch known before */
	uint64_t commands, commands_lost;       /* lost: pushed out, or not answered in a minute */
	uint64_t bad_version, silent, busy;
	uint64_t quotes_dropped;  /* more than one a second of a symbol */
	uint64_t cached_accounts; /* A while con=0: ignored */
	uint64_t foreign;         /* M of a terminal of another host: ignored */
};
struct gate_counts gate_counts(const struct gate *gate);
