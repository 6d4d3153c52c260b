// Tables of entropy coding (section 8), codebooks and triangles, read from the safetensors format.

import { need } from "./bytes.js";

const KINDS = { I8: Int8Array, I16: Int16Array, I32: Int32Array, I64: BigInt64Array, F32: Float32Array };
const MOST_HEADER_BYTES = 1 << 24;

// An array in one block. row(i): its i-th row, of all other axes together.
class Table {
  constructor(values, shape) {
    this.values = values instanceof BigInt64Array ? Int32Array.from(values, Number) : values;
    this.shape = shape;
    this.size = values.length / shape[0];
  }

  row(index) {
    return this.values.subarray(index * this.size, (index + 1) * this.size);
  }
}

// data: ArrayBuffer. Returns {tables: {name: Table}, metadata: {name: text}}; tensors of other types are for networks.
export function readTables(data) {
  const view = new DataView(data);
  need(data.byteLength >= 8 && view.getUint32(4, true) === 0, "no safetensors file");
  const size = view.getUint32(0, true);
  need(size <= Math.min(MOST_HEADER_BYTES, data.byteLength - 8), "header of a safetensors file is cut");
  const entries = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 8, size)));
  const tables = {};
  for (const [name, entry] of Object.entries(entries)) {
    if (name === "__metadata__") continue;
    const Kind = KINDS[entry.dtype];
    if (Kind === undefined) continue;
    const [start, end] = entry.data_offsets;
    const bytes = data.slice(8 + size + start, 8 + size + end); // aligned by the copy
    tables[name] = new Table(new Kind(bytes), entry.shape);
  }
  need("tables.motion" in tables, "weights without tables of motion");
  return { tables, metadata: entries.__metadata__ };
}
