/* Segments' servers, under the names of the Redis exporter: from what INFO said last. */
#include "daemon/metrics_print.h"
#include "store/segments.h"

static struct str name_of(size_t segment)
{
	return str_of(segment_row((enum segment)segment)->name);
}

static bool is_told(const struct segment_status *status)
{
	return status->wanted && status->figures;
}

/* Of a server that does not answer nothing is shown but that. */
static bool is_up(const struct segment_status *status)
{
	return is_told(status) && status->state == SEGMENT_UP && status->figures->known;
}

static void put_ups(const struct segment_status *status, struct buf *out)
{
	metric_head(out, METRIC_server_up);
	for (size_t i = 0; i < SEGMENT_COUNT; i++) {
		const struct str label = name_of(i);
		if (is_told(&status[i]))
			metric_sample(out, METRIC_server_up, &label, 1, is_up(&status[i]));
	}
}

static void put_kinds(const struct segment_status *status, struct buf *out)
{
	metric_head(out, METRIC_server_info);
	for (size_t i = 0; i < SEGMENT_COUNT; i++) {
		const struct segment_info *info = status[i].figures;
		if (!is_up(&status[i]))
			continue;
		const struct str labels[] = { name_of(i), str_of(info->version), str_of(info->role),
					      str_of(info->policy) };
		metric_sample(out, METRIC_server_info, labels, 4, 1);
	}
}

static void put_figure(const struct segment_status *status, enum redis_info figure, struct buf *out)
{
	enum metric metric = (enum metric)(METRIC_INFO_FIRST + figure);
	metric_head(out, metric);
	for (size_t i = 0; i < SEGMENT_COUNT; i++) {
		const struct segment_info *info = status[i].figures;
		const struct str label = name_of(i);
		if (is_up(&status[i]) && info->known >> figure & 1)
			metric_sample_real(out, metric, &label, 1, info->values[figure]);
	}
}

static void put_started(const struct segment_status *status, int64_t wall_ms, struct buf *out)
{
	metric_head(out, METRIC_server_started);
	for (size_t i = 0; i < SEGMENT_COUNT; i++) {
		const struct segment_info *info = status[i].figures;
		const struct str label = name_of(i);
		if (is_up(&status[i]) && info->known >> REDIS_INFO_uptime & 1)
			metric_sample_real(out, METRIC_server_started, &label, 1,
					   (double)(wall_ms / 1000) -
					       info->values[REDIS_INFO_uptime]);
	}
}

/* The first database always; others that hold anything. */
static void put_databases(const struct segment_status *status, enum metric metric, struct buf *out)
{
	metric_head(out, metric);
	for (size_t i = 0; i < SEGMENT_COUNT * SEGMENT_DATABASES; i++) {
		const struct segment_status *server = &status[i / SEGMENT_DATABASES];
		size_t at = i % SEGMENT_DATABASES;
		char storage[8];
		struct buf name = buf_over(storage, sizeof storage);
		if (!is_up(server) || (at && !server->figures->databases[at].keys))
			continue;
		buf_printf(&name, "db%zu", at);
		const struct str labels[] = { name_of(i / SEGMENT_DATABASES), buf_str(&name) };
		metric_sample(out, metric, labels, 2,
			      metric == METRIC_server_keys
				  ? server->figures->databases[at].keys
				  : server->figures->databases[at].expiring);
	}
}

static void put_command(enum metric metric, size_t segment, const struct segment_command *command,
			struct buf *out)
{
	const struct str labels[] = { name_of(segment), str_of(command->name) };
	metric_sample_real(out, metric, labels, 2,
			   metric == METRIC_server_commands ? (double)command->calls
							    : (double)command->microseconds / 1e6);
}

static void put_commands(const struct segment_status *status, enum metric metric, struct buf *out)
{
	metric_head(out, metric);
	for (size_t i = 0; i < SEGMENT_COUNT; i++) {
		const struct segment_info *info = status[i].figures;
		if (!is_up(&status[i]))
			continue;
		for (uint32_t at = 0; at < info->command_count; at++)
			put_command(metric, i, &info->commands[at], out);
		if (info->other.calls)
			put_command(metric, i, &info->other, out);
	}
}

static void put_timings(const struct segment_status *status, enum metric metric, struct buf *out)
{
	metric_head(out, metric);
	for (size_t i = 0; i < SEGMENT_COUNT; i++) {
		const struct redis_conn_stats *conn = status[i].conn;
		const struct str label = name_of(i);
		if (!status[i].wanted || !conn)
			continue;
		const struct redis_timing *timing =
		    metric == METRIC_redis_read_seconds ? &conn->reads : &conn->writes;
		metric_summary(out, metric, &label, 1, (double)timing->sum_ns / 1e9, timing->count);
	}
}

void metrics_redis_put(const struct segment_status *status, int64_t wall_ms, struct buf *out)
{
	put_ups(status, out);
	put_kinds(status, out);
	put_started(status, wall_ms, out);
	for (enum redis_info figure = 0; figure < REDIS_INFO_COUNT; figure++)
		put_figure(status, figure, out);
	put_databases(status, METRIC_server_keys, out);
	put_databases(status, METRIC_server_keys_expiring, out);
	put_commands(status, METRIC_server_commands, out);
	put_commands(status, METRIC_server_command_seconds, out);
	put_timings(status, METRIC_redis_read_seconds, out);
	put_timings(status, METRIC_redis_write_seconds, out);
}

void metrics_redis_print(struct daemon *daemon, struct buf *out)
{
	struct segment_status status[SEGMENT_COUNT];
	if (!daemon_segments(daemon))
		return;
	for (size_t i = 0; i < SEGMENT_COUNT; i++)
		status[i] = segments_status(daemon_segments(daemon), (enum segment)i);
	metrics_redis_put(status, loop_wall_ns(daemon_loop(daemon)) / 1000000, out);
}
