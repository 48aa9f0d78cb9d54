'use strict';
// Fetches the page again and puts the new parts in place of the old ones. Without this script a browser reloads it.
(() => {
  const $ = (id, where = document) => where.getElementById(id);
  const filter = $('filter');
  const stale = $('stale');
  let query = new URLSearchParams(location.search);
  let heard = Date.now();
  let timer;
  let asked = 0;

  // An order in the address would be given again.
  for (const key of ['failover', 'takeover', 'force']) query.delete(key);

  const address = () => '/' + (String(query) && '?' + query);

  // Between the two halves of a click its target stays: else there would be none.
  let isPressed = false;
  document.addEventListener('pointerdown', () => { isPressed = true; });
  for (const end of ['pointerup', 'pointercancel']) {
    document.addEventListener(end, () => setTimeout(() => { isPressed = false; }));
  }

  // What a reader has selected, or is about to press, is not taken away.
  const isBusy = () => {
    const chosen = getSelection();
    return isPressed || (!chosen.isCollapsed && $('live').contains(chosen.anchorNode));
  };

  const swap = (id, page) => {
    const [old, fresh] = [$(id), $(id, page)];
    if (!old || !fresh || old.innerHTML === fresh.innerHTML) return;
    const focus = document.activeElement;
    const way = old.contains(focus) && (focus.closest('[id]')?.id || '');
    const place = way && [...$(way).querySelectorAll('a, summary, button')].indexOf(focus);
    for (const open of old.querySelectorAll('details[open]')) {
      const same = $(open.id, page);
      if (same) same.open = true;
    }
    old.replaceWith(fresh);
    if (way && $(way)) $(way).querySelectorAll('a, summary, button')[place]?.focus({ preventScroll: true });
  };

  const show = (text) => {
    const page = new DOMParser().parseFromString(text, 'text/html');
    if (!$('live', page)) throw new Error('the daemon does not answer');
    const said = $('summary', page).textContent.trim();
    if (said !== $('summary').textContent.trim()) $('said').textContent = said;
    document.title = page.title;
    swap('top', page);
    swap('live', page);
    heard = Date.now();
    stale.hidden = true;
  };

  const complain = () => {
    const seconds = Math.round((Date.now() - heard) / 1000);
    if (seconds < 5) return;
    stale.textContent = `This page is ${seconds} s old: the daemon does not answer.`;
    stale.hidden = false;
  };

  const fetchPage = async () => {
    clearTimeout(timer);
    const number = ++asked;
    const begun = performance.now();
    if (!document.hidden && !isBusy()) {
      try {
        const answer = await fetch(address(), { headers: { Accept: 'text/html' }, signal: AbortSignal.timeout(5000) });
        const text = await answer.text();
        // A newer question has overtaken this one.
        if (number !== asked) return;
        if (!isBusy()) show(text);
      } catch {
        if (number !== asked) return;
        complain();
      }
    }
    // A page that takes long is not asked for all the time.
    timer = setTimeout(fetchPage, Math.max(1000, 10 * (performance.now() - begun)));
  };

  if (filter) {
    const typed = () => {
      query = new URLSearchParams([...new FormData(filter)].filter(([, value]) => value));
      history.replaceState(null, '', address());
      fetchPage();
    };
    filter.addEventListener('input', typed);
    filter.addEventListener('submit', (event) => { event.preventDefault(); typed(); });
  }
  document.addEventListener('visibilitychange', fetchPage);
  timer = setTimeout(fetchPage, 1000);
})();
