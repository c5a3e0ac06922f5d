/* terminal_impl.h - the terminal's insides; terminal*.c only. */
#pragma once

#include "base/check.h"
#include "sim/terminal.h"

#define TERMINAL_SECOND 1000000000
enum {
	TERMINAL_MS = 1000000,
	TERMINAL_WATCHDOG_MS = 10000,
	TERMINAL_FAST_TRIES = 3,
	TERMINAL_TRIES = 10,
	TERMINAL_OUTBOX_SPARE = 64, /* free places below which no signal is taken */
	TERMINAL_OUTBOX_ANSWERS = 8,
	TERMINAL_ID_MAX = 64,
	TERMINAL_TOKEN_MAX = 255,
};

/* ---- what survives a crash: the file ---- */

/* Places among the words of def/mfp.def. */
enum act { ACT_OPEN, ACT_CLOSE, ACT_CLOSEBY, ACT_MODIFY, ACT_PEND, ACT_CANCEL, ACT_CLOSEALL };
enum ack_word { ACK_OK, ACK_RX, ACK_DUP, ACK_EXP, ACK_BUSY, ACK_STOP, ACK_BAD };
enum result_word {
	RESULT_WORD_DONE,
	RESULT_WORD_PART,
	RESULT_WORD_FAIL,
	RESULT_WORD_EXP,
	RESULT_WORD_UNK
};

struct signal {
	enum act act;
	enum broker_side side;
	enum broker_pending_type type;
	bool has_symbol, has_sl, has_tp;
	int symbol;
	int64_t volume, price, limit, sl, tp, deviation;
	uint64_t position, by, order;
};

/* A result as far as it is no deal's. */
struct outcome {
	enum result_word word;
	int64_t asked;
	uint32_t code;
	const char *why; /* a constant text */
	uint64_t order, position;
	uint32_t deals;
	struct broker_deal last; /* deals > 0: the final one, should the history forget it */
	int64_t took_ms;         /* -1: no answer came */
	int tries;
};

enum step { STEP_WAITING, STEP_SENT, STEP_RETRY, STEP_UNKNOWN, STEP_DONE };

struct record {
	/* in the file */
	uint64_t sid, down;
	struct signal signal;
	int64_t until_ms; /* by the machine's clock */
	int64_t sent_ns;  /* 0: never */
	bool decided;     /* outcome is there */
	bool safe;        /* and durable at weir */
	struct outcome outcome;
	/* in memory */
	enum step step;
	uint64_t request, order;
	int64_t due_ns;   /* RETRY, UNKNOWN: not before */
	int64_t ready_ns; /* outcome: when it was known */
	int64_t asked;
	uint32_t expect; /* deals that the broker's answer speaks of; 0: none came */
	uint32_t code;
	int tries, fast;
	int64_t took_ms;
	bool reread, refilled, unk_told, search, told;
};

struct file {
	struct record *records; /* a ring */
	size_t room, count, next;
	uint64_t down; /* newest down number handled */
	bool stopped;
};

/* ---- the outbox ---- */

struct out_entry {
	uint32_t offset;
	uint16_t len;
	uint8_t verb;
	uint8_t word; /* of R */
	bool final, again;
	uint64_t sid, deal, deal_index; /* deal_index: of the history, + 1; 0 none */
	int64_t profit;
	int64_t sent_ns;
};

struct outbox {
	struct out_entry *entries; /* a ring; room is a power of two */
	size_t room;
	uint64_t first, sent, next; /* numbers: first not durable, next to send, next to give */
	char *text;                 /* a ring of whole lines */
	size_t text_room, text_at;
};

enum link {
	LINK_IDLE,
	LINK_WISH, /* to dial */
	LINK_DIALLING,
	LINK_BANNER,
	LINK_HELLO,
	LINK_UP,
	LINK_LEAVING, /* hang up wished */
};

struct terminal {
	char id[TERMINAL_ID_MAX + 1], token[TERMINAL_TOKEN_MAX + 1];
	uint64_t login;
	const char *server;
	const struct sim_settings *settings;
	struct prices *prices;
	struct broker *broker;
	struct terminal_counts *counts;
	struct terminal_events events;
	struct rng rng, trouble_rng;
	struct file file;

	/* the process */
	bool runs, calm;
	bool ever_welcomed;
	int64_t now_ns, last_turn_ns, up_at_ns; /* up_at: when it starts again; INT64_MAX never */
	int64_t started_ns;
	int64_t epoch_ms;
	int64_t phase_ns; /* of its timer */

	/* the link */
	enum link link;
	bool ended; /* the other side closed; what came before is read first */
	bool down_gap;
	int64_t dial_ns, heard_ns, dead_ns, retry_ms;
	int failures;
	struct buf inbox; /* { stamp, len, bytes } … */
	size_t inbox_at;
	struct buf light, out;
	size_t light_at, out_at;
	int64_t byte_ns;  /* a byte writer's next */
	int64_t taken_ns; /* stamp of the line that is being read */
	struct outbox outbox;
	uint64_t down_seen;

	/* signals */
	uint16_t work[TERMINAL_SIDS]; /* places of records that are undecided or not told */
	size_t work_count;
	int64_t rate, throttle, throttle_until_ns; /* signals a second; throttle < 0: none */
	int64_t take_ns;                           /* not before */

	/* deals */
	bool walks;                /* walk is known: by the first W of the epoch */
	uint64_t walk;             /* index of the next deal to tell */
	uint64_t again, again_end; /* deals told before that weir does not have */

	/* reports */
	int64_t state_ms, account_ms, state_due_ns, account_due_ns;
	int64_t stall_ns, stall_until_ns; /* of the timer, between those times */
	int64_t lag_ms;
	int64_t linked_ns; /* since when the broker's link is up; 0: it is not */
	bool snapshot_due, hash_known, hello_settled, quotes_on;
	uint64_t hash;
	uint64_t dropped; /* ephemeral frames, of this epoch */
	struct broker_figures figures_told;
	int64_t bids_told[SIM_SYMBOLS];
	int64_t free_values[16];
	double memory_trimmed_mb;

	/* commands */
	bool restart, reconnect;
	int64_t restart_ns;
	uint64_t restart_down, restart_cid;

	/* trouble */
	int64_t crash_ns, reload_ns, cut_ns, freeze_ns, flood_ns, garbage_ns, long_ns;
	int64_t frozen_until_ns, read_ns;
	size_t long_left;
	struct buf old_hello;
};

/* ---- terminal.c ---- */

int64_t terminal_ms(const struct terminal *terminal, int64_t now_ns); /* by its own clock */
bool terminal_settled(const struct terminal *terminal, int64_t now_ns);
int64_t terminal_settles_ns(const struct terminal *terminal); /* INT64_MAX: not linked */
void terminal_stop_process(struct terminal *terminal, int64_t up_at_ns);

/* ---- terminal_link.c ---- */

void terminal_link_init(struct terminal *terminal, int64_t dial_ns);
void terminal_hang_up(struct terminal *terminal);
int64_t terminal_link_next_ns(const struct terminal *terminal);
void terminal_link_turn(struct terminal *terminal, int64_t now_ns);
void terminal_say_error(struct terminal *terminal, int code, struct str text);

/* ---- terminal_out.c ---- */

void terminal_outbox_init(struct terminal *terminal);
void terminal_outbox_deinit(struct terminal *terminal);
size_t terminal_outbox_free(const struct terminal *terminal);
/* A reliable frame: begin, puts into writer, push. CHECKs that there is room. What note
 * says of it is copied. */
struct out_line {
	struct mfp_writer writer;
	struct buf buf;
	char storage[TERMINAL_LINE_MAX];
};
static inline void terminal_put_money(struct mfp_writer *writer, enum mfp_field field,
				      int64_t cents)
{
	mfp_put_number(writer, field, (struct number){ cents, 2 });
}
void terminal_begin(struct terminal *terminal, struct out_line *line, enum mfp_verb verb);
void terminal_push(struct terminal *terminal, struct out_line *line, const struct out_entry *note);
/* An ephemeral one: begin on terminal->light, puts, end. False: it was dropped. */
void terminal_light_begin(struct terminal *terminal, struct mfp_writer *writer, enum mfp_verb verb);
bool terminal_light_end(struct terminal *terminal, struct mfp_writer *writer);
void terminal_outbox_safe(struct terminal *terminal, uint64_t up, int64_t now_ns);
void terminal_outbox_resume(struct terminal *terminal, uint64_t up, int64_t now_ns);
/* Joins what is to go out, up to TERMINAL_SEND_BYTES. */
void terminal_compose(struct terminal *terminal, int64_t now_ns);
bool terminal_has_more(const struct terminal *terminal);

/* ---- terminal_signals.c ---- */

void terminal_take_signal(struct terminal *terminal, const struct mfp_frame *frame);
bool terminal_take_down(struct terminal *terminal, uint64_t down);
void terminal_put_ack(struct terminal *terminal, uint64_t down, uint64_t sid, uint64_t cid,
		      enum ack_word word);
struct record *terminal_find_record(struct terminal *terminal, uint64_t sid);
void terminal_restore(struct terminal *terminal, int64_t now_ns);
void terminal_file_deinit(struct file *file);

/* ---- terminal_orders.c ---- */

void terminal_orders_turn(struct terminal *terminal, int64_t now_ns);
int64_t terminal_orders_next_ns(const struct terminal *terminal);
void terminal_stop_signals(struct terminal *terminal, bool flat, int64_t now_ns);
size_t terminal_waiting(const struct terminal *terminal);
size_t terminal_in_flight(const struct terminal *terminal);
void terminal_work_add(struct terminal *terminal, struct record *record);
static inline struct record *terminal_work_at(const struct terminal *terminal, size_t i)
{
	return &terminal->file.records[terminal->work[i]];
}

/* ---- terminal_requests.c ---- */

/* By its identifier; NULL. */
const struct broker_position *terminal_position(const struct terminal *terminal, uint64_t id);
void terminal_make_request(struct terminal *terminal, const struct record *record,
			   struct broker_request *request);
/* The quote that a market order asks for; a requote is followed as far as the deviation
 * goes. False: it has left it. */
bool terminal_choose_price(struct terminal *terminal, struct record *record,
			   struct broker_request *request, int64_t now_ns);

/* ---- terminal_results.c ---- */

void terminal_decide(struct terminal *terminal, struct record *record, enum result_word word,
		     uint32_t code, const char *why, int64_t now_ns);
/* With the deals that were found. */
void terminal_decide_deals(struct terminal *terminal, struct record *record, uint32_t code,
			   const struct broker_reply *found, int64_t now_ns);
void terminal_tell_unknown(struct terminal *terminal, struct record *record);
/* Tells what is decided and due. */
void terminal_results_turn(struct terminal *terminal, int64_t now_ns);

/* ---- terminal_deals.c ---- */

void terminal_deals_resume(struct terminal *terminal, int64_t server_ms, uint64_t ticket);
void terminal_deals_turn(struct terminal *terminal, int64_t now_ns);
int64_t terminal_deals_next_ns(const struct terminal *terminal);
/* Is it told by the result of a signal? */
bool terminal_is_result(struct terminal *terminal, const struct broker_deal *deal);
/* Points, positive is worse. */
int64_t terminal_slippage(const struct broker_deal *deal, int64_t asked);
/* The deals told so far reach up to this one, so that a result may follow it: weir's mark
 * is its newest deal, and what is older than that would not be sent again. */
bool terminal_walked(const struct terminal *terminal, uint64_t ticket);

/* ---- terminal_report.c ---- */

void terminal_hello(struct terminal *terminal, struct str nonce, int64_t now_ns);
void terminal_report_init(struct terminal *terminal, int64_t now_ns);
void terminal_report_turn(struct terminal *terminal, int64_t now_ns);
void terminal_put_state(struct terminal *terminal, int64_t now_ns);
uint64_t terminal_hash(struct terminal *terminal);

/* ---- terminal_commands.c ---- */

void terminal_take_command(struct terminal *terminal, const struct mfp_frame *frame,
			   int64_t now_ns);
void terminal_commands_turn(struct terminal *terminal, int64_t now_ns);
void terminal_put_bye(struct terminal *terminal, int why);

/* ---- terminal_trouble.c ---- */

void terminal_trouble_init(struct terminal *terminal, int64_t now_ns);
int64_t terminal_trouble_next_ns(const struct terminal *terminal);
void terminal_trouble_turn(struct terminal *terminal, int64_t now_ns);
/* Frames that are none, and too many of those that are. */
void terminal_noise_turn(struct terminal *terminal, int64_t now_ns);
/* Says an old hello instead of a new one; false: not this time. */
bool terminal_replays(struct terminal *terminal);
void terminal_keep_hello(struct terminal *terminal, struct str line);
