'use strict';
// Pictures of lines, marks and words. Coordinates are in the view box, which scales with the page.
const picture = (() => {
  const { number } = page;
  // What the elements' kind is called is read from one, so that no page has an address in it.
  const kind = (() => {
    const frame = document.createElement('template');
    frame.innerHTML = '<svg></svg>';
    return frame.content.firstChild.namespaceURI;
  })();
  const draw = (parent, tag, attributes, text) => {
    const node = document.createElementNS(kind, tag);
    Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
    if (text !== undefined) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  };
  const svg = (width, height) => draw(null, 'svg', { viewBox: `0 0 ${width} ${height}` });
  const ticks = (low, high, count) => {
    const raw = (high - low) / count || 1, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw * (1 - 1e-9));
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9)), list = [];
    for (let t = Math.ceil(low / step - 1e-9) * step; t <= high + 1e-9 * step; t += step) list.push([t, number(Math.abs(t) < 1e-9 * step ? 0 : t, digits)]);
    return list;
  };
  const scale = (low, high, from, to) => v => from + (to - from) * (v - low) / (high - low || 1);
  // The range of some values, wider by a share on both sides, within bounds.
  const padded = (values, share, least = -Infinity, most = Infinity) => {
    const low = Math.min(...values), high = Math.max(...values), pad = share * (high - low) || share;
    return [Math.max(least, low - pad), Math.min(most, high + pad)];
  };
  // A colour for each of several things; the first two are the page's own.
  const hue = i => i === 0 ? page.colour('--a') : i === 1 ? page.colour('--b')
    : `hsl(${(150 + 137.5 * (i - 2)) % 360} ${page.isDark() ? '52% 64%' : '52% 42%'})`;
  return { svg, draw, ticks, scale, padded, hue };
})();
