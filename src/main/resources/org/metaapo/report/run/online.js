'use strict';
// Answers of the policy against the given ones, and what it saved not to ask for all of them.
board.panel('online', 'Online against offline', (() => {
  const { element, percent, isNumber } = page;
  let draw = null;
  const bySlice = (key, label, style) => () => board.visible().map(run => ({
    series: store.sliceSeries(run, slice => slice[key]), label: board.named(run, label, true), stroke: board.strokes(run)[0].stroke, points: true, ...style }));
  const two = list => () => board.visible().flatMap(run => list.map(([get, label], i) => ({
    series: get(run), label: board.named(run, label), ...(board.visible().length > 1 ? { stroke: board.colourOf(run), dash: [null, [6, 4], [2, 3]][i] || undefined }
      : { stroke: page.colour(['--a', '--b', '--good'][i]) }) })));

  const build = body => {
    const grid = element('div', undefined, 'charts');
    body.append(grid);
    const share = v => percent(v).replace('.0 ', ' ');
    const all = [
      board.chart(grid, 'New answers that beat the given one', 'Share of a slice’s sampled prompts whose best new answer has a higher reward than the given chosen one.',
        { yLabel: 'share', yValues: share, yRange: (self, low, high) => [Math.max(0, Math.min(low, 0.5)), Math.max(1, high)], smooth: false }, bySlice('online_wins', 'wins')),
      board.chart(grid, 'By how much', 'Reward of the best new answer minus that of the given chosen one, mean of a slice.', { yLabel: 'reward', smooth: false }, bySlice('online_margin', 'margin')),
      board.chart(grid, 'Rewards over time', 'Means of a slice’s sampled prompts: best of the new answers, all of them, and the given chosen answer.', { yLabel: 'reward', smooth: false },
        two([['reward_best', 'best new'], ['reward_mean', 'all new'], ['reward_chosen', 'given chosen']].map(([key, label]) => [run => store.sliceSeries(run, slice => slice[key]), label]))),
      board.chart(grid, 'Scores of both pairs', 'Mean log σ(s·delta) of given and of new pairs in each step: how well the policy agrees with them.', { yLabel: 'score' },
        two([[run => run.series.score_offline, 'given'], [run => run.series.score_online, 'new']])),
      board.chart(grid, 'Rows with a new pair', 'Share of each step’s rows.', { yLabel: 'share', yValues: share }, () => board.visible().map(run => ({
        series: run.series.online_share, label: board.named(run, 'share', true), stroke: board.strokes(run)[0].stroke }))),
      board.chart(grid, 'Length of new answers', 'Mean tokens of a slice’s new answers.', { yLabel: 'tokens', smooth: false }, bySlice('answer_tokens', 'tokens')),
      board.chart(grid, 'Answers cut by length', 'Share of new answers that reached rollout.max_new_tokens.', { yLabel: 'share', yValues: share, smooth: false }, bySlice('clipped_share', 'cut')),
    ];
    return () => all.forEach(show => show());
  };
  return body => {
    if (!board.visible().some(run => 'online_share' in run.series || store.slicesOf(run).some(slice => isNumber(slice.reward_best) || isNumber(slice.answer_tokens)))) return false;
    draw = draw || build(body);
    draw();
    return true;
  };
})());

board.panel('saved', 'Saved', body => {
  const { element, number, percent, isNumber } = page;
  const runs = board.visible().filter(run => (board.saved(run) || { rows: 0 }).rows > 0);
  if (!runs.length) return false;
  const box = element('div', undefined, 'card'), rows = [['', 'sampled', 'of prompts', 'not sampled', 'saved', 'answers saved', 'time saved, about']];
  runs.forEach(run => {
    const saved = board.saved(run), end = run.end || {}, k = end.prompts_sampled ? end.answers_generated / end.prompts_sampled : Number(run.config['rollout.k']) || NaN;
    const spent = ['sampling', 'ranking'].reduce((sum, part) => sum + (isNumber(end['seconds_' + part]) ? end['seconds_' + part] : run.phaseSeconds[part] || 0), 0);
    const left = saved.rows - saved.sampled;
    rows.push([runs.length > 1 ? run.name : 'this run', number(saved.sampled), number(saved.rows), number(left), percent(saved.share), isNumber(k) ? number(left * k) : '–',
      saved.sampled && spent ? words.seconds(spent / saved.sampled * left) : '–']);
  });
  const table = page.table(rows);
  table.firstElementChild.className = 'stack';
  box.append(table, element('p', 'Against sampling every prompt: prompts that were not sampled, times K answers each, and the seconds that sampling and ranking took for a sampled one.'));
  runs.filter(run => run.end && run.end.prompts_seen > 0).forEach(run => {
    const end = run.end;
    box.append(element('p', `${runs.length > 1 ? run.name + ': ' : ''}${number(end.answers_generated)} answers generated, ${number(end.answers_annotated)} annotated; ${number(end.ties)} sampled prompts gave no pair (equal best and worst).`
      + (end.answers_overlong ? ` ${number(end.answers_overlong)} answers were longer, with their prompts, than the reward model reads.` : '')
      + (isNumber(end.reward_calls) ? ` Source of rewards: ${number(end.reward_calls)} calls, ${number(end.reward_failures)} of them failed and were tried again; ${number(end.reward_lookups)} scores or verdicts wanted, `
        + `${number(end.reward_cache_hits)} of them from the cache; ${number(end.reward_prompt_tokens)} tokens read and ${number(end.reward_completion_tokens)} written, as far as the endpoint tells.` : '')));
  });
  body.replaceChildren(box);
  return true;
});
