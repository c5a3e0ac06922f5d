/* fake_server.h - the server process behind fake_redis.h: transactions, refusals and
 * the append-only file, without any connection or time of its own. */
#pragma once

#include "base/buf.h"
#include "fake_request.h"

enum fake_sync { FAKE_ALWAYS, FAKE_EVERYSEC };

enum fake_fault { /* what the server answers writes, or everything, with */
		  FAKE_HEALTHY,
		  FAKE_OOM,      /* writes that need memory */
		  FAKE_READONLY, /* writes */
		  FAKE_MISCONF,  /* writes */
		  FAKE_LOADING,  /* everything */
		  FAKE_NOPERM,   /* writes */
};

/* A transaction as the server holds it for one connection; the number of connections
 * that may have one at a time is small, and the oldest loses it. */
struct transaction {
	bool used;
	uint64_t epoch; /* of the connection */
	bool open, dirty, wants_memory;
	struct queue queued; /* copies */
	struct str *watched; /* copies */
	size_t n_watched;
	bool touched; /* a watched key was written to */
};

enum { FAKE_TRANSACTIONS = 8 };

struct fake_server {
	enum fake_sync sync;
	enum fake_fault fault;
	size_t maxmemory; /* 0: none */
	struct fake_db *db;
	struct buf aof;
	size_t aof_synced;
	struct transaction transactions[FAKE_TRANSACTIONS];
	int64_t now_ms;
	struct {
		uint64_t executed, refused;
	} counts;
};

void fake_server_init(struct fake_server *server);
void fake_server_deinit(struct fake_server *server);
/* Runs a command of the connection request->epoch; the reply is the caller's. */
struct redis_reply *fake_server_run(struct fake_server *server, const struct request *request,
				    int64_t now_ms);
void fake_server_drop_transaction(struct fake_server *server, uint64_t epoch); /* it is gone */
void fake_server_sync(struct fake_server *server);
/* As BGREWRITEAOF: the state instead of its history, synced when done. */
void fake_server_rewrite(struct fake_server *server);
/* kill -9: memory and what was not synced are gone. Returns how many commands. */
uint64_t fake_server_lose(struct fake_server *server);
void fake_server_load(struct fake_server *server);
