#include "store/segment_login.h"

#include "os/run_dir.h"

enum { USERS_FILE_MAX = 64 * 1024 };

static bool user_parse(struct str name, enum segment_user *user)
{
	for (int i = 0; i < SEGMENT_USER_COUNT; i++) {
		if (!str_eq(name, str_of(segment_user_row((enum segment_user)i)->name)))
			continue;
		*user = (enum segment_user)i;
		return true;
	}
	return false;
}

static bool is_hex(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!strchr("0123456789abcdef", s.ptr[i]) || !s.ptr[i])
			return false;
	return s.len == SEGMENT_PASSWORD_BYTES;
}

/* Lines of users or segments we do not know belong to a newer weir. */
static enum status take_line(struct str line, struct segment_logins *logins)
{
	struct str name, user_name;
	enum segment segment;
	enum segment_user user;
	if (!str_split(&line, ' ', &name) || !str_split(&line, ' ', &user_name) || !is_hex(line))
		return STATUS_FORMAT;
	if (segment_parse(name, &segment) != STATUS_OK || !user_parse(user_name, &user))
		return STATUS_OK;
	char *password = logins->passwords[segment][user];
	return str_copy(line, password, SEGMENT_PASSWORD_BYTES + 1);
}

enum status segment_logins_parse(struct str text, struct segment_logins *logins, struct err *err)
{
	struct str line;
	for (int number = 1; str_split(&text, '\n', &line); number++) {
		if (!str_trim(line).len || line.ptr[0] == '#')
			continue;
		if (take_line(str_trim(line), logins) != STATUS_OK)
			return err_set(err, STATUS_FORMAT, "line %d is not `segment user password`",
				       number);
	}
	return STATUS_OK;
}

static enum status read_file(const char *state_dir, char path[PATH_BYTES_MAX],
			     struct segment_logins *logins, struct err *err)
{
	struct buf text;
	enum status status = run_dir_path(state_dir, "users", path, err);
	if (status != STATUS_OK)
		return status;
	buf_init(&text, USERS_FILE_MAX + 8192);
	status = files_read(path, USERS_FILE_MAX, &text, err);
	if (status == STATUS_OK) {
		status = segment_logins_parse(buf_str(&text), logins, err);
		if (status != STATUS_OK)
			err_wrap(err, status, "%s", path);
	}
	if (text.ptr)
		explicit_bzero(text.ptr, text.len);
	buf_deinit(&text);
	return status;
}

static enum status fill_missing(struct segment_logins *logins, bool *changed, struct err *err)
{
	for (int s = 0; s < SEGMENT_COUNT; s++) {
		for (int u = 0; u < SEGMENT_USER_COUNT; u++) {
			char *password = logins->passwords[s][u];
			struct buf out = buf_over(password, SEGMENT_PASSWORD_BYTES);
			if (password[0])
				continue;
			enum status status =
			    files_random_hex(&out, SEGMENT_PASSWORD_BYTES / 2, err);
			if (status != STATUS_OK)
				return status;
			password[SEGMENT_PASSWORD_BYTES] = 0;
			*changed = true;
		}
	}
	return STATUS_OK;
}

static enum status write_file(const char *path, const struct segment_logins *logins,
			      struct err *err)
{
	char storage[USERS_FILE_MAX];
	struct buf out = buf_over(storage, sizeof storage);
	for (int s = 0; s < SEGMENT_COUNT; s++)
		for (int u = 0; u < SEGMENT_USER_COUNT; u++)
			buf_printf(&out, "%s %s %s\n", segment_row((enum segment)s)->name,
				   segment_user_row((enum segment_user)u)->name,
				   logins->passwords[s][u]);
	enum status status = files_write_atomic(path, buf_str(&out), 0600, err);
	explicit_bzero(storage, sizeof storage);
	return status;
}

enum status segment_logins_load(const char *state_dir, struct segment_logins *logins,
				struct err *err)
{
	char path[PATH_BYTES_MAX];
	bool changed = false;
	memset(logins, 0, sizeof *logins);
	enum status status = read_file(state_dir, path, logins, err);
	if (status != STATUS_OK && status != STATUS_NOT_FOUND)
		return status;
	status = fill_missing(logins, &changed, err);
	return status == STATUS_OK && changed ? write_file(path, logins, err) : status;
}

enum status segment_login_read(const char *state_dir, enum segment segment, const char *user,
			       struct segment_login *login, struct err *err)
{
	char path[PATH_BYTES_MAX];
	struct segment_logins logins = { 0 };
	enum segment_user which;
	enum status status = read_file(state_dir, path, &logins, err);
	if (status != STATUS_OK)
		return status;
	if (!user_parse(str_of(user), &which) || !logins.passwords[segment][which][0])
		status = err_set(err, STATUS_NOT_FOUND, "%s: no line for user %s of segment %s",
				 path, user, segment_row(segment)->name);
	else if (str_copy(str_of(user), login->user, sizeof login->user) == STATUS_OK)
		memcpy(login->password, logins.passwords[segment][which], sizeof login->password);
	explicit_bzero(&logins, sizeof logins);
	return status;
}
