// The shell in the browser: theme, contents list, deep links, what the custom cells share.
(() => {
  const site = window.site = {};
  const root = document.documentElement;
  const params = () => new URLSearchParams(location.search);
  const write = p => {
    const query = p.toString();
    history.replaceState(history.state, '', location.pathname + (query ? '?' + query : '') + location.hash);
    paintLinks();
  };
  const openTab = () => document.querySelector('#top-bar .bar')?.dataset.tab || 'start';  // each has a page of its own
  const quiet = () => matchMedia('(prefers-reduced-motion: reduce)').matches;
  Object.assign(site, {params, write, quiet, openTab});  // for classroom.js

  // Theme: the system's until the reader chooses; gradio looks at the class `dark` of the body.
  const stored = () => { try { return localStorage.getItem('theme'); } catch { return null; } };
  const dark = () => (stored() || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
  const themeListeners = new Map();
  const applyTheme = () => {
    root.dataset.theme = dark() ? 'dark' : 'light';
    if (document.body) document.body.classList.toggle('dark', dark());
    for (const [element, draw] of themeListeners) {
      if (element.isConnected) draw(); else themeListeners.delete(element);
    }
  };
  site.onTheme = (element, draw) => themeListeners.set(element, draw);
  site.isDark = dark;
  site.applyTheme = applyTheme;
  applyTheme();
  document.addEventListener('DOMContentLoaded', applyTheme);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', applyTheme);

  // Plotly: loaded once, when the first figure comes near.
  let plotly = null;
  site.plotly = () => plotly ||= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = '/site/plotly?' + window.siteData.plotly;
    script.onload = resolve;
    script.onerror = () => { plotly = null; reject(new Error('plotly.js did not load')); };
    document.head.append(script);
  });
  site.themed = figure => {
    const {templates, swap} = window.siteData;
    let text = typeof figure === 'string' ? figure : JSON.stringify(figure);
    if (dark()) for (const [light, other] of Object.entries(swap)) text = text.replaceAll(light, other);
    const copy = JSON.parse(text);
    const template = structuredClone(templates[dark() ? 'dark' : 'light']);
    const zoom = parseFloat(getComputedStyle(root).fontSize) / 16;  // larger letters on a projector
    for (const font of [template.layout.font, template.layout.xaxis.title.font, template.layout.yaxis.title.font]) {
      font.size *= zoom;
    }
    copy.layout = {...copy.layout, template};
    return copy;
  };
  // A figure asks for what its controls say only when these have what the link says (or when the server does not tell).
  site.restored = new Promise(resolve => { site.restoredNow = resolve; setTimeout(resolve, 20000); });
  site.onSight = (element, see) => {
    const watcher = new IntersectionObserver(entries => {
      if (!entries.some(e => e.isIntersecting)) return;
      watcher.disconnect();
      site.restored.then(see);
    }, {rootMargin: '300px'});
    watcher.observe(element);
  };

  // Sound: one context, one player at a time.
  let context = null;
  site.audio = () => context ||= new AudioContext();
  let pauseOther = null;
  site.onlyPlayer = pause => {
    if (pauseOther && pauseOther !== pause) pauseOther();
    pauseOther = pause;
  };

  // A number on its way, such as the 1 of 128, may leave the range of its field: gradio hears of it once it is inside.
  // Whoever leaves the field with a number outside gets the nearest one, and for an empty field the one before.
  const nearest = box => {
    const [low, high] = [box.min, box.max].map((end, i) => end === '' ? [-Infinity, Infinity][i] : Number(end));
    return box.value === '' ? box.dataset.before : String(Math.min(high, Math.max(low, Number(box.value))));
  };
  const isNumber = box => box.matches?.('.linked input[type=number]');
  addEventListener('focusin', e => { if (isNumber(e.target)) e.target.dataset.before = e.target.value; }, true);
  addEventListener('input', e => {
    if (!isNumber(e.target)) return;
    if (e.target.value === nearest(e.target)) e.target.dataset.before = e.target.value;
    else e.stopImmediatePropagation();
  }, true);
  const settle = e => {
    const box = e.target;
    if (!isNumber(box) || (e.key && e.key !== 'Enter') || box.value === nearest(box)) return;
    box.value = nearest(box);
    box.dispatchEvent(new Event('input', {bubbles: true}));
  };
  for (const kind of ['keydown', 'change', 'focusout']) addEventListener(kind, settle, true);

  // Gradio's own words that it has in English only: `lessons/_site/gradio.toml`.
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  site.fill = fill;
  const ours = (window.siteData.gradio[root.lang] || []).map(([english, text]) => {
    const escaped = english.replace(/[.*+?^$()|[\]\\]/g, '\\$&');
    return [new RegExp('^\\s*' + escaped.replace(/\{(\w+)\}/g, '(?<$1>.+?)') + '\\s*$'), text];
  });
  const inOurWords = said => {
    const [pattern, text] = ours.find(([pattern]) => pattern.test(said)) || [];
    return pattern && fill(text, said.match(pattern).groups || {});
  };
  const retell = node => {
    if (node.nodeType === Node.TEXT_NODE) {
      const text = inOurWords(node.nodeValue);
      if (text && node.parentElement?.closest('.toast-body, .in-cell, .out-cell, .wrap')) node.nodeValue = text;
      return;
    }
    for (const name of ['aria-label', 'title']) {
      const text = node.hasAttribute?.(name) && inOurWords(node.getAttribute(name));
      if (text) node.setAttribute(name, text);
    }
    if (!node.closest?.('svg, .plot-host')) node.childNodes.forEach(retell);
  };
  if (ours.length) new MutationObserver(changes => changes.forEach(change => {
    if (change.type === 'childList') change.addedNodes.forEach(retell);
    else if (change.type === 'characterData') retell(change.target);
    else if (inOurWords(change.target.getAttribute(change.attributeName) || '')) retell(change.target);
  })).observe(root, {subtree: true, childList: true, characterData: true, attributeFilter: ['aria-label', 'title']});

  // Several cells may refuse the same sound at once: one message is enough.
  new MutationObserver(changes => changes.forEach(({addedNodes}) => addedNodes.forEach(node => {
    const toast = node.matches?.('.toast-body') ? node : node.querySelector?.('.toast-body');
    if (!toast) return;
    const same = other => other !== toast && !other.hidden && other.textContent === toast.textContent;
    toast.hidden = [...document.querySelectorAll('.toast-body')].some(same);
  }))).observe(root, {subtree: true, childList: true});

  // Deep links.
  site.keep = (tab, name, value) => {
    if (!arrived || openTab() !== tab || value === null || value === undefined) return;
    const p = params();
    p.set(name, String(value));
    write(p);
  };
  let arrived = false;
  let holdUntil = 0;  // while we keep a step in view, the scroll does not choose another
  const scrollToStep = (step, tries = 200) => {
    const cell = document.getElementById('step-' + step);
    if (!cell) return tries && setTimeout(() => scrollToStep(step, tries - 1), 50);
    if (site.teaching()) return site.slide(cell);
    cell.scrollIntoView({behavior: quiet() || tries < 200 ? 'instant' : 'smooth', block: 'start'});
    mark(step);
    stay(cell);
  };
  site.show = id => {  // what a button far below it changes
    document.getElementById(id)?.scrollIntoView({behavior: quiet() ? 'instant' : 'smooth', block: 'nearest'});
    return [];
  };
  // What lies above a step may still grow while figures arrive: until the visitor takes over, the step is kept in view.
  let staying = 0;
  ['wheel', 'touchstart', 'keydown', 'pointerdown'].forEach(name =>
    addEventListener(name, () => { staying += 1; holdUntil = 0; }, {passive: true, capture: true}));
  const stay = cell => {
    const turn = ++staying, until = Date.now() + 8000, wanted = parseFloat(getComputedStyle(cell).scrollMarginTop) || 0;
    holdUntil = until + 400;
    let last = NaN;
    const look = () => {
      if (turn !== staying || Date.now() > until || !cell.isConnected) return;
      const top = cell.getBoundingClientRect().top;
      if (top === last && Math.abs(top - wanted) > 60) {  // at rest, and elsewhere
        cell.scrollIntoView({behavior: 'instant', block: 'start'});
      }
      last = top;
      setTimeout(look, 150);
    };
    look();
  };
  site.arrived = () => {
    site.restoredNow();
    const bar = document.querySelector('#top-bar .bar');
    root.lang = bar.dataset.language;
    document.title = bar.dataset.title;
    document.querySelectorAll('.in-cell .secondary-wrap input:not([placeholder])').forEach(input => {
      input.placeholder = (window.siteData.classroom[root.lang] || {}).choose || '';  // where nothing is chosen yet
    });
    const step = params().get('step');
    if (step && /^[a-z0-9-]+$/.test(step)) scrollToStep(step, 199);
    setTimeout(() => { arrived = true; }, 400);
    paintContents();
    site.classroom();
  };
  site.follow = event => {
    const link = event.target.closest('a[data-tab], a[data-step], a[href^="?tab="]');  // the last: of a lesson's text
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const said = new URLSearchParams(link.getAttribute('href') || '');
    const tab = link.dataset.tab || said.get('tab') || openTab(), step = link.dataset.step || said.get('step');
    if (tab !== openTab()) {  // another page: the browser goes there, in class as a slide
      if (site.teaching()) { event.preventDefault(); site.go(tab, step); }
      return;
    }
    event.preventDefault();
    const p = params();
    if (step) p.set('step', step); else p.delete('step');
    write(p);
    document.body.classList.remove('menu-open');
    if (step) scrollToStep(step);
    else scrollTo({top: 0, behavior: quiet() ? 'instant' : 'smooth'});
    paintContents();
  };
  const mark = site.mark = step => {
    site.reading(step);
    document.querySelectorAll('#contents a').forEach(a => {
      const here = a.dataset.tab === openTab() && (a.dataset.step || '') === (step || '');
      if (here) a.setAttribute('aria-current', 'true'); else a.removeAttribute('aria-current');
    });
  };
  const paintContents = () => {
    document.querySelectorAll('#contents li[data-tab]').forEach(li => li.classList.toggle('open', li.dataset.tab === openTab()));
    mark(params().get('step'));
  };
  const paintLinks = () => {
    document.querySelectorAll('a.language').forEach(a => {
      a.href = a.getAttribute('href').split('?')[0] + location.search;
    });
  };
  addEventListener('scroll', () => {
    if (!arrived || Date.now() < holdUntil || site.teaching()) return;
    const steps = [...document.querySelectorAll('.step')].filter(s => s.offsetParent !== null);
    const passed = steps.filter(s => s.getBoundingClientRect().top < innerHeight * 0.35);
    const step = passed.length ? passed[passed.length - 1].id.slice(5) : null;
    const p = params();
    if ((p.get('step') || null) === step) return;
    if (step) p.set('step', step); else p.delete('step');
    write(p);
    mark(step);
  }, {passive: true});

  document.addEventListener('click', event => {
    const target = event.target;
    if (target.closest('button.theme')) {
      try { localStorage.setItem('theme', dark() ? 'light' : 'dark'); } catch { /* private window */ }
      applyTheme();
    } else if (target.closest('button.menu')) {
      const open = document.body.classList.toggle('menu-open');
      target.closest('button.menu').setAttribute('aria-expanded', open);
    } else if (target.closest('.code-copy')) {
      const button = target.closest('.code-copy');
      navigator.clipboard?.writeText(button.parentElement.nextElementSibling.textContent);
      const before = button.textContent;
      button.textContent = button.dataset.copied;
      setTimeout(() => { button.textContent = before; }, 1500);
    } else if (target.closest('a.language')) paintLinks();
    else site.follow(event);
  });
})();
