/* source.h - reading a whole key: what it is, until when, its canonical digest, its DUMP, and its
 * elements in bounded pieces.
 *
 * Read several at once: source_put queues the commands for one key, and after
 * migrate_server_settle all of them are filled in. What was read is consistent when the key was
 * WATCHed before and EXEC succeeds after; or when a second read gives the same digest.
 *
 * Small keys come in one reply: up to SOURCE_SMALL_BYTES and SOURCE_SMALL_ELEMENTS; larger ones are
 * `big`: they have no digest until source_walk, which goes through them in pieces. */
#pragma once

#include "base/buf.h"
#include "migrate/digest.h"
#include "migrate/server.h"

enum {
	SOURCE_SMALL_BYTES = 1 << 20,
	SOURCE_SMALL_ELEMENTS = 4096,
	SOURCE_PIECE_ELEMENTS = 512,    /* of a walk: asked for at once */
	SOURCE_PIECE_BYTES = 256 << 10, /* of a string */
	SOURCE_REPLY_BYTES = 8 << 20,   /* of a piece's elements, by their average */
	SOURCE_BATCH_BYTES = 8 << 20,
};

/* What of a stream is neither an entry nor a group (XINFO STREAM, XSETID). All zeros: not known. */
struct source_stream {
	uint64_t last[2], deleted[2]; /* ids: the last generated, the largest deleted */
	uint64_t added;               /* entries, ever */
	uint64_t told;                /* added and deleted are known: servers from 7.0 on */
};

struct source_key {
	bool there;
	enum audit_type type;
	int64_t expires_ms; /* unix; -1: never */
	int64_t length;     /* bytes of a string, elements, entries */
	bool big;
	bool late;      /* SOURCE_BOUNDED, and the batch was full: no digest, no texts */
	int64_t groups; /* of a stream */
	struct source_stream stream; /* of a large one, where step_big_digest was asked */
	struct digest digest;        /* of type and content, without the expiry; none where big */
	/* Where asked for; in the reader's texts, until source_reader_clear. */
	struct str dump;                /* DUMP bytes */
	struct str value;               /* whole string */
	struct audit_element *elements; /* of a collection: see audit/key.h, but a stream's `value`
					   is its fields as u32 length and bytes each,
					   little-endian, and a zset's score is text in `field` */
	size_t n_elements;
};

/* BOUNDED: not all keys where they are more than SOURCE_BATCH_BYTES, but the first at least. */
enum { SOURCE_DUMP = 1, SOURCE_CONTENT = 2, SOURCE_BOUNDED = 4 };

/* Owns the texts of what it read. Bounded: keys that are not `big` alone, as many as put. */
struct source_reader;
MUST_CHECK enum status source_reader_create(struct migrate_server *server,
					    struct source_reader **out);
void source_reader_destroy(struct source_reader *reader);
void source_reader_clear(struct source_reader *reader);
/* Reads all of them, in four pipelines (what; how long; how large; content). wants: SOURCE_*.
 * name of key i is names[i]. A key that is not there has there = false; one that the
 * server does not show (a login that may not read it) is the status of the whole. */
MUST_CHECK enum status source_read(struct source_reader *reader, const struct str *names,
				   struct source_key *keys, size_t count, int wants,
				   struct err *err);
/* Elements of one key, whatever its size, in pieces of about SOURCE_PIECE_*: fn gets up to
 * SOURCE_PIECE_ELEMENTS and more where the server gives more; a string comes as elements with
 * value alone. *digest is that of source_read. fn's status ends the walk. NOT_FOUND: it went. While
 * it is written to, a walk may see an element twice or not at all: compare with a second one. */
typedef enum status (*source_piece_fn)(void *ctx, const struct audit_element *elements,
				       size_t count, struct err *err);
MUST_CHECK enum status source_walk(struct migrate_server *server, struct str name,
				   enum audit_type type, source_piece_fn fn, void *ctx,
				   struct digest *digest, struct err *err);

/* Filled in by the next settle; a stream that went leaves zeros. */
void source_stream_ask(struct migrate_server *server, struct str name,
		       struct source_stream *stream);
/* Queues XSETID; nothing where it is not known. `name` holds all entries by then. */
void source_stream_put(struct migrate_server *server, struct str name,
		       const struct source_stream *stream);
bool source_stream_eq(const struct source_stream *a, const struct source_stream *b);

/* Names, page by page: fn gets each page once (duplicates in it, and over pages, are possible). */
typedef enum status (*source_names_fn)(void *ctx, const struct str *names, size_t count,
				       struct err *err);
MUST_CHECK enum status source_scan(struct migrate_server *server, source_names_fn fn, void *ctx,
				   struct err *err);
