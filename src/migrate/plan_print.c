#include "migrate/plan_file.h"

static void put_member(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, ",\n   \"%s\": ", name);
	buf_json_str(out, str_of(text));
}

static void put_map(struct buf *out, const char *name, const struct migrate_field *fields,
		    size_t count)
{
	if (!count)
		return;
	buf_printf(out, ",\n   \"%s\": {", name);
	for (size_t i = 0; i < count; i++) {
		buf_str_put(out, i ? STR(", ") : STR(""));
		buf_json_str(out, str_of(fields[i].name));
		buf_str_put(out, STR(": "));
		buf_json_str(out, str_of(fields[i].from));
	}
	buf_char(out, '}');
}

static void put_sink(struct buf *out, const struct migrate_family *family)
{
	put_member(out, "sink", migrate_sink_text(family->sink));
	if (family->sink == MIGRATE_REDIS)
		return;
	if (family->table && family->table[0])
		put_member(out, "table", family->table);
	if (family->time && family->time[0])
		put_member(out, "time", family->time);
	for (size_t i = 0; i < family->n_key; i++) {
		buf_str_put(out, i ? STR(", ") : STR(",\n   \"key\": ["));
		buf_json_str(out, str_of(family->key[i]));
	}
	if (family->n_key)
		buf_char(out, ']');
	put_map(out, "fields", family->fields, family->n_fields);
	put_map(out, "tags", family->tags, family->n_tags);
}

static void put_family(struct buf *out, const struct migrate_family *family)
{
	buf_str_put(out, STR("  {\"match\": "));
	buf_json_str(out, str_of(family->match));
	put_member(out, "from", audit_type_text(family->from));
	put_member(out, "to", family->to);
	put_member(out, "type", migrate_form_text(family->form));
	if (family->ttl_s)
		buf_printf(out, ",\n   \"ttl\": %lld", (long long)family->ttl_s);
	else
		put_member(out, "ttl", "keep");
	put_sink(out, family);
	put_member(out, "lead", family->lead == MIGRATE_LEAD_NEW ? "new" : "old");
	put_member(out, "rule", family->rule ? family->rule : "");
	buf_char(out, '}');
}

static void put_sinks(struct buf *out, const struct migrate_plan *plan)
{
	const char *before = "";
	buf_str_put(out, STR(" \"sinks\": {"));
	for (int i = 1; i < MIGRATE_SINKS; i++) {
		if (!plan->sink_urls[i])
			continue;
		buf_printf(out, "%s\"%s\": ", before, migrate_sink_text((enum migrate_sink)i));
		buf_json_str(out, str_of(plan->sink_urls[i]));
		before = ", ";
	}
	buf_str_put(out, STR("},\n"));
}

void plan_file_print(struct buf *out, const struct migrate_plan *plan)
{
	buf_str_put(out, STR("{\"weir_migrate\": 1,\n \"source\": "));
	buf_json_str(out, str_of(plan->source));
	buf_str_put(out, STR(",\n \"databases\": ["));
	for (size_t i = 0; i < plan->n_databases; i++)
		buf_printf(out, "%s%d", i ? ", " : "", plan->databases[i]);
	buf_str_put(out, STR("],\n \"audit\": "));
	buf_json_str(out, str_of(plan->audit));
	buf_str_put(out, STR(",\n"));
	put_sinks(out, plan);
	buf_str_put(out, STR(" \"families\": [\n"));
	for (size_t i = 0; i < plan->n_families; i++) {
		buf_str_put(out, i ? STR(",\n\n") : STR(""));
		put_family(out, &plan->families[i]);
	}
	buf_str_put(out, STR("]}\n"));
}

void plan_file_put_source(struct buf *out, struct str url)
{
	size_t scheme = 0, at = 0;
	while (scheme + 2 < url.len && memcmp(url.ptr + scheme, "://", 3) != 0)
		scheme++;
	scheme = scheme + 2 < url.len ? scheme + 3 : 0;
	for (size_t i = scheme; i < url.len; i++)
		if (url.ptr[i] == '@')
			at = i + 1;
	buf_put(out, url.ptr, scheme);
	buf_str_put(out, str_skip(url, at ? at : scheme));
}
