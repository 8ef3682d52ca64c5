// What the package does, wherever it runs: options in, records and rejects out.

import * as bindings from './bindings.js';
import { configuration } from './options.js';
import { WeirError } from './error.js';

export { WeirError };

/** The memory of the instance; null until there is one. */
let memory = null;
/** Counts the instances, so that what a normalizer has of an earlier one is not asked for. */
let generation = 0;

/** Starts the module, once. */
export function start(module) {
  if (memory === null) memory = bindings.initSync({ module }).memory;
}

export function isStarted() {
  return memory !== null;
}

/** Calls into WebAssembly; what goes wrong there is an Error, and no broken instance is kept. */
function call(what) {
  if (memory === null) {
    throw new WeirError({
      message: 'the module is not loaded yet; call `await load()` first',
      remedy: 'call `await load()` first',
    });
  }
  try {
    return what();
  } catch (error) {
    if (typeof error === 'string') throw new WeirError(JSON.parse(error));
    // A trap leaves locks and half-done work behind, so all of that instance goes.
    bindings.__wbg_reset_state();
    memory = bindings.initSync().memory;
    generation += 1;
    throw new WeirError(
      {
        message: `the module stopped (${error.message}); this is a defect of Weir, or there is no memory left`,
        remedy: 'make a new Normalizer; give it smaller pieces if memory was short',
      },
      { cause: error },
    );
  }
}

/** Hands bytes over, a piece at a time, to where they are read. */
class Source {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  read(room) {
    const piece = this.bytes.subarray(this.at, this.at + room.length);
    room.set(piece);
    this.at += piece.length;
    return piece.length;
  }
}

function bytesOf(input) {
  if (input instanceof Uint8Array) return input;
  if (input instanceof ArrayBuffer) return new Uint8Array(input);
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  throw new WeirError({
    message: `expected a Uint8Array, found ${input === null ? 'null' : typeof input}`,
    remedy: 'give bytes; `new TextEncoder().encode(text)` makes them of a text',
  });
}

function textBytes(input) {
  return typeof input === 'string' ? new TextEncoder().encode(input) : bytesOf(input);
}

const EMPTY = new Uint8Array(0);

/** Something in WebAssembly's memory. */
class Held {
  #held;
  #generation;

  constructor(make) {
    this.#held = call(make);
    this.#generation = generation;
  }

  /** Whether it went with an instance that stopped. */
  get isLost() {
    return this.#generation !== generation;
  }

  call(what) {
    if (this.isLost) {
      throw new WeirError({
        message: 'the module stopped in another call, or this was freed, and what it had went with that',
        remedy: 'make a new one, and begin the input again',
      });
    }
    return call(() => what(this.#held));
  }

  free() {
    if (!this.isLost) this.#held.free();
    this.#generation = -1;
  }
}

/** One input. */
class Input extends Held {
  constructor(config, name, tellsRejects) {
    super(() => new bindings.Input(config, name, tellsRejects));
  }

  push(bytes) {
    this.call((input) => input.push(new Source(bytes)));
  }

  flush() {
    this.call((input) => input.flush());
  }

  finish() {
    this.call((input) => input.finish());
  }

  /** The records that the last call made, where they lie. */
  output() {
    return this.call((input) => view(input.output(), input.output_len()));
  }

  rejects() {
    return this.call((input) => view(input.rejects(), input.rejects_len()));
  }

  summary() {
    return JSON.parse(this.call((input) => input.summary()));
  }

  warnings() {
    return JSON.parse(this.call((input) => input.warnings()));
  }
}

function view(address, length) {
  return length === 0 ? EMPTY : new Uint8Array(memory.buffer, address >>> 0, length);
}

export class Normalizer {
  #config;
  #name;
  #isFlat;
  #onRejects;
  #input;
  #ended = false;
  #summary = null;
  #warnings;

  constructor(options = {}) {
    const { config, isFlat, name, onRejects } = configuration(options);
    this.#config = JSON.stringify(config);
    this.#isFlat = isFlat;
    this.#name = name;
    this.#onRejects = onRejects;
    this.#input = new Input(this.#config, name, onRejects !== undefined);
    this.#warnings = this.#input.warnings();
  }

  get warnings() {
    return this.#warnings;
  }

  get summary() {
    return this.#summary ?? this.#input.summary();
  }

  push(bytes) {
    this.#refuseEnded();
    this.#input.push(bytesOf(bytes));
    return this.#made();
  }

  flush() {
    this.#refuseEnded();
    this.#input.flush();
    return this.#made();
  }

  finish() {
    this.#refuseEnded();
    this.#input.finish();
    this.#ended = true;
    const made = this.#made();
    this.#summary = this.#input.summary();
    return made;
  }

  normalize(input) {
    const bytes = textBytes(input);
    const whole = new Input(this.#config, this.#name, true);
    try {
      const records = [];
      const rejects = [];
      const take = () => {
        for (const line of lines(whole.output())) records.push(this.#isFlat ? flat(line) : JSON.parse(line));
        for (const line of lines(whole.rejects())) rejects.push(JSON.parse(line));
      };
      for (let at = 0; at < bytes.length; at += PIECE) {
        whole.push(bytes.subarray(at, at + PIECE));
        take();
      }
      whole.finish();
      take();
      return { records, rejects, summary: whole.summary() };
    } finally {
      whole.free();
    }
  }

  free() {
    if (!this.#ended && !this.#input.isLost) this.#summary = this.summary;
    this.#ended = true;
    this.#input.free();
  }

  #refuseEnded() {
    if (this.#ended) {
      throw new WeirError({
        message: 'this input has ended; make a new Normalizer for the next one',
        remedy: 'make a new Normalizer for the next one',
      });
    }
  }

  #made() {
    if (this.#onRejects) {
      const rejects = this.#input.rejects();
      if (rejects.length > 0) this.#onRejects(rejects.slice());
    }
    return this.#input.output();
  }
}

/** How much is handed over at a time, in bytes. */
const PIECE = 1 << 20;

function lines(bytes) {
  if (bytes.length === 0) return [];
  const text = new TextDecoder().decode(bytes);
  return text.slice(0, -1).split('\n');
}

/** A flat record; a number that JavaScript would round is a BigInt. */
function flat(line) {
  const record = JSON.parse(line);
  for (const key in record) {
    if (typeof record[key] === 'number' && !Number.isSafeInteger(record[key])) {
      // Quotes inside of strings have a backslash before them, and `extra` comes last.
      const digits = new RegExp(`[{,]"${key}":(\\d+)`).exec(line);
      record[key] = BigInt(digits[1]);
    }
  }
  return record;
}

export class NormalizerStream extends TransformStream {
  #normalizer;

  constructor(options = {}) {
    const normalizer = new Normalizer(options);
    // What is queued must outlive the next call.
    const give = (made, controller) => {
      if (made.length > 0) controller.enqueue(made.slice());
    };
    super({
      transform(chunk, controller) {
        const bytes = textBytes(chunk);
        for (let at = 0; at < bytes.length; at += PIECE) {
          give(normalizer.push(bytes.subarray(at, at + PIECE)), controller);
        }
      },
      flush(controller) {
        give(normalizer.finish(), controller);
        normalizer.free();
      },
    });
    this.#normalizer = normalizer;
  }

  get warnings() {
    return this.#normalizer.warnings;
  }

  get summary() {
    return this.#normalizer.summary;
  }
}

export class Rows {
  #rows;

  constructor(options = {}, most = 1_000_000) {
    const config = JSON.stringify(configuration(options).config);
    this.#rows = new Held(() => new bindings.Rows(config, most));
  }

  begin() {
    this.#rows.call((rows) => rows.begin());
  }

  push(bytes) {
    const source = new Source(textBytes(bytes));
    this.#rows.call((rows) => rows.push(source));
  }

  finish() {
    this.#rows.call((rows) => rows.finish());
  }

  state() {
    return JSON.parse(this.#rows.call((rows) => rows.state()));
  }

  rejects() {
    return JSON.parse(this.#rows.call((rows) => rows.rejects()));
  }

  filter(where) {
    return this.#rows.call((rows) => rows.filter(where));
  }

  sort(field, descending = false) {
    this.#rows.call((rows) => rows.sort(field, descending));
  }

  rows(from, count, fields) {
    return JSON.parse(this.#rows.call((rows) => rows.rows(from, count, String(fields))));
  }

  columns(fields = this.state().fields) {
    return Object.fromEntries(fields.map((field) => [field, this.#column(field)]));
  }

  #column(field) {
    return this.#rows.call((rows) => {
      const numbers = rows.numbers(field);
      if (numbers) return numbers;
      let codes;
      const words = JSON.parse(rows.words(field, { take: (all) => { codes = all.slice(); } }));
      return { codes, words };
    });
  }

  text(index) {
    return JSON.parse(this.#rows.call((rows) => rows.text(index)));
  }

  bars(field = 'action') {
    const bars = JSON.parse(this.#rows.call((rows) => rows.bars(field)));
    bars?.series.sort(([a], [b]) => (a < b ? -1 : 1));
    return bars;
  }

  matrix(tests = ['in @private']) {
    return JSON.parse(this.#rows.call((rows) => rows.matrix(tests.join('\n'))));
  }

  top(fields, by = 'bytes', most = 10, action = '') {
    return JSON.parse(this.#rows.call((rows) => rows.top(String(fields), by, most, action)));
  }

  free() {
    this.#rows.free();
  }
}

export function explain(input, options = {}) {
  const { config, name } = configuration(options);
  const bytes = textBytes(input);
  return JSON.parse(call(() => bindings.explain(bytes, name, JSON.stringify(config))));
}

export function formats() {
  return JSON.parse(call(() => bindings.formats()));
}

export function schema(to = 'flat') {
  return JSON.parse(call(() => bindings.schema(String(to))));
}
