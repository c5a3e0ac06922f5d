/* terminal.js - one terminal: its numbers, its open positions, its past as charts with every
 * change of its state marked. Part of the page Fleet. */
import { createChart } from '/chart.js';
import { serverNow, topic } from '/conn.js';
import { choice, h, press, setLight, setText } from '/dom.js';
import { NONE, decimal, fixed, price, short, signed, span, stamp, tone, when } from '/fmt.js';
import { makeFacts, makePanel, poll, topicAge } from '/parts.js';
import { createRows } from '/rows.js';
import { change } from '/url.js';

const PAST_MS = 5000;
const POINTS = 300;
const NARROWEST_MS = 120000;
const minutesOffered = [['15', '15 m'], ['60', '1 h'], ['240', '4 h'], ['1440', '24 h']];
const shown = ['eq', 'bal', 'ping', 'cpu', 'mem'];
const tones = { RUNNING: 'ok', FAILED: 'critical', DEGRADED: 'warn', RECOVERING: 'warn', STARTING: 'warn' };

const positionColumns = [
	{ id: 'ticket', head: 'Position', width: '102px', value: (row) => row.ticket },
	{ id: 'symbol', head: 'Symbol', width: '74px', value: (row) => row.symbol },
	{ id: 'side', head: 'Side', width: '64px', value: (row) => row.side, print: (value) => (value === 'buy' ? '▲ buy' : '▼ sell'), tone: (value) => value },
	{ id: 'volume', head: 'Lots', width: '52px', num: true, value: (row) => row.volume },
	{ id: 'open', head: 'Open', width: '80px', num: true, value: (row) => row.price_open, print: decimal },
	{ id: 'now', head: 'Now', width: '80px', num: true, value: (row) => row.price_now, print: decimal },
	{ id: 'sl', head: 'SL', width: '80px', num: true, hide: 'farther', value: (row) => (Number(row.sl) ? row.sl : null), print: decimal, why: 'none is set' },
	{ id: 'tp', head: 'TP', width: '80px', num: true, hide: 'farther', value: (row) => (Number(row.tp) ? row.tp : null), print: decimal, why: 'none is set' },
	{ id: 'profit', head: 'P/L', num: true, value: (row) => row.profit, print: (value) => signed(value), tone },
];

const changeColumns = [
	{ id: 't', head: 'UTC', width: '96px', value: (row) => row.t_ms, print: (value) => when(value, serverNow()), hint: (row) => stamp(row.t_ms) },
	{ id: 'to', head: 'Became', width: '112px', value: (row) => row.to, tone: (value) => ({ ok: 'good', warn: 'warn', critical: 'bad' })[tones[value]] },
	{ id: 'from', head: 'Was', width: '108px', hide: 'far', value: (row) => row.from },
	{ id: 'reason', head: 'Why', value: (row) => row.reason, hint: (row) => row.reason ?? '', why: 'weir was told no reason' },
];

const factNames = [['eq', 'Equity'], ['bal', 'Balance'], ['pl', 'Open P/L'], ['fm', 'Free margin'], ['ping', 'Ping', 'to its broker'], ['rtt', 'Round trip', 'to weir and back'],
	['cpu', 'CPU'], ['mem', 'Memory'], ['since', 'In this state'], ['heard', 'Heard'], ['waiting', 'Waiting, sent', 'signals that wait in weir, and that have no final answer'], ['starts', 'Restarts']];

export function openTerminal(host, params, onClose) {
	const id = params.terminal;
	const name = `terminal:${id}`;
	const panel = makePanel(`Terminal ${id}`, { bare: true });
	const light = h('span.light');
	const line = h('span.dim');
	const facts = makeFacts(factNames, 4);
	const positions = createRows({ label: 'Open positions', columns: positionColumns, key: (row) => row.ticket, empty: 'No open position.', height: '240px' });
	const spans = choice('Past', minutesOffered, params.minutes ?? '60', (minutes) => change({ minutes: minutes === '60' ? '' : minutes }));
	const said = h('span.said');
	const charts = h('div');
	const changes = createRows({ label: 'Changes of state', columns: changeColumns, key: (row) => `${row.t_ms} ${row.to}`, max: 100, height: '200px', empty: 'Its state did not change.' });
	panel.header.querySelector('.age').after(h('button.plain.small', { type: 'button', onclick: onClose, 'aria-label': `Close terminal ${id}` }, 'esc'));
	panel.body.append(h('div.tools', null, light, line), facts.element, positions.element, h('div.tools', null, h('b', null, 'Past'), spans, said), charts, changes.element);
	host.append(panel.element);
	panel.age(topicAge(name));
	const group = `terminal ${id}`;
	const money = createChart(charts, { label: 'Money', kind: 'lines', group, height: 120, format: (value) => decimal(price(value)),
		series: [{ name: 'equity', colour: 'accent' }, { name: 'balance', colour: 'dim' }] });
	const ping = createChart(charts, { label: 'Ping ms', kind: 'lines', group, height: 84, format: (value) => fixed(value, 1), series: [{ name: 'ping', colour: 'accent' }] });
	const load = createChart(charts, { label: 'CPU %, memory MB', kind: 'lines', group, height: 96, axis: true, format: (value) => fixed(value, 0),
		series: [{ name: 'cpu', colour: 'accent' }, { name: 'mem', colour: 'dim' }] });
	let minutes = params.minutes ?? '60';
	let archived = { t: [], fields: {}, states: [] };
	const live = { t: [], fields: Object.fromEntries(shown.map((field) => [field, []])) };

	/* What is archived comes by the minute; what was seen here since goes behind it. */
	function takeLive(numbers) {
		if (topic(name).t_ms <= live.t.at(-1))
			return;
		live.t.push(topic(name).t_ms);
		for (const field of shown)
			live.fields[field].push(numbers[field]);
		if (live.t.length > POINTS)
			[live.t, ...Object.values(live.fields)].forEach((column) => column.shift());
	}

	/* A column of both, as numbers. */
	function column(field, from) {
		const number = (value) => (value === null || value === undefined ? null : Number(value));
		return [...archived.t.map((t, i) => number(archived.fields[field][i])), ...live.fields[field].slice(from).map(number)];
	}

	function draw() {
		const newest = topic(name)?.t_ms ?? serverNow();
		const from = archived.t.length ? live.t.findIndex((t) => t > archived.t.at(-1)) : 0;
		const first = from < 0 ? live.t.length : from;
		const t = [...archived.t, ...live.t.slice(first)];
		/* Not wider than what is known, so that a terminal that just came is seen, too. */
		const range = [Math.max(newest - minutes * 60000, Math.min(t[0] ?? newest, newest - NARROWEST_MS)), newest];
		const marks = archived.states.map((one) => ({ t: one.t_ms, text: one.to, tone: tones[one.to] }));
		const view = { t, step: 60000, range };
		money.set({ ...view, columns: [column('eq', first), column('bal', first)], marks });
		ping.set({ ...view, columns: [column('ping', first).map((value) => (value === null ? null : value / 1000))], marks: marks.map((mark) => ({ ...mark, text: '' })) });
		load.set({ ...view, columns: [column('cpu', first), column('mem', first)] });
	}

	const past = poll(() => `/api/v1/fleet/${encodeURIComponent(id)}/timeline?minutes=${minutes}&n=${POINTS}`, PAST_MS, (data) => {
		archived = data;
		changes.update([...data.states].reverse());
		setText(said, `${data.t.length} min archived`);
		draw();
	}, (refusal) => setText(said, refusal.message));

	function show() {
		const row = topic(name)?.data;
		if (!row)
			return;
		const { numbers } = row;
		setLight(light, { RUNNING: 'ok', FAILED: 'critical', STOPPED: 'off' }[row.state] ?? 'warn', `${row.state}${row.flags ? ' ' + row.flags : ''}`, row.reason ?? '');
		setText(line, [row.login && `${row.login}@${row.server}`, row.currency, row.leverage && `1:${row.leverage}`, row.host, row.expert && `expert ${row.expert}`, row.reason].filter(Boolean).join(' · '));
		for (const key of ['eq', 'bal', 'fm'])
			facts.set(key, decimal(numbers[key]));
		facts.set('pl', signed(numbers.pl), tone(numbers.pl));
		facts.set('ping', numbers.ping === null ? NONE : `${fixed(numbers.ping / 1000, 1)} ms`);
		facts.set('rtt', numbers.rtt === null ? NONE : `${fixed(numbers.rtt, 1)} ms`);
		facts.set('cpu', numbers.cpu === null ? NONE : `${fixed(numbers.cpu, 1)} %`);
		facts.set('mem', numbers.mem === null ? NONE : `${short(numbers.mem)} MB`);
		facts.set('since', row.since_ms ? span(serverNow() - row.since_ms) : NONE);
		facts.set('heard', row.heard_ms ? span(serverNow() - row.heard_ms) : NONE, serverNow() - row.heard_ms > 10000 ? 'bad' : '');
		facts.set('waiting', `${row.waiting}, ${row.in_flight}`);
		facts.set('starts', row.restarts, '', `by weir; and ${row.reconnects} reconnects`);
		positions.update(row.open);
		takeLive(numbers);
		draw();
		setText(panel.note, `${row.open.length} open`);
	}

	return {
		id, element: panel.element, push: show,
		change: (next) => {
			press(spans, next.minutes ?? '60');
			if ((next.minutes ?? '60') !== minutes) {
				minutes = next.minutes ?? '60';
				past.again();
			}
		},
		close: () => {
			past.stop();
			panel.close();
			for (const chart of [money, ping, load])
				chart.destroy();
			panel.element.remove();
		},
	};
}
