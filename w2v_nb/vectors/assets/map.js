//#region data
'use strict';
const byId = id => document.getElementById(id);
const data = JSON.parse(byId('data').textContent), words = data.words;
const index = new Map(words.map((word, i) => [word, i]));
const lower = words.map(word => word.toLowerCase()), firstOf = new Map();
lower.forEach((word, i) => { if (!firstOf.has(word)) firstOf.set(word, i); });

function neighbours(i) { // pairs [word, cosine], as they were computed with all digits
  const places = Array.from({length: data.topn}, (_, j) => i*data.topn + j);
  return places.map(p => [data.near[p], data.cosine[p]/100]);
}

let table = null; // [words, dimensions], vectors of length 1: made when they are needed first
function vectors() {
  if (table) return table;
  const bytes = Int8Array.from(atob(data.vectors), c => c.charCodeAt(0));
  table = Float32Array.from(bytes);
  for (let start = 0; start < table.length; start += data.dim) {
    const row = table.subarray(start, start + data.dim), length = Math.hypot(...row);
    for (let d = 0; d < data.dim; d++) row[d] /= length || 1;
  }
  return table;
}

function combine(...terms) { // the sum of [weight, word]: a vector
  const sum = new Float64Array(data.dim), all = vectors();
  for (const [weight, i] of terms)
    for (let d = 0; d < data.dim; d++) sum[d] += weight*all[i*data.dim + d];
  return sum;
}

function cosines(query) { // of each word with a vector
  const length = Math.hypot(...query) || 1, all = vectors();
  return Float64Array.from(words, (_, i) => {
    let dot = 0;
    for (let d = 0; d < data.dim; d++) dot += query[d]*all[i*data.dim + d];
    return dot/length;
  });
}

function highest(scores, count, without) { // pairs [word, score], the highest first
  const pairs = Array.from(scores, (score, i) => [i, score]);
  const left = pairs.filter(([i]) => !without.includes(i));
  return left.sort((p, q) => q[1] - p[1] || p[0] - q[0]).slice(0, count);
}

function spread(values, length) { // the same from 0 to a length
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  return {low, high, places: values.map(v => (v - low)/(high - low || 1)*length)};
}
//#endregion
//#region view
const canvas = byId('map'), draw2d = canvas.getContext('2d'), panel = byId('panel');
const narrow = matchMedia('(max-width: 600px)');

const map = {x: data.x, y: data.y, width: data.width, height: data.height};
let layout = map;                            // where the words belong: the map, or an axis
const xs = Float64Array.from(map.x), ys = Float64Array.from(map.y); // where they are now
let scale = 1, dx = 0, dy = 0;               // from there to the screen
const sx = i => xs[i]*scale + dx, sy = i => ys[i]*scale + dy;

function free() { // what the panel leaves of the window
  const box = panel.getBoundingClientRect();
  if (narrow.matches) return {left: 0, top: 0, width: innerWidth, height: box.top};
  return {left: box.right, top: 0, width: innerWidth - box.right, height: innerHeight};
}

function whole() { // the view of all words, with room for labels at the right
  const area = free(), room = Math.min(110, area.width/4);
  const height = Math.max(area.height - 60, 20);
  const fit = Math.min((area.width - room - 30)/layout.width, height/layout.height);
  const wide = fit*layout.width, high = fit*layout.height;
  return {scale: fit, dx: area.left + (area.width - room - wide)/2 + 5,
          dy: area.top + (area.height - high)/2};
}

function around(some) { // the view of some words, with room for their labels
  const area = free(), closest = 10*whole().scale;
  const x = spread(some.map(i => layout.x[i]), 1), y = spread(some.map(i => layout.y[i]), 1);
  const wide = (area.width - 160)/(x.high - x.low || 1);
  const high = Math.max(area.height - 90, 20)/(y.high - y.low || 1);
  const fit = Math.min(wide, high, closest);
  return {scale: fit, dx: area.left + area.width/2 - fit*(x.low + x.high)/2,
          dy: area.top + area.height/2 - fit*(y.low + y.high)/2};
}

let fitted = false; // false in a frame that is folded away and has no size yet
function size() {
  canvas.width = innerWidth*devicePixelRatio;
  canvas.height = innerHeight*devicePixelRatio;
  if (!fitted && innerWidth) ({scale, dx, dy} = whole());
  fitted ||= innerWidth > 0;
  soon();
}
//#endregion
//#region fly
const FLIGHT = 700; // milliseconds
const calm = matchMedia('(prefers-reduced-motion: reduce)');
let flight = null, shift = null; // of the view; of the words from one layout to another
let waiting = false;             // for the next frame

function soon() { // draw with the next frame
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(frame);
}

function frame(now) {
  waiting = false;
  if (flight) fly(progress(flight, now));
  if (shift) move(progress(shift, now));
  draw();
  if (flight || shift) soon();
}

function progress(motion, now) { // from 0 to 1, slow at both ends
  motion.begin ??= now;
  const t = calm.matches ? 1 : Math.min((now - motion.begin)/FLIGHT, 1);
  return t*t*(3 - 2*t);
}

function go(view) {
  const area = free();
  flight = {from: {scale, dx, dy}, to: view, x: area.left + area.width/2,
            y: area.top + area.height/2};
  soon();
}

function fly(t) { // zoom evenly, about the one point that both views have at the same place
  const {from, to, x, y} = flight;
  scale = from.scale*(to.scale/from.scale)**t;
  const zooms = Math.abs(to.scale/from.scale - 1) > 1e-3;
  const part = zooms ? (1/scale - 1/from.scale)/(1/to.scale - 1/from.scale) : t;
  const middle = (at, d) => // of the map: what is at the middle of the screen
    (1 - part)*(at - from[d])/from.scale + part*(at - to[d])/to.scale;
  dx = x - middle(x, 'dx')*scale;
  dy = y - middle(y, 'dy')*scale;
  if (t < 1) return;
  ({scale, dx, dy} = to);
  flight = null;
}

function layOut(target) { // send the words to other places
  if (target === layout) return;
  layout = target;
  shift = {x: xs.slice(), y: ys.slice()};
  go(whole());
}

function move(t) {
  for (let i = 0; i < words.length; i++) {
    xs[i] = (1 - t)*shift.x[i] + t*layout.x[i];
    ys[i] = (1 - t)*shift.y[i] + t*layout.y[i];
  }
  if (t === 1) shift = null;
}
//#endregion
//#region theme
const dark = matchMedia('(prefers-color-scheme: dark)');
const colours = {}; // of the canvas, by name
const pixel = document.createElement('canvas').getContext('2d', {willReadFrequently: true});

function rgba(colour) { // four numbers, of anything that CSS takes for a colour
  pixel.clearRect(0, 0, 1, 1);
  pixel.fillStyle = colour;
  pixel.fillRect(0, 0, 1, 1);
  return pixel.getImageData(0, 0, 1, 1).data;
}

function outside() { // the elements around this page, if it's in a frame of a page we may read
  const found = [];
  try {
    for (let e = window.frameElement; e; e = e.parentElement) found.push(e);
  } catch { /* a page of another address: it keeps its colours to itself */ }
  return found;
}

function isDark() { // is the page around? Without one: what does the reader prefer?
  for (const element of outside()) {
    const view = element.ownerDocument.defaultView;
    const [r, g, b, a] = rgba(view.getComputedStyle(element).backgroundColor);
    if (a > 127) return .2126*r + .7152*g + .0722*b < 128;
  }
  return dark.matches;
}

function theme() {
  document.documentElement.dataset.theme = isDark() ? 'dark' : 'light';
  const style = getComputedStyle(document.documentElement);
  for (const name of ['back', 'ink', 'dot', 'mark', 'line'])
    colours[name] = style.getPropertyValue('--' + name).trim();
  soon();
}

function followTheme() { // style sheets may come a moment after the switch
  const later = () => { theme(); setTimeout(theme, 400); };
  dark.addEventListener('change', later);
  for (const element of outside().filter(e => /^(html|body)$/i.test(e.tagName)))
    new MutationObserver(later).observe(element, {attributes: true});
  theme();
}
//#endregion
//#region dots
const SHAPES = [ // of groups, so that a colour is never the only sign; r is about a radius
  (path, x, y, r) => { path.moveTo(x + r, y); path.arc(x, y, r, 0, 7); },
  (path, x, y, r) => path.rect(x - .9*r, y - .9*r, 1.8*r, 1.8*r),
  (path, x, y, r) => polygon(path, [x, y - 1.25*r, x + 1.2*r, y + .9*r, x - 1.2*r, y + .9*r]),
  (path, x, y, r) => polygon(path, [x, y - 1.3*r, x + 1.3*r, y, x, y + 1.3*r, x - 1.3*r, y])];

function polygon(path, points) {
  path.moveTo(points[0], points[1]);
  for (let p = 2; p < points.length; p += 2) path.lineTo(points[p], points[p + 1]);
  path.closePath();
}

const SMALLEST = 1.5, LARGEST = 5; // radii of dots, in pixels: by the logarithm of the count
const radii = (() => {
  if (!data.counts) return words.map(() => 2);
  const logs = data.counts.map(count => Math.log(count + 1));
  const {places} = spread(logs, LARGEST - SMALLEST);
  return places.map(more => SMALLEST + more);
})();

const shapeOf = group => SHAPES[group % SHAPES.length];
const colourOf = group => data.groups ? data.colours[group % data.colours.length] : colours.dot;
const groupOf = i => data.groups ? data.group[i] : 0;

function onScreen() { // the words that can be seen
  const seen = [];
  for (let i = 0; i < words.length; i++) {
    const x = sx(i), y = sy(i);
    if (x > -50 && x < innerWidth && y > 0 && y < innerHeight) seen.push(i);
  }
  return seen;
}

function drawDots(seen) {
  const paths = new Map();
  for (const i of seen) {
    const group = groupOf(i);
    if (!paths.has(group)) paths.set(group, new Path2D());
    shapeOf(group)(paths.get(group), sx(i), sy(i), radii[i]);
  }
  for (const [group, path] of paths) {
    draw2d.fillStyle = colourOf(group);
    const fades = spotlight >= 0 && spotlight !== group;
    draw2d.globalAlpha = fades ? .12 : chosen >= 0 || answer.length ? .55 : 1;
    draw2d.fill(path);
  }
  draw2d.globalAlpha = 1;
}
//#endregion
//#region labels
const CELL = 64, MOST_LABELS = 500, HALF = 8; // pixels; how many; half a label's height
let labels = []; // that were drawn last: {i, x, y, width, marked}

function makeGrid() { // boxes that are taken
  const cells = new Map();
  const touched = ([x0, y0, x1, y1]) => {
    const keys = [];
    for (let cx = Math.floor(x0/CELL); cx <= Math.floor(x1/CELL); cx++)
      for (let cy = Math.floor(y0/CELL); cy <= Math.floor(y1/CELL); cy++)
        keys.push(cx + ',' + cy);
    return keys;
  };
  const clash = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
  return {
    hasRoom: box => !touched(box).some(key => cells.get(key)?.some(b => clash(box, b))),
    take: box => touched(box).forEach(key => cells.set(key, [...cells.get(key) ?? [], box])),
  };
}

const widths = []; // of the words that were measured
function widthOf(i) { return widths[i] ??= draw2d.measureText(words[i]).width; }

const boxOf = label => [label.x, label.y - HALF, label.x + label.width, label.y + HALF];

function placePlain(i, grid) { // a plain label, right of its dot; undefined without room
  const width = widthOf(i);
  const label = {i, x: sx(i) + radii[i] + 3, y: sy(i), width, marked: false};
  if (grid.hasRoom(boxOf(label))) return label;
}

const TURNS = [0, 4, 2, 6, 1, 7, 3, 5]; // eighths: right, left, below, above, then between
function placeMarked(i, grid, area) { // a label that must be: the nearest place with room
  const width = widthOf(i), tried = [];
  const fits = ([x0, y0, x1, y1]) =>
    x0 >= area.left && x1 <= area.left + area.width && y0 >= 0 && y1 <= area.height;
  for (let away = 0; away < 9; away++)
    for (const turn of TURNS) {
      const right = Math.cos(turn*Math.PI/4), down = Math.sin(turn*Math.PI/4);
      const x = sx(i) + right*(8 + 16*away) - width*(1 - right)/2;
      const label = {i, x, y: sy(i) + down*(14 + 16*away), width, marked: true, away};
      if (!fits(boxOf(label))) continue;
      if (grid.hasRoom(boxOf(label))) return label;
      tried.push(label);
    }
  return tried[0];
}

function placeLabels(marked, seen) { // the marked words first, then the others by their order
  const grid = makeGrid(), area = free(), inView = new Set(seen);
  const isMarked = new Set(marked);
  labels = [];
  const add = label => {
    if (!label) return;
    grid.take(boxOf(label));
    labels.push(label);
  };
  grid.take(narrow.matches ? [0, area.height, innerWidth, innerHeight] // where the panel is
    : [0, 0, area.left, innerHeight]);
  const there = marked.filter(i => inView.has(i)), r = 5;
  for (const i of there) grid.take([sx(i) - r, sy(i) - r, sx(i) + r, sy(i) + r]);
  for (const i of there) add(placeMarked(i, grid, area));
  for (const i of seen) {
    if (labels.length > MOST_LABELS) return;
    const isLit = spotlight < 0 || spotlight === groupOf(i);
    if (isLit && !isMarked.has(i)) add(placePlain(i, grid));
  }
}

function drawLabel({i, x, y, width, marked, away}) {
  if (marked) {
    if (away) line(sx(i), sy(i), x + width/2, y, 1);
    draw2d.fillStyle = colours.back;
    draw2d.fillRect(x - 1, y - HALF, width + 2, 2*HALF);
    draw2d.fillStyle = colours.mark;
  } else {
    draw2d.fillStyle = colours.ink;
    draw2d.strokeStyle = colours.back;
    draw2d.lineWidth = 3;
    draw2d.strokeText(words[i], x, y);
  }
  draw2d.fillText(words[i], x, y);
}
//#endregion
//#region draw
let chosen = -1, over = -1, spotlight = -1; // a word; the word at the pointer; a group
let answer = []; // the words of the question asked last, and its answers
let arrows = []; // pairs of words, of an analogy

function marks() { // the words to mark, the most important one first
  const focus = over >= 0 ? over : chosen;
  return focus >= 0 ? [focus, ...neighbours(focus).map(([j]) => j)] : answer;
}

function line(x0, y0, x1, y1, width, colour = colours.mark) {
  draw2d.strokeStyle = colour;
  draw2d.lineWidth = width;
  draw2d.beginPath();
  draw2d.moveTo(x0, y0);
  draw2d.lineTo(x1, y1);
  draw2d.stroke();
}

function drawArrow(from, to) {
  const x = sx(to), y = sy(to), turn = Math.atan2(y - sy(from), x - sx(from));
  line(sx(from), sy(from), x, y, 2);
  for (const side of [-.4, .4])
    line(x, y, x - 12*Math.cos(turn + side), y - 12*Math.sin(turn + side), 2);
}

function drawThreads([focus, ...others]) { // from a word to its neighbours, on screen or not
  draw2d.globalAlpha = .35;
  for (const i of others) line(sx(focus), sy(focus), sx(i), sy(i), 1);
  draw2d.globalAlpha = 1;
}

function drawMarks(marked) { // squares; the first word's is larger
  marked.forEach((i, rank) => {
    const r = rank ? 3.5 : 5.5;
    draw2d.fillStyle = colours.mark;
    draw2d.fillRect(sx(i) - r, sy(i) - r, 2*r, 2*r);
    draw2d.strokeStyle = colours.back;
    draw2d.lineWidth = 1;
    draw2d.strokeRect(sx(i) - r, sy(i) - r, 2*r, 2*r);
  });
}

function drawScale({from, to, low, high}) { // of an axis: its ends, and the cosines between
  const area = free(), y = area.top + area.height - 26;
  const at = cosine => (cosine - low)/(high - low || 1)*layout.width*scale + dx;
  draw2d.fillStyle = colours.ink;
  draw2d.textAlign = 'center';
  line(area.left, y, area.left + area.width, y, 1, colours.line);
  for (let tick = Math.ceil(low*5); tick <= high*5; tick++) {
    if (at(tick/5) < area.left + 20 || at(tick/5) > area.left + area.width - 20) continue;
    line(at(tick/5), y, at(tick/5), tick ? y + 4 : area.top, tick ? 1 : .5, colours.line);
    draw2d.fillText((tick/5).toFixed(1), at(tick/5), y + 14);
  }
  draw2d.textAlign = 'left';
  draw2d.fillText('\u2191 nearer to both', area.left + 10, area.top + 16);
  draw2d.fillText(`\u2190 ${words[from]}`, area.left + 10, y - 12);
  draw2d.textAlign = 'right';
  draw2d.fillText(`${words[to]} \u2192`, area.left + area.width - 10, y - 12);
  draw2d.textAlign = 'left';
}

function draw() {
  draw2d.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  draw2d.clearRect(0, 0, innerWidth, innerHeight);
  draw2d.font = '13px system-ui, sans-serif';
  draw2d.textBaseline = 'middle';
  draw2d.lineJoin = 'round';
  const seen = onScreen(), marked = marks();
  drawDots(seen);
  if (chosen >= 0 || over >= 0) drawThreads(marked);
  placeLabels(marked, seen);
  labels.slice().reverse().forEach(drawLabel); // the marked ones over the others
  drawMarks(marked);
  for (const [from, to] of arrows) drawArrow(from, to);
  if (layout.axis) drawScale(layout.axis);
}
//#endregion
//#region tell
function item([i, cosine]) { // a line of the list
  const element = document.createElement('li');
  const button = document.createElement('button'), number = document.createElement('span');
  button.textContent = words[i];
  button.onclick = () => choose(i);
  number.textContent = cosine.toFixed(2);
  element.append(button, number);
  return element;
}

let last = null; // what the panel says while the pointer is on no word
function say(text, pairs = []) {
  byId('says').textContent = text;
  byId('neighbours').replaceChildren(...pairs.map(item));
}

function names(group) { return data.groups[group].rows.map(i => words[i]).join(', '); }

function tell(i) {
  const count = data.counts ? `, ${data.counts[i].toLocaleString('en')} times in the text` : '';
  const group = data.groups ? ` Group: ${names(data.group[i])}.` : '';
  say(`${words[i]}${count}.${group} Its neighbours on this map:`, neighbours(i));
}

function show(text, pairs, first, more = []) { // an answer: in words, and as marks on the map
  chosen = over = -1;
  answer = [...new Set([...first, ...pairs.map(([i]) => i)])];
  arrows = more;
  last = () => say(text, pairs);
  last();
  open(true);
  byId('word').value = '';
  panel.scrollTop = byId('says').offsetTop - 8; // on a phone, the form may be far below
}

function mark(i) { // choose, and stay where we are
  chosen = i;
  over = -1;
  answer = [];
  arrows = [];
  last = () => tell(i);
  tell(i);
  open(true);
  link(words[i]);
  soon();
}

function choose(i) { // and go there
  byId('word').value = words[i];
  mark(i);
  go(around(marks()));
}

function clear() { // no word, no answer; the map as it was
  chosen = over = -1;
  answer = [];
  arrows = [];
  last = null;
  byId('word').value = '';
  say('');
  link('');
  layOut(map);
  soon();
}

function link(word) { // the address of this word on this map
  try {
    const hash = word && '#word=' + encodeURIComponent(word);
    if (location.hash === hash) return;
    history.replaceState(null, '', hash || location.pathname + location.search);
  } catch { /* half a character, or a frame that has no address of its own */ }
}

function follow() { // an address that somebody wrote: anything may come
  let word;
  try {
    word = decodeURIComponent(/^#word=(.*)$/s.exec(location.hash)?.[1] ?? '');
  } catch { return; }
  if (!word || chosen >= 0 && words[chosen] === word) return;
  const i = find(word);
  if (i !== undefined) choose(i); else say(`${word} isn't on this map.`);
}
//#endregion
//#region search
function find(text) { // the word as it's typed, or else in other letters; undefined if neither
  return index.has(text) ? index.get(text) : firstOf.get(text.toLowerCase());
}

const MOST_MATCHES = 8;
function matching(text) { // words that begin so, then words that hold it
  const small = text.toLowerCase(), starts = [], holds = [];
  for (let i = 0; small && i < words.length && starts.length < MOST_MATCHES; i++) {
    if (lower[i].startsWith(small)) starts.push(i);
    else if (holds.length < MOST_MATCHES && lower[i].includes(small)) holds.push(i);
  }
  return [...starts, ...holds].slice(0, MOST_MATCHES);
}

let matches = [], active = -1; // the words of the list, and which one Enter would take
function list(found) {
  matches = found;
  active = -1;
  byId('matches').replaceChildren(...found.map(option));
  byId('matches').hidden = !found.length;
  byId('word').setAttribute('aria-expanded', found.length > 0);
  byId('word').removeAttribute('aria-activedescendant');
}

function option(i, place) {
  const element = document.createElement('li');
  Object.assign(element, {id: `match${place}`, textContent: words[i]});
  element.setAttribute('role', 'option');
  element.setAttribute('aria-selected', false);
  element.onpointerdown = event => { event.preventDefault(); pick(i); };
  return element;
}

function activate(step) { // the next or the last word of the list, in a circle
  if (!matches.length) return;
  active = (active + step + (active < 0 && step < 0 ? 1 : 0) + matches.length) % matches.length;
  [...byId('matches').children].forEach((element, place) =>
    element.setAttribute('aria-selected', place === active));
  byId('word').setAttribute('aria-activedescendant', `match${active}`);
}

function pick(i) {
  list([]);
  choose(i);
}

byId('word').oninput = event => {
  const text = event.target.value, i = find(text), found = matching(text);
  list(found.length === 1 && found[0] === i ? [] : found);
  if (i !== undefined) mark(i); else say(text && !found.length ? 'Not on this map.' : '');
};
byId('word').onblur = () => list([]);
byId('word').onkeydown = event => {
  const text = event.target.value, step = {ArrowDown: 1, ArrowUp: -1}[event.key];
  if (step) {
    event.preventDefault(); // the text cursor stays
    if (!matches.length) list(matching(text));
    activate(step);
  } else if (event.key === 'Enter') {
    const i = active >= 0 ? matches[active] : find(text) ?? matches[0];
    if (text && i !== undefined) pick(i);
  } else if (event.key === 'Escape' && matches.length) {
    event.stopPropagation();
    list([]);
  }
};
//#endregion
//#region ask
function asked(form, fields) { // the words of a form; undefined if one isn't on the map
  const typed = fields.map(name => form.elements[name].value);
  const found = typed.map(text => find(text) ?? find(text.trim()));
  const missing = fields.find((_, f) => found[f] === undefined);
  if (missing === undefined) return found;
  const text = form.elements[missing].value.trim();
  show(text ? `${text} isn't on this map.` : 'Type a word into each field.', [], []);
  form.elements[missing].focus();
}

function axisBy(from, to) { // right: nearer to `to`; up: nearer to both
  const along = cosines(combine([1, to], [-1, from]));
  const both = cosines(combine([1, to], [1, from]));
  const x = spread(along, map.width), y = spread(both.map(c => -c), .65*map.width);
  const axis = {from, to, low: x.low, high: x.high, cosines: along};
  return {x: x.places, y: y.places, width: map.width, height: .65*map.width, axis};
}

const EACH_END = 5; // words of an axis to list
function askAxis(from, to) {
  if (from === to) return show('An axis needs two different words.', [], []);
  const target = axisBy(from, to), along = target.axis.cosines;
  const right = highest(along, EACH_END, [from, to]);
  const left = highest(along.map(c => -c), EACH_END, [from, to]).map(([i, c]) => [i, -c]);
  const text = `${words[to]} \u2212 ${words[from]}: cosines with this difference. `
    + `Those nearest to ${words[to]}, then to ${words[from]}:`;
  show(text, [...right, ...left], [to, from]);
  link('');
  layOut(target);
}

const ANSWERS = 5; // to an analogy
function askAnalogy(a, b, c) { // the words of the question can't be its answer
  const found = highest(cosines(combine([1, b], [-1, a], [1, c])), ANSWERS, [a, b, c]);
  if (!found.length) return show('This map has no other word.', [], []);
  const d = found[0][0];
  const text = `${words[a]} is to ${words[b]} as ${words[c]} is to ${words[d]}. `
    + 'The best answers:';
  show(text, found, [d, a, b, c], [[a, b], [c, d]]);
  link('');
  go(around(answer));
}

function onSubmit(details, fields, ask) {
  const form = byId(details).querySelector('form');
  byId(details).hidden = !data.vectors;
  form.onsubmit = event => {
    event.preventDefault();
    const found = asked(form, fields);
    if (found) ask(...found);
  };
  form.oninput = event => byId('hints').replaceChildren(
    ...matching(event.target.value).map(i => new Option('', words[i])));
}
onSubmit('axis', ['from', 'to'], askAxis);
onSubmit('analogy', ['a', 'b', 'c'], askAnalogy);
byId('axis').querySelector('button[type=button]').onclick = () => clear();
//#endregion
//#region groups
const SVG = 'http://www.w3.org/2000/svg';
function swatch(group) { // the shape and the colour of a group
  const [svg, path] = ['svg', 'path'].map(tag => document.createElementNS(SVG, tag));
  const steps = [];
  const pen = { // writes what a canvas would draw
    moveTo: (x, y) => steps.push(`M${x} ${y}`), lineTo: (x, y) => steps.push(`L${x} ${y}`),
    closePath: () => steps.push('Z'),
    rect: (x, y, w, h) => steps.push(`M${x} ${y}h${w}v${h}h${-w}Z`),
    arc: (x, y, r) => [x - r, x + r].forEach(end => steps.push(`A${r} ${r} 0 1 1 ${end} ${y}`)),
  };
  shapeOf(group)(pen, 7, 10, 5);
  path.setAttribute('d', steps.join(''));
  path.setAttribute('fill', colourOf(group));
  svg.setAttribute('viewBox', '0 0 14 20');
  svg.setAttribute('aria-hidden', true);
  svg.append(path);
  return svg;
}

function legendItem(_, group) { // a button that lets the other groups fade
  const element = document.createElement('li'), button = document.createElement('button');
  button.append(swatch(group), names(group));
  button.setAttribute('aria-pressed', false);
  button.title = `${data.groups[group].size.toLocaleString('en')} words`;
  button.onclick = () => light(spotlight === group ? -1 : group);
  element.append(button);
  return element;
}

function light(group) { // -1: all
  spotlight = group;
  [...byId('legend').children].forEach((element, g) =>
    element.firstChild.setAttribute('aria-pressed', g === group));
  soon();
}

byId('groups').hidden = !data.groups;
if (data.groups) byId('legend').replaceChildren(...data.groups.map(legendItem));
byId('how').textContent = data.how;
//#endregion
//#region move
const embedded = window !== window.parent;

function zoom(factor, x, y) { // about a point of the screen, which stays where it is
  flight = null;
  factor = Math.min(Math.max(scale*factor, .001), 200)/scale;
  dx = x - (x - dx)*factor;
  dy = y - (y - dy)*factor;
  scale *= factor;
  soon();
}

function zoomMiddle(factor) {
  const area = free();
  zoom(factor, area.left + area.width/2, area.top + area.height/2);
}

function pan(right, down) {
  flight = null;
  dx += right;
  dy += down;
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

const [closer, farther, everything] = byId('zoom').children;
closer.onclick = () => zoomMiddle(1.5);
farther.onclick = () => zoomMiddle(1/1.5);
everything.onclick = () => go(whole());
canvas.addEventListener('wheel', event => { // in a frame, a page that scrolls isn't caught
  if (embedded && document.activeElement !== canvas && !event.ctrlKey) return;
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
  uncover(i);
};

function uncover(i) { // a word that the sheet came over
  const area = free();
  if (sy(i) > area.height - 20) pan(0, area.height/2 - sy(i));
}

function hover(x, y) {
  const i = at(x, y);
  if (i === over) return;
  over = i;
  if (i >= 0) tell(i); else if (last) last();
  soon();
}

canvas.onpointermove = event => {
  const before = fingers.get(event.pointerId), now = [event.clientX, event.clientY];
  if (!before) return event.pointerType === 'mouse' && hover(...now);
  const right = now[0] - before[0], down = now[1] - before[1];
  moved += Math.abs(right) + Math.abs(down);
  if (fingers.size === 2) { // the other finger holds its point; this one zooms
    const [, other] = [...fingers].find(([id]) => id !== event.pointerId);
    const distance = point => Math.hypot(point[0] - other[0], point[1] - other[1]);
    zoom(distance(now)/Math.max(distance(before), 1), ...other);
  } else pan(right, down);
  fingers.set(event.pointerId, now);
};
//#endregion
//#region keys
const PAN = 60, STEP = 1.3; // pixels, and a factor, for a key
const typing = event => event.target.tagName === 'INPUT';

canvas.onkeydown = event => {
  const [right, down] = {ArrowLeft: [PAN, 0], ArrowRight: [-PAN, 0], ArrowUp: [0, PAN],
                         ArrowDown: [0, -PAN]}[event.key] ?? [0, 0];
  if (!right && !down) return;
  event.preventDefault();
  pan(right, down);
};

document.onkeydown = event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return; // the browser's own
  if (event.key === 'Escape') return clear();
  if (typing(event)) return;
  if (event.key === '+' || event.key === '=') zoomMiddle(STEP);
  if (event.key === '-') zoomMiddle(1/STEP);
  if (event.key !== '/') return;
  event.preventDefault();
  byId('word').focus();
  byId('word').select();
};

function open(yes) { // the sheet, on a phone
  panel.classList.toggle('open', yes);
  byId('sheet').setAttribute('aria-expanded', yes);
  byId('sheet').textContent = yes ? 'less' : 'more';
}
byId('sheet').onclick = () => { open(!panel.classList.contains('open')); soon(); };
//#endregion
//#region start
addEventListener('resize', size);
addEventListener('hashchange', follow);
followTheme();
size();
follow();
//#endregion
