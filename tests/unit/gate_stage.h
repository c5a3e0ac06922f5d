/* gate_stage.h - a gate in simulated time: the real fleet behind it, line connections that
 * the test holds the other end of, and an owner who writes down what he is told and holds
 * it against the gate's promises. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/rng.h"
#include "gate/gate.h"
#include "os/secret.h"

#define MS     INT64_C(1000000)
#define SECOND (1000 * MS)

enum {
	TERMINALS = 1024,
	PEERS = 1400,
	PEER_OUT = 64 * 1024,
	WALL_S = 1784046185, /* of the specification's examples */
};

/* ---- the other end of a connection ---- */

struct peer {
	struct line_conn conn; /* first */
	void *owner;           /* NULL: refused, or gone */
	bool closing;
	enum status why;
	char address[46];
	char out[PEER_OUT]; /* what the gate has said and nobody has read */
	size_t out_len, room;
	char nonce[33];
	size_t sends;
};

/* ---- the owner of a terminal's reliable frames ---- */

struct recorded {
	int64_t epoch_ms;
	uint64_t taken, durable;
	uint64_t told; /* the highest number that K or W said of the epoch */
	int64_t live;  /* welcomes without their gone */
};

static struct {
	int64_t now_ns, wall_ms;
	struct timers *timers;
	struct clock_port clock;
	struct alerts *alerts;
	struct fleet *fleet;
	struct gate *gate;
	struct tokens *tokens;
	struct peer *peers;
	size_t peer_count, sessions_max;
	uint32_t room;

	/* How the owner behaves. */
	bool is_full, is_synchronous, has_no_numbers;
	bool obeys; /* the fleet's CLOSE is done */
	struct gate_mark mark;

	/* What he was told. */
	struct recorded recorded[TERMINALS];
	uint64_t next_down;
	uint64_t reliable, welcomed, gone, accounts, quotes, removed, states, notes, turns;
	uint64_t last_down; /* of on_welcome */
	char last_raw[MFP_LINE_MAX];
	char note[256];
	uint64_t actions[FLEET_ACTIONS];
	void (*on_welcome)(const struct instance *instance);
	void (*on_action)(const struct fleet_action *action);
} stage;

static inline int64_t stage_monotonic(void *ctx)
{
	(void)ctx;
	return stage.now_ns;
}

static inline int64_t stage_wall(void *ctx)
{
	(void)ctx;
	return stage.wall_ms * MS;
}

/* ---- ports ---- */

static inline enum status peer_send(struct line_conn *conn, struct str bytes)
{
	struct peer *peer = (struct peer *)conn;
	assert_true(bytes.len > 0 && bytes.ptr[bytes.len - 1] == '\n');
	if (peer->closing)
		return STATUS_CLOSED;
	if (peer->out_len + bytes.len > peer->room) {
		peer->closing = true;
		peer->why = STATUS_FULL;
		return STATUS_FULL;
	}
	memcpy(peer->out + peer->out_len, bytes.ptr, bytes.len);
	peer->out_len += bytes.len;
	peer->sends++;
	return STATUS_OK;
}

static inline void peer_close(struct line_conn *conn)
{
	struct peer *peer = (struct peer *)conn;
	if (!peer->closing)
		peer->why = STATUS_OK;
	peer->closing = true;
}

static inline struct str peer_name(const struct line_conn *conn)
{
	return str_of(((const struct peer *)conn)->address);
}

static inline void peer_pause(struct line_conn *conn, bool paused) { (void)conn, (void)paused; }

static inline void close_those_due(void)
{
	for (size_t i = 0; i < stage.peer_count; i++) {
		struct peer *peer = &stage.peers[i];
		void *owner = peer->owner;
		if (!owner || !peer->closing)
			continue;
		peer->owner = NULL;
		gate_line_events(stage.gate).on_close(owner, peer->why);
	}
}

/* ---- time ---- */

static inline void on_turn(void *ctx)
{
	(void)ctx;
	int64_t now_ns = clock_monotonic_ns(&stage.clock),
		wall_ms = clock_wall_ns(&stage.clock) / MS;
	stage.turns++;
	alerts_step(stage.alerts, now_ns, wall_ms);
	fleet_step(stage.fleet, now_ns, wall_ms);
}

/* Everything due now. */
static inline void turn(void)
{
	on_turn(NULL);
	timers_run(stage.timers, stage.now_ns, SIZE_MAX);
	close_those_due();
	timers_run(stage.timers, stage.now_ns, SIZE_MAX);
}

static inline void run(int64_t ns)
{
	int64_t end_ns = stage.now_ns + ns;
	while (stage.now_ns < end_ns) {
		int64_t next = timers_next_ns(stage.timers), other = fleet_next_ns(stage.fleet);
		next = other < next ? other : next;
		other = alerts_next_ns(stage.alerts);
		next = other < next ? other : next;
		next = next > end_ns ? end_ns : next;
		next = next <= stage.now_ns ? stage.now_ns + MS / 10 : next;
		stage.wall_ms += next / MS - stage.now_ns / MS;
		stage.now_ns = next;
		turn();
	}
}

/* ---- the owner ---- */

static inline enum status on_reliable(void *ctx, const struct instance *instance, int64_t epoch_ms,
				      uint64_t seq, const struct mfp_frame *frame)
{
	struct recorded *recorded = &stage.recorded[instance->slot];
	(void)ctx;
	assert_true(mfp_verb_row(frame->verb)->reliable == MFP_RELIABLE_UP);
	assert_int_equal(frame->seq, seq);
	assert_int_equal(recorded->epoch_ms, epoch_ms);
	assert_int_equal(seq, recorded->taken + 1);
	if (stage.is_full)
		return STATUS_FULL;
	stage.reliable++;
	recorded->taken = seq;
	if (stage.is_synchronous) {
		recorded->durable = seq;
		gate_durable(stage.gate, instance->slot, epoch_ms, seq);
	}
	return STATUS_OK;
}

/* Called once a hello, before its welcome. */
static inline void on_mark(void *ctx, const struct instance *instance, int64_t epoch_ms,
			   struct gate_mark *mark)
{
	struct recorded *recorded = &stage.recorded[instance->slot];
	(void)ctx;
	assert_int_equal(recorded->live, 0);
	if (recorded->epoch_ms != epoch_ms)
		*recorded = (struct recorded){ .epoch_ms = epoch_ms,
					       .taken = stage.mark.up,
					       .durable = stage.mark.up };
	*mark = stage.mark;
	mark->up = recorded->durable;
}

static inline void on_welcome(void *ctx, const struct instance *instance, uint64_t down)
{
	struct recorded *recorded = &stage.recorded[instance->slot];
	(void)ctx;
	stage.welcomed++;
	stage.last_down = down;
	assert_int_equal(recorded->live++, 0);
	if (stage.on_welcome)
		stage.on_welcome(instance);
}

static inline void on_gone(void *ctx, const struct instance *instance)
{
	(void)ctx;
	stage.gone++;
	assert_int_equal(stage.recorded[instance->slot].live--, 1);
	fleet_queue(stage.fleet, instance->slot, 0, 0); /* it may be told: no hook of it runs */
}

static inline void on_state(void *ctx, const struct instance *instance)
{
	(void)ctx, (void)instance;
	stage.states++;
}

static inline void on_account(void *ctx, const struct instance *instance)
{
	(void)ctx, (void)instance;
	stage.accounts++;
}

static inline void on_quote(void *ctx, const struct instance *instance,
			    const struct mfp_frame *frame)
{
	(void)ctx, (void)instance;
	assert_true(mfp_has(frame, MFP_quote_sym));
	stage.quotes++;
}

static inline void on_removed(void *ctx, const struct instance *instance)
{
	(void)ctx;
	assert_int_equal(stage.recorded[instance->slot].live, 0);
	stage.recorded[instance->slot] = (struct recorded){ 0 };
	stage.removed++;
}

static inline uint64_t next_down(void *ctx)
{
	(void)ctx;
	return stage.has_no_numbers ? 0 : ++stage.next_down;
}

static inline void on_note(void *ctx, const char *line)
{
	(void)ctx;
	assert_true(strlen(line) > 0 && !strchr(line, '\n'));
	snprintf(stage.note, sizeof stage.note, "%s", line);
	stage.notes++;
}

static inline void on_action(void *ctx, const struct fleet_action *action)
{
	(void)ctx;
	stage.actions[action->kind]++;
	if (stage.on_action)
		stage.on_action(action);
	if (stage.obeys && action->kind == FLEET_CLOSE)
		gate_close(stage.gate, action->instance->slot, -1);
}

static inline void on_change(void *ctx, enum alert_rule rule, struct str scope, bool firing)
{
	(void)ctx;
	fleet_alert(stage.fleet, rule, scope, firing);
}

/* ---- building it ---- */

static inline struct gate_config stage_config(void)
{
	return (struct gate_config){
		.server = "weir/0.1",
		.state_ms = 1000,
		.account_ms = 1000,
		.dead_ms = 15000,
		.hello_ns = 10 * SECOND,
		.probe_ns = 5 * SECOND,
		.ack_ns = 5 * MS,
		.sessions_max = TERMINALS,
	};
}

static inline void make_fleet(void)
{
	const struct fleet_settings settings = fleet_settings_default();
	const struct fleet_hooks hooks = { .on_action = on_action };
	stage.fleet = fleet_create(stage.room, &settings, stage.alerts, 7, &hooks);
	assert_non_null(stage.fleet);
}

static inline void make_gate(size_t sessions_max)
{
	struct gate_config config = stage_config();
	const struct gate_hooks hooks = {
		.on_reliable = on_reliable,
		.mark = on_mark,
		.on_welcome = on_welcome,
		.on_gone = on_gone,
		.on_state = on_state,
		.on_account = on_account,
		.on_quote = on_quote,
		.on_removed = on_removed,
		.next_down = next_down,
		.on_turn = on_turn,
		.on_note = on_note,
	};
	stage.sessions_max = sessions_max;
	if (sessions_max)
		config.sessions_max = sessions_max;
	stage.gate = gate_create(&config, stage.fleet, stage.timers, &stage.clock, &hooks);
	assert_non_null(stage.gate);
}

static inline void set_tokens(const char *text)
{
	struct tokens *old = stage.tokens;
	struct err err;
	assert_int_equal(tokens_parse(str_of(text), "tokens", &stage.tokens, &err), STATUS_OK);
	assert_int_equal(gate_set_tokens(stage.gate, stage.tokens, &err), STATUS_OK);
	tokens_destroy(old);
}

/* mt5-017 of the specification, and two more; one agent. */
static const char stage_tokens[] = "mt5-017 s3cr3t-mt5-017 vps-1 gold\n"
				   "mt5-018 s3cr3t-mt5-018 vps-1 gold,fx\n"
				   "mt5-019 s3cr3t-mt5-019\n"
				   "vps-1 s3cr3t-of-vps-1\n";

static inline void set_up_with(uint32_t room, size_t sessions_max, struct timers *timers,
			       struct clock_port clock)
{
	const struct alert_hooks hooks = { .on_change = on_change };
	static const struct line_ops ops = { peer_send, peer_close, peer_name, peer_pause };
	memset(&stage, 0, sizeof stage);
	stage.now_ns = 1000 * SECOND;
	stage.wall_ms = (int64_t)WALL_S * 1000 + 440;
	stage.clock = clock;
	stage.timers = timers;
	stage.alerts = alerts_create(&hooks);
	stage.room = room;
	make_fleet();
	stage.peers = calloc(PEERS, sizeof stage.peers[0]);
	for (size_t i = 0; i < PEERS; i++)
		stage.peers[i].conn.ops = &ops;
	make_gate(sessions_max);
	on_turn(NULL);
}

static inline void set_up_room(uint32_t room, size_t sessions_max)
{
	const struct clock_port clock = { stage_monotonic, stage_wall, NULL };
	set_up_with(room, sessions_max, timers_create(GATE_TIMERS), clock);
}

static inline int set_up(void **state)
{
	(void)state;
	set_up_room(TERMINALS, 0);
	set_tokens(stage_tokens);
	return 0;
}

static inline int tear_down(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < TERMINALS; i++)
		assert_in_range(stage.recorded[i].live, 0, 1);
	gate_destroy(stage.gate);
	fleet_destroy(stage.fleet);
	alerts_destroy(stage.alerts);
	timers_destroy(stage.timers);
	tokens_destroy(stage.tokens);
	free(stage.peers);
	return 0;
}

/* Weir's process ends and begins again; what is durable stays, by the terminal's id. */
static inline void restart_weir(void)
{
	static char ids[TERMINALS][INSTANCE_NAME_MAX + 1];
	static struct recorded before[TERMINALS];
	struct err err;
	gate_stop(stage.gate);
	close_those_due();
	for (uint32_t i = 0; i < stage.room; i++) {
		const struct instance *instance = fleet_at(stage.fleet, i);
		snprintf(ids[i], sizeof ids[i], "%s", instance ? instance->identity.id : "");
		before[i] = stage.recorded[i];
		stage.recorded[i] = (struct recorded){ 0 };
	}
	gate_destroy(stage.gate);
	fleet_destroy(stage.fleet);
	make_fleet();
	make_gate(stage.sessions_max);
	assert_int_equal(gate_set_tokens(stage.gate, stage.tokens, &err), STATUS_OK);
	for (uint32_t i = 0; i < stage.room; i++) {
		uint32_t slot = fleet_find(stage.fleet, str_of(ids[i]));
		if (slot == FLEET_NONE)
			continue;
		stage.recorded[slot] = before[i];
		stage.recorded[slot].taken = before[i].durable;
	}
}

/* ---- talking ---- */

static inline struct peer *dial_from(const char *address)
{
	assert_true(stage.peer_count < PEERS);
	struct peer *peer = &stage.peers[stage.peer_count++];
	snprintf(peer->address, sizeof peer->address, "%s", address);
	peer->room = sizeof peer->out;
	const struct line_events events = gate_line_events(stage.gate);
	peer->owner = events.on_open(events.ctx, &peer->conn);
	return peer;
}

/* One line as bytes that end where it ends, so that reading on is seen. */
static inline void say_bytes(struct peer *peer, struct str line)
{
	if (!peer->owner || peer->closing)
		return;
	char *exact = malloc(line.len ? line.len : 1);
	memcpy(exact, line.ptr, line.len);
	gate_line_events(stage.gate).on_line(peer->owner, str_make(exact, line.len));
	free(exact);
}

static inline void say(struct peer *peer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline void say(struct peer *peer, const char *format, ...)
{
	char line[MFP_LINE_MAX * 2];
	va_list args;
	va_start(args, format);
	int len = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	assert_true(len >= 0 && (size_t)len < sizeof line);
	say_bytes(peer, str_make(line, (size_t)len));
}

/* The other end goes, or the listener ends it. */
static inline void hang_up(struct peer *peer, enum status why)
{
	if (!peer->closing)
		peer->why = why;
	peer->closing = true;
	close_those_due();
}

/* The next line that the gate has said, "" for none. Each must be one that weir may say. */
static inline const char *heard(struct peer *peer)
{
	static char line[MFP_LINE_MAX];
	static struct mfp_frame frame;
	struct mfp_fault fault;
	char *end = memchr(peer->out, '\n', peer->out_len);
	if (!end)
		return "";
	size_t len = (size_t)(end - peer->out);
	assert_true(len < sizeof line);
	memcpy(line, peer->out, len);
	line[len] = 0;
	peer->out_len -= len + 1;
	memmove(peer->out, end + 1, peer->out_len);
	assert_int_equal(mfp_read(str_make(line, len), MFP_WEIR, &frame, &fault), STATUS_OK);
	return line;
}

static inline bool says(struct peer *peer, const char *line)
{
	const char *is = heard(peer);
	if (strcmp(is, line) != 0)
		print_error("said: %s\nwanted: %s\n", is, line);
	return strcmp(is, line) == 0;
}

/* HMAC-SHA256(token, nonce|id|ep), its first half. */
static inline void mac_of(const char *token, const char *nonce, const char *id, int64_t epoch_ms,
			  char out[33])
{
	char message[256];
	uint8_t mac[SECRET_MAC_BYTES];
	snprintf(message, sizeof message, "%s|%s|%lld", nonce, id, (long long)epoch_ms);
	assert_int_equal(secret_mac(str_of(token), str_of(message), mac), STATUS_OK);
	secret_print_hex(mac, 16, out);
}

static inline void take_banner(struct peer *peer)
{
	const char *banner = heard(peer), *nonce = strstr(banner, "nonce=");
	assert_non_null(nonce);
	snprintf(peer->nonce, sizeof peer->nonce, "%.32s", nonce + strlen("nonce="));
}

struct who {
	const char *id, *token;
	int64_t epoch_ms; /* 0: the specification's */
	int64_t login;    /* 0: 90000001 */
	const char *more; /* further fields; NULL: no positions */
};

static inline int64_t epoch_of(struct who who)
{
	return who.epoch_ms ? who.epoch_ms : (int64_t)WALL_S * 1000 + 431;
}

/* After the banner. */
static inline void say_hello(struct peer *peer, struct who who)
{
	char mac[33];
	mac_of(who.token, peer->nonce, who.id, epoch_of(who), mac);
	say(peer, "H 0 v=1 id=%s ep=%lld mac=%s login=%lld srv=FPMarketsSC-Live %s", who.id,
	    (long long)epoch_of(who), mac, (long long)(who.login ? who.login : 90000001),
	    who.more ? who.more : "ph=0000000000000000 n=0");
}

static const struct who first = { .id = "mt5-017", .token = "s3cr3t-mt5-017" };
static const struct who second = { .id = "mt5-018", .token = "s3cr3t-mt5-018", .login = 90000002 };
static const struct who third = { .id = "mt5-019", .token = "s3cr3t-mt5-019", .login = 90000003 };

static inline uint32_t slot_of(struct who who) { return fleet_find(stage.fleet, str_of(who.id)); }
static inline const struct instance *instance_of(struct who who)
{
	return fleet_at(stage.fleet, slot_of(who));
}

static inline bool is_welcome(const char *line) { return strncmp(line, "W 0 ses=", 8) == 0; }

static inline struct peer *come_from(const char *address, struct who who)
{
	struct peer *peer = dial_from(address);
	take_banner(peer);
	say_hello(peer, who);
	return peer;
}

static inline struct peer *come(struct who who) { return come_from("127.0.0.1", who); }

static inline struct peer *come_in(struct who who)
{
	struct peer *peer = come(who);
	assert_true(is_welcome(heard(peer)));
	return peer;
}

static const char *const good_state = "con=1 ta=1 ma=1 aa=1 ae=1";

static inline void say_state(struct peer *peer)
{
	say(peer, "S 0 t=%lld %s ph=0000000000000000 n=0", (long long)stage.wall_ms, good_state);
}

static inline struct gate_counts counts(void) { return gate_counts(stage.gate); }

static inline int64_t mantissa_of(struct who who, enum sample sample)
{
	const struct instance *instance = instance_of(who);
	assert_true(instance->latest.known >> sample & 1);
	return instance->latest.values[sample].mantissa;
}

/* The owner has recorded it. */
static inline void make_durable(struct who who, uint64_t seq)
{
	uint32_t slot = slot_of(who);
	struct recorded *recorded = &stage.recorded[slot];
	assert_true(seq <= recorded->taken && seq >= recorded->durable);
	recorded->durable = seq;
	gate_durable(stage.gate, slot, recorded->epoch_ms, seq);
}
