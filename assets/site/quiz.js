// A question with feedback. Given by gradio: element, props (value, name), trigger.
const {question, choices, words} = props.value;
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
const form = document.createElement('form');
form.setAttribute('aria-labelledby', text.id);
const check = document.createElement('button');
check.type = 'submit';
check.textContent = words.check;
if (choices) {
  choices.forEach((choice, i) => {
    const label = document.createElement('label');
    const box = Object.assign(document.createElement('input'), {type: 'radio', name: text.id, value: String(i)});
    const body = document.createElement('span');
    body.innerHTML = choice.text;
    label.append(box, body);
    form.append(label);
  });
  form.onsubmit = e => {
    e.preventDefault();
    const box = form.querySelector('input:checked');
    if (!box) return say('missing', '', words.choose_one);
    const choice = choices[Number(box.value)];
    say(choice.right ? 'right' : 'wrong', choice.right ? words.right : words.wrong, choice.feedback);
  };
} else {
  const label = document.createElement('label');
  label.className = 'number';
  const box = Object.assign(document.createElement('input'), {type: 'text', inputMode: 'decimal', autocomplete: 'off'});
  label.append(words.number + ' ', box, ' ' + props.value.unit);
  form.append(label);
  form.onsubmit = e => {
    e.preventDefault();
    const {answer, tolerance, feedback, otherwise, mistakes} = props.value;
    const given = box.value.trim() === '' ? NaN : Number(box.value.trim().replace(/,/g, '').replace('−', '-'));
    if (!Number.isFinite(given)) return say('missing', '', words.not_a_number);
    if (Math.abs(given - answer) <= tolerance) return say('right', words.right, feedback);
    const known = mistakes.find(m => Math.abs(given - m.value) <= m.tolerance);
    say('wrong', words.wrong, known ? known.feedback : otherwise);
  };
}
form.append(check);
root.append(text, form, said);
element.append(root);
