// AV1 stills (section 3.8) through WebCodecs, to RGB.

import { need } from "./bytes.js";

const CODEC = "av01.0.00M.08"; // profile 0, 8 bits
// Cubic interpolation (Keys, a = -0.6, as in FFmpeg's scaler) a quarter of a chroma sample away from one.
const TAPS = [-0.084375, 0.871875, 0.240625, -0.028125]; // of the samples at -1, 0, 1, 2

// RGB of a still as planes: Float32Array [3, P, P] of whole numbers from 0 to 255.
export async function decodeStill(data, pixels) {
  const frame = await decodeFrame(data);
  try {
    need(frame.codedWidth >= pixels && frame.visibleRect.width === pixels && frame.visibleRect.height === pixels,
      `still of ${frame.visibleRect.width}x${frame.visibleRect.height}, ${pixels}x${pixels} needed`);
    const bytes = new Uint8Array(frame.allocationSize({ format: frame.format }));
    need(frame.format === "I420", `still decodes to ${frame.format}`);
    const layout = await frame.copyTo(bytes);
    const half = pixels / 2, sides = [pixels, half, half];
    const [y, u, v] = sides.map((side, plane) => cut(bytes, layout[plane], side));
    return toRgb(y, enlarge(u, half), enlarge(v, half));
  } finally {
    frame.close();
  }
}

function decodeFrame(data) {
  return new Promise((resolve, reject) => {
    let shown = null;
    const decoder = new VideoDecoder({
      output: (frame) => {
        shown?.close();
        shown = frame;
      },
      error: reject,
    });
    decoder.configure({ codec: CODEC });
    decoder.decode(new EncodedVideoChunk({ type: "key", timestamp: 0, data }));
    decoder
      .flush()
      .then(() => (shown ? resolve(shown) : reject(new Error("the still decodes to nothing"))), reject)
      .finally(() => decoder.state !== "closed" && decoder.close());
  });
}

function cut(bytes, { offset, stride }, side) {
  const plane = new Float32Array(side * side);
  for (let row = 0; row < side; row++) {
    plane.set(bytes.subarray(offset + row * stride, offset + row * stride + side), row * side);
  }
  return plane;
}

// Twice the side; samples are in the centres of 2x2 squares, borders are repeated.
function enlarge(plane, side) {
  const across = doubled((row, column) => plane[row * side + column], side, side, (values, row, column, value) => {
    values[row * 2 * side + column] = value;
  });
  return doubled((column, row) => across[row * 2 * side + column], 2 * side, side, (values, column, row, value) => {
    values[row * 2 * side + column] = value;
  });
}

// Lines of `length` samples at(line, index), each doubled in length and put(values, line, index, value).
function doubled(at, lines, length, put) {
  const values = new Float32Array(lines * 2 * length), last = length - 1;
  for (let line = 0; line < lines; line++) {
    for (let index = 0; index < 2 * length; index++) {
      const middle = index >> 1, step = index % 2 ? 1 : -1;
      let value = 0;
      for (let tap = -1; tap <= 2; tap++) {
        value += TAPS[tap + 1] * at(line, Math.min(Math.max(middle + step * tap, 0), last));
      }
      put(values, line, index, value);
    }
  }
  return values;
}

function toRgb(y, u, v) {
  const count = y.length, rgb = new Float32Array(3 * count);
  const level = (value) => Math.min(Math.max(Math.round(value), 0), 255);
  for (let index = 0; index < count; index++) {
    const blue = u[index] - 128, red = v[index] - 128;
    rgb[index] = level(y[index] + 1.402 * red);
    rgb[count + index] = level(y[index] - 0.344136 * blue - 0.714136 * red);
    rgb[2 * count + index] = level(y[index] + 1.772 * blue);
  }
  return rgb;
}
