// What the pictures that are painted by hand share: bytes from Python, elements, files to keep, a mel in the theme's
// colours.
export const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
export const el = (tag, className, ...children) => {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
};
export const stylesheet = href => {  // once a page
  if (document.querySelector(`link[href="${href}"]`)) return;
  document.head.append(Object.assign(document.createElement('link'), {rel: 'stylesheet', href}));
};
export const save = (name, blob) => {  // hand a file to the visitor
  const link = Object.assign(document.createElement('a'), {href: URL.createObjectURL(blob), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};
export const csv = rows => new Blob(  // a table, every cell quoted
  [rows.map(row => row.map(cell => `"${String(cell).replaceAll('"', '""')}"`).join(',')).join('\n')], {type: 'text/csv'});
export const exporting = (box, kinds, words, disabled = false) => {  // kind -> what its button does
  for (const [kind, act] of Object.entries(kinds)) {
    const button = el('button', '', words[kind]);
    Object.assign(button, {type: 'button', disabled, onclick: act});
    button.dataset.kind = kind;
    box.append(button);
  }
};

const LEVELS = ['#fbfaf5', '#c3ddd3', '#5aa5a2', '#0c5d68', '#0a2739'];
const ramp = () => LEVELS.map(colour => site.isDark() ? window.siteData.swap[colour] || colour : colour)
  .map(c => [1, 3, 5].map(i => parseInt(c.slice(i, i + 2), 16)));
export const picture = (columns, rows, level) => {  // level(column, row from below) in [0, 1] -> canvas
  const colours = ramp();
  const data = new ImageData(Math.max(1, columns), Math.max(1, rows));
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const v = Math.min(1, Math.max(0, level(column, row))) * (colours.length - 1);
      const low = Math.min(colours.length - 2, Math.floor(v));
      const at = ((rows - 1 - row) * columns + column) * 4;
      for (let k = 0; k < 3; k++) data.data[at + k] = colours[low][k] + (colours[low + 1][k] - colours[low][k]) * (v - low);
      data.data[at + 3] = 255;
    }
  }
  const out = document.createElement('canvas');
  out.width = data.width;
  out.height = data.height;
  out.getContext('2d').putImageData(data, 0, 0);
  return out;
};
