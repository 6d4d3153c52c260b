// Codes of a MOTION packet in the three modes of section 5.2: arrays of `groups` codes a frame.

import { need } from "./bytes.js";
import { RangeDecoder, intervals } from "./range_decoder.js";

// Modes of CODING.
const MODE = { PACKED: 0, CODED: 1, CONTEXT: 2 };

const STEPS_PER_BIT = 32n, WEIGHT_BITS = 24n, TOTAL = 65536;
const LAST_STEP = Number(STEPS_PER_BIT * WEIGHT_BITS);

// Codes of a MOTION packet of `parseStream`, frame by frame, of the groups that the stream carries.
export function readCodes({ data, frames }, { mode, groups, bits }, tables) {
  if (mode === MODE.PACKED) return unpackCodes(data, frames, groups, bits);
  const model = tables[mode === MODE.CODED ? "tables.motion" : "context.now"];
  need(model !== undefined, "mode context needs weights with a context model");
  need(model.shape[0] >= groups && model.shape[1] === 2 ** bits, `codes of ${groups} groups of ${bits} bits, the model has ${model.shape}`);
  return mode === MODE.CODED ? decodeCodes(data, frames, groups, tables) : decodeContexts(data, frames, groups, tables);
}

// Mode packed: fixed width, most significant bit first.
function unpackCodes(data, frames, groups, bits) {
  const used = frames * groups * bits;
  need(data.length === Math.ceil(used / 8), "packed codes have the wrong length");
  let at = 0;
  const bit = () => (data[at >> 3] >> (7 - (at++ & 7))) & 1;
  const codes = Array.from({ length: frames }, () =>
    Array.from({ length: groups }, () => {
      let code = 0;
      for (let index = 0; index < bits; index++) code = 2 * code + bit();
      return code;
    }),
  );
  while (at < 8 * data.length) need(bit() === 0, "padding is not zero");
  return codes;
}

// Mode coded: one row a group.
function decodeCodes(data, frames, groups, tables) {
  const coder = new RangeDecoder(data), table = tables["tables.motion"];
  const ends = Array.from({ length: groups }, (_, group) => intervals(table.row(group)));
  const codes = Array.from({ length: frames }, () => ends.map((row) => coder.symbol(row)));
  coder.finish();
  return codes;
}

function squareRoot(value) {
  if (value < 2n) return value;
  let root = 1n << BigInt((value.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

// Weight by the number of steps below the best score: the 32nd root of 2^(768 - steps), in whole numbers.
const WEIGHTS = Array.from({ length: LAST_STEP + 1 }, (_, step) => {
  let weight = 1n << BigInt(LAST_STEP - step);
  for (let time = 0; time < 5; time++) weight = squareRoot(weight);
  return Number(weight);
});

// Row of counts from scores (end of section 6.5).
function contextRow(scores) {
  const best = Math.max(...scores);
  const weights = Array.from(scores, (score) => WEIGHTS[(best - score) >> 5] ?? 0);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  // 2^24 times 2^16 is below 2^53, and so is the sum: quotients are rounded down exactly.
  const row = weights.map((weight) => 1 + Math.floor((weight * (TOTAL - scores.length)) / sum));
  row[weights.indexOf(Math.max(...weights))] += TOTAL - row.reduce((total, count) => total + count, 0);
  return row;
}

// Mode context: each row from the codes before it in the packet, through a small network of whole numbers (6.5).
function decodeContexts(data, frames, groups, tables) {
  const [now, before, same, same2, out] = ["now", "before", "same", "same2", "out"].map((name) => tables[`context.${name}`]);
  const coder = new RangeDecoder(data), entries = now.shape[1], width = now.shape[2], symbols = out.shape[2];
  const cell = (table, group, code, size) => {
    const start = group * table.size + code * size;
    return table.values.subarray(start, start + size);
  };
  const codes = [Array(groups).fill(entries), Array(groups).fill(entries)]; // stand before the first
  const sums = new Float64Array(width), hidden = new Float64Array(width), scores = new Float64Array(symbols);
  const add = (row) => row.forEach((value, index) => (sums[index] += value));
  for (let frame = 2; frame < 2 + frames; frame++) {
    const current = [];
    sums.fill(0);
    for (let group = 0; group < groups; group++) add(cell(before, group, codes[frame - 1][group], width));
    for (let group = 0; group < groups; group++) {
      if (group % 2 === 0) {
        for (let known = Math.max(0, group - 2); known < group; known++) add(cell(now, known, current[known], width));
        sums.forEach((sum, index) => (hidden[index] = Math.min(Math.max(sum >> 1, 0), 127)));
      }
      const first = cell(same, group, codes[frame - 1][group], symbols);
      const second = cell(same2, group, codes[frame - 2][group], symbols);
      scores.forEach((_, index) => (scores[index] = first[index] + second[index]));
      for (let unit = 0; unit < width; unit++) {
        if (!hidden[unit]) continue;
        const row = cell(out, group, unit, symbols);
        for (let index = 0; index < symbols; index++) scores[index] += hidden[unit] * row[index];
      }
      current.push(coder.symbol(intervals(contextRow(scores))));
    }
    codes.push(current);
  }
  coder.finish();
  return codes.slice(2);
}
