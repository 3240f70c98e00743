// Which bins one bin may see, in which stack; after a click also how much each of them does. Value: {run, frames, bands,
// tiers, low, high, start: [frame, band], levels: bytes, influence: {at, levels, largest, decades, text} or null}.
import {bytes, csv, el, exporting, save, stylesheet} from '/site/painting.js';
import {mixed, paint, placeOf, rgb} from '/site/melnet/grid.js';

const AXIS = 20, DECIBELS = 20 / Math.log(10);
const OF = {frequency_delayed: '--model', time_delayed: '--reference', centralised: '--tier-5', before: '--accent'};

export const start = (element, props, trigger, watch) => {
  stylesheet('/site/melnet/tiers.css');
  const words = props.words;
  const root = el('div', 'see-view');
  root.setAttribute('role', 'group');
  root.setAttribute('aria-label', words.label);
  const stacks = el('div', 'stacks');
  const modes = el('div', 'stacks');
  const canvas = el('canvas', 'picture');
  canvas.tabIndex = 0;
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', words.label);
  const line = el('p', 'at');
  line.setAttribute('aria-live', 'polite');
  const counts = el('p', 'at');
  const status = el('p', 'state');
  status.setAttribute('role', 'status');
  const exports = el('div', 'plot-export');
  root.append(modes, stacks, canvas, line, counts, el('div', 'foot', status, exports));
  element.append(root);

  let now = null, levels = null, places = [];
  let spot = null;    // the bin whose view is shown
  let pinned = false; // after a click: then the pointer only asks about the bins it is on
  let over = null;    // the bin under the pointer
  let mode = 'may', hidden = new Set();
  const makeButton = (box, name, text, act) => {
    const button = el('button', name, text);
    Object.assign(button, {type: 'button', onclick: act});
    box.append(button);
    return button;
  };
  const modeButtons = Object.fromEntries(['may', 'how_much'].map(name =>
    [name, makeButton(modes, 'mode ' + name, words[name], () => { mode = name; draw(); })]));
  const stackButtons = Object.fromEntries(props.stacks.map(name => {
    const button = makeButton(stacks, 'stack ' + name, words[name], () => {
      hidden.has(name) ? hidden.delete(name) : hidden.add(name);
      draw();
    });
    button.style.setProperty('--of', `var(${OF[name]})`);
    return [name, button];
  }));

  const receive = () => {
    const value = props.value;
    if (!value || !value.run) return;
    if (!now || now.run !== value.run) {
      levels = bytes(value.levels);
      places = [];
      for (let t = 0; t < value.frames; t++) for (let f = 0; f < value.bands; f++) places.push(placeOf(t, f, value.tiers));
      if (!spot) spot = {t: value.start[0], f: value.start[1]};
    }
    now = value;
    now.strength = value.influence ? bytes(value.influence.levels) : null;
    if (value.influence && mode === 'may' && root.dataset.asked === '1') mode = 'how_much';
    root.dataset.influence = value.influence ? value.influence.at.join() : '';
    exports.querySelectorAll('button').forEach(b => { b.disabled = false; });
    draw();
  };
  const stackOf = (t, f) => {  // the stack that reads this bin for the one in `spot`; '' for none
    const [tier, i, j] = places[spot.t * now.bands + spot.f], [other, m, n] = places[t * now.bands + f];
    if (other < tier) return 'before';
    if (other === tier && m < i) return 'time_delayed';
    if (other === tier && m === i && n < j) return 'frequency_delayed';
    return '';
  };
  const measured = () => now.influence && spot && now.influence.at[0] === spot.t && now.influence.at[1] === spot.f;
  const draw = () => {
    if (!now) return;
    const css = getComputedStyle(root), paper = rgb(css.getPropertyValue('--paper')), ink = rgb(css.getPropertyValue('--muted'));
    const colours = Object.fromEntries(props.stacks.map(name => [name, rgb(css.getPropertyValue(OF[name]))]));
    const [tier] = places[spot.t * now.bands + spot.f];
    const much = mode === 'how_much' && measured();
    const count = {frequency_delayed: 0, time_delayed: 0, centralised: 0, before: 0};
    const image = paint(now.frames, now.bands, (t, f) => {
      const k = t * now.bands + f;
      let stack = stackOf(t, f);
      if (stack) count[stack]++;
      if (stack === 'time_delayed' && tier === 1) {
        count.centralised++;
        if (hidden.has('time_delayed') || (t / 4) % 2) stack = hidden.has('centralised') ? stack : 'centralised';
      }
      if (!stack || hidden.has(stack)) return mixed(paper, ink, much ? 0.03 : 0.05 + 0.3 * levels[k] / 255);
      return mixed(paper, colours[stack], much ? now.strength[k] / 255 : 0.22 + 0.78 * levels[k] / 255);
    });
    const ratio = Math.min(2, devicePixelRatio || 1), wide = Math.max(120, canvas.clientWidth || 300);
    const tall = Math.round(Math.min(440, Math.max(260, wide * 0.5))) + AXIS;
    canvas.style.height = tall + 'px';
    canvas.width = wide * ratio;
    canvas.height = tall * ratio;
    const pen = canvas.getContext('2d');
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(image, 0, 0, wide, tall - AXIS);
    const unit = wide / now.frames, high = (tall - AXIS) / now.bands;
    const mark = (bin, colour, width) => {
      pen.strokeStyle = css.getPropertyValue(colour);
      pen.lineWidth = width;
      pen.strokeRect(bin.t * unit - 1, (now.bands - 1 - bin.f) * high - 1, unit + 2, high + 2);
    };
    mark(spot, '--paper', 5);
    mark(spot, '--ink', 2.5);
    if (over && (over.t !== spot.t || over.f !== spot.f)) mark(over, '--muted', 1.5);
    pen.fillStyle = css.getPropertyValue('--muted');
    pen.font = '11px Pretendard, sans-serif';
    pen.textBaseline = 'top';
    for (let s = 0; s < now.frames / 80; s += 0.25) {
      pen.fillRect(s * 80 * unit, tall - AXIS, 1, 4);
      pen.fillText(`${s} s`, s * 80 * unit + 3, tall - AXIS + 5);
    }
    for (const [name, button] of Object.entries(stackButtons)) {
      button.setAttribute('aria-pressed', String(!hidden.has(name)));
      button.disabled = count[name] === 0;
      button.textContent = `${words[name]}: ${count[name].toLocaleString('en')}`;
      button.dataset.count = String(count[name]);
    }
    for (const [name, button] of Object.entries(modeButtons)) button.setAttribute('aria-pressed', String(mode === name));
    modeButtons.how_much.disabled = !measured();
    Object.assign(root.dataset, {spot: `${spot.t},${spot.f}`, tier: String(tier), mode: much ? 'how_much' : 'may'});
    tell(count);
  };
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  const tell = count => {
    const [tier, i, j] = places[spot.t * now.bands + spot.f];
    const seen = count.frequency_delayed + count.time_delayed + count.before;
    line.textContent = fill(words.bin, {tier, i: i + 1, j: j + 1, frame: spot.t + 1, band: spot.f + 1,
      value: ((now.low + levels[spot.t * now.bands + spot.f] / 255 * (now.high - now.low)) * DECIBELS).toFixed(1)})
      + ' ' + fill(words.counts, {seen: seen.toLocaleString('en'), all: (now.frames * now.bands).toLocaleString('en')});
    counts.textContent = '';
    if (over && (over.t !== spot.t || over.f !== spot.f)) {
      const stack = stackOf(over.t, over.f), k = over.t * now.bands + over.f;
      const both = stack === 'time_delayed' && tier === 1 ? words.time_delayed + ' + ' + words.centralised : words[stack];
      counts.textContent = fill(words.reach, {frame: over.t + 1, band: over.f + 1, tier: places[k][0], stack: stack ? both : words.outside})
        + (measured() && stack ? ' ' + fill(words.influence, {value: strengthAt(k)}) : '');
    }
    status.textContent = measured() ? now.influence.text : words.hint;
  };
  const strengthAt = k => {
    const {largest, decades} = now.influence, value = largest * 10 ** (decades * (now.strength[k] / 255 - 1));
    return (now.strength[k] ? '' : '< ') + value.toPrecision(2);
  };

  const binAt = event => {
    const box = canvas.getBoundingClientRect();
    const t = Math.floor((event.clientX - box.left) / box.width * now.frames);
    const f = Math.floor((1 - (event.clientY - box.top) / (box.height - AXIS)) * now.bands);
    return t >= 0 && t < now.frames && f >= 0 && f < now.bands ? {t, f} : null;
  };
  const pick = bin => {
    [spot, pinned] = [bin, true];
    root.dataset.asked = '1';
    draw();
    trigger('select', {index: [bin.t, bin.f], value: bin.t});
  };
  canvas.onpointermove = event => {
    if (!now) return;
    const bin = binAt(event);
    if (!bin || (over && bin.t === over.t && bin.f === over.f)) return;
    over = bin;
    if (!pinned) spot = bin;
    draw();
  };
  canvas.onpointerleave = () => { over = null; if (now) draw(); };
  canvas.onclick = event => {
    const bin = now && binAt(event);
    if (!bin) return;
    if (pinned && bin.t === spot.t && bin.f === spot.f) { pinned = false; draw(); } else pick(bin);
  };
  canvas.onkeydown = event => {
    const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key];
    if (event.key === 'Enter' && now) pick(spot);
    if (!way || !now) return;
    spot = {t: Math.min(now.frames - 1, Math.max(0, spot.t + way[0])), f: Math.min(now.bands - 1, Math.max(0, spot.f + way[1]))};
    draw();
    event.preventDefault();
  };
  const table = () => {
    const rows = [['frame', 'band', 'tier', 'stack', 'influence']];
    for (let t = 0; t < now.frames; t++) for (let f = 0; f < now.bands; f++) {
      const k = t * now.bands + f, stack = stackOf(t, f);
      rows.push([t, f, places[k][0], stack, measured() && stack ? strengthAt(k) : '']);
    }
    return rows;
  };
  exporting(exports, {
    png: () => canvas.toBlob(blob => save(props.name + '.png', blob)),
    csv: () => save(props.name + '.csv', csv(table())),
  }, words, true);
  status.textContent = words.waiting;
  watch('value', receive);
  site.onTheme(element, draw);
  new ResizeObserver(draw).observe(root);
  receive();
  site.onSight(element, () => trigger('appear', {}));
};
