#include "daemon/telegramming.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "daemon/telegramming_impl.h"
#include "os/secret.h"

static const int64_t second_ns = 1000000000;
static const int64_t step_ns = 100000000;

struct bot_time telegramming_now(const struct telegramming *telegramming)
{
	return (struct bot_time){ loop_now_ns(telegramming->loop),
				  loop_wall_ns(telegramming->loop) / 1000000 };
}

struct rules *telegramming_rules(struct telegramming *telegramming) { return telegramming->rules; }

struct people *telegramming_people(struct telegramming *telegramming)
{
	return telegramming->people;
}

struct bot *telegramming_bot(struct telegramming *telegramming) { return telegramming->bot; }

/* ---- what Telegram tells ---- */

static void on_update(void *ctx, const struct bot_update *update)
{
	struct telegramming *telegramming = ctx;
	bot_take(telegramming->bot, update, telegramming_now(telegramming));
}

static void on_stored(void *ctx, int64_t offset)
{
	struct telegramming *telegramming = ctx;
	if (telegramming->offset == offset)
		telegramming->offset = 0;
	if (telegramming->telegram)
		telegram_confirm(telegramming->telegram, offset);
}

static void on_offset(void *ctx, int64_t offset)
{
	struct telegramming *telegramming = ctx;
	if (!telegramming->offset)
		telegramming->offset_ns = loop_now_ns(telegramming->loop);
	telegramming->offset = offset;
	people_store_keep_offset(telegramming->store, offset, on_stored, telegramming);
}

static void on_end(void *ctx, uint64_t tag, enum status status, int64_t message_id)
{
	struct telegramming *telegramming = ctx;
	bot_sent(telegramming->bot, tag, status, message_id, telegramming_now(telegramming));
}

static void on_name(void *ctx, struct str name)
{
	struct telegramming *telegramming = ctx;
	log_line(LOG_INFO, "telegram", "the bot is @%.*s", STR_ARG(name));
	bot_set_name(telegramming->bot, name);
}

static void on_state(void *ctx, enum telegram_state state, const char *why)
{
	(void)ctx;
	log_line(state == TELEGRAM_OK ? LOG_INFO : LOG_WARN, "telegram", "%s%s%s",
		 telegram_state_text(state), why[0] ? ": " : "", why);
}

/* ---- opening ---- */

/* What he may use; readers have everybody's menu. */
void telegramming_menu(struct telegramming *telegramming, const struct person *person)
{
	if (!telegramming->telegram)
		return;
	enum role role = person->role > ROLE_READER ? person->role : ROLE_NONE;
	if (telegram_menu(telegramming->telegram, person->id, role))
		log_line(LOG_DEBUG, "telegram", "no menu for %lld", (long long)person->id);
}

static void set_menus(struct telegramming *telegramming)
{
	uint32_t slot = 0;
	const struct person *person;
	if (telegram_menu(telegramming->telegram, 0, ROLE_READER))
		log_line(LOG_DEBUG, "telegram", "no menu");
	while ((person = people_next(telegramming->people, &slot)))
		if (person->role > ROLE_READER)
			telegramming_menu(telegramming, person);
}

static void open_telegram(struct telegramming *telegramming, int64_t offset)
{
	uint64_t seed = 0;
	struct err err = { 0 };
	enum status status = secret_random(&seed, sizeof seed, &err);
	const struct telegram_config config = {
		.http = http_client(telegramming->http),
		.timers = loop_timers(telegramming->loop),
		.clock = loop_clock(telegramming->loop),
		.api_url = config_str(telegramming->config.config, CONFIG_telegram_api_url),
		.token = str_trim(buf_str(&telegramming->token)),
		.offset = offset,
		.seed = seed,
		.hooks = { telegramming, on_update, on_offset, on_end, on_name, on_state },
	};
	if (!status)
		status = telegram_open(&config, &telegramming->telegram, &err);
	secret_wipe(&telegramming->token);
	if (status)
		log_line(LOG_ERROR, "telegram", "not started: %s", err.text);
	else
		set_menus(telegramming);
}

void telegramming_open(struct telegramming *telegramming)
{
	int64_t offset = telegramming->offset;
	if (telegramming->restored || telegramming->draining)
		return;
	telegramming->offset = 0;
	telegramming->restored = true;
	if (telegramming->http)
		open_telegram(telegramming, offset);
	loop_timer_after(telegramming->loop, &telegramming->step_timer, step_ns);
}

/* ---- reading back ---- */

static void apply_people(struct telegramming *telegramming)
{
	const struct config *config = telegramming->config.config;
	people_apply_settings(telegramming->people, config_str(config, CONFIG_telegram_admins),
			      config_str(config, CONFIG_telegram_chats),
			      loop_wall_ns(telegramming->loop) / 1000000);
}

static void on_restored(void *ctx, enum status status, int64_t offset)
{
	struct telegramming *telegramming = ctx;
	if (telegramming->draining)
		return;
	if (status) {
		log_line(LOG_WARN, "telegram", "people and rules are not read back yet: %s",
			 status_text(status));
		loop_timer_after(telegramming->loop, &telegramming->restore_timer, 2 * second_ns);
		return;
	}
	telegramming->offset = offset;
	telegramming->applied = true;
	apply_people(telegramming);
	telegramming_read_preferences(telegramming);
}

static void on_restore_timer(void *ctx)
{
	struct telegramming *telegramming = ctx;
	people_store_restore(telegramming->store, on_restored, telegramming);
}

void telegramming_start(struct telegramming *telegramming) { on_restore_timer(telegramming); }

void telegramming_configure(struct telegramming *telegramming, const struct config *config)
{
	telegramming->config.config = config;
	if (!telegramming->applied)
		return;
	apply_people(telegramming);
	telegramming->next_slot = 0;
	telegramming_read_preferences(telegramming);
}

/* ---- time ---- */

/* A segment in trouble must not silence the bot. */
static void confirm_late(struct telegramming *telegramming, int64_t now_ns)
{
	if (!telegramming->offset || !telegramming->telegram ||
	    now_ns - telegramming->offset_ns < CONFIRM_PATIENCE_S * second_ns)
		return;
	telegramming->late_confirms++;
	telegram_confirm(telegramming->telegram, telegramming->offset);
	telegramming->offset = 0;
}

static void on_step(void *ctx)
{
	struct telegramming *telegramming = ctx;
	const struct bot_time now = telegramming_now(telegramming);
	bot_step(telegramming->bot, now);
	confirm_late(telegramming, now.now_ns);
	loop_timer_after(telegramming->loop, &telegramming->step_timer, step_ns);
}

void telegramming_alert(struct telegramming *telegramming, enum alert_notice notice,
			const struct alert_view *alert)
{
	if (!telegramming->draining)
		bot_alert(telegramming->bot, notice, alert, telegramming_now(telegramming));
}

/* ---- its life ---- */

static enum status open_http(struct telegramming *telegramming, struct err *err)
{
	const struct config *config = telegramming->config.config;
	const struct http_config http = {
		.ca_file = config_str(config, CONFIG_telegram_ca_file).ptr,
		.requests_max = TELEGRAM_REQUESTS,
	};
	if (!telegramming->token.len)
		return STATUS_OK;
	return http_open(telegramming->loop, &http, &telegramming->http, err);
}

static enum status build(struct telegramming *telegramming, struct err *err)
{
	struct segments *segments = daemon_segments(telegramming->config.daemon);
	struct redis_port *rss = segments_redis(segments, SEGMENT_RSS);
	const struct clock_port *clock = loop_clock(telegramming->loop);
	const struct people_hooks people = telegramming_people_hooks(telegramming);
	const struct rules_hooks rules = telegramming_rules_hooks(telegramming);
	const struct people_store_hooks store = telegramming_store_hooks(telegramming);
	const struct bot_hooks bot = telegramming_bot_hooks(telegramming);
	const struct rules_config rules_settings = rules_config_default();
	const struct ask_world *world = telegramming->config.world;
	telegramming->people = people_create(&people);
	telegramming->rules = rules_create(world->markets, &rules_settings, &rules);
	telegramming->store =
	    people_store_create(rss, loop_timers(telegramming->loop), clock, &store);
	telegramming->sessions = session_store_create(rss, clock, 0);
	if (telegramming->people)
		telegramming->bot =
		    bot_create(telegramming->people, &bot, world->options.symbol_default);
	if (!telegramming->bot || !telegramming->rules || !telegramming->store ||
	    !telegramming->sessions)
		return err_set(err, STATUS_NO_MEMORY, "no memory for people and their alerts");
	return open_http(telegramming, err);
}

static void on_drain_timer(void *ctx);

enum status telegramming_create(const struct telegramming_config *config, struct telegramming **out,
				struct err *err)
{
	struct telegramming *telegramming = calloc(1, sizeof *telegramming);
	if (!telegramming)
		return err_set(err, STATUS_NO_MEMORY, "no memory for people and their alerts");
	telegramming->config = *config;
	telegramming->token = *config->token;
	*config->token = (struct buf){ 0 };
	telegramming->loop = daemon_loop(config->daemon);
	telegramming->step_timer = (struct timer){ .fn = on_step, .ctx = telegramming };
	telegramming->restore_timer = (struct timer){ .fn = on_restore_timer, .ctx = telegramming };
	telegramming->drain_timer = (struct timer){ .fn = on_drain_timer, .ctx = telegramming };
	*out = telegramming; /* so that what was opened can be closed after an error too */
	return build(telegramming, err);
}

static void end_drain(struct telegramming *telegramming)
{
	void (*drained)(void *ctx) = telegramming->drained;
	telegramming->drained = NULL;
	timers_cancel(loop_timers(telegramming->loop), &telegramming->drain_timer);
	if (drained)
		drained(telegramming->drained_ctx);
}

static void on_drain_timer(void *ctx)
{
	log_line(LOG_WARN, "telegram", "not all that people changed was written");
	end_drain(ctx);
}

void telegramming_end_drain(struct telegramming *telegramming)
{
	if (telegramming->stored && !telegramming->keeping)
		end_drain(telegramming);
}

static void on_drained(void *ctx, enum status status)
{
	struct telegramming *telegramming = ctx;
	telegramming->stored = true;
	if (status)
		log_line(LOG_WARN, "telegram", "not all that people changed was written: %s",
			 status_text(status));
	telegramming_end_drain(telegramming);
}

static void stop(struct telegramming *telegramming)
{
	struct timers *timers = loop_timers(telegramming->loop);
	telegramming->draining = true;
	timers_cancel(timers, &telegramming->step_timer);
	timers_cancel(timers, &telegramming->restore_timer);
	telegram_close(telegramming->telegram);
	telegramming->telegram = NULL;
}

void telegramming_drain(struct telegramming *telegramming, void (*done)(void *ctx), void *ctx)
{
	stop(telegramming);
	telegramming->drained = done;
	telegramming->drained_ctx = ctx;
	loop_timer_after(telegramming->loop, &telegramming->drain_timer, second_ns);
	people_store_drain(telegramming->store, on_drained, telegramming);
}

void telegramming_close(struct telegramming *telegramming, void (*fn)(void *ctx), void *ctx)
{
	struct http *http = telegramming->http;
	stop(telegramming);
	timers_cancel(loop_timers(telegramming->loop), &telegramming->drain_timer);
	telegramming->drained = NULL;
	telegramming->http = NULL;
	if (http)
		http_close(http, fn, ctx);
	else
		fn(ctx);
}

void telegramming_destroy(struct telegramming *telegramming)
{
	if (!telegramming)
		return;
	CHECK(!telegramming->http);
	bot_destroy(telegramming->bot);
	rules_destroy(telegramming->rules);
	people_store_destroy(telegramming->store);
	session_store_destroy(telegramming->sessions);
	people_destroy(telegramming->people);
	secret_wipe(&telegramming->token);
	free(telegramming);
}

/* ---- for the control socket ---- */

enum status telegramming_pair(struct telegramming *telegramming, struct buf *out)
{
	char code[PEOPLE_CODE_BYTES + 1];
	struct str name = bot_name(telegramming->bot);
	enum status status =
	    people_make_code(telegramming->people, loop_now_ns(telegramming->loop), code);
	if (status)
		return status;
	if (!name.len) {
		buf_printf(out, "%s", code);
		return STATUS_UNAVAILABLE;
	}
	buf_printf(out, "https://t.me/%.*s?start=%s", STR_ARG(name), code);
	return STATUS_OK;
}

size_t telegramming_test(struct telegramming *telegramming)
{
	uint32_t slot = 0;
	size_t told = 0;
	const struct person *person;
	while (telegramming->telegram && (person = people_next(telegramming->people, &slot))) {
		if (person->role != ROLE_ADMIN)
			continue;
		bot_tell(telegramming->bot, person->id,
			 STR("This is weir's test message: it reaches you."),
			 telegramming_now(telegramming));
		told++;
	}
	return told;
}

void telegramming_daily(struct telegramming *telegramming, struct str text, bool silent)
{
	uint32_t slot = 0;
	const struct person *person;
	while (telegramming->telegram && (person = people_next(telegramming->people, &slot)))
		if (person->role == ROLE_ADMIN)
			bot_tell_softly(telegramming->bot, person->id, text, silent);
}

void telegramming_told(struct telegramming *telegramming, int64_t user_id)
{
	const struct person *person = people_find(telegramming->people, user_id);
	if (person && telegramming->telegram)
		bot_tell_role(telegramming->bot, person, telegramming_now(telegramming));
}

struct telegramming_facts telegramming_facts(struct telegramming *telegramming)
{
	struct telegramming_facts facts = {
		.on = telegramming->telegram != NULL,
		.restored = telegramming->restored,
		.stored = people_store_counts(telegramming->store),
		.late_confirms = telegramming->late_confirms,
	};
	if (facts.on) {
		facts.view = telegram_view(telegramming->telegram);
		facts.counts = *telegram_counts(telegramming->telegram);
	}
	return facts;
}
