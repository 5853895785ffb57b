'use strict';
(() => {
  const { data, colour, element, number, percent, tile, chart, pager, select, table } = page;
  const counts = data.counts, zero = data.step_zero;
  const share = (n, all) => all ? percent(n / all) : '–';
  const card = (parent, title) => {
    const box = element('div', undefined, 'card');
    box.append(element('h2', title));
    parent.append(box);
    return box;
  };
  const get = id => document.getElementById(id);
  get('subtitle').textContent = `${data.model} · ${data.architecture} · ${data.files.map(f => `${f.file} (${f.columns})`).join(', ')}`;

  // Findings.
  const findings = card(get('findings'), 'Findings');
  if (data.findings.length === 0) findings.append(element('div', '✓ nothing that would hurt a run', 'clear'));
  data.findings.forEach(f => {
    const box = element('div', undefined, 'finding ' + (f.error ? 'error' : 'warning'));
    box.append(element('b', f.error ? '✗' : '!'), element('b', f.name), element('div', f.message), element('div', '→ ' + f.advice));
    if (f.examples.length) box.append(element('div', f.examples.join('; '), 'soft'));
    findings.append(box);
  });

  // Tiles.
  tile(number(counts.rows), data.kinds.map(k => k.kind).join('; ') || 'rows');
  tile(number(counts.kept), 'rows kept');
  tile(number(counts.bad + data.dropped.reduce((sum, d) => sum + d.count, 0)), 'rows dropped or bad');
  tile(share(counts.answers_cut, counts.answers), `answers cut at ${number(data.max_length)} tokens`);
  tile(share(counts.prompts_cut, counts.encoded), `prompts cut at ${number(data.max_prompt_length)} tokens`);
  if (data.bias) tile(share(data.bias.longer, data.bias.pairs), 'pairs whose chosen answer is longer');
  if (zero) {
    tile(number(zero.chosen_per_token, 2), `log p a token of ${zero.pairs ? 'chosen' : 'the'} answers (a guess: ${number(zero.uniform, 2)})`);
    if (zero.pairs) tile(number(zero.loss, 4), 'loss at step 0 (ln 2 = 0.6931)');
  }

  // Histograms.
  const strokes = { prompt: colour('--a'), rejected: colour('--b'), online_rejected: colour('--b') };
  data.histograms.forEach(h => {
    const lines = h.sides.map(s => ({ label: s.side, stroke: strokes[s.side] || colour('--good'), values: s.counts.map(c => c / s.count) }));
    const last = h.bins.length - 1;
    chart(get('charts'), 'Length of ' + h.sides.map(s => s.side).join(' and '), 'Share of all, by tokens as trained on'
      + (h.open ? '; the last bar holds all that is longer.' : '.'), h.bins.map(b => b + h.width / 2), lines, 'tokens', {
      barWidth: h.width, yValues: v => percent(v),
      xValue: v => { const i = Math.round((v - h.width / 2 - h.bins[0]) / h.width); return h.labels[Math.max(0, Math.min(last, i))]; },
    });
  });

  // Tables.
  const lengths = card(get('counts'), 'Lengths in tokens');
  lengths.append(table([['', 'count', 'min', 'median', 'mean', 'p95', 'p99', 'max'], ...data.lengths.map(l =>
    [l.side, number(l.count), number(l.min), number(l.median), number(l.mean, 1), number(l.p95), number(l.p99),
      number(l.max)])]));
  if (data.bias) {
    lengths.append(element('p', `Before any cut a chosen answer has ${number(data.bias.mean_difference, 1)} tokens more than its `
      + `rejected one on average (ratio ${number(data.bias.ratio, 2)}).`));
  }
  const what = card(get('counts'), 'Rows');
  what.append(table([['', 'rows'], ['in the files', number(counts.rows)], ...data.kinds.map(k => ['  ' + k.kind, number(k.count)]),
    ['kept', number(counts.kept)],
    ...data.dropped.map(d => ['dropped: ' + d.reason, number(d.count)]), ['bad', number(counts.bad)],
    ['prompts cut', number(counts.prompts_cut)], ['answers cut', number(counts.answers_cut)],
    ["answers that merge with the prompt's end", number(counts.merging_answers)],
    ['prompts seen before', number(counts.repeated_prompts)], ['rows seen before', number(counts.repeated_rows)],
    ...(data.columns_not_read.length ? [['columns not read', data.columns_not_read.join(', ')]] : []),
    ...(data.bias ? [['pairs that oppose another', number(counts.opposed_pairs)]] : [])]));
  if (zero) {
    const box = card(get('counts'), `Step 0, the first ${number(zero.rows)} rows`);
    const rows = [['', 'log p a token'], [zero.pairs ? 'chosen' : 'answers', number(zero.chosen_per_token, 3)]];
    if (zero.pairs) rows.push(['rejected', number(zero.rejected_per_token, 3)]);
    rows.push(['first tokens', number(zero.first_per_token, 3)], ['last tokens', number(zero.end_per_token, 3)],
      ['a guess among all tokens', number(zero.uniform, 3)]);
    box.append(table(rows));
    if (zero.pairs) {
      box.append(element('p', `Loss with policy = reference ${number(zero.loss, 6)} (ln 2 = 0.693147); the chosen answer has the larger log p in `
        + `${percent(zero.accuracy)} of pairs.`));
    }
  }

  // Rows, a page at a time.
  if (data.rows.length === 0) return;
  const box = card(get('rows'), 'Rows as the model sees them');
  const legend = element('p', undefined, 'legend');
  const mark = (text, side) => {
    const node = element('i', text);
    node.style.setProperty('--side', side);
    return node;
  };
  const sample = (wrap, inner, text) => {
    const node = element('span', undefined, wrap);
    node.append(element('span', text, inner));
    return node;
  };
  legend.append(mark('prompt: read, not trained on', 'var(--soft)'), mark('chosen, or the only answer', 'var(--good)'), mark('rejected', 'var(--b)'),
    sample('', 't special', 'special token'), sample('cut', 't', 'cut by a length limit'), sample('', 'tail', 'left out after the end'), sample('', 't masked', 'masked: in an answer, not trained on'));
  const bar = element('div', undefined, 'bar');
  const search = element('input');
  search.placeholder = 'search rows';
  const which = select([['all', 'all shown rows'], ['cut', 'cut'], ['dropped', 'dropped']], () => find());
  const list = element('div');
  bar.append(search, which);
  const toggle = (label, name) => {
    const node = element('label'), input = element('input');
    input.type = 'checkbox';
    input.onchange = () => list.classList.toggle(name, input.checked);
    node.append(input, label);
    bar.append(node);
  };
  toggle('token edges', 'edges');
  toggle('token ids', 'ids');
  if (zero) toggle('log p', 'heat');
  box.append(legend, bar, list);
  if (data.rows_left_out > 0) box.append(element('p', `${number(data.rows_left_out)} more rows are not shown (--rows).`));

  // Control characters as their pictures, characters that change the direction as numbers.
  const special = c => c < ' ' ? String.fromCharCode(0x2400 + c.charCodeAt(0))
    : `<U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}>`;
  const text = (node, value) => {
    value.split(/([\u0000-\u0008\u000a-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069])/).forEach((part, i) => {
      // Every second part is a separator.
      if (part === '\n') node.append(element('span', '↵', 'mark'), '\n');
      else if (i % 2 === 1) node.append(element('span', special(part), 'mark'));
      else if (part) node.append(part);
    });
  };
  const tokens = (parent, pieces, className, logps) => {
    if (pieces.length === 0) return;
    const run = element('span', undefined, className);
    let at = 0;
    pieces.forEach(([value, ids, isSpecial, isMasked]) => {
      const node = element('span', undefined, 't' + (isSpecial ? ' special' : '') + (isMasked ? ' masked' : ''));
      text(node, value);
      node.dataset.ids = ids.join(' ');
      node.title = `id ${ids.join(', ')}`;
      if (logps) {
        const own = logps.slice(at, at + ids.length);
        node.title += `, log p ${own.map(p => p.toFixed(2)).join(', ')}`;
        node.style.setProperty('--heat', Math.min(85, -12 * Math.min(...own)).toFixed(0));
      }
      at += ids.length;
      run.append(node);
    });
    parent.append(run);
  };
  const part = (name, className, note) => {
    const node = element('div', undefined, 'part ' + className), head = element('h4', name + ' '), body = element('div', undefined, 'tokens');
    head.append(element('span', note));
    node.append(head, body);
    return [node, body];
  };
  const size = (count, cut) => `${number(count)} tokens` + (cut ? `, ${number(cut)} cut` : '');
  const drawRow = row => {
    const node = element('div', undefined, 'card row'), head = element('h3', row.source + ' ');
    head.append(element('span', 'row ' + row.row));
    if (row.label !== undefined) head.append(element('span', 'label ' + row.label, 'chip'));
    if (row.dropped) head.append(element('span', 'dropped: ' + row.dropped, 'chip bad'));
    const [prompt, promptBody] = part('prompt', 'prompt', size(row.prompt_tokens, row.prompt_cut));
    tokens(promptBody, row.prompt_cut_pieces, 'cut');
    tokens(promptBody, row.prompt, '');
    const answers = element('div', undefined, 'answers');
    row.answers.forEach(a => {
      const logp = a.logps ? `, log p ${number(a.logps.reduce((x, y) => x + y, 0), 2)}` : '';
      const [node, body] = part(a.side, a.side.endsWith('rejected') ? 'rejected' : 'chosen', size(a.tokens, a.cut) + (a.masked ? `, ${number(a.masked)} masked` : '') + logp);
      tokens(body, a.pieces, '', a.logps);
      tokens(body, a.cut_pieces, 'cut');
      if (a.tail) {
        const tail = element('span', undefined, 'tail');
        text(tail, a.tail);
        body.append(tail);
      }
      answers.append(node);
    });
    node.append(head, prompt);
    if (row.answers.length) node.append(answers);
    list.append(node);
  };
  const show = pager(bar, 10, 'rows', items => {
    list.replaceChildren();
    items.forEach(drawRow);
  });
  const plain = pieces => pieces.map(p => p[0]).join('');
  const words = data.rows.map(r => [r.source, plain(r.prompt), ...r.answers.map(a => plain(a.pieces))].join('\n').toLowerCase());
  const isCut = r => r.prompt_cut > 0 || r.answers.some(a => a.cut > 0);
  const find = () => {
    const wanted = search.value.toLowerCase();
    show(data.rows.filter((r, i) => (which.value === 'all' || (which.value === 'cut' ? isCut(r) : r.dropped)) && words[i].includes(wanted)));
  };
  search.oninput = find;
  find();
})();
