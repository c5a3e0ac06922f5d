/* weir decode: one JSON line per event of a recording. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "codec/decoder.h"
#include "codec/recording.h"
#include "feed/recording_files.h"

enum { OUT_BYTES = 1 << 16, OUT_LIMIT = 16 << 20 };

struct decode {
	bool has_as;
	enum venue venue;
	enum kind kind;
	struct recording *parser;
	struct decoder *decoders[VENUE_COUNT][KIND_COUNT];
	struct event *events;
	struct buf out;
	uint64_t line;
	uint64_t too_long; /* lines left out that were told already */
	bool closed;       /* whoever reads us has gone */
};

static void write_out(struct decode *decode)
{
	if (fwrite(decode->out.ptr, 1, decode->out.len, stdout) != decode->out.len)
		decode->closed = true;
	buf_clear(&decode->out);
}

static void put_event(struct decode *decode, enum venue venue, enum kind kind,
		      const struct event *event)
{
	event_print_json(&decode->out, venue, kind, event, decode->line);
	buf_char(&decode->out, '\n');
	if (decode->out.len >= OUT_BYTES)
		write_out(decode);
}

static void put_malformed(struct decode *decode, const char *why)
{
	struct event event = { .type = EVENT_MALFORMED, .malformed = { .reason = why } };
	put_event(decode, decode->venue, decode->kind, &event);
}

static struct decoder *decoder_of(struct decode *decode, enum venue venue, enum kind kind)
{
	struct decoder **decoder = &decode->decoders[venue][kind];
	if (!*decoder)
		*decoder = decoder_create(venue, kind, DECODE_AUTO);
	return *decoder;
}

static void take_line(struct decode *decode, struct str text)
{
	struct recording_line line;
	const char *why = NULL;
	enum status status = recording_parse(decode->parser, text, &line, &why);
	if (status == STATUS_NOT_FOUND)
		return;
	if (status) {
		put_malformed(decode, why);
		return;
	}
	if (!line.named && !decode->has_as) {
		put_malformed(decode, "no venue: neither the line nor --as names one");
		return;
	}
	enum venue venue = line.named ? line.venue : decode->venue;
	enum kind kind = line.named ? line.kind : decode->kind;
	struct decoder *decoder = decoder_of(decode, venue, kind);
	if (!decoder) {
		decode->closed = true;
		return;
	}
	size_t n = decoder_decode(decoder, line.frame, decode->events);
	for (size_t i = 0; i < n; i++)
		put_event(decode, venue, kind, &decode->events[i]);
}

static enum status run(struct decode *decode, struct recording_files *files, struct err *err)
{
	struct str text;
	while (!decode->closed) {
		enum status status = recording_files_next(files, &text, err);
		for (; decode->too_long < recording_files_too_long(files); decode->too_long++)
			put_malformed(decode, "the line is too long");
		if (status)
			return status == STATUS_NOT_FOUND ? STATUS_OK : status;
		decode->line = recording_files_line(files);
		take_line(decode, text);
	}
	return STATUS_OK;
}

int cmd_decode(const struct args *args)
{
	static const char *const standard_input[] = { "-" };
	struct decode decode = { 0 };
	struct recording_files *files = NULL;
	struct err err = { 0 };
	decode.has_as = args_source(args, FLAG_as, &decode.venue, &decode.kind);
	decode.parser = recording_create();
	decode.events = calloc(EVENTS_PER_FRAME, sizeof *decode.events);
	buf_init(&decode.out, OUT_LIMIT);
	enum status status = STATUS_NO_MEMORY;
	if (decode.parser && decode.events)
		status =
		    recording_files_open(args->n_operands ? args->operands : standard_input,
					 args->n_operands ? args->n_operands : 1, &files, &err);
	if (!status)
		status = run(&decode, files, &err);
	write_out(&decode);
	recording_files_close(files);
	for (int venue = 0; venue < VENUE_COUNT; venue++)
		for (int kind = 0; kind < KIND_COUNT; kind++)
			decoder_destroy(decode.decoders[venue][kind]);
	recording_destroy(decode.parser);
	free(decode.events);
	buf_deinit(&decode.out);
	return status ? cli_fail(args, &err) : CLI_DONE;
}
