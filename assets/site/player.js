// One to nine sounds with one position. Given by gradio: element, props (value, words), trigger, watch.
const words = props.words;
const root = document.createElement('div');
root.className = 'player';
root.tabIndex = 0;
root.setAttribute('role', 'group');
root.setAttribute('aria-label', words.choose);
element.append(root);

const state = {tracks: [], now: 0, offset: 0, startedAt: 0, source: null, playing: false};
const letter = i => String.fromCharCode(65 + i);  // A, B, C …
const length = () => state.tracks.length ? state.tracks[state.now].buffer.duration : 0;  // of the one that plays
const position = () => {
  if (!state.playing) return state.offset;
  return Math.min(state.offset + site.audio().currentTime - state.startedAt, length());
};

const stopSource = () => {
  if (!state.source) return;
  const {source, gain} = state.source;
  const now = site.audio().currentTime;
  gain.gain.setTargetAtTime(0, now, 0.004);  // 4 ms: no click
  source.onended = null;
  source.stop(now + 0.03);
  state.source = null;
};
const startSource = () => {
  const context = site.audio();
  const source = context.createBufferSource();
  const gain = context.createGain();
  source.buffer = state.tracks[state.now].buffer;
  source.connect(gain).connect(context.destination);
  const from = Math.min(state.offset, source.buffer.duration);
  source.start(0, from);
  state.startedAt = context.currentTime;
  state.source = {source, gain};
  source.onended = () => { if (state.playing) { pause(); state.offset = 0; paint(); } };
};
const play = async () => {
  if (!state.tracks.length || state.playing) return;
  await site.audio().resume();
  site.onlyPlayer(pause);
  if (state.offset >= length() - 0.02) state.offset = 0;
  state.playing = true;
  startSource();
  tick();
};
const pause = () => {
  if (!state.playing) return;
  state.offset = position();
  state.playing = false;
  stopSource();
  paint();
};
const seek = seconds => {
  const was = state.playing;
  if (was) { stopSource(); }
  state.offset = Math.min(Math.max(0, seconds), length());
  if (was) startSource();
  paint();
};
const choose = index => {
  if (index < 0 || index >= state.tracks.length) return;
  const at = position();
  state.now = index;
  state.offset = at < length() ? at : 0;  // a shorter one may be over by now
  if (state.playing) { stopSource(); startSource(); }
  paint();
};

// Whoever shows the same sound may follow: a cursor over its spectrogram, the letter that is being said.
const tell = at => document.dispatchEvent(new CustomEvent('site-heard', {
  detail: {element, seconds: at, playing: state.playing}}));

let parts = null;
const paint = () => {
  if (!parts) return;
  const at = position();
  tell(at);
  const total = length();
  parts.play.textContent = state.playing ? '❚❚ ' + words.pause : '▶ ' + words.play;
  parts.play.setAttribute('aria-pressed', state.playing);
  parts.time.textContent = at.toFixed(1) + ' / ' + total.toFixed(1) + ' s';
  parts.slider.value = String(total ? Math.round(1000 * at / total) : 0);
  parts.slider.setAttribute('aria-valuetext', at.toFixed(1) + ' s');
  parts.cursor.style.left = (total ? 100 * at / total : 0) + '%';
  parts.choices.forEach((button, i) => {
    button.setAttribute('aria-checked', i === state.now);
    button.classList.toggle('sounding', state.playing && i === state.now);
  });
  root.dataset.playing = state.playing ? '1' : '0';
  root.dataset.track = String(state.now);
  root.dataset.position = at.toFixed(3);
  if (parts.shown !== state.now) { parts.shown = state.now; wave(); }
};
const tick = () => {
  paint();
  if (state.playing && element.isConnected) requestAnimationFrame(tick);
  else if (state.playing) pause();
};
const wave = () => {
  const canvas = parts.canvas;
  const wide = canvas.width = Math.max(200, canvas.clientWidth * devicePixelRatio);
  const high = canvas.height = Math.max(40, canvas.clientHeight * devicePixelRatio);
  const x = state.tracks[state.now].buffer.getChannelData(0);
  const total = length() * state.tracks[state.now].buffer.sampleRate;
  const loudest = Math.max(0.01, ...state.tracks.map(t => t.peak));  // one scale, so that heights compare
  const mid = high / 2, unit = 0.95 * mid / loudest;
  const pen = canvas.getContext('2d');
  pen.fillStyle = getComputedStyle(root).getPropertyValue(state.now ? '--model' : '--reference');
  const step = total / wide;
  for (let i = 0; i < wide; i++) {
    let low = 0, top = 0;
    const end = Math.min(x.length, Math.floor((i + 1) * step));
    const stride = Math.max(1, Math.floor(step / 64));
    for (let k = Math.floor(i * step); k < end; k += stride) { low = Math.min(low, x[k]); top = Math.max(top, x[k]); }
    pen.fillRect(i, mid - top * unit, 1, Math.max(1, (top - low) * unit));
  }
};

const el = (tag, options, ...children) => {
  const node = Object.assign(document.createElement(tag), options);
  node.append(...children);
  return node;
};
const build = async () => {
  const value = props.value || [];
  pause();
  if (!value.length) {
    root.replaceChildren(el('p', {className: 'player-empty', textContent: words.empty}));
    parts = null;
    return;
  }
  const bytes = await Promise.all(value.map(async t => t.url ? new Uint8Array(await (await fetch(t.url)).arrayBuffer())
    : Uint8Array.from(atob(t.wav), c => c.charCodeAt(0))));
  const buffers = await Promise.all(bytes.map(b => site.audio().decodeAudioData(b.buffer.slice(0))));
  (state.urls || []).filter(url => url.startsWith('blob:')).forEach(url => URL.revokeObjectURL(url));
  state.urls = bytes.map((b, i) => value[i].url || URL.createObjectURL(new Blob([b], {type: 'audio/wav'})));
  state.tracks = value.map((t, i) => ({label: t.label, buffer: buffers[i],
    peak: buffers[i].getChannelData(0).reduce((m, v) => Math.max(m, Math.abs(v)), 0)}));
  state.now = Math.min(state.now, value.length - 1);
  state.offset = Math.min(state.offset, length());
  const choices = value.map((t, i) => {
    const button = el('button', {type: 'button', className: 'choice'}, el('b', {textContent: letter(i)}), ' ' + t.label);
    button.setAttribute('role', 'radio');
    button.onclick = () => choose(i);
    return button;
  });
  const group = el('div', {className: 'choices'}, ...choices);
  group.setAttribute('role', 'radiogroup');
  group.setAttribute('aria-label', words.choose);
  const canvas = el('canvas', {className: 'wave'});
  const cursor = el('i', {className: 'cursor'});
  const picture = el('div', {className: 'picture'}, canvas, cursor);
  picture.onclick = e => seek(length() * (e.clientX - picture.getBoundingClientRect().left) / picture.clientWidth);
  const slider = el('input', {type: 'range', min: '0', max: '1000', step: '1'});
  slider.setAttribute('aria-label', words.position);
  slider.oninput = () => seek(length() * slider.value / 1000);
  const toggle = el('button', {type: 'button', className: 'play'});
  toggle.onclick = () => state.playing ? pause() : play();
  const time = el('span', {className: 'time'});
  const downloads = el('span', {className: 'downloads'}, ...value.map((t, i) => el('a', {
    href: state.urls[i], download: `${props.name}-${letter(i).toLowerCase()}.${t.url ? t.url.split('.').pop() : 'wav'}`,
    textContent: `${t.url ? t.url.split('.').pop().toUpperCase() : words.download} ${letter(i)}`, title: t.label})));
  parts = {play: toggle, time, slider, cursor, choices, canvas, shown: -1};
  root.replaceChildren(group, picture, el('div', {className: 'transport'}, toggle, slider, time, downloads),
    el('p', {className: 'keys', textContent: words.keys}));
  root.dataset.ready = String(Number(root.dataset.ready || 0) + 1);
  paint();
};
root.onkeydown = e => {
  if (e.target.tagName === 'A' || e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === ' ' && e.target.tagName !== 'BUTTON') state.playing ? pause() : play();
  else if (e.key >= '1' && e.key <= '9') choose(Number(e.key) - 1);
  else if (e.key === 'ArrowLeft' && e.target.type !== 'range') seek(position() - 1);
  else if (e.key === 'ArrowRight' && e.target.type !== 'range') seek(position() + 1);
  else return;
  e.preventDefault();
};
build();
watch('value', build);
site.onSight(element, () => { if (!(props.value || []).length) trigger('appear', {}); });
site.onTheme(element, () => { if (parts) wave(); });
