// Spectrograms that grow tier by tier. Value: {run, state, facts, frames, bands, given, low, high,
// takes: [{label, tiers, blocks: ["tier:bytes in base64", …]}]}. Blocks only grow within one run.
import {bytes, csv, el, exporting, save, stylesheet} from '/site/painting.js';
import {COLOURS, mixed, paint, placeOf, ramp, rgb, sizesOf, spacing} from '/site/melnet/grid.js';
import {lens as makeLens} from '/site/melnet/lens.js';

const PLAY_S = 9, AXIS = 20, DECIBELS = 20 / Math.log(10);

export const start = (element, props, trigger, watch) => {
  stylesheet('/site/melnet/tiers.css');
  const words = props.words;
  const button = (name, text, act) => {
    const made = el('button', name, text);
    Object.assign(made, {type: 'button', onclick: act});
    return made;
  };
  const look = {by_tier: props.by_tier, gaps: props.gaps};
  let now = null;         // the value, and of each take what can be drawn
  let position = 1;       // of the slider: a share of all steps
  let following = true;   // whether the newest is shown
  let playing = false, chosen = 0, at = null, heard = {take: -1, seconds: 0};

  const root = el('div', 'tiers-view');
  root.setAttribute('role', 'group');
  root.setAttribute('aria-label', words.label);
  const play = button('play', '▶ ' + words.play, () => playing ? rest() : run());
  const slider = Object.assign(document.createElement('input'), {type: 'range', min: '0', max: '1000', step: '1'});
  slider.setAttribute('aria-label', words.position);
  const stepped = el('span', 'stepped');
  const chips = el('div', 'chips');
  const switches = el('div', 'switches');
  const gallery = el('div', 'gallery');
  const line = el('p', 'at');
  line.setAttribute('aria-live', 'polite');
  const status = el('p', 'state');
  status.setAttribute('role', 'status');
  const exports = el('div', 'plot-export');
  const lens = props.lens ? makeLens(words.lens) : null;
  root.append(el('div', 'transport', play, button('back', '‹', () => nudge(-1)), button('next', '›', () => nudge(1)),
    slider, stepped), el('div', 'legend', chips, switches), gallery, ...(lens ? [lens.box] : []), line,
    el('div', 'foot', status, exports));
  root.querySelector('.back').setAttribute('aria-label', words.back);
  root.querySelector('.next').setAttribute('aria-label', words.next);
  element.append(root);
  for (const key of ['by_tier', 'gaps']) {
    const made = button('switch ' + key, words[key], () => {
      look[key] = !look[key];
      made.setAttribute('aria-pressed', String(look[key]));
      draw();
    });
    made.setAttribute('aria-pressed', String(look[key]));
    switches.append(made);
  }
  const colours = () => COLOURS.map(name => rgb(getComputedStyle(root).getPropertyValue(name)));

  // --- what has come -------------------------------------------------------------------------------------------------
  const places = new Map();  // per number of tiers: the tier and the row of every bin, for one size
  const placesOf = tiers => {
    const key = [tiers, now.frames, now.bands].join();
    if (!places.has(key)) {
      const size = now.frames * now.bands;
      const found = {tier: new Uint8Array(size), row: new Uint16Array(size), index: new Uint32Array(size)};
      const sizes = sizesOf(now.frames, now.bands, tiers);
      for (let t = 0; t < now.frames; t++) for (let f = 0; f < now.bands; f++) {
        const [tier, i, j] = placeOf(t, f, tiers), k = t * now.bands + f;
        found.tier[k] = tier;
        found.row[k] = i;
        found.index[k] = i * sizes[tier - 1][1] + j;
      }
      places.set(key, found);
    }
    return places.get(key);
  };
  const fresh = (take, number) => {
    const sizes = sizesOf(now.frames, now.bands, take.tiers);
    const canvas = el('canvas', 'picture');
    canvas.tabIndex = 0;
    canvas.setAttribute('role', 'img');
    const name = el('figcaption', '', take.label);
    const box = el('figure', 'take', name, canvas);
    canvas.onpointermove = event => point(number, binAt(number, event));
    canvas.onpointerleave = () => point(number, null);
    canvas.onclick = event => { point(number, binAt(number, event)); choose(number); };
    canvas.onkeydown = event => keyed(number, event);
    gallery.append(box);
    return {
      box, canvas, name, tiers: take.tiers, sizes, seen: 0, total: sizes.reduce((sum, [time]) => sum + time, 0),
      parts: sizes.map(([time, bands]) => new Uint8Array(time * bands)), done: sizes.map(() => 0),
    };
  };
  const receive = () => {
    const value = props.value;
    if (!value || !value.run) return;
    if (!now || now.run !== value.run) {
      rest();
      now = {run: value.run, frames: value.frames, bands: value.bands, takes: []};
      [following, position, at, heard] = [true, 1, null, {take: -1, seconds: 0}];
      places.clear();
      gallery.replaceChildren();
      chosen = Math.min(chosen, Math.max(0, value.takes.length - 1));
    }
    Object.assign(now, {state: value.state, facts: value.facts, given: value.given || 0, low: value.low, high: value.high});
    value.takes.forEach((take, number) => {
      if (!now.takes[number]) now.takes[number] = fresh(take, number);
      const mine = now.takes[number];
      for (const block of take.blocks.slice(mine.seen)) {
        const [tier, data] = [Number(block.split(':')[0]), bytes(block.slice(block.indexOf(':') + 1))];
        const width = mine.sizes[tier - 1][1];
        mine.parts[tier - 1].set(data, mine.done[tier - 1] * width);
        mine.done[tier - 1] += data.length / width;
      }
      mine.seen = take.blocks.length;
    });
    gallery.dataset.takes = String(now.takes.length);
    if (lens) lens.box.hidden = !now.takes.length;
    status.textContent = now.facts || words[now.state] || '';
    Object.assign(root.dataset, {run: String(now.run), state: now.state, takes: String(now.takes.length)});
    exports.querySelectorAll('button').forEach(b => { b.disabled = !now.takes.some(take => take.seen); });
    legend();
    draw();
  };

  // --- which step is shown -------------------------------------------------------------------------------------------
  const arrived = take => take.done.reduce((sum, count) => sum + count, 0);
  const stepOf = take => following ? arrived(take) : Math.min(arrived(take), Math.round(position * take.total));
  const shownOf = take => {  // -> [tier being drawn, its frames so far]
    let left = stepOf(take);
    for (let tier = 1; tier <= take.tiers; tier++) {
      const time = take.sizes[tier - 1][0];
      if (left <= time) return [tier, left];
      left -= time;
    }
    return [take.tiers, take.sizes[take.tiers - 1][0]];
  };
  const longest = () => now.takes.reduce((best, take) => take.tiers > best.tiers ? take : best, now.takes[0]);
  const to = share => {
    [following, position] = [false, Math.min(1, Math.max(0, share))];
    draw();
  };
  const here = () => now && now.takes.length ? stepOf(longest()) / longest().total : 0;
  const nudge = way => { if (now && now.takes.length) { rest(); to((Math.round(here() * longest().total) + way) / longest().total); } };
  const untilTier = tier => {  // as far as this tier is complete
    const take = longest();
    rest();
    to(take.sizes.slice(0, tier).reduce((sum, [time]) => sum + time, 0) / take.total);
  };
  const run = () => {
    if (!now || !now.takes.length) return;
    playing = true;
    play.textContent = '❚❚ ' + words.pause;
    const from = here() > 0.995 ? 0 : here(), began = performance.now();
    const tick = time => {
      if (!playing || !element.isConnected) return;
      const share = from + (time - began) / 1000 / PLAY_S;
      to(share);
      share < 1 ? requestAnimationFrame(tick) : rest();
    };
    requestAnimationFrame(tick);
  };
  const rest = () => {
    playing = false;
    play.textContent = '▶ ' + words.play;
  };
  slider.oninput = () => { rest(); to(slider.value / 1000); };

  // --- drawing -------------------------------------------------------------------------------------------------------
  const legend = () => {
    const tiers = now.takes.length ? longest().tiers : 0;
    if (chips.childElementCount === tiers) return;
    chips.replaceChildren(...Array.from({length: tiers}, (_, k) => {
      const chip = button('chip', words.tier.replace('{tier}', k + 1), () => untilTier(k + 1));
      chip.style.setProperty('--of', `var(${COLOURS[k]})`);
      return chip;
    }));
  };
  const valueAt = (take, places, tier, done, t, f, solo) => {  // byte and tier of what is seen at a bin, or null
    const k = t * now.bands + f;
    if (places.tier[k] < tier || (places.tier[k] === tier && places.row[k] < done)) {
      return [take.parts[places.tier[k] - 1][places.index[k]], places.tier[k]];
    }
    if (solo) return null;
    for (let level = tier; level >= 1; level--) {  // the nearest of those before, to the left and below
      const [time, frequency] = spacing(level, take.tiers);
      const s = (t - t % time) * now.bands + f - f % frequency;
      if (places.tier[s] < tier || (places.tier[s] === tier && places.row[s] < done)) {
        return [take.parts[places.tier[s] - 1][places.index[s]], places.tier[s]];
      }
    }
    return null;
  };
  const draw = () => {
    if (!now) return;
    const inks = colours(), shades = ramp(), paper = rgb(getComputedStyle(root).getPropertyValue('--paper'));
    const colourOf = ([byte, tier]) => look.by_tier ? mixed(paper, inks[tier - 1], 0.16 + 0.84 * byte / 255) : shades[byte];
    now.takes.forEach((take, number) => {
      const [tier, done] = shownOf(take), places = placesOf(take.tiers);
      take.image = paint(now.frames, now.bands, (t, f) => {
        const seen = valueAt(take, places, tier, done, t, f, look.gaps);
        return seen && colourOf(seen);
      });
      Object.assign(take.box.dataset, {tier: String(tier), done: String(done), step: String(stepOf(take))});
      take.box.toggleAttribute('data-chosen', now.takes.length > 1 && number === chosen);
      const end = stepOf(take) === 0 ? '' : ' · ' + words.at.replace('{tier}', tier).replace('{done}', done)
        .replace('{frames}', take.sizes[tier - 1][0]);
      take.name.textContent = props.value.takes[number].label + end;
      take.canvas.setAttribute('aria-label', take.name.textContent);
      stroke(take, number, tier, done);
    });
    if (lens && now.takes.length) {
      const take = now.takes[0], [tier, done] = shownOf(take), places = placesOf(take.tiers);
      const where = at ? [at.t, at.f] : [Math.floor(now.frames * 0.3), Math.floor(now.bands * 0.15)];
      lens.draw(where, at, now, (t, f) => places.tier[t * now.bands + f],
        (t, f) => { const seen = valueAt(take, places, tier, done, t, f, true); return seen && colourOf(seen); }, inks);
    }
    const share = here();
    slider.value = String(Math.round(1000 * share));
    root.dataset.position = share.toFixed(4);
    if (now.takes.length) {
      const [tier, done] = shownOf(longest());
      [...chips.children].forEach((chip, k) => {
        const full = k + 1 < tier || (k + 1 === tier && done === longest().sizes[k][0]);
        chip.dataset.state = full ? 'full' : k + 1 === tier && done ? 'part' : 'none';
      });
      stepped.textContent = `${stepOf(longest())} / ${longest().total}`;
    }
    tell();
  };
  const stroke = (take, number, tier, done) => {
    const {canvas} = take, ratio = Math.min(2, devicePixelRatio || 1);
    const wide = Math.max(120, canvas.clientWidth || 300), tall = (now.takes.length > 1 ? 150 : 260) + AXIS;
    canvas.style.height = tall + 'px';
    canvas.width = wide * ratio;
    canvas.height = tall * ratio;
    const pen = canvas.getContext('2d'), css = getComputedStyle(root);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const unit = wide / now.frames, high = (tall - AXIS) / now.bands;
    pen.imageSmoothingEnabled = false;
    pen.drawImage(take.image, 0, 0, wide, tall - AXIS);
    const upright = (x, colour, dash, width = 1.5) => {
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.setLineDash(dash);
      pen.beginPath(); pen.moveTo(x, 0); pen.lineTo(x, tall - AXIS); pen.stroke();
      pen.setLineDash([]);
    };
    const [step] = spacing(tier, take.tiers);
    if (done && done < take.sizes[tier - 1][0]) upright(done * (tier > 1 && tier % 2 ? 2 * step : step) * unit, css.getPropertyValue(COLOURS[tier - 1]), [], 2);
    if (now.given) upright(now.given * unit, css.getPropertyValue('--ink'), [5, 4]);
    if (heard.take === number || heard.take === -2) upright(heard.seconds * 80 * unit, css.getPropertyValue('--accent'), [], 2);
    if (at && at.take === number) {
      pen.strokeStyle = css.getPropertyValue('--accent');
      pen.lineWidth = 2;
      pen.strokeRect(at.t * unit - 2, (now.bands - 1 - at.f) * high - 2, unit + 4, high + 4);
    }
    pen.fillStyle = css.getPropertyValue('--muted');
    pen.font = '11px Pretendard, sans-serif';
    pen.textBaseline = 'top';
    const tick = [0.25, 0.5, 1, 2, 5].find(s => s * 80 * unit >= 46) || 5;
    for (let s = 0; s * 80 < now.frames - 0.3 * tick * 80 || s === 0; s += tick) {
      pen.fillRect(s * 80 * unit, tall - AXIS, 1, 4);
      pen.fillText(`${s} s`, s * 80 * unit + 3, tall - AXIS + 5);
    }
  };

  // --- pointing ------------------------------------------------------------------------------------------------------
  const binAt = (number, event) => {
    const box = now.takes[number].canvas.getBoundingClientRect();
    const t = Math.floor((event.clientX - box.left) / box.width * now.frames);
    const f = Math.floor((1 - (event.clientY - box.top) / (box.height - AXIS)) * now.bands);
    return t >= 0 && t < now.frames && f >= 0 && f < now.bands ? {take: number, t, f} : null;
  };
  const point = (number, bin) => {
    if ((bin && at && bin.t === at.t && bin.f === at.f && at.take === number) || (!bin && !at)) return;
    at = bin;
    draw();
  };
  const tell = () => {
    if (!at) { line.textContent = now.takes.length ? words.hint : ''; return; }
    const take = now.takes[at.take], [tier, i, j] = placeOf(at.t, at.f, take.tiers), [nowTier, done] = shownOf(take);
    const known = tier < nowTier || (tier === nowTier && i < done);
    const level = now.low + take.parts[tier - 1][i * take.sizes[tier - 1][1] + j] / 255 * (now.high - now.low);
    const fill = {tier, i: i + 1, j: j + 1, time: take.sizes[tier - 1][0], bands: take.sizes[tier - 1][1],
      seconds: (at.t / 80).toFixed(3), frame: at.t + 1, band: at.f + 1,
      value: known ? (level * DECIBELS).toFixed(1) + ' dB' : words.unknown};
    line.textContent = words.bin.replace(/\{(\w+)\}/g, (whole, name) => fill[name] ?? whole);
  };
  const keyed = (number, event) => {
    const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key];
    if (event.key === 'Enter') choose(number);
    if (!way) return;
    const from = at && at.take === number ? at : {t: Math.floor(now.frames * 0.3), f: Math.floor(now.bands * 0.15)};
    point(number, {take: number, t: Math.min(now.frames - 1, Math.max(0, from.t + way[0])),
      f: Math.min(now.bands - 1, Math.max(0, from.f + way[1]))});
    event.preventDefault();
  };
  const choose = number => {
    if (now.takes.length < 2) return;
    chosen = number;
    draw();
    trigger('select', {index: number, value: number});
  };

  document.addEventListener('site-heard', event => {  // the position of the player that sounds these takes
    const mine = (props.follows || []).some(id => document.getElementById(id)?.contains(event.detail.element));
    if (!element.isConnected || !now || !now.takes.length || !mine) return;
    queueMicrotask(() => {  // the player first writes down which track it is
      const track = Number(event.detail.element.querySelector('.player')?.dataset.track || 0);
      const one = now.takes.length === 1;
      heard = event.detail.playing ? {take: one ? 0 : track < now.takes.length ? track : -1, seconds: event.detail.seconds} : {take: -1, seconds: 0};
      if (one && props.lens && event.detail.playing) untilTier(Math.min(track + 1, longest().tiers));
      else draw();
    });
  });

  const table = () => {
    const take = now.takes[chosen] || now.takes[0], places = placesOf(take.tiers), rows = [['frame', 'band', 'tier', 'log_mel']];
    for (let t = 0; t < now.frames; t++) for (let f = 0; f < now.bands; f++) {
      const k = t * now.bands + f, tier = places.tier[k];
      if (places.row[k] >= take.done[tier - 1]) continue;
      rows.push([t, f, tier, (now.low + take.parts[tier - 1][places.index[k]] / 255 * (now.high - now.low)).toFixed(2)]);
    }
    return rows;
  };
  exporting(exports, {
    png: () => (now.takes[chosen] || now.takes[0]).canvas.toBlob(blob => save(props.name + '.png', blob)),
    csv: () => save(props.name + '.csv', csv(table())),
  }, words, true);
  status.textContent = words.idle;
  watch('value', receive);
  site.onTheme(element, draw);
  new ResizeObserver(draw).observe(gallery);
  receive();
  site.onSight(element, () => trigger('appear', {}));
};
