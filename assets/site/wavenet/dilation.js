// The tree of the dilation cell: nodes of input, hidden layers and output; what an output sees lights up.
// Drawn as SVG with one path for each row and kind, so that ten thousand edges cost no more than ten.
import * as numbers from '/site/wavenet/dilation_numbers.js';

const MOST_EDGES = 6000;  // of the selected cone; beyond that every n-th path is drawn, and the figure says so
const MOST_FAINT = 2600;  // the paths of all the other outputs are drawn only where they can be told apart
const LABELS = 98;
const count = n => n.toLocaleString('en-US');
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? '');
const make = (tag, options = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), options);
  node.append(...children);
  return node;
};

export const open = ({element, props, watch}) => {
  const {words, networks} = props;
  const state = {causal: true, input: false, zoom: 0, column: null, row: null, playing: null, until: null, network: null};
  const ui = build(element, words);
  let view = {};

  const settings = () => {
    const v = props.value || {};
    const whole = (x, low, high, otherwise) => Math.min(high, Math.max(low, Math.round(Number(x) || otherwise)));
    return {layers: whole(v.layers, 1, 30, 4), kernel: whole(v.kernel, 2, 4, 2), cycle: whole(v.cycle, 1, 10, 4)};
  };

  // What is drawn, from the sliders and the toggles.
  const measure = () => {
    const s = settings();
    const cone = numbers.cone(s, state.causal, state.input);
    const low = cone[0][0];
    const high = cone[0][cone[0].length - 1];
    const seen = high - low + 1;
    const columns = seen + Math.min(40, Math.max(7, Math.round(seen / 3)));
    const first = -low;  // the first output whose whole cone is in the picture
    const last = columns - 1 - high;
    const width = Math.max(220, ui.scroll.clientWidth - 4);
    const fit = Math.min(30, (width - 16) / columns);
    const pitch = fit * (Math.max(fit, 24) / fit) ** (state.zoom / 100);
    const rows = cone.length;
    const step = Math.max(20, Math.min(58, 430 / rows));
    return {s, cone, low, high, seen, columns, first, last, pitch, rows, step, fit, widthPx: columns * pitch + 16,
      heightPx: (rows - 1) * step + 62, dilations: numbers.convolutions(s, state.input)};
  };
  const x = column => 8 + (column + 0.5) * view.pitch;
  const y = row => 16 + (view.rows - 1 - row) * view.step;

  // Edges of the selected cone: [row above, from column, to column].
  const conePaths = column => {
    const total = view.dilations.reduce((n, _, i) => n + view.cone[i + 1].length * view.s.kernel, 0);
    const most = MOST_EDGES / view.dilations.length;  // the upper rows have few paths and are drawn whole
    let thinnest = 1;
    const rows = view.dilations.map((d, i) => {
      const taps = numbers.taps(view.s.kernel, d, state.causal);
      const above = view.cone[i + 1];
      const every = Math.ceil(above.length * taps.length / most);
      thinnest = Math.max(thinnest, every);
      return above.filter((_, n) => n % every === 0 || n === above.length - 1)
        .map(o => taps.map(tap => [column + o + tap, column + o])).flat();
    });
    return {rows, every: thinnest, total};
  };
  const segment = (row, pairs) =>
    pairs.map(([from, to]) => `M${x(from).toFixed(1)} ${y(row)}L${x(to).toFixed(1)} ${y(row + 1)}`).join('');
  const dots = (row, columns) => columns.map(c => `M${x(c).toFixed(1)} ${y(row)}h0`).join('');
  const path = (d, stroke, width, opacity = 1, cap = 'butt') =>
    d ? `<path d="${d}" fill="none" stroke="var(--${stroke})" stroke-width="${width}" opacity="${opacity}" stroke-linecap="${cap}"/>` : '';

  const background = () => {
    const {columns, dilations, s, rows, pitch} = view;
    const all = Array.from({length: columns}, (_, i) => i);
    const parts = [];
    if (columns * dilations.length * s.kernel <= MOST_FAINT && pitch >= 6) {
      dilations.forEach((d, row) => {
        const pairs = all.flatMap(c => numbers.taps(s.kernel, d, state.causal).map(tap => [c + tap, c]))
          .filter(([from]) => from >= 0 && from < columns);
        parts.push(path(segment(row, pairs), 'line', 1, 0.3));
      });
    }
    for (let row = 0; row < rows; row++) {
      const colour = row === 0 ? 'reference' : row === rows - 1 ? 'model' : 'line';
      parts.push(pitch >= 5
        ? path(dots(row, all), colour, Math.min(9, pitch * 0.5), 0.38, 'round')
        : path(`M${x(0)} ${y(row)}H${x(columns - 1)}`, colour, 3, 0.3, 'round'));
    }
    return parts.join('');
  };

  const lit = column => {
    const {rows: edges, every, total} = conePaths(column);
    const {rows, pitch, cone, s} = view;
    const top = state.until ?? rows - 1;
    const size = Math.max(1.6, Math.min(12, pitch * 0.62));
    const thin = total > 500 ? 0.6 : total > 120 ? 1.1 : 1.8;
    const parts = edges.map((pairs, row) => row < top ? path(segment(row, pairs), 'accent', thin, pairs.length > 300 ? 0.45 : 0.85) : '');
    cone.forEach((offsets, row) => {
      if (row > top) return;
      const past = offsets.filter(o => o <= 0).map(o => column + o);
      const future = offsets.filter(o => o > 0).map(o => column + o);
      const colour = row === 0 ? 'reference' : row === rows - 1 ? 'model' : 'accent';
      parts.push(path(dots(row, past), colour, size, 1, 'round'), path(dots(row, future), 'wrong', size, 1, 'round'));
    });
    if (state.causal && state.playing && top === rows - 1 && column + 1 < view.columns) {  // the sample drawn is fed back
      parts.push(`<path d="M${x(column)} ${y(rows - 1)}C${x(column) + 26} ${y(rows - 1)} ${x(column + 1)} ${y(0) - 60} ${x(column + 1)} ${y(0)}" fill="none" stroke="var(--model)" stroke-width="1.6" stroke-dasharray="4 4"/>`);
    }
    return {svg: parts.join(''), every, s};
  };

  // An input or hidden node lights up the outputs that see it.
  const reverse = () => {
    let columns = [state.column];
    const parts = [path(dots(state.row, columns), 'reference', 12, 1, 'round')];
    for (let row = state.row; row < view.rows - 1; row++) {
      const taps = numbers.taps(view.s.kernel, view.dilations[row], state.causal);
      const pairs = columns.flatMap(c => taps.map(tap => [c, c - tap])).filter(([, to]) => to >= 0 && to < view.columns);
      columns = [...new Set(pairs.map(([, to]) => to))].sort((a, b) => a - b);
      const every = Math.ceil(pairs.length / (MOST_EDGES / view.dilations.length));
      parts.push(path(segment(row, pairs.filter((_, n) => n % every === 0)), 'accent', 1.2, 0.7));
      parts.push(path(dots(row + 1, columns), row + 2 === view.rows ? 'model' : 'accent', Math.max(1.6, Math.min(12, view.pitch * 0.62)), 1, 'round'));
    }
    return {svg: parts.join(''), outputs: columns};
  };

  const axis = column => {
    const {low, high, heightPx} = view;
    const mark = (offset, anchor) => {
      const name = offset === 0 ? 't' : `t ${offset < 0 ? '−' : '+'} ${count(Math.abs(offset))}`;
      const place = Math.max(4, Math.min(view.widthPx - 4, x(column + offset)));
      return `<text x="${place}" y="${heightPx - 14}" text-anchor="${anchor}" font-size="13" fill="var(--muted)">${name}</text>`;
    };
    const left = x(column + low) < 40 ? 'start' : 'middle';
    return `<path d="M${x(column + low)} ${heightPx - 32}V${heightPx - 38}H${x(column + high)}V${heightPx - 32}" fill="none" stroke="var(--reference)" stroke-width="1.5"/>`
      + (low < 0 ? mark(low, left) : '') + (high > 0 ? mark(high, 'middle') : '')
      + ((low < 0 && -low * view.pitch < 80) || (high > 0 && high * view.pitch < 60) ? '' : mark(0, 'middle'));
  };

  const draw = () => {
    view = measure();
    if (state.row === null || state.row >= view.rows) state.row = view.rows - 1;
    if (state.column === null) state.column = state.causal ? view.last : Math.round((view.first + view.last) / 2);
    const top = state.row === view.rows - 1;
    state.column = top ? Math.min(view.last, Math.max(view.first, state.column)) : Math.min(view.columns - 1, Math.max(0, state.column));
    const chosen = top ? lit(state.column) : reverse();
    ui.svg.setAttribute('viewBox', `0 0 ${view.widthPx} ${view.heightPx}`);
    ui.svg.setAttribute('width', view.widthPx);
    ui.svg.setAttribute('height', view.heightPx);
    ui.svg.innerHTML = background() + chosen.svg + (top ? axis(state.column) : '');
    labels();
    say(top, chosen);
    ui.svg.setAttribute('aria-label', ui.summary.textContent);
    tell();
    ui.root.dataset.column = String(state.column);
    ui.root.dataset.seen = String(view.seen);
    ui.root.dataset.columns = String(view.columns);
    ui.root.dataset.drawn = String(Number(ui.root.dataset.drawn || 0) + 1);
    ui.zoom.disabled = view.fit >= 24;
  };

  const labels = () => {
    ui.labels.style.height = view.heightPx + 'px';
    const skip = view.step < 24 && view.rows > 22 ? 2 : 1;
    ui.labels.replaceChildren(...view.cone.map((_, row) => {
      const last = row === view.rows - 1;
      const name = row === 0 ? words.row_input : last ? `${words.row_output} · d ${view.dilations[row - 1]}`
        : state.input && row === 1 ? words.row_embedding : `d ${view.dilations[row - 1]}`;
      const label = make('span', {textContent: row && !last && row % skip ? '' : name});
      label.style.top = `${y(row)}px`;
      label.dataset.kind = row === 0 ? 'input' : last ? 'output' : 'hidden';
      return label;
    }));
  };

  const ms = samples => (1000 * samples / numbers.SAMPLE_RATE_HZ).toFixed(2);
  const say = (top, chosen) => {
    if (!top) {
      const [from, to] = [chosen.outputs[0], chosen.outputs[chosen.outputs.length - 1]];
      ui.summary.textContent = fill(words.summary_reverse, {row: state.row, column: state.column, from, to, n: count(chosen.outputs.length)});
      return;
    }
    const future = view.high;
    const text = fill(future ? words.summary_future : words.summary, {
      column: count(state.column), from: count(state.column + view.low), to: count(state.column + view.high),
      n: count(view.seen), ms: ms(view.seen), future: count(future)});
    const notes = [];
    if (chosen.every > 1) notes.push(fill(words.every, {n: chosen.every}));
    if (view.pitch < 5) notes.push(words.aggregated);
    if (view.widthPx > ui.scroll.clientWidth + 8) notes.push(words.scroll);
    ui.summary.textContent = [text, ...notes].join(' ');
  };

  // Formula and table beside the tree.
  const tell = () => {
    const {s} = view;
    const w = networks[props.value?.network] || networks.lecture;
    const r = numbers.reach(s);
    ui.formula.innerHTML = `<div><i>r</i> = 1 + (<i>K</i> − 1) · Σ<i>d</i> = 1 + (${s.kernel} − 1) · ${numbers.sumOfDilations(s)}`
      + ` = <b class="reach">${count(r)}</b> ${words.samples} = <b class="ms">${ms(r)}</b> ms</div>`
      + `<div class="quiet">${fill(words.with_input, {more: s.kernel - 1, n: count(numbers.networkReach(s)), ms: ms(numbers.networkReach(s))})}</div>`;
    const three = numbers.compare(s, w);
    const whole = numbers.network(s, w);
    const ratio = (a, b) => a / b >= 10 ? count(Math.round(a / b)) : (a / b).toFixed(1);
    const line = (key, what) => {
      const base = three.dilated;
      const cells = [words[key], fill(words.shape, {layers: count(what.layers), kernel: count(what.kernel)}), count(what.parameters),
        count(what.products), '× ' + ratio(what.products, base.products)];
      return `<tr data-row="${key}"><th scope="row">${cells[0]}</th>${cells.slice(1).map(c => `<td>${c}</td>`).join('')}</tr>`;
    };
    const heads = ['way', 'form', 'parameters', 'products', 'beside'].map(k => `<th scope="col">${words['head_' + k]}</th>`).join('');
    ui.table.innerHTML = `<table><thead><tr>${heads}</tr></thead><tbody>${line('dilated', three.dilated)}${line('plain', three.plain)}${line('single', three.single)}</tbody></table>`
      + `<p class="quiet">${fill(words.widths, {residual: w.residual, gate: w.gate, skip: w.skip})} ${fill(w.mel ? words.whole_mel : words.whole, {
        parameters: `<b class="network">${count(whole.parameters)}</b>`, products: count(whole.products),
        second: (whole.products * numbers.SAMPLE_RATE_HZ / 1e9).toFixed(whole.products < 60000 ? 2 : 1)})}</p>`;
    ui.root.dataset.numbers = JSON.stringify({reach: r, network_reach: numbers.networkReach(s), ...three, network: whole});
  };

  // Playing, in the manner of the paper's figure 3: row by row up to the output, which becomes the next input.
  const stop = () => {
    clearTimeout(state.playing);
    state.playing = state.until = null;
    ui.play.textContent = '▶ ' + words.play;
    ui.play.setAttribute('aria-pressed', 'false');
    ui.root.dataset.playing = '0';
  };
  const tick = () => {
    if (!element.isConnected) return stop();
    if (state.until < view.rows - 1) state.until += 1;
    else if (state.column < view.last) { state.column += 1; state.until = 0; }
    else { stop(); draw(); return; }
    draw();
    reveal();
    const slow = state.until === view.rows - 1 ? 620 : Math.max(60, 900 / view.rows);
    state.playing = setTimeout(tick, slow);
  };
  const play = () => {
    if (state.playing) { stop(); draw(); return; }
    state.row = view.rows - 1;
    state.column = view.first;
    state.until = -1;
    ui.play.textContent = '■ ' + words.stop;
    ui.play.setAttribute('aria-pressed', 'true');
    ui.root.dataset.playing = '1';
    tick();
  };

  const reveal = () => {  // keep the selected column in sight
    const at = x(state.column);
    const box = ui.scroll;
    if (at < box.scrollLeft + 20 || at > box.scrollLeft + box.clientWidth - 20) box.scrollLeft = at - box.clientWidth * 0.75;
  };
  const choose = (column, row) => {
    stop();
    state.column = column;
    state.row = row;
    draw();
    reveal();
  };
  ui.svg.onclick = event => {
    const box = ui.svg.getBoundingClientRect();
    const column = Math.round((event.clientX - box.left - 8) / view.pitch - 0.5);
    const row = Math.round(view.rows - 1 - (event.clientY - box.top - 16) / view.step);
    choose(column, Math.min(view.rows - 1, Math.max(0, row)));
  };
  ui.scroll.onkeydown = event => {
    const move = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1], Home: [-1e6, 0], End: [1e6, 0]}[event.key];
    if (!move) return;
    event.preventDefault();
    choose(state.column + move[0], Math.min(view.rows - 1, Math.max(0, state.row + move[1])));
  };
  ui.play.onclick = play;
  ui.causal.onchange = () => { stop(); state.causal = ui.causal.checked; state.row = state.column = null; draw(); };
  ui.input.onchange = () => { stop(); state.input = ui.input.checked; state.row = state.column = null; draw(); };
  ui.zoom.oninput = () => { state.zoom = Number(ui.zoom.value); draw(); reveal(); };
  const changed = () => {
    stop();
    state.row = state.column = null;
    const name = props.value?.network;
    if (name && name !== state.network) {  // the live networks have an input convolution; the lecture draws none
      state.network = name;
      state.input = ui.input.checked = Boolean(networks[name]?.input);
    }
    draw();
    ui.scroll.scrollLeft = ui.scroll.scrollWidth;
  };
  watch('value', changed);
  exports(ui, words, props.name, () => view);
  let width = 0;
  new ResizeObserver(() => {
    if (ui.scroll.clientWidth && ui.scroll.clientWidth !== width) { width = ui.scroll.clientWidth; draw(); }
  }).observe(ui.scroll);
  changed();
};

const build = (element, words) => {
  const link = make('link', {rel: 'stylesheet', href: '/site/wavenet/dilation.css'});
  const root = make('div', {className: 'tree'});
  const labels = make('div', {className: 'tree-labels'});
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('role', 'img');
  const scroll = make('div', {className: 'tree-scroll', tabIndex: 0}, svg);
  scroll.setAttribute('role', 'group');
  scroll.setAttribute('aria-label', words.keys);
  const playButton = make('button', {type: 'button', className: 'tree-play', textContent: '▶ ' + words.play});
  const box = (text, checked) => {
    const input = make('input', {type: 'checkbox', checked});
    return [input, make('label', {}, input, ' ' + text)];
  };
  const [causal, causalLabel] = box(words.causal, true);
  const [input, inputLabel] = box(words.input_convolution, false);
  const zoom = make('input', {type: 'range', min: '0', max: '100', step: '5', value: '0'});
  const zoomLabel = make('label', {className: 'tree-zoom'}, words.zoom + ' ', zoom);
  const summary = make('p');
  summary.setAttribute('aria-live', 'polite');
  const save = make('div', {className: 'plot-export'});
  const formula = make('div', {className: 'tree-formula'});
  const table = make('div', {className: 'tree-table', tabIndex: 0});
  table.setAttribute('role', 'region');
  table.setAttribute('aria-label', words.table);
  root.append(link,
    make('div', {className: 'tree-bar'}, playButton, causalLabel, inputLabel, zoomLabel),
    make('div', {className: 'tree-figure'}, labels, scroll),
    make('div', {className: 'plot-caption'}, summary, save),
    make('p', {className: 'quiet', textContent: words.keys}), formula, table);
  labels.style.width = LABELS + 'px';
  element.append(root);
  return {root, labels, svg, scroll, play: playButton, causal, input, zoom, summary, save, formula, table};
};

// PNG, SVG, JSON: the picture with the colours of the moment written into it.
const exports = (ui, words, name, view) => {
  const hand = (file, blob) => {
    const link = make('a', {href: URL.createObjectURL(blob), download: file});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const text = () => {
    const style = getComputedStyle(ui.root);
    const copy = ui.svg.cloneNode(true);
    copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
    copy.setAttribute('font-family', 'Pretendard, sans-serif');
    return copy.outerHTML.replace(/var\((--[\w-]+)\)/g, (_, key) => style.getPropertyValue(key).trim());
  };
  const actions = {
    png: () => {
      const image = new Image();
      image.onload = () => {
        const scale = Math.min(2, 12000 / view().widthPx);
        const canvas = make('canvas', {width: view().widthPx * scale, height: view().heightPx * scale});
        const pen = canvas.getContext('2d');
        pen.fillStyle = getComputedStyle(ui.root).getPropertyValue('--paper');
        pen.fillRect(0, 0, canvas.width, canvas.height);
        pen.drawImage(image, 0, 0, canvas.width, canvas.height);
        canvas.toBlob(blob => hand(name + '.png', blob));
      };
      image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(text());
    },
    svg: () => hand(name + '.svg', new Blob([text()], {type: 'image/svg+xml'})),
    data: () => hand(name + '.json', new Blob([ui.root.dataset.numbers], {type: 'application/json'})),
  };
  for (const kind of Object.keys(actions)) {
    ui.save.append(Object.assign(make('button', {type: 'button', textContent: words[kind], onclick: actions[kind]})));
  }
};
