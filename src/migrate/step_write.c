#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "migrate/migrate_impl.h"

enum { WORDS_MAX = 2 + 2 * 1024, COMMAND_BYTES = 4 << 20 };

void step_temporaries(struct buf *out, const struct migrate *migrate)
{
	uint64_t plan = migrate->plan->digest;
	buf_printf(out, MIGRATE_TEMPORARY "%08lx:", (unsigned long)(uint32_t)(plan ^ plan >> 32));
}

void step_temporary(struct buf *out, const struct migrate *migrate, const struct step_key *key)
{
	struct digest digest = digest_of(key->old_name);
	step_temporaries(out, migrate);
	buf_printf(out, "%016llx%016llx", (unsigned long long)digest.a,
		   (unsigned long long)digest.b);
}

/* The family's own ttl is given to the new key alone. */
int64_t step_old_expiry(const struct migrate *migrate, const struct step_key *key)
{
	bool given = migrate_family_of(migrate, key)->ttl_s && key->old_key.expires_ms < 0;
	return given ? -1 : key->new_key.expires_ms;
}

/* ---- elements ---- */

static uint32_t u32_at(const char *at)
{
	uint32_t value;
	memcpy(&value, at, sizeof value);
	return value;
}

/* An entry's fields and values as words; how many: all of them, words NULL or not. */
static size_t entry_words(struct str fields, struct str *words)
{
	size_t n = 0;
	for (; fields.len >= 4; n++) {
		uint32_t len = u32_at(fields.ptr);
		CHECK(fields.len - 4 >= len);
		if (words)
			words[n] = str_make(fields.ptr + 4, len);
		fields = str_skip(fields, 4 + (size_t)len);
	}
	return n;
}

static void put_entries(struct migrate *migrate, struct str name,
			const struct audit_element *elements, size_t count, redis_reply_fn fn,
			void *ctx, size_t *replies)
{
	struct str usual[WORDS_MAX];
	for (size_t i = 0; i < count; i++) {
		size_t n = 3 + entry_words(elements[i].value, NULL);
		struct str *words = n <= WORDS_MAX ? usual : calloc(n, sizeof *words);
		CHECK(words); /* half an entry would be worse */
		words[0] = STR("XADD");
		words[1] = name;
		words[2] = elements[i].field;
		entry_words(elements[i].value, words + 3);
		migrate_server_put(migrate->server, words, n, fn, ctx);
		++*replies;
		if (words != usual)
			free(words);
	}
}

/* One element's words behind those that are there. */
static size_t element_words(enum audit_type type, const struct audit_element *element,
			    struct str *words)
{
	switch (type) {
	case AUDIT_HASH:
		words[0] = element->field;
		words[1] = element->value;
		return 2;
	case AUDIT_ZSET:
		words[0] = element->field; /* its score */
		words[1] = element->value;
		return 2;
	default: words[0] = element->value; return 1;
	}
}

void step_put_elements(struct migrate *migrate, struct str name, enum audit_type type,
		       const struct audit_element *elements, size_t count, redis_reply_fn fn,
		       void *ctx, size_t *replies)
{
	static const char *const verbs[] = {
		[AUDIT_STRING] = "APPEND", [AUDIT_LIST] = "RPUSH", [AUDIT_SET] = "SADD",
		[AUDIT_ZSET] = "ZADD",     [AUDIT_HASH] = "HSET",
	};
	if (type == AUDIT_STREAM) {
		put_entries(migrate, name, elements, count, fn, ctx, replies);
		return;
	}
	struct str words[WORDS_MAX] = { str_of(verbs[type]), name };
	size_t n = 2, bytes = 0;
	for (size_t i = 0; i < count; i++) {
		n += element_words(type, &elements[i], words + n);
		bytes += elements[i].field.len + elements[i].value.len;
		bool full = n + 2 > WORDS_MAX || bytes > COMMAND_BYTES || type == AUDIT_STRING;
		if (!full && i + 1 < count)
			continue;
		migrate_server_put(migrate->server, words, n, fn, ctx);
		++*replies;
		n = 2;
		bytes = 0;
	}
}

void step_put_expiry(struct migrate *migrate, struct str name, int64_t expires_ms,
		     redis_reply_fn fn, void *ctx)
{
	char number[24];
	snprintf(number, sizeof number, "%lld", (long long)expires_ms);
	const struct str at[] = { STR("PEXPIREAT"), name, str_of(number) };
	const struct str persist[] = { STR("PERSIST"), name };
	if (expires_ms >= 0)
		migrate_server_put(migrate->server, at, 3, fn, ctx);
	else
		migrate_server_put(migrate->server, persist, 2, fn, ctx);
}

/* ---- a form ---- */

static void put_words(struct migrate *migrate, const struct str *argv, size_t argc, size_t *replies)
{
	migrate_server_put(migrate->server, argv, argc, NULL, NULL);
	++*replies;
}

static void put_made(struct migrate *migrate, struct str temporary, const struct form_made *made,
		     size_t *replies)
{
	const struct str set[] = { STR("SET"), temporary, made->value };
	const struct str unlink[] = { STR("UNLINK"), temporary };
	put_words(migrate, unlink, 2, replies);
	if (made->type == AUDIT_STRING)
		put_words(migrate, set, 3, replies);
	else
		step_put_elements(migrate, temporary, made->type, made->elements, made->n_elements,
				  NULL, NULL, replies);
}

static void put_dump(struct migrate *migrate, struct str temporary, struct str dump,
		     size_t *replies)
{
	const struct str restore[] = { STR("RESTORE"), temporary, STR("0"), dump, STR("REPLACE") };
	put_words(migrate, restore, ARRAY_LEN(restore), replies);
}

/* RENAMENX to a name that is free, RENAME to one that is ours: both names are watched. */
static void put_rename(struct migrate *migrate, struct str temporary, struct str name,
		       int64_t expires_ms, bool over, size_t *replies)
{
	const struct str rename[] = { over ? STR("RENAME") : STR("RENAMENX"), temporary, name };
	if (expires_ms >= 0) {
		step_put_expiry(migrate, temporary, expires_ms, NULL, NULL);
		++*replies;
	}
	put_words(migrate, rename, 3, replies);
}

static enum status put_new_form(struct migrate *migrate, struct step_key *key, struct str temporary,
				size_t *replies, struct err *err)
{
	struct form_made made;
	const struct migrate_family *family = migrate_family_of(migrate, key);
	if (family->form == MIGRATE_SAME) {
		put_dump(migrate, temporary, key->old_key.dump, replies);
	} else {
		if (form_make(migrate->room, family->form, &key->old_key, &made))
			return err_set(err, STATUS_INVALID, "'%.*s' converts no more",
				       STR_ARG(key->printed));
		put_made(migrate, temporary, &made, replies);
	}
	put_rename(migrate, temporary, key->new_name, key->new_expires_ms,
		   key->action == DECIDE_REPLACE, replies);
	return STATUS_OK;
}

/* What old holds afterwards is key->made: the step has checked that it can be made. */
static enum status put_old_form(struct migrate *migrate, struct step_key *key, struct str temporary,
				size_t *replies, struct err *err)
{
	struct form_made made;
	const struct migrate_family *family = migrate_family_of(migrate, key);
	int64_t expires_ms = step_old_expiry(migrate, key);
	if (family->form == MIGRATE_SAME) {
		put_dump(migrate, temporary, key->new_key.dump, replies);
	} else {
		if (form_unmake(migrate->room, family->form, &key->new_key, &made))
			return err_set(err, STATUS_INVALID, "'%.*s' converts no more",
				       STR_ARG(key->printed));
		put_made(migrate, temporary, &made, replies);
	}
	put_rename(migrate, temporary, key->old_name, expires_ms, true, replies);
	return STATUS_OK;
}

enum status step_put_writes(struct migrate *migrate, struct step_key *key, size_t *replies,
			    struct err *err)
{
	char storage[64];
	struct buf temporary = buf_over(storage, sizeof storage);
	const struct str unlink[] = { STR("UNLINK"), key->new_name };
	step_temporary(&temporary, migrate, key);
	switch (key->action) {
	case DECIDE_COPY:
	case DECIDE_REPLACE: return put_new_form(migrate, key, buf_str(&temporary), replies, err);
	case DECIDE_REVERSE: return put_old_form(migrate, key, buf_str(&temporary), replies, err);
	case DECIDE_UNMAKE: put_words(migrate, unlink, 2, replies); return STATUS_OK;
	case DECIDE_EXPIRY:
		step_put_expiry(migrate, key->new_name, key->new_expires_ms, NULL, NULL);
		++*replies;
		return STATUS_OK;
	default: return STATUS_OK;
	}
}
