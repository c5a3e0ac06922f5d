/* gate_impl.h - what the gate's files share. gate*.c only.
 *
 * Three tables, all made at create. Sessions: one a connection. Terminals: one a slot of
 * the fleet, with what outlives a connection: numbers of the epoch, commands. Addresses:
 * who guessed macs.
 *
 * A session ends in two steps. gate_session_end takes it out of every index and says good
 * bye; it may happen inside a hook of the fleet, which must not be told anything then. So
 * the fleet and the owner hear of it in gate_session_settle: from a timer due at once, or
 * earlier when the connection closes or the same terminal says hello. */
#pragma once

#include "gate/gate.h"

enum gate_state { GATE_FREE, GATE_CONNECTED, GATE_LIVE, GATE_CLOSING };

enum {
	GATE_NONCE = 32,         /* digits */
	GATE_QUOTES = 64,        /* symbols a second of a terminal */
	GATE_ARRIVALS = 4,       /* moments at which frames came that are not durable */
	GATE_ADDRESS_SETS = 256, /* of GATE_ADDRESS_WAYS each */
	GATE_ADDRESS_WAYS = 4,
	GATE_ADDRESS_MAX = 46,
	GATE_NOTES = 10, /* a second */
	GATE_RETRY_AUTH_MS = 30000,
	GATE_RETRY_LEASE_MS = 15000,
	GATE_RETRY_BUSY_MS = 5000,
};

#define GATE_SECOND INT64_C(1000000000)

/* In a ring; alone it points at itself. */
struct gate_link {
	struct gate_link *prev, *next;
};

struct gate_quotes {
	uint32_t symbols[GATE_QUOTES]; /* hash, 0: empty */
	uint32_t next_ms[GATE_QUOTES]; /* of gate_quote_ms: not before */
};

struct gate_session {
	struct gate *gate;
	struct line_conn *conn; /* NULL: gone */
	enum gate_state state;
	bool agent, owes_gone; /* owes_gone: the end of a LIVE one is still to be told */
	bool ack_due;
	uint32_t slot; /* of a terminal */
	uint32_t host; /* of an agent */
	uint64_t number;
	struct gate_session *next, *lease_next; /* next: free ones */
	uint64_t lease;                         /* hash of login and server */
	struct gate_link acks, leaving, agents;
	struct timer timer; /* of gate->alarms */
	int64_t opened_ns, heard_ns, sent_ns, second_ns, rate_ns, ack_ns;
	int64_t probe_ns, probe_ms; /* the newest P; ms 0: answered, or none */
	uint64_t agent_up;          /* an agent's newest number */
	uint32_t frames, bytes, bytes_sent, results, signals; /* of this second */
	int64_t slowest_ns;                                   /* ack, of this second */
	struct gate_quotes quotes;
	char nonce[GATE_NONCE + 1];
};

struct gate_kept {                 /* a command */
	uint64_t cid;              /* 0: none */
	uint64_t first_down, down; /* of its sendings; 0: not sent */
	int64_t until_ns, rate, for_ms, code, wait_ms;
	uint8_t op;
	bool to_agent, clean, flat;
	char key[GATE_KEY_MAX + 1], value[GATE_VALUE_MAX + 1];
};

struct gate_arrival {
	uint64_t seq; /* the last that came then */
	int64_t ns;
};

struct gate_terminal {
	struct gate_session *session;                /* LIVE; NULL */
	struct gate_session *leaving;                /* was, and its end is not told yet */
	int64_t epoch_ms;                            /* 0: none since weir knows it */
	uint64_t taken, durable;                     /* of the epoch; durable <= taken */
	uint64_t repeated;                           /* results and deals */
	struct gate_arrival arrivals[GATE_ARRIVALS]; /* oldest first */
	uint8_t arrival_count, command_count;
	struct gate_kept commands[GATE_COMMANDS_MAX]; /* oldest first */
};

static_assert(sizeof(struct gate_session) + sizeof(struct gate_terminal) <= 2048,
	      "a terminal with its session stays small");

struct gate_address {
	char text[GATE_ADDRESS_MAX];
	bool used;
	uint8_t bad;
	int64_t first_ns;   /* of the bad ones counted */
	int64_t blocked_ns; /* until then */
};

struct gate {
	struct gate_config config;
	char server[64];
	struct fleet *fleet;
	struct timers *timers; /* the owner's */
	const struct clock_port *clock;
	struct gate_hooks hooks;
	const struct tokens *tokens; /* NULL: nobody may connect */
	struct timers *alarms;       /* one of each session */
	struct timer alarm, ack, settle;

	struct gate_session *sessions, *free;
	size_t session_count, open;
	struct gate_terminal *terminals;
	uint32_t room; /* of the fleet */
	struct gate_session **leases;
	size_t lease_mask;
	struct gate_link acks, leaving, agents;
	struct gate_address *addresses;

	uint64_t next_session, next_cid;
	int64_t turn_ns;  /* the fleet was told */
	int64_t began_ns; /* gate_quote_ms counts from it */
	int64_t note_ns;  /* of the second that notes counts */
	uint32_t notes;
	bool stopped;
	struct gate_counts counts;
	struct mfp_frame frame;  /* the one at hand */
	char line[MFP_LINE_MAX]; /* being written */
};

#define GATE_OF_LINK(link, member)                                                                 \
	((struct gate_session *)((char *)(link)-offsetof(struct gate_session, member)))

static inline void gate_link_init(struct gate_link *link) { link->prev = link->next = link; }
static inline bool gate_link_alone(const struct gate_link *link) { return link->next == link; }
static inline void gate_link_add(struct gate_link *ring, struct gate_link *link)
{
	link->prev = ring->prev;
	link->next = ring;
	link->prev->next = link->next->prev = link;
}
static inline void gate_link_take(struct gate_link *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	gate_link_init(link);
}

static inline int64_t gate_now(const struct gate *gate) { return clock_monotonic_ns(gate->clock); }
static inline int64_t gate_wall_ms(const struct gate *gate)
{
	return clock_wall_ns(gate->clock) / 1000000;
}

/* ---- gate_session.c: a connection's life ---- */

void gate_turn(struct gate *gate); /* the fleet knows the time afterwards */
void *gate_on_open(void *ctx, struct line_conn *conn);
void gate_on_line(void *conn_ctx, struct str line);
void gate_on_close(void *conn_ctx, enum status why);
void gate_on_alarm(void *ctx);
void gate_on_settle(void *ctx);
/* CONNECTED becomes LIVE: its alarm then counts seconds and silence. */
void gate_session_live(struct gate_session *session);
/* LIVE and CONNECTED become CLOSING; nothing else changes. */
void gate_session_end(struct gate_session *session);
void gate_session_settle(struct gate_session *session);
/* A note, E, and the end. retry_ms < 0: none is told. */
void gate_session_refuse(struct gate_session *session, enum gate_error code, const char *why,
			 int64_t retry_ms);

/* ---- gate_send.c: what is said ---- */

struct gate_line {
	struct buf buf;
	struct mfp_writer writer;
};
void gate_line_begin(struct gate *gate, struct gate_line *line, enum mfp_verb verb, uint64_t seq);
/* Ends the frame. CLOSED, FULL: the session is, or is now, CLOSING. */
enum status gate_line_send(struct gate_session *session, struct gate_line *line);
enum status gate_session_send(struct gate_session *session, struct str line);
void gate_send_error(struct gate_session *session, enum gate_error code, const char *why,
		     int64_t retry_ms);
void gate_send_banner(struct gate_session *session);
void gate_send_probe(struct gate_session *session);
void gate_send_durable(struct gate_session *session, uint64_t up);
/* One line for the log. */
void gate_note(struct gate *gate, const struct gate_session *session, const char *why);

/* ---- gate_hello.c ---- */

void gate_take_hello(struct gate_session *session, const struct mfp_frame *frame);

/* ---- gate_frames.c: what LIVE terminals say ---- */

/* False: the verb is none of a terminal's. */
bool gate_take_frame(struct gate_session *session, const struct mfp_frame *frame);
/* A second hello, P, p, E: of whoever is LIVE. */
bool gate_take_common(struct gate_session *session, const struct mfp_frame *frame);
/* The second's figures, to the fleet. */
void gate_observe(struct gate_session *session);
void gate_observe_gone(struct gate *gate, uint32_t slot);

/* ---- gate_acks.c: numbers, K ---- */

/* The epoch of a hello, with what the owner has of it; true: it is the one that was. */
bool gate_acks_begin(struct gate_terminal *terminal, int64_t epoch_ms, uint64_t up);
/* R, D, Y, Z. False: not new, or the session is CLOSING now. */
bool gate_acks_take(struct gate_session *session, const struct mfp_frame *frame);
void gate_acks_drop(struct gate_session *session); /* its end */
void gate_on_acks(void *ctx);

/* ---- gate_commands.c ---- */

/* Everything of it up to this number was handled by its terminal, or by its agent. */
void gate_commands_handled(struct gate *gate, uint32_t slot, bool to_agent, uint64_t down);
void gate_commands_answered(struct gate *gate, uint32_t slot, bool to_agent,
			    const struct mfp_frame *ack);
/* again: those that were sent too, with new numbers. */
void gate_commands_send(struct gate *gate, uint32_t slot, bool to_agent, bool again);
void gate_commands_expire(struct gate *gate, struct gate_terminal *terminal);

/* ---- gate_agent.c: host agents ---- */

void gate_agent_welcome(struct gate_session *session, const struct mfp_frame *hello);
bool gate_agent_take_frame(struct gate_session *session, const struct mfp_frame *frame);
/* The LIVE one of the host; NULL. */
struct gate_session *gate_agent_of(const struct gate *gate, uint32_t host);
void gate_agent_left(struct gate_session *session);
/* Once a second. */
void gate_agent_look(struct gate_session *session);

/* ---- gate_address.c ---- */

/* ns that connections of the address are still refused; 0: they are not. */
int64_t gate_address_blocked(const struct gate *gate, struct str peer);
/* One more bad mac; true: the address is blocked now. */
bool gate_address_bad(struct gate *gate, struct str peer);
