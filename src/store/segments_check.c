#include <stdlib.h>

#include "base/check.h"
#include "store/segments_impl.h"

enum { VERSION_LEAST = 7 };

/* ---- adopted ---- */

static void on_config_set(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct segment_server *server = ctx;
	if (server->state != SEGMENT_CHECKING)
		return;
	if (status != STATUS_OK)
		segments_notice(
		    server->owner,
		    "segment %s: the adopted server does not take its configuration: %.*s",
		    server->row->name, STR_ARG(reply ? reply->text : str_of(status_text(status))));
	segment_is_up(server);
}

/* A server that survived may have an older weir's settings; setting what is set
 * already costs nothing. */
static void configure_adopted(struct segment_server *server)
{
	char storage[128];
	struct buf scratch = buf_over(storage, sizeof storage);
	struct str argv[2 + REDIS_CONFIG_LIVE * 2] = { STR("CONFIG"), STR("SET") };
	const struct redis_config config = segment_redis_config(server);
	size_t pairs = redis_config_live(&config, &scratch, argv + 2);
	if (redis_command(redis_conn_port(server->conn), argv, 2 + pairs * 2, on_config_set,
			  server))
		segment_is_up(server); /* the connection is going; it comes back here */
}

/* ---- external ---- */

static struct str value_of(const struct redis_reply *reply, const char *name)
{
	for (size_t i = 0; i + 1 < reply->count; i += 2)
		if (str_eq(reply->items[i].text, str_of(name)))
			return reply->items[i + 1].text;
	return (struct str){ 0 };
}

static void refuse(struct segment_server *server, const char *what, struct str is,
		   const char *wanted)
{
	struct err err;
	if (server->config.accept_unsafe || !server->row->money) {
		segments_notice(server->owner,
				"segment %s: %s of the external server is %.*s, not %s",
				server->row->name, what, STR_ARG(is), wanted);
		return;
	}
	err_set(
	    &err, STATUS_REFUSED,
	    "segment %s: %s of the external server is %.*s, not %s: it holds money data and can "
	    "lose it; change the server, or set accept_unsafe = yes in [segment.%s]",
	    server->row->name, what, STR_ARG(is), wanted, server->row->name);
	segments_fail(server->owner, &err);
}

static void judge_policy(struct segment_server *server, struct str policy)
{
	if (policy.len && !str_eq(policy, str_of(server->row->policy)))
		refuse(server, "maxmemory-policy", policy, server->row->policy);
}

static void judge_maxmemory(struct segment_server *server, struct str text)
{
	uint64_t bytes;
	if (str_to_u64(text, &bytes) != STATUS_OK)
		return;
	server->info.maxmemory = bytes;
	if (bytes && bytes < server->config.maxmemory)
		segments_notice(
		    server->owner,
		    "segment %s: maxmemory of the external server is %llu MB, %llu MB are "
		    "wanted",
		    server->row->name, (unsigned long long)(bytes >> 20),
		    (unsigned long long)(server->config.maxmemory >> 20));
}

static void judge_fsync(struct segment_server *server, struct str value)
{
	if (!str_eq(value, str_of(server->config.appendfsync)) && !str_eq(value, STR("always")))
		segments_notice(server->owner,
				"segment %s: appendfsync of the external server is %.*s, not %s",
				server->row->name, STR_ARG(value), server->config.appendfsync);
}

static struct str info_value(struct str info, const char *name)
{
	struct str line;
	size_t len = strlen(name);
	while (str_split(&info, '\n', &line))
		if (str_starts(line, str_of(name)) && line.len > len && line.ptr[len] == ':')
			return str_trim(str_skip(line, len + 1));
	return (struct str){ 0 };
}

/* What INFO tells where CONFIG is not allowed: all but appendfsync. */
static void on_external_info(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct segment_server *server = ctx;
	if (server->state != SEGMENT_CHECKING)
		return;
	if (status != STATUS_OK) {
		segments_notice(
		    server->owner,
		    "segment %s: the external server's policy, maxmemory and persistence could "
		    "not be checked (%s)",
		    server->row->name, status_text(status));
	} else {
		judge_policy(server, info_value(reply->text, "maxmemory_policy"));
		judge_maxmemory(server, info_value(reply->text, "maxmemory"));
		if (str_eq(info_value(reply->text, "aof_enabled"), STR("0")))
			refuse(server, "appendonly", STR("no"), "yes");
		segments_notice(
		    server->owner,
		    "segment %s: the external server's appendfsync could not be checked: "
		    "CONFIG GET is not allowed",
		    server->row->name);
	}
	segment_is_up(server);
}

static void on_external_config(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct segment_server *server = ctx;
	struct str info[] = { STR("INFO") };
	if (server->state != SEGMENT_CHECKING)
		return;
	if (status != STATUS_OK) {
		if (redis_command(redis_conn_port(server->conn), info, 1, on_external_info, server))
			segment_is_up(server);
		return;
	}
	struct str appendonly = value_of(reply, "appendonly");
	judge_policy(server, value_of(reply, "maxmemory-policy"));
	judge_maxmemory(server, value_of(reply, "maxmemory"));
	if (str_eq(appendonly, STR("yes")))
		judge_fsync(server, value_of(reply, "appendfsync"));
	else
		refuse(server, "appendonly", appendonly, "yes");
	segment_is_up(server);
}

static void check_external(struct segment_server *server)
{
	const char *version = redis_conn_version(server->conn);
	struct err err;
	if (strtol(version, NULL, 10) < VERSION_LEAST) {
		err_set(&err, STATUS_VERSION,
			"segment %s: the external server is Redis %s; 7.0 or newer is needed",
			server->row->name, version[0] ? version : "of an unknown version");
		segments_fail(server->owner, &err);
		return;
	}
	struct str argv[] = { STR("CONFIG"),    STR("GET"),        STR("maxmemory-policy"),
			      STR("maxmemory"), STR("appendonly"), STR("appendfsync") };
	if (redis_command(redis_conn_port(server->conn), argv, ARRAY_LEN(argv), on_external_config,
			  server))
		segment_is_up(server);
}

void segment_check(struct segment_server *server)
{
	if (server->config.external && !server->was_up)
		check_external(server);
	else if (!server->config.external && server->adopted)
		configure_adopted(server);
	else
		segment_is_up(server);
}
