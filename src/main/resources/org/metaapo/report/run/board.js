'use strict';
// Where panels stand, which runs they show, and when they are drawn anew.
const board = (() => {
  const { element, card, plotIn } = page;
  const SMOOTHINGS = [0, 0.6, 0.9, 0.97];
  const view = { smoothing: 0, log: false, focus: 0 };
  const panels = [];

  const visible = () => store.runs.filter(run => run.known && run.visible);
  const focus = () => store.runs[view.focus] && store.runs[view.focus].known ? store.runs[view.focus] : store.runs.find(run => run.known) || null;
  const colourOf = run => picture.hue(run.number);
  // Of one run two colours tell two lines apart; of several each has one, and a second line is dashed.
  const strokes = run => visible().length > 1 ? [{ stroke: colourOf(run) }, { stroke: colourOf(run), dash: [6, 4] }]
    : [{ stroke: page.colour('--a') }, { stroke: page.colour('--b') }];
  // A line's name; of several runs, one line of each needs the run's alone.
  const named = (run, label, alone) => visible().length < 2 ? label : alone ? run.name : `${run.name} · ${label}`;

  // A section of the page, drawn by draw(body) at once and whenever something has changed. It is hidden where draw returns false.
  const panel = (id, title, draw) => {
    const section = element('section', undefined, 'panel'), head = element('h2', title, 'head'), body = element('div', undefined, 'body');
    section.id = id;
    section.append(head, body);
    document.getElementById('panels').append(section);
    panels.push(() => { section.hidden = draw(body) === false; });
  };

  // A choice of the run that panels of one run show; nothing where there is but one.
  const picker = (parent, having) => {
    const runs = store.runs.filter(run => run.known && having(run));
    parent.hidden = runs.length < 2;
    const shape = runs.map(run => run.name).join('\n');
    if (parent.dataset.shape !== shape) {
      parent.dataset.shape = shape;
      parent.replaceChildren('of run ', page.select(runs.map(run => [run.number, run.name]), event => { view.focus = Number(event.target.value); redraw(true); }));
    }
    const shown = runs.includes(focus()) ? focus() : runs[0] || null;
    if (shown && runs.length > 1) parent.lastElementChild.value = shown.number;
    return shown;
  };

  // A chart of runs' curves that is kept from one drawing to the next. lines() gives what curves.show takes; without any the card is hidden.
  const chart = (parent, title, note, spec, lines) => {
    const place = card(parent, title, note || ' '), box = place.parentElement, plot = plotIn(place, { xLabel: 'step', sync: 'step', ...spec,
      log: () => view.log && !!spec.canLog });
    place.classList.add('plot');
    box.hidden = true;
    // What is far from the window is drawn when it comes near.
    let isNear = false, isDue = false;
    const update = () => {
      isDue = !isNear;
      if (isNear) curves.show(plot, lines().filter(has), spec.smooth === false ? 0 : view.smoothing);
    };
    new IntersectionObserver(entries => {
      isNear = entries[entries.length - 1].isIntersecting;
      if (isNear && isDue && !box.hidden) update();
    }, { rootMargin: '300px' }).observe(box);
    addEventListener('beforeprint', () => { isNear = true; if (isDue && !box.hidden) update(); });
    return (heading, words) => {
      if (heading) box.querySelector('h2').textContent = heading;
      if (words) box.querySelector('p').textContent = words;
      box.hidden = !lines().some(has);
      if (!box.hidden) update();
    };
  };
  const has = line => line.series && line.series.y.some(v => v !== null);

  let due = 0, last = 0, took = 0, isDrawn = false;
  const draw = () => {
    due = 0;
    const began = performance.now();
    panels.forEach(one => one());
    last = performance.now();
    took = last - began;
    if (!isDrawn && visible().length) {
      isDrawn = true;
      requestAnimationFrame(() => performance.mark('drawn'));
    }
  };
  // Soon, but not more often than twice a second, and not most of the time.
  const redraw = soon => {
    if (due) return;
    due = setTimeout(() => requestAnimationFrame(draw), soon ? 0 : Math.max(0, Math.max(500, 8 * took) - (performance.now() - last)));
  };
  const smooth = () => {
    view.smoothing = SMOOTHINGS[(SMOOTHINGS.indexOf(view.smoothing) + 1) % SMOOTHINGS.length];
    redraw(true);
  };
  const log = () => {
    view.log = !view.log;
    redraw(true);
  };
  // The first panel alone, whose times pass.
  const tick = () => panels[0]();
  return { view, tick, panel, picker, chart, visible, focus, colourOf, strokes, named, redraw, smooth, log, SMOOTHINGS };
})();
