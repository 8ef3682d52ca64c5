// What the package promises besides the corpus.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { packageFolder } from './corpus.mjs';

const { Normalizer, NormalizerStream, Rows, WeirError, explain, formats, load, schema } = await import(
  join(packageFolder, 'node.js')
);
const bindings = await import(join(packageFolder, 'bindings.js'));
const { zone } = await import(join(packageFolder, 'zone.js'));

const LINE =
  '1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd 192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK\n';
const bytes = (text) => new TextEncoder().encode(text);
const text = (bytes) => new TextDecoder().decode(bytes);

/** The error that a function throws. */
function thrown(what) {
  try {
    what();
  } catch (error) {
    assert.ok(error instanceof WeirError && error instanceof Error, String(error));
    return error;
  }
  assert.fail('nothing is thrown');
}

test('bad options say what, where and what to do', () => {
  const cases = [
    [{ where: 'host == "\u{1f600}" and byts > 1' }, 'where', 17, /no field is called byts/, /did you mean bytes/],
    [{ from: 'huawei-vcp' }, 'from', undefined, /huawei-vcp/, /huawei-vpc/],
    [{ mask: ['src_ip/24', 'host/24'] }, 'mask', undefined, /host/, /./],
    [{ drop: 'host,byts' }, 'drop', undefined, /byts/, /./],
    [{ separator: ',' }, 'separator', undefined, /no layout/, /layout/],
    [{ timezone: 'Mars/Olympus' }, 'timezone', undefined, /Mars/, /Asia\/Shanghai/],
    [{ form: 'huawei-vpc' }, 'form', undefined, /no option is called "form"/, /known are from/],
    [{ where: 7 }, 'where', undefined, /expected a string, found 7/, /give a string/],
    [{ keepRaw: 'yes' }, 'keepRaw', undefined, /true or false/, /./],
    [{ to: 'OCSF' }, undefined, undefined, /ocsf/, /./],
    [{ to: 'ecs', observedAt: 'noon' }, 'observedAt', undefined, /noon/, /./],
    [{ lists: [] }, 'lists', undefined, /a list of networks/, /./],
    [{ own: '10.0.0.0/33' }, 'own', undefined, /10\.0\.0\.0\/33/, /./],
  ];
  for (const [options, option, position, message, remedy] of cases) {
    const error = thrown(() => new Normalizer(options));
    const about = `${JSON.stringify(options)}: ${error.message}`;
    assert.equal(error.option, option, about);
    assert.equal(error.position, position, about);
    assert.match(error.message, message, about);
    assert.match(error.remedy, remedy, about);
    assert.equal(thrown(() => explain(LINE, options)).message, error.message);
  }
  assert.match(thrown(() => schema('xml')).remedy, /flat, ocsf, ecs, otel/);
  assert.match(thrown(() => new Normalizer().push('text')).remedy, /TextEncoder/);
  assert.match(thrown(() => new Normalizer(null)).message, /expected an object/);
});

test('records tell which input they are from', async () => {
  await load();
  const two = LINE.endsWith('\n') ? LINE + LINE : `${LINE}\n${LINE}\n`;
  const second = two.length / 2;
  const told = (options) =>
    new Normalizer(options).normalize(two).records.map(({ log_file, log_offset }) => [log_file, log_offset]);
  assert.deepEqual(told({ sourceName: true, name: 'a.log' }), [['a.log', 0], ['a.log', second]]);
  assert.deepEqual(told({ sourceName: true }), [[undefined, 0], [undefined, second]]);
  assert.deepEqual(told({ name: 'a.log' }), [[undefined, undefined], [undefined, undefined]]);
  // In pieces it is the same, whether rejects are asked for or not.
  for (const onRejects of [undefined, () => {}]) {
    const normalizer = new Normalizer({ sourceName: true, name: 'a.log', onRejects });
    const bytes = new TextEncoder().encode(two);
    const made = [bytes.subarray(0, 7), bytes.subarray(7)].map((piece) => new TextDecoder().decode(normalizer.push(piece)));
    const lines = (made.join('') + new TextDecoder().decode(normalizer.finish())).trim().split('\n');
    assert.deepEqual(lines.map((line) => JSON.parse(line).log_offset), [0, second]);
    assert.equal(JSON.parse(lines[1]).log_file, 'a.log');
  }
  const [{ record }] = explain(LINE, { sourceName: true, name: 'a.log' });
  assert.equal(JSON.parse(record).log_file, 'a.log');
});

test('lists, times and zones are taken in the forms that JavaScript has', async () => {
  await load();
  const where = 'src_ip in @office and start_ms < "2019-01-29T10:00:00"';
  const count = (options) => new Normalizer(options).normalize(LINE).records.length;
  for (const office of ['192.168.0.0/16\n# ours\n10.0.0.0/8', ['10.0.0.0/8', '192.168.0.0/16']]) {
    assert.equal(count({ where, lists: { office } }), 1);
    // There it is two in the morning.
    assert.equal(count({ where, lists: { office }, timezone: 'Asia/Shanghai' }), 0);
    assert.equal(count({ where, lists: { office }, timezone: '-03:30' }), 1);
  }
  const at = (observedAt) => new Normalizer({ to: 'ecs', observedAt }).normalize('{"eni-id":"eni-1","direction":"in","bytes":5,"cen-id":"cen-x","tr-id":"tr-x"}');
  const [one, ...others] = ['2026-01-31T12:00:00Z', new Date('2026-01-31T12:00:00Z'), Date.UTC(2026, 0, 31, 12)].map(at);
  for (const other of others) assert.deepEqual(other, one);
});

test('zones change when they do', () => {
  assert.deepEqual(zone('+08'), { offset: 28_800, changes: [] });
  assert.deepEqual(zone('utc'), { offset: 0, changes: [] });
  const shanghai = zone('Asia/Shanghai');
  // There was summer time from 1986 to 1991.
  assert.equal(shanghai.offset, 28_800);
  assert.equal(shanghai.changes.length, 12);
  const berlin = zone('Europe/Berlin').changes.map(String);
  assert.ok(berlin.includes('1679792400,7200') && berlin.includes('1698541200,3600'));
  for (const no of ['', '+8', '+24:00', '8', null]) assert.throws(() => zone(no), WeirError, String(no));
});

test('what is pushed comes out before the end, and stays until the next call', () => {
  const normalizer = new Normalizer();
  const lines = LINE.repeat(5000);
  const first = normalizer.push(bytes(lines));
  assert.ok(first.length > 0);
  const kept = first.slice();
  assert.deepEqual(first, kept);
  const second = normalizer.flush().slice();
  const last = normalizer.finish().slice();
  const all = text(kept) + text(second) + text(last);
  assert.equal(all.split('\n').length - 1, 5000);
  assert.equal(normalizer.summary.records.in, 5000);
  assert.match(thrown(() => normalizer.push(bytes(LINE))).message, /has ended/);
  assert.match(thrown(() => normalizer.finish()).remedy, /new Normalizer/);
  normalizer.free();
  normalizer.free();
  assert.equal(normalizer.summary.records.in, 5000);
});

test('several inputs at a time do not meet', () => {
  const [a, b] = [new Normalizer(), new Normalizer({ where: 'bytes > 1k' })];
  const line = bytes(LINE);
  for (let i = 0; i < line.length; i++) {
    a.push(line.subarray(i, i + 1));
    b.push(line.subarray(i, i + 1));
  }
  assert.equal(text(a.finish()).split('\n').length, 2);
  assert.equal(text(b.finish()), '');
  assert.deepEqual(b.summary.records, { in: 1, normalized: 0, filtered: 1, rejected: 0 });
});

test('numbers that JavaScript would round are whole', () => {
  const record = `{"provider":"huawei","product":"vpc","kind":"flow","host":"{\\"bytes\\":5,","bytes":18446744073709551615,"packets":9007199254740991,"extra":{"bytes":1}}`;
  const { records } = new Normalizer({ from: 'flat' }).normalize(record);
  assert.equal(records[0].bytes, 18446744073709551615n);
  assert.equal(records[0].packets, 9007199254740991);
});

test('grouped records come out at the end, or where the input pauses', () => {
  const normalizer = new Normalizer({ to: 'otel' });
  assert.equal(normalizer.push(bytes(LINE.repeat(3))).length, 0);
  const line = JSON.parse(text(normalizer.flush()));
  assert.equal(line.resourceLogs[0].scopeLogs[0].logRecords.length, 3);
  normalizer.push(bytes(LINE));
  assert.equal(text(normalizer.finish()).split('\n').length, 2);
  assert.equal(new Normalizer({ to: 'otel' }).normalize(LINE.repeat(513)).records.length, 2);
});

test('a stream of bytes becomes a stream of records', async () => {
  const rejects = [];
  const stream = new NormalizerStream({ name: 'a.log', onRejects: (lines) => rejects.push(text(lines)) });
  const input = new ReadableStream({
    start(controller) {
      for (let i = 0; i < 40; i++) controller.enqueue(bytes(LINE.repeat(i % 3 ? 1 : 20_000)));
      controller.enqueue('broken\n');
      controller.close();
    },
  });
  let lines = 0;
  for await (const chunk of input.pipeThrough(stream)) lines += text(chunk).split('\n').length - 1;
  assert.equal(lines, 14 * 20_000 + 26);
  assert.deepEqual(stream.summary.records, { in: lines + 1, normalized: lines, filtered: 0, rejected: 1 });
  assert.equal(JSON.parse(rejects.join('')).raw, 'broken');
  assert.throws(() => new NormalizerStream({ where: '(' }), WeirError);
});

test('a trap is an Error, and the next normalizer works', () => {
  const [bystander, normalizer] = [new Normalizer(), new Normalizer()];
  // Somebody else takes all memory there can be, so that the module stops itself.
  const { memory } = bindings.initSync();
  for (let pages = 1 << 15; pages > 0; pages >>= 1) {
    try {
      while (true) memory.grow(pages);
    } catch {
      // So many do not fit any more.
    }
  }
  const error = thrown(() => normalizer.push(bytes(LINE.repeat(100_000))));
  assert.match(error.message, /the module stopped/);
  assert.match(error.remedy, /smaller pieces/);
  assert.ok(error.cause instanceof WebAssembly.RuntimeError, String(error.cause));
  for (const lost of [normalizer, bystander]) {
    assert.match(thrown(() => lost.push(bytes(LINE))).remedy, /begin the input again/);
    lost.free();
  }
  assert.notEqual(bindings.initSync().memory, memory);
  assert.equal(new Normalizer().normalize(LINE).records.length, 1);
  assert.equal(explain(LINE).length, 1);
});

test('explanations name the place of a fault', () => {
  const [record] = explain('1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd 192.168.0.154 300.1.1.1 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK');
  assert.equal(record.result, 'rejected');
  assert.equal(record.code, 'address');
  assert.equal(record.text.slice(...record.place), '300.1.1.1');
  const [broken] = explain(`{"a":"\u{1f600}\u20ac", "b" 1}`);
  assert.equal(broken.text.slice(...broken.place), '1');
  const [fine] = explain(LINE);
  assert.equal(fine.product, 'huawei-vpc');
  assert.equal(JSON.parse(fine.record).bytes, 96);
  assert.equal(fine.values.find((value) => value.key === 'dstport').field, 'dst_port');
  assert.equal(explain(LINE, { where: 'bytes > 1k' })[0].result, 'filtered');
  assert.deepEqual(explain(''), []);
});

test('formats and schemas are listed', () => {
  const ids = formats().map((format) => format.id);
  assert.ok(ids.includes('huawei-vpc') && ids.includes('aws-tgw') && ids.length > 12);
  assert.equal(schema().properties.src_ip.type, 'string');
  assert.deepEqual(schema('flat'), schema());
  assert.ok(schema('ocsf').some((row) => row.path === 'src_endpoint.ip'));
});

test('memory does not grow with the input', () => {
  const normalizer = new Normalizer();
  const piece = bytes(LINE.repeat(2000));
  const { memory } = bindings.initSync();
  for (let i = 0; i < 20; i++) normalizer.push(piece);
  const before = memory.buffer.byteLength;
  for (let i = 0; i < 200; i++) normalizer.push(piece);
  normalizer.finish();
  assert.equal(memory.buffer.byteLength, before);
  for (let i = 0; i < 200; i++) {
    const one = new Normalizer();
    one.push(piece);
    one.free();
  }
  assert.ok(memory.buffer.byteLength - before < 4 << 20, `${memory.buffer.byteLength - before} bytes more`);
});

test('records in columns are filtered, sorted and added up', () => {
  const rows = new Rows({ drop: 'interface_id' }, 5);
  rows.begin();
  rows.push(LINE.repeat(4).replace('ACCEPT', 'REJECT'));
  rows.push(`${LINE}${LINE}broken\n`);
  rows.finish();
  const { rows: n, left_out, fields, summary } = rows.state();
  assert.deepEqual([n, left_out, summary.records.in], [5, 1, 7]);
  assert.ok(fields.includes('src_ip') && !fields.includes('interface_id') && !fields.includes('host'));
  assert.equal(rows.rejects().kept[0].line, 7);
  assert.equal(rows.filter('action == accept'), 4);
  assert.deepEqual(rows.rows(0, 1, ['src_ip', 'dst_port']), [['192.168.0.154', '53']]);
  assert.equal(rows.text(0).offset, LINE.length);
  const matrix = rows.matrix(['in 192.168.0.0/24', 'in @private']);
  assert.deepEqual(matrix.map((row) => row.map((sums) => sums.records)), [[0, 4, 0], [0, 0, 0], [0, 0, 0]]);
  assert.throws(() => rows.matrix(['in nowhere']), WeirError);
  assert.deepEqual(rows.top('src_ip'), [{ values: ['192.168.0.154'], records: 4, bytes: 384, packets: 4 }]);
  assert.equal(rows.bars().series[0][0], 'accept');
  const columns = rows.columns(['bytes', 'src_ip', 'host']);
  assert.deepEqual(columns.bytes, new Float64Array([96, 96, 96, 96]));
  assert.deepEqual(columns.src_ip, { codes: new Uint32Array([1, 1, 1, 1]), words: ['192.168.0.154'] });
  assert.deepEqual(columns.host.words, []);
  assert.deepEqual(Object.keys(rows.columns()), rows.state().fields);
  const error = thrown(() => rows.filter('bytes >> 1'));
  assert.deepEqual([error.option, error.position], ['where', 7]);
  rows.free();
  assert.match(thrown(() => rows.filter('')).remedy, /make a new one/);
});

test('the README names every option', () => {
  const readme = readFileSync(join(packageFolder, 'README.md'), 'utf8');
  const types = readFileSync(join(packageFolder, 'index.d.ts'), 'utf8');
  const options = /export interface Options[^{]*\{([\s\S]*?)\n\}/.exec(types)[1];
  for (const [, option] of options.matchAll(/^ {2}(\w+)\?:/gm)) assert.ok(readme.includes(`\`${option}\``), option);
});
