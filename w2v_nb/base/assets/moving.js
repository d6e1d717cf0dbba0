// What every picture that moves needs. A picture's own script comes after this one and defines
// build(live, data). Until that has worked, the page shows the still picture.

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function html(name, attributes = {}, ...children) { // an element of HTML
  return fill(document.createElement(name), attributes, children);
}

function svg(name, attributes = {}, ...children) { // an element of a drawing
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  return fill(node, attributes, children);
}

function written(value, digits = 2) { // a number as one writes it, without -0.0
  return value.toFixed(digits).replace(/^-(?=[0.]*$)/, '').replace('-', '\u2212');
}

function write(node, value, digits) { // rounded for the reader; `value` keeps every digit
  node.setAttribute('value', value);
  node.textContent = written(value, digits);
}

const sigmoid = x => 1/(1 + Math.exp(-x));
const dot = (a, b) => a[0]*b[0] + a[1]*b[1];
const add = (a, b, times = 1) => [a[0] + times*b[0], a[1] + times*b[1]];
const scaled = (a, times) => [a[0]*times, a[1]*times];
const clamped = (x, low, high) => Math.min(Math.max(x, low), high);

class Plane { // a drawing of the plane; (0, 0) is in its middle
  constructor(width, height, pixels, label) { // `pixels` to a unit
    Object.assign(this, {width, height, pixels});
    const across = {x1: 0, x2: width, y1: height/2, y2: height/2, class: 'axis'};
    const up = {x1: width/2, x2: width/2, y1: 0, y2: height, class: 'axis'};
    const look = {viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': label};
    this.node = svg('svg', look, svg('line', across), svg('line', up));
  }
  at([x, y]) { return [this.width/2 + x*this.pixels, this.height/2 - y*this.pixels]; }
  under(event) { // the point of the plane under a pointer
    const matrix = this.node.getScreenCTM().inverse();
    const {x, y} = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
    return [(x - this.width/2)/this.pixels, (this.height/2 - y)/this.pixels];
  }
}

class Arrow { // a vector in a plane; its attributes `data-x` and `data-y` keep every digit
  constructor(plane, name, kind, label = name) { // `kind` is a class of the style sheet
    this.plane = plane;
    this.wide = 7.4*label.length; // of the name, at most about
    this.line = svg('path', {class: 'line'});
    this.head = svg('path', {class: 'head'});
    this.text = svg('text', {}, label);
    const look = {class: `arrow ${kind}`, 'data-name': name};
    this.node = svg('g', look, this.line, this.head, this.text);
    plane.node.append(this.node);
  }
  move(start, vector) { // from a point of the plane
    const [x0, y0] = this.plane.at(start), [x1, y1] = this.plane.at(add(start, vector));
    const length = Math.hypot(x1 - x0, y1 - y0), size = Math.min(9, length);
    const [dx, dy] = length ? [(x1 - x0)/length*size, (y1 - y0)/length*size] : [0, 0];
    this.line.setAttribute('d', `M${x0} ${y0}L${x1 - dx} ${y1 - dy}`);
    const left = `${x1 - dx + dy*.4} ${y1 - dy - dx*.4}`;
    const right = `${x1 - dx - dy*.4} ${y1 - dy + dx*.4}`;
    this.head.setAttribute('d', `M${x1} ${y1}L${left}L${right}Z`);
    this.place(x1 < x0 - 1 ? x1 - 4 - this.wide : x1 + 4, y1 > y0 + 1 ? y1 + 12 : y1 - 4);
    this.node.dataset.x = vector[0];
    this.node.dataset.y = vector[1];
  }
  place(x, y) { // the name, where it's inside
    x = clamped(x, 2, this.plane.width - 2 - this.wide);
    y = clamped(y, 12, this.plane.height - 4);
    this.text.setAttribute('x', x);
    this.text.setAttribute('y', y);
    this.box = [x, y - 11, x + this.wide, y + 3];
  }
}

function makeRoom(arrows) { // a name that would lie on an earlier one is left out
  const taken = [];
  for (const {text, box} of arrows) {
    const overlaps = b => box[0] < b[2] && b[0] < box[2] && box[1] < b[3] && b[1] < box[3];
    const isFree = !taken.some(overlaps);
    text.style.visibility = isFree ? 'visible' : 'hidden';
    if (isFree) taken.push(box);
  }
}

function start(name, build) { // put what `build` makes before the still picture
  const own = document.currentScript?.closest('.w2v-moving');
  const hosts = own ? [own] : document.querySelectorAll(`.w2v-moving[data-name="${name}"]`);
  for (const host of hosts) {
    if (host.shadowRoot) continue;
    const json = host.querySelector('[type="application/json"]').textContent;
    const {style, data} = JSON.parse(json);
    const live = html('div', {class: 'live'});
    build(live, data);
    const still = html('div', {class: 'still'}, html('slot')); // in print, and for ears
    host.attachShadow({mode: 'open'}).append(html('style', {}, style), live, still);
  }
}
