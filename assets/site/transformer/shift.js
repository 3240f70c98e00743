// The logits of one sentence, at its place and moved: absolute position beside relative.
import {fill, make, matrix, number, saved, styled} from '/site/transformer/matrix.js';

export const start = (element, props, trigger, watch) => {
  styled();
  const words = props.words;
  const host = element.querySelector('.shift-view');
  const sides = make('div', {className: 'sides'});
  const summary = make('p', {textContent: words.waiting});
  summary.setAttribute('aria-live', 'polite');
  host.append(sides, make('div', {className: 'plot-caption'}, summary, saved(props.name, words, () => props.value)));

  const side = (kind, one, value) => {
    const covered = lines => lines.map((line, i) => line.map((v, j) => j > i ? null : v));
    const change = covered(one.moved.map((line, i) => line.map((v, j) => v - one.home[i][j])));
    const options = {shape: '', rows: value.words, columns: value.words};
    const largest = Math.max(...change.flat().map(v => Math.abs(v ?? 0)));
    const guess = make('p', {className: 'guess', textContent: fill(words.guess, {
      word: value.words[value.place], right: one.right, before: number(100 * one.before, 0), after: number(100 * one.after, 0)})});
    const box = make('div', {className: 'side'}, make('h4', {textContent: words[kind]}), guess,
      matrix({...options, name: words.moved, values: covered(one.moved)}),
      matrix({...options, name: words.change, values: change, digits: 2, most: Math.max(2, largest)}));
    box.dataset.kind = kind;
    box.dataset.largest = largest.toFixed(4);
    return [box, largest];
  };
  const draw = () => {
    const value = props.value;
    if (!value?.words) return;
    const [absolute, a] = side('absolute', value.absolute, value);
    const [relative, r] = side('relative', value.relative, value);
    sides.replaceChildren(absolute, relative);
    summary.textContent = fill(value.shift ? words.summary : words.home, {shift: value.shift, absolute: number(a, 2), relative: number(r, 2)});
    host.dataset.drawn = String(Number(host.dataset.drawn || 0) + 1);
  };
  watch('value', draw);
  if (props.value?.words) draw(); else site.onSight(element, () => trigger('appear', {}));
};
