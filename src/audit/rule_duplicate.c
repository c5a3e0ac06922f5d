#include "audit/rules_impl.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/check.h"

enum {
	NAME_BYTES_MAX = 512,  /* longer names are nobody's field */
	FIELD_VALUE_MAX = 512, /* longer values too */
	GROUP_ROOM_MIN = 256,
	SAMPLE_BITS_MAX = 24,
};

/* ---- fields of JSON -------------------------------------------------------------------- */

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)(a ^ 0x9e3779b97f4a7c15U) * (b | 1);
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static struct str lower(struct str text, char out[NAME_BYTES_MAX])
{
	for (size_t i = 0; i < text.len; i++)
		out[i] = (char)tolower((unsigned char)text.ptr[i]);
	return str_make(out, text.len);
}

static uint64_t field_digest(int db, uint64_t parent, uint64_t field, uint64_t value)
{
	return mix(mix(parent, field) + (uint64_t)(uint32_t)db, value);
}

static bool is_field_name(const struct audit_rules *rules, uint64_t digest)
{
	return rules->field_names[digest & 1023] >> (digest >> 10 & 63) & 1;
}

void rule_duplicate_look(const struct audit_key *key, const struct json_member *members, size_t n,
			 void (*fn)(void *ctx, const struct look_field *field), void *ctx)
{
	char storage[NAME_BYTES_MAX];
	if (!n || key->name.len > NAME_BYTES_MAX)
		return;
	uint64_t parent = audit_digest(lower(key->name, storage));
	for (size_t i = 0; i < n; i++) {
		const struct json_member *member = &members[i];
		if (member->name.len > NAME_BYTES_MAX || member->value.len > FIELD_VALUE_MAX)
			continue;
		uint64_t name = audit_digest(lower(member->name, storage));
		uint64_t value = audit_digest(member->value);
		fn(ctx, &(struct look_field){ name, field_digest(key->db, parent, name, value) });
	}
}

enum status rule_duplicate_field(struct audit_rules *rules, const struct look_field *field)
{
	uint64_t name = field->name;
	rules->field_names[name & 1023] |= UINT64_C(1) << (name >> 10 & 63);
	return digests_add(&rules->fields, field->all);
}

/* Wherever its name can be parted: is there a JSON of the first part's name with the second
 * as a field of this value? */
static bool is_field(const struct audit_rules *rules, const struct audit_record *record,
		     struct verdict *verdict)
{
	char storage[NAME_BYTES_MAX];
	if (record->length > FIELD_VALUE_MAX || record->name.len > NAME_BYTES_MAX ||
	    (record->facts & FACT_JSON))
		return false;
	struct str name = lower(record->name, storage);
	for (size_t at = 1; at + 1 < name.len; at++) {
		if (!rules->separates[(unsigned char)name.ptr[at]])
			continue;
		uint64_t field = audit_digest(str_skip(name, at + 1));
		if (!is_field_name(rules, field))
			continue;
		uint64_t parent = audit_digest(str_make(name.ptr, at));
		if (digests_count(&rules->fields,
				  field_digest(record->db, parent, field, record->digest))) {
			verdict->keep = str_make(record->name.ptr, at);
			return true;
		}
	}
	return false;
}

/* ---- whole values ---------------------------------------------------------------------- */

static bool is_shared_size(const struct audit_record *record)
{
	return record->type == AUDIT_STRING && record->digest &&
	       record->length >= DUPLICATE_BYTES_MIN;
}

enum status rule_duplicate_learn(struct audit_rules *rules, const struct audit_record *record)
{
	if (!is_shared_size(record) || (record->facts & FACT_IGNORED))
		return STATUS_OK;
	return digests_add(&rules->shared, record->digest);
}

/* The marks of the set are its highest bit. */
static uint64_t without_mark(uint64_t digest)
{
	digest = digest << 1 >> 1;
	return digest ? digest : 1;
}

static struct group *find(const struct groups *groups, uint64_t digest)
{
	uint32_t at = (uint32_t)(digest >> 20) & (groups->room - 1);
	while (groups->slots[at].digest && groups->slots[at].digest != digest)
		at = (at + 1) & (groups->room - 1);
	return &groups->slots[at];
}

static bool in_sample(const struct groups *groups, uint64_t digest)
{
	return !(digest & ((UINT64_C(1) << groups->sample_bits) - 1));
}

static struct group *group_of(const struct audit_rules *rules, const struct audit_record *record)
{
	const struct groups *groups = &rules->groups;
	if (!groups->room || !is_shared_size(record))
		return NULL;
	uint64_t digest = without_mark(record->digest);
	if (!in_sample(groups, digest))
		return NULL;
	struct group *group = find(groups, digest);
	return group->digest ? group : NULL;
}

struct counting {
	struct groups *groups;
	int64_t n;
};

static void count_group(void *ctx, uint64_t digest)
{
	struct counting *counting = ctx;
	counting->n += in_sample(counting->groups, digest);
}

static void add_group(void *ctx, uint64_t digest)
{
	struct groups *groups = ctx;
	if (!in_sample(groups, digest))
		return;
	find(groups, digest)->digest = digest;
	groups->used++;
}

/* The set says which values came twice; that is all that is needed of it. */
enum status rule_duplicate_groups(struct audit_rules *rules)
{
	struct groups *groups = &rules->groups;
	struct counting counting = { groups, 0 };
	groups->sample_bits = rules->shared.sample_bits;
	digests_each_twice(&rules->shared, count_group, &counting);
	while (counting.n > GROUPS_MAX && groups->sample_bits < SAMPLE_BITS_MAX) {
		groups->sample_bits++;
		counting.n = 0;
		digests_each_twice(&rules->shared, count_group, &counting);
	}
	if (counting.n) {
		uint32_t room = GROUP_ROOM_MIN;
		while (room / 4 * 3 < counting.n)
			room *= 2;
		groups->slots = calloc(room, sizeof *groups->slots);
		groups->names = malloc(GROUP_NAMES_BYTES);
		if (!groups->slots || !groups->names)
			return STATUS_NO_MEMORY;
		groups->room = room;
		digests_each_twice(&rules->shared, add_group, groups);
	}
	digests_deinit(&rules->shared);
	return STATUS_OK;
}

static struct str name_of(const struct groups *groups, const struct group *group)
{
	return str_make(groups->names + group->name, group->name_len);
}

static int order(struct str a, int a_db, struct str b, int b_db)
{
	int diff = str_cmp(a, b);
	return diff ? diff : (a_db > b_db) - (a_db < b_db);
}

/* Puts its name in the place of the one before, or behind all others. */
static bool keep_name(struct groups *groups, struct group *group, struct str name)
{
	if (group->seen && group->name_len >= name.len) {
		memmove(groups->names + group->name, name.ptr, name.len);
	} else {
		if (name.len > GROUP_NAMES_BYTES - groups->names_len)
			return false;
		if (name.len)
			memcpy(groups->names + groups->names_len, name.ptr, name.len);
		group->name = (uint32_t)groups->names_len;
		groups->names_len += name.len;
	}
	group->name_len = (uint32_t)name.len;
	return true;
}

void rule_duplicate_gather(struct audit_rules *rules, const struct audit_record *record)
{
	struct group *group = group_of(rules, record);
	if (!group || group->name == GROUP_NAMES_BYTES || (record->facts & FACT_IGNORED))
		return;
	struct groups *groups = &rules->groups;
	if (group->seen && order(record->name, record->db, name_of(groups, group), group->db) >= 0)
		return;
	if (!keep_name(groups, group, record->name)) {
		/* No room: the first to come is the one that stays. */
		if (!group->seen)
			group->index = record->index;
		group->name = group->seen ? group->name : GROUP_NAMES_BYTES;
		group->seen = true;
		return;
	}
	group->db = record->db;
	group->index = record->index;
	group->seen = true;
}

bool rule_duplicate_judge(struct audit_rules *rules, const struct audit_record *record,
			  struct verdict *verdict)
{
	if (record->type != AUDIT_STRING || !record->digest)
		return false;
	const struct group *group = group_of(rules, record);
	verdict->worth = record->bytes > 0 ? record->bytes : 0;
	if (group && group->index != record->index) {
		verdict->part = 0;
		verdict->likely = false;
		if (group->name != GROUP_NAMES_BYTES)
			verdict->keep = name_of(&rules->groups, group);
		return true;
	}
	verdict->part = 1;
	return !digests_empty(&rules->fields) && is_field(rules, record, verdict);
}
