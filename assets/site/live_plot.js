// A plotly figure. Given by gradio: element, props (value, height, words), trigger, watch.
const words = props.words || {};
const host = document.createElement('div');
host.className = 'plot-host';
host.style.height = props.height + 'px';
host.setAttribute('role', 'group');  // not img: plotly's buttons in it can be reached by keyboard
host.setAttribute('aria-label', words.waiting || '');
const caption = document.createElement('div');
caption.className = 'plot-caption';
const summary = document.createElement('p');
summary.setAttribute('aria-live', 'polite');
summary.textContent = words.waiting || '';
const exports = document.createElement('div');
exports.className = 'plot-export';
caption.append(summary, exports);
element.append(host, caption);

const file = (name, type, text) => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type}));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};
const save = {
  png: () => Plotly.downloadImage(host, {format: 'png', scale: 2, filename: props.name}),
  svg: () => Plotly.downloadImage(host, {format: 'svg', filename: props.name}),
  data: () => file(props.name + '.json', 'application/json', JSON.stringify(host.data, null, 1)),
};
for (const kind of Object.keys(save)) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = words[kind] || kind;
  button.disabled = true;
  button.dataset.kind = kind;
  button.onclick = save[kind];
  exports.append(button);
}

let drawn = 0;
const empty = () => {  // what was drawn, or asked for, is out of date: ask again when the figure is in sight
  if (!host.wired && !element.asked) return;
  drawn++;
  if (host.wired) Plotly.purge(host);
  host.wired = false;
  delete host.dataset.drawn;
  summary.textContent = words.waiting || '';
  exports.querySelectorAll('button').forEach(b => { b.disabled = true; });
  element.asked = false;
  ask();
};
// Labels that stand closer than they are large: every second, third … is enough.
const thin = layout => {
  for (const [name, axis] of Object.entries(layout)) {
    const [, kind] = /^([xy])axis\d*$/.exec(name) || [];
    if (!kind || axis?.tickmode !== 'array' || !axis.ticktext) continue;
    const across = kind === 'x', pixels = (across ? host.clientWidth : props.height) - 90;
    const [low, high] = axis.domain || [0, 1], size = axis.tickfont?.size || 12;
    const longest = Math.max(...axis.ticktext.map(text => String(text).length));
    const each = across ? Math.max(size * 1.2, longest > 2 ? 0 : longest * size * 0.75) : size * 1.25;
    const step = Math.ceil(axis.ticktext.length * each / Math.max(1, pixels * (high - low)));
    if (axis.ticktext.length < 12 || step < 2) continue;  // a few labels stand where somebody put them
    axis.tickvals = axis.tickvals.filter((_, i) => i % step === 0);
    axis.ticktext = axis.ticktext.filter((_, i) => i % step === 0);
  }
};
const draw = async () => {
  const value = props.value;
  if (!value || !value.figure) { empty(); return; }
  const turn = ++drawn;
  await site.plotly();
  if (turn !== drawn) return;  // a newer value came while the library loaded
  const figure = site.themed(value.figure);
  figure.layout.uirevision ??= 'keep';
  figure.layout.height = props.height;
  if (host.clientWidth < 480) {  // what core.plots.on_a_phone asks for
    for (const [path, value] of Object.entries(figure.layout.meta?.narrow || {})) {
      const steps = path.split('.'), last = steps.pop();
      steps.reduce((place, step) => place[step] ??= {}, figure.layout)[last] = value;
    }
  }
  thin(figure.layout);
  const config = {responsive: true, displaylogo: false, modeBarButtonsToRemove: ['toImage', 'select2d', 'lasso2d']};
  await Plotly.react(host, figure.data, figure.layout, config);
  if (host._transitionData) host._transitionData._frames = [], host._transitionData._frameHash = {};
  if (figure.frames) await Plotly.addFrames(host, figure.frames);
  summary.textContent = value.summary || '';
  host.setAttribute('aria-label', value.summary || '');
  exports.querySelectorAll('button').forEach(b => { b.disabled = false; });
  host.dataset.drawn = String(turn);
  if (host.wired) return;
  host.wired = true;
  host.on('plotly_click', e => {
    const p = e.points[0];
    trigger('select', {index: [p.curveNumber, p.pointIndex ?? p.pointNumber], value: {x: p.x, y: p.y, z: p.z ?? null}});
  });
};

const ask = () => site.onSight(element, () => {
  if (props.value && props.value.figure) draw();
  else if (!element.asked) { element.asked = true; trigger('appear', {}); }
});
ask();
watch('value', draw);
site.onTheme(element, draw);
