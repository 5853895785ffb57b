'use strict';
// What numbers are called, which depends on the recipe and on whether it compares with a reference.
const words = (() => {
  const { isNumber, number } = page;
  const recipe = run => run.start && run.start.recipe || run.config.recipe || '';
  const objective = run => run.config['objective.name'] || 'dpo';
  const isSft = run => recipe(run) === 'sft';
  const isRewardModel = run => recipe(run) === 'reward-model';
  const hasReference = run => !isSft(run) && !isRewardModel(run) && objective(run) !== 'simpo';
  const hasWeights = run => recipe(run) === 'metaapo' || 'weight_mean' in run.series;
  const hasSamples = run => Object.keys(run.slices).length > 0 || Object.keys(run.lineSlices).length > 0;

  const one = (runs, test, yes, no) => runs.length && runs.every(test) ? yes : no;

  const loss = runs => one(runs, isSft, 'Mean negative log-likelihood of an answer’s token.',
    one(runs, isRewardModel, 'Mean of −log σ(score of chosen − score of rejected).', 'Mean over the rows of each step.'));

  // Rewards of answers: series, title, axis and note.
  const rewards = runs => {
    if (runs.length && runs.every(isRewardModel)) {
      return { chosen: 'score_chosen', rejected: 'score_rejected', margin: 'score_margin', title: 'Scores of the reward model', axis: 'score',
        note: 'Mean score of chosen and of rejected answers. Only their difference is trained: both may drift.', marginTitle: 'Margin of scores',
        marginNote: 'Score of chosen minus rejected.', accuracy: 'Share of pairs whose chosen answer has the higher score.' };
    }
    const policies = runs.filter(run => !isRewardModel(run) && !isSft(run)), simpo = policies.length && policies.every(run => objective(run) === 'simpo');
    return { chosen: 'rewards_chosen', rejected: 'rewards_rejected', margin: 'rewards_margin', title: simpo ? 'Rewards without a reference' : 'Implicit rewards',
      axis: 'reward', note: (simpo ? 'β times the mean log-prob of an answer’s token.' : 'β times the log-prob that an answer has gained over the reference.')
        + (runs.some(isRewardModel) ? ' Of a reward model: its scores.' : ''),
      marginTitle: 'Margin of rewards', marginNote: 'Reward of chosen minus rejected: what the loss raises.',
      accuracy: 'Share of pairs whose chosen answer has the larger reward.' };
  };

  const means = (series, from, to) => {
    const values = series.y.slice(Math.floor(from * series.y.length), Math.ceil(to * series.y.length)).filter(isNumber);
    return values.length ? values.reduce((a, b) => a + b, 0) / values.length : NaN;
  };

  // What to make of rewards that fall, from the first and the last fifth of the run.
  const falling = run => {
    const chosen = run.series.rewards_chosen, margin = run.series.rewards_margin, accuracy = run.series.accuracy;
    if (isRewardModel(run) || !chosen || !margin || chosen.y.length < 10) return null;
    const before = means(chosen, 0, 0.2), now = means(chosen, 0.8, 1), marginBefore = means(margin, 0, 0.2), marginNow = means(margin, 0.8, 1);
    const right = accuracy ? means(accuracy, 0.8, 1) : NaN;
    if (![before, now, marginBefore, marginNow].every(isNumber)) return null;
    const numbers = `chosen ${number(before, 2)} → ${number(now, 2)}, margin ${number(marginBefore, 2)} → ${number(marginNow, 2)}`;
    if (now >= before - 0.02 * Math.max(1, Math.abs(before))) {
      return { kind: 'good', numbers, says: 'The reward of chosen answers does not fall', advice: '.' };
    }
    if (marginNow > marginBefore && !(right < 0.55)) {
      return { kind: 'good', numbers, says: 'The reward of chosen answers falls while the margin grows', advice: ': this is normal, for the loss asks only that rejected '
        + 'ones fall faster. Look at sampled answers, and at the KL, before you trust it; objective.likelihood > 0 holds chosen ones up.' };
    }
    return { kind: 'bad', numbers, says: 'The reward of chosen answers falls and the margin does not grow', advice: ': this is not normal. A lower learning rate, a larger β '
      + 'or objective.likelihood > 0 may help; look whether chosen and rejected are exchanged in the data.' };
  };

  const phases = { scoring: 'scoring', sampling: 'sampling answers', ranking: 'ranking answers', training: 'training', evaluating: 'evaluating', saving: 'saving',
    references: 'reference log-probs' };
  const phase = run => run.phase && run.state.word === 'running' ? phases[run.phase.phase] || run.phase.phase : null;

  const seconds = s => {
    if (!isNumber(s)) return '–';
    if (s < 90) return number(s, s < 10 ? 1 : 0) + ' s';
    const minutes = Math.round(s / 60);
    if (minutes < 90) return `${minutes} min`;
    const hours = Math.floor(minutes / 60);
    return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
  };
  const bytes = b => !isNumber(b) ? '–' : b < 1e9 ? number(b / 2 ** 20) + ' MiB' : number(b / 2 ** 30, 1) + ' GiB';
  const date = t => isNumber(t) ? new Date(1000 * t).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }) : null;
  return { recipe, isSft, isRewardModel, hasReference, hasWeights, hasSamples, loss, rewards, falling, phase, seconds, bytes, date };
})();
