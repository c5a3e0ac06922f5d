/* The way of results against a model, at random: plain and packed entries mixed, crashes of weir
 * between any two things, cuts, kills, hangs, refusals, a stream that is deleted, rolled back or
 * given the same ids again, another epoch word, salvaged files, other groups, dead consumers,
 * entries that somebody removes. Every rid that was added is a row once, or a dead letter once, or
 * lost where somebody removed it; and what leaves the stream by weir's hand is held by a
 * checkpoint, and read by every group. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "archive/results_id.h"
#include "unit/results_stage.h"

enum {
	STEPS = 1500,
	ENTRIES_MAX = 20000,
	RIDS_MAX = 40000,
	SEEN_MAX = 2400,
	RECENT = 300,
	ROWS_MAX = 8,
	LINE = 96
};

struct entry {
	struct results_id id;
	uint32_t rids[ROWS_MAX];
	int64_t at_ms[ROWS_MAX]; /* when its results were made */
	uint32_t rows;
	bool packed, damaged;
	bool there; /* in the stream, as far as the model did with it */
};

struct rid {
	bool bad;
	bool mayfail; /* an entry of it was removed by somebody, or went with its server */
};

struct proof {
	struct results_stage stage;
	struct rng rng;
	struct entry entries[ENTRIES_MAX];
	size_t count;
	struct rid rids[RIDS_MAX];
	uint32_t n_rids;
	struct results_id last; /* of the stream */
	char word[80];          /* of the mark */
	struct results_id mark;
	int64_t mark_falls_ns; /* until then: batches that were at the writer came on top of what
				* was salvaged, and what was lost is read again */
	bool audit;
	bool gentle;      /* nothing is removed, and no server or file loses anything */
	uint64_t results; /* added */
	uint64_t crashes, resets, salvages, packed;
};

static int64_t wall_ms(struct proof *proof) { return results_wall(&proof->stage) / results_ms_ns; }

static bool is_above(struct results_id a, struct results_id b) { return results_id_cmp(a, b) > 0; }

/* ---- what terminals and others do ---- */

static void put_row(struct proof *proof, const struct entry *entry, uint32_t row, char mark,
		    struct buf *text)
{
	const struct rid *rid = &proof->rids[entry->rids[row]];
	buf_printf(text, "rid%cr%u st%c%s ins%cmt5-1 sv%c%lld t%c%lld", mark, entry->rids[row],
		   mark, rid->bad ? "wrong" : "done", mark, mark,
		   (long long)entry->at_ms[row] + 7200000, mark, (long long)wall_ms(proof));
	CHECK(!text->overflow);
	text->ptr[text->len] = 0;
}

static bool put_packed(struct proof *proof, const struct entry *entry, const char *id)
{
	char lines[ROWS_MAX * LINE], bytes[ENTRIES_CHUNK_BYTES];
	struct buf text = buf_over(lines, sizeof lines - 1), chunk = buf_over(bytes, sizeof bytes);
	for (uint32_t row = 0; row < entry->rows; row++) {
		if (row)
			buf_char(&text, '\n');
		put_row(proof, entry, row, '=', &text);
	}
	results_pack(&chunk, lines);
	if (entry->damaged)
		bytes[chunk.len - 1] ^= 1;
	return results_add_chunk(&proof->stage, id, buf_str(&chunk), entry->rows);
}

static bool put_entry(struct proof *proof, const struct entry *entry)
{
	char line[LINE], id[48];
	struct buf text = buf_over(line, sizeof line - 1), name = buf_over(id, sizeof id - 1);
	results_id_print(&name, entry->id);
	id[name.len] = 0;
	if (entry->packed)
		return put_packed(proof, entry, id);
	put_row(proof, entry, 0, ' ', &text);
	return results_other(&proof->stage, "XADD trade_results %s %s", id, line);
}

static struct results_id next_id(struct proof *proof)
{
	uint64_t now_ms = (uint64_t)wall_ms(proof);
	bool low = proof->last.ms < 1000000; /* a stream of low ids goes on with them */
	if (!low && now_ms > proof->last.ms)
		return (struct results_id){ now_ms, 0 };
	return (struct results_id){ proof->last.ms, proof->last.seq + 1 };
}

static bool add_entry(struct proof *proof, const struct entry *made)
{
	if (proof->count == ENTRIES_MAX || !fake_redis_running(proof->stage.redis))
		return false;
	struct entry *entry = &proof->entries[proof->count];
	*entry = *made;
	entry->id = next_id(proof);
	entry->there = true;
	if (!put_entry(proof, entry))
		return false;
	proof->last = entry->id;
	proof->count++;
	proof->results += entry->rows;
	proof->packed += entry->packed;
	for (uint32_t row = 0; entry->damaged && row < entry->rows; row++)
		proof->rids[entry->rids[row]].mayfail = true;
	return true;
}

static void add_row(struct entry *entry, uint32_t rid, int64_t at_ms)
{
	entry->rids[entry->rows] = rid;
	entry->at_ms[entry->rows++] = at_ms;
}

/* One that was made before; false: none that a terminal would send again. */
static bool repeat_row(struct proof *proof, struct entry *entry)
{
	struct rng *rng = &proof->rng;
	if (!proof->count)
		return false;
	const struct entry *known = &proof->entries[rng_below(rng, proof->count)];
	uint32_t row = (uint32_t)rng_below(rng, known->rows);
	bool recent = known + RECENT >= &proof->entries[proof->count];
	if (!recent && known->at_ms[row] + 11000 >= wall_ms(proof))
		return false;
	add_row(entry, known->rids[row], known->at_ms[row]);
	return true;
}

static void add_one(struct proof *proof)
{
	struct rng *rng = &proof->rng;
	struct entry entry = { .packed = rng_below(rng, 2) };
	uint32_t rows = entry.packed ? 1 + (uint32_t)rng_below(rng, ROWS_MAX) : 1;
	uint32_t next = proof->n_rids;
	entry.damaged = entry.packed && !proof->gentle && rng_below(rng, 100) == 0;
	while (entry.rows < rows && next < RIDS_MAX) {
		if (rng_below(rng, 8) == 0 && repeat_row(proof, &entry))
			continue;
		proof->rids[next] = (struct rid){ rng_below(rng, 60) == 0, false };
		add_row(&entry, next++, wall_ms(proof) - (int64_t)rng_below(rng, 3000));
	}
	if (entry.rows && add_entry(proof, &entry))
		proof->n_rids = next;
}

static void add_some(struct proof *proof)
{
	for (uint64_t n = rng_below(&proof->rng, 6); n > 0; n--)
		add_one(proof);
}

static void may_fail(struct proof *proof, const struct entry *entry)
{
	for (uint32_t row = 0; row < entry->rows; row++)
		proof->rids[entry->rids[row]].mayfail = true;
}

static void remove_some(struct proof *proof)
{
	if (!proof->count || !fake_redis_running(proof->stage.redis))
		return;
	size_t at =
	    proof->count - 1 - rng_below(&proof->rng, proof->count < 20 ? proof->count : 20);
	struct entry *entry = &proof->entries[at];
	if (!entry->there)
		return;
	results_other(&proof->stage, "XDEL trade_results %llu-%llu",
		      (unsigned long long)entry->id.ms, (unsigned long long)entry->id.seq);
	entry->there = false;
	may_fail(proof, entry);
}

static void read_as_others(struct proof *proof)
{
	struct results_stage *stage = &proof->stage;
	uint64_t n = 1 + rng_below(&proof->rng, 9);
	if (!fake_redis_running(stage->redis))
		return;
	switch (rng_below(&proof->rng, 4)) {
	case 0:
		results_other(stage,
			      "XREADGROUP GROUP archive old COUNT %llu STREAMS trade_results >",
			      (unsigned long long)n);
		break;
	case 1: proof->audit |= results_other(stage, "XGROUP CREATE trade_results audit 0"); break;
	case 2:
		results_other(stage, "XREADGROUP GROUP audit me COUNT %llu STREAMS trade_results >",
			      (unsigned long long)n * 20);
		break;
	default:
		if (rng_below(&proof->rng, 3) == 0) {
			results_other(stage, "XGROUP DESTROY trade_results audit");
			proof->audit = false;
		}
	}
}

/* ---- what is wrong with the stream ---- */

static struct redis_reply *peek(struct proof *proof, const char *format)
{
	char line[200];
	struct str argv[RESULTS_WORDS];
	snprintf(line, sizeof line, "%s", format);
	return fake_redis_peek(proof->stage.redis, argv, results_words(line, argv));
}

static struct results_id id_of(struct str text)
{
	struct results_id id = { 0 };
	assert_int_equal(results_id_parse(text, &id), STATUS_OK);
	return id;
}

/* What the group has delivered; false: there is no such group. */
static bool delivered(struct proof *proof, struct str name, struct results_id *id)
{
	struct redis_reply *reply = peek(proof, "XINFO GROUPS trade_results");
	bool there = false;
	for (size_t i = 0; reply->type == REDIS_ARRAY && i < reply->count; i++) {
		const struct redis_reply *group = &reply->items[i];
		if (!str_eq(group->items[1].text, name))
			continue;
		*id = id_of(group->items[5].text);
		there = true;
	}
	fake_reply_free(reply);
	return there;
}

/* The group is replicated, too. */
static void make_group_again(struct proof *proof, struct results_id last,
			     const struct redis_reply *pending)
{
	last = is_above(last, proof->last) ? proof->last : last;
	results_other(&proof->stage, "XGROUP CREATE trade_results archive %llu-%llu MKSTREAM",
		      (unsigned long long)last.ms, (unsigned long long)last.seq);
	for (size_t i = 0; pending->type == REDIS_ARRAY && i < pending->count; i++)
		if (!is_above(id_of(pending->items[i].items[0].text), last))
			results_other(&proof->stage,
				      "FAKEPENDING trade_results archive %.*s %.*s 1",
				      STR_ARG(pending->items[i].items[1].text),
				      STR_ARG(pending->items[i].items[0].text));
}

/* Of the stream as it is now the newest `lose` entries are gone; half of them come again, as
 * terminals send what was not acknowledged, with the ids that those had. */
static void fail_over(struct proof *proof, uint64_t lose)
{
	struct results_stage *stage = &proof->stage;
	struct entry again[32];
	size_t n_again = 0;
	if (rng_below(&proof->rng, 2))
		fake_redis_break(stage->redis);
	for (size_t i = proof->count; i-- > 0 && lose > 0;) {
		struct entry *entry = &proof->entries[i];
		if (!entry->there)
			continue;
		entry->there = false;
		lose--;
		if (n_again < 32 && rng_below(&proof->rng, 2))
			again[n_again++] = *entry;
		else
			may_fail(proof, entry);
	}
	struct results_id last;
	bool grouped = delivered(proof, STR("archive"), &last);
	struct redis_reply *pending = peek(proof, "XPENDING trade_results archive - + 100000");
	results_other(stage, "DEL trade_results");
	stage->beyond = 0;
	proof->audit = false;
	proof->last.seq = 0;
	proof->last.ms = proof->last.ms < 1000000 ? 1 : (uint64_t)wall_ms(proof) - 5000;
	for (size_t i = 0; i < proof->count; i++)
		if (proof->entries[i].there) {
			assert_true(put_entry(proof, &proof->entries[i]));
			proof->last = proof->entries[i].id;
		}
	if (grouped && rng_below(&proof->rng, 3))
		make_group_again(proof, last, pending);
	fake_reply_free(pending);
	while (n_again-- > 0)
		assert_true(add_entry(proof, &again[n_again]));
	proof->resets++;
}

static void lose_all(struct proof *proof, bool everything)
{
	for (size_t i = 0; i < proof->count; i++)
		if (proof->entries[i].there) {
			proof->entries[i].there = false;
			may_fail(proof, &proof->entries[i]);
		}
	results_other(&proof->stage, everything ? "FLUSHALL" : "DEL trade_results");
	if (everything)
		proof->stage.beyond = 0;
	proof->last = (struct results_id){ rng_below(&proof->rng, 2) ? 1 : 1000001, 0 };
	proof->audit = false;
	proof->resets++;
}

/* ---- what is wrong with the rest ---- */

static void heal(struct proof *proof)
{
	struct fake_redis *redis = proof->stage.redis;
	fake_redis_hang(redis, false);
	fake_redis_fault(redis, FAKE_HEALTHY);
	fake_redis_start(redis);
	fake_redis_cut(redis, 0, FAKE_CUT_BEFORE);
	fake_writer_trouble(proof->stage.writer, false);
}

static void go_wrong(struct proof *proof)
{
	static const enum fake_fault faults[] = { FAKE_OOM, FAKE_READONLY, FAKE_MISCONF,
						  FAKE_LOADING, FAKE_NOPERM };
	struct results_stage *stage = &proof->stage;
	struct fake_redis *redis = stage->redis;
	struct rng *rng = &proof->rng;
	switch (rng_below(rng, 13)) {
	case 0: fake_redis_break(redis); break;
	case 1: fake_redis_kill(redis); break;
	case 2: fake_redis_hang(redis, true); break;
	case 3: fake_redis_fault(redis, faults[rng_below(rng, ARRAY_LEN(faults))]); break;
	case 4:
		if (fake_redis_running(redis) && !proof->gentle && rng_below(rng, 3) == 0)
			lose_all(proof, rng_below(rng, 2));
		break;
	case 5:
		if (fake_redis_running(redis) && !proof->gentle)
			fail_over(proof, rng_below(rng, 30));
		break;
	case 6:
		if (fake_redis_running(redis) && rng_below(rng, 2))
			results_other(stage, "SET archive:epoch w%d", (int)rng_below(rng, 1000));
		break;
	case 7: fake_writer_trouble(stage->writer, true); break;
	default:
		fake_redis_cut(redis, 1 + rng_below(rng, 20),
			       rng_below(rng, 2) ? FAKE_CUT_AFTER : FAKE_CUT_BEFORE);
	}
}

static void salvage(struct proof *proof, bool runs)
{
	struct results_stage *stage = &proof->stage;
	if (proof->gentle || !fake_writer_salvage(stage->writer, 1 + rng_below(&proof->rng, 6)))
		return;
	proof->mark_falls_ns = stage->now_ns + 60 * results_second_ns;
	proof->salvages++;
	if (runs)
		results_salvaged(stage->results);
}

static void crash(struct proof *proof)
{
	struct results_stage *stage = &proof->stage;
	if (rng_below(&proof->rng, 3) == 0)
		fake_writer_commit_untold(stage->writer);
	results_die(stage);
	if (rng_below(&proof->rng, 4) == 0)
		salvage(proof, false);
	results_run(stage, (int64_t)rng_below(&proof->rng, 400) * results_ms_ns);
	results_live(stage);
	proof->crashes++;
}

/* ---- what must hold at any time ---- */

static void check_mark(struct proof *proof)
{
	struct str mark = writer_marked(proof->stage.writer, STR("trade_results"));
	struct str word = { 0 }, text = { 0 };
	if (!mark.len)
		return;
	assert_true(str_split(&mark, ' ', &word) && str_split(&mark, ' ', &text));
	struct results_id id = id_of(text);
	if (str_eq(word, str_of(proof->word)) && proof->stage.now_ns > proof->mark_falls_ns)
		assert_false(is_above(proof->mark, id));
	assert_int_equal(str_copy(word, proof->word, sizeof proof->word), STATUS_OK);
	proof->mark = id;
}

static struct results_id first_there(struct proof *proof)
{
	struct redis_reply *reply = peek(proof, "XRANGE trade_results - + COUNT 1");
	struct results_id id = { UINT64_MAX, 0 };
	if (reply->type == REDIS_ARRAY && reply->count)
		id = id_of(reply->items[0].items[0].text);
	fake_reply_free(reply);
	return id;
}

static bool is_there(const struct proof *proof, struct results_id id)
{
	for (size_t i = 0; i < proof->count; i++)
		if (proof->entries[i].there && results_id_cmp(proof->entries[i].id, id) == 0)
			return true;
	return false;
}

/* Of the other group: all up to there was delivered, and nothing of it is pending. */
static void check_audit(struct proof *proof, struct results_id trimmed)
{
	struct results_id last, first;
	if (!delivered(proof, STR("audit"), &last))
		return;
	assert_false(is_above(trimmed, last));
	struct redis_reply *reply = peek(proof, "XPENDING trade_results audit");
	if (reply->items[0].integer) {
		first = id_of(reply->items[1].text);
		assert_true(is_above(first, trimmed) || !is_there(proof, first));
	}
	fake_reply_free(reply);
}

static void check_held(struct proof *proof, const struct entry *entry)
{
	for (uint32_t row = 0; row < entry->rows && !entry->damaged; row++) {
		char text[16];
		snprintf(text, sizeof text, "r%u", entry->rids[row]);
		if (!proof->rids[entry->rids[row]].bad &&
		    !fake_writer_holds(proof->stage.writer, str_of(text)))
			fail_msg("%s of entry %llu-%llu was trimmed, and no checkpoint holds it",
				 text, (unsigned long long)entry->id.ms,
				 (unsigned long long)entry->id.seq);
	}
}

static void check_trimmed(struct proof *proof)
{
	struct results_id first, trimmed = { 0 };
	if (!fake_redis_running(proof->stage.redis))
		return;
	first = first_there(proof);
	for (size_t i = 0; i < proof->count; i++) {
		struct entry *entry = &proof->entries[i];
		if (!entry->there || !is_above(first, entry->id))
			continue;
		check_held(proof, entry);
		entry->there = false;
		trimmed = entry->id;
	}
	if (trimmed.ms)
		check_audit(proof, trimmed);
}

/* ---- */

static void step(struct proof *proof)
{
	struct results_stage *stage = &proof->stage;
	struct rng *rng = &proof->rng;
	add_some(proof);
	if (rng_below(rng, 60) == 0 && !proof->gentle)
		remove_some(proof);
	if (rng_below(rng, 15) == 0)
		read_as_others(proof);
	for (uint64_t n = rng_below(rng, 3); n > 0; n--)
		fake_writer_commit(stage->writer);
	fake_writer_pump(stage->writer);
	if (rng_below(rng, 12) == 0)
		fake_writer_checkpoint(stage->writer, rng_below(rng, 4));
	if (rng_below(rng, 40) == 0)
		go_wrong(proof);
	if (rng_below(rng, 40) == 0)
		heal(proof);
	if (rng_below(rng, 120) == 0)
		crash(proof);
	if (rng_below(rng, 300) == 0)
		salvage(proof, true);
	results_run(stage, (int64_t)rng_below(rng, rng_below(rng, 50) ? 60 : 3000) * results_ms_ns);
	check_trimmed(proof);
	check_mark(proof);
}

static void check_rid(struct proof *proof, uint32_t number)
{
	const struct rid *rid = &proof->rids[number];
	char text[16];
	snprintf(text, sizeof text, "r%u", number);
	uint32_t rows = fake_writer_found(proof->stage.writer, str_of(text));
	uint32_t dead = rid->bad ? fake_writer_dead(proof->stage.writer, str_of(text), NULL) : 0;
	if (rows > 1 || dead > 1 || (rows == 0 && dead == 0 && !rid->mayfail))
		fail_msg("%s is in %u rows and %u dead letters", text, rows, dead);
	assert_true(rid->bad ? rows == 0 : dead == 0);
}

static void end(struct proof *proof)
{
	struct results_stage *stage = &proof->stage;
	heal(proof);
	stage->commits = true;
	stage->checkpoint_ns = results_second_ns;
	if (proof->audit)
		results_other(stage, "XGROUP DESTROY trade_results audit");
	results_run(stage, 420 * results_second_ns);
	check_trimmed(proof);
	assert_int_equal(results_settle(stage), STATUS_OK);
	assert_int_equal(results_integer(stage, "XLEN trade_results"), 0);
	assert_int_equal(results_integer(stage, "XPENDING trade_results archive"), 0);
	assert_int_equal(fake_writer_retries(stage->writer), 0);
	for (uint32_t i = 0; i < proof->n_rids; i++)
		check_rid(proof, i);
	assert_true(results_balance(stage));
	assert_int_equal(results_counts(stage->results).added, results_taken(stage));
	if (proof->gentle)
		assert_int_equal(writer_counted(stage->writer, "lost"), 0);
	assert_int_equal(results_trouble(stage->results), STATUS_OK);
}

static void prove(uint64_t seed, bool gentle)
{
	struct proof *proof = calloc(1, sizeof *proof);
	assert_non_null(proof);
	struct results_stage *stage = &proof->stage;
	results_init(stage);
	fake_writer_destroy(stage->writer);
	stage->writer = fake_writer_create(SEEN_MAX, 64 << 10);
	results_destroy(stage->results);
	results_open(stage);
	rng_init(&proof->rng, seed);
	proof->gentle = gentle;
	stage->commits = false;
	proof->last.ms = rng_below(&proof->rng, 2) ? 1 : 1000001;
	results_start(stage->results);
	for (int i = 0; i < STEPS; i++)
		step(proof);
	end(proof);
	print_message("seed %llu: %u results in %zu entries, %llu packed, %llu crashes, %llu "
		      "resets, %llu salvages; %lld known, %lld lost, %lld dead\n",
		      (unsigned long long)seed, proof->n_rids, proof->count,
		      (unsigned long long)proof->packed, (unsigned long long)proof->crashes,
		      (unsigned long long)proof->resets, (unsigned long long)proof->salvages,
		      (long long)writer_counted(stage->writer, "known"),
		      (long long)writer_counted(stage->writer, "lost"),
		      (long long)writer_counted(stage->writer, "dead"));
	results_deinit(stage);
	free(proof);
}

/* RESULTS_SEED=N: that one alone; RESULTS_SEEDS=N: from 1 to N. */
static void prove_all(bool gentle, uint64_t seeds)
{
	const char *one = getenv("RESULTS_SEED"), *many = getenv("RESULTS_SEEDS");
	uint64_t from = one ? strtoull(one, NULL, 10) : 1;
	uint64_t to = one ? from : many ? strtoull(many, NULL, 10) : seeds;
	for (uint64_t seed = from; seed <= to; seed++) {
		print_message("seed %llu\n", (unsigned long long)seed);
		prove(seed, gentle);
	}
}

static void every_result_is_archived_once(void **state)
{
	(void)state;
	prove_all(false, 3);
}

/* Whatever else happens. */
static void where_nothing_is_removed_nothing_is_counted_as_lost(void **state)
{
	(void)state;
	prove_all(true, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_result_is_archived_once),
		cmocka_unit_test(where_nothing_is_removed_nothing_is_counted_as_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
