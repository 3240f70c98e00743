// The skewing trick, step by step. Which cell goes where comes from core/transformer/skewing.py: arrays of labels.
import {fill, make, number, saved, styled} from '/site/transformer/matrix.js';

const STEPS = ['inputs', 'product', 'reach', 'pad', 'memory', 'reshape', 'slice', 'mask'];
const CELL = 44, LEFT = 48, TOP = 34, WIDTH = 360, PAUSE_MS = 2600;
const SVG = 'http://www.w3.org/2000/svg';
const draw = (tag, attributes, ...children) => {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};

export const start = (element, props, trigger, watch) => {
  styled();
  const words = props.words;
  const host = element.querySelector('.skew-view');
  const button = (name, label) => make('button', {type: 'button', className: name, textContent: label});
  const [back, play, next] = [button('back', '◀'), button('play', '▶ ' + words.play), button('next', '▶')];
  back.setAttribute('aria-label', words.back);
  next.setAttribute('aria-label', words.next);
  const position = make('input', {type: 'range', min: '0', max: String(STEPS.length - 1), step: '1', value: '0'});
  position.setAttribute('aria-label', words.step);
  const svg = draw('svg', {viewBox: `0 0 ${WIDTH} ${TOP + 7 * CELL + 10}`, role: 'img'});
  svg.setAttribute('aria-label', words.waiting);
  const summary = make('p', {textContent: words.waiting});
  summary.setAttribute('aria-live', 'polite');
  host.append(make('div', {className: 'skew-bar'}, back, play, next, position), svg,
    make('div', {className: 'plot-caption'}, summary, saved(props.name, words, () => props.value)));
  let step = 0, timer = null, cells = new Map();

  const pads = length => Array.from({length}, (_, i) => `pad${i}`);

  // The pads carry no label of their own: by their order in memory they are told apart.
  const placed = () => {
    const {labels, products} = props.value, length = products.length;
    const order = array => {
      const found = new Map();
      let pad = 0;
      array.forEach((line, i) => line.forEach((label, c) => found.set(label === -1 ? `pad${pad++}` : label, [i, c])));
      return found;
    };
    const product = order(labels.product), padded = order(labels.padded), reshaped = order(labels.reshaped);
    const memory = new Map();
    let at = 0, pad = 0;
    for (const label of labels.padded.flat()) memory.set(label === -1 ? `pad${pad++}` : label, at++);
    return {length, product, padded, reshaped, memory};
  };

  const build = () => {
    const {products, length} = {...props.value, length: props.value.products.length};
    svg.replaceChildren(draw('g', {class: 'inputs'}), draw('g', {class: 'heads'}), draw('g', {class: 'cells'}));
    cells = new Map();
    const add = (label, text, distance) => {
      const rect = draw('rect', {x: 1, y: 1, width: CELL - 2, height: CELL - 2, rx: 4});
      if (distance === null) rect.setAttribute('class', 'pad');
      else rect.style.fill = `color-mix(in srgb, var(--accent) ${Math.round(8 + 50 * distance / (length - 1))}%, var(--paper))`;
      const group = draw('g', {class: 'cell'}, rect, draw('path', {class: 'cross', d: `M6 6L${CELL - 6} ${CELL - 6}M${CELL - 6} 6L6 ${CELL - 6}`}));
      const label_ = draw('text', {x: CELL / 2, y: CELL / 2, dy: '0.35em', 'text-anchor': 'middle'});
      label_.textContent = text;
      group.append(label_);
      svg.lastChild.append(group);
      cells.set(label, group);
    };
    products.forEach((line, i) => line.forEach((v, r) => add(i * length + r, number(v, 1), r)));
    for (const label of pads(length)) add(label, '0', null);
    small();
  };

  // Q and the transposed E_r, before they are multiplied.
  const small = () => {
    const {queries, embeddings} = props.value, size = 23, group = svg.querySelector('.inputs');
    const grid = (values, x, y, name, names, above) => {
      group.append(Object.assign(draw('text', {x, y: y - (above ? 30 : 8), class: 'name'}), {textContent: name}));
      values.forEach((line, i) => line.forEach((v, c) => {
        const rect = draw('rect', {x: x + c * size, y: y + i * size, width: size - 1, height: size - 1, rx: 2});
        rect.style.fill = `color-mix(in srgb, var(${v < 0 ? '--reference' : '--model'}) ${Math.round(Math.min(55, 28 * Math.abs(v)))}%, var(--paper))`;
        const text = draw('text', {x: x + (c + 0.5) * size, y: y + (i + 0.5) * size, dy: '0.35em', 'text-anchor': 'middle', class: 'tiny'});
        text.textContent = number(v, 1);
        group.append(rect, text);
      }));
      names.forEach((one, i) => {
        const at = above ? {x: x + (i + 0.5) * size, y: y - 8, 'text-anchor': 'middle'} : {x: x - 5, y: y + (i + 0.5) * size, dy: '0.35em', 'text-anchor': 'end'};
        group.append(Object.assign(draw('text', {...at, class: 'tiny head'}), {textContent: one}));
      });
    };
    const transposed = embeddings[0].map((_, c) => embeddings.map(line => line[c]));
    const distances = embeddings.map((_, r) => number(r - embeddings.length + 1, 0));
    grid(queries, 52, 62, words.queries, props.value.words.map(clip), false);
    grid(transposed, 208, 62, words.embeddings, distances, true);
  };
  const clip = word => word.length > 7 ? word.slice(0, 6) + '…' : word;

  const heads = (columns, rows, x0 = LEFT, top = TOP) => {
    const group = svg.querySelector('.heads');
    group.replaceChildren();
    const text = (content, at) => group.append(Object.assign(draw('text', at), {textContent: content}));
    columns.forEach((word, c) => word && text(word, {x: x0 + (c + 0.5) * CELL, y: top - 8, 'text-anchor': 'middle'}));
    rows.forEach((word, i) => word && text(word, {x: x0 - 5, y: top + (i + 0.5) * CELL, dy: '0.35em', 'text-anchor': 'end'}));
  };

  const show = () => {
    if (!props.value?.products) return;
    const {length, product, padded, reshaped, memory} = placed();
    const kind = STEPS[step], seen = props.value.words.map(clip);
    const distances = seen.map((_, r) => number(r - length + 1, 0));
    svg.querySelector('.inputs').style.opacity = kind === 'inputs' ? 1 : 0;
    const narrow = (WIDTH - 8) / (length * (length + 1));
    for (const [label, group] of cells) {
      const isPad = String(label).startsWith('pad');
      let place = null, covered = false;
      if (['product', 'reach'].includes(kind)) place = product.get(label);
      if (kind === 'pad') place = padded.get(label);
      if (kind === 'memory') place = [0, memory.get(label)];
      if (kind === 'reshape') place = reshaped.get(label);
      if (['slice', 'mask'].includes(kind)) {
        const [i, c] = reshaped.get(label);
        place = i ? [i - 1, c] : null;
        covered = place && kind === 'mask' && c > i - 1;
      }
      const [row, column] = place || [-1, padded.get(label)[1]];
      let [x, y] = [LEFT + column * CELL, TOP + row * CELL];
      let size = '';
      if (kind === 'memory') {
        [x, y] = [4 + column * narrow, TOP + 2.5 * CELL];
        size = ` scale(${narrow / CELL}, 0.9)`;
      }
      group.style.transform = `translate(${x}px, ${y}px)${size}`;
      group.style.opacity = covered ? 0.13 : place ? 1 : 0;
      const unreachable = !isPad && !props.value.reachable[Math.floor(label / length)][label % length];
      group.classList.toggle('crossed', unreachable && kind !== 'product' && kind !== 'inputs' && kind !== 'memory' && !covered);
      group.classList.toggle('quiet', kind === 'memory');
    }
    const none = [];
    const columns = {product: distances, reach: distances, pad: ['', ...distances], slice: seen, mask: seen}[kind] || none;
    heads(columns, kind === 'inputs' || kind === 'memory' || kind === 'reshape' ? none : seen);
    position.value = String(step);
    back.disabled = step === 0;
    next.disabled = step === STEPS.length - 1;
    const sizes = {L: length, L1: length + 1, last: length - 1, D: props.value.queries[0].length};
    summary.textContent = `${step + 1}/${STEPS.length} ${fill(words[`step_${kind}`], sizes)}`;
    svg.setAttribute('aria-label', summary.textContent);
    host.dataset.step = kind;
  };

  const stop = () => {
    clearTimeout(timer);
    timer = null;
    play.textContent = '▶ ' + words.play;
    host.dataset.playing = '0';
  };
  const go = to => { step = Math.max(0, Math.min(STEPS.length - 1, to)); show(); };
  const tick = () => {
    if (!element.isConnected || step === STEPS.length - 1) return stop();
    go(step + 1);
    timer = setTimeout(tick, PAUSE_MS);
  };
  play.onclick = () => {
    if (timer) return stop();
    if (step === STEPS.length - 1) go(0);
    play.textContent = '■ ' + words.stop;
    host.dataset.playing = '1';
    timer = setTimeout(tick, 600);
  };
  back.onclick = () => { stop(); go(step - 1); };
  next.onclick = () => { stop(); go(step + 1); };
  position.oninput = () => { stop(); go(Number(position.value)); };

  const changed = () => {
    if (!props.value?.products) return;
    build();
    show();
    host.dataset.drawn = String(Number(host.dataset.drawn || 0) + 1);
  };
  watch('value', changed);
  if (props.value?.products) changed(); else site.onSight(element, () => trigger('appear', {}));
};
