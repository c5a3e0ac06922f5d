/* chart.js - charts over uPlot: candles, signed bars, lines; shading where trades may be
 * missing; marks; one cursor for all charts of a group, by mouse and by keyboard.
 *
 *   const chart = createChart(host, { label, kind, series, group, format, height, axis });
 *   chart.set({ t, step, columns: [[…], …], range: [from, to], shaded: [0, 1, …], marks });
 *
 * kind     candles    columns o h l c
 *          signed     one column of bars from zero up (buying) or down (selling)
 *          mirrored   two columns of sizes: the first drawn up, the second down
 *          lines      one line a column
 * t        unix ms, rising; null in a column is a gap, never a zero
 * range    what the time axis spans: charts below each other get the same
 * shaded   one for each t: 1 is shaded        marks  [{ t, text, tone }]: lines across
 *
 * Colours are CSS's own (style.css), read again when the theme changes. Of BARS_MAX points at
 * most; one drawing of them takes about a millisecond. */
import uPlot from '/uplot.js';
import { h, setText } from '/dom.js';
import { NONE, clock, short } from '/fmt.js';

export const BARS_MAX = 300;

const AXIS_WIDTH = 70;
const AXIS_HEIGHT = 22;
const MINUTE = 60000;
const STEPS = [1, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1440, 2880, 10080, 43200].map((minutes) => minutes * MINUTE);
const charts = new Set();

/* ---- colours ---- */

let colours = null;

/* A colour as the theme in force has it: canvases know no variables. */
function readColours() {
	const probe = h('span', { hidden: true });
	document.body.append(probe);
	colours = {};
	for (const name of ['text', 'dim', 'line', 'panel', 'accent', 'buy', 'sell', 'warn', 'critical', 'ok', 'shade']) {
		probe.style.color = `var(--${name})`;
		colours[name] = getComputedStyle(probe).color;
	}
	probe.remove();
}

export function refreshColours() {
	readColours();
	for (const chart of charts)
		chart.rebuild();
}

/* ---- the time axis, in UTC ---- */

function timeSplits(plot, axis, from, to) {
	const room = Math.max(2, Math.floor(plot.width / 80));
	const step = STEPS.find((one) => (to - from) / one <= room) ?? STEPS.at(-1);
	const splits = [];
	const edge = (to - from) * 18 / plot.width; /* half a label */
	for (let t = Math.ceil((from + edge) / step) * step; t <= to; t += step)
		splits.push(t);
	return splits;
}

function timeText(t) {
	const text = new Date(t).toISOString();
	return text.slice(11, 16) === '00:00' ? text.slice(5, 10) : text.slice(11, 16);
}

/* ---- what is drawn beside uPlot's own lines ---- */

function barWidth(plot, step) {
	const slot = plot.valToPos(plot.scales.x.min + step, 'x', true) - plot.valToPos(plot.scales.x.min, 'x', true);
	return Math.max(1, Math.round(slot * 0.72));
}

/* Neighbours are shaded together. */
function drawShades(plot, view) {
	const { t, step, shaded } = view;
	if (!shaded)
		return;
	const { top, height } = plot.bbox;
	plot.ctx.fillStyle = colours.shade;
	for (let i = 0; i < t.length; i++) {
		if (!shaded[i])
			continue;
		const first = i;
		while (i + 1 < t.length && shaded[i + 1])
			i++;
		const left = plot.valToPos(t[first] - step / 2, 'x', true);
		plot.ctx.fillRect(left, top, plot.valToPos(t[i] + step / 2, 'x', true) - left, height);
	}
}

/* Rising candles are hollow, falling ones filled: the colour is not needed to tell. */
function drawCandles(plot, view) {
	const [open, high, low, close] = view.columns;
	const width = barWidth(plot, view.step);
	const y = (value) => Math.round(plot.valToPos(value, 'y', true));
	const wicks = { buy: new Path2D(), sell: new Path2D() };
	const bodies = { buy: new Path2D(), sell: new Path2D() };
	for (let i = 0; i < view.t.length; i++) {
		if (close[i] === null || close[i] === undefined)
			continue;
		const side = close[i] >= open[i] ? 'buy' : 'sell';
		const x = Math.round(plot.valToPos(view.t[i], 'x', true));
		const [top, bottom] = [y(Math.max(open[i], close[i])), y(Math.min(open[i], close[i]))];
		wicks[side].rect(x, y(high[i]), 1, Math.max(1, top - y(high[i])));
		wicks[side].rect(x, bottom, 1, Math.max(1, y(low[i]) - bottom));
		bodies[side].rect(x - (width >> 1) + 0.5, top + 0.5, Math.max(1, width - 1), Math.max(1, bottom - top - 1));
	}
	const { ctx } = plot;
	ctx.lineWidth = 1;
	for (const side of ['buy', 'sell']) {
		ctx.fillStyle = ctx.strokeStyle = colours[side];
		ctx.fill(wicks[side]);
		if (side === 'sell' || width < 4)
			ctx.fill(bodies[side]);
		else
			ctx.stroke(bodies[side]);
	}
}

function drawBars(plot, view, column, sign) {
	const width = barWidth(plot, view.step);
	const zero = Math.round(plot.valToPos(0, 'y', true));
	const paths = { buy: new Path2D(), sell: new Path2D() };
	for (let i = 0; i < view.t.length; i++) {
		const value = column[i] === null || column[i] === undefined ? 0 : column[i] * sign;
		if (value === 0)
			continue;
		const x = Math.round(plot.valToPos(view.t[i], 'x', true)) - (width >> 1);
		const y = Math.round(plot.valToPos(value, 'y', true));
		paths[value > 0 ? 'buy' : 'sell'].rect(x, Math.min(y, zero), width, Math.max(1, Math.abs(y - zero)));
	}
	for (const side of ['buy', 'sell']) {
		plot.ctx.fillStyle = colours[side];
		plot.ctx.fill(paths[side]);
	}
}

function drawZero(plot) {
	const y = Math.round(plot.valToPos(0, 'y', true));
	plot.ctx.fillStyle = colours.dim;
	plot.ctx.fillRect(plot.bbox.left, y, plot.bbox.width, 1);
}

function drawMarks(plot, view) {
	const { ctx, bbox } = plot;
	const scale = devicePixelRatio;
	ctx.font = `${10 * scale}px system-ui, sans-serif`;
	ctx.textBaseline = 'top';
	for (const { t, text, tone } of view.marks ?? []) {
		const x = Math.round(plot.valToPos(t, 'x', true));
		if (x < bbox.left || x > bbox.left + bbox.width)
			continue;
		ctx.fillStyle = colours[tone] ?? colours.dim;
		ctx.fillRect(x, bbox.top, 1, bbox.height);
		const isNearEnd = x > bbox.left + bbox.width - 80 * scale;
		ctx.textAlign = isNearEnd ? 'right' : 'left';
		ctx.fillText(text, x + (isNearEnd ? -3 : 3) * scale, bbox.top + 2 * scale);
	}
}

function newestOf(view, spec) {
	const column = view.columns[spec.kind === 'candles' ? 3 : 0];
	return { column, at: column.findLastIndex((value) => value !== null && value !== undefined) };
}

/* Of the values' axis; what would stand under the tag is left out. */
function valueTexts(plot, splits, view, spec) {
	if (!view?.t.length)
		return splits.map(() => '');
	const { column, at } = newestOf(view, spec);
	const tag = spec.tag && at >= 0 ? plot.valToPos(column[at], 'y') : -Infinity;
	return splits.map((split) => (Math.abs(plot.valToPos(split, 'y') - tag) < 15 ? '' : spec.format(split)));
}

/* The newest value, at the axis. */
function drawTag(plot, view, spec) {
	const { column, at } = newestOf(view, spec);
	if (at < 0)
		return;
	const { ctx, bbox } = plot;
	const scale = devicePixelRatio;
	const y = Math.round(plot.valToPos(column[at], 'y', true));
	const left = bbox.left + bbox.width;
	const rising = spec.kind !== 'candles' || column[at] >= view.columns[0][at];
	const colour = spec.kind === 'candles' ? colours[rising ? 'buy' : 'sell'] : colours.accent;
	ctx.save();
	ctx.fillStyle = colour;
	for (let x = bbox.left; x < left; x += 6 * scale)
		ctx.fillRect(x, y, 2 * scale, 1);
	ctx.fillRect(left, y - 8 * scale, AXIS_WIDTH * scale, 16 * scale);
	ctx.fillStyle = colours.panel;
	ctx.font = `600 ${11 * scale}px system-ui, sans-serif`;
	ctx.textAlign = 'left';
	ctx.textBaseline = 'middle';
	ctx.fillText(spec.format(column[at]), left + 6 * scale, y);
	ctx.restore();
}

const drawers = {
	candles: (plot, view) => drawCandles(plot, view),
	signed: (plot, view) => { drawZero(plot); drawBars(plot, view, view.columns[0], 1); },
	mirrored: (plot, view) => { drawBars(plot, view, view.columns[0], 1); drawBars(plot, view, view.columns[1], -1); drawZero(plot); },
	lines: () => {},
};

/* ---- the values' axis ---- */

function extent(columns, signs) {
	let [low, high] = [Infinity, -Infinity];
	columns.forEach((column, i) => {
		for (const value of column) {
			if (value === null || value === undefined)
				continue;
			low = Math.min(low, value * signs[i]);
			high = Math.max(high, value * signs[i]);
		}
	});
	return low <= high ? [low, high] : [0, 1];
}

function valueRange(view, kind) {
	if (!view)
		return [0, 1];
	let [low, high] = extent(view.columns, kind === 'mirrored' ? [1, -1] : [1, 1, 1, 1]);
	if (kind === 'signed' || kind === 'mirrored')
		[low, high] = [Math.min(low, 0), Math.max(high, 0)];
	const room = (high - low) * 0.07 || Math.abs(high) * 0.001 || 1;
	return [low - room, high + room];
}

/* ---- a chart ---- */

function nearest(t, value) {
	let [low, high] = [0, t.length - 1];
	while (low < high) {
		const middle = (low + high) >> 1;
		if (t[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && value - t[low - 1] < t[low] - value ? low - 1 : low;
}

function makeSeries(spec) {
	const drawn = spec.kind === 'lines';
	return [{}, ...spec.series.map(({ colour }) => ({
		stroke: () => colours[colour], width: 1.4, points: { show: false }, spanGaps: false,
		...(drawn ? {} : { paths: () => null }),
	}))];
}

function makeOptions(spec, size, hooks) {
	const axis = { stroke: () => colours.dim, font: '11px system-ui, sans-serif', ticks: { show: false },
		grid: { stroke: () => colours.line, width: 1 } };
	return {
		...size, legend: { show: false }, series: makeSeries(spec), hooks: hooks.of, ms: 1,
		padding: [6, 0, spec.axis ? 0 : 6, 0],
		scales: { x: { time: false, range: () => hooks.xRange() }, y: { range: () => hooks.yRange() } },
		axes: [
			{ ...axis, show: true, size: spec.axis ? AXIS_HEIGHT : 0, splits: timeSplits,
				values: (plot, splits) => splits.map(spec.axis ? timeText : () => '') },
			{ ...axis, side: 1, size: AXIS_WIDTH, gap: 6, space: spec.height < 90 ? 22 : 34, values: (plot, splits) => hooks.valueTexts(plot, splits) },
		],
		cursor: { drag: { x: false, y: false }, points: { show: false }, y: spec.kind === 'candles',
			sync: spec.group ? { key: spec.group, setSeries: false, scales: ['x', null] } : undefined },
	};
}

export function createChart(host, given) {
	const spec = { format: short, height: 120, axis: false, series: [], ...given };
	const readout = h('span.readout');
	const plotHost = h('div.plot', { tabindex: '0', role: 'img', 'aria-label': `${spec.label}; left and right move the cursor` });
	const none = h('p.none', null, spec.none ?? 'Nothing has come yet.');
	const element = h('div.chart', null, h('div.head', null, h('b', null, spec.label), readout), plotHost, none);
	let view = null;
	let plot = null;
	plotHost.style.setProperty('--plot', `${spec.height}px`);
	host.append(element);

	/* What uPlot asks of a chart while it draws. */
	const hooks = {
		of: { drawClear: [(u) => drawShades(u, view)], draw: [(u) => drawView(u)], setCursor: [() => showReadout()] },
		valueTexts: (u, splits) => valueTexts(u, splits, view, spec),
		xRange: () => view?.range ?? [0, 1],
		yRange: () => valueRange(view, spec.kind),
	};

	function drawView(u) {
		u.ctx.save();
		u.ctx.beginPath();
		u.ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
		u.ctx.clip();
		drawers[spec.kind](u, view);
		drawMarks(u, view);
		u.ctx.restore();
		if (spec.tag)
			drawTag(u, view, spec);
	}

	/* What stands at the cursor; without one, the newest. */
	function showReadout() {
		if (!view || !view.t.length) {
			setText(readout, NONE);
			return;
		}
		const left = plot?.cursor.left ?? -1;
		const at = left >= 0 ? nearest(view.t, plot.posToVal(left, 'x')) : view.t.length - 1;
		const words = spec.series.map(({ name }, i) => `${name} ${spec.format(view.columns[i][at])}`);
		const note = view.shaded?.[at] ? '  partial' : '';
		setText(readout, `${clock(view.t[at]).slice(0, 5)}  ${words.join('  ')}${note}`);
	}

	function size() {
		return { width: Math.max(120, plotHost.clientWidth), height: spec.height };
	}

	function build() {
		colours ?? readColours();
		plot = new uPlot(makeOptions(spec, size(), hooks), [view.t, ...view.columns], plotHost);
	}

	function draw() {
		none.hidden = view.t.length > 0;
		if (!plot)
			build();
		else
			plot.setData([view.t, ...view.columns]);
		showReadout();
	}

	function moveCursor(by) {
		if (!view?.t.length || !plot)
			return;
		const last = view.t.length - 1;
		const now = plot.cursor.left >= 0 ? nearest(view.t, plot.posToVal(plot.cursor.left, 'x')) : last;
		const at = Math.max(0, Math.min(last, by === 'first' ? 0 : by === 'last' ? last : now + by));
		plot.setCursor({ left: plot.valToPos(view.t[at], 'x'), top: plot.bbox.height / 2 / devicePixelRatio }, true, true);
	}

	plotHost.addEventListener('keydown', (event) => {
		const moves = { ArrowLeft: -1, ArrowRight: 1, Home: 'first', End: 'last' };
		if (event.key in moves) {
			event.preventDefault();
			moveCursor(moves[event.key]);
		} else if (event.key === 'Escape') {
			plot?.setCursor({ left: -10, top: -10 }, true, true);
		}
	});
	const watcher = new ResizeObserver(() => {
		if (plot && plot.width !== size().width)
			plot.setSize(size());
	});
	watcher.observe(plotHost);

	const chart = {
		element,
		set: (next) => { view = next; draw(); },
		rebuild: () => {
			plot?.destroy();
			plot = null;
			if (view)
				draw();
		},
		destroy: () => {
			watcher.disconnect();
			charts.delete(chart);
			plot?.destroy();
			element.remove();
		},
	};
	charts.add(chart);
	showReadout();
	return chart;
}
