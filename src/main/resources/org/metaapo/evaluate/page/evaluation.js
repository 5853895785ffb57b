'use strict';
(() => {
  const { data, element, number, tile, colour, pager, select } = page;
  const { svg, draw, ticks, scale, padded } = picture;
  // Models, or with categories that are compared on their own the models of each, one category after the other.
  const models = data.models, metrics = data.metrics, compared = data.compared, isWhole = models.length === compared;
  const label = m => m.category ? `${m.name}, ${m.category}` : m.name;
  const isRate = data.unit.includes('%');
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const hues = models.map((_, at) => at % compared).map(i => i === 0 ? colour('--a') : `hsl(${(25 + 137.5 * (i - 1)) % 360} 55% ${dark ? 64 : 42}%)`);
  const names = { alpaca_eval: 'AlpacaEval 2', arena_hard: 'Arena-Hard', mt_bench: 'MT-Bench' };
  const benchmark = names[metrics.benchmark] || metrics.benchmark;
  const judge = metrics.annotator || metrics.judge || '–';
  const digits = isRate ? 1 : 2;
  const shown = x => number(x, digits);
  const signed = x => (x < 0 ? '−' : '+') + shown(Math.abs(x));
  document.getElementById('subtitle').textContent = `${benchmark} · judged by ${judge}${metrics.baseline ? ' · against ' + metrics.baseline : ''}`;

  const official = name => (metrics.models || []).find(one => one.name === name) || {};
  const best = models.filter(m => m.mean).reduce((a, b) => !a || b.mean[0] > a.mean[0] ? b : a, null);
  tile(number(compared), compared === 1 ? 'model' : 'models');
  tile(number(data.questions), data.questions === 1 ? 'question' : 'questions');
  if (best && isWhole) tile(shown(best.mean[0]), models.length > 1 ? `${data.unit}, ${best.name}` : data.unit);
  if (best && official(best.name).length_controlled_winrate !== undefined) tile(shown(official(best.name).length_controlled_winrate), 'length-controlled win rate, %');
  const judged = models.reduce((n, m) => n + m.judged, 0), rows = models.reduce((n, m) => n + m.rows, 0);
  tile(`${number(judged)} / ${number(rows)}`, 'judged');
  tile(judge, 'judge');

  if ((data.notes || []).length) {
    const card = element('div', undefined, 'card'), list = element('ul');
    data.notes.forEach(note => list.append(element('li', note)));
    card.append(element('h2', 'To be known'), list);
    document.getElementById('notes').append(card);
  }

  const short = (name, most) => name.length > most ? name.slice(0, most - 1) + '…' : name;
  const span = (values, least, most) => padded(values, 0.08, least, most);
  // As wide as its place, so that letters keep their size; the first card of a row is alone in it yet, and as wide as the page.
  const wide = place => Math.min(place.closest('#pictures') ? 560 : 1400, Math.max(240, place.clientWidth || 520));
  const [least, most] = isRate ? [0, 100] : [1, 10];
  const pictures = document.getElementById('pictures');

  // entries: { name, estimates: [[mean, low, high]…], strokes }
  const intervals = (place, entries, line0) => {
    const line = 30, width = wide(place), left = Math.min(150, 0.34 * width), right = 54, letters = Math.floor((left - 12) / 7.4);
    const height = entries.length * line + 30, node = svg(width, height);
    if (place.closest('#pictures')) node.style.maxWidth = `${width}px`;
    const [low, high] = span(entries.flatMap(e => e.estimates.filter(Boolean).flat()), least, most), x = scale(low, high, left, width - right);
    ticks(low, high, 4).forEach(([value, label]) => {
      draw(node, 'line', { x1: x(value), x2: x(value), y1: 4, y2: height - 24, class: 'grid' });
      draw(node, 'text', { x: x(value), y: height - 8, 'text-anchor': 'middle', class: 'soft' }, label);
    });
    const hasLine = line0 > low && line0 < high;
    if (hasLine) draw(node, 'line', { x1: x(line0), x2: x(line0), y1: 4, y2: height - 24, class: 'base' });
    entries.forEach((entry, i) => {
      const group = draw(node, 'g', {});
      draw(group, 'title', {}, entry.name + ': ' + entry.estimates.filter(Boolean).map(e => `${shown(e[0])} [${shown(e[1])}, ${shown(e[2])}]`).join('; '));
      draw(group, 'text', { x: left - 12, y: 4 + (i + 0.5) * line + 4, 'text-anchor': 'end' }, short(entry.name, letters));
      const count = entry.estimates.length;
      entry.estimates.forEach((estimate, k) => {
        if (!estimate) return;
        const y = 4 + (i + (k + 1) / (count + 1)) * line;
        draw(group, 'line', { x1: x(estimate[1]), x2: x(estimate[2]), y1: y, y2: y, stroke: entry.strokes[k], 'stroke-width': 3, 'stroke-linecap': 'round', opacity: 0.6 });
        draw(group, 'circle', { cx: x(estimate[0]), cy: y, r: count > 1 ? 4 : 5, fill: entry.strokes[k] });
      });
      if (count === 1 && entry.estimates[0]) draw(group, 'text', { x: width - 4, y: 4 + (i + 0.5) * line + 4, 'text-anchor': 'end', class: 'soft' }, shown(entry.estimates[0][0]));
    });
    place.append(node);
    return hasLine;
  };
  const ranked = models.map((m, i) => ({ m, hue: hues[i] })).filter(e => e.m.mean);
  if (isWhole) ranked.sort((a, b) => b.m.mean[0] - a.m.mean[0]);
  const means = page.card(pictures, `${data.unit[0].toUpperCase()}${data.unit.slice(1)}`);
  const hasLine = intervals(means, ranked.map(e => ({ name: label(e.m), estimates: [e.m.mean], strokes: [e.hue] })), isRate ? 50 : -1);
  means.after(element('p', `Mean with its 95 % interval, by a bootstrap over questions (seed ${data.seed}).` + (metrics.repeats ? ` All ${metrics.repeats} repeats are taken together.` : '') + (hasLine ? ' The dashed line is 50, as good as the other side.' : '')));

  // The same scores by each repeat of the judging: a point each, a stroke at the median. Ratings by Elo have a scale of their own.
  if ((data.spread || []).length) {
    const place = page.card(pictures, 'Repeats', `Scores of each of the ${metrics.repeats} repeats; the stroke is their median, which stands beside with the lowest and the highest.`);
    const line = 42, width = wide(place), right = 130, height = data.spread.length * line, node = svg(width, height);
    node.style.maxWidth = `${width}px`;
    data.spread.forEach((figure, i) => {
      const known = values => values.filter(value => value !== null);
      const each = known(figure.each), at = (i + 1) * line - 12, group = draw(node, 'g', {});
      const alike = data.spread.filter(other => (other.name === 'rating') === (figure.name === 'rating'));
      const [low, high] = padded(known(alike.flatMap(other => other.each)), 0.05), x = scale(low, high, 8, width - right - 8);
      draw(group, 'title', {}, `${figure.of}, ${figure.name}: ${figure.each.map(value => value === null ? '–' : number(value, 2)).join(', ')}`);
      draw(group, 'text', { x: 0, y: at - 13, class: 'soft' }, short(`${figure.of}, ${figure.name.replaceAll('_', ' ')}`, Math.floor(width / 7.4)));
      draw(group, 'line', { x1: 8, x2: width - right - 8, y1: at, y2: at, class: 'grid' });
      draw(group, 'line', { x1: x(figure.median), x2: x(figure.median), y1: at - 8, y2: at + 8, stroke: colour('--a'), 'stroke-width': 2 });
      each.forEach(value => draw(group, 'circle', { cx: x(value), cy: at, r: 4, fill: colour('--a'), opacity: 0.55 }));
      draw(group, 'text', { x: width - 4, y: at + 4, 'text-anchor': 'end' }, `${number(figure.median, 2)} (${number(Math.min(...each), 2)}–${number(Math.max(...each), 2)})`);
    });
    place.append(node);
  }

  const long = ranked.filter(e => e.m.length !== null);
  if (long.length) {
    const place = page.card(pictures, 'Length against ' + data.unit, 'Mean code points of an answer. A judge that likes length lifts the points on the right.');
    const width = wide(place), height = Math.max(190, 30 * long.length + 60), left = 40, node = svg(width, height);
    const lengths = long.map(e => e.m.length), pad = 0.15 * (Math.max(...lengths) - Math.min(...lengths)) || 0.2 * lengths[0] || 1;
    const [x0, x1] = [Math.max(0, Math.min(...lengths) - pad), Math.max(...lengths) + pad];
    const x = scale(x0, x1, left, width - 12), [y0, y1] = span(long.flatMap(e => e.m.mean), least, most), y = scale(y0, y1, height - 36, 10);
    ticks(y0, y1, 4).forEach(([value, label]) => {
      draw(node, 'line', { x1: left, x2: width - 12, y1: y(value), y2: y(value), class: 'grid' });
      draw(node, 'text', { x: left - 6, y: y(value) + 4, 'text-anchor': 'end', class: 'soft' }, label);
    });
    ticks(x0, x1, 5).forEach(([value, label]) => draw(node, 'text', { x: x(value), y: height - 19, 'text-anchor': 'middle', class: 'soft' }, label));
    draw(node, 'text', { x: (left + width) / 2, y: height - 3, 'text-anchor': 'middle', class: 'soft' }, 'code points');
    long.forEach(e => {
      const cx = x(e.m.length), cy = y(e.m.mean[0]), group = draw(node, 'g', {}), right = cx < width / 2;
      draw(group, 'title', {}, `${label(e.m)}: ${shown(e.m.mean[0])}, ${number(e.m.length)} code points`);
      draw(group, 'line', { x1: cx, x2: cx, y1: y(e.m.mean[1]), y2: y(e.m.mean[2]), stroke: e.hue, 'stroke-width': 2, opacity: 0.45 });
      draw(group, 'circle', { cx, cy, r: 5, fill: e.hue });
      // Of several categories too many points for names; they have the colours of the picture beside.
      if (isWhole) draw(group, 'text', { x: cx + (right ? 10 : -10), y: cy + 4, 'text-anchor': right ? 'start' : 'end' }, short(label(e.m), Math.floor(width / 14)));
    });
    place.append(node);
  }
  if (models.some(m => m.shown_first || m.shown_second)) {
    intervals(page.card(pictures, 'Position', 'Win rate where the model’s answer is shown first (blue) and second (orange). They differ where the judge favours a place.'),
      ranked.map(e => ({ name: label(e.m), estimates: [e.m.shown_first, e.m.shown_second], strokes: [colour('--a'), colour('--b')] })), 50);
  }

  // All numbers.
  const box = element('div', undefined, 'card'), node = element('table'), scroll = element('div', undefined, 'scroll');
  const cell = (line, parts, i, tag) => {
    const td = element(tag, undefined, i ? 'number' : '');
    td.append(...[].concat(parts));
    line.append(td);
  };
  const row = (cells, tag) => {
    const line = element('tr');
    cells.forEach((parts, i) => cell(line, parts, i, tag));
    node.append(line);
  };
  const estimate = (e, format) => e ? [format(e[0]), element('div', `${format(e[1])} to ${format(e[2])}`, 'interval')] : '–';
  const hasDoubtful = Boolean(metrics.doubtful);
  const controlled = models.some(m => official(m.name).length_controlled_winrate !== undefined);
  const hasLength = models.some(m => m.length !== null), hasPosition = models.some(m => m.shown_first || m.shown_second);
  row(['model', data.unit, ...(hasDoubtful ? ['without doubtful'] : []), ...(controlled ? ['length-controlled'] : []), ...(compared > 1 ? [`minus ${short(models[0].name, 18)}`, 'p'] : []),
    ...(hasPosition ? ['shown first', 'second'] : []), ...(hasLength ? ['length'] : []), 'judged'], 'th');
  models.forEach((m, i) => {
    const swatch = element('span', undefined, 'swatch');
    swatch.style.background = hues[i];
    const sure = m.difference && m.p < 0.05;
    const value = m.difference ? element('span', signed(m.difference[0]), sure ? m.difference[0] > 0 ? 'better' : 'worse' : '') : '';
    const lc = official(m.name);
    const name = element('div', undefined, 'name');
    name.append(swatch, label(m));
    row([name, estimate(m.mean, shown), ...(hasDoubtful ? [estimate(m.without_doubtful, shown)] : []),
      ...(controlled ? [lc.length_controlled_winrate === undefined ? '–' : [shown(lc.length_controlled_winrate), element('div', `± ${shown(lc.lc_standard_error)}`, 'interval')]] : []),
      ...(compared > 1 ? [m.difference ? [value, element('div', `${signed(m.difference[1])} to ${signed(m.difference[2])}`, 'interval')] : '',
        m.p === null ? '' : m.p < 0.001 ? '< 0.001' : number(m.p, 3)] : []),
      ...(hasPosition ? [m.shown_first ? shown(m.shown_first[0]) : '–', m.shown_second ? shown(m.shown_second[0]) : '–'] : []),
      ...(hasLength ? [number(lc.avg_length === undefined ? m.length : lc.avg_length)] : []), `${number(m.judged)} / ${number(m.rows)}`], 'td');
  });
  scroll.append(node);
  box.append(element('h2', 'All numbers'), scroll, element('p', compared > 1
    ? `Below a mean its 95 % interval. p: paired t test against ${models[0].name} over the questions both were judged on, adjusted by Holm’s method; in colour where p < 0.05.`
    : 'Below a mean its 95 % interval; ± is a standard error.'));
  document.getElementById('table').append(box);

  const categories = [...new Set(models.flatMap(m => Object.keys(m.categories)))];
  if (categories.length > 1 && isWhole) {
    const place = page.card(document.getElementById('categories'), 'By category', models.length > 1 ? models.map(m => m.name).join(', ') + ', from the top' : '');
    intervals(place, categories.map(c => ({ name: c, estimates: models.map(m => m.categories[c]), strokes: hues })), isRate ? 50 : -1);
  }

  // Prompts with answers and verdicts.
  const bar = document.getElementById('bar'), list = document.getElementById('items');
  const side = (title, answer, verdict, reasons, hue) => {
    const part = element('div', undefined, 'side');
    if (hue) part.style.borderColor = hue;
    part.append(element('h3', title));
    if (verdict) part.append(element('p', verdict));
    if (answer !== null && answer !== undefined) part.append(element('div', answer, 'text'));
    if (reasons) {
      const more = element('details');
      more.append(element('summary', 'what the judge said'), element('div', reasons, 'text reasons'));
      part.append(more);
    }
    return part;
  };
  const show = pager(bar, 10, 'prompts', items => {
    list.replaceChildren(...items.map(item => {
      const card = element('div', undefined, 'card item'), sides = element('div', undefined, 'sides');
      const title = element('h3', [item.id, item.category].filter(Boolean).join(' · ') || 'prompt');
      if (item.doubtful) title.append(element('span', 'doubtful reference', 'doubtful'));
      card.append(title, element('div', item.prompt, 'text'), sides);
      if (item.baseline !== null) sides.append(side('baseline', item.baseline));
      item.by.forEach(by => sides.append(side(models[by.model].name + (by.repeat ? `, repeat ${by.repeat}` : ''), by.answer,
        `${by.score === null ? 'not judged' : shown(by.score)} · ${by.verdict}`, by.reasons, hues[by.model])));
      return card;
    }));
  });
  const search = element('input');
  search.type = 'search';
  search.placeholder = 'find in prompts and answers';
  const score = item => { const found = item.by.filter(by => by.score !== null).map(by => by.score); return found.length ? found.reduce((a, b) => a + b, 0) / found.length : null; };
  const filters = {
    all: () => true, won: item => score(item) !== null && score(item) > (isRate ? 50 : 5.5), lost: item => score(item) !== null && score(item) < (isRate ? 50 : 5.5),
    none: item => item.by.some(by => by.score === null),
    apart: item => new Set(item.by.map(by => by.score)).size > 1,
    doubtful: item => Boolean(item.doubtful),
  };
  const update = () => {
    const words = search.value.toLowerCase(), keep = filters[outcome.value];
    show(data.items.filter(item => keep(item) && (category.value === '' || item.category === category.value)
      && (!words || [item.prompt, item.baseline, ...item.by.flatMap(by => [by.answer, by.reasons])].some(text => text && text.toLowerCase().includes(words)))));
  };
  const outcome = select([['all', 'all outcomes'], ['won', isRate ? 'won' : 'above 5.5'], ['lost', isRate ? 'lost' : 'below 5.5'], ['none', 'not judged'],
    ...(compared > 1 || metrics.repeats ? [['apart', compared > 1 ? 'models differ' : 'repeats differ']] : []), ...(hasDoubtful ? [['doubtful', 'doubtful reference']] : [])], () => update());
  const category = select([['', 'all categories'], ...categories.map(c => [c, c])], () => update());
  search.oninput = update;
  bar.prepend(search, outcome, ...(categories.length > 1 ? [category] : []));
  update();
  if (data.left_out) list.append(element('p', `${number(data.left_out)} more are in the files.`));
})();
