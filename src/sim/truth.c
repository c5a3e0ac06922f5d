#include "sim/truth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 20, LINE_BYTES = 512, NS_PER_MS = 1000000 };

struct sim_truth {
	int fd;
	struct buf buf;
	uint64_t lines; /* in buf */
	uint64_t lost;
};

enum status sim_truth_open(const char *path, struct sim_truth **out, struct err *err)
{
	struct sim_truth *truth = calloc(1, sizeof *truth);
	if (!truth)
		return err_set(err, STATUS_NO_MEMORY, "%s: out of memory", path);
	truth->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (truth->fd < 0) {
		enum status status = err_errno(err, errno, "%s", path);
		free(truth);
		return status;
	}
	buf_init(&truth->buf, BUFFER_BYTES);
	*out = truth;
	return STATUS_OK;
}

static bool write_all(int fd, struct str bytes)
{
	while (bytes.len) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = str_skip(bytes, (size_t)n);
	}
	return true;
}

void sim_truth_flush(struct sim_truth *truth)
{
	if (!write_all(truth->fd, buf_str(&truth->buf)))
		truth->lost += truth->lines;
	buf_clear(&truth->buf);
	truth->lines = 0;
}

void sim_truth_close(struct sim_truth *truth)
{
	if (!truth)
		return;
	sim_truth_flush(truth);
	close(truth->fd);
	buf_deinit(&truth->buf);
	free(truth);
}

uint64_t sim_truth_lost(const struct sim_truth *truth) { return truth->lost; }

/* Room for a line before it is begun, so that it is whole or not there. */
static struct buf *begin(struct sim_truth *truth, const char *event, int64_t at_ns,
			 struct str instance, uint64_t sid, uint64_t deal)
{
	struct buf *buf = &truth->buf;
	if (buf->len + LINE_BYTES > BUFFER_BYTES)
		sim_truth_flush(truth);
	if (!buf_reserve(buf, LINE_BYTES)) {
		buf_clear(buf);
		truth->lost += truth->lines + 1;
		truth->lines = 0;
		return NULL;
	}
	buf_str_put(buf, STR("{\"e\":\""));
	buf_str_put(buf, str_of(event));
	buf_str_put(buf, STR("\",\"t_ms\":"));
	buf_i64(buf, at_ns / NS_PER_MS);
	buf_str_put(buf, STR(",\"ins\":"));
	buf_json_str(buf, instance);
	buf_str_put(buf, STR(",\"sid\":"));
	buf_u64(buf, sid);
	buf_str_put(buf, STR(",\"deal\":"));
	buf_u64(buf, deal);
	truth->lines++;
	return buf;
}

static void put_hundredths(struct buf *buf, const char *name, int64_t value)
{
	buf_str_put(buf, STR(",\""));
	buf_str_put(buf, str_of(name));
	buf_str_put(buf, STR("\":\""));
	number_print(buf, (struct number){ value, 2 });
	buf_str_put(buf, STR("\""));
}

void sim_truth_order(struct sim_truth *truth, struct str instance, const struct broker_fact *fact)
{
	struct buf *buf = begin(truth, "order", fact->sent_ns, instance, fact->sid, fact->deal);
	if (!buf)
		return;
	buf_str_put(buf, STR(",\"pos\":"));
	buf_u64(buf, fact->position);
	put_hundredths(buf, "vol", fact->volume);
	buf_str_put(buf, STR("}\n"));
}

void sim_truth_ack(struct sim_truth *truth, struct str instance, const struct terminal_ack *ack)
{
	struct buf *buf = begin(truth, "ack", ack->now_ns, instance, ack->sid, ack->deal);
	if (!buf)
		return;
	buf_str_put(buf, STR(",\"st\":\""));
	buf_str_put(buf, str_of(ack->status));
	buf_str_put(buf, STR("\""));
	put_hundredths(buf, "pnl", ack->profit);
	buf_str_put(buf, STR("}\n"));
}
