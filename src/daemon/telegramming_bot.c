/* What the bot asks for: answers, pictures, prices, halts, and its messages' way out. */
#include "archive/feeds.h"
#include "base/log.h"
#include "daemon/archiving.h"
#include "daemon/control_impl.h"
#include "daemon/telegramming_impl.h"

static enum status on_send(void *ctx, const struct bot_out *out)
{
	struct telegramming *telegramming = ctx;
	return telegramming->telegram ? telegram_send(telegramming->telegram, out)
				      : STATUS_UNAVAILABLE;
}

static enum status on_ask(void *ctx, const struct ask_request *request, struct buf *out,
			  enum ask_outcome *outcome)
{
	struct telegramming *telegramming = ctx;
	return daemon_answer(telegramming->config.daemon, *request, out, outcome);
}

/* ---- pictures ---- */

static void on_drawn(void *ctx, enum status status, struct str png)
{
	struct drawn *drawn = ctx;
	struct telegramming *telegramming = drawn->telegramming;
	drawn->used = false;
	if (!telegramming->draining)
		bot_take_picture(telegramming->bot, drawn->tag, status, png,
				 telegramming_now(telegramming));
}

static enum status on_picture(void *ctx, struct str question, bool light, uint64_t tag)
{
	struct telegramming *telegramming = ctx;
	struct picturing *picturing = daemon_picturing(telegramming->config.daemon);
	size_t i = 0;
	while (i < BOT_PICTURES_MAX && telegramming->drawn[i].used)
		i++;
	if (!picturing)
		return STATUS_NOT_FOUND;
	if (i == BOT_PICTURES_MAX)
		return STATUS_FULL;
	telegramming->drawn[i] = (struct drawn){ telegramming, tag, true };
	enum status status =
	    picturing_ask(picturing, question, light ? PICTURE_LIGHT : PICTURE_DARK, on_drawn,
			  &telegramming->drawn[i]);
	telegramming->drawn[i].used = status == STATUS_OK;
	return status;
}

/* ---- the present price ---- */

/* Of the market that most dollars went through within the day. */
static bool on_price(void *ctx, struct str symbol, struct number *price)
{
	struct telegramming *telegramming = ctx;
	struct market *named[ASK_MARKETS_MAX];
	size_t count =
	    markets_named(telegramming->config.world->markets, symbol, named, ASK_MARKETS_MAX);
	double best = -1;
	for (size_t i = 0; i < count; i++) {
		struct window day;
		int32_t price_scale, qty_scale;
		market_window(named[i], 1440, &day);
		market_scales(named[i], &price_scale, &qty_scale);
		double quote = decimal_to_double(day.flow.buy_quote + day.flow.sell_quote,
						 price_scale + qty_scale);
		bool dollars = market_id_is_dollar(market_id(named[i]));
		if (!day.close || !dollars || quote <= best)
			continue;
		best = quote;
		*price = (struct number){ day.close, (uint8_t)price_scale };
	}
	return best >= 0;
}

/* ---- what is changed ---- */

static bool on_halt_knows(void *ctx, struct str scope, struct buf *nearest)
{
	struct telegramming *telegramming = ctx;
	return control_fleet_knows(telegramming->config.daemon, scope, nearest);
}

static enum status on_halt(void *ctx, struct str owner, struct str scope, bool off, bool flat,
			   struct buf *out)
{
	struct telegramming *telegramming = ctx;
	const struct control_halt halt = {
		.operator= owner, .scope = scope, .halts = !off, .flat = flat
	};
	return control_fleet_halt(telegramming->config.daemon, &halt, out) ? STATUS_REFUSED
									   : STATUS_OK;
}

static void on_audit(void *ctx, struct str owner, struct str action, struct str target,
		     struct str outcome)
{
	struct telegramming *telegramming = ctx;
	struct archiving *archiving = daemon_archiving(telegramming->config.daemon);
	log_line(LOG_INFO, "telegram", "%.*s: %.*s %.*s: %.*s", STR_ARG(owner), STR_ARG(action),
		 STR_ARG(target), STR_ARG(outcome));
	if (archiving)
		archiving_operator(archiving, owner, action, target, outcome);
}

struct bot_hooks telegramming_bot_hooks(struct telegramming *telegramming)
{
	return (struct bot_hooks){
		.send = on_send,
		.ask = on_ask,
		.picture = on_picture,
		.price = on_price,
		.halt_knows = on_halt_knows,
		.halt = on_halt,
		.keep = telegramming_keep,
		.seen = telegramming_seen,
		.audit = on_audit,
		.ctx = telegramming,
	};
}
