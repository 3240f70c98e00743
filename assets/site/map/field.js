// The field as a tree: three branches, a button for each task, and beneath what the chosen one is about.
// Value: {run, said: {task: {state, text, sure, seconds}}}; properties: leaves, branches, words.
import {el, stylesheet} from '/site/painting.js';

export const start = (element, props, trigger, watch) => {
  stylesheet('/site/map/field.css');
  const words = props.words, leaves = props.leaves;
  let chosen = leaves[0].key;

  const root = el('div', 'field');
  root.setAttribute('role', 'group');
  root.setAttribute('aria-label', words.label);
  const tree = el('div', 'tree');
  const facts = el('section', 'facts-of');
  const status = el('p', 'state');
  status.setAttribute('role', 'status');
  const parts = {};
  for (const [key, name] of props.branches) {
    const branch = el('div', 'branch', el('h3', '', name));
    for (const leaf of leaves.filter(leaf => leaf.branch === key)) {
      const says = el('span', 'says'), level = el('i', ''), bar = el('span', 'bar', level);
      const button = el('button', 'leaf', el('b', '', leaf.name), says, bar);
      Object.assign(button, {type: 'button', onclick: () => choose(leaf.key)});
      button.dataset.leaf = leaf.key;
      bar.setAttribute('aria-hidden', 'true');
      parts[leaf.key] = {button, says, level, bar};
      branch.append(button);
    }
    tree.append(branch);
  }
  root.append(tree, status, facts);
  element.append(root);

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  const said = () => (props.value && props.value.said) || {};

  const paint = () => {
    let busy = 0;
    for (const leaf of leaves) {
      const {button, says, level, bar} = parts[leaf.key];
      const now = said()[leaf.key];
      const state = leaf.live ? (now ? now.state : 'idle') : 'elsewhere';
      button.dataset.state = state;
      busy += state === 'busy';
      says.textContent = state === 'done' || state === 'unsure' ? now.text : words[state];
      bar.style.visibility = leaf.live ? '' : 'hidden';
      level.style.width = state === 'done' || state === 'unsure' ? Math.round(100 * now.sure) + '%' : '';
      button.setAttribute('aria-pressed', String(leaf.key === chosen));
    }
    root.dataset.run = String((props.value && props.value.run) || 0);
    root.dataset.busy = String(busy);
    status.textContent = busy ? words.busy : words.choose;
    describe();
  };

  const describe = () => {
    const leaf = leaves.find(leaf => leaf.key === chosen), now = said()[chosen];
    const rows = [['goes_in', leaf.in], ['comes_out', leaf.out], ['model', leaf.model], ['good', leaf.good]];
    if (leaf.live && now && now.text) {
      const sure = Math.round(100 * now.sure);
      const text = now.state === 'unsure' ? `${now.text} ${words.unsure}` : now.text;
      rows.push(['live', now.seconds === undefined ? text : fill(words.took, {text, sure, seconds: now.seconds})]);
    }
    const list = el('dl', '');
    for (const [key, text] of rows) list.append(el('dt', '', words[key]), el('dd', '', text));
    const link = el('a', '', fill(words.go, {name: leaf.name}));
    link.href = `?tab=${leaf.tab}` + (leaf.step ? `&step=${leaf.step}` : '');
    link.dataset.tab = leaf.tab;
    if (leaf.step) link.dataset.step = leaf.step;
    const heading = el('h4', '', leaf.name);
    facts.replaceChildren(heading, list, link);
  };

  const choose = key => {
    chosen = key;
    paint();
    if (innerWidth <= 720) facts.scrollIntoView({block: 'nearest'});  // one column: the text is far below
  };
  watch('value', paint);
  paint();
  site.onSight(root, () => { if (!(props.value && props.value.run)) trigger('appear', {}); });
};
