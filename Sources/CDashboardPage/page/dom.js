// Building, updating and wording: what every view needs.

const SVG = "http://www.w3.org/2000/svg";

function build(element, props, children) {
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element[name] = value;
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "selected") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(9)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

/** An HTML element. Text never becomes markup: children are nodes or plain text. */
export const h = (tag, props, ...children) => build(document.createElement(tag), props, children);

/** An SVG element. */
export const s = (tag, props, ...children) => build(document.createElementNS(SVG, tag), props, children);

const handlers = ["onclick", "oninput", "onchange", "onkeydown", "onsubmit", "onpointerdown", "onpointermove", "onpointerleave"];

/** Makes `old` look like `fresh` with as few changes as possible, so that focus, scrolling and selections stay. */
function patchNode(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || key(old) !== key(fresh)) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.hasAttribute("data-keep")) return;
  for (const { name } of [...old.attributes]) {
    if (name !== "style" && !fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (name !== "style" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (old.style.cssText !== fresh.style.cssText) old.style.cssText = fresh.style.cssText;
  for (const name of handlers) if (old[name] !== fresh[name]) old[name] = fresh[name];
  if ("disabled" in fresh && old.disabled !== fresh.disabled) old.disabled = fresh.disabled;
  patchChildren(old, [...fresh.childNodes]);
  if ((old.nodeName === "INPUT" || old.nodeName === "SELECT") && old !== document.activeElement && old.value !== fresh.value) old.value = fresh.value;
}

const key = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null);

export function patchChildren(parent, fresh) {
  const keyed = new Map();
  for (const child of parent.childNodes) if (key(child)) keyed.set(key(child), child);
  fresh.forEach((node, index) => {
    const known = key(node) && keyed.get(key(node));
    const here = parent.childNodes[index];
    if (known) {
      if (known !== here) parent.insertBefore(known, here || null);
      patchNode(known, node);
    } else if (here && !key(here)) patchNode(here, node);
    else parent.insertBefore(node, here || null);
  });
  while (parent.childNodes.length > fresh.length) parent.lastChild.remove();
}

/** Shows these children, and only these. */
export const show = (parent, ...children) =>
  patchChildren(parent, children.flat(9).filter((c) => c !== null && c !== undefined && c !== false)
    .map((c) => (c instanceof Node ? c : document.createTextNode(String(c)))));

// --- Words and numbers

const thin = "\u2009";
export const dash = "–";
export const known = (value) => typeof value === "number" && Number.isFinite(value);
export const count = (value) => (known(value) ? Math.round(value).toLocaleString("en").replaceAll(",", thin) : dash);
export const fixed = (value, digits = 1) => (known(value) ? value.toFixed(digits) : dash);
export const percent = (share, digits = 1) => (known(share) ? `${(share * 100).toFixed(digits)}${thin}%` : dash);

/** A number in about four digits. */
export function significant(value) {
  if (!known(value)) return dash;
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.0001 || size >= 1e6)) return value.toExponential(2).replace("e-", "e−").replace("e+", "e");
  return String(Number(value.toPrecision(4))).replace("-", "−");
}

/** "42 s", "3 min 5 s", "2 h 7 min". */
export function duration(seconds) {
  if (!known(seconds)) return dash;
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor(whole / 60) % 60} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor(whole / 3600) % 24} h`;
}

export const ago = (time) => (known(time) ? `${duration(Date.now() / 1000 - time)} ago` : dash);

const clockFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayFormat = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
export const clock = (time) => {
  if (!known(time)) return dash;
  const date = new Date(time * 1000);
  return date.toDateString() === new Date().toDateString() ? clockFormat.format(date) : dayFormat.format(date);
};

export const plural = (number, word, many = `${word}s`) => `${count(number)} ${number === 1 ? word : many}`;

/** "espresso · k = 1" of a task and an iteration. */
export const place = (task, iteration) =>
  task ? (known(iteration) ? `${task} · k = ${iteration}` : task) : "pre-training";

/** What a view says where there is nothing to show. */
export const empty = (title, text) => h("div", { class: "empty" }, h("h3", null, title), h("p", null, text));

export const pill = (state, text) => h("span", { class: `pill ${state}` }, text || state);

/** An outcome in words; anything else as it is. */
export const outcomeWords = (outcome) => (outcome === "unjudged" ? "not judged" : outcome);
