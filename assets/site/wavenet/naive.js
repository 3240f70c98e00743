// The annotated listing: a click on a line opens, below it, what the line does and the tensors of the last forward pass.
const make = (tag, options = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), options);
  node.append(...children);
  return node;
};
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? '');
const count = n => n.toLocaleString('en-US');

export const open = ({element, props, watch}) => {
  const {lines, words, made_by: madeBy} = props;
  const root = make('div', {className: 'listing'});
  const status = make('p', {className: 'listing-status'});
  status.setAttribute('aria-live', 'polite');
  const list = make('ol', {className: 'listing-lines code'});
  const tagged = [];
  let chosen = -1;

  lines.forEach((line, i) => {
    const item = make('li');
    const code = make('code', {innerHTML: line.html || ' '});
    if (line.tag) {
      const button = make('button', {type: 'button'}, code);
      button.setAttribute('aria-expanded', 'false');
      button.dataset.tag = line.tag;
      button.onclick = () => choose(chosen === i ? -1 : i);
      button.onkeydown = event => {
        const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
        const next = step && tagged[tagged.indexOf(i) + step];
        if (next === undefined) return;
        event.preventDefault();
        list.children[next].firstChild.focus();
      };
      tagged.push(i);
      item.append(button);
    } else item.append(code);
    list.append(item);
  });

  const shapes = made => Object.entries(made).map(([name, shape]) => `<code>${name} [${shape.map(count).join(', ')}]</code>`).join(' ');
  const tensors = line => {
    const value = props.value || {};
    const modules = madeBy[line.tag];
    if (modules) {
      const sum = modules.reduce((n, name) => n + (value.parameters?.[name] || 0), 0);
      return `<li>${fill(words.parameters, {n: count(sum)})}</li>`;
    }
    const visits = (value.lines?.[String(line.at)] || []).filter(made => Object.keys(made).length);
    if (!visits.length) return `<li>${words.nothing}</li>`;
    const texts = visits.map(shapes);
    if (texts.length === 1) return `<li>${texts[0]}</li>`;
    if (texts.every(text => text === texts[0])) return `<li>${fill(words.each_layer, {n: texts.length})} ${texts[0]}</li>`;
    return texts.map((text, i) => `<li>${fill(words.in_layer, {layer: i + 1, d: value.dilations[i]})} ${text}</li>`).join('');
  };
  const paint = () => {
    const value = props.value || {};
    status.textContent = fill(value.stored ? words.stored : words.live, {
      batch: value.batch, time: count(value.time || 0), layers: value.layers, reach: count(value.receptive_field || 0)});
    root.dataset.pass = value.stored ? 'stored' : 'live';
    root.dataset.time = String(value.time || 0);
    list.querySelectorAll('.note-below').forEach(note => note.remove());
    list.querySelectorAll('button').forEach(button => button.setAttribute('aria-expanded', 'false'));
    if (chosen < 0) return;
    const line = lines[chosen];
    const button = list.children[chosen].firstChild;
    button.setAttribute('aria-expanded', 'true');
    const note = make('div', {className: 'note-below', innerHTML: `<p></p><ul>${tensors(line)}</ul>`});
    note.firstChild.textContent = words['line_' + line.tag];
    note.setAttribute('role', 'status');
    list.children[chosen].append(note);
    root.dataset.tag = line.tag;
  };
  const choose = i => { chosen = i; paint(); };

  root.append(make('link', {rel: 'stylesheet', href: '/site/wavenet/naive.css'}),
    make('p', {className: 'listing-hint', textContent: words.hint}), list, status,
    make('p', {className: 'listing-hint', textContent: words.legend}));
  element.append(root);
  choose(lines.findIndex(line => line.tag === 'gated'));
  watch('value', paint);
};
