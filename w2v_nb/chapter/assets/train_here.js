// Skip-gram with negative sampling, trained here on a paragraph: two numbers a word, one place
// of the text at a time. `stepAt` is `step_at` of the page; the first passes replay its draws.
const SPEEDS = [1, 3, 10, 40, 200, 1000]; // places a second
const MOST_WORDS = 400, MOST_NAMES = 60; // of a text; different ones
const TRAIL = 4; // marks of the loss in each pass
const CUT = `Used are the first ${MOST_WORDS} words, and ${MOST_NAMES} different ones.`;

function mulberry32(seed) { // numbers from 0 to 1, the same for the same seed
  return () => {
    seed = (seed + 0x6D2B79F5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0)/4294967296;
  };
}

function split(text) { // sentences of words, as the page splits them
  const sentences = text.toLowerCase().split(/[.!?\n]/);
  return sentences.map(s => s.match(/[\p{L}\p{N}_'-]+/gu) || []).filter(s => s.length);
}

function read(text, window) { // words, how often each occurs, and the places to stop at
  const words = [], counts = [], number = new Map(), tokens = [];
  let left = MOST_WORDS, cut = false;
  for (const sentence of split(text)) {
    const ids = [];
    for (const word of sentence) {
      const isNew = !number.has(word);
      if (left === 0 || isNew && words.length === MOST_NAMES) {
        cut = true;
        continue;
      }
      if (isNew) number.set(word, words.push(word) - 1);
      const id = number.get(word);
      counts[id] = (counts[id] || 0) + 1;
      ids.push(id);
      left--;
    }
    if (ids.length) tokens.push(ids);
  }
  const places = [];
  let first = 0; // of the sentence, among all tokens
  for (const ids of tokens) {
    ids.forEach((centre, i) => {
      const near = ids.map((_, j) => j).filter(j => j !== i && Math.abs(j - i) <= window);
      const at = near.map(j => first + j), contexts = near.map(j => ids[j]);
      if (near.length) places.push({centre, contexts, here: first + i, at});
    });
    first += ids.length;
  }
  return {words, counts, tokens, places, cut};
}

function drawNoise(place, text, negative, random) { // neither the centre nor its contexts
  const weights = text.counts.map((n, w) =>
    w === place.centre || place.contexts.includes(w) ? 0 : n**.75);
  const total = weights.reduce((a, b) => a + b, 0);
  if (!total) return [];
  return Array.from({length: negative*place.contexts.length}, () => {
    let x = random()*total, w = 0;
    while ((x -= weights[w]) >= 0 || !weights[w]) w++;
    return w;
  });
}

function stepAt(V, U, centre, contexts, noise, eta) { // the loss at a place, and one step there
  const v = V[centre], labelled = [...contexts.map(w => [w, 1]), ...noise.map(w => [w, 0])];
  let change = [0, 0], loss = 0;
  for (const [word, label] of labelled) {
    const u = U[word], score = dot(u, v), slope = eta*(label - sigmoid(score));
    change = add(change, u, slope);
    U[word] = add(u, v, slope);
    loss -= Math.log(sigmoid(label ? score : -score));
  }
  V[centre] = add(v, change);
  return loss/labelled.length;
}

class Run { // a text, its vectors, and how far training has come
  constructor(text, data, given) { // `given`: vectors and draws of the page, or null
    Object.assign(this, read(text, data.window));
    this.data = data;
    this.given = given;
    this.random = mulberry32(data.seed);
    const some = () => data.scale*(this.random() - .5);
    const vectors = () => this.words.map(() => [some(), some()]);
    this.V = given ? given.V.map(v => [...v]) : vectors();
    this.U = given ? given.U.map(u => [...u]) : vectors();
    this.losses = []; // at each place, one pass after the other
    this.last = null;
  }
  get steps() { return this.losses.length; }
  step() {
    const i = this.steps, place = this.places[i % this.places.length];
    const {negative, eta} = this.data;
    const noise = this.given?.noise[i] ?? drawNoise(place, this, negative, this.random);
    this.last = {...place, noise};
    this.losses.push(stepAt(this.V, this.U, place.centre, place.contexts, noise, eta));
  }
  mean(end = this.steps) { // of the losses of the last pass before a step
    const some = this.losses.slice(Math.max(end - this.places.length, 0), end);
    return some.reduce((a, b) => a + b, 0)/some.length;
  }
  nearest(word, n = 5) { // pairs [another word, cosine]
    const length = i => Math.hypot(...this.V[i]) || 1;
    const cosine = i => dot(this.V[i], this.V[word])/length(i)/length(word);
    const others = this.words.map((_, i) => i).filter(i => i !== word);
    return others.map(i => [i, cosine(i)]).sort((a, b) => b[1] - a[1]).slice(0, n);
  }
}

class Paragraph { // the text; what the last step looked at is marked
  constructor() { this.node = html('p', {'data-name': 'text'}); }
  show(run) {
    this.spans = [];
    this.node.replaceChildren(...run.tokens.flatMap(ids => [
      ...ids.flatMap((id, i) => {
        const span = html('span', {}, run.words[id]);
        this.spans.push([span, id]);
        return i ? [' ', span] : [span];
      }), '. ']));
  }
  light(last) {
    this.spans.forEach(([span, id], i) => {
      const kind = !last ? '' : i === last.here ? 'centre' : last.at.includes(i) ? 'context'
        : last.noise.includes(id) ? 'noise' : '';
      span.className = kind && `mark ${kind}`;
    });
  }
}

class Arrows { // every word's vector, and the output vectors that the last step looked at
  constructor() {
    this.plane = new Plane(360, 320, 60, 'The vectors of the words');
    this.node = this.plane.node;
  }
  show(run) {
    for (const arrow of this.node.querySelectorAll('.arrow')) arrow.remove();
    this.words = run.words.map(word => new Arrow(this.plane, word, 'other'));
    this.asked = [];
    this.plane.pixels = 60;
  }
  move({V, U, words, last}, picked) {
    const shown = last ? [...last.contexts, ...last.noise] : [];
    const farthest = Math.max(1, ...[...V, ...shown.map(w => U[w])].flat().map(Math.abs));
    const fits = 140/farthest, {pixels} = this.plane;
    if (pixels > fits || pixels < .8*fits) this.plane.pixels = fits;
    this.words.forEach((arrow, i) => {
      const kind = last?.centre === i ? 'centre' : i === picked ? 'picked' : 'other';
      arrow.node.setAttribute('class', `arrow ${kind}`);
      arrow.move([0, 0], V[i]);
    });
    for (const arrow of this.asked) arrow.node.remove();
    this.asked = [...new Set(shown)].map(w => {
      const kind = last.contexts.includes(w) ? 'context' : 'noise';
      const arrow = new Arrow(this.plane, `${words[w]} asked`, `${kind} force`, words[w]);
      arrow.move([0, 0], U[w]);
      return arrow;
    });
    const first = last ? [this.words[last.centre]] : [];
    this.node.append(this.words[picked].node, ...first.map(arrow => arrow.node)); // on top
    makeRoom([...first, ...this.asked, this.words[picked], ...this.words].filter(
      (arrow, i, all) => all.indexOf(arrow) === i));
  }
}

class LossLine { // the loss, as the mean over the last pass
  constructor() {
    this.line = svg('path', {class: 'curve'});
    this.top = svg('text', {x: 26, y: 29, 'text-anchor': 'end'});
    this.right = svg('text', {x: 296, y: 216, 'text-anchor': 'end'});
    this.node = svg('svg', {viewBox: '0 0 300 220', role: 'img', 'aria-label': 'The loss'},
      svg('line', {class: 'axis', x1: 30, y1: 200, x2: 296, y2: 200}),
      svg('line', {class: 'axis', x1: 30, y1: 20, x2: 30, y2: 200}),
      svg('text', {x: 36, y: 14}, 'loss, mean of the last pass'),
      svg('text', {x: 26, y: 204, 'text-anchor': 'end'}, '0'), this.top, this.right, this.line);
    this.clear();
  }
  clear() {
    this.points = []; // [step, mean]
    this.line.setAttribute('d', '');
    this.top.textContent = '';
    this.right.textContent = 'passes';
  }
  note(run) { // after each step
    const every = Math.max(1, Math.round(run.places.length/TRAIL));
    if (run.steps % every === 0) this.points.push([run.steps, run.mean()]);
  }
  show(run) {
    if (!this.points.length) return;
    const high = Math.max(...this.points.map(p => p[1]), .8), passes = run.places.length;
    const across = Math.max(run.steps, 10*passes);
    const spot = ([step, loss]) => `${30 + 266*step/across} ${200 - 175*loss/high}`;
    this.line.setAttribute('d', `M${this.points.map(spot).join('L')}`);
    this.top.textContent = written(high, 1);
    this.right.textContent = `${Math.round(across/passes)} passes`;
  }
}

function build(live, data) {
  const paragraph = new Paragraph(), arrows = new Arrows(), loss = new LossLine();
  const text = html('textarea', {'aria-label': 'The text to train on', spellcheck: 'false'});
  const value = (name, ...more) => html('data', {'data-name': name}, ...more);
  const [step, pass, here, mean] = ['step', 'pass', 'loss', 'mean'].map(name => value(name));
  const told = html('p', {'aria-live': 'polite', 'data-name': 'told'});
  const word = html('select', {'aria-label': 'A word', onchange: () => show()});
  const nearest = html('span', {'data-name': 'nearest'});
  const speed = html('input', {type: 'range', min: 0, max: SPEEDS.length - 1, value: 2,
    'aria-label': 'Speed'});
  const button = (name, onclick) => html('button', {type: 'button', onclick}, name);
  let run, playing = null; // the time up to which all is done

  function near() {
    const found = run.words.length ? run.nearest(+word.value) : [];
    nearest.replaceChildren(...found.flatMap(([i, cosine], at) => {
      const number = value(`cosine ${run.words[i]}`);
      write(number, cosine);
      return [at ? ', ' : ' ', run.words[i], ' ', number];
    }));
  }

  function show() {
    paragraph.light(run.last);
    arrows.move(run, +word.value);
    loss.show(run);
    write(step, run.steps, 0);
    write(pass, run.steps ? Math.ceil(run.steps/run.places.length) : 0, 0);
    if (run.steps) {
      write(here, run.losses.at(-1));
      write(mean, run.mean());
    } else for (const cell of [here, mean]) {
      cell.textContent = '\u2013';
      cell.removeAttribute('value');
    }
    near();
  }

  function forward(steps) {
    for (let i = 0; i < steps; i++) {
      run.step();
      loss.note(run);
    }
    show();
  }

  function stop() {
    playing = null;
    play.textContent = 'Play';
  }

  function frame(now) {
    if (playing === null || !live.isConnected) return stop();
    const rate = SPEEDS[speed.value], due = Math.floor((now - playing)*rate/1000);
    const most = Math.ceil(rate/10) + 1; // a page that was hidden has nothing to catch up on
    if (due > 0) {
      forward(Math.min(due, most));
      playing = due > most ? now : playing + due*1000/rate;
    }
    requestAnimationFrame(frame);
  }

  function begin(words, given) {
    stop();
    const next = new Run(words, data, given);
    if (next.words.length < 4 || !next.places.length) {
      told.textContent = 'Type a few more words: four different ones at least.';
      return false;
    }
    run = next;
    told.textContent = run.cut ? CUT : '';
    word.replaceChildren(...run.words.map((name, i) => html('option', {value: i}, name)));
    word.value = Math.max(run.words.indexOf(data.word), 0);
    paragraph.show(run);
    arrows.show(run);
    loss.clear();
    show();
    return true;
  }

  const play = button('Play', () => {
    if (playing !== null) return stop();
    playing = performance.now();
    play.textContent = 'Pause';
    requestAnimationFrame(frame);
  });
  const one = button('Step', () => { stop(); forward(1); });
  const whole = button('One pass', () => { stop(); forward(run.places.length); });
  const restart = () => begin(text.value, text.value === data.text ? data : null);
  const again = button('Start again', restart);
  const edit = button('Edit the text', () => {
    stop();
    form.hidden = false;
    edit.hidden = paragraph.node.hidden = true;
    text.focus();
  });
  const done = button('Train on this', () => {
    if (!restart()) return;
    form.hidden = true;
    edit.hidden = paragraph.node.hidden = false;
    edit.focus();
  });
  const form = html('div', {}, text, done);
  form.hidden = true;
  text.value = data.text;
  live.append(
    paragraph.node, form,
    html('div', {class: 'row'}, play, one, whole, again, edit,
      html('label', {}, 'speed ', speed)),
    told,
    html('div', {class: 'row'}, arrows.node, loss.node),
    html('p', {}, 'step ', step, ', pass ', pass, ': loss here ', here,
      ', mean of the last pass ', mean),
    html('p', {}, html('label', {}, 'nearest to ', word), nearest));
  begin(data.text, data);
}
