// The workers, and in short what they do for a job's page.

import { arrange, cell, drawer, el, rowHead, setAttribute, setText, table } from "./dom.js";
import { count, number, roughTime, shown, size } from "./format.js";
import { setTitle } from "./head.js";
import { known, on } from "./live.js";

const COLUMNS = ["Worker", "Host", "Load", "Files", "Bytes", "Version", "Seen"];
/** A worker that was not heard of for so many seconds is probably gone. */
const SILENT = 30;

/** Opens the table of workers in `main`. */
export function openWorkers(main) {
  const summary = el("p", { class: "summary" });
  const body = el("tbody");
  const lines = table("workers", "Workers", COLUMNS, body);
  const empty = el(
    "div",
    { class: "empty", hidden: true },
    el("p", { text: "No worker is connected, so no job goes on. Start one:" }),
    el("pre", { text: "sheaf-worker --redis redis://HOST" }),
  );
  main.append(
    el("div", { class: "title" }, el("h1", { tabindex: "-1", text: "Workers" }), summary),
    el("div", { class: "box" }, lines),
    empty,
  );

  const rows = new Map();
  const draw = drawer(() => {
    if (!known.workers) return;
    const { workers } = known.workers;
    setText(summary, sumOf(workers));
    lines.hidden = workers.length === 0;
    empty.hidden = workers.length > 0;

    const wanted = [...workers].sort(byPlace).map((worker) => {
      if (!rows.has(worker.id)) rows.set(worker.id, new WorkerRow());
      rows.get(worker.id).draw(worker);
      return rows.get(worker.id).element;
    });
    arrange(body, wanted);
    const ids = new Set(workers.map((worker) => worker.id));
    for (const id of rows.keys()) if (!ids.has(id)) rows.delete(id);
  });

  const end = on("workers", draw);
  const clock = setInterval(() => {
    if (!document.hidden) draw();
  }, 1000);
  setTitle("Workers");
  draw();

  return {
    lines: () => [...body.children],
    back: () => {
      location.hash = "#/";
    },
    close: () => {
      end();
      clearInterval(clock);
      draw.cancel();
    },
  };
}

class WorkerRow {
  #id = el("span");
  #own = el("span", { class: "sub" });
  #host = cell("Host");
  #load = new Load();
  #files = cell("Files", "figure");
  #bytes = cell("Bytes", "figure");
  #version = el("span");
  #fits = el("span", { class: "sub" });
  #seen = cell("Seen", "figure");
  element = el(
    "tr",
    { tabindex: "-1", role: "row" },
    rowHead(null, this.#id, this.#own),
    this.#host,
    cell("Load", "wide", this.#load.element),
    this.#files,
    this.#bytes,
    cell("Version", null, this.#version, this.#fits),
    this.#seen,
  );

  draw(worker) {
    setText(this.#id, shown(worker.id));
    setText(this.#own, worker.own ? "part of the service" : "");
    setText(this.#host, shown(worker.host));
    this.#load.draw(worker);
    setText(this.#files, number(worker.files_done));
    setText(this.#bytes, size(worker.bytes_done));
    setText(this.#version, shown(worker.version));
    setText(this.#fits, worker.fits ? "fits" : "another version: gets no tasks");
    this.#fits.classList.toggle("warn-text", !worker.fits);

    const seconds = secondsSilent(worker);
    setText(this.#seen, worker.own ? "here" : `${roughTime(seconds)} ago`);
    this.#seen.classList.toggle("warn-text", seconds > SILENT);
  }
}

/** A bar and the words `3 of 4 slots busy`. */
class Load {
  #bar = el("progress", { "aria-hidden": "true" });
  #text = el("span", { class: "sub" });
  element = el("span", { class: "load" }, this.#bar, this.#text);

  draw(worker) {
    setAttribute(this.#bar, "max", Math.max(1, worker.slots));
    if (this.#bar.value !== worker.busy) this.#bar.value = worker.busy;
    setText(this.#text, `${number(worker.busy)} of ${count(worker.slots, "slot")}`);
  }
}

/** The list of workers of a job's page: an element, and how to end it. */
export function workersInShort() {
  const list = el("ul", { class: "plain" });
  const items = new Map();
  const draw = drawer(() => {
    const workers = (known.workers?.workers ?? []).filter((worker) => worker.fits);
    if (workers.length === 0) {
      const none = "No worker of this version is there.";
      list.replaceChildren(el("li", { class: "muted", text: none }));
      items.clear();
      return;
    }
    arrange(list, [...workers].sort(byPlace).map((worker) => itemOf(items, worker)));
  });

  const end = on("workers", draw);
  draw();
  return {
    element: list,
    close: () => {
      end();
      draw.cancel();
    },
  };
}

function itemOf(items, worker) {
  if (!items.has(worker.id)) {
    const load = new Load();
    const name = el("span", { class: "name" });
    items.set(worker.id, { load, name, element: el("li", {}, name, load.element) });
  }
  const { load, name, element } = items.get(worker.id);
  setText(name, shown(worker.own ? `${worker.host} (the service)` : worker.host));
  setAttribute(name, "title", shown(worker.id));
  load.draw(worker);
  return element;
}

function sumOf(workers) {
  const sum = (of) => workers.reduce((total, worker) => total + of(worker), 0);
  const others = workers.filter((worker) => !worker.fits).length;
  const fitting = workers.filter((worker) => worker.fits);
  const slots = fitting.reduce((total, worker) => total + worker.slots, 0);
  const busy = `${number(sum((worker) => worker.busy))} of ${count(slots, "slot")} busy`;
  const unfit = others > 0 ? `, ${number(others)} of another version` : "";
  return workers.length === 0 ? "" : `${count(workers.length, "worker")}, ${busy}${unfit}`;
}

function secondsSilent(worker) {
  return (worker.seen_ms + performance.now() - known.workers.at) / 1000;
}

/** By host, then id: lines stay where they are. */
function byPlace(one, other) {
  const key = (worker) => `${worker.host}\n${worker.id}`;
  return key(one) < key(other) ? -1 : 1;
}
