/* dom.js - elements made and changed. Nothing here parses HTML: text is always text. A node is
 * written to only where what it says has changed, so that an unchanged number costs nothing. */

/* h('td.num', { title: 'why' }, 'text', child …); on… are listeners, data-… and aria-… are
 * attributes; a property that is false, null or undefined is left out. */
export function h(what, props, ...children) {
	const [tag, ...classes] = what.split('.');
	const element = document.createElement(tag);
	if (classes.length)
		element.className = classes.join(' ');
	for (const [name, value] of Object.entries(props ?? {})) {
		if (value === null || value === undefined || value === false)
			continue;
		if (name.startsWith('on'))
			element.addEventListener(name.slice(2), value);
		else
			element.setAttribute(name, value === true ? '' : value);
	}
	element.append(...children.filter((child) => child !== null && child !== undefined));
	return element;
}

export function setText(element, text) {
	const node = element.firstChild;
	if (!node)
		element.append(String(text));
	else if (node.nodeType !== Node.TEXT_NODE || node.nextSibling)
		element.replaceChildren(String(text));
	else if (node.data !== String(text))
		node.data = text;
}

/* null, undefined and false take the attribute away. */
export function setAttr(element, name, value) {
	if (value === null || value === undefined || value === false) {
		if (element.hasAttribute(name))
			element.removeAttribute(name);
	} else if (element.getAttribute(name) !== String(value)) {
		element.setAttribute(name, value);
	}
}

/* As setText, with a class and a title. */
export function setCell(element, text, tone, title) {
	setText(element, text);
	if (element.dataset.tone !== (tone ?? '')) {
		if (element.dataset.tone)
			element.classList.remove(...element.dataset.tone.split(' '));
		if (tone)
			element.classList.add(...tone.split(' '));
		element.dataset.tone = tone ?? '';
	}
	setAttr(element, 'title', title);
}

/* A shape and a word for one of ok, warn, critical, off. */
export function setLight(element, light, word, title) {
	setAttr(element, 'data-light', light);
	setText(element, word);
	setAttr(element, 'title', title);
}

/* The clipboard needs a secure page: elsewhere the text is marked, for a person to copy. */
export async function copy(text, shown) {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		if (shown)
			getSelection().selectAllChildren(shown);
		return false;
	}
}

/* A row of buttons of which one is pressed. */
export function choice(label, options, picked, onPick) {
	const element = h('div.choice', { role: 'group', 'aria-label': label });
	for (const [value, text] of options)
		element.append(h('button', { type: 'button', 'data-value': value, 'aria-pressed': String(value === picked),
			onclick: () => onPick(value) }, text));
	return element;
}

export function press(group, picked) {
	for (const button of group.querySelectorAll('[aria-pressed]'))
		setAttr(button, 'aria-pressed', String(button.dataset.value === String(picked)));
}
