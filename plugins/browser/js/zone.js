// Time zones, as the changes of offset that WebAssembly is given: the browser has the database.

import { WeirError } from './error.js';

const DAY = 86_400;
/** Changes after this moment are left out; the last offset goes on. */
const END = Date.UTC(2101, 0, 1) / 1000;
/** Less than any offset holds for. */
const STEP = 5 * DAY;

const known = new Map();

/** Reads an IANA name (`Asia/Shanghai`) or an offset (`+08:00`). */
export function zone(name, option = 'timezone') {
  if (typeof name !== 'string') throw unknown(String(name), option);
  const offset = fixed(name);
  if (offset !== null) return { offset, changes: [] };
  if (!known.has(name)) {
    let format;
    try {
      format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
    } catch {
      throw unknown(name, option);
    }
    known.set(name, changes(format));
  }
  return known.get(name);
}

function unknown(name, option) {
  const remedy = 'give an IANA name such as Asia/Shanghai, or an offset such as +08:00';
  return new WeirError({ message: `${JSON.stringify(name)} is no time zone; ${remedy}`, option, remedy });
}

/** Reads `Z`, `+08`, `+08:00` or `+0800` as seconds east of UTC. */
function fixed(text) {
  if (/^(z|utc)$/i.test(text)) return 0;
  const parts = /^([+-])(\d\d):?(\d\d)?$/.exec(text);
  if (!parts || parts[2] > 23 || parts[3] > 59) return null;
  return (parts[1] === '-' ? -1 : 1) * (parts[2] * 3600 + (parts[3] ?? 0) * 60);
}

function changes(format) {
  const offsetAt = (seconds) => {
    const name = format.formatToParts(seconds * 1000).find((part) => part.type === 'timeZoneName').value;
    const parts = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(name);
    if (!parts[1]) return 0;
    return (parts[1] === '-' ? -1 : 1) * (parts[2] * 3600 + parts[3] * 60 + Number(parts[4] ?? 0));
  };
  const offset = offsetAt(0);
  const all = [];
  for (let from = 0, last = offset; from < END; ) {
    const to = from + STEP;
    const next = offsetAt(to);
    if (next !== last) {
      // The first second that has the new offset.
      let [before, behind] = [from, to];
      while (behind - before > 1) {
        const middle = Math.floor((before + behind) / 2);
        if (offsetAt(middle) === last) before = middle;
        else behind = middle;
      }
      if (behind < END) all.push([behind, next]);
      last = next;
    }
    from = to;
  }
  return { offset, changes: all };
}
