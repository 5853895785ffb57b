'use strict';
// Speed, gradient norm and rate; where the time went.
board.panel('speed', 'Speed and steps', (() => {
  const { element, number, isNumber } = page;
  const PARTS = ['references', 'scoring', 'sampling', 'ranking', 'training', 'evaluating', 'saving'];
  let draw = null;
  const one = (name, label, scale = 1) => () => board.visible().map(run => ({
    series: run.series[name] && scale !== 1 ? { x: run.series[name].x, y: run.series[name].y.map(v => v === null ? null : v * scale) } : run.series[name],
    label: board.named(run, label, true), stroke: board.strokes(run)[0].stroke }));

  const parts = run => {
    const of = part => run.end && isNumber(run.end['seconds_' + part]) ? run.end['seconds_' + part]
      : isNumber(run.phaseSeconds[part]) ? run.phaseSeconds[part] : part === 'training' ? run.seconds : 0;
    return PARTS.map(part => [part, of(part)]).filter(([, s]) => s > 0);
  };

  const times = place => {
    place.replaceChildren();
    const runs = board.visible().filter(run => parts(run).length);
    const most = Math.max(...runs.map(run => parts(run).reduce((sum, [, s]) => sum + s, 0)));
    runs.forEach(run => {
      const list = parts(run), all = list.reduce((sum, [, s]) => sum + s, 0), strip = element('div', undefined, 'strip');
      strip.style.width = `${Math.max(2, 100 * all / most)}%`;
      list.forEach(([part, s]) => {
        const piece = element('span', s / most > 0.2 ? part : '', 'part ' + part);
        piece.style.flexGrow = String(s);
        piece.title = `${part}: ${words.seconds(s)}`;
        strip.append(piece);
      });
      if (runs.length > 1) place.append(element('div', run.name, 'stripname'));
      place.append(strip, element('p', list.map(([part, s]) => `${part} ${words.seconds(s)}`).join(', ') + `; in all ${words.seconds(all)}.`));
    });
    place.parentElement.hidden = !runs.length;
  };

  const build = body => {
    const grid = element('div', undefined, 'charts');
    body.append(grid);
    const all = [
      board.chart(grid, 'Tokens a second', 'Trained tokens of each step by its seconds.', { yLabel: 'tokens/s', canLog: true }, one('tokens_per_second', 'tokens/s')),
      board.chart(grid, 'Gradient norm', 'Before clipping.', { yLabel: 'norm', canLog: true }, one('grad_norm', 'norm')),
      board.chart(grid, 'Learning rate', 'Of each step.', { yLabel: 'rate', canLog: true, smooth: false }, one('learning_rate', 'rate')),
      board.chart(grid, 'Memory', 'In use on the device, or of the process where there is none.', { yLabel: 'GiB', smooth: false }, one('memory', 'GiB', 2 ** -30)),
    ];
    const place = page.card(grid, 'Where the time went');
    const theory = page.plotIn(page.card(grid, 'Theorem 1', ' '), { xLabel: 'rows in the buffer', yLabel: 'bound' }), theoryCard = grid.lastElementChild;
    return () => {
      all.forEach(show => show());
      times(place);
      const run = board.focus(), bound = run && run.bound;
      theoryCard.hidden = !bound;
      if (bound) {
        theoryCard.querySelector('p').textContent = `4·Rad + M·√(2 ln(1/δ)/m) with δ = ${bound.delta}, and the gap measured on ${number(bound.held_out)} held-out rows, as the `
          + 'meta-learner’s buffer grows.';
        theory.show(bound.points.map(p => p.m), [['bound', p => p.bound, '--a'], ['4·Rad', p => 4 * p.rademacher, '--b'], ['gap', p => p.gap, '--good']]
          .map(([label, value, stroke]) => ({ label, values: bound.points.map(value), stroke: page.colour(stroke) })));
      }
    };
  };
  return body => {
    if (!board.visible().some(run => run.steps > 0)) return false;
    draw = draw || build(body);
    draw();
    return true;
  };
})());
