// Sound of a stream: Opus packets through WebCodecs to one buffer that starts with the video (section 10.10).

const RATE = 48000, TICK_SAMPLES = 960;

// {channels: [Float32Array], rate}, or null for a stream without sound.
export async function decodeSound({ audio, packets }) {
  const opus = packets.filter((packet) => packet.kind === "audio");
  if (!audio || !opus.length) return null;
  const length = TICK_SAMPLES * audio.frameTicks, pieces = [];
  let failed = null;
  const decoder = new AudioDecoder({ output: (piece) => pieces.push(piece), error: (error) => (failed = error) });
  decoder.configure({ codec: "opus", sampleRate: RATE, numberOfChannels: audio.channels });
  for (const { timestamp, frames } of opus) {
    frames.forEach((data, index) => {
      // From 0 on, as the decoder wants it; the pre-skip is taken off below.
      const start = timestamp * TICK_SAMPLES + index * length;
      decoder.decode(new EncodedAudioChunk({ type: "key", timestamp: Math.round((start / RATE) * 1e6), data }));
    });
  }
  await decoder.flush();
  decoder.close();
  if (failed) throw failed;
  const last = opus.at(-1), samples = last.timestamp * TICK_SAMPLES + last.frames.length * length - audio.preSkip;
  const channels = Array.from({ length: audio.channels }, () => new Float32Array(Math.max(samples, 0)));
  for (const piece of pieces) {
    const start = Math.round((piece.timestamp / 1e6) * RATE) - audio.preSkip;
    channels.forEach((channel, index) => {
      const values = new Float32Array(piece.numberOfFrames);
      piece.copyTo(values, { planeIndex: index, format: "f32-planar" });
      const heard = values.subarray(Math.max(-start, 0), Math.max(samples - start, 0));
      if (start < samples) channel.set(heard, Math.max(start, 0));
    });
    piece.close();
  }
  return { channels, rate: RATE };
}

// Plays a buffer of `decodeSound` from some second on.
export class Speaker {
  // sound: null for silence.
  constructor(sound) {
    this.sound = sound;
    this.source = null;
  }

  start(fromS) {
    const { sound } = this;
    if (!sound || !sound.channels[0].length) return;
    this.context ??= new AudioContext({ sampleRate: sound.rate });
    const buffer = this.context.createBuffer(sound.channels.length, sound.channels[0].length, sound.rate);
    sound.channels.forEach((channel, index) => buffer.copyToChannel(channel, index));
    this.source = new AudioBufferSourceNode(this.context, { buffer });
    this.source.connect(this.context.destination);
    this.source.start(0, fromS);
  }

  stop() {
    this.source?.stop();
    this.source = null;
  }
}
