/* Whatever people type and whatever stands on a button: what the bot says is short enough,
 * well-formed, and goes to who asked. Input: lines, each a message, or with a first byte of
 * 1 a button, of 2 a button under a picture; a third of them after a minute. */
#include "base/check.h"
#include "bot/bot.h"
#include "rules/rules.h"
#include "trade/halts.h"
#include "unit/test_ask_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ask_world world;
static uint64_t awaited_tag;

static enum status on_random(void *ctx, void *bytes, size_t n)
{
	(void)ctx;
	memset(bytes, 7, n);
	return STATUS_OK;
}

static enum status on_digest(void *ctx, struct str text, uint8_t out[PEOPLE_DIGEST_BYTES])
{
	(void)ctx;
	memset(out, (int)text.len, PEOPLE_DIGEST_BYTES);
	return STATUS_OK;
}

/* Tags are closed in the order they were opened, and are ours. */
static void check_html(struct str html)
{
	static const struct str tags[] = { { "<b>", 3 }, { "<pre>", 5 }, { "<code>", 6 } };
	static const struct str ends[] = { { "</b>", 4 }, { "</pre>", 6 }, { "</code>", 7 } };
	size_t open[4], depth = 0;
	for (size_t i = 0; i < html.len;) {
		struct str rest = str_skip(html, i);
		size_t n = str_utf8_len(rest), tag = 0;
		CHECK(n && ((unsigned char)rest.ptr[0] >= 0x20 || rest.ptr[0] == '\n'));
		i += n;
		if (rest.ptr[0] != '<')
			continue;
		while (tag < 3 && !str_starts(rest, tags[tag]) && !str_starts(rest, ends[tag]))
			tag++;
		CHECK(tag < 3);
		if (str_starts(rest, tags[tag])) {
			CHECK(depth < 4);
			open[depth++] = tag;
		} else {
			CHECK(depth && open[--depth] == tag);
		}
	}
	CHECK(depth == 0);
}

static enum status on_send(void *ctx, const struct bot_out *out)
{
	(void)ctx;
	CHECK(out->chat_id == 7 || out->chat_id == 8);
	CHECK(out->row_count <= BOT_ROWS_MAX);
	if (out->kind != BOT_OUT_NOTICE && out->kind != BOT_OUT_TYPING)
		check_html(out->text);
	for (size_t i = 0; i < out->row_count; i++) {
		CHECK(out->rows[i].count && out->rows[i].count <= BOT_BUTTONS_MAX);
		for (size_t b = 0; b < out->rows[i].count; b++)
			CHECK(out->rows[i].buttons[b].data.len <= BOT_DATA_MAX &&
			      out->rows[i].buttons[b].text.len);
	}
	return STATUS_OK;
}

static enum status on_ask(void *ctx, const struct ask_request *request, struct buf *out,
			  enum ask_outcome *outcome)
{
	struct ask_request asked = *request;
	(void)ctx;
	asked.now_ms = 0;
	return ask_answer(&world, &asked, out, outcome);
}

static enum status on_picture(void *ctx, struct str question, bool light, uint64_t tag)
{
	(void)ctx;
	(void)light;
	awaited_tag = tag;
	return question.len % 2 ? STATUS_OK : STATUS_NOT_FOUND;
}

static bool on_price(void *ctx, struct str symbol, struct number *price)
{
	(void)ctx;
	*price = (struct number){ INT64_MAX >> symbol.len % 64, (uint8_t)(symbol.len % 19) };
	return symbol.len % 2;
}

static void say(struct bot *bot, struct str line, struct bot_time time)
{
	bool button = line.len && (line.ptr[0] == 1 || line.ptr[0] == 2);
	const struct bot_update update = {
		.kind = button ? BOT_UPDATE_BUTTON : BOT_UPDATE_MESSAGE,
		.chat_id = line.len % 3 ? 7 : 8,
		.user_id = line.len % 3 ? 7 : 8,
		.message_id = 5,
		.date_s = time.wall_ms / 1000,
		.has_photo = button && line.ptr[0] == 2,
		.text = str_skip(line, button),
		.name = STR("Ada"),
		.button_id = STR("1"),
	};
	bot_take(bot, &update, time);
	bot_take_picture(bot, awaited_tag, line.len % 5 ? STATUS_OK : STATUS_NO_MEMORY, STR("png"),
			 time);
	bot_sent(bot, awaited_tag, line.len % 7 ? STATUS_OK : STATUS_INVALID, 5, time);
	bot_step(bot, time);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct halts halts;
	const int64_t end_ms = WORLD_START_MS + 20 * MINUTE_MS;
	const struct people_hooks people_hooks = { on_random, on_digest, NULL, NULL };
	const struct bot_hooks hooks = {
		.send = on_send, .ask = on_ask, .picture = on_picture, .price = on_price
	};
	const struct rules_config config = rules_config_default();
	if (!world.markets)
		world = (struct ask_world){ .markets = world_create(false, end_ms),
					    .options = ask_options_default(),
					    .halts = &halts };
	struct people *people = people_create(&people_hooks);
	struct bot *bot = bot_create(people, &hooks, STR("BTC"));
	struct bot_time time = { 1, end_ms };
	struct str rest = str_make((const char *)data, size), line;
	CHECK(bot);
	world.rules = rules_create(world.markets, &config, &(struct rules_hooks){ 0 });
	people_apply_settings(people, STR("7"), STR("8"), end_ms);
	while (size && str_split(&rest, '\n', &line)) {
		time.now_ns += line.len % 3 ? 1000000000 : 60000000000;
		say(bot, line, time);
	}
	bot_destroy(bot);
	people_destroy(people);
	rules_destroy(world.rules);
	return 0;
}
