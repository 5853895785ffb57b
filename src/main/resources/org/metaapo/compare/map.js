'use strict';
(() => {
  const { data, element, number, tile, card } = page;
  const { svg, draw } = picture;
  const signed = x => (x < 0 ? '−' : '+') + number(Math.abs(x), 3);
  const [rows, columns] = data.amounts;
  const values = amount => amount ? [...new Set(data.worlds.map(world => world.amounts[amount]))].sort((a, b) => a - b) : [undefined];
  const mean = list => list.reduce((sum, x) => sum + x, 0) / list.length;
  document.getElementById('subtitle').textContent = `map · ${data.suite} · ${data.folder}`;
  tile(number(data.worlds.length), 'worlds');
  tile(number(data.seeds), 'seeds in each');
  const best = data.worlds.filter(world => data.others.every(other => !world.ahead[other] || world.ahead[other][0] > 0));
  tile(number(best.length), `worlds in which ${data.baseline} is the best`);

  // What a line or column of the map is in the sources' own terms.
  const meaning = (amount, value) => {
    const these = data.worlds.filter(world => world.amounts[amount] === value);
    const spread = field => Math.max(...these.map(world => world[field])) - Math.min(...these.map(world => world[field]));
    const field = spread('pairs') <= spread('rewards') ? 'pairs' : 'rewards';
    return `${number(100 * mean(these.map(world => world[field])))} % of ${field} right`;
  };
  const most = Math.max(1e-9, ...data.worlds.flatMap(world => Object.values(world.ahead).map(ahead => Math.abs(ahead[0]))));

  const map = other => {
    const place = card(document.getElementById('maps'), `${data.baseline} minus ${other}`,
      'Gold reward, mean over seeds with its 95 % interval; green: ahead, and a frame where the interval leaves out 0. A click opens the world’s own page.');
    const left = 132, top = 12, width = 540, cell = 66, lines = values(rows), across = values(columns);
    const step = (width - left - 8) / across.length, height = top + lines.length * cell + 46, node = svg(width, height);
    lines.forEach((line, i) => {
      const y = top + (lines.length - 1 - i) * cell;
      draw(node, 'text', { x: left - 10, y: y + cell / 2 - 3, 'text-anchor': 'end' }, `${rows} ${line}`);
      draw(node, 'text', { x: left - 10, y: y + cell / 2 + 13, 'text-anchor': 'end', class: 'soft' }, meaning(rows, line));
      across.forEach((column, j) => {
        const world = data.worlds.find(w => w.amounts[rows] === line && (!columns || w.amounts[columns] === column));
        const ahead = world && world.ahead[other];
        if (!ahead) return;
        const x = left + j * step, share = Math.round(10 + 50 * Math.abs(ahead[0]) / most), sure = ahead[1] > 0 || ahead[2] < 0;
        const link = draw(node, 'a', { href: world.page });
        draw(link, 'title', {}, Object.entries(world.measures).map(([name, value]) => `${name} ${number(value, 3)}`).join('\n'));
        const box = draw(link, 'rect', { x: x + 2, y: y + 2, width: step - 4, height: cell - 4, rx: 6 });
        box.style.fill = `color-mix(in srgb, var(${ahead[0] > 0 ? '--good' : '--b'}) ${share}%, transparent)`;
        if (sure) { box.style.stroke = 'currentColor'; box.style.strokeWidth = 1.5; }
        draw(link, 'text', { x: x + step / 2, y: y + cell / 2, 'text-anchor': 'middle', class: 'value' }, signed(ahead[0]));
        draw(link, 'text', { x: x + step / 2, y: y + cell / 2 + 17, 'text-anchor': 'middle', class: 'range' }, `${signed(ahead[1])} to ${signed(ahead[2])}`);
      });
    });
    if (columns) across.forEach((column, j) => {
      const x = left + (j + 0.5) * step;
      draw(node, 'text', { x, y: height - 26, 'text-anchor': 'middle' }, `${columns} ${column}`);
      draw(node, 'text', { x, y: height - 10, 'text-anchor': 'middle', class: 'soft range' }, meaning(columns, column));
    });
    place.append(node);
  };
  data.others.forEach(map);
})();
