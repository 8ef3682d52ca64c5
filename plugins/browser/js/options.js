// Options as JavaScript writes them, and the configuration that WebAssembly reads.

import { WeirError } from './error.js';
import { zone } from './zone.js';

function wrong(option, expected, found) {
  const shown = typeof found === 'string' ? JSON.stringify(found) : Array.isArray(found) ? 'an array' : String(found);
  return new WeirError({
    message: `${option}: expected ${expected}, found ${shown.slice(0, 60)}`,
    option,
    remedy: `give ${expected}`,
  });
}

function text(value, option) {
  if (typeof value !== 'string') throw wrong(option, 'a string', value);
  return value;
}

function flag(value, option) {
  if (typeof value !== 'boolean') throw wrong(option, 'true or false', value);
  return value;
}

/** Several texts, or one with commas between them. */
function texts(value, option) {
  if (typeof value === 'string') return value.split(',').filter((one) => one !== '');
  if (!Array.isArray(value)) throw wrong(option, 'a string or an array of strings', value);
  return value.map((one) => text(one, option));
}

function lists(value, option) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrong(option, 'an object with a list of networks for each name', value);
  }
  const list = (one) => (Array.isArray(one) ? one.map((o) => text(o, option)).join('\n') : text(one, option));
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, list(one)]));
}

function instant(value, option) {
  const millis = typeof value === 'string' && /[^\d]/.test(value) ? Date.parse(value) : Number(value);
  if (!Number.isSafeInteger(millis) || millis < 0) {
    throw wrong(option, 'a Date, epoch milliseconds, or a time such as 2026-01-31T12:00:00Z', value);
  }
  return millis;
}

/** Options that are the configuration's under a name of its own, and how each is read. */
const OPTIONS = {
  from: ['from', text],
  layout: ['layout', text],
  separator: ['separator', text],
  quote: ['quote', text],
  missing: ['missing', text],
  timezone: ['zone', zone],
  where: ['where', text],
  lists: ['lists', lists],
  drop: ['drop', texts],
  mask: ['mask', texts],
  own: ['own', texts],
  to: ['to', text],
  observedAt: ['observed_at_ms', instant],
  keepEnvelope: ['keep_envelope', flag],
  keepRaw: ['keep_raw', flag],
  noCommunityId: ['no_community_id', flag],
  sourceName: ['source_name', flag],
};

/** Reads options; `name` and `onRejects` are no part of the configuration. */
export function configuration(options) {
  if (typeof options !== 'object' || options === null) throw wrong('options', 'an object', options);
  const config = {};
  const { name = '', onRejects, ...rest } = options;
  if (onRejects !== undefined && typeof onRejects !== 'function') throw wrong('onRejects', 'a function', onRejects);
  for (const [option, value] of Object.entries(rest)) {
    if (!Object.hasOwn(OPTIONS, option)) {
      const known = [...Object.keys(OPTIONS), 'name', 'onRejects'].join(', ');
      throw new WeirError({
        message: `no option is called ${JSON.stringify(option)}; known are ${known}`,
        option,
        remedy: `known are ${known}`,
      });
    }
    const [key, read] = OPTIONS[option];
    if (value !== undefined) config[key] = read(value, option);
  }
  const isFlat = (config.to ?? 'flat') === 'flat';
  if (isFlat) delete config.observed_at_ms;
  else config.observed_at_ms ??= Date.now();
  return { config, isFlat, name: text(name, 'name'), onRejects };
}
