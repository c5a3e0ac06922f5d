#include "survey/server_facts.h"

#include "base/check.h"
#include "survey/wire.h"

struct number_field {
	const char *name;
	size_t at; /* of an int64_t in audit_server */
	int64_t scale;
};

#define FIELD(name, field, scale)                                                                  \
	{                                                                                          \
		name, offsetof(struct audit_server, field), scale                                  \
	}

static const struct number_field info_numbers[] = {
	FIELD("maxmemory", maxmemory, 1),
	FIELD("used_memory", used, 1),
	FIELD("used_memory_rss", rss, 1),
	FIELD("used_memory_peak", peak, 1),
	FIELD("used_memory_dataset", dataset, 1),
	FIELD("rdb_last_save_time", last_save_ms, 1000),
	FIELD("rdb_changes_since_last_save", changes_since_save, 1),
	FIELD("connected_slaves", replicas, 1),
	FIELD("connected_clients", clients, 1),
	FIELD("maxclients", clients_max, 1),
	FIELD("blocked_clients", blocked, 1),
	FIELD("repl_backlog_size", backlog_bytes, 1),
	FIELD("evicted_keys", evicted, 1),
	FIELD("expired_keys", expired, 1),
	FIELD("keyspace_hits", hits, 1),
	FIELD("keyspace_misses", misses, 1),
};

/* Servers before 7.0 say ziplist where later ones say listpack. */
static const struct number_field config_numbers[] = {
	FIELD("databases", databases, 1),
	FIELD("maxclients", clients_max, 1),
	FIELD("maxmemory", maxmemory, 1),
	FIELD("repl-backlog-size", backlog_bytes, 1),
	FIELD("hash-max-listpack-entries", listpack_hash_entries, 1),
	FIELD("hash-max-ziplist-entries", listpack_hash_entries, 1),
	FIELD("hash-max-listpack-value", listpack_hash_value, 1),
	FIELD("hash-max-ziplist-value", listpack_hash_value, 1),
	FIELD("zset-max-listpack-entries", listpack_zset_entries, 1),
	FIELD("zset-max-ziplist-entries", listpack_zset_entries, 1),
	FIELD("zset-max-listpack-value", listpack_zset_value, 1),
	FIELD("zset-max-ziplist-value", listpack_zset_value, 1),
	FIELD("set-max-listpack-entries", listpack_set_entries, 1),
	FIELD("set-max-intset-entries", intset_entries, 1),
};

static void take_number(struct audit_server *server, const struct number_field *fields, size_t n,
			struct str name, struct str value)
{
	static const int64_t most = (int64_t)1 << 52;
	int64_t number;
	for (size_t i = 0; i < n; i++)
		if (str_eq(name, str_of(fields[i].name)) && !str_to_i64(value, &number) &&
		    number >= 0 && number < most)
			*(int64_t *)((char *)server + fields[i].at) = number * fields[i].scale;
}

/* Cut to fit. */
static void take_text(char *at, size_t size, struct str value)
{
	size_t len = value.len < size - 1 ? value.len : size - 1;
	memcpy(at, value.ptr, len);
	at[len] = 0;
}

/* "1.27" as 1270. */
static int64_t thousandths(struct str text)
{
	size_t dot = str_find_char(text, '.');
	struct str part = str_skip(text, dot + 1);
	int64_t whole, number = 0;
	if (str_to_i64(str_make(text.ptr, dot), &whole) || whole < 0 || whole > 1000000000)
		return -1;
	for (size_t i = 0; i < 3; i++) {
		char c = i < part.len ? part.ptr[i] : '0';
		if (c < '0' || c > '9')
			return -1;
		number = number * 10 + (c - '0');
	}
	return whole * 1000 + number;
}

/* db0:keys=3,expires=1,avg_ttl=0 */
static void take_database(struct server_facts *facts, struct str name, struct str value)
{
	uint64_t number;
	int64_t keys;
	struct str part;
	if (!str_starts(name, STR("db")) || str_to_u64(str_skip(name, 2), &number) ||
	    number > 1 << 20 || !str_starts(value, STR("keys=")) ||
	    !str_split(&value, ',', &part) || str_to_i64(str_skip(part, 5), &keys) || keys < 0)
		return;
	if (facts->n_databases < SERVER_DATABASES_MAX)
		facts->databases[facts->n_databases++] =
		    (struct server_database){ (int)number, keys };
}

/* Valkey says redis_version for what it is compatible with, and its own behind it. */
static void take_version(struct audit_server *server, struct str name, struct str value)
{
	bool valkey = str_eq(name, STR("valkey_version"));
	if (str_eq(name, STR("server_name")))
		take_text(server->flavour, sizeof server->flavour, value);
	if (valkey || (str_eq(name, STR("redis_version")) && !server->version[0]))
		take_text(server->version, sizeof server->version, value);
	if (!server->flavour[0] && server->version[0])
		take_text(server->flavour, sizeof server->flavour, STR("redis"));
}

static void take_role(struct audit_server *server, struct str value)
{
	take_text(server->role, sizeof server->role,
		  str_eq(value, STR("slave")) ? STR("replica") : value);
}

static void take_info(struct server_facts *facts, struct str name, struct str value)
{
	struct audit_server *server = &facts->server;
	take_number(server, info_numbers, ARRAY_LEN(info_numbers), name, value);
	take_version(server, name, value);
	take_database(facts, name, value);
	if (str_eq(name, STR("redis_mode")) || str_eq(name, STR("server_mode")))
		take_text(server->mode, sizeof server->mode, value);
	else if (str_eq(name, STR("role")))
		take_role(server, value);
	else if (str_eq(name, STR("maxmemory_policy")))
		take_text(server->policy, sizeof server->policy, value);
	else if (str_eq(name, STR("run_id")))
		take_text(facts->run_id, sizeof facts->run_id, value);
	else if (str_eq(name, STR("aof_enabled")))
		server->aof = str_eq(value, STR("1")) ? AUDIT_YES : AUDIT_NO;
	else if (str_eq(name, STR("rdb_last_bgsave_status")))
		server->last_save_ok = str_eq(value, STR("ok"));
	else if (str_eq(name, STR("mem_fragmentation_ratio")))
		server->fragmentation_1000 = thousandths(value);
	else if (str_eq(name, STR("cluster_enabled")))
		facts->cluster = str_eq(value, STR("1"));
}

void server_facts_init(struct server_facts *facts)
{
	*facts = (struct server_facts){ .server = audit_server_none() };
}

void server_facts_info(struct server_facts *facts, struct str text)
{
	struct str line;
	facts->info = true;
	while (text.len && str_split(&text, '\n', &line)) {
		line = str_trim(line);
		size_t colon = str_find_char(line, ':');
		if (line.len && line.ptr[0] != '#' && colon < line.len)
			take_info(facts, str_make(line.ptr, colon), str_skip(line, colon + 1));
	}
}

void server_facts_setting(struct server_facts *facts, struct str name, struct str value)
{
	struct audit_server *server = &facts->server;
	take_number(server, config_numbers, ARRAY_LEN(config_numbers), name, value);
	if (str_eq(name, STR("save"))) {
		take_text(server->save, sizeof server->save, value);
		server->save_known = AUDIT_YES;
	} else if (str_eq(name, STR("maxmemory-policy"))) {
		take_text(server->policy, sizeof server->policy, value);
	} else if (str_eq(name, STR("appendonly"))) {
		server->aof = str_eq(value, STR("yes")) ? AUDIT_YES : AUDIT_NO;
	}
}

/* A user that is off lets nobody in, whatever it asks. */
void server_facts_acl(struct server_facts *facts, struct str line)
{
	struct str word;
	bool nopass = false, on = false;
	if (!str_starts(line, STR("user default ")))
		return;
	while (str_split(&line, ' ', &word)) {
		nopass = nopass || str_eq(word, STR("nopass"));
		on = on || str_eq(word, STR("on"));
	}
	facts->server.nopass = nopass && on ? AUDIT_YES : AUDIT_NO;
}

void server_facts_clients(struct server_facts *facts, struct str text)
{
	struct str line;
	int64_t clients = 0;
	while (text.len && str_split(&text, '\n', &line))
		clients += str_starts(line, STR("id="));
	if (facts->server.clients < 0)
		facts->server.clients = clients;
}

/* ---- of a cluster ---- */

static int64_t sum_of(int64_t a, int64_t b) { return a < 0 || b < 0 ? -1 : a + b; }

static int64_t least_of(int64_t a, int64_t b) { return a < b ? a : b; }

static enum audit_known worst_of(enum audit_known a, enum audit_known b, enum audit_known bad)
{
	if (a == bad || b == bad)
		return bad;
	return a == b ? a : AUDIT_UNKNOWN;
}

static void join_saves(struct audit_server *all, const struct audit_server *node)
{
	if (node->save_known != AUDIT_YES || !node->save[0])
		memcpy(all->save, node->save, sizeof all->save);
	all->save_known = worst_of(all->save_known, node->save_known, AUDIT_UNKNOWN);
	all->aof = worst_of(all->aof, node->aof, AUDIT_NO);
	all->last_save_ms = least_of(all->last_save_ms, node->last_save_ms);
	all->last_save_ok = least_of(all->last_save_ok, node->last_save_ok);
	all->changes_since_save = sum_of(all->changes_since_save, node->changes_since_save);
}

/* A node without a limit has none for all of them. */
static void join_memory(struct audit_server *all, const struct audit_server *node)
{
	bool endless = all->maxmemory == 0 || node->maxmemory == 0;
	all->maxmemory = endless ? 0 : sum_of(all->maxmemory, node->maxmemory);
	all->used = sum_of(all->used, node->used);
	all->rss = sum_of(all->rss, node->rss);
	all->peak = sum_of(all->peak, node->peak);
	all->dataset = sum_of(all->dataset, node->dataset);
	if (node->fragmentation_1000 > all->fragmentation_1000)
		all->fragmentation_1000 = node->fragmentation_1000;
}

void server_facts_join(struct audit_server *all, const struct audit_server *node)
{
	join_saves(all, node);
	join_memory(all, node);
	all->nopass = worst_of(all->nopass, node->nopass, AUDIT_YES);
	all->replicas = least_of(all->replicas, node->replicas);
	all->backlog_bytes = least_of(all->backlog_bytes, node->backlog_bytes);
	all->clients = sum_of(all->clients, node->clients);
	all->clients_max = sum_of(all->clients_max, node->clients_max);
	all->blocked = sum_of(all->blocked, node->blocked);
	all->evicted = sum_of(all->evicted, node->evicted);
	all->expired = sum_of(all->expired, node->expired);
	all->hits = sum_of(all->hits, node->hits);
	all->misses = sum_of(all->misses, node->misses);
}
