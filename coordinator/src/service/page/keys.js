// The keyboard: see the dialog of keys in index.html.

import { isAsking, showKeys } from "./dialogs.js";

/**
 * Listens for keys. `view()` is what is open, with `search` (a field), `lines()` (elements that
 * take the focus), `turn(pages)` and `back()`, each if it has one.
 */
export function startKeys(view) {
  document.addEventListener("keydown", (event) => {
    const hasModifier = event.ctrlKey || event.altKey || event.metaKey;
    if (hasModifier || event.defaultPrevented || event.isComposing || isAsking()) return;

    if (pressed(event, view())) event.preventDefault();
  });
}

/** Whether the key meant something. */
function pressed({ key, target }, view) {
  if (isTyping(target)) return key === "Escape" && leave(target);

  switch (key) {
    case "?":
      showKeys();
      return true;
    case "/":
      view.search?.focus();
      view.search?.select();
      return Boolean(view.search);
    case "j":
      return move(view, 1);
    case "k":
      return move(view, -1);
    case "ArrowDown":
      return isInList(view) && move(view, 1);
    case "ArrowUp":
      return isInList(view) && move(view, -1);
    case "n":
      return Boolean(view.turn?.(1));
    case "p":
      return Boolean(view.turn?.(-1));
    case "Escape":
      view.back?.();
      return Boolean(view.back);
    default:
      return false;
  }
}

function isTyping(target) {
  return target.matches?.("input, textarea, select, [contenteditable]");
}

/** Esc in a search box empties it, and in an empty one leaves it. */
function leave(field) {
  if (field.type === "search" && field.value) {
    field.value = "";
    field.dispatchEvent(new Event("input", { bubbles: true }));
  } else {
    field.blur();
  }
  return true;
}

function isInList(view) {
  return Boolean(view.lines?.().includes(document.activeElement));
}

function move(view, by) {
  const lines = view.lines?.() ?? [];
  if (lines.length === 0) return false;

  const at = lines.indexOf(document.activeElement);
  const first = by > 0 ? 0 : lines.length - 1;
  const next = at < 0 ? first : Math.min(lines.length - 1, Math.max(0, at + by));
  lines[next].focus();
  lines[next].closest("tr")?.scrollIntoView({ block: "nearest" });
  return true;
}
