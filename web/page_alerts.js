/* page_alerts.js - what fires, is pending or has ended within the hour, with mute and
 * acknowledge; every rule; and rules tried on the past. */
import { ask, serverNow, topic } from '/conn.js';
import { h, press, setAttr, setText } from '/dom.js';
import { decimal, fixed, span, stamp, when, whole } from '/fmt.js';
import { makePanel, topicAge } from '/parts.js';
import { createRows } from '/rows.js';
import { change, place } from '/url.js';

const MUTE_S = 3600;
const severityLight = { info: 'off', warn: 'warn', critical: 'critical' };
const severityRank = { critical: 0, warn: 1, info: 2 };
const stateTone = { firing: 'bad', clearing: 'warn', pending: 'warn', resolved: 'dim' };

const keyOf = (row) => `${row.rule} ${row.scope}`;

function ruleColumns() {
	return [
		{ id: 'severity', head: 'Severity', width: '84px', hide: 'far', value: (row) => row.severity, tone: (value) => (value === 'info' ? 'dim' : '') },
		{ id: 'name', head: 'Rule', width: '170px', value: (row) => row.name, hint: (row) => `section [alert.${row.rule}]` },
		{ id: 'scope', head: 'Of a', width: '84px', hide: 'far', value: (row) => row.scope },
		{ id: 'on', head: 'On', width: '48px', hide: 'far', value: (row) => row.on, print: (value) => (value ? 'on' : 'off'), tone: (value) => (value ? '' : 'warn') },
		{ id: 'fire', head: 'Fires at', width: '116px', num: true, value: (row) => row.fire, print: (value, row) => `${decimal(value)} ${row.unit}` },
		{ id: 'clear', head: 'Ends at', width: '104px', num: true, hide: 'far', value: (row) => row.clear, print: decimal },
		{ id: 'summary', head: 'What', hide: 'far', value: (row) => row.summary, hint: (row) => row.summary },
	];
}

function remark(row) {
	return row.error ?? [row.at_least ? 'at least: memory holds the newest only' : null, row.basis ? `by ${row.basis}` : null].filter(Boolean).join('; ');
}

function makeDryRun(params) {
	const panel = makePanel('Dry run', { note: 'when would it have fired in what weir remembers?' });
	const rules = h('textarea', { id: 'rules', rows: 3, spellcheck: 'false', 'aria-label': 'Rules, one a line', placeholder: 'BTC price > 70000\nETH cvd 15m < -500' });
	const said = h('span.said', { role: 'status' }, 'one rule a line, as /alerts add takes them; Ctrl + Enter runs it');
	const run = h('button.plain.main', { type: 'button', onclick: () => start() }, 'Try');
	const rows = createRows({ label: 'When the rules would have fired', key: (row) => row.at, empty: '', max: 100, columns: [
		{ id: 'rule', head: 'Rule', style: 'mono.wrap', value: (row) => row.rule, hint: (row) => row.rule },
		{ id: 'count', head: 'Times', width: '72px', num: true, value: (row) => row.count, print: whole },
		{ id: 'last', head: 'Last', width: '110px', num: true, hide: 'far', value: (row) => row.would?.at(-1) ?? null, print: (value) => when(value, serverNow()),
			hint: (row) => (row.would ?? []).map(stamp).join('\n'), why: 'it would not have fired' },
		{ id: 'why', head: 'Remark', width: '46%', style: 'wrap', value: remark, hint: remark, tone: (value, row) => (row.error || row.possible === false ? 'bad' : 'dim'), why: 'nothing to remark' },
	] });
	rules.value = params.rules ?? '';
	rows.element.hidden = true;
	panel.element.querySelector('.age').remove();
	panel.body.append(rules, h('div.tools', null, run, said));
	panel.element.append(rows.element);
	rules.addEventListener('keydown', (event) => {
		if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
			event.preventDefault();
			start();
		}
	});

	async function start() {
		change({ rules: rules.value });
		setText(said, 'running …');
		try {
			const data = await ask('/api/v1/alerts/test', { body: { rules: rules.value } });
			setText(said, `${data.rules.length} rules tried`);
			setAttr(said, 'class', 'said');
			rows.element.hidden = false;
			rows.update(data.rules.map((rule, at) => ({ ...rule, at })));
		} catch (refusal) {
			setText(said, refusal.message);
			setAttr(said, 'class', 'why');
		}
	}
	return panel;
}

export default {
	id: 'alerts', title: 'Alerts', letter: 'a',
	open(host, params) {
		const firing = makePanel('Alerts', { bare: true });
		const said = h('p.foot', { role: 'status', hidden: true });
		const table = createRows({ label: 'Alerts', columns: alertColumns(), key: keyOf, sort: params.sort ?? '', dir: params.dir,
			onSort: (sort, dir) => change({ sort, dir }), empty: 'Nothing fires, nothing is pending, nothing ended within the hour.' });
		const chips = h('div.chips', { role: 'group', 'aria-label': 'State' });
		for (const name of ['', 'firing', 'pending', 'resolved'])
			chips.append(h('button.chip', { type: 'button', 'data-value': name, 'aria-pressed': 'false', onclick: () => change({ state: name }) }, name || 'all', h('b', null, '0')));
		firing.body.append(h('div.tools', null, chips), table.element, said);
		const rules = makePanel('Rules', { bare: true });
		const filter = h('input', { id: 'filter', type: 'search', placeholder: 'filter (f)', 'aria-label': 'Filter rules', value: params.filter ?? '', oninput: () => change({ filter: filter.value }) });
		const ruleRows = createRows({ label: 'Rules', columns: ruleColumns(), key: (row) => row.rule, height: '420px', empty: 'No rule matches.' });
		rules.body.append(h('div.tools', null, filter), ruleRows.element);
		const dryRun = makeDryRun(params);
		host.append(firing.element, dryRun.element, rules.element);
		firing.age(topicAge('alerts'));
		rules.age(topicAge('alerts'));

		function alertColumns() {
			return [
				{ id: 'severity', head: 'Severity', width: '84px', light: true, value: (row) => severityLight[row.severity], print: (value, row) => row.severity },
				{ id: 'state', head: 'State', width: '80px', hide: 'far', value: (row) => row.state, tone: (value) => stateTone[value] },
				{ id: 'name', head: 'Alert', width: '15%', hide: 'far', value: (row) => row.name },
				{ id: 'scope', head: 'Of', width: '13%', hide: 'far', value: (row) => row.scope, hint: (row) => row.scope },
				{ id: 'message', head: 'What', style: 'wrap', value: (row) => row.message, hint: (row) => `${row.name}, ${row.state}` },
				{ id: 'value', head: 'Value', width: '116px', num: true, hide: 'far', value: (row) => row.value, print: (value, row) => `${fixed(value, Math.abs(value) >= 100 ? 1 : 3)} ${row.unit}`, hint: (row) => `worst ${row.worst} ${row.unit}` },
				{ id: 'since', head: 'Since', width: '92px', num: true, hide: 'far', ticks: true, value: (row) => row.first_ms || null, print: (value) => span(serverNow() - value), hint: (row) => stamp(row.first_ms) },
				{ id: 'do', head: 'Do', style: 'acts', plain: true, value: () => '', make: makeButtons, fill: showButtons },
			];
		}

		function makeButtons(row) {
			const button = (verb) => h('button.plain.small', { type: 'button', 'data-verb': verb, onclick: (event) => act(event.target.dataset.now, row) }, verb);
			return h('span', null, button('ack'), button('mute'));
		}

		function showButtons(element, row) {
			const [ack, mute] = element.children;
			setText(ack, row.acknowledged ? 'acked' : 'ack');
			ack.disabled = row.acknowledged || row.state === 'resolved';
			ack.dataset.now = 'ack';
			setAttr(ack, 'aria-label', `Acknowledge ${row.name} of ${row.scope}`);
			setText(mute, row.muted ? 'unmute' : 'mute 1 h');
			mute.dataset.now = row.muted ? 'unmute' : 'mute';
			setAttr(mute, 'aria-label', `${row.muted ? 'Unmute' : 'Mute for an hour:'} ${row.name} of ${row.scope}`);
		}

		async function act(verb, row) {
			said.hidden = false;
			try {
				const data = await ask(`/api/v1/alerts/${verb}`, { body: { alert: row.name, scope: row.scope, ...(verb === 'mute' ? { for_s: MUTE_S } : {}) }, answers: [200, 202, 204] });
				setText(said, data?.text ?? `${verb}: ${row.name} of ${row.scope}`);
				setAttr(said, 'class', 'foot');
			} catch (refusal) {
				setText(said, `${verb}: ${refusal.message}`);
				setAttr(said, 'class', 'foot why');
			}
		}

		function show() {
			const data = topic('alerts')?.data?.data;
			if (!data)
				return;
			const { params: now } = place();
			const isIn = (row, state) => row.state === state || (state === 'firing' && row.state === 'clearing');
			for (const chip of chips.children)
				setText(chip.lastChild, chip.dataset.value ? data.alerts.filter((row) => isIn(row, chip.dataset.value)).length : data.alerts.length);
			press(chips, now.state ?? '');
			setText(firing.note, data.watched ? `${data.firing} firing, ${data.pending} pending` : 'not watched: neither a feed nor a fleet runs');
			table.update(data.alerts.filter((row) => !now.state || isIn(row, now.state)));
			const words = (now.filter ?? '').toLowerCase();
			const shown = data.rules.filter((row) => !words || `${row.name} ${row.summary} ${row.scope}`.toLowerCase().includes(words));
			setText(rules.note, `${shown.length} of ${data.rules.length}, ${data.rules.filter((row) => row.on).length} on`);
			ruleRows.update([...shown].sort((a, b) => severityRank[a.severity] - severityRank[b.severity]));
		}

		return {
			topics: ['alerts'],
			push: (names) => names.has('alerts') && show(),
			change: (next) => {
				table.setSort(next.sort ?? '', next.dir);
				if (filter.value !== (next.filter ?? '') && document.activeElement !== filter)
					filter.value = next.filter ?? '';
				show();
			},
			tick: () => table.tick(),
			close: () => [firing, rules, dryRun].forEach((panel) => panel.close()),
		};
	},
};
