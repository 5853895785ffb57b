'use strict';
// What is known of each run. Panels read it, and are told when it changes.
const store = (() => {
  const { isNumber } = page;
  const runs = [], listeners = new Set();
  const NO_CURVE = new Set(['step', 'epoch', 'slice', 'time', 'seconds_left', 'tokens_seen']);

  const changed = what => listeners.forEach(listener => listener(what));

  const blank = (number, name) => ({ number, name, visible: true, known: false, series: {}, curves: [], lineSlices: {}, slices: {}, phaseSeconds: {},
    config: {}, configText: '', state: { word: 'waiting' }, steps: 0, seconds: 0, broken: 0, generation: '', to: -1, checkpoint: -1 });

  const setRuns = names => {
    names.forEach((name, i) => {
      if (!runs[i] || runs[i].name !== name) runs[i] = blank(i, name);
    });
    runs.length = names.length;
    changed('runs');
  };

  // A run anew, from what the server or the report says of it.
  const setPage = (number, given) => {
    const run = runs[number], view = given.view;
    Object.assign(run, {
      known: true, name: given.name, folder: given.folder, config: given.config || {}, configText: given.config_text || '', bound: given.bound,
      generation: given.generation, to: given.to, start: view.start, last: view.last, end: view.end, phase: view.phase, notFinite: view.not_finite,
      steps: view.steps, seconds: view.seconds, broken: view.broken, firstTime: view.first_time, lastTime: view.last_time,
      phaseSeconds: view.phase_seconds || {}, series: view.series, curves: view.curves, lineSlices: {}, slices: {}, rows: given.rows,
      state: given.state || { word: view.end ? 'finished' : 'stopped', checkpoint: given.checkpoint },
    });
    view.slices.forEach(line => { run.lineSlices[`${line.epoch}.${line.slice}`] = line; });
    given.slices.forEach(slice => { run.slices[slice.key] = slice; });
    changed('page');
  };

  const passed = (run, time) => {
    if (!isNumber(time)) return;
    if (!isNumber(run.firstTime)) run.firstTime = time;
    if (run.phase && time > run.lastTime) run.phaseSeconds[run.phase.phase] = (run.phaseSeconds[run.phase.phase] || 0) + time - run.lastTime;
    run.lastTime = time;
  };

  const addLine = (run, line) => {
    const kind = line.kind || '';
    passed(run, line.time);
    if (line.curve) run.curves.push(line.curve);
    if (kind === 'start') run.start = line;
    else if (kind === 'end') run.end = line;
    else if (kind === 'phase') run.phase = line;
    else {
      if (kind === 'slice') run.lineSlices[`${line.epoch}.${line.slice}`] = line;
      if (kind === '') {
        run.steps++;
        run.seconds += line.seconds || 0;
        run.last = line;
      }
      Object.entries(line).forEach(([key, value]) => addPoint(run, kind, key, value, line.step || 0));
    }
  };

  const addPoint = (run, kind, key, value, step) => {
    const isText = ['NaN', 'Infinity', '-Infinity'].includes(value);
    if (NO_CURVE.has(key) || !isNumber(value) && value !== null && !isText) return;
    if (isText && !run.notFinite) run.notFinite = { step, key };
    const name = kind ? kind + '.' + key : key;
    if (!run.series[name]) run.series[name] = { x: [], y: [] };
    curves.add(run.series[name], step, isNumber(value) ? value : null);
  };

  // Lines that come next; false where they do not fit to what is known, so that the run is to be fetched anew.
  const addLines = event => {
    const run = runs[event.run];
    if (!run || !run.known || run.generation !== event.generation || event.from > run.to) return false;
    if (event.from < run.to) return event.to <= run.to;
    event.lines.forEach(line => addLine(run, line));
    run.to = event.to;
    if (run.curves.length > 400) run.curves = run.curves.filter((_, i) => i % 2 === 0 || i === run.curves.length - 1);
    changed('lines');
    return true;
  };

  const setSlices = event => {
    const run = runs[event.run];
    if (!run) return;
    event.slices.forEach(slice => {
      if (slice.gone) delete run.slices[slice.key];
      else run.slices[slice.key] = slice;
    });
    changed('slices');
  };

  const setState = event => {
    if (runs[event.run]) runs[event.run].state = event.state;
    changed('state');
  };

  // Slices in their order, what a line of metrics says of one with what its samples say.
  const slicesOf = run => {
    const keys = [...new Set([...Object.keys(run.lineSlices), ...Object.keys(run.slices)])];
    const place = key => key.split('.').map(Number);
    keys.sort((a, b) => place(a)[0] - place(b)[0] || place(a)[1] - place(b)[1]);
    return keys.map(key => ({ key, epoch: place(key)[0], slice: place(key)[1], ...run.slices[key], ...run.lineSlices[key], sampled_rows: key in run.slices }));
  };

  // Values of a key of slices, over steps.
  const sliceSeries = (run, value) => {
    const x = [], y = [];
    slicesOf(run).forEach(slice => {
      const v = value(slice);
      if (isNumber(slice.step) && isNumber(v)) { x.push(slice.step); y.push(v); }
    });
    return x.length ? { x, y } : null;
  };

  const listen = listener => listeners.add(listener);
  return { runs, setRuns, setPage, addLines, setSlices, setState, slicesOf, sliceSeries, listen, changed };
})();
