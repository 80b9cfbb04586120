'use strict';
const draw = () => {
  const source = document.getElementById('values');
  if (!source) return;
  const data = JSON.parse(source.textContent);
  const plots = [...document.querySelectorAll('figure.timed svg.plot')];
  const cells = [...document.querySelectorAll('[data-values]')];
  const still = cells.map((cell) => cell.textContent);
  const moments = [...document.querySelectorAll('.at')];
  const three = (number) => String(Number(number.toPrecision(number < 1000 ? 3 : 15)));
  const time = (us) => {
    if (us < 1000) return `${Math.round(us)} µs`;
    return us < 1e6 ? `${three(us / 1e3)} ms` : `${three(us / 1e6)} s`;
  };
  const units = {
    time,
    rate: (value) => `${Math.round(value).toLocaleString('en')}/s`,
    count: (value) => (value < 100 ? three(value) : Math.round(value).toLocaleString('en')),
  };
  const lines = plots.map((plot) => {
    const line = document.createElementNS('http://www.w3.org/2000/svg', 'line');
    for (const [name, value] of [['class', 'cross'], ['y1', '0'], ['y2', '100%'], ['visibility', 'hidden']]) {
      line.setAttribute(name, value);
    }
    plot.append(line);
    plot.tabIndex = 0;
    return line;
  });
  let chosen = -1;
  const show = (bin) => {
    chosen = Math.max(0, Math.min(data.n - 1, bin));
    const place = `${((chosen + 0.5) / data.n) * 100}%`;
    for (const line of lines) {
      line.setAttribute('x1', place);
      line.setAttribute('x2', place);
      line.setAttribute('visibility', 'visible');
    }
    cells.forEach((cell) => {
      const value = data.v[cell.dataset.values][chosen];
      cell.textContent = value === null ? '–' : units[cell.dataset.unit](value);
    });
    for (const moment of moments) moment.textContent = `at ${time(data.from + chosen * data.bin)}`;
  };
  const hide = () => {
    chosen = -1;
    for (const line of lines) line.setAttribute('visibility', 'hidden');
    cells.forEach((cell, nth) => { cell.textContent = still[nth]; });
    for (const moment of moments) moment.textContent = '';
  };
  for (const plot of plots) {
    plot.addEventListener('pointermove', (event) => {
      const box = plot.getBoundingClientRect();
      show(Math.floor(((event.clientX - box.left) / box.width) * data.n));
    });
    plot.addEventListener('pointerleave', hide);
    plot.addEventListener('blur', hide);
    plot.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      show(chosen < 0 ? 0 : chosen + step);
    });
  }
};
draw();
document.addEventListener('drawn', draw);
