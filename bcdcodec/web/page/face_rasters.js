// Landmarks of a face as points on a grid: lips, eyes and others apart (section 10.7).

// Grids [3, side, side]. points: x, y of each landmark as fractions of the picture; planes: of each, which grid it is on.
export function faceRasters(points, planes, side) {
  const grids = new Float32Array(3 * side * side);
  for (let index = 0; index < points.length / 2; index++) {
    const plane = planes[index];
    const x = points[2 * index] * side - 0.5, y = points[2 * index + 1] * side - 0.5;
    const left = Math.floor(x), top = Math.floor(y);
    for (const column of [left, left + 1]) {
      for (const row of [top, top + 1]) {
        if (!(column >= 0 && column < side && row >= 0 && row < side)) continue; // NaN is outside, too
        grids[(plane * side + row) * side + column] += (1 - Math.abs(x - column)) * (1 - Math.abs(y - row));
      }
    }
  }
  return grids.map((value) => Math.min(value, 1));
}
