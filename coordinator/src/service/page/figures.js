// The figures of a job's page.

import { el, setText } from "./dom.js";
import { number, rate, roughTime, size, time } from "./format.js";
import { isActive, speed } from "./states.js";

const LABELS = {
  files: "Files",
  bytes: "Bytes",
  rows: "Rows",
  failed: "Failed",
  reused: "Reused",
  speed: "Speed",
  left: "Time left",
  took: "Running for",
  first: "First row after",
};

export class Figures {
  element = el("dl", { class: "figures" });
  #values = {};
  #labels = {};

  constructor() {
    for (const [name, text] of Object.entries(LABELS)) {
      this.#labels[name] = el("dt", { text });
      this.#values[name] = el("dd", { "data-figure": name });
      this.element.append(el("div", {}, this.#labels[name], this.#values[name]));
    }
  }

  draw(job) {
    const { progress } = job;
    const active = isActive(job);
    const pace = speed(job);
    const left = progress.seconds_left;
    const first = progress.seconds_to_first_row;
    // What is known to be of no interest stays away.
    const texts = {
      files: ofAll(progress.files, progress.files_total, number),
      bytes: ofAll(progress.bytes, progress.bytes_total, size),
      rows: number(progress.rows),
      failed: number(progress.files_failed),
      reused: progress.files_reused > 0 ? number(progress.files_reused) : null,
      speed: pace === null ? null : rate(pace),
      left: active && left !== null && left !== undefined ? roughTime(left) : null,
      took: progress.seconds > 0 ? (active ? roughTime : time)(progress.seconds) : null,
      first: first === null || first === undefined ? null : time(first),
    };

    for (const [name, text] of Object.entries(texts)) {
      setText(this.#values[name], text ?? "");
      this.#values[name].parentElement.hidden = text === null;
    }
    setText(this.#labels.took, active ? "Running for" : "Took");
    setText(this.#labels.speed, active ? "Speed" : "Mean speed");
    this.#values.failed.classList.toggle("has-failed", progress.files_failed > 0);
  }
}

function ofAll(part, all, shown) {
  return part >= all ? shown(all) : `${shown(part)} of ${shown(all)}`;
}
