/* clickhouse_impl.h - what clickhouse.c (the operations), clickhouse_ask.c (one request) and
 * clickhouse_tables.c (what tables there are) share; nobody else includes it. */
#pragma once

#include "archive/clickhouse.h"
#include "archive/clickhouse_ddl.h"
#include "archive/clickhouse_verdict.h"

enum {
	CLICKHOUSE_TEXT = 256,            /* host, user, password, database */
	CLICKHOUSE_SQL = 16 << 10,        /* of one statement */
	CLICKHOUSE_LOOK_BYTES = 4 << 20,  /* of an answer: columns of all tables of a database */
	CLICKHOUSE_READ_BYTES = 64 << 20, /* of an answer: a batch as text */
};

/* What was seen of one table. */
struct clickhouse_table {
	bool there;
	bool has[ARCHIVE_COLUMNS_MAX + 1]; /* the last is batch_id */
	char why[CLICKHOUSE_WHY_BYTES];    /* "" it is as it should be */
};

struct clickhouse;

/* One request at a time: those of the operation that is under way, one after the other. */
struct clickhouse_call {
	struct clickhouse *owner;
	/* How the request ended. body: of the answer. */
	void (*next)(struct clickhouse_call *call, enum sink_outcome outcome, const char *why,
		     struct str body);
	struct timer later; /* the request could not be made: that is not said inside a call */
	bool busy;
	bool is_insert;
	size_t sent;                   /* of the insert's body */
	struct sink_batch kept;        /* of a send */
	enum archive_table made_table; /* what was mended last: none twice in one open */
	enum archive_column made_column;
	sink_fn fn; /* of the operation's owner: one of the two */
	sink_probe_fn probe_fn;
	void *ctx;
	enum archive_table table;
	int64_t now_us;
	struct sink_read read;
	size_t answer_max; /* bytes of the next question's answer; 0: CLICKHOUSE_LOOK_BYTES */
};

struct clickhouse {
	struct sink sink; /* first: the sink is this */
	struct clickhouse_config config;
	char root[CLICKHOUSE_TEXT + 16]; /* http://HOST:PORT/ */
	char user[CLICKHOUSE_TEXT], password[CLICKHOUSE_TEXT], database[CLICKHOUSE_TEXT];
	int major; /* of its version; 0: not known yet */
	bool closing;
	void (*on_closed)(void *ctx);
	void *closed_ctx;
	struct timer end; /* of its life */
	struct clickhouse_call main, counting;
	char why[CLICKHOUSE_WHY_BYTES];
	struct buf sql;
	struct clickhouse_table tables[TABLE_END_OF_ALL];
	bool dictionary[COLUMN_COUNT]; /* the column is LowCardinality */
};

/* clickhouse_ask.c */
/* SQL in call->owner->sql; call->next tells. */
void clickhouse_ask(struct clickhouse_call *call);
/* The insert in owner->sql, with the body of call->kept. */
void clickhouse_put(struct clickhouse_call *call);
void clickhouse_later(void *ctx); /* a call's timer */

/* clickhouse_read.c: asks for the rows of call->read; then call->fn. */
void clickhouse_read(struct clickhouse_call *call);

/* clickhouse_tables.c */
/* Looks and mends until all is well or said in tables[].why; then call->fn. */
void clickhouse_look(struct clickhouse_call *call);
/* Lines NAME TAB TYPE of one table's columns into what is known of it. True: the block that
 * encode makes fits. */
void clickhouse_columns_sql(struct clickhouse *ch, enum archive_table table);
bool clickhouse_take_columns(struct clickhouse *ch, enum archive_table table, struct str lines,
			     bool *changed);
