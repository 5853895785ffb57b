'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const style = getComputedStyle(document.documentElement);
  const colour = name => style.getPropertyValue(name).trim();
  const colours = [colour('--a'), colour('--b'), colour('--good')];
  const element = (tag, text, className) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (className) node.className = className;
    return node;
  };
  const number = (x, digits = 0) => x === undefined || x === null || Number.isNaN(x) ? '–'
    : x.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const percent = x => number(100 * x, 1) + ' %';

  const steps = data.metrics.filter(m => !m.kind);
  const ofKind = kind => data.metrics.filter(m => m.kind === kind);
  const start = ofKind('start')[0] || {}, end = ofKind('end')[0], metas = ofKind('meta');
  const seconds = steps.reduce((sum, m) => sum + m.seconds, 0);
  document.getElementById('subtitle').textContent =
    `${start.recipe || 'run'} · ${data.folder} · ${end ? 'finished' : 'in progress'} after ${number(steps.length)} steps`;
  document.getElementById('config').textContent = data.config;

  // Tiles.
  const tiles = document.getElementById('tiles');
  const tile = (value, label) => {
    const box = element('div', undefined, 'tile');
    box.append(element('b', value), element('span', label));
    tiles.append(box);
  };
  const last = steps[steps.length - 1] || {};
  tile(number(steps.length), 'optimizer steps');
  tile(number(last.loss, 4), 'last loss');
  if (last.accuracy !== undefined) tile(percent(last.accuracy), 'last accuracy on offline pairs');
  if (last.weight_mean !== undefined) tile(number(last.weight_mean, 3), 'last mean weight w');
  if (end && end.prompts_seen > 0) tile(percent(end.prompts_sampled / end.prompts_seen), 'prompts sampled online');
  tile(number(seconds, 1) + ' s', 'seconds of training');

  // Charts.
  const charts = document.getElementById('charts');
  const chart = (title, note, labels, x, ys, xLabel) => {
    if (x.length === 0 || ys.every(y => y.every(v => v === null || v === undefined))) return;
    const card = element('div', undefined, 'card');
    card.append(element('h2', title));
    const place = element('div');
    card.append(place, element('p', note));
    charts.append(card);
    const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line') } };
    const plot = new uPlot({
      width: Math.max(260, place.clientWidth), height: 230, scales: { x: { time: false } },
      axes: [{ ...axis, label: xLabel, labelSize: 18, size: 34 }, { ...axis, size: 58 }],
      series: [{ label: xLabel }, ...labels.map((label, i) => ({ label, stroke: colours[i], width: 2, spanGaps: true,
        points: { show: x.length < 40 } }))],
    }, [x, ...ys], place);
    new ResizeObserver(() => plot.setSize({ width: Math.max(260, place.clientWidth), height: 230 })).observe(place);
  };
  const column = (list, name) => list.map(m => m[name] === undefined ? null : m[name]);
  const x = column(steps, 'step');
  chart('Loss', 'Mean over the rows of each step.', ['loss'], x, [column(steps, 'loss')], 'step');
  if (last.rewards_margin !== undefined) {
    chart('Implicit rewards', 'β times the log-prob gained over the reference, on the offline pairs.', ['chosen', 'rejected'], x,
      [column(steps, 'rewards_chosen'), column(steps, 'rewards_rejected')], 'step');
  }
  if (last.weight_mean !== undefined) {
    chart('Weight of the offline pair', 'Mean w of each step; 1 − w is the weight of the online pair.', ['w'], x,
      [column(steps, 'weight_mean')], 'step');
    chart('Share of rows with an online pair', 'Of each step.', ['share'], x, [column(steps, 'online_share')], 'step');
  }
  const curve = parameters => {
    const n = (parameters.length - 1) / 3;
    return score => {
      let sum = parameters[3 * n];
      for (let i = 0; i < n; i++) sum += parameters[2 * n + i] * Math.tanh(parameters[i] * score + parameters[n + i]);
      return 1 / (1 + Math.exp(-sum));
    };
  };
  if (start.meta_parameters) {
    const scores = Array.from({ length: 81 }, (_, i) => -8 + i / 10);
    const first = curve(start.meta_parameters), now = metas.length ? curve(metas[metas.length - 1].meta_parameters) : first;
    chart('The meta-learner', 'w over the score log σ(s·delta), at the start and now.', ['start', 'now'], scores,
      [scores.map(first), scores.map(now)], 'score');
  }
  const pairs = data.samples.filter(s => s.sampled && s.online_chosen >= 0);
  if (pairs.length) {
    const values = pairs.flatMap(s => [s.reward_chosen, s.reward_rejected, s.answers[s.online_chosen].reward, s.answers[s.online_rejected].reward]);
    const low = Math.min(...values), width = (Math.max(...values) - low) / 24 || 1;
    const bins = Array.from({ length: 24 }, (_, i) => low + (i + 0.5) * width);
    const histogram = list => bins.map((_, i) => list.filter(v => Math.min(23, Math.floor((v - low) / width)) === i).length / list.length);
    chart('Rewards of chosen answers', 'Reward model, sampled prompts: offline chosen against the best of the policy’s own.',
      ['offline', 'online'], bins, [histogram(pairs.map(s => s.reward_chosen)), histogram(pairs.map(s => s.answers[s.online_chosen].reward))], 'reward');
  }

  // Cost.
  const cost = document.getElementById('cost');
  if (end && end.prompts_seen > 0) {
    const k = end.prompts_sampled ? end.answers_generated / end.prompts_sampled : 0;
    const card = element('div', undefined, 'card');
    card.append(element('h2', 'Cost'));
    const table = element('table');
    const row = (cells, tag) => {
      const line = element('tr');
      cells.forEach((cell, i) => line.append(element(tag, cell, i ? 'number' : '')));
      table.append(line);
    };
    row(['', 'this run', 'sampling every prompt', 'saved'], 'th');
    const line = (label, value, all) => row([label, number(value), number(all), all ? percent(1 - value / all) : '–'], 'td');
    line('prompts seen', end.prompts_seen, end.prompts_seen);
    line('prompts sampled', end.prompts_sampled, end.prompts_seen);
    line('answers generated', end.answers_generated, k * end.prompts_seen);
    line('answers annotated', end.answers_annotated, k * end.prompts_seen);
    const scroll = element('div', undefined, 'scroll');
    scroll.append(table);
    card.append(scroll, element('p', `${number(end.ties)} sampled prompts gave no pair (equal best and worst). Seconds: `
      + `${number(end.seconds_scoring, 1)} scoring, ${number(end.seconds_sampling, 1)} sampling, ${number(end.seconds_ranking, 1)} ranking, `
      + `${number(end.seconds_training, 1)} training.`));
    cost.append(card);
  }

  // Samples, a page at a time.
  const section = document.getElementById('samples');
  if (data.samples.length) {
    const card = element('div', undefined, 'card');
    card.append(element('h2', 'Prompts'));
    const bar = element('div', undefined, 'bar');
    const search = element('input');
    search.placeholder = 'search prompts and answers';
    const which = element('select');
    [['all', 'all prompts'], ['sampled', 'sampled online'], ['kept', 'not sampled']].forEach(([value, label]) => {
      const option = element('option', label);
      option.value = value;
      which.append(option);
    });
    const previous = element('button', '‹ previous'), next = element('button', 'next ›'), where = element('span');
    bar.append(search, which, previous, next, where);
    const table = element('table'), scroll = element('div', undefined, 'scroll');
    scroll.append(table);
    card.append(bar, scroll);
    if (data.samplesLeftOut > 0) card.append(element('p', `${number(data.samplesLeftOut)} more are in the samples folder.`));
    section.append(card);
    let page = 0;
    const size = 12;
    const answer = (text, reward) => {
      const cell = element('td');
      if (text === undefined) {
        cell.textContent = '–';
        return cell;
      }
      cell.append(element('div', text, 'answer'));
      if (reward !== undefined) cell.append(element('span', 'reward ' + number(reward, 2), 'reward'));
      return cell;
    };
    const draw = () => {
      const wanted = search.value.toLowerCase();
      const list = data.samples.filter(s => (which.value === 'all' || s.sampled === (which.value === 'sampled'))
        && (!wanted || JSON.stringify(s).toLowerCase().includes(wanted)));
      const pages = Math.max(1, Math.ceil(list.length / size));
      page = Math.min(page, pages - 1);
      table.replaceChildren();
      const head = element('tr');
      ['prompt', 'score', 'w', 'sampled', 'offline chosen', 'offline rejected', 'online chosen', 'online rejected'].forEach((label, i) =>
        head.append(element('th', label, i === 1 || i === 2 ? 'number' : '')));
      table.append(head);
      list.slice(page * size, (page + 1) * size).forEach(s => {
        const line = element('tr'), prompt = element('td');
        prompt.append(element('div', s.prompt, 'answer'));
        const best = s.sampled && s.online_chosen >= 0 ? s.answers[s.online_chosen] : {};
        const worst = s.sampled && s.online_rejected >= 0 ? s.answers[s.online_rejected] : {};
        line.append(prompt, element('td', number(s.score, 2), 'number'), element('td', number(s.weight, 3), 'number'),
          element('td', s.sampled ? 'yes' : 'no', s.sampled ? 'yes' : ''), answer(s.chosen, s.reward_chosen),
          answer(s.rejected, s.reward_rejected), answer(best.text, best.reward), answer(worst.text, worst.reward));
        table.append(line);
      });
      where.textContent = `${number(list.length)} prompts, page ${page + 1} of ${pages}`;
      previous.disabled = page === 0;
      next.disabled = page >= pages - 1;
    };
    search.oninput = which.onchange = () => { page = 0; draw(); };
    previous.onclick = () => { page--; draw(); };
    next.onclick = () => { page++; draw(); };
    draw();
  }
})();
