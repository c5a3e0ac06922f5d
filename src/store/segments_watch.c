#include "base/check.h"
#include "store/segments_impl.h"

enum { REWRITE_LEAST_BYTES = 16 << 20, COMMANDS_EVERY = 5 };

/* A table from INFO's names to the fields they fill. */
static const struct {
	const char *name;
	size_t offset;
} figures[] = {
	{ "used_memory", offsetof(struct segment_status, used_memory) },
	{ "used_memory_rss", offsetof(struct segment_status, used_memory_rss) },
	{ "maxmemory", offsetof(struct segment_status, maxmemory) },
	{ "evicted_keys", offsetof(struct segment_status, evicted_keys) },
	{ "expired_keys", offsetof(struct segment_status, expired_keys) },
	{ "connected_clients", offsetof(struct segment_status, connected_clients) },
	{ "aof_current_size", offsetof(struct segment_status, aof_bytes) },
	{ "aof_base_size", offsetof(struct segment_status, aof_base_bytes) },
	{ "total_commands_processed", offsetof(struct segment_status, commands_processed) },
	{ "keyspace_hits", offsetof(struct segment_status, keyspace_hits) },
	{ "keyspace_misses", offsetof(struct segment_status, keyspace_misses) },
};

static void take_figure(struct segment_status *info, struct str name, struct str value)
{
	for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
		uint64_t number;
		if (str_eq(name, str_of(figures[i].name)) &&
		    str_to_u64(value, &number) == STATUS_OK)
			memcpy((char *)info + figures[i].offset, &number, sizeof number);
	}
}

/* "db0:keys=5,expires=1,avg_ttl=0" */
static void take_keys(struct segment_status *info, struct str name, struct str value)
{
	struct str part;
	uint64_t number;
	if (!str_starts(name, STR("db")) || !str_starts(value, STR("keys=")))
		return;
	while (str_split(&value, ',', &part)) {
		struct str figure = str_skip(part, str_find_char(part, '=') + 1);
		if (str_to_u64(figure, &number))
			continue;
		if (str_starts(part, STR("keys=")))
			info->keys += number;
		else if (str_starts(part, STR("expires=")))
			info->keys_expiring += number;
	}
}

static void take_info(struct segment_server *server, struct str text)
{
	struct segment_status *info = &server->info;
	struct str line;
	info->keys = info->keys_expiring = 0;
	info->persisting = true;
	server->rewriting = false;
	while (str_split(&text, '\n', &line)) {
		size_t colon = str_find_char(line, ':');
		struct str name = { line.ptr, colon }, value = str_trim(str_skip(line, colon + 1));
		take_figure(info, name, value);
		take_keys(info, name, value);
		if (str_eq(name, STR("aof_rewrite_in_progress")) ||
		    str_eq(name, STR("aof_rewrite_scheduled")))
			server->rewriting |= str_eq(value, STR("1"));
		if (str_eq(name, STR("aof_last_write_status")) ||
		    str_eq(name, STR("rdb_last_bgsave_status")))
			info->persisting &= str_eq(value, STR("ok"));
	}
}

static bool wants_rewrite(const struct segment_server *server)
{
	const struct segment_status *info = &server->info;
	return server->wanted && !server->config.external && server->state == SEGMENT_UP &&
	       info->aof_bytes > REWRITE_LEAST_BYTES && info->aof_bytes >= info->aof_base_bytes * 2;
}

static void on_rewrite(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct segment_server *server = ctx;
	(void)reply;
	if (status == STATUS_OK)
		server->info.aof_rewrites++;
	else
		server->rewriting = false;
}

/* One at a time: each forks, and its copy-on-write pages must fit once, not seven
 * times. The largest gain goes first. */
static void rewrite_one(struct segments *segments)
{
	struct segment_server *chosen = NULL;
	struct str argv[] = { STR("BGREWRITEAOF") };
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		struct segment_server *server = &segments->servers[i];
		if (server->rewriting)
			return;
		if (wants_rewrite(server) &&
		    (!chosen || server->info.aof_bytes > chosen->info.aof_bytes))
			chosen = server;
	}
	if (chosen &&
	    redis_command(redis_conn_port(chosen->conn), argv, 1, on_rewrite, chosen) == STATUS_OK)
		chosen->rewriting = true;
}

static void on_info(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct segment_server *server = ctx;
	server->info_pending = false;
	if (status != STATUS_OK || reply->type != REDIS_BULK)
		return;
	take_info(server, reply->text);
	segment_info_take(&server->figures, reply->text);
}

static void on_commands(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct segment_server *server = ctx;
	server->commands_pending = false;
	if (status == STATUS_OK && reply->type == REDIS_BULK)
		segment_info_take_commands(&server->figures, reply->text);
}

static void ask(struct segment_server *server, bool commands)
{
	const struct str argv[] = { STR("INFO"), STR("commandstats") };
	struct redis_port *port = redis_conn_port(server->conn);
	if (!server->info_pending)
		server->info_pending = redis_command(port, argv, 1, on_info, server) == STATUS_OK;
	if (commands && !server->commands_pending)
		server->commands_pending =
		    redis_command(port, argv, 2, on_commands, server) == STATUS_OK;
}

void segments_watch(struct segments *segments)
{
	bool commands = segments->rounds++ % COMMANDS_EVERY == 0;
	rewrite_one(segments);
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		struct segment_server *server = &segments->servers[i];
		if (server->wanted && server->state == SEGMENT_UP)
			ask(server, commands);
	}
}
