#include "trade/symbols.h"

#include <stdlib.h>

#include "base/check.h"

enum { TEXT_BYTES_MAX = CONFIG_FILE_BYTES };

/* A row of a section, or, with an empty name, the section itself. */
struct row {
	struct str server, name, to; /* server.ptr NULL: an empty place */
};

struct symbols {
	struct row *rows; /* open addressing, linear probing, at most half full */
	size_t mask;
	struct buf text; /* what the rows point into: never grown once it is full */
};

struct symbols *symbols_create(void) { return calloc(1, sizeof(struct symbols)); }

static void clear(struct symbols *symbols)
{
	free(symbols->rows);
	buf_deinit(&symbols->text);
	*symbols = (struct symbols){ 0 };
}

void symbols_destroy(struct symbols *symbols)
{
	if (!symbols)
		return;
	clear(symbols);
	free(symbols);
}

static struct row *place(const struct symbols *symbols, struct str server, struct str name)
{
	size_t at = (size_t)(str_hash(server) * 31 + str_hash(name)) & symbols->mask;
	while (symbols->rows[at].server.ptr &&
	       !(str_eq(symbols->rows[at].server, server) && str_eq(symbols->rows[at].name, name)))
		at = (at + 1) & symbols->mask;
	return &symbols->rows[at];
}

static struct str keep(struct symbols *symbols, struct str text)
{
	size_t from = symbols->text.len;
	buf_str_put(&symbols->text, text);
	CHECK(!symbols->text.overflow);
	return str_make(symbols->text.ptr + from, text.len);
}

static void put(struct symbols *symbols, const struct config_open *open, struct str server)
{
	struct row *section = place(symbols, server, STR(""));
	if (!section->server.ptr)
		*section = (struct row){ .server = keep(symbols, server) };
	server = section->server;
	if (open->key.len) /* a section may be empty: nothing is known there */
		*place(symbols, server, open->key) =
		    (struct row){ server, keep(symbols, open->key), keep(symbols, open->text) };
}

static struct str server_of(const struct config_open *open)
{
	const struct str prefix = STR("symbols.");
	return str_starts(open->section, prefix) ? str_skip(open->section, prefix.len)
						 : (struct str){ 0 };
}

enum status symbols_configure(struct symbols *symbols, const struct config *config)
{
	struct symbols fresh = { .mask = 1 };
	size_t count = 0, bytes = 1;
	for (size_t i = 0; i < config_open_count(config); i++) {
		const struct config_open *open = config_open_at(config, i);
		struct str server = server_of(open);
		count += server.len ? 2 : 0;
		bytes += server.len + open->key.len + open->text.len;
	}
	while (fresh.mask + 1 < 2 * count)
		fresh.mask = fresh.mask * 2 + 1;
	fresh.rows = calloc(fresh.mask + 1, sizeof *fresh.rows);
	buf_init(&fresh.text, TEXT_BYTES_MAX);
	if (!fresh.rows || !buf_reserve(&fresh.text, bytes)) {
		clear(&fresh);
		return STATUS_NO_MEMORY;
	}
	for (size_t i = 0; i < config_open_count(config); i++) {
		const struct config_open *open = config_open_at(config, i);
		if (server_of(open).len)
			put(&fresh, open, server_of(open));
	}
	clear(symbols);
	*symbols = fresh;
	return STATUS_OK;
}

enum symbols_found symbols_find(const struct symbols *symbols, struct str server, struct str name,
				struct str *out)
{
	*out = name;
	if (!symbols->rows || !place(symbols, server, STR(""))->server.ptr)
		return SYMBOLS_AS_IT_IS;
	const struct row *row = place(symbols, server, name);
	if (!name.len || !row->server.ptr)
		return SYMBOLS_UNKNOWN;
	*out = row->to;
	return SYMBOLS_MAPPED;
}
