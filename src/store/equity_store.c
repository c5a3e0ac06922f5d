#include "store/equity_store.h"

#include <stdio.h>
#include <stdlib.h>

#include "def/keys.h"

struct equity_store {
	struct redis_port *rss;
	struct equity_store_counts counts;
};

struct errand { /* a get under way */
	struct equity_store *store;
	equity_store_got_fn got;
	void *ctx;
	char name[EQUITY_STORE_NAME_MAX + 1];
};

struct equity_store *equity_store_create(struct redis_port *rss)
{
	struct equity_store *store = calloc(1, sizeof *store);
	if (store)
		store->rss = rss;
	return store;
}

void equity_store_destroy(struct equity_store *store) { free(store); }

const struct equity_store_counts *equity_store_counts(const struct equity_store *store)
{
	return &store->counts;
}

static void on_put(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct equity_store *store = ctx;
	(void)reply;
	store->counts.failed += status != STATUS_OK;
}

enum status equity_store_put(struct equity_store *store, struct str account, struct str bytes)
{
	struct key key;
	char ttl[16];
	snprintf(ttl, sizeof ttl, "%d", EQUITY_STORE_TTL_S);
	const struct str words[] = { STR("SET"), key_equity(&key, account), bytes, STR("EX"),
				     str_of(ttl) };
	enum status status = redis_command(store->rss, words, 5, on_put, store);
	store->counts.puts++;
	store->counts.failed += status != STATUS_OK;
	return status;
}

static void on_got(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct errand *errand = ctx;
	struct str bytes = STR("");
	if (!status && reply->type == REDIS_BULK)
		bytes = reply->text;
	else if (!status && reply->type != REDIS_NIL)
		status = STATUS_REDIS_PROTOCOL;
	errand->store->counts.failed += status != STATUS_OK;
	errand->got(errand->ctx, status, str_of(errand->name), bytes);
	free(errand);
}

enum status equity_store_get(struct equity_store *store, struct str account,
			     equity_store_got_fn got, void *ctx)
{
	struct key key;
	struct errand *errand = calloc(1, sizeof *errand);
	if (!errand)
		return STATUS_NO_MEMORY;
	*errand = (struct errand){ .store = store, .got = got, .ctx = ctx };
	enum status status = str_copy(account, errand->name, sizeof errand->name);
	if (status) {
		free(errand);
		return STATUS_INVALID;
	}
	const struct str words[] = { STR("GET"), key_equity(&key, account) };
	status = redis_command(store->rss, words, 2, on_got, errand);
	store->counts.gets++;
	if (!status)
		return STATUS_OK;
	store->counts.failed++;
	free(errand);
	return status;
}
