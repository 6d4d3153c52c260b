// Bytes of hostile files: exact reads, checksums, and the error that readers raise.

export class StreamError extends Error {}

export function need(condition, text) {
  if (!condition) throw new StreamError(text);
}

// A whole number between low and high, both allowed.
export function within(value, low, high, name) {
  need(value >= low && value <= high, `${name} is ${value}, allowed are ${low} to ${high}`);
  return value;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

// CRC-32 as of section 1.3.
export function crc32(data) {
  let value = 0xffffffff;
  for (const byte of data) value = CRC_TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

// Reader of a Uint8Array at a position (section 1).
export class ByteReader {
  constructor(data) {
    this.data = data;
    this.at = 0;
  }

  take(size) {
    const end = this.at + size;
    need(end <= this.data.length, `${size} bytes needed at ${this.at}, the end is at ${this.data.length}`);
    const taken = this.data.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  uvarint() {
    for (let value = 0, shift = 0; ; shift += 7) {
      const [byte] = this.take(1);
      value += (byte & 127) * 2 ** shift; // not shifted: that would give a signed number
      need(value < 2 ** 32 && shift <= 28, "number above 32 bits");
      if (byte < 128) {
        need(byte > 0 || shift === 0, "number not in its shortest form");
        return value;
      }
    }
  }

  // Big-endian, of at most six bytes.
  number(size) {
    return this.take(size).reduce((value, byte) => value * 256 + byte, 0);
  }

  // Big-endian, signed, of two bytes.
  signed() {
    const value = this.number(2);
    return value >= 0x8000 ? value - 0x10000 : value;
  }

  rest() {
    return this.take(this.data.length - this.at);
  }

  done(name) {
    need(this.at === this.data.length, `${name} has bytes after its end`);
  }

  // The checksum of the bytes from a position to here.
  check(start) {
    const found = crc32(this.data.subarray(start, this.at));
    need(this.number(4) === found, `wrong CRC of the bytes from ${start}`);
  }
}
