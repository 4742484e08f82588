// Making and changing elements. Texts are only ever set as text: names and reasons are hostile.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. `attributes`: `class`, `text` and other attributes by name; a function under
 * `onclick` and the like is a listener; `true` is an empty attribute; null and false are left out.
 */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** An element of SVG, as `el`. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;

    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }

  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * A table that may become cards on a narrow screen: the roles are said, as browsers forget them
 * with another `display`. `bodies`: its `tbody` elements.
 */
export function table(kind, caption, columns, ...bodies) {
  const head = columns.map((text) => el("th", { scope: "col", role: "columnheader", text }));
  for (const body of bodies) body.setAttribute("role", "rowgroup");
  return el(
    "table",
    { class: `${kind} cards`, role: "table" },
    el("caption", { class: "unseen", text: caption }),
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, head)),
    bodies,
  );
}

/** A cell of such a table, with the title of its column. */
export function cell(label, kind, ...children) {
  return el("td", { class: kind, "data-label": label, role: "cell" }, ...children);
}

/** The first cell of a line, which names it. */
export function rowHead(kind, ...children) {
  return el("th", { class: kind, scope: "row", role: "rowheader" }, ...children);
}

/** A field to search in, which the browser does not try to help with. */
export function searchField(id) {
  return el("input", { type: "search", id, autocomplete: "off", spellcheck: "false" });
}

/** The element of index.html with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Sets a text if it is another one: an element that does not change costs nothing. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets an attribute if it is another one; null removes it. */
export function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** Brings the children of `parent` into this order, moving no more than it must. */
export function arrange(parent, wanted) {
  const focused = document.activeElement;
  let next = parent.firstChild;

  for (const child of wanted) {
    if (child === next) next = next.nextSibling;
    else parent.insertBefore(child, next);
  }
  while (next) {
    const after = next.nextSibling;
    next.remove();
    next = after;
  }

  // An element that is moved loses the focus.
  if (focused !== document.activeElement && parent.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}

/**
 * `draw` at the next frame, once however often it is asked for. Hidden tabs have no frames, so
 * nothing piles up there.
 */
export function drawer(draw) {
  let asked = 0;
  const ask = () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      draw();
    });
  };

  ask.cancel = () => cancelAnimationFrame(asked);
  return ask;
}

/** `work` when it was not asked for during `wait` milliseconds, but at the latest after `most`. */
export function settled(work, wait, most = wait) {
  let timer = 0;
  let first = 0;
  const ask = () => {
    const now = performance.now();
    first ||= now;
    clearTimeout(timer);
    timer = setTimeout(() => {
      first = 0;
      work();
    }, Math.max(0, Math.min(wait, first + most - now)));
  };

  ask.cancel = () => {
    clearTimeout(timer);
    first = 0;
  };
  return ask;
}
