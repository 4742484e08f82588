// The buttons of a job's page.

import { jobPath, json } from "./api.js";
import { ask } from "./dialogs.js";
import { arrange, el, setText } from "./dom.js";
import { count, number, shown } from "./format.js";
import { showError } from "./head.js";
import { heardAnswer, heardRemoved } from "./live.js";
import { allowed, title } from "./states.js";

/** The buttons that a job's state allows; none for those who may only read. */
export class Actions {
  element = el("div", { class: "actions", role: "group", "aria-label": "Actions" });
  #job = null;
  #kind = "";
  #mayWrite = false;
  #isBusy = false;
  #buttons = {
    pause: this.#button("Pause", () => this.#post("pause")),
    resume: this.#button("Resume", () => this.#post("resume")),
    retry: this.#button("", () => this.#post("retry", { kinds: this.#kind ? [this.#kind] : [] })),
    cancel: this.#button("Cancel…", () => this.#cancel(), "danger"),
    remove: this.#button("Remove…", () => this.#remove(), "danger"),
  };

  /** `job`, and the kind of problem that is chosen (empty: all). */
  show(job, kind, mayWrite) {
    this.#job = job;
    this.#kind = kind;
    this.#mayWrite = mayWrite;
    this.#draw();
  }

  #draw() {
    const job = this.#job;
    const may = this.#mayWrite ? allowed(job) : {};
    const failed = this.#kind
      ? job.progress.failed_by_kind[this.#kind] ?? 0
      : job.progress.files_failed;
    const kind = this.#kind ? `${shown(this.#kind)} ` : "";
    const files = failed === 1 ? "file" : "files";
    // A job that was ended before its end goes on, too.
    const isMore = job.progress.files < job.progress.files_total;
    const retry = failed > 0 ? `Retry ${number(failed)} ${kind || "failed "}${files}` : "Run again";
    setText(this.#buttons.retry, isMore && failed > 0 ? `${retry} and go on` : retry);

    const names = Object.keys(this.#buttons).filter((name) => may[name]);
    const wanted = names.map((name) => this.#buttons[name]);
    const hadFocus = this.element.contains(document.activeElement);
    for (const button of wanted) button.disabled = this.#isBusy;
    arrange(this.element, wanted);
    // Its button may be gone: the focus stays in the row of buttons.
    if (hadFocus && !this.element.contains(document.activeElement)) wanted[0]?.focus();
  }

  #button(text, work, kind = null) {
    return el("button", { type: "button", class: kind, text, onclick: work });
  }

  async #cancel() {
    const { progress } = this.#job;
    const reason = await ask({
      title: `Cancel ${shown(title(this.#job))}?`,
      text:
        `${number(progress.files)} of ${count(progress.files_total, "file")} are done. ` +
        "A cancelled job has no outputs. To go on later, pause it.",
      yes: "Cancel the job",
      no: "Keep it",
      wantsReason: true,
    });
    if (reason !== null) await this.#post("cancel", reason ? { reason } : {});
  }

  async #remove() {
    const answer = await ask({
      title: `Remove ${shown(title(this.#job))}?`,
      text: "Its outputs and its job log are deleted from the service. This cannot be undone.",
      yes: "Remove the job",
      no: "Keep it",
    });
    if (answer === null) return;

    const { id } = this.#job;
    await this.#doing(async () => {
      await json("DELETE", jobPath(id));
      heardRemoved(id);
    });
  }

  #post(verb, body) {
    const { id } = this.#job;
    const ask = () => json("POST", jobPath(id, `/${verb}`), body);
    return this.#doing(() => heardAnswer(id, ask));
  }

  /** Does it once, with the buttons out of reach; says what went wrong. */
  async #doing(work) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    // Not disabled at once: that would drop the focus for an answer that is there in a moment.
    const slow = setTimeout(() => this.#draw(), 500);

    try {
      await work();
    } catch (problem) {
      showError(problem);
    } finally {
      clearTimeout(slow);
      this.#isBusy = false;
      this.#draw();
    }
  }
}
