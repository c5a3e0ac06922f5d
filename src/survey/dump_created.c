/* The time at which a dump was made, which stands before its keys. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/rdb.h"
#include "survey/dump.h"

struct peek {
	int fd;
	int64_t created_ms;
};

static enum status fill(void *ctx, char *at, size_t size, size_t *got)
{
	ssize_t n = read(((struct peek *)ctx)->fd, at, size);
	*got = n > 0 ? (size_t)n : 0;
	return n < 0 ? STATUS_IO : STATUS_OK;
}

static enum status on_aux(void *ctx, struct str name, struct str value)
{
	int64_t seconds, ms;
	if (!str_eq(name, STR("ctime")))
		return STATUS_OK;
	if (!str_to_i64(value, &seconds) && seconds > 0 &&
	    !__builtin_mul_overflow(seconds, 1000, &ms))
		((struct peek *)ctx)->created_ms = ms;
	return STATUS_CANCELLED;
}

static enum status on_db(void *ctx, int64_t db)
{
	(void)ctx;
	(void)db;
	return STATUS_CANCELLED;
}

static enum status on_key(void *ctx, const struct rdb_key *key)
{
	(void)ctx;
	(void)key;
	return STATUS_CANCELLED;
}

/* What comes through a pipe comes once: nothing is taken from it. */
static bool can_be_read_again(int fd)
{
	struct stat about;
	return fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

int64_t dump_created_ms(const char *path)
{
	static const struct rdb_events events = { .aux = on_aux, .db = on_db, .key = on_key };
	struct peek peek = { .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK),
			     .created_ms = -1 };
	struct rdb *rdb;
	struct rdb_end end;
	if (peek.fd < 0)
		return -1;
	if (can_be_read_again(peek.fd) && !rdb_create(fill, &peek, &rdb)) {
		/* However it ends: what it told until then is all that is wanted. */
		if (rdb_read(rdb, &events, &peek, &end) == STATUS_NO_MEMORY)
			peek.created_ms = -1;
		rdb_destroy(rdb);
	}
	close(peek.fd);
	return peek.created_ms;
}
