#include "survey/trial.h"

#include "base/check.h"
#include "survey/private_redis.h"
#include "survey/server_facts.h"

enum { NAMES_MAX_BYTES = 16 << 20 };

/* One side of a trial: commands on their way, then the names to be measured. */
struct side {
	struct wire *wire;
	struct buf measures; /* MEMORY USAGE commands, in RESP */
	size_t commands, names;
};

static void on_command(void *ctx, const struct str *argv, size_t argc)
{
	struct side *side = ctx;
	if (argc > 1) {
		wire_put(side->wire, argv, argc);
		side->commands++;
		return;
	}
	buf_printf(&side->measures, "*5\r\n$6\r\nMEMORY\r\n$5\r\nUSAGE\r\n$%zu\r\n", argv[0].len);
	buf_str_put(&side->measures, argv[0]);
	buf_printf(&side->measures, "\r\n$7\r\nSAMPLES\r\n$1\r\n0\r\n");
	side->names++;
}

static enum status read_side(struct side *side, bool *good, int64_t *sum)
{
	struct wire_token token;
	enum status status = STATUS_OK;
	*good = side->names > 0 && !side->measures.overflow;
	for (size_t i = 0; i < side->commands && !status; i++) {
		status = wire_next(side->wire, &token);
		if (!status)
			status = wire_skip(side->wire, &token);
		*good = *good && token.type != REDIS_ERROR;
	}
	for (size_t i = 0; i < side->names && !status; i++) {
		status = wire_next(side->wire, &token);
		*good = *good && token.type == REDIS_INTEGER;
		*sum += token.type == REDIS_INTEGER ? token.number : 0;
	}
	return status;
}

/* *bytes: what the names cost; -1: a command was refused. */
static enum status measure(struct wire *wire, const struct audit *audit, size_t trial,
			   void (*put)(const struct audit *audit, size_t trial, audit_command_fn fn,
				       void *ctx),
			   int64_t *bytes)
{
	static const struct str flush[] = { STR("FLUSHALL") };
	struct side side = { .wire = wire };
	bool good = false;
	int64_t sum = 0;
	buf_init(&side.measures, NAMES_MAX_BYTES);
	wire_put(wire, flush, 1);
	side.commands = 1;
	put(audit, trial, on_command, &side);
	if (side.measures.overflow)
		side.names = 0;
	else
		wire_put_bytes(wire, buf_str(&side.measures));
	enum status status = read_side(&side, &good, &sum);
	buf_deinit(&side.measures);
	*bytes = good ? sum : -1;
	return status;
}

static enum status set_limit(struct wire *wire, const char *name, int64_t value)
{
	char number[24];
	struct buf text = buf_over(number, sizeof number);
	struct wire_token token;
	if (value < 0)
		return STATUS_OK;
	buf_i64(&text, value);
	const struct str argv[] = { STR("CONFIG"), STR("SET"), str_of(name), buf_str(&text) };
	return wire_ask(wire, &token, argv, ARRAY_LEN(argv));
}

/* By the names that servers before and after 7.0 know; one that is not known is left. */
static enum status set_limits(struct wire *wire, const struct audit_server *server)
{
	const struct {
		const char *name;
		int64_t value;
	} limits[] = {
		{ "hash-max-ziplist-entries", server->listpack_hash_entries },
		{ "hash-max-ziplist-value", server->listpack_hash_value },
		{ "zset-max-ziplist-entries", server->listpack_zset_entries },
		{ "zset-max-ziplist-value", server->listpack_zset_value },
		{ "set-max-listpack-entries", server->listpack_set_entries },
		{ "set-max-intset-entries", server->intset_entries },
	};
	enum status status = STATUS_OK;
	for (size_t i = 0; i < ARRAY_LEN(limits) && !status; i++)
		status = set_limit(wire, limits[i].name, limits[i].value);
	return status;
}

static enum status ask_version(struct wire *wire, char version[32])
{
	static const struct str info[] = { STR("INFO"), STR("server") };
	struct server_facts facts;
	struct wire_token token;
	server_facts_init(&facts);
	enum status status = wire_ask(wire, &token, info, 2);
	if (!status)
		server_facts_info(&facts, token.text);
	memcpy(version, facts.server.version, 32);
	return status;
}

static enum status run(struct audit *audit, const struct survey_trial_config *config,
		       struct wire *wire, struct survey_trial_totals *totals)
{
	enum status status = ask_version(wire, totals->version);
	if (!status && config->server)
		status = set_limits(wire, config->server);
	for (size_t i = 0; i < totals->trials && !status; i++) {
		int64_t before = -1, after = -1;
		status = measure(wire, audit, i, audit_trial_before, &before);
		if (!status && before >= 0)
			status = measure(wire, audit, i, audit_trial_after, &after);
		bool good = !status && before >= 0 && after >= 0;
		audit_trial_result(audit, i, good ? before : -1, good ? after : -1);
		totals->measured += good;
		if (config->on_progress)
			config->on_progress(config->ctx, i + 1, totals->trials);
	}
	return status;
}

static enum status begin(const struct survey_trial_config *config, struct private_redis *redis,
			 int64_t deadline_ns, struct err *err)
{
	const char *program = config->redis_server ? config->redis_server : "redis-server";
	enum status status = config->redis ? STATUS_OK : private_redis_spawn(program, redis, err);
	if (!status)
		status = private_redis_await(redis, deadline_ns, err);
	return status ? err_wrap(err, status, "trials") : STATUS_OK;
}

enum status survey_trials(struct audit *audit, const struct survey_trial_config *config,
			  struct survey_trial_totals *totals, struct err *err)
{
	const struct audit_trial *trials;
	struct private_redis own = { 0 }, *redis = config->redis ? config->redis : &own;
	int64_t deadline_ns = config->deadline_ns ? config->deadline_ns : 5000000000;
	enum status status = STATUS_OK;
	*totals = (struct survey_trial_totals){ .trials = audit_trials(audit, &trials) };
	if (totals->trials)
		status = begin(config, redis, deadline_ns, err);
	if (totals->trials && !status) {
		status = run(audit, config, redis->wire, totals);
		if (status)
			err_set(err, status, "trials: %s", wire_why(redis->wire)->text);
	}
	private_redis_stop(redis);
	return status;
}
