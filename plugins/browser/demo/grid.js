// A table of any length: only the rows that are seen are in the document.

const ROW = 28;
/** Browsers draw no taller elements. */
const TALLEST = 8_000_000;
const HEAD = 34;
const NUMBERS = /(_port|bytes|packets|_out|_in|protocol|tcp_flags|http_status)$/;
const WIDE = /(_id|_ip|host|url|attack|rule_name)$/;

export class Grid {
  #place;
  #fetch;
  #open;
  #sort;
  #fields = [];
  #count = 0;
  #first = 0;
  #current = 0;
  #request = 0;
  #sorted = null;

  /** `fetch(from, count)` gives values, `open(index)` shows a row, `sort(key, descending)` sorts all. */
  constructor(place, { fetch, open, sort }) {
    [this.#place, this.#fetch, this.#open, this.#sort] = [place, fetch, open, sort];
    place.innerHTML =
      '<div class="grid"><div class="scroll" tabindex="-1"><div class="all" role="grid" tabindex="0"><div class="head" role="row" aria-rowindex="1"></div><div class="rows" role="rowgroup"></div></div></div></div>';
    this.scroll = place.querySelector('.scroll');
    this.all = place.querySelector('.all');
    this.head = place.querySelector('.head');
    this.body = place.querySelector('.rows');
    let waiting = false;
    this.scroll.addEventListener('scroll', () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        this.#draw();
      });
    });
    this.all.addEventListener('keydown', (event) => this.#key(event));
    this.body.addEventListener('click', (event) => {
      const row = event.target.closest('.row');
      if (!row) return;
      this.#current = Number(row.dataset.index);
      this.#mark();
      this.#open(this.#current);
    });
  }

  get sorted() {
    return this.#sorted;
  }

  /** Shows other rows; the label is what screen readers call the table. */
  show(fields, count, label) {
    this.#count = count;
    this.all.setAttribute('aria-rowcount', count + 1);
    this.all.setAttribute('aria-colcount', fields.length);
    this.all.setAttribute('aria-label', label);
    if (String(fields) !== String(this.#fields)) {
      this.#fields = fields;
      this.#sorted = null;
      this.head.replaceChildren(...fields.map((field, i) => this.#headCell(field, i)));
    }
    this.#mark();
    this.#current = Math.min(this.#current, Math.max(count - 1, 0));
    this.all.style.setProperty('height', `${Math.min(count * ROW + HEAD + 2, TALLEST)}px`);
    this.scroll.scrollTop = 0;
    this.#first = 0;
    return this.#draw();
  }

  #classes(field) {
    return `cell${/_ms$/.test(field) ? ' time' : NUMBERS.test(field) ? ' number' : ''}${WIDE.test(field) ? ' wide' : ''}`;
  }

  #headCell(field, i) {
    const cell = document.createElement('div');
    cell.className = this.#classes(field);
    cell.setAttribute('role', 'columnheader');
    cell.setAttribute('aria-colindex', i + 1);
    const button = document.createElement('button');
    button.type = 'button';
    button.dataset.field = field;
    button.addEventListener('click', async () => {
      // Up, down, and as the input was.
      const now = this.#sorted?.key === field ? this.#sorted : null;
      this.#sorted = !now ? { key: field, descending: true } : now.descending ? { key: field, descending: false } : null;
      await this.#sort(this.#sorted ?? { key: '', descending: false });
      this.scroll.scrollTop = 0;
      await this.#draw();
    });
    cell.append(button);
    return cell;
  }

  #mark() {
    for (const cell of this.head.children) {
      const { field } = cell.firstChild.dataset;
      const direction = this.#sorted?.key === field ? (this.#sorted.descending ? 'descending' : 'ascending') : 'none';
      cell.setAttribute('aria-sort', direction);
      cell.firstChild.textContent = field + { none: '', ascending: ' ↑', descending: ' ↓' }[direction];
    }
    for (const row of this.body.children) row.classList.toggle('current', Number(row.dataset.index) === this.#current);
    this.all.setAttribute('aria-activedescendant', `row-${this.#current}`);
  }

  get #seen() {
    return Math.max(Math.ceil((this.scroll.clientHeight - HEAD) / ROW), 1);
  }

  async #draw() {
    const room = Math.max(this.scroll.scrollHeight - this.scroll.clientHeight, 1);
    const last = Math.max(this.#count - this.#seen + 1, 0);
    // Where not each row has its place on the bar, the bar says which share is above.
    this.#first = this.#count * ROW > TALLEST
      ? Math.round((this.scroll.scrollTop / room) * last)
      : Math.min(Math.floor(this.scroll.scrollTop / ROW), last);
    const request = ++this.#request;
    const first = this.#first;
    const values = await this.#fetch(first, this.#seen + 1, this.#fields);
    if (request !== this.#request) return;
    const rows = values.map((cells, i) => {
      const row = document.createElement('div');
      row.className = 'row';
      row.id = `row-${first + i}`;
      row.dataset.index = first + i;
      row.setAttribute('role', 'row');
      row.setAttribute('aria-rowindex', first + i + 2);
      row.append(...cells.map((value, j) => {
        const cell = document.createElement('div');
        const field = this.#fields[j];
        cell.className = this.#classes(field);
        cell.setAttribute('role', 'gridcell');
        cell.setAttribute('aria-colindex', j + 1);
        cell.textContent = /_ms$/.test(field) && value !== '' ? new Date(Number(value)).toISOString().replace('T', ' ').replace(/(\.000)?Z$/, '') : value;
        cell.title = cell.textContent;
        return cell;
      }));
      return row;
    });
    this.body.replaceChildren(...rows);
    this.#mark();
  }

  #key(event) {
    if (event.target !== this.all) return;
    const page = this.#seen - 1;
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.#count, End: this.#count };
    if (event.key === 'Enter' && this.#count > 0) this.#open(this.#current);
    else if (event.key in moves) {
      this.#current = Math.min(Math.max(this.#current + moves[event.key], 0), Math.max(this.#count - 1, 0));
      if (this.#current < this.#first || this.#current >= this.#first + page) {
        const share = this.#current / Math.max(this.#count - 1, 1);
        this.scroll.scrollTop = this.#count * ROW > TALLEST
          ? share * (this.scroll.scrollHeight - this.scroll.clientHeight)
          : (this.#current - (moves[event.key] > 0 ? page - 1 : 0)) * ROW;
      }
      this.#mark();
    } else return;
    event.preventDefault();
  }
}
