'use strict';
// Curves of runs: points by step, kept few however long they get, and charts that overlay them.
const curves = (() => {
  const MOST = 4000;

  // Adds a point; beyond MOST, the lowest and the highest of each stretch of steps stay.
  const add = (series, step, value) => {
    series.x.push(step);
    series.y.push(value);
    if (series.x.length > MOST) thin(series);
  };
  const thin = series => {
    series.width = series.width || 1;
    while (series.x.length > 0.75 * MOST) {
      series.width *= 2;
      const x = [], y = [];
      for (let i = 0; i < series.x.length;) {
        const stretch = Math.floor(series.x[i] / series.width);
        let low = -1, high = -1, j = i;
        for (; j < series.x.length && Math.floor(series.x[j] / series.width) === stretch; j++) {
          const v = series.y[j];
          if (v === null) continue;
          if (low < 0 || v < series.y[low]) low = j;
          if (high < 0 || v > series.y[high]) high = j;
        }
        const kept = low < 0 ? [i] : low === high ? [low] : [Math.min(low, high), Math.max(low, high)];
        kept.forEach(k => { x.push(series.x[k]); y.push(series.y[k]); });
        i = j;
      }
      series.x = x;
      series.y = y;
    }
  };

  // An exponential moving average that weighs by the distance of steps and begins unbiased.
  const smoothed = (series, weight) => {
    let sum = 0, mass = 0;
    const typical = series.x.length > 1 ? (series.x[series.x.length - 1] - series.x[0]) / (series.x.length - 1) || 1 : 1;
    return series.y.map((v, i) => {
      if (v === null) return null;
      const keep = weight ** Math.max(1e-9, i ? (series.x[i] - series.x[i - 1]) / typical : 1);
      sum = keep * sum + (1 - keep) * v;
      mass = keep * mass + (1 - keep);
      return mass > 0 ? sum / mass : v;
    });
  };

  const joined = list => {
    const tables = list.map(series => [series.x, series.y]);
    return tables.length === 1 ? tables[0] : uPlot.join(tables);
  };

  // Draws lines of { label, series, stroke, dash, eval } in a plot of page.plotIn; smoothing leaves a shadow of the curve itself.
  const show = (plot, lines, weight) => {
    const all = [];
    lines.forEach(line => {
      const smooth = weight > 0 && !line.dots && line.series.x.length > 3;
      if (smooth) all.push({ ...line, label: line.label + ' as it was', alpha: 0.25, width: 1, points: false });
      all.push(smooth ? { ...line, points: false, series: { x: line.series.x, y: smoothed(line.series, weight) } } : line);
    });
    const [x, ...ys] = joined(all.map(line => line.series));
    plot.show(x, all.map((line, i) => ({ ...line, values: ys[i] })));
  };
  return { add, show, smoothed };
})();
