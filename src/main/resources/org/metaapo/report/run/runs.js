'use strict';
// Configurations: what differs between runs, and the whole of each.
board.panel('runs', 'Configuration', (() => {
  const { element } = page;
  const ALWAYS = ['out'];
  let seen = '';
  return body => {
    const runs = store.runs.filter(run => run.known && Object.keys(run.config).length);
    if (!runs.length) return false;
    const key = runs.map(run => run.number + run.configText).join('\n');
    if (key === seen) return true;
    seen = key;
    body.replaceChildren();
    if (runs.length > 1) {
      const keys = [...new Set(runs.flatMap(run => Object.keys(run.config)))].filter(name => !ALWAYS.includes(name) && new Set(runs.map(run => run.config[name])).size > 1);
      const box = element('div', undefined, 'card'), table = page.table([['key', ...runs.map(run => run.name)], ...keys.map(name => [name, ...runs.map(run => run.config[name] === undefined ? '–' : run.config[name])])]);
      table.querySelectorAll('.number').forEach(cell => { cell.className = 'value'; });
      table.firstElementChild.className = 'stack';
      box.append(element('h3', keys.length ? 'Keys that differ' : 'No key differs but where the runs are.'));
      if (keys.length) box.append(table);
      body.append(box);
    }
    runs.forEach(run => {
      const more = element('details');
      more.append(element('summary', runs.length > 1 ? `config.yaml of ${run.name}` : 'config.yaml'), element('pre', run.configText));
      body.append(more);
    });
    return true;
  };
})());
