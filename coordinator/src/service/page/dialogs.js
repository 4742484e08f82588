// The dialogs of the page.

import { setToken } from "./api.js";
import { byId, setText } from "./dom.js";

/**
 * Asks for a token and takes it. `why`: what was wrong with the last one. Whether one was given.
 */
export async function askToken(why) {
  const field = byId("token-field");
  field.value = "";
  setText(byId("token-why"), why ?? "The service wants a token: one of those in its token file.");

  const isGiven = await opened(byId("token-dialog"), field);
  const text = field.value.trim();
  field.value = "";
  if (!isGiven || !text) return false;

  setToken(text);
  return true;
}

/**
 * Asks whether something is to be done. Null: no. Otherwise the reason, maybe empty.
 *
 * `title`, `text`: the question; `yes`, `no`: the buttons; `wantsReason`: shows a field for it.
 */
export async function ask({ title, text, yes, no, wantsReason = false }) {
  setText(byId("ask-title"), title);
  setText(byId("ask-text"), text);
  setText(byId("ask-yes"), yes);
  setText(byId("ask-no"), no);
  byId("ask-yes").className = "danger";
  byId("ask-reason").hidden = !wantsReason;

  const field = byId("ask-field");
  field.value = "";
  const isYes = await opened(byId("ask-dialog"), wantsReason ? field : byId("ask-no"));
  return isYes ? field.value.trim() : null;
}

/** Lists the keys. */
export function showKeys() {
  return opened(byId("keys-dialog"), null);
}

/** Whether a dialog is open, which then has all keys. */
export function isAsking() {
  return document.querySelector("dialog[open]") !== null;
}

/** Makes the buttons work that close a dialog without an answer. */
export function startDialogs() {
  for (const button of document.querySelectorAll("dialog [data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close(""));
  }
  for (const dialog of document.querySelectorAll("dialog")) {
    // A click beside the dialog, which is on the dialog itself and none of its parts.
    dialog.addEventListener("pointerdown", (event) => {
      if (event.target === dialog) dialog.close("");
    });
    dialog.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      dialog.close("yes");
    });
  }
}

/** Shows a dialog until it is closed; whether by its main button. */
function opened(dialog, focus) {
  return new Promise((resolve) => {
    dialog.returnValue = "";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
    focus?.focus();
  });
}
