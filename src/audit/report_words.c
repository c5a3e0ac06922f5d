#include "audit/report_words.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/number.h"

enum { PERCENT = 100 };

void report_bytes(struct buf *out, int64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double value = (double)bytes;
	size_t unit = 0;
	if (bytes < 0) {
		buf_str_put(out, STR("unknown"));
		return;
	}
	while (value >= 999.5 && unit + 1 < ARRAY_LEN(units)) {
		value /= 1000;
		unit++;
	}
	buf_printf(out, unit && value < 99.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

void report_count(struct buf *out, int64_t count)
{
	char digits[24];
	struct buf text = buf_over(digits, sizeof digits);
	if (count < 0) {
		buf_str_put(out, STR("unknown"));
		return;
	}
	buf_i64(&text, count);
	for (size_t i = 0; i < text.len; i++) {
		if (i && (text.len - i) % 3 == 0)
			buf_char(out, ',');
		buf_char(out, text.ptr[i]);
	}
}

void report_share(struct buf *out, int64_t part, int64_t whole)
{
	if (part <= 0 || whole <= 0)
		return;
	double share = (double)part * PERCENT / (double)whole;
	if (share < 1)
		buf_str_put(out, STR("<1 %"));
	else
		buf_printf(out, "%.0f %%", share);
}

/* ---- times ---- */

/* Civil date of days since 1970, Howard Hinnant's days algorithms. */
static void date_of(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t shifted = (5 * of_year + 2) / 153;
	*day = of_year - (153 * shifted + 2) / 5 + 1;
	*month = shifted < 10 ? shifted + 3 : shifted - 9;
	*year = year_of_era + era * 400 + (*month <= 2);
}

void report_time(struct buf *out, int64_t ms)
{
	int64_t seconds = ms / 1000, days = seconds / 86400, of_day = seconds % 86400;
	int64_t year, month, day;
	if (ms < 0) {
		buf_str_put(out, STR("unknown"));
		return;
	}
	date_of(days, &year, &month, &day);
	buf_printf(out, "%04lld-%02lld-%02lld %02lld:%02lld:%02lld UTC", (long long)year,
		   (long long)month, (long long)day, (long long)(of_day / 3600),
		   (long long)(of_day / 60 % 60), (long long)(of_day % 60));
}

/* ---- sums ---- */

void report_sum(const struct audit *audit, struct report_sums *sums)
{
	const struct audit_finding *findings;
	const struct audit_family *families;
	size_t count = audit_findings(audit, &findings),
	       n_families = audit_families(audit, &families);
	int64_t *best = calloc(n_families + 1, sizeof *best);
	bool any = false;
	*sums = (struct report_sums){ .saving = -1 };
	for (size_t i = 0; i < count; i++) {
		const struct audit_finding *finding = &findings[i];
		int64_t saved = finding->bytes_now - finding->bytes_after;
		sums->findings[finding->severity]++;
		sums->count[finding->severity] += finding->count;
		if (finding->bytes_now < 0 || finding->bytes_after < 0 || saved <= 0 || !best)
			continue;
		size_t at = finding->family >= 0 && (size_t)finding->family < n_families
				? (size_t)finding->family
				: n_families;
		any = true;
		best[at] = at == n_families   ? best[at] + saved
			   : saved > best[at] ? saved
					      : best[at];
	}
	for (size_t i = 0; any && i <= n_families; i++)
		sums->saving = (sums->saving < 0 ? 0 : sums->saving) + best[i];
	free(best);
}

void report_types(struct buf *out, uint32_t types)
{
	bool more = false;
	for (uint32_t type = 0; type < AUDIT_TYPES; type++) {
		if (!(types >> type & 1))
			continue;
		buf_printf(out, "%s%s", more ? " " : "", audit_type_text((enum audit_type)type));
		more = true;
	}
}

/* ---- the server ---- */

struct server_out {
	void (*fn)(void *ctx, const char *name, struct str value);
	void *ctx;
};

static void tell_text(const struct server_out *out, const char *name, const char *text)
{
	if (*text)
		out->fn(out->ctx, name, str_of(text));
}

static void tell_by(const struct server_out *out, const char *name,
		    void (*print)(struct buf *, int64_t), int64_t value)
{
	char storage[64];
	struct buf text = buf_over(storage, sizeof storage);
	if (value < 0)
		return;
	print(&text, value);
	out->fn(out->ctx, name, buf_str(&text));
}

static void tell_known(const struct server_out *out, const char *name, enum audit_known known)
{
	if (known != AUDIT_UNKNOWN)
		out->fn(out->ctx, name, known == AUDIT_YES ? STR("yes") : STR("no"));
}

static void tell_memory(const struct server_out *out, const struct audit_server *server)
{
	char storage[32];
	struct buf text = buf_over(storage, sizeof storage);
	tell_by(out, "used memory", report_bytes, server->used);
	tell_by(out, "resident", report_bytes, server->rss);
	tell_by(out, "peak", report_bytes, server->peak);
	if (server->maxmemory == 0)
		out->fn(out->ctx, "maxmemory", STR("no limit"));
	else
		tell_by(out, "maxmemory", report_bytes, server->maxmemory);
	tell_text(out, "policy", server->policy);
	if (server->fragmentation_1000 >= 0) {
		buf_printf(&text, "%.2f", (double)server->fragmentation_1000 / 1000);
		out->fn(out->ctx, "fragmentation", buf_str(&text));
	}
}

void report_server(const struct audit_server *server,
		   void (*fn)(void *ctx, const char *name, struct str value), void *ctx)
{
	const struct server_out out = { fn, ctx };
	tell_text(&out, "flavour", server->flavour);
	tell_text(&out, "version", server->version);
	tell_text(&out, "mode", server->mode);
	tell_text(&out, "role", server->role);
	tell_by(&out, "databases", report_count, server->databases);
	tell_memory(&out, server);
	if (server->save_known == AUDIT_YES)
		tell_text(&out, "save", *server->save ? server->save : "off");
	tell_known(&out, "append only file", server->aof);
	tell_by(&out, "last save", report_time, server->last_save_ms);
	tell_by(&out, "changes since", report_count, server->changes_since_save);
	tell_by(&out, "replicas", report_count, server->replicas);
	tell_by(&out, "backlog", report_bytes, server->backlog_bytes);
	tell_by(&out, "clients", report_count, server->clients);
	tell_by(&out, "of at most", report_count, server->clients_max);
	tell_by(&out, "evicted", report_count, server->evicted);
	tell_by(&out, "expired", report_count, server->expired);
	tell_by(&out, "hits", report_count, server->hits);
	tell_by(&out, "misses", report_count, server->misses);
	tell_known(&out, "a user without password", server->nopass);
}
