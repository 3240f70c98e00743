// The stems of a song in one player: a transport, a row of controls and a waveform for each, a loop. The value grows:
// demos/_separation/mixer.py. The sound is in stems.js, the waveforms and the pointer in lanes.js.
import {stylesheet} from '/site/painting.js';
import {draw, fromSound, fromText, levelAt, pointing} from '/site/separation/lanes.js';
import {SHORTEST_LOOP_S, Stems} from '/site/separation/stems.js';

const LOUDEST_DB = 6, QUIETEST_DB = -40;  // the lowest step is silence
const SKIP_S = 5;

const node = (tag, className, options = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), {className});
  for (const [name, value] of Object.entries(options)) {
    if (name.includes('-') || name === 'role') made.setAttribute(name, value); else made[name] = value;
  }
  made.append(...children);
  return made;
};
const button = (className, options, ...children) => node('button', className, {type: 'button', ...options}, ...children);
const clock = (seconds, digits = 0) => {
  const unit = 10 ** digits, whole = Math.floor(seconds * unit) / unit;
  const rest = (whole % 60).toFixed(digits);
  return Math.floor(whole / 60) + ':' + rest.padStart(digits ? 3 + digits : 2, '0');
};
const isSafe = href => { try { return ['http:', 'https:', 'blob:', 'data:'].includes(new URL(href, location).protocol); } catch { return false; } };

export const start = (element, props, trigger, watch) => {
  stylesheet('/site/separation/mixer.css');
  const words = props.words;
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const root = node('div', 'mixer', {tabIndex: 0, role: 'group', 'aria-label': words.label});
  element.append(root);

  let value = null;   // the song, as Python has sent it
  let stems = null;   // its sound: one Stems for each run
  let parts = null;   // what is on the page
  let mix = [];       // [{muted, solo, db}]
  let pieces = [];    // loudness of each stem: [{at, seconds, levels}]
  let preview = null, loopPreview = null, marked = null, sawWork = false, loudest = 1;

  const total = () => Math.max(value?.seconds || 0, stems?.made || 0);
  const gains = () => {
    const anySolo = mix.some(m => m.solo);
    return mix.map(m => m.muted || (anySolo && !m.solo) || m.db <= QUIETEST_DB ? 0 : 10 ** (m.db / 20));
  };
  const loop = () => loopPreview || (stems && stems.a !== null ? [stems.a, stems.b] : marked !== null ? [marked, null] : [null, null]);

  // What the visitor does.
  const pause = () => stems?.pause();
  const play = () => {
    if (!stems || stems.playing) return;
    site.onlyPlayer(pause);
    stems.play();
    tick();
  };
  const toggle = () => { if (stems) stems.playing ? pause() : play(); };
  const change = (i, what) => {
    Object.assign(mix[i], what);
    stems.setLevels(gains());
    paintMix();
  };
  const mute = i => change(i, {muted: !mix[i].muted});
  const solo = i => change(i, {solo: !mix[i].solo, muted: mix[i].solo && mix[i].muted});
  const presets = {
    everything: () => ({}),
    karaoke: m => ({muted: m.key === 'vocals'}),
    a_cappella: m => ({solo: m.key === 'vocals'}),
  };
  const matches = name => mix.every(m => {
    const want = {muted: false, solo: false, ...presets[name](m)};
    return want.muted === m.muted && want.solo === m.solo;
  });
  const choose = name => {
    mix.forEach(m => Object.assign(m, {muted: false, solo: false, ...presets[name](m)}));
    stems.setLevels(gains());
    paintMix();
  };
  const setLoop = (a, b, on = true) => {
    marked = loopPreview = null;
    if (a === null) stems.setLoop(null, null);
    else {
      const [from, to] = a < b ? [a, b] : [b, a], end = total();
      stems.setLoop(Math.min(from, end - SHORTEST_LOOP_S), Math.min(Math.max(to, from + SHORTEST_LOOP_S), end), on);
    }
    paint();
  };
  const loopButton = () => {
    if (!stems) return;
    if (stems.a !== null) setLoop(stems.a, stems.b, !stems.looping);
    else if (marked === null) { marked = stems.position(); paint(); }
    else setLoop(marked, stems.position());
  };

  // What is shown.
  const css = (at, name) => getComputedStyle(at).getPropertyValue(name).trim();
  const percent = seconds => (total() ? 100 * Math.min(1, seconds / total()) : 0) + '%';
  const paintLanes = () => {
    if (!parts?.rows.length) return;
    loudest = Math.max(0.05, ...pieces.flat().filter(Boolean).map(p => (p.top ??= p.levels.reduce((m, v) => Math.max(m, v), 0))));
    const drawn = parts.rows.map((row, i) => ({pieces: pieces[i], colour: css(row.row, '--stem')}));
    parts.rows.forEach((row, i) => draw(row.canvas, [drawn[i]], total(), loudest));
    const heard = gains();
    draw(parts.overview, drawn.filter((_, i) => heard[i] > 0), total(), loudest);
  };
  const paintMix = () => {
    if (!parts) return;
    const heard = gains();
    parts.rows.forEach(({row, mute, solo, volume, db}, i) => {
      const {muted, solo: alone, db: level} = mix[i];
      mute.setAttribute('aria-pressed', muted);
      solo.setAttribute('aria-pressed', alone);
      const said = level <= QUIETEST_DB ? words.off : (level > 0 ? '+' : level < 0 ? '−' : '') + Math.abs(level).toFixed(1) + ' dB';
      volume.value = String(level);
      volume.setAttribute('aria-valuetext', said);
      volume.style.setProperty('--share', (level - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB));
      db.textContent = said;
      row.classList.toggle('quiet', !heard[i]);
    });
    for (const [name, one] of Object.entries(parts.presets)) one.setAttribute('aria-pressed', matches(name));
    root.dataset.gains = heard.map(gain => gain.toFixed(3)).join();
    paintLanes();
    paint();
  };
  const status = () => {
    if (stems.failed) return words.failed;
    if (stems.starved && !stems.over && stems.position() >= stems.made - 0.001) return words[value.state === 'waiting' ? 'waiting' : 'starved'];
    if (stems.starved && performance.now() - stems.starvedAt > 500) return words.loading;
    if (value.state === 'waiting' || value.state === 'stopped') return words[value.state];
    return value.state === 'done' && sawWork ? words.done : '';
  };
  const put = (at, text) => { if (at.textContent !== text) at.textContent = text; };
  const paint = () => {
    if (!parts) return;
    const playing = stems.playing, at = preview ?? stems.position();
    const [a, b] = loop();
    root.style.setProperty('--at', percent(at));
    root.style.setProperty('--loop-a', percent(a ?? 0));
    root.style.setProperty('--loop-b', percent(b ?? a ?? 0));
    root.classList.toggle('loops', stems.looping || Boolean(loopPreview));
    root.classList.toggle('has-loop', a !== null);
    root.classList.toggle('is-playing', playing);
    root.classList.toggle('is-waiting', playing && stems.starved);
    put(parts.play, playing ? '❚❚ ' + words.pause : '▶ ' + words.play);
    parts.play.setAttribute('aria-pressed', playing);
    put(parts.time, clock(at) + ' / ' + clock(total()));
    if (preview === null) parts.slider.value = String(total() ? 1000 * at / total() : 0);
    parts.slider.setAttribute('aria-valuetext', clock(at) + ' / ' + clock(total()));
    put(parts.status, status());
    const phase = stems.a !== null ? (stems.looping ? 'loop_on' : 'loop_off') : marked !== null ? 'loop_b' : 'loop_a';
    put(parts.loop, '⟲ ' + words[phase]);
    if (stems.a === null) parts.loop.removeAttribute('aria-pressed'); else parts.loop.setAttribute('aria-pressed', stems.looping);
    parts.clear.hidden = a === null;
    [['a', a], ['b', b]].forEach(([end, seconds]) => {
      const handle = parts.handles[end];
      handle.hidden = seconds === null;
      handle.setAttribute('aria-valuenow', (seconds ?? 0).toFixed(1));
      handle.setAttribute('aria-valuemax', total().toFixed(1));
      handle.setAttribute('aria-valuetext', clock(seconds ?? 0, 1));
    });
    parts.rows.forEach(({row}, i) => {
      const level = playing && !stems.starved ? Math.min(1, levelAt(pieces[i], at) / loudest * gains()[i]) : 0;
      row.style.setProperty('--level', (level ** 0.8).toFixed(3));
    });
    Object.assign(root.dataset, {
      playing: playing ? '1' : '0', waiting: playing && stems.starved ? '1' : '0', position: stems.position().toFixed(3),
      ready: String(stems.ready), loop: stems.looping ? stems.a.toFixed(6) + ',' + stems.b.toFixed(6) : '',
    });
    document.dispatchEvent(new CustomEvent('site-heard', {detail: {element, seconds: stems.position(), playing: playing && !stems.starved}}));
  };
  const tick = () => {
    if (!stems?.playing) return;
    if (!element.isConnected) return pause();
    paint();
    requestAnimationFrame(tick);
  };

  // The page of a song.
  const lane = className => {
    const canvas = node('canvas', 'mix-wave', {'aria-hidden': 'true'});
    const made = node('div', 'mix-lane ' + className, {title: words.seek}, canvas);
    pointing(made, {
      total: () => total(), loop, seek: s => stems.seek(s), loopDone: (a, b) => setLoop(a, b),
      preview: s => { preview = s; paint(); }, loopPreview: (a, b) => { loopPreview = a === null ? null : [a, b]; paint(); },
    });
    return [made, canvas];
  };
  const rowOf = (stem, i) => {
    const chip = node('b', 'mix-key', {'aria-hidden': 'true', textContent: String(i + 1)});
    const muteButton = button('mix-mute', {onclick: () => mute(i), 'aria-label': stem.label + ': ' + words.mute, textContent: words.mute});
    const soloButton = button('mix-solo', {onclick: () => solo(i), 'aria-label': stem.label + ': ' + words.solo, textContent: words.solo});
    const volume = node('input', 'mix-volume', {type: 'range', min: QUIETEST_DB, max: LOUDEST_DB, step: 0.5, 'aria-label': fill(words.volume, {stem: stem.label})});
    volume.oninput = () => change(i, {db: Number(volume.value)});
    const reset = () => change(i, {db: 0});
    volume.ondblclick = reset;
    const db = button('mix-db', {onclick: reset, 'aria-label': fill(words.reset, {stem: stem.label}), title: fill(words.reset, {stem: stem.label})});
    const [made, canvas] = lane('mix-stem');
    const strip = node('div', 'mix-strip', {}, node('span', 'mix-name', {}, chip, node('span', '', {textContent: stem.label})),
      node('span', 'mix-buttons', {}, muteButton, soloButton), node('span', 'mix-level', {}, volume, db));
    const row = node('div', 'mix-row', {role: 'group', 'aria-label': stem.label}, strip, node('i', 'mix-meter', {'aria-hidden': 'true'}), made);
    row.dataset.stem = stem.key;
    row.style.setProperty('--stem', `var(--stem-${/^[a-z]+$/.test(stem.key) ? stem.key : 'none'}, var(--stem-${i + 1}))`);
    return {row, canvas, mute: muteButton, solo: soloButton, volume, db};
  };
  const handleOf = end => {
    const handle = node('span', 'mix-handle mix-handle-' + end, {
      tabIndex: 0, role: 'slider', 'aria-label': end === 'a' ? words.loop_start : words.loop_end, 'aria-valuemin': 0, textContent: end.toUpperCase()});
    handle.dataset.end = end;
    handle.onkeydown = e => {
      const step = {ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1}[e.key] * (e.shiftKey ? 1 : 0.1);
      if (!step || stems.a === null) return;
      const [a, b] = end === 'a' ? [Math.max(0, Math.min(stems.a + step, stems.b - SHORTEST_LOOP_S)), stems.b] : [stems.a, Math.max(stems.b + step, stems.a + SHORTEST_LOOP_S)];
      setLoop(a, b, stems.looping);
      e.preventDefault();
      e.stopPropagation();
    };
    return handle;
  };
  const build = () => {
    const slider = node('input', 'mix-slider', {type: 'range', min: 0, max: 1000, step: 'any', 'aria-label': words.position});
    const toggleButton = button('mix-play', {onclick: toggle});
    const loopToggle = button('mix-loop', {onclick: loopButton});
    const clear = button('mix-clear', {onclick: () => setLoop(null, null), 'aria-label': words.loop_clear, title: words.loop_clear, textContent: '✕'});
    const [top, overview] = lane('mix-overview');
    const handles = {a: handleOf('a'), b: handleOf('b')};
    top.append(handles.a, handles.b);
    const bar = node('i', 'mix-bar');
    parts = {
      play: toggleButton, slider, loop: loopToggle, clear, overview, handles, bar, presets: {}, rows: value.stems.map(rowOf),
      title: node('strong', 'mix-title'), facts: node('span', 'mix-facts'), time: node('span', 'mix-time'),
      status: node('span', 'mix-status', {role: 'status'}), work: node('span', 'mix-work'), downloads: node('div', 'mix-downloads'),
      progress: node('div', 'mix-progress', {role: 'progressbar', 'aria-valuemin': 0, 'aria-valuemax': 100}, bar),
    };
    slider.oninput = () => { preview = total() * slider.value / 1000; paint(); };
    slider.onchange = () => { preview = null; stems.seek(total() * slider.value / 1000); };
    const head = node('div', 'mix-head', {}, parts.title, parts.facts);
    const state = node('div', 'mix-state', {}, parts.status, parts.work);
    const chosen = node('div', 'mix-presets', {role: 'group', 'aria-label': words.presets});
    if (value.stems.length > 1 && value.stems.some(stem => stem.key === 'vocals')) {
      for (const name of Object.keys(presets)) {
        parts.presets[name] = button('mix-preset', {onclick: () => choose(name), textContent: words[name]});
        chosen.append(parts.presets[name]);
      }
    }
    const transport = node('div', 'mix-transport', {}, toggleButton, parts.time, node('span', 'mix-looping', {}, loopToggle, clear));
    const stage = node('div', 'mix-stage', {}, transport, top, slider, chosen, ...parts.rows.map(row => row.row));
    const keys = node('p', 'mix-keys', {}, node('b', '', {textContent: words.keys_title + ' '}), words.keys);
    root.replaceChildren(head, parts.progress, state, stage, parts.downloads, keys);
  };

  // Minutes and seconds to come, in words.
  const left = seconds => {
    if (seconds < 5) return words.left_short;
    const round = seconds < 60 ? 5 : 10, whole = Math.round(seconds / round) * round;
    const spoken = whole < 60 ? fill(words.seconds, {s: whole}) : fill(words.minutes, {m: Math.floor(whole / 60), s: whole % 60});
    return fill(words.left, {minutes: spoken});
  };
  const paintWork = () => {
    const running = value.state === 'running', done = Math.round(100 * (value.progress || 0));
    put(parts.title, value.title || '');
    put(parts.facts, value.facts || '');
    parts.progress.hidden = !running;
    parts.progress.setAttribute('aria-valuenow', done);
    parts.bar.style.width = done + '%';
    const said = running ? [fill(words.running, {percent: done}), typeof value.left_s === 'number' ? left(value.left_s) : ''] : [];
    put(parts.work, said.filter(Boolean).join(' · '));
    parts.progress.setAttribute('aria-label', parts.work.textContent);
    root.style.setProperty('--made', percent(stems.made));
    const links = (value.downloads || []).filter(d => isSafe(d.href));
    if (parts.downloads.childElementCount - 1 !== links.length) {
      parts.downloads.replaceChildren(node('span', '', {textContent: words.downloads}),
        ...links.map(d => node('a', '', {href: d.href, download: d.name, textContent: d.label})));
    }
    parts.downloads.hidden = !links.length;
  };
  const nothing = () => {
    stems?.close();
    [stems, parts, value, mix, pieces] = [null, null, null, [], []];
    Object.assign(root.dataset, {state: 'idle', playing: '0', waiting: '0', position: '0.000', ready: '0', gains: '', loop: '', run: '0'});
    root.replaceChildren(node('p', 'mix-empty', {textContent: words.idle}));
  };
  const begin = next => {  // another song: it plays on if the visitor had pressed play while it was still waited for
    const wish = value?.state === 'waiting' && stems?.playing;
    stems?.close();
    value = next;
    preview = loopPreview = marked = null;
    sawWork = false;
    mix = value.stems.map(stem => ({key: stem.key, muted: false, solo: false, db: 0}));
    pieces = value.stems.map(() => []);
    const own = stems = new Stems(() => stems === own && paint(), (i, buffers) => {
      if (stems !== own || value.segments[i].peaks) return;
      buffers.forEach((buffer, k) => pieces[k] && !pieces[k][i] && (pieces[k][i] = {...value.segments[i], levels: fromSound(buffer)}));
      paintLanes();
    });
    build();
    stems.setLevels(gains());
    if (wish) play();
  };
  const take = () => {
    const next = props.value;
    if (!next || !next.run) return nothing();
    const same = value && value.run === next.run && value.stems.length === next.stems.length;
    if (!same) begin(next);
    value = next;
    sawWork ||= ['running', 'waiting'].includes(value.state);
    (value.segments || []).forEach((segment, i) => (segment.peaks || []).forEach((text, k) => {
      if (pieces[k] && !pieces[k][i]) pieces[k][i] = {at: segment.at, seconds: segment.seconds, levels: fromText(text)};
    }));
    Object.assign(root.dataset, {state: value.state, run: String(value.run), made: ''});
    stems.take(value.segments || [], ['done', 'stopped'].includes(value.state));
    root.dataset.made = stems.made.toFixed(3);
    paintWork();
    paintMix();
  };

  root.addEventListener('keydown', e => {
    if (!stems || e.ctrlKey || e.metaKey || e.altKey || e.target.tagName === 'A') return;
    const number = Number(/^(?:Digit|Numpad)([1-9])$/.exec(e.code)?.[1] || 0) - 1;
    const slides = e.target.type === 'range';
    if (e.key === ' ' && e.target.tagName !== 'BUTTON') toggle();
    else if (number >= 0 && number < mix.length) e.shiftKey ? solo(number) : mute(number);
    else if (e.code === 'KeyL') loopButton();
    else if (e.key === 'Escape') setLoop(null, null);
    else if (e.key === 'ArrowLeft' && !slides) stems.seek(stems.position() - SKIP_S);
    else if (e.key === 'ArrowRight' && !slides) stems.seek(Math.min(total(), stems.position() + SKIP_S));
    else return;
    e.preventDefault();
  });
  new ResizeObserver(() => parts && paintLanes()).observe(root);
  take();
  watch('value', take);
  site.onSight(element, () => { if (!props.value?.run) trigger('appear', {}); });
  site.onTheme(element, paintLanes);
};
