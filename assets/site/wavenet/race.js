// Naive against cached, sample by sample: which values each computes, and the ring buffers.
// The story comes from Python (core.wavenet.race.story); here it is only drawn.
const style = document.createElement('link');
style.rel = 'stylesheet';
style.href = '/site/wavenet/race.css';
document.head.append(style);

const COLUMNS = 20, CELL = 18, ROW = 36, LEFT = 44, TOP = 18;
const svgElement = (name, attributes = {}, text = '') => {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== '') node.textContent = text;
  return node;
};
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);
const number = n => n.toLocaleString('en-US');

class Grid {
  // Moments to the right, layers upwards; layer 0 is the embedding.
  constructor(layers, words) {
    this.layers = layers;
    this.words = words;
    const width = LEFT + COLUMNS * CELL + 8, height = TOP + (layers + 1) * ROW + 26;
    this.svg = svgElement('svg', {viewBox: `0 0 ${width} ${height}`, class: 'grid', 'aria-hidden': 'true'});
  }
  x(t) { return LEFT + (t - this.first + 0.5) * CELL; }
  y(layer) { return TOP + (this.layers - layer + 0.5) * ROW; }
  draw(step, marks, edges) {
    // marks: function (layer, t) -> class of the dot.
    this.first = Math.max(0, step.t - COLUMNS + 1);
    const parts = [];
    for (let layer = 0; layer <= this.layers; layer++) {
      const label = layer ? `d = ${2 ** (layer - 1)}` : this.words.embedding;
      parts.push(svgElement('text', {x: LEFT - 6, y: this.y(layer), dy: '0.35em', 'text-anchor': 'end', class: 'row'}, label));
    }
    for (const [[l0, t0], [l1, t1]] of edges) {
      if (t0 < this.first) continue;
      parts.push(svgElement('line', {x1: this.x(t0), y1: this.y(l0), x2: this.x(t1), y2: this.y(l1), class: 'edge'}));
    }
    for (let layer = 0; layer <= this.layers; layer++) {
      for (let t = this.first; t < this.first + COLUMNS; t++) {
        const kind = t > step.t ? 'later' : marks(layer, t);
        parts.push(svgElement('circle', {cx: this.x(t), cy: this.y(layer), r: kind === 'later' ? 2 : 6, class: `dot ${kind}`}));
      }
    }
    for (let t = this.first; t < this.first + COLUMNS; t++) {
      if (t % 5 && t !== step.t) continue;
      if (t !== step.t && Math.abs(t - step.t) < 2) continue;
      const y = TOP + (this.layers + 1) * ROW + 14;
      parts.push(svgElement('text', {x: this.x(t), y, 'text-anchor': 'middle', class: t === step.t ? 'now' : 'tick'}, String(t)));
    }
    const top = this.y(this.layers) - 9, x = this.x(step.t);
    parts.push(svgElement('path', {d: `M${x} ${top}v-9`, class: 'edge'}), svgElement('polygon', {points: `${x - 4},${top - 7} ${x + 4},${top - 7} ${x},${top - 15}`, class: 'head'}));
    this.svg.replaceChildren(...parts);
  }
}

const ringPicture = (dilation, centre, step, held, words) => {
  // One ring buffer of `dilation` slots; sample t lives in slot t modulo the length.
  const group = svgElement('g');
  const outer = 15 + 4.2 * dilation, inner = Math.max(outer - 19, 2), gap = dilation > 1 ? 0.05 : 0;
  const at = (radius, angle) => [centre + radius * Math.sin(angle), 62 - radius * Math.cos(angle)];
  const slot = step.t % dilation, turn = 2 * Math.PI / dilation;
  const times = new Map(held.map(t => [t % dilation, t]));
  for (let s = 0; s < dilation; s++) {
    const from = (s - 0.5) * turn + gap / 2, to = (s + 0.5) * turn - gap / 2;
    const kind = s === slot ? (times.has(s) ? 'read' : 'empty pointed') : times.has(s) ? 'held' : 'empty';
    if (dilation === 1) group.append(svgElement('circle', {cx: centre, cy: 62, r: outer, class: `slot ${kind}`}));
    else {
      const corners = [at(outer, from), at(outer, to), at(inner, to), at(inner, from)].map(p => p.map(v => v.toFixed(2)).join(' '));
      const large = turn > Math.PI ? 1 : 0;
      group.append(svgElement('path', {
        class: `slot ${kind}`,
        d: `M${corners[0]}A${outer} ${outer} 0 ${large} 1 ${corners[1]}L${corners[2]}A${inner} ${inner} 0 ${large} 0 ${corners[3]}Z`,
      }));
    }
    const [x, y] = dilation === 1 ? [centre, 62] : at((outer + inner) / 2, s * turn);
    group.append(svgElement('text', {x, y, dy: '0.35em', 'text-anchor': 'middle', class: `time ${kind}`}, times.has(s) ? String(times.get(s)) : '–'));
  }
  const angle = slot * turn, tip = at(outer + 2, angle), back = outer + 10;
  const wings = [at(back, angle - 5 / back), at(back, angle + 5 / back)];
  group.append(svgElement('polygon', {points: [tip, ...wings].map(p => p.map(v => v.toFixed(2)).join(',')).join(' '), class: 'pointer'}));
  group.append(svgElement('text', {x: centre, y: 138, 'text-anchor': 'middle', class: 'row'}, `d = ${dilation}`));
  const old = times.has(slot) ? times.get(slot) : words.silence;
  group.append(svgElement('text', {x: centre, y: 156, 'text-anchor': 'middle', class: 'exchange'}, `${old} → ${step.t}`));
  return group;
};

export const start = (element, props, trigger, watch) => {
  const words = props.words;
  const root = element.querySelector('.race');
  root.innerHTML = `<div class="race-sides"><section class="naive"><h3></h3><p></p></section>
    <section class="cached"><h3></h3><p></p></section></div>
    <div class="race-bar"><button type="button" class="back">◀</button><button type="button" class="play"></button>
    <button type="button" class="step">▶</button><input type="range" min="0" step="1">
    <output></output></div><ul class="race-legend"></ul><div class="plot-caption"><p aria-live="polite"></p></div>`;
  const find = selector => root.querySelector(selector);
  find('.naive h3').textContent = words.naive;
  find('.cached h3').textContent = words.cached;
  find('.back').setAttribute('aria-label', words.back);
  find('.step').setAttribute('aria-label', words.step);
  find('.race-bar input').setAttribute('aria-label', words.sample);
  find('.plot-caption p').textContent = words.waiting;
  for (const kind of ['new', 'again', 'window', 'read', 'held', 'later']) {
    const item = document.createElement('li');
    const icon = svgElement('svg', {viewBox: '0 0 16 16', width: 16, height: 16, 'aria-hidden': 'true'});
    icon.append(svgElement('circle', {cx: 8, cy: 8, r: kind === 'later' ? 2 : 6, class: `dot ${kind}`}));
    item.append(icon, words[`legend_${kind}`]);
    find('.race-legend').append(item);
  }
  let story = [], t = 0, timer = null, grids = null, rings = null;

  const build = () => {
    const layers = story[0].rings.length;
    grids = {naive: new Grid(layers, words), cached: new Grid(layers, words)};
    find('.naive').insertBefore(grids.naive.svg, find('.naive p'));
    find('.cached').insertBefore(grids.cached.svg, find('.cached p'));
    rings = svgElement('svg', {viewBox: '0 0 412 166', class: 'rings', 'aria-hidden': 'true'});
    const title = document.createElement('p');
    title.className = 'rings-title';
    title.textContent = words.rings;
    find('.cached').append(title, rings);
    find('input').max = story.length - 1;
  };
  const draw = () => {
    const step = story[t];
    const pairs = list => new Set(list.map(([layer, time]) => `${layer},${time}`));
    const needed = pairs(step.needed), fresh = pairs(step.new), read = pairs(step.read);
    const held = pairs(step.rings.flatMap((times, layer) => times.map(time => [layer, time])));
    grids.naive.draw(step, (layer, time) => {
      const key = `${layer},${time}`;
      if (fresh.has(key)) return 'new';
      if (needed.has(key)) return 'again';
      return time >= step.window[0] ? 'window' : 'later';
    }, step.edges);
    const newest = step.edges.filter(([, [, time]]) => time === step.t);
    grids.cached.draw(step, (layer, time) => {
      const key = `${layer},${time}`;
      return fresh.has(key) ? 'new' : read.has(key) ? 'read' : held.has(key) ? 'held' : 'later';
    }, newest);
    const centres = [34, 104, 196, 320];
    rings.replaceChildren(...step.rings.map((times, i) => ringPicture(2 ** i, centres[i], step, times, words)));
    const values = {
      t: step.t, columns: step.columns, cached_columns: step.cached_columns, reads: step.read.length,
      naive: number(step.naive), cached: number(step.cached), again: step.columns - step.cached_columns,
      naive_total: number(step.naive_total), cached_total: number(step.cached_total),
      ratio: (step.naive_total / step.cached_total).toFixed(1), moments: step.window[1] - step.window[0] + 1,
    };
    find('.naive p').textContent = fill(words.naive_says, values);
    find('.cached p:not(.rings-title)').textContent = fill(words.cached_says, values);
    find('.plot-caption p').textContent = fill(words.summary, values);
    find('output').textContent = fill(words.at, values);
    find('input').value = t;
    root.dataset.t = t;
  };
  const go = to => {
    t = Math.max(0, Math.min(story.length - 1, to));
    draw();
    if (!timer) site.keep('wavenet', 'sample', t);
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    find('.play').textContent = words.play;
    root.classList.remove('playing');
  };
  find('.play').onclick = () => {
    if (timer) { stop(); site.keep('wavenet', 'sample', t); return; }
    if (!story.length) return;
    if (t === story.length - 1) t = -1;
    root.classList.add('playing');
    find('.play').textContent = words.pause;
    timer = setInterval(() => {
      if (!root.isConnected || t >= story.length - 1) stop(); else go(t + 1);
    }, 550);
  };
  find('.back').onclick = () => { stop(); go(t - 1); };
  find('.step').onclick = () => { stop(); go(t + 1); };
  find('input').oninput = event => { stop(); go(Number(event.target.value)); };
  stop();

  const receive = () => {
    if (!props.value || !props.value.steps) return;
    story = props.value.steps;
    if (!grids) build();
    const wanted = Number(new URLSearchParams(location.search).get('sample') ?? NaN);
    t = Number.isInteger(wanted) ? Math.max(0, Math.min(story.length - 1, wanted)) : Math.min(20, story.length - 1);
    draw();
    root.dataset.drawn = '1';
  };
  watch('value', receive);
  if (props.value) receive(); else window.site.restored.then(() => trigger('appear', {}));
};
