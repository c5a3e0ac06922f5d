#include "cli/read_last.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { FIRST_ROOM = 1024 };

struct held {
	struct closed_trade trade;
	uint32_t account, order;
	bool again; /* a later one has its position */
};

struct read_last {
	struct closed_account accounts[READ_LAST_ACCOUNTS];
	struct closed_trade chunk[CLOSED_CHUNK_TRADES];
	struct held *held;
	uint32_t account_count, count, room;
};

struct read_last *read_last_create(void)
{
	struct read_last *last = calloc(1, sizeof *last);
	CHECK(last);
	return last;
}

void read_last_destroy(struct read_last *last)
{
	if (last)
		free(last->held);
	free(last);
}

/* READ_LAST_ACCOUNTS: there is no room for another. */
static uint32_t account_of(struct read_last *last, const struct closed_account *account)
{
	uint32_t at = 0;
	while (at < last->account_count &&
	       (last->accounts[at].login != account->login ||
		strcmp(last->accounts[at].server, account->server) != 0))
		at++;
	if (at == last->account_count && at < READ_LAST_ACCOUNTS)
		last->accounts[last->account_count++] = *account;
	return at;
}

static bool make_room(struct read_last *last, uint32_t count)
{
	if (count > READ_LAST_TRADES - last->count)
		return false;
	if (last->count + count <= last->room)
		return true;
	last->room = last->room ? last->room * 2 : FIRST_ROOM;
	last->held = realloc(last->held, last->room * sizeof *last->held);
	CHECK(last->held);
	return true;
}

enum status read_last_chunk(struct read_last *last, struct str chunk)
{
	struct closed_account account;
	uint32_t count;
	enum status status = closed_read(chunk, &account, last->chunk, &count);
	if (status)
		return status;
	uint32_t at = account_of(last, &account);
	if (at == READ_LAST_ACCOUNTS || !make_room(last, count))
		return STATUS_FULL;
	for (uint32_t i = 0; i < count; i++, last->count++)
		last->held[last->count] =
		    (struct held){ .trade = last->chunk[i], .account = at, .order = last->count };
	return STATUS_OK;
}

static int by_order(const void *a, const void *b)
{
	const struct held *one = a, *other = b;
	return (one->order > other->order) - (one->order < other->order);
}

static int by_position(const void *a, const void *b)
{
	const struct held *one = a, *other = b;
	if (one->account != other->account)
		return one->account > other->account ? 1 : -1;
	if (one->trade.position != other->trade.position)
		return one->trade.position > other->trade.position ? 1 : -1;
	return by_order(a, b);
}

static bool is_same_position(const struct held *one, const struct held *other)
{
	return one->account == other->account && one->trade.position == other->trade.position;
}

void read_last_print(struct read_last *last, struct read_rows *rows)
{
	if (!last->count)
		return;
	qsort(last->held, last->count, sizeof *last->held, by_position);
	for (uint32_t i = 0; i + 1 < last->count; i++)
		last->held[i].again = is_same_position(&last->held[i], &last->held[i + 1]);
	qsort(last->held, last->count, sizeof *last->held, by_order);
	for (uint32_t i = 0; i < last->count; i++)
		if (!last->held[i].again)
			read_closed(rows, &last->accounts[last->held[i].account],
				    &last->held[i].trade);
}
