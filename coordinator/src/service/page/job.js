// The page of a job.

import { get, jobPath, secondsSince } from "./api.js";
import { Actions } from "./actions.js";
import { outputsPanel } from "./downloads.js";
import { drawer, el, setText, settled } from "./dom.js";
import { recipeOf, timesOf } from "./facts.js";
import { Figures } from "./figures.js";
import { FailedFiles } from "./files.js";
import { moment, percent, shown } from "./format.js";
import { say, setTitle } from "./head.js";
import { badge, showBar, showState } from "./jobrow.js";
import { heardJob, known, on } from "./live.js";
import { Plot } from "./plot.js";
import { isActive, share, stateWord, title } from "./states.js";
import { Stream } from "./stream.js";
import { workersInShort } from "./workers.js";

/** How many notices are kept. */
const MOST_NOTICES = 200;

/** Opens the page of the job `id` in `main`. */
export function openJob(main, id) {
  return new JobPage(main, id);
}

class JobPage {
  #id;
  #main;
  #job = null;
  #kind = "";
  #drawnFacts = "";
  #heading = el("h1", { tabindex: "-1" });
  #about = el("p", { class: "summary" });
  #state = badge();
  #bar = el("progress", { max: 1, class: "big" });
  #share = el("span", { class: "share" });
  #why = el("div", { class: "why", hidden: true });
  #waits = section("waits-title", "What it waits for", el("ul", { class: "plain reasons" }));
  #figures = new Figures();
  #actions = new Actions();
  #plot = new Plot();
  #files;
  #outputs = outputsPanel();
  #recipe = section("recipe-title", "Recipe and options", el("div"));
  #times = section("times-title", "Times", el("div"));
  #workers = workersInShort();
  #workersPanel;
  #notices = section("notices-title", "Notices", el("ul", { class: "plain notices" }));
  #seenNotices = new Set();
  #stream;
  #ends;
  #draw = drawer(() => this.#drawn());
  #explain = settled(() => this.#askWhy(), 150, 1000);
  #clock;

  constructor(main, id) {
    this.#id = id;
    this.#main = main;
    this.#files = new FailedFiles(id, (kind) => {
      this.#kind = kind;
      this.#draw();
    });
    this.#workersPanel = section("at-work-title", "Workers at work", this.#workers.element);
    setText(this.#heading, `Job ${shown(id)}`);
    this.#notices.hidden = true;
    this.#waits.hidden = true;
    main.append(el("p", { class: "muted", text: "Loading…" }));

    this.#stream = new Stream(jobPath(id, "/events"), {
      event: (name, said) => this.#heard(name, said),
      opened: () => this.#refresh(),
      state: (word) => {
        if (word === "missing") this.#missing("There is no such job, or it was removed.");
      },
    });
    this.#ends = [
      on("service", () => this.#draw()),
      // The answer to a button, or what the stream of all jobs knew first.
      on("job", (job) => {
        if (job.id === id) this.#take(job);
      }),
      on("removed", (gone) => {
        if (gone === id) this.#removed();
      }),
      // With another token, the stream may now be opened.
      on("fresh", () => this.#stream.tryNow()),
    ];
    this.#clock = setInterval(() => {
      if (document.hidden || !this.#job) return;
      this.#draw();
      if (isActive(this.#job)) this.#explain();
    }, 10_000);
    setTitle(`Job ${id}`);
  }

  get search() {
    return this.#files.search;
  }

  lines() {
    return this.#files.lines();
  }

  turn(pages) {
    return this.#files.turn(pages);
  }

  back() {
    location.hash = "#/";
  }

  close() {
    this.#stream.close();
    this.#ends.forEach((end) => end());
    clearInterval(this.#clock);
    this.#draw.cancel();
    this.#explain.cancel();
    this.#files.close();
    this.#plot.close();
    this.#workers.close();
  }

  #heard(name, said) {
    if (name === "job") heardJob(said);
    else if (name === "notice") this.#notice(said);
    else if (name === "removed") this.#removed();
  }

  async #refresh() {
    try {
      const { samples } = await get(jobPath(this.#id, "/history"));
      this.#plot.load(samples);
    } catch {
      // The stream breaks, too, and is opened again; a plot from here on is better than none.
    }
  }

  #take(job) {
    const before = this.#job;
    this.#job = job;
    if (!before) this.#layOut();

    const isRetried = before && job.retries !== before.retries;
    if (isRetried) this.#plot.restart();
    if (job.progress.bytes_per_second !== null || before?.state !== job.state) {
      this.#plot.add(job.progress);
    }
    this.#files.update(job.progress);
    const isOther =
      before?.state !== job.state || before?.progress.waiting !== job.progress.waiting;
    if (isOther) this.#explain();
    this.#draw();
  }

  #layOut() {
    this.#main.replaceChildren(
      el("p", { class: "crumb" }, el("a", { href: "#/", text: "← All jobs" })),
      el("div", { class: "title" }, this.#heading, this.#state, this.#actions.element),
      this.#about,
      el("div", { class: "bar-line" }, this.#bar, this.#share),
      this.#why,
      this.#figures.element,
      el(
        "div",
        { class: "columns" },
        el(
          "div",
          { class: "column first" },
          this.#waits,
          section("plot-title", "Speed", this.#plot.element),
        ),
        el(
          "div",
          { class: "column side" },
          this.#outputs.element,
          this.#workersPanel,
          this.#notices,
          this.#recipe,
          this.#times,
        ),
        el("div", { class: "column last" }, this.#files.element),
      ),
    );
  }

  #drawn() {
    const job = this.#job;
    if (!job) return;

    const name = shown(title(job));
    setText(this.#heading, name);
    setText(this.#about, this.#aboutText());
    showState(this.#state, job.state);
    showBar(this.#bar, job);
    const done = percent(share(job));
    setText(this.#share, done);
    setTitle(isActive(job) ? `${done} ${title(job)}` : `${stateWord(job.state)}: ${title(job)}`);

    this.#showWhy();
    this.#figures.draw(job);
    this.#actions.show(job, this.#kind, known.service?.may_write ?? false);
    this.#outputs.draw(job);
    this.#workersPanel.hidden = !["running", "pausing", "cancelling", "queued"].includes(job.state);
    this.#showFacts();
  }

  #aboutText() {
    const { id, name, priority, times, retries } = this.#job;
    const age = `submitted ${moment(times.created)}`;
    const parts = [name ? `job ${shown(id)}` : null, `${priority} priority`, age];
    if (retries > 0) parts.push(retries === 1 ? "retried once" : `retried ${retries} times`);
    return parts.filter(Boolean).join(" · ");
  }

  /** Why it is in its state, and what about its result may surprise. */
  #showWhy() {
    const { reason, hint, notes, state } = this.#job;
    const lines = [
      reason ? el("p", { text: shown(reason) }) : null,
      hint ? el("p", { class: "hint", text: shown(hint) }) : null,
      ...notes.map((note) => el("p", { class: "note", text: `Note: ${shown(note)}` })),
    ].filter(Boolean);

    const said = lines.map((line) => line.textContent).join("\n");
    this.#why.hidden = lines.length === 0;
    this.#why.dataset.state = state;
    if (this.#why.dataset.said === said) return;
    this.#why.dataset.said = said;
    this.#why.replaceChildren(...lines);
  }

  /** What seldom changes is made anew when it does. */
  #showFacts() {
    const { options, inputs, max_failures: budget, times } = this.#job;
    const facts = JSON.stringify([options, inputs, budget, times]);
    if (facts === this.#drawnFacts) return;
    this.#drawnFacts = facts;
    this.#recipe.lastChild.replaceChildren(recipeOf(this.#job));
    this.#times.lastChild.replaceChildren(timesOf(this.#job));
  }

  async #askWhy() {
    if (document.hidden || !this.#job) return;
    if (!isActive(this.#job)) {
      this.#waits.hidden = true;
      return;
    }

    let reasons = [];
    try {
      ({ reasons } = await get(jobPath(this.#id, "/explain")));
    } catch {
      // It is asked again with the next change.
      return;
    }
    const standing = reasons.filter(({ code }) => code !== "runs" && code !== "finished");
    this.#waits.hidden = standing.length === 0 || !isActive(this.#job);
    const heading = this.#job.state === "running" ? "Why it is not faster" : "What it waits for";
    setText(this.#waits.firstChild, heading);
    this.#waits.lastChild.replaceChildren(
      ...standing.map(({ code, text, hint }) =>
        el(
          "li",
          { "data-code": code },
          el("p", { text: shown(text) }),
          hint ? el("p", { class: "hint", text: shown(hint) }) : null,
        ),
      ),
    );
  }

  #notice({ at, text, warning }) {
    const key = `${at}\n${text}`;
    if (this.#seenNotices.has(key)) return;
    this.#seenNotices.add(key);

    const ago = secondsSince(at) > 86400 ? moment(at) : moment(at).slice(11);
    this.#notices.lastChild.prepend(
      el(
        "li",
        { class: warning ? "warning" : null },
        el("time", { datetime: at, title: moment(at), text: ago }),
        el("span", {}, warning ? el("b", { text: "warning: " }) : null, shown(text)),
      ),
    );
    const list = this.#notices.lastChild;
    if (list.children.length > MOST_NOTICES) list.lastChild.remove();
    this.#notices.hidden = false;
  }

  #removed() {
    this.#missing("This job was removed.");
    say("This job was removed.");
  }

  #missing(text) {
    this.close();
    this.#job = null;
    this.search.remove();
    setTitle(`Job ${this.#id}`);
    this.#main.replaceChildren(
      el("p", { class: "crumb" }, el("a", { href: "#/", text: "← All jobs" })),
      el("h1", { tabindex: "-1", text: `Job ${shown(this.#id)}` }),
      el("p", { class: "empty", text }),
    );
  }
}

/** A part of the page with its heading; the content is its last child. */
function section(id, heading, content) {
  const title = el("h2", { id, text: heading });
  return el("section", { class: "panel", "aria-labelledby": id }, title, content);
}
