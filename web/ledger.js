/* ledger.js - the ledger as the sums that it is: each whole beside what it is made of, and
 * whether that adds up. Used by the pages Now and Ledger. */
import { h, setAttr, setCell } from '/dom.js';
import { NONE, whole } from '/fmt.js';

/* As contracts.md has it: a sum, and the names of what it is made of. */
const sums = [
	['deliveries', 'received', ['waiting', 'refused', 'expired_undelivered', 'delivered']],
	['deliveries', 'delivered', ['in_flight', 'done', 'failed', 'expired_at_terminal', 'unknown']],
	['results', 'total', ['waiting', 'retrying', 'archived', 'dead']],
	['archive', 'archived', ['shipped', 'to_ship']],
];
const titles = {
	'deliveries.received': 'signals, one for each terminal that they are for', 'deliveries.unknown': 'nobody can say what became of them',
	'deliveries.in_flight': 'at a terminal, without a final result yet', 'results.total': 'results: final ones, partial fills, deals that nobody asked for',
	'results.dead': 'could not be archived: dead letters', 'archive.to_ship': 'not yet at every sink, or there is no sink',
};
const badOnes = new Set(['deliveries.unknown', 'results.dead']);
const names = { total: 'results', expired_undelivered: 'expired here', expired_at_terminal: 'expired there' };

function cell(kind, group, name) {
	const number = h('div.number', null, NONE);
	const label = names[name] ?? name.replaceAll('_', ' ');
	return { id: `${group}.${name}`, number, element: h(`div.${kind}`, { title: [`${group}.${name}`, titles[`${group}.${name}`]].filter(Boolean).join(': ') }, h('div.name', null, label), number) };
}

export function ledgerSums() {
	const element = h('div');
	const cells = [];
	const rows = [];
	for (const [group, name, made] of sums) {
		const parts = made.map((part) => cell('part', group, part));
		const whole_ = cell('whole', group, name);
		const is = h('div.is', null, '=');
		cells.push(whole_, ...parts);
		rows.push({ group, name, made, is });
		element.append(h('div.sum', null, whole_.element, is, h('div.parts', null, ...parts.map((part) => part.element))));
	}
	return { element, cells, rows };
}

export function showLedger(view, ledger, note) {
	if (!ledger) {
		setCell(note, 'weir keeps none: there is no archive, or no result yet', 'dim');
		return;
	}
	for (const { id, number } of view.cells) {
		const [group, name] = id.split('.');
		const value = ledger[group]?.[name];
		setCell(number, whole(value), badOnes.has(id) && value > 0 ? 'bad' : value === 0 ? 'dim' : '', value === undefined ? 'weir does not say it' : null);
	}
	for (const { group, name, made, is } of view.rows) {
		const sum = made.reduce((total, part) => total + (ledger[group]?.[part] ?? NaN), 0);
		const right = sum === ledger[group]?.[name];
		setCell(is, right ? '=' : '≠', right ? '' : 'bad');
		setAttr(is, 'title', right ? 'it adds up' : 'it does not add up');
	}
	setCell(note, ledger.balanced ? '✓ balances' : '✗ DOES NOT BALANCE', ledger.balanced ? 'good' : 'bad');
}
