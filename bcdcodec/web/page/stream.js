// A whole `.bcd` file: header sections and packets, checked as sections 2 to 5 ask of a reader.

import { ByteReader, need, within } from "./bytes.js";

const MAGIC = [0x8b, 0x42, 0x43, 0x44, 0x0d, 0x0a, 0x1a, 0x0a];
const SECTION = { END_OF_HEADER: 0, MODEL: 1, VIDEO: 2, CODING: 3, CONTENT: 4, AUDIO: 5, META: 6 };
const PACKET = { CONTENT: 1, MOTION: 2, AUDIO: 3, END: 4, CONTENT_PART: 5 };
const MOST_BYTES = 1 << 20, MOST_SECTIONS = 64, MOST_REFERENCES = 8, MOST_TICKS = 2 ** 32;
// Codings of a content record.
const CODING = { LEVELS: 0, PICTURE: 1, FACE: 2 };

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

// {model, video, coding, content, audio or null, packets: [{kind, timestamp, ...}]} of a Uint8Array. StreamError for what is no stream.
export function parseStream(data) {
  const source = new ByteReader(data);
  need(source.take(8).every((byte, index) => byte === MAGIC[index]), "not a .bcd file: another magic");
  const version = source.number(1);
  need(version === 1, `version is ${version}, allowed is 1`);
  const sections = readSections(source);
  for (const name of ["MODEL", "VIDEO", "CODING", "CONTENT"]) need(sections.has(SECTION[name]), `no section ${name}`);
  need(sections.get(SECTION.MODEL).length === 16, "MODEL is not of 16 bytes");
  const header = {
    model: hex(sections.get(SECTION.MODEL)),
    video: readVideo(new ByteReader(sections.get(SECTION.VIDEO))),
    coding: readCoding(new ByteReader(sections.get(SECTION.CODING))),
    content: readContent(sections.get(SECTION.CONTENT)),
    audio: sections.has(SECTION.AUDIO) ? readAudio(new ByteReader(sections.get(SECTION.AUDIO))) : null,
  };
  need(!header.content.number && !header.content.parts, "content of the header is an addition or has parts");
  return { ...header, packets: readPackets(source, header) };
}

function readSections(source) {
  const found = new Map();
  for (let count = 0; !found.has(SECTION.END_OF_HEADER); count++) {
    need(count < MOST_SECTIONS + 1, `more than ${MOST_SECTIONS} sections`);
    const start = source.at, type = source.number(1);
    need(!found.has(type) || type > 8, `section ${type} is there twice`);
    found.set(type, source.take(within(source.uvarint(), 0, MOST_BYTES, "length of a section")));
    source.check(start);
  }
  return found;
}

function readVideo(source) {
  const [width, height, pixels] = [source.number(2), source.number(2), source.number(2)];
  const rate = [source.uvarint(), source.uvarint()];
  for (const term of rate) within(term, 1, 1_000_000, "frame rate term");
  const isCropped = within(source.number(1), 0, 1, "VIDEO flags") === 1;
  source.done("VIDEO");
  need(width > 0 && height > 0, "source without pixels");
  return { width, height, pixels, fps: rate[0] / rate[1], isCropped };
}

function readCoding(source) {
  const mode = within(source.number(1), 0, 2, "coding mode"), groups = within(source.number(1), 1, 255, "groups");
  const bits = within(source.number(1), 1, 8, "bits per code"), seed = source.number(4);
  source.take(2); // window and context frames, of denoisers of latents
  source.done("CODING");
  return { mode, groups, bits, seed };
}

function readAudio(source) {
  within(source.number(1), 1, 1, "audio codec");
  const channels = within(source.number(1), 1, 2, "audio channels");
  source.take(4); // the source's rate
  const preSkip = source.number(2);
  source.take(4); // bitrate
  const frameTicks = within(source.number(1), 1, 6, "audio frame ticks");
  source.done("AUDIO");
  return { channels, preSkip, frameTicks };
}

// A content record (section 3.4); data: without the parts that were sent before.
function readContent(body) {
  const source = new ByteReader(body);
  const square = { x: source.signed(), y: source.signed(), size: source.number(2) }, flags = source.number(1);
  let number = 0, drops = 0, parts = 0;
  if (flags & 64) {
    number = within(source.number(1), 1, 255, "number of a reference");
    drops = within(source.number(1), 0, number - 1, "reference that is dropped");
  }
  if (flags & 128) parts = within(source.uvarint(), 1, 255, "content parts");
  return { square, coding: within(flags & 63, 0, 2, "content coding"), number, drops, parts, data: source.rest() };
}

// Packets up to END, the parts of a content record joined to it.
function readPackets(source, header) {
  const packets = [], next = { [PACKET.MOTION]: 0, [PACKET.CONTENT]: 0, [PACKET.AUDIO]: 0 };
  let shot = [0], reference = 0, sent = [], frames = 0, isNew = true;
  const advance = (kind, timestamp, duration) => {
    need(timestamp >= next[kind], `packet has timestamp ${timestamp}, needs at least ${next[kind]}`);
    next[kind] = within(timestamp + duration, 0, MOST_TICKS - 1, "end of a packet");
  };
  for (let sequence = 0; ; sequence++) {
    const start = source.at, kind = source.number(1), found = source.uvarint(), timestamp = source.uvarint();
    const payload = source.take(within(source.uvarint(), 0, MOST_BYTES, "length of a payload"));
    source.check(start);
    need(found === sequence, `packet ${sequence} has sequence ${found}`);
    if (kind === PACKET.CONTENT) {
      const record = readContent(payload);
      advance(kind, timestamp, 0);
      need(!record.parts || record.parts === sent.length, `content in ${record.parts} parts, ${sent.length} were sent`);
      if (record.number) {
        need(record.number > shot.at(-1), `number of a reference is ${record.number} after ${shot.at(-1)}`);
        need(shot.includes(record.drops), `reference ${record.drops} is dropped, the shot has ${shot}`);
        shot = [...shot.filter((one) => one === 0 || one !== record.drops), record.number];
        need(shot.length <= MOST_REFERENCES, `more than ${MOST_REFERENCES} references: ${shot}`);
      } else {
        shot = [0];
        isNew = true;
      }
      const data = joined([...sent.slice(0, record.parts), record.data]);
      sent = [];
      packets.push({ kind: "content", timestamp, ...record, data });
    } else if (kind === PACKET.CONTENT_PART) {
      const body = new ByteReader(payload), index = body.uvarint();
      advance(PACKET.CONTENT, timestamp, 0);
      need(index === 0 || index === sent.length, `content part ${index} after ${sent.length}`);
      sent = [...(index ? sent : []), body.rest()];
      need(sent.reduce((sum, part) => sum + part.length, 0) <= MOST_BYTES, "content parts are too long");
    } else if (kind === PACKET.MOTION) {
      const body = new ByteReader(payload), count = within(body.uvarint(), 1, 255, "frames of a MOTION packet");
      const flags = within(body.number(1), 0, 3, "flags of a MOTION packet");
      const named = flags & 2 ? within(body.number(1), 1, 255, "reference that is named") : 0;
      need(shot.includes(named), `reference ${named} is named, the shot has ${shot}`);
      const isGap = timestamp > next[PACKET.MOTION], isKey = (flags & 1) === 1;
      need(isKey || !(isNew || isGap || named !== reference), "key flag is missing");
      advance(kind, timestamp, count);
      [isNew, reference, frames] = [false, named, frames + count];
      packets.push({ kind: "motion", timestamp, frames: count, isKey, reference: named, data: body.rest() });
    } else if (kind === PACKET.AUDIO) {
      need(header.audio, "AUDIO packet without an AUDIO section");
      const body = new ByteReader(payload), opus = [];
      for (let left = within(body.uvarint(), 1, 255, "frames of an AUDIO packet"); left > 0; left--) {
        opus.push(body.take(within(body.uvarint(), 1, 4000, "bytes of an Opus packet")));
      }
      body.done("AUDIO packet");
      advance(kind, timestamp, opus.length * header.audio.frameTicks);
      packets.push({ kind: "audio", timestamp, frames: opus });
    } else if (kind === PACKET.END) {
      const counted = new ByteReader(payload).uvarint();
      need(counted === frames, `END counts ${counted} frames, the stream has ${frames}`);
      source.done("file");
      return packets;
    }
  }
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
}

// Still and landmarks of a content record: {still, landmarks or null}, both Uint8Array (section 7).
export function splitContent(record) {
  need(record.coding !== CODING.LEVELS, "content in levels, which this page does not decode");
  const source = new ByteReader(record.data);
  const landmarks = record.coding === CODING.FACE
    ? source.take(within(source.uvarint(), 1, 1024, "bytes of landmarks"))
    : null;
  return { still: source.rest(), landmarks };
}
