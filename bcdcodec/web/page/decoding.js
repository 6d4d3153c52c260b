// From packets to pictures: references, code vectors, frames in the order of the stream.

import { need } from "./bytes.js";
import { decodeLandmarks } from "./landmarks.js";
import { readCodes } from "./motion_codes.js";
import { decodeStill } from "./still.js";
import { splitContent } from "./stream.js";

// Frames that the networks are given at a time: more take memory and show the first one later.
const BATCH = 4;

// Yields an ImageData for each coded frame of a stream of `parseStream`. StreamError where the model is another one.
export async function* decodeAll(model, stream) {
  const { coding, video } = stream;
  need(stream.model === model.id, `the stream needs the model ${stream.model}, this page has ${model.id}`);
  let references = new Map([[0, await prepare(model, stream.content, video)]]);
  for (const packet of stream.packets) {
    if (packet.kind === "content") {
      if (packet.number) references.delete(packet.drops || -1);
      else references = new Map();
      references.set(packet.number, await prepare(model, packet, video));
      continue;
    }
    if (packet.kind !== "motion") continue;
    const codes = readCodes(packet, coding, model.tables), reference = references.get(packet.reference);
    for (let start = 0; start < codes.length; start += BATCH) {
      yield* await model.frames(reference, codes.slice(start, start + BATCH));
    }
  }
}

async function prepare(model, record, { pixels }) {
  const { still, landmarks } = splitContent(record);
  const picture = await decodeStill(still, pixels);
  return model.reference(picture, landmarks && decodeLandmarks(landmarks, model.tables, pixels));
}
