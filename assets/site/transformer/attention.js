// Attention over a row of words or events: choose one, read its row of the softmax, and the matrices behind it.
import {colour, fill, make, matrix, number, saved, styled} from '/site/transformer/matrix.js';

export const start = (element, props, trigger, watch) => {
  styled();
  const words = props.words;
  const host = element.querySelector('.attention-view');
  const chips = make('div', {className: 'chips'});
  chips.setAttribute('role', 'radiogroup');
  chips.setAttribute('aria-label', words.choose);
  const guess = make('p', {className: 'guess'});
  const row = make('div', {className: 'row-table', tabIndex: 0});
  row.setAttribute('role', 'region');
  row.setAttribute('aria-label', words.row);
  const summary = make('p');
  summary.setAttribute('aria-live', 'polite');
  summary.textContent = words.waiting;
  const matrices = make('div', {className: 'matrices'});
  let value = null, chosen = null;
  const caption = make('div', {className: 'plot-caption'}, summary, saved(props.name, words, () => value));
  host.append(chips, guess, row, caption, matrices);

  const percent = share => fill(words.percent, {n: number(100 * share, 0)});
  const choose = (place, focus) => {
    chosen = place;
    draw();
    if (focus) chips.children[place].focus();
  };
  chips.onkeydown = event => {
    const move = {ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1}[event.key];
    if (!move) return;
    event.preventDefault();
    choose(Math.min(value.words.length - 1, Math.max(0, chosen + move)), true);
  };

  const drawChips = () => {
    const shares = value.weights[chosen];
    chips.replaceChildren(...value.words.map((word, j) => {
      const share = make('small', {textContent: shares[j] === null ? '·' : percent(shares[j])});
      const chip = make('button', {type: 'button', className: 'chip', onclick: () => choose(j)}, make('span', {textContent: word}), share);
      chip.setAttribute('role', 'radio');
      chip.setAttribute('aria-checked', String(j === chosen));
      chip.tabIndex = j === chosen ? 0 : -1;
      chip.style.background = shares[j] === null ? 'transparent' : colour(shares[j], 1, 'share');
      return chip;
    }));
  };

  const drawRow = () => {
    const shares = value.weights[chosen];
    let places = shares.map((share, j) => j).filter(j => shares[j] !== null);
    const total = places.length;
    if (value.most) places = places.sort((a, b) => shares[b] - shares[a]).slice(0, value.most);
    const logits = value.logits?.[chosen];  // of events only the weights are shown
    const peak = logits && Math.max(...shares.map((share, j) => share === null ? -Infinity : logits[j]));
    const heads = ['word', ...(logits ? ['content', ...(value.position ? ['position'] : []), 'logit', 'power'] : []), 'weight'];
    const name = key => key === 'logit' ? (value.scaled ? words.head_logit : words.head_logit_unscaled) : words['head_' + key];
    const table = make('table', {}, make('thead', {}, make('tr', {}, ...heads.map(key => make('th', {scope: 'col', innerHTML: name(key)})))));
    const body = make('tbody');
    for (const j of places) {
      const cells = {
        content: () => number(value.content[chosen][j], 2), position: () => number(value.position[chosen][j], 2),
        logit: () => number(logits[j], 2), power: () => number(Math.exp(logits[j] - peak), 3),
      };
      const bar = make('span', {className: 'bar'});
      bar.style.width = (100 * shares[j]).toFixed(1) + '%';
      const line = make('tr', {}, make('th', {scope: 'row', textContent: value.words[j]}));
      for (const key of heads.slice(1, -1)) line.append(make('td', {textContent: cells[key]()}));
      line.append(make('td', {}, make('span', {className: 'weight'}, make('span', {className: 'track'}, bar), make('span', {textContent: number(shares[j], 2)}))));
      body.append(line);
    }
    table.append(body);
    row.replaceChildren(table);
    if (value.most && total > places.length) {
      row.append(make('p', {className: 'quiet', textContent: fill(words.others, {count: total - places.length})}));
    }
  };

  const drawMatrices = () => {
    if (!value.queries) {
      matrices.replaceChildren(picture());
      return;
    }
    const n = value.words.length, d = value.queries[0].length, names = {Q: value.queries, K: value.keys, V: value.values};
    const most = Math.max(...Object.values(names).flat(2).map(Math.abs));
    const parts = Object.entries(names).map(([name, values]) => matrix({
      name: `<i>${name}</i>`, shape: `${n} × ${d}`, values, rows: value.words, chosen, onRow: choose, most,
    }));
    const square = {shape: `${n} × ${n}`, rows: value.words, columns: value.words, chosen, onRow: choose};
    parts.push(matrix({...square, name: value.scaled ? words.logits : words.logits_unscaled, values: covered(value.logits)}));
    parts.push(matrix({...square, name: words.weights, values: value.weights, kind: 'share', digits: 2, most: 1}));
    matrices.replaceChildren(...parts);
  };
  const covered = values => values.map((line, i) => line.map((v, j) => value.weights[i][j] === null ? null : v));

  // Many events: the weights as a picture, a small square each.
  const picture = () => {
    const n = value.words.length;
    const grid = make('div', {className: 'weights-picture'});
    grid.style.gridTemplateColumns = `repeat(${n}, 1fr)`;
    value.weights.forEach((line, i) => line.forEach((share, j) => {
      const cell = make('span', {className: i === chosen ? 'chosen' : '', title: share === null ? '' : `${value.words[i]} → ${value.words[j]}: ${percent(share)}`});
      cell.style.background = share === null ? 'var(--code)' : colour(Math.sqrt(share), 1, 'share');
      cell.onclick = () => choose(i);
      grid.append(cell);
    }));
    const title = make('figcaption', {}, make('b', {innerHTML: words.weights}), make('span', {textContent: ` ${n} × ${n}. ${words.picture}`}));
    return make('figure', {className: 'matrix'}, title, grid);
  };

  const draw = () => {
    drawChips();
    drawRow();
    drawMatrices();
    const guesses = value.guesses[chosen].map(([word, share]) => `${word} ${percent(share)}`).join(', ');
    guess.textContent = fill(words.guess, {word: value.words[chosen], guesses});
    const shares = value.weights[chosen].map(share => share ?? 0);
    const most = shares.indexOf(Math.max(...shares));
    summary.textContent = fill(words.summary, {word: value.words[chosen], most: value.words[most], share: percent(shares[most])});
    host.dataset.row = chosen;
  };
  const changed = () => {
    if (!props.value?.words) return;
    const before = value;
    value = props.value;
    const same = before && before.words.join(' ') === value.words.join(' ');
    if (!same || chosen === null || chosen >= value.words.length) chosen = value.start;
    draw();
    host.dataset.drawn = String(Number(host.dataset.drawn || 0) + 1);
  };
  watch('value', changed);
  if (props.value?.words) changed(); else site.onSight(element, () => trigger('appear', {}));
};
