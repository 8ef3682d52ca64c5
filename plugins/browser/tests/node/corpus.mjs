// The corpus through the package: the same bytes as `weir normalize` writes, however the input is cut.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync, existsSync } from 'node:fs';
import { dirname, join, basename } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const top = join(dirname(fileURLToPath(import.meta.url)), '../../../..');
export const packageFolder = join(top, 'target/browser/weir-flow');
export const corpus = join(top, 'tests/corpus');

/** A sequence of numbers below a bound, the same in each run. */
export function random(seed) {
  let state = seed >>> 0 || 1;
  return (below) => {
    // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const OPTIONS = {
  '--from': 'from',
  '--layout': 'layout',
  '--separator': 'separator',
  '--quote': 'quote',
  '--missing': 'missing',
  '--timezone': 'timezone',
  '--where': 'where',
  '--drop': 'drop',
  '--mask': 'mask',
  '--own': 'own',
};
const FLAGS = { '--keep-envelope': 'keepEnvelope', '--keep-raw': 'keepRaw' };

/** The options that a case's arguments stand for; double quotes keep blanks together. */
function options(input) {
  const text = existsSync(`${input}.args`) ? readFileSync(`${input}.args`, 'utf8').trimEnd() : '';
  const words = text.split('"').flatMap((part, i) => (i % 2 ? [part] : part.split(/\s+/).filter(Boolean)));
  const options = {};
  while (words.length > 0) {
    const word = words.shift();
    if (FLAGS[word]) options[FLAGS[word]] = true;
    else {
      assert.ok(OPTIONS[word], `${input}: no option stands for ${word}`);
      options[OPTIONS[word]] = words.shift();
    }
  }
  return options;
}

export function cases() {
  const all = [];
  for (const product of readdirSync(corpus)) {
    for (const kind of ['ok', 'err']) {
      const folder = join(corpus, product, kind);
      if (!existsSync(folder)) continue;
      for (const name of readdirSync(folder).sort()) {
        if (/\.(ndjson|rejects|args)$/.test(name)) continue;
        const input = join(folder, name);
        // Only the command reads snappy, and it says so.
        if (name.endsWith('.snappy')) continue;
        const text = (ending) => (existsSync(input + ending) ? readFileSync(input + ending, 'utf8') : '');
        const file = readFileSync(input);
        const bytes = name.endsWith('.gz') ? gunzipSync(file) : file;
        all.push({ input, name, bytes, options: options(input), ndjson: text('.ndjson'), rejects: text('.rejects') });
      }
    }
  }
  assert.ok(all.length > 150, `only ${all.length} cases`);
  return all;
}

/** Pushes an input in pieces; `next` gives how long each is. */
export function run({ Normalizer }, { bytes, options, name }, next) {
  const [output, rejects] = [[], []];
  const normalizer = new Normalizer({ ...options, name, onRejects: (lines) => rejects.push(lines) });
  for (let at = 0; at < bytes.length; ) {
    const length = next();
    output.push(normalizer.push(bytes.subarray(at, at + length)).slice());
    at += length;
  }
  output.push(normalizer.finish().slice());
  const { summary } = normalizer;
  normalizer.free();
  return { ndjson: Buffer.concat(output).toString(), rejects: Buffer.concat(rejects).toString(), summary };
}

function checkBalance({ input, bytes }, { records, bytes: b }) {
  assert.equal(records.in, records.normalized + records.filtered + records.rejected, input);
  assert.equal(b.in, b.normalized + b.filtered + b.rejected + b.blank + b.framing, input);
  assert.equal(b.in, bytes.length, input);
}

/** Defines the tests, for the package whose module is loaded already. */
export function testCorpus(weir) {
  const all = cases();

  test('each input gives the records and rejects of the corpus', () => {
    for (const one of all) {
      const { summary, ...made } = run(weir, one, () => one.bytes.length);
      assert.deepEqual(made, { ndjson: one.ndjson, rejects: one.rejects }, one.input);
      checkBalance(one, summary);
      assert.equal(summary.records.rejected, one.rejects.split('\n').length - 1, one.input);
    }
  });

  test('cuts change nothing', () => {
    const below = random(42);
    for (const one of all) {
      const whole = run(weir, one, () => one.bytes.length);
      const longest = [1, 2, 7, 100, 5000];
      for (const most of one.bytes.length < 20_000 ? longest : longest.slice(3)) {
        const cut = run(weir, one, () => 1 + below(most));
        assert.deepEqual(cut, whole, `${one.input} in pieces of up to ${most}`);
      }
    }
  });

  test('a long input in pieces of any length', () => {
    const pieces = all.filter((one) => Object.keys(one.options).length === 0).map((one) => one.bytes);
    const below = random(7);
    const mixed = [];
    while (mixed.length < 6000) mixed.push(pieces[below(pieces.length)], Buffer.from('\n'));
    const one = { bytes: Buffer.concat(mixed), options: {}, name: 'mixed' };
    assert.ok(one.bytes.length > 4 << 20, `only ${one.bytes.length} bytes`);
    const whole = run(weir, one, () => one.bytes.length);
    checkBalance({ input: 'mixed', bytes: one.bytes }, whole.summary);
    for (const most of [300_000, 65_537]) assert.deepEqual(run(weir, one, () => 1 + below(most)), whole);
  });

  test('whole inputs give typed records and rejects', () => {
    for (const one of all) {
      const normalizer = new weir.Normalizer({ ...one.options, name: one.name });
      const { records, rejects, summary } = normalizer.normalize(one.bytes);
      normalizer.free();
      const big = (_, value) => (typeof value === 'bigint' ? Number(value) : value);
      const lines = (text) => text.split('\n').slice(0, -1).map((line) => JSON.parse(line));
      assert.deepEqual(JSON.parse(JSON.stringify(records, big)), lines(one.ndjson), one.input);
      assert.deepEqual(rejects, lines(one.rejects), one.input);
      checkBalance(one, summary);
    }
  });

  test('other schemas are as in their corpus', () => {
    const below = random(3);
    for (const to of ['ocsf', 'ecs']) {
      let checked = 0;
      for (const one of all) {
        const product = basename(dirname(dirname(one.input)));
        const golden = join(top, `tests/corpus-schemas/${product}.${to}.ndjson`);
        if (basename(dirname(one.input)) !== 'ok' || !existsSync(golden)) continue;
        const known = new Set(readFileSync(golden, 'utf8').split('\n'));
        const made = run(weir, { ...one, options: { ...one.options, to, observedAt: OBSERVED_AT } }, () => 1 + below(500));
        for (const line of made.ndjson.split('\n')) {
          assert.ok(known.has(line), `${one.input} as ${to}: ${line}`);
          checked += 1;
        }
      }
      assert.ok(checked > 100, `only ${checked} records as ${to}`);
    }
  });
}

/** The time of records that have none, in tests/corpus-schemas. */
const OBSERVED_AT = 1_700_000_000_000;
