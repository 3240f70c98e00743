// A decoder at work: which letters each step looks at, the mel it writes, how sure it is that the sentence ends. The
// value grows: {run, state, text, language, r, tokens: [[symbol, from, to], …], steps: [[first token, base64], …],
// facts}. The bytes of a step: weights of its sentence's tokens, 80 r levels of mel, one of the stop probability.
import {bytes, csv, el, exporting, picture, save, stylesheet} from '/site/painting.js';

const BANDS = 80;
const FRAME_S = 0.0125;
const LEFT = 46;   // room for the symbols and titles
const GAP = 26;
const MEL = 130, STOP = 46, BOTTOM = 24;

const JAMO = symbol => {  // letters of a syllable's parts, as one knows them
  const code = symbol.codePointAt(0);
  if (code >= 0x1100 && code <= 0x1112) return 'ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ'[code - 0x1100];
  if (code >= 0x1161 && code <= 0x1175) return String.fromCharCode(0x314F + code - 0x1161);
  if (code >= 0x11A8 && code <= 0x11C2) return 'ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ'[code - 0x11A8];
  return symbol === ' ' ? '␣' : symbol;
};

export const start = (element, props, trigger, watch) => {
  stylesheet('/site/tacotron2/view.css');
  const words = props.words;
  const root = el('div', 'alignment-view');
  root.tabIndex = 0;
  root.setAttribute('role', 'group');
  root.setAttribute('aria-label', words.label);
  const said = el('p', 'said');
  const canvas = el('canvas', 'picture');
  canvas.setAttribute('role', 'img');
  const line = el('p', 'at');
  line.setAttribute('aria-live', 'polite');
  const status = el('p', 'state');
  status.setAttribute('role', 'status');
  const exports = el('div', 'plot-export');
  root.append(said, canvas, line, el('div', 'foot', status, exports));
  element.append(root);

  let now = null;  // what is shown: tokens, and of every step its weights, mel, stop
  let at = -1;     // the step that is pointed at or heard
  const seconds = () => now.r * FRAME_S;
  const expected = () => Math.max(now.steps.length, now.done ? 0 : Math.round(now.tokens.length * 0.085 / seconds()));

  const take = () => {
    const value = props.value;
    if (!value || !value.run) {
      now = null;
      root.dataset.state = 'idle';
      status.textContent = words.idle;
      said.replaceChildren();
      line.textContent = '';
      draw();
      return;
    }
    if (!now || now.run !== value.run) { now = {run: value.run, text: null, tokens: [], steps: [], r: value.r}; at = -1; }
    now.tokens = value.tokens;
    for (let i = now.steps.length; i < value.steps.length; i++) {
      const [first, data] = value.steps[i];
      const all = bytes(data);
      const count = all.length - 1 - BANDS * now.r;
      now.steps.push({first, weights: all.subarray(0, count), mel: all.subarray(count, all.length - 1), stop: all.at(-1) / 255});
    }
    now.done = value.state !== 'running';
    root.dataset.state = value.state;
    root.dataset.steps = String(now.steps.length);
    status.textContent = value.facts || words[value.state] || '';
    canvas.setAttribute('aria-label', status.textContent);
    if (now.text !== value.text) { now.text = value.text; write(); }
    exports.querySelectorAll('button').forEach(b => { b.disabled = !now.done; });
    draw();
    point(at);
  };

  // The sentence, each stretch of it that tokens came from on its own.
  const write = () => {
    const letters = Array.from(now.text);  // spans count characters, not UTF-16 units
    now.pieces = letters.map(c => el('span', '', c));
    said.replaceChildren(...now.pieces);
  };
  const point = step => {
    at = now ? Math.min(step, now.steps.length - 1) : -1;
    root.dataset.at = String(at);
    if (now && now.pieces) now.pieces.forEach(piece => piece.style.removeProperty('--looked'));
    if (at < 0) { line.textContent = words.hint; draw(); return; }
    const {first, weights, stop} = now.steps[at];
    const share = new Map();
    weights.forEach((w, j) => {
      const token = now.tokens[first + j];
      if (!token || w < 8) return;
      for (let c = token[1]; c < token[2]; c++) share.set(c, Math.min(1, (share.get(c) || 0) + w / 255));
    });
    share.forEach((w, c) => now.pieces[c] && now.pieces[c].style.setProperty('--looked', w.toFixed(2)));
    const best = Array.from(weights.keys()).sort((a, b) => weights[b] - weights[a]).slice(0, 3).filter(j => weights[j] > 12);
    line.textContent = words.at.replace('{step}', at).replace('{seconds}', (at * seconds()).toFixed(2))
      .replace('{looks}', best.map(j => `${JAMO(now.tokens[first + j][0])} ${(weights[j] / 255).toFixed(2)}`).join(', '))
      .replace('{stop}', stop.toFixed(2));
    draw();
  };

  const css = name => getComputedStyle(root).getPropertyValue(name).trim();
  let wide = 600, tall = 260, ratio = 1;
  const draw = () => {
    ratio = devicePixelRatio || 1;
    wide = Math.max(240, canvas.clientWidth || 600);
    const count = now ? now.tokens.length : 30;
    tall = Math.round(wide < 500 ? Math.min(460, Math.max(180, 9 * count)) : Math.min(600, Math.max(220, 13 * count)));
    const high = 18 + tall + GAP + MEL + GAP + STOP + BOTTOM;
    canvas.style.height = high + 'px';
    canvas.width = wide * ratio;
    canvas.height = high * ratio;
    const pen = canvas.getContext('2d');
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const [ink, muted, rule, model, accent] = ['--ink', '--muted', '--rule', '--model', '--accent'].map(css);
    pen.font = '12px Pretendard, sans-serif';
    const tops = [18, 18 + tall + GAP, 18 + tall + GAP + MEL + GAP];
    [words.alignment, words.mel, words.stop].forEach((title, i) => {
      pen.fillStyle = muted;
      pen.textAlign = 'left';
      pen.textBaseline = 'bottom';
      pen.fillText(title, LEFT, tops[i] - 3);
      pen.strokeStyle = rule;
      pen.strokeRect(LEFT + 0.5, tops[i] + 0.5, wide - LEFT - 1, [tall, MEL, STOP][i]);
    });
    if (!now || !now.tokens.length) return;
    const total = Math.max(1, expected());
    const step = (wide - LEFT) / total;
    const edge = step * now.steps.length;
    pen.imageSmoothingEnabled = false;
    const rows = now.tokens.length;
    if (now.steps.length) {
      pen.drawImage(picture(now.steps.length, rows, (s, j) => {  // the first token below, as in the papers
        const {first, weights} = now.steps[s];
        return j >= first && j < first + weights.length ? weights[j - first] / 255 : 0;
      }), LEFT, tops[0], edge, tall);
      pen.drawImage(picture(now.steps.length * now.r, BANDS, (f, band) =>
        now.steps[Math.floor(f / now.r)].mel[(f % now.r) * BANDS + band] / 255), LEFT, tops[1], edge, MEL);
      pen.strokeStyle = model;
      pen.lineWidth = 2;
      pen.beginPath();
      now.steps.forEach((one, s) => pen.lineTo(LEFT + step * (s + 0.5), tops[2] + STOP * (1 - one.stop)));
      pen.stroke();
      pen.lineWidth = 1;
    }
    pen.fillStyle = muted;
    pen.textAlign = 'right';
    pen.textBaseline = 'middle';
    const high1 = tall / rows;
    const every = Math.ceil(9 / high1);
    pen.font = `${Math.min(12, Math.max(8, high1 * every - 1))}px Pretendard, monospace`;
    now.tokens.forEach(([symbol], j) => {
      if (j % every === 0 && symbol !== ' ') pen.fillText(JAMO(symbol), LEFT - 5, tops[0] + tall - (j + 0.5) * high1);
    });
    pen.textAlign = 'center';
    pen.textBaseline = 'top';
    pen.font = '11px Pretendard, sans-serif';
    const length = total * seconds();
    const tick = [0.2, 0.5, 1, 2, 5, 10].find(t => length / t <= (wide - LEFT) / 60) || 20;
    for (let t = 0; t <= length + 1e-6; t += tick) {
      const x = LEFT + (wide - LEFT) * t / length;
      pen.fillRect(x, tops[2] + STOP, 1, 4);
      pen.fillText(t.toFixed(tick < 1 ? 1 : 0) + ' s', Math.min(x, wide - 14), tops[2] + STOP + 6);
    }
    if (at >= 0) {
      const x = LEFT + step * (at + 0.5);
      pen.strokeStyle = accent;
      pen.lineWidth = 2;
      pen.beginPath();
      pen.moveTo(x, tops[0]);
      pen.lineTo(x, tops[2] + STOP);
      pen.stroke();
      pen.lineWidth = 1;
      pen.fillStyle = ink;
    }
  };

  const stepAt = event => {
    if (!now || !now.steps.length) return -1;
    const x = event.clientX - canvas.getBoundingClientRect().left - LEFT;
    return x < 0 ? -1 : Math.min(now.steps.length - 1, Math.floor(x / (wide - LEFT) * Math.max(1, expected())));
  };
  canvas.onpointermove = event => { root.dataset.pointed = '1'; point(stepAt(event)); };
  canvas.onpointerleave = () => { delete root.dataset.pointed; point(-1); };
  canvas.onclick = event => { const step = stepAt(event); if (step >= 0) trigger('select', {index: step, value: step}); };
  root.onkeydown = event => {
    const move = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (move && now) { point(Math.max(0, at + move)); event.preventDefault(); }
    if (event.key === 'Enter' && at >= 0) trigger('select', {index: at, value: at});
  };
  document.addEventListener('site-heard', event => {  // the position of what plays this very sentence
    const mine = () => (props.follows || []).some(id => document.getElementById(id)?.contains(event.detail.element));
    if (!element.isConnected || root.dataset.pointed || !now || !mine()) return;
    const step = Math.floor(event.detail.seconds / seconds());
    point(event.detail.playing && step < now.steps.length ? step : -1);
  });

  const table = () => [['step', 'seconds', 'stop', ...now.tokens.map(([symbol], j) => `${j} ${symbol}`)],
    ...now.steps.map((one, s) => [s, (s * seconds()).toFixed(4), one.stop.toFixed(3), ...now.tokens.map((_, j) => {
      const w = one.weights[j - one.first];
      return w === undefined || j < one.first ? '0' : (w / 255).toFixed(3);
    })])];
  exporting(exports, {
    png: () => canvas.toBlob(blob => save(props.name + '.png', blob)),
    csv: () => save(props.name + '.csv', csv(table())),
  }, words, true);
  watch('value', take);
  site.onTheme(element, draw);
  new ResizeObserver(draw).observe(root);
  take();
  site.onSight(element, () => trigger('appear', {}));
};
