// A mixture, the masks that take it apart, and a brush. Value: {run, seconds, edges: [Hz, R + 1], columns, mixture,
// masks: {key: base64}, stems: [{key, label}], bands: [{low, high, full, cells: [[s, Hz], …]}], facts}; levels are bytes,
// column by column, the lowest row first. Painting fires 'paint' with {run, strokes: [[key, s, s, Hz, Hz, value], …]}.
import {bytes, el, picture, stylesheet} from '/site/painting.js';

const LEFT = 52, BOTTOM = 26, TOP = 22, RIGHT = 6;
const TICKS = [100, 200, 500, 1000, 2000, 5000, 10000, 20000];
const MOST = 200;  // strokes
const CLOSE = 14;  // px: labels nearer than this are left out

export const start = (element, props, trigger, watch) => {
  stylesheet('/site/separation/masks.css');
  const words = props.words;
  const root = el('div', 'masks');
  root.setAttribute('role', 'group');
  root.setAttribute('aria-label', words.label);
  const views = el('div', 'views');
  views.setAttribute('role', 'radiogroup');
  views.setAttribute('aria-label', words.views);
  const canvas = el('canvas', 'picture');
  canvas.tabIndex = 0;
  canvas.setAttribute('role', 'img');
  const line = el('p', 'at');
  line.setAttribute('aria-live', 'polite');
  const status = el('p', 'state');
  status.setAttribute('role', 'status');
  const tools = el('div', 'tools');
  root.append(views, canvas, line, tools, status);
  element.append(root);

  let now = null, strokes = [], shown = 'mixture', tool = 'erase', whole = true;
  let drag = null, pointer = null, heardAt = null, box = null;  // box: [column, row, column, row] of the keyboard
  const stemOf = () => now.stems.find(s => s.key === shown) || null;
  const inside = () => ({x: LEFT, y: TOP, w: canvas.clientWidth - LEFT - RIGHT, h: canvas.clientHeight - TOP - BOTTOM});
  const rows = () => now.edges.length - 1;
  const hertzAt = share => {  // share: 0 at the bottom, 1 on top
    const row = Math.min(rows() - 1e-6, Math.max(0, share * rows()));
    const i = Math.floor(row);
    return now.edges[i] + (row - i) * (now.edges[i + 1] - now.edges[i]);
  };
  const shareOf = hertz => {
    const i = Math.max(0, now.edges.findLastIndex(edge => edge <= hertz));
    if (i >= rows()) return 1;
    return (i + (hertz - now.edges[i]) / (now.edges[i + 1] - now.edges[i])) / rows();
  };

  const images = {};
  const draw = () => {
    if (!now) return;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    const pen = canvas.getContext('2d');
    pen.scale(ratio, ratio);
    const css = name => getComputedStyle(root).getPropertyValue(name);
    const {x, y, w, h} = inside();
    const key = shown + (whole ? '*' : '');
    if (!images[key]) {
      const mask = shown === 'mixture' ? null : now.masks[shown];
      images[key] = picture(now.columns, rows(), (c, r) => {
        const at = c * rows() + r;
        if (!mask) return now.mixture[at] / 255;
        return whole ? mask[at] / 255 : mask[at] / 255 * now.mixture[at] / 255;
      });
    }
    pen.imageSmoothingEnabled = false;
    pen.drawImage(images[key], x, y, w, h);
    pen.font = `12px ${getComputedStyle(root).fontFamily}`;
    pen.fillStyle = css('--muted');
    pen.textAlign = 'right';
    pen.textBaseline = 'middle';
    pen.fillText('Hz', x - 6, 8);
    let below = Infinity;
    for (const tick of TICKS.filter(t => t < now.edges.at(-1))) {
      const at = y + h * (1 - shareOf(tick));
      if (below - at < CLOSE) continue;
      below = at;
      pen.fillText(tick < 1000 ? String(tick) : tick / 1000 + 'k', x - 6, at);
      pen.fillRect(x - 4, at, 4, 1);
    }
    pen.textAlign = 'center';
    const step = now.seconds > 4 ? 1 : 0.5;
    for (let s = 0; s <= now.seconds + 1e-6; s += step) {
      const last = s + step > now.seconds + 1e-6;
      if (last) pen.textAlign = 'right';
      pen.fillText(last ? s + ' s' : String(s), x + w * s / now.seconds + (last ? 4 : 0), y + h + 14);
    }
    if (shown !== 'mixture' && whole) scaleOf(pen, x + w);
    pen.fillStyle = css('--muted');
    for (const band of now.bands.filter(b => !b.full && b.low > 0)) {  // where the spectrum is split
      const at = y + h * (1 - shareOf(band.low));
      pen.strokeStyle = css('--model');
      pen.setLineDash([6, 4]);
      pen.beginPath();
      pen.moveTo(x, at);
      pen.lineTo(x + w, at);
      pen.stroke();
      pen.setLineDash([]);
      pen.fillStyle = css('--model');
      pen.textAlign = 'left';
      pen.fillText(words.split.replace('{hertz}', Math.round(band.low)), x + 6, at - 8);
    }
    if (pointer) cellAt(pen, css('--accent'), pointer);
    const mark = drag || (document.activeElement === canvas && box && stemOf() ? box.map((v, i) => i % 2 ? v / rows() : v / now.columns) : null);
    if (mark) {
      const [a, b, c, d] = mark;
      pen.strokeStyle = css('--model');
      pen.lineWidth = 2;
      pen.strokeRect(x + w * Math.min(a, c), y + h * (1 - Math.max(b, d)), w * Math.abs(c - a), h * Math.abs(d - b));
    }
    if (heardAt !== null && heardAt <= now.seconds) {
      pen.fillStyle = css('--model');
      pen.fillRect(x + w * heardAt / now.seconds, y, 1.5, h);
    }
  };
  const scaleOf = (pen, right) => {  // the colours of a mask, 0 to 1
    images.scale ||= picture(64, 1, c => c / 63);
    pen.textAlign = 'right';
    pen.fillText('1', right, 8);
    pen.drawImage(images.scale, right - 92, 3, 80, 10);
    pen.strokeStyle = pen.fillStyle;
    pen.lineWidth = 0.5;
    pen.strokeRect(right - 92, 3, 80, 10);
    pen.lineWidth = 1;
    pen.fillText('0', right - 97, 8);
  };
  const bandAt = hertz => now.bands.find(b => !b.full && hertz >= b.low && hertz < b.high) || now.bands.at(-1);
  const cellAt = (pen, colour, [a, b]) => {  // what one number covers where an LSTM reads
    const {x, y, w, h} = inside();
    const hertz = hertzAt(b), band = bandAt(hertz), cell = band.cells[0];
    if (!cell) return;
    const t0 = Math.floor(a * now.seconds / cell[0]) * cell[0];
    const f0 = band.low + Math.floor((hertz - band.low) / cell[1]) * cell[1];
    const top = y + h * (1 - shareOf(Math.min(f0 + cell[1], band.high)));
    pen.strokeStyle = colour;
    pen.lineWidth = 1.5;
    pen.strokeRect(x + w * t0 / now.seconds, top, w * cell[0] / now.seconds, y + h * (1 - shareOf(f0)) - top);
  };
  const tell = ([a, b]) => {
    line.classList.add('used');  // its place is kept from now on
    const hertz = hertzAt(b);
    const column = Math.min(now.columns - 1, Math.floor(a * now.columns)), row = Math.min(rows() - 1, Math.floor(b * rows()));
    const at = column * rows() + row;
    const shares = now.stems.map(s => `${s.label} ${Math.round(now.masks[s.key][at] / 2.55)} %`).join(' · ');
    const band = bandAt(hertz), cell = band.cells[0];
    const span = words.band.replace('{low}', Math.round(band.low)).replace('{high}', Math.round(band.high));
    const lstm = cell ? words.cell.replace('{ms}', Math.round(1000 * cell[0])).replace('{hertz}', Math.round(cell[1])) : words.no_lstm;
    line.textContent = `${(a * now.seconds).toFixed(2)} s, ${Math.round(hertz)} Hz: ${shares}. ${span} ${lstm}`;
  };

  const place = event => {
    const {x, y, w, h} = inside(), r = canvas.getBoundingClientRect();
    const clamp = v => Math.min(1, Math.max(0, v));
    return [clamp((event.clientX - r.left - x) / w), clamp(1 - (event.clientY - r.top - y) / h)];
  };
  const stroke = (a, b, c, d) => {
    const source = stemOf();
    if (!source || strokes.length >= MOST) return;
    const at = [Math.min(a, c) * now.seconds, Math.max(a, c) * now.seconds, hertzAt(Math.min(b, d)), hertzAt(Math.max(b, d))];
    strokes = [...strokes, [source.key, ...at, tool === 'erase' ? 0 : 1]];
    send();
  };
  const send = () => {
    root.dataset.strokes = String(strokes.length);
    root.dataset.state = 'painting';
    status.textContent = words.painting;
    buttons();
    trigger('paint', {run: now.run, strokes});
  };
  canvas.onpointerdown = e => {
    if (!now || !stemOf() || e.button) return;
    canvas.setPointerCapture(e.pointerId);
    const [a, b] = place(e);
    drag = [a, b, a, b];
  };
  canvas.onpointermove = e => {
    if (!now) return;
    pointer = place(e);
    if (drag) [drag[2], drag[3]] = pointer;
    tell(pointer);
    draw();
  };
  canvas.onpointerup = () => {
    if (!drag) return;
    const done = drag;
    drag = null;
    if (Math.abs(done[2] - done[0]) > 0.004 && Math.abs(done[3] - done[1]) > 0.004) stroke(...done);
    draw();
  };
  canvas.onpointerleave = () => { pointer = null; draw(); };
  canvas.onfocus = canvas.onblur = () => draw();
  canvas.onkeydown = e => {  // a box that arrows move, Shift and arrows stretch, Enter paints
    if (!now || !stemOf()) return;
    box ||= [Math.floor(now.columns * 0.4), Math.floor(rows() * 0.2), Math.floor(now.columns * 0.6), Math.floor(rows() * 0.5)];
    const wide = now.columns / 25, high = rows() / 20;
    const by = {ArrowLeft: [-wide, 0], ArrowRight: [wide, 0], ArrowUp: [0, high], ArrowDown: [0, -high]}[e.key];
    if (e.key === 'Enter') stroke(box[0] / now.columns, box[1] / rows(), box[2] / now.columns, box[3] / rows());
    else if (by) {
      box = box.map((v, i) => (e.shiftKey && i < 2 ? v : v + by[i % 2]))
        .map((v, i) => Math.min(i % 2 ? rows() : now.columns, Math.max(0, v)));
    } else return;
    e.preventDefault();
    tell([(box[0] + box[2]) / 2 / now.columns, (box[1] + box[3]) / 2 / rows()]);
    draw();
  };

  const button = (text, pressed, act, kind = 'tool') => {
    const node = el('button', kind, text);
    node.type = 'button';
    if (pressed !== null) node.setAttribute(kind === 'view' ? 'aria-checked' : 'aria-pressed', String(pressed));
    if (kind === 'view') node.setAttribute('role', 'radio');
    node.onclick = () => { act(); buttons(); draw(); };
    return node;
  };
  const buttons = () => {
    if (!now) return;
    const keys = [['mixture', words.mixture], ...now.stems.map(s => [s.key, s.label])];
    views.replaceChildren(...keys.map(([key, label]) => button(label, key === shown, () => { shown = key; }, 'view')));
    const mask = stemOf();
    const whose = mask ? mask.label : '';
    tools.replaceChildren(...(mask ? [
      button(words.mask, whole, () => { whole = !whole; }),
      button(words.erase.replace('{stem}', whose), tool === 'erase', () => { tool = 'erase'; }),
      button(words.give.replace('{stem}', whose), tool === 'give', () => { tool = 'give'; }),
    ] : [el('span', 'hint', words.choose)]), ...(strokes.length ? [
      button(words.undo, null, () => { strokes = strokes.slice(0, -1); send(); }),
      button(words.clear, null, () => { strokes = []; send(); }),
    ] : []));
    root.dataset.shown = shown;
    canvas.style.touchAction = mask ? 'none' : 'pan-y';
  };

  const take = () => {
    const value = props.value;
    if (!value || !value.run) {
      root.dataset.state = 'idle';
      status.textContent = words.idle;
      return;
    }
    if (!now || now.run !== value.run) { strokes = []; box = pointer = null; line.textContent = ''; }
    now = {...value, mixture: bytes(value.mixture),
      masks: Object.fromEntries(Object.entries(value.masks).map(([key, data]) => [key, bytes(data)]))};
    if (shown !== 'mixture' && !stemOf()) shown = 'mixture';
    for (const key of Object.keys(images)) delete images[key];
    root.dataset.state = 'done';
    root.dataset.run = String(value.run);
    root.dataset.strokes = String(strokes.length);
    status.textContent = value.facts || '';
    canvas.setAttribute('aria-label', value.facts || words.label);
    buttons();
    draw();
  };
  document.addEventListener('site-heard', e => {
    if (!element.isConnected || !props.follows.some(id => e.detail.element.closest('#' + id))) return;
    heardAt = e.detail.playing || e.detail.seconds ? e.detail.seconds : null;
    draw();
  });
  take();
  watch('value', take);
  new ResizeObserver(draw).observe(canvas);
  site.onTheme(element, () => { for (const key of Object.keys(images)) delete images[key]; draw(); });
  site.onSight(element, () => { if (!props.value) trigger('appear', {}); });
};
