/* What people are told of the archive, and when new signals are refused. */
#include "base/log.h"
#include "daemon/archiving_impl.h"

static const double refuse_share = 0.95;

/* One line for people; empty while nothing is the matter. */
struct line {
	struct buf text;
	char storage[ALERT_MESSAGE_MAX + 1];
};

static struct buf *begin(struct line *line)
{
	line->text = buf_over(line->storage, sizeof line->storage);
	return &line->text;
}

static void put_value(struct archiving *archiving, enum alert_rule rule, double value,
		      const struct line *line)
{
	alert_value(archiving->config.alerts, rule, STR("archive"), value,
		    value > 0 ? buf_str(&line->text) : STR(""));
}

/* Of the budget, or of what the disk would have if the file were not there. */
static double share_of(const struct archiving *archiving)
{
	const struct writer_counts *counts = writer_counts(archiving->writer);
	double used = (double)(counts->file_bytes + counts->wal_bytes);
	double budget = (double)config_i64(archiving->config.config, CONFIG_archive_budget);
	uint64_t free_bytes;
	struct err err;
	if (budget > 0)
		return used / budget;
	if (files_free_bytes(archiving->config.state_dir, &free_bytes, &err))
		return -1;
	return used + (double)free_bytes > 0 ? used / (used + (double)free_bytes) : -1;
}

static void watch_trouble(struct archiving *archiving)
{
	int64_t now_ns = loop_now_ns(archiving->config.loop);
	bool trouble = writer_state(archiving->writer) == WRITER_TROUBLE;
	if (trouble != (archiving->trouble_since_ns != 0))
		archiving->config.on_stuck(archiving->config.ctx, trouble);
	if (!trouble)
		archiving->trouble_since_ns = 0;
	else if (!archiving->trouble_since_ns)
		archiving->trouble_since_ns = now_ns;
	double seconds = trouble ? (double)(now_ns - archiving->trouble_since_ns) / 1e9 + 0.001 : 0;
	struct line line;
	buf_printf(begin(&line), "the archive file cannot be written for %.0f s: %s", seconds,
		   writer_trouble(archiving->writer));
	put_value(archiving, ALERT_archive_trouble, seconds, &line);
}

static void watch_disk(struct archiving *archiving)
{
	struct line line;
	bool budget = config_i64(archiving->config.config, CONFIG_archive_budget) > 0;
	archiving->disk_share = share_of(archiving);
	if (archiving->disk_share < 0)
		return;
	buf_printf(begin(&line), "the archive file takes %.1f %% of its %s",
		   archiving->disk_share * 100, budget ? "budget" : "disk");
	put_value(archiving, ALERT_archive_disk, archiving->disk_share * 100, &line);
}

/* Of the file system that the archive file is on; its folder is the file's. */
static void watch_free(struct archiving *archiving)
{
	static const double gib = 1 << 30, again = 1.1;
	double least = (double)archiving->disk_min;
	uint64_t free_bytes;
	struct line line;
	struct err err;
	if (files_free_bytes(archiving->folder, &free_bytes, &err))
		return;
	double has = (double)free_bytes;
	archiving->disk_short = has < (archiving->disk_short ? again * least : least);
	buf_printf(begin(&line), "the archive's disk has %.2f GiB left, %.2f GiB are wanted",
		   has / gib, least / gib);
	alert_value_at(archiving->config.alerts, ALERT_disk_free, STR("archive"), has / gib,
		       least / gib, buf_str(&line.text));
}

static void watch_dead(struct archiving *archiving)
{
	struct line line;
	int64_t dead = writer_counted(archiving->writer, "dead");
	buf_printf(begin(&line), "%lld results could not be archived: weir archive dead list",
		   (long long)dead);
	put_value(archiving, ALERT_dead_letters, (double)dead, &line);
}

/* Signals that could not be archived are not taken: results always are. */
static void watch_refusal(struct archiving *archiving)
{
	bool full = archiving->disk_share >= refuse_share || archiving->disk_short ||
		    writer_state(archiving->writer) == WRITER_TROUBLE;
	const char *why = full ? "disk" : NULL;
	if (!why == !archiving->refusing)
		return;
	archiving->refusing = why;
	log_line(why ? LOG_ERROR : LOG_INFO, "archive",
		 why ? "new signals are refused until the archive file has room"
		     : "new signals are taken again");
	archiving->config.on_refuse(archiving->config.ctx, why);
}

void archiving_watch(struct archiving *archiving)
{
	if (!archiving->opened)
		return;
	watch_trouble(archiving);
	watch_disk(archiving);
	watch_free(archiving);
	watch_refusal(archiving);
	watch_dead(archiving);
}
