// A piano roll that grows while a network plays: notes in the colours of their parts, a play head, arcs of attention.
// Value: {run, state, facts, parts: [label, …], notes: [[start ms, end ms, pitch, velocity, part], …], split_s,
// arcs: {of: note, heads, rows: [[note, head, weight], …], text} or null, takes: [notes, …], names: [label, …]}. notes only
// grows within one run. Where there are takes, one is shown: the one that the player plays, or the one chosen here.
import {csv, el, exporting, save, stylesheet} from '/site/painting.js';

const LEFT = 34, TOP = 10, BOTTOM = 24, ROW = 5, LEAST_PX_PER_S = 42, MOST_PX = 16000;
const PARTS = ['--reference', '--model', '--accent', '--right', '--roll-violet', '--roll-ochre', '--muted'];
const NAMES = ['C', 'C♯', 'D', 'E♭', 'E', 'F', 'F♯', 'G', 'A♭', 'A', 'B♭', 'B'];
const BLACK = [1, 3, 6, 8, 10];
const pitchName = p => NAMES[p % 12] + (Math.floor(p / 12) - 1);

export const start = (element, props, trigger, watch) => {
  stylesheet('/site/transformer/roll.css');
  const words = props.words;
  const root = el('div', 'roll-view');
  const scroller = el('div', 'roll-scroll');
  const canvas = el('canvas', 'picture');
  canvas.tabIndex = 0;
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', words.label);
  scroller.append(canvas);
  const line = el('p', 'at');
  line.setAttribute('aria-live', 'polite');
  const legend = el('div', 'roll-legend');
  const status = el('p', 'state');
  status.setAttribute('role', 'status');
  const exports = el('div', 'plot-export');
  root.append(scroller, line, legend, el('div', 'foot', status, exports));
  element.append(root);

  let centred = -1;  // the note whose arcs were brought into view last
  let now = null, at = -1, head = -1, hidden = new Set();  // at: note pointed at; head: seconds that are heard
  let take = 0;  // which of the takes is shown
  const css = name => getComputedStyle(root).getPropertyValue(name).trim();
  const colour = part => css(PARTS[part % PARTS.length]);
  const headColour = h => `hsl(${(h * 137 + 20) % 360} 62% ${site.isDark() ? 68 : 42}%)`;

  const receive = () => {
    const value = props.value;
    if (!value || !value.run) {
      now = null;
      root.dataset.state = 'idle';
      status.textContent = words.idle;
      line.textContent = '';
      legend.replaceChildren();
      draw();
      return;
    }
    if (!now || now.run !== value.run) { at = -1; head = -1; hidden = new Set(); scroller.scrollLeft = 0; take = 0; }
    const names = value.names || [];
    take = Math.min(take, Math.max(0, names.length - 1));
    now = names.length ? {...value, notes: value.takes[take]} : value;
    root.dataset.run = String(value.run);
    root.dataset.run = String(value.run);
    root.dataset.state = value.state;
    root.dataset.notes = String(now.notes.length);
    root.dataset.take = String(take);
    root.dataset.arcs = String(value.arcs ? value.arcs.rows.length : 0);
    status.textContent = value.facts || words[value.state] || '';
    canvas.setAttribute('aria-label', `${words.label}. ${status.textContent}`);
    exports.querySelectorAll('button').forEach(b => { b.disabled = !now.notes.length; });
    explain();
    draw();
    if (value.arcs && value.notes[value.arcs.of] && value.arcs.of !== centred) {  // bring the note and what lies before it into view
      centred = value.arcs.of;
      scroller.scrollLeft = x(value.notes[centred][0]) - 0.75 * scroller.clientWidth;
    }
    if (value.state === 'running') scroller.scrollLeft = scroller.scrollWidth;
  };

  const explain = () => {  // the legend: parts, or the heads of the arcs, each a switch
    legend.replaceChildren();
    if (!now) return;
    (now.names || []).forEach((name, i) => {
      const button = el('button', 'take', name);
      button.type = 'button';
      button.setAttribute('aria-pressed', String(i === take));
      button.onclick = () => { show(i); legend.children[i].focus(); tellPlayer(i); };
      legend.append(button);
    });
    if (now.arcs && now.arcs.heads) {
      for (let h = 0; h < now.arcs.heads; h++) {
        const button = el('button', 'head', words.head.replace('{head}', h + 1));
        button.type = 'button';
        button.style.setProperty('--of', headColour(h));
        button.setAttribute('aria-pressed', String(!hidden.has(h)));
        button.onclick = () => { hidden.has(h) ? hidden.delete(h) : hidden.add(h); explain(); draw(); };
        legend.append(button);
      }
    } else if (now.parts.length > 1) {
      const heard = new Set(now.notes.map(note => note[4]));
      now.parts.forEach((label, i) => {
        if (!heard.has(i)) return;
        const mark = el('span', 'part', label);
        mark.style.setProperty('--of', colour(i));
        legend.append(mark);
      });
    }
    line.textContent = at >= 0 ? describe(at) : now.arcs && now.arcs.text || (props.clickable ? words.hint : '');
  };
  const describe = i => {
    const [from, to, pitch, velocity, part] = now.notes[i];
    return words.note.replace('{pitch}', pitchName(pitch)).replace('{start}', (from / 1000).toFixed(2))
      .replace('{length}', ((to - from) / 1000).toFixed(2)).replace('{velocity}', velocity)
      .replace('{part}', now.parts[part] || '');
  };

  const show = i => { if (i !== take && now && i < (now.names || []).length) { take = i; at = -1; receive(); } };
  const players = () => (props.follows || []).map(id => document.getElementById(id)?.querySelector('.player')).filter(Boolean);
  const tellPlayer = i => players().forEach(player => {
    if (player.dataset.track !== String(i)) player.querySelectorAll('.choice')[i]?.click();
  });

  let scale = 60, low = 48, high = 84, wide = 600, tall = 240;
  const x = ms => LEFT + ms / 1000 * scale;
  const y = pitch => TOP + (high - pitch) * ROW;
  const layout = () => {
    const notes = now ? now.notes : [];
    low = Math.min(48, ...notes.map(n => n[2])) - 2;
    high = Math.max(84, ...notes.map(n => n[2])) + 2;
    const seconds = Math.max(8, notes.length ? Math.max(...notes.map(n => n[1])) / 1000 + 0.5 : 8);
    const visible = Math.max(240, scroller.clientWidth || 600);
    scale = Math.max((visible - LEFT - 8) / seconds, Math.min(LEAST_PX_PER_S, (MOST_PX - LEFT) / seconds));
    wide = Math.round(LEFT + seconds * scale + 8);
    tall = TOP + (high - low + 1) * ROW + BOTTOM;
    return seconds;
  };
  const draw = () => {
    const seconds = layout();
    const ratio = Math.min(devicePixelRatio || 1, wide > 6000 ? 1 : 2);
    canvas.style.width = wide + 'px';
    canvas.style.height = tall + 'px';
    canvas.width = wide * ratio;
    canvas.height = tall * ratio;
    const pen = canvas.getContext('2d');
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const [muted, rule, accent, shade, ink] = ['--muted', '--rule', '--accent', '--code', '--ink'].map(css);
    for (let p = low; p <= high; p++) {
      if (BLACK.includes(((p % 12) + 12) % 12)) { pen.fillStyle = shade; pen.fillRect(LEFT, y(p), wide - LEFT, ROW); }
    }
    pen.font = '11px Pretendard, sans-serif';
    pen.fillStyle = muted;
    pen.textBaseline = 'middle';
    for (let p = low; p <= high; p++) {
      if (p % 12 === 0) { pen.fillStyle = rule; pen.fillRect(LEFT, y(p) + ROW, wide - LEFT, 1); pen.fillStyle = muted; }
    }
    const tick = [0.5, 1, 2, 5, 10, 20, 60].find(s => s * scale >= 56) || 120;
    pen.textBaseline = 'top';
    for (let s = 0; s <= seconds; s += tick) {
      pen.fillRect(x(s * 1000), tall - BOTTOM, 1, 4);
      pen.fillText(s.toFixed(tick < 1 ? 1 : 0) + ' s', x(s * 1000) + 3, tall - BOTTOM + 6);
    }
    if (!now) { octaves(pen, muted); return; }
    if (now.split_s > 0) {
      pen.strokeStyle = muted;
      pen.setLineDash([4, 4]);
      pen.beginPath(); pen.moveTo(x(now.split_s * 1000), TOP); pen.lineTo(x(now.split_s * 1000), tall - BOTTOM); pen.stroke();
      pen.setLineDash([]);
    }
    const arcs = now.arcs;
    const rows = arcs ? arcs.rows.filter(([, h]) => !hidden.has(h)) : [];
    const colours = now.parts.map((_, i) => colour(i));
    now.notes.forEach(([from, to, pitch, velocity, part], i) => {
      const sounding = head >= 0 && from <= head * 1000 && head * 1000 < to;
      pen.globalAlpha = arcs ? (i === arcs.of ? 1 : 0.35) : 0.35 + 0.65 * velocity / 127;
      pen.fillStyle = sounding || i === at ? accent : colours[part % colours.length] || accent;
      pen.fillRect(x(from), y(pitch), Math.max(2, (to - from) / 1000 * scale - 1), ROW - 1);
    });
    pen.globalAlpha = 1;
    if (arcs && now.notes[arcs.of]) {
      const [from, , pitch] = now.notes[arcs.of];
      const [ax, ay] = [x(from), y(pitch) + ROW / 2];
      rows.forEach(([j, h, weight]) => {
        const other = now.notes[j];
        if (!other) return;
        const [bx, by] = [x(other[0]) + 2, y(other[2]) + ROW / 2];
        pen.strokeStyle = headColour(h);
        pen.globalAlpha = Math.min(1, 0.25 + weight);
        pen.lineWidth = 0.8 + 6 * weight;
        pen.beginPath();
        pen.moveTo(ax, ay);
        pen.quadraticCurveTo((ax + bx) / 2, Math.max(2, Math.min(ay, by) - Math.min(90, Math.abs(ax - bx) / 3)), bx, by);
        pen.stroke();
        pen.globalAlpha = 1;
        pen.fillStyle = headColour(h);
        pen.fillRect(x(other[0]), y(other[2]), Math.max(3, (other[1] - other[0]) / 1000 * scale - 1), ROW - 1);
      });
      pen.lineWidth = 1.5;
      pen.strokeStyle = ink;
      pen.strokeRect(ax - 1, y(pitch) - 1.5, Math.max(4, (now.notes[arcs.of][1] - from) / 1000 * scale + 1), ROW + 2);
      pen.lineWidth = 1;
    }
    if (head >= 0) { pen.fillStyle = accent; pen.fillRect(x(head * 1000), TOP, 2, tall - TOP - BOTTOM); }
    octaves(pen, muted);
  };
  const octaves = (pen, muted) => {  // the names of the Cs, at the left edge of what is in view
    const left = scroller.scrollLeft;
    pen.fillStyle = css('--surface');
    pen.fillRect(left, 0, LEFT - 4, tall - BOTTOM);
    pen.fillStyle = muted;
    pen.font = '11px Pretendard, sans-serif';
    pen.textBaseline = 'middle';
    for (let p = low; p <= high; p++) if (p % 12 === 0) pen.fillText(pitchName(p), left + 4, y(p) + ROW / 2);
  };
  let asked = false;
  scroller.onscroll = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; draw(); });
  };

  const noteAt = event => {
    if (!now) return -1;
    const box = canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    let best = -1, near = 9;
    now.notes.forEach(([from, to, pitch], i) => {
      const dx = px < x(from) ? x(from) - px : px > x(to) ? px - x(to) : 0;
      const dy = Math.abs(py - y(pitch) - ROW / 2);
      if (dx + dy < near) { near = dx + dy; best = i; }
    });
    return best;
  };
  const point = i => { if (i !== at) { at = i; explain(); draw(); } };
  canvas.onpointermove = event => point(noteAt(event));
  canvas.onpointerleave = () => point(-1);
  const choose = i => { if (i >= 0 && props.clickable) trigger('select', {index: i, value: i}); };
  canvas.onclick = event => choose(noteAt(event));
  canvas.onkeydown = event => {
    const move = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (move && now && now.notes.length) {
      const from = at >= 0 ? at : now.arcs ? now.arcs.of : -1;
      point(Math.min(now.notes.length - 1, Math.max(0, from + move)));
      const px = x(now.notes[at][0]);
      if (px < scroller.scrollLeft + LEFT || px > scroller.scrollLeft + scroller.clientWidth - 40) scroller.scrollLeft = px - scroller.clientWidth / 2;
      event.preventDefault();
    }
    if (event.key === 'Enter') choose(at);
  };
  document.addEventListener('site-heard', event => {  // the position of the player that sounds this roll
    const mine = () => (props.follows || []).some(id => document.getElementById(id)?.contains(event.detail.element));
    if (!element.isConnected || !now || !mine()) return;
    if (now.state !== 'running') queueMicrotask(() => {  // the player first writes down which track it is
      show(Number(event.detail.element.querySelector('.player')?.dataset.track || 0));
    });
    head = event.detail.playing ? event.detail.seconds : -1;
    if (head >= 0) {
      const px = x(head * 1000);
      if (px < scroller.scrollLeft + LEFT || px > scroller.scrollLeft + scroller.clientWidth - 20) scroller.scrollLeft = px - LEFT - 20;
    }
    draw();
  });

  const table = () => [['start_s', 'end_s', 'pitch', 'velocity', 'part'],
    ...now.notes.map(([a, b, p, v, part]) => [a / 1000, b / 1000, p, v, now.parts[part] || ''])];
  exporting(exports, {
    png: () => canvas.toBlob(blob => save(props.name + '.png', blob)),
    csv: () => save(props.name + '.csv', csv(table())),
  }, words, true);
  watch('value', receive);
  site.onTheme(element, () => { explain(); draw(); });
  new ResizeObserver(draw).observe(root);
  receive();
  site.onSight(element, () => trigger('appear', {}));
};
