/* Keys into real databases: their rows are there, once, counted and summed by the test's own
 * questions; whatever happens to the server or to weir between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/rng.h"
#include "unit/move_stage.h"

static struct site sites[4];
static size_t n_sites;

static bool is_influx(const struct site *site) { return site->sink == MIGRATE_INFLUX; }

/* Distinct rows, by the database's own account; ClickHouse merges when it likes. */
static double count_rows(struct site *site, const char *table, const char *measurement)
{
	char sql[300];
	if (is_influx(site))
		snprintf(sql, sizeof sql, "SELECT count(batch_id) FROM \"%s\"", measurement);
	else if (site->sink == MIGRATE_CLICKHOUSE)
		snprintf(sql, sizeof sql, "SELECT count() FROM desk.%s FINAL", table);
	else
		snprintf(sql, sizeof sql, "SELECT count(*)%s FROM %s",
			 site->sink == MIGRATE_DUCKDB ? "::DOUBLE" : "", table);
	return site_ask(site, sql);
}

static double sum_of(struct site *site, const char *measurement)
{
	char sql[300];
	if (is_influx(site))
		snprintf(sql, sizeof sql, "SELECT sum(value) FROM \"%s\"", measurement);
	else if (site->sink == MIGRATE_CLICKHOUSE)
		snprintf(sql, sizeof sql,
			 "SELECT sum(toFloat64(value)) FROM desk.indicator_data FINAL WHERE family "
			 "= '%s'",
			 measurement);
	else
		snprintf(sql, sizeof sql,
			 "SELECT sum(value)::DOUBLE%s FROM indicator_data WHERE family = '%s'",
			 site->sink == MIGRATE_DUCKDB ? "" : " PRECISION", measurement);
	return site_ask(site, sql);
}

/* Of InfluxDB the measurement is the table; elsewhere the pattern is in the rows. */
static const char *table_of(const struct site *site, const char *table, const char *measurement)
{
	return is_influx(site) ? measurement : table;
}

static void each_site(void (*test)(struct site *site))
{
	for (size_t i = 0; i < n_sites; i++) {
		print_message("%s\n", migrate_sink_text(sites[i].sink));
		test(&sites[i]);
	}
}

/* ---- every shape ---- */

static void move_series(struct site *site)
{
	struct stage stage;
	stage_open(&stage, site, table_of(site, "indicator_data", "shape:{symbol}:{tf}"),
		   "shape:{symbol}:{tf}", 0);
	stage_string(
	    &stage, "shape:BTC:1h",
	    "{\"ts\":1700000000,\"a\":1.10,\"b\":0.30000000000000004,\"c\":\"b\\u00fcll, "
	    "\\\"x\\\" \\\\ y=1\\n\",\"d\":-1e-3,\"e\":null,\"f g\":{\"h\":123456789012345678}}",
	    0);
	stage_string(&stage, "shape:ETH:5m",
		     "[[1700000000000,1,2,3,4,\"5.50\"],[1700000300000,2,3,4,5,6]]", 1);
	stage_string(&stage, "shape:XRP:1d", "17.5", 2);
	struct audit_element scored[] = { { .field = STR("1700000000"),
					    .value = STR("1700000000:7") },
					  { .field = STR("1700000060"), .value = STR("8") } };
	struct source_key key = { .type = AUDIT_ZSET, .elements = scored, .n_elements = 2 };
	struct err err;
	assert_int_equal(stage_key(&stage, "shape:ADA:1m", &key, 3, &err), STATUS_OK);
	move_settle(stage.move);
	stage_expect(&stage, 4, 0, 0);
	assert_int_equal(stage.rows, 6 + 10 + 1 + 2);
	stage_close(&stage);
	assert_true(count_rows(site, "indicator_data", "shape:symbol:tf") == 19);
	double sum = 1.1 + 0.3 - 0.001 + 123456789012345678.0 + 15.5 + 20 + 17.5 + 15;
	double got = sum_of(site, is_influx(site) ? "shape:symbol:tf" : "shape:{symbol}:{tf}");
	assert_true(fabs(got - sum) < 100); /* of 1.2e17, as floats add */
}

static void series_of_every_shape_are_there_as_they_went(void **state)
{
	(void)state;
	each_site(move_series);
}

static void numbers_keep_their_digits_and_times_their_zone(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_sites; i++) {
		struct site *site = &sites[i];
		if (site->sink != MIGRATE_POSTGRES)
			continue;
		assert_true(site_ask(site,
				     "SELECT count(*) FROM indicator_data WHERE name = 'a' AND "
				     "value::text = '1.10' AND pg_typeof(ts)::text = "
				     "'timestamp with time zone' AND ts = "
				     "'2023-11-14T22:13:20Z'") == 1);
		assert_true(site_ask(site,
				     "SELECT count(*) FROM indicator_data WHERE name = 'b' AND "
				     "value = 0.30000000000000004") == 1);
		assert_true(site_ask(site,
				     "SELECT count(*) FROM indicator_data WHERE name = 'd' AND "
				     "value::text = '-0.001' AND value_text = '-1e-3'") == 1);
		assert_true(site_ask(site,
				     "SELECT count(*) FROM indicator_data WHERE name = 'f g.h' "
				     "AND value = 123456789012345678") == 1);
	}
}

static void move_records(struct site *site)
{
	struct stage stage;
	struct err err;
	struct audit_element fields[] = {
		{ .field = STR("name"), .value = STR("J\xc3\xbcrgen \"x\" \\ \t\n,") },
		{ .field = STR("\xff"), .value = STR("\x80\x04\x95\0x") },
		{ .field = STR("empty"), .value = STR("") },
	};
	struct source_key key = {
		.type = AUDIT_HASH, .elements = fields, .n_elements = 3, .expires_ms = 1900000000123
	};
	stage_open(&stage, site, "records", "user:{id}", 0);
	if (is_influx(site)) { /* takes series only, whatever the table is called */
		stage_close(&stage);
		return;
	}
	assert_int_equal(stage_key(&stage, "user:7", &key, 0, &err), STATUS_OK);
	stage_string(&stage, "user:8", "{\"id\":8,\"x\":[1,{\"y\":1.10}]}", 1);
	stage.family.table = "trades";
	struct audit_element trades[] = {
		{ .value = STR("{\"id\":1,\"symbol\":\"BTC\",\"price\":\"101.50\",\"qty\":0.1,"
			       "\"time\":\"2023-11-14T22:13:20Z\",\"pnl\":-3.25}") },
		{ .value = STR("{\"id\":1,\"pnl\":2}") },
		{ .value = STR("no json") },
	};
	key = (struct source_key){ .type = AUDIT_LIST, .elements = trades, .n_elements = 3 };
	assert_int_equal(stage_key(&stage, "user:9", &key, 2, &err), STATUS_OK);
	move_settle(stage.move);
	stage_expect(&stage, 3, 0, 0);
	stage_close(&stage);
	assert_true(count_rows(site, "records", "") == 4);
	assert_true(count_rows(site, "trades", "") == 3);
	if (site->sink == MIGRATE_POSTGRES)
		assert_true(site_ask(site,
				     "SELECT count(*) FROM trades WHERE price::text = '101.50' "
				     "AND pnl = -3.25 AND quantity = 0.1 AND ts = "
				     "'2023-11-14T22:13:20Z'") == 1);
}

static void records_and_trades_are_there_whole(void **state)
{
	(void)state;
	each_site(move_records);
}

/* ---- again ---- */

static void move_twice(struct site *site)
{
	struct stage stage;
	char name[40], value[60];
	stage_open(&stage, site, table_of(site, "indicator_data", "again:{symbol}"),
		   "again:{symbol}", 0);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 500; i++) {
			snprintf(name, sizeof name, "again:S%d", i);
			snprintf(value, sizeof value, "{\"ts\":1700000000,\"v\":%d}",
				 i + (round == 2));
			stage_string(&stage, name, value, (uint64_t)i);
		}
	move_settle(stage.move);
	stage_expect(&stage, 1500, 0, 0);
	/* the same key twice in a row: the newer one counts */
	stage_string(&stage, "again:S0", "{\"ts\":1700000000,\"v\":50}", 0);
	stage_string(&stage, "again:S0", "{\"ts\":1700000000,\"v\":1}", 0);
	move_settle(stage.move);
	stage_expect(&stage, 1502, 0, 0);
	stage_close(&stage);
	assert_true(sum_of(site, is_influx(site) ? "again:symbol" : "again:{symbol}") ==
		    500 * 499 / 2 + 500);
	if (is_influx(site))
		assert_true(count_rows(site, "", "again:symbol") == 500);
}

static void a_key_moved_again_is_the_same_rows_and_a_changed_one_replaces_them(void **state)
{
	(void)state;
	each_site(move_twice);
}

static void move_from_databases(struct site *site)
{
	struct stage stage;
	stage_open(&stage, site, table_of(site, "indicator_data", "*"), "*", 0);
	stage_string(&stage, "SA", "1", 0);
	stage_string(&stage, "2/SA", "2", 1);
	move_database(stage.move, 2);
	stage_string(&stage, "SA", "4", 2);
	stage_string(&stage, "2/SA", "8", 3);
	move_database(stage.move, 0);
	stage_string(&stage, "0/2/SA", "16", 4);
	move_settle(stage.move);
	stage_expect(&stage, 5, 0, 0);
	stage_close(&stage);
	if (!is_influx(site)) /* which names a measurement by its pattern */
		assert_true(sum_of(site, "*") == 31);
}

static void one_name_in_two_databases_is_two_keys(void **state)
{
	(void)state;
	each_site(move_from_databases);
}

/* As if the clock had been `us` ahead when its row was put there. */
static void put_ahead(struct site *site, const char *us)
{
	char sql[500];
	if (site->sink == MIGRATE_CLICKHOUSE)
		snprintf(sql, sizeof sql,
			 "INSERT INTO desk.records (element, field, kind, encoding, value, family, "
			 "source, seq, batch_id) SELECT element, field, kind, encoding, value, "
			 "family, source, seq, batch_id + %s FROM desk.records WHERE source = "
			 "'late:1'",
			 us);
	else
		snprintf(sql, sizeof sql, "UPDATE records SET batch_id = batch_id + %s", us);
	site_ask(site, sql);
}

/* Rows of a newer batch stay: what is sent goes above them, but not above what is no clock's. */
static void move_behind(struct site *site)
{
	bool clickhouse = site->sink == MIGRATE_CLICKHOUSE;
	struct stage stage;
	if (!clickhouse && site->sink != MIGRATE_POSTGRES)
		return;
	for (int mad = 0; mad < 2; mad++) {
		stage_open(&stage, site, "records", "late:{id}", 0);
		stage_string(&stage, "late:1", "old", 0);
		move_settle(stage.move);
		stage_expect(&stage, 1, 0, 0);
		put_ahead(site, mad ? "9000000000000000000" : "100000000000000");
		stage_string(&stage, "late:1", "new", 1);
		stage_string(&stage, "late:2", "new", 2);
		move_settle(stage.move);
		stage_expect(&stage, mad ? 2 : 3, mad, 0);
		assert_true(!mad || strstr(stage.why, "read back 0 of 1 rows"));
		stage_close(&stage);
		assert_true(site_ask(site, clickhouse ? "SELECT count() FROM desk.records FINAL "
							"WHERE value = 'new'"
						      : "SELECT count(*) FROM records WHERE value "
							"= 'new'") == 2 - mad);
		site_ask(site, clickhouse ? "TRUNCATE TABLE desk.records" : "DELETE FROM records");
	}
}

static void rows_of_a_newer_batch_are_gone_above(void **state)
{
	(void)state;
	each_site(move_behind);
}

/* ---- away ---- */

static void start_again(struct stage *stage)
{
	if (stage->troubles == 2)
		site_start(stage->site);
}

static void move_over_a_kill(struct site *site)
{
	struct stage stage;
	char name[40], value[60];
	if (site->sink == MIGRATE_DUCKDB)
		return;
	stage_open(&stage, site, table_of(site, "indicator_data", "away:{symbol}"), "away:{symbol}",
		   0);
	stage.on_trouble = start_again;
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "away:S%d", i);
		snprintf(value, sizeof value, "{\"ts\":%d,\"v\":1,\"w\":2,\"x\":3,\"y\":4}",
			 1700000000 + i);
		stage_string(&stage, name, value, (uint64_t)i);
		if (i == 2600)
			site_kill(site);
	}
	move_settle(stage.move);
	stage_expect(&stage, 3000, 0, 0);
	assert_true(stage.troubles >= 2);
	stage_close(&stage);
	assert_true(sum_of(site, is_influx(site) ? "away:symbol" : "away:{symbol}") == 30000);
}

static void a_server_that_was_away_gets_all_of_it(void **state)
{
	(void)state;
	each_site(move_over_a_kill);
}

static void move_to_nobody(struct site *site)
{
	struct stage stage;
	if (site->sink == MIGRATE_DUCKDB)
		return;
	stage_open(&stage, site, table_of(site, "indicator_data", "gone:{symbol}"), "gone:{symbol}",
		   1);
	site_kill(site);
	stage_string(&stage, "gone:SA", "1", 0);
	move_settle(stage.move);
	stage_expect(&stage, 0, 0, 1);
	assert_true(stage.why[0]);
	site_start(site);
	stage_string(&stage, "gone:SA", "1", 0);
	move_settle(stage.move);
	if (stage.outcomes[0] == 0) { /* its tables are looked at again first */
		stage_string(&stage, "gone:SA", "1", 0);
		move_settle(stage.move);
	}
	assert_int_equal(stage.outcomes[0], 1);
	stage_close(&stage);
}

static void keys_fail_when_patience_ends_and_may_be_moved_again(void **state)
{
	(void)state;
	each_site(move_to_nobody);
}

/* ---- what cannot be put ---- */

static void refuse_one(struct site *site)
{
	struct stage stage;
	struct buf value;
	char name[40];
	if (!is_influx(site))
		return;
	stage_open(&stage, site, "refused", "refused:{symbol}", 0);
	buf_init(&value, 1 << 20);
	for (int i = 0; i <= 1000; i++) /* more of one instant than a µs has ns */
		buf_printf(&value, "%c%d", i ? ',' : '[', i);
	buf_printf(&value, "]");
	buf_char(&value, 0);
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof name, "refused:S%d", i);
		stage_string(&stage, name, i == 33 ? value.ptr : "5", (uint64_t)i);
	}
	move_settle(stage.move);
	stage_expect(&stage, 49, 1, 0);
	assert_non_null(strstr(stage.why, "cannot hold"));
	stage_close(&stage);
	buf_deinit(&value);
}

static void one_that_a_sink_cannot_hold_is_refused_alone(void **state)
{
	(void)state;
	each_site(refuse_one);
}

/* Somebody else's rule in the database: held, told, and nothing is said to be there. */
static void a_row_that_the_database_forbids_is_not_confirmed(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_sites; i++) {
		struct stage stage;
		if (sites[i].sink != MIGRATE_POSTGRES)
			continue;
		stage_open(&stage, &sites[i], "indicator_data", "held:{symbol}", 1);
		site_ask(&sites[i],
			 "ALTER TABLE indicator_data ADD CONSTRAINT no_666 CHECK (value <> 666)");
		stage_string(&stage, "held:SA", "666", 0);
		move_settle(stage.move);
		stage_expect(&stage, 0, 0, 1);
		site_ask(&sites[i], "ALTER TABLE indicator_data DROP CONSTRAINT no_666");
		/* a trigger that changes what is written is found by reading back */
		site_ask(&sites[i],
			 "CREATE FUNCTION round_it() RETURNS trigger LANGUAGE plpgsql AS "
			 "'BEGIN NEW.value := round(NEW.value); RETURN NEW; END'");
		site_ask(&sites[i], "CREATE TRIGGER t BEFORE INSERT ON indicator_data FOR EACH ROW "
				    "EXECUTE FUNCTION round_it()");
		stage_string(&stage, "held:SA", "1.5", 0);
		stage_string(&stage, "held:SB", "2", 1);
		move_settle(stage.move);
		stage_expect(&stage, 1, 1, 1);
		assert_non_null(strstr(stage.why, "not as they were sent"));
		site_ask(&sites[i], "DROP TRIGGER t ON indicator_data");
		stage_close(&stage);
	}
}

/* weir's own archive in the same database keeps its trades, and the moved ones stand beside. */
static void the_archives_own_trades_are_left_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_sites; i++) {
		struct stage stage;
		if (sites[i].sink != MIGRATE_POSTGRES)
			continue;
		site_ask(&sites[i], "ALTER TABLE trades RENAME TO kept");
		site_ask(&sites[i],
			 "CREATE TABLE trades (trade_id text PRIMARY KEY, position_id bigint)");
		stage_open(&stage, &sites[i], "trades", "own:{id}", 0);
		stage_string(&stage, "own:1", "{\"id\":1,\"price\":2}", 0);
		move_settle(stage.move);
		stage_expect(&stage, 1, 0, 0);
		stage_close(&stage);
		assert_true(site_ask(&sites[i], "SELECT count(*) FROM trades") == 0);
		assert_true(site_ask(&sites[i], "SELECT count(*) FROM weir_moved.trades") == 1);
		site_ask(&sites[i], "DROP TABLE trades");
		site_ask(&sites[i], "ALTER TABLE kept RENAME TO trades");
		site_ask(&sites[i], "DROP SCHEMA weir_moved CASCADE");
	}
}

/* ---- weir dies ---- */

enum { CRASH_KEYS = 4000, CRASH_ROWS = 5 };

static void move_crash_keys(struct site *site, const char *match, const bool *done, int told)
{
	struct stage stage;
	char name[40], value[100];
	stage_open(&stage, site, table_of(site, "indicator_data", match), match, 0);
	stage.told = told;
	for (int i = 0; i < CRASH_KEYS; i++) {
		if (done[i])
			continue;
		snprintf(name, sizeof name, "%.5s:S%d", match, i);
		snprintf(value, sizeof value,
			 "{\"ts\":1700000000,\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":%d}", i);
		stage_string(&stage, name, value, (uint64_t)i);
		if (i % 400 == 399)
			move_settle(stage.move);
	}
	move_settle(stage.move);
	stage_need(stage.outcomes[MOVE_CONFIRMED] || !stage.outcomes[MOVE_FAILED], "crash keys",
		   stage.why);
	stage_close(&stage);
}

/* Tokens that it had told when it ended. True: it ended by itself. */
static bool run_and_kill(struct site *site, const char *match, bool *done, unsigned after_us)
{
	int ends[2], state;
	uint32_t token;
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		move_crash_keys(site, match, done, ends[1]);
		_exit(0);
	}
	close(ends[1]);
	if (after_us) {
		/* counted from its first confirmed key: how long it takes to begin does not matter
		 */
		if (read(ends[0], &token, sizeof token) == sizeof token)
			done[token] = true;
		usleep(after_us);
		kill(pid, SIGKILL);
	}
	while (read(ends[0], &token, sizeof token) == sizeof token)
		done[token] = true;
	close(ends[0]);
	assert_int_equal(waitpid(pid, &state, 0), pid);
	return WIFEXITED(state) && WEXITSTATUS(state) == 0;
}

static void kill_weir(struct site *site)
{
	static bool done[CRASH_KEYS];
	struct rng rng;
	const char *match = "crash:{symbol}";
	const char *family = is_influx(site) ? "crash:symbol" : match;
	rng_init(&rng, 7);
	memset(done, 0, sizeof done);
	for (int round = 0; round < 5; round++) {
		bool by_itself =
		    run_and_kill(site, match, done, 1000 + (unsigned)rng_below(&rng, 60000));
		double told = 0, sum = sum_of(site, family), least = 0;
		for (int i = 0; i < CRASH_KEYS; i++) {
			told += done[i];
			least += done[i] ? 10 + i : 0;
		}
		print_message("killed after %g keys%s\n", told, by_itself ? " (it was done)" : "");
		assert_true(sum >= least); /* what was confirmed is there */
	}
	memset(done, 0, sizeof done); /* as if nothing had been journaled */
	assert_true(run_and_kill(site, match, done, 0));
	for (int i = 0; i < CRASH_KEYS; i++)
		assert_true(done[i]);
	assert_true(sum_of(site, family) ==
		    10.0 * CRASH_KEYS + CRASH_KEYS * (CRASH_KEYS - 1) / 2.0);
}

static void after_kills_nothing_is_lost_and_nothing_is_there_twice(void **state)
{
	(void)state;
	each_site(kill_weir);
}

/* ---- many rows ---- */

static void move_large(struct site *site)
{
	struct stage stage;
	struct buf value;
	stage_open(&stage, site, table_of(site, "indicator_data", "large:{symbol}"),
		   "large:{symbol}", 0);
	buf_init(&value, 8 << 20);
	for (int i = 0; i < 12000; i++) /* 60,000 rows: several batches, one key */
		buf_printf(&value, "%c[%d,1,2,3,4,5]", i ? ',' : '[', 1700000000 + i * 60);
	buf_printf(&value, "]");
	buf_char(&value, 0);
	stage_string(&stage, "large:SA", value.ptr, 0);
	move_settle(stage.move);
	stage_expect(&stage, 1, 0, 0);
	assert_int_equal(stage.rows, 60000);
	stage_close(&stage);
	assert_true(sum_of(site, is_influx(site) ? "large:symbol" : "large:{symbol}") ==
		    15 * 12000.0);
	buf_deinit(&value);
}

static void a_key_of_many_rows_is_several_batches(void **state)
{
	(void)state;
	each_site(move_large);
}

static void a_duckdb_file_that_is_the_archives_own_or_somebodys_is_not_touched(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_sites; i++) {
		struct site other = sites[i];
		struct move_config config = { .on_key = stage_on_key };
		struct move *move;
		struct err err;
		if (other.sink != MIGRATE_DUCKDB)
			continue;
		snprintf(other.url, sizeof other.url, "%s/own.duckdb", other.folder);
		site_duck(&other, "CREATE TABLE batch_sinks (x INTEGER)");
		config.urls[MIGRATE_DUCKDB] = other.url;
		assert_int_equal(move_open(&config, &move, &err), STATUS_UNAVAILABLE);
		assert_non_null(strstr(err.text, "weir's own archive"));
		site_duck(&other, "DROP TABLE batch_sinks");
		site_duck(&other, "CREATE TABLE records (x INTEGER)");
		assert_int_equal(move_open(&config, &move, &err), STATUS_UNAVAILABLE);
		assert_non_null(strstr(err.text, "records"));
	}
}

static int stop(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_sites; i++)
		site_deinit(&sites[i]);
	return 0;
}

int main(void)
{
	static const enum migrate_sink sinks[] = { MIGRATE_DUCKDB, MIGRATE_POSTGRES,
						   MIGRATE_CLICKHOUSE, MIGRATE_INFLUX };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(series_of_every_shape_are_there_as_they_went),
		cmocka_unit_test(numbers_keep_their_digits_and_times_their_zone),
		cmocka_unit_test(records_and_trades_are_there_whole),
		cmocka_unit_test(
		    a_key_moved_again_is_the_same_rows_and_a_changed_one_replaces_them),
		cmocka_unit_test(one_name_in_two_databases_is_two_keys),
		cmocka_unit_test(rows_of_a_newer_batch_are_gone_above),
		cmocka_unit_test(a_server_that_was_away_gets_all_of_it),
		cmocka_unit_test(keys_fail_when_patience_ends_and_may_be_moved_again),
		cmocka_unit_test(one_that_a_sink_cannot_hold_is_refused_alone),
		cmocka_unit_test(a_row_that_the_database_forbids_is_not_confirmed),
		cmocka_unit_test(the_archives_own_trades_are_left_alone),
		cmocka_unit_test(after_kills_nothing_is_lost_and_nothing_is_there_twice),
		cmocka_unit_test(a_key_of_many_rows_is_several_batches),
		cmocka_unit_test(
		    a_duckdb_file_that_is_the_archives_own_or_somebodys_is_not_touched),
	};
	stage_owner = getpid();
	for (size_t i = 0; i < ARRAY_LEN(sinks); i++)
		n_sites += site_init(&sites[n_sites], sinks[i]);
	return n_sites ? cmocka_run_group_tests(tests, NULL, stop) : 77;
}
