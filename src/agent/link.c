#include "agent/link.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "os/secret.h"

enum { VERSION = 1, ROLE_AGENT = 1, NONCE_DIGITS = 32, ACK_OK = 0, BACKOFF_DOUBLINGS = 6 };
enum { CODE_VERB, CODE_FRAME }; /* as in def/mfp.def */
static const int64_t ms_ns = 1000000;
static const int64_t backoff_first_ns = 500000000, backoff_longest_ns = 30000000000;
static const int64_t dead_default_ns = 15000000000, dead_least_ns = 1000000000;

void link_init(struct link *link, const char *host, struct str secret, int64_t epoch_ms,
	       uint64_t seed)
{
	CHECK(epoch_ms > 0);
	*link = (struct link){ .host = host, .secret = secret, .epoch_ms = epoch_ms };
	rng_init(&link->rng, seed);
}

static enum link_event end(struct link *link, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static enum link_event end(struct link *link, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vsnprintf(link->why, sizeof link->why, format, list);
	va_end(list);
	return LINK_END;
}

/* ---- the connection ---- */

void link_opened(struct link *link, int64_t now_ns)
{
	CHECK(link->state == LINK_DOWN);
	link->state = LINK_WAITS_BANNER;
	link->heard_ns = now_ns;
	link->dead_ns = dead_default_ns;
	link->why[0] = 0;
	link->counts.connections++;
}

bool link_is_silent(struct link *link, int64_t now_ns)
{
	if (link->state == LINK_DOWN || now_ns - link->heard_ns < link->dead_ns)
		return false;
	link->counts.silences++;
	(void)end(link, "weir has been silent for %lld s",
		  (long long)((now_ns - link->heard_ns) / (1000 * ms_ns)));
	return true;
}

int64_t link_closed(struct link *link, int64_t now_ns)
{
	if (link->state == LINK_LIVE && now_ns - link->live_ns >= LINK_STEADY_NS)
		link->tries = 0;
	link->state = LINK_DOWN;
	uint32_t doublings = link->tries < BACKOFF_DOUBLINGS ? link->tries : BACKOFF_DOUBLINGS;
	int64_t longest_ns = backoff_first_ns << doublings;
	if (longest_ns > backoff_longest_ns)
		longest_ns = backoff_longest_ns;
	link->tries++;
	int64_t wait_ns = (int64_t)rng_below(&link->rng, (uint64_t)longest_ns + 1);
	if (wait_ns < link->retry_ns)
		wait_ns = link->retry_ns;
	link->retry_ns = 0;
	return now_ns + wait_ns;
}

/* ---- what is sent ---- */

static void put_error(struct buf *out, int code)
{
	struct mfp_writer writer;
	mfp_begin(&writer, out, MFP_VERB_error, 0);
	mfp_put_word(&writer, MFP_error_code, code);
	mfp_end(&writer);
}

/* HMAC-SHA256(secret, nonce|id|ep), its first half. */
static bool put_mac(struct link *link, struct str nonce, struct mfp_writer *writer)
{
	char message[NONCE_DIGITS + 1 + 64 + 1 + 24], hex[NONCE_DIGITS + 1];
	uint8_t mac[SECRET_MAC_BYTES];
	int len = snprintf(message, sizeof message, "%.*s|%s|%lld", STR_ARG(nonce), link->host,
			   (long long)link->epoch_ms);
	CHECK(len > 0 && (size_t)len < sizeof message);
	if (secret_mac(link->secret, str_make(message, (size_t)len), mac))
		return false;
	secret_print_hex(mac, NONCE_DIGITS / 2, hex);
	mfp_put_text(writer, MFP_hello_mac, str_of(hex));
	return true;
}

static enum link_event put_hello(struct link *link, struct buf *out)
{
	struct mfp_writer writer;
	size_t from = out->len;
	mfp_begin(&writer, out, MFP_VERB_hello, 0);
	mfp_put_i64(&writer, MFP_hello_v, VERSION);
	mfp_put_text(&writer, MFP_hello_id, str_of(link->host));
	mfp_put_i64(&writer, MFP_hello_ep, link->epoch_ms);
	mfp_put_word(&writer, MFP_hello_role, ROLE_AGENT);
	mfp_put_text(&writer, MFP_hello_host, str_of(link->host));
	mfp_put_i64(&writer, MFP_hello_dn, link->down);
	if (!put_mac(link, mfp_raw(&link->frame, MFP_banner_nonce), &writer)) {
		out->len = from;
		return end(link, "no memory for the hello");
	}
	mfp_end(&writer);
	link->state = LINK_WAITS_WELCOME;
	return LINK_NOTHING;
}

static void put_answer(struct buf *out, const struct link_answer *answer)
{
	struct mfp_writer writer;
	mfp_begin(&writer, out, MFP_VERB_ack, answer->seq);
	mfp_put_i64(&writer, MFP_ack_dn, answer->down);
	mfp_put_i64(&writer, MFP_ack_cid, answer->cid);
	if (answer->ok)
		mfp_put_word(&writer, MFP_ack_st, ACK_OK);
	else
		mfp_put_raw(&writer, MFP_ack_st, STR("bad"));
	mfp_end(&writer);
}

void link_answer(struct link *link, bool ok, struct buf *out)
{
	if (link->answer_count == LINK_ANSWERS_MAX) {
		link->counts.answers_lost++;
		memmove(link->answers, link->answers + 1,
			--link->answer_count * sizeof link->answers[0]);
	}
	struct link_answer *answer = &link->answers[link->answer_count++];
	*answer = (struct link_answer){ ++link->up, link->down, link->cid, ok };
	link->down_ok = ok;
	put_answer(out, answer);
}

/* ---- what comes ---- */

static void forget_answers(struct link *link, int64_t up)
{
	uint32_t done = 0;
	while (done < link->answer_count && (int64_t)link->answers[done].seq <= up)
		done++;
	link->answer_count -= done;
	memmove(link->answers, link->answers + done, link->answer_count * sizeof link->answers[0]);
}

static enum link_event on_banner(struct link *link, struct buf *out)
{
	const struct mfp_frame *frame = &link->frame;
	int64_t version = mfp_i64(frame, MFP_banner_v, 0);
	int64_t dead_ms = mfp_i64(frame, MFP_banner_dead, 0);
	if (version != VERSION)
		return end(link, "weir speaks version %lld of the protocol, not 1",
			   (long long)version);
	link->dead_ns = dead_ms > LINK_RETRY_NS_MAX / ms_ns ? LINK_RETRY_NS_MAX : dead_ms * ms_ns;
	if (link->dead_ns < dead_least_ns)
		link->dead_ns = dead_least_ns;
	return put_hello(link, out);
}

static enum link_event on_welcome(struct link *link, int64_t now_ns, struct buf *out)
{
	link->state = LINK_LIVE;
	link->live_ns = now_ns;
	link->counts.welcomes++;
	forget_answers(link, mfp_i64(&link->frame, MFP_welcome_up, 0));
	for (uint32_t i = 0; i < link->answer_count; i++)
		put_answer(out, &link->answers[i]);
	return LINK_WELCOME;
}

static enum link_event on_command(struct link *link, struct buf *out)
{
	const struct mfp_frame *frame = &link->frame;
	int64_t down = (int64_t)frame->seq, cid = mfp_i64(frame, MFP_command_cid, 0);
	if (down == link->down && cid == link->cid) {
		link->counts.repeated++;
		link_answer(link, link->down_ok, out);
		return LINK_NOTHING;
	}
	link->counts.commands++;
	link->down = down;
	link->cid = cid;
	return LINK_COMMAND;
}

static enum link_event on_probe(const struct link *link, struct buf *out)
{
	struct mfp_writer writer;
	mfp_begin(&writer, out, MFP_VERB_echo, 0);
	mfp_put_i64(&writer, MFP_echo_t, mfp_i64(&link->frame, MFP_probe_t, 0));
	mfp_end(&writer);
	return LINK_NOTHING;
}

/* That a verb was not understood is no reason to part; all others are. */
static enum link_event on_error(struct link *link)
{
	char text[MFP_TEXT_MAX + 3];
	const struct mfp_frame *frame = &link->frame;
	int64_t retry_ms = mfp_i64(frame, MFP_error_retry, 0);
	struct str code = mfp_raw(frame, MFP_error_code);
	struct str msg = mfp_text(frame, MFP_error_msg, text);
	link->counts.errors++;
	(void)end(link, "weir says %.*s%s%.*s", STR_ARG(code), msg.len ? ": " : "",
		  msg.len < 100 ? (int)msg.len : 100, msg.ptr);
	if (mfp_word(frame, MFP_error_code) == CODE_VERB)
		return LINK_NOTHING;
	link->retry_ns =
	    retry_ms > LINK_RETRY_NS_MAX / ms_ns ? LINK_RETRY_NS_MAX : retry_ms * ms_ns;
	return LINK_END;
}

static enum link_event refuse_verb(struct link *link, const char *what, struct buf *out)
{
	link->counts.bad_verbs++;
	put_error(out, CODE_VERB);
	(void)end(link, "weir sent a frame that is not for agents: %s", what);
	return LINK_NOTHING;
}

static enum link_event not_here(struct link *link, struct buf *out)
{
	link->counts.bad_frames++;
	put_error(out, CODE_FRAME);
	return end(link, "weir sent a frame of %s out of its turn",
		   mfp_verb_row(link->frame.verb)->name);
}

static enum link_event take_frame(struct link *link, int64_t now_ns, struct buf *out)
{
	switch (link->frame.verb) {
	case MFP_VERB_banner:
		return link->state == LINK_WAITS_BANNER ? on_banner(link, out)
							: not_here(link, out);
	case MFP_VERB_welcome:
		return link->state == LINK_WAITS_WELCOME ? on_welcome(link, now_ns, out)
							 : not_here(link, out);
	case MFP_VERB_command:
		return link->state == LINK_LIVE ? on_command(link, out) : not_here(link, out);
	case MFP_VERB_durable:
		forget_answers(link, mfp_i64(&link->frame, MFP_durable_up, 0));
		return LINK_NOTHING;
	case MFP_VERB_probe: return on_probe(link, out);
	case MFP_VERB_echo: return LINK_NOTHING;
	case MFP_VERB_error: return on_error(link);
	default: return refuse_verb(link, mfp_verb_row(link->frame.verb)->name, out);
	}
}

enum link_event link_take(struct link *link, struct str line, int64_t now_ns, struct buf *out)
{
	struct mfp_fault fault;
	CHECK(link->state != LINK_DOWN);
	link->heard_ns = now_ns;
	enum status status = mfp_read(line, MFP_WEIR, &link->frame, &fault);
	if (status == STATUS_OK)
		return take_frame(link, now_ns, out);
	if (status == STATUS_UNSUPPORTED)
		return refuse_verb(link, fault.what, out);
	put_error(out, CODE_FRAME);
	link->counts.bad_frames++;
	return end(link, "weir sent a line that is no frame: %s %s", fault.what, fault.key);
}
