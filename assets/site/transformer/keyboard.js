// A piano of two octaves to be played by pointer or by the computer's keys, with a sound of its own. What is played is
// handed on, as [start ms, end ms, pitch, velocity] of every note, when all keys have been up for a moment.
import {el} from '/site/painting.js';

const WHITE = [0, 2, 4, 5, 7, 9, 11];
const CODES = ['KeyA', 'KeyW', 'KeyS', 'KeyE', 'KeyD', 'KeyF', 'KeyT', 'KeyG', 'KeyY', 'KeyH', 'KeyU', 'KeyJ', 'KeyK',
  'KeyO', 'KeyL', 'KeyP', 'Semicolon'];  // from C upwards: the middle row white, the upper row black
const KEYS = 25, SETTLE_MS = 600, LONGEST_PAUSE_MS = 2000, MOST_NOTES = 400;

let context = null;
const air = () => {
  context = context || new AudioContext();
  if (context.state === 'suspended') context.resume();
  return context;
};
// A string struck: five harmonics that die away, the higher ones sooner. Gives the function that damps it.
export const strike = (pitch, velocity, seconds = 0) => {
  const at = air(), now = at.currentTime;
  const out = new GainNode(at, {gain: 0.22 * (velocity / 127) ** 1.5});
  out.connect(at.destination);
  const frequency = 440 * 2 ** ((pitch - 69) / 12);
  const strings = [1, 0.5, 0.3, 0.15, 0.08].map((loud, n) => {
    const gain = new GainNode(at, {gain: loud});
    gain.gain.setTargetAtTime(0, now, 1.2 / (n + 1) * Math.min(1.5, 300 / frequency + 0.3));
    const tone = new OscillatorNode(at, {frequency: frequency * (n + 1)});
    tone.connect(gain).connect(out);
    tone.start();
    tone.stop(now + 8);
    return tone;
  });
  const damp = (after = 0) => {
    const when = at.currentTime + after;
    out.gain.setTargetAtTime(0, when, 0.06);
    strings.forEach(tone => tone.stop(when + 0.5));
  };
  if (seconds) damp(seconds);
  return damp;
};

export const keyboard = (root, words, played) => {
  const keys = el('div', 'keys');
  keys.setAttribute('role', 'group');
  keys.setAttribute('aria-label', words.keys);
  const bar = el('div', 'play');
  root.append(bar, keys);
  let lowest = 60, down = new Map(), notes = [], begun = 0, timer = 0;

  const build = () => {
    const whites = Array.from({length: KEYS}, (_, i) => lowest + i).filter(p => WHITE.includes(p % 12));
    const wide = 100 / whites.length;
    keys.replaceChildren();
    for (let i = 0; i < KEYS; i++) {
      const pitch = lowest + i, white = WHITE.includes(pitch % 12);
      const key = el('div', `key ${white ? 'white' : 'black'}`);
      const before = whites.filter(p => p < pitch).length;
      key.style.left = (white ? before * wide : before * wide - 0.3 * wide) + '%';
      key.style.width = (white ? wide : 0.6 * wide) + '%';
      key.dataset.pitch = pitch;
      const letter = (CODES[i] || '').replace('Key', '').replace('Semicolon', ';');
      key.textContent = pitch % 12 === 0 ? `${letter}\nC${pitch / 12 - 1}` : letter + (white ? '\n\u00a0' : '');
      keys.append(key);
    }
  };
  const press = (pitch, velocity, by) => {
    if (down.has(by)) return;
    clearTimeout(timer);
    const now = performance.now();
    if (!notes.length && !down.size) begun = now;
    else if (!down.size) {  // nobody waits for a long pause
      const last = Math.max(...notes.map(n => n[1]));
      begun += Math.max(0, now - begun - last - LONGEST_PAUSE_MS);
    }
    down.set(by, {pitch, velocity, start: now - begun, damp: strike(pitch, velocity)});
    keys.querySelector(`[data-pitch="${pitch}"]`)?.classList.add('down');
    root.dataset.down = String(down.size);
  };
  const lift = by => {
    const one = down.get(by);
    if (!one) return;
    down.delete(by);
    one.damp();
    if (notes.length < MOST_NOTES) {
      notes.push([Math.round(one.start), Math.round(performance.now() - begun), one.pitch, one.velocity]);
    }
    keys.querySelector(`[data-pitch="${one.pitch}"]`)?.classList.remove('down');
    root.dataset.down = String(down.size);
    root.dataset.played = String(notes.length);
    clearTimeout(timer);
    if (!down.size) timer = setTimeout(() => played(notes.map(n => [...n])), SETTLE_MS);
  };
  const liftAll = () => [...down.keys()].forEach(lift);

  const pitchAt = event => {
    const key = document.elementFromPoint(event.clientX, event.clientY)?.closest('.key');
    return key && keys.contains(key) ? key : null;
  };
  keys.onpointerdown = event => {
    const key = pitchAt(event);
    if (!key) return;
    event.preventDefault();
    root.focus({preventScroll: true});
    keys.setPointerCapture(event.pointerId);
    const box = key.getBoundingClientRect();  // struck further down, as on a long lever: louder
    const velocity = Math.round(40 + 80 * Math.min(1, Math.max(0, (event.clientY - box.top) / box.height)));
    press(+key.dataset.pitch, velocity, event.pointerId);
  };
  keys.onpointermove = event => {  // a finger that slides plays what it comes to
    const one = down.get(event.pointerId);
    const key = one && pitchAt(event);
    if (!key || +key.dataset.pitch === one.pitch) return;
    lift(event.pointerId);
    press(+key.dataset.pitch, one.velocity, event.pointerId);
  };
  keys.onpointerup = keys.onpointercancel = event => lift(event.pointerId);
  root.addEventListener('keydown', event => {
    const i = CODES.indexOf(event.code);
    if (i < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (!event.repeat) press(lowest + i, event.shiftKey ? 112 : 80, event.code);
  });
  root.addEventListener('keyup', event => lift(event.code));
  root.addEventListener('focusout', event => { if (!root.contains(event.relatedTarget)) liftAll(); });

  const button = (name, go) => {
    const one = el('button', '', words[name]);
    one.type = 'button';
    one.dataset.play = name;
    one.onclick = go;
    bar.append(one);
  };
  button('lower', () => { liftAll(); lowest = Math.max(24, lowest - 12); build(); });
  button('higher', () => { liftAll(); lowest = Math.min(84, lowest + 12); build(); });
  button('again', () => { liftAll(); clearTimeout(timer); notes = []; root.dataset.played = '0'; root.focus({preventScroll: true}); });
  bar.append(el('span', 'hint', words.keys_hint));
  build();
};
