// A line of the list of jobs.

import { secondsSince } from "./api.js";
import { cell, el, rowHead, setAttribute, setText } from "./dom.js";
import { moment, number, rate, roughTime, shown, size, time } from "./format.js";
import { address, isActive, share, speed, stateWord, title } from "./states.js";

/** A line. `job` may be set anew; `draw` shows it. */
export class JobRow {
  job;
  element;
  #name = el("a", { class: "name" });
  #about = el("span", { class: "sub" });
  #state = badge();
  #waiting = el("span", { class: "sub" });
  #bar = el("progress", { max: 1 });
  #done = el("span", { class: "sub" });
  #failed = cell("Failed", "figure");
  #speed = cell("Speed", "figure");
  #time = cell("Time", "figure");
  #age = cell("Age", "figure");
  #drawn = null;

  constructor(job) {
    this.job = job;
    this.#name.href = address(job.id);
    this.element = el(
      "tr",
      { class: "job", role: "row" },
      rowHead(null, this.#name, this.#about),
      cell("State", null, this.#state, this.#waiting),
      cell("Progress", "wide", this.#bar, this.#done),
      this.#failed,
      this.#speed,
      this.#time,
      this.#age,
    );
    this.element.dataset.id = job.id;
  }

  draw() {
    const { job } = this;
    setText(this.#age, `${roughTime(secondsSince(job.times.created))} ago`);
    if (this.#drawn === job) return;
    this.#drawn = job;

    setText(this.#name, shown(title(job)));
    const priority = job.priority === "normal" ? "" : `${job.priority} priority`;
    const id = job.name ? shown(job.id) : "";
    setText(this.#about, [id, priority].filter(Boolean).join(" · "));
    setAttribute(this.#age, "title", moment(job.times.created));

    showState(this.#state, job.state);
    setText(this.#waiting, shown(isActive(job) ? job.progress.waiting ?? "" : job.reason ?? ""));
    setAttribute(this.#waiting, "title", this.#waiting.textContent || null);
    showBar(this.#bar, job);
    setText(this.#done, doneText(job));

    setText(this.#failed, number(job.progress.files_failed));
    this.#failed.classList.toggle("has-failed", job.progress.files_failed > 0);
    const pace = speed(job);
    setText(this.#speed, pace === null ? "" : rate(pace));
    setText(this.#time, timeText(job));
  }
}

/** The mark of a state: a coloured dot of its own form, and the word. */
export function badge() {
  return el("span", { class: "state" });
}

export function showState(element, state) {
  setText(element, stateWord(state));
  setAttribute(element, "data-state", state);
}

/** Shows how far a job is on a `progress`. */
export function showBar(bar, job) {
  const value = share(job);
  if (bar.value !== value) bar.value = value;
  setAttribute(bar, "data-state", job.state);
  setAttribute(bar, "aria-label", `Progress of ${shown(title(job))}`);
}

/** `1,200 of 2,800 files · 34.1 MB of 90.2 MB` */
function doneText({ state, progress }) {
  const { files, files_total: filesTotal, bytes, bytes_total: bytesTotal } = progress;
  if (state === "done" || state === "done-with-failures") {
    return `${number(filesTotal)} ${filesTotal === 1 ? "file" : "files"} · ${size(bytesTotal)}`;
  }
  return `${number(files)} of ${number(filesTotal)} files · ${size(bytes)} of ${size(bytesTotal)}`;
}

function timeText(job) {
  const { seconds, seconds_left: left } = job.progress;
  if (isActive(job)) {
    return left === null || left === undefined ? "" : `${roughTime(left)} left`;
  }
  return seconds > 0 ? `took ${time(seconds)}` : "";
}
