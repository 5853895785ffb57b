'use strict';
// Learning: loss, rewards and what to make of them when they fall, accuracy, evaluation.
board.panel('learning', 'Learning', (() => {
  const { element, percent, isNumber } = page;
  let draw = null;

  // Two series of each run, and those of its evaluations as dots.
  const pair = (first, second, labelled) => () => board.visible().flatMap(run => {
    const [a, b] = board.strokes(run), names = [first(run), second && second(run)], labels = typeof labelled === 'function' ? labelled(run) : labelled;
    return [
      { series: run.series[names[0]], label: board.named(run, labels[0], !second), ...a },
      { series: names[1] && run.series[names[1]], label: board.named(run, labels[1]), ...b },
      { series: run.series['eval.' + names[0]], label: board.named(run, labels[0] + ', held-out'), stroke: board.visible().length > 1 ? a.stroke : page.colour('--good'), dots: true },
      { series: names[1] && run.series['eval.' + names[1]], label: board.named(run, labels[1] + ', held-out'), stroke: board.visible().length > 1 ? b.stroke : page.colour('--held'), dots: true, dash: b.dash },
    ];
  });
  const plain = (name, label) => pair(() => name, null, [label || name, '']);
  const ofRewards = name => run => words.rewards([run])[name];

  const build = body => {
    const grid = element('div', undefined, 'charts'), verdicts = element('div', undefined, 'verdicts');
    body.append(grid);
    const loss = board.chart(grid, 'Loss', '', { yLabel: 'loss', canLog: true }, plain('loss'));
    const rewards = board.chart(grid, 'Implicit rewards', '', { yLabel: () => words.rewards(board.visible()).axis }, pair(ofRewards('chosen'), ofRewards('rejected'), ['chosen', 'rejected']));
    const beside = grid.lastElementChild, below = element('div', undefined, 'card');
    const margin = board.chart(grid, 'Margin', '', { yLabel: 'margin' }, pair(ofRewards('margin'), null, ['margin', '']));
    const accuracy = board.chart(grid, 'Accuracy', '', { yLabel: 'share of pairs', yValues: v => percent(v).replace('.0 ', ' '), yRange: [0, 1] }, plain('accuracy'));
    const kl = board.chart(grid, 'KL to the reference', 'Estimated on the rows that are trained on, in nats an answer.', { yLabel: 'nats' }, plain('kl', 'KL'));
    const logps = board.chart(grid, 'Log-probs of answers', '', { yLabel: 'log-prob' }, pair(() => 'logps_chosen', () => 'logps_rejected', run => words.isSft(run) ? ['answers', ''] : ['chosen', 'rejected']));
    below.append(element('h2', 'What to make of the rewards'));
    body.append(below);
    return () => {
      const runs = board.visible(), said = words.rewards(runs), held = runs.some(run => run.series['eval.loss']) ? ' Dots: held-out rows.' : '';
      loss(null, words.loss(runs) + held);
      rewards(said.title, said.note);
      margin(said.marginTitle, said.marginNote);
      accuracy(null, said.accuracy + held);
      kl();
      logps(null, runs.every(words.isSft) && runs.length ? 'Sum over the answer’s tokens, mean over rows: what SFT raises.' : 'Sum over an answer’s tokens under the policy, mean over rows.');
      verdicts.replaceChildren();
      (runs.length > 1 ? below : beside).append(verdicts);
      // What is said of several runs is said once.
      const verdictsOf = new Map();
      runs.forEach(run => {
        const verdict = words.falling(run);
        if (verdict) verdictsOf.set(verdict.says, [...verdictsOf.get(verdict.says) || [], { run, ...verdict }]);
      });
      verdictsOf.forEach((list, says) => verdicts.append(element('p', runs.length === 1 ? `${says} (${list[0].numbers})${list[0].advice}`
        : `${list.map(one => `${one.run.name} (${one.numbers})`).join('; ')}. ${says}${list[0].advice}`, 'verdict ' + list[0].kind)));
      below.hidden = runs.length < 2 || !verdicts.childElementCount;
    };
  };
  return body => {
    if (!board.visible().some(run => isNumber(run.steps) && run.steps > 0)) return false;
    draw = draw || build(body);
    draw();
    return true;
  };
})());
