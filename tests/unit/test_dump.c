/* A dump as an audit's source: against MEMORY USAGE, OBJECT ENCODING and lengths of the server
 * that loads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rdb_fill.h"
#include "rdb_writer.h"
#include "survey/dump.h"

enum { KEYS_MAX = 200 };

static const int64_t now_ms = 1700000000000;

struct told {
	struct audit_key keys[KEYS_MAX];
	char names[KEYS_MAX][80];
	size_t n;
	int64_t progress;
	size_t stop_at;
	struct rdb_stage *stage;
	void (*look)(struct told *told, const struct audit_key *key);
};

static enum status on_key(void *ctx, const struct audit_key *key)
{
	struct told *told = ctx;
	assert_true(told->n < KEYS_MAX);
	if (told->look)
		told->look(told, key);
	told->keys[told->n] = *key;
	snprintf(told->names[told->n], sizeof *told->names, "%.*s", STR_ARG(key->name));
	told->n++;
	return told->stop_at && told->n == told->stop_at ? STATUS_CANCELLED : STATUS_OK;
}

static void on_progress(void *ctx, int64_t bytes, int64_t total)
{
	struct told *told = ctx;
	assert_in_range(bytes, told->progress, total);
	told->progress = bytes;
}

static enum status read_dump(const char *path, struct told *told, struct dump_totals *totals,
			     struct err *err)
{
	struct dump_config config = {
		.path = path,
		.now_ms = now_ms,
		.stale_ms = 3600000,
		.on_key = on_key,
		.on_progress = on_progress,
		.ctx = told,
	};
	return dump_read(&config, totals, err);
}

/* ---- against a server ---- */

static int64_t ask_number(struct rdb_stage *stage, const char *command, struct str name)
{
	const char *const memory[] = { "MEMORY", "USAGE", name.ptr, "SAMPLES", "0" };
	size_t memory_lens[] = { 6, 5, name.len, 7, 1 }, lens[] = { strlen(command), name.len };
	const char *argv[] = { command, name.ptr };
	bool is_memory = strcmp(command, "MEMORY") == 0;
	redisReply *reply =
	    is_memory ? stage_ask_argv(stage, 5, (const char **)(uintptr_t)memory, memory_lens)
		      : stage_ask_argv(stage, 2, argv, lens);
	int64_t value = reply->type == REDIS_REPLY_INTEGER ? reply->integer : -1;
	freeReplyObject(reply);
	return value;
}

static int64_t length_of(struct rdb_stage *stage, const struct audit_key *key)
{
	static const char *const commands[] = {
		"STRLEN", "LLEN", "SCARD", "ZCARD", "HLEN", "XLEN"
	};
	return ask_number(stage, commands[key->type], key->name);
}

/* Within 5 %, as the model promises; a table that the server grew while it was filled has been
 * made anew by its load. */
static void look_at_server(struct told *told, const struct audit_key *key)
{
	STAGE_RUN(told->stage, "SELECT %d", key->db);
	const char *argv[] = { "OBJECT", "ENCODING", key->name.ptr };
	size_t lens[] = { 6, 8, key->name.len };
	redisReply *encoding = stage_ask_argv(told->stage, 3, argv, lens);
	assert_string_equal(encoding->str, audit_encoding_text(key->encoding));
	freeReplyObject(encoding);
	assert_int_equal(key->length, length_of(told->stage, key));
	assert_int_equal(key->expires_ms, ask_number(told->stage, "PEXPIRETIME", key->name));
	int64_t server = ask_number(told->stage, "MEMORY", key->name);
	int64_t apart = key->bytes > server ? key->bytes - server : server - key->bytes;
	if (apart * 20 > server && key->type != AUDIT_STREAM)
		fail_msg("%.*s: %lld bytes by the model, %lld by the server", STR_ARG(key->name),
			 (long long)key->bytes, (long long)server);
}

static void what_is_told_is_what_a_server_says_of_it(void **state)
{
	static const char *const extra[] = { "--enable-debug-command", "yes", NULL };
	struct rdb_stage stage = { .folder = fixture_folder() };
	struct told told = { .stage = &stage, .look = look_at_server };
	struct dump_totals totals;
	struct err err = { 0 };
	char path[300];
	(void)state;
	if (!fixture_has_redis())
		skip();
	assert_true(stage_start(&stage, extra));
	fill_all(&stage, 5);
	STAGE_RUN(&stage, "SAVE");
	stage_stop(&stage);
	assert_true(stage_start(&stage, extra));
	stage_path(&stage, "dump.rdb", path);
	if (read_dump(path, &told, &totals, &err))
		fail_msg("%s", err.text);
	assert_int_equal(totals.keys, told.n);
	assert_int_equal(totals.dbs, 3);
	assert_int_equal(totals.functions, 2);
	assert_int_equal(totals.version, 10);
	assert_true(str_starts(str_of(totals.server_version), STR("7.")));
	assert_true(totals.created_ms > now_ms && totals.used_memory > 0);
	assert_int_equal(totals.bytes, totals.bytes_total);
	assert_int_equal(told.progress, totals.bytes_total);
	assert_true(totals.has_checksum && !totals.expired && !totals.with_idle);
	assert_int_equal(totals.by_type[AUDIT_STREAM], 5);
	stage_stop(&stage);
	fixture_remove(stage.folder);
}

/* ---- made by hand ---- */

struct made {
	char *folder, path[300];
	struct buf dump;
	struct told told;
	struct dump_totals totals;
	struct err err;
};

static void made_begin(struct made *made, const char *magic)
{
	*made = (struct made){ .folder = fixture_folder() };
	snprintf(made->path, sizeof made->path, "%s/dump.rdb", made->folder);
	w_begin(&made->dump, magic);
	w_db(&made->dump, 0);
}

static enum status made_read(struct made *made)
{
	FILE *file = fopen(made->path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(made->dump.ptr, 1, made->dump.len, file), made->dump.len);
	assert_int_equal(fclose(file), 0);
	return read_dump(made->path, &made->told, &made->totals, &made->err);
}

static void made_end(struct made *made)
{
	buf_deinit(&made->dump);
	fixture_remove(made->folder);
}

static void look_at_value(struct told *told, const struct audit_key *key)
{
	(void)told;
	assert_int_equal(key->value.len,
			 key->length < AUDIT_VALUE_MAX ? key->length : AUDIT_VALUE_MAX);
	for (size_t i = 0; i < key->value.len; i += 1000)
		assert_int_equal(key->value.ptr[i], 'v');
}

static void w_same(struct buf *out, char byte, size_t n)
{
	w_length(out, n);
	for (size_t i = 0; i < n; i++)
		w_byte(out, byte);
}

static void digests_are_of_strings_that_were_read_whole(void **state)
{
	static const size_t sizes[] = { 5,       AUDIT_VALUE_MAX, AUDIT_VALUE_MAX + 1,
					1 << 20, (1 << 20) + 1,   3 << 20 };
	struct made made;
	(void)state;
	made_begin(&made, "REDIS0009");
	made.told.look = look_at_value;
	for (size_t i = 0; i < 6; i++) {
		w_key(&made.dump, 0, "k");
		w_same(&made.dump, 'v', sizes[i]);
	}
	w_end(&made.dump);
	assert_int_equal(made_read(&made), STATUS_OK);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(made.told.keys[i].length, sizes[i]);
		assert_int_equal(made.told.keys[i].digest != 0, sizes[i] <= 1 << 20);
	}
	char five[] = "vvvvv";
	assert_true(made.told.keys[0].digest == audit_digest(str_of(five)));
	made_end(&made);
}

static void look_at_list(struct told *told, const struct audit_key *key)
{
	(void)told;
	size_t expected =
	    key->length < AUDIT_ELEMENTS_MAX ? (size_t)key->length : AUDIT_ELEMENTS_MAX;
	assert_int_equal(key->count, expected);
	for (size_t i = 0; i < key->count; i++) {
		int64_t value, half = AUDIT_ELEMENTS_MAX / 2;
		assert_int_equal(str_to_i64(key->elements[i].value, &value), STATUS_OK);
		int64_t index =
		    (int64_t)i < half ? (int64_t)i : key->length - (int64_t)(key->count - i);
		assert_int_equal(value, index);
	}
}

static void half_of_a_lists_samples_are_from_its_end(void **state)
{
	static const int sizes[] = { 1, 31, 32, 33, 63, 64, 65, 95, 96, 97, 1000 };
	struct made made;
	(void)state;
	made_begin(&made, "REDIS0009");
	made.told.look = look_at_list;
	for (size_t i = 0; i < 11; i++) {
		char text[20];
		w_key(&made.dump, 1, "l");
		w_length(&made.dump, (uint64_t)sizes[i]);
		for (int j = 0; j < sizes[i]; j++) {
			snprintf(text, sizeof text, "%d", j);
			w_text(&made.dump, text);
		}
	}
	w_end(&made.dump);
	assert_int_equal(made_read(&made), STATUS_OK);
	assert_int_equal(made.told.n, 11);
	made_end(&made);
}

static void look_at_hash(struct told *told, const struct audit_key *key)
{
	(void)told;
	assert_int_equal(key->count, 3);
	assert_int_equal(key->longest, 10000);
	assert_int_equal(key->elements[1].value.len, AUDIT_ELEMENT_MAX);
	assert_true(str_eq(key->elements[2].field, STR("c")));
	assert_true(str_eq(key->elements[2].value, STR("end")));
	assert_int_equal(key->encoding, AUDIT_ENC_HASHTABLE);
}

static void long_elements_are_cut_and_their_length_is_told(void **state)
{
	struct made made;
	(void)state;
	made_begin(&made, "REDIS0009");
	made.told.look = look_at_hash;
	w_key(&made.dump, 4, "h");
	w_length(&made.dump, 3);
	w_text(&made.dump, "a");
	w_text(&made.dump, "1");
	w_text(&made.dump, "b");
	w_same(&made.dump, 'x', 10000);
	w_text(&made.dump, "c");
	w_text(&made.dump, "end");
	w_end(&made.dump);
	assert_int_equal(made_read(&made), STATUS_OK);
	made_end(&made);
}

static void expired_and_idle_keys_are_told_and_counted(void **state)
{
	struct made made;
	(void)state;
	made_begin(&made, "REDIS0009");
	for (int i = 0; i < 3; i++) {
		w_byte(&made.dump, 252);
		w_low_first(&made.dump, (uint64_t)(now_ms + i - 1), 8);
		if (i == 1) {
			w_byte(&made.dump, 248);
			w_length(&made.dump, 86400);
		}
		w_key(&made.dump, 0, "k");
		w_text(&made.dump, "v");
	}
	w_end(&made.dump);
	assert_int_equal(made_read(&made), STATUS_OK);
	assert_int_equal(made.told.n, 3);
	assert_int_equal(made.totals.expired, 2);
	assert_int_equal(made.totals.with_idle, 1);
	assert_int_equal(made.told.keys[0].idle_s, -1);
	assert_int_equal(made.told.keys[1].idle_s, 86400);
	made_end(&made);
}

static void a_damaged_file_says_where_and_what_was_read(void **state)
{
	struct made made;
	char expected[600];
	(void)state;
	made_begin(&made, "REDIS0009");
	w_key(&made.dump, 0, "k");
	w_text(&made.dump, "v");
	size_t at = made.dump.len;
	w_byte(&made.dump, 99);
	assert_int_equal(made_read(&made), STATUS_FORMAT);
	assert_int_equal(made.totals.offset, at);
	assert_int_equal(made.told.n, 1);
	snprintf(expected, sizeof expected,
		 "%s: offset %zu: a type that is not known (1 keys were read)", made.path, at);
	assert_string_equal(made.err.text, expected);
	made_end(&made);
}

static void what_is_no_dump_is_said_in_a_line(void **state)
{
	struct made made;
	(void)state;
	made_begin(&made, "{\"a\":1}, and more of it");
	assert_int_equal(made_read(&made), STATUS_FORMAT);
	assert_non_null(strstr(made.err.text, "no dump"));
	assert_int_equal(read_dump("/nowhere/dump.rdb", &made.told, &made.totals, &made.err),
			 STATUS_NOT_FOUND);
	assert_int_not_equal(read_dump(made.folder, &made.told, &made.totals, &made.err),
			     STATUS_OK);
	made_end(&made);
}

static void names_are_cut_to_what_an_audit_takes(void **state)
{
	struct made made;
	size_t longest = AUDIT_NAME_MAX;
	char *name = malloc(longest + 2);
	(void)state;
	memset(name, 'n', longest + 1);
	made_begin(&made, "REDIS0009");
	for (size_t more = 0; more < 2; more++) {
		name[longest + more] = 0;
		w_key(&made.dump, 0, name);
		w_text(&made.dump, "v");
		name[longest + more] = 'n';
	}
	w_end(&made.dump);
	assert_int_equal(made_read(&made), STATUS_OK);
	assert_int_equal(made.told.n, 2);
	assert_int_equal(made.totals.long_names, 1);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(made.told.keys[i].name.len, longest);
	made_end(&made);
	free(name);
}

static void a_dump_tells_when_it_was_made(void **state)
{
	struct made made;
	(void)state;
	made_begin(&made, "REDIS0009");
	made.dump.len = strlen("REDIS0009");
	w_aux(&made.dump, "redis-ver", "7.0.15");
	w_aux(&made.dump, "ctime", "1700000123");
	w_db(&made.dump, 0);
	w_key(&made.dump, 0, "k");
	w_text(&made.dump, "v");
	w_end(&made.dump);
	assert_int_equal(made_read(&made), STATUS_OK);
	assert_int_equal(dump_created_ms(made.path), 1700000123000);
	assert_int_equal(made.totals.created_ms, 1700000123000);
	assert_int_equal(dump_created_ms(made.folder), -1);
	assert_int_equal(dump_created_ms("/nowhere/dump.rdb"), -1);
	made_end(&made);
	made_begin(&made, "REDIS0009");
	w_end(&made.dump);
	assert_int_equal(made_read(&made), STATUS_OK);
	assert_int_equal(dump_created_ms(made.path), -1);
	made_end(&made);
}

static void who_is_told_can_end_it(void **state)
{
	struct made made;
	(void)state;
	made_begin(&made, "REDIS0009");
	made.told.stop_at = 2;
	for (int i = 0; i < 5; i++) {
		w_key(&made.dump, 0, "k");
		w_text(&made.dump, "v");
	}
	w_end(&made.dump);
	assert_int_equal(made_read(&made), STATUS_CANCELLED);
	assert_int_equal(made.told.n, 2);
	made_end(&made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_told_is_what_a_server_says_of_it),
		cmocka_unit_test(digests_are_of_strings_that_were_read_whole),
		cmocka_unit_test(half_of_a_lists_samples_are_from_its_end),
		cmocka_unit_test(long_elements_are_cut_and_their_length_is_told),
		cmocka_unit_test(expired_and_idle_keys_are_told_and_counted),
		cmocka_unit_test(a_damaged_file_says_where_and_what_was_read),
		cmocka_unit_test(what_is_no_dump_is_said_in_a_line),
		cmocka_unit_test(names_are_cut_to_what_an_audit_takes),
		cmocka_unit_test(a_dump_tells_when_it_was_made),
		cmocka_unit_test(who_is_told_can_end_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
