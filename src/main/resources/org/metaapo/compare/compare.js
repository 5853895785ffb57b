'use strict';
(() => {
  const { data, element, number, tile, chart, colour, card, pager } = page;
  const { svg, draw, ticks, scale, padded } = picture;
  const rows = data.rows, start = rows[0], methods = rows.slice(1);
  const measure = data.gold ? 'gold reward' : 'reward';
  const baseline = rows.find(row => row.name === data.baseline);
  // The baseline's blue is its own.
  const apart = hue => Math.abs(hue - 212) < 24 ? hue + 60 : hue;
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const hues = rows.map((row, i) => row === start ? colour('--soft') : row === baseline ? colour('--a')
    : `hsl(${apart((35 + 137.5 * i) % 360)} 52% ${dark ? 64 : 44}%)`);
  const hue = row => hues[rows.indexOf(row)];
  const signed = x => (x < 0 ? '−' : '+') + number(Math.abs(x), 3);
  const p = x => x === undefined ? '–' : x < 0.001 ? '< 0.001' : number(x, 3);
  const unique = field => [...new Set(methods.map(row => row.totals[field]))];
  document.getElementById('subtitle').textContent = `comparison · ${data.suite} · ${data.folder}`;

  // Tiles.
  const best = methods.reduce((a, b) => b.measure[0] > a.measure[0] ? b : a, methods[0] || start);
  tile(number(methods.length), 'methods');
  tile(number(data.seeds), 'seeds');
  tile(number(data.prompts), 'held-out prompts a seed');
  const steps = unique('step'), range = steps.length < 3 ? steps : [Math.min(...steps), Math.max(...steps)];
  tile(range.map(step => number(step)).join(steps.length < 3 ? ', ' : ' to '), 'optimizer steps a run');
  tile(best.name, `highest ${measure}, ${number(best.measure[0], 3)}`);
  tile(number(start.measure[0], 3), `${measure} of the start (sft)`);

  // A picture has room for so much; the whole name is in the table and, over the picture, in its tip.
  const short = name => name.length > 24 ? name.slice(0, 11) + '…' + name.slice(-12) : name;
  const tip = (node, text) => draw(node, 'title', {}, text);
  const shown = row => `${row.name}: ${number(row.measure[0], 3)} [${number(row.measure[1], 3)}, ${number(row.measure[2], 3)}]`;

  const pair = element('div', undefined, 'pair');
  document.getElementById('ranking').append(pair);

  // Intervals, best on top.
  const intervals = () => {
    const place = card(pair, `${measure[0].toUpperCase() + measure.slice(1)} of each method`,
      'Mean over seeds with its 95 % interval; small dots are single seeds. The dashed line is the start.');
    const ranked = [...rows].sort((a, b) => b.measure[0] - a.measure[0]), line = 26, width = 540, right = 52;
    const left = Math.max(96, 8 * Math.max(...rows.map(row => short(row.name).length)) + 16);
    const height = ranked.length * line + 34, node = svg(width, height);
    const [low, high] = padded(rows.flatMap(row => [...row.measure, ...row.by_seed]), 0.04), x = scale(low, high, left, width - right);
    ticks(low, high, 5).forEach(([value, label]) => {
      draw(node, 'line', { x1: x(value), x2: x(value), y1: 4, y2: height - 26, class: 'grid' });
      draw(node, 'text', { x: x(value), y: height - 10, 'text-anchor': 'middle', class: 'soft' }, label);
    });
    draw(node, 'line', { x1: x(start.measure[0]), x2: x(start.measure[0]), y1: 4, y2: height - 26, class: 'base' });
    ranked.forEach((row, i) => {
      const y = 4 + (i + 0.5) * line, stroke = hue(row), group = draw(node, 'g', {});
      tip(group, shown(row));
      draw(group, 'text', { x: left - 12, y: y + 4, 'text-anchor': 'end', class: 'name', 'font-weight': row === baseline ? 700 : 400 }, short(row.name));
      row.by_seed.forEach(value => draw(group, 'circle', { cx: x(value), cy: y, r: 2.4, fill: stroke, opacity: 0.45 }));
      draw(group, 'line', { x1: x(row.measure[1]), x2: x(row.measure[2]), y1: y, y2: y, stroke, 'stroke-width': 3, 'stroke-linecap': 'round', opacity: 0.75 });
      draw(group, 'circle', { cx: x(row.measure[0]), cy: y, r: 5, fill: stroke });
      draw(group, 'text', { x: width - 4, y: y + 4, 'text-anchor': 'end', class: 'soft' }, number(row.measure[0], 3));
    });
    place.append(node);
  };

  // Worth against cost.
  const scatter = () => {
    const place = card(pair, `${measure[0].toUpperCase() + measure.slice(1)} against annotations`,
      'Answers that the source of rewards scored, mean of a run. Up is better, left is cheaper.');
    const width = 540, left = 44, bottom = 36, height = Math.max(220, rows.length * 26 + 34), node = svg(width, height);
    const cost = row => row.totals.answers_annotated, most = Math.max(1, ...rows.map(cost));
    const x = scale(-0.04 * most, 1.04 * most, left, width - 12);
    const [low, high] = padded(rows.flatMap(row => row.measure), 0.06), y = scale(low, high, height - bottom, 10);
    ticks(low, high, 5).forEach(([value, label]) => {
      draw(node, 'line', { x1: left, x2: width - 12, y1: y(value), y2: y(value), class: 'grid' });
      draw(node, 'text', { x: left - 6, y: y(value) + 4, 'text-anchor': 'end', class: 'soft' }, label);
    });
    ticks(0, most, 5).forEach(([value, label]) => draw(node, 'text', { x: x(value), y: height - 18, 'text-anchor': 'middle', class: 'soft' }, label));
    draw(node, 'text', { x: (left + width) / 2, y: height - 3, 'text-anchor': 'middle', class: 'soft' }, 'answers annotated');
    draw(node, 'line', { x1: left, x2: width - 12, y1: y(start.measure[0]), y2: y(start.measure[0]), class: 'base' });
    // Names keep clear of dots and of each other: from the top down, each goes where there is room, beside its dot or shifted.
    const taken = rows.map(row => ({ row, from: x(cost(row)) - 6, to: x(cost(row)) + 6, y: y(row.measure[0]) }));
    [...rows].sort((a, b) => b.measure[0] - a.measure[0]).forEach(row => {
      const cx = x(cost(row)), cy = y(row.measure[0]), stroke = hue(row), group = draw(node, 'g', {});
      tip(group, `${shown(row)}, ${number(cost(row))} annotations`);
      draw(group, 'line', { x1: cx, x2: cx, y1: y(row.measure[1]), y2: y(row.measure[2]), stroke, 'stroke-width': 2, opacity: 0.35 });
      draw(group, 'circle', { cx, cy, r: 5.5, fill: stroke });
      const length = 7 * short(row.name).length, sides = [false, true].filter(atLeft => atLeft ? cx - 12 - length > left : cx + 12 + length < width);
      const from = atLeft => atLeft ? cx - 10 - length : cx + 10;
      const free = ([atLeft, shift]) => cy + shift > 8 && taken.every(t => t.row === row || t.to < from(atLeft) || t.from > from(atLeft) + length || Math.abs(t.y - (cy + shift)) > 13);
      const places = [0, 13, -13, 26, -26, 39, -39, 52, -52, 65, 78, 91, 104].flatMap(shift => sides.map(atLeft => [atLeft, shift]));
      const [toLeft, shift] = places.find(free) || [!sides.includes(false), 0];
      taken.push({ from: from(toLeft), to: from(toLeft) + length, y: cy + shift });
      if (shift) draw(group, 'line', { x1: cx, y1: cy, x2: toLeft ? cx - 9 : cx + 9, y2: cy + shift, stroke, opacity: 0.5 });
      draw(group, 'text', { x: toLeft ? cx - 10 : cx + 10, y: cy + shift + 4, 'text-anchor': toLeft ? 'end' : 'start',
        'font-weight': row === baseline ? 700 : 400 }, short(row.name));
    });
    place.append(node);
  };
  intervals();
  scatter();

  // The table.
  const table = () => {
    const box = element('div', undefined, 'card'), node = element('table'), scroll = element('div', undefined, 'scroll');
    box.append(element('h2', 'All numbers'));
    const line = (cells, tag, className) => {
      const tr = element('tr', undefined, className);
      cells.forEach((cell, i) => {
        const td = element(tag, undefined, i ? 'number' : '');
        td.append(...(Array.isArray(cell) ? cell : [cell]));
        tr.append(td);
      });
      node.append(tr);
    };
    const interval = (estimate, format) => [format(estimate[0]), element('div', `${format(estimate[1])} to ${format(estimate[2])}`, 'interval')];
    const three = x => number(x, 3), labels = rows.some(row => row.totals.labels_asked > 0);
    const totals = ['step', 'prompts_sampled', 'answers_generated', 'answers_annotated', ...(labels ? ['labels_asked'] : [])];
    const phases = ['scoring', 'sampling', 'ranking', 'training'];
    line(['method', measure, `minus ${data.baseline}`, 'p', 'win rate over sft', data.gold ? 'reward model' : 'LC win rate', 'KL', 'tokens',
      'steps', 'sampled', 'generated', 'annotated', ...(labels ? ['labels asked'] : []), ...['score s', 'sample s', 'rank s', 'train s']], 'th');
    rows.forEach(row => {
      const swatch = element('span', undefined, 'swatch');
      swatch.style.background = hue(row);
      const name = [swatch, row.name];
      if (row.runs && row.runs.length) {
        const links = element('div', row.runs.length > 1 ? 'seeds ' : 'seed ', 'interval');
        row.runs.forEach((run, i) => {
          const link = element('a', String(run.seed));
          link.href = run.report.split('/').map(encodeURIComponent).join('/');
          links.append(i ? ', ' : '', link);
        });
        name.push(links);
      }
      if (row.setting) name.push(element('div', row.setting, 'interval'));
      if (row.seeds < data.seeds) name.push(element('div', `${row.seeds} of ${data.seeds} seeds`, 'failed'));
      // Prompts of one seed share its training: only several seeds tell whether further runs would differ too.
      const sure = row.difference && row.seeds > 2 && row.p_seeds < 0.05;
      const value = element('span', row.difference ? signed(row.difference[0]) : '', sure ? row.difference[0] > 0 ? 'better' : 'worse' : '');
      const difference = row.difference
        ? [value, element('div', `${signed(row.difference[1])} to ${signed(row.difference[2])}`, 'interval')] : '';
      line([name, interval(row.measure, three), difference, row.difference ? [p(row.p), element('div', 'seeds ' + p(row.p_seeds), 'interval')] : '',
        interval(row.wins, three), data.gold ? number(row.reward[0], 2) : row.controlled ? interval(row.controlled, three) : '–', number(row.kl[0], 2), number(row.length[0], 1),
        ...totals.map(total => row === start ? '–' : number(row.totals[total])),
        ...phases.map(phase => row === start ? '–' : number(row.totals['seconds_' + phase], 1))],
      'td', row === baseline ? 'baseline' : '');
    });
    scroll.append(node);
    box.append(scroll, element('p', `Below a mean its 95 % interval, by bootstrap over seeds, then prompts within each. p: paired t test against ${data.baseline} `
      + 'over prompts × seeds, below it over the seeds’ means; two-sided, adjusted by Holm’s method. In colour where p over the means of three seeds or more is below 0.05.'
      + (data.seeds < 3 ? ' Here are fewer: whether further runs would differ too is not known.' : '') + ' Win rate: how often an answer '
      + 'is better than one of sft, equal ones counting half. ' + (data.gold ? '' : 'LC win rate: what a logistic fit on the difference in characters predicts for equal lengths; exactly 0.5 where its penalty tells nothing apart, as with few prompts. '
        + 'Reward and win rates are by the source of rewards that the methods were trained with: what they gain by its mistakes counts as a gain. ') + 'KL: nats an answer from sft, on the policy’s own answers. Steps, counts and seconds are means of one run.', 'tip'));
    document.getElementById('table').append(box);
  };
  table();

  // Answers side by side: the same prompt, by the same random numbers.
  const examples = () => {
    const list = data.examples || [];
    if (!list.length) return;
    const box = element('div', undefined, 'card'), bar = element('div', undefined, 'bar'), place = element('div');
    box.append(element('h2', 'Answers side by side'), bar, place, element('p', `First answers to held-out prompts of seed ${data.example_seed}, drawn by the same random numbers; beside each its ${measure}.`, 'tip'));
    document.getElementById('examples').append(box);
    const names = rows.map(row => row.name), chosen = new Set(names.slice(0, 4).concat(data.baseline));
    const choices = element('div', undefined, 'choices');
    const draw = items => place.replaceChildren(...items.map(item => {
      const one = element('div', undefined, 'example'), sides = element('div', undefined, 'sides');
      names.filter(name => chosen.has(name) && item.answers[name]).forEach(name => {
        const side = element('div', undefined, 'side'), swatch = element('span', undefined, 'swatch'), head = element('h3');
        swatch.style.background = hue(rows.find(row => row.name === name));
        head.append(swatch, element('span', name, 'who'), element('span', number(item.answers[name].worth, 2), 'interval'));
        side.append(head, element('div', item.answers[name].text, 'text'));
        sides.append(side);
      });
      one.append(element('div', item.prompt, 'prompt text'), sides);
      return one;
    }));
    names.forEach(name => {
      const label = element('label'), input = element('input');
      input.type = 'checkbox';
      input.checked = chosen.has(name);
      input.onchange = () => { chosen[input.checked ? 'add' : 'delete'](name); show(list, true); };
      label.append(input, name);
      choices.append(label);
    });
    box.insertBefore(choices, bar);
    const show = pager(bar, 5, 'prompts', draw);
    show(list);
  };
  examples();

  // Training curves: means over seeds, smoothed over a few steps.
  const charts = document.getElementById('charts');
  const smooth = values => {
    const reach = Math.floor(values.length / 40);
    return values.map((_, i) => {
      const window = values.slice(Math.max(0, i - reach), i + reach + 1).filter(v => v !== null);
      return window.length ? window.reduce((a, b) => a + b, 0) / window.length : null;
    });
  };
  const curve = (field, title, note) => {
    const having = methods.filter(row => row.curves[field]);
    const steps = [...new Set(having.flatMap(row => row.curves[field].map(point => point[0])))].sort((a, b) => a - b);
    chart(charts, title, note, steps, having.map(row => {
      const values = new Map(row.curves[field]);
      return { label: row.name, values: smooth(steps.map(step => values.has(step) ? values.get(step) : null)), stroke: hue(row) };
    }), 'step');
  };
  curve('weight_mean', 'Weight of the offline pair', 'Mean w of each step, over seeds.');
  curve('online_share', 'Share of rows with an online pair', 'Of each step, over seeds.');
  curve('accuracy', 'Accuracy on offline pairs', 'How often the offline chosen answer has the higher implicit reward.');
  curve('rewards_margin', 'Margin of the implicit rewards', 'On the pairs trained on; its scale is the objective’s β.');
  curve('grad_norm', 'Gradient norm', 'Before clipping.');

  // What else is to be known.
  const notes = [];
  data.choices.forEach(choice => notes.push(`${choice.method}: mean reward on validation prompts with ${choice.trials.map(trial =>
    `${trial.setting.join(' ')} (${number(trial.reward, 3)}${trial.chosen ? ', chosen' : ''})`).join(', ')}.`));
  notes.push(...data.remarks);
  data.failures.forEach(failure => notes.push('Failed: ' + failure));
  if (notes.length) {
    const list = element('ul');
    notes.forEach(note => list.append(element('li', note, note.startsWith('Failed') ? 'failed' : '')));
    const place = card(document.getElementById('notes'), 'Notes', '');
    place.append(list);
  }
})();
