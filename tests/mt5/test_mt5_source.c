/* What stands in the expert's source, held against weir's own tables: each frame that it
 * formats is one that the codec knows, with known keys of the right kind; it handles every
 * verb, command, act and field that weir sends; its return codes are retcodes.def's; its
 * constants are the protocol's; and it does none of the things that stop a terminal. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/mfp.h"
#include "def/retcodes.h"
#include "mt5/source.h"

void expert_mac(const char *token, const char *nonce, const char *id, int64_t epoch, char mac[40]);
uint64_t expert_hash(const char *text);

/* ---- frames ---- */

/* How a Frame…() call prints, by the type it stands for. */
static const struct kind {
	const char *name;
	unsigned types; /* of MFP_FIELD that it may fill */
	const char *sample;
} kinds[] = {
	{ "FrameCount", 1u << MFP_COUNT | 1u << MFP_INT | 1u << MFP_NUMBER, "17" },
	{ "FrameInt", 1u << MFP_INT | 1u << MFP_NUMBER, "-17" },
	{ "FrameNumber", 1u << MFP_NUMBER, "-0.25" },
	{ "FrameDigits", 1u << MFP_NUMBER, "1.08510" },
	{ "FrameWord", 1u << MFP_WORD, NULL },
	{ "FrameText", 1u << MFP_TEXT, "a%20b%3D%25c" },
	{ "FrameName", 1u << MFP_NAME, "mt5-017" },
	{ "FrameHash", 1u << MFP_HASH, "4b2312e8a4f7ba0d" },
	{ "FrameHex", 1u << MFP_HEX, "35cd832ccd3c88068e3314f439e1ecbd" },
};

static const struct mfp_verb_row *verb_of(char letter, enum mfp_verb *verb)
{
	for (*verb = 0; *verb < MFP_VERBS; (*verb)++)
		if (mfp_verb_row(*verb)->letter == letter)
			return mfp_verb_row(*verb);
	fail_msg("the expert sends %c, which nobody knows", letter);
	return NULL;
}

static const struct mfp_field_row *field_of(enum mfp_verb verb, const char *key)
{
	const struct mfp_verb_row *row = mfp_verb_row(verb);
	for (enum mfp_field f = row->first; f < row->end; f++)
		if (strcmp(mfp_field_row(f)->key, key) == 0)
			return mfp_field_row(f);
	fail_msg("%s has no %s", row->name, key);
	return NULL;
}

static bool is_choice(const struct mfp_field_row *field, const char *word)
{
	char padded[512], find[SOURCE_ARG + 8];
	snprintf(padded, sizeof padded, " %s ", field->choices);
	snprintf(find, sizeof find, " %s ", word);
	return strstr(padded, find) != NULL;
}

static void check_literals(const struct mfp_field_row *field, const char *from, const char *to)
{
	char word[SOURCE_ARG];
	while (source_literal(&from, to, word))
		if (!is_choice(field, word))
			fail_msg("'%s' is no choice of %s", word, field->key);
}

/* FrameWord's argument: a literal, a WordOf…() whose literals count, or a parameter. */
static void check_word(const char *all, const struct mfp_field_row *field, const char *argument)
{
	const char *from, *to;
	char name[SOURCE_ARG];
	check_literals(field, argument, argument + strlen(argument));
	if (sscanf(argument, "WordOf%200[A-Za-z]", name) != 1)
		return;
	char function[SOURCE_ARG + 8];
	snprintf(function, sizeof function, "WordOf%s", name);
	assert_true(source_function(all, function, &from, &to));
	check_literals(field, from, to);
}

struct frame {
	enum mfp_verb verb;
	const struct mfp_field_row *last;
	char line[MFP_LINE_MAX];  /* a sample of it, all fields there */
	char least[MFP_LINE_MAX]; /* only what no `if` can leave out */
};

static void add_field(const char *all, struct frame *frame, const struct kind *kind,
		      const char *call, bool always)
{
	char key[SOURCE_ARG], value[SOURCE_ARG], printed[SOURCE_ARG], field_text[512], first[64];
	const char *at = call, *literal;
	assert_true(source_call(&at, kind->name, 0, key));
	at = call;
	assert_true(source_call(&at, kind->name, 1, value));
	literal = key;
	assert_true(source_literal(&literal, key + strlen(key), printed)); /* a key is a literal */
	const struct mfp_field_row *field = field_of(frame->verb, printed);
	if (!(kind->types & 1u << field->type))
		fail_msg("%s: %s is not what the field is", kind->name, printed);
	if (frame->last && field <= frame->last)
		fail_msg("%s stands behind what the table has after it", printed);
	frame->last = field;
	sscanf(field->choices, "%63s", first);
	if (field->type == MFP_WORD)
		check_word(all, field, value);
	snprintf(field_text, sizeof field_text, " %s=%s", printed,
		 field->type == MFP_WORD ? first : kind->sample);
	strcat(frame->line, field_text);
	if (always)
		strcat(frame->least, field_text);
}

static const struct kind *kind_at(const char *at)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		size_t length = strlen(kinds[i].name);
		if (strncmp(at, kinds[i].name, length) == 0 && at[length] == '(')
			return &kinds[i];
	}
	return NULL;
}

static void accept_line(const char *line)
{
	struct mfp_frame frame;
	struct mfp_fault fault;
	if (mfp_read(str_of(line), MFP_PEER, &frame, &fault))
		fail_msg("refused: %s: %s %s", line, fault.what, fault.key);
	assert_int_equal(frame.unknown_keys, 0);
}

/* Reads one function's frame from its FrameBegin on. */
static void read_frame(const char *all, const char *begin, struct frame *frame)
{
	char verb[SOURCE_ARG];
	const char *at = begin;
	int depth = 0;
	frame->last = NULL;
	bool early = false; /* behind an `if(…) return;` nothing is certain */
	assert_true(source_call(&at, "FrameBegin", 0, verb));
	const struct mfp_verb_row *row = verb_of(verb[1], &frame->verb);
	assert_true(row->from != MFP_WEIR);
	sprintf(frame->line, "%c %d", row->letter, row->reliable == MFP_RELIABLE_UP);
	strcpy(frame->least, frame->line);
	bool under_if = false;
	for (; depth >= 0; at++) {
		depth += (*at == '{') - (*at == '}');
		if (strncmp(at, "if(", 3) == 0)
			under_if = true;
		early = early || strncmp(at, "return", 6) == 0;
		const struct kind *kind = isalnum((unsigned char)at[-1]) ? NULL : kind_at(at);
		if (kind)
			add_field(all, frame, kind, at, !early && !under_if && depth == 0);
		if (*at == ';')
			under_if = false;
	}
	accept_line(frame->line);
	accept_line(frame->least);
}

static void test_every_frame_it_formats_is_one_the_codec_accepts(void **state)
{
	const char *all = source_load(NULL);
	bool sent[MFP_VERBS] = { false };
	char verb[SOURCE_ARG];
	int count = 0;
	(void)state;
	for (const char *at = all; source_call(&at, "FrameBegin", 0, verb); count++) {
		struct frame frame;
		read_frame(all, at - strlen("FrameBegin"), &frame);
		sent[frame.verb] = true;
	}
	assert_true(count >= 15);
	for (enum mfp_verb v = 0; v < MFP_VERBS; v++) {
		bool agents = v == MFP_VERB_host || v == MFP_VERB_probe;
		if (mfp_verb_row(v)->from != MFP_WEIR && !agents && !sent[v])
			fail_msg("the expert never sends %s", mfp_verb_row(v)->name);
	}
}

static void test_frames_are_formatted_in_one_file_only(void **state)
{
	char verb[SOURCE_ARG];
	int everywhere = 0, there = 0;
	(void)state;
	for (const char *at = source_load(NULL); source_call(&at, "FrameBegin", 0, verb);)
		everywhere++;
	for (const char *at = source_load("frames.mqh"); source_call(&at, "FrameBegin", 0, verb);)
		there++;
	assert_int_equal(there, everywhere);
}

/* Words that reach a frame through a parameter: each literal given for it is a choice. */
static void test_words_given_at_the_calls_are_choices(void **state)
{
	static const struct {
		const char *function;
		int index;
		enum mfp_verb verb;
		const char *key;
	} given[] = {
		{ "SignalAck", 1, MFP_VERB_ack, "st" },
		{ "CommandAck", 1, MFP_VERB_ack, "st" },
		{ "FrameAckCommand", 2, MFP_VERB_ack, "st" },
		{ "SignalEnd", 1, MFP_VERB_result, "st" },
		{ "FrameResult", 1, MFP_VERB_result, "st" },
		{ "FrameResultDeal", 1, MFP_VERB_result, "st" },
		{ "FrameError", 0, MFP_VERB_error, "code" },
		{ "LinkRefuse", 0, MFP_VERB_error, "code" },
	};
	const char *all = source_load(NULL);
	char argument[SOURCE_ARG];
	(void)state;
	for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
		const struct mfp_field_row *field = field_of(given[i].verb, given[i].key);
		int literals = 0;
		for (const char *at = all;
		     source_call(&at, given[i].function, given[i].index, argument);) {
			check_literals(field, argument, argument + strlen(argument));
			literals += strchr(argument, '"') != NULL;
		}
		if (literals == 0)
			fail_msg("%s is never given a word", given[i].function);
	}
}

/* ---- what it takes ---- */

/* `before`WORD" must stand in it. */
static void need(const char *text, const char *before, const char *word)
{
	char find[256];
	snprintf(find, sizeof find, "%s%s\"", before, word);
	if (!strstr(text, find))
		fail_msg("the expert has no %s", find);
}

static void need_choices(const char *text, const char *before, enum mfp_verb verb, const char *key)
{
	char choices[512];
	snprintf(choices, sizeof choices, "%s", field_of(verb, key)->choices);
	for (char *word = strtok(choices, " "); word; word = strtok(NULL, " "))
		need(text, before, word);
}

static void test_every_verb_command_and_act_of_weirs_is_handled(void **state)
{
	const char *all = source_load(NULL);
	char letter[2] = "";
	(void)state;
	for (enum mfp_verb v = 0; v < MFP_VERBS; v++) {
		letter[0] = mfp_verb_row(v)->letter;
		if (mfp_verb_row(v)->from != MFP_PEER)
			need(all, "line.verb == \"", letter);
	}
	need_choices(all, "op == \"", MFP_VERB_command, "op");
	need_choices(all, "act == \"", MFP_VERB_signal, "act");
	need_choices(all, "\"", MFP_VERB_signal, "sd");
	need_choices(all, "kind == \"", MFP_VERB_signal, "ty");
}

static void test_every_field_of_a_signal_is_read(void **state)
{
	static const enum mfp_verb verbs[] = { MFP_VERB_signal, MFP_VERB_command,
					       MFP_VERB_welcome };
	/* for host agents, or for people */
	static const char not_its[] = " id clean t ";
	const char *all = source_load(NULL);
	(void)state;
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		const struct mfp_verb_row *row = mfp_verb_row(verbs[i]);
		for (enum mfp_field f = row->first; f < row->end; f++) {
			char find[32];
			const char *key = mfp_field_row(f)->key;
			snprintf(find, sizeof find, " %s ", key);
			if (!strstr(not_its, find))
				need(all, "(line, \"", key);
		}
	}
}

static void test_every_field_that_it_reads_is_one_weir_sends(void **state)
{
	static const struct {
		const char *function;
		enum mfp_verb verb;
	} readers[] = {
		{ "TakeBanner", MFP_VERB_banner },       { "TakeWelcome", MFP_VERB_welcome },
		{ "TakeError", MFP_VERB_error },         { "TakeDurable", MFP_VERB_durable },
		{ "SignalRead", MFP_VERB_signal },       { "SignalTake", MFP_VERB_signal },
		{ "CommandTake", MFP_VERB_command },     { "CommandDo", MFP_VERB_command },
		{ "CommandThrottle", MFP_VERB_command }, { "CommandRestart", MFP_VERB_command },
	};
	static const char *const calls[] = { "LineInt", "LineText", "LineNumber", "LineHas" };
	const char *all = source_load(NULL), *from, *to;
	char key[SOURCE_ARG], literal[SOURCE_ARG];
	(void)state;
	for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
		int count = 0;
		assert_true(source_function(all, readers[i].function, &from, &to));
		for (size_t c = 0; c < sizeof calls / sizeof calls[0]; c++)
			for (const char *at = from;
			     source_call(&at, calls[c], 1, key) && at < to;) {
				const char *part = key;
				assert_true(source_literal(&part, key + strlen(key), literal));
				field_of(readers[i].verb, literal);
				count++;
			}
		assert_true(count > 0);
	}
}

/* ---- tables and constants ---- */

static void test_its_return_codes_are_weirs(void **state)
{
	const char *from, *text = source_load("retcodes.mqh");
	char class[16];
	size_t count = 0;
	int code, wait;
	(void)state;
	from = strstr(text, "RETCODES[] =");
	assert_non_null(from);
	for (const char *row = from; (row = strstr(row, "{ 10")); row++, count++) {
		assert_int_equal(sscanf(row, "{ %d, RETCODE_%15[A-Z], %d }", &code, class, &wait),
				 3);
		assert_true(count < retcode_count());
		assert_int_equal(code, retcode_row(count)->code);
		assert_int_equal(wait, retcode_row(count)->wait_ms);
		assert_string_equal(class, retcode_class_text(retcode_row(count)->class));
	}
	assert_int_equal(count, retcode_count());
}

static void test_its_constants_are_the_protocols(void **state)
{
	static const struct {
		const char *name;
		unsigned long long value;
	} constants[] = {
		{ "WEIR_PROTOCOL", 1 },
		{ "WEIR_TIMER_MS", 50 },
		{ "WEIR_CONNECT_MS", 500 },
		{ "WEIR_SEND_MS", 200 },
		{ "WEIR_SILENCE_MS", 15000 },
		{ "WEIR_DIAL_FIRST_MS", 500 },
		{ "WEIR_DIAL_MAX_MS", 30000 },
		{ "WEIR_WATCHDOG_MS", 10000 },
		{ "WEIR_RECHECK_MS", 60000 },
		{ "WEIR_SEARCH_BACK_S", 86400 },
		{ "WEIR_OUTBOX", 1024 },
		{ "WEIR_READ_FRAMES", 16 },
		{ "WEIR_SEND_BYTES", 8192 },
		{ "WEIR_FAST_TRIES", 3 },
		{ "WEIR_TRANSACTIONS", 1024 },
		{ "WEIR_FRAME_MAX", MFP_LINE_MAX },
		{ "WEIR_VALUE_MAX", MFP_TEXT_MAX },
		{ "HMAC_BLOCK", 64 },
		{ "HMAC_IPAD", 0x36 },
		{ "HMAC_OPAD", 0x5c },
		{ "FNV_OFFSET", 0xcbf29ce484222325 },
		{ "FNV_PRIME", 1099511628211 },
	};
	const char *all = source_load(NULL);
	(void)state;
	for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
		const char *value = source_define(all, constants[i].name);
		if (strtoull(value, NULL, 0) != constants[i].value)
			fail_msg("%s is '%s'", constants[i].name, value);
	}
	assert_true(MFP_FIELDS_MAX <= atoi(source_define(all, "WEIR_FIELDS_MAX")));
}

static void test_its_proof_and_its_hash_are_the_protocols(void **state)
{
	char mac[40];
	(void)state;
	expert_mac("s3cr3t-mt5-017", "6f1c2a9b3d4e5f60718293a4b5c6d7e8", "mt5-017", 1784046185431,
		   mac);
	assert_string_equal(mac, "35cd832ccd3c88068e3314f439e1ecbd");
	/* A key that is longer than a block of SHA-256; computed with another implementation. */
	char key[132];
	memset(key, 'k', 131);
	key[131] = '\0';
	expert_mac(key, "n", "i", 1, mac);
	assert_string_equal(mac, "2b0961e20fac1552e67d97a5f5e00bd1");
	uint64_t one = expert_hash("237511830|0.48|0.00000|0.46672");
	assert_true(one == 0x2020682586963ede);
	assert_true((one ^ expert_hash("242365136|0.20|54484.16|52944.45") ^
		     expert_hash("227408982|1.00|1.08200|1.08900")) == 0x4b2312e8a4f7ba0d);
}

/* ---- what stops a terminal ---- */

static void test_it_does_nothing_that_stops_a_terminal(void **state)
{
	static const char *const never[] = { "Sleep(",     "#import",        "WebRequest(",
					     "OrderSend(", "MessageBox(",    "ExpertRemove(",
					     "iCustom(",   "iMA(",           "ObjectCreate(",
					     "Alert(",     "SocketTlsRead(", "FileCopy(" };
	const char *all = source_load(NULL), *from, *to;
	char argument[SOURCE_ARG];
	int reads = 0;
	(void)state;
	for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
		if (strstr(all, never[i]))
			fail_msg("the expert uses %s", never[i]);
	for (const char *at = all; source_call(&at, "SocketRead", 3, argument); reads++)
		assert_string_equal(argument, "WEIR_READ_MS");
	assert_int_equal(reads, 1);
	assert_true(atoi(source_define(all, "WEIR_READ_MS")) >= 1);
	for (const char *at = all; source_call(&at, "SocketTimeouts", 1, argument);)
		assert_string_equal(argument, "WEIR_SEND_MS");
	const char *timer = strstr(all, "EventSetMillisecondTimer(");
	assert_non_null(timer);
	assert_null(strstr(timer + 1, "EventSetMillisecondTimer("));
	/* OnTick notes the time and no more. */
	assert_true(source_function(all, "OnTick", &from, &to));
	assert_true(to - from < 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_frame_it_formats_is_one_the_codec_accepts),
		cmocka_unit_test(test_frames_are_formatted_in_one_file_only),
		cmocka_unit_test(test_words_given_at_the_calls_are_choices),
		cmocka_unit_test(test_every_verb_command_and_act_of_weirs_is_handled),
		cmocka_unit_test(test_every_field_of_a_signal_is_read),
		cmocka_unit_test(test_every_field_that_it_reads_is_one_weir_sends),
		cmocka_unit_test(test_its_return_codes_are_weirs),
		cmocka_unit_test(test_its_constants_are_the_protocols),
		cmocka_unit_test(test_its_proof_and_its_hash_are_the_protocols),
		cmocka_unit_test(test_it_does_nothing_that_stops_a_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
