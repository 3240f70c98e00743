// Matrices as tables of coloured numbers. Signed: blue below zero, orange above. Shares: from paper to green.
export const make = (tag, options = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), options);
  node.append(...children);
  return node;
};

export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

export const styled = () => {  // the style sheet, once
  const href = '/site/transformer/attention.css';
  if (!document.querySelector(`link[href="${href}"]`)) document.head.append(make('link', {rel: 'stylesheet', href}));
};

export const colour = (value, most, kind) => {
  const strength = Math.min(1, Math.abs(value) / (most || 1));
  const ink = kind === 'share' ? '--accent' : value < 0 ? '--reference' : '--model';
  return `color-mix(in srgb, var(${ink}) ${Math.round(42 * strength)}%, var(--paper))`;
};

export const number = (value, digits) => {
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? (0).toFixed(digits) : text).replace('-', '−');
};

// values [rows][columns]; a null is a cell that a mask covers. rows, columns: their names.
export const matrix = ({name, shape, values, rows, columns, kind = 'signed', digits = 1, chosen = -1, onRow, most}) => {
  const largest = most ?? Math.max(...values.flat().map(v => Math.abs(v ?? 0)));
  const head = make('tr', {}, make('td'));
  for (const column of columns || []) head.append(make('th', {scope: 'col', textContent: column}));
  const body = make('tbody');
  values.forEach((row, i) => {
    const line = make('tr', {className: i === chosen ? 'chosen' : ''}, make('th', {scope: 'row', textContent: rows[i]}));
    for (const value of row) {
      const cell = make('td', {textContent: value === null ? '' : number(value, digits)});
      if (value === null) cell.className = 'covered';
      else cell.style.background = colour(value, largest, kind);
      line.append(cell);
    }
    if (onRow) line.onclick = () => onRow(i);
    body.append(line);
  });
  const table = make('table', {}, ...(columns ? [make('thead', {}, head)] : []), body);
  const scroll = make('div', {className: 'matrix-scroll', tabIndex: 0}, table);
  scroll.setAttribute('role', 'region');
  scroll.setAttribute('aria-label', `${name} ${shape}`);
  const title = make('figcaption', {}, make('b', {innerHTML: name}), make('span', {textContent: ' ' + shape}));
  return make('figure', {className: 'matrix' + (onRow ? ' rows' : '')}, title, scroll);
};

export const saved = (name, words, data) => {  // the numbers, as a file
  const button = make('button', {type: 'button', textContent: words.data});
  button.onclick = () => {
    const link = make('a', {href: URL.createObjectURL(new Blob([JSON.stringify(data())], {type: 'application/json'}))});
    link.download = name + '.json';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  return make('div', {className: 'plot-export'}, button);
};
