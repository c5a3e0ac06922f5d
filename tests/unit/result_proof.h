/* result_proof.h - the result store against an oracle: terminals that send again everything
 * above the last K, weir's own results, cuts, kills, hangs and refusals at random, restarts
 * of weir. The stream has every rid once, in order per terminal, and nothing is told durable
 * that is not in it, or in the spill file and then in it. Include after cmocka.h. */
#pragma once

#include "base/rng.h"
#include "store/store_format.h"
#include "unit/result_stage.h"

enum {
	TERMINALS = 50,
	FRAMES_MAX = 4096, /* of an epoch */
	ITEMS_MAX = 32768,
	MAP_PLACES = 1 << 17,
	OWN_MAX = 64,
	STEPS = 1000,
};

struct item {
	uint64_t hash;
	uint32_t slot, order; /* of the terminal's items */
	uint32_t times;       /* in the stream */
	uint64_t sid, deal;
	bool part;
};

struct frame {
	int32_t item; /* -1: records nothing */
};

struct peer {
	int64_t epoch_ms;
	struct frame frames[FRAMES_MAX]; /* by seq - 1 */
	uint64_t n_frames, given, durable;
	uint32_t orders, newest_order;
};

struct own {
	uint64_t sid; /* 0: free */
	uint32_t slot;
	bool put;
};

struct proof {
	struct stage stage;
	struct rng rng;
	struct peer peers[TERMINALS];
	struct item items[ITEMS_MAX];
	size_t n_items;
	uint32_t map[MAP_PLACES]; /* item + 1 by hash */
	struct own own[OWN_MAX];
	uint64_t next_number;
	struct stream_id scanned;
	uint64_t durables, restarts, faults;
	uint64_t spilled, replayed;
	bool spills;
};

static struct item *item_of(struct proof *proof, uint64_t hash)
{
	size_t at = hash & (MAP_PLACES - 1);
	while (proof->map[at] && proof->items[proof->map[at] - 1].hash != hash)
		at = (at + 1) & (MAP_PLACES - 1);
	return proof->map[at] ? &proof->items[proof->map[at] - 1] : NULL;
}

static struct item *new_item(struct proof *proof, uint32_t slot, struct str rid)
{
	size_t at = str_hash(rid) & (MAP_PLACES - 1);
	assert_true(proof->n_items < ITEMS_MAX && !item_of(proof, str_hash(rid)));
	while (proof->map[at])
		at = (at + 1) & (MAP_PLACES - 1);
	struct item *item = &proof->items[proof->n_items++];
	proof->map[at] = (uint32_t)proof->n_items;
	*item = (struct item){ .hash = str_hash(rid),
			       .slot = slot,
			       .order = ++proof->peers[slot].orders };
	return item;
}

/* ---- what is in the stream ---- */

static void see_result(void *ctx, const struct str *values)
{
	struct proof *proof = ctx;
	struct item *item = item_of(proof, str_hash(values[RESULT_rid]));
	assert_non_null(item);
	assert_int_equal(++item->times, 1);
	if (item->order == UINT32_MAX) /* weir's own: no order with the terminal's */
		return;
	assert_true(item->order > proof->peers[item->slot].newest_order);
	proof->peers[item->slot].newest_order = item->order;
}

static struct stream_id id_of(const struct redis_reply *entry)
{
	struct stream_id id;
	assert_int_equal(stream_id_parse(entry->items[0].text, &id), STATUS_OK);
	return id;
}

/* The entries that are new since the last look, oldest first. */
static void scan(struct proof *proof)
{
	for (size_t count = 4;; count *= 4) {
		char line[80];
		struct buf text = buf_over(line, sizeof line - 1);
		buf_printf(&text, "XREVRANGE trade_results + - COUNT %zu", count);
		line[text.len] = 0;
		struct redis_reply *reply = stage_peek(&proof->stage, line);
		size_t fresh = 0;
		while (fresh < reply->count &&
		       stream_id_cmp(id_of(&reply->items[fresh]), proof->scanned) > 0)
			fresh++;
		bool all = fresh < count || reply->count < count;
		for (size_t i = all ? fresh : 0; i-- > 0;) {
			result_rows(&reply->items[i], see_result, proof);
			proof->scanned = id_of(&reply->items[i]);
		}
		fake_reply_free(reply);
		if (all)
			return;
	}
}

static void on_durable(void *ctx, uint32_t slot, int64_t epoch_ms, uint64_t seq)
{
	struct proof *proof = ctx;
	struct peer *peer = &proof->peers[slot];
	bool all = !proof->spills || spill_counts(proof->stage.spill).file_bytes == 0;
	proof->durables++;
	scan(proof);
	if (epoch_ms != peer->epoch_ms)
		return;
	assert_true(seq <= peer->given);
	for (; peer->durable < seq; peer->durable++) {
		int32_t item = peer->frames[peer->durable].item;
		assert_true(!all || item < 0 || proof->items[item].times == 1);
	}
}

static void on_recorded(void *ctx, uint64_t tag)
{
	struct proof *proof = ctx;
	char rid[96];
	struct buf text = buf_over(rid, sizeof rid);
	for (size_t i = 0; i < OWN_MAX; i++) {
		struct own *own = &proof->own[i];
		if (own->sid != tag)
			continue;
		buf_printf(&text, "%llu-mt5-%03u-0", (unsigned long long)tag, own->slot);
		scan(proof);
		if (!proof->spills)
			assert_int_equal(item_of(proof, str_hash(buf_str(&text)))->times, 1);
		own->sid = 0;
		return;
	}
	fail(); /* told twice */
}

/* ---- what terminals do ---- */

static void frame_line(const struct item *item, struct buf *out)
{
	if (!item)
		buf_str_put(out, STR("Y 1 dn=1 st=rx"));
	else if (item->sid)
		buf_printf(out, "R 1 sid=%llu st=%s deal=%llu", (unsigned long long)item->sid,
			   item->part ? "part" : "done", (unsigned long long)item->deal);
	else
		buf_printf(out, "D 1 deal=%llu", (unsigned long long)item->deal);
	if (item)
		buf_printf(out, " sym=EUR%%20USD vol=0.10 px=1.08514 com=-0.35 sv=%llu",
			   (unsigned long long)item->deal);
	buf_char(out, 0);
}

static void produce(struct proof *proof, uint32_t slot)
{
	struct peer *peer = &proof->peers[slot];
	if (peer->n_frames == FRAMES_MAX)
		return;
	struct frame *frame = &peer->frames[peer->n_frames++];
	uint64_t kind = rng_below(&proof->rng, 10), number = ++proof->next_number;
	char rid[96];
	struct buf text = buf_over(rid, sizeof rid);
	*frame = (struct frame){ -1 };
	if (kind == 0)
		return;
	if (kind == 1 && peer->n_frames > 1) { /* the same result under another number */
		frame->item = peer->frames[rng_below(&proof->rng, peer->n_frames - 1)].item;
		return;
	}
	if (kind < 5)
		buf_printf(&text, "deal:Broker-Live:%u:%llu", 90000000 + slot,
			   (unsigned long long)number);
	else
		buf_printf(&text, "%llu-mt5-%03u-%llu", (unsigned long long)number, slot,
			   (unsigned long long)number);
	struct item *item = new_item(proof, slot, buf_str(&text));
	item->deal = number;
	item->sid = kind < 5 ? 0 : number;
	item->part = kind == 5;
	frame->item = (int32_t)(item - proof->items);
}

static void give(struct proof *proof, uint32_t slot)
{
	struct peer *peer = &proof->peers[slot];
	while (peer->given < peer->n_frames) {
		int32_t item = peer->frames[peer->given].item;
		char line[200];
		struct buf text = buf_over(line, sizeof line);
		frame_line(item < 0 ? NULL : &proof->items[item], &text);
		if (stage_frame(&proof->stage, slot, peer->epoch_ms, peer->given + 1, line, 0))
			return;
		peer->given++;
	}
}

/* The expert begins anew: it sends what it does not know to be recorded, and a little
 * more than that. */
static void new_epoch(struct proof *proof, uint32_t slot)
{
	struct peer *peer = &proof->peers[slot];
	uint64_t more = rng_below(&proof->rng, 6);
	uint64_t from = peer->durable > more ? peer->durable - more : 0;
	memmove(peer->frames, peer->frames + from,
		(peer->n_frames - from) * sizeof peer->frames[0]);
	peer->n_frames -= from;
	peer->epoch_ms++;
	peer->given = peer->durable = 0;
}

static void put_own(struct proof *proof)
{
	for (size_t i = 0; i < OWN_MAX; i++) {
		struct own *own = &proof->own[i];
		if (own->sid && !own->put)
			own->put = stage_own(&proof->stage, own->sid, own->slot, "exp", own->sid) ==
				   STATUS_OK;
	}
}

static void new_own(struct proof *proof)
{
	struct own *own = &proof->own[rng_below(&proof->rng, OWN_MAX)];
	char rid[96];
	struct buf text = buf_over(rid, sizeof rid);
	if (own->sid)
		return;
	*own = (struct own){ .sid = ++proof->next_number,
			     .slot = (uint32_t)rng_below(&proof->rng, TERMINALS) };
	buf_printf(&text, "%llu-mt5-%03u-0", (unsigned long long)own->sid, own->slot);
	new_item(proof, own->slot, buf_str(&text))->order = UINT32_MAX;
	proof->peers[own->slot].orders--;
}

/* ---- what goes wrong ---- */

static void heal(struct proof *proof)
{
	struct fake_redis *redis = proof->stage.redis;
	fake_redis_hang(redis, false);
	fake_redis_fault(redis, FAKE_HEALTHY);
	fake_redis_start(redis);
	fake_redis_cut(redis, 0, FAKE_CUT_BEFORE);
}

/* An operator's mistake, or a script's. */
static void lose_marker(struct proof *proof)
{
	struct fake_redis *redis = proof->stage.redis;
	if (!fake_redis_running(redis))
		return;
	fake_redis_fault(redis, FAKE_HEALTHY);
	stage_write(&proof->stage, "DEL fleet:up:~");
}

static void go_wrong(struct proof *proof)
{
	static const enum fake_fault faults[] = { FAKE_OOM, FAKE_READONLY, FAKE_MISCONF,
						  FAKE_LOADING };
	struct fake_redis *redis = proof->stage.redis;
	struct rng *rng = &proof->rng;
	proof->faults++;
	if (rng_below(rng, 2))
		fake_redis_straggle(redis, (int64_t)rng_below(rng, 400) * stage_ms_ns);
	switch (rng_below(rng, 9)) {
	case 0: fake_redis_break(redis); break;
	case 1: fake_redis_kill(redis); break;
	case 2: fake_redis_hang(redis, true); break;
	case 3: fake_redis_fault(redis, faults[rng_below(rng, ARRAY_LEN(faults))]); break;
	case 4: lose_marker(proof); break;
	default:
		fake_redis_cut(redis, 1 + rng_below(rng, 80),
			       rng_below(rng, 2) ? FAKE_CUT_AFTER : FAKE_CUT_BEFORE);
	}
}

static void sum_up(struct proof *proof)
{
	struct result_store_counts counts = result_store_counts(proof->stage.store);
	proof->spilled += counts.spilled;
	proof->replayed += counts.replayed;
}

static void restart(struct proof *proof)
{
	struct stage *stage = &proof->stage;
	sum_up(proof);
	proof->restarts++;
	stage_restart(stage);
	heal(proof);
	while (stage_restore(stage) != STATUS_OK)
		stage_run(stage, 200 * stage_ms_ns);
	for (uint32_t slot = 0; slot < TERMINALS; slot++) {
		struct peer *peer = &proof->peers[slot];
		struct result_store_mark mark = result_store_mark(stage->store, slot);
		peer->given = mark.epoch_ms == peer->epoch_ms ? mark.up : 0;
		assert_true(peer->given >= peer->durable);
		on_durable(proof, slot, peer->epoch_ms, peer->given);
	}
	for (size_t i = 0; i < OWN_MAX; i++)
		proof->own[i].put = false;
}

/* Outages longer than what is waited for, and a disk that is not done. */
static void step_of_spills(struct proof *proof)
{
	struct rng *rng = &proof->rng;
	if (!proof->spills)
		return;
	if (rng_below(rng, 30) == 0)
		stage_run(&proof->stage, (int64_t)rng_below(rng, 5000) * stage_ms_ns);
	if (rng_below(rng, 20) == 0)
		proof->stage.disk_hangs = !proof->stage.disk_hangs;
}

static void step(struct proof *proof)
{
	struct rng *rng = &proof->rng;
	step_of_spills(proof);
	for (uint64_t n = rng_below(rng, 30); n > 0; n--)
		produce(proof, (uint32_t)rng_below(rng, TERMINALS));
	if (rng_below(rng, 4) == 0)
		new_own(proof);
	if (rng_below(rng, 8) == 0) {
		struct peer *peer = &proof->peers[rng_below(rng, TERMINALS)];
		peer->given = peer->durable; /* it connects again */
	}
	if (rng_below(rng, 30) == 0)
		new_epoch(proof, (uint32_t)rng_below(rng, TERMINALS));
	if (rng_below(rng, 25) == 0)
		go_wrong(proof);
	if (rng_below(rng, 40) == 0)
		heal(proof);
	if (rng_below(rng, 150) == 0)
		restart(proof);
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		give(proof, slot);
	put_own(proof);
	stage_run(&proof->stage, (int64_t)rng_below(rng, 8) * stage_ms_ns);
}

static void prove(uint64_t seed, uint64_t spill_bytes)
{
	struct proof *proof = calloc(1, sizeof *proof);
	assert_non_null(proof);
	struct stage *stage = &proof->stage;
	stage_init(stage, TERMINALS);
	proof->spills = spill_bytes > 0;
	if (proof->spills)
		stage_add_spill(stage, spill_bytes);
	rng_init(&proof->rng, seed);
	stage->on_durable = on_durable;
	stage->on_recorded = on_recorded;
	stage->ctx = proof;
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		proof->peers[slot].epoch_ms = 1000;
	for (int i = 0; i < STEPS; i++)
		step(proof);
	heal(proof);
	stage->disk_hangs = false;
	stage_run(stage, 5 * stage_second_ns);
	for (uint32_t slot = 0; slot < TERMINALS; slot++)
		give(proof, slot);
	put_own(proof);
	stage_run(stage, stage_second_ns);
	assert_int_equal(stage_drain(stage), STATUS_OK);
	scan(proof);
	for (size_t i = 0; i < proof->n_items; i++)
		assert_int_equal(proof->items[i].times, 1);
	for (size_t i = 0; i < OWN_MAX; i++)
		assert_int_equal(proof->own[i].sid, 0);
	assert_int_equal(stage_added(stage), stage_integer(stage, "XLEN trade_results"));
	assert_int_equal(stage_results(stage), proof->n_items); /* and x says so */
	assert_int_equal(result_store_counts(stage->store).spilled_bytes, 0);
	sum_up(proof);
	if (proof->spills)
		print_message("%d spilled, %d written back; ", (int)proof->spilled,
			      (int)proof->replayed);
	assert_true(spill_bytes < 1 << 20 || proof->spilled > 100);
	print_message("%zu results, %d told durable, %d faults, %d restarts, %d unknown replies\n",
		      proof->n_items, (int)proof->durables, (int)proof->faults,
		      (int)proof->restarts, (int)fake_redis_counts(stage->redis).unknown_replies);
	stage_deinit(stage);
	free(proof);
}
