/* The audit of a simulated bot's messy Redis, without a server: every planted finding is found,
 * and next to nothing else. Values are told as a live server tells them: a sample of a
 * collection's elements, no more than AUDIT_VALUE_MAX of a string. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "audit/audit.h"
#include "audit/cost.h"
#include "sim/mess_impl.h"

enum {
	SEEDS = 3,
	KEYS = 20000,
	EVENT_PARTS = 6,
	PRECISION_PERCENT = 98,
	SHOWN = 5, /* of what is missed or too much, a rule */
};

static const int64_t NOW_MS = 1795300000000;

/* A set of rule, database and name. */
struct truth {
	uint64_t *slots;
	size_t room, used;
};

static uint64_t hit_digest(enum finding_rule rule, int db, struct str name)
{
	uint64_t digest = audit_digest(name) * 31 + (uint64_t)rule * 64 + (uint64_t)db;
	return digest ? digest : 1;
}

static uint64_t *slot_of(const struct truth *truth, uint64_t digest)
{
	size_t at = (digest >> 20) % truth->room;
	while (truth->slots[at] && truth->slots[at] != digest)
		at = (at + 1) % truth->room;
	return &truth->slots[at];
}

struct world {
	struct mess *mess;
	struct audit *audit;
	struct truth planted, found;
	int64_t right[FINDING_RULES], wrong[FINDING_RULES], missed[FINDING_RULES];
	struct audit_element elements[AUDIT_ELEMENTS_MAX];
};

static void plant(void *ctx, const struct mess_hit *hit)
{
	struct world *world = ctx;
	char storage[MESS_NAME_BYTES * 4];
	struct buf name = buf_over(storage, sizeof storage);
	audit_name_print(&name, hit->name);
	uint64_t digest = hit_digest(hit->rule, hit->db, buf_str(&name));
	*slot_of(&world->planted, digest) = digest;
	assert_true(++world->planted.used < world->planted.room / 2);
}

static void find(void *ctx, const struct audit_hit *hit)
{
	struct world *world = ctx;
	uint64_t digest = hit_digest(hit->rule, hit->db, hit->key);
	*slot_of(&world->found, digest) = digest;
	assert_true(++world->found.used < world->found.room / 2);
	if (*slot_of(&world->planted, digest)) {
		world->right[hit->rule]++;
		return;
	}
	if (world->wrong[hit->rule]++ < SHOWN)
		print_message("not planted: %s %.*s\n", finding_row(hit->rule)->name,
			      STR_ARG(hit->key));
}

static void miss(void *ctx, const struct mess_hit *hit)
{
	struct world *world = ctx;
	char storage[MESS_NAME_BYTES * 4];
	struct buf name = buf_over(storage, sizeof storage);
	audit_name_print(&name, hit->name);
	if (*slot_of(&world->found, hit_digest(hit->rule, hit->db, buf_str(&name))))
		return;
	if (world->missed[hit->rule]++ >= SHOWN)
		return;
	const struct audit_family *families;
	audit_families(world->audit, &families);
	print_message("missed: %s %.*s of %s\n", finding_row(hit->rule)->name,
		      STR_ARG(buf_str(&name)),
		      families[audit_family_of(world->audit, hit->name)].pattern);
}

static void ignore_command(void *ctx, const struct str *argv, size_t argc)
{
	(void)ctx;
	(void)argv;
	(void)argc;
}

static size_t parts_of(enum audit_type type)
{
	switch (type) {
	case AUDIT_ZSET:
	case AUDIT_HASH: return 2;
	case AUDIT_STREAM: return EVENT_PARTS;
	default: return 1;
	}
}

/* One element of a collection, as key.h says. */
static struct audit_element element_at(const struct mess_value *value, size_t at)
{
	size_t first = at * parts_of(value->type);
	struct audit_element element = { .value = mess_part_at(value, first) };
	if (value->type == AUDIT_HASH) {
		element.field = element.value;
		element.value = mess_part_at(value, first + 1);
	} else if (value->type == AUDIT_ZSET) {
		char score[64];
		assert_int_equal(str_copy(mess_part_at(value, first + 1), score, sizeof score),
				 STATUS_OK);
		element.score = strtod(score, NULL);
	}
	return element;
}

static void fill_collection(struct world *world, const struct mess_value *value,
			    struct audit_key *key)
{
	struct audit_cost cost;
	size_t n = value->parts / parts_of(value->type);
	key->length = (int64_t)n;
	key->elements = world->elements;
	key->count = n < AUDIT_ELEMENTS_MAX ? n : AUDIT_ELEMENTS_MAX;
	audit_cost_begin(&cost, value->type, AUDIT_ENC_UNKNOWN, (int64_t)key->name.len, false);
	for (size_t i = 0; i < n; i++) {
		struct audit_element element = element_at(value, i);
		if (value->type != AUDIT_STREAM)
			audit_cost_element(&cost, element.field, element.value);
		if (i < key->count)
			world->elements[i] = element;
		if ((int64_t)element.value.len > key->longest)
			key->longest = (int64_t)element.value.len;
	}
	key->encoding =
	    value->type == AUDIT_STREAM ? AUDIT_ENC_STREAM : audit_cost_encoding(&cost, false);
	key->bytes = value->type == AUDIT_STREAM ? 1000 : audit_cost_end(&cost);
}

static void fill_string(const struct mess_value *value, struct audit_key *key)
{
	struct str text = mess_part_at(value, 0);
	key->value = str_make(text.ptr, text.len < AUDIT_VALUE_MAX ? text.len : AUDIT_VALUE_MAX);
	key->length = (int64_t)text.len;
	key->encoding = audit_string_encoding(text, key->length);
	key->bytes = audit_cost_string((int64_t)key->name.len, key->length, key->encoding, false);
}

static void tell(struct world *world, const struct mess_key *from, struct str name)
{
	const struct mess_row *row = &world->mess->rows[from->row];
	const struct mess_value *value = &world->mess->value;
	unsigned facts = mess_kind_facts(from->kind);
	struct audit_key key = { .db = row->db,
				 .name = name,
				 .type = value->type,
				 .expires_ms = from->ttl ? NOW_MS + from->ttl_s * 1000 : -1,
				 .idle_s = from->idle_s };
	if (value->type == AUDIT_STRING)
		fill_string(value, &key);
	else
		fill_collection(world, value, &key);
	key.stream.added = key.length + (facts & MESS_UNTRIMMED ? 0 : 1);
	key.stream.stale_consumers = key.stream.pending = facts & MESS_STALE ? 1 : 0;
	assert_int_equal(audit_key(world->audit, &key), STATUS_OK);
}

/* All keys, once more from the beginning. */
static void each_key(struct world *world, uint64_t seed,
		     void (*on_hit)(void *, const struct mess_hit *), bool telling)
{
	struct err err;
	const struct mess_config config = { .keys = KEYS, .seed = seed, .now_ms = NOW_MS };
	assert_int_equal(mess_create(&config, &world->mess, &err), STATUS_OK);
	struct mess *mess = world->mess;
	for (int row = 0; row < mess->n_rows; row++)
		for (int64_t index = 0; index < mess->counts[row]; index++) {
			char space[MESS_NAME_BYTES];
			struct buf name = buf_over(space, sizeof space);
			struct mess_key key = mess_key_of(mess, row, index);
			mess_name(mess, row, index, &name);
			mess_value_write(mess, &key);
			struct mess_sink sink = { ignore_command, on_hit, world };
			mess_tell_truth(mess, &key, buf_str(&name), &sink);
			if (telling)
				tell(world, &key, buf_str(&name));
		}
	mess_destroy(mess);
}

static void truth_init(struct truth *truth)
{
	truth->room = KEYS * 16;
	truth->used = 0;
	truth->slots = calloc(truth->room, sizeof *truth->slots);
	assert_non_null(truth->slots);
}

static void compare(uint64_t seed)
{
	struct world *world = calloc(1, sizeof *world);
	assert_non_null(world);
	truth_init(&world->planted);
	truth_init(&world->found);
	const struct audit_config config = {
		.now_ms = NOW_MS,
		.limits = { .dead_days = 30,
			    .stale_hours = 24,
			    .big_string = 100 << 10,
			    .big_hash = 5000,
			    .big_items = 1000,
			    .big_bytes = 1 << 20,
			    .unbounded_items = 1000,
			    .compress_min = 1024,
			    .separators = STR(":_-./|") },
	};
	assert_int_equal(audit_create(&config, &world->audit), STATUS_OK);
	each_key(world, seed, plant, true);
	assert_int_equal(audit_run(world->audit, find, world), STATUS_OK);
	each_key(world, seed, miss, false);
	int64_t right = 0, wrong = 0, missed = 0;
	for (enum finding_rule rule = 0; rule < FINDING_RULES; rule++) {
		right += world->right[rule];
		wrong += world->wrong[rule];
		missed += world->missed[rule];
		if (world->right[rule] + world->wrong[rule] + world->missed[rule])
			print_message("%-12s right %6lld wrong %5lld missed %5lld\n",
				      finding_row(rule)->name, (long long)world->right[rule],
				      (long long)world->wrong[rule],
				      (long long)world->missed[rule]);
	}
	audit_destroy(world->audit);
	free(world->planted.slots);
	free(world->found.slots);
	free(world);
	assert_int_equal(missed, 0);
	assert_true(right * 100 >= (right + wrong) * PRECISION_PERCENT);
}

static void planted_findings_are_found_and_little_else(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		compare(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(planted_findings_are_found_and_little_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
