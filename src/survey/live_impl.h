/* live_impl.h - a live source's insides; live*.c only.
 *
 * A page is what one SCAN told. It goes through the stages in order; each is asked in segments
 * (some of its keys), and a segment's replies are read whole before the page's next stage is
 * asked. Several pages are in flight, so that the server has work while we read. */
#pragma once

#include "base/buf.h"
#include "survey/live.h"
#include "survey/seen.h"
#include "survey/server_facts.h"
#include "survey/wire.h"

enum live_command {
#define LIVE_COMMAND(id, before, after) LIVE_##id,
#include "survey/live_commands.def"
#undef LIVE_COMMAND
	LIVE_COMMANDS
};
_Static_assert((int)LIVE_COMMANDS <= (int)LIVE_REFUSALS, "each has its line in the result");

/* What decides how a value is asked for is asked before it: groups of streams, lengths of large
 * collections. */
enum live_stage { STAGE_FREE, STAGE_SCAN, STAGE_META, STAGE_BEFORE, STAGE_VALUES };

enum {
	LIVE_PAGES = 5,
	LIVE_SEGMENTS = 8,            /* in flight, at most */
	LIVE_PAGE_BYTES = 8 << 20,    /* of names */
	LIVE_BURST_BYTES = 128 << 10, /* of values, of a burst when paced */
	LIVE_SEGMENT_BYTES = 1 << 20, /* unpaced */
	LIVE_LARGE_BYTES = 1 << 20,   /* of a collection: its elements may be too large to read */
	LIVE_SAMPLE_BYTES = 1 << 20,  /* a sample that would have more is not asked for */
	LIVE_PAGE_KEYS = 1 << 20,     /* a table that shrinks may tell so many at once */
	LIVE_GROUPS_ASKED = 16,       /* of one stream, whose consumers are asked */
	LIVE_GROUP_BYTES = 1024,      /* of a group's name */
	LIVE_CURSOR_BYTES = 24,
	LIVE_RESTARTS_MAX = 20,    /* of a server that is scanned from the beginning */
	LIVE_DATABASES_TRIED = 16, /* where INFO does not tell */
};

struct live_keyed {
	size_t name_at, name_len;
	size_t groups_at; /* in page->groups: u32 length and name, each */
	uint64_t digest;
	int64_t expires_ms, bytes, idle_s;
	int64_t length; /* of a large collection; -1: not asked */
	struct audit_stream stream;
	enum audit_type type;
	enum audit_encoding encoding;
	uint8_t groups;
	bool gone;
};

struct live_page {
	enum live_stage stage;
	struct buf names, groups;
	struct live_keyed *keys;
	size_t count, room;
	size_t sent, read; /* keys of this stage */
	uint64_t number;   /* order of the pages */
};

struct live_segment {
	struct live_page *page;
	enum live_stage stage;
	size_t to;        /* keys behind page->read up to here */
	uint32_t refused; /* commands that were not sent */
};

struct live_pace {
	int64_t step_ns; /* of one key and one stage; 0: unpaced */
	int64_t next_ns;
};

struct live_head {
	char before[48], after[64];
	struct str head, tail; /* in RESP */
};

struct live_arena {
	char *at; /* LIVE_ARENA_BYTES */
	size_t used;
};
enum { LIVE_ARENA_BYTES = AUDIT_VALUE_MAX + AUDIT_ELEMENTS_MAX * 2 * AUDIT_ELEMENT_MAX };

struct live {
	struct live_config config;
	struct live_result *result;
	struct wire_config wire_config;
	struct wire *wire;
	struct tls_context *tls;
	struct err err; /* of what ends the run */

	struct live_head heads[LIVE_COMMANDS];
	struct buf word;                    /* a name in RESP */
	uint32_t refused;                   /* bits of commands that are no longer asked */
	uint32_t refusal_of[LIVE_COMMANDS]; /* 1 + index in result */

	struct live_page pages[LIVE_PAGES];
	struct live_segment segments[LIVE_SEGMENTS]; /* in flight, oldest first */
	size_t n_segments;
	uint64_t pages_begun;
	struct live_pace pace;

	int database;
	char cursor[LIVE_CURSOR_BYTES]; /* "0" at the beginning */
	bool scanning;                  /* a SCAN is in flight */
	bool scanned;                   /* its cursor came back to 0 */
	bool under_way;                 /* a database is being scanned */
	int selected;                   /* of this connection */
	int only_database;              /* -1: all of them */
	struct server_facts facts;      /* of the node */
	char run_id[48];
	int64_t wall_ms; /* when metadata was read last */
	bool absolute;   /* the server tells expiries as times (PEXPIRETIME) */

	struct seen seen;
	struct live_arena arena;
	struct audit_element elements[AUDIT_ELEMENTS_MAX];
	int64_t told_all, expected;
	int64_t progress_ns; /* when an answer came last */
	bool stopped;        /* by on_key */
};

/* live_ask.c: commands out. */
void live_prepare_commands(struct live *live);
/* PTTL is asked as PEXPIRETIME, or as itself. */
void live_prefer_absolute(struct live *live, bool absolute);

void live_put_segment(struct live *live, struct live_page *page, enum live_stage stage, size_t from,
		      size_t to);
/* What is asked of a key for its value, by what is known of it: the same list for asking and
 * for reading. */
enum { LIVE_PLAN_MAX = 3 + LIVE_GROUPS_ASKED };
size_t live_plan(const struct live *live, const struct live_keyed *key, uint32_t refused,
		 enum live_command plan[LIVE_PLAN_MAX]);
/* Is its length asked before its value, and by what? LIVE_COMMANDS: it is not. */
enum live_command live_length_before(const struct live_keyed *key, uint32_t refused);
/* Bytes that a sample of the key is expected to have, by what is known of it. */
int64_t live_sample_bytes(const struct live_keyed *key);
struct str live_name(const struct live_page *page, const struct live_keyed *key);
/* The index-th group that was kept. */
struct str live_group(const struct live_page *page, const struct live_keyed *key, size_t index);

/* live_read.c: names and metadata in. */
MUST_CHECK enum status live_read_scan(struct live *live, struct live_page *page);
MUST_CHECK enum status live_read_meta(struct live *live, struct live_keyed *key, uint32_t refused);
MUST_CHECK enum status live_read_before(struct live *live, struct live_page *page,
					struct live_keyed *key, uint32_t refused);
/* An error reply to a command about a key. OK: counted, the key's part is unknown. Else the
 * connection's trouble (REDIS_LOADING …). */
MUST_CHECK enum status live_refusal(struct live *live, enum live_command command,
				    struct live_keyed *key, struct str text);
/* live_value.c: lengths and values in, the key told. */
MUST_CHECK enum status live_read_value(struct live *live, struct live_page *page,
				       struct live_keyed *key, uint32_t refused);
/* What is known of a key, without a value. */
struct audit_key live_key_of(const struct live *live, const struct live_page *page,
			     const struct live_keyed *key);
MUST_CHECK enum status live_tell(struct live *live, const struct live_keyed *keyed,
				 const struct audit_key *key);

/* live_scan.c: one database by pages. STATUS_OK: all of it was told. */
MUST_CHECK enum status live_scan(struct live *live);
/* A new connection: what was in flight is asked again; another process: all of it. */
void live_scan_again(struct live *live, bool another);
void live_scan_begin(struct live *live, int database);

/* live_node.c: what a node says of itself; then its databases, one after the other. */
MUST_CHECK enum status live_know(struct live *live);
MUST_CHECK enum status live_node(struct live *live);
int64_t live_now_ns(void);
