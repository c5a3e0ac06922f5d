/* What the fleet's core costs: ns of thread CPU for each frame of 1,000 terminals (read
 * already), quiet and with alerts, for a turn in which nothing is due, for the whole
 * fleet's hellos and its mass failure; and the bytes of a terminal. Medians of repeats. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "fleet/fleet_impl.h"
#include "report.h"

enum { COUNT = 1000, RUNS = 9, SECONDS = 30 };
#define START_MS INT64_C(1784046185000)
/* A frame with alerts: every value told, a tenth of the terminals beyond in something. */
#define STATE_BOUND_NS 3000

static struct fleet *fleet;
static struct alerts *alerts;
static int64_t now_ns;
static uint64_t told;

static int64_t cpu_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void on_event(void *ctx, const struct fleet_event *event) { (void)ctx, told += !!event; }
static void on_action(void *ctx, const struct fleet_action *action) { (void)ctx, told += !!action; }
static void on_change(void *ctx, enum alert_rule rule, struct str scope, bool firing)
{
	(void)ctx;
	fleet_alert(fleet, rule, scope, firing);
}

static struct mfp_frame read_frame(const char *line)
{
	struct mfp_frame frame;
	struct mfp_fault fault;
	if (mfp_read(str_of(line), MFP_PEER, &frame, &fault))
		abort();
	return frame;
}

static void turn(int64_t step_ns)
{
	now_ns += step_ns;
	alerts_step(alerts, now_ns, START_MS + now_ns / MS_NS);
	fleet_step(fleet, now_ns, START_MS + now_ns / MS_NS);
}

static void open_fleet(void)
{
	const struct alert_hooks alert_hooks = { .on_change = on_change };
	const struct fleet_hooks hooks = { .on_event = on_event, .on_action = on_action };
	struct fleet_settings settings = fleet_settings_default();
	now_ns = SECOND_NS;
	alerts = alerts_create(&alert_hooks);
	fleet = fleet_create(COUNT, &settings, alerts, 1, &hooks);
	if (!alerts || !fleet)
		abort();
	turn(0);
	for (uint32_t i = 0; i < COUNT; i++) {
		struct instance_identity identity = { .host = "vm" };
		uint32_t slot;
		snprintf(identity.id, sizeof identity.id, "mt5-%04u", i);
		if (fleet_add(fleet, &identity, &slot))
			abort();
	}
}

static void close_fleet(void)
{
	fleet_destroy(fleet);
	alerts_destroy(alerts);
}

/* ns for each of all terminals' hellos. */
static double run_hellos(void)
{
	struct mfp_frame hello = read_frame(
	    "H 0 v=1 id=mt5-017 ep=1784046185431 mac=35cd832ccd3c88068e3314f439e1ecbd "
	    "login=90000001 srv=FPMarketsSC-Live cur=USD mm=hedge tm=real lev=500 bld=6090 "
	    "ea=1.0.0 off=10800 dn=88123 ld=227408982 lsv=1785821409459 ph=0000000000000000 n=0");
	bool snapshot;
	int64_t start = cpu_ns();
	for (uint32_t slot = 0; slot < COUNT; slot++)
		fleet_hello(fleet, slot, &hello, &snapshot);
	return (double)(cpu_ns() - start) / COUNT;
}

/* ns a frame over some seconds of the fleet; `odd` replaces every tenth. */
static double run_frames(const char *line, const char *odd,
			 void (*take)(struct fleet *fleet, uint32_t slot,
				      const struct mfp_frame *frame))
{
	struct mfp_frame frame = read_frame(line), other = read_frame(odd);
	int64_t spent = 0;
	for (int second = 0; second < SECONDS; second++) {
		turn(SECOND_NS);
		int64_t start = cpu_ns();
		for (uint32_t slot = 0; slot < COUNT; slot++)
			take(fleet, slot, slot % 10 ? &frame : &other);
		spent += cpu_ns() - start;
	}
	return (double)spent / COUNT / SECONDS;
}

#define STATE                                                                                      \
	"S 0 t=1784046190001 con=1 ta=1 ma=1 aa=1 ae=1 ping=158410 ret=0.02 mem=62 memp=16298 "    \
	"disk=48211 cores=8 lag=12 q=0 inf=0 tick=231 dr=0 dn=88123 ph=0000000000000000 n=0 cpu="
#define BUSY                                                                                       \
	"S 0 t=1784046190001 con=1 ta=1 ma=1 aa=1 ae=1 ping=658410 ret=0.02 mem=92 memp=16298 "    \
	"disk=48211 cores=8 lag=12 q=150 inf=1 tick=231 dr=0 dn=88123 ph=0000000000000000 n=0 "    \
	"cpu=91"

static void take_account(struct fleet *f, uint32_t slot, const struct mfp_frame *frame)
{
	(void)!fleet_account_frame(f, slot, frame);
}

static void take_position(struct fleet *f, uint32_t slot, const struct mfp_frame *frame)
{
	(void)!fleet_position_frame(f, slot, frame);
}

static void take_heard(struct fleet *f, uint32_t slot, const struct mfp_frame *frame)
{
	(void)frame;
	fleet_heard(f, slot);
}

static double run_idle_turns(void)
{
	enum { TURNS = 100000 };
	int64_t start = cpu_ns();
	for (int i = 0; i < TURNS; i++)
		turn(1000);
	return (double)(cpu_ns() - start) / TURNS;
}

/* Everybody silent at once, guard and all; then heard again. us for the worst turn. */
static double run_silence(void)
{
	int64_t worst = 0;
	for (int i = 0; i < 200; i++) {
		int64_t start = cpu_ns();
		turn(100 * MS_NS);
		int64_t took = cpu_ns() - start;
		worst = took > worst ? took : worst;
	}
	if (!fleet_counts(fleet).guarded || fleet_counts(fleet).states[INSTANCE_FAILED])
		abort();
	return (double)worst / 1000;
}

struct figures {
	struct samples hello, quiet, busy, heard, host, account, position, idle, silence;
};

static void run_all(struct figures *f)
{
	open_fleet();
	samples_add(&f->hello, run_hellos());
	samples_add(&f->quiet, run_frames(STATE "21.5", STATE "21.5", fleet_state_frame));
	samples_add(&f->heard, run_frames("P 0 t=1", "P 0 t=1", take_heard));
	samples_add(&f->host,
		    run_frames("M 0 id=mt5-017 t=1784046190100 pid=4412 cpu=37.5 rss=223 fd=311 "
			       "thr=41 la=1.42 up=86400 host=vm",
			       "M 0 id=mt5-017 t=1784046190100 pid=4412 cpu=37.5 rss=223 fd=311 "
			       "thr=41 la=1.42 up=86400 host=vm",
			       fleet_host_frame));
	samples_add(&f->account,
		    run_frames("A 0 t=1784046190001 bal=3346.16 eq=2271.87 mar=164.53 fm=2107.34 "
			       "ml=1380.82 cr=0.00 pl=-1074.29",
			       "A 0 t=1784046190001 bal=3346.16 eq=2271.87 mar=164.53 fm=2107.34 "
			       "ml=1380.82 cr=0.00 pl=-1074.29",
			       take_account));
	samples_add(&f->busy, run_frames(STATE "21.5", BUSY, fleet_state_frame));
	if (alerts_counts(alerts).active < COUNT / 10)
		abort(); /* nothing to see */
	samples_add(&f->position,
		    run_frames("o 0 ev=new tk=242365136 sym=BTCUSD sd=buy vol=0.20 po=54000.1 "
			       "pc=54001.2 sl=54484.16 tp=52944.45 sw=0.00 pl=-116.15 mg=1 sv=1",
			       "o 0 ev=new tk=242365136 sym=BTCUSD sd=buy vol=0.20 po=54000.1 "
			       "pc=54001.2 sl=54484.16 tp=52944.45 sw=0.00 pl=-116.15 mg=1 sv=1",
			       take_position));
	samples_add(&f->idle, run_idle_turns());
	samples_add(&f->silence, run_silence());
	close_fleet();
}

int main(void)
{
	static struct figures f;
	for (int i = 0; i < RUNS; i++)
		run_all(&f);
	printf("a terminal: %zu bytes (instance %zu); a position %zu\n", sizeof(struct terminal),
	       sizeof(struct instance), sizeof(struct position));
	report("hello, each of 1,000", &f.hello, "ns");
	report("S, quiet", &f.quiet, "ns");
	double busy = report("S, a tenth of the fleet in alerts", &f.busy, "ns");
	report("any other frame", &f.heard, "ns");
	report("M", &f.host, "ns");
	report("A", &f.account, "ns");
	report("o, one position replaced", &f.position, "ns");
	report("a turn with nothing due", &f.idle, "ns");
	report("the worst turn of a fleet that falls silent", &f.silence, "us");
	return report_bound("S, a tenth of the fleet in alerts", busy, "ns", false, STATE_BOUND_NS)
		   ? 0
		   : 1;
}
