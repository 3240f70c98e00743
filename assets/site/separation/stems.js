// Plays the stems of a song from short files that follow each other without gap, while later ones are still being made.
//
// Time is counted in samples of the files: a segment starts at round(at * rate) of the song, and whatever is scheduled
// starts at a whole sample of the context, which runs at the rate of the files. So nothing is resampled at a join, and
// no rounding builds up. Only what lies near the playhead is fetched and decoded; the rest is forgotten.
const AHEAD_S = 12;      // decoded from the playhead on, and from the start of a loop
const HORIZON_S = 2.5;   // scheduled from now on: more than a second, the timer of a page in the background
const LEAD_S = 0.06;     // from a decision to its sound
const EDGE_S = 0.005;    // fade where the sound begins, ends or is cut
const RAMP_S = 0.0033;   // time constant of a volume: 95 % after 10 ms
export const SHORTEST_LOOP_S = 0.2;
const RETRIES = 2;

const contexts = new Map();  // rate -> AudioContext, shared by the mixers of a page
const contextAt = rate => {
  if (!contexts.has(rate)) contexts.set(rate, new AudioContext({sampleRate: rate, latencyHint: 'playback'}));
  return contexts.get(rate);
};
// A browser lets a page sound from a gesture of the visitor on.
document.addEventListener('pointerdown', () => contexts.forEach(c => c.state === 'suspended' && c.resume()), true);

/** The sample rate that a sound file declares: FLAC, WAV, OGG with Vorbis or Opus; 0 if it is something else. */
export const rateOf = file => {
  const view = new DataView(file);
  const tag = (at, length) => String.fromCharCode(...new Uint8Array(file, at, Math.min(length, file.byteLength - at)));
  if (file.byteLength < 64) return 0;
  if (tag(0, 4) === 'fLaC') return view.getUint32(18) >>> 12;  // 20 bits of STREAMINFO
  if (tag(0, 4) === 'RIFF') return view.getUint32(24, true);
  if (tag(0, 4) === 'OggS') return tag(28, 8) === 'OpusHead' ? 48000 : view.getUint32(40, true);
  return 0;
};

// Above 0 dB a sum may pass full scale: exactly linear up to 0.9, then bent towards 1.
const BEND = 0.9, MOST = 8;
const bent = x => Math.sign(x) * (Math.abs(x) < BEND ? Math.abs(x) : BEND + (1 - BEND) * Math.tanh((Math.abs(x) - BEND) / (1 - BEND)));
const CURVE = Float32Array.from({length: 16001}, (_, i) => bent(MOST * (i / 8000 - 1)));

export class Stems {
  /** changed(): something that a page shows is different. decoded(segment number, AudioBuffers): it can be drawn. */
  constructor(changed, decoded = () => {}) {
    Object.assign(this, {changed, decoded, context: null, rate: 0, segments: [], over: false, levels: []});
    Object.assign(this, {held: new Map(), spans: [], playing: false, starved: false, failed: false, timer: 0});
    Object.assign(this, {at: 0, whenFrame: 0, atFrame: 0, fresh: true, a: null, b: null, looping: false, warm: false});
  }

  close() {
    this.pause();
    this.forget(() => true);
    this.nodes?.out.disconnect();
  }

  // What there is to play.
  take(segments, over) {
    this.segments = segments;
    this.over = over;
    this.pump();
  }
  get made() {
    const last = this.segments.at(-1);
    return last ? last.at + last.seconds : 0;
  }
  get ready() {
    return [...this.held.values()].filter(entry => entry.buffers).length;
  }

  // What the visitor does.
  play() {
    this.wake(contextAt(this.rate || 44100));  // now, in the visitor's gesture
    if (this.playing) return;
    if (this.over && this.at >= this.made - 0.02) this.at = 0;
    if (this.looping && this.at >= this.b) this.at = this.a;
    Object.assign(this, {playing: true, warm: true, failed: false});
    this.forget(i => this.held.get(i).failures);
    this.timer = setInterval(() => this.pump(), 200);
    this.restart(this.at);
  }
  pause() {
    if (!this.playing) return;
    this.at = this.position();
    this.playing = this.starved = false;
    clearInterval(this.timer);
    this.cut();
    this.changed();
  }
  seek(seconds) {
    const end = this.over ? this.made : Infinity;
    this.at = Math.min(Math.max(0, seconds), end);
    if (this.playing) this.restart(this.at); else this.pump();
    this.changed();
  }
  position() {
    if (!this.playing) return this.at;
    return this.context && this.spans.length ? this.frameAt(this.now) / this.rate : this.at;
  }
  setLevels(levels) {  // amplitude of each stem
    this.levels = levels;
    if (!this.nodes) return;
    const now = this.context.currentTime;
    const to = (param, value) => { param.cancelScheduledValues(now); param.setTargetAtTime(value, now, RAMP_S); };
    levels.forEach((level, i) => this.nodes.stems[i] && to(this.nodes.stems[i].gain, level));
    const boosted = levels.some(level => level > 1);
    to(this.nodes.straight.gain, boosted ? 0 : 1);
    to(this.nodes.safe.gain, boosted ? 1 : 0);
  }
  setLoop(a, b, looping = true) {  // seconds; null for none
    if (a === null || b === null) [this.a, this.b, this.looping] = [null, null, false];
    else {
      const before = [this.a, this.b, this.looping].join();
      [this.a, this.b] = [Math.max(0, Math.min(a, b)), Math.max(a, b, Math.min(a, b) + SHORTEST_LOOP_S)];
      this.looping = looping;
      if (before === [this.a, this.b, this.looping].join()) return;
    }
    const at = this.position();
    if (this.looping && (at < this.a || at >= this.b)) this.seek(this.a);
    else if (this.playing) this.splice();
    this.changed();
  }

  wake(context) {
    contexts.forEach(other => other !== context && other.suspend());
    context.resume();
  }

  // The clock: frames of the song by frames of the context.
  get now() { return Math.floor(this.context.currentTime * this.rate); }
  frame(seconds) { return Math.round(seconds * (this.rate || 44100)); }
  frameAt(when) {
    const span = this.spans.findLast(s => s.when <= when) || this.spans[0];
    return span.at + Math.max(0, Math.min(span.frames, when - span.when));
  }
  soon() { return Math.ceil((this.context.currentTime + LEAD_S) * this.rate); }

  restart(seconds) {
    this.cut();
    this.at = seconds;
    if (this.context) [this.atFrame, this.whenFrame] = [this.frame(seconds), this.soon()];
    this.pump();
    this.changed();
  }
  cut() {  // silence within a few milliseconds
    if (!this.context) return;
    const now = this.context.currentTime;
    for (const span of this.spans) {
      for (const {source, edge} of span.sources) {
        edge.gain.cancelScheduledValues(now);
        edge.gain.setTargetAtTime(0, now, EDGE_S / 3);
        source.stop(now + 4 * EDGE_S);
      }
    }
    this.spans = [];
    this.fresh = true;
    this.starved = false;
  }
  splice() {  // the same sound goes on, but what comes after it has changed: cut and go on at the same sample
    if (!this.context || !this.spans.length || this.starved) return;
    const when = this.soon();
    if (when >= this.whenFrame) return;
    const at = this.frameAt(when);
    for (const span of this.spans) {
      span.sources.forEach(({source}) => source.stop(Math.max(when, span.when) / this.rate));
      span.frames = Math.min(span.frames, Math.max(0, when - span.when));
    }
    this.spans = this.spans.filter(span => span.when < when);
    [this.whenFrame, this.atFrame, this.fresh] = [when, at, false];
    this.pump();
  }

  // What is fetched, decoded, forgotten.
  wanted() {
    const near = from => this.segments.map((s, i) => [s, i])
      .filter(([s]) => s.at < from + AHEAD_S && s.at + s.seconds > from).map(([, i]) => i);
    if (!this.warm) return [];
    const at = this.position();
    if (!this.playing) return near(at).slice(0, 1);
    if (!this.looping || at >= this.b) return near(at);
    return [...new Set([...near(at), ...near(this.a).slice(0, 2)])].filter(i => this.segments[i].at < this.b);
  }
  forget(isPast) {
    for (const [i, entry] of this.held) if (isPast(i)) { entry.abort.abort(); this.held.delete(i); }
  }
  async fetch(i) {
    const entry = {buffers: null, abort: new AbortController(), failures: 0};
    this.held.set(i, entry);
    const mine = () => this.held.get(i) === entry;
    for (;;) {
      try {
        const files = await Promise.all(this.segments[i].urls.map(async url => {
          const answer = await fetch(url, {signal: entry.abort.signal});
          if (!answer.ok) throw new Error(answer.status + ' ' + url);
          return answer.arrayBuffer();
        }));
        if (!mine()) return;
        if (!this.context) this.open(rateOf(files[0]) || 44100, files.length);
        const buffers = await Promise.all(files.map(file => this.context.decodeAudioData(file)));
        if (!mine()) return;
        entry.buffers = buffers;
        this.decoded(i, buffers);
        this.pump();
        this.changed();
        return;
      } catch {
        if (!mine()) return;
        entry.failures += 1;
        if (entry.failures > RETRIES) return this.pump();
        await new Promise(resolve => setTimeout(resolve, 700 * entry.failures));
        if (!mine()) return;
      }
    }
  }
  open(rate, count) {
    this.rate = rate;
    const context = this.context = contextAt(rate);
    const gain = value => new GainNode(context, {gain: value});
    const [out, straight, safe, down] = [gain(1), gain(1), gain(0), gain(1 / MOST)];
    const bend = new WaveShaperNode(context, {curve: CURVE});
    const stems = Array.from({length: count}, (_, i) => gain(this.levels[i] ?? 1));
    for (const stem of stems) { stem.connect(straight); stem.connect(down); }
    straight.connect(out);
    down.connect(bend).connect(safe).connect(out);
    out.connect(context.destination);
    this.nodes = {out, stems, straight, safe};
    this.setLevels(this.levels);
    if (this.playing) {
      this.wake(context);
      [this.atFrame, this.whenFrame] = [this.frame(this.at), this.soon()];
    }
  }

  // Called whenever something may have to be fetched or scheduled.
  pump() {
    const wanted = this.wanted();
    this.forget(i => !wanted.includes(i));
    for (const i of wanted) if (!this.held.has(i)) this.fetch(i);
    if (!this.playing) return;
    if (this.context) this.schedule();
    const dry = !this.context || this.context.currentTime >= this.whenFrame / this.rate;
    const next = this.context ? this.atFrame : this.frame(this.at);
    if (dry && this.over && next >= this.frame(this.made)) return this.finish();
    const starved = dry || !this.spans.length;
    if (starved && this.held.get(this.segmentAt(next))?.failures > RETRIES) {
      this.failed = true;
      return this.pause();
    }
    if (starved === this.starved) return;
    this.starved = starved;
    this.starvedAt = performance.now();
    this.changed();
  }
  finish() {
    this.pause();
    this.at = 0;
    this.changed();
  }
  segmentAt(frame) {
    return this.segments.findIndex(s => frame < this.frame(s.at + s.seconds));
  }
  schedule() {
    const now = this.now;
    this.spans = this.spans.filter((s, i) => i === this.spans.length - 1 || s.when + s.frames > now);
    const horizon = now + this.frame(HORIZON_S);
    const songEnd = this.over ? this.frame(this.made) : Infinity;
    const loopEnd = this.looping ? Math.min(this.frame(this.b), songEnd) : -1;
    if (this.atFrame === songEnd && loopEnd === songEnd) this.atFrame = this.frame(this.a);
    while (this.whenFrame < horizon) {
      const i = this.segmentAt(this.atFrame);
      const buffers = this.held.get(i)?.buffers;
      if (!buffers) return;
      if (this.whenFrame < now + this.frame(LEAD_S / 4)) [this.whenFrame, this.fresh] = [this.soon(), true];  // too late
      const {at, seconds} = this.segments[i];
      const inLoop = this.atFrame < loopEnd;
      const end = Math.min(this.frame(at + seconds), inLoop ? loopEnd : Infinity);
      const back = inLoop && end === loopEnd;
      this.span(buffers, this.atFrame - this.frame(at), end - this.atFrame, this.fresh, back);
      this.whenFrame += end - this.atFrame;
      this.atFrame = back ? this.frame(this.a) : end;
      this.fresh = back;
    }
  }
  span(buffers, offset, frames, fadeIn, fadeOut) {
    const when = this.whenFrame / this.rate, end = (this.whenFrame + frames) / this.rate;
    const edgeS = Math.min(EDGE_S, (end - when) / 4);
    const sources = buffers.map((buffer, i) => {
      const source = new AudioBufferSourceNode(this.context, {buffer});
      const edge = new GainNode(this.context, {gain: fadeIn ? 0 : 1});
      if (fadeIn) edge.gain.setValueAtTime(0, when).linearRampToValueAtTime(1, when + edgeS);
      if (fadeOut) edge.gain.setValueAtTime(1, end - edgeS).linearRampToValueAtTime(0, end);
      source.connect(edge).connect(this.nodes.stems[i]);
      source.onended = () => edge.disconnect();
      source.start(when, offset / this.rate, frames / this.rate);
      return {source, edge};
    });
    this.spans.push({when: this.whenFrame, at: this.atFrame, frames, sources});
  }
}
