/* page_now.js - how weir is, in one look: a light and its reason per part, the ledger, the
 * segment that is full first, what fires, terminals by state. */
import { topic } from '/conn.js';
import { h, setAttr, setLight, setText } from '/dom.js';
import { NONE, bytes, percent, short, span, stamp, whole } from '/fmt.js';
import { ledgerSums, showLedger } from '/ledger.js';
import { makeFacts, makePanel, topicAge } from '/parts.js';
import { createRows } from '/rows.js';
import { states } from '/tables.js';
import { link } from '/url.js';

const pageOf = { segments: 'redis', feeds: 'markets', fleet: 'fleet', archive: 'ledger', sinks: 'ledger', telegram: 'alerts', alerts: 'alerts' };
const rank = { critical: 0, warn: 1, ok: 2, off: 3 };

const partColumns = [
	{ id: 'light', head: 'Light', width: '92px', light: true, value: (row) => row.light },
	{ id: 'part', head: 'Part', width: '92px', value: (row) => row.part, make: (row) => h('a', { href: link(pageOf[row.part] ?? 'now') }, row.part), fill: () => {} },
	{ id: 'reason', head: 'Why', style: 'wrap', value: (row) => row.reason, tone: (value, row) => (row.light === 'critical' ? 'bad' : '') },
];

const alertColumns = [
	{ id: 'severity', head: 'Severity', width: '92px', light: true, value: (row) => ({ info: 'off', warn: 'warn', critical: 'critical' })[row.severity], print: (value, row) => row.severity, hint: (row) => row.state },
	{ id: 'name', head: 'Alert', width: '28%', value: (row) => row.name },
	{ id: 'message', head: 'What', style: 'wrap', value: (row) => row.message, hint: (row) => row.message },
];

function verdictOf(state) {
	const bad = state.parts.filter((part) => part.light === state.light).map((part) => part.part);
	return state.light === 'ok' ? 'All parts are well' : `${bad.join(', ')}: ${state.light === 'warn' ? 'needs a look' : 'needs somebody now'}`;
}

function showWorst(facts, worst) {
	facts.set('worst', worst?.segment ?? NONE, '', worst ? '' : 'no segment has been measured yet');
	facts.set('full', worst ? (worst.time_to_full_s === null ? 'not in sight' : span(worst.time_to_full_s * 1000)) : NONE,
		worst && worst.time_to_full_s !== null && worst.time_to_full_s < 3600 ? 'bad' : '',
		'at the growth of the last minute; not in sight: it does not grow');
	facts.set('share', worst?.used_share === null || !worst ? NONE : percent(worst.used_share));
}

export default {
	id: 'now', title: 'Now', letter: 'n',
	open(host) {
		const verdict = h('span.light', { 'data-light': 'off' }, 'weir has not answered yet');
		const versionLine = h('span.dim');
		const status = makePanel('Parts', { bare: true });
		const parts = createRows({ label: 'Parts', columns: partColumns, key: (row) => row.part, empty: 'weir has not answered yet.' });
		status.body.append(h('div.verdict', null, verdict, versionLine), parts.element);
		const ledger = makePanel('Ledger', { bare: true });
		const sums = ledgerSums();
		ledger.body.append(sums.element);
		const memory = makePanel('Memory: full first', { bare: true });
		const memoryFacts = makeFacts([['worst', 'Segment'], ['full', 'Full in'], ['share', 'Used'], ['used', 'Used, all'], ['resident', 'weir itself'], ['growth', 'Growth, all']], 3);
		memory.body.append(memoryFacts.element);
		const fleet = makePanel('Terminals by state', { bare: true });
		const fleetFacts = makeFacts([...states.map((state) => [state.name, state.name, state.meaning]), ['pl', 'Open profit, all'], ['results', 'Results, all']], 4);
		fleet.body.append(fleetFacts.element);
		const alerts = makePanel('Firing', { bare: true });
		const alertRows = createRows({ label: 'Alerts that fire', columns: alertColumns, key: (row) => `${row.rule} ${row.scope}`, max: 8, empty: 'Nothing fires.' });
		alerts.body.append(alertRows.element);
		const markets = makePanel('Markets', { bare: true });
		const marketFacts = makeFacts([['count', 'Followed'], ['silent', 'Silent for 30 s'], ['trades', 'Trades taken'], ['minutes', 'Least known', 'minutes of the last 24 h that are known, of the market with the fewest']], 4);
		markets.body.append(marketFacts.element);
		host.append(h('div.columns.two', null, h('div.stack', null, status.element, ledger.element),
			h('div.stack', null, alerts.element, memory.element, fleet.element, markets.element)));
		status.age(topicAge('now'));
		ledger.age(topicAge('now'));
		memory.age(topicAge('memory'));
		fleet.age(topicAge('fleet'));
		alerts.age(topicAge('alerts'));
		markets.age(topicAge('markets'));

		function showStatus() {
			const state = topic('now').data;
			setLight(verdict, state.light, verdictOf(state));
			setText(versionLine, `weir ${state.version}, up for ${span(state.uptime_s * 1000)}`);
			setAttr(versionLine, 'title', `weir's clock: ${stamp(state.t_ms)}`);
			parts.update([...state.parts].sort((a, b) => rank[a.light] - rank[b.light]));
			showLedger(sums, state.ledger, ledger.note);
			showWorst(memoryFacts, state.worst);
		}

		function showMemory() {
			const { segments, resident } = topic('memory').data;
			const sum = (key) => segments.reduce((total, one) => total + (one[key] ?? 0), 0);
			memoryFacts.set('used', bytes(sum('used')), '', `of ${bytes(sum('max'))}`);
			memoryFacts.set('resident', bytes(resident));
			memoryFacts.set('growth', `${bytes(sum('growth'))}/s`);
		}

		function showFleet() {
			const rows = [...topic('fleet').rows.values()];
			for (const { name, meaning } of states) {
				const count = rows.filter((row) => row.state === name).length;
				const bad = count && (name === 'FAILED' ? 'bad' : name === 'DEGRADED' || name === 'RECOVERING' ? 'warn' : '');
				fleetFacts.set(name, whole(count), bad, meaning);
			}
			const add = (key) => rows.reduce((total, row) => total + Number(row[key] ?? 0), 0);
			const currencies = new Set(rows.map((row) => row.currency).filter(Boolean));
			fleetFacts.set('pl', currencies.size === 1 ? `${short(add('pl'))} ${[...currencies][0]}` : NONE, '',
				currencies.size === 1 ? 'of open positions' : 'more than one currency, or none known: no sum');
			fleetFacts.set('results', `${short(add('res'))}/s`);
			setText(fleet.note, `${rows.length} known`);
		}

		function showMarkets() {
			const list = topic('markets');
			const rows = [...list.rows.values()];
			const silent = rows.filter((row) => row.last_ms === null || list.t_ms - row.last_ms > 30000).length;
			marketFacts.set('count', whole(rows.length));
			marketFacts.set('silent', whole(silent), silent ? 'warn' : '');
			marketFacts.set('trades', whole(rows.reduce((total, row) => total + row.trades, 0)));
			marketFacts.set('minutes', rows.length ? `${whole(Math.min(...rows.map((row) => row.minutes_24h)))} min` : NONE);
		}

		function showAlerts() {
			const { data } = topic('alerts').data;
			const firing = (data?.alerts ?? []).filter((one) => one.state === 'firing' || one.state === 'clearing');
			setText(alerts.note, data ? `${data.firing} firing, ${data.pending} pending` : '');
			alertRows.update(firing);
		}

		const shows = { now: showStatus, memory: showMemory, fleet: showFleet, markets: showMarkets, alerts: showAlerts };
		return {
			topics: ['now', 'memory', 'fleet', 'markets', 'alerts'],
			push: (names) => Object.keys(shows).filter((name) => names.has(name) && topic(name)?.data).forEach((name) => shows[name]()),
			close: () => [status, ledger, memory, fleet, alerts, markets].forEach((panel) => panel.close()),
		};
	},
};
