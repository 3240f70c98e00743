// Tokens, the piano roll that they mean, and a keyboard that makes new ones. Pointing at a token lights its note, and
// pointing at a note its tokens. Value: {run, ids, times: [ms of each token], notes: [[start ms, end ms, pitch,
// velocity, place of NOTE_ON, place of what ended it or -1], …], odd: {place: sentence}, facts}.
// Fires 'appear', and 'select' with {index: notes played, value: [[start ms, end ms, pitch, velocity], …]}.
import {el, exporting, save, stylesheet} from '/site/painting.js';
import {keyboard, strike} from '/site/transformer/keyboard.js';

const LEFT = 36, TOP = 8, BOTTOM = 22, LEAST_PX_PER_S = 60, MOST_PX = 16000;
const NAMES = ['C', 'C♯', 'D', 'E♭', 'E', 'F', 'F♯', 'G', 'A♭', 'A', 'B♭', 'B'];
const pitchName = p => NAMES[p % 12] + (Math.floor(p / 12) - 1);
const KINDS = [['on', 'NOTE_ON', 0, 0, 1], ['off', 'NOTE_OFF', 128, 0, 1], ['shift', 'TIME_SHIFT', 256, 10, 10],
  ['velocity', 'SET_VELOCITY', 356, 0, 4]];
const read = id => {  // an event's kind, value and name, as core.midi.events counts them
  const [kind, word, first, lowest, step] = KINDS.findLast(one => id >= one[2]);
  const value = lowest + (id - first) * step;
  return {kind, value, name: `${word}<${value}>`};
};

export const start = (element, props, trigger, watch) => {
  stylesheet('/site/transformer/tokens.css');
  const words = props.words;
  const root = el('div', 'tokens-view');
  root.tabIndex = 0;
  root.setAttribute('role', 'group');
  root.setAttribute('aria-label', words.label);
  const row = el('div', 'row');
  const line = el('p', 'at-line');
  line.setAttribute('aria-live', 'polite');
  const steps = el('div', 'steps');
  const count = el('span', 'count');
  const scroller = el('div', 'scroll');
  const canvas = el('canvas', 'picture');
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', words.label);
  scroller.append(canvas);
  const status = el('p', 'state');
  status.setAttribute('role', 'status');
  const exports = el('div', 'plot-export');
  root.append(row, steps, line, scroller, el('div', 'foot', status, exports));
  element.append(root);

  let now = null, tokens = [], chips = [], begins = new Map(), ends = new Map();
  let at = -1;       // the token that is pointed at, stepped to or heard
  let lit = {tokens: new Set(), notes: new Set(), band: null};
  let stepping = false, heard = -1;
  const css = name => getComputedStyle(root).getPropertyValue(name).trim();

  const take = () => {
    now = props.value && props.value.run ? props.value : null;
    at = -1; heard = -1; stepping = false;
    tokens = now ? now.ids.map(read) : [];
    begins = new Map(); ends = new Map();
    (now ? now.notes : []).forEach((note, k) => { begins.set(note[4], k); if (note[5] >= 0) ends.set(note[5], k); });
    chips = tokens.map((token, i) => {
      const chip = el('span', `token ${token.kind}`, token.name);
      chip.dataset.i = i;
      if (now.odd[i]) { chip.classList.add('odd'); chip.title = now.odd[i]; }
      return chip;
    });
    row.replaceChildren(...chips.flatMap((chip, i) => tokens[i].kind === 'shift' ? [chip, el('br', '')] : [chip]));
    row.scrollTop = 0;
    scroller.scrollLeft = 0;
    root.dataset.state = now ? 'done' : 'idle';
    root.dataset.run = String(now ? now.run : 0);
    root.dataset.tokens = String(tokens.length);
    root.dataset.notes = String(now ? now.notes.length : 0);
    status.textContent = now ? now.facts : words.idle;
    canvas.setAttribute('aria-label', `${words.roll} ${status.textContent}`);
    exports.querySelectorAll('button').forEach(b => { b.disabled = !now; });
    point(-1);
  };

  // What a token has to do with: its note's other token, the notes of a velocity, the time of a shift.
  const related = i => {
    const found = {tokens: new Set(), notes: new Set(), band: null};
    if (!now || i < 0) return found;
    const token = tokens[i];
    found.tokens.add(i);
    if (token.kind === 'shift') found.band = [now.times[i], now.times[i] + token.value];
    if (token.kind === 'velocity') {
      for (let j = i + 1; j < tokens.length && tokens[j].kind !== 'velocity'; j++) {
        if (begins.has(j)) { found.tokens.add(j); found.notes.add(begins.get(j)); }
      }
    }
    const k = token.kind === 'off' ? ends.get(i) : token.kind === 'on' ? begins.get(i) : undefined;
    if (k !== undefined) addNote(found, k);
    return found;
  };
  const addNote = (found, k) => {
    found.notes.add(k);
    found.tokens.add(now.notes[k][4]);
    if (now.notes[k][5] >= 0) found.tokens.add(now.notes[k][5]);
  };
  const explain = i => {
    const {kind, value} = tokens[i];
    const text = words[`is_${kind}`].replace('{value}', value).replace('{pitch}', kind === 'shift' ? '' : pitchName(value))
      .replace('{to}', value + 3).replace('{bin}', value / 4).replace('{shift}', (value / 1000).toFixed(2))
      .replace('{velocity}', begins.has(i) ? now.notes[begins.get(i)][3] : '');
    const place = words.place.replace('{place}', i + 1).replace('{count}', tokens.length)
      .replace('{seconds}', (now.times[i] / 1000).toFixed(2));
    return `${place} ${tokens[i].name}: ${text}${now.odd[i] ? ' ' + now.odd[i] : ''}`;
  };

  const show = found => {
    lit.tokens.forEach(i => chips[i] && chips[i].classList.remove('lit'));
    root.querySelector('.token.at')?.classList.remove('at');
    lit = found;
    lit.tokens.forEach(i => chips[i].classList.add('lit'));
    if (at >= 0) chips[at].classList.add('at');
    root.dataset.at = String(at);
    root.dataset.lit = [...lit.tokens].sort((a, b) => a - b).join(',');
    root.dataset.litNotes = [...lit.notes].sort((a, b) => a - b).join(',');
    count.textContent = now ? `${at + 1} / ${tokens.length}` : '';
    draw();
  };
  const point = (i, {follow = false} = {}) => {
    at = now ? Math.min(i, tokens.length - 1) : -1;
    line.textContent = at >= 0 ? explain(at) : now ? words.hint : words.idle;
    show(related(at));
    if (follow && at >= 0) { inSight(at); timeInSight(now.times[at]); }
  };
  const pointNote = k => {
    if (k < 0) { point(-1); return; }
    const found = related(-1);
    addNote(found, k);
    const [from, to, pitch, velocity, on] = now.notes[k];
    at = -1;
    line.textContent = words.note.replace('{pitch}', pitchName(pitch)).replace('{number}', pitch)
      .replace('{start}', (from / 1000).toFixed(2)).replace('{length}', ((to - from) / 1000).toFixed(2))
      .replace('{velocity}', velocity);
    show(found);
    inSight(on);
  };
  const inSight = i => {  // within the box of tokens; the page itself does not move
    const chip = chips[i];
    if (chip.offsetTop < row.scrollTop || chip.offsetTop + 26 > row.scrollTop + row.clientHeight) {
      row.scrollTop = chip.offsetTop - row.clientHeight / 2;
    }
  };
  const timeInSight = ms => {
    const x = LEFT + ms / 1000 * scale();
    if (x < scroller.scrollLeft + 40 || x > scroller.scrollLeft + scroller.clientWidth - 60) {
      scroller.scrollLeft = x - scroller.clientWidth / 3;
    }
  };

  const seconds = () => now ? Math.max(1, now.notes.reduce((m, n) => Math.max(m, n[1]), 0) / 1000) : 1;
  const scale = () => Math.min((MOST_PX - LEFT) / seconds(),
    Math.max(LEAST_PX_PER_S, ((scroller.clientWidth || 600) - LEFT - 10) / seconds()));
  let low = 60, high = 72, unit = 8;
  const draw = () => {
    const notes = now ? now.notes : [];
    low = Math.min(60, ...notes.map(n => n[2])) - 1;
    high = Math.max(72, ...notes.map(n => n[2])) + 1;
    unit = Math.max(4, Math.min(10, 300 / (high - low + 1)));
    const wide = Math.max(scroller.clientWidth || 300, LEFT + seconds() * scale() + 8);
    const tall = TOP + (high - low + 1) * unit + BOTTOM;
    const ratio = wide * devicePixelRatio > MOST_PX ? 1 : devicePixelRatio || 1;
    canvas.style.width = wide + 'px';
    canvas.style.height = tall + 'px';
    canvas.width = wide * ratio;
    canvas.height = tall * ratio;
    const pen = canvas.getContext('2d');
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const [ink, muted, rule, model, accent, soft] =
      ['--ink', '--muted', '--rule', '--model', '--accent', '--accent-soft'].map(css);
    const y = pitch => TOP + (high - pitch) * unit;
    pen.font = '11px Pretendard, sans-serif';
    pen.textBaseline = 'middle';
    for (let pitch = low; pitch <= high; pitch++) {
      if (pitch % 12) continue;
      pen.fillStyle = rule;
      pen.fillRect(LEFT, y(pitch) + unit, wide, 1);
      pen.fillStyle = muted;
      pen.textAlign = 'right';
      pen.fillText(pitchName(pitch), LEFT - 5, y(pitch) + unit / 2);
    }
    const px = scale() / 1000;
    if (lit.band) {
      pen.fillStyle = soft;
      pen.fillRect(LEFT + lit.band[0] * px, TOP, (lit.band[1] - lit.band[0]) * px, tall - TOP - BOTTOM);
    }
    notes.forEach(([from, to, pitch, velocity, on], k) => {
      const later = stepping && at >= 0 && on > at;  // not there yet
      const box = [LEFT + from * px, y(pitch) + 0.5, Math.max(2, (to - from) * px - 1), unit - 1];
      pen.globalAlpha = later ? 0.12 : 0.35 + 0.65 * velocity / 127;
      pen.fillStyle = lit.notes.has(k) ? accent : model;
      pen.fillRect(...box);
      pen.globalAlpha = 1;
      if (lit.notes.has(k)) { pen.strokeStyle = ink; pen.lineWidth = 1.5; pen.strokeRect(...box); }
    });
    pen.fillStyle = muted;
    pen.textAlign = 'center';
    const every = [0.5, 1, 2, 5, 10, 30].find(s => s * scale() > 55) || 60;
    for (let s = 0; s <= seconds() + 1e-6; s += every) {
      pen.fillRect(LEFT + s * scale(), tall - BOTTOM, 1, 4);
      pen.fillText(`${s} s`, Math.min(wide - 16, LEFT + s * scale() + (s ? 0 : 8)), tall - BOTTOM + 12);
    }
    const head = heard >= 0 ? heard : at >= 0 ? now.times[at] : -1;
    if (head >= 0) { pen.fillStyle = accent; pen.fillRect(LEFT + head * px, TOP, 2, tall - TOP - BOTTOM); }
  };

  const noteAt = event => {
    if (!now) return -1;
    const box = canvas.getBoundingClientRect();
    const ms = (event.clientX - box.left - LEFT) / scale() * 1000;
    const pitch = high - Math.floor((event.clientY - box.top - TOP) / unit);
    return now.notes.findIndex(n => n[2] === pitch && n[0] <= ms + 15 && ms - 15 < n[1]);
  };
  const tokenAt = event => event.target.dataset && event.target.dataset.i !== undefined ? +event.target.dataset.i : -1;
  const sound = i => {
    const k = begins.get(i);
    if (k !== undefined) strike(now.notes[k][2], now.notes[k][3], Math.min(1.5, (now.notes[k][1] - now.notes[k][0]) / 1000));
  };
  row.onpointerover = event => { const i = tokenAt(event); if (i >= 0) { stepping = false; point(i); } };
  row.onpointerleave = () => { if (!stepping) point(-1); };
  row.onclick = event => { const i = tokenAt(event); if (i >= 0) step(i, false); };
  canvas.onpointermove = event => { stepping = false; pointNote(noteAt(event)); };
  canvas.onpointerleave = () => { if (!stepping) point(-1); };
  canvas.onclick = event => { const k = noteAt(event); if (k >= 0) sound(now.notes[k][4]); };

  const step = (i, follow = true) => {
    if (!now || !tokens.length) return;
    stepping = true;
    point(Math.max(0, Math.min(tokens.length - 1, i)), {follow});
    sound(at);
  };
  for (const [name, go] of [['first', () => step(0)], ['back', () => step(at - 1)], ['next', () => step(at + 1)]]) {
    const button = el('button', '', words[name]);
    button.type = 'button';
    button.dataset.step = name;
    button.onclick = go;
    steps.append(button);
  }
  steps.append(count);
  root.onkeydown = event => {
    const move = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (move && event.target === root) { step(at + move); event.preventDefault(); }
  };
  document.addEventListener('site-heard', event => {  // the play head of what the player plays
    const mine = (props.follows || []).some(id => document.getElementById(id)?.contains(event.detail.element));
    if (!element.isConnected || !mine || !now) return;
    if (!event.detail.playing) { if (heard >= 0) { heard = -1; point(-1); } return; }
    stepping = false;
    heard = event.detail.seconds * 1000;
    const found = related(-1);
    now.notes.forEach((n, k) => { if (n[0] <= heard && heard < n[1]) { found.notes.add(k); found.tokens.add(n[4]); } });
    at = -1;
    show(found);
    timeInSight(heard);
    if (found.tokens.size) inSight(Math.max(...found.tokens));
  });

  exporting(exports, {
    png: () => canvas.toBlob(blob => save('tokens.png', blob)),
    txt: () => save('tokens.txt', new Blob([tokens.map(one => one.name).join(' ').replace(/(TIME_SHIFT<\d+>) /g, '$1\n')],
      {type: 'text/plain'})),
  }, words);
  keyboard(root, words, notes => trigger('select', {index: notes.length, value: notes}));
  watch('value', take);
  site.onTheme(element, draw);
  new ResizeObserver(draw).observe(scroller);
  take();
  site.onSight(element, () => trigger('appear', {}));
};
