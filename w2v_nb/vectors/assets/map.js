//#region view
'use strict';
const byId = id => document.getElementById(id);
const data = JSON.parse(byId('data').textContent), words = data.words;
const canvas = byId('map'), draw2d = canvas.getContext('2d');
const index = new Map(words.map((word, i) => [word, i]));
const lower = words.map(word => word.toLowerCase()), firstOf = new Map();
lower.forEach((word, i) => { if (!firstOf.has(word)) firstOf.set(word, i); });

let scale = 1, dx = 0, dy = 0;              // from the map to the screen
let chosen = -1, over = -1, waiting = false; // a word; the word under the pointer; for a frame
const sx = i => data.x[i]*scale + dx, sy = i => data.y[i]*scale + dy;

function neighbours(i) { // pairs [word, cosine]
  const places = Array.from({length: data.topn}, (_, j) => i*data.topn + j);
  return places.map(p => [data.near[p], data.cosine[p]/100]).filter(([j]) => j >= 0);
}

function soon() { // draw with the next frame
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
}

function all() { // fit the map into what the box leaves free
  const wide = innerWidth > 480, left = wide ? 240 : 0, top = wide ? 0 : .4*innerHeight;
  const width = innerWidth - left, height = innerHeight - top;
  scale = Math.min((width - 140)/data.width, (height - 60)/data.height);
  dx = left + (width - 100 - scale*data.width)/2;
  dy = top + (height - scale*data.height)/2;
  soon();
}

function size() {
  canvas.width = innerWidth*devicePixelRatio;
  canvas.height = innerHeight*devicePixelRatio;
  soon();
}
//#endregion
//#region draw
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const CELL = 64, MOST_LABELS = 500;

function makeGrid() { // takes a box if no other one is there, and says whether it did
  const cells = new Map();
  return (x0, y0, x1, y1) => {
    const touched = [];
    for (let cx = Math.floor(x0/CELL); cx <= Math.floor(x1/CELL); cx++)
      for (let cy = Math.floor(y0/CELL); cy <= Math.floor(y1/CELL); cy++)
        touched.push(cx + ',' + cy);
    const overlaps = b => x0 < b[2] && b[0] < x1 && y0 < b[3] && b[1] < y1;
    if (touched.some(key => (cells.get(key) || []).some(overlaps))) return false;
    for (const key of touched) {
      if (!cells.has(key)) cells.set(key, []);
      cells.get(key).push([x0, y0, x1, y1]);
    }
    return true;
  };
}

function drawDots() { // of the words on the screen, which it returns
  const seen = [];
  draw2d.fillStyle = css('--dot');
  draw2d.globalAlpha = .6;
  for (let i = 0; i < words.length; i++) {
    const x = sx(i), y = sy(i);
    if (x <= -50 || x >= innerWidth || y <= 0 || y >= innerHeight) continue;
    draw2d.fillRect(x - 1.5, y - 1.5, 3, 3);
    seen.push(i);
  }
  draw2d.globalAlpha = 1;
  return seen;
}

function drawLabel(i, x, y, width, marked, colours) {
  if (marked) {
    draw2d.fillStyle = colours.back;
    draw2d.fillRect(x - 1, y - 8, width + 2, 16);
    draw2d.fillStyle = colours.mark;
    draw2d.fillRect(x - 6.5, y - 2.5, 5, 5);
  } else {
    draw2d.fillStyle = colours.ink;
    draw2d.strokeStyle = colours.back;
    draw2d.strokeText(words[i], x, y);
  }
  draw2d.fillText(words[i], x, y);
}

function draw() {
  draw2d.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  draw2d.clearRect(0, 0, innerWidth, innerHeight);
  draw2d.font = '13px system-ui, sans-serif';
  draw2d.textBaseline = 'middle';
  draw2d.lineWidth = 3;
  draw2d.lineJoin = 'round';
  const colours = {ink: css('--ink'), mark: css('--mark'), back: css('--back')};
  const focus = over >= 0 ? over : chosen, marked = new Set();
  if (focus >= 0) for (const i of [focus, ...neighbours(focus).map(([j]) => j)]) marked.add(i);
  const take = makeGrid();
  let written = 0;
  for (const i of [...marked, ...drawDots()]) {
    if (written > MOST_LABELS) break;
    const x = sx(i) + 4, y = sy(i), width = draw2d.measureText(words[i]).width;
    if (!take(x, y - 8, x + width, y + 8)) continue;
    drawLabel(i, x, y, width, marked.has(i), colours);
    written++;
  }
}
//#endregion
//#region ask
function neighbourItem([i, cosine]) { // a line of the list
  const item = document.createElement('li');
  const button = document.createElement('button'), number = document.createElement('span');
  button.textContent = words[i];
  button.onclick = () => choose(i);
  number.textContent = cosine.toFixed(2);
  item.append(button, number);
  return item;
}

function tell(i) {
  const count = data.counts ? `, ${data.counts[i].toLocaleString('en')} times in the text` : '';
  byId('says').textContent = `${words[i]}${count}. Its neighbours on this map:`;
  byId('neighbours').replaceChildren(...neighbours(i).map(neighbourItem));
}

function mark(i) {
  chosen = i;
  tell(i);
  soon();
}

function choose(i) { // and go there
  over = -1;
  byId('word').value = words[i];
  const near = 6*Math.min(innerWidth, innerHeight)/Math.max(data.width, data.height);
  scale = Math.max(scale, near);
  dx = innerWidth/2 + (innerWidth > 480 ? 120 : 0) - data.x[i]*scale;
  dy = innerHeight/2 - data.y[i]*scale;
  mark(i);
}

function find(text) { // the word as it's typed, or else in other letters; undefined if neither
  return index.has(text) ? index.get(text) : firstOf.get(text.toLowerCase());
}

function beginning(text) { // the first words that begin so
  const found = [], small = text.toLowerCase();
  for (let i = 0; small && i < words.length && found.length < 8; i++)
    if (lower[i].startsWith(small)) found.push(i);
  return found;
}

byId('word').oninput = event => {
  const text = event.target.value, i = find(text);
  byId('near').replaceChildren(...beginning(text).map(j => new Option('', words[j])));
  if (i !== undefined) return mark(i);
  byId('says').textContent = text ? 'Not on this map.' : '';
  byId('neighbours').replaceChildren();
};
byId('word').onkeydown = event => {
  if (event.key !== 'Enter') return;
  const text = event.target.value, i = find(text) ?? beginning(text)[0];
  if (text && i !== undefined) choose(i);
};
//#endregion
//#region move
function zoom(factor, x, y) { // about a point of the screen, which stays where it is
  factor = Math.min(Math.max(scale*factor, .01), 200)/scale;
  dx = x - (x - dx)*factor;
  dy = y - (y - dy)*factor;
  scale *= factor;
  soon();
}

function at(x, y) { // the word nearest to a point, within 12 pixels, or -1
  let best = -1, least = 144;
  for (let i = 0; i < words.length; i++) {
    const distance = (sx(i) - x)**2 + (sy(i) - y)**2;
    if (distance < least) { least = distance; best = i; }
  }
  return best;
}

const [closer, farther, whole] = byId('zoom').children;
closer.onclick = () => zoom(1.5, innerWidth/2, innerHeight/2);
farther.onclick = () => zoom(1/1.5, innerWidth/2, innerHeight/2);
whole.onclick = all;
canvas.addEventListener('wheel', event => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY*(event.deltaMode ? .05 : .0015)), event.clientX, event.clientY);
}, {passive: false});

const fingers = new Map(); // a mouse is one, too
let moved = 0;
canvas.onpointerdown = event => {
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  moved = 0;
};
canvas.onpointerup = canvas.onpointercancel = event => {
  fingers.delete(event.pointerId);
  if (moved >= 4 || event.type !== 'pointerup') return;
  const i = at(event.clientX, event.clientY);
  if (i < 0) return;
  byId('word').value = words[i];
  mark(i);
};

function hover(x, y) {
  const i = at(x, y);
  if (i === over) return;
  over = i;
  if (i >= 0) tell(i); else if (chosen >= 0) tell(chosen);
  soon();
}

canvas.onpointermove = event => {
  const before = fingers.get(event.pointerId), now = [event.clientX, event.clientY];
  if (!before) return hover(...now);
  const right = now[0] - before[0], down = now[1] - before[1];
  moved += Math.abs(right) + Math.abs(down);
  if (fingers.size === 2) {
    const [, other] = [...fingers].find(([id]) => id !== event.pointerId);
    const distance = point => Math.hypot(point[0] - other[0], point[1] - other[1]);
    zoom(distance(now)/Math.max(distance(before), 1), ...other);
  } else {
    dx += right;
    dy += down;
    soon();
  }
  fingers.set(event.pointerId, now);
};
addEventListener('resize', size);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', soon);
size();
all();
//#endregion
