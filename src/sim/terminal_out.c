/* What waits to be sent: reliable frames in a ring until they are durable, ephemeral ones
 * in a queue that drops.
 *
 *        first             sent              next
 *   ───────┬─────────────────┬─────────────────┬──────
 *          │ sent, not safe  │ not sent yet    │ free
 */
#include <stdlib.h>

#include "sim/terminal_impl.h"

enum {
	ENTRIES_FIRST = 32,
	TEXT_FIRST = 4096,
	TEXT_MAX = TERMINAL_OUTBOX * TERMINAL_LINE_MAX,
};

void terminal_outbox_init(struct terminal *terminal)
{
	struct outbox *outbox = &terminal->outbox;
	outbox->first = outbox->sent = outbox->next = 1;
	outbox->text_at = 0;
}

void terminal_outbox_deinit(struct terminal *terminal)
{
	free(terminal->outbox.entries);
	free(terminal->outbox.text);
}

static struct out_entry *entry_at(const struct outbox *outbox, uint64_t seq)
{
	return &outbox->entries[seq & (outbox->room - 1)];
}

size_t terminal_outbox_free(const struct terminal *terminal)
{
	return TERMINAL_OUTBOX - (size_t)(terminal->outbox.next - terminal->outbox.first);
}

/* Those of a process that is gone are lost; their deals are in the history. */
size_t terminal_unacked(const struct terminal *terminal)
{
	return terminal->runs ? (size_t)(terminal->outbox.next - terminal->outbox.first) : 0;
}

/* ---- room ---- */

/* Memory that is out ends the process: a simulator that loses frames silently would be
 * taken for a weir that does. */
static void *must(void *memory)
{
	CHECK(memory);
	return memory;
}

static void grow_entries(struct outbox *outbox)
{
	size_t room = outbox->room ? outbox->room * 2 : ENTRIES_FIRST;
	struct out_entry *entries = must(calloc(room, sizeof *entries));
	for (uint64_t seq = outbox->first; seq < outbox->next; seq++)
		entries[seq & (room - 1)] = *entry_at(outbox, seq);
	free(outbox->entries);
	outbox->entries = entries;
	outbox->room = room;
}

/* The lines move together, oldest first. */
static void grow_text(struct outbox *outbox)
{
	size_t room = outbox->text_room ? outbox->text_room * 2 : TEXT_FIRST;
	CHECK(room <= 2 * TEXT_MAX);
	char *text = must(malloc(room));
	size_t at = 0;
	for (uint64_t seq = outbox->first; seq < outbox->next; seq++) {
		struct out_entry *entry = entry_at(outbox, seq);
		memcpy(text + at, outbox->text + entry->offset, entry->len);
		entry->offset = (uint32_t)at;
		at += entry->len;
	}
	free(outbox->text);
	outbox->text = text;
	outbox->text_room = room;
	outbox->text_at = at;
}

/* A gap of `len` bytes in one piece; the writing end never meets the oldest line, so that
 * full and empty look different. */
static bool find_text(struct outbox *outbox, size_t len, size_t *offset)
{
	bool empty = outbox->first == outbox->next;
	size_t oldest = empty ? 0 : entry_at(outbox, outbox->first)->offset;
	if (empty)
		outbox->text_at = 0;
	*offset = outbox->text_at;
	if (empty || outbox->text_at > oldest) {
		if (outbox->text_room - outbox->text_at >= len)
			return true;
		*offset = 0;
		return !empty && oldest > len;
	}
	return oldest - outbox->text_at > len;
}

/* ---- reliable frames ---- */

void terminal_begin(struct terminal *terminal, struct out_line *line, enum mfp_verb verb)
{
	line->buf = buf_over(line->storage, sizeof line->storage);
	mfp_begin(&line->writer, &line->buf, verb, terminal->outbox.next);
}

void terminal_push(struct terminal *terminal, struct out_line *line, const struct out_entry *note)
{
	struct outbox *outbox = &terminal->outbox;
	size_t offset = 0;
	mfp_end(&line->writer);
	CHECK(!line->buf.overflow && terminal_outbox_free(terminal) > 0);
	if (outbox->next - outbox->first == outbox->room)
		grow_entries(outbox);
	while (!find_text(outbox, line->buf.len, &offset))
		grow_text(outbox);
	memcpy(outbox->text + offset, line->buf.ptr, line->buf.len);
	struct out_entry *entry = entry_at(outbox, outbox->next++);
	*entry = *note;
	entry->offset = (uint32_t)offset;
	entry->len = (uint16_t)line->buf.len;
	entry->verb = (uint8_t)line->writer.verb;
	outbox->text_at = offset + line->buf.len;
}

static bool is_counted(const struct out_entry *entry)
{
	return entry->verb == MFP_VERB_result || entry->verb == MFP_VERB_deal;
}

static void tell_ack(struct terminal *terminal, const struct out_entry *entry, int64_t now_ns)
{
	static const char *const words[] = { "done", "part", "fail", "exp", "unk" };
	struct terminal_ack ack = {
		.now_ns = now_ns,
		.sent_ns = entry->sent_ns,
		.sid = entry->sid,
		.deal = entry->deal,
		.status = words[entry->word],
		.profit = entry->profit,
	};
	terminal->counts->results_acked++;
	if (terminal->events.on_ack)
		terminal->events.on_ack(terminal->events.ctx, &ack);
}

static void forget_entry(struct terminal *terminal, const struct out_entry *entry, int64_t now_ns)
{
	if (is_counted(entry))
		tell_ack(terminal, entry, now_ns);
	if (entry->deal_index)
		broker_deals_known(terminal->broker, entry->deal_index);
	if (!entry->final)
		return;
	struct record *record = terminal_find_record(terminal, entry->sid);
	if (record)
		record->safe = true;
}

void terminal_outbox_safe(struct terminal *terminal, uint64_t up, int64_t now_ns)
{
	struct outbox *outbox = &terminal->outbox;
	while (outbox->first <= up && outbox->first < outbox->next)
		forget_entry(terminal, entry_at(outbox, outbox->first++), now_ns);
	if (outbox->sent < outbox->first)
		outbox->sent = outbox->first;
}

void terminal_outbox_resume(struct terminal *terminal, uint64_t up, int64_t now_ns)
{
	struct outbox *outbox = &terminal->outbox;
	terminal_outbox_safe(terminal, up, now_ns);
	if (up >= outbox->next) /* of numbers that this epoch never gave: go on after them */
		outbox->first = outbox->next = up + 1;
	outbox->sent = outbox->first;
}

/* ---- ephemeral frames ---- */

void terminal_light_begin(struct terminal *terminal, struct mfp_writer *writer, enum mfp_verb verb)
{
	mfp_begin(writer, &terminal->light, verb, 0);
}

bool terminal_light_end(struct terminal *terminal, struct mfp_writer *writer)
{
	struct buf *light = &terminal->light;
	mfp_end(writer);
	bool fits = !light->overflow && light->len - terminal->light_at <= TERMINAL_LIGHT_BYTES;
	if (fits) {
		terminal->counts->frames_sent++;
		return true;
	}
	light->len = writer->from;
	light->overflow = false;
	terminal->counts->dropped++;
	terminal->dropped++;
	return false;
}

/* The queue begins anew where its storage ends. */
static void tidy_light(struct terminal *terminal)
{
	struct buf *light = &terminal->light;
	bool is_rest = terminal->light_at < light->len;
	if (!terminal->light_at || (is_rest && terminal->light_at < TERMINAL_LIGHT_BYTES / 2))
		return;
	light->len -= terminal->light_at;
	memmove(light->ptr, light->ptr + terminal->light_at, light->len);
	terminal->light_at = 0;
}

/* ---- sending ---- */

bool terminal_has_more(const struct terminal *terminal)
{
	bool reliable = terminal->link == LINK_UP && terminal->outbox.sent < terminal->outbox.next;
	return reliable || terminal->light_at < terminal->light.len || terminal->long_left;
}

static void compose_reliable(struct terminal *terminal, size_t most, int64_t now_ns)
{
	struct outbox *outbox = &terminal->outbox;
	while (outbox->sent < outbox->next) {
		struct out_entry *entry = entry_at(outbox, outbox->sent);
		if (terminal->out.len + entry->len > most)
			return;
		buf_put(&terminal->out, outbox->text + entry->offset, entry->len);
		outbox->sent++;
		terminal->counts->frames_sent++;
		if (is_counted(entry)) {
			terminal->counts->results_sent += entry->sent_ns == 0;
			terminal->counts->results_again += entry->sent_ns != 0;
		}
		entry->sent_ns = now_ns;
	}
}

static void compose_light(struct terminal *terminal, size_t most)
{
	struct buf *light = &terminal->light;
	while (terminal->light_at < light->len) {
		const char *line = light->ptr + terminal->light_at;
		size_t left = light->len - terminal->light_at;
		const char *end = memchr(line, '\n', left);
		size_t len = end ? (size_t)(end - line) + 1 : left;
		if (terminal->out.len && terminal->out.len + len > most)
			return;
		buf_put(&terminal->out, line, len);
		terminal->light_at += len;
	}
	tidy_light(terminal);
}

/* A line that is far too long: nothing else is said until it has ended. */
static void compose_long(struct terminal *terminal)
{
	static const char x[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	size_t n = TERMINAL_SEND_BYTES / (sizeof x - 1);
	while (n-- && terminal->long_left) {
		size_t len =
		    sizeof x - 1 < terminal->long_left ? sizeof x - 1 : terminal->long_left;
		buf_put(&terminal->out, x, len);
		terminal->long_left -= len;
	}
	if (!terminal->long_left)
		buf_char(&terminal->out, '\n');
}

void terminal_compose(struct terminal *terminal, int64_t now_ns)
{
	if (terminal->out_at < terminal->out.len || terminal->link < LINK_BANNER)
		return;
	buf_clear(&terminal->out);
	terminal->out_at = 0;
	if (terminal->long_left) {
		compose_long(terminal);
		return;
	}
	if (terminal->link == LINK_UP)
		compose_reliable(terminal, TERMINAL_SEND_BYTES / 2, now_ns);
	compose_light(terminal, TERMINAL_SEND_BYTES);
	if (terminal->link == LINK_UP)
		compose_reliable(terminal, TERMINAL_SEND_BYTES, now_ns);
	CHECK(!terminal->out.overflow);
}

struct str terminal_output(const struct terminal *terminal)
{
	struct str bytes = str_skip(buf_str(&terminal->out), terminal->out_at);
	if (terminal->settings->byte_writer && bytes.len)
		bytes.len = terminal->now_ns >= terminal->byte_ns ? 1 : 0;
	return bytes;
}

void terminal_sent(struct terminal *terminal, size_t bytes, int64_t now_ns)
{
	CHECK(terminal->out_at + bytes <= terminal->out.len);
	terminal->out_at += bytes;
	if (bytes)
		terminal->byte_ns = now_ns + terminal->settings->byte_writer;
}
