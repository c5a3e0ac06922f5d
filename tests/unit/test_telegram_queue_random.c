/* The send queue under seeded chance against a model that remembers everything: no window
 * holds more than a limit, each chat reads in order, each message ends once, none is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "telegram/queue.h"

enum { CHATS = 40, GROUPS_FROM = 30, MESSAGES = 6000, SENDS_MAX = 60000, UNDER_WAY = 12 };
static const int64_t second_ns = 1000000000;

struct told {
	int64_t chat;
	bool alert, ended;
	uint64_t asked; /* how often it went out */
};

struct send {
	int64_t at_ns, chat;
};

struct world {
	struct rng rng;
	struct queue *queue;
	int64_t now_ns;
	struct told told[MESSAGES + 1]; /* by tag */
	uint64_t next_tag;
	struct send sends[SENDS_MAX];
	size_t send_count;
	struct {
		struct queue_message *message;
		int64_t chat, ends_ns;
	} under_way[UNDER_WAY];
	int64_t retry_ns[CHATS]; /* a chat was told to wait until then */
	uint64_t last[CHATS][2]; /* tag of the last one done, by lane */
	size_t ended;
};

static int64_t chat_id(size_t i) { return i < GROUPS_FROM ? (int64_t)i + 1 : -(int64_t)i - 1; }
static size_t chat_of(int64_t id) { return (size_t)(id < 0 ? -id : id) - 1; }

static void put_one(struct world *world)
{
	char text[32], key[8];
	uint64_t tag = ++world->next_tag;
	size_t chat = rng_below(&world->rng, CHATS);
	snprintf(text, sizeof text, "%llu", (unsigned long long)tag);
	snprintf(key, sizeof key, "%u", (unsigned)rng_below(&world->rng, 20));
	struct bot_out out = { .kind = BOT_OUT_TEXT,
			       .chat_id = chat_id(chat),
			       .group = chat >= GROUPS_FROM,
			       .alert = rng_below(&world->rng, 5) == 0,
			       .text = str_of(text),
			       .tag = tag };
	if (rng_below(&world->rng, 4) == 0)
		out.coalesce = str_of(key);
	world->told[tag] = (struct told){ .chat = out.chat_id, .alert = out.alert };
	if (queue_put(world->queue, &out, world->now_ns) != STATUS_OK)
		world->told[tag].ended = true, world->ended++;
}

/* A later one may have taken the place of an earlier one, but never of one behind it. */
static void look_at_job(struct world *world, const struct queue_job *job)
{
	uint64_t tag;
	assert_int_equal(str_to_u64(job->text, &tag), STATUS_OK);
	assert_int_equal(world->told[tag].chat, job->chat_id);
	assert_false(world->told[tag].ended);
	world->told[tag].asked++;
	assert_true(world->now_ns >= world->retry_ns[chat_of(job->chat_id)]);
	for (size_t i = 0; i < UNDER_WAY; i++)
		assert_true(!world->under_way[i].message ||
			    world->under_way[i].chat != job->chat_id);
	assert_true(world->send_count < SENDS_MAX);
	world->sends[world->send_count++] = (struct send){ world->now_ns, job->chat_id };
}

static void take_all(struct world *world)
{
	struct queue_job job;
	for (size_t i = 0; i < UNDER_WAY; i++) {
		if (world->under_way[i].message || !queue_take(world->queue, world->now_ns, &job))
			continue;
		look_at_job(world, &job);
		world->under_way[i].message = job.message;
		world->under_way[i].chat = job.chat_id;
		world->under_way[i].ends_ns =
		    world->now_ns + (int64_t)rng_below(&world->rng, 300000000);
	}
}

static struct verdict_told chance(struct world *world)
{
	static const enum verdict rare[] = { VERDICT_AGAIN,  VERDICT_AGAIN,   VERDICT_LIMITED,
					     VERDICT_PLAIN,  VERDICT_INVALID, VERDICT_GONE,
					     VERDICT_BLOCKED };
	struct verdict_told told = { .verdict = VERDICT_DONE, .message_id = 1 };
	if (rng_below(&world->rng, 8) == 0)
		told.verdict = rare[rng_below(&world->rng, 7)];
	told.retry_s = told.verdict == VERDICT_LIMITED ? 1 + (int64_t)rng_below(&world->rng, 5) : 0;
	return told;
}

static void end_due(struct world *world)
{
	for (size_t i = 0; i < UNDER_WAY; i++) {
		if (!world->under_way[i].message || world->under_way[i].ends_ns > world->now_ns)
			continue;
		struct verdict_told told = chance(world);
		if (told.verdict == VERDICT_LIMITED)
			world->retry_ns[chat_of(world->under_way[i].chat)] =
			    world->now_ns + told.retry_s * second_ns;
		queue_done(world->queue, world->under_way[i].message, &told, world->now_ns);
		world->under_way[i].message = NULL;
	}
}

static void look_at_ends(struct world *world)
{
	struct queue_end end;
	while (queue_pop_end(world->queue, &end)) {
		struct told *told = &world->told[end.tag];
		assert_in_range(end.tag, 1, world->next_tag);
		assert_false(told->ended);
		told->ended = true;
		world->ended++;
		if (end.status != STATUS_OK)
			continue;
		assert_true(told->asked >= 1 && end.message_id == 1);
	}
}

static int64_t next_ns(const struct world *world)
{
	int64_t next = queue_due_ns(world->queue, world->now_ns);
	for (size_t i = 0; i < UNDER_WAY; i++)
		if (world->under_way[i].message && world->under_way[i].ends_ns < next)
			next = world->under_way[i].ends_ns;
	return next;
}

/* At most `most` sends of a chat (0: of all) in any window, which holds its begin only. */
static void look_at_window(const struct world *world, int64_t chat, int64_t window_ns, size_t most)
{
	for (size_t i = 0; i < world->send_count; i++) {
		size_t count = 0;
		if (chat && world->sends[i].chat != chat)
			continue;
		for (size_t k = i; k < world->send_count &&
				   world->sends[k].at_ns < world->sends[i].at_ns + window_ns;
		     k++)
			count += !chat || world->sends[k].chat == chat;
		assert_in_range(count, 1, most);
	}
}

static void look_at_limits(const struct world *world)
{
	look_at_window(world, 0, second_ns, 30);
	for (size_t i = 0; i < CHATS; i++) {
		int64_t chat = chat_id(i);
		if (chat < 0)
			look_at_window(world, chat, 60 * second_ns, 20);
		else
			for (int64_t s = 1; s <= 8; s *= 2)
				look_at_window(world, chat, s * second_ns, (size_t)s + 2);
	}
}

static void run(uint64_t seed, size_t burst)
{
	struct world *world = calloc(1, sizeof *world);
	rng_init(&world->rng, seed);
	world->queue = queue_create(&(struct queue_config){ .messages_max = 1500 });
	world->now_ns = 1;
	while (world->ended < MESSAGES) {
		for (size_t n = rng_below(&world->rng, burst); n && world->next_tag < MESSAGES; n--)
			put_one(world);
		end_due(world);
		take_all(world);
		look_at_ends(world);
		int64_t next = next_ns(world);
		int64_t jump = world->now_ns + (int64_t)rng_below(&world->rng, 50000000);
		world->now_ns = next > jump && world->next_tag < MESSAGES ? jump
				: next == INT64_MAX                       ? jump
				: next > world->now_ns                    ? next
									  : world->now_ns + 1;
	}
	struct queue_view view = queue_view(world->queue);
	assert_true(view.waiting == 0 && view.under_way == 0 && view.bytes == 0);
	look_at_limits(world);
	const struct queue_counts *counts = queue_counts(world->queue);
	assert_int_equal(counts->sent + counts->displaced + counts->expired + counts->blocked +
			     counts->gone + counts->invalid + counts->given_up + counts->coalesced,
			 counts->accepted);
	assert_int_equal(counts->accepted + counts->refused, MESSAGES);
	assert_true(counts->sent > 100 && counts->limited && counts->retries);
	queue_destroy(world->queue);
	free(world);
}

static void under_any_load_limits_hold_and_each_message_ends_once(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++)
		run(seed, 3);
	run(4, 60);
}

/* ---- order, without faults ---- */

static void without_faults_each_lane_of_a_chat_is_in_order(void **state)
{
	(void)state;
	struct rng rng;
	uint64_t last[CHATS][2] = { 0 };
	struct queue *queue = queue_create(&(struct queue_config){ 0 });
	struct queue_job job;
	int64_t now_ns = 1;
	rng_init(&rng, 11);
	for (uint64_t tag = 1; tag <= 3000; tag++) {
		char text[32];
		size_t chat = rng_below(&rng, CHATS);
		bool alert = chat < GROUPS_FROM && rng_below(&rng, 3) == 0;
		snprintf(text, sizeof text, "%d %llu", alert, (unsigned long long)tag);
		struct bot_out out = { .kind = BOT_OUT_TEXT,
				       .chat_id = chat_id(chat),
				       .alert = alert,
				       .text = str_of(text) };
		assert_int_equal(queue_put(queue, &out, now_ns), STATUS_OK);
	}
	size_t sent = 0, answers_early = 0;
	for (; sent < 3000; now_ns = queue_due_ns(queue, now_ns)) {
		if (!queue_take(queue, now_ns, &job))
			continue;
		uint64_t tag;
		bool alert = job.text.ptr[0] == '1';
		assert_int_equal(str_to_u64(str_skip(job.text, 2), &tag), STATUS_OK);
		assert_true(tag > last[chat_of(job.chat_id)][alert]);
		last[chat_of(job.chat_id)][alert] = tag;
		answers_early += !alert && sent < 3 * GROUPS_FROM;
		queue_done(queue, job.message, &(struct verdict_told){ .verdict = VERDICT_DONE },
			   now_ns);
		sent++;
		if (sent == 3000)
			break;
	}
	/* Thirty chats have alerts, and each may get three at once. */
	assert_int_equal(answers_early, 0);
	queue_destroy(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(under_any_load_limits_hold_and_each_message_ends_once),
		cmocka_unit_test(without_faults_each_lane_of_a_chat_is_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
