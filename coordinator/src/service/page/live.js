// What the page knows of the service, kept fresh by one stream of events.

import { get } from "./api.js";
import { isActive } from "./states.js";
import { Stream } from "./stream.js";

const listeners = new Map();
/** The last known state of jobs: to notice when one ends. */
const states = new Map();
let stream = null;

/** The last that was heard. */
export const known = { service: null, workers: null, link: "connecting" };

/**
 * Calls `listener` on each `job` (with whether it was active, if it was known), `removed`, `ended`
 * (a job), `workers`, `service`, `link` (word, seconds), and `fresh`: what is shown must be asked
 * for anew. Returns how to end it.
 */
export function on(name, listener) {
  if (!listeners.has(name)) listeners.set(name, new Set());
  listeners.get(name).add(listener);
  return () => listeners.get(name).delete(listener);
}

function emit(name, ...said) {
  for (const listener of [...(listeners.get(name) ?? [])]) listener(...said);
}

/** A job as the service just told it, by whichever way. */
export function heardJob(job) {
  const before = states.get(job.id);
  states.set(job.id, isActive(job));
  emit("job", job, before);
  if (before && !isActive(job)) emit("ended", job);
}

/**
 * A job as the answer to a request tells it. `ask` sends the request. What the streams said of the
 * job meanwhile may be newer than the answer, which then counts for nothing.
 */
export async function heardAnswer(id, ask) {
  let isNews = false;
  const end = on("job", (job) => {
    isNews ||= job.id === id;
  });

  try {
    const job = await ask();
    if (!isNews) heardJob(job);
  } finally {
    end();
  }
}

/** Notes jobs that came with a list, without telling anybody. */
export function sawJobs(jobs) {
  for (const job of jobs) states.set(job.id, isActive(job));
}

/** A job is gone. */
export function heardRemoved(id) {
  states.delete(id);
  emit("removed", id);
}

/** Opens the stream. */
export function start() {
  stream = new Stream("/v1/events", {
    event: heard,
    opened: refresh,
    state: (word, seconds) => {
      known.link = word;
      emit("link", word, seconds);
    },
  });
}

/** Tries again now: there is another token, or somebody asked for it. */
export function tryNow() {
  stream?.tryNow();
}

function heard(name, said) {
  if (name === "job") heardJob(said);
  else if (name === "removed") heardRemoved(said.id);
  else if (name === "workers") setWorkers(said);
  else if (name === "service") setService(said);
}

function setService(service) {
  known.service = service;
  emit("service", service);
}

function setWorkers(said) {
  // `seen_ms` counts from here on.
  known.workers = { workers: said.workers, at: performance.now() };
  emit("workers", known.workers);
}

async function refresh() {
  emit("fresh");
  try {
    const [service, workers] = await Promise.all([get("/v1/service"), get("/v1/workers")]);
    setService(service);
    setWorkers(workers);
  } catch {
    // The stream breaks, too, and says so; then this is asked again.
  }
}
