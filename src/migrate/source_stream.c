#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "migrate/source_impl.h"

enum { ID_BYTES = 48 };

static void take_id(uint64_t id[2], const struct redis_reply *reply)
{
	char text[ID_BYTES], *end;
	if (!reply || str_copy(reply->text, text, sizeof text))
		return;
	id[0] = strtoull(text, &end, 10);
	id[1] = *end == '-' ? strtoull(end + 1, NULL, 10) : 0;
}

static void on_info(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct source_stream *stream = ctx;
	if (status || reply->type != REDIS_ARRAY)
		return;
	const struct redis_reply *added = source_member(reply, STR("entries-added"));
	const struct redis_reply *deleted = source_member(reply, STR("max-deleted-entry-id"));
	take_id(stream->last, source_member(reply, STR("last-generated-id")));
	take_id(stream->deleted, deleted);
	stream->told = added && deleted && added->type == REDIS_INTEGER;
	stream->added = stream->told ? (uint64_t)added->integer : 0;
}

void source_stream_ask(struct migrate_server *server, struct str name, struct source_stream *stream)
{
	const struct str ask[] = { STR("XINFO"), STR("STREAM"), name };
	*stream = (struct source_stream){ .told = 0 };
	migrate_server_put(server, ask, ARRAY_LEN(ask), on_info, stream);
}

bool source_stream_eq(const struct source_stream *a, const struct source_stream *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static struct str print_id(const uint64_t id[2], char text[ID_BYTES])
{
	int n = snprintf(text, ID_BYTES, "%llu-%llu", (unsigned long long)id[0],
			 (unsigned long long)id[1]);
	return str_make(text, (size_t)n);
}

void source_stream_put(struct migrate_server *server, struct str name,
		       const struct source_stream *stream)
{
	char last[ID_BYTES], deleted[ID_BYTES], added[ID_BYTES];
	bool all = stream->told && migrate_server_version(server) >= 70000;
	snprintf(added, sizeof added, "%llu", (unsigned long long)stream->added);
	const struct str set[] = { STR("XSETID"),
				   name,
				   print_id(stream->last, last),
				   STR("ENTRIESADDED"),
				   str_of(added),
				   STR("MAXDELETEDID"),
				   print_id(stream->deleted, deleted) };
	if (stream->last[0] || stream->last[1])
		migrate_server_put(server, set, all ? ARRAY_LEN(set) : 3, NULL, NULL);
}
