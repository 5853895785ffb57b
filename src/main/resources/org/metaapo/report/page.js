'use strict';
// What all pages share: the data, elements, numbers, tables and charts.
const page = (() => {
  const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const isDark = () => matchMedia('(prefers-color-scheme: dark)').matches;
  const element = (tag, text, className) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (className) node.className = className;
    return node;
  };
  const isNumber = x => typeof x === 'number' && Number.isFinite(x);
  const number = (x, digits = 0) => !isNumber(x) ? '–'
    : x.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const percent = x => !isNumber(x) ? '–' : number(100 * x, 1) + ' %';
  // Four digits that matter, whatever the size.
  const short = x => {
    if (!isNumber(x)) return '–';
    const size = Math.abs(x);
    if (size === 0) return '0';
    if (size < 1e-3 || size >= 1e9) return x.toExponential(2).replace('e+', 'e');
    return number(x, size >= 1000 ? 0 : Math.max(0, 3 - Math.floor(Math.log10(size))));
  };
  // Labels of an axis: as many digits as tell its ticks apart.
  const labels = values => {
    const shown = values.filter(isNumber);
    if (!shown.length) return values.map(() => '');
    const most = Math.max(...shown.map(Math.abs));
    const gaps = shown.slice(1).map((v, i) => Math.abs(v - shown[i])).filter(gap => gap > 0);
    const gap = gaps.length ? Math.min(...gaps) : most || 1;
    if (most > 0 && (most < 1e-3 || most >= 1e7)) {
      const digits = Math.max(0, Math.min(6, Math.ceil(Math.log10(most / gap) - 1e-9) - (most / gap < 1.5 ? 1 : 0)));
      return values.map(v => v === null ? '' : v === 0 ? '0' : v.toExponential(digits).replace(/\.?0+e/, 'e').replace('e+', 'e'));
    }
    const digits = [0, 1, 2, 3, 4, 5, 6, 7, 8].find(d => Math.abs(gap * 10 ** d - Math.round(gap * 10 ** d)) < 1e-6 * 10 ** d * gap + 1e-9);
    return values.map(v => v === null ? '' : number(Math.abs(v) < gap * 1e-6 ? 0 : v, digits === undefined ? 8 : digits));
  };
  const tile = (value, label) => {
    const box = element('div', undefined, 'tile');
    box.append(element('b', value), element('span', label));
    document.getElementById('tiles').append(box);
    return box;
  };
  // A card with a title, a place for a picture, and a note; the place is returned.
  const card = (parent, title, note) => {
    const box = element('div', undefined, 'card'), place = element('div', undefined, 'place');
    box.append(element('h2', title), place);
    if (note) box.append(element('p', note));
    parent.append(box);
    return place;
  };

  const plots = new Set();
  const HEIGHT = 230;
  const axes = (spec, log) => {
    const axis = { stroke: () => colour('--soft'), grid: { stroke: () => colour('--line'), width: 1 }, ticks: { stroke: () => colour('--line'), size: 5 },
      font: '12px system-ui, sans-serif', labelFont: '12px system-ui, sans-serif', labelGap: 0 };
    // A log scale leaves ticks out, as null.
    const written = spec.yValues ? values => values.map(v => v === null ? '' : spec.yValues(v)) : log ? values => values.map(v => v === null ? '' : short(v).replace(/\.?0+$/, '')) : labels;
    return [
      { ...axis, label: spec.xLabel, labelSize: 18, size: 30, space: 50, values: spec.xValues ? (self, values) => values.map(spec.xValues) : (self, values) => labels(values) },
      { ...axis, label: typeof spec.yLabel === 'function' ? spec.yLabel() : spec.yLabel, labelSize: spec.yLabel ? 20 : 0, values: (self, values) => written(values),
        size: (self, values) => values ? 16 + 7 * Math.max(2, ...values.map(v => String(v).length)) : 50 },
    ];
  };
  const seriesOf = (line, spec, count) => {
    const value = (self, v) => v === null || v === undefined ? '–' : spec.yValues ? spec.yValues(v) : short(v);
    const common = { label: line.label, stroke: line.stroke, width: line.width || 2, dash: line.dash, value, alpha: line.alpha || 1 };
    if (spec.barWidth) return { ...common, fill: line.stroke + '55', paths: uPlot.paths.bars({ size: [0.96, Infinity], align: 0 }), width: 1.5, points: { show: false } };
    if (line.dots) return { ...common, spanGaps: true, points: { show: true, size: 7, fill: line.stroke } };
    return { ...common, spanGaps: true, points: { show: line.points === undefined ? count < 40 : line.points, size: 5 } };
  };

  // Where nothing is pointed at, the legend has each line's last value.
  const lastValues = self => {
    if (self.cursor.idx !== null && self.cursor.idx !== undefined || self.settingLast) return;
    self.settingLast = true;
    self.setLegend({ idxs: self.data.map(values => {
      let i = values.length - 1;
      while (i > 0 && (values[i] === null || values[i] === undefined)) i--;
      return i;
    }) }, false);
    self.settingLast = false;
  };

  // A chart in a place. spec: xLabel, yLabel; barWidth draws bars around x; yValues, xValue and xValues format numbers; log for a log scale;
  // zoom is called x. Returns show(x, lines), where lines are { label, values, stroke, dash, width, alpha, points, dots }.
  const plotIn = (place, spec) => {
    let plot = null, shape = '', data = null, lines = [];
    const width = () => Math.max(220, place.clientWidth);
    const build = () => {
      if (plot) plot.destroy();
      const x = data[0], half = (spec.barWidth || 0) / 2;
      const y = spec.barWidth ? { range: [0, 1.08 * Math.max(...lines.flatMap(line => line.values)) || 1] } : spec.yRange ? { range: spec.yRange } : {};
      const log = spec.log && spec.log();
      plot = new uPlot({
        width: width(), height: HEIGHT,
        scales: { x: { time: false, range: half > 0 ? [x[0] - half, x[x.length - 1] + half] : undefined }, y: log ? { distr: 3, ...y } : y },
        axes: axes(spec, log),
        padding: [10, 28, 0, 0],  // at the right half of a step's number such as 100,000
        cursor: { points: { size: 6 }, ...(spec.sync && { sync: { key: spec.sync } }) },
        hooks: { setLegend: [lastValues], ready: [lastValues] },
        legend: { markers: { width: 2, dash: (self, i) => lines[i - 1] && lines[i - 1].dash ? 'dashed' : 'solid' } },
        series: [{ label: spec.xLabel, value: (self, v) => v === null || v === undefined ? '–' : spec.xValue ? spec.xValue(v) : Number.isInteger(v) ? number(v) : short(v) },
          ...lines.map(line => seriesOf(line, spec, x.length))],
      }, data, place);
    };
    const handle = {
      show: (x, shown) => {
        const log = spec.log && spec.log(), before = data;
        lines = shown;
        data = [x, ...shown.map(line => log ? line.values.map(v => v > 0 ? v : null) : line.values)];
        const now = JSON.stringify([log, x.length < 40, shown.map(line => [line.label, line.stroke, line.dash, line.width, line.alpha])]);
        if (!plot || now !== shape || spec.barWidth) {
          shape = now;
          build();
          return;
        }
        const old = before[0], scale = plot.scales.x;
        const isZoomed = old.length && (scale.min > old[0] || scale.max < old[old.length - 1]);
        plot.setData(data, !isZoomed);
        if (isZoomed) plot.redraw();
        lastValues(plot);
      },
      redraw: () => { if (plot) build(); },
      destroy: () => { if (plot) plot.destroy(); plots.delete(handle); },
    };
    plots.add(handle);
    new ResizeObserver(() => { if (plot && plot.width !== width()) plot.setSize({ width: width(), height: HEIGHT }); }).observe(place);
    return handle;
  };
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => plots.forEach(plot => plot.redraw()));

  // A card with a chart that does not change; nothing where there is nothing to show. options as plotIn's spec.
  const chart = (parent, title, note, x, lines, xLabel, options = {}) => {
    if (x.length === 0 || lines.every(line => line.values.every(v => v === null || v === undefined))) return;
    const colours = [colour('--a'), colour('--b'), colour('--good')];
    plotIn(card(parent, title, note), { ...options, xLabel }).show(x, lines.map((line, i) => ({ ...line, stroke: line.stroke || colours[i] })));
  };

  // Shows a list a page at a time: buttons and a count go into bar, the items of a page through draw(items).
  const pager = (bar, size, unit, draw) => {
    const previous = element('button', '‹ previous'), next = element('button', 'next ›'), where = element('span', undefined, 'where');
    bar.append(previous, next, where);
    let list = [], at = 0;
    const show = () => {
      const pages = Math.max(1, Math.ceil(list.length / size));
      at = Math.max(0, Math.min(at, pages - 1));
      draw(list.slice(at * size, (at + 1) * size));
      where.textContent = `${number(list.length)} ${unit}, page ${at + 1} of ${pages}`;
      previous.disabled = at === 0;
      next.disabled = at >= pages - 1;
    };
    previous.onclick = () => { at--; show(); };
    next.onclick = () => { at++; show(); };
    return (items, stay) => { list = items; at = stay ? at : 0; show(); };
  };

  const select = (choices, onchange) => {
    const node = element('select');
    choices.forEach(([value, label]) => {
      const option = element('option', label);
      option.value = value;
      node.append(option);
    });
    node.onchange = onchange;
    return node;
  };

  // rows: lists of cells; the first is the head. Cells but a row's first are numbers.
  const table = rows => {
    const node = element('table'), scroll = element('div', undefined, 'scroll');
    rows.forEach((cells, r) => {
      const line = element('tr');
      cells.forEach((cell, i) => {
        const box = element(r ? 'td' : 'th', cell, i ? 'number' : '');
        if (r && i) box.dataset.label = rows[0][i];
        line.append(box);
      });
      node.append(line);
    });
    scroll.append(node);
    return scroll;
  };

  // A live page has none inside.
  const inside = document.getElementById('data');
  return { data: inside && JSON.parse(inside.textContent), colour, isDark, element, isNumber, number, percent, short, labels, tile, card, plotIn, chart, pager, select, table };
})();
