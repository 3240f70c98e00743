// The figure of MMDenseLSTM: shows the drawings that Python made, tells it which block was clicked.
const style = document.createElement('link');
style.rel = 'stylesheet';
style.href = '/site/separation/architecture.css';
document.head.append(style);

const save = (svg, name) => {
  const copy = svg.cloneNode(true);
  const originals = svg.querySelectorAll('*');
  copy.querySelectorAll('*').forEach((node, i) => {
    const from = getComputedStyle(originals[i]);
    for (const key of ['fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'font', 'opacity']) {
      node.style.setProperty(key, from.getPropertyValue(key));
    }
  });
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([copy.outerHTML], {type: 'image/svg+xml'}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

export const start = (element, props, trigger, watch) => {
  const host = element.querySelector('.mmdense');
  const overview = host.querySelector('.overview');
  const part = name => Object.assign(document.createElement('div'), {className: name});
  const caption = part('plot-caption');
  const summary = document.createElement('p');
  summary.setAttribute('aria-live', 'polite');
  summary.textContent = props.words.waiting;
  const exports = part('plot-export');
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = props.words.svg;
  button.disabled = true;
  button.onclick = () => {
    save([...overview.querySelectorAll('svg')].find(s => s.getBoundingClientRect().width > 0), 'mmdenselstm.svg');
  };
  exports.append(button);
  caption.append(summary, exports);
  const inside = part('inside');
  host.append(caption, inside);

  const choose = event => {
    const block = event.target.closest('[data-block]');
    if (block) trigger('select', {index: 0, value: block.dataset.block});
    return block;
  };
  overview.addEventListener('click', choose);
  overview.addEventListener('keydown', event => {
    if ((event.key === 'Enter' || event.key === ' ') && choose(event)) event.preventDefault();
  });

  let drawn = '';
  const draw = () => {
    const value = props.value;
    if (!value || !value.overview) return;
    if (drawn !== value.overview) overview.innerHTML = drawn = value.overview;  // else the focus stays where it is
    overview.querySelectorAll('[data-block]').forEach(block => {
      block.setAttribute('aria-pressed', String(block.dataset.block === value.selected));
    });
    inside.innerHTML = value.inside;
    summary.textContent = value.summary;
    button.disabled = false;
    host.dataset.selected = value.selected;
    host.dataset.drawn = String(Number(host.dataset.drawn || 0) + 1);
  };
  watch('value', draw);
  if (props.value) draw(); else window.site.restored.then(() => trigger('appear', {}));
};
