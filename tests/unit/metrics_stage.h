/* metrics_stage.h - what metrics are printed of, in memory: a server's INFO as Redis 7.0 says
 * it, and terminals that have said something. Include it in one file of a program. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "daemon/metrics_print.h"
#include "fleet/fleet.h"
#include "trade/trade_meter.h"

static const char stage_info[] =
    "# Server\r\nredis_version:7.0.15\r\nuptime_in_seconds:12\r\nprocess_id:77\r\n\r\n"
    "# Clients\r\nconnected_clients:3\r\nblocked_clients:1\r\ntracking_clients:0\r\n"
    "client_recent_max_input_buffer:20480\r\nclient_recent_max_output_buffer:0\r\n\r\n"
    "# Memory\r\nused_memory:1234567\r\nused_memory_human:1.18M\r\nused_memory_rss:2469134\r\n"
    "used_memory_peak:2000000\r\nused_memory_overhead:900000\r\nused_memory_startup:800000\r\n"
    "used_memory_dataset:334567\r\nused_memory_lua:31744\r\nused_memory_scripts:184\r\n"
    "maxmemory:536870912\r\nmaxmemory_policy:noeviction\r\nmem_fragmentation_ratio:2.00\r\n"
    "mem_fragmentation_bytes:1234567\r\nmem_not_counted_for_evict:120\r\n"
    "allocator_active:1500000\r\nallocator_allocated:1300000\r\nallocator_resident:2400000\r\n"
    "lazyfree_pending_objects:0\r\n\r\n"
    "# Persistence\r\nloading:0\r\nrdb_changes_since_last_save:9\r\nrdb_bgsave_in_progress:0\r\n"
    "rdb_last_save_time:1784046000\r\nrdb_last_bgsave_status:ok\r\naof_enabled:1\r\n"
    "aof_rewrite_in_progress:0\r\naof_last_bgrewrite_status:ok\r\naof_last_write_status:err\r\n"
    "aof_current_size:88\r\naof_base_size:88\r\naof_delayed_fsync:0\r\n\r\n"
    "# Stats\r\ntotal_connections_received:5\r\ntotal_commands_processed:1000\r\n"
    "total_net_input_bytes:4096\r\ntotal_net_output_bytes:8192\r\nrejected_connections:0\r\n"
    "expired_keys:4\r\nevicted_keys:0\r\nkeyspace_hits:30\r\nkeyspace_misses:10\r\n"
    "pubsub_channels:0\r\n\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\n\r\n"
    "# CPU\r\nused_cpu_sys:1.250000\r\nused_cpu_user:2.500000\r\nused_cpu_sys_children:0.001000\r\n"
    "used_cpu_user_children:0.000000\r\n\r\n# Keyspace\r\ndb0:keys=50,expires=7,avg_ttl=0\r\n"
    "db3:keys=2,expires=0,avg_ttl=0\r\n";

static const char stage_commands[] =
    "# Commandstats\r\ncmdstat_hset:calls=600,usec=1500,usec_per_call=2.50,rejected_calls=0,"
    "failed_calls=0\r\ncmdstat_config|get:calls=2,usec=40,usec_per_call=20.00,rejected_calls=0,"
    "failed_calls=0\r\n";

/* Seven segments, all up, all alike. */
static inline void stage_segments(struct segment_status *out, struct segment_info *info,
				  struct redis_conn_stats *conn)
{
	segment_info_take(info, str_of(stage_info));
	segment_info_take_commands(info, str_of(stage_commands));
	for (size_t i = 0; i < SEGMENT_COUNT; i++)
		out[i] = (struct segment_status){ .wanted = true,
						  .state = SEGMENT_UP,
						  .conn = conn,
						  .figures = info,
						  .keyspace_hits = 30,
						  .keyspace_misses = 10 };
}

static inline void stage_say(struct fleet *fleet, uint32_t slot, const char *line,
			     bool (*take)(struct fleet *fleet, uint32_t slot,
					  const struct mfp_frame *frame))
{
	struct mfp_frame frame;
	struct mfp_fault fault;
	CHECK(mfp_read(str_of(line), MFP_PEER, &frame, &fault) == STATUS_OK);
	(void)take(fleet, slot, &frame);
}

static inline bool stage_take_state(struct fleet *fleet, uint32_t slot,
				    const struct mfp_frame *frame)
{
	fleet_state_frame(fleet, slot, frame);
	return true;
}

static inline bool stage_take_account(struct fleet *fleet, uint32_t slot,
				      const struct mfp_frame *frame)
{
	(void)!fleet_account_frame(fleet, slot, frame);
	return true;
}

/* Terminals mt5-0000 … that have said hello, their state and their account. */
static inline struct fleet *stage_fleet(uint32_t count, struct alerts *alerts)
{
	const struct fleet_settings settings = fleet_settings_default();
	const struct fleet_hooks hooks = { 0 };
	struct fleet *fleet = fleet_create(count, &settings, alerts, 1, &hooks);
	CHECK(fleet);
	fleet_step(fleet, 1000000000, 1784046185000);
	for (uint32_t i = 0; i < count; i++) {
		struct instance_identity identity = { .host = "vm" };
		uint32_t slot;
		snprintf(identity.id, sizeof identity.id, "mt5-%04u", i);
		CHECK(fleet_add(fleet, &identity, &slot) == STATUS_OK);
		struct mfp_frame hello;
		struct mfp_fault fault;
		bool snapshot;
		CHECK(mfp_read(STR("H 0 v=1 id=mt5-017 ep=1784046185431 "
				   "mac=35cd832ccd3c88068e3314f439e1ecbd login=90000001 "
				   "srv=FPMarketsSC-Live cur=USD mm=hedge tm=real lev=500 bld=6090 "
				   "ea=1.0.0 off=10800 dn=88123 ld=227408982 lsv=1785821409459 "
				   "ph=0000000000000000 n=0"),
			       MFP_PEER, &hello, &fault) == STATUS_OK);
		fleet_hello(fleet, slot, &hello, &snapshot);
		stage_say(fleet, slot,
			  "S 0 t=1784046185001 con=1 ta=1 ma=1 aa=1 ae=1 ping=158410 ret=0.02 "
			  "mem=62 memp=16298 disk=48211 cores=8 lag=12 q=0 inf=0 tick=231 dr=0 "
			  "dn=88123 ph=0000000000000000 n=0 cpu=41",
			  stage_take_state);
		stage_say(fleet, slot,
			  "A 0 t=1784046185001 bal=3346.16 eq=2271.87 mar=164.53 fm=2107.34 "
			  "ml=1380.82 cr=0.00 pl=-1074.29",
			  stage_take_account);
	}
	return fleet;
}
