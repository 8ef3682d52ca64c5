// The page in Chromium, as its users have it: files dropped, filtered, looked at and exported.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { serve } from '../../demo/serve.mjs';
import { cases } from '../node/corpus.mjs';

const top = join(dirname(fileURLToPath(import.meta.url)), '../../../..');
const built = join(top, 'target/browser');
const pictures = join(built, 'screenshots');
const made = join(built, 'inputs');
const require = createRequire(join(built, 'tools/package.json'));
const { chromium } = await import(pathToFileURL(require.resolve('playwright-core')).href).then((m) => m.default ?? m);
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const { Normalizer } = await import(pathToFileURL(join(built, 'weir-flow/node.js')).href);

let browser;
let site;

before(async () => {
  for (const folder of [pictures, made]) mkdirSync(folder, { recursive: true });
  site = await serve(join(built, 'page'));
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium' });
});

after(async () => {
  await browser?.close();
  site?.server.close();
});

/** Lines like real ones, the same in each run: some hundred talkers, two hours, one in ten rejected. */
function lines(n, broken = 0) {
  let state = 1;
  const below = (most) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % most;
  };
  const all = [];
  for (let i = 0; i < n; i++) {
    if (broken && i % broken === broken - 1) {
      all.push('1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd 10.0.0.1 300.1.1.1 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK');
      continue;
    }
    const start = 1_548_752_136 + Math.floor((i / n) * 7200) + below(60);
    const port = [443, 53, 22, 3306, 8080, 123][below(6)];
    const share = below(100);
    all.push(
      `1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd 10.0.${below(4)}.${below(below(200) + 1)} ` +
      `${share < 70 ? '192.168.3' : '203.0.113'}.${below(40)} ${1024 + below(60_000)} ${port} ${port === 53 || port === 123 ? 17 : 6} ` +
      `${1 + below(90)} ${60 + below(90_000)} ${start} ${start + 60} ${share % 10 === 0 ? 'REJECT' : 'ACCEPT'} OK`,
    );
  }
  return `${all.join('\n')}\n`;
}

function input(name, bytes) {
  const path = join(made, name);
  writeFileSync(path, bytes);
  return path;
}

/** A Zstandard frame of one block that is not compressed. */
function zstd(bytes) {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(0xfd2fb528, 0);
  // One segment, whose length takes four bytes.
  head.writeUInt8(0xa0, 4);
  head.writeUInt32LE(bytes.length, 5);
  // The last block, raw.
  head.writeUIntLE((bytes.length << 3) | 1, 9, 3);
  return Buffer.concat([head, bytes]);
}

/** A zip archive; what is said to be stored is not compressed. */
function zip(members) {
  const [parts, directory] = [[], []];
  let offset = 0;
  for (const [name, bytes, stored] of members) {
    const data = stored ? bytes : deflateRawSync(bytes);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(stored ? 0 : 8, 4);
    fields.writeUInt32LE(crc32(bytes), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(bytes.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const member = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), data]);
    const behind = Buffer.alloc(14);
    behind.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00'), fields, behind, Buffer.from(name));
    parts.push(member);
    offset += member.length;
  }
  const all = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(all.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, all, end]);
}

/** A page that complains of nothing, but for what the test expects. */
async function open(options = {}, hash = '') {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-US', ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  await page.goto(site.address + hash);
  await page.locator('#from option').nth(3).waitFor({ state: 'attached' });
  return { page, complaints, close: () => context.close() };
}

/** Gives files, and waits until they are shown. */
async function give(page, ...paths) {
  await page.locator('#files').setInputFiles(paths);
  await settled(page);
}

async function settled(page) {
  await page.locator('#result').waitFor();
  await page.locator('#progress').waitFor({ state: 'hidden' });
  await page.locator('#table .row').first().waitFor();
}

const title = (page) => page.locator('#table-title');
const shown = (page, text) => page.waitForFunction((text) => document.getElementById('table-title').textContent.startsWith(text), text);

async function filter(page, expression, text) {
  await page.locator('#filter').fill(expression);
  await shown(page, text);
}

function expected(text, where) {
  const { records } = new Normalizer(where ? { where } : {}).normalize(text);
  return records;
}

test('a file is dropped, filtered, sorted, narrowed by a click, and undone', async () => {
  const { page, complaints, close } = await open();
  const text = lines(20_000, 1000);
  const path = input('drop.log', text);
  // As a drop, with the bytes that the user's file would have.
  const transfer = await page.evaluateHandle(async (text) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], 'drop.log'));
    return transfer;
  }, text);
  await page.dispatchEvent('#drop', 'drop', { dataTransfer: transfer });
  await settled(page);
  assert.match(await page.locator('#summary-title').textContent(), /^19,980 records of huawei-vpc, 20 rejected$/);
  assert.equal(await title(page).textContent(), '19,980 of 19,980 records');

  const where = 'action == reject and dst_port in {22, 3306}';
  const found = expected(text, where);
  await filter(page, where, `${found.length.toLocaleString('en')} of`);

  await page.locator('.head button[data-field=bytes]').click();
  const most = Math.max(...found.map((record) => record.bytes));
  await page.waitForFunction((most) => document.querySelector('.row .cell:nth-child(8)')?.textContent === String(most), most);
  assert.equal(await page.locator('[role=columnheader][aria-sort=descending]').count(), 1);

  const rejected = page.locator('.top', { hasText: 'Rejected: source' }).locator('.value').first();
  await page.waitForFunction(() => document.querySelectorAll('.top li .value').length > 10);
  assert.match(await rejected.locator('span').first().textContent(), /^10\.0\.\d+\.\d+ → (22|3306)$/);
  const source = await page.locator('.top').first().locator('.value span').first().textContent();
  await page.locator('.top').first().locator('.value').first().click();
  const narrower = `${where} and src_ip == ${source}`;
  await shown(page, `${expected(text, narrower).length} of`);
  assert.equal(await page.locator('#filter').inputValue(), narrower);
  assert.ok(page.url().includes('#where='));

  await page.locator('#undo').click();
  await shown(page, `${found.length.toLocaleString('en')} of`);
  await page.locator('#clear').click();
  await shown(page, '19,980 of');
  assert.ok(path);
  assert.deepEqual(complaints, []);
  await close();
});

test('what is wrong with a filter is said at its place, and fields are completed', async () => {
  const { page, close } = await open();
  await give(page, input('small.log', lines(500)));
  await page.locator('#filter').fill('bytes > 1k and byts < 7');
  await page.locator('#filter-error').waitFor();
  const fault = await page.locator('#filter-error').textContent();
  assert.match(fault, /no field is called byts; did you mean bytes\?\n {2}bytes > 1k and byts < 7\n {17}\^/);
  assert.equal(await page.locator('#filter').getAttribute('aria-invalid'), 'true');
  await page.locator('#filter').fill('');
  await page.locator('#filter').pressSequentially('dst_i');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('#filter').inputValue(), 'dst_ip ');
  await page.locator('#filter').fill('');
  await page.locator('#filter').pressSequentially('action == rej');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Tab');
  assert.equal(await page.locator('#filter').inputValue(), 'action == reject ');
  await page.locator('#filter-error').waitFor({ state: 'hidden' });
  await close();
});

test('time is zoomed into by dragging', async () => {
  const { page, complaints, close } = await open();
  const text = lines(5000);
  await give(page, input('zoom.log', text));
  const box = await page.locator('#bars svg').boundingBox();
  const at = (share) => [box.x + 64 + (box.width - 64) * share, box.y + 60];
  await page.mouse.move(...at(0.25));
  await page.mouse.down();
  await page.mouse.move(...at(0.5), { steps: 5 });
  await page.mouse.up();
  await page.waitForFunction(() => /^start_ms >= \d+ and start_ms < \d+$/.test(document.getElementById('filter').value));
  const where = await page.locator('#filter').inputValue();
  const n = expected(text, where).length;
  assert.ok(n > 800 && n < 2000, `${n} of 5000`);
  await shown(page, `${n.toLocaleString('en')} of`);
  assert.deepEqual(complaints, []);
  await close();
});

test('a record tells how it was read, and rejects where their fault is', async () => {
  const { page, complaints, close } = await open();
  await give(page, input('explain.log', lines(2000, 100)), join(top, 'samples/huawei-waf.csv'), join(top, 'samples/huawei-vpc.log.gz'));
  await filter(page, 'product == vpc and dst_port == 22', expected(lines(2000, 100), 'dst_port == 22').length + ' of');
  await page.locator('#table .row').first().click();
  await page.locator('#detail-body .values').first().waitFor();
  const detail = await page.locator('#detail-body').textContent();
  assert.match(detail, /14 columns, and column 2/);
  assert.match(detail, /dst_port/);
  await page.locator('#detail-body select').selectOption('ocsf');
  await page.waitForFunction(() => document.querySelector('#detail-body pre:last-child').textContent.includes('class_uid'));
  await page.locator('#detail-title + button').click();

  // A row of CSV is read with the header in front of it.
  const events = expected(readFileSync(join(top, 'samples/huawei-waf.csv'), 'utf8'));
  await filter(page, 'product == waf', `${events.length} of`);
  await page.locator('#table .row').first().click();
  await page.locator('#detail-body .values').first().waitFor();
  assert.match(await page.locator('#detail-body').textContent(), /huawei-waf\.csv/);
  await page.keyboard.press('Escape');

  await page.locator('#rejects .reason button').first().click();
  await page.locator('#rejects mark').first().waitFor();
  assert.equal(await page.locator('#rejects mark').first().textContent(), '300.1.1.1');
  assert.deepEqual(complaints, []);
  await close();
});

test('what is exported is what the command writes', async () => {
  const { page, close } = await open();
  const text = lines(3000);
  await give(page, input('export.log', text));
  const where = 'action == reject';
  await filter(page, where, `${expected(text, where).length} of`);
  const download = async (form) => {
    await page.locator('#export-form').selectOption(form);
    const [file] = await Promise.all([page.waitForEvent('download'), page.locator('#export').click()]);
    return readFileSync(await file.path(), 'utf8');
  };
  const whole = (options) => {
    const normalizer = new Normalizer(options);
    const first = Buffer.from(normalizer.push(Buffer.from(text)).slice());
    return Buffer.concat([first, normalizer.finish()]).toString();
  };
  assert.equal(await download('flat'), whole({ where }));
  assert.equal(await download('ocsf'), whole({ where, to: 'ocsf' }));
  const csv = (await download('csv')).split('\r\n');
  assert.equal(csv.length - 2, expected(text, where).length);
  assert.match(csv[0], /^provider,product,kind,start_ms/);
  await page.locator('#export-form').selectOption('ecs');
  await page.locator('#command').click();
  await page.waitForFunction(() => document.getElementById('status').textContent.includes('weir'));
  assert.match(await page.locator('#status').textContent(), /weir normalize --where 'action == reject' --to ecs export\.log$/);
  await close();
});

test('archives are read member by member', async () => {
  const { page, complaints, close } = await open();
  const text = lines(500);
  const members = [
    ['a/deflated.log', Buffer.from(text)],
    ['a/', Buffer.alloc(0), true],
    ['stored.log', Buffer.from(lines(30)), true],
    ['packed.log.gz', gzipSync(lines(7)), true],
    ['broken.log', Buffer.from('no record\n')],
    ['inner.zip', zip([['x.log', Buffer.from(text)]]), true],
  ];
  await give(page, input('archive.zip', zip(members)), input('plain.log', lines(3)));
  await shown(page, '540 of 540');
  assert.match(await page.locator('#status').textContent(), /archive\.zip\/inner\.zip is a zip archive inside another one/);
  await page.locator('#table .row').nth(2).click();
  await page.locator('#detail-body .values').first().waitFor();
  assert.match(await page.locator('#detail-body').textContent(), /archive\.zip\/a\/deflated\.log @/);
  await page.keyboard.press('Escape');
  await page.locator('#rejects .reason button').first().click();
  await page.waitForFunction(() => document.getElementById('rejects').textContent.includes('archive.zip/broken.log'));
  // One that is cut has no directory.
  await give(page, input('cut.zip', zip(members).subarray(0, 300)), input('plain.log', lines(3)));
  await shown(page, '3 of 3');
  assert.match(await page.locator('#status').textContent(), /cut\.zip is damaged/);
  assert.deepEqual(complaints, []);
  await close();
});

test('networks are a matrix, and each of its cells is a filter', async () => {
  const { page, complaints, close } = await open();
  const text = lines(2000);
  await give(page, input('matrix.log', text));
  await shown(page, '2,000 of 2,000');
  await page.locator('input[name=measure][value=records]').check();
  const cell = (name) => page.locator('.matrix button[title^="' + name + ':"]');
  const where = 'src_ip in @private and not dst_ip in @private';
  const wanted = expected(text, where).length;
  await page.waitForFunction((n) => document.querySelector('.matrix button[title^="private → internet:"]')?.title.includes(`: ${n} records`), wanted.toLocaleString('en-US'));
  await cell('private → internet').click();
  await shown(page, `${wanted.toLocaleString('en-US')} of 2,000`);
  assert.equal(await page.locator('#filter').inputValue(), where);
  await page.locator('#clear').click();
  await page.locator('#options summary').click();
  await page.locator('#own').fill('10.0.0.0/23');
  await page.locator('#own').press('Enter');
  await cell('own → private').click();
  const own = 'src_ip in {10.0.0.0/23} and not dst_ip in {10.0.0.0/23} and dst_ip in @private';
  await shown(page, `${expected(text, own).length.toLocaleString('en-US')} of 2,000`);
  await page.locator('#clear').click();
  await page.locator('#own').fill('10.0.0.0/99');
  await page.locator('#own').press('Enter');
  await page.waitForFunction(() => document.getElementById('status').classList.contains('bad'));
  complaints.length = 0;
  await close();
});

test('compressed files, samples, pasted text and links', async () => {
  const { page, complaints, close } = await open({}, '#where=dst_port%20%3D%3D%2053');
  const text = lines(3000);
  await give(page, input('packed.log.gz', gzipSync(text)));
  await shown(page, `${expected(text, 'dst_port == 53').length} of 3,000`);
  await page.locator('#table .row').first().click();
  await page.locator('#detail-body .values').first().waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#clear').click();
  await give(page, input('packed.log.zst', zstd(Buffer.from(lines(40)))));
  await shown(page, '40 of 40');
  for (const sample of await page.locator('#samples button').all()) {
    const name = await sample.textContent();
    await sample.click();
    await page.waitForFunction((name) => document.getElementById('summary-title').textContent.includes(name), name);
  }
  await page.locator('#paste').click();
  await page.locator('#paste-text').fill(lines(7));
  await page.locator('#paste-dialog button[value=read]').click();
  await shown(page, '7 of 7');
  // What only the records have is asked of the file itself.
  await page.locator('[data-sample="huawei-waf.json"]').click();
  await page.waitForFunction(() => document.getElementById('summary-title').textContent.includes('huawei-waf'));
  await page.locator('#filter').fill('exists extra.cookie orr exists extra.rule');
  await page.locator('#filter-error').waitFor();
  await page.locator('#filter').fill('exists extra.cookie or exists extra.rule');
  await page.waitForFunction(() => /filtered out/.test(document.getElementById('summary-title').textContent));
  assert.deepEqual(complaints, []);
  await close();
});

/** The most memory that a renderer of Chromium has had, in MiB; 0 where the system does not tell. */
async function mostMemory() {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const peaks = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => {
    const path = `/proc/${id}/status`;
    return existsSync(path) ? Number(/VmHWM:\s+(\d+)/.exec(readFileSync(path, 'utf8'))?.[1] ?? 0) / 1024 : 0;
  });
  return Math.round(Math.max(0, ...peaks));
}

test('a long file is read in bounded memory, and reading can be cancelled', async () => {
  const { page, complaints, close } = await open();
  const piece = lines(20_000);
  const path = input('long.log', '');
  for (let i = 0; i < 60; i++) writeFileSync(path, piece, { flag: 'a' });
  await page.locator('#files').setInputFiles(path);
  await page.waitForFunction(() => /records\/s/.test(document.getElementById('rate').textContent) && document.getElementById('bar').value > 0.02);
  await page.locator('#cancel').click();
  await settled(page);
  assert.match(await page.locator('#status').textContent(), /Cancelled/);
  const part = Number((await title(page).textContent()).split(' ')[0].replaceAll(',', ''));
  assert.ok(part > 0 && part < 1_200_000, `${part} records`);

  await page.locator('#files').setInputFiles(path);
  await page.waitForFunction(() => document.getElementById('table-title').textContent.startsWith('1,200,000 of'), null, { timeout: 120_000 });
  // 190 MB went through; what stays is columns, and those of the reading before are gone.
  const peak = await mostMemory();
  assert.ok(peak < 400, `${peak} MiB at most`);
  // The last rows are reached, too.
  await page.locator('#table .scroll').evaluate((scroll) => { scroll.scrollTop = scroll.scrollHeight; });
  await page.waitForFunction(() => document.querySelector('[aria-rowindex="1200001"]'));
  assert.deepEqual(complaints, []);
  await close();
});

test('the corpus gives the same bytes as everywhere', async () => {
  const { page, close } = await open();
  const all = cases();
  const given = all.map(({ name, bytes, options }) => ({ name, options, bytes: bytes.toString('base64') }));
  // With vectors, as the page has it, and without, as older browsers do.
  for (const module of ['weir.wasm', 'weir-nosimd.wasm']) {
    await page.reload();
    const made = await page.evaluate(async ([given, module]) => {
      const { Normalizer, load } = await import('./weir-flow/index.js');
      await load(new URL(`weir-flow/${module}`, document.baseURI));
      const text = (parts) => new Blob(parts).text();
      return Promise.all(given.map(async ({ name, options, bytes }) => {
        const rejects = [];
        const normalizer = new Normalizer({ ...options, name, onRejects: (lines) => rejects.push(lines) });
        const first = normalizer.push(Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))).slice();
        const last = normalizer.finish().slice();
        normalizer.free();
        return { ndjson: await text([first, last]), rejects: await text(rejects) };
      }));
    }, [given, module]);
    for (const [i, { input, ndjson, rejects }] of all.entries()) {
      assert.deepEqual(made[i], { ndjson, rejects }, `${input} with ${module}`);
    }
  }
  await close();
});

test('nothing leaves the browser, not from the Worker either', async () => {
  const heard = [];
  const other = createServer((request, response) => {
    heard.push(request.url);
    response.writeHead(200, { 'access-control-allow-origin': '*' }).end();
  });
  await new Promise((resolve) => other.listen(0, '127.0.0.1', resolve));
  const elsewhere = `http://127.0.0.1:${other.address().port}`;
  const { page, close } = await open();
  const requests = [];
  await give(page, input('secret.log', lines(100)));
  page.on('request', (request) => requests.push(request.url()));
  const [worker] = page.workers();
  const leak = (url) => fetch(url).then(() => 'leaked', () => 'refused');
  assert.equal(await worker.evaluate(leak, `${elsewhere}/worker`), 'refused');
  assert.equal(await page.evaluate(leak, `${elsewhere}/page`), 'refused');
  assert.equal(await page.evaluate((url) => new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve('leaked');
    image.onerror = () => resolve('refused');
    image.src = url;
  }), `${elsewhere}/image`), 'refused');
  await filter(page, 'action == accept', `${expected(lines(100), 'action == accept').length} of`);
  await page.locator('#table .row').first().click();
  await page.locator('#detail-body .values').first().waitFor();
  assert.deepEqual(heard, []);
  assert.deepEqual(requests.filter((url) => !url.startsWith('blob:') && !url.startsWith(elsewhere)), []);
  other.close();
  await close();
});

test('everything can be reached by keyboard', async () => {
  const { page, close } = await open();
  await give(page, input('keys.log', lines(300)));
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'filter');
  await page.locator('[role=grid]').focus();
  for (const key of ['ArrowDown', 'ArrowDown', 'End', 'Home', 'ArrowDown']) await page.keyboard.press(key);
  await page.waitForFunction(() => document.querySelector('.row.current')?.getAttribute('aria-rowindex') === '3');
  await page.keyboard.press('Enter');
  await page.locator('#detail-body .values').first().waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#detail').waitFor({ state: 'hidden' });
  await close();
});

const LOOKS = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['phone', { colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }],
  ['chinese', { colorScheme: 'light', locale: 'zh-CN' }],
];

for (const [name, options] of LOOKS) {
  test(`${name}: nothing hinders anybody, and nothing is cut off`, async () => {
    const { page, complaints, close } = await open(options);
    const check = async (what) => {
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      const told = violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200)).join('; ')}`);
      assert.deepEqual(told, [], what);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(wide, 0, `${what}: the page is ${wide} pixels too wide`);
    };
    await page.screenshot({ path: join(pictures, `${name}-empty.png`) });
    await check('empty');
    await give(page, input('look.log', lines(20_000, 2000)));
    await page.waitForFunction(() => document.querySelectorAll('.top li').length > 20);
    await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
    await check('with records');
    await page.locator('#filter').fill('byts > 1');
    await page.locator('#filter-error').waitFor();
    await check('with a fault');
    await page.locator('#filter').fill('');
    await page.locator('#filter-error').waitFor({ state: 'hidden' });
    await page.locator('#rejects .reason button').first().click();
    await page.locator('#rejects mark').first().waitFor();
    await page.locator('#table .row').first().click();
    await page.locator('#detail-body .values').first().waitFor();
    await page.waitForFunction(() => document.querySelector('#detail-body pre:last-child')?.textContent.length > 10);
    await page.screenshot({ path: join(pictures, `${name}-detail.png`) });
    await check('with a record');
    assert.deepEqual(complaints, []);
    await close();
  });
}

test('dark and light can be chosen, and stay', async () => {
  const { page, close } = await open({ colorScheme: 'light' });
  const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await back();
  await page.locator('#theme').click();
  assert.notEqual(await back(), light);
  await page.reload();
  assert.notEqual(await back(), light);
  await page.locator('#language').click();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
  await close();
});
