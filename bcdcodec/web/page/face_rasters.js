// Landmarks of a face as points on a grid: lips, eyes and others apart (section 10.7).

// Planes [3, side, side]. points: x, y as fractions of the picture; lips, eyes: Arrays of the numbers of landmarks.
export function faceRasters(points, side, { lips, eyes }) {
  const planes = new Float32Array(3 * side * side);
  const [isLip, isEye] = [new Set(lips), new Set(eyes)];
  for (let index = 0; index < points.length / 2; index++) {
    const plane = isLip.has(index) ? 0 : isEye.has(index) ? 1 : 2;
    const x = points[2 * index] * side - 0.5, y = points[2 * index + 1] * side - 0.5;
    const left = Math.floor(x), top = Math.floor(y);
    for (const column of [left, left + 1]) {
      for (const row of [top, top + 1]) {
        if (!(column >= 0 && column < side && row >= 0 && row < side)) continue; // NaN is outside, too
        planes[(plane * side + row) * side + column] += (1 - Math.abs(x - column)) * (1 - Math.abs(y - row));
      }
    }
  }
  return planes.map((value) => Math.min(value, 1));
}
