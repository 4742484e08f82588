// Numbers, sizes and times as the command line writes them (common/src/human.rs).

const UNITS = ["kB", "MB", "GB", "TB", "PB", "EB"];

/** `1,048,576` */
export function number(value) {
  return String(Math.floor(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 file`, `2,800 files` */
export function count(value, noun) {
  return `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Decimal units, about three digits: `999 B`, `1.25 kB`, `86.1 MB`. */
export function size(bytes) {
  if (bytes < 1000) return `${Math.floor(bytes)} B`;

  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit + 1 < UNITS.length) {
    value /= 1000;
    unit += 1;
  }
  return `${threeDigits(value)} ${UNITS[unit]}`;
}

/** `84.2 MB/s` */
export function rate(bytesPerSecond) {
  return `${threeDigits(bytesPerSecond / 1e6)} MB/s`;
}

/** `0.42 s`, `12.3 s`, `4m 05s`, `2h 07m` */
export function time(seconds) {
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  return longTime(Math.round(seconds));
}

/** A time for which parts of a second do not matter: `12 s`, `4m 05s`, `2h 07m`, `3d 04h`. */
export function roughTime(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60 ? `${whole} s` : longTime(whole);
}

function longTime(whole) {
  const two = (value) => String(value).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)}h ${two(Math.floor((whole % 3600) / 60))}m`;
  return `${number(whole / 86400)}d ${two(Math.floor((whole % 86400) / 3600))}h`;
}

/** A share from 0 to 1. 100% is only said of what is complete. */
export function percent(share) {
  return `${share >= 1 ? 100 : Math.min(99, Math.floor(share * 100))}%`;
}

/** A moment in the reader's own time zone. */
export function moment(rfc3339) {
  const date = new Date(rfc3339);
  if (Number.isNaN(date.getTime())) return shown(rfc3339);

  const two = (value) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/**
 * A name or reason that cannot mislead: control characters and those that turn the direction of
 * writing become escapes.
 */
export function shown(text) {
  const odd = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
  const names = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  return String(text).replace(
    odd,
    (character) => names[character] ?? `\\u{${character.codePointAt(0).toString(16)}}`,
  );
}

function threeDigits(value) {
  if (value < 9.995) return value.toFixed(2);
  if (value < 99.95) return value.toFixed(1);
  return value.toFixed(0);
}
