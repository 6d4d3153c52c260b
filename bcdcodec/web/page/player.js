// The page: opens a `.bcd` file, decodes it ahead of what is shown, and plays it.
//
// ?src=ADDRESS opens a file at once, &preset=fast without the denoiser. `document.body.dataset.done` says how many frames are decoded at the end.

import { Model } from "./model.js";
import { decodeAll } from "./decoding.js";
import { Speaker, decodeSound } from "./sound.js";
import { parseStream } from "./stream.js";

const at = (id) => document.getElementById(id);
const picture = at("picture"), position = at("position"), play = at("play"), problem = at("problem");
const pen = picture.getContext("2d");
let shown = [], video = null, startedAt = null, opened = 0, speaker = new Speaker(null), isSilent = false;

function report(error) {
  problem.hidden = false;
  problem.textContent = error.message;
  at("state").textContent = "stopped";
}

function show(index) {
  const frame = shown[index];
  if (!frame) return;
  pen.putImageData(frame, 0, 0);
  position.value = index;
  at("time").textContent = `${(index / video.fps).toFixed(1)} s`;
}

function tick(now) {
  if (startedAt !== null) {
    const index = Math.floor(((now - startedAt) / 1000) * video.fps);
    if (index < shown.length) {
      show(index);
      if (isSilent) speaker.start(index / video.fps);
      isSilent = false;
    }
    else if (document.body.dataset.done) stop();
    else wait(now);
  }
  requestAnimationFrame(tick);
}

// Holds the last frame until the next one is decoded, sound included.
function wait(now) {
  startedAt = now - (Math.max(shown.length - 1, 0) / video.fps) * 1000;
  speaker.stop();
  isSilent = true;
}

function stop() {
  startedAt = null;
  speaker.stop();
  play.textContent = "Play";
}

play.addEventListener("click", () => {
  if (startedAt !== null) return stop();
  const from = Number(position.value) >= shown.length - 1 ? 0 : Number(position.value);
  startedAt = performance.now() - (from / video.fps) * 1000;
  speaker.start(from / video.fps);
  play.textContent = "Pause";
});
position.addEventListener("input", () => {
  stop();
  show(Number(position.value));
});

async function open(model, data) {
  const turn = ++opened; // a later file ends the decoding of an earlier one
  problem.hidden = true;
  delete document.body.dataset.done;
  stop();
  shown = [];
  const stream = parseStream(data);
  video = stream.video;
  picture.width = picture.height = video.pixels;
  const motion = stream.packets.filter((packet) => packet.kind === "motion");
  const count = motion.reduce((sum, packet) => sum + packet.frames, 0);
  const seconds = motion.length ? (motion.at(-1).timestamp + motion.at(-1).frames) / video.fps : 0;
  position.max = Math.max(count - 1, 0);
  play.disabled = position.disabled = false;
  at("bitrate").textContent = seconds ? `${((8 * data.length) / seconds / 1000).toFixed(2)} kbit/s` : "–";
  at("frames").textContent = `${count}, ${video.fps} a second`;
  at("references").textContent = 1 + stream.packets.filter((packet) => packet.kind === "content").length;
  const sound = await decodeSound(stream);
  if (turn !== opened) return;
  speaker = new Speaker(sound);
  window.bcdSound = sound; // for scripts, as window.bcdFrames below
  const begun = performance.now();
  for await (const frame of decodeAll(model, stream)) {
    if (turn !== opened) return;
    shown.push(frame);
    if (shown.length === 1) show(0);
    const rate = (1000 * shown.length) / (performance.now() - begun);
    at("state").textContent = `decoded ${shown.length} of ${count}`;
    at("speed").textContent = `${rate.toFixed(1)} frames a second`;
  }
  document.body.dataset.done = shown.length;
  window.bcdFrames = shown;
}

async function main() {
  requestAnimationFrame(tick);
  const model = await Model.load(new URL("model/", location.href));
  at("state").textContent = "ready";
  const paints = at("paints"), asked = new URLSearchParams(location.search);
  paints.checked = model.paints = asked.get("preset") !== "fast";
  let last = null; // bytes of the file that is open
  const openBytes = async (data) => open(model, (last = data)).catch(report);
  const openFile = async (file) => openBytes(new Uint8Array(await file.arrayBuffer()));
  paints.addEventListener("change", () => {
    model.paints = paints.checked;
    if (last) openBytes(last);
  });
  at("file").addEventListener("change", ({ target }) => target.files.length && openFile(target.files[0]));
  const drop = at("drop");
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", () => drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if (event.dataTransfer.files.length) openFile(event.dataTransfer.files[0]);
  });
  const source = asked.get("src");
  if (!source) return;
  const answer = await fetch(source);
  if (!answer.ok) throw new Error(`${source}: ${answer.status} ${answer.statusText}`);
  await openBytes(new Uint8Array(await answer.arrayBuffer()));
}

main().catch(report);
