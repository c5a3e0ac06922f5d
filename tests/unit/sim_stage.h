/* sim_stage.h - one simulated terminal in simulated time, against a weir that the test
 * plays: it checks every frame by the protocol's rules, keeps what is durable, follows the
 * positions, and cuts the connection, the expert or the process wherever it is told. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "os/secret.h"
#include "sim/terminal.h"

#define SECOND 1000000000LL
#define MS     1000000LL
#define START  (1784046185LL * SECOND)

static const char stage_token[] = "s3cr3t-mt5-017";
static const char stage_nonce[] = "6f1c2a9b3d4e5f60718293a4b5c6d7e8";

enum { STAGE_RESULTS = 4096, STAGE_POSITIONS = 512, STAGE_SIGNALS = 512, STAGE_FACTS = 65536 };

enum stage_blow { BLOW_NONE, BLOW_LINK, BLOW_RELOAD, BLOW_CRASH, BLOW_WEIR };

struct stage_result {
	uint64_t sid, deal;
	int word; /* of R; -1: of D */
	int times;
	uint64_t position;
};

struct stage_position {
	uint64_t ticket, hash;
};

struct stage_signal {
	uint64_t sid, down;
	char text[256]; /* after "sid=…" */
	int64_t until_ns;
	bool sent, received, over; /* over: weir has a final result, or wrote one itself */
};

static struct {
	struct sim_scenario *scenario;
	struct sim_settings settings;
	struct prices *prices;
	struct terminal *terminal;
	struct terminal_counts counts;
	int64_t now_ns;
	struct buf log; /* all bytes it sent */

	/* the connection */
	bool open, welcomed;
	struct buf in;
	int opened, refused_dials;

	/* weir */
	int64_t epoch_ms;
	uint64_t taken, durable; /* of the epoch */
	uint64_t deal, pending_deal;
	int64_t deal_ms, pending_deal_ms;
	bool acks;      /* K is sent */
	int64_t ack_ns; /* when; 0: none due */
	int64_t probe_ns;
	uint64_t down;
	int rate;
	bool snap, silent;
	uint64_t forget_deals; /* W speaks of no deal, once */
	struct stage_result results[STAGE_RESULTS];
	size_t n_results, durable_results;
	struct stage_position positions[STAGE_POSITIONS], collected[STAGE_POSITIONS];
	size_t n_positions, n_collected;
	bool collecting;
	struct stage_signal signals[STAGE_SIGNALS];
	size_t n_signals;

	/* where it is cut */
	char blow_verb; /* before or after this verb */
	bool blow_before;
	int blow_after; /* so many of them first */
	enum stage_blow blow;
	int64_t blow_down_ns;

	/* what came */
	bool tolerant; /* of lines that are no frames */
	size_t bad_lines, longest_bad, takes;
	int verbs[256], answers[8], words[8], byes[16];
	int64_t state_ns[65536];
	size_t n_states;
	char last[256][1200]; /* the newest line of each verb */
	struct mfp_frame frame;

	/* the truth */
	struct broker_fact facts[STAGE_FACTS];
	size_t n_facts, n_acks;
} stage;

/* ---- the truth ---- */

static inline void stage_on_fact(void *ctx, const struct broker_fact *fact)
{
	(void)ctx;
	assert_true(stage.n_facts < STAGE_FACTS);
	stage.facts[stage.n_facts++] = *fact;
}

static inline void stage_on_ack(void *ctx, const struct terminal_ack *ack)
{
	(void)ctx;
	assert_true(ack->sent_ns > 0 && ack->now_ns >= ack->sent_ns);
	stage.n_acks++;
}

/* Distinct positions that orders of this signal opened or closed, deals, volume. */
static inline int stage_positions_of(uint64_t sid)
{
	int positions = 0;
	for (size_t i = 0; i < stage.n_facts; i++) {
		bool seen = stage.facts[i].sid != sid || !stage.facts[i].deal;
		for (size_t j = 0; !seen && j < i; j++)
			seen = stage.facts[j].sid == sid && stage.facts[j].deal &&
			       stage.facts[j].position == stage.facts[i].position;
		positions += !seen;
	}
	return positions;
}

static inline int stage_deals_of(uint64_t sid)
{
	int deals = 0;
	for (size_t i = 0; i < stage.n_facts; i++)
		deals += stage.facts[i].sid == sid && stage.facts[i].deal;
	return deals;
}

enum { STAGE_DONE, STAGE_PART, STAGE_FAIL, STAGE_EXP, STAGE_UNK };

/* Different final results that weir has of it. */
static inline int stage_finals_of(uint64_t sid)
{
	int finals = 0;
	for (size_t i = 0; i < stage.n_results; i++)
		finals += stage.results[i].sid == sid && stage.results[i].word >= 0 &&
			  stage.results[i].word != STAGE_PART && stage.results[i].word != STAGE_UNK;
	return finals;
}

/* Deals that weir has from its results; 0: of nobody, the D frames. */
static inline int stage_told_of(uint64_t sid)
{
	int told = 0;
	for (size_t i = 0; i < stage.n_results; i++)
		told += stage.results[i].sid == sid && stage.results[i].deal &&
			stage.results[i].deal != UINT64_MAX;
	return told;
}

/* ---- to the terminal ---- */

static inline void stage_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline void stage_say(const char *format, ...)
{
	char line[1024];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	assert_true(n > 0 && n < (int)sizeof line && stage.open);
	terminal_line(stage.terminal, str_make(line, (size_t)n), stage.now_ns);
}

static inline void stage_drop(void)
{
	if (!stage.open)
		return;
	stage.open = stage.welcomed = false;
	buf_clear(&stage.in);
	stage.ack_ns = 0;
	if (terminal_wish(stage.terminal) == TERMINAL_HANG_UP)
		terminal_hung_up(stage.terminal);
	else
		terminal_closed(stage.terminal, stage.now_ns);
}

static inline struct stage_signal *stage_find_signal(uint64_t sid)
{
	for (size_t i = 0; i < stage.n_signals; i++)
		if (stage.signals[i].sid == sid)
			return &stage.signals[i];
	return NULL;
}

static inline void stage_send_signal(struct stage_signal *signal)
{
	int64_t ttl_ms = (signal->until_ns - stage.now_ns) / MS;
	if (!stage.welcomed || ttl_ms <= 0)
		return;
	signal->down = ++stage.down;
	signal->sent = true;
	stage_say("G %llu sid=%llu %s ttl=%lld", (unsigned long long)signal->down,
		  (unsigned long long)signal->sid, signal->text, (long long)ttl_ms);
}

/* Queues a signal and sends it if somebody listens. */
static inline struct stage_signal *stage_signal(uint64_t sid, int64_t ttl_ns, const char *format,
						...) __attribute__((format(printf, 3, 4)));
static inline struct stage_signal *stage_signal(uint64_t sid, int64_t ttl_ns, const char *format,
						...)
{
	va_list args;
	assert_true(stage.n_signals < STAGE_SIGNALS);
	struct stage_signal *signal = &stage.signals[stage.n_signals++];
	*signal = (struct stage_signal){ .sid = sid, .until_ns = stage.now_ns + ttl_ns };
	va_start(args, format);
	vsnprintf(signal->text, sizeof signal->text, format, args);
	va_end(args);
	stage_send_signal(signal);
	return signal;
}

/* ---- blows ---- */

/* A weir that is killed knows what is durable and nothing else. */
static inline void stage_kill_weir(void)
{
	stage.taken = stage.durable;
	while (stage.n_results > stage.durable_results)
		if (--stage.results[--stage.n_results].times > 0)
			stage.n_results++; /* it had been there before */
	stage.pending_deal = stage.deal;
	stage.pending_deal_ms = stage.deal_ms;
	/* It reads the signals again that have no durable result, and gives them new numbers. */
	for (size_t i = 0; i < stage.n_signals; i++)
		if (stage_finals_of(stage.signals[i].sid) == 0) {
			stage.signals[i].over = false;
			stage.signals[i].down = 0;
		}
	stage_drop();
}

static inline void stage_strike(enum stage_blow blow)
{
	switch (blow) {
	case BLOW_NONE: break;
	case BLOW_LINK: stage_drop(); break;
	case BLOW_RELOAD: terminal_reload(stage.terminal, stage.now_ns, 2, 300 * MS); break;
	case BLOW_CRASH:
		terminal_crash(stage.terminal, stage.now_ns,
			       stage.blow_down_ns ? stage.blow_down_ns : 2 * SECOND);
		break;
	case BLOW_WEIR: stage_kill_weir(); break;
	}
}

/* ---- from the terminal ---- */

static inline void stage_check_mac(const struct mfp_frame *frame)
{
	char text[512], hex[2 * SECRET_MAC_BYTES + 1], id[MFP_TEXT_MAX + 3];
	uint8_t mac[SECRET_MAC_BYTES];
	mfp_text(frame, MFP_hello_id, id);
	snprintf(text, sizeof text, "%s|%s|%lld", stage_nonce, id,
		 (long long)mfp_i64(frame, MFP_hello_ep, 0));
	assert_int_equal(secret_mac(str_of(stage_token), str_of(text), mac), STATUS_OK);
	secret_print_hex(mac, 16, hex);
	assert_true(str_eq(mfp_raw(frame, MFP_hello_mac), str_of(hex)));
}

static inline uint64_t stage_hash(void)
{
	uint64_t hash = 0;
	for (size_t i = 0; i < stage.n_positions; i++)
		hash ^= stage.positions[i].hash;
	return hash;
}

static inline void stage_on_hello(const struct mfp_frame *frame)
{
	int64_t epoch_ms = mfp_i64(frame, MFP_hello_ep, 0);
	stage_check_mac(frame);
	assert_true(epoch_ms >= stage.epoch_ms);
	if (epoch_ms > stage.epoch_ms) {
		stage.epoch_ms = epoch_ms;
		stage.taken = stage.durable = 0;
	}
	bool differs =
	    !mfp_has(frame, MFP_hello_ph) || mfp_hash(frame, MFP_hello_ph) != stage_hash();
	bool forget = stage.forget_deals;
	stage.forget_deals = 0;
	stage.welcomed = true;
	stage.collecting = false;
	stage_say("W 0 ses=1 up=%llu ld=%llu lsv=%lld snap=%d si=1000 ai=1000 rate=%d t=%lld",
		  (unsigned long long)stage.durable, forget ? 0 : (unsigned long long)stage.deal,
		  forget ? 0 : (long long)stage.deal_ms, differs || stage.snap, stage.rate,
		  (long long)(stage.now_ns / MS));
	if (stage.acks && stage.taken > stage.durable) /* still being written */
		stage.ack_ns = stage.now_ns + 5 * MS;
	uint64_t down = (uint64_t)mfp_i64(frame, MFP_hello_dn, 0);
	for (size_t i = 0; i < stage.n_signals; i++)
		if (!stage.signals[i].over && stage.signals[i].down <= stage.down &&
		    (!stage.signals[i].down || stage.signals[i].down > down))
			stage_send_signal(&stage.signals[i]);
}

static inline void stage_note_result(uint64_t sid, uint64_t deal, int word, uint64_t position)
{
	for (size_t i = 0; i < stage.n_results; i++)
		if (stage.results[i].sid == sid && stage.results[i].deal == deal &&
		    (stage.results[i].word < 0) == (word < 0)) {
			stage.results[i].times++;
			return;
		}
	assert_true(stage.n_results < STAGE_RESULTS);
	stage.results[stage.n_results++] = (struct stage_result){ sid, deal, word, 1, position };
}

static inline void stage_note_deal(uint64_t deal, int64_t server_ms)
{
	if (server_ms > stage.pending_deal_ms ||
	    (server_ms == stage.pending_deal_ms && deal > stage.pending_deal)) {
		stage.pending_deal_ms = server_ms;
		stage.pending_deal = deal;
	}
}

static inline void stage_on_result(const struct mfp_frame *frame)
{
	uint64_t sid = (uint64_t)mfp_i64(frame, MFP_result_sid, 0);
	int word = mfp_word(frame, MFP_result_st);
	struct stage_signal *signal = stage_find_signal(sid);
	assert_non_null(signal);
	stage.words[word]++;
	signal->received = true;
	if (word != STAGE_UNK && word != STAGE_PART)
		signal->over = true;
	uint64_t deal = (uint64_t)mfp_i64(frame, MFP_result_deal, 0);
	stage_note_result(sid, word == STAGE_UNK ? UINT64_MAX : deal, word,
			  (uint64_t)mfp_i64(frame, MFP_result_pos, 0));
	if (deal)
		stage_note_deal(deal, mfp_i64(frame, MFP_result_sv, 0));
}

static inline void stage_on_ack_frame(const struct mfp_frame *frame)
{
	struct stage_signal *signal = stage_find_signal((uint64_t)mfp_i64(frame, MFP_ack_sid, 0));
	int word = mfp_word(frame, MFP_ack_st);
	stage.answers[word]++;
	if (signal)
		signal->received = true;
}

static inline void stage_on_reliable(const struct mfp_frame *frame)
{
	if (frame->seq <= stage.taken)
		return;
	assert_int_equal(frame->seq, stage.taken + 1);
	stage.taken = frame->seq;
	if (frame->verb == MFP_VERB_result)
		stage_on_result(frame);
	else if (frame->verb == MFP_VERB_ack)
		stage_on_ack_frame(frame);
	else if (frame->verb == MFP_VERB_bye)
		stage.byes[mfp_i64(frame, MFP_bye_why, 0) & 15]++;
	else {
		uint64_t deal = (uint64_t)mfp_i64(frame, MFP_deal_deal, 0);
		stage_note_result(0, deal, -1, 0);
		stage_note_deal(deal, mfp_i64(frame, MFP_deal_sv, 0));
	}
	if (stage.acks && !stage.ack_ns)
		stage.ack_ns = stage.now_ns + 5 * MS;
}

static inline void stage_set_position(struct stage_position *set, size_t *count,
				      const struct mfp_frame *frame, bool gone)
{
	uint64_t ticket = (uint64_t)mfp_i64(frame, MFP_position_tk, 0);
	size_t i = 0;
	while (i < *count && set[i].ticket != ticket)
		i++;
	if (gone) {
		assert_true(i < *count);
		set[i] = set[--*count];
		return;
	}
	if (i == *count) {
		assert_true(*count < STAGE_POSITIONS);
		++*count;
	}
	set[i] =
	    (struct stage_position){ ticket,
				     mfp_position_hash(ticket, mfp_number(frame, MFP_position_vol),
						       mfp_number(frame, MFP_position_sl),
						       mfp_number(frame, MFP_position_tp)) };
}

static inline void stage_on_position(const struct mfp_frame *frame)
{
	int event = mfp_word(frame, MFP_position_ev);
	if (event < 0) {
		assert_true(stage.collecting);
		stage_set_position(stage.collected, &stage.n_collected, frame, false);
	} else {
		stage_set_position(stage.positions, &stage.n_positions, frame, event == 2);
	}
}

static inline void stage_on_snapshot(const struct mfp_frame *frame)
{
	if (mfp_has(frame, MFP_snapshot_b)) {
		stage.collecting = true;
		stage.n_collected = 0;
		return;
	}
	assert_true(stage.collecting && mfp_has(frame, MFP_snapshot_e));
	assert_int_equal(mfp_i64(frame, MFP_snapshot_n, 0), stage.n_collected);
	memcpy(stage.positions, stage.collected, sizeof stage.positions);
	stage.n_positions = stage.n_collected;
	stage.collecting = false;
	assert_true(mfp_hash(frame, MFP_snapshot_ph) == stage_hash());
}

static inline void stage_on_state(const struct mfp_frame *frame)
{
	if (stage.n_states < ARRAY_LEN(stage.state_ns))
		stage.state_ns[stage.n_states++] = stage.now_ns;
	if (!mfp_has(frame, MFP_state_ph))
		return;
	assert_true(mfp_hash(frame, MFP_state_ph) == stage_hash());
	assert_int_equal(mfp_number(frame, MFP_state_n).mantissa, stage.n_positions);
}

static inline void stage_take(const struct mfp_frame *frame)
{
	if (frame->verb == MFP_VERB_hello) {
		assert_false(stage.welcomed);
		stage_on_hello(frame);
		return;
	}
	assert_true(stage.welcomed || frame->verb == MFP_VERB_error);
	switch (frame->verb) {
	case MFP_VERB_result:
	case MFP_VERB_deal:
	case MFP_VERB_ack:
	case MFP_VERB_bye: stage_on_reliable(frame); break;
	case MFP_VERB_state: stage_on_state(frame); break;
	case MFP_VERB_position: stage_on_position(frame); break;
	case MFP_VERB_snapshot: stage_on_snapshot(frame); break;
	default: break;
	}
}

static inline bool stage_is_blow(char letter, bool before)
{
	return stage.blow && stage.blow_verb == letter && stage.blow_before == before &&
	       stage.blow_after-- <= 0;
}

/* The blow falls between two frames: what was sent after this one is lost. */
static inline void stage_fall(void)
{
	enum stage_blow blow = stage.blow;
	stage.blow = BLOW_NONE;
	stage_strike(blow);
	stage.open = stage.welcomed = false;
	buf_clear(&stage.in);
	stage.ack_ns = 0;
}

static inline void stage_line(struct str line)
{
	struct mfp_fault fault;
	unsigned char letter = (unsigned char)line.ptr[0];
	if (stage_is_blow((char)letter, true)) {
		stage_fall();
		return;
	}
	if (mfp_read(line, MFP_PEER, &stage.frame, &fault) != STATUS_OK) {
		if (!stage.tolerant)
			fail_msg("%s %s: %.*s", fault.what, fault.key, STR_ARG(line));
		stage.bad_lines++;
		stage.longest_bad = line.len > stage.longest_bad ? line.len : stage.longest_bad;
		return;
	}
	stage.verbs[letter]++;
	if (line.len < sizeof stage.last[0]) {
		memcpy(stage.last[letter], line.ptr, line.len);
		stage.last[letter][line.len] = 0;
	}
	stage_take(&stage.frame);
	if (stage.open && stage_is_blow((char)letter, false))
		stage_fall();
}

/* ---- the world ---- */

static inline void stage_dial(void)
{
	terminal_dialled(stage.terminal);
	if (stage.silent) {
		stage.refused_dials++;
		terminal_closed(stage.terminal, stage.now_ns);
		return;
	}
	stage.open = true;
	stage.opened++;
	terminal_opened(stage.terminal, stage.now_ns);
	stage_say("B 0 v=1 srv=test nonce=%s hb=1000 dead=15000 max=4096", stage_nonce);
}

static inline void stage_take_bytes(void)
{
	struct str bytes = terminal_output(stage.terminal);
	if (!bytes.len)
		return;
	stage.takes++;
	buf_str_put(&stage.log, bytes);
	if (stage.open)
		buf_str_put(&stage.in, bytes);
	terminal_sent(stage.terminal, bytes.len, stage.now_ns);
	assert_false(stage.log.overflow || stage.in.overflow);
}

static inline void stage_read(void)
{
	size_t at = 0;
	while (stage.open && at < stage.in.len) {
		const char *line = stage.in.ptr + at;
		const char *end = memchr(line, '\n', stage.in.len - at);
		if (!end)
			break;
		at += (size_t)(end - line) + 1;
		stage_line(str_make(line, (size_t)(end - line)));
	}
	if (!stage.open || at == 0)
		return;
	memmove(stage.in.ptr, stage.in.ptr + at, stage.in.len - at);
	stage.in.len -= at;
}

static inline void stage_pump(void)
{
	for (int i = 0; i < 4; i++) {
		stage_take_bytes();
		stage_read();
		enum terminal_wish wish = terminal_wish(stage.terminal);
		if (wish == TERMINAL_DIAL) {
			stage_dial();
		} else if (wish == TERMINAL_HANG_UP) {
			stage.open = stage.welcomed = false;
			stage.ack_ns = 0;
			buf_clear(&stage.in);
			terminal_hung_up(stage.terminal);
		} else {
			return;
		}
	}
}

static inline void stage_weir_turn(void)
{
	if (stage.ack_ns && stage.now_ns >= stage.ack_ns && stage.welcomed) {
		stage.ack_ns = 0;
		stage.durable = stage.taken;
		stage.durable_results = stage.n_results;
		stage.deal = stage.pending_deal;
		stage.deal_ms = stage.pending_deal_ms;
		stage_say("K 0 up=%llu", (unsigned long long)stage.durable);
	}
	if (stage.now_ns >= stage.probe_ns) {
		stage.probe_ns = stage.now_ns + 5 * SECOND;
		if (stage.welcomed)
			stage_say("P 0 t=%lld", (long long)(stage.now_ns / MS));
	}
}

static inline int64_t stage_next(void)
{
	int64_t next_ns = terminal_next_ns(stage.terminal);
	if (stage.ack_ns && stage.ack_ns < next_ns)
		next_ns = stage.ack_ns;
	return stage.probe_ns < next_ns ? stage.probe_ns : next_ns;
}

static inline void stage_step(int64_t now_ns)
{
	stage.now_ns = now_ns;
	stage_weir_turn();
	terminal_step(stage.terminal, now_ns);
	stage_pump();
}

static inline void stage_run(int64_t length_ns)
{
	int64_t until_ns = stage.now_ns + length_ns;
	for (int same = 0;;) {
		int64_t next_ns = stage_next();
		if (next_ns > until_ns)
			break;
		same = next_ns <= stage.now_ns ? same + 1 : 0;
		assert_true(same < 100); /* a time that never passes */
		stage_step(next_ns > stage.now_ns ? next_ns : stage.now_ns);
	}
	stage_step(until_ns);
}

/* Until the terminal has nothing that is not durable. */
static inline void stage_settle(void)
{
	for (int i = 0; i < 200 && (terminal_unacked(stage.terminal) || !stage.welcomed); i++)
		stage_run(SECOND);
	assert_int_equal(terminal_unacked(stage.terminal), 0);
}

static inline void stage_open(const char *scenario, uint64_t seed)
{
	struct err err = { 0 };
	memset(&stage, 0, sizeof stage);
	buf_init(&stage.log, 1 << 28);
	buf_init(&stage.in, 1 << 24);
	if (sim_scenario_parse(str_of(scenario), "test", &stage.scenario, &err))
		fail_msg("%s", err.text);
	sim_scenario_settings(stage.scenario, seed, 0, 1, STR("mt5-017"), &stage.settings);
	stage.prices = prices_create(seed, stage.settings.volatility);
	stage.now_ns = START;
	stage.probe_ns = START + 5 * SECOND;
	stage.acks = true;
	stage.rate = 100;
	stage.down = 88123;
	struct terminal_config config = {
		.id = STR("mt5-017"),
		.token = str_of(stage_token),
		.login = 90000001,
		.server = "WeirSim-1",
		.settings = &stage.settings,
		.prices = stage.prices,
		.seed = seed,
		.start_ns = START,
		.connect_ns = START + 400 * MS,
		.counts = &stage.counts,
		.events = { stage_on_fact, stage_on_ack, NULL },
	};
	if (terminal_create(&config, &stage.terminal, &err))
		fail_msg("%s", err.text);
}

static inline void stage_close(void)
{
	terminal_destroy(stage.terminal);
	prices_destroy(stage.prices);
	sim_scenario_destroy(stage.scenario);
	buf_deinit(&stage.log);
	buf_deinit(&stage.in);
}
