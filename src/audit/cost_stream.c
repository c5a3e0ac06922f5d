#include "audit/cost_impl.h"

/* sizeof of Redis 7.0's structs on 64 bits, and what MEMORY USAGE takes for a tree: 16 bytes a
 * key, and a node's head with room for thirty pointers. */
enum {
	STREAM = 80,
	GROUP = 40,
	CONSUMER = 24,
	PENDING = 24,
	TREE_KEY = 16,
	TREE_NODE = 4 + 8 * 30,
	ID_BYTES = 16,
	NODE_HEAD = 7, /* of a listpack, its end included */
};

/* ---- trees ---- */

static uint8_t id_byte(uint64_t ms, uint64_t seq, int depth)
{
	return (uint8_t)(depth < 8 ? ms >> (56 - 8 * depth) : seq >> (120 - 8 * depth));
}

static int common_bytes(const struct audit_cost_tree *tree, uint64_t ms, uint64_t seq)
{
	int depth = 0;
	while (depth < ID_BYTES - 1 &&
	       id_byte(tree->ms, tree->seq, depth) == id_byte(ms, seq, depth))
		depth++;
	return depth;
}

/* The way from `depth` down to a leaf: the leaf, and a node for the bytes before it, if any. */
static int64_t way_down(int depth) { return 1 + (depth < ID_BYTES); }

/* The edge that covers `depth` becomes a branch with what was above and below it, if any. */
static int64_t split(const struct audit_cost_tree *tree, int depth, int below)
{
	int above = tree->n_branches ? tree->branches[tree->n_branches - 1] + 1 : 0;
	return (depth > above) + 1 + (below - depth > 1) - 1;
}

/* Ids come in order, so only the path to the last one can get a branch. */
static void tree_add(struct audit_cost_tree *tree, uint64_t ms, uint64_t seq)
{
	if (!tree->keys) {
		tree->nodes = way_down(0);
	} else {
		int depth = common_bytes(tree, ms, seq), below = ID_BYTES;
		while (tree->n_branches && tree->branches[tree->n_branches - 1] > depth)
			below = tree->branches[--tree->n_branches];
		bool is_branch = tree->n_branches && tree->branches[tree->n_branches - 1] == depth;
		if (!is_branch) {
			tree->nodes += split(tree, depth, below);
			tree->branches[tree->n_branches++] = (uint8_t)depth;
		}
		tree->nodes += way_down(depth + 1);
	}
	tree->keys++;
	tree->ms = ms;
	tree->seq = seq;
}

static int64_t tree_bytes(const struct audit_cost_tree *tree)
{
	int64_t nodes = tree->keys ? tree->nodes : 1;
	return tree->keys * TREE_KEY + nodes * TREE_NODE;
}

/* ---- entries ---- */

/* `field\0value\0…`: bytes of the names' entries and of the values', and what they hold. */
struct parts {
	int64_t fields, names, values, text;
	uint64_t digest; /* of the names */
};

static struct parts parts_of(struct str fields)
{
	struct parts parts = { 0 };
	for (bool is_name = true; fields.len; is_name = !is_name) {
		struct str part = str_make(fields.ptr, str_find_char(fields, 0));
		int64_t entry = audit_listpack_entry(part);
		parts.text += (int64_t)part.len;
		if (is_name) {
			parts.fields++;
			parts.names += entry;
			parts.digest = parts.digest * 31 + str_hash(part);
		} else {
			parts.values += entry;
		}
		fields = str_skip(fields, part.len + 1);
	}
	return parts;
}

static void parse_id(struct str id, uint64_t *ms, uint64_t *seq)
{
	size_t dash = str_find_char(id, '-');
	if (str_to_u64(str_make(id.ptr, dash), ms) != STATUS_OK)
		*ms = 0;
	if (dash == id.len || str_to_u64(str_skip(id, dash + 1), seq) != STATUS_OK)
		*seq = 0;
}

/* The node's master entry: counts, field names, an end. */
static void open_node(struct audit_cost *cost, const struct parts *parts, uint64_t ms, uint64_t seq)
{
	if (cost->node)
		audit_cost_node(cost, cost->node);
	tree_add(&cost->tree, ms, seq);
	cost->node = NODE_HEAD + 2 * cost_number_entry(1) + cost_number_entry(parts->fields) +
		     parts->names + cost_number_entry(0);
	cost->names = parts->digest;
}

void cost_stream_entry(struct audit_cost *cost, struct str id, struct str fields)
{
	struct parts parts = parts_of(fields);
	uint64_t ms, seq;
	parse_id(id, &ms, &seq);
	if (!cost->node || cost->node + parts.text >= AUDIT_STREAM_NODE_BYTES ||
	    cost->node_elements >= AUDIT_STREAM_NODE_ENTRIES)
		open_node(cost, &parts, ms, seq);
	bool same = parts.digest == cost->names;
	int64_t since = (int64_t)(ms - cost->tree.ms);
	int64_t own_seq = (int64_t)(seq - cost->tree.seq);
	int64_t items = (same ? 3 : 4) + parts.fields * (same ? 1 : 2);
	cost->node += cost_number_entry(same ? 2 : 0) + cost_number_entry(since) +
		      cost_number_entry(own_seq) + parts.values + cost_number_entry(items);
	if (!same)
		cost->node += cost_number_entry(parts.fields) + parts.names;
	cost->node_elements++;
	cost->elements++;
}

/* ---- known parts ---- */

void audit_cost_stream_node(struct audit_cost *cost, uint64_t ms, uint64_t seq, int64_t bytes)
{
	if (cost->node)
		audit_cost_node(cost, cost->node);
	tree_add(&cost->tree, ms, seq);
	cost->node = bytes;
}

static void close_consumer(struct audit_cost *cost)
{
	if (cost->own.keys)
		cost->groups_bytes +=
		    tree_bytes(&cost->own) - tree_bytes(&(struct audit_cost_tree){ 0 });
	cost->own = (struct audit_cost_tree){ 0 };
}

static void close_group(struct audit_cost *cost)
{
	close_consumer(cost);
	if (cost->pending.keys)
		cost->groups_bytes +=
		    tree_bytes(&cost->pending) - tree_bytes(&(struct audit_cost_tree){ 0 });
	cost->pending = (struct audit_cost_tree){ 0 };
}

/* Each begins with an empty tree; what its tree grows to is added when the next one comes. */
void audit_cost_stream_group(struct audit_cost *cost)
{
	close_group(cost);
	cost->groups_bytes += GROUP + tree_bytes(&cost->pending);
}

void audit_cost_stream_consumer(struct audit_cost *cost, int64_t name_bytes)
{
	close_consumer(cost);
	cost->groups_bytes += CONSUMER + name_bytes + tree_bytes(&cost->own);
}

void audit_cost_stream_pending(struct audit_cost *cost, uint64_t ms, uint64_t seq, bool of_consumer)
{
	tree_add(of_consumer ? &cost->own : &cost->pending, ms, seq);
	if (!of_consumer)
		cost->groups_bytes += PENDING;
}

/* The open node has room for its limit at once; the others were cut to what they hold. */
int64_t cost_stream_bytes(const struct audit_cost *cost)
{
	struct audit_cost closed = *cost;
	close_group(&closed);
	int64_t open = cost->node > AUDIT_STREAM_NODE_BYTES ? cost->node : AUDIT_STREAM_NODE_BYTES;
	return STREAM + tree_bytes(&cost->tree) + cost->nodes_bytes +
	       (cost->node ? audit_alloc_size(open) : 0) + closed.groups_bytes;
}
