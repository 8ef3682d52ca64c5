// Where files are read: all work with records is done here, and the page only asks for what it shows.

import { Normalizer, Rows, explain, formats, load } from './weir-flow/index.js';
import { Decompress } from './fzstd.js';

/** The most rows in memory; records behind them are exported, but not shown. */
const MOST_ROWS = 6_000_000;
/** How much is read at a time, in bytes. */
const PIECE = 1 << 20;

let files = [];
let options = {};
let rows = null;
let cancelled = false;

const MAGIC = { gzip: [0x1f, 0x8b], zstd: [0x28, 0xb5, 0x2f, 0xfd], zip: [0x50, 0x4b, 0x03, 0x04] };

async function kind(file) {
  let start = new Uint8Array(0);
  if (file.inside) {
    for await (const chunk of chunks(await opened(file))) {
      start = chunk;
      if (start.length > 0) break;
    }
  } else start = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  return Object.keys(MAGIC).find((name) => MAGIC[name].every((byte, i) => start[i] === byte)) ?? 'plain';
}

/** What stands in a file's directory, and a member that the browser can unpack. */
const [END_OF_ZIP, IN_DIRECTORY, MEMBER] = [0x06054b50, 0x02014b50, 0x04034b50];
const [STORED, DEFLATED] = [0, 8];
/** The longest directory of an archive, in bytes. */
const MOST_DIRECTORY = 8 << 20;

const view = async (blob) => new DataView(await blob.arrayBuffer());

const badZip = (file) => Object.assign(new Error(file.name), { code: 'badZip' });

/** The members of a zip archive, which are read as files are. */
async function members(file) {
  const end = await view(file.slice(Math.max(file.size - 65_557, 0)));
  let at = end.byteLength - 22;
  while (at >= 0 && end.getUint32(at, true) !== END_OF_ZIP) at--;
  if (at < 0) throw badZip(file);
  const [size, start] = [end.getUint32(at + 12, true), end.getUint32(at + 16, true)];
  if (size > MOST_DIRECTORY || start + size > file.size) throw badZip(file);
  const directory = await view(file.slice(start, start + size));
  const found = [];
  for (let here = 0; here + 46 <= directory.byteLength && directory.getUint32(here, true) === IN_DIRECTORY;) {
    const [flags, method] = [directory.getUint16(here + 8, true), directory.getUint16(here + 10, true)];
    const [length, offset] = [directory.getUint32(here + 20, true), directory.getUint32(here + 42, true)];
    const [named, extra, comment] = [28, 30, 32].map((place) => directory.getUint16(here + place, true));
    if (here + 46 + named > directory.byteLength) throw badZip(file);
    const name = new TextDecoder().decode(new Uint8Array(directory.buffer, here + 46, named));
    here += 46 + named + extra + comment;
    if (name.endsWith('/')) continue;
    const isKnown = (flags & 1) === 0 && (method === STORED || method === DEFLATED) && offset + length <= file.size;
    found.push({ name: `${file.name}/${name}`, size: length, inside: { file, offset, method: isKnown ? method : null } });
  }
  return found;
}

/** The bytes of a file, or of a member of an archive without its compression there; `through` sees them before. */
async function opened(file, through = new TransformStream()) {
  if (!file.inside) return file.stream().pipeThrough(through);
  const { file: archive, offset, method } = file.inside;
  const head = await view(archive.slice(offset, offset + 30));
  if (method === null || head.byteLength < 30 || head.getUint32(0, true) !== MEMBER) throw badZip(file);
  const start = offset + 30 + head.getUint16(26, true) + head.getUint16(28, true);
  const raw = archive.slice(start, start + file.size).stream().pipeThrough(through);
  return method === DEFLATED ? raw.pipeThrough(new DecompressionStream('deflate-raw')) : raw;
}

/** Gives a file's bytes, decompressed, in pieces that are good until the next; `told` hears how far it is. */
async function* pieces(file, told) {
  const what = await kind(file);
  if (what === 'zip') throw Object.assign(new Error(file.name), { code: 'noZip' });
  if (what === 'plain' && !file.inside) {
    const stream = file.stream();
    let reader;
    try {
      reader = stream.getReader({ mode: 'byob' });
    } catch {
      // Not each browser reads into memory that is there already.
      for await (const chunk of chunks(stream)) {
        told(chunk.length);
        yield chunk;
      }
      return;
    }
    let buffer = new ArrayBuffer(PIECE);
    try {
      for (;;) {
        const { done, value } = await reader.read(new Uint8Array(buffer));
        if (done) return;
        told(value.length);
        yield value;
        buffer = value.buffer;
      }
    } finally {
      await reader.cancel();
    }
  }
  const counted = new TransformStream({
    transform(chunk, controller) {
      told(chunk.length);
      controller.enqueue(chunk);
    },
  });
  const raw = await opened(file, counted);
  if (what === 'plain') yield* chunks(raw);
  else if (what === 'gzip') yield* chunks(raw.pipeThrough(new DecompressionStream('gzip')));
  else {
    let made = [];
    const decompress = new Decompress((chunk) => made.push(chunk));
    for await (const chunk of chunks(raw)) {
      decompress.push(chunk);
      yield* made;
      made = [];
    }
    decompress.push(new Uint8Array(0), true);
    yield* made;
  }
}

/** The chunks of a stream, also where streams can't be iterated over. */
async function* chunks(stream) {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // A stream that failed can't be cancelled any more.
    await reader.cancel().catch(() => {});
  }
}

/** Lets messages in, such as one that cancels. */
const pause = () => new Promise((resolve) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => { port1.close(); resolve(); };
  port2.postMessage(null);
});

/** Hands all pieces of all files to `take`, and tells how far it is. */
async function readAll(begin, take, end, records) {
  const size = files.reduce((sum, file) => sum + file.size, 0);
  const started = performance.now();
  let [read, last] = [0, started];
  cancelled = false;
  const faults = [];
  for (const file of files) {
    begin(file);
    try {
      for await (const piece of pieces(file, (n) => { read += n; })) {
        take(piece);
        const now = performance.now();
        if (now - last > 50) {
          last = now;
          const n = records();
          postMessage({ progress: { read, size, records: n, rate: (n / (now - started)) * 1000 } });
          await pause();
        }
        if (cancelled) break;
      }
    } catch (error) {
      // What was read in front of the fault stays.
      faults.push({ file: file.name, code: error.code, message: error.message });
    }
    end();
    if (cancelled) break;
  }
  return { faults, cancelled, seconds: (performance.now() - started) / 1000 };
}

/** A part of a file's text, decompressed. */
async function textAt({ source, offset, length }) {
  const file = files[source];
  const most = Math.min(length, 1 << 20);
  if (!file.inside && (await kind(file)) === 'plain') return new Uint8Array(await file.slice(offset, offset + most).arrayBuffer());
  const found = new Uint8Array(most);
  let at = 0;
  for await (const piece of pieces(file, () => {})) {
    const from = Math.max(offset - at, 0);
    const part = piece.subarray(from, Math.max(from, offset + most - at));
    found.set(part, Math.max(at - offset, 0));
    at += piece.length;
    if (at >= offset + most) break;
  }
  return found;
}

/** How a text was read. Rows of a file with a header are read with it in front. */
async function explained(place, wasRead) {
  const bytes = await textAt(place);
  const text = new TextDecoder().decode(bytes);
  const fine = (all) => all.length > 0 && all.every((one) => one.result !== 'rejected');
  const alone = explain(bytes, options);
  if (!wasRead || fine(alone)) return { text, input: text, records: alone };
  const start = new TextDecoder().decode(await textAt({ source: place.source, offset: 0, length: 8192 }));
  const input = `${start.split('\n')[0]}\n${text}`;
  const together = explain(input, options).slice(-1);
  return fine(together) ? { text, input, records: together } : { text, input: null, records: [] };
}

const CALLS = {
  async formats() {
    await load();
    return formats().map(({ id, title }) => ({ id, title }));
  },

  async load(given, chosen) {
    await load();
    options = chosen;
    const unread = [];
    files = [];
    for (const file of given) {
      try {
        files.push(...((await kind(file)) === 'zip' ? await members(file) : [file]));
      } catch (error) {
        unread.push({ file: file.name, code: error.code, message: error.message });
      }
    }
    rows = new Rows(options, MOST_ROWS);
    const take = (piece) => rows.push(piece);
    const told = await readAll(() => rows.begin(), take, () => rows.finish(), () => rows.state().summary.records.in);
    rows.filter('');
    return { ...told, faults: [...unread, ...told.faults], sources: files.map((file) => file.name), ...rows.state() };
  },

  cancel() {
    cancelled = true;
  },

  /** Fails where the expression is wrong. */
  check: (where) => new Normalizer({ ...options, where }).free(),

  filter: (expression, sorted) => {
    const count = rows.filter(expression);
    if (sorted) rows.sort(sorted.key, sorted.descending);
    return count;
  },
  sort: ({ key, descending }) => rows.sort(key, descending),
  rows: (from, count, keys) => rows.rows(from, count, keys),
  /** All that is drawn for a filter. */
  pictures: (by, tops, networks) => ({
    bars: rows.bars('action'),
    matrix: rows.matrix(networks),
    tops: tops.map(([keys, action]) => rows.top(keys, by, 8, action)),
  }),
  rejects: () => rows.rejects().kept,

  async detail(index) {
    const place = rows.text(index);
    return { ...place, file: files[place.source].name, ...(await explained(place, true)) };
  },

  rejected: async (place) => explained(place, false),

  convert: (input, to) => {
    const normalizer = new Normalizer({ ...options, to });
    const { records } = normalizer.normalize(input);
    normalizer.free();
    return records.map((record) => JSON.stringify(record, (_, v) => (typeof v === 'bigint' ? Number(v) : v), 2));
  },

  /** The files again, as what the filter lets through. */
  async export(form, where, keys) {
    const parts = [];
    let [waiting, held] = [[], 0];
    // The browser keeps large blobs on disk.
    const add = (bytes) => {
      waiting.push(bytes);
      held += bytes.length;
      if (held > 16 << 20) {
        parts.push(new Blob(waiting));
        [waiting, held] = [[], 0];
      }
    };
    let count = 0;
    if (form === 'csv') {
      const quoted = (cell) => (/[",\n\r]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
      add(new TextEncoder().encode(`${keys}\r\n`));
      for (;;) {
        const some = rows.rows(count, 5000, keys);
        if (some.length === 0) break;
        count += some.length;
        add(new TextEncoder().encode(some.map((row) => `${row.map(quoted).join(',')}\r\n`).join('')));
      }
    } else {
      const together = [options.where, where].filter(Boolean).map((one) => `(${one})`).join(' and ');
      const chosen = { ...options, to: form, where: together || undefined };
      let normalizer;
      const end = () => {
        add(normalizer.finish().slice());
        count += normalizer.summary.records.normalized;
        normalizer.free();
      };
      const made = (piece) => {
        const bytes = normalizer.push(piece);
        if (bytes.length > 0) add(bytes.slice());
      };
      const told = await readAll(() => { normalizer = new Normalizer(chosen); }, made, end, () => count);
      if (told.cancelled) return { cancelled: true };
    }
    return { blob: new Blob([...parts, ...waiting]), count };
  },
};

onmessage = async ({ data: { id, call, args } }) => {
  try {
    postMessage({ id, result: await CALLS[call](...args) });
  } catch (error) {
    const { message, option, position, remedy } = error;
    postMessage({ id, fault: { message, option, position, remedy } });
  }
};

postMessage({ ready: true });
