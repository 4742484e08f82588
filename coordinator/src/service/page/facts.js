// What a job was asked to do, and when what happened.

import { el } from "./dom.js";
import { count, moment, shown, size } from "./format.js";

/** The recipe and the options, as a list of terms. */
export function recipeOf({ options, inputs, max_failures: budget }) {
  const columns = options.columns.map(({ name, value }) =>
    el("li", {}, el("b", { text: shown(name) }), " ", code(value)),
  );
  const csv = Object.entries(options.csv ?? {})
    .filter(([, value]) => value !== null && value !== false)
    .map(([name, value]) => (value === true ? name : `${name} ${value}`));
  const paths = inputs.paths.map((path) => [code(path), el("br")]).flat();
  const where = paths.length > 0 ? paths : "uploaded";

  return terms([
    ["Inputs", [`${count(inputs.files, "file")}, ${size(inputs.bytes)}, `, where].flat()],
    ["Record", code(options.record)],
    ["Columns", el("ol", { class: "plain" }, columns)],
    ["Source column", options.source_column ? code(options.source_column) : null],
    ["Outputs", options.outputs.map(shown).join(", ")],
    ["Sheet", shown(options.sheet_name)],
    ["Long cells", shown(options.long_cells)],
    ["Compression", shown(options.compression)],
    ["CSV", csv.length > 0 ? shown(csv.join(", ")) : null],
    ["Encoding", shown(options.encoding)],
    ["Limits a file", `${shown(options.time_limit)}, ${shown(options.memory_limit)}`],
    ["Retries after crashes", String(options.retries)],
    ["Failed files allowed", budget ? shown(budget) : "any number"],
  ]);
}

/** The times, as a list of terms. */
export function timesOf({ times }) {
  return terms([
    ["Submitted", moment(times.created)],
    ["Started", times.started ? moment(times.started) : null],
    ["Finished", times.finished ? moment(times.finished) : null],
    ["Is removed", times.removed_after ? moment(times.removed_after) : null],
  ]);
}

/** A list of terms, without those that have no value. */
function terms(pairs) {
  const shownPairs = pairs.filter(([, value]) => value !== null);
  return el(
    "dl",
    { class: "facts" },
    shownPairs.map(([name, value]) => el("div", {}, el("dt", { text: name }), el("dd", {}, value))),
  );
}

function code(text) {
  return el("code", { text: shown(text) });
}
