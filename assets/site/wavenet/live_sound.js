// Sound that plays while it is made. The value grows: {run, state, total, prime, blocks: [int16 as base64, …], speed,
// facts, picture}. Blocks are scheduled one behind the other on a 16 kHz context, so that nothing is resampled twice.
import {bytes, el, picture, stylesheet} from '/site/painting.js';

const RATE = 16000;
const START_S = 0.25;      // buffered before the first sound, when the network is faster than the sound
const PATIENCE_MS = 1400;  // a slower network is heard from then on all the same, with pauses
const LATE_START_S = 0.1;  // buffered before the first sound in that case
const REFILL_S = 0.6;      // buffered again after a pause

let context = null;
const sound = () => context ||= new AudioContext({sampleRate: RATE, latencyHint: 'playback'});
let clicked = performance.now();
document.addEventListener('pointerdown', () => { if (context) context.resume(); }, true);
document.addEventListener('click', () => { clicked = performance.now(); if (context) context.resume(); }, true);

export const start = (element, props, trigger, watch) => {
  stylesheet('/site/wavenet/live_sound.css');
  sound();
  const words = props.words;
  const root = el('div', 'live');
  const canvas = el('canvas', 'live-picture');
  const made = el('i', 'live-made');    // where the network is
  const heard = el('i', 'live-heard');  // what is heard
  made.hidden = heard.hidden = true;
  const status = el('span', 'live-state');
  const facts = el('span', 'live-facts');
  const time = el('span', 'live-time');
  status.setAttribute('role', 'status');
  const bars = el('canvas', 'live-bars');
  const bits = el('span', 'live-bits');
  bars.hidden = true;
  bars.setAttribute('aria-hidden', 'true');
  root.append(el('div', 'live-stage', canvas, made, heard), el('div', 'live-line', status, facts, time), bars, bits);
  root.setAttribute('role', 'group');
  root.setAttribute('aria-label', words.label);
  element.append(root);

  let now = null;  // what is being played
  const fresh = value => ({
    run: value.run, x: new Float32Array(value.total || 1), received: 0, blocks: 0, scheduled: 0, segments: [],
    nextAt: 0, started: false, waiting: true, quiet: false, pauses: 0, askedAt: clicked, mel: null, looks: [], seen: null,
  });
  const buffered = () => (now.received - now.scheduled) / RATE;
  const silence = () => {
    if (!now) return;
    now.quiet = true;
    for (const s of now.segments) { try { s.source.stop(); } catch { /* it has ended */ } }
    root.dataset.playing = '0';
    heard.hidden = true;
  };
  site.silence = silence;

  const schedule = (value, over) => {
    if (now.quiet || now.received === now.scheduled) return;
    const context = sound();
    const at = context.currentTime;
    if (now.started && !now.waiting && now.nextAt < at) {  // the sound has run dry
      now.waiting = true;
      now.pauses += 1;
    }
    if (now.waiting && !over) {
      const late = performance.now() - now.askedAt > PATIENCE_MS;
      const fast = (value.speed || 0) >= 1;
      if (!now.started && !(fast ? buffered() >= START_S : late && buffered() >= LATE_START_S)) return;
      if (now.started && buffered() < REFILL_S) return;
    }
    if (now.waiting) now.nextAt = Math.max(now.nextAt, Math.ceil((at + 0.03) * RATE) / RATE);
    if (!now.started) {
      now.started = true;
      site.onlyPlayer(silence);
      root.dataset.firstSoundMs = String(Math.round(performance.now() - now.askedAt + 1000 * (now.nextAt - at)));
      root.dataset.playing = '1';
      tick();
    }
    now.waiting = false;
    const piece = now.x.subarray(now.scheduled, now.received);
    const buffer = context.createBuffer(1, piece.length, RATE);
    buffer.copyToChannel(piece, 0);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(context.destination);
    source.start(now.nextAt);
    now.segments.push({source, at: now.nextAt, from: now.scheduled, count: piece.length});
    now.nextAt += piece.length / RATE;
    now.scheduled = now.received;
  };
  const position = () => {
    if (!now || !now.started) return 0;
    const at = sound().currentTime;
    const s = now.segments.findLast(segment => segment.at <= at);
    return s ? s.from + Math.min(s.count, Math.round((at - s.at) * RATE)) : 0;
  };
  const tick = () => {
    if (!now || !element.isConnected) return;
    const over = ['done', 'stopped'].includes(props.value?.state) && sound().currentTime >= now.nextAt;
    const at = position();
    root.dataset.heard = String(at);
    heard.style.left = 100 * at / now.x.length + '%';
    heard.hidden = now.quiet || over;
    document.dispatchEvent(new CustomEvent('site-heard', {  // whoever shows the same sound may follow
      detail: {element, seconds: at / RATE, playing: !heard.hidden}}));
    if (heard.hidden) root.dataset.playing = '0'; else setTimeout(tick, 50);
    drawLook(at, false);
  };

  // The softmax of the sample that is heard, or, when nothing is heard, of the last one drawn.
  const drawLook = (heardAt, again) => {
    const look = now && (root.dataset.playing === '1' ? now.looks.findLast(l => l.position <= heardAt) : now.looks.at(-1));
    bars.hidden = bits.hidden = !look;
    if (!look || (look === now.seen && !again)) return;
    now.seen = look;
    const ratio = devicePixelRatio || 1;
    const wide = bars.width = Math.max(256, Math.round(bars.clientWidth * ratio));
    const high = bars.height = Math.max(40, Math.round(bars.clientHeight * ratio));
    const pen = bars.getContext('2d');
    const [reference, model] = ['--reference', '--model'].map(css);
    const step = wide / look.shape.length;
    look.shape.forEach((root, code) => {
      const p = (root / 255) ** 2;
      pen.fillStyle = code === look.drawn ? model : reference;
      pen.fillRect(Math.floor(code * step), high * (1 - p), Math.max(1, Math.ceil(step - 0.5)), high * p);
    });
    pen.fillStyle = model;
    pen.fillRect(Math.floor(look.drawn * step), 0, Math.max(1, ratio), high);
    bits.textContent = words.softmax.replace('{bits}', look.entropy.toFixed(2)).replace('{code}', look.drawn)
      .replace('{percent}', (100 * look.p).toFixed(1));
    root.dataset.bits = look.entropy.toFixed(3);
    root.dataset.looks = String(now.looks.length);
  };

  const take = () => {
    const value = props.value;
    if (!value || !value.run) {
      silence();
      now = null;
      root.dataset.state = 'idle';
      status.textContent = words.idle;
      facts.textContent = '';
      draw();
      drawLook(0, false);
      return;
    }
    if (!now || now.run !== value.run) {
      silence();
      now = fresh(value);
      sound().resume();
      delete root.dataset.firstSoundMs;
      delete root.dataset.bits;
    }
    if (value.total && value.total !== now.x.length) {
      const x = new Float32Array(value.total);
      x.set(now.x.subarray(0, Math.min(now.received, value.total)));
      now.x = x;
    }
    for (; now.blocks < (value.blocks || []).length; now.blocks += 1) {
      const [sound, ...looks] = value.blocks[now.blocks].split(';');
      const pcm = new Int16Array(bytes(sound).buffer);
      for (const look of looks) {
        const [position, drawn, p, largest, entropy, shape] = look.split(',');
        now.looks.push({position: +position, drawn: +drawn, p: +p, largest: +largest, entropy: +entropy, shape: bytes(shape)});
      }
      const room = Math.min(pcm.length, now.x.length - now.received);
      for (let i = 0; i < room; i++) now.x[now.received + i] = pcm[i] / 32767;
      now.received += room;
    }
    if (value.picture && !now.mel) now.mel = {...value.picture, data: bytes(value.picture.data)};
    const over = ['done', 'stopped'].includes(value.state);
    if (value.state === 'stopped') silence(); else schedule(value, over);
    root.dataset.run = value.run;
    root.dataset.state = value.state;
    root.classList.toggle('has-mel', Boolean(now.mel));
    root.dataset.received = String(now.received);
    root.dataset.pauses = String(now.pauses);
    status.textContent = words[value.state] || '';
    facts.textContent = value.facts || '';
    draw();
    if (root.dataset.playing !== '1') drawLook(0, false);
  };

  const css = name => getComputedStyle(root).getPropertyValue(name).trim();
  const painted = new Map();  // the mel in the theme's colours
  const melCanvas = mel => {
    const key = site.isDark() + now.run;
    if (painted.has(key)) return painted.get(key);
    painted.clear();
    const out = picture(mel.columns, mel.rows, (column, row) => mel.data[row * mel.columns + column] / 255);
    painted.set(key, out);
    return out;
  };
  const draw = () => {
    const ratio = devicePixelRatio || 1;
    const wide = Math.max(200, Math.round(canvas.clientWidth * ratio));
    const high = Math.max(60, Math.round(canvas.clientHeight * ratio));
    if (canvas.width !== wide || canvas.height !== high) { canvas.width = wide; canvas.height = high; }
    const pen = canvas.getContext('2d');
    pen.clearRect(0, 0, wide, high);
    const value = props.value || {};
    const split = now && now.mel ? Math.round(high * 0.58) : 0;
    const middle = split + (high - split) / 2;
    const half = (high - split) / 2 - 2 * ratio;
    pen.fillStyle = css('--rule');
    pen.fillRect(0, middle, wide, ratio);
    made.hidden = !now || value.state !== 'running';
    if (!now) { time.textContent = ''; return; }
    const total = now.x.length;
    const edge = Math.round(wide * now.received / total);
    made.style.left = 100 * now.received / total + '%';
    const [reference, model, ink] = ['--reference', '--model', '--ink'].map(css);
    if (split) {
      const mel = melCanvas(now.mel);
      pen.imageSmoothingEnabled = false;
      pen.globalAlpha = 0.3;
      pen.drawImage(mel, 0, 0, wide, split - 4 * ratio);
      pen.globalAlpha = 1;
      const part = now.mel.columns * now.received / total;
      if (part > 0) pen.drawImage(mel, 0, 0, part, now.mel.rows, 0, 0, edge, split - 4 * ratio);
    }
    const step = total / wide;
    const prime = value.prime || 0;
    for (let i = 0; i < edge; i++) {
      let low = 0, top = 0;
      const end = Math.min(now.received, Math.floor((i + 1) * step));
      const stride = Math.max(1, Math.floor(step / 48));
      for (let k = Math.floor(i * step); k < end; k += stride) { low = Math.min(low, now.x[k]); top = Math.max(top, now.x[k]); }
      pen.fillStyle = i * step < prime ? reference : model;
      pen.fillRect(i, middle - top * half, 1, Math.max(ratio, (top - low) * half));
    }
    if (prime) {
      const x = Math.round(wide * prime / total);
      pen.strokeStyle = ink;
      pen.setLineDash([4 * ratio, 4 * ratio]);
      pen.lineWidth = ratio;
      pen.beginPath(); pen.moveTo(x, split); pen.lineTo(x, high); pen.stroke();
      pen.setLineDash([]);
      pen.font = `${12 * ratio}px Pretendard, sans-serif`;
      pen.textBaseline = 'top';
      pen.fillStyle = reference; pen.textAlign = 'right'; pen.fillText(words.prime, x - 6 * ratio, split + 2);
      pen.fillStyle = model; pen.textAlign = 'left'; pen.fillText(words.goes_on, x + 6 * ratio, split + 2);
    }
    time.textContent = `${(now.received / RATE).toFixed(1)} / ${(total / RATE).toFixed(1)} s`
      + (now.pauses && now.received < total ? ` · ${words.pauses}` : '');
  };
  watch('value', take);
  site.onTheme(element, () => { draw(); drawLook(position(), true); });
  new ResizeObserver(() => draw()).observe(canvas);
  take();
  site.onSight(element, () => trigger('appear', {}));
};
