/* Requests on their way to the broker's server and back. */
#include <math.h>
#include <stdlib.h>

#include "sim/broker_impl.h"

enum {
	CODE_REQUOTE = 10004,
	CODE_REJECT = 10006,
	CODE_PLACED = 10008,
	CODE_TIMEOUT = 10012,
	CODE_NO_MONEY = 10019,
	CODE_FIRST = 10004,
	CODE_LAST = 10046,
};
static const int64_t timeout_ns = 3000000000; /* until the terminal gives up on an order */
static const int64_t latency_max_ns = 8000000000;

/* ---- the settings' codes ---- */

static enum status parse_code(struct str word, struct broker_code *code)
{
	size_t colon = str_find_char(word, ':');
	struct str share = str_skip(word, colon + 1);
	struct decimal number;
	int64_t which;
	bool percent = share.len && share.ptr[share.len - 1] == '%';
	share.len -= percent;
	if (str_to_i64(str_make(word.ptr, colon), &which) || decimal_parse(share, &number) ||
	    which < CODE_FIRST || which > CODE_LAST)
		return STATUS_FORMAT;
	code->code = (uint32_t)which;
	code->share = decimal_to_double(number.mantissa, number.scale) / (percent ? 100 : 1);
	return code->share >= 0 && code->share <= 1 ? STATUS_OK : STATUS_RANGE;
}

enum status broker_parse_codes(struct broker *broker, struct err *err)
{
	struct str rest = str_of(broker->settings->codes), word;
	while (str_split(&rest, ' ', &word)) {
		if (word.len == 0)
			continue;
		if (broker->code_count == BROKER_CODES_MAX)
			return err_set(err, STATUS_FULL, "codes: more than %d", BROKER_CODES_MAX);
		if (parse_code(word, &broker->codes[broker->code_count++]))
			return err_set(err, STATUS_FORMAT,
				       "codes: '%.*s' is not CODE:SHARE, as 10018:1%%",
				       STR_ARG(word));
	}
	return STATUS_OK;
}

/* ---- sending ---- */

static struct broker_slot *free_slot(struct broker *broker)
{
	if (!broker->slots)
		broker->slots = calloc(BROKER_REQUESTS_MAX, sizeof *broker->slots);
	if (!broker->slots)
		return NULL;
	for (size_t i = 0; i < BROKER_REQUESTS_MAX; i++)
		if (!broker->slots[i].id) {
			if (i >= broker->slots_used)
				broker->slots_used = i + 1;
			return &broker->slots[i];
		}
	return NULL;
}

static void refuse(struct broker_slot *slot, uint32_t code)
{
	slot->fate = FATE_REFUSE;
	slot->code = code;
}

/* Each kind of trouble takes its share of what the ones before it left; which one it is
 * hangs on a single number, so a kind that is added does not shift the others'. */
static void draw_fate(struct broker *broker, struct broker_slot *slot)
{
	const struct sim_settings *settings = broker->settings;
	double roll = rng_unit(&broker->rng);
	slot->executes = rng_unit(&broker->rng) < 0.5;
	slot->fate = FATE_EXECUTE;
	if ((roll -= settings->requote) < 0)
		refuse(slot, CODE_REQUOTE);
	else if ((roll -= settings->reject) < 0)
		refuse(slot, CODE_REJECT);
	else if ((roll -= settings->no_money) < 0)
		refuse(slot, CODE_NO_MONEY);
	else if ((roll -= settings->timeout) < 0)
		slot->fate = FATE_TIMEOUT;
	else if ((roll -= settings->silence) < 0)
		slot->fate = FATE_SILENCE;
	else if ((roll -= settings->placed) < 0)
		slot->fate = FATE_PLACED;
	else
		for (size_t i = 0; i < broker->code_count; i++)
			if ((roll -= broker->codes[i].share) < 0) {
				refuse(slot, broker->codes[i].code);
				return;
			}
	if (slot->fate == FATE_EXECUTE || slot->fate == FATE_PLACED)
		slot->executes = true;
}

static void draw_times(struct broker *broker, struct broker_slot *slot, int64_t now_ns)
{
	const struct sim_settings *settings = broker->settings;
	double factor = exp(rng_normal(&broker->rng) * settings->latency_spread);
	int64_t half_ns = broker_half_ping_ns(broker);
	double want_ns = (double)settings->latency * factor;
	int64_t latency_ns = want_ns < (double)latency_max_ns ? (int64_t)want_ns : latency_max_ns;
	if (latency_ns < 2 * half_ns)
		latency_ns = 2 * half_ns < latency_max_ns ? 2 * half_ns : latency_max_ns;
	slot->sent_ns = now_ns;
	slot->reach_ns = now_ns + (half_ns < latency_ns / 2 ? half_ns : latency_ns / 2);
	slot->execute_ns = now_ns + latency_ns - (slot->reach_ns - now_ns);
	slot->reply_ns = now_ns + latency_ns;
	if (slot->fate == FATE_TIMEOUT)
		slot->reply_ns = now_ns + timeout_ns;
	if (slot->fate == FATE_PLACED && slot->execute_ns + latency_ns < now_ns + latency_max_ns)
		slot->execute_ns += latency_ns;
}

uint64_t broker_send(struct broker *broker, const struct broker_request *request, int64_t now_ns)
{
	struct broker_slot *slot = broker->connected ? free_slot(broker) : NULL;
	CHECK(now_ns >= broker->now_ns);
	if (!slot)
		return 0;
	*slot = (struct broker_slot){ .id = ++broker->next_request, .request = *request };
	slot->reply.request = slot->id;
	draw_fate(broker, slot);
	draw_times(broker, slot, now_ns);
	broker->counts.requests++;
	return slot->id;
}

/* ---- under way ---- */

static int64_t slot_next_ns(const struct broker_slot *slot)
{
	return slot->id && !slot->executed ? slot->execute_ns : INT64_MAX;
}

int64_t broker_slots_next_ns(const struct broker *broker)
{
	int64_t next_ns = INT64_MAX;
	for (size_t i = 0; i < broker->slots_used; i++)
		if (slot_next_ns(&broker->slots[i]) < next_ns)
			next_ns = slot_next_ns(&broker->slots[i]);
	return next_ns;
}

static bool was_down(const struct broker *broker, int64_t at_ns)
{
	return broker->down_ns < broker->up_ns && at_ns >= broker->down_ns && at_ns < broker->up_ns;
}

static void free_if_over(struct broker *broker, struct broker_slot *slot)
{
	bool silent = slot->forgotten || slot->lost || slot->fate == FATE_SILENCE;
	if (slot->executed && (slot->replied || silent))
		slot->id = 0;
	while (broker->slots_used && !broker->slots[broker->slots_used - 1].id)
		broker->slots_used--;
}

static void execute(struct broker *broker, struct broker_slot *slot, int64_t at_ns)
{
	struct broker_cause cause = { .sent_ns = slot->sent_ns, .sid = slot->request.magic };
	slot->executed = true;
	slot->lost = was_down(broker, slot->reach_ns);
	if (!slot->lost && slot->executes && slot->fate != FATE_REFUSE)
		slot->code = broker_execute(broker, slot, at_ns);
	if (slot->reply.deals == 0)
		broker_tell(broker, &cause, NULL);
	free_if_over(broker, slot);
}

void broker_run_slots(struct broker *broker, int64_t at_ns)
{
	for (size_t i = 0; i < broker->slots_used; i++)
		if (slot_next_ns(&broker->slots[i]) == at_ns)
			execute(broker, &broker->slots[i], at_ns);
}

/* ---- replies ---- */

/* A timeout is the terminal's own word: it comes without the server. */
static bool will_reply(const struct broker_slot *slot)
{
	if (!slot->id || slot->replied || slot->forgotten || slot->fate == FATE_SILENCE)
		return false;
	return !slot->lost || slot->fate == FATE_TIMEOUT;
}

int64_t broker_replies_next_ns(const struct broker *broker)
{
	int64_t next_ns = INT64_MAX;
	for (size_t i = 0; i < broker->slots_used; i++)
		if (will_reply(&broker->slots[i]) && broker->slots[i].reply_ns < next_ns)
			next_ns = broker->slots[i].reply_ns;
	return next_ns;
}

/* What the server knew when it answered. */
static void fill_reply(const struct broker_slot *slot, struct broker_reply *reply)
{
	bool early = slot->fate == FATE_PLACED && !slot->executed;
	*reply = (struct broker_reply){ .request = slot->id, .at_ns = slot->reply_ns };
	if (slot->fate == FATE_TIMEOUT || early) {
		reply->code = early ? CODE_PLACED : CODE_TIMEOUT;
		return;
	}
	reply->code = slot->code;
	reply->order = slot->reply.order;
	reply->position = slot->reply.position;
	reply->deals = slot->reply.deals;
}

/* One that came while there was no link is gone; a timeout is the terminal's own. */
static bool take(struct broker *broker, struct broker_slot *slot, struct broker_reply *reply)
{
	bool arrives = slot->fate == FATE_TIMEOUT || !was_down(broker, slot->reply_ns);
	slot->replied = true;
	if (arrives)
		fill_reply(slot, reply);
	free_if_over(broker, slot);
	return arrives;
}

bool broker_take_reply(struct broker *broker, struct broker_reply *reply)
{
	int64_t at_ns;
	while ((at_ns = broker_replies_next_ns(broker)) <= broker->now_ns)
		for (size_t i = 0; i < broker->slots_used; i++) {
			struct broker_slot *slot = &broker->slots[i];
			if (!will_reply(slot) || slot->reply_ns != at_ns)
				continue;
			if (take(broker, slot, reply))
				return true;
			break;
		}
	return false;
}

void broker_forget_replies(struct broker *broker)
{
	for (size_t i = 0; i < broker->slots_used; i++)
		broker->slots[i].forgotten = true;
	for (size_t i = broker->slots_used; i-- > 0;)
		if (broker->slots[i].id)
			free_if_over(broker, &broker->slots[i]);
}
