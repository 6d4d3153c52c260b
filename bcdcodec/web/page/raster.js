// The triangle of the face mesh over each cell of a frame (section 10.7): what the networks cannot find by themselves.

const LEAST_AREA = 0.001, MOST_SPAN = 64, INSIDE = -0.0001;

const area = (p, a, b, c) =>
  (p[2 * b] - p[2 * a]) * (p[2 * c + 1] - p[2 * a + 1]) - (p[2 * c] - p[2 * a]) * (p[2 * b + 1] - p[2 * a + 1]);

// Number of the last triangle of the list over the centre of each cell, else -1: Int32Array [side * side].
// shown, hidden: landmarks x, y of the frame and of its reference, as fractions of the picture; triangles: [M * 3].
export function rasterize(shown, reference, triangles, side) {
  const cells = new Int32Array(side * side).fill(-1);
  const here = Float32Array.from(shown, (value) => value * side), there = Float32Array.from(reference, (value) => value * side);
  for (let index = 0; index < triangles.length / 3; index++) {
    const [a, b, c] = triangles.subarray(3 * index, 3 * index + 3);
    const twice = area(here, a, b, c);
    if (!(twice > LEAST_AREA) || !(area(there, a, b, c) > LEAST_AREA)) continue; // NaN is not drawn either
    const [left, right] = range(here[2 * a], here[2 * b], here[2 * c]);
    const [top, bottom] = range(here[2 * a + 1], here[2 * b + 1], here[2 * c + 1]);
    if (right - left > MOST_SPAN || bottom - top > MOST_SPAN) continue;
    draw(cells, index, here, [a, b, c], twice, side, { left, right, top, bottom });
  }
  return cells;
}

const range = (...values) => [Math.min(...values), Math.max(...values)];

function draw(cells, index, p, [a, b, c], twice, side, { left, right, top, bottom }) {
  const firstX = p[2 * b] - p[2 * a], firstY = p[2 * b + 1] - p[2 * a + 1];
  const secondX = p[2 * c] - p[2 * a], secondY = p[2 * c + 1] - p[2 * a + 1];
  const firstRow = Math.max(Math.ceil(top - 0.5), 0), lastRow = Math.min(Math.floor(bottom - 0.5), side - 1);
  const firstColumn = Math.max(Math.ceil(left - 0.5), 0), lastColumn = Math.min(Math.floor(right - 0.5), side - 1);
  for (let row = firstRow; row <= lastRow; row++) {
    for (let column = firstColumn; column <= lastColumn; column++) {
      const x = column + 0.5 - p[2 * a], y = row + 0.5 - p[2 * a + 1];
      const u = (x * secondY - y * secondX) / twice, v = (y * firstX - x * firstY) / twice;
      if (Math.min(u, v, 1 - u - v) >= INSIDE) cells[row * side + column] = index;
    }
  }
}
