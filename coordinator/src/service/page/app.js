// The page of `sheaf serve`: its parts, and which of them an address opens.

import { takeToken } from "./api.js";
import { showKeys, startDialogs } from "./dialogs.js";
import { byId, el } from "./dom.js";
import { clearErrors, setTitle, startHead } from "./head.js";
import { openJob } from "./job.js";
import { openJobs } from "./jobs.js";
import { startKeys } from "./keys.js";
import { start, tryNow } from "./live.js";
import { openWorkers } from "./workers.js";

const main = byId("main");
/** What is open: `close()`, and what `keys.js` uses. */
let view = { close() {} };
/** The path that is open, without what is filtered. */
let opened = null;

takeToken();
startDialogs();
startHead();
startKeys(() => view);
byId("show-keys").addEventListener("click", showKeys);
byId("skip").addEventListener("click", (event) => {
  // The address belongs to the pages.
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", () => {
  if (takeToken()) tryNow();
  route();
});
route();
start();

function route() {
  const [path, query] = location.hash.replace(/^#/, "").split("?", 2);
  const filters = new URLSearchParams(query ?? "");
  if (path === opened && view.filter) {
    view.filter(filters);
    return;
  }

  const isFirst = opened === null;
  opened = path;
  view.close();
  clearErrors();
  main.replaceChildren();
  scrollTo(0, 0);

  const [page, id] = path.split("/").slice(1);
  if (page === "jobs" && id) view = openJob(main, decoded(id));
  else if (page === "workers") view = openWorkers(main);
  else if (!page) view = openJobs(main, filters);
  else view = nothingHere();

  for (const link of document.querySelectorAll("nav a")) {
    const isOpen = link.dataset.page === (page || "jobs");
    if (isOpen) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }

  // Those who cannot see the change hear the new heading.
  if (!isFirst) main.querySelector("h1")?.focus({ preventScroll: true });
}

function nothingHere() {
  setTitle("Nothing here");
  main.append(
    el("h1", { tabindex: "-1", text: "Nothing here" }),
    el("p", {}, "There is no such page. ", el("a", { href: "#/", text: "See the jobs" })),
  );
  return {
    close() {},
    back: () => {
      location.hash = "#/";
    },
  };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
