/* move_stage.h - a sink's real server, a move into it, and the test's own questions to it: SQL over
 * another way than weir's. Include after cmocka.h. */
#pragma once

#include "archive/duck.h"
#include "base/check.h"
#include "clickhouse_server.h"
#include "influx_server.h"
#include "migrate/move.h"
#include "postgres_server.h"

enum { STAGE_KEYS_MAX = 20000 };

struct site {
	enum migrate_sink sink;
	struct postgres_server postgres;
	struct clickhouse_server clickhouse;
	struct influx_server influx;
	char *folder;
	char url[400];
	const char *database;
};

struct stage {
	struct site *site;
	struct move *move;
	struct migrate_family family;
	int outcomes[3];         /* how many keys ended so */
	uint64_t rows, checksum; /* of confirmed ones */
	char why[300];
	int troubles;
	void (*on_trouble)(struct stage *stage);
	int told; /* where tokens of confirmed keys are written to; 0: nowhere */
	bool all_ok;
};

/* ---- servers ---- */

static inline bool site_init(struct site *site, enum migrate_sink sink)
{
	struct err err;
	*site = (struct site){ .sink = sink, .database = "desk" };
	switch (sink) {
	case MIGRATE_POSTGRES:
		if (!postgres_init(&site->postgres))
			return false;
		postgres_do(&site->postgres, "CREATE ROLE weir LOGIN PASSWORD 'secret'");
		postgres_do(&site->postgres, "CREATE DATABASE desk OWNER weir");
		PQfinish(site->postgres.conn);
		site->postgres.conn = NULL;
		snprintf(site->url, sizeof site->url, "postgresql://weir:secret@127.0.0.1:%u/desk",
			 site->postgres.port);
		return true;
	case MIGRATE_CLICKHOUSE:
		if (!clickhouse_begin(&site->clickhouse))
			return false;
		snprintf(site->url, sizeof site->url, "http://127.0.0.1:%d/desk",
			 site->clickhouse.port);
		return true;
	case MIGRATE_INFLUX:
		if (!influx_init(&site->influx))
			return false;
		snprintf(site->url, sizeof site->url, "http://127.0.0.1:%u/desk",
			 site->influx.port);
		return true;
	default:
		if (!duck_load(&err)) {
			printf("%s: its tests are skipped\n", err.text);
			return false;
		}
		site->folder = fixture_folder();
		snprintf(site->url, sizeof site->url, "%s/desk.duckdb", site->folder);
		return true;
	}
}

static inline void site_deinit(struct site *site)
{
	switch (site->sink) {
	case MIGRATE_POSTGRES: postgres_deinit(&site->postgres); break;
	case MIGRATE_CLICKHOUSE:
		if (site->clickhouse.pid)
			clickhouse_end(&site->clickhouse, SIGKILL);
		clickhouse_remove(&site->clickhouse);
		break;
	case MIGRATE_INFLUX: influx_deinit(&site->influx); break;
	default: fixture_remove(site->folder);
	}
}

static inline void site_kill(struct site *site)
{
	switch (site->sink) {
	case MIGRATE_POSTGRES: postgres_kill(&site->postgres); break;
	case MIGRATE_CLICKHOUSE: clickhouse_end(&site->clickhouse, SIGKILL); break;
	case MIGRATE_INFLUX: influx_kill(&site->influx); break;
	default: break;
	}
}

static inline void site_start(struct site *site)
{
	switch (site->sink) {
	case MIGRATE_POSTGRES: postgres_start(&site->postgres); break;
	case MIGRATE_CLICKHOUSE: assert_true(clickhouse_start(&site->clickhouse)); break;
	case MIGRATE_INFLUX: influx_start(&site->influx); break;
	default: break;
	}
}

/* ---- the test's own questions ---- */

static inline double site_duck(struct site *site, const char *sql)
{
	struct err err;
	const struct duck *duck = duck_load(&err);
	duckdb_database database;
	duckdb_connection connection;
	duckdb_result result;
	char *why = NULL;
	double value = 0;
	if (duck->open_ext(site->url, &database, NULL, &why) != DuckDBSuccess)
		fail_msg("%s", why);
	assert_int_equal(duck->connect(database, &connection), DuckDBSuccess);
	if (duck->query(connection, sql, &result) != DuckDBSuccess)
		fail_msg("%s: %s", sql, duck->result_error(&result));
	duckdb_data_chunk chunk = duck->fetch_chunk(result);
	value = chunk ? *(double *)duck->vector_get_data(duck->data_chunk_get_vector(chunk, 0)) : 0;
	if (chunk)
		duck->destroy_data_chunk(&chunk);
	duck->destroy_result(&result);
	duck->disconnect(&connection);
	duck->close(&database);
	return value;
}

static inline double site_shell(const char *command)
{
	char text[200] = "";
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	size_t n = fread(text, 1, sizeof text - 1, pipe);
	pclose(pipe);
	text[n] = 0;
	return atof(text);
}

static inline double site_influx(struct site *site, const char *sql)
{
	char command[1000];
	snprintf(command, sizeof command,
		 "curl -s 'http://127.0.0.1:%u/query?db=desk' --data-urlencode 'q=%s' |"
		 " sed -n 's/.*\"values\":\\[\\[[^,]*,\\([-0-9.e+]*\\).*/\\1/p'",
		 site->influx.port, sql);
	return site_shell(command);
}

/* The number that it answers, by the sink's own SQL. */
static inline double site_ask(struct site *site, const char *sql)
{
	double value;
	if (site->sink == MIGRATE_DUCKDB)
		return site_duck(site, sql);
	if (site->sink == MIGRATE_INFLUX)
		return site_influx(site, sql);
	if (site->sink == MIGRATE_CLICKHOUSE) {
		char *text = clickhouse_ask_sql(&site->clickhouse, sql);
		value = atof(text);
		free(text);
		return value;
	}
	char where[300];
	snprintf(where, sizeof where,
		 "host=127.0.0.1 port=%u user=weir password=secret dbname=desk",
		 site->postgres.port);
	PGconn *conn = PQconnectdb(where);
	PGresult *result = PQexec(conn, sql);
	if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(conn));
	value = PQntuples(result) ? atof(PQgetvalue(result, 0, 0)) : 0;
	PQclear(result);
	PQfinish(conn);
	return value;
}

/* ---- moving ---- */

static pid_t stage_owner; /* the test's own process: a failure in another only ends that */

static inline void stage_need(bool good, const char *what, const char *why)
{
	if (good)
		return;
	print_error("%s: %s\n", what, why);
	if (getpid() != stage_owner)
		_exit(1);
	fail();
}

static inline void stage_on_key(void *ctx, const struct move_end *end)
{
	struct stage *stage = ctx;
	stage->outcomes[end->outcome]++;
	if (end->outcome == MOVE_CONFIRMED) {
		uint32_t token = (uint32_t)end->token;
		stage->rows += end->rows;
		stage->checksum += end->checksum;
		if (stage->told)
			CHECK(write(stage->told, &token, sizeof token) == sizeof token);
	} else {
		snprintf(stage->why, sizeof stage->why, "%s", end->why);
	}
	assert_int_equal(end->outcome == MOVE_CONFIRMED, !end->why[0]);
}

static inline void stage_on_trouble(void *ctx, enum migrate_sink sink, const char *why)
{
	struct stage *stage = ctx;
	(void)sink;
	assert_true(why[0] && !strchr(why, '\n'));
	stage->troubles++;
	if (stage->on_trouble)
		stage->on_trouble(stage);
}

static inline void stage_open(struct stage *stage, struct site *site, const char *table,
			      const char *match, int64_t patience_ns)
{
	struct move_config config = { .patience_ns = patience_ns,
				      .on_key = stage_on_key,
				      .on_trouble = stage_on_trouble,
				      .ctx = stage };
	struct err err = { 0 };
	*stage = (struct stage){ .site = site,
				 .family = { .match = match,
					     .to = "",
					     .rule = "",
					     .table = table,
					     .time = "",
					     .sink = site->sink } };
	config.urls[site->sink] = site->url;
	stage_need(move_open(&config, &stage->move, &err) == STATUS_OK, site->url, err.text);
}

static inline void stage_close(struct stage *stage) { move_close(stage->move); }

static inline enum status stage_key(struct stage *stage, const char *name, struct source_key *key,
				    uint64_t token, struct err *err)
{
	struct pattern_match match;
	key->there = true;
	key->expires_ms = key->expires_ms ? key->expires_ms : -1;
	stage_need(pattern_matches(str_of(stage->family.match), str_of(name), &match), name,
		   "does not match");
	return move_key(stage->move, &stage->family, str_of(name), &match, key, token, err);
}

static inline void stage_string(struct stage *stage, const char *name, const char *value,
				uint64_t token)
{
	struct source_key key = { .type = AUDIT_STRING, .value = str_of(value) };
	struct err err = { 0 };
	stage_need(stage_key(stage, name, &key, token, &err) == STATUS_OK, name, err.text);
}

static inline void stage_expect(const struct stage *stage, int confirmed, int refused, int failed)
{
	if (stage->outcomes[0] != confirmed || stage->outcomes[1] != refused ||
	    stage->outcomes[2] != failed)
		fail_msg("%d confirmed, %d refused, %d failed: %s", stage->outcomes[0],
			 stage->outcomes[1], stage->outcomes[2], stage->why);
}
