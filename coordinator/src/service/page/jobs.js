// The list of jobs: the active ones, then the finished ones page by page.

import { get } from "./api.js";
import { arrange, drawer, el, searchField, setText, settled, table } from "./dom.js";
import { count, number } from "./format.js";
import { setTitle, showError } from "./head.js";
import { JobRow } from "./jobrow.js";
import { on, sawJobs } from "./live.js";
import { ACTIVE, FINISHED, stateWord } from "./states.js";

/** How many jobs come at once. */
const PAGE = 100;
/** The most that the service gives at once. */
const MOST = 1000;
const COLUMNS = ["Job", "State", "Progress", "Failed", "Speed", "Time", "Age"];

/** Opens the list in `main`. `filters`: `state` and `name`, of the address. */
export function openJobs(main, filters) {
  const list = new JobList(main);
  list.filter(filters);
  return list;
}

class JobList {
  #search = searchField("job-search");
  #state = stateChoice();
  #summary = el("p", { class: "summary" });
  #empty = el("div", { class: "empty", hidden: true });
  #table;
  #groups;
  #ends;
  #clock;
  #draw = drawer(() => this.#drawn());
  #typed = settled(() => this.#choose(), 250);

  constructor(main) {
    this.#groups = [
      new Group("Active", ACTIVE, this.#draw),
      new Group("Finished", FINISHED, this.#draw),
    ];
    this.#table = table(
      "jobs",
      "Jobs, the newest first",
      COLUMNS,
      ...this.#groups.map((group) => group.body),
    );

    this.#search.addEventListener("input", this.#typed);
    this.#state.addEventListener("change", () => this.#choose());
    main.append(
      el("div", { class: "title" }, el("h1", { tabindex: "-1", text: "Jobs" }), this.#summary),
      el(
        "form",
        { class: "filters", role: "search", onsubmit: (event) => event.preventDefault() },
        el("label", {}, el("span", { text: "Name or id" }), this.#search),
        el("label", {}, el("span", { text: "State" }), this.#state),
      ),
      el("div", { class: "box" }, this.#table),
      this.#empty,
    );

    this.#ends = [
      on("job", (job, wasActive) => {
        this.#groups.forEach((group) => group.heard(job, wasActive));
      }),
      on("removed", (id) => this.#groups.forEach((group) => group.removed(id))),
      on("fresh", () => this.#load()),
    ];
    this.#clock = setInterval(() => {
      if (!document.hidden) this.#draw();
    }, 5000);
    setTitle("Jobs");
  }

  get search() {
    return this.#search;
  }

  lines() {
    return [...this.#table.querySelectorAll("a.name")];
  }

  close() {
    this.#ends.forEach((end) => end());
    clearInterval(this.#clock);
    this.#typed.cancel();
    this.#draw.cancel();
    this.#groups.forEach((group) => group.close());
  }

  /** Shows what the address asks for. */
  filter(filters) {
    this.#typed.cancel();
    const name = filters.get("name") ?? "";
    if (document.activeElement !== this.#search) this.#search.value = name;
    this.#state.value = filters.get("state") ?? "";
    if (this.#state.selectedIndex < 0) this.#state.value = "";

    const states = statesOf(this.#state.value);
    this.#groups.forEach((group) => group.choose(states, name));
    this.#load();
  }

  /** Puts what was chosen in the address, which then filters: so it can be kept and shared. */
  #choose() {
    const filters = new URLSearchParams();
    if (this.#state.value) filters.set("state", this.#state.value);
    if (this.#search.value.trim()) filters.set("name", this.#search.value.trim());

    const wanted = filters.size > 0 ? `#/?${filters}` : "#/";
    if (location.hash === wanted) return;
    history.replaceState(null, "", wanted);
    this.filter(filters);
  }

  #load() {
    this.#groups.forEach((group) => group.load());
  }

  #drawn() {
    this.#groups.forEach((group) => group.draw());
    const [active, finished] = this.#groups;
    const isLoaded = active.isLoaded && finished.isLoaded;
    const total = active.total + finished.total;
    const isFiltered = Boolean(this.#state.value || this.#search.value.trim());

    const sum = `${number(active.total)} active, ${number(finished.total)} finished`;
    setText(this.#summary, isLoaded ? (isFiltered ? `${count(total, "job")} found` : sum) : "");
    this.#table.hidden = isLoaded && total === 0;
    this.#empty.hidden = !(isLoaded && total === 0);
    if (!this.#empty.hidden) this.#empty.replaceChildren(...(isFiltered ? noneFound() : noneYet()));
  }
}

/** The jobs of some states: those that were loaded, and those that were heard of since. */
class Group {
  body;
  total = 0;
  isLoaded = false;
  #title;
  #all;
  #states = [];
  #name = "";
  #rows = new Map();
  #next = null;
  /** How many jobs are asked for when all is asked for anew. */
  #wanted = PAGE;
  /** When the last of the loaded pages was created. */
  #oldest = "";
  #loading = null;
  #heard = new Map();
  #draw;
  #head;
  #more;

  constructor(title, states, draw) {
    this.#title = el("th", {
      scope: "rowgroup",
      colspan: COLUMNS.length,
      role: "rowheader",
    });
    this.#title.dataset.title = title;
    this.#all = states;
    this.#draw = draw;
    this.#head = el("tr", { class: "group", role: "row" }, this.#title);

    const button = el("button", { type: "button", onclick: () => this.#page(true) });
    const wide = el("td", { colspan: COLUMNS.length, role: "cell" }, button);
    this.#more = el("tr", { class: "more", role: "row" }, wide);
    this.body = el("tbody");
  }

  close() {
    this.#loading?.abort();
  }

  choose(states, name) {
    this.#states = this.#all.filter((state) => states.includes(state));
    this.#name = name;
    this.#wanted = PAGE;
  }

  /** Asks anew: after a change of the filter, or when events were missed. */
  load() {
    return this.#page(false);
  }

  async #page(isMore) {
    this.#loading?.abort();
    if (this.#states.length === 0) {
      this.#take({ jobs: [], next: null, total: 0 }, false);
      return;
    }

    const control = new AbortController();
    this.#loading = control;
    this.#heard.clear();
    const limit = isMore ? PAGE : this.#wanted;
    const query = new URLSearchParams({ state: this.#states.join(","), limit });
    if (this.#name) query.set("name", this.#name);
    if (isMore && this.#next) query.set("after", this.#next);

    try {
      const page = await get(`/v1/jobs?${query}`, control.signal);
      if (!control.signal.aborted) this.#take(page, isMore);
    } catch (problem) {
      if (control.signal.aborted) return;
      // Without an answer the head says so, and the stream asks again.
      if (problem.status !== 0 && problem.status !== 401) showError(problem);
    } finally {
      if (this.#loading === control) this.#loading = null;
    }
  }

  #take({ jobs, next, total }, isMore) {
    sawJobs(jobs);
    if (!isMore) {
      const wanted = new Set(jobs.map((job) => job.id));
      for (const id of this.#rows.keys()) {
        if (!wanted.has(id) && !this.#heard.get(id)) this.#rows.delete(id);
      }
    }

    // What was heard during the question is newer than its answer.
    const gone = [...this.#heard].filter(([, job]) => job === null);
    for (const job of jobs) {
      if (!this.#heard.has(job.id)) this.#put(job);
    }
    if (isMore) this.#wanted = Math.min(MOST, this.#wanted + PAGE);
    this.#next = next ?? null;
    this.#oldest = jobs.at(-1)?.times.created ?? "";
    this.total = Math.max(this.#rows.size, total - gone.length);
    this.isLoaded = true;
    this.#heard.clear();
    this.#draw();
  }

  /** A job changed. `wasActive`: whether it was before; undefined if it was not known. */
  heard(job, wasActive) {
    const text = this.#name.toLowerCase();
    const isNamed = [job.id, job.name ?? ""].some((name) => name.toLowerCase().includes(text));
    if (!isNamed || !this.#states.includes(job.state)) {
      this.removed(job.id);
      return;
    }

    if (!this.#rows.has(job.id)) {
      // One beyond what is loaded is counted already, unless it just came over.
      const isBeyond = this.#next && job.times.created < this.#oldest;
      const cameOver = wasActive === (this.#all !== ACTIVE);
      if (isBeyond && !cameOver) return;
      this.total += 1;
    }
    if (this.#loading) this.#heard.set(job.id, job);
    this.#put(job);
    this.#draw();
  }

  removed(id) {
    if (this.#loading) this.#heard.set(id, null);
    if (!this.#rows.delete(id)) return;
    this.total -= 1;
    this.#draw();
  }

  #put(job) {
    const row = this.#rows.get(job.id);
    if (row) row.job = job;
    else this.#rows.set(job.id, new JobRow(job));
  }

  draw() {
    const rank = (job) => (this.#all === ACTIVE ? ACTIVE.indexOf(job.state) : 0);
    const rows = [...this.#rows.values()].sort(
      ({ job: one }, { job: other }) => rank(one) - rank(other) || newestFirst(one, other),
    );
    rows.forEach((row) => row.draw());

    setText(this.#title, `${this.#title.dataset.title} (${number(this.total)})`);
    const left = this.#next ? Math.max(0, this.total - rows.length) : 0;
    const button = this.#more.querySelector("button");
    setText(button, `Show ${number(Math.min(PAGE, left || PAGE))} more of ${number(left)}`);

    const wanted = rows.map((row) => row.element);
    if (wanted.length > 0) wanted.unshift(this.#head);
    if (this.#next) wanted.push(this.#more);
    arrange(this.body, wanted);
  }
}

function newestFirst(one, other) {
  const [a, b] = [one.times.created, other.times.created];
  if (a !== b) return a < b ? 1 : -1;
  return Number(other.id) - Number(one.id) || (one.id < other.id ? 1 : -1);
}

function stateChoice() {
  const option = (value, text) => el("option", { value, text });
  const single = (state) => option(state, stateWord(state));
  return el(
    "select",
    { id: "job-state" },
    option("", "any"),
    option("active", "active"),
    option("finished", "finished"),
    el("optgroup", { label: "Active" }, ACTIVE.map(single)),
    el("optgroup", { label: "Finished" }, FINISHED.map(single)),
  );
}

function statesOf(choice) {
  if (choice === "active") return ACTIVE;
  if (choice === "finished") return FINISHED;
  return choice ? [choice] : [...ACTIVE, ...FINISHED];
}

function noneFound() {
  return [el("p", { text: "No job matches." }), el("a", { href: "#/", text: "Show all jobs" })];
}

function noneYet() {
  return [
    el("p", { text: "There are no jobs yet. Submit one on the command line:" }),
    el("pre", { text: "sheaf submit FOLDER -o final.xlsx" }),
  ];
}
