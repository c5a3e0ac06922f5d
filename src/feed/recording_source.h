/* recording_source.h - recorded frames as the source: lines of files and folders
 * (os/line_reader.h, codec/recording.h) into an ingest.
 *
 * Pulled by the owner in slices, so that the loop stays responsive and a source
 * can wait for the store. At a speed, frames come when their receive time is due
 * (N × real time, counted from the first line); at 0 as fast as they are pulled.
 * Loop thread. */
#pragma once

#include "base/err.h"
#include "feed/ingest.h"

struct recording_options {
	const char *const *paths; /* files or folders (in name order); outlive the source */
	size_t n_paths;
	bool has_as; /* --as VENUE:KIND, for lines that name no venue */
	enum venue venue;
	enum kind kind;
	double speed; /* times real time; 0: max */
};

struct recording_counts {
	uint64_t lines;
	uint64_t
	    unreadable; /* no venue, too long, no recording line at all: counted as malformed */
};

enum recording_state {
	RECORDING_MORE, /* the slice is used up */
	RECORDING_WAIT, /* nothing is due before *due_ns */
	RECORDING_END,
	RECORDING_FAILED, /* err says where; everything before it was taken */
};

struct recording_source;

MUST_CHECK enum status recording_source_open(const struct recording_options *options,
					     struct recording_source **source, struct err *err);
void recording_source_close(struct recording_source *source);
/* Takes at most `lines` lines. now_ns: monotonic. */
enum recording_state recording_source_step(struct recording_source *source, struct ingest *ingest,
					   int64_t now_ns, uint32_t lines, int64_t *due_ns,
					   struct err *err);
const struct recording_counts *recording_source_counts(const struct recording_source *source);
