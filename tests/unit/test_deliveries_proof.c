/* Deliveries against a world: a stream that forgets nothing before it is told, a store that
 * records late or not at all, terminals that lose connections and answers, reload, are slow,
 * refuse, and trade all the while, a weir that dies. Every entry ends once: one final
 * result, one end of its entry, and an order that was made is never said to be anything
 * else than done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/rng.h"
#include "trade/deliveries.h"

enum {
	TERMINALS = 4,
	REMOVED = 3, /* this one goes for good */
	ENTRIES = 400,
	FRAMES_MAX = 4096,
	WIRE_MAX = 256,
	STORE_MAX = 4096,
	RIDS_MAX = 8192,
	STEPS = 3000,
};

static const int64_t start_ms = 1784046190000, ttl_ms = 3000;

struct entry {
	uint32_t slot;
	int64_t added_ms;
	bool there;               /* in the stream */
	bool told;                /* in this run */
	const char *stood;        /* as the server has it; "" nothing */
	const char *stood_before; /* this step */
	int finals, unknowns, ends;
	/* the terminal's */
	bool known, traded, settled;
	int64_t trades_ms;
	const char *outcome;
};

struct up_frame {
	int entry;
	const char *word; /* of a Y; NULL: an R */
	const char *st;   /* of the R */
	uint64_t down;
};

struct down_frame {
	int entry;
	uint64_t down;
	int64_t ttl, arrives_ms;
};

struct terminal {
	bool connected, open, gone;
	int64_t connects_ms, opens_ms;
	struct up_frame frames[FRAMES_MAX]; /* by up number - 1 */
	uint64_t n_frames, acked, given, passed;
	uint64_t handled; /* down number */
	struct down_frame wire[WIRE_MAX];
	size_t n_wire;
};

struct stored {
	uint64_t rid_hash, tag, seq;
	int entry; /* -1: nothing to record but a number */
	uint32_t slot;
	bool final, unknown;
	const char *st;
	int64_t due_ms;
};

struct proof {
	struct rng rng;
	int64_t now_ms;
	struct deliveries *deliveries;
	struct entry entries[ENTRIES];
	int count;
	struct terminal terminals[TERMINALS];
	struct stored store[STORE_MAX];
	size_t n_store;
	uint64_t rids[RIDS_MAX];
	size_t n_rids;
	int ends[ENTRIES * 4]; /* said and not yet done on the server */
	size_t n_ends;
	uint64_t down;
	bool calm;
	int restarts, trades, asked_again;
};

static bool chance(struct proof *proof, uint64_t in)
{
	return !proof->calm && rng_below(&proof->rng, in) == 0;
}

static int64_t some_ms(struct proof *proof, uint64_t most)
{
	return (int64_t)rng_below(&proof->rng, most + 1);
}

static const char *name_of(uint32_t slot)
{
	static const char *const names[TERMINALS] = { "t-0", "t-1", "t-2", "t-3" };
	return names[slot];
}

/* ---- the store of results ---- */

static bool is_recorded(const struct proof *proof, uint64_t rid_hash)
{
	for (size_t i = 0; i < proof->n_rids; i++)
		if (proof->rids[i] == rid_hash)
			return true;
	return false;
}

static void store(struct proof *proof, struct stored what)
{
	assert_true(proof->n_store < STORE_MAX);
	int64_t last_ms = proof->n_store ? proof->store[proof->n_store - 1].due_ms : 0;
	what.due_ms = proof->now_ms + some_ms(proof, 60);
	what.due_ms = what.due_ms < last_ms ? last_ms : what.due_ms; /* in order */
	proof->store[proof->n_store++] = what;
}

static void record(struct proof *proof, const struct stored *what)
{
	struct terminal *terminal = &proof->terminals[what->slot];
	if (what->entry >= 0 && !is_recorded(proof, what->rid_hash)) {
		struct entry *entry = &proof->entries[what->entry];
		assert_true(proof->n_rids < RIDS_MAX);
		proof->rids[proof->n_rids++] = what->rid_hash;
		entry->unknowns += what->unknown;
		entry->finals += what->final;
		assert_in_range(entry->finals, 0, 1);
		assert_in_range(entry->unknowns, 0, 1);
		if (what->final && entry->traded)
			assert_string_equal(what->st, "done");
	}
	if (what->seq > terminal->acked)
		terminal->acked = what->seq;
	if (what->tag)
		deliveries_recorded(proof->deliveries, what->tag);
}

static void record_due(struct proof *proof)
{
	size_t n = 0;
	while (n < proof->n_store && proof->store[n].due_ms <= proof->now_ms)
		record(proof, &proof->store[n++]);
	memmove(proof->store, proof->store + n, (proof->n_store -= n) * sizeof proof->store[0]);
}

/* ---- the hooks ---- */

static size_t members(void *ctx, const struct target *target, uint32_t *slots, size_t room)
{
	const struct proof *proof = ctx;
	assert_true(room > 0);
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		if (!proof->terminals[slot].gone && str_eq(target->name, str_of(name_of(slot)))) {
			slots[0] = slot;
			return 1;
		}
	return 0;
}

static void about(void *ctx, uint32_t slot, struct delivery_terminal *out)
{
	assert_false(((struct proof *)ctx)->terminals[slot].gone);
	out->id = str_of(name_of(slot));
}

static bool has_ended(void *ctx, uint64_t sid, struct str instance)
{
	return instance.len > 0 && ((struct proof *)ctx)->entries[sid - 1].finals > 0;
}

static uint64_t next_down(void *ctx)
{
	struct proof *proof = ctx;
	return chance(proof, 40) ? 0 : ++proof->down;
}

static enum status send_line(void *ctx, uint32_t slot, struct str line)
{
	struct proof *proof = ctx;
	struct terminal *terminal = &proof->terminals[slot];
	struct mfp_frame frame;
	struct mfp_fault fault;
	assert_true(terminal->connected && terminal->open);
	if (chance(proof, 40) || terminal->n_wire == WIRE_MAX)
		return STATUS_FULL;
	assert_int_equal(mfp_read(str_make(line.ptr, line.len - 1), MFP_WEIR, &frame, &fault),
			 STATUS_OK);
	int entry = (int)mfp_i64(&frame, MFP_signal_sid, 0) - 1;
	assert_int_equal(proof->entries[entry].slot, slot);
	terminal->wire[terminal->n_wire++] = (struct down_frame){
		.entry = entry,
		.down = frame.seq,
		.ttl = mfp_i64(&frame, MFP_signal_ttl, -1),
		.arrives_ms = proof->now_ms + some_ms(proof, 200),
	};
	return STATUS_OK;
}

static enum status put_result(void *ctx, const struct result *result, uint64_t tag)
{
	struct proof *proof = ctx;
	uint64_t sid;
	if (chance(proof, 10))
		return STATUS_FULL;
	assert_int_equal(str_to_u64(result->fields[RESULT_sid], &sid), STATUS_OK);
	store(proof, (struct stored){ .rid_hash = result->rid_hash,
				      .tag = tag,
				      .entry = (int)sid - 1,
				      .final = result->final,
				      .unknown = !result->final,
				      .st = "weir's" });
	return STATUS_OK;
}

static void on_state(void *ctx, const struct delivery_view *view)
{
	struct entry *entry = &((struct proof *)ctx)->entries[view->sid - 1];
	entry->stood_before = entry->stood;
	entry->stood = view->state == DELIVERY_SENT ? "sent" : "received";
}

static void on_done(void *ctx, uint64_t sid, struct delivery_entry_id id)
{
	struct proof *proof = ctx;
	assert_int_equal(id.seq, sid);
	assert_true(proof->n_ends < ARRAY_LEN(proof->ends));
	proof->ends[proof->n_ends++] = (int)sid - 1;
	proof->entries[sid - 1].ends++;
}

static void on_queue(void *ctx, uint32_t slot, uint32_t waiting, uint32_t in_flight)
{
	(void)ctx, (void)slot, (void)waiting, (void)in_flight;
}

/* ---- the terminals ---- */

static void say(struct proof *proof, uint32_t slot, struct up_frame frame)
{
	struct terminal *terminal = &proof->terminals[slot];
	assert_true(terminal->n_frames < FRAMES_MAX);
	terminal->frames[terminal->n_frames++] = frame;
}

static void say_outcome(struct proof *proof, uint32_t slot, int at)
{
	say(proof, slot, (struct up_frame){ .entry = at, .st = proof->entries[at].outcome });
}

static const char *take_signal(struct proof *proof, struct entry *entry, int64_t ttl)
{
	static const char *const refusals[] = { "busy", "busy", "bad", "stop" };
	if (entry->known)
		return "dup";
	if (ttl <= 0)
		return "exp";
	if (chance(proof, 12))
		return refusals[rng_below(&proof->rng, ARRAY_LEN(refusals))];
	entry->known = true;
	entry->trades_ms = proof->now_ms + some_ms(proof, 2000);
	return "rx";
}

static void read_wire(struct proof *proof, uint32_t slot)
{
	struct terminal *terminal = &proof->terminals[slot];
	while (terminal->n_wire && terminal->wire[0].arrives_ms <= proof->now_ms) {
		struct down_frame frame = terminal->wire[0];
		struct entry *entry = &proof->entries[frame.entry];
		memmove(terminal->wire, terminal->wire + 1,
			--terminal->n_wire * sizeof terminal->wire[0]);
		terminal->handled = frame.down;
		const char *word = take_signal(proof, entry, frame.ttl);
		say(proof, slot,
		    (struct up_frame){ .entry = frame.entry, .word = word, .down = frame.down });
		if (strcmp(word, "dup") == 0 && entry->settled)
			say_outcome(proof, slot, frame.entry);
	}
}

static void trade(struct proof *proof)
{
	static const char *const outcomes[] = { "done", "done", "done", "fail", "exp" };
	for (int i = 0; i < proof->count; i++) {
		struct entry *entry = &proof->entries[i];
		if (!entry->known || entry->settled || entry->trades_ms > proof->now_ms ||
		    proof->terminals[entry->slot].gone)
			continue;
		entry->settled = true;
		entry->outcome = outcomes[rng_below(&proof->rng, ARRAY_LEN(outcomes))];
		entry->traded = strcmp(entry->outcome, "done") == 0;
		proof->trades += entry->traded;
		assert_int_equal(entry->finals, 0); /* nobody has said otherwise */
		if (entry->traded && rng_below(&proof->rng, 4) == 0)
			say(proof, entry->slot, (struct up_frame){ .entry = i, .st = "part" });
		say_outcome(proof, entry->slot, i);
	}
}

static void disconnect(struct proof *proof, uint32_t slot)
{
	struct terminal *terminal = &proof->terminals[slot];
	if (!terminal->connected)
		return;
	terminal->connected = false;
	terminal->n_wire = 0;
	terminal->connects_ms = proof->now_ms + some_ms(proof, chance(proof, 4) ? 20000 : 1000);
	deliveries_gone(proof->deliveries, slot);
	if (chance(proof, 3)) {
		terminal->open = false;
		deliveries_pause(proof->deliveries, slot);
		deliveries_unknown(proof->deliveries, slot);
	}
}

/* The expert is loaded anew: what it wanted to say is forgotten, what it knows is not. */
static void reload(struct proof *proof, uint32_t slot)
{
	struct terminal *terminal = &proof->terminals[slot];
	disconnect(proof, slot);
	terminal->n_frames = terminal->acked = terminal->given = terminal->passed = 0;
	for (size_t i = 0; i < proof->n_store; i++)
		if (proof->store[i].slot == slot)
			proof->store[i].seq = 0; /* of the old epoch */
}

static void connect_due(struct proof *proof, uint32_t slot)
{
	struct terminal *terminal = &proof->terminals[slot];
	if (terminal->gone)
		return;
	if (!terminal->connected && terminal->connects_ms <= proof->now_ms) {
		terminal->connected = true;
		terminal->given = terminal->acked;
		terminal->opens_ms = proof->now_ms + some_ms(proof, 500);
		deliveries_resume(proof->deliveries, slot, terminal->handled);
	}
	if (terminal->connected && !terminal->open && terminal->opens_ms <= proof->now_ms) {
		terminal->open = true;
		deliveries_open(proof->deliveries, slot, 20);
	}
}

static void frame_line(const struct up_frame *frame, uint64_t seq, char line[160])
{
	unsigned long long sid = (unsigned long long)frame->entry + 1, n = seq;
	if (frame->word)
		snprintf(line, 160, "Y %llu dn=%llu sid=%llu st=%s", n,
			 (unsigned long long)frame->down, sid, frame->word);
	else if (strcmp(frame->st, "part") == 0)
		snprintf(line, 160, "R %llu sid=%llu st=part deal=%llu", n, sid, sid * 2);
	else
		snprintf(line, 160, "R %llu sid=%llu st=%s deal=%llu", n, sid, frame->st,
			 strcmp(frame->st, "done") == 0 ? sid * 2 + 1 : 0);
}

/* As the gate and the wires behind it do. */
static void hear(struct proof *proof, uint32_t slot, const struct up_frame *what, uint64_t seq)
{
	char line[160];
	struct mfp_frame frame;
	struct mfp_fault fault;
	struct result result;
	const struct result_owner owner = { str_of(name_of(slot)), STR("S"), 1 };
	frame_line(what, seq, line);
	assert_int_equal(mfp_read(str_of(line), MFP_PEER, &frame, &fault), STATUS_OK);
	if (what->word) {
		store(proof, (struct stored){ .seq = seq, .slot = slot, .entry = -1 });
		deliveries_ack(proof->deliveries, slot, &frame);
		return;
	}
	assert_int_equal(result_of_frame(&result, &frame, &owner, proof->now_ms), STATUS_OK);
	uint64_t tag = deliveries_result(proof->deliveries, slot, &result);
	store(proof, (struct stored){ .rid_hash = result.rid_hash,
				      .tag = tag,
				      .seq = seq,
				      .slot = slot,
				      .entry = what->entry,
				      .final = result.final,
				      .st = what->st });
}

static void hear_all(struct proof *proof, uint32_t slot)
{
	struct terminal *terminal = &proof->terminals[slot];
	while (terminal->connected && terminal->given < terminal->n_frames) {
		if (chance(proof, 60)) {
			disconnect(proof, slot);
			return;
		}
		uint64_t seq = ++terminal->given;
		if (seq <= terminal->passed)
			continue;
		terminal->passed = seq;
		hear(proof, slot, &terminal->frames[seq - 1], seq);
	}
}

/* ---- weir ---- */

static void start_weir(struct proof *proof)
{
	const struct delivery_hooks hooks = {
		.members = members,
		.about = about,
		.has_ended = has_ended,
		.next_down = next_down,
		.send = send_line,
		.result = put_result,
		.state = on_state,
		.done = on_done,
		.queue = on_queue,
		.ctx = proof,
	};
	const struct deliveries_config config = { .slots = TERMINALS };
	proof->deliveries = deliveries_create(&config, &hooks);
	assert_non_null(proof->deliveries);
	deliveries_step(proof->deliveries, proof->now_ms);
}

static void tell(struct proof *proof, int at, bool again)
{
	struct entry *entry = &proof->entries[at];
	const struct str keys[] = { STR("id"), STR("to"), STR("act") };
	char id[16];
	snprintf(id, sizeof id, "x%d", at);
	const struct str values[] = { str_of(id), str_of(name_of(entry->slot)), STR("closeall") };
	const struct delivery_member member = { .instance = str_of(name_of(entry->slot)),
						.stood = str_of(entry->stood) };
	const struct delivery_entry what = {
		.id = { (uint64_t)entry->added_ms - 30000 + (uint64_t)ttl_ms, (uint64_t)at + 1 },
		.sid = (uint64_t)at + 1,
		.keys = keys,
		.values = values,
		.count = 3,
		.again = again,
		.members = &member,
		.member_count = again && entry->stood && *entry->stood,
	};
	entry->told = deliveries_take(proof->deliveries, &what);
}

static void kill_weir(struct proof *proof)
{
	proof->restarts++;
	for (uint32_t slot = 0; slot < TERMINALS; slot++) {
		struct terminal *terminal = &proof->terminals[slot];
		terminal->connected = terminal->open = false;
		terminal->passed = terminal->acked;
		terminal->n_wire = 0;
		terminal->connects_ms = proof->now_ms + 500 + some_ms(proof, 10000);
	}
	deliveries_destroy(proof->deliveries);
	proof->n_store = proof->n_ends = 0;
	proof->now_ms += 100 + some_ms(proof, 3000);
	start_weir(proof);
	for (int i = 0; i < proof->count; i++) {
		struct entry *entry = &proof->entries[i];
		if (entry->stood_before && chance(proof, 2))
			entry->stood = entry->stood_before; /* did not get there in time */
		if (!entry->there)
			continue;
		bool again = entry->told;
		tell(proof, i, again);
		proof->asked_again += again;
	}
}

static void flush_ends(struct proof *proof)
{
	for (size_t i = 0; i < proof->n_ends; i++)
		proof->entries[proof->ends[i]].there = false;
	proof->n_ends = 0;
}

static void add_some(struct proof *proof)
{
	while (proof->count < ENTRIES && rng_below(&proof->rng, 5) == 0)
		proof->entries[proof->count++] = (struct entry){
			.slot = (uint32_t)rng_below(&proof->rng, TERMINALS),
			.added_ms = proof->now_ms,
			.there = true,
			.stood = "",
		};
	for (int i = 0; i < proof->count; i++)
		if (!proof->entries[i].told)
			tell(proof, i, false);
}

static void remove_terminal(struct proof *proof)
{
	struct terminal *terminal = &proof->terminals[REMOVED];
	deliveries_remove(proof->deliveries, REMOVED);
	terminal->gone = true;
	terminal->connected = terminal->open = false;
	terminal->n_wire = 0;
}

static void step(struct proof *proof)
{
	proof->now_ms += 1 + some_ms(proof, 100);
	for (int i = 0; i < proof->count; i++)
		proof->entries[i].stood_before = NULL;
	add_some(proof);
	deliveries_step(proof->deliveries, proof->now_ms);
	trade(proof);
	for (uint32_t slot = 0; slot < TERMINALS; slot++) {
		connect_due(proof, slot);
		if (proof->terminals[slot].connected)
			read_wire(proof, slot);
		hear_all(proof, slot);
		if (chance(proof, 150))
			disconnect(proof, slot);
		if (chance(proof, 300) && !proof->terminals[slot].gone)
			reload(proof, slot);
		if (chance(proof, 600))
			deliveries_drop(proof->deliveries, slot, "stopped");
	}
	record_due(proof);
	if (!chance(proof, 3))
		flush_ends(proof);
	if (chance(proof, 200))
		kill_weir(proof);
}

static void prove(uint64_t seed)
{
	struct proof *proof = calloc(1, sizeof *proof);
	assert_non_null(proof);
	rng_init(&proof->rng, seed);
	proof->now_ms = start_ms;
	start_weir(proof);
	for (int i = 0; i < STEPS; i++) {
		if (i == STEPS * 2 / 3)
			remove_terminal(proof);
		step(proof);
	}
	proof->calm = true;
	for (int i = 0; i < 3000; i++)
		step(proof);
	for (int i = 0; i < proof->count; i++) {
		const struct entry *entry = &proof->entries[i];
		assert_false(entry->there);
		assert_true(entry->ends >= 1);
		if (entry->slot == REMOVED)
			assert_true(entry->finals == 1 || entry->unknowns == 1);
		else
			assert_int_equal(entry->finals, 1);
	}
	struct deliveries_counts counts = deliveries_counts(proof->deliveries);
	assert_int_equal(counts.waiting + counts.in_flight, 0);
	print_message("%d entries, %d trades, %d restarts, %d told again\n", proof->count,
		      proof->trades, proof->restarts, proof->asked_again);
	deliveries_destroy(proof->deliveries);
	free(proof);
}

static void every_entry_ends_once_and_a_trade_is_never_denied(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		prove(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_entry_ends_once_and_a_trade_is_never_denied),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
