/* /fleet, and the JSON of `weir fleet`. */
#include "test_ask_golden.h"

#include <jansson.h>

#include "ask/fleet_view.h"
#include "fleet/fleet.h"

enum { T0_MS = 1000, ROOM = 300 };
static const int64_t start_ms = INT64_C(1784046185000);

static struct ask_world world;
static struct alerts *engine;
static struct fleet *fleet;
static int64_t now_ms;

static void on_event(void *ctx, const struct fleet_event *event) { (void)ctx, (void)event; }
static void on_moved(void *ctx, const struct instance *instance, enum instance_state from)
{
	(void)ctx, (void)instance, (void)from;
}
static void on_action(void *ctx, const struct fleet_action *action) { (void)ctx, (void)action; }
static void on_position(void *ctx, const struct instance *instance, enum position_change change,
			const struct position *position)
{
	(void)ctx, (void)instance, (void)change, (void)position;
}

static void turn(int64_t ms)
{
	now_ms = ms;
	alerts_step(engine, now_ms * 1000000, start_ms + now_ms);
	fleet_step(fleet, now_ms * 1000000, start_ms + now_ms);
}

static void on_change(void *ctx, enum alert_rule rule, struct str scope, bool firing)
{
	(void)ctx;
	fleet_alert(fleet, rule, scope, firing);
}

static uint32_t add(const char *id)
{
	struct instance_identity identity = { .host = "host-1",
					      .groups = { "gold" },
					      .group_count = 1 };
	uint32_t slot;
	snprintf(identity.id, sizeof identity.id, "%s", id);
	assert_int_equal(fleet_add(fleet, &identity, &slot), STATUS_OK);
	return slot;
}

static void say(uint32_t slot, const char *line)
{
	struct mfp_frame frame;
	struct mfp_fault fault;
	bool snapshot;
	assert_int_equal(mfp_read(str_of(line), MFP_PEER, &frame, &fault), STATUS_OK);
	switch (frame.verb) {
	case MFP_VERB_hello: fleet_hello(fleet, slot, &frame, &snapshot); break;
	case MFP_VERB_state: fleet_state_frame(fleet, slot, &frame); break;
	case MFP_VERB_account:
		assert_int_equal(fleet_account_frame(fleet, slot, &frame), STATUS_OK);
		break;
	case MFP_VERB_snapshot:
		assert_int_equal(fleet_snapshot_frame(fleet, slot, &frame), STATUS_OK);
		break;
	case MFP_VERB_position:
		assert_int_equal(fleet_position_frame(fleet, slot, &frame), STATUS_OK);
		break;
	default: fail_msg("%s", line);
	}
}

static void hello(uint32_t slot, long long login)
{
	char line[512];
	snprintf(
	    line, sizeof line,
	    "H 0 v=1 id=x ep=1784046185431 mac=35cd832ccd3c88068e3314f439e1ecbd login=%lld "
	    "srv=FPMarketsSC-Live cur=USD mm=hedge tm=real lev=500 bld=6090 ea=1.0.0 off=10800 "
	    "ph=0000000000000000 n=0",
	    login);
	say(slot, line);
}

#define STATE "S 0 t=1784046190001 con=1 ta=1 ma=1 aa=1 ae=1 ping=158410 ret=0.02 mem=62 "

static int set_up(void **state)
{
	static const struct fleet_hooks hooks = { on_event, on_moved, on_action, on_position,
						  NULL };
	const struct alert_hooks alert_hooks = { .on_change = on_change };
	struct fleet_settings settings = fleet_settings_default();
	(void)state;
	engine = alerts_create(&alert_hooks);
	fleet = fleet_create(ROOM, &settings, engine, 1, &hooks);
	const struct market_config config = { .whale_quote = 1 };
	world = (struct ask_world){ .markets = markets_create(&config),
				    .options = ask_options_default(),
				    .fleet = fleet };
	turn(T0_MS);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fleet_destroy(fleet);
	alerts_destroy(engine);
	markets_destroy(world.markets);
	return 0;
}

/* One runs, one has lost its broker, one has gone silent, one was never there. */
static void fill(void)
{
	uint32_t good = add("mt5-001"), slow = add("mt5-002"), gone = add("mt5-003");
	add("mt5-004");
	hello(good, 90000001);
	hello(slow, 90000002);
	hello(gone, 90000003);
	say(gone, STATE "ph=0000000000000000 n=0");
	for (int second = 1; second <= 17; second++) {
		turn(T0_MS + second * 1000);
		say(good, STATE "ph=0000000000000000 n=0");
		say(slow, "S 0 t=1784046190001 con=0 ta=1 ma=1 aa=1 ae=1 ph=0000000000000000 n=0");
	}
	say(good, "A 0 t=1784046190001 bal=3346.16 eq=2271.87 mar=164.53 fm=2107.34 ml=1380.82 "
		  "cr=0.00 pl=-1074.29");
	say(good, "O 0 b=1 n=1");
	say(good, "o 0 tk=237511830 id=237511830 sym=NZDCHF.r sd=sell vol=0.48 po=0.46850 "
		  "pc=0.48030 sl=0.00000 tp=0.46672 sw=-12.40 pl=-463.07 mg=0 sv=1785100000123");
	say(good, "O 0 e=1 n=1 ph=2020682586963ede");
	turn(T0_MS + 17500);
}

static void fleet_by_state(void **state)
{
	(void)state;
	fill();
	goldens(&world, "fleet", "/fleet", start_ms + now_ms);
}

static void what_needs_a_look_comes_first(void **state)
{
	(void)state;
	fill();
	const char *text = ask_text(&world, "/fleet", start_ms + now_ms);
	const char *gone = strstr(text, "mt5-003 · "), *slow = strstr(text, "mt5-002 · ");
	const char *good = strstr(text, "mt5-001 · RUNNING"), *never = strstr(text, "mt5-004 · ");
	assert_true(gone && slow && good && never);
	assert_true(gone < slow && slow < good && good < never);
}

static void a_large_fleet_fits_the_page_and_says_how_many_more(void **state)
{
	char id[16];
	(void)state;
	for (int i = 0; i < ROOM; i++) {
		snprintf(id, sizeof id, "mt5-%03d", i);
		add(id);
	}
	const char *text = ask_text(&world, "/fleet", 0);
	assert_non_null(strstr(text, "\n… 276 more: weir fleet list\n"));
	struct buf out = buf_over(storage, sizeof storage);
	ask(&world, "/fleet", ASK_JSON, 0, &out);
	json_error_t fault;
	json_t *root = json_loadb(out.ptr, out.len, 0, &fault);
	json_t *data = json_object_get(root, "data");
	assert_int_equal(json_integer_value(json_object_get(data, "terminals")), ROOM);
	assert_int_equal(json_array_size(json_object_get(data, "instances")), 100);
	json_decref(root);
}

static void simulated_terminals_say_so(void **state)
{
	(void)state;
	add("sim-001");
	world.options.fleet_simulated = true;
	assert_true(str_starts(str_of(ask_text(&world, "/fleet", 0)), STR("SIMULATED TERMINALS")));
}

static void without_a_fleet_none_is_kept(void **state)
{
	(void)state;
	world.fleet = NULL;
	assert_string_equal(ask_text(&world, "/fleet", 0), "No terminals are kept here.\n");
}

static void everything_of_one_terminal_is_shown_with_its_own_digits(void **state)
{
	struct buf out = buf_over(storage, sizeof storage);
	struct json_out json = { .out = &out };
	json_error_t fault;
	(void)state;
	fill();
	fleet_view_whole(&json, fleet_at(fleet, fleet_find(fleet, STR("mt5-001"))));
	json_t *root = json_loadb(out.ptr, out.len, 0, &fault);
	assert_non_null(root);
	json_t *numbers = json_object_get(root, "numbers");
	assert_int_equal(json_object_size(numbers), SAMPLE_COUNT);
	assert_string_equal(json_string_value(json_object_get(numbers, "ret")), "0.02");
	assert_string_equal(json_string_value(json_object_get(numbers, "eq")), "2271.87");
	assert_true(json_is_null(json_object_get(numbers, "x7")));
	json_t *position = json_array_get(json_object_get(root, "open"), 0);
	assert_string_equal(json_string_value(json_object_get(position, "sl")), "0.00000");
	assert_string_equal(json_string_value(json_object_get(position, "symbol")), "NZDCHF.r");
	assert_string_equal(json_string_value(json_array_get(json_object_get(root, "groups"), 0)),
			    "gold");
	json_decref(root);
}

static void the_whole_list_is_json(void **state)
{
	struct buf out = buf_over(storage, sizeof storage);
	json_error_t fault;
	(void)state;
	fill();
	fleet_view_list(&out, fleet);
	json_t *root = json_loadb(out.ptr, out.len, 0, &fault);
	assert_int_equal(json_array_size(json_object_get(root, "instances")), 4);
	json_decref(root);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(fleet_by_state),
		TEST(what_needs_a_look_comes_first),
		TEST(a_large_fleet_fits_the_page_and_says_how_many_more),
		TEST(simulated_terminals_say_so),
		TEST(without_a_fleet_none_is_kept),
		TEST(everything_of_one_terminal_is_shown_with_its_own_digits),
		TEST(the_whole_list_is_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
