/* fanout_world.h - what test_deliveries_fanout.c proves deliveries in: a stream, a store of
 * results, an archive, notes of members, terminals with positions, operators, limits, and a
 * weir that dies. Include after cmocka.h. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/rng.h"
#include "trade/deliveries.h"

enum { SLOTS = 4, ENTRIES = 300, WIRE = 512, LATER = 8192, STEPS = 3000, POSITIONS_MOST = 3 };

static const int64_t start_ms = 1784046190000, ttl_ms = 4000;

static const char *const names[SLOTS] = { "t-0", "t-1", "t-2", "t-3" };

/* What became of an entry at a terminal. */
struct order {
	bool noted;        /* as a member, on the server */
	const char *stood; /* there; NULL "waiting" */
	bool recorded, row;
	int finals;
	/* the terminal's */
	bool known, settled, traded, open, shown;
	int64_t trades_ms, shows_ms;
	const char *outcome;
};

struct entry {
	char to[16];
	bool there, told, opens, ended_alone; /* ended_alone: refused as a whole */
	int repeats;                          /* the entry whose id it has; its own: none */
	int64_t added_ms;
	struct order orders[SLOTS];
};

struct frame { /* to a terminal, or from it */
	int entry;
	int64_t at_ms, ttl;
	uint64_t down;
	const char *word, *st; /* of an answer; of a result */
};

struct wire {
	struct frame frames[WIRE];
	size_t count;
};

/* What comes to pass later: a result is recorded, a row committed, members written. */
struct later {
	enum { RESULT, ROW, ROUTE } kind;
	int entry;
	uint32_t slot; /* SLOTS: of no terminal */
	uint64_t tag, members;
	bool final;
	const char *st;
	int64_t due_ms;
};

struct world {
	struct rng rng;
	int64_t now_ms;
	struct deliveries *deliveries;
	struct limits *limits;
	struct halts halts;
	struct entry entries[ENTRIES];
	int count;
	struct {
		bool connected;
		int64_t connects_ms, opens_ms;
		uint64_t handled;
		struct wire down, up;
	} terminals[SLOTS];
	struct later later[LATER];
	size_t n_later;
	int gone[ENTRIES];
	size_t n_gone;
	uint64_t down, over;
	bool calm;
	int restarts, trades, halted, limited, sent;
};

static inline bool chance(struct world *world, uint64_t in)
{
	return !world->calm && rng_below(&world->rng, in) == 0;
}

static inline int64_t some_ms(struct world *world, uint64_t most)
{
	return (int64_t)rng_below(&world->rng, most + 1);
}

static inline uint32_t slot_of(struct str name)
{
	uint32_t slot = 0;
	while (slot < SLOTS && !str_eq(name, str_of(names[slot])))
		slot++;
	return slot;
}

static inline void put(struct wire *wire, struct frame frame)
{
	assert_true(wire->count < WIRE);
	wire->frames[wire->count++] = frame;
}

static inline void postpone(struct world *world, struct later what, uint64_t most_ms)
{
	int64_t last_ms = world->n_later ? world->later[world->n_later - 1].due_ms : 0;
	assert_true(world->n_later < LATER);
	what.due_ms = world->now_ms + some_ms(world, most_ms);
	what.due_ms = what.due_ms < last_ms ? last_ms : what.due_ms;
	world->later[world->n_later++] = what;
}

/* ---- the hooks ---- */

static inline size_t members(void *ctx, const struct target *target, uint32_t *slots, size_t room)
{
	size_t count = 0;
	(void)ctx;
	assert_true(room == SLOTS);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		if (target->kind == TARGET_ALL || (target->kind == TARGET_GROUP && slot < 3) ||
		    (target->kind == TARGET_INSTANCE && slot_of(target->name) == slot))
			slots[count++] = slot;
	return count;
}

static inline void about(void *ctx, uint32_t slot, struct delivery_terminal *out)
{
	(void)ctx;
	out->id = str_of(names[slot]);
	out->server = STR("S");
	if (slot < 3)
		out->groups[out->group_count++] = STR("g");
}

static inline bool has_ended(void *ctx, uint64_t sid, struct str instance)
{
	const struct entry *entry = &((struct world *)ctx)->entries[sid - 1];
	if (!instance.len)
		return entry->ended_alone;
	return entry->orders[slot_of(instance)].recorded;
}

static inline enum status route(void *ctx, uint64_t sid, struct delivery_entry_id id,
				const struct str *instances, size_t count)
{
	struct world *world = ctx;
	struct later what = { .kind = ROUTE, .entry = (int)sid - 1 };
	(void)id;
	if (chance(world, 6))
		return STATUS_FULL;
	for (size_t i = 0; i < count; i++)
		what.members |= UINT64_C(1) << slot_of(instances[i]);
	postpone(world, what, 80);
	return STATUS_OK;
}

static inline uint64_t next_down(void *ctx)
{
	struct world *world = ctx;
	return chance(world, 40) ? 0 : ++world->down;
}

static inline bool is_halted(const struct world *world, uint32_t slot)
{
	const struct str group = STR("g");
	return halts_hold(&world->halts, str_of(names[slot]), &group, slot < 3);
}

static inline enum status send_line(void *ctx, uint32_t slot, struct str line)
{
	struct world *world = ctx;
	struct mfp_frame frame;
	struct mfp_fault fault;
	assert_true(world->terminals[slot].connected);
	if (chance(world, 30))
		return STATUS_FULL;
	assert_int_equal(mfp_read(str_make(line.ptr, line.len - 1), MFP_WEIR, &frame, &fault),
			 STATUS_OK);
	int at = (int)mfp_i64(&frame, MFP_signal_sid, 0) - 1;
	int64_t ttl = mfp_i64(&frame, MFP_signal_ttl, -1);
	const struct entry *entry = &world->entries[at];
	assert_true(ttl <= entry->added_ms + ttl_ms - world->now_ms || ttl == 0);
	assert_true(!entry->opens || !is_halted(world, slot) || ttl == 0);
	assert_true(entry->orders[slot].noted || slot_of(str_of(entry->to)) == slot);
	assert_int_equal(entry->orders[slot].finals, 0);
	put(&world->terminals[slot].down,
	    (struct frame){ .entry = at,
			    .at_ms = world->now_ms + some_ms(world, 200),
			    .ttl = ttl,
			    .down = frame.seq });
	world->sent++;
	return STATUS_OK;
}

static inline enum status put_result(void *ctx, const struct result *result, uint64_t tag)
{
	struct world *world = ctx;
	uint64_t sid;
	struct str st = result->fields[RESULT_st], why = result->fields[RESULT_why];
	if (chance(world, 10))
		return STATUS_FULL;
	assert_int_equal(str_to_u64(result->fields[RESULT_sid], &sid), STATUS_OK);
	assert_true(result->final == (tag != 0));
	world->halted += str_eq(why, STR("halted"));
	world->limited += str_eq(why, STR("limit_positions"));
	postpone(world,
		 (struct later){ .kind = RESULT,
				 .entry = (int)sid - 1,
				 .tag = tag,
				 .slot = slot_of(result->fields[RESULT_ins]),
				 .final = result->final,
				 .st = str_eq(st, STR("unk")) ? "unk" : "w" },
		 60);
	return STATUS_OK;
}

static inline void on_state(void *ctx, const struct delivery_view *view)
{
	struct world *world = ctx;
	struct order *order = &world->entries[view->sid - 1].orders[view->slot];
	if (chance(world, 20))
		return; /* did not get there: what follows may */
	order->noted = true;
	order->stood = view->state == DELIVERY_SENT ? "sent" : "received";
}

static inline enum delivery_told on_ended(void *ctx, const struct delivery_end *end)
{
	struct world *world = ctx;
	uint32_t slot = slot_of(end->instance);
	if (chance(world, 5))
		return DELIVERY_TOLD_LATER;
	assert_true(slot == SLOTS || world->entries[end->sid - 1].orders[slot].recorded);
	postpone(world,
		 (struct later){
		     .kind = ROW, .entry = (int)end->sid - 1, .slot = slot, .tag = end->tag },
		 300);
	return DELIVERY_TOLD_KEPT;
}

static inline void on_done(void *ctx, uint64_t sid, struct delivery_entry_id id)
{
	struct world *world = ctx;
	const struct entry *entry = &world->entries[sid - 1];
	assert_int_equal(id.seq, sid);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		assert_true(entry->orders[slot].row || !entry->orders[slot].recorded);
	assert_true(world->n_gone < ENTRIES);
	world->gone[world->n_gone++] = (int)sid - 1;
}

static inline void on_queue(void *ctx, uint32_t slot, uint32_t waiting, uint32_t in_flight)
{
	(void)ctx, (void)slot, (void)waiting, (void)in_flight;
}

/* ---- what is open ---- */

static inline int open_orders(const struct world *world, uint32_t slot, bool shown)
{
	int count = 0;
	for (int i = 0; i < world->count; i++) {
		const struct order *order = &world->entries[i].orders[slot];
		count += order->open && (!shown || order->shown);
	}
	return count;
}

static inline void open_at(void *ctx, uint32_t slot, struct limits_open *out)
{
	out->positions = open_orders(ctx, slot, true);
}

static inline bool shows(void *ctx, uint32_t slot, uint64_t position)
{
	return ((struct world *)ctx)->entries[position - 1].orders[slot].shown;
}

static inline size_t group(void *ctx, struct str name, uint32_t *slots, size_t room)
{
	const struct target target = { .kind = TARGET_GROUP, .name = name };
	return members(ctx, &target, slots, room);
}

static inline void account(void *ctx, uint32_t slot, struct str *server, int64_t *login)
{
	(void)ctx;
	*server = STR("S");
	*login = slot;
}

/* ---- the terminals ---- */

static const char *take_signal(struct world *world, struct order *order, int64_t ttl)
{
	static const char *const refusals[] = { "busy", "busy", "bad", "stop" };
	if (order->known)
		return "dup";
	if (ttl <= 0)
		return "exp";
	if (chance(world, 12))
		return refusals[rng_below(&world->rng, ARRAY_LEN(refusals))];
	order->known = true;
	order->trades_ms = world->now_ms + some_ms(world, 1500);
	return "rx";
}

static inline void say_result(struct world *world, uint32_t slot, int at)
{
	struct frame frame = { .entry = at, .st = world->entries[at].orders[slot].outcome };
	put(&world->terminals[slot].up, frame);
}

static inline void read_wire(struct world *world, uint32_t slot)
{
	struct wire *wire = &world->terminals[slot].down;
	size_t n = 0;
	for (; n < wire->count && wire->frames[n].at_ms <= world->now_ms; n++) {
		const struct frame *frame = &wire->frames[n];
		struct order *order = &world->entries[frame->entry].orders[slot];
		const char *word = take_signal(world, order, frame->ttl);
		world->terminals[slot].handled = frame->down;
		put(&world->terminals[slot].up,
		    (struct frame){ .entry = frame->entry, .word = word, .down = frame->down });
		if (strcmp(word, "dup") == 0 && order->settled)
			say_result(world, slot, frame->entry);
	}
	wire->count -= n;
	memmove(wire->frames, wire->frames + n, wire->count * sizeof wire->frames[0]);
}

static inline void trade_one(struct world *world, uint32_t slot, int at)
{
	static const char *const outcomes[] = { "done", "done", "fail", "exp" };
	struct entry *entry = &world->entries[at];
	struct order *order = &entry->orders[slot];
	order->settled = true;
	order->outcome = outcomes[rng_below(&world->rng, ARRAY_LEN(outcomes))];
	order->traded = strcmp(order->outcome, "done") == 0;
	order->open = order->traded && entry->opens;
	order->shows_ms = world->now_ms + some_ms(world, 2000);
	world->trades += order->traded;
	assert_int_equal(order->finals, 0); /* nobody has said otherwise */
	assert_true(open_orders(world, slot, false) <= POSITIONS_MOST);
	say_result(world, slot, at);
}

static inline void trade(struct world *world)
{
	for (int i = 0; i < world->count; i++)
		for (uint32_t slot = 0; slot < SLOTS; slot++) {
			struct order *order = &world->entries[i].orders[slot];
			if (order->known && !order->settled && order->trades_ms <= world->now_ms)
				trade_one(world, slot, i);
			order->shown |= order->open && order->shows_ms <= world->now_ms &&
					world->terminals[slot].connected;
			if (order->shown && rng_below(&world->rng, 100) == 0)
				order->open = false; /* closed; it was shown */
		}
}

static inline void disconnect(struct world *world, uint32_t slot, bool told)
{
	if (!world->terminals[slot].connected)
		return;
	world->terminals[slot].connected = false;
	world->terminals[slot].down.count = 0;
	world->terminals[slot].connects_ms =
	    world->now_ms + some_ms(world, chance(world, 4) ? 15000 : 1000);
	if (told)
		deliveries_gone(world->deliveries, slot);
	if (told && chance(world, 3)) {
		deliveries_pause(world->deliveries, slot);
		deliveries_unknown(world->deliveries, slot);
	}
}

/* Its positions are shown before it gets anything: a snapshot comes first. Results that are
 * not recorded come again. */
static inline void connect(struct world *world, uint32_t slot)
{
	world->terminals[slot].connected = true;
	world->terminals[slot].up.count = 0;
	for (int i = 0; i < world->count; i++) {
		struct order *order = &world->entries[i].orders[slot];
		order->shown |= order->open;
		if (order->settled && !order->recorded)
			say_result(world, slot, i);
	}
	deliveries_resume(world->deliveries, slot, world->terminals[slot].handled);
	deliveries_open(world->deliveries, slot, 20);
}

static inline void hear(struct world *world, uint32_t slot, const struct frame *what)
{
	char line[160];
	struct mfp_frame frame;
	struct mfp_fault fault;
	struct result result;
	const struct result_owner owner = { str_of(names[slot]), STR("S"), slot };
	unsigned long long sid = (unsigned long long)what->entry + 1, down = what->down;
	if (what->word)
		snprintf(line, sizeof line, "Y 1 dn=%llu sid=%llu st=%s", down, sid, what->word);
	else
		snprintf(line, sizeof line, "R 1 sid=%llu st=%s deal=%llu pos=%llu", sid, what->st,
			 strcmp(what->st, "done") == 0 ? sid : 0, sid);
	assert_int_equal(mfp_read(str_of(line), MFP_PEER, &frame, &fault), STATUS_OK);
	if (what->word) {
		deliveries_ack(world->deliveries, slot, &frame);
		return;
	}
	assert_int_equal(result_of_frame(&result, &frame, &owner, world->now_ms), STATUS_OK);
	uint64_t tag = deliveries_result(world->deliveries, slot, &result);
	postpone(world,
		 (struct later){ .kind = RESULT,
				 .entry = what->entry,
				 .slot = slot,
				 .tag = tag,
				 .final = true,
				 .st = what->st },
		 60);
}

static inline void hear_all(struct world *world, uint32_t slot)
{
	struct wire *wire = &world->terminals[slot].up;
	size_t n = 0;
	while (world->terminals[slot].connected && n < wire->count) {
		struct frame frame = wire->frames[n++];
		hear(world, slot, &frame);
	}
	wire->count = 0;
	if (chance(world, 120))
		disconnect(world, slot, true);
}

/* ---- what comes to pass ---- */

/* The store drops what it has: the same result of the same delivery. */
static inline void record(struct world *world, const struct later *what)
{
	struct entry *entry = &world->entries[what->entry];
	if (what->slot == SLOTS) {
		entry->ended_alone = true;
	} else if (what->final) {
		struct order *order = &entry->orders[what->slot];
		order->finals += !order->recorded;
		assert_true(!order->traded || strcmp(what->st, "done") == 0);
		order->recorded = true;
	}
	if (what->tag)
		deliveries_recorded(world->deliveries, what->tag);
}

static inline void come_to_pass(struct world *world, const struct later *what, bool alive)
{
	struct entry *entry = &world->entries[what->entry];
	if (what->kind == RESULT && alive) {
		record(world, what);
	} else if (what->kind == ROUTE) {
		for (uint32_t slot = 0; slot < SLOTS; slot++)
			entry->orders[slot].noted |= what->members >> slot & 1;
		if (alive)
			deliveries_routed(world->deliveries, (uint64_t)what->entry + 1, STATUS_OK);
	} else if (what->kind == ROW) {
		if (what->slot < SLOTS)
			entry->orders[what->slot].row = true;
		world->over += alive;
		if (alive)
			deliveries_archived(world->deliveries, what->tag);
	}
}

static inline void pass_due(struct world *world)
{
	while (world->n_later && world->later[0].due_ms <= world->now_ms) {
		struct later what = world->later[0];
		memmove(world->later, world->later + 1, --world->n_later * sizeof what);
		come_to_pass(world, &what, true);
	}
	for (size_t i = 0; i < world->n_gone; i++)
		world->entries[world->gone[i]].there = false;
	world->n_gone = 0;
}

/* ---- weir ---- */

static inline void start_weir(struct world *world)
{
	static struct config_problems problems;
	struct config *config;
	const struct config_source source = { .file_name = STR("weir.conf"),
					      .file_text = STR("[limits]\nmax_positions = 3\n") };
	const struct limits_hooks limits = { open_at, shows, group, account, world };
	const struct delivery_hooks hooks = {
		.members = members,
		.about = about,
		.has_ended = has_ended,
		.route = route,
		.next_down = next_down,
		.send = send_line,
		.result = put_result,
		.state = on_state,
		.ended = on_ended,
		.done = on_done,
		.queue = on_queue,
		.ctx = world,
	};
	world->limits = limits_create(SLOTS, &limits);
	assert_non_null(world->limits);
	assert_int_equal(config_create(&source, &config, &problems), STATUS_OK);
	assert_int_equal(limits_configure(world->limits, config), STATUS_OK);
	config_destroy(config);
	const struct deliveries_config what = { .slots = SLOTS,
						.halts = &world->halts,
						.limits = world->limits };
	world->deliveries = deliveries_create(&what, &hooks);
	assert_non_null(world->deliveries);
	deliveries_step(world->deliveries, world->now_ms);
	world->over = 0;
}

static inline void tell(struct world *world, int at, bool again)
{
	struct entry *entry = &world->entries[at];
	struct delivery_member known[SLOTS];
	size_t count = 0;
	char id[16];
	snprintf(id, sizeof id, "x%d", entry->repeats);
	const struct str keys[] = { STR("id"), STR("to"),  STR("act"), STR("sym"),
				    STR("sd"), STR("vol"), STR("exp") };
	char expires[24];
	snprintf(expires, sizeof expires, "%lld", (long long)(entry->added_ms + ttl_ms));
	const struct str values[] = {
		str_of(id),     str_of(entry->to), entry->opens ? STR("open") : STR("closeall"),
		STR("X"),       STR("buy"),        STR("1"),
		str_of(expires)
	};
	for (uint32_t slot = 0; again && slot < SLOTS; slot++)
		if (entry->orders[slot].noted)
			known[count++] = (struct delivery_member){
				.instance = str_of(names[slot]),
				.stood =
				    str_of(entry->orders[slot].stood ? entry->orders[slot].stood
								     : "waiting"),
			};
	const struct delivery_entry what = {
		.id = { (uint64_t)entry->added_ms, (uint64_t)at + 1 },
		.sid = (uint64_t)at + 1,
		.keys = keys,
		.values = values,
		.count = ARRAY_LEN(keys),
		.again = again,
		.members = known,
		.member_count = count,
	};
	entry->told = deliveries_take(world->deliveries, &what);
}

/* The archive knows the ids of what has its rows. */
static inline void remember(struct world *world)
{
	for (int i = 0; i < world->count; i++) {
		char id[16];
		bool row = false;
		snprintf(id, sizeof id, "x%d", i);
		for (uint32_t slot = 0; slot < SLOTS; slot++)
			row |= world->entries[i].orders[slot].row;
		if (row)
			deliveries_remember(world->deliveries, str_of(id), (uint64_t)i + 1);
	}
}

/* Of what was on its way some got there. */
static inline void kill_weir(struct world *world)
{
	world->restarts++;
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		disconnect(world, slot, false);
	deliveries_destroy(world->deliveries);
	limits_destroy(world->limits);
	for (size_t i = 0; i < world->n_later && rng_below(&world->rng, 3) > 0; i++)
		come_to_pass(world, &world->later[i], false);
	world->n_later = world->n_gone = 0;
	world->now_ms += 100 + some_ms(world, 3000);
	start_weir(world);
	remember(world);
	for (int i = 0; i < world->count; i++)
		if (world->entries[i].there)
			tell(world, i, world->entries[i].told);
}

static inline void operate(struct world *world)
{
	static const char *const scopes[] = { "all", "group:g", "t-0", "t-3" };
	struct str scope = str_of(scopes[rng_below(&world->rng, ARRAY_LEN(scopes))]);
	enum status status = rng_below(&world->rng, 3) ? halts_lift(&world->halts, scope)
						       : halts_add(&world->halts, scope);
	if (!status)
		deliveries_halted(world->deliveries);
}

static inline void add_some(struct world *world)
{
	static const char *const targets[] = { "all", "group:g", "group:g", "t-0", "t-1", "t-3" };
	while (world->count < ENTRIES && rng_below(&world->rng, 8) == 0) {
		struct entry *entry = &world->entries[world->count++];
		*entry = (struct entry){ .there = true, .added_ms = world->now_ms };
		entry->opens = rng_below(&world->rng, 3) > 0;
		entry->repeats = world->count - 1;
		if (world->count > 1 && rng_below(&world->rng, 6) == 0)
			entry->repeats =
			    world->entries[rng_below(&world->rng, (uint64_t)world->count - 1)]
				.repeats;
		strcpy(entry->to, targets[rng_below(&world->rng, ARRAY_LEN(targets))]);
	}
	for (int i = 0; i < world->count; i++)
		if (world->entries[i].there && !world->entries[i].told)
			tell(world, i, false);
}

static inline void check_sum(const struct world *world)
{
	struct deliveries_counts counts = deliveries_counts(world->deliveries);
	uint64_t sum = counts.waiting + counts.in_flight + world->over;
	for (int bucket = 0; bucket < DELIVERY_BUCKETS; bucket++)
		sum += counts.ended[bucket];
	assert_int_equal(counts.taken, sum);
}

static inline void step(struct world *world)
{
	world->now_ms += 1 + some_ms(world, 100);
	deliveries_step(world->deliveries, world->now_ms);
	add_some(world);
	if (chance(world, 40))
		operate(world);
	trade(world);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		if (!world->terminals[slot].connected &&
		    world->terminals[slot].connects_ms <= world->now_ms)
			connect(world, slot);
		read_wire(world, slot);
		hear_all(world, slot);
	}
	pass_due(world);
	check_sum(world);
	if (chance(world, 150))
		kill_weir(world);
}
