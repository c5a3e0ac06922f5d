/* How long a frame takes to read and to write, for the two frames that come most: the
 * state of a terminal (20 fields) and the result of a signal (19). Beside it what the same
 * line costs when it is only cut at blanks and '=', unchecked and unconverted: with
 * strtok_r, and in a loop over its bytes, the floor of all that looks at each byte. And
 * what a line costs that is as long as one may be and full of unknown keys. */
#include <string.h>

#include "base/check.h"
#include "codec/mfp.h"
#include "report.h"

enum { ROUNDS = 31, FRAMES = 10000 };

static const char state_line[] =
    "S 0 t=1784046190001 con=1 ta=1 ma=1 aa=1 ae=1 ping=158410 ret=0.02 mem=212 memp=16298 "
    "disk=48211 cores=8 lag=12 q=0 inf=0 tick=231 dr=0 dn=88123 ph=4b2312e8a4f7ba0d n=3";
static const char result_line[] =
    "R 16 sid=5629499534213121 st=done rc=10009 ord=573338240 deal=391774213 pos=573338240 "
    "sym=EURUSD sd=buy vol=0.10 rq=1.08512 px=1.08514 slp=2.0 com=-0.35 swp=0.00 fee=0.00 "
    "pl=0.00 sv=1784046190412 ex=316 try=1";

/* So that nothing is optimised away. */
static volatile uint64_t sink;

static double read_ns(struct str line)
{
	struct mfp_frame frame;
	struct mfp_fault fault;
	double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < FRAMES; i++) {
		CHECK(mfp_read(line, MFP_PEER, &frame, &fault) == STATUS_OK);
		sink += frame.given;
	}
	return (seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e9 / FRAMES;
}

static double split_ns(struct str line)
{
	char copy[MFP_LINE_MAX];
	double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < FRAMES; i++) {
		char *rest;
		memcpy(copy, line.ptr, line.len + 1);
		for (char *part = strtok_r(copy, " =", &rest); part;
		     part = strtok_r(NULL, " =", &rest))
			sink += (unsigned char)*part;
	}
	return (seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e9 / FRAMES;
}

static double loop_ns(struct str line)
{
	struct str parts[64];
	double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < FRAMES; i++) {
		size_t count = 0, from = 0;
		for (size_t at = 0; at <= line.len; at++)
			if (at == line.len || line.ptr[at] == ' ' || line.ptr[at] == '=') {
				parts[count++] = str_make(line.ptr + from, at - from);
				from = at + 1;
			}
		for (size_t part = 0; part < count; part++)
			sink += parts[part].len;
	}
	return (seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e9 / FRAMES;
}

static void write_field(struct mfp_writer *writer, const struct mfp_frame *frame,
			enum mfp_field field)
{
	switch (mfp_field_row(field)->type) {
	case MFP_COUNT:
	case MFP_INT: mfp_put_i64(writer, field, mfp_i64(frame, field, 0)); break;
	case MFP_NUMBER: mfp_put_number(writer, field, mfp_number(frame, field)); break;
	case MFP_WORD: mfp_put_word(writer, field, mfp_word(frame, field)); break;
	case MFP_HASH: mfp_put_hash(writer, field, mfp_hash(frame, field)); break;
	default: mfp_put_text(writer, field, mfp_raw(frame, field));
	}
}

static double write_ns(struct str line)
{
	struct mfp_frame frame;
	struct mfp_fault fault;
	char storage[MFP_LINE_MAX];
	CHECK(mfp_read(line, MFP_PEER, &frame, &fault) == STATUS_OK);
	const struct mfp_verb_row *row = mfp_verb_row(frame.verb);
	double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < FRAMES; i++) {
		struct buf out = buf_over(storage, sizeof storage);
		struct mfp_writer writer;
		mfp_begin(&writer, &out, frame.verb, frame.seq);
		for (enum mfp_field field = row->first; field < row->end; field++)
			if (mfp_has(&frame, field))
				write_field(&writer, &frame, field);
		mfp_end(&writer);
		CHECK(out.len == line.len + 1);
	}
	return (seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e9 / FRAMES;
}

static void report_as(const char *frame, const char *what, struct samples *samples,
		      const char *unit)
{
	char name[64];
	snprintf(name, sizeof name, "%s: %s", frame, what);
	report(name, samples, unit);
}

static bool bench(const char *frame, struct str line)
{
	struct samples read = { 0 }, written = { 0 };
	struct samples strtok = { 0 }, loop = { 0 }, of_strtok = { 0 }, of_loop = { 0 };
	for (int round = 0; round < ROUNDS; round++) {
		double ours = read_ns(line), peer = split_ns(line), bare = loop_ns(line);
		samples_add(&read, ours);
		samples_add(&strtok, peer);
		samples_add(&loop, bare);
		samples_add(&of_strtok, ours / peer);
		samples_add(&of_loop, ours / bare);
		samples_add(&written, write_ns(line));
	}
	printf("%s: %zu bytes\n", frame, line.len + 1);
	report_as(frame, "cut with strtok_r", &strtok, "ns");
	report_as(frame, "cut in a bare loop", &loop, "ns");
	report_as(frame, "read", &read, "ns");
	report_as(frame, "written", &written, "ns");
	report_as(frame, "read / cut with strtok_r", &of_strtok, "x");
	report_as(frame, "read / cut in a bare loop", &of_loop, "x");
	return report_bound("read", samples_median(&read), "ns", false, 600);
}

static void bench_unknown(void)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	char line[MFP_LINE_MAX];
	struct buf out = buf_over(line, sizeof line - 1);
	struct samples read = { 0 };
	buf_put(&out, "P 0 t=1", 7);
	for (uint32_t i = 0; out.len + 4 <= sizeof line - 1; i++) {
		char field[4] = { ' ', digits[i / 36], digits[i % 36], '=' };
		buf_put(&out, field, sizeof field);
	}
	for (int round = 0; round < ROUNDS; round++)
		samples_add(&read, read_ns(buf_str(&out)) / 1000);
	report("4,096 bytes of unknown keys: read", &read, "us");
}

int main(void)
{
	bool met = bench("S", str_of(state_line));
	met = bench("R", str_of(result_line)) && met;
	bench_unknown();
	return met ? 0 : 1;
}
