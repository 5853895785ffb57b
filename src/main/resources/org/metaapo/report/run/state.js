'use strict';
// The strip: how each run stands. One run in tiles, several in a table.
(() => {
  const { element, isNumber, number, percent, short } = page;

  const lastOf = run => run.last || {};
  const planned = run => run.start && run.start.steps;
  const step = run => lastOf(run).step || 0;
  const share = run => planned(run) ? Math.min(1, step(run) / planned(run)) : run.end ? 1 : null;

  const saved = run => {
    const slices = store.slicesOf(run).filter(slice => isNumber(slice.rows) && isNumber(slice.sampled));
    const rows = slices.reduce((n, s) => n + s.rows, 0), sampled = slices.reduce((n, s) => n + s.sampled, 0);
    return rows ? { rows, sampled, share: 1 - sampled / rows, slices } : null;
  };

  const WORDS = { running: 'running', finished: 'finished', stopped: 'stopped', waiting: 'waiting', starting: 'starting', gone: 'folder is gone' };
  const age = time => {
    const s = Date.now() / 1000 - time;
    return s < 2 ? 'just now' : words.seconds(s).replace(/\.\d+/, '') + ' ago';
  };
  const lastWord = run => {
    const time = Math.max(run.lastTime || 0, run.state.modified || 0);
    return source.live && time ? age(time) : null;
  };
  const stateText = run => {
    const word = WORDS[run.state.word] || run.state.word;
    return run.state.word === 'running' && words.phase(run) ? `${word}: ${words.phase(run)}` : word;
  };
  const eta = run => {
    if (run.end || run.state.word !== 'running') return null;
    const left = lastOf(run).seconds_left;
    return isNumber(left) ? words.seconds(Math.max(0, left - (run.lastTime ? Math.max(0, Date.now() / 1000 - run.lastTime) : 0))) : null;
  };
  const duration = run => isNumber(run.firstTime) && isNumber(run.lastTime) ? run.lastTime - run.firstTime
    : run.end ? ['scoring', 'sampling', 'ranking', 'training'].reduce((sum, part) => sum + (run.end['seconds_' + part] || 0), 0) : run.seconds;

  const dot = run => element('span', undefined, 'dot ' + run.state.word);
  const tile = (value, label, className) => {
    const box = element('div', undefined, 'tile ' + (className || ''));
    const shown = element('b');
    shown.append(...(Array.isArray(value) ? value : [value]));
    box.append(shown, element('span', label));
    return box;
  };
  const bar = run => {
    const done = share(run);
    if (done === null) return null;
    const node = element('progress');
    node.max = 1;
    node.value = done;
    node.setAttribute('aria-label', `${Math.round(100 * done)} % of the steps`);
    return node;
  };

  const warnings = run => {
    const list = [];
    if (run.notFinite) list.push(`${run.notFinite.key} is not a number at step ${number(run.notFinite.step)}: a smaller learning rate may help.`);
    if (run.broken) list.push(`${number(run.broken)} ${run.broken === 1 ? 'line' : 'lines'} of metrics.jsonl could not be read and ${run.broken === 1 ? 'is' : 'are'} left out.`);
    if (source.live && run.state.word === 'stopped') {
      list.push('No process works on the run' + (lastWord(run) ? `; its last line came ${lastWord(run)}` : '') + '. The same command goes on from '
        + (run.state.checkpoint >= 0 ? `step ${number(run.state.checkpoint)}.` : 'its last checkpoint, or from the start where there is none.'));
    }
    if (source.live && run.state.word === 'gone') list.push('The run’s folder or its metrics.jsonl is gone; what was read before is still shown.');
    return list;
  };

  const tiles = (body, run) => {
    const box = element('div', undefined, 'tiles'), last = lastOf(run), known = saved(run);
    const state = tile([dot(run), stateText(run)], [run.end ? null : eta(run) && eta(run) + ' left', lastWord(run) && run.state.word !== 'finished' && 'last line ' + lastWord(run)].filter(Boolean).join(', ')
      || (duration(run) ? `took ${words.seconds(duration(run))}` : 'state'), 'wide');
    if (bar(run)) state.append(bar(run));
    box.append(state, tile(number(step(run)) + (planned(run) ? ` / ${number(planned(run))}` : ''), isNumber(last.epoch) ? `steps, epoch ${number(last.epoch, 2)}` : 'optimizer steps'));
    box.append(tile(short(last.loss), 'last loss'));
    if (isNumber(last.accuracy)) box.append(tile(percent(last.accuracy), 'last accuracy on pairs'));
    if (isNumber(last.weight_mean)) box.append(tile(number(last.weight_mean, 3), 'last mean weight w'));
    if (isNumber(last.kl)) box.append(tile(number(last.kl, 3), 'KL to the reference'));
    if (known) box.append(tile(percent(known.share), 'prompts not sampled: saved'));
    if (isNumber(last.tokens_per_second)) box.append(tile(number(last.tokens_per_second), 'tokens a second'));
    if (isNumber(last.memory)) box.append(tile(words.bytes(last.memory), 'memory'));
    if (run.state.checkpoint >= 0 && !run.end) box.append(tile(number(run.state.checkpoint), 'step of the last checkpoint'));
    body.append(box);
  };

  const table = body => {
    const rows = [['run', 'state', 'step', 'left', 'loss', 'accuracy', 'w', 'saved']];
    const node = element('table', undefined, 'states stack'), scroll = element('div', undefined, 'card');
    const head = element('tr');
    rows[0].forEach((name, i) => head.append(element('th', name, i > 1 ? 'number' : '')));
    node.append(head);
    store.runs.forEach(run => {
      const line = element('tr', undefined, run.visible ? '' : 'off'), name = element('td'), label = element('label'), box = element('input');
      box.type = 'checkbox';
      box.checked = run.visible;
      box.onchange = () => { run.visible = box.checked; board.redraw(true); };
      const swatch = element('span', undefined, 'swatch');
      swatch.style.background = board.colourOf(run);
      label.append(box, swatch, run.name);
      name.append(label);
      const state = element('td');
      state.append(dot(run), stateText(run));
      const known = saved(run), last = lastOf(run);
      line.append(name, state);
      [number(step(run)) + (planned(run) ? ` / ${number(planned(run))}` : ''), eta(run) || '–', short(last.loss), percent(last.accuracy), number(last.weight_mean, 3), known ? percent(known.share) : '–']
        .forEach((text, i) => {
          const cell = element('td', text, 'number');
          cell.dataset.label = rows[0][i + 2];
          line.append(cell);
        });
      node.append(line);
    });
    scroll.append(node);
    body.append(scroll);
  };

  const subtitle = () => {
    const run = board.focus(), node = document.getElementById('subtitle');
    if (store.runs.length > 1) {
      node.textContent = `${store.runs.length} runs`;
      return;
    }
    if (!run) {
      node.textContent = source.live ? 'waiting for a run' : 'no run';
      return;
    }
    const start = run.start || {};
    const model = start.model || start.policy || run.config['model.path'];
    const name = path => path && path.split('/').filter(Boolean).slice(-2).join('/');
    const parts = [words.recipe(run), words.date(run.firstTime), start.device && [start.device, start.threads && `${start.threads} ${start.threads === 1 ? 'thread' : 'threads'}`, start.dtype].filter(Boolean).join(', '),
      model && `model ${name(model)}`, run.config['data.train'] && `data ${name(run.config['data.train'])}`, isNumber(start.rows) && `${number(start.rows)} rows`, start.version];
    node.textContent = parts.filter(Boolean).join(' · ');
    node.title = run.folder || '';
  };

  board.panel('state', 'State', body => {
    document.getElementById('name').textContent = store.runs.length === 1 ? store.runs[0].name : 'metaapo';
    subtitle();
    const active = document.activeElement && body.contains(document.activeElement) ? [...body.querySelectorAll('input')].indexOf(document.activeElement) : -1;
    body.replaceChildren();
    if (!store.runs.length) {
      body.append(element('p', source.state.open ? 'No run has begun here yet. This page shows it as soon as its first line is written.' : 'The server does not answer yet.', 'hint'));
    } else if (store.runs.length === 1) {
      if (board.focus()) tiles(body, board.focus());
      else body.append(element('p', 'The run has not begun yet.', 'hint'));
    } else table(body);
    store.runs.filter(run => run.known).forEach(run => warnings(run).forEach(text =>
      body.append(element('p', (store.runs.length > 1 ? run.name + ': ' : '') + text, run.state.word === 'stopped' && !run.notFinite ? 'hint' : 'warning'))));
    if (active >= 0 && body.querySelectorAll('input')[active]) body.querySelectorAll('input')[active].focus();
    document.title = board.focus() && store.runs.length === 1 ? `${share(board.focus()) !== null && !board.focus().end ? Math.floor(100 * share(board.focus())) + ' % ' : ''}${board.focus().name} · metaapo` : 'metaapo';
  });

  board.saved = saved;
  board.lastWord = lastWord;
})();
