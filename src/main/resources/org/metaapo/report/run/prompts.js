'use strict';
// Prompts: each row's decision and answers, to filter and to sort.
board.panel('prompts', 'Prompts', (() => {
  const { element, number, isNumber } = page;
  const { svg, draw: line, scale, hue } = picture;
  const SORTS = [['order', 'in their order'], ['weight', 'w, lowest first'], ['weight-', 'w, highest first'], ['gain-', 'gain over given, highest first'], ['gain', 'gain over given, lowest first'],
    ['margin-', 'margin of new pair, highest first'], ['margin', 'margin of new pair, lowest first'], ['score', 'score, lowest first'], ['score-', 'score, highest first'], ['best-', 'best reward first'], ['best', 'worst reward first']];
  const has = run => Object.keys(run.slices).length > 0;
  let parts = null;

  const turn = ({ role, content, ...more }) => [`[${role}]`, ...(content ? [typeof content === 'string' ? content : JSON.stringify(content)] : []),
    ...Object.entries(more).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)].join('\n');
  const text = said => said === undefined || said === null ? '–' : typeof said === 'string' ? said : Array.isArray(said) ? said.map(turn).join('\n\n') : JSON.stringify(said);

  // u against w: sampled where u is beyond w.
  const decision = row => {
    const width = 320, node = svg(width, 46), x = scale(0, 1, 6, width - 6);
    line(node, 'rect', { x: x(0), width: x(row.weight) - x(0), y: 14, height: 12, rx: 3, fill: hue(0), opacity: 0.35 });
    line(node, 'rect', { x: x(row.weight), width: x(1) - x(row.weight), y: 14, height: 12, rx: 3, fill: hue(1), opacity: 0.35 });
    line(node, 'line', { x1: x(row.uniform), x2: x(row.uniform), y1: 9, y2: 31, stroke: page.colour('--ink'), 'stroke-width': 2.5 });
    line(node, 'text', { x: x(0), y: 42, class: 'soft' }, '0');
    line(node, 'text', { x: x(1), y: 42, 'text-anchor': 'end', class: 'soft' }, '1');
    line(node, 'text', { x: Math.max(24, Math.min(width - 24, x(row.uniform))), y: 42, 'text-anchor': 'middle' }, 'u ' + number(row.uniform, 3));
    line(node, 'text', { x: Math.max(24, Math.min(width - 24, x(row.weight))), y: 9, 'text-anchor': 'middle', class: 'soft' }, 'w ' + number(row.weight, 3));
    return node;
  };
  const history = list => {
    const width = 320, node = svg(width, 96), low = Math.min(...list.map(h => h.weight)), high = Math.max(...list.map(h => h.weight)), pad = 0.1 * (high - low) || 0.02;
    const x = scale(0, Math.max(1, list.length - 1), 44, width - 14), y = scale(low - pad, high + pad, 70, 10);
    picture.ticks(low - pad, high + pad, 2).forEach(([v, label]) => {
      line(node, 'line', { x1: 40, x2: width - 6, y1: y(v), y2: y(v), class: 'grid' });
      line(node, 'text', { x: 36, y: y(v) + 4, 'text-anchor': 'end', class: 'soft' }, label);
    });
    line(node, 'polyline', { points: list.map((h, i) => `${x(i)},${y(h.weight)}`).join(' '), fill: 'none', stroke: hue(0), 'stroke-width': 2 });
    list.forEach((h, i) => {
      line(line(node, 'circle', { cx: x(i), cy: y(h.weight), r: 4, stroke: hue(h.sampled ? 1 : 0), fill: h.sampled ? hue(1) : 'none', 'stroke-width': 2 }), 'title', {}, `epoch ${h.epoch}: w ${number(h.weight, 3)}, u ${number(h.uniform, 3)}`);
      if (list.length < 12 || i % Math.ceil(list.length / 8) === 0) line(node, 'text', { x: x(i), y: 88, 'text-anchor': 'middle', class: 'soft' }, String(h.epoch));
    });
    return node;
  };

  const answer = (said, reward, tags, more) => {
    const box = element('div', undefined, 'said'), head = element('div', undefined, 'saidhead');
    tags.forEach(([tag, kind]) => head.append(element('span', tag, 'tag ' + kind)));
    if (isNumber(reward)) head.append(element('b', number(reward, 3)), element('span', 'reward', 'soft'));
    more.filter(Boolean).forEach(word => head.append(element('span', word, 'soft')));
    box.append(head, element('div', text(said), 'answer'));
    return box;
  };
  const detail = (found, place) => {
    const box = element('div', undefined, 'detail'), top = element('div', undefined, 'facts');
    if (!found) {
      box.append(element('p', source.live ? 'The row is not to be had now; it may have been written anew.' : 'The texts of this row are not in the report; metaapo watch shows them.', 'hint'));
      return box;
    }
    if (isNumber(found.weight) && isNumber(found.uniform)) {
      const fact = element('div');
      fact.append(element('h3', found.sampled ? 'Sampled: u > w' : 'Not sampled: u ≤ w'), decision(found));
      top.append(fact);
    }
    const list = (found.history || []).filter(h => isNumber(h.weight));
    if (list.length > 1) {
      const fact = element('div');
      fact.append(element('h3', 'w of this row over epochs'), history(list));
      top.append(fact);
    }
    box.append(top, element('h3', 'Prompt'), element('div', found.prompt || '–', 'answer prompt'));
    box.append(element('h3', found.reward_chosen === undefined ? 'Given pair' : 'Given pair and its rewards'));
    const given = element('div', undefined, 'answers');
    if (found.chosen !== undefined) given.append(answer(found.chosen, found.reward_chosen, [['chosen', 'good']], []), answer(found.rejected, found.reward_rejected, [['rejected', 'bad']], []));
    if (found.given_chosen !== undefined) given.append(answer(found.given_chosen, undefined, [['given online chosen', 'good']], []), answer(found.given_rejected, undefined, [['given online rejected', 'bad']], []));
    box.append(given);
    if (found.answers && found.answers.length) {
      const answers = found.answers.map((a, i) => ({ ...a, i })).sort((a, b) => (isNumber(b.reward) ? b.reward : -Infinity) - (isNumber(a.reward) ? a.reward : -Infinity));
      box.append(element('h3', `${number(answers.length)} new answers, best first${found.online_chosen < 0 ? '; no pair: best and worst are equal' : ''}`));
      const all = element('div', undefined, 'answers');
      answers.forEach(a => all.append(answer(a.text, a.reward, [...(a.i === found.online_chosen ? [['online chosen', 'good']] : []), ...(a.i === found.online_rejected ? [['online rejected', 'bad']] : [])],
        [isNumber(a.tokens) && `${number(a.tokens)} tokens`, a.finish === 'length' ? 'cut by length' : a.finish === 'data' ? 'from the data' : '', isNumber(a.logp) && `log-prob ${number(a.logp, 1)}`])));
      box.append(all);
    }
    box.append(element('p', `Row ${number(found.row)}, slice ${place}${found.source ? ', ' + found.source : ''}`, 'soft source'));
    return box;
  };

  const build = body => {
    const pick = element('div', undefined, 'bar'), box = element('div', undefined, 'card'), bar = element('div', undefined, 'bar'), list = element('div', undefined, 'rows');
    body.append(pick, box);
    box.append(bar, list);
    const search = element('input'), slices = element('select');
    search.type = 'search';
    search.id = 'search';
    search.placeholder = 'filter: a text in prompts and answers';
    search.setAttribute('aria-label', 'filter by a text in prompts and answers');
    const again = () => find();
    const which = page.select([['all', 'all prompts'], ['1', 'sampled'], ['0', 'not sampled']], again), sort = page.select(SORTS, again);
    which.setAttribute('aria-label', 'which prompts');
    sort.setAttribute('aria-label', 'order');
    slices.setAttribute('aria-label', 'slice');
    slices.onchange = again;
    let timer = 0;
    search.oninput = () => { clearTimeout(timer); timer = setTimeout(again, source.live ? 350 : 120); };
    bar.append(search, slices, which, sort);

    let run = null, at = -1, items = [];
    const toggle = async (i, focus) => {
      const row = list.children[i];
      if (!row) return;
      const old = row.querySelector('.detail'), button = row.querySelector('button');
      if (old) {
        old.remove();
        button.setAttribute('aria-expanded', 'false');
        return;
      }
      button.setAttribute('aria-expanded', 'true');
      const of = run, item = items[i], found = await source.row(of, item.key, item.index);
      if (run === of && list.children[i] === row && !row.querySelector('.detail')) row.append(detail(found, item.key));
      if (focus) row.scrollIntoView({ block: 'nearest' });
    };
    const mark = i => {
      at = Math.max(0, Math.min(items.length - 1, i));
      [...list.children].forEach((row, k) => row.classList.toggle('here', k === at));
      const button = list.children[at] && list.children[at].querySelector('button');
      if (button) {
        button.focus({ preventScroll: true });
        list.children[at].scrollIntoView({ block: 'nearest' });
      }
    };
    board.rows = { move: by => mark(at + by), closeAll: () => list.querySelectorAll('.detail').forEach(node => { node.parentElement.querySelector('button').setAttribute('aria-expanded', 'false'); node.remove(); }), search };

    const show = page.pager(bar, 20, 'prompts', async some => {
      items = some;
      at = -1;
      const of = run, texts = await source.prompts(of, some);
      if (items !== some || run !== of) return;
      list.replaceChildren(...some.map((item, i) => {
        const row = element('div', undefined, 'row'), button = element('button', undefined, 'rowhead'), words = element('span', undefined, 'rowprompt');
        const prompt = texts.get(item.key + ' ' + item.index);
        words.textContent = prompt === null || prompt === undefined ? `row ${item.row}` : prompt.replace(/\s+/g, ' ');
        button.setAttribute('aria-expanded', 'false');
        button.append(words);
        const cell = (label, value, className) => {
          const node = element('span', undefined, 'cell ' + (className || ''));
          node.append(element('i', label), element('b', value));
          button.append(node);
        };
        cell('', item.sampled ? 'sampled' : 'not sampled', item.sampled ? 'yes' : 'no');
        // What one of the rows has, all have a place for.
        const place = (field, shown, className) => {
          if (isNumber(item[field])) cell(field === 'weight' ? 'w' : field === 'uniform' ? 'u' : field, shown, className);
          else if (some.some(other => isNumber(other[field]))) cell('', '', 'empty');
        };
        place('weight', number(item.weight, 3), 'w');
        place('uniform', number(item.uniform, 3), 'u');
        place('best', number(item.best, 2));
        place('gain', (item.gain < 0 ? '−' : '+') + number(Math.abs(item.gain), 2), item.gain < 0 ? 'worse' : '');
        button.onclick = () => { mark(i); toggle(i); };
        row.append(button);
        return row;
      }));
    });

    let asked = 0, known = '';
    const find = async stay => {
      const turn = ++asked, of = run, keys = slices.value === 'all' ? store.slicesOf(of).filter(s => s.sampled_rows).map(s => s.key) : [slices.value];
      const wanted = search.value.trim(), rows = [];
      for (const key of keys) {
        const [columns, found] = await Promise.all([source.columnsOf(of, key), wanted ? source.find(of, key, wanted) : null]);
        if (turn !== asked || run !== of) return;
        if (!columns) continue;
        columns.row.forEach((row, i) => {
          if (found && !found.has(columns.index[i]) || which.value !== 'all' && String(columns.sampled[i]) !== which.value) return;
          const best = columns.best[i], chosen = columns.chosen[i];
          rows.push({ key, index: columns.index[i], row, sampled: columns.sampled[i] === 1, score: columns.score[i], weight: columns.weight[i], uniform: columns.uniform[i], best,
            gain: isNumber(best) && isNumber(chosen) ? best - chosen : null, margin: isNumber(best) ? best - columns.worst[i] : null });
        });
        if (rows.length > 60000) break;
      }
      if (sort.value !== 'order') {
        const field = sort.value.replace('-', ''), sign = sort.value.endsWith('-') ? -1 : 1;
        rows.sort((a, b) => (isNumber(a[field]) ? 0 : 1) - (isNumber(b[field]) ? 0 : 1) || sign * (a[field] - b[field]));
      }
      show(rows, stay);
    };
    return () => {
      const now = board.picker(pick, has);
      if (!now) return;
      const having = store.slicesOf(now).filter(s => s.sampled_rows), key = now.number + ' ' + now.generation + ' ' + having.map(s => s.key + s.rows + s.sampled).join();
      if (key === known) return;
      const isSame = now === run && known.startsWith(now.number + ' ' + now.generation + ' ');
      known = key;
      run = now;
      const value = slices.value;
      slices.replaceChildren(...[['all', having.length === 1 ? 'one slice' : `all ${having.length} slices`], ...having.map(s => [s.key, `slice ${having.some(o => o.epoch) ? s.epoch + '.' : ''}${s.slice}`])].map(([v, label]) => {
        const option = element('option', label);
        option.value = v;
        return option;
      }));
      // The newest slice of a long run; what is open stays open while others come.
      slices.value = isSame && [...slices.options].some(o => o.value === value) ? value : having.length > 12 ? having[having.length - 1].key : 'all';
      if (isSame && list.querySelector('.detail')) return;
      find(isSame);
    };
  };
  return body => {
    if (!board.visible().some(has)) return false;
    parts = parts || build(body);
    parts();
    return true;
  };
})());
