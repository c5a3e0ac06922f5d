#include "audit/families.h"

#include <stdlib.h>

#include "audit/growth.h"
#include "audit/names_terms.h"
#include "audit/uses.h"
#include "base/buf.h"
#include "base/check.h"

_Static_assert(1 << (FAMILY_FACTS - 1) == FACT_JSON_ARRAY, "each fact of the collector is counted");

struct families {
	int64_t now_ms;
	struct audit_family *list;
	struct family_more *more;
	size_t n;
	struct audit_totals totals;
	uint64_t dbs; /* bits of databases that were seen, of the first 64 */
};

enum status families_create(const struct names *names, int64_t now_ms, struct families **out)
{
	struct families *families = calloc(1, sizeof *families);
	if (!families)
		return STATUS_NO_MEMORY;
	families->now_ms = now_ms;
	families->n = names_families(names);
	families->list = calloc(families->n + 1, sizeof *families->list);
	families->more = calloc(families->n + 1, sizeof *families->more);
	if (!families->list || !families->more) {
		families_destroy(families);
		return STATUS_NO_MEMORY;
	}
	for (size_t i = 0; i < families->n; i++) {
		const struct name_family *name = names_family(names, i);
		families->list[i] = (struct audit_family){
			.pattern = name->pattern,
			.constant = name->constant,
			.namespaced = name->namespaced,
			.separator = name->separator,
			.twin = -1,
			.grown_keys = INT64_MIN,
			.grown_bytes = INT64_MIN,
			.grown_elements = INT64_MIN,
		};
		families->more[i].skeleton = name->skeleton;
	}
	*out = families;
	return STATUS_OK;
}

void families_destroy(struct families *families)
{
	if (!families)
		return;
	for (size_t i = 0; families->list && i < families->n; i++)
		for (size_t j = 0; j < AUDIT_EXAMPLES; j++)
			free((char *)families->list[i].examples[j]);
	free(families->list);
	free(families->more);
	free(families);
}

/* ---- bands ---- */

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

static size_t band_of(int64_t value, const int64_t *limits, size_t n)
{
	size_t band = 0;
	while (band < n && value > limits[band])
		band++;
	return band;
}

static size_t ttl_band(int64_t now_ms, int64_t expires_ms)
{
	static const int64_t limits[] = { MINUTE_S, 10 * MINUTE_S, HOUR_S,
					  DAY_S,    7 * DAY_S,     30 * DAY_S };
	_Static_assert(ARRAY_LEN(limits) + 2 == AUDIT_TTL_BANDS, "none, limits, longer");
	return expires_ms < 0
		   ? 0
		   : 1 + band_of((expires_ms - now_ms) / 1000, limits, ARRAY_LEN(limits));
}

static size_t idle_band(int64_t idle_s)
{
	static const int64_t limits[] = { MINUTE_S, HOUR_S, DAY_S, 7 * DAY_S, 30 * DAY_S };
	_Static_assert(ARRAY_LEN(limits) + 2 == AUDIT_IDLE_BANDS, "unknown, limits, longer");
	return idle_s < 0 ? 0 : 1 + band_of(idle_s, limits, ARRAY_LEN(limits));
}

static size_t size_band(int64_t bytes)
{
	static const int64_t limits[] = { 64, 256, 1 << 10, 10 << 10, 100 << 10, 1 << 20 };
	_Static_assert(ARRAY_LEN(limits) + 1 == AUDIT_SIZE_BANDS, "limits, more");
	return band_of(bytes, limits, ARRAY_LEN(limits));
}

/* -1 where no values were read. */
static int64_t known_length(const struct audit_record *record)
{
	return record->length > 0 ? record->length : 0;
}

/* ---- sums ---- */

static void sum_values(struct audit_family *family, const struct audit_record *record)
{
	uint32_t facts = record->facts;
	if (record->length > family->longest_length)
		family->longest_length = record->length;
	if (record->type != AUDIT_STRING) {
		family->elements += known_length(record);
		return;
	}
	bool json = facts & FACT_JSON;
	family->values_bytes += known_length(record);
	family->json += json;
	family->json_flat += (facts & FACT_JSON_FLAT) != 0;
	family->numbers += (facts & FACT_NUMBER) != 0;
	family->integers += (facts & FACT_INTEGER) != 0;
	family->texts += !json && facts & (FACT_TEXT | FACT_WORD);
}

static void sum_bytes(struct families *families, struct audit_family *family,
		      const struct audit_record *record)
{
	int64_t bytes = record->bytes > 0 ? record->bytes : 0;
	bool lasting = record->expires_ms < 0;
	family->bytes += bytes;
	family->no_ttl += lasting;
	family->bytes_no_ttl += lasting ? bytes : 0;
	family->sizes[size_band(bytes)]++;
	if (bytes > family->largest_bytes)
		family->largest_bytes = bytes;
	struct audit_totals *totals = &families->totals;
	totals->bytes += bytes;
	totals->no_ttl += lasting;
	totals->bytes_no_ttl += lasting ? bytes : 0;
	totals->unread += record->bytes < 0;
	totals->values_bytes += record->type == AUDIT_STRING ? known_length(record) : 0;
}

/* The first so many names, printed; cut where they are long. */
static enum status add_example(struct audit_family *family, struct str name)
{
	char text[FAMILY_EXAMPLE_BYTES * 4 + 1];
	size_t i = 0;
	while (i < AUDIT_EXAMPLES && family->examples[i])
		i++;
	if (i == AUDIT_EXAMPLES)
		return STATUS_OK;
	struct buf out = buf_over(text, sizeof text - 1);
	audit_name_print(
	    &out,
	    str_make(name.ptr, name.len < FAMILY_EXAMPLE_BYTES ? name.len : FAMILY_EXAMPLE_BYTES));
	text[out.len] = 0;
	family->examples[i] = strdup(text);
	return family->examples[i] ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status families_add(struct families *families, const struct audit_record *record)
{
	CHECK((uint64_t)record->family < families->n);
	struct audit_family *family = &families->list[record->family];
	struct family_more *more = &families->more[record->family];
	family->keys++;
	family->by_type[record->type]++;
	family->by_encoding[record->encoding]++;
	family->ttl[ttl_band(families->now_ms, record->expires_ms)]++;
	family->idle[idle_band(record->idle_s)]++;
	sum_values(family, record);
	sum_bytes(families, family, record);
	more->read += (record->facts & FACT_READ) != 0;
	more->groups += record->type == AUDIT_STREAM ? record->stream.groups : 0;
	uint32_t facts = record->facts & ((1U << FAMILY_FACTS) - 1);
	for (; facts; facts &= facts - 1)
		more->facts[__builtin_ctz(facts)]++;
	families->totals.keys++;
	families->dbs |= 1ULL << ((unsigned)record->db & 63);
	return family->examples[AUDIT_EXAMPLES - 1] ? STATUS_OK : add_example(family, record->name);
}

/* ---- settling ---- */

static enum audit_type type_of_most(const struct audit_family *family)
{
	size_t most = 0;
	for (size_t i = 1; i < AUDIT_TYPES; i++)
		if (family->by_type[i] > family->by_type[most])
			most = i;
	return (enum audit_type)most;
}

struct thing {
	uint64_t thing;
	int64_t keys;
	uint32_t family;
};

static int by_thing(const void *a, const void *b)
{
	const struct thing *left = a, *right = b;
	if (left->thing != right->thing)
		return left->thing < right->thing ? -1 : 1;
	if (left->keys != right->keys)
		return left->keys > right->keys ? -1 : 1;
	return left->family < right->family ? -1 : 1;
}

/* Of families with one thing the one with most keys is the others' twin, and the second its. */
static enum status find_twins(struct families *families)
{
	struct thing *things = malloc((families->n + 1) * sizeof *things);
	if (!things)
		return STATUS_NO_MEMORY;
	size_t n = 0;
	for (size_t i = 0; i < families->n; i++) {
		uint64_t thing = name_thing(families->more[i].skeleton);
		if (thing)
			things[n++] = (struct thing){ thing, families->list[i].keys, (uint32_t)i };
	}
	qsort(things, n, sizeof *things, by_thing);
	for (size_t i = 1, first = 0; i < n; i++) {
		if (things[i].thing != things[first].thing) {
			first = i;
			continue;
		}
		families->list[things[i].family].twin = things[first].family;
		if (i == first + 1)
			families->list[things[first].family].twin = things[i].family;
	}
	free(things);
	return STATUS_OK;
}

static int64_t count_dbs(uint64_t dbs)
{
	int64_t n = 0;
	for (; dbs; dbs &= dbs - 1)
		n++;
	return n;
}

enum status families_settle(struct families *families, struct growth *growth,
			    const struct code *code)
{
	for (size_t i = 0; i < families->n; i++) {
		families->list[i].type = type_of_most(&families->list[i]);
		if (growth)
			growth_of(growth, &families->list[i]);
	}
	families->totals.dbs = count_dbs(families->dbs);
	enum status status = find_twins(families);
	return status ? status : uses_find(families->list, families->more, families->n, code);
}

size_t families_list(const struct families *families, const struct audit_family **out)
{
	*out = families->list;
	return families->n;
}

const struct audit_totals *families_totals(const struct families *families)
{
	return &families->totals;
}
