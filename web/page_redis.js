/* page_redis.js - the Redis segments against their budgets, and what kinds of keys fill them. */
import { topic } from '/conn.js';
import { h, press, setAttr, setText } from '/dom.js';
import { NONE, bytes, fixed, percent, span, whole } from '/fmt.js';
import { makeFacts, makePanel, topicAge } from '/parts.js';
import { createRows } from '/rows.js';
import { change, place } from '/url.js';
import { showAge } from '/age.js';

const levelLight = { calm: 'ok', warn: 'warn', shed: 'warn', slow: 'critical', full: 'critical' };
const stateLight = (row) => (row.state !== 'up' ? 'critical' : levelLight[row.level] ?? 'warn');

function fillMeter(element, share, level, title) {
	element.style.setProperty('--share', Math.min(1, share || 0).toFixed(3));
	setAttr(element, 'data-level', level);
	setAttr(element, 'aria-valuenow', Math.round((share || 0) * 100));
	setAttr(element, 'title', title);
}

function makeMeter(kind, label) {
	return h(`div.meter${kind}`, { role: 'meter', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-label': label });
}

const segmentColumns = [
	{ id: 'light', head: 'State', width: '84px', light: true, value: stateLight, print: (value, row) => (row.state === 'up' ? row.level : row.state),
		hint: (row) => `${row.state}; ${row.level}` },
	{ id: 'segment', head: 'Segment', width: '72px', value: (row) => row.segment },
	{ id: 'meter', head: 'Used of budget', plain: true, hide: 'far', value: (row) => row.percent, make: (row) => makeMeter('', `${row.segment}: used of its budget`),
		fill: (element, row) => fillMeter(element, row.max ? row.used / row.max : 0, row.level, `${bytes(row.used)} of ${bytes(row.max)}; the line is 80 %`) },
	{ id: 'percent', head: '%', width: '62px', num: true, value: (row) => row.percent, print: (value) => fixed(value, 1), why: 'no budget, or not measured yet' },
	{ id: 'used', head: 'Used', width: '80px', num: true, value: (row) => row.used || null, print: bytes, why: 'not measured yet' },
	{ id: 'max', head: 'Budget', width: '86px', num: true, hide: 'far', value: (row) => row.max || null, print: bytes, why: 'no maxmemory is known' },
	{ id: 'growth', head: 'Growth/s', width: '86px', num: true, hide: 'far', value: (row) => row.growth, print: bytes, why: 'it does not grow' },
	{ id: 'full', head: 'Full in', width: '86px', num: true, value: (row) => row.full_in_s, print: (value) => span(value * 1000), why: 'not in sight: it does not grow' },
	{ id: 'rss', head: 'Resident', width: '86px', num: true, hide: 'farther', value: (row) => row.rss, print: bytes },
	{ id: 'fragmentation', head: 'Frag.', title: 'resident of used', width: '60px', num: true, hide: 'farther', value: (row) => row.fragmentation, print: (value) => fixed(value, 2) },
	{ id: 'keys', head: 'Keys', width: '84px', num: true, hide: 'far', value: (row) => row.keys, print: whole },
	{ id: 'expiring', head: 'Expiring', width: '84px', num: true, hide: 'farther', value: (row) => row.keys_expiring, print: whole },
	{ id: 'evicted', head: 'Evicted', width: '74px', num: true, hide: 'far', value: (row) => row.evicted, print: whole, tone: (value) => (value ? 'bad' : 'dim') },
	{ id: 'refused', head: 'Refused', width: '74px', num: true, hide: 'far', value: (row) => row.refused, print: whole, tone: (value) => (value ? 'bad' : 'dim') },
];

const familyColumns = [
	{ id: 'segment', head: 'Segment', width: '76px', value: (row) => row.segment },
	{ id: 'family', head: 'Family', width: '30%', style: 'mono', value: (row) => row.family, hint: (row) => row.family, tone: (value) => (value === 'unknown' ? 'warn' : '') },
	{ id: 'keys', head: 'Keys', width: '92px', num: true, value: (row) => row.keys, print: whole },
	{ id: 'bytes', head: 'Bytes', width: '96px', num: true, value: (row) => row.bytes, print: (value, row) => (row.estimated ? '≈ ' : '') + bytes(value),
		hint: (row) => (row.estimated ? 'from a part of the keys, by MEMORY USAGE' : 'by MEMORY USAGE, which errs by a tenth') },
	{ id: 'each', head: 'A key', width: '86px', num: true, hide: 'far', value: (row) => (row.keys ? row.bytes / row.keys : null), print: (value) => bytes(Math.round(value)), why: 'no key' },
	{ id: 'share', head: 'Of its segment', plain: true, hide: 'far', value: (row) => row.share, make: (row) => makeMeter('.bare', `${row.family}: share of its segment`),
		fill: (element, row) => fillMeter(element, row.share, '', percent(row.share)) },
	{ id: 'life', head: 'Leaves', width: '22%', hide: 'far', value: (row) => row.life, hint: (row) => row.life, why: 'not weir\'s own' },
];

function familiesOf(segments, only) {
	return segments.filter((one) => !only || one.segment === only).flatMap((one) => one.families.map((family) => ({
		...family, segment: one.segment, share: one.used ? family.bytes / one.used : 0 })));
}

export default {
	id: 'redis', title: 'Redis', letter: 'r',
	open(host, params) {
		const budgets = makePanel('Budgets', { bare: true });
		const totals = makeFacts([['used', 'Used, all'], ['max', 'Budget, all'], ['keys', 'Keys'], ['growth', 'Growth'], ['evicted', 'Evicted'], ['refused', 'Refused writes'], ['resident', 'weir itself']], 7);
		const segments = createRows({ label: 'Segments', columns: segmentColumns, key: (row) => row.segment, sort: params.by ?? '', dir: params.to,
			onSort: (by, to) => change({ by, to }), onOpen: (id) => pick(place().params.segment === id ? '' : id) });
		const actions = h('p.foot');
		budgets.body.append(totals.element, segments.element, actions);
		const families = makePanel('Key families', { bare: true });
		const chips = h('div.chips', { role: 'group', 'aria-label': 'Segment' });
		const counted = h('span.dim');
		const countedAge = h('span.age');
		families.body.append(h('div.tools', null, chips, counted, countedAge));
		const familyRows = createRows({ label: 'Key families', columns: familyColumns, key: (row) => `${row.segment} ${row.family}`, sort: params.sort ?? 'bytes', dir: params.dir ?? 'desc',
			onSort: (sort, dir) => change({ sort, dir }), empty: 'The keys have not been counted yet: that is done once in a while.' });
		families.body.append(familyRows.element);
		host.append(budgets.element, families.element);
		budgets.age(topicAge('memory'));
		families.age(topicAge('memory'));
		let chipNames = '';
		let oldest = null;
		const endAge = showAge(countedAge, () => oldest, Infinity);

		function pick(segment) {
			change({ segment });
		}

		function showChips(list) {
			const names = list.map((one) => one.segment).join();
			if (names !== chipNames) {
				chips.replaceChildren(...['', ...list.map((one) => one.segment)].map((name) => h('button.chip',
					{ type: 'button', 'data-value': name, 'aria-pressed': 'false', onclick: () => pick(name) }, name || 'all')));
				chipNames = names;
			}
			press(chips, place().params.segment ?? '');
		}

		function show() {
			const data = topic('memory')?.data;
			if (!data)
				return;
			const list = data.segments;
			const sum = (key) => list.reduce((total, one) => total + (one[key] ?? 0), 0);
			const times = list.map((one) => one.counted_ms).filter((t) => t !== null);
			totals.set('used', bytes(sum('used')));
			totals.set('max', bytes(sum('max')));
			totals.set('keys', whole(sum('keys')));
			totals.set('growth', `${bytes(sum('growth'))}/s`);
			totals.set('evicted', whole(sum('evicted')), sum('evicted') ? 'bad' : '');
			totals.set('refused', whole(sum('refused')), sum('refused') ? 'bad' : '');
			totals.set('resident', bytes(data.resident));
			segments.update(list);
			segments.setCurrent(place().params.segment);
			const now = list.flatMap((one) => one.actions.map((action) => `${one.segment}: ${action.what}`));
			setText(actions, now.length ? now.join(' · ') : 'Nothing is shed and nothing is slowed down.');
			showChips(list);
			oldest = times.length ? Math.min(...times) : null;
			setText(counted, times.length ? 'counted' : NONE);
			familyRows.update(familiesOf(list, place().params.segment));
		}

		return {
			topics: ['memory'],
			push: (names) => names.has('memory') && show(),
			change: (next) => {
				segments.setSort(next.by, next.to);
				familyRows.setSort(next.sort ?? 'bytes', next.dir ?? 'desc');
				show();
			},
			leave: () => pick(''),
			close: () => { budgets.close(); families.close(); endAge(); },
		};
	},
};
