// The head of the page: the service, the connection to it, and what is wrong.

import { get, hasToken } from "./api.js";
import { askToken } from "./dialogs.js";
import { byId, el, setAttribute, setText } from "./dom.js";
import { count, shown, size } from "./format.js";
import { known, on, tryNow } from "./live.js";
import { stateWord, title } from "./states.js";

/** After how many milliseconds without the service it counts as gone. */
const GONE = 20_000;

const GONE_TEXT =
  "The service is gone: it was stopped, or the network is cut. This is what was known last.";

const WORDS = {
  connecting: "connecting",
  live: "live",
  reconnecting: "reconnecting",
  gone: "gone",
  denied: "token wanted",
  asleep: "resting",
  missing: "no service",
};

let lostAt = 0;
let firstVersion = null;
let shownLink = "connecting";
let asking = false;

/** Shows the service and the connection from now on. */
export function startHead() {
  on("service", showService);
  on("link", showLink);
  on("ended", (job) => say(endOf(job)));
  setInterval(() => {
    if (!document.hidden && lostAt) showLink(known.link);
  }, 1000);

  byId("try-now").addEventListener("click", tryNow);
  byId("reload").addEventListener("click", () => location.reload());
  byId("enter-token").addEventListener("click", wantToken);
}

/** Says something to those who listen to the page, without haste. */
export function say(text) {
  byId("said").textContent = text;
}

/** Shows an error until it is dismissed or another page is opened. */
export function showError(problem) {
  if (problem.status === 401) {
    wantToken();
    return;
  }

  const line = el(
    "div",
    { class: "banner bad" },
    el("span", {}, shown(problem.message), problem.hint ? ` — ${shown(problem.hint)}` : null),
    el("button", { type: "button", text: "Dismiss", onclick: () => line.remove() }),
  );
  byId("errors").replaceChildren(line);
}

export function clearErrors() {
  byId("errors").replaceChildren();
}

function showService(service) {
  const free = service.free_bytes;
  const isLow = free < 2 * service.reserved_bytes;
  const about = byId("about");

  const queue = service.redis ? shown(service.redis) : null;
  const room = `${size(free)} free${isLow ? ", low" : ""}`;
  about.replaceChildren(
    el("span", { text: `version ${shown(service.version)}` }),
    el("span", { text: `on ${shown(service.host)}`, title: queue }),
    el("span", { class: isLow ? "warn-text" : null, text: room }),
    service.may_write ? "" : el("span", { class: "tag", text: "read only" }),
  );

  // The page is a part of the service: another version may speak otherwise.
  firstVersion ??= service.version;
  byId("updated").hidden = service.version === firstVersion;

  const refusal = byId("refusal");
  refusal.hidden = service.accepts;
  const why = service.refusal ?? "the service says no reason";
  setText(refusal, service.accepts ? "" : `No new jobs are taken: ${shown(why)}`);
}

function showLink(word) {
  const isLost = word === "reconnecting" || (word === "connecting" && lostAt > 0);
  if (isLost) lostAt ||= performance.now();
  else lostAt = 0;

  const isGone = isLost && performance.now() - lostAt > GONE;
  const now = isGone ? "gone" : word;
  setText(byId("link"), WORDS[now]);
  setAttribute(byId("link"), "data-link", now);

  byId("offline").hidden = !isLost;
  setText(byId("offline-text"), isGone ? GONE_TEXT : "The connection broke. Trying again…");
  byId("no-token").hidden = word !== "denied";

  if (now !== shownLink) {
    const wasLost = shownLink === "reconnecting" || shownLink === "gone";
    if (now === "live" && wasLost) say("Connected again.");
    if (now === "reconnecting") say("The connection to the service broke.");
    if (now === "gone") say("The service is gone.");
    shownLink = now;
    if (word === "denied") wantToken();
  }
}

/** Asks for a token until one is taken, or the user has had enough. */
async function wantToken() {
  if (asking) return;
  asking = true;

  try {
    let why = hasToken() ? "The service does not take this token. Please enter another one." : null;
    while (await askToken(why)) {
      try {
        await get("/v1/service");
        tryNow();
        return;
      } catch (problem) {
        if (problem.status !== 401) {
          tryNow();
          return;
        }
        why = "The service does not take this token. Please enter another one.";
      }
    }
  } finally {
    asking = false;
  }
}

/** How a job ended, in a sentence that is read aloud. */
function endOf(job) {
  const { files_failed: failed, files_total: total } = job.progress;
  const failures = failed > 0 ? `: ${failed} of ${count(total, "file")} failed` : "";
  return `${shown(title(job))} is ${stateWord(job.state)}${failures}.`;
}

/** Sets the title of the tab. */
export function setTitle(text) {
  const wanted = text ? `${shown(text)} – Sheaf` : "Sheaf";
  if (document.title !== wanted) document.title = wanted;
}

