// The outputs of a job, its job log and its summary, to download.

import { hasToken, json, jobPath, send } from "./api.js";
import { el } from "./dom.js";
import { shown, size } from "./format.js";
import { showError } from "./head.js";
import { isActive } from "./states.js";

/** The panel: its element, and `draw(job)`. */
export function outputsPanel() {
  const list = el("ul", { class: "plain outputs" });
  const element = el(
    "section",
    { class: "panel", "aria-labelledby": "outputs-title" },
    el("h2", { id: "outputs-title", text: "Outputs" }),
    list,
  );
  let drawn = "";

  const draw = (job) => {
    const said = JSON.stringify([job.outputs, job.state, job.progress.files > 0]);
    if (said === drawn) return;
    drawn = said;

    const outputs = job.outputs.map((output, index) => outputItem(job.id, output, index));
    const none = el("li", { class: "muted", text: noneText(job) });
    list.replaceChildren(...(outputs.length > 0 ? outputs : [none]), ...records(job));
  };
  return { element, draw };
}

function noneText(job) {
  if (isActive(job)) return "They are written at the end.";
  return job.state === "stopped" ? "None yet: the job stopped before its end." : "There are none.";
}

function outputItem(id, output, index) {
  const name = shown(output.name);
  const button = el("button", {
    type: "button",
    class: "main",
    text: "Download",
    "aria-label": `Download ${name}`,
    onclick: () => tried(button, () => download(id, index)),
  });
  const about = [size(output.bytes), output.sheets > 1 ? `${output.sheets} sheets` : null];
  return el(
    "li",
    {},
    el("span", { class: "name" }, el("bdi", { text: name })),
    el("span", { class: "muted", text: about.filter(Boolean).join(" · ") }),
    button,
    el(
      "details",
      {},
      el("summary", { text: "SHA-256" }),
      el("code", { class: "hash", text: shown(output.sha256) }),
    ),
  );
}

/** The job log and the summary, as soon as they are there. */
function records(job) {
  const link = (text, rest, name) => {
    const button = el("button", {
      type: "button",
      class: "link",
      text,
      onclick: () => tried(button, () => whole(jobPath(job.id, rest), name)),
    });
    return button;
  };

  const has = [
    job.progress.files > 0 ? link("Job log", "/log", `job-${job.id}.tsv`) : null,
    isActive(job) ? null : link("Summary", "/summary", `job-${job.id}.json`),
  ].filter(Boolean);
  return has.length > 0 ? [el("li", { class: "records" }, has)] : [];
}

/** Downloads go past the page, so they cannot send a token: a ticket stands for it. */
async function download(id, index) {
  const path = jobPath(id, `/outputs/${index}`);
  // Without tokens none is needed.
  if (!hasToken()) {
    follow(path, null);
    return;
  }
  const { url } = await json("POST", `${path}/ticket`);
  follow(url, null);
}

async function whole(path, name) {
  if (!hasToken()) {
    follow(path, name);
    return;
  }
  const response = await send("GET", path);
  const url = URL.createObjectURL(await response.blob());
  follow(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function follow(url, name) {
  const link = el("a", { href: url, download: name ?? "" });
  document.body.append(link);
  link.click();
  link.remove();
}

async function tried(button, work) {
  button.disabled = true;
  try {
    await work();
  } catch (problem) {
    showError(problem);
  } finally {
    button.disabled = false;
    button.focus({ preventScroll: true });
  }
}
