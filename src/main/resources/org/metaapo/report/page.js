'use strict';
// What all pages share: the data, elements, numbers and charts.
const page = (() => {
  const style = getComputedStyle(document.documentElement);
  const colour = name => style.getPropertyValue(name).trim();
  const colours = [colour('--a'), colour('--b'), colour('--good')];
  const element = (tag, text, className) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (className) node.className = className;
    return node;
  };
  const number = (x, digits = 0) => x === undefined || x === null || Number.isNaN(x) ? '–'
    : x.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const percent = x => number(100 * x, 1) + ' %';
  const tile = (value, label) => {
    const box = element('div', undefined, 'tile');
    box.append(element('b', value), element('span', label));
    document.getElementById('tiles').append(box);
  };

  // A card with a chart. lines: { label, values, stroke }. options: barWidth draws bars around x, yValues and xValue format numbers.
  const chart = (parent, title, note, x, lines, xLabel, options = {}) => {
    if (x.length === 0 || lines.every(line => line.values.every(v => v === null || v === undefined))) return;
    const card = element('div', undefined, 'card');
    card.append(element('h2', title));
    const place = element('div');
    card.append(place, element('p', note));
    parent.append(card);
    const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line') } };
    const yAxis = { ...axis, size: options.yValues ? 66 : 58 };
    if (options.yValues) yAxis.values = (self, values) => values.map(options.yValues);
    const shown = format => (self, value) => value === null ? '–' : format(value);
    const half = (options.barWidth || 0) / 2;
    const plot = new uPlot({
      width: Math.max(260, place.clientWidth), height: 230,
      scales: { x: { time: false, range: half > 0 ? [x[0] - half, x[x.length - 1] + half] : undefined },
        ...(half > 0 && { y: { range: [0, 1.08 * Math.max(...lines.flatMap(line => line.values))] } }) },
      axes: [{ ...axis, label: xLabel, labelSize: 18, size: 34 }, yAxis],
      series: [{ label: xLabel, value: options.xValue && shown(options.xValue) },
        ...lines.map((line, i) => {
          const stroke = line.stroke || colours[i];
          const common = { label: line.label, stroke, width: 2, value: options.yValues && shown(options.yValues) };
          return options.barWidth
            ? { ...common, fill: stroke + '55', paths: uPlot.paths.bars({ size: [0.96, Infinity], align: 0 }), width: 1.5, points: { show: false } }
            : { ...common, spanGaps: true, points: { show: x.length < 40 } };
        })],
    }, [x, ...lines.map(line => line.values)], place);
    new ResizeObserver(() => plot.setSize({ width: Math.max(260, place.clientWidth), height: 230 })).observe(place);
  };

  // Shows a list a page at a time: buttons and a count go into bar, the items of a page through draw(items).
  const pager = (bar, size, unit, draw) => {
    const previous = element('button', '‹ previous'), next = element('button', 'next ›'), where = element('span');
    bar.append(previous, next, where);
    let list = [], at = 0;
    const show = () => {
      const pages = Math.max(1, Math.ceil(list.length / size));
      at = Math.min(at, pages - 1);
      draw(list.slice(at * size, (at + 1) * size));
      where.textContent = `${number(list.length)} ${unit}, page ${at + 1} of ${pages}`;
      previous.disabled = at === 0;
      next.disabled = at >= pages - 1;
    };
    previous.onclick = () => { at--; show(); };
    next.onclick = () => { at++; show(); };
    return items => { list = items; at = 0; show(); };
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
      cells.forEach((cell, i) => line.append(element(r ? 'td' : 'th', cell, i ? 'number' : '')));
      node.append(line);
    });
    scroll.append(node);
    return scroll;
  };

  const data = JSON.parse(document.getElementById('data').textContent);
  return { data, colour, element, number, percent, tile, chart, pager, select, table };
})();
