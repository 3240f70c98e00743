// Where a bin of the whole spectrogram stands among the tiers: as core/melnet/look.py says it in Python.
export const alongTime = tier => tier % 2 === 1;  // of tiers from 2: odd ones bring moments, even ones bands

export const placeOf = (frame, band, tiers) => {  // -> [tier, i, j]
  for (let tier = tiers; tier > 1; tier--) {
    if (alongTime(tier)) {
      if (frame % 2) return [tier, (frame - 1) / 2, band];
      frame /= 2;
    } else {
      if (band % 2) return [tier, frame, (band - 1) / 2];
      band /= 2;
    }
  }
  return [1, frame, band];
};

export const sizesOf = (frames, bands, tiers) => {  // [T_g, F_g] of each tier, the coarsest first
  let time = frames, frequency = bands;
  for (let tier = tiers; tier > 1; tier--) alongTime(tier) ? time /= 2 : frequency /= 2;
  const found = [[time, frequency]];
  for (let tier = 2; tier <= tiers; tier++) {
    found.push([time, frequency]);
    alongTime(tier) ? time *= 2 : frequency *= 2;
  }
  return found;
};

export const spacing = (level, tiers) => {  // how far apart the bins of the first `level` tiers lie: [frames, bands]
  let time = 1, frequency = 1;
  for (let tier = tiers; tier > level; tier--) alongTime(tier) ? time *= 2 : frequency *= 2;
  return [time, frequency];
};

export const COLOURS = ['--tier-1', '--tier-2', '--tier-3', '--tier-4', '--tier-5', '--tier-6', '--tier-7'];
const LEVELS = ['#fbfaf5', '#c3ddd3', '#5aa5a2', '#0c5d68', '#0a2739'];
export const rgb = colour => {
  const hex = colour.trim();
  return [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16));
};
export const ramp = () => {  // byte -> [r, g, b] in the colours of the theme
  const ends = LEVELS.map(c => rgb(site.isDark() ? window.siteData.swap[c] || c : c));
  return Array.from({length: 256}, (_, byte) => {
    const v = byte / 255 * (ends.length - 1), low = Math.min(ends.length - 2, Math.floor(v));
    return [0, 1, 2].map(k => ends[low][k] + (ends[low + 1][k] - ends[low][k]) * (v - low));
  });
};
export const mixed = (a, b, share) => a.map((v, k) => v + (b[k] - v) * share);
export const paint = (columns, rows, colourAt) => {  // colourAt(column, row from below) -> [r, g, b] or null
  const data = new ImageData(Math.max(1, columns), Math.max(1, rows));
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const colour = colourAt(column, row);
      if (!colour) continue;
      const at = ((rows - 1 - row) * columns + column) * 4;
      [data.data[at], data.data[at + 1], data.data[at + 2]] = colour;
      data.data[at + 3] = 255;
    }
  }
  const out = document.createElement('canvas');
  out.width = data.width;
  out.height = data.height;
  out.getContext('2d').putImageData(data, 0, 0);
  return out;
};
