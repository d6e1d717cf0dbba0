// A centre to drag, one context and one negative sample: the sigmoid, what the two answers
// cost, and how they pull and push.
const REACH = 2.5, NUDGE = .1; // how far v may go; what an arrow key adds
const STEPS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]};

function forces(v, context, noise) { // all numbers of the picture
  const scores = [dot(context, v), dot(noise, v)];
  const answers = scores.map(sigmoid);
  const costs = [-Math.log(answers[0]), -Math.log(sigmoid(-scores[1]))];
  const pull = scaled(context, 1 - answers[0]), push = scaled(noise, -answers[1]);
  const lengths = [Math.hypot(...pull), Math.hypot(...push)];
  return {scores, answers, costs, lengths, loss: (costs[0] + costs[1])/2, pull, push};
}

class Curve { // the sigmoid, with both scores on it
  constructor() {
    const points = Array.from({length: 121}, (_, i) => this.at(i/10 - 6, sigmoid(i/10 - 6)));
    const label = 'The sigmoid, with the scores of the context and the negative sample';
    const [left, low] = this.at(-6, 0), [right, high] = this.at(6, 1);
    const scores = [-6, -3, 0, 3, 6].map(s => this.label(s, 0, written(s, 0), 0, 16));
    this.node = svg('svg', {viewBox: '0 0 300 230', role: 'img', 'aria-label': label},
      ...[low, high].map(y => svg('line', {class: 'axis', x1: left, x2: right, y1: y, y2: y})),
      svg('path', {class: 'curve', d: 'M' + points.map(p => p.join(' ')).join('L')}),
      ...scores, this.label(-6, 0, '0', -12, 4), this.label(-6, 1, '1', -12, 4),
      this.label(0, 0, 'score', 0, 34), this.label(-3.2, 1, 'probability of yes', 0, -8));
    this.marks = ['context', 'noise'].map(kind => {
      const line = svg('path', {class: 'line'}), tip = svg('circle', {class: 'head', r: 6});
      this.node.append(svg('g', {class: `arrow force ${kind}`}, line, tip));
      return {line, tip};
    });
  }
  at(score, answer) { return [150 + score*21, 190 - answer*160]; }
  label(score, answer, text, dx, dy) {
    const [x, y] = this.at(score, answer);
    return svg('text', {x: x + dx, y: y + dy, 'text-anchor': 'middle'}, text);
  }
  show(scores, answers) { // how far each answer is from the right one
    this.marks.forEach(({line, tip}, i) => {
      const score = clamped(scores[i], -6, 6), [x, y] = this.at(score, answers[i]);
      line.setAttribute('d', `M${x} ${y}L${this.at(score, 1 - i).join(' ')}`);
      tip.setAttribute('cx', x);
      tip.setAttribute('cy', y);
    });
  }
}

function numbers(rows) { // a table, and {name of a row: the elements of its numbers}
  const cells = {}, names = ['context', 'negative sample'], kinds = ['context', 'noise'];
  const heads = names.map((name, i) =>
    html('th', {scope: 'col'}, html('span', {class: `mark ${kinds[i]}`}, name)));
  const lines = Object.entries(rows).map(([key, text]) => {
    cells[key] = kinds.map(kind => html('data', {'data-name': `${key} ${kind}`}));
    const values = cells[key].map(cell => html('td', {}, cell));
    return html('tr', {}, html('th', {scope: 'row'}, text), ...values);
  });
  const head = html('tr', {}, html('th', {}, ''), ...heads);
  return [html('div', {class: 'wide'}, html('table', {}, head, ...lines)), cells];
}

function handle(plane, move) { // the tip of the centre, to drag or to move by keys
  const style = 'touch-action: none'; // a finger on it doesn't scroll the page
  const tip = svg('circle', {class: 'tip', r: 9, fill: 'var(--centre)', style});
  const held = svg('circle', {r: 24, fill: 'transparent', style});
  const node = svg('g', {tabindex: 0, role: 'slider', 'data-name': 'tip',
    'aria-label': 'Centre: drag it, or move it with the arrow keys',
    style: 'cursor: grab'}, held, tip);
  node.addEventListener('touchstart', event => event.preventDefault(), {passive: false});
  node.onpointerdown = event => {
    event.preventDefault();
    node.focus();
    node.setPointerCapture(event.pointerId);
  };
  node.onpointermove = event => {
    if (node.hasPointerCapture(event.pointerId)) move(() => plane.under(event));
  };
  node.onkeydown = event => {
    if (!STEPS[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    move(v => add(v, STEPS[event.key], event.shiftKey ? 5*NUDGE : NUDGE));
  };
  return node;
}

function build(live, data) {
  const plane = new Plane(340, 300, 56, 'The centre, its context and a negative sample');
  const curve = new Curve();
  const context = new Arrow(plane, 'context', 'context');
  const noise = new Arrow(plane, 'noise', 'noise', 'negative sample');
  const both = new Arrow(plane, 'both', 'force centre', '');
  const pull = new Arrow(plane, 'pull', 'force context');
  const push = new Arrow(plane, 'push', 'force noise');
  const centre = new Arrow(plane, 'v', 'centre', '');
  const [table, cells] = numbers({scores: 'score', answers: 'probability of yes',
    costs: 'cost of the answer', lengths: 'length of the pull or push'});
  const loss = html('data', {'data-name': 'loss'}), where = html('span');
  let v = data.v;
  const move = change => {
    v = change(v).map(x => clamped(x, -REACH, REACH));
    show();
  };
  const tip = handle(plane, move);
  const button = (text, change) =>
    html('button', {type: 'button', onclick: () => move(change)}, text);

  function show() {
    const now = forces(v, data.context, data.noise);
    centre.move([0, 0], v);
    pull.move(v, now.pull);
    push.move(v, now.push);
    both.move(v, add(now.pull, now.push));
    tip.setAttribute('transform', `translate(${plane.at(v).join(' ')})`);
    where.textContent = `(${v.map(x => written(x)).join(', ')})`;
    tip.setAttribute('aria-valuetext', where.textContent);
    tip.setAttribute('aria-valuenow', v[0]);
    curve.show(now.scores, now.answers);
    for (const key in cells) cells[key].forEach((cell, i) => write(cell, now[key][i]));
    write(loss, now.loss, 3);
  }

  context.move([0, 0], data.context);
  noise.move([0, 0], data.noise);
  plane.node.append(tip);
  const follow = now => { // both forces, a step of training
    const {pull, push} = forces(now, data.context, data.noise);
    return add(now, add(pull, push), data.eta);
  };
  live.append(
    html('div', {class: 'row'}, plane.node, curve.node),
    html('div', {class: 'row'}, button('One step', follow), button('Back', () => data.v),
      html('span', {}, html('span', {class: 'mark centre'}, 'centre'), ' ', where,
        ', loss ', loss)),
    table);
  show();
}
