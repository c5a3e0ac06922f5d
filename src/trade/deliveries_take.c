/* Entries in: read, routed to their terminals, admitted or ended at once. */
#include "base/check.h"
#include "base/decimal.h"
#include "trade/deliveries_impl.h"

static const int64_t volume_most = INT64_C(100000000000000); /* a million lots and more */

/* What is known of an entry before it has a place. */
struct intake {
	const struct delivery_entry *entry;
	uint64_t sid;
	struct signal signal;
	struct target target;
	const char *fault; /* what is wrong with it; NULL nothing */
	size_t count;      /* of deliveries->members */
	bool alone;        /* `to` is a terminal's name */
};

/* ---- reading ---- */

/* Where the id of its entry gives no sid: a number that no entry's id gives. */
static uint64_t sid_of(const struct delivery_entry *entry)
{
	if (entry->sid)
		return entry->sid;
	const struct str bytes = str_make((const char *)&entry->id, sizeof entry->id);
	return UINT64_C(1) << 62 | str_hash(bytes) >> 2;
}

static int64_t expiry_of(const struct intake *intake)
{
	int64_t least = (int64_t)intake->entry->id.ms;
	int64_t usual = least > INT64_MAX - DELIVERY_TTL_MS ? INT64_MAX : least + DELIVERY_TTL_MS;
	return signal_i64(&intake->signal, SIGNAL_exp, usual);
}

static size_t members_of(struct deliveries *deliveries, const struct target *target)
{
	const struct delivery_hooks *hooks = &deliveries->hooks;
	size_t count =
	    hooks->members(hooks->ctx, target, deliveries->members, deliveries->config.slots);
	return count < deliveries->config.slots ? count : deliveries->config.slots;
}

/* What is wrong with it as a whole, whoever it is for. */
static const char *fault_of(const struct deliveries *deliveries, const struct intake *intake,
			    const char *fault)
{
	const struct delivery_entry *entry = intake->entry;
	if (!entry->sid)
		return "id";
	if (entry->fault)
		return entry->fault;
	if (entry->count > DELIVERY_FIELDS_MAX)
		return "fields";
	if (fault)
		return fault;
	if (!entry->again && expiry_of(intake) > deliveries->now_ms + DELIVERY_AHEAD_MS)
		return signal_field_name(SIGNAL_exp);
	return entry->again ? NULL : deliveries->refuse_why;
}

static void read_entry(struct deliveries *deliveries, struct intake *intake)
{
	const struct delivery_entry *entry = intake->entry;
	bool many = entry->count > DELIVERY_FIELDS_MAX;
	const char *fault = signal_read(&intake->signal, entry->keys, entry->values,
					many ? DELIVERY_FIELDS_MAX : entry->count);
	bool named =
	    target_read(&intake->target, signal_text(&intake->signal, SIGNAL_to)) == STATUS_OK;
	if (!named && !fault)
		fault = signal_field_name(SIGNAL_to);
	intake->alone = intake->target.kind == TARGET_INSTANCE;
	intake->target.no_drain = signal_i64(&intake->signal, SIGNAL_drain, 0) == 1;
	if (named)
		intake->count = members_of(deliveries, &intake->target);
	intake->fault = fault_of(deliveries, intake, fault);
}

/* More members than there can ever be room for are as good as none. */
static bool has_members(const struct intake *intake)
{
	return intake->count > 0 && intake->count <= DELIVERIES_MAX;
}

/* ---- places ---- */

static int64_t volume_of(const struct signal *signal)
{
	struct decimal volume;
	int64_t e8;
	if (decimal_parse(signal_text(signal, SIGNAL_vol), &volume))
		return 0;
	enum status status = decimal_rescale(volume, 8, &e8);
	if (status == STATUS_INVALID) /* finer than any broker deals in: rounded up */
		e8 = volume.mantissa / decimal_pow10(volume.scale - 8) + 1;
	else if (status)
		e8 = volume_most;
	return e8 < volume_most ? e8 : volume_most;
}

static struct posting *begin_posting(struct deliveries *deliveries, const struct intake *intake)
{
	struct posting *posting = posting_alloc(deliveries, intake->sid);
	posting->entry = intake->entry->id;
	posting->signal = intake->signal;
	posting->expires_ms = expiry_of(intake);
	posting->opens = signal_opens(&posting->signal);
	posting->volume = posting->opens ? volume_of(&posting->signal) : 0;
	posting->fault = intake->fault;
	posting->again = intake->entry->again;
	posting->routed = true;
	return posting;
}

static void about(struct deliveries *deliveries, uint32_t slot, struct delivery_terminal *terminal)
{
	*terminal = (struct delivery_terminal){ 0 };
	if (slot != UINT32_MAX)
		deliveries->hooks.about(deliveries->hooks.ctx, slot, terminal);
}

/* The name outlives the terminal's stay in its slot. */
static struct delivery *begin_delivery(struct posting *posting, uint32_t slot, struct str name)
{
	struct delivery *delivery = delivery_alloc(posting, slot);
	if (str_copy(name, delivery->instance, sizeof delivery->instance) != STATUS_OK)
		delivery->instance[0] = 0;
	posting->owner->counts.taken++;
	delivery_count(delivery, 1);
	delivery_step(delivery, DELIVERY_STEP_TAKEN);
	return delivery;
}

static bool has_ended(const struct deliveries *deliveries, uint64_t sid, struct str instance)
{
	const struct delivery_hooks *hooks = &deliveries->hooks;
	return hooks->has_ended && hooks->has_ended(hooks->ctx, sid, instance);
}

/* ---- new ones ---- */

/* Why it ends at once; NULL: it does not. */
static const char *refusal(struct delivery *delivery, const struct delivery_terminal *terminal,
			   const char **st)
{
	const struct delivery_slot *slot = delivery_slot(delivery);
	*st = "refused";
	if (!delivery_map_symbol(delivery, terminal))
		return signal_field_name(SIGNAL_sym);
	if (delivery_time_is_over(delivery)) {
		*st = "exp";
		return "undelivered";
	}
	const char *why = delivery_barred(delivery, LIMITS_TAKING);
	if (why)
		return why;
	*st = "fail";
	return slot->waiting - 1 > slot->refuse_above ? "queue" : NULL;
}

static void admit(struct delivery *delivery, const struct delivery_terminal *terminal)
{
	const char *st, *why = refusal(delivery, terminal, &st);
	if (why) {
		delivery_end(delivery, st, why);
		return;
	}
	delivery_arm(delivery);
	delivery_tell_queue(delivery);
}

static void begin_member(struct posting *posting, uint32_t slot, bool again)
{
	struct delivery_terminal terminal;
	about(posting->owner, slot, &terminal);
	bool ended = again && has_ended(posting->owner, posting->sid, terminal.id);
	struct delivery *delivery = begin_delivery(posting, slot, terminal.id);
	if (ended)
		delivery_ended_before(delivery);
	else
		admit(delivery, &terminal);
}

/* ---- those of an earlier run ---- */

static void take_over(struct delivery *delivery, const struct delivery_member *member)
{
	bool sent = member->sent > 0 || str_eq(member->stood, STR("sent")) ||
		    str_eq(member->stood, STR("received"));
	delivery->sent = member->sent ? member->sent : sent;
	delivery->sent_ms = member->sent_ms;
	delivery->confirmed_ms = member->confirmed_ms;
}

/* A terminal may have it. Without one nobody will ever tell; nor can one be asked about
 * what is not a signal. */
static void begin_again(struct delivery *delivery, const struct delivery_terminal *terminal)
{
	const char *fault = delivery->posting->fault;
	if (delivery->slot == UINT32_MAX || fault) {
		delivery_end(delivery, delivery->sent ? "unk" : "fail", fault ? fault : "removed");
		return;
	}
	delivery->unmapped = !delivery_map_symbol(delivery, terminal);
	if (delivery->sent) {
		delivery_doubt(delivery, "restart");
		delivery->resend = true;
		delivery_enter(delivery, DELIVERY_SENT);
	} else { /* its sending may just not have been noted */
		delivery->doubt = true;
		delivery->doubt_until_ms = delivery->owner->now_ms + DELIVERY_AGAIN_MS;
		delivery_arm(delivery);
		delivery_tell_queue(delivery);
	}
}

static void begin_known_member(struct posting *posting, const struct delivery_member *member)
{
	struct deliveries *deliveries = posting->owner;
	const struct target target = { .kind = TARGET_INSTANCE, .name = member->instance };
	struct delivery_terminal terminal;
	uint32_t slot = members_of(deliveries, &target) ? deliveries->members[0] : UINT32_MAX;
	if (slot != UINT32_MAX && delivery_find(deliveries, posting->sid, slot))
		return; /* told twice */
	bool ended = has_ended(deliveries, posting->sid, member->instance);
	about(deliveries, slot, &terminal);
	struct delivery *delivery = begin_delivery(posting, slot, member->instance);
	take_over(delivery, member);
	if (ended)
		delivery_ended_before(delivery);
	else
		begin_again(delivery, &terminal);
}

/* ---- an entry ---- */

/* It ends as a whole: one delivery, its terminal's where it has one. before: in an earlier
 * run, without any. */
static void end_whole(struct deliveries *deliveries, const struct intake *intake, bool before)
{
	struct posting *posting = begin_posting(deliveries, intake);
	struct delivery_terminal terminal;
	const char *why = intake->fault ? intake->fault : signal_field_name(SIGNAL_to);
	bool named = intake->alone && intake->count == 1 && !before;
	uint32_t slot = named ? deliveries->members[0] : UINT32_MAX;
	about(deliveries, slot, &terminal);
	before =
	    before || (intake->entry->again && has_ended(deliveries, intake->sid, terminal.id));
	struct delivery *delivery = begin_delivery(posting, slot, terminal.id);
	if (before)
		delivery_ended_before(delivery);
	else
		delivery_end(delivery, "refused", why);
}

/* Those that have ended already too: after a restart it must be known that they were meant. */
static void ask_route(struct posting *posting)
{
	struct deliveries *deliveries = posting->owner;
	const struct delivery_hooks *hooks = &deliveries->hooks;
	size_t count = 0;
	bool any_left = false;
	for (struct delivery *delivery = posting->first; delivery; delivery = delivery->after) {
		deliveries->instances[count++] = str_of(delivery->instance);
		any_left = any_left || !delivery_is_over(delivery);
	}
	if (any_left &&
	    hooks->route(hooks->ctx, posting->sid, posting->entry, deliveries->instances, count))
		timers_arm(deliveries->timers, &posting->timer,
			   (deliveries->now_ms + DELIVERY_RETRY_MS) * 1000000);
}

void posting_timer(void *ctx)
{
	struct posting *posting = ctx;
	if (!posting->routed)
		ask_route(posting);
}

static void pump_members(struct posting *posting)
{
	struct delivery *delivery = posting->first, *after;
	for (; delivery; delivery = after) {
		after = delivery->after;
		deliveries_pump(posting->owner, delivery->slot);
	}
}

void deliveries_routed(struct deliveries *deliveries, uint64_t sid, enum status status)
{
	struct posting *posting = posting_find(deliveries, sid);
	if (!posting || posting->routed)
		return;
	if (status) {
		timers_arm(deliveries->timers, &posting->timer,
			   (deliveries->now_ms + DELIVERY_RETRY_MS) * 1000000);
		return;
	}
	timers_cancel(deliveries->timers, &posting->timer);
	posting->routed = true;
	pump_members(posting);
}

/* Members may be over at once: the entry is not before all of them are there. */
static void fill_begin(struct posting *posting) { posting->filling = true; }

static bool fill_end(struct posting *posting)
{
	const struct delivery_hooks *hooks = &posting->owner->hooks;
	uint64_t sid = posting->sid;
	struct delivery_entry_id entry = posting->entry;
	posting->filling = false;
	if (posting->first)
		return true;
	posting_free(posting);
	hooks->done(hooks->ctx, sid, entry);
	return false;
}

static void begin_new(struct deliveries *deliveries, const struct intake *intake)
{
	struct posting *posting = begin_posting(deliveries, intake);
	posting->routed = intake->alone || !deliveries->hooks.route;
	fill_begin(posting);
	for (size_t i = 0; i < intake->count; i++)
		begin_member(posting, deliveries->members[i], intake->entry->again);
	if (!fill_end(posting))
		return;
	if (posting->routed)
		pump_members(posting);
	else
		ask_route(posting);
}

static void begin_known(struct deliveries *deliveries, const struct intake *intake,
			const struct delivery_member *members, size_t count)
{
	struct posting *posting = begin_posting(deliveries, intake);
	fill_begin(posting);
	for (size_t i = 0; i < count; i++)
		begin_known_member(posting, &members[i]);
	if (fill_end(posting))
		pump_members(posting);
}

/* One that was on its way already goes on, whoever has its id. */
static bool is_repeat(struct deliveries *deliveries, const struct intake *intake)
{
	struct str id = signal_text(&intake->signal, SIGNAL_id);
	bool was_going = intake->entry->again && intake->entry->member_count > 0;
	uint64_t first = intake->sid;
	if (!id.len || !intake->entry->sid)
		return false; /* it ends by that, and holds no id */
	if (signal_ids_add(deliveries->ids, id, intake->sid) ||
	    !signal_ids_find(deliveries->ids, id, &first))
		return false;
	return first != intake->sid && !was_going;
}

/* What it goes on with that was given out before; false: nothing, it begins anew. Of one to
 * a terminal by name the sending may just not have been noted. */
static bool goes_on(struct deliveries *deliveries, const struct intake *intake,
		    struct delivery_member *alone, const struct delivery_member **members,
		    size_t *count)
{
	const struct delivery_entry *entry = intake->entry;
	*alone = (struct delivery_member){ .instance = intake->target.name };
	*members = entry->member_count ? entry->members : alone;
	*count = entry->member_count ? entry->member_count : 1;
	if (!entry->again || *count > DELIVERIES_MAX)
		return false;
	if (entry->member_count)
		return true;
	return intake->alone && !intake->fault &&
	       (intake->count == 1 || has_ended(deliveries, intake->sid, intake->target.name));
}

static bool has_room(const struct deliveries *deliveries, size_t places)
{
	return deliveries->room >= places && deliveries->posting_room > 0;
}

static void let_go(struct deliveries *deliveries, const struct intake *intake)
{
	deliveries->counts.repeated++;
	deliveries->hooks.done(deliveries->hooks.ctx, intake->sid, intake->entry->id);
}

bool deliveries_take(struct deliveries *deliveries, const struct delivery_entry *entry)
{
	struct intake intake = { .entry = entry, .sid = sid_of(entry) };
	struct delivery_member alone;
	const struct delivery_member *members;
	size_t count;
	if (posting_find(deliveries, intake.sid))
		return true; /* told twice */
	read_entry(deliveries, &intake);
	bool before =
	    entry->again && !entry->member_count && has_ended(deliveries, intake.sid, STR(""));
	bool known = !before && goes_on(deliveries, &intake, &alone, &members, &count);
	bool whole = !known && (before || intake.fault || !has_members(&intake));
	if (!has_room(deliveries, known ? count : whole ? 1 : intake.count))
		return false;
	if (is_repeat(deliveries, &intake))
		let_go(deliveries, &intake);
	else if (known)
		begin_known(deliveries, &intake, members, count);
	else if (whole)
		end_whole(deliveries, &intake, before);
	else
		begin_new(deliveries, &intake);
	return true;
}

/* ---- ids, and all at once ---- */

void deliveries_remember(struct deliveries *deliveries, struct str id, uint64_t sid)
{
	signal_ids_add(deliveries->ids, id, sid);
}

bool deliveries_known(const struct deliveries *deliveries, struct str id, uint64_t *sid)
{
	return signal_ids_find(deliveries->ids, id, sid);
}

void deliveries_refuse_all(struct deliveries *deliveries, const char *why)
{
	deliveries->refuse_why = why;
}

void deliveries_refuse_opening(struct deliveries *deliveries, const char *why)
{
	deliveries->opening_why = why;
}
