// In class: one concept at a time on the wall (?mode=teach), and what a reader has done, kept in this browser only.
(() => {
  const site = window.site, root = document.documentElement;
  const words = () => window.siteData.classroom[root.lang] || window.siteData.classroom.en;
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const button = (name, label, run, key = '') => {
    const made = make('button', {type: 'button', className: name, onclick: run, textContent: label});
    if (key) made.setAttribute('aria-keyshortcuts', key);
    return made;
  };
  const visible = element => element.offsetParent !== null;

  // What a reader has done: {seen: {"wavenet/mulaw": 1}, answers: {"wavenet/mulaw-levels": {…}}}. No account, no server.
  const KEY = 'progress';
  const read = () => {
    try {
      const found = JSON.parse(localStorage.getItem(KEY)) || {};
      return {seen: {...found.seen}, answers: {...found.answers}};
    } catch { return {seen: {}, answers: {}}; }
  };
  const save = progress => {
    try { localStorage.setItem(KEY, JSON.stringify(progress)); } catch { /* private window: for this page only */ }
    paint(progress);
  };
  site.recorded = (tab, name) => site.teaching() ? undefined : read().answers[`${tab}/${name}`];
  site.record = (tab, name, answer) => {  // answer: {question, given, right}
    if (site.teaching()) return;
    const progress = read(), key = `${tab}/${name}`, before = progress.answers[key];
    const first = before ? before.first : {given: answer.given, right: answer.right};
    progress.answers[key] = {...answer, first, tries: (before?.tries || 0) + 1, at: new Date().toISOString()};
    const step = document.getElementById(`quiz-${name}`)?.closest('.step') || document.getElementById(`exercise-${name}`)?.closest('.step');
    if (step) progress.seen[`${tab}/${stepOf(step)}`] = 1;  // whoever answers has read
    save(progress);
  };
  let reading = 0;
  site.reading = step => {  // a step counts as read when it was in view for some seconds
    clearTimeout(reading);
    const tab = site.openTab();
    if (!step || site.teaching()) return;
    reading = setTimeout(() => {
      const progress = read();
      if (progress.seen[`${tab}/${step}`]) return;
      progress.seen[`${tab}/${step}`] = 1;
      save(progress);
    }, 4000);
  };
  const paint = (progress = read()) => {
    document.querySelectorAll('#contents li[data-tab]').forEach(tab => {
      const steps = [...tab.querySelectorAll('a[data-step]')];
      steps.forEach(a => {
        const done = progress.seen[`${a.dataset.tab}/${a.dataset.step}`];
        a.classList.toggle('seen', !!done);
        if (done) a.setAttribute('aria-description', words().seen); else a.removeAttribute('aria-description');
      });
      const done = steps.filter(a => a.classList.contains('seen')).length;
      tab.querySelector('a').dataset.done = done ? `${done}/${steps.length}` : '';
    });
    const answers = Object.values(progress.answers), right = answers.filter(a => a.right).length;
    const host = document.querySelector('#contents nav');
    if (!host) return;
    let box = document.getElementById('progress');
    if (!box) host.append(box = make('section', {id: 'progress'}));
    const steps = Object.keys(progress.seen).length;
    box.replaceChildren(make('h2', {textContent: words().progress}));
    box.append(make('p', {textContent: site.fill(words().progress_line, {steps, answers: answers.length, right})}));
    if (steps || answers.length) box.append(
      button('', words().export, exportAnswers), button('', words().forget, forget));
    box.append(make('p', {className: 'quiet', textContent: words().kept_here}));
  };
  const forget = () => {
    if (!confirm(words().forget_sure)) return;
    try { localStorage.removeItem(KEY); } catch { /* there is nothing */ }
    paint();
  };
  // A table that spreadsheets read: commas, quotes doubled, a mark at its beginning for Hangul. A cell that begins with
  // = + - or @ would be a formula there.
  const cell = value => {
    const text = String(value ?? '');
    return '"' + (/^[=+\-@\t\r]/.test(text) ? "'" + text : text).replaceAll('"', '""') + '"';
  };
  const exportAnswers = () => {
    const progress = read(), w = words();
    const rows = [[w.col_section, w.col_question, w.col_given, w.col_right, w.col_first, w.col_tries, w.col_time]];
    for (const [key, a] of Object.entries(progress.answers)) rows.push(
      [key, a.question, a.given, a.right ? w.yes : w.no, a.first.right ? w.yes : w.no, a.tries, a.at]);
    rows.push([]);
    for (const key of Object.keys(progress.seen)) rows.push([key, w.seen]);
    const text = '\ufeff' + rows.map(row => row.map(cell).join(',')).join('\r\n');
    const link = make('a', {href: URL.createObjectURL(new Blob([text], {type: 'text/csv'})), download: 'answers.csv'});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  // A link to what is on the screen.
  const state = () => { const p = site.params(); p.delete('mode'); return p.toString(); };
  const page = () => root.lang === 'ko' ? 'ko' : '';
  const short = async () => {
    const ask = new URLSearchParams({page: page(), state: state()});
    const answer = await fetch('/site/short?' + ask);
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  };
  const longLink = () => location.origin + location.pathname + (state() ? '?' + state() : '');
  const copyLink = async pressed => {
    const label = pressed.querySelector('.word') || pressed, before = label.textContent;
    try { await navigator.clipboard.writeText(longLink()); label.textContent = words().copied; }
    catch { prompt(words().copy_link, longLink()); return; }
    setTimeout(() => { label.textContent = before; }, 1500);
  };
  const dialog = name => {
    let found = document.getElementById(name);
    if (!found) {
      document.body.append(found = make('dialog', {id: name, className: 'classroom'}));
      found.addEventListener('click', e => { if (e.target === found) found.close(); });
    }
    return found;
  };
  const showLink = async () => {
    const box = dialog('short-link');
    if (box.open) return box.close();
    const close = button('close', words().close, () => box.close());
    box.setAttribute('aria-label', words().qr);
    box.replaceChildren(close, make('p', {textContent: words().qr_making}));
    box.showModal();
    try {
      const {link, qr, reached} = await short();
      const picture = make('div', {className: 'qr'});
      picture.innerHTML = qr;
      picture.firstElementChild.setAttribute('role', 'img');
      picture.firstElementChild.setAttribute('aria-label', site.fill(words().qr_alt, {link}));
      box.replaceChildren(close, picture, make('p', {className: 'link', textContent: link}));
      box.append(make('p', {textContent: reached ? words().qr_hint : words().qr_alone}));
    } catch {
      box.replaceChildren(close, make('p', {className: 'link', textContent: longLink()}));
    }
  };

  // Teach mode: the header of a section, then its cells, one at a time.
  site.teaching = () => root.classList.contains('teach');
  const slides = () => [...document.querySelectorAll('#lesson .tab-header, #lesson .step, #lesson .start')];
  const now = () => document.querySelector('.slide-now');
  const stepOf = slide => slide?.id.startsWith('step-') ? slide.id.slice(5) : '';
  site.slide = (slide, {end = false} = {}) => {
    document.querySelectorAll('.slide-now').forEach(s => s.classList.remove('slide-now'));
    slide.classList.add('slide-now');
    slide.classList.remove('coded');
    const p = site.params(), step = stepOf(slide);
    if (step) p.set('step', step); else p.delete('step');
    site.write(p);
    site.mark(step || null);
    scrollTo({top: end ? document.documentElement.scrollHeight : 0, behavior: 'instant'});
    paintBar();
  };
  const tabs = () => [...document.querySelectorAll('#contents li[data-tab]')].map(li => li.dataset.tab);
  const move = by => {
    const all = slides(), at = all.indexOf(now()) + by;
    if (all[at]) return site.slide(all[at], {end: false});
    const names = tabs(), tab = names[names.indexOf(site.openTab()) + by];
    if (!tab) return;
    const steps = [...document.querySelectorAll(`#contents a[data-tab="${tab}"][data-step]`)];
    site.go(tab, by > 0 ? '' : steps.at(-1)?.dataset.step);
  };
  // Another section, a page of its own, in class.
  site.go = (tab, step) => {
    const p = site.params(), own = new URLSearchParams({tab, mode: 'teach'});
    if (step) own.set('step', step);
    if (p.has('__theme')) own.set('__theme', p.get('__theme'));
    location.assign('?' + own);
  };
  // The cells come a moment after the page was opened: wait for the step of the link, else for any.
  const settle = (tries = 100) => {
    const all = slides(), step = site.params().get('step'), wanted = step && all.find(s => stepOf(s) === step);
    if (wanted || all.length && (!step || tries < 40)) return site.slide(wanted || all[0]);
    if (tries) setTimeout(() => settle(tries - 1), 50);
  };
  // A clicker has two keys: they turn the page of a long cell first, then go on to the next one.
  const turn = by => {
    const whole = document.documentElement, left = by > 0
      ? whole.scrollHeight - innerHeight - scrollY : scrollY;
    if (left > 40) scrollBy({top: by * Math.min(left, innerHeight * 0.8), behavior: site.quiet() ? 'instant' : 'smooth'});
    else move(by);
  };
  // The question in sight is answered; where none is, or it has been, the next one below comes into sight.
  const revealAnswer = () => {
    const all = [...(now()?.querySelectorAll('.quiz') || [])].filter(visible);
    const centre = quiz => { const box = quiz.parentElement.getBoundingClientRect(); return (box.top + box.bottom) / 2; };
    const here = all.find(quiz => quiz.dataset.told === undefined && centre(quiz) > 0 && centre(quiz) < innerHeight);
    const next = all.find(quiz => quiz.dataset.told === undefined && centre(quiz) >= innerHeight)
      || all.find(quiz => quiz.dataset.told === undefined);
    if (here) {
      here.parentElement.tell?.();
      here.dataset.told = '';
    }
    const shown = here || next;
    if (!shown) return;
    const box = shown.parentElement.getBoundingClientRect(), room = innerHeight - 110;  // what the bar leaves free
    if (!here || box.top < 0 || box.bottom > room) {
      scrollBy({top: Math.min(box.top - 20, box.bottom - room), behavior: 'instant'});
    }
  };
  const revealCode = () => {
    const slide = now();
    if (!slide) return;
    const shown = slide.classList.toggle('coded');
    slide.querySelectorAll('details.code-cell').forEach(details => { details.open = shown; });
    if (shown) slide.querySelector('details.code-cell')?.scrollIntoView({block: 'start', behavior: 'instant'});
    paintBar();
  };
  const blank = () => root.classList.toggle('blank');
  const help = () => {
    const box = dialog('teach-keys');
    if (box.open) return box.close();
    const list = make('dl');
    for (const [keys, what] of words().keys.split('\n').map(line => line.split(' = '))) {
      list.append(make('dt', {textContent: keys}), make('dd', {textContent: what}));
    }
    box.setAttribute('aria-label', words().help);
    box.replaceChildren(button('close', words().close, () => box.close()), make('h2', {textContent: words().help}), list);
    box.showModal();
  };
  const full = () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else root.requestFullscreen?.().catch(() => {});
  };
  const paintBar = () => {
    let bar = document.getElementById('teach-bar');
    if (!site.teaching()) { bar?.remove(); return; }
    const w = words(), all = slides(), slide = now();
    if (!bar) {
      bar = make('div', {id: 'teach-bar'});
      bar.setAttribute('role', 'toolbar');
      document.body.append(bar);
    }
    bar.setAttribute('aria-label', w.teach);
    const focused = document.activeElement?.className, there = bar.contains(document.activeElement);
    const previous = button('previous', '‹', () => move(-1), 'ArrowLeft'), next = button('next', '›', () => move(1), 'ArrowRight');
    previous.setAttribute('aria-label', w.previous);
    next.setAttribute('aria-label', w.next);
    const place = make('span', {className: 'place', textContent: `${all.indexOf(slide) + 1} / ${all.length}`});
    place.setAttribute('role', 'status');
    bar.replaceChildren(previous, place, next);
    if (slide?.querySelector('.quiz')) bar.append(button('answer', w.answer, revealAnswer, 'a'));
    if (slide?.querySelector('details.code-cell')) {
      bar.append(button('code', slide.classList.contains('coded') ? w.code_hide : w.code, revealCode, 'c'));
    }
    bar.append(button('qr', w.qr, showLink, 'q'), button('keys', w.help, help, '?'), button('leave', w.leave, leave, 'Escape'));
    if (there) bar.querySelector('.' + focused)?.focus();
  };
  const enter = () => {
    if (site.teaching()) return;
    const p = site.params();
    p.set('mode', 'teach');
    site.write(p);
    root.classList.add('teach');
    site.applyTheme();  // figures are drawn again, in the letters of the room
    settle();
  };
  const leave = () => {
    const slide = now(), p = site.params();
    p.delete('mode');
    site.write(p);
    root.classList.remove('teach', 'blank');
    document.querySelectorAll('.slide-now, .coded').forEach(s => s.classList.remove('slide-now', 'coded'));
    site.applyTheme();
    paintBar();
    if (slide?.isConnected) slide.scrollIntoView({block: 'start', behavior: 'instant'});
  };
  const typing = target => target.closest?.('input:not([type=radio]):not([type=checkbox]):not([type=range]), textarea, select, [contenteditable=true]');
  const handled = target => typing(target) || target.closest?.('input, [role=slider], [role=listbox], [role=radiogroup], .player, .plot-host, dialog, [tabindex="0"], canvas');
  const keys = {
    ArrowRight: () => move(1), ArrowLeft: () => move(-1), a: revealAnswer, c: revealCode, q: showLink, f: full,
    b: blank, '.': blank, '?': help, h: help,
  };
  addEventListener('keydown', event => {
    if (!site.teaching() || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const open = document.querySelector('dialog.classroom[open]');
    let run = null;
    if (open) { if (event.key === 'q' && open.id === 'short-link' || '?h'.includes(event.key) && open.id === 'teach-keys') run = () => open.close(); }
    else if (event.key === 'PageDown') run = () => turn(1);
    else if (event.key === 'PageUp') run = () => turn(-1);
    else if (event.key === 'Home' && !handled(event.target)) run = () => slides()[0] && site.slide(slides()[0]);
    else if (event.key === 'End' && !handled(event.target)) run = () => slides().length && site.slide(slides().at(-1));
    else if (event.key === 'Escape' && !typing(event.target) && !document.fullscreenElement) run = leave;
    else if (event.key.startsWith('Arrow')) run = handled(event.target) ? null : keys[event.key];
    else if (!typing(event.target)) run = keys[event.key.toLowerCase()] || keys[event.code.startsWith('Key') ? event.code.slice(3).toLowerCase() : ''];
    if (!run) return;
    event.preventDefault();
    event.stopPropagation();
    run();
  }, true);

  document.addEventListener('click', event => {
    const pressed = event.target.closest('#top-bar button');
    if (pressed?.matches('.teach-mode')) enter();
    else if (pressed?.matches('.copy-link')) copyLink(pressed);
  });
  site.classroom = () => {  // the page is there, and its link has been restored
    paint();
    if (site.params().get('mode') === 'teach') enter();
  };
})();
