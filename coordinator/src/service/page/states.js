// The states of a job: what they are called, and what they allow (as in service/lifecycle.rs).

/** The states in which a job may still change by itself or be resumed. */
export const ACTIVE = ["running", "pausing", "cancelling", "queued", "paused"];

/** The others. */
export const FINISHED = ["done", "done-with-failures", "cancelled", "over-budget", "stopped"];

/** The words for people. */
export function stateWord(state) {
  return state.replaceAll("-", " ");
}

export function isActive(job) {
  return ACTIVE.includes(job.state);
}

/** What a user may do with the job in its state. */
export function allowed(job) {
  const is = (...states) => states.includes(job.state);
  const hasMore = job.progress.files_failed > 0 || job.progress.files < job.progress.files_total;

  return {
    pause: is("queued", "running"),
    resume: is("paused", "stopped"),
    cancel: is("queued", "running", "pausing", "paused", "stopped"),
    retry: is("done-with-failures", "over-budget", "stopped", "cancelled") && hasMore,
    remove: !isActive(job),
  };
}

/** How far the job is, from 0 to 1. Bytes tell more than files, which differ in size. */
export function share({ state, progress }) {
  if (state === "done" || state === "done-with-failures") return 1;

  const { files, files_total: filesTotal, bytes, bytes_total: bytesTotal } = progress;
  if (filesTotal > 0 && files >= filesTotal) return 1;
  if (bytesTotal > 0) return Math.min(1, bytes / bytesTotal);
  return filesTotal > 0 ? files / filesTotal : 0;
}

/** The job's name, or what it is called without one. */
export function title(job) {
  return job.name || `Job ${job.id}`;
}

/** The address of the job's page. */
export function address(id) {
  return `#/jobs/${encodeURIComponent(id)}`;
}

/** Bytes a second: now, or for a finished job on the whole; null if there is nothing to say. */
export function speed({ state, progress }) {
  if (state === "running" || state === "pausing" || state === "cancelling") {
    return progress.bytes_per_second ?? null;
  }
  const isOver = FINISHED.includes(state);
  return isOver && progress.seconds > 0 && progress.bytes > 0
    ? progress.bytes / progress.seconds
    : null;
}
