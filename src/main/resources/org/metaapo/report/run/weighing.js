'use strict';
// Why prompts were sampled: w over the score as the meta-learner has it at a step, the rows of that time, and how w is spread.
board.panel('weighing', 'Why these prompts were sampled', (() => {
  const { element, number, percent, isNumber } = page;
  const { svg, draw, ticks, scale, hue } = picture;
  const MOST_POINTS = 1200, MOST_COLUMNS = 100, MOST_ROWS = 24;
  const has = run => run.curves.length > 0 || store.slicesOf(run).some(slice => slice.bins && slice.bins.length);
  // Time that is shown: an update's number, or null for the newest.
  let at = null, height = 'u', parts = null, shown = null;

  const wide = place => Math.max(240, Math.min(900, place.clientWidth || 500));
  const interpolated = (curve, score) => {
    const at = (score - curve.low) / (curve.high - curve.low) * (curve.w.length - 1), i = Math.max(0, Math.min(curve.w.length - 2, Math.floor(at)));
    return curve.w[i] + (curve.w[i + 1] - curve.w[i]) * Math.max(0, Math.min(1, at - i));
  };
  const frame = (node, x, y, box, xs, ys, xLabel, yLabel) => {
    xs.forEach(([value, label]) => {
      draw(node, 'line', { x1: x(value), x2: x(value), y1: box.top, y2: box.bottom, class: 'grid' });
      draw(node, 'text', { x: x(value), y: box.bottom + 16, 'text-anchor': 'middle', class: 'soft' }, label);
    });
    ys.forEach(([value, label]) => {
      draw(node, 'line', { x1: box.left, x2: box.right, y1: y(value), y2: y(value), class: 'grid' });
      draw(node, 'text', { x: box.left - 6, y: y(value) + 4, 'text-anchor': 'end', class: 'soft' }, label);
    });
    draw(node, 'text', { x: (box.left + box.right) / 2, y: box.bottom + 33, 'text-anchor': 'middle', class: 'soft' }, xLabel);
    draw(node, 'text', { x: 12, y: (box.top + box.bottom) / 2, 'text-anchor': 'middle', class: 'soft', transform: `rotate(-90 12 ${(box.top + box.bottom) / 2})` }, yLabel);
  };

  // The rows of a slice: {score, w, u, sampled}, evenly taken where there are many.
  const pointsOf = columns => {
    if (!columns) return [];
    const every = Math.max(1, Math.ceil(columns.row.length / MOST_POINTS)), points = [];
    for (let i = 0; i < columns.row.length; i += every) {
      if (isNumber(columns.score[i]) && isNumber(columns.weight[i])) {
        points.push({ score: columns.score[i], w: columns.weight[i], u: columns.uniform[i], sampled: columns.sampled[i] === 1 });
      }
    }
    return points;
  };

  const curvePicture = (place, curve, then, first, points, slice) => {
    const width = wide(place), tall = 290, box = { left: 52, right: width - 10, top: 8, bottom: tall - 42 }, node = svg(width, tall);
    const scores = points.map(p => p.score), useU = height === 'u' && points.some(p => isNumber(p.u));
    let low = scores.length ? Math.min(...scores) : curve ? curve.low : -2, high = scores.length ? Math.max(...scores) : 0;
    const pad = 0.05 * (high - low) || 0.1;
    [low, high] = [low - pad, Math.min(0, high + pad)];
    const ws = points.map(p => p.w).concat(curve ? [interpolated(curve, low), interpolated(curve, high)] : []);
    const [bottom, top] = useU ? [0, 1] : picture.padded(ws, 0.12, 0, 1);
    const x = scale(low, high, box.left, box.right), y = scale(bottom, top, box.bottom, box.top);
    frame(node, x, y, box, ticks(low, high, width < 420 ? 3 : 6), ticks(bottom, top, 5), 'score of the given pair, log σ(s·delta)', useU ? 'u (points), w (curve)' : 'w');
    const blue = hue(0), orange = hue(1);
    points.forEach(p => draw(node, 'circle', { cx: x(p.score).toFixed(1), cy: y(useU ? p.u : p.w).toFixed(1), r: 2.6, stroke: p.sampled ? orange : blue,
      fill: p.sampled ? orange : 'none', 'stroke-width': 1, opacity: points.length > 500 ? 0.5 : 0.75 }));
    const line = (of, attributes) => draw(node, 'polyline', { fill: 'none', ...attributes,
      points: Array.from({ length: 65 }, (_, i) => low + (high - low) * i / 64).map(s => `${x(s).toFixed(1)},${y(Math.max(bottom, Math.min(top, interpolated(of, s)))).toFixed(1)}`).join(' ') });
    if (curve && first && first !== curve) line(first, { stroke: page.colour('--soft'), 'stroke-width': 1.5, 'stroke-dasharray': '4 4' });
    if (then && then !== curve && then !== first) line(then, { stroke: orange, 'stroke-width': 1.5 });
    if (curve) line(curve, { stroke: page.colour('--ink'), 'stroke-width': 2.5 });
    const sampled = points.filter(p => p.sampled).length;
    node.setAttribute('role', 'img');
    node.setAttribute('aria-label', `w over score${slice ? `; ${sampled} of ${points.length} rows shown were sampled` : ''}`);
    place.replaceChildren(node);
  };

  const heat = (place, slices) => {
    const having = slices.filter(slice => slice.bins && slice.bins.length), node = svg(wide(place), 290), width = wide(place);
    if (!having.length) { place.replaceChildren(); return false; }
    const low = Math.min(...having.map(s => s.first)), high = Math.max(...having.map(s => s.first + s.bins.length));
    const columns = Math.min(MOST_COLUMNS, having.length), rows = Math.min(MOST_ROWS, high - low), counts = Array.from({ length: columns }, () => new Array(rows).fill(0));
    having.forEach((slice, i) => slice.bins.forEach((n, b) => {
      counts[Math.floor(i * columns / having.length)][Math.min(rows - 1, Math.floor((slice.first + b - low) * rows / (high - low)))] += n;
    }));
    const box = { left: 52, right: width - 10, top: 8, bottom: 248 }, x = scale(0, columns, box.left, box.right), y = scale(low / 100, high / 100, box.bottom, box.top);
    const each = columns / having.length, names = ticks(0, having.length - 1, width < 420 ? 3 : 6).filter(([v]) => Number.isInteger(v))
      .map(([v]) => [(v + 0.5) * each, having[v].epoch ? `${having[v].epoch}.${having[v].slice}` : String(having[v].slice)]);
    frame(node, x, y, box, [], ticks(low / 100, high / 100, 5), having.some(s => s.epoch) ? 'epoch.slice' : 'slice', 'w');
    counts.forEach((column, c) => {
      const all = column.reduce((a, b) => a + b, 0) || 1, most = Math.max(...column);
      column.forEach((n, r) => {
        if (!n) return;
        const cell = draw(node, 'rect', { x: x(c) + 0.5, width: Math.max(1, x(c + 1) - x(c) - 1), y: y((low + (r + 1) * (high - low) / rows) / 100),
          height: Math.max(1, Math.abs(y((high - low) / rows / 100) - y(0)) - 0.5), fill: hue(0), opacity: (0.12 + 0.88 * n / most).toFixed(2), rx: 1.5 });
        draw(cell, 'title', {}, `${number(n)} rows, ${percent(n / all)}`);
      });
    });
    names.forEach(([v, label]) => draw(node, 'text', { x: x(v), y: box.bottom + 16, 'text-anchor': 'middle', class: 'soft' }, label));
    place.replaceChildren(node);
    return true;
  };

  const build = body => {
    const pick = element('div', undefined, 'bar'), grid = element('div', undefined, 'charts');
    body.append(pick, grid);
    const place = page.card(grid, 'The meta-learner and the rows it weighed', ' '), note = place.parentElement.querySelector('p'), bar = element('div', undefined, 'bar');
    const label = element('label', 'step '), slider = element('input'), value = element('output');
    slider.type = 'range';
    slider.min = 0;
    slider.setAttribute('aria-label', 'time: an update of the meta-learner');
    slider.oninput = () => { at = Number(slider.value) === Number(slider.max) ? null : Number(slider.value); show(); };
    label.append(slider, value);
    const which = page.select([['u', 'points at u'], ['w', 'points at w']], () => { height = which.value; show(); });
    which.setAttribute('aria-label', 'height of the points');
    bar.append(label, which);
    place.before(bar);
    const spread = page.card(grid, 'Spread of w in each slice', 'Stronger: more of the slice’s rows. Where w is low, more prompts are sampled and the new pair weighs more.');
    const share = board.chart(grid, 'Sampled share', 'Prompts of a slice that the policy answered anew.', { yLabel: 'share', yValues: v => percent(v).replace('.0 ', ' '), smooth: false },
      () => board.visible().map(run => ({ series: store.sliceSeries(run, slice => slice.rows ? slice.sampled / slice.rows : NaN), label: board.named(run, 'sampled', true), stroke: board.strokes(run)[0].stroke, points: true })));
    const mean = board.chart(grid, 'Weight of the given pair', 'Mean w of each step; 1 − w is the weight of the new pair.', { yLabel: 'w' },
      () => board.visible().map(run => ({ series: run.series.weight_mean, label: board.named(run, 'w', true), stroke: board.strokes(run)[0].stroke })));
    const loss = board.chart(grid, 'Loss of the meta-learner', 'Of each update, on its buffer of rows with both pairs.', { yLabel: 'loss', canLog: true },
      () => board.visible().map(run => ({ series: run.series['meta.meta_loss'], label: board.named(run, 'loss', true), stroke: board.strokes(run)[0].stroke })));

    const show = async () => {
      const run = shown;
      if (!run) return;
      const list = run.curves.length ? run.curves : [null], slices = store.slicesOf(run);
      // Without a learner the slider goes over slices.
      const times = run.curves.length ? list.map(curve => curve.step) : slices.map(slice => slice.step || 0);
      slider.max = Math.max(0, times.length - 1);
      const i = at === null ? times.length - 1 : Math.min(at, times.length - 1), step = times[i];
      slider.value = i;
      bar.firstElementChild.hidden = times.length < 2;
      value.textContent = number(step);
      const slice = run.curves.length ? slices.filter(s => (s.step || 0) <= step && s.sampled_rows).pop() || slices.find(s => s.sampled_rows) : slices[i];
      const points = pointsOf(slice ? await source.columnsOf(run, slice.key) : null);
      if (run !== shown) return;
      which.hidden = !points.some(p => isNumber(p.u));
      const place0 = place.parentElement;
      place0.hidden = !run.curves.length && !points.length;
      const curve = list[Math.min(i, list.length - 1)], then = slice && run.curves.filter(c => c.step <= (slice.step || 0)).pop();
      curvePicture(place, curve, then, list[0], points, slice);
      note.textContent = [run.curves.length ? `Line: w = h(score) after step ${number(step)}, dashed: at the start` + ((run.start && run.start.meta_features || []).length > 1 ? ' (other inputs at 0). ' : '. ') : '',
        slice && points.length ? `Points: rows of slice ${slice.epoch ? slice.epoch + '.' : ''}${slice.slice}, weighed at step ${number(slice.step || 0)}; filled: u > w, sampled (${number(slice.sampled)} of ${number(slice.rows)}).`
          + (height !== 'u' ? '' : then && then !== curve && then !== list[0] ? ' Thin line: h at that time; points above it were sampled.' : ' Points above the line of that time were sampled.') : ''].join('');
    };
    // Letters keep their size: pictures are as wide as their places.
    new ResizeObserver(() => board.redraw(false)).observe(grid);
    let seen = '';
    return () => {
      const run = board.picker(pick, has);
      const key = run ? [run.number, run.generation, run.curves.length, store.slicesOf(run).length, page.isDark(), place.clientWidth, spread.clientWidth].join(' ') : '';
      if (run !== shown) at = null;
      shown = run;
      if (key !== seen) {
        seen = key;
        show();
        spread.parentElement.hidden = !run || !heat(spread, store.slicesOf(run));
      }
      share();
      mean();
      loss();
    };
  };
  return body => {
    if (!board.visible().some(has)) return false;
    parts = parts || build(body);
    parts();
    return true;
  };
})());
