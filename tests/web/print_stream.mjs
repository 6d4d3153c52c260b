// Prints what the page reads of each `.bcd` file as a line of JSON: codes and landmarks, or the error.
// node print_stream.mjs PAGE_FOLDER TABLES.safetensors FILE...

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, tablesFile, ...files] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(`${folder}/${name}`));
const { parseStream, splitContent } = await load("stream.js");
const { readTables } = await load("tables.js");
const { readCodes } = await load("motion_codes.js");
const { decodeLandmarks } = await load("landmarks.js");
const bytes = (path) => new Uint8Array(readFileSync(path));
const { tables } = readTables(bytes(tablesFile).buffer);

function read(data) {
  const stream = parseStream(data);
  const records = [stream.content, ...stream.packets.filter((packet) => packet.kind === "content")];
  const faces = records.filter((record) => record.coding === 2).map((record) => {
    const { still, landmarks } = splitContent(record);
    return { still: still.length, points: [...decodeLandmarks(landmarks, tables, stream.video.pixels)] };
  });
  const motion = stream.packets.filter((packet) => packet.kind === "motion");
  return {
    codes: motion.flatMap((packet) => readCodes(packet, stream.coding, tables)),
    references: motion.flatMap((packet) => Array(packet.frames).fill(packet.reference)),
    faces,
  };
}

for (const file of files) {
  let line;
  try {
    line = read(bytes(file));
  } catch (error) {
    line = { error: error.message, kind: error.constructor.name };
  }
  console.log(JSON.stringify(line));
}
