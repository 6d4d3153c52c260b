// A graph of the last minute on a canvas: lines, or areas on top of each other.

const SPAN_S = 60;
const LEFT = 40, RIGHT = 8, TOP = 8, BOTTOM = 20;

export class Graph {
  // place: an element; series: [[key, name, CSS variable of the colour]]; least: the least top of the value axis.
  constructor(place, { title, unit, series, stacked = false, least }) {
    this.unit = unit;
    this.series = series;
    this.stacked = stacked;
    this.least = least;
    this.points = []; // [time in s, {key: value or null}]
    const heading = document.createElement("h2");
    heading.append(`${title}, ${unit}`, (this.now = document.createElement("b")));
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `${title} of the last minute`);
    const legend = document.createElement("ul");
    legend.className = "legend";
    for (const [, name, color] of series) {
      const item = document.createElement("li"), mark = document.createElement("i");
      mark.style.background = `var(${color})`;
      item.append(mark, name);
      legend.append(item);
    }
    place.append(heading, this.canvas, legend);
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  clear() {
    this.points = [];
    this.draw();
  }

  push(time, values) {
    this.points.push([time, values]);
    while (time - this.points[0][0] > SPAN_S) this.points.shift();
    this.canvas.dataset.points = this.points.length;
    const shown = this.stacked ? this.sum(values) : values[this.series[0][0]];
    this.now.textContent = shown === null ? "–" : `${shown.toFixed(shown < 100 ? 1 : 0)} ${this.unit}`;
    this.draw();
  }

  sum(values) {
    return this.series.reduce((sum, [key]) => sum + (values[key] ?? 0), 0);
  }

  draw() {
    const { canvas, points } = this;
    const scale = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width || !height) return;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const colors = getComputedStyle(canvas);
    const color = (name) => colors.getPropertyValue(name).trim();
    const highest = points.reduce((most, [, values]) => Math.max(most, this.highest(values)), this.least);
    const step = niceStep(highest / 4), top = step * Math.ceil(highest / step - 1e-9);
    const last = points.length ? points[points.length - 1][0] : 0;
    const x = (time) => LEFT + (width - LEFT - RIGHT) * (1 - (last - time) / SPAN_S);
    const y = (value) => TOP + (height - TOP - BOTTOM) * (1 - value / top);
    pen.font = "11px system-ui, sans-serif";
    pen.lineWidth = 1;
    pen.strokeStyle = color("--line");
    pen.fillStyle = color("--soft");
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (let value = 0; value <= top * 1.001; value += step) {
      line(pen, LEFT, y(value), width - RIGHT, y(value));
      pen.fillText(String(Number(value.toFixed(2))), LEFT - 6, y(value));
    }
    pen.textBaseline = "top";
    for (let ago = 0; ago <= SPAN_S; ago += 20) {
      pen.textAlign = ago === 0 ? "right" : ago === SPAN_S ? "left" : "center";
      pen.fillText(ago ? `−${ago} s` : "now", x(last - ago), height - BOTTOM + 6);
    }
    if (this.stacked) this.drawAreas(pen, x, y, color);
    else for (const [key, , name] of this.series) this.drawLine(pen, x, y, key, color(name));
  }

  highest(values) {
    if (this.stacked) return this.sum(values);
    return Math.max(0, ...this.series.map(([key]) => values[key] ?? 0));
  }

  drawLine(pen, x, y, key, color) {
    pen.strokeStyle = color;
    pen.lineWidth = 2;
    pen.beginPath();
    let isBroken = true;
    for (const [time, values] of this.points) {
      const value = values[key] ?? null;
      if (value === null) isBroken = true;
      else if (isBroken) pen.moveTo(x(time), y(value)), (isBroken = false);
      else pen.lineTo(x(time), y(value));
    }
    pen.stroke();
  }

  drawAreas(pen, x, y, color) {
    if (this.points.length < 2) return;
    const below = this.points.map(() => 0);
    for (const [key, , name] of this.series) {
      pen.fillStyle = color(name);
      pen.beginPath();
      this.points.forEach(([time], i) => pen.lineTo(x(time), y(below[i])));
      for (let i = this.points.length - 1; i >= 0; i--) {
        below[i] += this.points[i][1][key] ?? 0;
        pen.lineTo(x(this.points[i][0]), y(below[i]));
      }
      pen.fill();
    }
  }
}

function line(pen, fromX, fromY, toX, toY) {
  pen.beginPath();
  pen.moveTo(fromX, Math.round(fromY) + 0.5);
  pen.lineTo(toX, Math.round(toY) + 0.5);
  pen.stroke();
}

// The step of 1, 2 or 5 times a power of ten that is no smaller than asked for.
function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least * 0.999);
}
