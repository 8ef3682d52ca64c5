// Sums over time, as bars in colours for each action; a stretch of time can be dragged out.

import { number, text } from './texts.js';

const SVG = 'http://www.w3.org/2000/svg';
const ACTIONS = ['accept', 'log', 'challenge', 'reject'];
const [LEFT, BOTTOM, TOP] = [64, 20, 8];

function node(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent?.append(made);
  return made;
}

export const colour = (action) => (ACTIONS.includes(action) ? action : 'other');

/** A number as short as 1.2M. */
export function short(n) {
  for (const [unit, size] of [['T', 1e12], ['G', 1e9], ['M', 1e6], ['k', 1e3]]) {
    if (n >= size) return `${(n / size).toFixed(n / size < 10 ? 1 : 0)}${unit}`;
  }
  return String(Math.round(n));
}

/** A moment, as exact as its step. */
export function moment(millis, step) {
  const iso = new Date(millis).toISOString();
  if (step >= 86_400_000) return iso.slice(0, 10);
  return step >= 60_000 ? iso.slice(5, 16).replace('T', ' ') : iso.slice(11, step >= 1000 ? 19 : 23);
}

/** Draws into an element; `zoom` gets the stretch of time that is dragged out. */
export function drawBars(place, bars, by, zoom) {
  place.replaceChildren();
  if (!bars) {
    place.textContent = text('noTimes');
    return;
  }
  const [width, height] = [place.clientWidth || 600, place.clientHeight || 190];
  const columns = bars.series[0][1].length;
  const order = [...bars.series].sort((a, b) => ACTIONS.indexOf(a[0]) - ACTIONS.indexOf(b[0]));
  const sums = Array.from({ length: columns }, (_, i) => order.reduce((sum, [, all]) => sum + all[i][by], 0));
  const most = Math.max(...sums, 1);
  const wide = (width - LEFT) / columns;
  const high = height - BOTTOM - TOP;
  const total = sums.reduce((a, b) => a + b, 0);
  const svg = node('svg', {
    viewBox: `0 0 ${width} ${height}`, role: 'img',
    'aria-label': `${text('overTime')}: ${number(total)} ${text(by)}, ${moment(bars.from, bars.step)} – ${moment(bars.from + columns * bars.step, bars.step)} UTC`,
  }, place);
  for (const share of [0, 0.5, 1]) {
    const y = TOP + high * (1 - share);
    node('line', { x1: LEFT, x2: width, y1: y, y2: y }, svg);
    node('text', { x: LEFT - 6, y: y + 4, 'text-anchor': 'end' }, svg).textContent = short(most * share);
  }
  const marks = Math.min(columns, Math.max(2, Math.floor((width - LEFT) / 130)));
  for (let i = 0; i < marks; i++) {
    const column = Math.round((i * columns) / marks);
    node('text', { x: LEFT + column * wide, y: height - 4 }, svg).textContent = moment(bars.from + column * bars.step, bars.step);
  }
  const floors = new Array(columns).fill(0);
  for (const [action, all] of order) {
    for (let i = 0; i < columns; i++) {
      if (all[i][by] === 0) continue;
      const tall = (all[i][by] / most) * high;
      const bar = node('rect', {
        class: `bar ${colour(action)}`, x: LEFT + i * wide, width: Math.max(wide - (wide > 4 ? 1 : 0), 0.5),
        y: TOP + high - floors[i] - tall, height: Math.max(tall, 0.75),
      }, svg);
      node('title', {}, bar).textContent = `${moment(bars.from + i * bars.step, bars.step)} ${action || text('none')}: ${number(all[i][by])} ${text(by)}`;
      floors[i] += tall;
    }
  }
  let from = null;
  const brush = node('rect', { class: 'brush', y: TOP, height: high, x: 0, width: 0 }, svg);
  const column = (event) => {
    const x = ((event.clientX - svg.getBoundingClientRect().left) / svg.clientWidth) * width;
    return Math.min(Math.max(Math.floor((x - LEFT) / wide), 0), columns - 1);
  };
  const stretch = (event) => [from, column(event)].sort((a, b) => a - b);
  svg.addEventListener('pointerdown', (event) => {
    from = column(event);
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener('pointermove', (event) => {
    if (from === null) return;
    const [a, b] = stretch(event);
    brush.setAttribute('x', LEFT + a * wide);
    brush.setAttribute('width', (b - a + 1) * wide);
  });
  svg.addEventListener('pointerup', (event) => {
    if (from === null) return;
    const [a, b] = stretch(event);
    from = null;
    zoom(bars.from + a * bars.step, bars.from + (b + 1) * bars.step);
  });
  svg.addEventListener('pointercancel', () => {
    from = null;
    brush.setAttribute('width', 0);
  });
}
