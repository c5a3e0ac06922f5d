/* The sink for PostgreSQL against a real server: rows of every table come back as they
 * went, once, whatever happens between, and each trouble has its name. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive/postgres.h"
#include "postgres_server.h"
#include "unit/sink_stage.h"

static struct postgres_server server;

/* ---- the stage ---- */

static const int64_t second_ns = 1000000000;

static void open_sink(struct stage *stage, const char *url, int64_t answer_ns)
{
	const struct postgres_config config = { .loop = stage->loop,
						.url = url,
						.connect_ns = 30 * second_ns,
						.answer_ns = answer_ns };
	struct err err;
	assert_int_equal(postgres_open(&config, &stage->sink, &err), STATUS_OK);
}

static const char *url_of(const char *user, const char *password, const char *database)
{
	static char url[400];
	snprintf(url, sizeof url, "postgresql://%s:%s@127.0.0.1:%u/%s", user, password, server.port,
		 database);
	return url;
}

static void begin_for(struct stage *stage, int64_t answer_ns)
{
	postgres_do(&server, "DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION weir");
	stage_init(stage);
	open_sink(stage, url_of("weir", "secret", "postgres"), answer_ns);
}

static void begin(struct stage *stage)
{
	begin_for(stage, 30 * second_ns);
	stage_open(stage);
	stage_expect(stage, SINK_DONE);
}

/* Everything is made, and then nothing is waited for longer. */
static void begin_hasty(struct stage *stage, int64_t answer_ns)
{
	begin(stage);
	stage_close_sink(stage);
	open_sink(stage, url_of("weir", "secret", "postgres"), answer_ns);
	for (int tries = 0; tries < 30 && stage_open(stage); tries++)
		;
	stage_expect(stage, SINK_DONE);
}

static void send_rows(struct stage *stage, enum archive_table table, int64_t batch_id)
{
	stage_send(stage, table, batch_id);
	stage_expect(stage, SINK_DONE);
}

static long long count_rows(const char *table)
{
	char sql[200];
	snprintf(sql, sizeof sql, "SELECT count(*) FROM public.%s", table);
	return postgres_number(&server, sql);
}

/* ---- what comes back ---- */

static bool cell_is(const PGresult *result, int at, int column, const struct archive_row *row,
		    enum archive_column name)
{
	char storage[80];
	struct buf text = buf_over(storage, sizeof storage - 1);
	struct str got =
	    str_make(PQgetvalue(result, at, column), (size_t)PQgetlength(result, at, column));
	if (!archive_cell_there(row, name))
		return PQgetisnull(result, at, column);
	if (PQgetisnull(result, at, column))
		return false;
	switch (archive_column_row(name)->type) {
	case ARCHIVE_TEXT:
	case ARCHIVE_WORD: return str_eq(got, archive_cell_text(row, name));
	case ARCHIVE_REAL: return atof(got.ptr) == archive_cell_real(row, name);
	case ARCHIVE_INT: buf_i64(&text, archive_cell_int(row, name, 0)); break;
	case ARCHIVE_DEC: decimal_print(&text, archive_cell_int(row, name, 0), 8); break;
	case ARCHIVE_BIG: decimal_print(&text, archive_cell_big(row, name), 16); break;
	default: return false; /* of no table of the archive's own */
	}
	return str_eq(got, buf_str(&text));
}

/* Each row of the set stands in the table as it is, with the batch's id. */
static void expect_rows(const struct archive_rows *rows, enum archive_table table, int64_t batch_id)
{
	const struct archive_table_row *table_row = archive_table_row(table);
	char sql[300];
	snprintf(sql, sizeof sql, "SELECT * FROM public.\"%s\" WHERE batch_id = %lld ORDER BY %s",
		 table_row->name, (long long)batch_id, archive_column_row(table_row->time)->name);
	PGresult *result = PQexec(server.conn, sql);
	assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
	assert_int_equal(PQntuples(result), rows->count);
	int at = 0;
	for (const struct archive_row *row = NULL; (row = archive_rows_next(rows, row)); at++)
		for (unsigned i = 0; i < table_row->columns; i++) {
			enum archive_column column = (enum archive_column)(table_row->first + i);
			if (!cell_is(result, at, (int)i, row, column))
				fail_msg("%s.%s: %s", table_row->name,
					 archive_column_row(column)->name,
					 PQgetvalue(result, at, (int)i));
		}
	PQclear(result);
}

static void rows_of_every_table_come_back_as_they_went(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	for (unsigned i = 0; i < TABLE_COUNT; i++) {
		enum archive_table table = (enum archive_table)i;
		stage_rows(&stage, table, 0, 500, 100 + i);
		send_rows(&stage, table, 7 + i);
		expect_rows(&stage.rows, table, 7 + i);
		stage_probe(&stage, table, 7 + i);
		stage_expect(&stage, SINK_DONE);
		assert_int_equal(stage.count, 500);
		stage_probe(&stage, table, 6 + i);
		assert_int_equal(stage.count, 0);
		stage_count(&stage, table);
		assert_int_equal(stage.count, 500);
	}
	stage_deinit(&stage);
}

/* ---- again, and newer ---- */

static void a_batch_that_is_sent_again_is_there_once(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	for (unsigned i = 0; i < TABLE_COUNT; i++) {
		enum archive_table table = (enum archive_table)i;
		stage_rows(&stage, table, 0, 300, i);
		send_rows(&stage, table, 5);
		send_rows(&stage, table, 5);
		expect_rows(&stage.rows, table, 5);
		stage_rows(&stage, table, 200, 400, 1000 + i); /* half of it new */
		send_rows(&stage, table, 6);
		stage_count(&stage, table);
		assert_int_equal(stage.count, 400);
	}
	stage_deinit(&stage);
}

static void the_newest_batch_wins_and_of_one_batch_the_last(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	stage_rows(&stage, TABLE_trades, 0, 100, 1);
	send_rows(&stage, TABLE_trades, 20);
	stage_rows(&stage, TABLE_trades, 0, 100, 2);
	send_rows(&stage, TABLE_trades, 21); /* newer: it wins */
	expect_rows(&stage.rows, TABLE_trades, 21);
	stage_rows(&stage, TABLE_trades, 0, 100, 3);
	send_rows(&stage, TABLE_trades, 19); /* an old one that comes late does not */
	stage_rows(&stage, TABLE_trades, 0, 100, 2);
	expect_rows(&stage.rows, TABLE_trades, 21);

	struct rng rng;
	stage_rows(&stage, TABLE_bars_1m, 0, 50, 4);
	rng_init(&rng, 5);
	for (uint64_t i = 0; i < 50; i++) /* told again within the batch */
		random_row(&stage.rows, TABLE_bars_1m, i, &rng);
	send_rows(&stage, TABLE_bars_1m, 22);
	stage_rows(&stage, TABLE_bars_1m, 0, 50, 5);
	expect_rows(&stage.rows, TABLE_bars_1m, 22);

	stage_rows(&stage, TABLE_trade_results, 0, 50, 6);
	send_rows(&stage, TABLE_trade_results, 23);
	send_rows(&stage, TABLE_trade_results, 24); /* a result is what it was */
	expect_rows(&stage.rows, TABLE_trade_results, 23);
	stage_deinit(&stage);
}

/* ---- the server dies ---- */

static void turn(struct stage *stage, int times)
{
	for (int i = 0; i < times && !stage->done; i++)
		loop_turn(stage->loop, 2000000);
}

/* A server that recovers from a kill refuses for a while. */
static void probe_when_well(struct stage *stage, int64_t batch)
{
	for (int tries = 0; tries < 200; tries++) {
		stage_probe(stage, TABLE_trade_results, batch);
		if (stage->outcome != SINK_AWAY)
			return;
		loop_turn(stage->loop, 20000000);
	}
}

static void after_a_kill_in_the_middle_the_batch_is_sent_again_and_is_there_once(void **state)
{
	(void)state;
	struct stage stage;
	struct rng rng;
	unsigned ends[4] = { 0 };
	begin(&stage);
	rng_init(&rng, 99);
	for (int64_t batch = 1; batch <= 8; batch++) {
		stage_rows(&stage, TABLE_trade_results, (uint64_t)batch * 4000,
			   (uint64_t)batch * 4000 + 4000, (uint64_t)batch);
		stage_encode(&stage, batch);
		pid_t backend = postgres_backend(&server);
		stage_send_begin(&stage, TABLE_trade_results, batch);
		turn(&stage, (int)rng_below(&rng, 60));
		postgres_kill(&server);
		kill(backend, SIGKILL); /* which would go on to the end of its statement */
		stage_wait(&stage);
		assert_true(stage.outcome == SINK_DONE || stage.outcome == SINK_AWAY ||
			    stage.outcome == SINK_UNKNOWN);
		ends[stage.outcome]++;
		enum sink_outcome first = stage.outcome;
		postgres_start(&server);
		probe_when_well(&stage, batch);
		stage_expect(&stage, SINK_DONE);
		assert_true(stage.count == 0 || stage.count == 4000); /* all, or nothing */
		assert_true(first != SINK_DONE || stage.count == 4000);
		assert_true(first != SINK_AWAY || stage.count == 0);
		send_rows(&stage, TABLE_trade_results, batch);
	}
	stage_count(&stage, TABLE_trade_results);
	assert_int_equal(stage.count, 8 * 4000);
	print_message("done %u, unknown %u, away %u\n", ends[SINK_DONE], ends[SINK_UNKNOWN],
		      ends[SINK_AWAY]);
	stage_deinit(&stage);
}

static void a_connection_that_the_server_closed_is_made_again(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	stage_rows(&stage, TABLE_funding, 0, 10, 1);
	pid_t backend = postgres_backend(&server);
	kill(backend, SIGTERM);
	while (kill(backend, 0) == 0)
		usleep(1000);
	stage_begin(&stage);
	turn(&stage, 20); /* it says good-bye: nothing is asked of it any more */
	send_rows(&stage, TABLE_funding, 1);
	expect_rows(&stage.rows, TABLE_funding, 1);
	stage_deinit(&stage);
}

/* ---- it hangs ---- */

static void a_hang_before_the_commit_leaves_nothing(void **state)
{
	(void)state;
	struct stage stage;
	begin_hasty(&stage, 4 * second_ns);
	stage_rows(&stage, TABLE_trade_results, 0, 60000, 1);
	stage_encode(&stage, 1);
	pid_t pid = postgres_backend(&server);
	size_t before = mallinfo2().uordblks;
	kill(pid, SIGSTOP);
	stage_send_begin(&stage, TABLE_trade_results, 1);
	turn(&stage, 50);
	assert_false(stage.done);
	/* what the socket does not take is not piled up */
	assert_true(stage.body.len > 16 << 20);
	assert_true(mallinfo2().uordblks < before + (1 << 20));
	stage_wait(&stage);
	stage_expect(&stage, SINK_AWAY);
	assert_non_null(strstr(stage.why, "in time"));
	kill(pid, SIGCONT);
	probe_when_well(&stage, 1);
	stage_expect(&stage, SINK_DONE);
	assert_int_equal(stage.count, 0);
	stage_deinit(&stage);
}

static void a_hang_while_it_commits_is_unknown_and_may_land_later(void **state)
{
	(void)state;
	struct stage stage;
	begin_hasty(&stage, 4 * second_ns);
	postgres_do(&server, "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS "
			     "$$BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END$$;"
			     "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON public.funding"
			     " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
			     " WHEN (NEW.batch_id = 1) EXECUTE FUNCTION public.slow()");
	postgres_do(&server, "SELECT pg_advisory_lock(7)");
	stage_rows(&stage, TABLE_funding, 0, 1, 1);
	stage_send(&stage, TABLE_funding, 1);
	stage_expect(&stage, SINK_UNKNOWN);
	stage_probe(&stage, TABLE_funding, 1);
	stage_expect(&stage, SINK_DONE);
	assert_int_equal(stage.count, 0); /* not yet */
	postgres_do(&server, "SELECT pg_advisory_unlock(7)");
	while (count_rows("funding") == 0)
		usleep(10000);
	stage_probe(&stage, TABLE_funding, 1);
	stage_expect(&stage, SINK_DONE);
	assert_int_equal(stage.count, 1);
	send_rows(&stage, TABLE_funding, 1);
	expect_rows(&stage.rows, TABLE_funding, 1);
	stage_deinit(&stage);
}

/* ---- tables that are not as they should be ---- */

static void a_missing_column_is_added(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	stage_rows(&stage, TABLE_signals, 0, 10, 1);
	send_rows(&stage, TABLE_signals, 1);
	postgres_do(&server, "ALTER TABLE public.signals DROP COLUMN reason, DROP COLUMN batch_id,"
			     " ADD COLUMN theirs int");
	stage_open(&stage);
	stage_expect(&stage, SINK_DONE);
	assert_int_equal(postgres_number(&server, "SELECT count(reason) FROM public.signals"), 0);
	send_rows(&stage, TABLE_signals, 2);
	assert_int_equal(
	    postgres_number(&server, "SELECT count(*) FROM public.signals WHERE batch_id = 2"), 10);
	stage_deinit(&stage);
}

static void a_wrong_type_or_key_is_held_until_it_is_mended(void **state)
{
	static const char *const wrongs[][3] = {
		{ "ALTER TABLE public.accounts ALTER balance TYPE numeric(10,2) USING 0",
		  "ALTER TABLE public.accounts ALTER balance TYPE numeric(18,8)",
		  "accounts.balance: is numeric(10,2), not numeric(18,8)" },
		{ "ALTER TABLE public.accounts DROP CONSTRAINT accounts_pkey",
		  "ALTER TABLE public.accounts ADD PRIMARY KEY (server, login, at_us)",
		  "must be of the primary key, which is (server login at_us)" },
		{ "ALTER TABLE public.accounts ALTER at_us TYPE text",
		  "ALTER TABLE public.accounts ALTER at_us TYPE bigint USING 0",
		  "accounts.at_us: is text, not bigint" },
	};
	struct stage stage;
	(void)state;
	begin(&stage);
	for (size_t i = 0; i < ARRAY_LEN(wrongs); i++) {
		stage_rows(&stage, TABLE_accounts, i * 100, i * 100 + 5, i);
		postgres_do(&server, wrongs[i][0]);
		stage_open(&stage);
		stage_expect(&stage, SINK_HELD);
		assert_non_null(strstr(stage.why, wrongs[i][2]));
		stage_send(&stage, TABLE_accounts, (int64_t)i + 1);
		stage_expect(&stage, SINK_HELD);
		assert_int_equal(count_rows("accounts"), i == 2 ? 10 : i * 5);
		if (i == 2)
			postgres_do(&server, "TRUNCATE public.accounts");
		postgres_do(&server, wrongs[i][1]);
		send_rows(&stage, TABLE_accounts, (int64_t)i + 1);
	}
	stage_deinit(&stage);
}

static void what_changes_under_an_open_connection_is_held_not_poison(void **state)
{
	static const char *const changes[] = {
		"ALTER TABLE public.operator_log RENAME COLUMN outcome TO result",
		"ALTER TABLE public.operator_log ALTER action TYPE date USING now()",
		"ALTER TABLE public.operator_log ADD COLUMN theirs int NOT NULL",
		"ALTER TABLE public.operator_log OWNER TO owner",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		struct stage stage;
		begin(&stage);
		stage_rows(&stage, TABLE_operator_log, 0, 5, i);
		postgres_do(&server, changes[i]);
		stage_send(&stage, TABLE_operator_log, 1);
		stage_expect(&stage, SINK_HELD);
		assert_int_equal(count_rows("operator_log"), 0);
		stage_deinit(&stage);
	}
}

static void a_table_that_was_dropped_is_made_again(void **state)
{
	(void)state;
	struct stage stage;
	begin(&stage);
	stage_rows(&stage, TABLE_alert_log, 0, 5, 1);
	postgres_do(&server, "DROP TABLE public.alert_log");
	stage_send(&stage, TABLE_alert_log, 1);
	stage_expect(&stage, SINK_HELD);
	send_rows(&stage, TABLE_alert_log, 1);
	expect_rows(&stage.rows, TABLE_alert_log, 1);
	stage_deinit(&stage);
}

/* ---- who it is ---- */

static void expect_open(const char *url, enum sink_outcome outcome, const char *why)
{
	struct stage stage;
	stage_init(&stage);
	open_sink(&stage, url, 30 * second_ns);
	stage_open(&stage);
	stage_expect(&stage, outcome);
	if (!strstr(stage.why, why))
		fail_msg("%s", stage.why);
	stage_open(&stage); /* and again */
	stage_expect(&stage, outcome);
	stage_deinit(&stage);
}

static void a_server_that_refuses_is_held_and_one_that_is_not_there_is_away(void **state)
{
	char url[200];
	struct sink *sink;
	struct err err;
	(void)state;
	expect_open(url_of("weir", "wrong", "postgres"), SINK_HELD, "password");
	expect_open(url_of("nobody", "secret", "postgres"), SINK_HELD, "password");
	expect_open(url_of("weir", "secret", "none"), SINK_HELD, "does not exist");
	struct held_port nobody = held_port();
	snprintf(url, sizeof url, "postgresql://weir:secret@127.0.0.1:%u/postgres", nobody.number);
	expect_open(url, SINK_AWAY, "refused");
	held_port_release(&nobody);
	expect_open("postgresql://weir:secret@no.such.host.invalid/postgres", SINK_AWAY,
		    "name is not known");
	snprintf(url, sizeof url, "postgresql://weir:secret@localhost:%u/postgres", server.port);
	expect_open(url, SINK_DONE, "");
	struct postgres_config config = { .url = "postgresql://a:hush@[h/x" };
	assert_int_equal(postgres_open(&config, &sink, &err), STATUS_INVALID);
	assert_null(strstr(err.text, "hush"));
	config.url = "postgresql://one,two/x";
	assert_int_equal(postgres_open(&config, &sink, &err), STATUS_INVALID);
}

/* ---- content that it does not take ---- */

static void what_the_server_refuses_for_its_content_is_poison(void **state)
{
	(void)state;
	struct stage stage;
	char *long_key = malloc(20000);
	struct rng rng;
	begin(&stage);
	rng_init(&rng, 3);
	for (size_t i = 0; i < 20000; i++) /* longer than an index takes, packed too */
		long_key[i] = (char)('!' + rng_below(&rng, 90));
	stage_rows(&stage, TABLE_operator_log, 0, 3, 1);
	archive_rows_begin(&stage.rows, TABLE_operator_log);
	archive_row_int(&stage.rows, COLUMN_operator_log_at_us, 1);
	archive_row_text(&stage.rows, COLUMN_operator_log_operator, str_make(long_key, 20000));
	archive_row_text(&stage.rows, COLUMN_operator_log_action, STR("y"));
	archive_row_text(&stage.rows, COLUMN_operator_log_target, STR("z"));
	assert_int_equal(archive_rows_end(&stage.rows), STATUS_OK);
	stage_send(&stage, TABLE_operator_log, 1);
	stage_expect(&stage, SINK_POISON);
	assert_int_equal(count_rows("operator_log"), 0);
	stage_rows(&stage, TABLE_operator_log, 0, 3, 1);
	send_rows(&stage, TABLE_operator_log, 1); /* the others go */
	stage_close_sink(&stage);

	postgres_do(&server, "DROP DATABASE IF EXISTS narrow");
	postgres_do(&server, "CREATE DATABASE narrow OWNER weir ENCODING LATIN1 TEMPLATE template0"
			     " LC_COLLATE 'C' LC_CTYPE 'C'");
	open_sink(&stage, url_of("weir", "secret", "narrow"), 30 * second_ns);
	stage_rows(&stage, TABLE_operator_log, 0, 30, 1);
	stage_send(&stage, TABLE_operator_log, 1);
	stage_expect(&stage, SINK_POISON); /* an euro sign */
	free(long_key);
	stage_deinit(&stage);
}

/* ---- age ---- */

static void rows_that_are_too_old_go_in_steps(void **state)
{
	const int64_t day_us = INT64_C(86400000000);
	struct stage stage;
	(void)state;
	begin(&stage);
	stage_rows(&stage, TABLE_funding, 0, 25000, 1);
	send_rows(&stage, TABLE_funding, 1);
	stage_expire(&stage, TABLE_funding, random_row_base_us + 700 * day_us);
	stage_expect(&stage, SINK_DONE);
	assert_int_equal(count_rows("funding"), 25000);
	stage_begin(&stage);
	stage.sink->ops->expire(stage.sink, TABLE_funding, random_row_base_us + 800 * day_us,
				stage_on_end, &stage);
	stage_wait(&stage);
	stage_expect(&stage, SINK_DONE);
	assert_int_equal(count_rows("funding"), 0);
	stage_rows(&stage, TABLE_dead_letters, 0, 5, 1);
	send_rows(&stage, TABLE_dead_letters, 1);
	stage_expire(&stage, TABLE_dead_letters, random_row_base_us + 99999 * day_us);
	stage_expect(&stage, SINK_DONE); /* they stay for ever */
	assert_int_equal(count_rows("dead_letters"), 5);
	stage_deinit(&stage);
}

/* ---- the end ---- */

static void it_can_be_closed_at_any_time(void **state)
{
	(void)state;
	for (int turns = 0; turns < 12; turns++) {
		struct stage stage;
		begin_for(&stage, 30 * second_ns);
		stage_rows(&stage, TABLE_trade_results, 0, 3000, 1);
		stage_encode(&stage, 1);
		stage_send_begin(&stage, TABLE_trade_results, 1);
		turn(&stage, turns);
		stage_close_sink(&stage);
		assert_true(!stage.done || turns > 8);
		stage_deinit(&stage);
	}
}

static int start(void **state)
{
	char path[400];
	(void)state;
	snprintf(path, sizeof path, "%s/data/pg_hba.conf", server.folder);
	FILE *file = fopen(path, "w");
	fprintf(file, "local all all trust\nhost all all all scram-sha-256\n");
	fclose(file);
	postgres_do(&server, "SELECT pg_reload_conf()");
	postgres_do(&server, "CREATE ROLE weir LOGIN PASSWORD 'secret'");
	return 0;
}

static int stop(void **state)
{
	(void)state;
	postgres_deinit(&server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_every_table_come_back_as_they_went),
		cmocka_unit_test(a_batch_that_is_sent_again_is_there_once),
		cmocka_unit_test(the_newest_batch_wins_and_of_one_batch_the_last),
		cmocka_unit_test(
		    after_a_kill_in_the_middle_the_batch_is_sent_again_and_is_there_once),
		cmocka_unit_test(a_connection_that_the_server_closed_is_made_again),
		cmocka_unit_test(a_hang_before_the_commit_leaves_nothing),
		cmocka_unit_test(a_hang_while_it_commits_is_unknown_and_may_land_later),
		cmocka_unit_test(a_missing_column_is_added),
		cmocka_unit_test(a_wrong_type_or_key_is_held_until_it_is_mended),
		cmocka_unit_test(what_changes_under_an_open_connection_is_held_not_poison),
		cmocka_unit_test(a_table_that_was_dropped_is_made_again),
		cmocka_unit_test(a_server_that_refuses_is_held_and_one_that_is_not_there_is_away),
		cmocka_unit_test(what_the_server_refuses_for_its_content_is_poison),
		cmocka_unit_test(rows_that_are_too_old_go_in_steps),
		cmocka_unit_test(it_can_be_closed_at_any_time),
	};
	if (!postgres_init(&server))
		return 77;
	return cmocka_run_group_tests(tests, start, stop);
}
