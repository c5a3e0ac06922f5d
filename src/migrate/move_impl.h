/* move_impl.h - what move.c (keys into sets) and move_lane.c (sets into a sink) share; nobody else
 * includes it. */
#pragma once

#include "archive/sink.h"
#include "migrate/move.h"
#include "migrate/moved.h"
#include "os/http.h"
#include "os/loop.h"

enum {
	MOVE_SETS_OPEN = 32,        /* of a sink; beyond, the fullest is closed */
	MOVE_OPEN_BYTES = 32 << 20, /* of them together */
	MOVE_QUEUE_MAX = 2,         /* closed sets that wait: then keys wait */
	MOVE_NAMES_ROOM = 32768,    /* of a set: more than twice its keys */
	MOVE_PIECES_MAX = 64,
	MOVE_SENDS_MAX = 3, /* of one piece that does not read back as it was sent */
	MOVE_WHY = 300,
	MOVE_AGE_MS = 1000,
};

/* A larger id is nobody's clock: it is not gone beyond. */
#define MOVE_BATCH_MAX (INT64_C(1) << 62)

struct move_held_key {
	uint64_t token;
	size_t from, to; /* its rows in the set */
	uint64_t checksum;
	enum move_outcome outcome;
	char *why; /* NULL when confirmed */
};

/* Rows of many keys for one table; of InfluxDB, one measurement. */
struct move_set {
	struct move_set *next;
	enum archive_table table;
	char family[PATTERN_BYTES_MAX]; /* "" but for InfluxDB */
	struct archive_rows rows;
	struct move_held_key *keys;
	size_t n_keys, room;
	uint64_t *names; /* hashes of the keys in it: none twice */
	int64_t begun_ns;
};

struct move_piece {
	size_t from, to; /* rows of the set */
};

struct move_lane {
	struct move *move;
	enum migrate_sink id;
	struct sink *sink;
	struct move_set *open;           /* a list */
	struct move_set *queue, *flight; /* closed, in their order; the one under way */
	struct move_piece pieces[MOVE_PIECES_MAX];
	size_t n_pieces;
	struct buf body;
	struct archive_rows back;
	int64_t batch_id;
	int sends;          /* of this piece */
	int64_t trouble_ns; /* since when it is away or held; 0: it is not */
	bool opened, sent;  /* tables are there; the piece was sent and the end is unknown */
	bool asked[TABLE_END_OF_ALL]; /* which ids of it the sink holds */
	bool gave_up; /* patience has ended, and nothing was confirmed since: no more waiting */
	bool closed;
	char why[MOVE_WHY];
	struct timer later;
};

struct move {
	struct move_config config;
	struct loop *loop;
	struct http *http;
	struct moved *moved;
	struct archive_rows rows; /* of the key being made */
	struct move_lane lanes[MIGRATE_SINKS];
	int64_t batch_id; /* the newest */
	size_t waiting;
	uint64_t name_hash; /* of the key being made */
	int database;
	char name[MOVED_NAME_MAX + 16]; /* with its database before it */
	const struct migrate_family *family;
};

/* move_lane.c: goes on with the next set where none is under way. */
void move_lane_start(struct move_lane *lane);
void move_set_free(struct move_set *set);
