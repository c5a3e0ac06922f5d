#include "desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "os/secret.h"

#define NONCE "6f1c2a9b3d4e5f60718293a4b5c6d7e8"
#define TOKEN "s3cr3t-mt5-017-0123456789"

struct desk desk;

void desk_reset(void)
{
	desk_forget();
	desk = (struct desk){ .rate = 10, .next_down = 88124 };
	mt_inputs("mt5-017", TOKEN);
}

void desk_forget(void)
{
	for (size_t i = 0; i < desk.count; i++)
		free(desk.lines[i]);
	desk.count = 0;
}

void desk_say(const char *format, ...)
{
	char line[MFP_LINE_MAX + 16];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof line - 1, format, args);
	va_end(args);
	assert_in_range(n, 1, sizeof line - 2);
	line[n++] = '\n';
	mt_say(line, (size_t)n);
	desk.last_said_ms = mt_now_ms();
}

/* ---- reading lines ---- */

const char *desk_field(const char *line, const char *key)
{
	static char values[8][MFP_LINE_MAX];
	static int turn;
	char *value = values[turn++ % 8];
	char find[16];
	snprintf(find, sizeof find, " %s=", key);
	const char *at = strstr(line, find);
	value[0] = '\0';
	if (at)
		sscanf(at + strlen(find), "%4095[^ ]", value);
	return value;
}

static bool matches(const char *line, const char *verb, const char *parts)
{
	char copy[1024], padded[MT_LINE_MAX + 2], find[256];
	if (line[0] != verb[0])
		return false;
	snprintf(copy, sizeof copy, "%s", parts);
	snprintf(padded, sizeof padded, "%s ", line);
	for (char *part = strtok(copy, " "); part; part = strtok(NULL, " ")) {
		snprintf(find, sizeof find, " %s ", part);
		if (!strstr(padded, find))
			return false;
	}
	return true;
}

int desk_heard(const char *verb, const char *parts)
{
	int count = 0;
	for (size_t i = 0; i < desk.count; i++)
		count += matches(desk.lines[i], verb, parts);
	return count;
}

const char *desk_last(const char *verb, const char *parts)
{
	for (size_t i = desk.count; i > 0; i--)
		if (matches(desk.lines[i - 1], verb, parts))
			return desk.lines[i - 1];
	return NULL;
}

/* ---- what weir answers ---- */

static void check_mac(const struct mfp_frame *hello)
{
	char message[256], hex[2 * SECRET_MAC_BYTES + 1];
	uint8_t mac[SECRET_MAC_BYTES];
	struct str id = mfp_raw(hello, MFP_hello_id), got = mfp_raw(hello, MFP_hello_mac);
	snprintf(message, sizeof message, "%s|%.*s|%lld", NONCE, STR_ARG(id),
		 (long long)mfp_i64(hello, MFP_hello_ep, 0));
	assert_int_equal(secret_mac(STR(TOKEN), str_of(message), mac), STATUS_OK);
	secret_print_hex(mac, 16, hex);
	assert_true(str_eq(got, str_of(hex)));
}

static void welcome(const struct mfp_frame *hello)
{
	int64_t epoch = mfp_i64(hello, MFP_hello_ep, 0);
	check_mac(hello);
	if (desk.refuse) {
		desk_say("%s", desk.refuse);
		return;
	}
	if (epoch != desk.epoch)
		desk.up = 0;
	desk.epoch = epoch;
	desk_say("W 0 ses=4711 up=%lld ld=%llu lsv=%lld snap=%d si=1000 ai=1000 rate=%lld t=%lld",
		 (long long)desk.up, (unsigned long long)desk.newest_deal,
		 (long long)desk.newest_ms, desk.snap, (long long)desk.rate,
		 (long long)mt_now_ms());
	desk.welcomed = true;
	desk.welcomes++;
	if (desk.on_welcome)
		desk.on_welcome(mfp_i64(hello, MFP_hello_dn, 0));
}

static void keep(const char *line)
{
	assert_in_range(desk.count, 0, DESK_LINES - 1);
	desk.lines[desk.count++] = strdup(line);
}

static struct desk_deal *recorded(uint64_t deal)
{
	for (size_t i = desk.deal_count; i > 0; i--)
		if (desk.deals[i - 1].deal == deal)
			return &desk.deals[i - 1];
	return NULL;
}

static void record(uint64_t deal, bool result)
{
	struct desk_deal *known = recorded(deal);
	if (!known) {
		assert_in_range(desk.deal_count, 0, DESK_DEALS - 1);
		known = &desk.deals[desk.deal_count++];
		*known = (struct desk_deal){ .deal = deal };
	}
	known->results += result;
	known->deals += !result;
}

void desk_check_deals(void)
{
	for (int i = 0; i < mt_deals(); i++) {
		const struct desk_deal *known = recorded(mt_deal(i));
		if (!known)
			fail_msg("seed %llu: deal %llu, %d of %d, is lost",
				 (unsigned long long)desk.seed, (unsigned long long)mt_deal(i), i,
				 mt_deals());
		if (known->deals > 1 || (known->deals > 0) == (known->results > 0))
			fail_msg("seed %llu: deal %llu came by %d R and %d D",
				 (unsigned long long)desk.seed, (unsigned long long)known->deal,
				 known->results, known->deals);
	}
}

/* What W says: the newest deal that is durable here, by R or by D. */
static void mark(const struct mfp_frame *frame)
{
	bool result = frame->verb == MFP_VERB_result;
	if (!result && frame->verb != MFP_VERB_deal)
		return;
	int64_t deal = mfp_i64(frame, result ? MFP_result_deal : MFP_deal_deal, 0);
	int64_t ms = mfp_i64(frame, result ? MFP_result_sv : MFP_deal_sv, 0);
	if (!deal)
		return;
	record((uint64_t)deal, result);
	if (ms < desk.newest_ms || (ms == desk.newest_ms && (uint64_t)deal < desk.newest_deal))
		return;
	desk.newest_deal = (uint64_t)deal;
	desk.newest_ms = ms;
}

/* Reliable frames come in order, again those that were not acknowledged. */
static void take_reliable(const struct mfp_frame *frame)
{
	assert_in_range(frame->seq, 1, desk.up + 1);
	if ((int64_t)frame->seq == desk.up + 1) {
		desk.up++;
		mark(frame);
		desk.no_ack = desk.durable_most > 0 && desk.up >= desk.durable_most;
	}
	desk_say("K 0 up=%lld", (long long)desk.up);
}

static void take(const char *line)
{
	struct mfp_frame frame;
	struct mfp_fault fault;
	enum status status = mfp_read(str_of(line), MFP_PEER, &frame, &fault);
	if (status)
		fail_msg("the codec refuses: %s: %s %s", line, fault.what, fault.key);
	assert_int_equal(frame.unknown_keys, 0);
	keep(line);
	if (frame.verb == MFP_VERB_hello)
		welcome(&frame);
	else if (mfp_verb_row(frame.verb)->reliable == MFP_RELIABLE_UP && !desk.no_ack)
		take_reliable(&frame);
}

static void connected(void)
{
	desk.seen_connections = mt_connections();
	desk.welcomed = false;
	if (!desk.mute)
		desk_say("B 0 v=1 srv=weir/0.1 nonce=" NONCE " hb=1000 dead=15000 max=4096");
}

void desk_step(void)
{
	char line[MT_LINE_MAX];
	mt_step();
	if (!mt_connected())
		return;
	if (mt_connections() != desk.seen_connections)
		connected();
	while (mt_hear(line))
		take(line);
	if (desk.welcomed && !desk.mute && mt_now_ms() - desk.last_said_ms >= 5000)
		desk_say("P 0 t=%lld", (long long)mt_now_ms());
}

void desk_run(int64_t ms)
{
	for (int64_t passed = 0; passed < ms; passed += MT_STEP_MS)
		desk_step();
}

const char *desk_wait(const char *verb, const char *parts, int64_t most_ms)
{
	for (int64_t passed = 0; passed <= most_ms; passed += MT_STEP_MS) {
		const char *line = desk_last(verb, parts);
		if (line)
			return line;
		desk_step();
	}
	for (size_t i = 0; i < desk.count; i++)
		if (desk.lines[i][0] != 'S')
			print_message("%s\n", desk.lines[i]);
	fail_msg("no %s with %s in %lld ms\n%s", verb, parts, (long long)most_ms, mt_log());
	return NULL;
}

int64_t desk_signal(int64_t sid, const char *fields)
{
	desk_say("G %lld sid=%lld %s", (long long)desk.next_down, (long long)sid, fields);
	return desk.next_down++;
}

int64_t desk_command(int64_t cid, const char *fields)
{
	desk_say("C %lld cid=%lld %s", (long long)desk.next_down, (long long)cid, fields);
	return desk.next_down++;
}
