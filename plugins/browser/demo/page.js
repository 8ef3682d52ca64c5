// The page: it asks the Worker for what it shows, and everything that narrows it stands in the filter.

import { colour, drawBars, short } from './bars.js';
import { complete } from './complete.js';
import { Grid } from './grid.js';
import { number, switchLanguage, text, translate } from './texts.js';

const $ = (id) => document.getElementById(id);

/** Samples of each cloud; `folder` is made from the project's own. */
const SAMPLES = ['huawei-vpc.log', 'huawei-cfw.json', 'huawei-waf.json', 'alibaba-vpc.json', 'alibaba-cfw.json', 'aws-vpc.log', 'aws-tgw.log', 'baidu-flow.log'];
const FIRST_COLUMNS = ['start_ms', 'src_ip', 'src_port', 'dst_ip', 'dst_port', 'transport', 'action', 'bytes', 'packets'];
/** Fields, and the action that their records had where it is one. */
const TOPS = [
  ['src_ip', ''], ['dst_ip', ''], ['src_ip,dst_ip', ''], ['src_ip', 'reject'], ['src_ip,dst_port', 'reject'],
  ['dst_port', ''], ['transport', ''], ['host', ''], ['attack', ''], ['interface_id', ''],
];

// --- The Worker. It is started from a blob, so that the page's Content-Security-Policy binds it, too.

let worker = null;
let asked = new Map();
let nextId = 0;

function startWorker() {
  for (const { reject } of asked.values()) reject(new DOMException('replaced', 'AbortError'));
  asked = new Map();
  worker?.terminate();
  const source = `import ${JSON.stringify(new URL('worker.js', import.meta.url).href)};`;
  const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  worker = new Worker(url, { type: 'module' });
  // Messages that come before the import is done would be lost.
  const early = [];
  const started = worker;
  started.onmessage = ({ data }) => {
    if (data.ready) {
      started.ready = true;
      for (const message of early) started.postMessage(message);
    } else if (data.progress) showProgress(data.progress);
    else {
      const { resolve, reject } = asked.get(data.id) ?? {};
      asked.delete(data.id);
      if (data.fault) reject?.(Object.assign(new Error(data.fault.message), data.fault));
      else resolve?.(data.result);
    }
  };
  started.onerror = (event) => showStatus(event.message, true);
  started.send = (message) => (started.ready ? started.postMessage(message) : early.push(message));
}

function ask(call, ...args) {
  return new Promise((resolve, reject) => {
    const id = nextId++;
    asked.set(id, { resolve, reject });
    worker.send({ id, call, args });
  });
}

// --- What is shown.

let files = [];
/** What the table was read with, of the filter: a part that only records themselves can tell. */
let readWith = '';
let state = null;
let count = 0;
let history = [];
let shownFilter = '';
let lastBars = null;
let rejects = [];
/** The product that a sample chose; the user did not. */
let sampleFrom = '';

function showStatus(message, bad = false) {
  $('status').textContent = message;
  $('status').classList.toggle('bad', bad);
}

function showProgress({ read, size, records, rate }) {
  $('bar').value = size ? read / size : 0;
  $('rate').textContent = text('progress', `${short(read)}B`, `${short(size)}B`, short(rate));
  $('bar').setAttribute('aria-valuetext', `${number(records)}`);
}

const options = () => {
  const chosen = { from: $('from').value, layout: $('layout').value, timezone: $('timezone').value, where: readWith };
  return Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== ''));
};

/** Reads other files. */
function readOthers(given, from = '') {
  if ($('from').value === sampleFrom) $('from').value = from;
  sampleFrom = from;
  readWith = '';
  return read(given);
}

/** Reads files anew, with what is chosen. */
async function read(given) {
  files = given.filter((file) => file.size > 0);
  if (files.length === 0) return;
  startWorker();
  $('progress').hidden = false;
  showStatus('');
  showProgress({ read: 0, size: 1, records: 0, rate: 0 });
  try {
    state = await ask('load', files, options());
  } catch (error) {
    if (error.name !== 'AbortError') showStatus(error.message, true);
    return;
  } finally {
    $('progress').hidden = true;
  }
  const faults = state.faults.map((fault) => (fault.code ? `${fault.message} ${text(fault.code)}` : `${fault.file} ${text('readFault')}: ${fault.message}`));
  if (state.left_out > 0) faults.push(text('leftOut', number(state.left_out)));
  if (state.cancelled) faults.push(text('cancelled'));
  showStatus(faults.join('\n') || text('done', number(state.summary.records.in), state.seconds.toFixed(2)), state.faults.length > 0);
  rejects = await ask('rejects');
  $('result').hidden = false;
  showSummary();
  await show();
}

function showSummary() {
  const { records, by_product: products } = state.summary;
  const names = Object.keys(products);
  $('summary-title').textContent = text('headline', {
    normalized: number(records.normalized), rejected: number(records.rejected), filtered: number(records.filtered),
    products: names.join(', ') || text('noProducts'),
  });
  const chips = Object.entries(products).map(([name, n]) => {
    const [provider, ...product] = name.split('-');
    const chip = element('button', 'chip', `${name} ${number(n)}`);
    chip.title = text('only');
    chip.onclick = () => narrow(`provider == ${quoted(provider)} and product == ${quoted(product.join('-'))}`);
    return chip;
  });
  $('products').replaceChildren(...chips);
  showRejects();
}

function element(name, className, content) {
  const made = document.createElement(name);
  made.className = className;
  if (content !== undefined) made.textContent = content;
  if (name === 'button') made.type = 'button';
  return made;
}

const expression = () => $('filter').value.trim();

/** Whether it asks for what only the records themselves have. */
const needsRecords = (where) => /\bextra\b/.test(where.replace(/"(\\"|[^"])*"/g, '""'));

/** Draws all for the filter that stands there. */
async function show() {
  const where = expression();
  let found;
  try {
    if (needsRecords(where)) await ask('check', where);
    found = await ask('filter', needsRecords(where) ? '' : where, grid.sorted);
    if (needsRecords(where) ? readWith !== where : readWith !== '') {
      readWith = needsRecords(where) ? where : '';
      await read(files);
      return;
    }
  } catch (error) {
    if (error.name !== 'AbortError') showFault(error);
    return;
  }
  showFault(null);
  shownFilter = where;
  count = found;
  $('undo').disabled = history.length === 0;
  $('clear').disabled = where === '';
  window.history.replaceState(null, '', where ? `#where=${encodeURIComponent(where)}` : location.pathname + location.search);
  $('table-title').textContent = text('shown', number(count), number(state.rows));
  const fields = [...FIRST_COLUMNS.filter((f) => state.fields.includes(f)), ...state.fields.filter((f) => !FIRST_COLUMNS.includes(f))];
  await Promise.all([grid.show(fields, count, $('table-title').textContent), showPictures()]);
}

function showFault(error) {
  $('filter').setAttribute('aria-invalid', error !== null);
  $('filter-error').hidden = error === null;
  $('filter-error').textContent = error?.message ?? '';
}

/** The classes of addresses, and the test of each; what meets none is the internet's. */
function networks() {
  const own = $('own').value.split(/[\s,]+/).filter(Boolean).join(', ');
  return [...(own ? [['own', `in {${own}}`]] : []), ['private', 'in @private'], ['internet', '']];
}

/** What an address meets that is of one of these classes. */
function ofClass(field, classes, index) {
  const before = classes.slice(0, index).map(([, test]) => `not ${field} ${test}`);
  const [, test] = classes[index];
  return [...before, ...(test ? [`${field} ${test}`] : [])].join(' and ');
}

/** Sums from each class to each. */
function drawMatrix(sums, classes, by) {
  const box = element('div', 'matrix');
  box.append(element('h3', '', text('networks')));
  const table = element('table', '');
  table.setAttribute('aria-label', text('networks'));
  const head = table.createTHead().insertRow();
  head.append(element('td', '', text('fromTo')));
  const header = (name, scope) => {
    const cell = element('th', '', text(name));
    cell.scope = scope;
    return cell;
  };
  head.append(...classes.map(([name]) => header(name, 'col')));
  const most = Math.max(...sums.flat().map((sum) => sum[by]), 1);
  const body = table.createTBody();
  for (const [i, [from]] of classes.entries()) {
    const row = body.insertRow();
    row.append(header(from, 'row'));
    for (const [j, [to]] of classes.entries()) {
      const sum = sums[i][j];
      const cell = element('button', 'sum', sum.records ? short(sum[by]) : '–');
      cell.style.setProperty('--share', `${(sum[by] / most) * 100}%`);
      cell.title = `${text(from)} → ${text(to)}: ${number(sum[by])} ${text(by)}`;
      cell.disabled = sum.records === 0;
      cell.onclick = () => narrow(`${ofClass('src_ip', classes, i)} and ${ofClass('dst_ip', classes, j)}`);
      row.insertCell().append(cell);
    }
  }
  box.append(table);
  return box;
}

const measure = () => document.querySelector('[name=measure]:checked').value;

async function showPictures() {
  const by = measure();
  const wanted = TOPS.filter(([keys, action]) => [...keys.split(','), ...(action ? ['action'] : [])].every((key) => state.fields.includes(key)));
  const classes = networks();
  let drawn;
  try {
    drawn = await ask('pictures', by, wanted, classes.map(([, test]) => test).filter(Boolean));
  } catch (error) {
    // One's own networks may be none.
    if (error.name !== 'AbortError') showStatus(error.message, true);
    return;
  }
  const { bars, tops, matrix } = drawn;
  lastBars = bars;
  drawBars($('bars'), bars, by, zoom);
  const legend = (bars?.series ?? []).map(([action, all]) => {
    const chip = element('button', `chip ${colour(action)}`);
    const sum = all.reduce((total, sums) => total + sums[by], 0);
    chip.append(element('span', 'swatch'), `${action || text('none')} ${short(sum)}`);
    chip.title = text('only');
    chip.onclick = () => narrow(action ? `action == ${action}` : 'not exists action');
    return chip;
  });
  $('legend').replaceChildren(...legend, element('span', 'hint', bars ? text('zoomHint') : ''));
  const lists = wanted.map(([keys, action], i) => topList(keys, action, tops[i], by));
  const hasBoth = ['src_ip', 'dst_ip'].every((key) => state.fields.includes(key));
  $('tops').replaceChildren(...(hasBoth ? [drawMatrix(matrix, classes, by)] : []), ...lists);
}

function topList(keys, action, groups, by) {
  const box = element('div', 'top');
  box.append(element('h3', '', text(action ? `${action} ${keys}` : keys)));
  const list = element('ol', '');
  const most = Math.max(...groups.map((group) => group[by]), 1);
  for (const group of groups) {
    const tests = keys.split(',').map((key, i) => `${key} == ${quoted(group.values[i], key)}`);
    const where = [...tests, ...(action ? [`action == ${action}`] : [])].join(' and ');
    const item = element('li', '');
    const value = element('button', 'value');
    value.style.setProperty('--share', `${(group[by] / most) * 100}%`);
    value.append(element('span', '', group.values.join(' → ')), element('span', '', short(group[by])));
    value.title = `${group.values.join(' → ')}: ${number(group[by])} ${text(by)}`;
    value.onclick = () => narrow(where);
    const not = element('button', 'not', '−');
    not.setAttribute('aria-label', `${text('exclude')} ${group.values.join(' → ')}`);
    not.onclick = () => narrow(`not (${where})`);
    item.append(value, not);
    list.append(item);
  }
  if (groups.length === 0) list.append(element('li', '', text('nothing')));
  box.append(list);
  return box;
}

/** A value as filters write it. */
function quoted(value, key) {
  return /(_ip|_port|_ms|bytes|packets|protocol|_status)$/.test(key ?? '') ? value : `"${value.replaceAll('"', '\\"')}"`;
}

function setFilter(where) {
  history.push(shownFilter);
  $('filter').value = where;
  return show();
}

/** Adds a condition to the filter. */
function narrow(where) {
  const now = expression();
  const grouped = /\bor\b|\|\|/.test(now) ? `(${now})` : now;
  return setFilter(now ? `${grouped} and ${where}` : where);
}

function zoom(from, to) {
  // A later stretch takes the place of an earlier one, which it is within.
  const rest = expression().replace(/( and )?start_ms >= \d+ and start_ms < \d+/g, '').replace(/^ and /, '');
  $('filter').value = rest;
  return narrow(`start_ms >= ${from} and start_ms < ${to}`);
}

// --- Rejects and details.

function showRejects() {
  const { rejected } = state.summary.records;
  $('rejects-section').hidden = rejected === 0;
  $('rejects-title').textContent = text('rejectsTitle', number(rejected));
  const groups = Object.entries(state.summary.rejects_by_reason).sort((a, b) => b[1] - a[1]);
  $('rejects').replaceChildren(...groups.map(([code, n]) => {
    const group = element('div', 'reason');
    const of = rejects.filter((reject) => reject.code === code).slice(0, 20);
    const button = element('button', '');
    button.append(element('span', '', `${code}: ${of[0]?.reason ?? ''}`), element('span', '', number(n)));
    button.setAttribute('aria-expanded', 'false');
    const list = element('div', '');
    list.hidden = true;
    button.onclick = async () => {
      list.hidden = !list.hidden;
      button.setAttribute('aria-expanded', String(!list.hidden));
      if (list.childElementCount > 0) return;
      const shown = await Promise.all(of.map((reject) => rejectShown(reject)));
      list.replaceChildren(element('p', '', text('moreRejects', number(n))), ...shown);
    };
    group.append(button, list);
    return group;
  }));
}

async function rejectShown(reject) {
  const box = element('div', '');
  box.append(element('div', '', `${state.sources[reject.source]}, ${text('line')} ${number(reject.line)}: ${reject.reason}`));
  const { text: original, records } = await ask('rejected', reject);
  const record = records.find((one) => one.reason === reject.reason) ?? records.find((one) => one.result === 'rejected');
  box.append(originalText(record ?? { text: original }));
  return box;
}

/** A record's text, with the place of the fault marked and carets under it. */
function originalText({ text: original, place }) {
  const pre = element('pre', '');
  const most = 300;
  if (!place) {
    pre.textContent = original.slice(0, 4000);
    return pre;
  }
  const [from, to] = place;
  const start = Math.max(from - most, 0);
  pre.append(start > 0 ? '…' : '', original.slice(start, from));
  pre.append(element('mark', '', original.slice(from, to) || '⏎'), original.slice(to, to + most));
  return pre;
}

async function openDetail(index) {
  const body = $('detail-body');
  body.replaceChildren();
  $('detail').showModal();
  const { file, offset, records, text: original, input } = await ask('detail', index);
  body.append(element('p', '', `${file} @ ${number(offset)}`));
  if (records.length === 0) body.append(element('pre', '', original.slice(0, 4000)), element('p', '', text('notAlone')));
  for (const record of records.slice(0, 20)) {
    body.append(element('h3', '', text('original')), originalText(record));
    if (record.title) body.append(element('p', '', `${text('product')}: ${record.product} (${record.title}); ${text('because')} ${record.why}`));
    const scroller = element('div', 'scroller');
    const table = element('table', 'values');
    const head = table.createTHead().insertRow();
    for (const key of ['key', 'found', 'field', 'value', 'how']) {
      const cell = element('th', '', text(key));
      cell.scope = 'col';
      head.append(cell);
    }
    const rows = table.createTBody();
    for (const value of record.values) {
      const row = rows.insertRow();
      const cells = [value.column ? `${value.column} ${value.key}` : value.key, value.found, value.field, value.value, value.how];
      row.append(...cells.map((cell, i) => element('td', i === 1 || i === 3 ? 'mono' : '', cell)));
    }
    scroller.tabIndex = 0;
    scroller.setAttribute('role', 'region');
    scroller.setAttribute('aria-label', text('record'));
    scroller.append(table);
    body.append(scroller);
  }
  if (input !== null) {
    const label = element('label', 'inline', text('asSchema'));
    const select = element('select', '');
    for (const [value, name] of [['flat', 'flat'], ['ocsf', 'OCSF'], ['ecs', 'ECS'], ['otel', 'OTLP']]) select.add(new Option(name, value));
    label.append(select);
    const pre = element('pre', '');
    select.onchange = async () => {
      pre.textContent = (await ask('convert', input, select.value)).slice(0, 20).join('\n');
    };
    body.append(label, pre);
    await select.onchange();
  }
}

// --- Export.

const shell = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

function command() {
  const form = $('export-form').value;
  const where = expression();
  const words = ['weir', 'normalize'];
  for (const [option, value] of Object.entries(options())) if (option !== 'where') words.push(`--${option}`, shell(value));
  if (where) words.push('--where', shell(where));
  if (form === 'ocsf' || form === 'ecs') words.push('--to', form);
  return [...words, ...files.map((file) => shell(file.name))].join(' ');
}

async function copy(value) {
  try {
    await navigator.clipboard.writeText(value);
  } catch {
    // Without the right to the clipboard it can still be read.
  }
  showStatus(text('copied') + value);
}

async function save() {
  const form = $('export-form').value;
  $('progress').hidden = false;
  showStatus(text('exporting'));
  try {
    const keys = state.fields.join(',');
    const { blob, count: n, cancelled } = await ask('export', form, needsRecords(expression()) ? '' : expression(), keys);
    if (cancelled) return showStatus(text('cancelled'));
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = form === 'csv' ? 'weir.csv' : `weir${form === 'flat' ? '' : `-${form}`}.ndjson`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    showStatus(text('exported', number(n)));
  } catch (error) {
    if (error.name !== 'AbortError') showStatus(error.message, true);
  } finally {
    $('progress').hidden = true;
  }
}

// --- Completion.

let candidates = [];
let candidateStart = 0;
let chosen = -1;

function offer() {
  const found = complete($('filter').value, $('filter').selectionStart, state?.fields ?? []);
  [candidates, candidateStart, chosen] = [found.candidates, found.start, -1];
  drawCandidates();
}

function drawCandidates() {
  const list = $('completions');
  list.hidden = candidates.length === 0;
  $('filter').setAttribute('aria-expanded', String(!list.hidden));
  list.replaceChildren(...candidates.map((candidate, i) => {
    const item = element('li', '', candidate);
    item.id = `completion-${i}`;
    item.setAttribute('role', 'option');
    item.setAttribute('aria-selected', String(i === chosen));
    item.onpointerdown = (event) => {
      event.preventDefault();
      take(candidate);
    };
    return item;
  }));
  if (chosen >= 0) $('filter').setAttribute('aria-activedescendant', `completion-${chosen}`);
  else $('filter').removeAttribute('aria-activedescendant');
}

function take(candidate) {
  const input = $('filter');
  const behind = input.value.slice(input.selectionStart);
  const taken = `${input.value.slice(0, candidateStart)}${candidate}${candidate.endsWith('.') ? '' : ' '}`;
  input.value = taken + behind.trimStart();
  input.setSelectionRange(taken.length, taken.length);
  candidates = [];
  drawCandidates();
  input.focus();
}

// --- What the user does.

const grid = new Grid($('table'), {
  fetch: (from, n, keys) => ask('rows', from, n, keys.join(',')).catch(() => []),
  open: openDetail,
  sort: (order) => ask('sort', order),
});

$('choose').onclick = () => $('files').click();
$('choose-folder').onclick = () => $('folder').click();
for (const input of [$('files'), $('folder')]) {
  input.onchange = () => {
    const given = [...input.files];
    input.value = '';
    void readOthers(given);
  };
}
$('paste').onclick = () => $('paste-dialog').showModal();
$('paste-dialog').onclose = () => {
  const pasted = $('paste-text').value;
  if ($('paste-dialog').returnValue === 'read' && pasted) void readOthers([new File([pasted], 'pasted.log')]);
  $('paste-dialog').returnValue = '';
};
$('reload').onclick = () => void read(files);
$('cancel').onclick = () => worker.send({ id: nextId++, call: 'cancel', args: [] });
$('undo').onclick = () => {
  $('filter').value = history.pop() ?? '';
  void show();
};
$('clear').onclick = () => void setFilter('');
$('export').onclick = () => void save();
$('command').onclick = () => void copy(command());
$('link').onclick = () => void copy(`${location.origin}${location.pathname}${expression() ? `#where=${encodeURIComponent(expression())}` : ''}`);
$('own').onchange = () => {
  if (state) void showPictures();
};
for (const radio of document.querySelectorAll('[name=measure]')) radio.onchange = () => void showPictures();

let waiting = 0;
$('filter').oninput = () => {
  offer();
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    // What is typed is one step back, not one for each letter.
    if (expression() !== shownFilter && history.at(-1) !== shownFilter) history.push(shownFilter);
    void show();
  }, 250);
};
$('filter').onblur = () => {
  candidates = [];
  drawCandidates();
};
$('filter').onkeydown = (event) => {
  if (candidates.length > 0 && ['ArrowDown', 'ArrowUp'].includes(event.key)) {
    chosen = (chosen + (event.key === 'ArrowDown' ? 1 : -1) + candidates.length) % candidates.length;
    drawCandidates();
  } else if (candidates.length > 0 && (event.key === 'Tab' || event.key === 'Enter') && chosen >= 0) take(candidates[chosen]);
  else if (event.key === 'Escape' && candidates.length > 0) {
    candidates = [];
    drawCandidates();
  } else return;
  event.preventDefault();
};
document.addEventListener('keydown', (event) => {
  if (event.key !== '/' || /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) return;
  event.preventDefault();
  $('filter').focus();
});

// Folders are walked; what is no file is nothing.
async function filesOf(items) {
  const found = [];
  const walk = async (entry) => {
    if (entry.isFile) found.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    else if (entry.isDirectory) {
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (some.length === 0) break;
        for (const one of some) await walk(one);
      }
    }
  };
  for (const entry of [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean)) await walk(entry);
  return found;
}
document.addEventListener('dragover', (event) => {
  event.preventDefault();
  $('drop').classList.add('over');
});
document.addEventListener('dragleave', () => $('drop').classList.remove('over'));
document.addEventListener('drop', async (event) => {
  event.preventDefault();
  $('drop').classList.remove('over');
  const plain = [...event.dataTransfer.files];
  const walked = await filesOf(event.dataTransfer.items);
  void readOthers(walked.length > 0 ? walked : plain);
});

$('language').onclick = () => {
  switchLanguage();
  drawSamples();
  if ($('from').options.length > 0) $('from').options[0].text = text('detect');
  if (state) {
    showSummary();
    void show();
  }
};
$('theme').onclick = () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === 'dark' || (!document.documentElement.dataset.theme && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.theme = dark ? 'light' : 'dark';
  localStorage.setItem('theme', document.documentElement.dataset.theme);
};

function drawSamples() {
  $('samples').replaceChildren(...SAMPLES.map((name) => {
    const button = element('button', '', name.replace(/\.\w+$/, ''));
    button.dataset.sample = name;
    button.onclick = async () => {
      const response = await fetch(`samples/${name}`);
      if (!response.ok) return showStatus(`samples/${name}: HTTP ${response.status}`, true);
      // Nobody detects Baidu's lines.
      await readOthers([new File([await response.blob()], name)], name.startsWith('baidu') ? 'baidu-flow' : '');
    };
    return button;
  }));
}

const theme = localStorage.getItem('theme');
if (theme) document.documentElement.dataset.theme = theme;
translate();
drawSamples();
$('filter').value = new URLSearchParams(location.hash.slice(1)).get('where') ?? '';
startWorker();
ask('formats').then((all) => {
  $('from').add(new Option(text('detect'), ''));
  for (const { id, title } of all) $('from').add(new Option(`${id} (${title})`, id));
}, (error) => showStatus(error.message, true));
new ResizeObserver(() => {
  if (lastBars) drawBars($('bars'), lastBars, measure(), zoom);
}).observe($('bars'));
