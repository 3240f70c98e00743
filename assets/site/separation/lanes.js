// Waveforms of stems in bars, and what a pointer does on them: move the playhead, mark a loop.
import {bytes} from '/site/painting.js';

const BINS_PER_S = 20;
const BAR = 2, STEP = 3;  // pixels of the page

/** Loudness of a segment, number by number in [0, 1]: as it came from Python, or taken from the decoded sound. */
export const fromText = text => Float32Array.from(bytes(text), level => level / 255);
export const fromSound = buffer => {
  const bins = Math.max(1, Math.round(BINS_PER_S * buffer.duration));
  const levels = new Float32Array(bins);
  for (let c = 0; c < buffer.numberOfChannels; c++) {
    const x = buffer.getChannelData(c);
    for (let i = 0; i < x.length; i += 4) {
      const k = Math.min(bins - 1, Math.floor(i * bins / x.length));
      levels[k] = Math.max(levels[k], Math.abs(x[i]));
    }
  }
  return levels;
};

/** The level of a stem at a time of the song. pieces: [{at, seconds, levels}, …] */
export const levelAt = (pieces, seconds) => {
  const piece = pieces.find(p => p && seconds >= p.at && seconds < p.at + p.seconds);
  return piece ? piece.levels[Math.floor((seconds - piece.at) / piece.seconds * piece.levels.length)] || 0 : 0;
};

const columns = (pieces, total, count) => {
  const tops = new Float32Array(count).fill(-1);  // -1: not made yet
  for (const {at, seconds, levels} of pieces.filter(Boolean)) {
    const perSecond = count / total;
    const first = Math.floor(at * perSecond), last = Math.min(count, Math.ceil((at + seconds) * perSecond));
    for (let c = Math.max(0, first); c < last; c++) {
      const from = Math.floor((c / perSecond - at) / seconds * levels.length);
      const to = Math.max(from + 1, Math.floor(((c + 1) / perSecond - at) / seconds * levels.length));
      for (let k = Math.max(0, from); k < Math.min(levels.length, to); k++) tops[c] = Math.max(tops[c], levels[k]);
    }
  }
  return tops;
};

/** Draw stems over each other, the louder one behind. stems: [{pieces, colour}]; loudest: what reaches the edge. */
export const draw = (canvas, stems, total, loudest) => {
  const ratio = devicePixelRatio || 1;
  const wide = Math.round(canvas.clientWidth * ratio), high = Math.round(canvas.clientHeight * ratio);
  if (!wide || !high) return;
  if (canvas.width !== wide || canvas.height !== high) { canvas.width = wide; canvas.height = high; }
  const pen = canvas.getContext('2d');
  pen.clearRect(0, 0, wide, high);
  const count = Math.floor(canvas.clientWidth / STEP);
  const bars = stems.map(stem => ({colour: stem.colour, tops: columns(stem.pieces, total, count)}));
  const middle = high / 2;
  for (let c = 0; c < count; c++) {
    for (const {colour, tops} of [...bars].sort((a, b) => b.tops[c] - a.tops[c])) {
      if (tops[c] < 0) continue;
      const half = Math.max(ratio / 2, (middle - ratio) * Math.min(1, tops[c] / loudest) ** 0.8);
      pen.fillStyle = colour;
      pen.fillRect(Math.round(c * wide / count), middle - half, BAR * ratio, 2 * half);
    }
  }
};

/** Drag on a lane. act: {total(), loop(), preview(s|null), seek(s), loopPreview(a, b), loopDone(a, b)} */
export const pointing = (lane, act) => {
  let drag = null;
  const secondsOf = e => {
    const box = lane.getBoundingClientRect();
    return act.total() * Math.min(1, Math.max(0, (e.clientX - box.left) / box.width));
  };
  const pair = at => drag.from < at ? [drag.from, at] : [at, drag.from];
  lane.addEventListener('pointerdown', e => {
    if (e.button || drag || !act.total()) return;
    const end = e.target.closest('.mix-handle')?.dataset.end;
    const [a, b] = act.loop();
    const at = secondsOf(e);
    drag = {id: e.pointerId, loops: Boolean(end) || e.shiftKey, moved: false, from: end ? (end === 'a' ? b ?? a : a) : at};
    lane.setPointerCapture(e.pointerId);
    if (!drag.loops) act.preview(at);
    if (e.shiftKey) e.preventDefault();  // no selection of text
  });
  lane.addEventListener('pointermove', e => {
    if (!drag || e.pointerId !== drag.id) return;
    drag.moved = true;
    if (drag.loops) act.loopPreview(...pair(secondsOf(e))); else act.preview(secondsOf(e));
  });
  lane.addEventListener('pointerup', e => {
    if (!drag || e.pointerId !== drag.id) return;
    const [a, b] = pair(secondsOf(e));
    const {loops, moved} = drag;
    drag = null;
    if (!loops) { act.preview(null); act.seek(secondsOf(e)); }
    else if (moved && b > a) act.loopDone(a, b);
    else act.loopPreview(null, null);
  });
  lane.addEventListener('pointercancel', e => {
    if (!drag || e.pointerId !== drag.id) return;
    drag = null;
    act.preview(null);
    act.loopPreview(null, null);
  });
};
