#include "audit/code_impl.h"

#include <stdlib.h>

#include "base/buf.h"

enum { BINARY_LOOK = 4096 };

/* ---- growing ---- */

void *code_grow(void **array, size_t *count, size_t *room, size_t max, size_t size)
{
	if (*count == *room) {
		size_t more = *room ? *room * 2 : 64;
		more = more < max ? more : max;
		void *moved = *count < max ? realloc(*array, more * size) : NULL;
		if (!moved)
			return NULL;
		*array = moved;
		*room = more;
	}
	void *item = (char *)*array + (*count)++ * size;
	memset(item, 0, size);
	return item;
}

static bool grow_set(struct code_hash_set *set)
{
	size_t n = set->n_slots ? set->n_slots * 2 : 1024;
	uint64_t *slots = calloc(n, sizeof *slots);
	if (!slots)
		return false;
	for (size_t i = 0; i < set->n_slots; i++) {
		size_t at = set->slots[i] & (n - 1);
		while (set->slots[i] && slots[at])
			at = (at + 1) & (n - 1);
		if (set->slots[i])
			slots[at] = set->slots[i];
	}
	free(set->slots);
	set->slots = slots;
	set->n_slots = n;
	return true;
}

static size_t set_slot(const struct code_hash_set *set, uint64_t hash)
{
	size_t at = hash & (set->n_slots - 1);
	while (set->slots[at] && set->slots[at] != hash)
		at = (at + 1) & (set->n_slots - 1);
	return at;
}

bool code_set_add(struct code_hash_set *set, uint64_t hash, size_t max)
{
	hash = hash ? hash : 1;
	if (code_set_has(set, hash))
		return true;
	if (set->count >= max || (set->count * 2 >= set->n_slots && !grow_set(set)))
		return false;
	set->slots[set_slot(set, hash)] = hash;
	set->count++;
	return true;
}

bool code_set_has(const struct code_hash_set *set, uint64_t hash)
{
	hash = hash ? hash : 1;
	return set->n_slots && set->slots[set_slot(set, hash)];
}

/* ---- texts ---- */

static bool grow_slots(struct code_pool *pool)
{
	uint32_t n = pool->n_slots ? pool->n_slots * 2 : 2048;
	uint32_t *slots = calloc(n, sizeof *slots);
	if (!slots)
		return false;
	for (uint32_t id = 1; id <= pool->count; id++) {
		struct str text = str_make(pool->bytes + pool->starts[id], pool->lens[id]);
		size_t at = str_hash(text) & (n - 1);
		while (slots[at])
			at = (at + 1) & (n - 1);
		slots[at] = id;
	}
	free(pool->slots);
	pool->slots = slots;
	pool->n_slots = n;
	return true;
}

static bool grow_texts(struct code_pool *pool)
{
	uint32_t room = pool->room_texts ? pool->room_texts * 2 : 1024;
	uint32_t *starts = realloc(pool->starts, room * sizeof *starts);
	if (starts)
		pool->starts = starts;
	uint32_t *lens = starts ? realloc(pool->lens, room * sizeof *lens) : NULL;
	if (!lens)
		return false;
	pool->lens = lens;
	pool->room_texts = room;
	return true;
}

static bool grow_bytes(struct code_pool *pool, size_t need)
{
	size_t room = pool->room ? pool->room : 64 << 10;
	while (room < pool->used + need)
		room *= 2;
	char *bytes = room <= CODE_POOL_BYTES ? realloc(pool->bytes, room) : NULL;
	if (!bytes)
		return false;
	pool->bytes = bytes;
	pool->room = (uint32_t)room;
	return true;
}

uint32_t code_intern(struct code *code, struct str text)
{
	struct code_pool *pool = &code->pool;
	if (pool->count * 2 + 2 >= pool->n_slots && !grow_slots(pool))
		return 0;
	size_t at = str_hash(text) & (pool->n_slots - 1);
	for (; pool->slots[at]; at = (at + 1) & (pool->n_slots - 1))
		if (str_eq(code_text(code, pool->slots[at]), text))
			return pool->slots[at];
	if ((pool->count + 2 > pool->room_texts && !grow_texts(pool)) ||
	    (pool->used + text.len + 1 > pool->room && !grow_bytes(pool, text.len + 1))) {
		code->lost++;
		return 0;
	}
	uint32_t id = ++pool->count;
	if (text.len)
		memcpy(pool->bytes + pool->used, text.ptr, text.len);
	pool->bytes[pool->used + text.len] = 0;
	pool->starts[id] = pool->used;
	pool->lens[id] = (uint32_t)text.len;
	pool->used += (uint32_t)text.len + 1;
	pool->slots[at] = id;
	return id;
}

struct str code_text(const struct code *code, uint32_t id)
{
	if (!id || id > code->pool.count)
		return STR("");
	return str_make(code->pool.bytes + code->pool.starts[id], code->pool.lens[id]);
}

/* ---- files ---- */

enum status code_create(struct code **out)
{
	struct code *code = calloc(1, sizeof *code);
	if (!code)
		return STATUS_NO_MEMORY;
	*out = code;
	return STATUS_OK;
}

void code_destroy(struct code *code)
{
	if (!code)
		return;
	free(code->pool.bytes);
	free(code->pool.slots);
	free(code->pool.starts);
	free(code->pool.lens);
	code_tokens_deinit(&code->tokens);
	free(code->files);
	free(code->uses);
	free(code->makings);
	free(code->handlers);
	free(code->facts);
	free(code->constants);
	free(code->loose.slots);
	free(code->known.slots);
	free(code->calls);
	free(code->keys);
	free(code->places);
	free(code->order);
	free(code->hits);
	free(code);
}

bool code_wants(struct str path) { return code_language_of(path) != NULL; }

static bool mentions_redis(struct str text)
{
	for (size_t i = 0; i + 5 <= text.len; i++)
		if ((text.ptr[i] | 0x20) == 'r' &&
		    str_eq_nocase(str_make(text.ptr + i, 5), STR("redis")))
			return true;
	return false;
}

static bool is_binary(struct str text)
{
	size_t look = text.len < BINARY_LOOK ? text.len : BINARY_LOOK, zeros = 0;
	for (size_t i = 0; i < look; i++)
		zeros += text.ptr[i] == 0;
	return zeros * 8 > look;
}

enum status code_file(struct code *code, struct str path, struct str text)
{
	const struct code_language *language = code_language_of(path);
	if (!language)
		return STATUS_OK;
	if (text.len > CODE_FILE_BYTES_MAX || is_binary(text)) {
		code->summary.skipped++;
		return STATUS_OK;
	}
	uint32_t id = code_intern(code, path);
	struct code_source *file = id ? CODE_ADD(code, files, CODE_FILES_MAX) : NULL;
	if (!file) {
		code->summary.skipped++;
		return code->n_files >= CODE_FILES_MAX ? STATUS_FULL : STATUS_NO_MEMORY;
	}
	*file = (struct code_source){ id, mentions_redis(text) };
	code->summary.files_read++;
	code->summary.files += file->mentions;
	code_lex(language, text, &code->tokens);
	code->lost += code->tokens.cut;
	code->steps += (int64_t)text.len;
	code_scan(code, language, (uint32_t)(code->n_files - 1), path, file->mentions);
	return STATUS_OK;
}

enum status code_settle(struct code *code)
{
	if (code->settled)
		return STATUS_OK;
	code_settle_facts(code);
	code_settle_patterns(code);
	code->settled = true;
	enum status status = code_settle_keys(code);
	if (!status)
		status = code_settle_findings(code);
	code->summary.lost = code->lost;
	return status;
}

const struct code_summary *code_summary(const struct code *code) { return &code->summary; }
