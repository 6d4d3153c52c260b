// The page of `bcd call serve`: pictures of both ends, graphs, controls, and the browser's camera.

import { Graph } from "./graph.js";

const SOURCE = 1;
const KINDS = ["decoded", "concealed", "frozen"];
const CAMERA_PIXELS = 256, CAMERA_MS = 40, CAMERA_QUALITY = 0.9;
const MAX_BEHIND_BYTES = 1 << 17; // a picture is not sent while so much of those before waits
const RETRY_MS = 2000, KEEP_UP = 0.95;

const at = (id) => document.getElementById(id);
const graphs = {
  wire: new Graph(at("graph-wire"), {
    title: "On the wire", unit: "kbps", least: 10, series: [["wire", "with headers of IP and UDP", "--accent"]],
  }),
  kinds: new Graph(at("graph-kinds"), {
    title: "By kind", unit: "kbps", least: 10, stacked: true,
    series: [
      ["motion", "motion", "--motion"], ["references", "references", "--references"], ["sound", "sound", "--sound"],
      ["redundancy", "sent again", "--redundancy"], ["headers", "headers", "--headers"],
    ],
  }),
  loss: new Graph(at("graph-loss"), {
    title: "Datagrams lost", unit: "%", least: 10, series: [["loss", "of the last two seconds", "--references"]],
  }),
  delay: new Graph(at("graph-delay"), {
    title: "Delay", unit: "ms", least: 100,
    series: [["delay", "from source to decoded picture", "--accent"], ["playout", "of it, jitter buffer", "--headers"]],
  }),
};
const controls = ["loss_percent", "burst", "jitter_ms", "bitrate_kbps"].map(at);
let socket = null, file = null, call = null, camera = null, isFast = false;
const notices = { connection: "", error: "", camera: "", face: "", speed: "" };

function notify(kind, text) {
  if (notices[kind] === text) return;
  notices[kind] = text;
  at("notices").replaceChildren(...Object.entries(notices).filter(([, shown]) => shown).map(([name, shown]) => {
    const line = document.createElement("p");
    line.dataset.kind = name;
    line.textContent = shown;
    return line;
  }));
}

function connect() {
  socket = new WebSocket(`ws://${location.host}/live`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => notify("connection", "");
  socket.onmessage = ({ data }) => (typeof data === "string" ? take(JSON.parse(data)) : show(data));
  socket.onclose = () => {
    stopCamera();
    at("state").textContent = "not connected";
    notify("connection", "No connection to the process: it ended, or has as many tabs open as it takes.");
    setTimeout(connect, RETRY_MS);
  };
}

function take(message) {
  if (message.hello) begin(message.hello);
  else if (message.controls) setControls(message.controls);
  else if (message.camera === false) {
    stopCamera();
    notify("camera", "Another tab sends its camera now.");
  } else if (message.error) notify("error", message.error);
  else if (message.call) showNumbers(message);
}

function begin(hello) {
  file = hello.file;
  isFast = hello.is_fast;
  for (const control of controls) [control.min, control.max] = hello.limits[control.id];
  setControls(hello.controls);
  const has = Boolean(navigator.mediaDevices?.getUserMedia);
  at("camera").hidden = !has;
  at("state").textContent = file ? "starting" : "no source";
  if (!file) {
    notify("camera", has ? "No file was given: press Use camera." : "No file was given, and this page may use no camera.");
  }
}

function setControls(values) {
  for (const control of controls) {
    control.value = values[control.id];
    showControl(control);
  }
}

function showControl(control) {
  const isSingle = control.id === "burst" && Number(control.value) === 1;
  at(`${control.id}-value`).textContent = isSingle ? "none" : `${control.value} ${control.dataset.unit}`;
}

for (const control of controls) {
  control.addEventListener("input", () => {
    showControl(control);
    send(JSON.stringify({ controls: { [control.id]: Number(control.value) } }));
  });
}

function send(data) {
  if (socket.readyState === WebSocket.OPEN) socket.send(data);
}

async function show(data) {
  const [slot, kind] = new Uint8Array(data, 0, 2);
  const canvas = at(slot === SOURCE ? "source" : "shown");
  const picture = await createImageBitmap(new Blob([new Uint8Array(data, 2)], { type: "image/jpeg" }));
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    [canvas.width, canvas.height] = [picture.width, picture.height];
  }
  canvas.getContext("2d").drawImage(picture, 0, 0);
  picture.close();
  canvas.dataset.pictures = Number(canvas.dataset.pictures ?? 0) + 1;
  if (slot !== SOURCE) {
    canvas.className = KINDS[kind];
    at("shown-kind").textContent = kind ? KINDS[kind] : "";
  }
}

function showNumbers(numbers) {
  if (numbers.call !== call) {
    call = numbers.call;
    for (const graph of Object.values(graphs)) graph.clear();
  }
  notify("error", "");
  const isCamera = numbers.source === "camera";
  at("source-name").textContent = isCamera ? "the browser's camera" : file;
  at("state").textContent = numbers.has_frames ? "running" : "waiting for pictures";
  graphs.wire.push(numbers.time_s, { wire: numbers.wire_kbps });
  graphs.kinds.push(numbers.time_s, numbers.kbps);
  graphs.loss.push(numbers.time_s, { loss: numbers.loss_percent });
  graphs.delay.push(numbers.time_s, { delay: numbers.delay_ms, playout: numbers.playout_ms });
  for (const kind of KINDS) at(kind).textContent = numbers.frames[kind];
  const full = numbers.full_frames_per_s;
  at("rate").textContent = `${numbers.frames_per_s.toFixed(1)} of ${full}`;
  at("encoder").textContent = `${numbers.encoder_kbps.toFixed(1)} kbps`;
  at("redundancy").textContent = numbers.redundancy;
  notify("speed", numbers.speed >= KEEP_UP ? "" :
    `This machine does not keep up: it encodes and decodes ${numbers.frames_per_s.toFixed(1)} of ${full} frames a ` +
    `second and drops the others. The call's clock runs at ${Math.round(100 * numbers.speed)} % of real time, and kbps ` +
    `are by that clock.${isFast ? "" : " bcd call serve --preset fast takes less work."}`);
  notify("face", numbers.has_frames && !numbers.has_face ?
    "No face in the picture: there is nothing that the codec's motion could follow, so what it shows means little." : "");
  if (isCamera && numbers.refused) notify("camera", `${numbers.refused} pictures of the camera could not be read.`);
}

async function startCamera() {
  at("camera").disabled = true;
  try {
    const video = { width: { ideal: 640 }, height: { ideal: 480 } };
    const stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    const player = Object.assign(document.createElement("video"), { srcObject: stream, muted: true, playsInline: true });
    await player.play();
    camera = { stream, player, timer: setInterval(sendPicture, CAMERA_MS), isBusy: false };
    stream.getVideoTracks()[0].onended = leaveCamera;
    send(JSON.stringify({ camera: true }));
    notify("camera", "");
    at("camera").textContent = "Stop camera";
  } catch (error) {
    notify("camera", `The camera cannot be used: ${error.message || error.name}.`);
  }
  at("camera").disabled = false;
}

const square = Object.assign(document.createElement("canvas"), { width: CAMERA_PIXELS, height: CAMERA_PIXELS });

function sendPicture() {
  const { player } = camera, side = Math.min(player.videoWidth, player.videoHeight);
  if (!side || camera.isBusy || socket.bufferedAmount > MAX_BEHIND_BYTES) return;
  const left = (player.videoWidth - side) / 2, top = (player.videoHeight - side) / 2;
  square.getContext("2d").drawImage(player, left, top, side, side, 0, 0, CAMERA_PIXELS, CAMERA_PIXELS);
  const taken = camera;
  taken.isBusy = true;
  square.toBlob((picture) => {
    taken.isBusy = false;
    if (picture && camera === taken) send(picture);
  }, "image/jpeg", CAMERA_QUALITY);
}

function stopCamera() {
  if (!camera) return;
  clearInterval(camera.timer);
  camera.stream.getTracks().forEach((track) => track.stop());
  camera = null;
  at("camera").textContent = "Use camera";
}

function leaveCamera() {
  stopCamera();
  send(JSON.stringify({ camera: false }));
  if (!file) at("state").textContent = "no source";
}

at("camera").addEventListener("click", () => (camera ? leaveCamera() : startCamera()));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const graph of Object.values(graphs)) graph.draw();
});
connect();
