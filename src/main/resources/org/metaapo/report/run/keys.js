'use strict';
// Keys, and the help that tells them.
(() => {
  const { element } = page;
  const KEYS = [['j, k', 'next and previous prompt'], ['Enter', 'open or close it'], ['/', 'filter the prompts'], ['s', 'smoothing: none, 0.6, 0.9, 0.97'], ['l', 'log scale of loss, norm, rate and speed'],
    ['r', 'runs: show one more of them at a time, or all'], ['Esc', 'close what is open'], ['?', 'this help']];
  const help = element('dialog');
  help.append(element('h2', 'Keys'), page.table([['key', 'does'], ...KEYS]), element('p', 'Drag over a chart to look closer; a double click shows all of it again.'));
  help.querySelectorAll('.number').forEach(cell => { cell.className = ''; });
  const close = element('button', 'close');
  close.onclick = () => help.close();
  help.append(close);
  document.body.append(help);

  const tools = document.getElementById('tools');
  const button = (label, title, does) => {
    const node = element('button', label);
    node.title = title;
    node.onclick = does;
    tools.append(node);
    return node;
  };
  const smoothing = button('', 'smoothing of curves (s)', board.smooth), log = button('', 'log scale (l)', board.log);
  button('keys ?', 'keys', () => help.showModal());
  board.tools = () => {
    smoothing.textContent = board.view.smoothing ? `smoothing ${board.view.smoothing}` : 'smoothing off';
    log.textContent = board.view.log ? 'log scale' : 'linear scale';
    log.setAttribute('aria-pressed', String(board.view.log));
  };

  // All runs, then each alone.
  const turn = () => {
    const shown = store.runs.filter(run => run.visible);
    const next = shown.length === 1 ? shown[0].number + 1 : 0, all = shown.length === 1 && next >= store.runs.length;
    store.runs.forEach(run => { run.visible = all || store.runs.length === 1 || run.number === next; });
    if (!all && store.runs.length > 1) board.view.focus = next;
    board.redraw(true);
  };
  const isWriting = node => node && (node.tagName === 'TEXTAREA' || node.tagName === 'SELECT' || node.tagName === 'INPUT' && node.type !== 'checkbox' && node.type !== 'range');
  const does = {
    j: () => board.rows && board.rows.move(1), k: () => board.rows && board.rows.move(-1), '/': () => board.rows && board.rows.search.focus(),
    s: board.smooth, l: board.log, r: turn, '?': () => help.showModal(),
    Escape: () => board.rows && board.rows.closeAll(),
  };
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (isWriting(event.target)) {
      if (event.key === 'Escape') event.target.blur();
      return;
    }
    if (does[event.key]) {
      does[event.key]();
      event.preventDefault();
    }
  });
})();
