(() => {
'use strict';

const byId = (id) => document.getElementById(id);

function fail(error) {
  byId('problem').hidden = false;
  byId('problem').textContent = 'This page is damaged: ' + error.message;
  throw error;
}

// ---- data -------------------------------------------------------------------------

function unpack(text, Type) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Type(bytes.buffer);
}

function readClip() {
  const clip = JSON.parse(byId('clip').textContent);
  clip.times = unpack(clip.times, Float32Array);
  for (const track of clip.tracks) {
    track.poses = unpack(track.poses, Int16Array);
    track.keypoints = unpack(track.keypoints, Int16Array);
    track.confidence = unpack(track.confidence, Uint8Array);
    track.scores = unpack(track.scores, Uint8Array);
    track.filled = unpack(track.filled, Uint8Array);
    track.roots = track.roots === undefined ? null : unpack(track.roots, Float32Array);
    if (track.poses.length !== track.length * clip.joints.length * 3) {
      throw new Error('person ' + track.id + ' is cut off');
    }
  }
  clip.people = [...new Set(clip.tracks.map((track) => track.id))].sort((a, b) => a - b);
  return clip;
}

let clip;
try {
  clip = readClip();
} catch (error) {
  fail(error);
}
const JOINTS = clip.joints.length;
const FRAMES = clip.times.length;
const HEAD = clip.joints.indexOf('head');
const NECK = clip.joints.indexOf('neck_base');
const UNSURE = 0.3 * 255;
const HALO = 'rgba(255, 255, 255, 0.55)';
const BONE_M = 0.045;
const HEAD_M = 0.095;

// ---- state ------------------------------------------------------------------------

const dark = matchMedia('(prefers-color-scheme: dark)');
const hidden = new Set();
const images = new Map();
const home = { azimuth: 0.5, elevation: 0.22, distance: 0, x: 0, y: 0, z: 0 };
let eye = home;
let frame = 0;
let seconds = 0;
let playing = false;
let before = null;
let placed = clip.located;
let drawn = false;

function frameAt(time) {
  let low = 0;
  let high = FRAMES - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (clip.times[middle] <= time) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

function present() {
  return clip.tracks.filter((track) => !hidden.has(track.id)
    && frame >= track.first && frame < track.first + track.length);
}

// Joints of a track in the scene: x right, y up, z towards the viewer, metres. The data
// has the axes of a camera: y down, z away.
function jointsOf(track) {
  const row = frame - track.first;
  const start = row * JOINTS * 3;
  const points = [];
  let lowest = Infinity;
  for (let joint = 0; joint < JOINTS; joint += 1) {
    const at = start + 3 * joint;
    const point = [track.poses[at], -track.poses[at + 1], -track.poses[at + 2]]
      .map((value) => value * clip.poseStep);
    lowest = Math.min(lowest, point[1]);
    points.push(point);
  }
  const slot = clip.slots[track.id];
  let shift = [slot[0], -lowest, -slot[1]];
  if (placed && track.roots) {
    const at = 3 * row;
    shift = [track.roots[at], -track.roots[at + 1], -track.roots[at + 2]];
  }
  for (const point of points) {
    for (let axis = 0; axis < 3; axis += 1) {
      point[axis] += shift[axis];
    }
  }
  return shift.every(Number.isFinite) ? points : null;
}

function keypointsOf(track) {
  const start = (frame - track.first) * JOINTS * 2;
  const points = [];
  for (let joint = 0; joint < JOINTS; joint += 1) {
    points.push([
      track.keypoints[start + 2 * joint] * clip.keypointStep,
      track.keypoints[start + 2 * joint + 1] * clip.keypointStep,
    ]);
  }
  return points;
}

function colourOf(id, side) {
  const share = { left: 1, centre: 0.85, right: 0.62 }[side];
  const lift = dark.matches ? 0.25 : 0;
  const parts = clip.colours[id % clip.colours.length].map(
    (part) => Math.round(part * share * (1 - lift) + 255 * lift));
  return 'rgb(' + parts.join(',') + ')';
}

function isSure(track, values, bone) {
  const start = (frame - track.first) * JOINTS;
  const least = Math.min(values[start + bone[0]], values[start + bone[1]]);
  return !track.filled[frame - track.first] && least > UNSURE;
}

// ---- canvases ---------------------------------------------------------------------

function prepare(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const box = canvas.getBoundingClientRect();
  const width = Math.max(1, Math.round(box.width * ratio));
  const height = Math.max(1, Math.round(box.height * ratio));
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const pen = canvas.getContext('2d');
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, box.width, box.height);
  pen.lineCap = 'round';
  pen.lineJoin = 'round';
  pen.globalAlpha = 1;
  return { pen, width: box.width, height: box.height };
}

const styleOf = (name) => getComputedStyle(document.documentElement)
  .getPropertyValue(name).trim();

function line(pen, from, to, colour, width) {
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.beginPath();
  pen.moveTo(from[0], from[1]);
  pen.lineTo(to[0], to[1]);
  pen.stroke();
}

function disc(pen, centre, radius, colour) {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.arc(centre[0], centre[1], radius, 0, 2 * Math.PI);
  pen.fill();
}

// ---- 2D ---------------------------------------------------------------------------

function pictureNow() {
  if (!clip.pictures.length || !byId('pictures').checked) {
    return null;
  }
  let nearest = clip.pictures[0];
  for (const picture of clip.pictures) {
    if (Math.abs(picture[0] - frame) < Math.abs(nearest[0] - frame)) {
      nearest = picture;
    }
  }
  if (!images.has(nearest[0])) {
    const image = new Image();
    image.onload = image.onerror = redraw;
    image.src = 'data:image/jpeg;base64,' + nearest[1];
    images.set(nearest[0], image);
  }
  return images.get(nearest[0]);
}

function drawImage() {
  const { pen, width, height } = prepare(byId('image'));
  const [imageWidth, imageHeight] = clip.imageSize;
  const scale = Math.min(width / imageWidth, height / imageHeight) * 0.98;
  const left = (width - scale * imageWidth) / 2;
  const top = (height - scale * imageHeight) / 2;
  const wanted = pictureNow();
  const loading = wanted !== null && !wanted.complete;
  byId('image').ariaBusy = String(loading);
  const picture = wanted && !loading && wanted.naturalWidth ? wanted : null;
  if (picture) {
    pen.drawImage(picture, left, top, scale * imageWidth, scale * imageHeight);
  }
  pen.strokeStyle = styleOf('--line');
  pen.lineWidth = 1;
  pen.strokeRect(left, top, scale * imageWidth, scale * imageHeight);
  const thick = Math.max(2, Math.min(width, height) / 140);
  for (const track of present()) {
    const points = keypointsOf(track).map(([x, y]) => [left + scale * x, top + scale * y]);
    for (const bone of picture ? clip.bones : []) {
      line(pen, points[bone[0]], points[bone[1]], HALO, 2.2 * thick);
    }
    for (const bone of clip.bones) {
      pen.globalAlpha = isSure(track, track.scores, bone) ? 1 : 0.4;
      line(pen, points[bone[0]], points[bone[1]],
        colourOf(track.id, clip.sides[bone[1]]), thick);
    }
    pen.globalAlpha = 1;
    points.forEach((point, joint) => {
      disc(pen, point, 0.8 * thick, colourOf(track.id, clip.sides[joint]));
    });
    label(pen, track, Math.min(...points.map((p) => p[0])),
      Math.min(...points.map((p) => p[1])) - 6, styleOf('--panel'));
  }
}

function label(pen, track, x, y, halo) {
  pen.font = 'bold 14px system-ui, sans-serif';
  pen.lineWidth = 4;
  pen.strokeStyle = halo;
  pen.strokeText(String(track.id), x, y);
  pen.fillStyle = colourOf(track.id, 'left');
  pen.fillText(String(track.id), x, y);
}

// ---- 3D ---------------------------------------------------------------------------

// A perspective camera that looks at the eye's target: gives x, y in pixels, the
// distance, and pixels a metre there; null behind the camera.
function projector(width, height) {
  const [sa, ca] = [Math.sin(eye.azimuth), Math.cos(eye.azimuth)];
  const [se, ce] = [Math.sin(eye.elevation), Math.cos(eye.elevation)];
  const focal = 1.5 * Math.min(width, height);
  return (point) => {
    const [x, y, z] = [point[0] - eye.x, point[1] - eye.y, point[2] - eye.z];
    const right = x * ca - z * sa;
    const near = x * sa + z * ca;
    const up = y * ce - near * se;
    const away = eye.distance - (near * ce + y * se);
    if (away < 0.05) {
      return null;
    }
    const scale = focal / away;
    return [width / 2 + scale * right, height / 2 - scale * up, away, scale];
  };
}

function drawFloor(pen, project) {
  const step = clip.reach < 3 ? 0.5 : 1;
  const cells = Math.ceil((clip.reach + 0.6) / step);
  const colour = styleOf('--floor');
  for (let i = -cells; i <= cells; i += 1) {
    for (let j = -cells; j < cells; j += 1) {
      for (const ends of [
        [[i * step, 0, j * step], [i * step, 0, (j + 1) * step]],
        [[j * step, 0, i * step], [(j + 1) * step, 0, i * step]],
      ]) {
        const [from, to] = ends.map(project);
        if (from && to) {
          line(pen, from, to, colour, 1);
        }
      }
    }
  }
}

function drawScene() {
  const { pen, width, height } = prepare(byId('scene'));
  const project = projector(width, height);
  drawFloor(pen, project);
  const strokes = [];
  const shadow = styleOf('--shadow');
  for (const track of present()) {
    const joints = jointsOf(track);
    if (!joints) {
      continue;
    }
    const points = joints.map(project);
    const shadows = joints.map(([x, , z]) => project([x, 0, z]));
    for (const bone of clip.bones) {
      const [from, to] = [points[bone[0]], points[bone[1]]];
      const [fromShadow, toShadow] = [shadows[bone[0]], shadows[bone[1]]];
      if (fromShadow && toShadow) {
        line(pen, fromShadow, toShadow, shadow, BONE_M * fromShadow[3]);
      }
      if (from && to) {
        const colour = colourOf(track.id, clip.sides[bone[1]]);
        const sure = isSure(track, track.confidence, bone);
        const away = (from[2] + to[2]) / 2;
        strokes.push({ away, from, to, colour, sure, bone });
      }
    }
  }
  strokes.sort((a, b) => b.away - a.away);
  for (const stroke of strokes) {
    const wide = Math.max(2, BONE_M * (stroke.from[3] + stroke.to[3]) / 2);
    pen.globalAlpha = stroke.sure ? 1 : 0.45;
    line(pen, stroke.from, stroke.to, stroke.colour, wide);
    if (stroke.bone[0] === NECK && stroke.bone[1] === HEAD) {
      const middle = [0, 1].map((i) => (stroke.from[i] + stroke.to[i]) / 2);
      disc(pen, middle, HEAD_M * stroke.to[3], stroke.colour);
    }
  }
  pen.globalAlpha = 1;
}

// ---- drawing and time -------------------------------------------------------------

function redraw() {
  if (!drawn) {
    drawn = true;
    requestAnimationFrame(() => {
      drawn = false;
      drawImage();
      drawScene();
    });
  }
}

function clockText(time) {
  return Math.floor(time / 60) + ':' + (time % 60).toFixed(2).padStart(5, '0');
}

function show(next) {
  frame = Math.min(FRAMES - 1, Math.max(0, next));
  const slider = byId('time');
  slider.value = String(frame);
  const text = clockText(clip.times[frame]);
  slider.setAttribute('aria-valuetext',
    'frame ' + frame + ' of ' + FRAMES + ', ' + text);
  byId('clock').textContent = text + '  #' + frame;
  redraw();
}

function seek(next) {
  show(next);
  seconds = clip.times[frame];
}

function setPlaying(wanted) {
  playing = wanted && FRAMES > 1;
  before = null;
  const button = byId('play');
  button.setAttribute('aria-pressed', String(playing));
  button.setAttribute('aria-label', playing ? 'Pause' : 'Play');
  if (playing) {
    if (frame === FRAMES - 1) {
      seek(0);
    }
    requestAnimationFrame(tick);
  }
}

function tick(now) {
  if (!playing) {
    return;
  }
  if (before !== null) {
    // A page that was in the background does not leap ahead.
    const passed = Math.min(0.25, (now - before) / 1000);
    seconds += passed * Number(byId('speed').value);
    const end = clip.times[FRAMES - 1] + 1 / clip.fps;
    if (seconds >= end) {
      seconds = 0;
    }
    const next = frameAt(seconds);
    if (next !== frame) {
      show(next);
    }
  }
  before = now;
  requestAnimationFrame(tick);
}

// ---- view -------------------------------------------------------------------------

function resetView() {
  eye = { ...home };
  redraw();
}

function turn(right, up) {
  eye.azimuth -= right;
  eye.elevation = Math.min(1.55, Math.max(-0.3, eye.elevation + up));
  redraw();
}

function zoom(factor) {
  eye.distance = Math.min(200, Math.max(0.3, eye.distance * factor));
  redraw();
}

// Move the target so that what is under the pointer stays under it.
function pan(right, down) {
  const box = byId('scene').getBoundingClientRect();
  const metres = eye.distance / (1.5 * Math.min(box.width, box.height));
  const [dx, dy] = [right * metres, down * metres];
  const tilt = Math.sin(eye.elevation);
  eye.x -= dx * Math.cos(eye.azimuth) + dy * tilt * Math.sin(eye.azimuth);
  eye.z -= -dx * Math.sin(eye.azimuth) + dy * tilt * Math.cos(eye.azimuth);
  eye.y += dy * Math.cos(eye.elevation);
  redraw();
}

function listenToPointers(canvas) {
  const pointers = new Map();
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  canvas.addEventListener('pointermove', (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) {
      return;
    }
    const [right, down] = [event.clientX - last.x, event.clientY - last.y];
    const width = pointers.size === 2 ? spread() : 0;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (pointers.size === 2) {
      pan(right / 2, down / 2);
      zoom(width / Math.max(1, spread()));
    } else if (event.shiftKey || event.buttons > 1) {
      pan(right, down);
    } else {
      turn(right * 0.008, down * 0.008);
    }
  });
  for (const name of ['pointerup', 'pointercancel']) {
    canvas.addEventListener(name, (event) => pointers.delete(event.pointerId));
  }
  canvas.addEventListener('contextmenu', (event) => event.preventDefault());
  canvas.addEventListener('dblclick', resetView);
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    zoom(Math.exp(event.deltaY * (event.deltaMode === 1 ? 0.04 : 0.0012)));
  }, { passive: false });
}

// ---- keys -------------------------------------------------------------------------

function secondsAway(amount) {
  return frameAt(clip.times[frame] + amount + 1e-4);
}

const keys = {
  ' ': () => setPlaying(!playing),
  ArrowLeft: (event) => seek(event.shiftKey ? secondsAway(-1) : frame - 1),
  ArrowRight: (event) => seek(event.shiftKey ? secondsAway(1) : frame + 1),
  Home: () => seek(0),
  End: () => seek(FRAMES - 1),
  a: () => turn(0.12, 0),
  d: () => turn(-0.12, 0),
  w: () => turn(0, 0.08),
  s: () => turn(0, -0.08),
  '+': () => zoom(0.88),
  '=': () => zoom(0.88),
  '-': () => zoom(1 / 0.88),
  0: resetView,
};

function onKey(event) {
  const target = event.target;
  const clickable = target.matches('button, summary, input[type=checkbox]');
  if (event.ctrlKey || event.metaKey || event.altKey || target.matches('select')
      || (event.key === ' ' && clickable)) {
    return;
  }
  const digit = /^[1-9]$/.test(event.key) ? Number(event.key) : 0;
  if (digit) {
    const box = document.querySelectorAll('#people input')[digit - 1];
    if (box) {
      box.click();
    }
    return;
  }
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act) {
    event.preventDefault();
    act(event);
  }
}

// ---- page -------------------------------------------------------------------------

function addPeople() {
  for (const id of clip.people) {
    const text = document.createElement('label');
    const box = document.createElement('input');
    const swatch = document.createElement('span');
    box.type = 'checkbox';
    box.checked = true;
    box.addEventListener('change', () => {
      if (box.checked) {
        hidden.delete(id);
      } else {
        hidden.add(id);
      }
      redraw();
    });
    swatch.className = 'swatch';
    swatch.style.background = colourOf(id, 'left');
    text.append(box, swatch, ' Person ' + id);
    byId('people').append(text);
  }
}

function facts() {
  const length = clip.times[FRAMES - 1] + 1 / clip.fps;
  const parts = [
    FRAMES + ' frames, ' + length.toFixed(1) + ' s',
    clip.people.length === 1 ? '1 person' : clip.people.length + ' people',
  ];
  if (clip.lifter) {
    parts.push('lifter ' + clip.lifter);
  }
  if (clip.camera === 'field_of_view') {
    parts.push('distances rest on a guessed field of view');
  }
  return parts.join(' · ');
}

function start() {
  byId('facts').textContent = facts();
  byId('time').max = String(FRAMES - 1);
  addPeople();
  byId('placed').checked = placed;
  byId('placed-label').hidden = !clip.located;
  byId('pictures').parentElement.hidden = !clip.pictures.length;
  home.distance = 1.9 * Math.max(clip.tall, 1.6 * clip.reach) + 0.4;
  home.y = clip.tall / 2;
  resetView();
  byId('play').addEventListener('click', () => setPlaying(!playing));
  byId('time').addEventListener('input', () => seek(Number(byId('time').value)));
  byId('reset').addEventListener('click', resetView);
  byId('pictures').addEventListener('change', redraw);
  byId('placed').addEventListener('change', () => {
    placed = byId('placed').checked;
    redraw();
  });
  document.addEventListener('keydown', onKey);
  listenToPointers(byId('scene'));
  new ResizeObserver(redraw).observe(document.querySelector('main'));
  dark.addEventListener('change', redraw);
  seek(0);
}

start();
})();
