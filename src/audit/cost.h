/* cost.h - what a key costs in a Redis 7.0 with jemalloc: MEMORY USAGE as arithmetic, for dumps
 * and for changes that no server tried.
 *
 *   audit_cost_begin(&cost, type, encoding, name_bytes, has_ttl)
 *   audit_cost_element(&cost, field, value)   for each element
 *   bytes = audit_cost_end(&cost)
 *
 * With AUDIT_ENC_UNKNOWN the encoding is what a server with its own limits would choose; it is
 * told by audit_cost_encoding. Who knows how a value is packed (a dump) says so instead of, or
 * beside, its elements: audit_cost_packed, audit_cost_node and the audit_cost_stream_… calls.
 *
 * Source of the sizes: the layout of Redis 7.0's objects (dict entry, robj, sds headers by
 * length, listpack entries, quicklist nodes, rax of streams) and jemalloc 5's size classes with
 * its own quantum of 16 bytes. As MEMORY USAGE does, a TTL is not counted: the server keeps it
 * elsewhere. Checked against a real server's MEMORY USAGE … SAMPLES 0 in test_cost (within 5 %
 * for every type and encoding). Pure, no allocation. */
#pragma once

#include "audit/key.h"

/* The limits that a server of 7.0 comes with. */
enum {
	AUDIT_HASH_ENTRIES = 512,
	AUDIT_ZSET_ENTRIES = 128,
	AUDIT_INTSET_ENTRIES = 512,
	AUDIT_LISTPACK_VALUE = 64, /* bytes of a field, value, member */
	AUDIT_LIST_NODE_BYTES = 8192,
	AUDIT_STREAM_NODE_BYTES = 4096,
	AUDIT_STREAM_NODE_ENTRIES = 100,
	AUDIT_EMBSTR_BYTES = 44,
};

/* A radix tree of 16-byte ids that were added in order: how many nodes it has. */
struct audit_cost_tree {
	int64_t keys, nodes;
	uint64_t ms, seq;     /* the last id */
	uint8_t branches[16]; /* depths at which its path has branches */
	uint8_t n_branches;
};

struct audit_cost {
	enum audit_type type;
	enum audit_encoding encoding;
	int64_t name_bytes, elements, longest;
	int64_t loose;              /* of the elements, each by itself */
	int64_t packed;             /* bytes of the elements in one listpack */
	bool packed_known, numbers; /* numbers: every element is an integer */
	int64_t least, most;        /* of the integers */
	/* lists and streams: closed nodes, and the open one */
	int64_t nodes, nodes_bytes, node, node_elements;
	uint64_t names; /* of a stream's node: digest of its first entry's field names */
	struct audit_cost_tree tree, pending, own; /* own: a consumer's */
	int64_t groups_bytes;
};

void audit_cost_begin(struct audit_cost *cost, enum audit_type type, enum audit_encoding encoding,
		      int64_t name_bytes, bool has_ttl);
/* As key.h's elements; of a zset `field` is the score as text, or empty: one that needs 8 bytes. */
void audit_cost_element(struct audit_cost *cost, struct str field, struct str value);
/* An element of which the lengths alone are known. */
void audit_cost_element_bytes(struct audit_cost *cost, int64_t field_bytes, int64_t value_bytes);
int64_t audit_cost_end(const struct audit_cost *cost);
/* What a server of 7.0 that loads it would have; was_packed: it was one listpack (or ziplist …)
 * already, so that the lengths of its elements are not looked at. */
enum audit_encoding audit_cost_encoding(const struct audit_cost *cost, bool was_packed);

/* A hash's or zset's listpack, an intset: its bytes are known. */
void audit_cost_packed(struct audit_cost *cost, int64_t bytes);
/* A list's node of so many bytes, instead of its elements. */
void audit_cost_node(struct audit_cost *cost, int64_t bytes);
/* A stream's parts, instead of its elements; ids in their order. */
void audit_cost_stream_node(struct audit_cost *cost, uint64_t ms, uint64_t seq, int64_t bytes);
void audit_cost_stream_group(struct audit_cost *cost);
void audit_cost_stream_consumer(struct audit_cost *cost, int64_t name_bytes);
void audit_cost_stream_pending(struct audit_cost *cost, uint64_t ms, uint64_t seq,
			       bool of_consumer);

/* A string's whole cost. */
int64_t audit_cost_string(int64_t name_bytes, int64_t value_bytes, enum audit_encoding encoding,
			  bool has_ttl);
/* int, embstr or raw, as a server of 7.0 would keep it. */
enum audit_encoding audit_string_encoding(struct str value, int64_t length);
/* What the allocator takes for so many bytes. */
int64_t audit_alloc_size(int64_t bytes);
/* Bytes of an entry in a listpack: a text's, where it is no integer. */
int64_t audit_listpack_entry(struct str text);
