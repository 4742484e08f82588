// The failed files of a job: kinds to choose from, a search, and pages of fifty.

import { get, jobPath } from "./api.js";
import { arrange, cell, el, rowHead, searchField, settled, table } from "./dom.js";
import { setAttribute, setText } from "./dom.js";
import { number, shown, size, time } from "./format.js";
import { showError } from "./head.js";

const PAGE = 50;
const COLUMNS = ["File", "Problem", "Size", "Time"];

export class FailedFiles {
  element;
  search = searchField("file-search");
  #id;
  #kinds = el("div", { class: "kinds", role: "group", "aria-label": "Kinds of problems" });
  #kind = "";
  #offset = 0;
  #total = 0;
  #failed = 0;
  #rows = new Map();
  #body = el("tbody");
  #none = el("p", { class: "muted" });
  #tools;
  #box;
  #place = el("span", { class: "place", role: "status" });
  #buttons = {};
  #pager;
  #asking = null;
  #chosen;
  #typed = settled(() => this.#restart(), 200);
  #later = settled(() => this.#load(), 400, 2000);

  /** `chosen(kind)` hears which kind is chosen; empty: all. */
  constructor(id, chosen) {
    this.#id = id;
    this.#chosen = chosen;
    this.search.addEventListener("input", this.#typed);

    this.#tools = el(
      "form",
      { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
      el("label", {}, el("span", { text: "Search in names and problems" }), this.search),
      this.#kinds,
    );
    this.#box = el(
      "div",
      { class: "box scroll", role: "group", "aria-label": "List of failed files", tabindex: "0" },
      table("files", "Failed files", COLUMNS, this.#body),
    );
    this.#pager = this.#makePager();
    this.element = el(
      "section",
      { class: "panel", "aria-labelledby": "failed-title" },
      el("h2", { id: "failed-title", text: "Failed files" }),
      this.#tools,
      this.#none,
      this.#box,
      this.#pager,
    );
    this.#show();
  }

  close() {
    this.#typed.cancel();
    this.#later.cancel();
    this.#asking?.abort();
  }

  /** Takes a job's progress: asks again if another number of files failed. */
  update({ files_failed: failed }) {
    if (failed === this.#failed) return;
    const isFirst = this.#failed === 0;
    this.#failed = failed;
    this.#show();
    if (isFirst) this.#load();
    else this.#later();
  }

  lines() {
    return [...this.#body.children];
  }

  /** Goes some pages on, or back. */
  turn(pages) {
    const last = Math.max(0, Math.ceil(this.#total / PAGE) - 1) * PAGE;
    const offset = Math.min(last, Math.max(0, this.#offset + pages * PAGE));
    if (offset === this.#offset) return false;

    this.#offset = offset;
    this.#load().then(() => this.#box.scrollIntoView({ block: "nearest" }));
    return true;
  }

  #makePager() {
    const button = (name, text, pages) => {
      this.#buttons[name] = el("button", { type: "button", text, onclick: () => this.turn(pages) });
      return this.#buttons[name];
    };
    return el(
      "div",
      { class: "pager" },
      button("first", "First", -Infinity),
      button("previous", "Previous", -1),
      this.#place,
      button("next", "Next", 1),
      button("last", "Last", Infinity),
    );
  }

  #restart() {
    this.#offset = 0;
    this.#load();
  }

  #choose(kind) {
    this.#kind = kind === this.#kind ? "" : kind;
    this.#chosen(this.#kind);
    this.#restart();
  }

  async #load() {
    this.#asking?.abort();
    this.#later.cancel();
    const control = new AbortController();
    this.#asking = control;
    const query = new URLSearchParams({ status: "failed", offset: this.#offset, limit: PAGE });
    if (this.#kind) query.set("kind", this.#kind);
    if (this.search.value.trim()) query.set("search", this.search.value.trim());

    try {
      const page = await get(jobPath(this.#id, `/files?${query}`), control.signal);
      if (!control.signal.aborted) this.#take(page);
    } catch (problem) {
      const isOurs = !control.signal.aborted && problem.status !== 0 && problem.status !== 404;
      if (isOurs) showError(problem);
    }
  }

  #take({ files, total, kinds }) {
    this.#total = total;
    if (files.length === 0 && total > 0 && this.#offset > 0) {
      // A retry made the list shorter.
      this.turn(-1);
      return;
    }

    this.#showKinds(kinds);
    const wanted = new Map();
    for (const file of files) {
      const said = JSON.stringify(file);
      const old = this.#rows.get(file.sequence);
      wanted.set(file.sequence, old?.said === said ? old : { said, element: rowOf(file) });
    }
    this.#rows = wanted;
    arrange(this.#body, [...wanted.values()].map((row) => row.element));
    this.#show();
  }

  #showKinds(kinds) {
    const all = Object.entries(kinds).sort(([, one], [, other]) => other - one);
    if (this.#kind && !(this.#kind in kinds)) all.push([this.#kind, 0]);
    const there = [...this.#kinds.children];
    const buttons = new Map(there.map((button) => [button.dataset.kind, button]));

    arrange(
      this.#kinds,
      all.map(([kind, amount]) => {
        const button = buttons.get(kind) ?? this.#kindButton(kind);
        setAttribute(button, "aria-pressed", kind === this.#kind);
        setText(button, `${shown(kind)} ${number(amount)}`);
        return button;
      }),
    );
  }

  #kindButton(kind) {
    const choose = () => this.#choose(kind);
    return el("button", { type: "button", class: "kind", "data-kind": kind, onclick: choose });
  }

  #show() {
    const isFiltered = Boolean(this.#kind || this.search.value.trim());
    const hasAny = this.#failed > 0 || isFiltered;
    this.#tools.hidden = !hasAny;
    this.#box.hidden = this.#total === 0 || !hasAny;
    this.#none.hidden = hasAny && this.#total > 0;
    const none = isFiltered ? "No failed file matches." : "";
    setText(this.#none, hasAny ? none : "No file has failed.");

    const first = this.#total === 0 ? 0 : this.#offset + 1;
    const last = Math.min(this.#total, this.#offset + PAGE);
    setText(this.#place, `${number(first)}–${number(last)} of ${number(this.#total)}`);
    this.#pager.hidden = this.#box.hidden;
    const isShort = this.#total <= PAGE;
    for (const [name, button] of Object.entries(this.#buttons)) {
      const isBack = name === "first" || name === "previous";
      button.hidden = isShort;
      button.disabled = isBack ? this.#offset === 0 : last >= this.#total;
    }
  }
}

function rowOf(file) {
  const attempts = file.attempts > 1 ? `${number(file.attempts)} attempts` : null;
  const about = [attempts, file.slot ? `read by ${shown(file.slot)}` : null];
  return el(
    "tr",
    { tabindex: "-1", role: "row" },
    rowHead(
      "path",
      el("bdi", { text: shown(file.path) }),
      el("span", { class: "sub", text: about.filter(Boolean).join(" · ") }),
    ),
    cell(
      "Problem",
      "wide",
      el("b", { text: shown(file.kind ?? file.status) }),
      " ",
      el("span", { class: "reason", text: shown(file.reason ?? "") }),
    ),
    cell("Size", "figure", size(file.bytes)),
    cell("Time", "figure", time(file.seconds)),
  );
}
