// Requests to the service: the token, errors, and the service's clock.

const KEY = "sheaf-token";
/** How long an answer may take, in milliseconds. */
const PATIENCE = 30_000;

let token = sessionStorage.getItem(KEY);
let skew = 0;

/** An error of the service (RFC 9457), or no answer at all (status 0). */
export class Problem extends Error {
  constructor(status, { code, detail, title, hint } = {}) {
    super(detail || title || `the service answered with status ${status}`);
    this.status = status;
    this.code = code ?? null;
    this.hint = hint ?? null;
  }
}

export function setToken(text) {
  token = text || null;
  if (token) sessionStorage.setItem(KEY, token);
  else sessionStorage.removeItem(KEY);
}

export function hasToken() {
  return token !== null;
}

/** Takes the token of `#token=…` out of the address; whether there was one. */
export function takeToken() {
  const match = /^#token=(.+)$/.exec(location.hash);
  if (!match) return false;

  let text = match[1];
  try {
    text = decodeURIComponent(text);
  } catch {
    // It is not encoded, so it is the token as it stands.
  }
  setToken(text);
  history.replaceState(null, "", `${location.pathname}#/`);
  return true;
}

/** The response to a request whose status is a success. Throws `Problem`. */
export async function send(method, path, { body, signal, patience = PATIENCE } = {}) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";

  const control = new AbortController();
  const stop = () => control.abort();
  signal?.addEventListener("abort", stop);
  if (signal?.aborted) stop();
  const timer = patience ? setTimeout(stop, patience) : 0;

  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      signal: control.signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, { detail: "the service does not answer" });
  } finally {
    clearTimeout(timer);
  }

  const date = Date.parse(response.headers.get("date") ?? "");
  if (!Number.isNaN(date)) skew = date - Date.now();
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** The JSON of an answer; null if there is none. */
export async function json(method, path, body, signal) {
  const response = await send(method, path, { body, signal });
  return response.status === 204 ? null : response.json();
}

export function get(path, signal) {
  return json("GET", path, undefined, signal);
}

/** The path of a job's resource. Ids have characters that mean something in an address. */
export function jobPath(id, rest = "") {
  return `/v1/jobs/${encodeURIComponent(id)}${rest}`;
}

/** How long ago a moment is by the service's clock, in seconds. */
export function secondsSince(rfc3339) {
  // The header has whole seconds: less than two is no difference.
  const ahead = Math.abs(skew) > 2000 ? skew : 0;
  return Math.max(0, (Date.now() + ahead - Date.parse(rfc3339)) / 1000);
}

async function problemOf(response) {
  let said = {};
  try {
    said = (await response.json()) ?? {};
  } catch {
    // Something between the page and the service answered.
  }
  return new Problem(response.status, said);
}
