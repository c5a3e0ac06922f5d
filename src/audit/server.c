#include "audit/server.h"

struct audit_server audit_server_none(void)
{
	return (struct audit_server){
		.now_ms = -1,
		.maxmemory = -1,
		.used = -1,
		.rss = -1,
		.peak = -1,
		.dataset = -1,
		.last_save_ms = -1,
		.changes_since_save = -1,
		.last_save_ok = -1,
		.replicas = -1,
		.clients = -1,
		.clients_max = -1,
		.blocked = -1,
		.fragmentation_1000 = -1,
		.backlog_bytes = -1,
		.evicted = -1,
		.expired = -1,
		.hits = -1,
		.misses = -1,
		.databases = -1,
		.listpack_hash_entries = -1,
		.listpack_hash_value = -1,
		.listpack_zset_entries = -1,
		.listpack_zset_value = -1,
		.listpack_set_entries = -1,
		.intset_entries = -1,
	};
}
