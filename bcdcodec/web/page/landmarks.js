// Landmarks of a face in its reference picture (section 7.3).

import { need } from "./bytes.js";
import { RangeDecoder, intervals } from "./range_decoder.js";

const POSE_BYTES = 6, TURN = 1024;
const sine = (k) => BigInt(Math.round(2 ** 14 * Math.sin((2 * Math.PI * k) / TURN)));

// Float32Array of x and y of every landmark, as fractions of a picture of `pixels`.
export function decodeLandmarks(data, tables, pixels) {
  const [mean, basis, rows] = ["mean", "basis", "rows"].map((name) => tables[`tables.landmark_${name}`]);
  need(rows !== undefined, "weights without tables of landmarks");
  need(data.length >= POSE_BYTES, "landmarks without a pose");
  let pose = data.subarray(0, POSE_BYTES).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  const field = (bits) => {
    const value = pose & ((1n << bits) - 1n);
    pose >>= bits;
    return value;
  };
  const roll = Number(field(10n)), size = 8n * (field(12n) + 1n), b = field(13n), a = field(13n); // from the last on
  const coder = new RangeDecoder(data.subarray(POSE_BYTES)), peak = rows.size >> 1;
  const levels = Array.from({ length: rows.shape[0] }, (_, row) => coder.symbol(intervals(rows.row(row))) - peak);
  coder.finish();
  const shape = Float64Array.from(mean.values); // below 2^28
  levels.forEach((level, k) => basis.row(k).forEach((value, index) => (shape[index] += level * value)));
  const sin = sine(roll), cos = sine((roll + TURN / 4) % TURN);
  const place = (center, value) => Number(8n * (center - 3072n) + ((size * value + (1n << 33n)) >> 34n)) / (64 * pixels);
  const points = new Float32Array(shape.length);
  for (let index = 0; index < shape.length; index += 2) {
    const x = BigInt(shape[index]), y = BigInt(shape[index + 1]);
    points[index] = place(a, cos * x - sin * y);
    points[index + 1] = place(b, sin * x + cos * y);
  }
  return points;
}
