// A few bins, large: each with the number of its tier, in its tier's colour once it is drawn.
import {el} from '/site/painting.js';

const COLUMNS = 16, ROWS = 8;

export const lens = title => {
  const canvas = el('canvas', 'lens-picture');
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', title);
  const box = el('figure', 'lens', el('figcaption', '', title), canvas);
  const draw = ([t, f], at, size, tierAt, colourAt, inks) => {
    const wide = Math.max(160, Math.min(560, canvas.parentElement.clientWidth || 400)), cell = wide / COLUMNS;
    const ratio = Math.min(2, devicePixelRatio || 1), tall = cell * ROWS;
    canvas.style.width = wide + 'px';
    canvas.style.height = tall + 'px';
    canvas.width = wide * ratio;
    canvas.height = tall * ratio;
    const left = Math.min(Math.max(0, size.frames - COLUMNS), Math.max(0, t - COLUMNS / 2));
    const low = Math.min(Math.max(0, size.bands - ROWS), Math.max(0, f - ROWS / 2));
    const pen = canvas.getContext('2d'), css = getComputedStyle(canvas);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.font = `600 ${Math.round(Math.max(9, cell * 0.42))}px Pretendard, sans-serif`;
    pen.textAlign = 'center';
    pen.textBaseline = 'middle';
    for (let x = 0; x < COLUMNS && left + x < size.frames; x++) {
      for (let y = 0; y < ROWS && low + y < size.bands; y++) {
        const tier = tierAt(left + x, low + y), fill = colourAt(left + x, low + y);
        const [px, py] = [x * cell, (ROWS - 1 - y) * cell];
        if (fill) {
          pen.fillStyle = `rgb(${fill.map(Math.round).join()})`;
          pen.fillRect(px + 1, py + 1, cell - 2, cell - 2);
        }
        const ink = `rgb(${inks[tier - 1].join()})`;
        pen.strokeStyle = ink;
        pen.lineWidth = fill ? 2 : 0.8;
        pen.setLineDash(fill ? [] : [3, 3]);
        pen.strokeRect(px + 2, py + 2, cell - 4, cell - 4);
        pen.setLineDash([]);
        const dark = fill ? 0.3 * fill[0] + 0.59 * fill[1] + 0.11 * fill[2] < 130 : site.isDark();
        pen.fillStyle = fill ? (dark ? '#ffffff' : '#101418') : ink;
        pen.fillText(String(tier), px + cell / 2, py + cell / 2 + 1);
        if (at && at.t === left + x && at.f === low + y) {
          pen.strokeStyle = css.getPropertyValue('--accent');
          pen.lineWidth = 3;
          pen.strokeRect(px, py, cell, cell);
        }
      }
    }
  };
  return {box, draw};
};
