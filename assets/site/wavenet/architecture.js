// The architecture figure: writes the live shapes at the arrows, tells Python which block was clicked.
const style = document.createElement('link');
style.rel = 'stylesheet';
style.href = '/site/wavenet/architecture.css';
document.head.append(style);

const save = svg => {
  const copy = svg.cloneNode(true);
  const originals = svg.querySelectorAll('*');
  copy.querySelectorAll('*').forEach((node, i) => {
    const from = getComputedStyle(originals[i]);
    for (const name of ['fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'font', 'opacity']) {
      node.style.setProperty(name, from.getPropertyValue(name));
    }
  });
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([copy.outerHTML], {type: 'image/svg+xml'}));
  link.download = 'wavenet-architecture.svg';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};

export const start = (element, props, trigger, watch) => {
  const words = props.words;
  const caption = document.createElement('div');
  caption.className = 'plot-caption';
  const summary = document.createElement('p');
  summary.setAttribute('aria-live', 'polite');
  summary.textContent = words.waiting;
  const exports = document.createElement('div');
  exports.className = 'plot-export';
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = words.svg;
  button.onclick = () => save([...element.querySelectorAll('svg')].find(s => s.getBoundingClientRect().width > 0));
  exports.append(button);
  caption.append(summary, exports);
  element.querySelector('.architecture').append(caption);

  const choose = block => trigger('select', {index: 0, value: block});
  element.addEventListener('click', event => {
    const block = event.target.closest('[data-block]');
    if (block) choose(block.dataset.block);
  });
  element.addEventListener('keydown', event => {
    const block = event.target.closest('[data-block]');
    if (!block || (event.key !== 'Enter' && event.key !== ' ')) return;
    event.preventDefault();
    choose(block.dataset.block);
  });

  const draw = () => {
    const value = props.value;
    if (!value || !value.shapes) return;
    element.querySelectorAll('[data-shape]').forEach(text => {
      const name = text.dataset.shape;
      const shape = value.shapes[name];  // a name beginning with a dot is of the chosen layer
      text.textContent = shape ? `[${shape.join(', ')}]` : '';
    });
    element.querySelectorAll('[data-fill=layer]').forEach(text => { text.textContent = value.title; });
    element.querySelectorAll('[data-block]').forEach(block => {
      block.setAttribute('aria-pressed', String(block.dataset.block === value.selected));
    });
    const figure = element.querySelector('.architecture');
    figure.classList.toggle('unconditional', !value.conditional);
    figure.classList.toggle('last', value.last);
    figure.dataset.drawn = String(Number(figure.dataset.drawn || 0) + 1);
    summary.textContent = value.summary;
  };
  watch('value', draw);
  if (props.value) draw(); else window.site.restored.then(() => trigger('appear', {}));
};
