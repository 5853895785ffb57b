'use strict';
// Where the data comes from: the server of metaapo watch, or the report itself.
const source = (() => {
  const live = !page.data;
  const state = { live, open: !live, since: Date.now() };

  const get = async path => {
    const reply = await fetch(path);
    if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
    return reply.json();
  };

  // Runs that are being fetched, and the events that have come meanwhile.
  const fetching = new Map();
  const fetchRun = async number => {
    if (fetching.has(number)) {
      fetching.get(number).again = true;
      return;
    }
    fetching.set(number, []);
    let given = null;
    try {
      given = await get(`/runs/${number}`);
    } catch (failure) {
      // The stream tells when the server is back.
    }
    const waiting = fetching.get(number);
    fetching.delete(number);
    if (!given || !store.runs[number]) return;
    store.setPage(number, given);
    columns.clear();
    waiting.forEach(event => lines(event));
    if (waiting.again) fetchRun(number);
  };
  const lines = event => {
    if (fetching.has(event.run)) fetching.get(event.run).push(event);
    else if (!store.addLines(event)) fetchRun(event.run);
  };

  const hear = ({ type, data }) => {
    const was = state.open;
    state.open = type !== 'lost';
    if (was !== state.open) {
      state.since = Date.now();
      store.changed('open');
    }
    const event = data ? JSON.parse(data) : null;
    if (type === 'runs') {
      store.setRuns(event.runs.map(run => run.name));
      store.runs.filter(run => !run.known).forEach(run => fetchRun(run.number));
    } else if (type === 'reset') {
      const run = store.runs[event.run];
      if (!run || !run.known || run.generation !== event.generation || run.to !== event.to) fetchRun(event.run);
    } else if (type === 'lines') lines(event);
    else if (type === 'slices') {
      event.slices.forEach(slice => columns.delete(event.run + ' ' + slice.key));
      store.setSlices(event);
    } else if (type === 'state') store.setState(event);
  };

  const stream = () => {
    const events = new EventSource('/events');
    ['runs', 'reset', 'lines', 'slices', 'state', 'ping'].forEach(type => events.addEventListener(type, event => hear({ type, data: event.data })));
    events.onopen = () => hear({ type: 'open' });
    events.onerror = () => {
      hear({ type: 'lost' });
      if (events.readyState === EventSource.CLOSED) setTimeout(stream, 2000);
    };
  };
  const start = async () => {
    if (!live) {
      store.setRuns(page.data.runs.map(run => run.name));
      page.data.runs.forEach((run, i) => store.setPage(i, run));
      return;
    }
    try {
      store.setRuns((await get('/runs')).runs.map(run => run.name));
      store.runs.forEach(run => fetchRun(run.number));
    } catch (failure) {
      store.changed('open');
    }
    if (window.SharedWorker) {
      const worker = new SharedWorker('/page/worker.js');
      worker.port.onmessage = message => hear(message.data);
      worker.onerror = stream;
      addEventListener('pagehide', () => worker.port.postMessage('bye'));
      addEventListener('pageshow', event => { if (event.persisted) location.reload(); });
    } else stream();
  };

  // Numbers of a slice's rows, an array each; null where there are none.
  const columns = new Map();
  const columnsOf = (run, key) => {
    if (!live) return Promise.resolve(run.rows && run.rows[key] ? run.rows[key].columns : null);
    const name = run.number + ' ' + key;
    if (!columns.has(name)) {
      if (columns.size > 300) columns.clear();
      columns.set(name, get(`/runs/${run.number}/slices/${key}`).catch(() => { columns.delete(name); return null; }));
    }
    return columns.get(name);
  };

  // A whole row; null where its text is not to be had.
  const row = (run, key, index) => live ? get(`/runs/${run.number}/slices/${key}/rows/${index}`).catch(() => null)
    : Promise.resolve(run.rows[key].texts[index] || null);

  // Beginnings of the prompts of some rows.
  const prompts = async (run, rows) => {
    const texts = new Map();
    const byKey = new Map();
    rows.forEach(({ key, index }) => byKey.set(key, [...byKey.get(key) || [], index]));
    await Promise.all([...byKey].map(async ([key, indices]) => {
      const found = live ? await get(`/runs/${run.number}/slices/${key}/prompts?rows=${indices.join(',')}`).catch(() => [])
        : indices.map(index => run.rows[key].texts[index] ? run.rows[key].texts[index].prompt : null);
      indices.forEach((index, i) => texts.set(key + ' ' + index, found[i]));
    }));
    return texts;
  };

  const texts = said => typeof said === 'string' ? [said] : said && typeof said === 'object' ? Object.values(said).flatMap(texts) : [];
  const has = (found, wanted) => [found.prompt, found.chosen, found.rejected, found.given_chosen, found.given_rejected, ...(found.answers || []).map(a => a.text)]
    .flatMap(texts).some(text => text.toLowerCase().includes(wanted));
  // Numbers of a slice's rows whose prompt or an answer has the text in it.
  const find = async (run, key, text) => new Set(live
    ? await get(`/runs/${run.number}/slices/${key}/find?text=${encodeURIComponent(text)}`).catch(() => [])
    : Object.entries(run.rows[key].texts).filter(([, found]) => has(found, text.toLowerCase())).map(([index]) => Number(index)));

  return { state, live, start, columnsOf, row, prompts, find };
})();
