// The networks of a weights file as ONNX graphs, run by onnxruntime-web (model/graphs.py says what each does).

import * as ort from "./ort/ort.wasm.min.mjs";
import { faceRasters } from "./face_rasters.js";
import { rasterize } from "./raster.js";
import { readTables } from "./tables.js";

const GRAPHS = ["content", "motion", "warp", "paint"];
const MOST_THREADS = 4;
// Coordinates of landmarks of a face that is not there.
const ABSENT = 10;

const get = async (address) => {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status} ${answer.statusText}`);
  return answer;
};
const floats = (values, ...shape) => new ort.Tensor("float32", values, shape);

export class Model {
  // folder: address of what `bcd export web` wrote beside the page.
  static async load(folder) {
    ort.env.wasm.wasmPaths = new URL("ort/", import.meta.url).href;
    // Threads share memory, which pages have only where the server isolates them.
    ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, MOST_THREADS) : 1;
    const model = new Model();
    model.paints = true; // false: frames are warps alone, as of the preset `fast`
    const read = readTables(await (await get(new URL("decoder.safetensors", folder))).arrayBuffer());
    const config = JSON.parse(read.metadata.config), { sigma_max: sigma, sigma_end: end = 0 } = config.sampling.standard;
    Object.assign(model, { tables: read.tables, id: read.metadata.model_id, pixels: config.pixels });
    [model.sigma, model.share] = [sigma, 1 - end / sigma]; // of the one step from the warp
    model.landmarks = config.denoiser.landmarks;
    model.graphs = {};
    for (const name of GRAPHS) {
      model.graphs[name] = await ort.InferenceSession.create(new URL(`${name}.onnx`, folder).href);
    }
    return model;
  }

  // What frames are made from. picture: RGB planes of 0 to 255, Float32Array [3, P, P]; landmarks: x, y of each, or null.
  async reference(picture, landmarks) {
    const { pixels } = this;
    const scaled = floats(picture.map((value) => value / 127.5 - 1), 1, 3, pixels, pixels);
    const known = landmarks ?? new Float32Array(2 * this.landmarks).fill(NaN);
    const { content_map } = await this.graphs.content.run({ picture: scaled });
    return {
      picture: scaled,
      content_map,
      known: floats(known, this.landmarks, 2),
      landmarks: floats(known.map((value) => (Number.isNaN(value) ? ABSENT : value)), this.landmarks, 2),
    };
  }

  // Pictures of some frames of one reference, ImageData each. codes: of every frame, of all groups or the first ones.
  async frames({ picture, content_map, known, landmarks }, codes) {
    const { pixels, graphs } = this, count = codes.length, points = 2 * this.landmarks;
    const motion = this.vectors(codes);
    const { positions } = await graphs.motion.run({ motion, landmarks: known });
    const each = Array.from({ length: count }, (_, frame) => positions.data.subarray(frame * points, (frame + 1) * points));
    const shown = new BigInt64Array(count * pixels * pixels);
    const side = pixels / 2, planes = 3 * side * side;
    const rasters = new Float32Array(2 * count * planes), facePlanes = this.tables["mesh.planes"].values;
    const still = faceRasters(landmarks.data, facePlanes, side);
    each.forEach((face, frame) => {
      const cells = rasterize(face, landmarks.data, this.tables["mesh.triangles"].values, pixels);
      cells.forEach((triangle, index) => (shown[frame * pixels * pixels + index] = BigInt(triangle)));
      rasters.set(faceRasters(face, facePlanes, side), 2 * frame * planes);
      rasters.set(still, (2 * frame + 1) * planes);
    });
    const { warps, areas } = await graphs.warp.run({
      ...{ motion, content_map, picture, landmarks, positions },
      shown: new ort.Tensor("int64", shown, [count, pixels * pixels]),
    });
    if (!this.paints) return Array.from({ length: count }, (_, frame) => ofPlanes(warps.data, frame, pixels));
    const { pictures } = await graphs.paint.run({
      ...{ motion, picture, warps, areas },
      rasters: floats(rasters, count, 6, side, side),
      sigma: floats(Float32Array.of(this.sigma), 1),
      share: floats(Float32Array.of(this.share), 1),
    });
    return Array.from({ length: count }, (_, frame) => ofPixels(pictures.data, frame, pixels));
  }

  // Code vectors (section 10.2), zero for groups that are left out.
  vectors(codes) {
    const { values, shape } = this.tables["codebook"], [groups, entries, dims] = shape;
    const motion = new Float32Array(codes.length * groups * dims);
    codes.forEach((row, frame) =>
      row.forEach((code, group) => {
        const start = (group * entries + code) * dims;
        motion.set(values.subarray(start, start + dims), (frame * groups + group) * dims);
      }),
    );
    return floats(motion, codes.length, groups * dims);
  }
}

// A frame of bytes [T, P, P, 3].
function ofPixels(data, frame, pixels) {
  const start = 3 * frame * pixels * pixels;
  return toImage(pixels, (index, channel) => data[start + 3 * index + channel]);
}

// A frame of numbers from -1 to 1 [T, 3, P, P].
function ofPlanes(data, frame, pixels) {
  const size = pixels * pixels, start = 3 * frame * size;
  return toImage(pixels, (index, channel) => (data[start + channel * size + index] + 1) * 127.5); // stored rounded, clipped
}

function toImage(pixels, at) {
  const image = new ImageData(pixels, pixels);
  for (let index = 0; index < pixels * pixels; index++) {
    for (let channel = 0; channel < 3; channel++) image.data[4 * index + channel] = at(index, channel);
    image.data[4 * index + 3] = 255;
  }
  return image;
}
