/* server.h - what is known of the server that was audited. Absent: -1, "" or UNKNOWN_YES_NO.
 * Plain data; texts are cut to fit. */
#pragma once

#include <stdint.h>

enum audit_known { AUDIT_UNKNOWN, AUDIT_NO, AUDIT_YES };

struct audit_server {
	char version[32], flavour[16]; /* "7.0.15", "redis" or "valkey" */
	char mode[16];                 /* standalone, sentinel, cluster */
	char role[16];                 /* master, replica */
	char policy[32];               /* maxmemory-policy */
	char save[128];                /* CONFIG GET save; "" none or not known: see save_known */
	enum audit_known save_known, aof, sentinel, nopass;
	int64_t now_ms;
	int64_t maxmemory, used, rss, peak, dataset;
	int64_t last_save_ms, changes_since_save;
	int64_t last_save_ok; /* 1 yes, 0 no */
	int64_t replicas, clients, clients_max, blocked;
	int64_t fragmentation_1000; /* mem_fragmentation_ratio, thousandths */
	int64_t backlog_bytes;      /* repl_backlog_size */
	int64_t evicted, expired, hits, misses;
	int64_t databases;
	int64_t listpack_hash_entries, listpack_hash_value; /* the server's limits; -1: its own */
	int64_t listpack_zset_entries, listpack_zset_value;
	int64_t listpack_set_entries, intset_entries;
};

/* All of it absent. */
struct audit_server audit_server_none(void);
