// An exercise: what to reach with the controls of its cell, and a check. Given by gradio: element, props, trigger, watch.
const {task, tab, words} = props.value;
const root = document.createElement('div');
root.className = 'quiz-body exercise-body';
const head = document.createElement('b');
head.className = 'exercise-head';
head.textContent = words.title;
const text = document.createElement('div');
text.className = 'question';
text.id = 'task-' + props.name;  // the cell itself is exercise-…
text.innerHTML = task;
const check = document.createElement('button');
check.type = 'button';
check.textContent = words.check;
check.setAttribute('aria-describedby', text.id);
const said = document.createElement('div');
said.className = 'feedback';
said.setAttribute('role', 'status');
check.onclick = () => {
  check.disabled = true;
  setTimeout(() => { check.disabled = false; }, 15000);  // should no answer come
  trigger('check', {});
};
let seen = 0;
const draw = () => {
  check.disabled = false;
  const {number, right, said: words_} = props.value || {};
  if (!number || number === seen) return;
  seen = number;
  said.dataset.state = right ? 'right' : 'wrong';
  said.innerHTML = `<b>${right ? words.right : words.not_yet}</b> ` + words_;
  site.record(tab, props.name, {question: text.textContent.trim(), given: said.lastElementChild.textContent.trim(), right});
};
root.append(head, text, check, said);
element.append(root);
const before = site.recorded(tab, props.name);
if (before?.right) {
  said.dataset.state = 'right';
  said.innerHTML = `<b>${words.right}</b> <p></p>`;
  said.lastElementChild.textContent = before.given;
}
watch('value', draw);
