// The range decoder of section 6, with 64-bit states as BigInt: a stream has about a thousand symbols a second.

import { need } from "./bytes.js";

const FULL = (1n << 64n) - 1n;
const QUANTILES = 1 << 24;

// Lower bounds of the 24-bit intervals of a row of counts, and the upper bound of the last (section 6.2).
export function intervals(row) {
  const ends = [], free = QUANTILES - row.length;
  let total = 0;
  for (const [index, count] of row.entries()) {
    ends.push(Math.floor((total * free) / 65536) + index); // below 2^40, so exact
    total += count;
  }
  ends.push(QUANTILES);
  return ends;
}

// Decodes symbols; tracks the encoder's state too, for the bytes that it would write are the only valid ones (6.4).
export class RangeDecoder {
  constructor(data) {
    this.data = data;
    this.at = 0;
    this.point = (this.word() << 32n) | this.word();
    this.low = 0n;
    this.width = FULL;
    this.settled = 0n;
    this.words = 0;
  }

  // The next four bytes; those past the end are zero.
  word() {
    let value = 0;
    for (let index = 0; index < 4; index++) value = value * 256 + (this.data[this.at++] ?? 0);
    return BigInt(value);
  }

  // ends: of `intervals`.
  symbol(ends) {
    const step = this.width >> 24n;
    const quantile = Number(((this.point - this.low) & FULL) / step);
    need(quantile < QUANTILES, "range coder left its interval");
    let symbol = 0;
    while (ends[symbol + 1] <= quantile) symbol++;
    this.low += step * BigInt(ends[symbol]);
    this.settled += this.low >> 64n;
    this.low &= FULL;
    this.width = step * BigInt(ends[symbol + 1] - ends[symbol]);
    if (this.width < 1n << 32n) {
      this.settled = (this.settled << 32n) | (this.low >> 32n);
      this.words++;
      this.low = (this.low << 32n) & FULL;
      this.width <<= 32n;
      this.point = ((this.point << 32n) & FULL) | this.word();
    }
    return symbol;
  }

  // Refuses bytes that are not the ones which the encoder writes for the symbols.
  finish() {
    let bits = 64n, point = this.low;
    for (; bits >= 0n; bits -= 8n) {
      point = ((this.low + (1n << bits) - 1n) >> bits) << bits;
      if (point < this.low + this.width) break;
    }
    const size = 4 * this.words + 8;
    const digits = ((this.settled << 64n) + point).toString(16).padStart(2 * size, "0").replace(/(00)+$/, "");
    const even = digits.length % 2 ? `${digits}0` : digits;
    const found = Array.from(this.data, (byte) => byte.toString(16).padStart(2, "0")).join("");
    need(even === found, "range-coded bytes are not the ones the encoder writes");
  }
}
