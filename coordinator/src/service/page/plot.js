// The plot of a job's speed over its running time: MB/s above, failed files as a strip below.

import { drawer, el, setText, svg } from "./dom.js";
import { count, number, rate, roughTime } from "./format.js";

/** The most samples that are kept. */
const MOST = 600;
/** How wide a step of the line is at least, in pixels. */
const STEP = 5;
const HEIGHT = 200;
const ROOM = { left: 46, right: 12, top: 24, bottom: 26 };

export class Plot {
  element;
  #svg = svg("svg", { role: "img", height: HEIGHT, tabindex: "0", class: "plot" });
  #readout = el("p", { class: "readout", "aria-live": "off" });
  #samples = [];
  /** The least seconds between two samples that stay. */
  #spacing = 0;
  #steps = [];
  #scale = null;
  #cursor = null;
  #width = 0;
  #draw = drawer(() => this.#drawn());
  #observer = new ResizeObserver(([entry]) => {
    this.#width = Math.floor(entry.contentRect.width);
    this.#draw();
  });

  constructor() {
    this.element = el("div", { class: "plot-box" }, this.#svg, this.#readout);
    this.#observer.observe(this.element);
    this.#svg.addEventListener("pointermove", (event) => {
      const box = this.#svg.getBoundingClientRect();
      this.#point(this.#stepAt(event.clientX - box.left));
    });
    this.#svg.addEventListener("pointerleave", () => this.#point(null));
    this.#svg.addEventListener("blur", () => this.#point(null));
    this.#svg.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by || this.#steps.length === 0) return;
      const last = this.#steps.length - 1;
      const at = this.#cursor === null ? last : this.#cursor + by;
      this.#point(Math.min(last, Math.max(0, at)));
      event.preventDefault();
    });
  }

  close() {
    this.#observer.disconnect();
    this.#draw.cancel();
  }

  /** The samples of `/history`. Those that came by events meanwhile stay, if they are later. */
  load(samples) {
    const last = samples.at(-1)?.at ?? -1;
    this.#samples = [...samples, ...this.#samples.filter((sample) => sample.at > last)];
    this.#draw();
  }

  /** Forgets all: the job begins to count anew. */
  restart() {
    this.#samples = [];
    this.#spacing = 0;
    this.#draw();
  }

  /** A job as an event told it. */
  add({ seconds, files, files_failed: failed, bytes, rows }) {
    const last = this.#samples.at(-1);
    if (last && (seconds <= last.at || seconds < 0.1)) return;

    // The newest is kept at once, and gives way to the next if that comes soon.
    const before = this.#samples.at(-2);
    if (before && last.at - before.at < this.#spacing) this.#samples.pop();
    this.#samples.push({ at: seconds, files, failed, bytes, rows });

    if (this.#samples.length > MOST) {
      this.#spacing = (2 * seconds) / MOST;
      this.#samples = spaced(this.#samples, this.#spacing);
    }
    this.#draw();
  }

  #drawn() {
    if (this.#width < 80) return;
    const inner = this.#width - ROOM.left - ROOM.right;
    this.#steps = stepsOf(this.#samples, Math.max(10, Math.floor(inner / STEP)));
    const top = Math.max(...this.#steps.map((step) => step.rate), 0);
    const end = this.#samples.at(-1)?.at ?? 0;
    this.#scale = scaleOf(inner, end, top);
    if (this.#cursor !== null) this.#cursor = Math.min(this.#cursor, this.#steps.length - 1);

    this.#svg.setAttribute("width", this.#width);
    this.#svg.setAttribute("viewBox", `0 0 ${this.#width} ${HEIGHT}`);
    this.#svg.setAttribute("aria-label", this.#summary());
    this.#svg.replaceChildren(
      ...axes(this.#scale, this.#width),
      ...curve(this.#steps, this.#scale),
      ...failures(this.#steps, this.#scale),
      ...this.#cross(),
    );
    this.#say();
  }

  #summary() {
    if (this.#steps.length === 0) return "Speed over time: nothing was measured yet";
    const rates = this.#steps.map((step) => step.rate);
    const { at, bytes } = this.#samples.at(-1);
    const mean = at > 0 ? bytes / at : 0;
    return (
      `Speed over ${roughTime(at)}: last ${rate(rates.at(-1))}, on average ${rate(mean)}, ` +
      `at most ${rate(Math.max(...rates))}. Arrow keys read single moments.`
    );
  }

  #stepAt(x) {
    if (!this.#scale || this.#steps.length === 0) return null;
    const at = ((x - ROOM.left) / this.#scale.inner) * this.#scale.end;
    const index = this.#steps.findIndex((step) => step.to >= at);
    return index < 0 ? this.#steps.length - 1 : index;
  }

  #point(index) {
    if (this.#cursor === index) return;
    this.#cursor = index;
    this.#draw();
  }

  #cross() {
    const step = this.#steps[this.#cursor];
    if (!step) return [];
    const x = this.#scale.x(step.middle);
    return [
      svg("line", { class: "cross", x1: x, x2: x, y1: ROOM.top, y2: HEIGHT - ROOM.bottom }),
      svg("circle", { class: "dot", cx: x, cy: this.#scale.y(step.rate), r: 3.5 }),
    ];
  }

  #say() {
    const step = this.#steps[this.#cursor];
    if (step) {
      const failed = step.failed > 0 ? `, ${number(step.failed)} failed` : "";
      setText(
        this.#readout,
        `after ${roughTime(step.middle)}: ${rate(step.rate)}, ` +
          `${count(step.files, "file")} done${failed}`,
      );
    } else if (this.#steps.length > 0) {
      const { at, bytes } = this.#samples.at(-1);
      setText(this.#readout, `on average ${rate(bytes / Math.max(at, 0.001))}`);
    } else {
      setText(this.#readout, "nothing was measured yet");
    }
  }
}

/** The samples that are at least `spacing` seconds apart, and the newest. */
export function spaced(samples, spacing) {
  let last = -Infinity;
  return samples.filter(({ at }, index) => {
    const stays = at - last >= spacing || index === samples.length - 1;
    if (stays) last = at;
    return stays;
  });
}

/** The samples as at most `most` steps of about the same length, with the mean speed of each. */
export function stepsOf(samples, most) {
  const end = samples.at(-1)?.at ?? 0;
  const length = end / most;
  const steps = [];
  let from = { at: 0, files: 0, failed: 0, bytes: 0 };

  for (const [index, sample] of samples.entries()) {
    const passed = sample.at - from.at;
    const isLast = index === samples.length - 1;
    if (passed <= 0 || (passed < length && !isLast)) continue;

    // A retry begins to count anew.
    const gained = (name) => Math.max(0, sample[name] - from[name]);
    // A sliver at the end says nothing of its own.
    if (isLast && passed < length / 2 && steps.length > 0) break;
    steps.push({
      from: from.at,
      to: sample.at,
      middle: (from.at + sample.at) / 2,
      rate: gained("bytes") / passed,
      failed: gained("failed"),
      files: sample.files,
    });
    from = sample;
  }

  return steps;
}

function scaleOf(inner, end, top) {
  // Without anything yet, one megabyte a second is as good a scale as any.
  const rates = ticks(top > 0 ? top / 1e6 : 1, 4);
  const highest = rates.at(-1);
  const height = HEIGHT - ROOM.top - ROOM.bottom;
  const x = (at) => ROOM.left + (end > 0 ? (at / end) * inner : 0);
  const y = (value) => ROOM.top + height - (value / 1e6 / highest) * height;
  return { inner, end, rates, x, y, times: timeTicks(end, Math.max(2, Math.floor(inner / 110))) };
}

/** Round numbers from 0 to at least `top`. */
export function ticks(top, wanted) {
  const rough = top / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const amount = Math.ceil(top / step - 1e-9);
  return Array.from({ length: amount + 1 }, (_, index) => index * step);
}

const ROUND_TIMES = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400,
];

function timeTicks(end, wanted) {
  const rough = end / wanted;
  const step = ROUND_TIMES.find((size) => size >= rough) ?? 86400 * Math.ceil(rough / 86400);
  const amount = Math.min(20, Math.floor(end / step));
  return Array.from({ length: amount + 1 }, (_, index) => index * step);
}

function axes({ rates, x, y, times }, width) {
  const bottom = HEIGHT - ROOM.bottom;
  const right = width - ROOM.right;
  const digits = Math.min(6, (String(Number(rates[1].toPrecision(2))).split(".")[1] ?? "").length);
  const lines = rates.map((value) => {
    const at = y(value * 1e6);
    return [
      svg("line", { class: "grid", x1: ROOM.left, x2: right, y1: at, y2: at }),
      label(ROOM.left - 8, at + 4, "end", value.toFixed(digits)),
    ];
  });
  const marks = times.map((at) => [
    svg("line", { class: "tick", x1: x(at), x2: x(at), y1: bottom, y2: bottom + 4 }),
    label(
      x(at),
      bottom + 18,
      right - x(at) < 24 ? "end" : "middle",
      at === 0 ? "0" : shortTime(at),
    ),
  ]);
  const unit = label(0, 12, "start", "MB/s");
  const what = label(right, 12, "end", "over the running time");
  return [...lines.flat(), ...marks.flat(), unit, what];
}

function label(x, y, anchor, text) {
  return svg("text", { class: "axis", x, y, "text-anchor": anchor, text });
}

function shortTime(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return seconds % 60 ? roughTime(seconds) : `${seconds / 60}m`;
  return seconds % 3600 ? roughTime(seconds) : `${seconds / 3600}h`;
}

/** A line through the middles of the steps, and the area below it. */
function curve(steps, { x, y }) {
  if (steps.length === 0) return [];
  const first = steps[0];
  const last = steps.at(-1);
  const points = [
    [x(first.from), y(first.rate)],
    ...steps.map((step) => [x(step.middle), y(step.rate)]),
    [x(last.to), y(last.rate)],
  ];
  const place = ([px, py]) => `${px.toFixed(1)} ${py.toFixed(1)}`;
  const line = `M${points.map(place).join("L")}`;
  const corners = [points.at(-1), points[0]].map(([px]) => place([px, y(0)]));
  const area = `${line}L${corners.join("L")}Z`;
  return [svg("path", { class: "area", d: area }), svg("path", { class: "line", d: line })];
}

/** A mark on the floor where files failed. */
function failures(steps, { x, y }) {
  const most = Math.max(...steps.map((step) => step.failed), 1);
  return steps
    .filter((step) => step.failed > 0)
    .map((step) => {
      const height = 3 + 9 * (step.failed / most);
      const width = Math.max(2, x(step.to) - x(step.from) - 1);
      const place = { x: x(step.from), y: y(0) - height, width, height };
      const title = svg("title", { text: `${number(step.failed)} failed` });
      return svg("rect", { class: "failed", ...place }, title);
    });
}
