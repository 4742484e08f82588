// Server-sent events over fetch, which can send a token. A broken stream is opened again, later and
// later; a hidden tab closes it, as browsers allow only few connections to one host.

import { Problem, send } from "./api.js";

/** The first and the longest pause before another attempt, in milliseconds. */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
/** The longest silence: the service says something more often. */
const SILENCE = 60_000;
/** How long a hidden tab keeps its stream. */
const HIDDEN = 10_000;

/**
 * Opens a stream of events, until `close`.
 *
 * `event(name, data)`: one came. `opened()`: the stream is there, maybe again; what was missed must
 * be asked for. `state(word, seconds)`: `connecting`, `live`, `reconnecting` (with the pause),
 * `denied` (401 or 403), `missing` (404: it ends) or `asleep`.
 */
export class Stream {
  #path;
  #listener;
  #closed = false;
  #control = null;
  #wake = null;
  #hiding = 0;

  constructor(path, listener) {
    this.#path = path;
    this.#listener = listener;
    document.addEventListener("visibilitychange", this.#seen);
    this.#run();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#hiding);
    document.removeEventListener("visibilitychange", this.#seen);
    this.#control?.abort();
    this.#wake?.();
  }

  /** Does not wait any longer for the next attempt. */
  tryNow() {
    this.#wake?.();
  }

  #seen = () => {
    clearTimeout(this.#hiding);
    if (document.hidden) {
      this.#hiding = setTimeout(() => this.#control?.abort(), HIDDEN);
    } else {
      this.tryNow();
    }
  };

  async #run() {
    const { state } = this.#listener;
    let failures = 0;
    state("connecting");

    while (!this.#closed) {
      if (document.hidden && failures > 0) {
        state("asleep");
        await this.#rest(null);
        if (this.#closed) return;
      }

      const begun = performance.now();
      const problem = await this.#listen();
      if (this.#closed) return;

      if (problem?.status === 404) {
        state("missing");
        return;
      }
      if (problem?.status === 401 || problem?.status === 403) {
        state("denied");
        await this.#rest(null);
        failures = 0;
        continue;
      }

      // One that held for a while was a good one.
      failures = performance.now() - begun > 5000 ? 1 : failures + 1;
      if (document.hidden) continue;
      const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1));
      // Many pages do not come back all at once.
      const spread = pause * (0.75 + Math.random() / 4);
      state("reconnecting", spread / 1000);
      await this.#rest(spread);
    }
  }

  /** Waits; `tryNow` and `close` end it. */
  #rest(milliseconds) {
    return new Promise((resolve) => {
      const timer = milliseconds === null ? 0 : setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    }).finally(() => {
      this.#wake = null;
    });
  }

  /** Reads the stream to its end; the problem that ended it, if the service named one. */
  async #listen() {
    const control = new AbortController();
    this.#control = control;
    let watchdog = 0;

    try {
      const response = await send("GET", this.#path, { signal: control.signal });
      this.#listener.state("live");
      this.#listener.opened?.();

      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new Parser(this.#listener.event);
      for (;;) {
        clearTimeout(watchdog);
        watchdog = setTimeout(() => control.abort(), SILENCE);
        const { done, value } = await reader.read();
        if (done || this.#closed) return null;
        parser.take(value);
      }
    } catch (error) {
      return error instanceof Problem ? error : null;
    } finally {
      clearTimeout(watchdog);
      control.abort();
    }
  }
}

/** The text of an event stream, cut anywhere, as events. */
export class Parser {
  #rest = "";
  #name = "";
  #data = [];
  #event;

  constructor(event) {
    this.#event = event;
  }

  take(text) {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    for (const line of lines) this.#line(line);
  }

  #line(line) {
    if (line === "") {
      this.#dispatch();
      return;
    }

    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
    // Comments keep the connection alive; ids and pauses are not used.
  }

  #dispatch() {
    const name = this.#name || "message";
    const data = this.#data;
    this.#name = "";
    this.#data = [];
    if (data.length === 0) return;

    let said;
    try {
      said = JSON.parse(data.join("\n"));
    } catch {
      console.error(`an event ${name} is no JSON`);
      return;
    }
    this.#event(name, said);
  }
}
