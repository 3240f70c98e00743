// A sound as codes: coloured cells with the waveform on them, in as many lines as it takes. Value: {run, state, facts,
// rows: [{label, codes: [n, …], rate, colours: {code: [hue, loudness]}, wave: bytes in base64, tracks: [n, …]}]}.
import {bytes, csv, el, exporting, save, stylesheet} from '/site/painting.js';

const HIGH = 54, WAVE = 34, GAP = 15, WIDE = 15, MOST_LINES = 8;  // WAVE: of HIGH, above the numbers

export const start = (element, props, trigger, watch) => {
  stylesheet('/site/vqvae/strip.css');
  const words = props.words;
  let rows = [], at = null, picked = [], heard = null;

  const root = el('div', 'codes-view');
  root.setAttribute('role', 'group');
  root.setAttribute('aria-label', words.label);
  const gallery = el('div', 'rows');
  const key = el('div', 'key', el('span', '', words.low), el('i', ''), el('span', '', words.high));
  const line = el('p', 'at');
  line.setAttribute('aria-live', 'polite');
  const status = el('p', 'state');
  status.setAttribute('role', 'status');
  const exports = el('div', 'plot-export');
  root.append(gallery, key, line, el('div', 'foot', status, exports));
  element.append(root);

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

  const receive = () => {
    const value = props.value;
    if (!value || !value.run) return;
    if (String(value.run) !== root.dataset.run) {
      [at, picked, heard] = [null, [], null];
      gallery.replaceChildren();
      rows = value.rows.map((given, number) => {
        const canvas = el('canvas', '');
        canvas.tabIndex = 0;
        canvas.setAttribute('role', 'img');
        canvas.setAttribute('aria-label', given.label);
        const caption = el('figcaption', '', given.label);
        const box = el('figure', 'row', caption, canvas);
        gallery.append(box);
        canvas.onpointermove = event => point(number, placeOf(number, event));
        canvas.onpointerleave = () => point(number, null);
        canvas.onclick = event => pick(number, placeOf(number, event));
        canvas.onkeydown = event => keyed(number, event);
        return {...given, canvas, caption, box, peaks: given.wave ? bytes(given.wave) : null};
      });
    }
    Object.assign(root.dataset, {run: String(value.run), state: value.state, rows: String(rows.length),
      codes: String(rows.length ? rows[0].codes.length : 0)});
    status.textContent = value.facts || words[value.state] || '';
    key.hidden = !rows.length;
    exports.querySelectorAll('button').forEach(b => { b.disabled = !rows.length; });
    draw();
  };

  // --- drawing -------------------------------------------------------------------------------------------------------
  const plan = row => {  // how many cells stand in a line, and how wide one is
    const wide = Math.max(120, row.canvas.clientWidth || 300), count = Math.max(1, row.codes.length);
    const lines = Math.min(MOST_LINES, Math.ceil(count * WIDE / wide));
    const per = Math.max(Math.ceil(count / lines), Math.min(count, Math.floor(wide / 60)) || 1);
    return {wide, per, lines: Math.ceil(count / per), unit: Math.min(60, wide / per)};
  };
  const shade = (row, code) => {
    const [hue, loud] = row.colours[code] || [0, 0], dark = site.isDark();
    return `hsl(${hue} ${20 + 0.45 * loud}% ${dark ? 20 + 0.22 * loud : 92 - 0.24 * loud}%)`;
  };
  const draw = () => rows.forEach((row, number) => {
    const {canvas} = row, {wide, per, lines, unit} = plan(row), ratio = Math.min(2, devicePixelRatio || 1);
    const css = getComputedStyle(root), ink = css.getPropertyValue('--ink'), accent = css.getPropertyValue('--accent');
    canvas.style.height = lines * (HIGH + GAP) + 'px';
    canvas.width = wide * ratio;
    canvas.height = lines * (HIGH + GAP) * ratio;
    const pen = canvas.getContext('2d');
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const chosen = picked.filter(one => one.row === number);
    row.codes.forEach((code, place) => {
      const x = place % per * unit, y = Math.floor(place / per) * (HIGH + GAP);
      pen.fillStyle = shade(row, code);
      pen.fillRect(x, y, unit - (unit > 5 ? 1 : 0), HIGH);
      if (row.peaks) {
        pen.fillStyle = ink;
        pen.globalAlpha = 0.6;
        const room = unit >= 12 ? WAVE : HIGH;
        const each = row.peaks.length / row.codes.length;
        for (let k = 0; k < each; k++) {
          const tall = row.peaks[Math.floor(place * each) + k] / 255 * (room - 4);
          pen.fillRect(x + k * unit / each, y + room / 2 - tall / 2, Math.max(0.5, unit / each - 0.3), Math.max(1, tall));
        }
        pen.globalAlpha = 1;
      }
      if (unit >= 12) {
        pen.save();
        pen.fillStyle = ink;
        pen.font = '10px Pretendard, sans-serif';
        pen.textBaseline = 'middle';
        if (unit >= 26) {
          pen.textAlign = 'center';
          pen.fillText(code, x + unit / 2, y + HIGH - 7);
        } else {
          pen.translate(x + unit / 2, y + HIGH - 3);
          pen.rotate(-Math.PI / 2);
          pen.fillText(code, 0, 0);
        }
        pen.restore();
      }
      const again = chosen.some(one => one.code === code), itself = chosen.some(one => one.place === place);
      if (again) frame(pen, x, y, unit, accent, itself ? 3 : 1.5);
      if (at && at.row === number && at.place === place) frame(pen, x, y, unit, ink, 2);
    });
    pen.fillStyle = css.getPropertyValue('--muted');
    pen.font = '11px Pretendard, sans-serif';
    pen.textBaseline = 'top';
    for (let n = 0; n < lines; n++) pen.fillText((n * per / row.rate).toFixed(2) + ' s', 1, n * (HIGH + GAP) + HIGH + 2);
    if (heard && (!row.tracks || row.tracks.includes(heard.track))) {
      const place = heard.seconds * row.rate;
      if (place < row.codes.length) {
        pen.fillStyle = accent;
        pen.fillRect(place % per * unit - 1, Math.floor(place / per) * (HIGH + GAP), 2.5, HIGH);
      }
    }
    tell();
  });
  const frame = (pen, x, y, unit, colour, thick) => {
    pen.strokeStyle = colour;
    pen.lineWidth = thick;
    pen.strokeRect(x + thick / 2, y + thick / 2, Math.max(1, unit - thick - 0.5), HIGH - thick);
  };

  // --- pointing ------------------------------------------------------------------------------------------------------
  const placeOf = (number, event) => {
    const row = rows[number], {per, unit} = plan(row), box = row.canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / unit);
    const place = Math.floor((event.clientY - box.top) / (HIGH + GAP)) * per + column;
    return column >= 0 && column < per && place >= 0 && place < row.codes.length ? place : null;
  };
  const point = (number, place) => {
    const next = place === null ? null : {row: number, place};
    if (at?.row === next?.row && at?.place === next?.place) return;
    at = next;
    draw();
  };
  const pick = (number, place) => {
    if (place === null) return;
    const code = rows[number].codes[place];
    picked = [...picked, {row: number, place, code}].slice(props.pairs ? -2 : -1);
    at = {row: number, place};
    root.dataset.picked = picked.map(one => one.code).join();
    draw();
    trigger('select', {index: place, value: {row: number, place, code}});
  };
  const keyed = (number, event) => {
    const {per} = plan(rows[number]), last = rows[number].codes.length - 1;
    const way = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -per, ArrowDown: per}[event.key];
    const from = at && at.row === number ? at.place : 0;
    if (event.key === 'Enter' || event.key === ' ') pick(number, from);
    else if (way) point(number, Math.min(last, Math.max(0, from + way)));
    else return;
    event.preventDefault();
  };
  const tell = () => {
    if (!at) { line.textContent = rows.length ? words.hint : ''; return; }
    const row = rows[at.row], code = row.codes[at.place];
    line.textContent = fill(words.cell, {code, place: at.place + 1, count: row.codes.length,
      seconds: (at.place / row.rate).toFixed(3), times: row.codes.filter(one => one === code).length});
  };

  document.addEventListener('site-heard', event => {  // the position of the player that sounds these codes
    const mine = (props.follows || []).some(id => document.getElementById(id)?.contains(event.detail.element));
    if (!element.isConnected || !rows.length || !mine) return;
    queueMicrotask(() => {  // the player first writes down which track it is
      const track = Number(event.detail.element.querySelector('.player')?.dataset.track || 0);
      const next = event.detail.playing ? {track, seconds: event.detail.seconds} : null;
      if (!next && !heard) return;
      heard = next;
      draw();
    });
  });

  const table = () => [['row', 'place', 'seconds', 'code'], ...rows.flatMap(row => row.codes.map(
    (code, place) => [row.label, place, (place / row.rate).toFixed(4), code]))];
  const image = () => {  // all rows, one below the other
    const out = el('canvas', ''), pen = out.getContext('2d');
    out.width = Math.max(...rows.map(row => row.canvas.width));
    out.height = rows.reduce((sum, row) => sum + row.canvas.height, 0);
    rows.reduce((y, row) => { pen.drawImage(row.canvas, 0, y); return y + row.canvas.height; }, 0);
    return out;
  };
  exporting(exports, {
    png: () => image().toBlob(blob => save(props.name + '.png', blob)),
    csv: () => save(props.name + '.csv', csv(table())),
  }, words, true);
  status.textContent = words.idle;
  key.hidden = true;
  watch('value', receive);
  site.onTheme(element, draw);
  new ResizeObserver(draw).observe(gallery);
  receive();
  site.onSight(element, () => trigger('appear', {}));
};
