// A question with feedback. Given by gradio: element, props (value, name), trigger.
const {question, choices, words, tab} = props.value;
const root = document.createElement('div');
root.className = 'quiz-body';
const said = document.createElement('div');
said.className = 'feedback';
said.setAttribute('role', 'status');
const text = document.createElement('div');
text.className = 'question';
text.id = 'question-' + props.name;
text.innerHTML = question;
let asked = false;
const say = (state, head, body) => {
  said.dataset.state = state;
  said.innerHTML = (head ? `<b>${head}</b> ` : '') + body;
  if (state !== 'missing' && !asked) { asked = true; trigger('answered', {}); }
};
const judge = (right, feedback, given, silent) => {
  say(right ? 'right' : 'wrong', right ? words.right : words.wrong, feedback);
  if (!silent) site.record(tab, props.name, {question: text.textContent.trim(), given, right});
};
const form = document.createElement('form');
form.setAttribute('aria-labelledby', text.id);
const check = document.createElement('button');
check.type = 'submit';
check.textContent = words.check;
let again;  // answer as before: (given) => nothing
if (choices) {
  const boxes = choices.map((choice, i) => {
    const label = document.createElement('label');
    const box = Object.assign(document.createElement('input'), {type: 'radio', name: text.id, value: String(i)});
    const body = document.createElement('span');
    body.innerHTML = choice.text;
    label.append(box, body);
    form.append(label);
    return {box, said: body.textContent.trim()};
  });
  const answer = silent => {
    const i = boxes.findIndex(({box}) => box.checked);
    if (i < 0) return say('missing', '', words.choose_one);
    judge(choices[i].right, choices[i].feedback, boxes[i].said, silent);
  };
  form.onsubmit = e => { e.preventDefault(); answer(false); };
  again = given => {
    const found = boxes.find(({said}) => said === given);
    if (found) { found.box.checked = true; answer(true); }
  };
  const sentence = html => /[.!?…]\s*(<\/p>)?\s*$/.test(html) ? html : html.replace(/\s*(<\/p>)?\s*$/, '.$1');
  element.tell = () => {  // the teacher's answer on the wall
    const i = choices.findIndex(choice => choice.right);
    boxes[i].box.checked = true;
    say('right', words.answer, sentence(choices[i].text) + ' ' + choices[i].feedback);
  };
} else {
  const label = document.createElement('label');
  label.className = 'number';
  const box = Object.assign(document.createElement('input'), {type: 'text', inputMode: 'decimal', autocomplete: 'off'});
  label.append(words.number + ' ', box, ' ' + props.value.unit);
  form.append(label);
  const {answer: wanted, tolerance, feedback, otherwise, mistakes} = props.value;
  const answer = silent => {
    const given = box.value.trim() === '' ? NaN : Number(box.value.trim().replace(/,/g, '').replace('−', '-'));
    if (!Number.isFinite(given)) return say('missing', '', words.not_a_number);
    if (Math.abs(given - wanted) <= tolerance) return judge(true, feedback, box.value.trim(), silent);
    const known = mistakes.find(m => Math.abs(given - m.value) <= m.tolerance);
    judge(false, known ? known.feedback : otherwise, box.value.trim(), silent);
  };
  form.onsubmit = e => { e.preventDefault(); answer(false); };
  again = given => { box.value = given; answer(true); };
  element.tell = () => {
    box.value = String(wanted);
    say('right', words.answer, `${wanted} ${props.value.unit}. ` + feedback);
  };
}
form.append(check);
root.append(text, form, said);
element.append(root);
const before = site.recorded(tab, props.name);
if (before) again(before.given);
