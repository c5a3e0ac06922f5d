/* How a trade is taken: is it new, is there room, which minute, and what does it say
 * about the minutes around it. */
#include "market/market_impl.h"

enum {
	ID_JUMP_MAX = 20000,
	/* Between id and time: what is known of a minute may be no more than its start. */
	STRAY_SLACK_MS = MINUTE_MS + MARKET_LATE_MS,
	STRAYS_MAX = 3,
};

/* ---- what a trade does to what is known ---- */

/* How a new trade stands among the others. */
struct place {
	enum seen_verdict verdict;
	struct seen_range change; /* of seen.h */
	struct seen_range dropped;
	bool gave_up;
};

static void find_place(struct market *market, const struct incoming *in, struct place *place)
{
	place->verdict = SEEN_NEW;
	place->gave_up = false;
	if (market->ordered) {
		uint64_t given_up = market->seen.given_up;
		place->verdict = seen_ordered_take(&market->seen, in->id, in->t_ms, in->repair,
						   &place->change, &place->dropped);
		place->gave_up = market->seen.given_up != given_up;
	} else if (in->taped) {
		seen_ids_raise_floor(market->seen_ids, in->t_ms);
	} else if (!seen_ids_take(market->seen_ids, in->hash, in->t_ms)) {
		place->verdict = SEEN_DUPLICATE;
		market->resumed = false; /* told again: the stream joins the state */
	} else if (market->resumed) {
		market->resumed = false;
		market_mark_interrupted(market);
	}
}

/* The trade is older than all that the state began with. */
static void begin_earlier(struct market *market, int64_t minute, const struct place *place)
{
	int64_t old = market->first_minute;
	market->first_minute = minute;
	minutes_mark_partial(market, minute, minute);
	if (market->ordered && place->verdict == SEEN_BELOW)
		minutes_clear_first(market, old);
	else
		minutes_mark_lost(market, old, old);
}

/* Nothing was traded between the newest minute and a trade that comes after it. */
static bool is_next(const struct market *market, const struct incoming *in)
{
	if (market->interrupted)
		return false;
	return !market->ordered || minutes_last_id(market, market->newest_minute) == in->id - 1;
}

static void reach_minute(struct market *market, int64_t minute, const struct incoming *in,
			 const struct place *place)
{
	if (!market->first_minute) {
		market->newest_minute = minute - 1;
		minutes_advance(market, minute, false);
		market->first_minute = minute;
		minutes_mark_partial(market, minute, minute);
	} else if (minute > market->newest_minute) {
		minutes_advance(market, minute, is_next(market, in));
	} else if (minute < market->first_minute) {
		begin_earlier(market, minute, place);
	}
	if (market->interrupted) {
		minutes_mark_lost(market, minute, minute);
		/* a trade asked for says nothing of where the stream goes on */
		market->interrupted = in->repair && !market->ordered;
	}
}

static void settle_ranges(struct market *market, const struct place *place)
{
	const struct seen_range *change = &place->change;
	bool opened = place->verdict == SEEN_GAP ||
		      (place->verdict == SEEN_BELOW && change->first <= change->last);
	if (opened)
		minutes_mark_partial(market, minute_of(change->ms_first),
				     minute_of(change->ms_last));
	if (place->verdict == SEEN_CLOSED)
		minutes_close_range(market, change);
	if (place->gave_up)
		minutes_mark_lost(market, minute_of(place->dropped.ms_first),
				  minute_of(place->dropped.ms_last));
}

static void count_in_minute(struct market *market, const struct incoming *in, const struct fit *fit,
			    const struct place *place)
{
	int64_t minute = minute_of(in->t_ms);
	i128 notional = (i128)fit->price * fit->qty;
	if (minute != market->newest_minute || market->interrupted)
		reach_minute(market, minute, in, place);
	if (in->t_ms > market->newest_ms)
		market->newest_ms = in->t_ms;
	minutes_add(market, minute, market->ordered ? in->id : in->t_ms, in->side, fit, notional);
	if (in->repair && !market->ordered)
		minutes_mark_lost(market, minute, minute); /* the stream missed it: what else? */
	if (place->verdict != SEEN_NEW || minute < market->newest_minute)
		minutes_join(market, minute);
	if (notional > market->notice_limit || in->t_ms < market->newest_hour_ms) {
		struct large_trade large = { in->t_ms, fit->price, fit->qty, in->side };
		large_take(market, &large);
	}
}

static void count_new(struct market *market, const struct incoming *in, bool late)
{
	struct market_counts *counts = &market->counts;
	if (in->taped)
		return;
	counts->trades++;
	counts->late += late;
	if (!counts->first_ms || in->t_ms < counts->first_ms)
		counts->first_ms = in->t_ms;
	if (in->t_ms > counts->last_ms)
		counts->last_ms = in->t_ms;
}

static enum market_taken refuse(struct market *market)
{
	market->counts.refused++;
	return MARKET_REFUSED;
}

static enum market_taken duplicate(struct market *market, bool presumed)
{
	market->counts.duplicates++;
	market->counts.presumed += presumed;
	return MARKET_DUPLICATE;
}

/* ---- the kind of stream ---- */

static bool stream_counts(const struct market *market, const struct incoming *in)
{
	return in->taped || market->stream == in->stream || market->stream == STREAM_ANY ||
	       (!market->stream_fixed && in->t_ms > market->newest_ms);
}

/* The ids to come say nothing about the old ones. */
static void forget_ids(struct market *market)
{
	for (uint32_t i = 0; i < market->seen.n_ranges; i++)
		minutes_mark_lost(market, minute_of(market->seen.ranges[i].ms_first),
				  minute_of(market->seen.ranges[i].ms_last));
	market->seen =
	    (struct seen_ordered){ .gaps = market->seen.gaps, .given_up = market->seen.given_up };
	minutes_mark_lost(market, market->newest_minute, market->newest_minute);
	market->interrupted = true;
}

static void stream_take(struct market *market, const struct incoming *in)
{
	if (in->taped)
		return;
	if (market->stream != STREAM_ANY && market->stream != in->stream)
		forget_ids(market); /* another kind takes over after a restore */
	market->stream = in->stream;
	market->stream_fixed = true;
}

/* ---- taking ---- */

/* 0 new, 1 certainly, 2 presumably a duplicate. */
static int duplicate_kind(const struct market *market, const struct incoming *in)
{
	if (in->taped && !market->ordered)
		return 0;
	if (market->ordered) {
		bool other = market->stream != STREAM_ANY && market->stream != in->stream;
		return !other && !seen_ordered_is_new(&market->seen, in->id);
	}
	if (seen_ids_look(market->seen_ids, in->hash) == SEEN_DUPLICATE)
		return 1;
	return in->t_ms <= seen_ids_floor_ms(market->seen_ids) ? 2 : 0;
}

/* The trade at the scales it needs; false when there is no room for it. */
static bool has_room(const struct market *market, const struct incoming *in, bool late,
		     struct fit *fit)
{
	if (!scales_fit(market, in, fit))
		return false;
	if (!fit->raise)
		return late || minutes_fit(market, minute_of(in->t_ms), in->side, fit->qty);
	return scales_can_raise(market, fit->price_scale, fit->qty_scale, fit->qty);
}

/* Trades of broken frames: of no minute that is held, or with an id that says before and a
 * time that says after another one, or the other way round. */
static bool is_stray(const struct market *market, const struct incoming *in)
{
	if (in->taped || !market->newest_ms)
		return false;
	return minute_of(in->t_ms) < oldest_minute(market) ||
	       (market->ordered && market->stream == in->stream &&
		!seen_ordered_fits(&market->seen, in->id, in->t_ms, STRAY_SLACK_MS));
}

/* Several new ones in a row that fit each other: what they do not fit is wrong. */
static bool outvotes(struct market *market, const struct incoming *in)
{
	const struct incoming *before = &market->stray;
	bool new = market->ordered && !in->repair && in->t_ms > market->newest_ms - MARKET_LATE_MS;
	bool follows = market->n_strays && in->id > before->id &&
		       in->id - before->id <= ID_JUMP_MAX &&
		       in->t_ms >= before->t_ms - MARKET_LATE_MS;
	if (!new)
		return false;
	market->n_strays = follows ? market->n_strays + 1 : 1;
	market->stray = *in;
	return market->n_strays >= STRAYS_MAX;
}

/* Neither in the set nor newer than all that left it. */
static bool is_presumed(const struct market *market, const struct incoming *in)
{
	return !market->ordered && !in->taped && in->t_ms <= seen_ids_floor_ms(market->seen_ids);
}

static enum market_taken take_now(struct market *market, const struct incoming *in,
				  struct trade *out)
{
	bool late = market->newest_ms - in->t_ms > MARKET_LATE_MS &&
		    !(in->repair && minute_retained(market, minute_of(in->t_ms)));
	struct fit fit;
	struct place place; /* its ranges are written only where the verdict says so */
	bool room = has_room(market, in, late, &fit);
	if (!room || is_presumed(market, in)) {
		int known = duplicate_kind(market, in);
		return known ? duplicate(market, known == 2) : refuse(market);
	}
	if (is_stray(market, in)) {
		if (!outvotes(market, in))
			return refuse(market);
		forget_ids(market);
	}
	stream_take(market, in);
	find_place(market, in, &place);
	if (place.verdict == SEEN_DUPLICATE)
		return duplicate(market, false);
	market->n_strays = 0;
	if (fit.raise)
		scales_raise(market, fit.price_scale, fit.qty_scale);
	market->counts.gaps += place.verdict == SEEN_GAP && !in->taped;
	count_new(market, in, late);
	if (late)
		minutes_mark_lost(market, minute_of(in->t_ms), minute_of(in->t_ms));
	else
		count_in_minute(market, in, &fit, &place);
	if (place.verdict != SEEN_NEW)
		settle_ranges(market, &place);
	if (market->n_klines)
		klines_settle(market);
	out->t_ms = in->t_ms;
	out->id = market->ordered ? in->id : in->seq;
	out->price = fit.price;
	out->qty = fit.qty;
	out->side = in->side;
	return late ? MARKET_LATE : MARKET_NEW;
}

/* ---- trades far ahead ---- */

static bool is_near(const struct market *market, const struct incoming *in, int64_t t_ms,
		    int64_t id)
{
	return in->t_ms - t_ms <= MARKET_JUMP_MS &&
	       (!market->ordered || in->id - id <= ID_JUMP_MAX);
}

static bool is_far_ahead(const struct market *market, const struct incoming *in)
{
	if (!market->newest_ms || in->taped)
		return false;
	return !is_near(market, in, market->newest_ms,
			market->seen.any ? market->seen.last : in->id);
}

static bool bears_out(const struct market *market, const struct incoming *in)
{
	const struct incoming *ahead = &market->ahead;
	return ahead->t_ms - in->t_ms <= MARKET_LATE_MS &&
	       is_near(market, in, ahead->t_ms, ahead->id) &&
	       (!market->ordered || ahead->id - in->id <= ID_JUMP_MAX);
}

static bool same_trade(const struct market *market, const struct incoming *in)
{
	return market->ordered ? in->id == market->ahead.id : in->hash == market->ahead.hash;
}

/* Decides about the trade held back, now that another one is there. */
static void settle_ahead(struct market *market, const struct incoming *in)
{
	struct incoming ahead = market->ahead;
	bool both = bears_out(market, in);
	market->ahead = (struct incoming){ 0 };
	if (!both) {
		refuse(market);
		return;
	}
	enum market_taken taken = take_now(market, &ahead, &market->held_trade);
	market->held_ready = taken == MARKET_NEW;
}

static enum market_taken take_jump(struct market *market, const struct incoming *in,
				   struct trade *out)
{
	int known = duplicate_kind(market, in);
	if (known || (market->ahead.t_ms && same_trade(market, in)))
		return duplicate(market, known == 2);
	if (market->ahead.t_ms)
		settle_ahead(market, in);
	if (!is_far_ahead(market, in))
		return take_now(market, in, out);
	market->ahead = *in;
	return MARKET_HELD;
}

enum market_taken market_take_incoming(struct market *market, const struct incoming *in,
				       struct trade *out)
{
	bool sane = in->t_ms >= T_MS_MIN && in->t_ms <= T_MS_MAX && in->price.mantissa > 0 &&
		    in->qty.mantissa > 0 && in->side <= SIDE_SELL &&
		    (!market->ordered || (in->id >= 0 && in->id < ID_MAX));
	if (!sane)
		return refuse(market);
	if (!stream_counts(market, in)) {
		market->counts.skipped++;
		return MARKET_SKIPPED;
	}
	market->held_ready = false;
	if (market->ahead.t_ms || is_far_ahead(market, in))
		return take_jump(market, in, out);
	return take_now(market, in, out);
}
