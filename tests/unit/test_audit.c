/* An audit from the first key to its findings: passes, spill, totals, growth, what is ignored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "audit/audit.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/rng.h"

static const int64_t NOW_MS = 1795300000000;

static const struct audit_config config = {
	.limits = { .dead_days = 30,
		    .stale_hours = 24,
		    .big_string = 100 << 10,
		    .big_hash = 5000,
		    .big_items = 1000,
		    .big_bytes = 1 << 20,
		    .unbounded_items = 1000,
		    .compress_min = 1 << 10,
		    .separators = { ":_-./|", 6 },
		    .ignore = { "tmp:*", 5 } },
	.now_ms = 1795300000000,
};

static enum status fake_append(void *ctx, struct str bytes)
{
	buf_str_put(ctx, bytes);
	return STATUS_OK;
}

static enum status fake_read(void *ctx, uint64_t offset, char *at, size_t size, size_t *got)
{
	const struct buf *bytes = ctx;
	size_t left = offset < bytes->len ? bytes->len - (size_t)offset : 0;
	*got = size < left ? size : left;
	memcpy(at, bytes->ptr + offset, *got);
	return STATUS_OK;
}

static struct audit *open_audit(const struct audit_config *with)
{
	struct audit *audit;
	assert_int_equal(audit_create(with, &audit), STATUS_OK);
	return audit;
}

static void tell(struct audit *audit, const char *name, struct str value, int64_t ttl_s,
		 int64_t idle_s)
{
	const struct audit_key key = { .name = str_of(name),
				       .encoding = AUDIT_ENC_EMBSTR,
				       .length = (int64_t)value.len,
				       .value = value,
				       .digest = audit_digest(value),
				       .expires_ms = ttl_s ? NOW_MS + ttl_s * 1000 : -1,
				       .bytes = (int64_t)(60 + value.len),
				       .idle_s = idle_s };
	assert_int_equal(audit_key(audit, &key), STATUS_OK);
}

struct told {
	struct buf lines; /* "rule key\n" */
	size_t n;
};

static void on_hit(void *ctx, const struct audit_hit *hit)
{
	struct told *told = ctx;
	buf_printf(&told->lines, "%s ", finding_row(hit->rule)->name);
	buf_str_put(&told->lines, hit->key);
	buf_char(&told->lines, '\n');
	told->n++;
}

static struct told told_open(void)
{
	struct told told = { .n = 0 };
	buf_init(&told.lines, 64 << 20);
	return told;
}

static bool was_told(struct told *told, const char *line)
{
	buf_char(&told->lines, 0);
	told->lines.len--;
	return told->lines.ptr && strstr(told->lines.ptr, line);
}

static void keys_become_families_and_findings(void **state)
{
	(void)state;
	struct audit *audit = open_audit(&config);
	struct told told = told_open();
	tell(audit, "BTC_processed", STR("true"), 0, 5);
	tell(audit, "ETH_processed", STR("true"), 0, 5);
	tell(audit, "cache:page:1001", STR("some text of a page"), 600, 40LL * 86400);
	tell(audit, "BTC_1h", STR("{\"rsi\":1.5,\"ema\":2}"), 0, 5);
	audit_vanished(audit, 3);
	assert_int_equal(audit_run(audit, on_hit, &told), STATUS_OK);

	const struct audit_totals *totals = audit_totals(audit);
	assert_int_equal(totals->keys, 4);
	assert_int_equal(totals->vanished, 3);
	assert_int_equal(totals->no_ttl, 3);
	assert_int_equal(totals->dbs, 1);
	assert_int_equal(totals->bytes, 240 + 4 + 4 + 19 + 19);
	const struct audit_family *families;
	assert_int_equal(audit_families(audit, &families), 3);
	for (size_t i = 1; i < 3; i++)
		assert_true(families[i - 1].bytes >= families[i].bytes);
	assert_true(was_told(&told, "no-ttl BTC_processed\n"));
	assert_true(was_told(&told, "no-ttl ETH_processed\n"));
	assert_true(was_told(&told, "dead cache:page:1001\n"));
	assert_true(was_told(&told, "json-string BTC_1h\n"));
	assert_false(was_told(&told, "no-ttl cache:page:1001\n"));
	const struct audit_finding *findings;
	assert_true(audit_findings(audit, &findings) >= 3);
	int64_t family = audit_family_of(audit, STR("SOL_processed"));
	assert_true(family >= 0);
	assert_string_equal(families[family].pattern, "{symbol}_processed");
	assert_int_equal(families[family].use, AUDIT_USE_flag);
	assert_int_equal(audit_family_of(audit, STR("nothing:like:it")), -1);
	assert_null(audit_server_of(audit));
	assert_null(audit_code_of(audit));
	buf_deinit(&told.lines);
	audit_destroy(audit);
}

static void findings_stand_by_severity_then_bytes(void **state)
{
	(void)state;
	struct audit *audit = open_audit(&config);
	char name[32];
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "session:%d", 1000 + i);
		tell(audit, name, STR("{\"token\":\"abcdefgh12345678\",\"user\":7}"), 0, 5);
		snprintf(name, sizeof name, "BTC_%d_state", 1000 + i);
		tell(audit, name, STR("on"), 0, 40LL * 86400);
	}
	assert_int_equal(audit_run(audit, NULL, NULL), STATUS_OK);
	const struct audit_finding *list;
	size_t n = audit_findings(audit, &list);
	assert_true(n >= 4);
	for (size_t i = 1; i < n; i++) {
		assert_true(list[i - 1].severity >= list[i].severity);
		if (list[i - 1].severity == list[i].severity)
			assert_true(list[i - 1].bytes_now >= list[i].bytes_now);
	}
	audit_destroy(audit);
}

static void no_rule_looks_at_what_is_ignored(void **state)
{
	(void)state;
	struct audit *audit = open_audit(&config);
	struct told told = told_open();
	tell(audit, "tmp:1", STR("{\"a\":1}"), 0, 90LL * 86400);
	tell(audit, "tmp:2", STR("{\"a\":1}"), 0, 90LL * 86400);
	assert_int_equal(audit_run(audit, on_hit, &told), STATUS_OK);
	assert_int_equal(told.n, 0);
	const struct audit_finding *findings;
	assert_int_equal(audit_findings(audit, &findings), 0);
	assert_int_equal(audit_totals(audit)->keys, 2);
	buf_deinit(&told.lines);
	audit_destroy(audit);
}

static void an_audit_of_nothing_finds_nothing(void **state)
{
	(void)state;
	struct audit *audit = open_audit(&config);
	const struct audit_family *families;
	assert_int_equal(audit_run(audit, NULL, NULL), STATUS_OK);
	assert_int_equal(audit_families(audit, &families), 0);
	assert_int_equal(audit_totals(audit)->keys, 0);
	audit_destroy(audit);
}

/* A keyspace at random, of one seed. */
static void tell_random(struct audit *audit, uint64_t seed, int keys)
{
	static const char *const symbols[] = { "BTC", "ETH", "SOL", "LINK", "QQZ" };
	static const struct {
		const char *text;
	} values[] = { { "true" },
		       { "17" },
		       { "1700000000" },
		       { "{\"rsi\":1,\"ema\":[2]}" },
		       { "long text of words that repeats" } };
	struct rng rng;
	char name[64];
	rng_init(&rng, seed);
	for (int i = 0; i < keys; i++) {
		const char *symbol = symbols[rng_below(&rng, ARRAY_LEN(symbols))];
		switch (rng_below(&rng, 4)) {
		case 0: snprintf(name, sizeof name, "%s_%d_state", symbol, i); break;
		case 1: snprintf(name, sizeof name, "user:%d:profile", i); break;
		case 2: snprintf(name, sizeof name, "klines:%sUSDT:1h:%d", symbol, i); break;
		default:
			snprintf(name, sizeof name, "cache:%08x", (unsigned)i * 2654435761U);
			break;
		}
		tell(audit, name, str_of(values[rng_below(&rng, ARRAY_LEN(values))].text),
		     rng_below(&rng, 3) ? 0 : (int64_t)rng_below(&rng, 90000) + 1,
		     (int64_t)rng_below(&rng, 100) * 86400);
	}
}

static void the_spill_changes_nothing(void **state)
{
	(void)state;
	struct told plain = told_open(), spilled = told_open();
	struct buf bytes;
	buf_init(&bytes, 64 << 20);
	struct audit_spill spill = { fake_append, fake_read, &bytes };
	struct audit_config with = config;
	with.spill = &spill;
	with.records_memory = 300 << 10;
	struct audit *first = open_audit(&config), *second = open_audit(&with);
	tell_random(first, 11, 20000);
	tell_random(second, 11, 20000);
	assert_int_equal(audit_run(first, on_hit, &plain), STATUS_OK);
	assert_int_equal(audit_run(second, on_hit, &spilled), STATUS_OK);
	assert_true(bytes.len > 100 << 10);
	assert_true(plain.n > 1000);
	assert_int_equal(plain.n, spilled.n);
	assert_true(str_eq(buf_str(&plain.lines), buf_str(&spilled.lines)));
	buf_deinit(&plain.lines);
	buf_deinit(&spilled.lines);
	buf_deinit(&bytes);
	audit_destroy(first);
	audit_destroy(second);
}

static void without_a_spill_too_many_records_are_refused(void **state)
{
	(void)state;
	struct audit_config with = config;
	with.records_memory = 600 << 10;
	struct audit *audit = open_audit(&with);
	enum status status = STATUS_OK;
	const struct audit_key key = {
		.name = STR("name"), .expires_ms = -1, .bytes = 9, .idle_s = 1
	};
	for (int i = 0; !status && i < 200000; i++)
		status = audit_key(audit, &key);
	assert_int_equal(status, STATUS_NO_MEMORY);
	audit_destroy(audit);
}

/* Sums of families are the totals, whatever the keys are. */
static void families_add_up_to_the_totals(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct audit *audit = open_audit(&config);
		tell_random(audit, seed, 3000);
		assert_int_equal(audit_run(audit, NULL, NULL), STATUS_OK);
		const struct audit_family *list;
		size_t n = audit_families(audit, &list);
		int64_t keys = 0, bytes = 0, no_ttl = 0;
		for (size_t i = 0; i < n; i++) {
			int64_t types = 0, ttl = 0, idle = 0, sizes = 0;
			for (size_t j = 0; j < AUDIT_TYPES; j++)
				types += list[i].by_type[j];
			for (size_t j = 0; j < AUDIT_TTL_BANDS; j++)
				ttl += list[i].ttl[j];
			for (size_t j = 0; j < AUDIT_IDLE_BANDS; j++)
				idle += list[i].idle[j];
			for (size_t j = 0; j < AUDIT_SIZE_BANDS; j++)
				sizes += list[i].sizes[j];
			assert_int_equal(types, list[i].keys);
			assert_int_equal(ttl, list[i].keys);
			assert_int_equal(idle, list[i].keys);
			assert_int_equal(sizes, list[i].keys);
			keys += list[i].keys;
			bytes += list[i].bytes;
			no_ttl += list[i].no_ttl;
		}
		assert_int_equal(keys, audit_totals(audit)->keys);
		assert_int_equal(bytes, audit_totals(audit)->bytes);
		assert_int_equal(no_ttl, audit_totals(audit)->no_ttl);
		audit_destroy(audit);
	}
}

static void an_older_audit_tells_what_grew(void **state)
{
	(void)state;
	struct audit *audit = open_audit(&config);
	struct err err = { .text = "" };
	assert_int_equal(audit_since(audit, STR("{\"families\":7}"), &err), STATUS_FORMAT);
	assert_non_null(strstr(err.text, "families"));
	assert_int_equal(
	    audit_since(audit,
			STR("{\"families\":[{\"pattern\":\"page:{n}\",\"keys\":1,\"bytes\":61},"
			    "{\"pattern\":\"old:{n}\",\"keys\":3,\"bytes\":9}]}"),
			&err),
	    STATUS_OK);
	tell(audit, "page:1", STR("a"), 0, -1);
	tell(audit, "page:2", STR("b"), 0, -1);
	assert_int_equal(audit_run(audit, NULL, NULL), STATUS_OK);
	const struct audit_family *list;
	assert_int_equal(audit_families(audit, &list), 1);
	assert_int_equal(list[0].grown_keys, 1);
	assert_int_equal(list[0].grown_bytes, 61);
	const struct audit_gone *gone;
	assert_int_equal(audit_gone(audit, &gone), 1);
	assert_string_equal(gone[0].pattern, "old:{n}");
	audit_destroy(audit);
}

/* ZADD rl:{ip} t t with a TTL is a window that slides: no finding of it. */
static void a_sliding_window_is_a_rate_limit(void **state)
{
	(void)state;
	static char texts[6][24];
	struct audit_element elements[6];
	struct audit *audit = open_audit(&config);
	struct told told = told_open();
	for (int i = 0; i < 6; i++) {
		snprintf(texts[i], sizeof texts[i], "%lld.%d", (long long)NOW_MS / 1000 - i, i);
		elements[i] = (struct audit_element){ .value = str_of(texts[i]),
						      .score = strtod(texts[i], NULL) };
	}
	for (int i = 0; i < 20; i++) {
		char name[32];
		snprintf(name, sizeof name, "rl:10.0.0.%d", i);
		const struct audit_key key = { .name = str_of(name),
					       .type = AUDIT_ZSET,
					       .encoding = AUDIT_ENC_LISTPACK,
					       .length = 6,
					       .elements = elements,
					       .count = 6,
					       .expires_ms = NOW_MS + 60000,
					       .bytes = 200,
					       .idle_s = 1 };
		assert_int_equal(audit_key(audit, &key), STATUS_OK);
	}
	assert_int_equal(audit_run(audit, on_hit, &told), STATUS_OK);
	const struct audit_family *list;
	assert_int_equal(audit_families(audit, &list), 1);
	assert_int_equal(list[0].use, AUDIT_USE_rate_limit);
	assert_false(was_told(&told, "wrong-type"));
	buf_deinit(&told.lines);
	audit_destroy(audit);
}

static void a_very_long_name_is_cut(void **state)
{
	(void)state;
	struct audit *audit = open_audit(&config);
	char *name = malloc(300000);
	assert_non_null(name);
	memset(name, 'n', 299999);
	name[299999] = 0;
	tell(audit, name, STR("v"), 0, 50LL * 86400);
	assert_int_equal(audit_run(audit, NULL, NULL), STATUS_OK);
	assert_int_equal(audit_family_of(audit, str_of(name)), 0);
	free(name);
	audit_destroy(audit);
}

static void names_are_printed_byte_by_byte(void **state)
{
	(void)state;
	char text[64];
	struct buf out = buf_over(text, sizeof text);
	audit_name_print(&out, STR("a b\\\x7f\xff\n~!"));
	assert_true(str_eq(buf_str(&out), STR("a\\x20b\\x5c\\x7f\\xff\\x0a~!")));
}

static void digests_tell_values_apart(void **state)
{
	(void)state;
	char bytes[80] = { 0 };
	uint64_t seen[80];
	for (size_t n = 0; n < 80; n++) {
		seen[n] = audit_digest(str_make(bytes, n));
		assert_int_not_equal(seen[n], 0);
		for (size_t i = 0; i < n; i++)
			assert_int_not_equal(seen[i], seen[n]);
	}
	for (size_t bit = 0; bit < 79 * 8; bit++) {
		bytes[bit / 8] ^= (char)(1 << bit % 8);
		assert_int_not_equal(audit_digest(str_make(bytes, 79)), seen[79]);
		bytes[bit / 8] ^= (char)(1 << bit % 8);
	}
	assert_int_equal(audit_digest(str_make(bytes, 79)), seen[79]);
}

static void types_and_encodings_are_found_by_their_names(void **state)
{
	(void)state;
	for (int i = 0; i < AUDIT_TYPES; i++)
		assert_int_equal(audit_type_find(str_of(audit_type_text((enum audit_type)i))), i);
	for (int i = 0; i < AUDIT_ENCODINGS; i++)
		assert_int_equal(
		    audit_encoding_find(str_of(audit_encoding_text((enum audit_encoding)i))), i);
	assert_int_equal(audit_type_find(STR("json")), AUDIT_TYPES);
	assert_int_equal(audit_encoding_find(STR("zipmap")), AUDIT_ENC_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_become_families_and_findings),
		cmocka_unit_test(findings_stand_by_severity_then_bytes),
		cmocka_unit_test(no_rule_looks_at_what_is_ignored),
		cmocka_unit_test(an_audit_of_nothing_finds_nothing),
		cmocka_unit_test(the_spill_changes_nothing),
		cmocka_unit_test(without_a_spill_too_many_records_are_refused),
		cmocka_unit_test(families_add_up_to_the_totals),
		cmocka_unit_test(an_older_audit_tells_what_grew),
		cmocka_unit_test(a_sliding_window_is_a_rate_limit),
		cmocka_unit_test(a_very_long_name_is_cut),
		cmocka_unit_test(names_are_printed_byte_by_byte),
		cmocka_unit_test(digests_tell_values_apart),
		cmocka_unit_test(types_and_encodings_are_found_by_their_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
