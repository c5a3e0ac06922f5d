/* What of the ladder is in memory: the HELD_MAX that are due first, a heap by when they are. */
#include "archive/results_impl.h"

#include <stdlib.h>

void results_retry_init(struct results *results)
{
	results->held = calloc(HELD_MAX, sizeof(struct held *));
}

void results_held_forget(struct results *results, struct held *held)
{
	results->held_bytes -= held->bytes;
	free(held);
}

void results_retry_deinit(struct results *results)
{
	while (results->n_held > 0)
		results_held_forget(results, results->held[--results->n_held]);
	free(results->held);
	results->held = NULL;
}

void results_retry_forget(struct results *results)
{
	while (results->n_held > 0)
		results_held_forget(results, results->held[--results->n_held]);
	results->loaded = results->more = false;
	results->n_dead = 0;
	results->load_at_ns = 0;
}

static void swap(struct results *results, size_t a, size_t b)
{
	struct held *held = results->held[a];
	results->held[a] = results->held[b];
	results->held[b] = held;
}

static bool is_before(const struct results *results, size_t a, size_t b)
{
	return results->held[a]->due_ns < results->held[b]->due_ns;
}

void results_held_push(struct results *results, struct held *held)
{
	size_t at = results->n_held++;
	results->held[at] = held;
	for (; at > 0 && is_before(results, at, (at - 1) / 2); at = (at - 1) / 2)
		swap(results, at, (at - 1) / 2);
}

struct held *results_held_pop(struct results *results)
{
	struct held *first = results->held[0];
	results->held[0] = results->held[--results->n_held];
	for (size_t at = 0, least;; at = least) {
		least = at;
		for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++)
			if (child < results->n_held && is_before(results, child, least))
				least = child;
		if (least == at)
			return first;
		swap(results, at, least);
	}
}

static struct str put_behind(char **at, struct str text)
{
	struct str copy = str_make(*at, text.len);
	if (text.len)
		memcpy(*at, text.ptr, text.len);
	*at += text.len;
	return copy;
}

uint64_t results_held_hash(const struct writer_retry *retry)
{
	bool has_rid = !str_starts(retry->entry_id, retry->letter_id);
	return str_hash(has_rid ? retry->letter_id : retry->entry_id);
}

void results_hold(struct results *results, const struct writer_retry *retry, int64_t due_ns)
{
	size_t bytes = sizeof(struct held) + retry->entry_id.len + retry->letter_id.len +
		       retry->reason.len + retry->payload.len;
	struct held *held = NULL;
	if (results->n_held < HELD_MAX && results->held_bytes + bytes <= HELD_BYTES)
		held = malloc(bytes);
	if (!held) {
		results->more = true;
		results->counts.put_off++;
		return;
	}
	char *at = (char *)(held + 1);
	*held = (struct held){ .due_ns = due_ns,
			       .due_ms = retry->due_ms,
			       .attempts = retry->attempts,
			       .bytes = bytes };
	held->hash = results_held_hash(retry);
	held->entry_id = put_behind(&at, retry->entry_id);
	held->letter_id = put_behind(&at, retry->letter_id);
	held->reason = put_behind(&at, retry->reason);
	held->payload = put_behind(&at, retry->payload);
	results->held_bytes += bytes;
	results_held_push(results, held);
}

void results_retry_timer(struct results *results)
{
	if (results->n_held > 0 && !results->stopped)
		timers_arm(results->config.timers, &results->retry_timer, results->held[0]->due_ns);
}

struct writer_retry results_held_retry(const struct held *held)
{
	return (struct writer_retry){ .origin = results_origin,
				      .entry_id = held->entry_id,
				      .letter_id = held->letter_id,
				      .payload = held->payload,
				      .reason = held->reason,
				      .due_ms = held->due_ms,
				      .attempts = held->attempts };
}
