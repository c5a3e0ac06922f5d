/* RESP from a server that may say anything: the replies must not depend on how the
 * bytes were cut, and no input may be believed about its own size. */
#include <stdlib.h>

#include "base/check.h"
#include "base/rng.h"
#include "os/redis_conn.h"
#include "os/resp_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct resp_limits limits = {
	.bulk_bytes_max = 64 * 1024,
	.array_items_max = 4096,
	.reply_bytes_max = 1 << 20,
};

/* A digest of everything that can be seen of a reply; touches every byte. */
static uint64_t digest(uint64_t sum, const struct redis_reply *reply)
{
	sum = sum * 31 + (uint64_t)reply->type;
	sum = sum * 31 + (uint64_t)reply->integer;
	sum = sum * 31 + str_hash(reply->text);
	if (reply->type == REDIS_ERROR)
		sum = sum * 31 + (uint64_t)redis_error_status(reply->text);
	for (size_t i = 0; i < reply->count; i++)
		sum = digest(sum, &reply->items[i]);
	return sum;
}

struct outcome {
	uint64_t sum, replies;
	bool dead;
};

static void drain(struct resp_reader *reader, struct outcome *outcome)
{
	const struct redis_reply *reply;
	enum status status;
	while ((status = resp_reader_next(reader, &reply)) == STATUS_OK) {
		outcome->sum = digest(outcome->sum, reply);
		outcome->replies++;
	}
	outcome->dead |= status == STATUS_REDIS_PROTOCOL;
}

/* piece 0: random pieces. */
static struct outcome read_all(const uint8_t *data, size_t size, size_t piece)
{
	struct outcome outcome = { 0 };
	struct rng rng;
	rng_init(&rng, size);
	struct resp_reader *reader = resp_reader_create(&limits);
	CHECK(reader);
	for (size_t at = 0; at < size && !outcome.dead;) {
		size_t len = piece ? piece : 1 + rng_below(&rng, 20);
		len = len < size - at ? len : size - at;
		if (resp_reader_feed(reader, str_make((const char *)data + at, len)) == STATUS_OK)
			drain(reader, &outcome);
		at += len;
	}
	resp_reader_destroy(reader);
	return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole = read_all(data, size, size ? size : 1);
	size_t pieces[] = { 1, 2, 7, 0 };
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		struct outcome cut = read_all(data, size, pieces[i]);
		CHECK(cut.sum == whole.sum && cut.replies == whole.replies);
		CHECK(cut.dead == whole.dead);
	}
	return 0;
}
