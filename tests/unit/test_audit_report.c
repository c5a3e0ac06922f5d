/* An audit's report in its three forms: what programs rely on, what a browser may not be told,
 * and how wide a terminal must be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "audit/report.h"
#include "audit/report_tree.h"
#include "base/buf.h"
#include "base/check.h"
#include "codec/json.h"

enum { COLUMNS = 100, PADDING = 64 };

static const int64_t NOW_MS = 1795300000000;

static const char hostile[] = "<script>alert('x')</script>:\"&amp;";

static const struct audit_config config = {
	.limits = { .dead_days = 30,
		    .stale_hours = 24,
		    .big_string = 100 << 10,
		    .big_hash = 5000,
		    .big_items = 1000,
		    .big_bytes = 1 << 20,
		    .unbounded_items = 1000,
		    .compress_min = 1 << 10,
		    .separators = { ":_-./|", 6 } },
	.now_ms = 1795300000000,
};

struct stage {
	struct audit *audit;
	struct code *code;
	struct audit_report_about about;
	struct buf out;
};

static void open_stage(struct stage *stage)
{
	*stage = (struct stage){ .about = { .source = STR("redis://127.0.0.1:6379"),
					    .now_ms = NOW_MS,
					    .took_ms = 1500 } };
	assert_int_equal(audit_create(&config, &stage->audit), STATUS_OK);
	buf_init(&stage->out, AUDIT_REPORT_BYTES_MAX);
}

static void close_stage(struct stage *stage)
{
	audit_destroy(stage->audit);
	code_destroy(stage->code);
	buf_deinit(&stage->out);
}

static void tell(struct stage *stage, const char *name, int64_t bytes)
{
	const struct str value = STR("{\"price\":1,\"side\":\"buy\"}");
	const struct audit_key key = { .name = str_of(name),
				       .encoding = AUDIT_ENC_EMBSTR,
				       .length = (int64_t)value.len,
				       .value = value,
				       .digest = audit_digest(value),
				       .expires_ms = -1,
				       .bytes = bytes,
				       .idle_s = 90 * 86400,
				       .stream = { .added = -1 } };
	assert_int_equal(audit_key(stage->audit, &key), STATUS_OK);
}

static void tell_code(struct stage *stage)
{
	static const char bot[] = "import redis\n"
				  "r = redis.Redis(host='<script>', port=6379)\n"
				  "def save(symbol, price):\n"
				  "    r.set(f'<script>:{symbol}', price)\n"
				  "    r.expire(f'<script>:{symbol}', 60)\n";
	assert_int_equal(code_create(&stage->code), STATUS_OK);
	assert_int_equal(code_file(stage->code, STR("<script>.py"), str_of(bot)), STATUS_OK);
	assert_int_equal(code_settle(stage->code), STATUS_OK);
	audit_code(stage->audit, stage->code);
}

static void tell_server(struct stage *stage)
{
	struct audit_server server = audit_server_none();
	snprintf(server.version, sizeof server.version, "<script>");
	server.maxmemory = 0;
	server.used = (int64_t)1 << 60;
	server.rss = (int64_t)1 << 60;
	audit_server(stage->audit, &server);
}

static void run(struct stage *stage)
{
	assert_int_equal(audit_run(stage->audit, NULL, NULL), STATUS_OK);
}

/* Families under each other, a hostile name, a server with large figures, code. */
static void fill(struct stage *stage)
{
	char name[64];
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "klines:%d:close", 1000 + i);
		tell(stage, name, (int64_t)1 << 50);
		snprintf(name, sizeof name, "klines:%d:open", 1000 + i);
		tell(stage, name, 100);
	}
	tell(stage, hostile, 300);
	tell_server(stage);
	tell_code(stage);
	run(stage);
}

/* ---- JSON ---- */

struct parsed {
	struct json *json;
	char *text;
	struct json_value root;
};

static void parse(struct parsed *parsed, struct stage *stage)
{
	buf_clear(&stage->out);
	audit_report_json(stage->audit, &stage->about, &stage->out);
	assert_false(stage->out.overflow);
	parsed->text = calloc(1, stage->out.len + PADDING);
	parsed->json = json_create(stage->out.len + (1 << 16));
	assert_non_null(parsed->text);
	assert_non_null(parsed->json);
	memcpy(parsed->text, stage->out.ptr, stage->out.len);
	const char *why =
	    json_parse(parsed->json, str_make(parsed->text, stage->out.len), &parsed->root);
	if (why)
		fail_msg("%s", why);
}

static void forget(struct parsed *parsed)
{
	json_destroy(parsed->json);
	free(parsed->text);
}

static struct json_value member(struct json_value object, const char *name)
{
	struct json_value value = { 0 };
	if (!json_get(object, str_of(name), &value))
		fail_msg("no member %s", name);
	return value;
}

static int64_t number(struct json_value object, const char *name)
{
	int64_t value = -1;
	if (!json_as_integer(member(object, name), &value))
		fail_msg("%s is no integer", name);
	return value;
}

static bool is_text(struct json_value object, const char *name, const char *expected)
{
	struct str text = { 0 };
	return json_as_string(member(object, name), &text) && str_eq(text, str_of(expected));
}

static size_t each_has(struct json_value array, const char *const *names, size_t n)
{
	struct json_iter iter;
	struct json_value element;
	size_t count = 0;
	assert_true(json_as_array(array, &iter));
	for (; json_next(&iter, &element); count++)
		for (size_t i = 0; i < n; i++)
			member(element, names[i]);
	return count;
}

static void json_has_the_contracts_names(void **state)
{
	static const char *const family[] = { "pattern", "type", "keys",   "bytes",
					      "no_ttl",  "use",  "belongs" };
	static const char *const finding[] = { "rule",        "severity", "count", "bytes_now",
					       "bytes_after", "examples", "fix",   "undo" };
	static const char *const key[] = { "pattern", "types", "writers", "readers" };
	struct stage stage;
	struct parsed parsed;
	(void)state;
	open_stage(&stage);
	stage.about.files_left_out = 3;
	fill(&stage);
	parse(&parsed, &stage);
	assert_true(is_text(parsed.root, "source", "redis://127.0.0.1:6379"));
	assert_int_equal(number(parsed.root, "keys"), 601);
	assert_int_equal(number(parsed.root, "bytes"), 300 * (((int64_t)1 << 50) + 100) + 300);
	assert_true(each_has(member(parsed.root, "families"), family, ARRAY_LEN(family)) >= 3);
	assert_true(each_has(member(parsed.root, "findings"), finding, ARRAY_LEN(finding)) >= 3);
	struct json_value code = member(parsed.root, "code");
	assert_int_equal(number(code, "files"), 1);
	assert_int_equal(number(code, "constructors"), 1);
	assert_int_equal(number(code, "left_out"), 3);
	assert_int_equal(number(code, "lost"), 0);
	assert_int_equal(number(member(code, "calls"), "expire"), 1);
	assert_int_equal(each_has(member(code, "keys"), key, ARRAY_LEN(key)), 1);
	struct json_value totals = member(parsed.root, "totals");
	assert_int_equal(number(totals, "no_ttl"), 601);
	assert_int_equal(number(totals, "names_lost"), 0);
	assert_int_equal(number(totals, "findings_left_out"), 0);
	forget(&parsed);
	close_stage(&stage);
}

static void json_says_where_it_was_stopped_and_nothing_else_of_it(void **state)
{
	struct stage stage;
	struct parsed parsed;
	struct json_value value;
	(void)state;
	open_stage(&stage);
	run(&stage);
	parse(&parsed, &stage);
	assert_false(json_get(parsed.root, STR("stopped"), &value));
	assert_false(json_get(parsed.root, STR("server"), &value));
	assert_false(json_get(parsed.root, STR("code"), &value));
	forget(&parsed);
	stage.about.stopped = STR("it \"broke\"\n");
	parse(&parsed, &stage);
	assert_true(is_text(parsed.root, "stopped", "it \"broke\"\n"));
	forget(&parsed);
	close_stage(&stage);
}

/* What is written is what --since reads. */
static void json_is_an_older_audit_to_the_next(void **state)
{
	struct stage before, after;
	const struct audit_family *families;
	struct err err;
	(void)state;
	open_stage(&before);
	tell(&before, "orders:1", 100);
	run(&before);
	audit_report_json(before.audit, &before.about, &before.out);
	open_stage(&after);
	assert_int_equal(audit_since(after.audit, buf_str(&before.out), &err), STATUS_OK);
	tell(&after, "orders:1", 150);
	run(&after);
	assert_int_equal(audit_families(after.audit, &families), 1);
	assert_int_equal(families[0].grown_bytes, 50);
	close_stage(&before);
	close_stage(&after);
}

/* ---- commands ---- */

/* Whatever is between quotes must be text to a shell. */
static void no_name_is_a_command_to_a_shell(void **state)
{
	static const char *const names[] = { "a\"$(reboot)`x`!;b", "x:|reboot|:1", "plain:key" };
	struct stage stage;
	const struct audit_finding *findings;
	(void)state;
	open_stage(&stage);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		tell(&stage, names[i], 100);
	run(&stage);
	size_t n = audit_findings(stage.audit, &findings), quoted = 0, piped = 0, plain = 0;
	for (size_t i = 0; i < n; i++) {
		const char *fix = findings[i].fix;
		if (strpbrk(fix, "`$"))
			fail_msg("%s", fix);
		quoted += strstr(fix, "\"a\\x22\\x24(reboot)\\x60x\\x60\\x21;b\"") != NULL;
		piped += strstr(fix, "\"x:|reboot|:1\"") != NULL;
		plain += strstr(fix, " plain:key") != NULL;
	}
	assert_true(quoted && piped && plain);
	close_stage(&stage);
}

/* ---- the page ---- */

static const char *page_of(struct stage *stage)
{
	buf_clear(&stage->out);
	audit_report_html(stage->audit, &stage->about, &stage->out);
	buf_char(&stage->out, 0);
	assert_false(stage->out.overflow);
	return stage->out.ptr;
}

static void no_text_becomes_a_tag_of_the_page(void **state)
{
	struct stage stage;
	(void)state;
	open_stage(&stage);
	stage.about.source = str_of(hostile);
	stage.about.stopped = str_of(hostile);
	fill(&stage);
	const char *page = page_of(&stage);
	assert_null(strstr(page, "<script"));
	assert_non_null(strstr(page, "&lt;script&gt;alert("));
	assert_non_null(strstr(page, "<title>Audit of &lt;script&gt;"));
	assert_non_null(strstr(page, "&lt;script&gt;.py:4"));
	close_stage(&stage);
}

static void the_page_asks_for_nothing_from_elsewhere(void **state)
{
	static const char *const asking[] = {
		"src=",    "href=",   "url(",    "@import", "<link",
		"<iframe", "<object", "<script", "http:",   "https:"
	};
	struct stage stage;
	(void)state;
	open_stage(&stage);
	fill(&stage);
	const char *page = page_of(&stage);
	for (size_t i = 0; i < ARRAY_LEN(asking); i++)
		if (strstr(page, asking[i]))
			fail_msg("the page has %s", asking[i]);
	assert_non_null(strstr(page, "default-src 'none'"));
	assert_non_null(strstr(page, "</html>"));
	close_stage(&stage);
}

/* ---- the tree ---- */

static void families_stand_under_the_parts_they_have_in_common(void **state)
{
	static const char *const patterns[] = { "klines:{symbol}:1m", "klines:{symbol}:1h",
						"klines", "orders:{id}" };
	static const int64_t bytes[] = { 100, 300, 7, 50 };
	struct audit_family families[4] = { 0 };
	struct report_tree tree;
	(void)state;
	for (size_t i = 0; i < 4; i++)
		families[i] = (struct audit_family){
			.pattern = patterns[i], .keys = 1, .bytes = bytes[i], .twin = -1
		};
	assert_int_equal(report_tree_make(families, 4, STR(":_-./|"), &tree), STATUS_OK);
	const struct report_node *root = &tree.nodes[0];
	assert_int_equal(root->bytes, 457);
	assert_int_equal(root->keys, 4);
	int64_t last = INT64_MAX, sum = 0;
	for (uint32_t i = 0; i < root->count; i++) {
		const struct report_node *node = &tree.nodes[root->children + i];
		assert_true(node->bytes <= last);
		last = node->bytes;
		sum += node->bytes;
	}
	assert_int_equal(sum, root->bytes);
	const struct report_node *largest = &tree.nodes[root->children];
	assert_true(str_starts(largest->label, STR("klines:")));
	assert_int_equal(largest->bytes, 400);
	assert_int_equal(largest->keys, 2);
	report_tree_free(&tree);
}

static void each_family_has_one_node(void **state)
{
	enum { FAMILIES = 200 };
	static char patterns[FAMILIES][80];
	struct audit_family *families = calloc(FAMILIES, sizeof *families);
	size_t seen[FAMILIES] = { 0 };
	struct report_tree tree;
	(void)state;
	assert_non_null(families);
	for (int i = 0; i < FAMILIES; i++) {
		snprintf(patterns[i], sizeof patterns[i], "a:%d:b:%d:c:%d:d:%d:e:%d", i % 2, i % 3,
			 i % 5, i % 7, i);
		families[i] = (struct audit_family){
			.pattern = patterns[i], .keys = 1, .bytes = i, .twin = -1
		};
	}
	assert_int_equal(report_tree_make(families, FAMILIES, STR(":"), &tree), STATUS_OK);
	assert_int_equal(tree.nodes[0].keys, FAMILIES);
	for (size_t i = 0; i < tree.count; i++)
		if (tree.nodes[i].family >= 0)
			seen[tree.nodes[i].family]++;
	for (size_t i = 0; i < FAMILIES; i++)
		assert_int_equal(seen[i], 1);
	report_tree_free(&tree);
	free(families);
}

/* ---- text ---- */

static size_t width_of(struct str line)
{
	size_t count = 0;
	for (size_t i = 0; i < line.len; i++)
		count += (line.ptr[i] & 0xc0) != 0x80;
	return count;
}

static void text_fits_the_terminal(void **state)
{
	struct stage stage;
	(void)state;
	open_stage(&stage);
	fill(&stage);
	audit_report_text(stage.audit, &stage.about, false, &stage.out);
	struct str rest = buf_str(&stage.out), line;
	size_t lines = 0;
	for (; rest.len && str_split(&rest, '\n', &line); lines++)
		if (width_of(line) > COLUMNS)
			fail_msg("%zu columns: %.*s", width_of(line), STR_ARG(line));
	assert_true(lines > 20);
	close_stage(&stage);
}

static void colours_are_only_where_they_are_asked_for(void **state)
{
	struct stage stage;
	(void)state;
	open_stage(&stage);
	fill(&stage);
	for (int colour = 0; colour < 2; colour++) {
		buf_clear(&stage.out);
		audit_report_text(stage.audit, &stage.about, colour, &stage.out);
		assert_int_equal(memchr(stage.out.ptr, '\033', stage.out.len) != NULL, colour);
	}
	close_stage(&stage);
}

static void nothing_at_all_is_a_report_too(void **state)
{
	struct stage stage;
	struct parsed parsed;
	(void)state;
	open_stage(&stage);
	stage.about.took_ms = -1;
	run(&stage);
	parse(&parsed, &stage);
	assert_int_equal(number(parsed.root, "keys"), 0);
	assert_int_equal(number(parsed.root, "bytes"), 0);
	assert_int_equal(each_has(member(parsed.root, "families"), NULL, 0), 0);
	assert_int_equal(each_has(member(parsed.root, "findings"), NULL, 0), 0);
	forget(&parsed);
	assert_non_null(strstr(page_of(&stage), "Nothing: no rule found a thing."));
	buf_clear(&stage.out);
	audit_report_text(stage.audit, &stage.about, false, &stage.out);
	assert_true(str_starts(buf_str(&stage.out), STR("Audit of redis://127.0.0.1:6379, ")));
	close_stage(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_has_the_contracts_names),
		cmocka_unit_test(json_says_where_it_was_stopped_and_nothing_else_of_it),
		cmocka_unit_test(json_is_an_older_audit_to_the_next),
		cmocka_unit_test(no_name_is_a_command_to_a_shell),
		cmocka_unit_test(no_text_becomes_a_tag_of_the_page),
		cmocka_unit_test(the_page_asks_for_nothing_from_elsewhere),
		cmocka_unit_test(families_stand_under_the_parts_they_have_in_common),
		cmocka_unit_test(each_family_has_one_node),
		cmocka_unit_test(text_fits_the_terminal),
		cmocka_unit_test(colours_are_only_where_they_are_asked_for),
		cmocka_unit_test(nothing_at_all_is_a_report_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
