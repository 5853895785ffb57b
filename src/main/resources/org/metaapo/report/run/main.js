'use strict';
(() => {
  const { element } = page;
  const banner = document.getElementById('banner');
  // Says when what is shown is old.
  const stale = () => {
    const lost = source.live && !source.state.open && Date.now() - source.state.since > 1500;
    banner.hidden = !lost;
    if (lost) {
      const since = new Date(source.state.since).toLocaleTimeString();
      const over = store.runs.length > 0 && store.runs.every(run => run.end);
      banner.textContent = `No connection since ${since}: what is shown is as it was then. ` + (over ? 'The run is finished; its report.html has the same.' : 'The page tries again by itself.');
    }
  };
  store.listen(what => {
    if (what === 'open') stale();
    board.redraw(what !== 'lines');
  });
  board.panel('foot', '', body => {
    board.tools();
    body.replaceChildren(element('p', source.live ? 'metaapo watch' : 'Made by metaapo from the run’s folder; metaapo watch shows the same while a run goes on.', 'soft'));
    return true;
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => board.redraw(true));
  addEventListener('resize', () => board.redraw(false));
  if (source.live) {
    setInterval(stale, 1000);
    setInterval(board.tick, 5000);
  }
  source.start();
  board.redraw(true);
})();
