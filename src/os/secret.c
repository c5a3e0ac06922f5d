#include "os/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

enum status secret_mac(struct str key, struct str message, uint8_t mac[SECRET_MAC_BYTES])
{
	unsigned len = 0;
	CHECK(key.len <= INT32_MAX);
	/* OpenSSL takes a NULL key for one that was set before. */
	if (!HMAC(EVP_sha256(), key.ptr ? key.ptr : "", (int)key.len,
		  (const unsigned char *)message.ptr, message.len, mac, &len))
		return STATUS_NO_MEMORY;
	CHECK(len == SECRET_MAC_BYTES);
	return STATUS_OK;
}

bool secret_equal(struct str a, struct str b)
{
	return a.len == b.len && (!a.len || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}

enum status secret_random(void *bytes, size_t n, struct err *err)
{
	for (size_t got = 0; got < n;) {
		ssize_t some = getrandom((char *)bytes + got, n - got, 0);
		if (some < 0 && errno != EINTR)
			return err_errno(err, errno, "random bytes");
		got += some > 0 ? (size_t)some : 0;
	}
	return STATUS_OK;
}

void secret_print_hex(const void *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *at = bytes;
	for (size_t i = 0; i < n; i++) {
		*out++ = digits[at[i] >> 4];
		*out++ = digits[at[i] & 15];
	}
	*out = 0;
}

static enum status check_file(const char *path, const struct stat *st, size_t bytes_max,
			      struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, STATUS_REFUSED, "%s: holds a secret but is not a plain file",
			       path);
	if (st->st_uid != geteuid())
		return err_set(err, STATUS_REFUSED,
			       "%s: holds a secret but belongs to user %u, not to ours (%u)", path,
			       (unsigned)st->st_uid, (unsigned)geteuid());
	if (st->st_mode & 077)
		return err_set(err, STATUS_REFUSED,
			       "%s: holds a secret but its mode %04o lets others at it; chmod 600 "
			       "it",
			       path, (unsigned)st->st_mode & 07777);
	if (st->st_size < 0 || (uint64_t)st->st_size > bytes_max)
		return err_set(err, STATUS_RANGE, "%s: has more than %zu bytes", path, bytes_max);
	return STATUS_OK;
}

/* Room for one byte more than the file says it has, taken at once: a file that grows
 * meanwhile shows, and no realloc leaves a copy behind. */
static enum status read_all(int fd, const char *path, size_t size, struct buf *out, struct err *err)
{
	char *at = buf_reserve(out, size + 1);
	size_t got = 0;
	if (!at)
		return err_set(err, STATUS_NO_MEMORY, "read %s: out of memory", path);
	while (got <= size) {
		ssize_t n = read(fd, at + got, size + 1 - got);
		if (n < 0 && errno != EINTR)
			return err_errno(err, errno, "read %s", path);
		if (n == 0)
			break;
		got += n > 0 ? (size_t)n : 0;
	}
	out->len += got;
	return got > size ? err_set(err, STATUS_RANGE, "read %s: it grows", path) : STATUS_OK;
}

enum status secret_read_file(const char *path, size_t bytes_max, struct buf *out, struct err *err)
{
	struct stat st;
	CHECK(!out->len && out->limit > bytes_max);
	/* O_NONBLOCK: a pipe in the file's place must not hold us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_errno(err, errno, "read %s", path);
	enum status status = fstat(fd, &st) ? err_errno(err, errno, "read %s", path)
					    : check_file(path, &st, bytes_max, err);
	if (status == STATUS_OK)
		status = read_all(fd, path, (size_t)st.st_size, out, err);
	close(fd);
	return status;
}

void secret_forget_variable(const char *name)
{
	char *value = getenv(name);
	if (!value)
		return;
	explicit_bzero(value, strlen(value));
	unsetenv(name);
}

void secret_wipe(struct buf *buf)
{
	if (buf && buf->ptr)
		explicit_bzero(buf->ptr, buf->cap);
	buf_deinit(buf);
}
