#include <errno.h>
#include <stdlib.h>

#include "store/memory_budget.h"
#include "store/segments_impl.h"

static enum status take_config(struct segment_server *server, const struct segment_config *config,
			       struct err *err)
{
	const char *appendfsync =
	    config->appendfsync ? config->appendfsync : server->row->appendfsync;
	server->config = *config;
	if (!config->maxmemory)
		server->config.maxmemory = server->row->maxmemory;
	if (str_copy(str_of(appendfsync), server->appendfsync, sizeof server->appendfsync))
		return err_set(err, STATUS_INVALID,
			       "segment %s: appendfsync is not always, everysec, no",
			       server->row->name);
	server->config.appendfsync = server->appendfsync;
	if (!config->external)
		return STATUS_OK;
	if (!config->url || !config->url[0])
		return err_set(err, STATUS_INVALID, "segment %s: mode is external and url is empty",
			       server->row->name);
	enum status status = redis_url_parse(str_of(config->url), &server->url, err);
	return status == STATUS_OK ? status
				   : err_wrap(err, status, "segment %s: url", server->row->name);
}

static enum status find_program(struct segments *segments, const char *name, struct err *err)
{
	name = name && name[0] ? name : "redis-server";
	enum status status = files_find_program(name, segments->program, err);
	if (status != STATUS_OK)
		err_wrap(err, status,
			 "managed segments need redis-server (apt install redis-server, or [redis] "
			 "server = PATH, or mode = external)");
	return status;
}

static enum status fit_memory(struct segments *segments, struct err *err)
{
	struct memory_budget_item items[SEGMENT_COUNT] = { 0 };
	uint64_t available;
	bool scaled;
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		const struct segment_server *server = &segments->servers[i];
		items[i] = (struct memory_budget_item){
			server->wanted && !server->config.external,
			server->config.maxmemory_chosen,
			server->config.maxmemory,
		};
	}
	if (memory_available("", &available, err) != STATUS_OK)
		return STATUS_OK; /* nothing to judge by */
	enum status status = memory_budget_fit(items, available, &scaled, err);
	if (status != STATUS_OK || !scaled)
		return status;
	uint64_t before = 0, after = 0;
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		before += items[i].wanted ? segments->servers[i].config.maxmemory : 0;
		after += items[i].wanted ? items[i].bytes : 0;
		segments->servers[i].config.maxmemory = items[i].bytes;
	}
	segments_notice(
	    segments,
	    "the segments' maxmemory is scaled from %llu MB to %llu MB in sum: the machine "
	    "or its cgroup has %llu MB",
	    (unsigned long long)(before >> 20), (unsigned long long)(after >> 20),
	    (unsigned long long)(available >> 20));
	return STATUS_OK;
}

static enum status absolute(const char *path, char out[PATH_BYTES_MAX], struct err *err)
{
	char real[PATH_BYTES_MAX];
	if (!realpath(path, real))
		return err_errno(err, errno, "state directory %s", path);
	return path_format(out, err, "%s", real);
}

static bool has_managed(const struct segments *segments)
{
	for (int i = 0; i < SEGMENT_COUNT; i++)
		if (segments->servers[i].wanted && !segments->servers[i].config.external)
			return true;
	return false;
}

static enum status prepare_managed(struct segments *segments, const struct store_config *config,
				   struct err *err)
{
	enum status status = files_make_folder(config->state_dir, 0700, err);
	if (status == STATUS_OK)
		status = absolute(config->state_dir, segments->state_dir, err);
	if (status == STATUS_OK)
		status = run_dir_make(segments->state_dir, err);
	if (status == STATUS_OK)
		status = find_program(segments, config->redis_server, err);
	if (status == STATUS_OK)
		status = segment_logins_load(segments->state_dir, &segments->logins, err);
	if (status == STATUS_OK)
		status = fit_memory(segments, err);
	for (int i = 0; status == STATUS_OK && i < SEGMENT_COUNT; i++)
		if (segments->servers[i].wanted && !segments->servers[i].config.external)
			status = segment_write_files(&segments->servers[i], err);
	return status;
}

enum status segments_prepare(struct segments *segments, const struct store_config *config,
			     uint32_t mask, struct err *err)
{
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		struct segment_server *server = &segments->servers[i];
		server->owner = segments;
		server->id = (enum segment)i;
		server->row = segment_row(server->id);
		server->wanted = mask >> i & 1;
		server->backoff = (struct backoff){ 50000000, 5000000000, 0 };
		enum status status = take_config(server, &config->segments[i], err);
		if (server->wanted && status != STATUS_OK)
			return status;
	}
	return has_managed(segments) ? prepare_managed(segments, config, err) : STATUS_OK;
}
