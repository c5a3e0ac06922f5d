/* page_markets.js - the markets followed, and one of them: price, delta, CVD, open interest,
 * liquidations below each other, with one cursor; minutes of which trades may be missing are
 * shaded. */
import { BARS_MAX, createChart } from '/chart.js';
import { ask, isActive, put, serverNow, topic } from '/conn.js';
import { choice, h, press, setText } from '/dom.js';
import { NONE, decimal, fixed, percent, price, short, signed, span, tone, whole } from '/fmt.js';
import { makeFacts, makePanel, topicAge } from '/parts.js';
import { createRows } from '/rows.js';
import { change, place } from '/url.js';

const timeframes = ['1m', '5m', '15m', '30m', '60m', '4h', '1d'];
const USUAL = '1m';
const SILENT_MS = 30000;
const WHOLE_MS = 10000; /* open interest and liquidations come with whole answers only */
const BAR_PIXELS = 4;
const OTHER_PIXELS = 600; /* of a window, what is not the candles */

const delta = (row) => Number(row.buy_24h) - Number(row.sell_24h);
const volume = (row) => Number(row.buy_24h) + Number(row.sell_24h);

/* binance:perp:BTCUSDT → BTCUSDT, Binance perp. */
function nameOf(market) {
	const [venue, kind, symbol] = market.split(':');
	return { symbol, where: `${venue} ${kind}` };
}

const columns = [
	{ id: 'market', head: 'Market', width: '98px', value: (row) => row.market, print: (value) => nameOf(value).symbol, hint: (row) => row.market + (row.simulated ? ', SIMULATED' : '') },
	{ id: 'where', head: 'Where', width: '108px', value: (row) => nameOf(row.market).where },
	{ id: 'price', head: 'Price', width: '92px', num: true, value: (row) => row.price, print: decimal, why: 'no trade of it has come yet' },
	{ id: 'volume', head: 'Vol 24h', title: 'base units', width: '84px', num: true, hide: 'farther', value: volume, print: short },
	{ id: 'delta', head: 'Delta 24h', title: 'taker buy less taker sell, base units', width: '86px', num: true, hide: 'far', value: delta, print: (value) => signed(value, short), tone },
	{ id: 'minutes', head: 'Known', title: 'minutes of the last 1,440', width: '62px', num: true, hide: 'farther', value: (row) => row.minutes_24h, print: whole, tone: (value) => (value < 1440 ? 'warn' : '') },
	{ id: 'age', head: 'Age', title: 'of its newest trade', width: '62px', num: true, ticks: true, value: (row) => row.last_ms, print: (value) => span(serverNow() - value),
		tone: (value) => (serverNow() - value > SILENT_MS ? 'bad' : ''), why: 'no trade of it has come yet' },
];

function sumOf(column) {
	return column.reduce((total, value) => total + (value ?? 0), 0);
}

function makeCharts(host) {
	const group = 'market';
	const height = Math.max(220, innerHeight - OTHER_PIXELS);
	const one = (spec) => createChart(host, { group, ...spec });
	return {
		price: one({ label: 'Price', kind: 'candles', height, tag: true, format: price,
			series: [{ name: 'O', colour: 'text' }, { name: 'H', colour: 'text' }, { name: 'L', colour: 'text' }, { name: 'C', colour: 'text' }] }),
		delta: one({ label: 'Delta', kind: 'signed', height: 64, series: [{ name: 'buy − sell', colour: 'text' }] }),
		cvd: one({ label: 'CVD', kind: 'lines', height: 72, tag: true, series: [{ name: 'sum of delta', colour: 'accent' }] }),
		oi: one({ label: 'Open interest', kind: 'lines', height: 64, tag: true, none: 'None: a spot market, or the venue has not said it yet.', series: [{ name: 'one-sided', colour: 'ok' }] }),
		liquidations: one({ label: 'Liquidations', kind: 'mirrored', height: 82, axis: true, none: 'None in this time.',
			series: [{ name: 'of shorts', colour: 'buy' }, { name: 'of longs', colour: 'sell' }] }),
	};
}

/* Only as many bars as there is room for, the newest. */
function tail(bars, width) {
	const room = Math.max(40, Math.min(BARS_MAX, Math.floor(width / BAR_PIXELS)));
	const from = Math.max(0, bars.t.length - room);
	return Object.fromEntries(Object.entries(bars).map(([key, column]) => [key, column.slice(from)]));
}

function within(t, columns, range) {
	const first = t.findIndex((one) => one >= range[0]);
	const cut = (column) => (first < 0 ? [] : column.slice(first));
	return [cut(t), columns.map(cut)];
}

export default {
	id: 'markets', title: 'Markets', letter: 'm',
	open(host, params, shell) {
		let market = params.market ?? '';
		let tf = timeframes.includes(params.tf) ? params.tf : USUAL;
		let offered = '';
		let wholeAt = 0;
		const list = makePanel('Markets', { bare: true });
		const filter = h('input', { id: 'filter', type: 'search', placeholder: 'filter (f)', 'aria-label': 'Filter markets', value: params.filter ?? '', oninput: () => change({ filter: filter.value }) });
		const table = createRows({ label: 'Markets', columns, key: (row) => row.market, sort: params.sort ?? 'market', dir: params.dir, onOpen: (market) => change({ market }, { replace: false }),
			onSort: (sort, dir) => change({ sort, dir }), empty: 'No market is followed, or none matches.', height: 'var(--list, 76vh)' });
		list.body.append(h('div.tools', null, filter), table.element);
		const panel = makePanel('Market', { bare: true });
		const title = panel.header.querySelector('h2');
		const simulated = h('span.badge.simulated', { hidden: true }, 'SIMULATED');
		panel.note.after(simulated);
		const picker = h('select', { 'aria-label': 'Market', onchange: () => change({ market: picker.value }, { replace: false }) });
		const frames = choice('Timeframe', timeframes.map((tf) => [tf, tf]), params.tf ?? USUAL, (tf) => change({ tf: tf === USUAL ? '' : tf }));
		const said = h('span.said');
		const facts = makeFacts([['close', 'Price'], ['change', 'In view'], ['delta', 'Delta in view'], ['buyers', 'Buyers in view', 'taker buy of all volume'], ['oi', 'Open interest'], ['funding', 'Funding', 'of one interval']], 6);
		const chartHost = h('div');
		panel.body.append(h('div.tools', null, picker, frames, h('span.dim', { title: 'minutes of which trades may be missing' }, h('span.swatch', { 'aria-hidden': 'true' }), ' partial'), said),
			facts.element, chartHost);
		host.append(h('div.columns.list', null, list.element, panel.element));
		const charts = makeCharts(chartHost);
		list.age(topicAge('markets'));
		panel.age(() => topic(barsTopic())?.t_ms);

		function barsTopic() {
			return `bars:${market}:${tf}`;
		}

		function showList() {
			const data = topic('markets');
			if (!data?.data)
				return;
			const all = [...data.rows.values()];
			const words = (place().params.filter ?? '').toLowerCase();
			const shown = all.filter((row) => row.market.toLowerCase().includes(words));
			setText(list.note, shown.length === all.length ? `${all.length}` : `${shown.length} of ${all.length}`);
			table.update(shown);
			offer(all);
			if (!market && all.length)
				setMarket((all.find((row) => /perp:BTC/.test(row.market)) ?? all[0]).market);
			simulated.hidden = !data.rows.get(market)?.simulated;
		}

		function offer(all) {
			const names = all.map((row) => row.market).sort();
			if (names.join() === offered)
				return;
			offered = names.join();
			picker.replaceChildren(...names.map((name) => h('option', { value: name, selected: name === market }, name)));
		}

		function setMarket(next) {
			market = next;
			picker.value = next;
			setText(title, nameOf(next).symbol);
			setText(panel.note, nameOf(next).where);
			table.setCurrent(next);
			setText(said, '');
			shell.rewant();
		}

		function showBars() {
			const data = topic(barsTopic())?.data;
			if (!data?.bars)
				return;
			const bars = tail(data.bars, chartHost.clientWidth);
			const { t } = bars;
			const step = data.step_ms;
			const range = t.length ? [t[0] - step, t.at(-1) + step] : [0, step];
			const view = { t, step, range, shaded: bars.partial };
			const deltas = bars.buy.map((buy, i) => (buy === null ? null : buy - bars.sell[i]));
			charts.price.set({ ...view, columns: [bars.o, bars.h, bars.l, bars.c] });
			charts.delta.set({ ...view, columns: [deltas] });
			charts.cvd.set({ ...view, columns: [bars.cvd] });
			const [oiTimes, oi] = within(data.oi?.t ?? [], [data.oi?.v ?? []], range);
			charts.oi.set({ t: oiTimes, step, range, columns: oi });
			const sides = data.liquidations ?? { t: [], long: [], short: [] };
			const [times, sizes] = within(sides.t, [sides.short, sides.long], range);
			charts.liquidations.set({ t: times, step, range, columns: sizes });
			showFacts(bars, deltas, data);
		}

		function showFacts(bars, deltas, data) {
			const at = bars.c.findLastIndex((value) => value !== null);
			const first = bars.o.find((value) => value !== null);
			const move = at < 0 ? null : bars.c[at] / first - 1;
			const [buy, sell] = [sumOf(bars.buy), sumOf(bars.sell)];
			const oi = data.oi?.v.at(-1);
			facts.set('close', at < 0 ? NONE : price(bars.c[at]));
			facts.set('change', move === null ? NONE : signed(fixed(move * 100, 2)) + ' %', tone(move));
			facts.set('delta', signed(sumOf(deltas), short), tone(sumOf(deltas)));
			facts.set('buyers', buy + sell ? percent(buy / (buy + sell)) : NONE);
			facts.set('oi', short(oi), '', oi === undefined ? 'a spot market, or the venue has not said it yet' : null);
			facts.set('funding', data.funding === null ? NONE : signed(fixed(data.funding * 100, 4)) + ' %', '', data.funding === null ? 'a spot market, or the venue has not said it yet' : null);
		}

		async function askWhole() {
			const name = barsTopic();
			wholeAt = performance.now();
			try {
				const data = await ask(`/api/v1/bars?market=${encodeURIComponent(market)}&tf=${tf}&n=${BARS_MAX}`);
				put(name, data, topic(name)?.t_ms ?? serverNow());
				setText(said, '');
			} catch (refusal) {
				setText(said, refusal.message);
			}
		}

		function step(by) {
			const next = timeframes[Math.max(0, Math.min(timeframes.length - 1, timeframes.indexOf(tf) + by))];
			change({ tf: next === USUAL ? '' : next });
		}

		const view = {
			get topics() {
				return ['markets', ...(market ? [barsTopic()] : [])];
			},
			push: (names) => {
				if (names.has('markets'))
					showList();
				if (names.has(barsTopic()))
					showBars();
			},
			change: (next) => {
				const nextFrame = timeframes.includes(next.tf) ? next.tf : USUAL;
				press(frames, nextFrame);
				table.setSort(next.sort ?? 'market', next.dir);
				if (filter.value !== (next.filter ?? '') && document.activeElement !== filter)
					filter.value = next.filter ?? '';
				if ((next.market && next.market !== market) || nextFrame !== tf) {
					tf = nextFrame;
					setMarket(next.market || market);
				}
				showList();
			},
			tick: () => {
				table.tick();
				if (market && isActive() && performance.now() - wholeAt > WHOLE_MS)
					askWhole();
			},
			key: (event) => {
				if (event.key === '[' || event.key === ']')
					step(event.key === '[' ? -1 : 1);
			},
			close: () => {
				list.close();
				panel.close();
				for (const chart of Object.values(charts))
					chart.destroy();
			},
		};
		if (market) {
			setText(title, nameOf(market).symbol);
			setText(panel.note, nameOf(market).where);
			table.setCurrent(market);
		}
		return view;
	},
};
