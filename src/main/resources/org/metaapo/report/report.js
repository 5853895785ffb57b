'use strict';
(() => {
  const { data, element, number, percent, tile, chart, pager, select, table } = page;
  const steps = data.metrics.filter(m => !m.kind);
  const ofKind = kind => data.metrics.filter(m => m.kind === kind);
  const start = ofKind('start')[0] || {}, end = ofKind('end')[0], metas = ofKind('meta');
  const seconds = steps.reduce((sum, m) => sum + m.seconds, 0);
  document.getElementById('subtitle').textContent =
    `${start.recipe || 'run'} · ${data.folder} · ${end ? 'finished' : 'in progress'} after ${number(steps.length)} steps`;
  document.getElementById('config').textContent = data.config;

  // Tiles.
  const last = steps[steps.length - 1] || {};
  tile(number(steps.length), 'optimizer steps');
  tile(number(last.loss, 4), 'last loss');
  if (last.accuracy !== undefined) tile(percent(last.accuracy), 'last accuracy on pairs');
  if (last.weight_mean !== undefined) tile(number(last.weight_mean, 3), 'last mean weight w');
  if (end && end.prompts_seen > 0) tile(percent(end.prompts_sampled / end.prompts_seen), 'prompts sampled online');
  tile(number(seconds, 1) + ' s', 'seconds of training');

  // Charts.
  const charts = document.getElementById('charts');
  const column = (list, name) => list.map(m => m[name] === undefined ? null : m[name]);
  const line = (label, values) => ({ label, values });
  const x = column(steps, 'step');
  chart(charts, 'Loss', 'Mean over the rows of each step.', x, [line('loss', column(steps, 'loss'))], 'step');
  if (last.rewards_margin !== undefined) {
    chart(charts, 'Implicit rewards', 'β times what the loss compares: the log-prob gained over the reference, or SimPO’s mean log-prob a '
      + 'token.', x, [line('chosen', column(steps, 'rewards_chosen')), line('rejected', column(steps, 'rewards_rejected'))], 'step');
  }
  if (last.score_margin !== undefined) {
    chart(charts, 'Scores', 'What the reward model gives the answers.', x,
      [line('chosen', column(steps, 'score_chosen')), line('rejected', column(steps, 'score_rejected'))], 'step');
  }
  if (last.weight_mean !== undefined) {
    chart(charts, 'Weight of the offline pair', 'Mean w of each step; 1 − w is the weight of the online pair.', x,
      [line('w', column(steps, 'weight_mean'))], 'step');
    chart(charts, 'Share of rows with an online pair', 'Of each step.', x, [line('share', column(steps, 'online_share'))], 'step');
  }
  // Other inputs than the score are 0 in the curve.
  const width = { score: 1, answer_lengths: 2 };
  const inputs = (start.meta_features || ['score']).reduce((sum, name) => sum + (width[name] || 1), 0);
  const curve = parameters => {
    const n = (parameters.length - 1) / (inputs + 2), bias = n * inputs, outer = bias + n;
    return score => {
      let sum = parameters[outer + n];
      for (let i = 0; i < n; i++) sum += parameters[outer + i] * Math.tanh(parameters[i * inputs] * score + parameters[bias + i]);
      return 1 / (1 + Math.exp(-sum));
    };
  };
  if (start.meta_parameters) {
    const scores = Array.from({ length: 81 }, (_, i) => -8 + i / 10);
    const first = curve(start.meta_parameters), now = metas.length ? curve(metas[metas.length - 1].meta_parameters) : first;
    chart(charts, 'The meta-learner', 'w over the score log σ(s·delta), at the start and now'
      + (inputs > 1 ? '; its other inputs at 0.' : '.'), scores,
      [line('start', scores.map(first)), line('now', scores.map(now))], 'score');
  }
  if (data.bound) {
    const points = data.bound.points;
    chart(charts, 'Theorem 1', `4·Rad + M·√(2 ln(1/δ)/m) with δ = ${data.bound.delta}, and the gap measured on ${data.bound.held_out} `
      + 'held-out rows, as the meta-learner\'s buffer grows.', points.map(p => p.m),
      [line('bound', points.map(p => p.bound)), line('4·Rad', points.map(p => 4 * p.rademacher)), line('gap', points.map(p => p.gap))], 'm');
  }
  const pairs = data.samples.filter(s => s.sampled && s.online_chosen >= 0);
  if (pairs.length) {
    // Without reward.offline_pairs there are no rewards of the offline answers.
    const offline = pairs.filter(s => s.reward_chosen !== undefined);
    const values = pairs.flatMap(s => [s.answers[s.online_chosen].reward, s.answers[s.online_rejected].reward])
      .concat(offline.flatMap(s => [s.reward_chosen, s.reward_rejected]));
    const low = Math.min(...values), width = (Math.max(...values) - low) / 24 || 1;
    const bins = Array.from({ length: 24 }, (_, i) => low + (i + 0.5) * width);
    const histogram = list => bins.map((_, i) => list.filter(v => Math.min(23, Math.floor((v - low) / width)) === i).length / list.length);
    const lines = [line('online', histogram(pairs.map(s => s.answers[s.online_chosen].reward)))];
    if (offline.length) lines.unshift(line('offline', histogram(offline.map(s => s.reward_chosen))));
    chart(charts, 'Rewards of chosen answers', 'Sampled prompts: offline chosen against the best of the policy’s own.', bins, lines, 'reward');
  }

  // Cost.
  const cost = document.getElementById('cost');
  if (end && end.prompts_seen > 0) {
    const k = end.prompts_sampled ? end.answers_generated / end.prompts_sampled : 0;
    const card = element('div', undefined, 'card');
    card.append(element('h2', 'Cost'));
    const cells = (label, value, all) => [label, number(value), number(all), all ? percent(1 - value / all) : '–'];
    const scroll = table([
      ['', 'this run', 'sampling every prompt', 'saved'],
      cells('prompts seen', end.prompts_seen, end.prompts_seen),
      cells('prompts sampled', end.prompts_sampled, end.prompts_seen),
      cells('answers generated', end.answers_generated, k * end.prompts_seen),
      cells('answers annotated', end.answers_annotated, k * end.prompts_seen),
    ]);
    card.append(scroll, element('p', `${number(end.ties)} sampled prompts gave no pair (equal best and worst). `
      + (end.answers_overlong ? `${number(end.answers_overlong)} answers were longer, with their prompts, than the reward model reads. ` : '')
      + 'Seconds: '
      + `${number(end.seconds_scoring, 1)} scoring, ${number(end.seconds_sampling, 1)} sampling, ${number(end.seconds_ranking, 1)} ranking, `
      + `${number(end.seconds_training, 1)} training.`));
    if (end.reward_calls !== undefined) {
      card.append(element('p', `Source of rewards: ${number(end.reward_calls)} calls, ${number(end.reward_failures)} of them failed and were `
        + `tried again; ${number(end.reward_lookups)} scores or verdicts wanted, ${number(end.reward_cache_hits)} of them from the cache; `
        + `${number(end.reward_prompt_tokens)} tokens read and ${number(end.reward_completion_tokens)} written, as far as the endpoint tells.`));
    }
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
    const which = select([['all', 'all prompts'], ['sampled', 'sampled online'], ['kept', 'not sampled']], () => find());
    bar.append(search, which);
    const rows = element('table'), scroll = element('div', undefined, 'scroll');
    scroll.append(rows);
    card.append(bar, scroll);
    if (data.samplesLeftOut > 0) card.append(element('p', `${number(data.samplesLeftOut)} more are in the samples folder.`));
    section.append(card);
    const turn = ({role, content, ...more}) => [`[${role}]`, ...(content ? [typeof content === 'string' ? content : JSON.stringify(content)] : []),
      ...Object.entries(more).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)].join('\n');
    const answer = (said, reward) => {
      const text = Array.isArray(said) ? said.map(turn).join('\n\n') : said;
      const cell = element('td');
      if (text === undefined) {
        cell.textContent = '–';
        return cell;
      }
      cell.append(element('div', text, 'answer'));
      if (reward !== undefined) cell.append(element('span', 'reward ' + number(reward, 2), 'reward'));
      return cell;
    };
    const draw = items => {
      rows.replaceChildren();
      const head = element('tr');
      ['prompt', 'score', 'w', 'sampled', 'offline chosen', 'offline rejected', 'online chosen', 'online rejected'].forEach((label, i) =>
        head.append(element('th', label, i === 1 || i === 2 ? 'number' : '')));
      rows.append(head);
      items.forEach(s => {
        const line = element('tr'), prompt = element('td');
        prompt.append(element('div', s.prompt, 'answer'));
        const best = s.sampled && s.online_chosen >= 0 ? s.answers[s.online_chosen] : { text: s.given_chosen };
        const worst = s.sampled && s.online_rejected >= 0 ? s.answers[s.online_rejected] : { text: s.given_rejected };
        line.append(prompt, element('td', s.score === undefined ? '–' : number(s.score, 2), 'number'),
          element('td', s.weight === undefined ? '–' : number(s.weight, 3), 'number'),
          element('td', s.given_chosen !== undefined ? 'given' : s.sampled ? 'yes' : 'no', s.sampled ? 'yes' : ''), answer(s.chosen, s.reward_chosen),
          answer(s.rejected, s.reward_rejected), answer(best.text, best.reward), answer(worst.text, worst.reward));
        rows.append(line);
      });
    };
    const show = pager(bar, 12, 'prompts', draw);
    const find = () => {
      const wanted = search.value.toLowerCase();
      show(data.samples.filter(s => (which.value === 'all' || s.sampled === (which.value === 'sampled'))
        && (!wanted || JSON.stringify(s).toLowerCase().includes(wanted))));
    };
    search.oninput = find;
    find();
  }
})();
