#include "feed/recording_source.h"

#include <stdlib.h>

#include "codec/recording.h"
#include "feed/recording_files.h"

struct recording_source {
	struct recording_options options;
	struct recording_files *files;
	struct recording *parser;
	struct recording_counts counts;
	struct recording_line line; /* parsed, not yet taken, while `waiting` */
	bool waiting;
	uint64_t too_long;                      /* lines left out that were counted already */
	int64_t first_receive_ns, first_now_ns; /* where the pace counts from */
};

enum status recording_source_open(const struct recording_options *options,
				  struct recording_source **out, struct err *err)
{
	struct recording_source *source = calloc(1, sizeof *source);
	if (!source)
		return err_set(err, STATUS_NO_MEMORY, "no memory for a recording");
	source->options = *options;
	source->parser = recording_create();
	enum status status = source->parser ? STATUS_OK : STATUS_NO_MEMORY;
	if (!status)
		status =
		    recording_files_open(options->paths, options->n_paths, &source->files, err);
	if (status) {
		recording_source_close(source);
		return status;
	}
	*out = source;
	return STATUS_OK;
}

void recording_source_close(struct recording_source *source)
{
	if (!source)
		return;
	recording_files_close(source->files);
	recording_destroy(source->parser);
	free(source);
}

/* When the line that waits is due; 0 for at once. */
static int64_t due_ns(struct recording_source *source, int64_t now_ns)
{
	if (source->options.speed <= 0 || source->line.receive_ns == 0)
		return 0;
	if (source->first_receive_ns == 0) {
		source->first_receive_ns = source->line.receive_ns;
		source->first_now_ns = now_ns;
	}
	int64_t offset = source->line.receive_ns - source->first_receive_ns;
	return source->first_now_ns + (int64_t)((double)offset / source->options.speed);
}

static enum recording_state next_line(struct recording_source *source, struct ingest *ingest,
				      struct err *err)
{
	struct str text;
	const char *why = NULL;
	enum status status = recording_files_next(source->files, &text, err);
	for (; source->too_long < recording_files_too_long(source->files); source->too_long++)
		ingest_unreadable(ingest);
	if (status == STATUS_NOT_FOUND)
		return RECORDING_END;
	if (status)
		return RECORDING_FAILED;
	source->counts.lines++;
	status = recording_parse(source->parser, text, &source->line, &why);
	if (status == STATUS_NOT_FOUND)
		return RECORDING_MORE; /* a blank line */
	if (!status && !source->line.named && !source->options.has_as)
		status = STATUS_FORMAT; /* nobody says which venue this is */
	if (status) {
		source->counts.unreadable++;
		ingest_unreadable(ingest);
		return RECORDING_MORE;
	}
	if (!source->line.named) {
		source->line.venue = source->options.venue;
		source->line.kind = source->options.kind;
	}
	source->waiting = true;
	return RECORDING_MORE;
}

enum recording_state recording_source_step(struct recording_source *source, struct ingest *ingest,
					   int64_t now_ns, uint32_t lines, int64_t *due,
					   struct err *err)
{
	for (uint32_t i = 0; i < lines; i++) {
		if (!source->waiting) {
			enum recording_state state = next_line(source, ingest, err);
			if (state != RECORDING_MORE)
				return state;
			if (!source->waiting)
				continue;
		}
		int64_t at_ns = due_ns(source, now_ns);
		if (at_ns > now_ns) {
			*due = at_ns;
			return RECORDING_WAIT;
		}
		source->waiting = false;
		ingest_frame(ingest, source->line.venue, source->line.kind, source->line.frame);
	}
	return RECORDING_MORE;
}

const struct recording_counts *recording_source_counts(const struct recording_source *source)
{
	return &source->counts;
}
