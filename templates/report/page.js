/* The page around the map. Names of files come from anywhere: they become text, never markup. */

const data = JSON.parse(document.getElementById('data').textContent);
const $ = (id) => document.getElementById(id);
const HUES = [255, 150, 55, 330, 200, 95, 20, 290, 175, 120, 5, 225];
const PAGE = 200;

/** What is shown: which package, where in it, how measured, and what of it. */
const view = { pack: 0, measure: 'unzipped', byParts: true, filter: '', sort: null, rows: PAGE };
let root, here, total, lit;

const make = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};
const number = (count) => count.toLocaleString('en');
const counted = (count, what) => `${number(count)} ${what}${count === 1 ? '' : 's'}`;
/** AWS counts in steps of 1,024, and so does its limit of 250 MB. */
function bytes(count) {
  if (count < 1024) return `${count} B`;
  if (count < 1024 * 1024) return `${(count / 1024).toFixed(1)} kB`;
  return `${(count / 1024 / 1024).toFixed(1)} MB`;
}
function percent(part, whole) {
  const share = whole > 0 ? 100 * part / whole : 0;
  return share > 0 && share < 0.1 ? '< 0.1 %' : `${share.toFixed(share < 10 ? 1 : 0)} %`;
}
const nameOf = (part) => part.name + (part.isFolder ? '/' : '');

/* ---- where we are ---- */

function pack() { return data.packages[view.pack]; }

/** Reads the files again: another package, grouping or filter. Stays in the folder when it is still there. */
function rebuild() {
  const steps = here ? trail(here).map((folder) => folder.name) : [];
  const wanted = view.filter.toLowerCase();
  const files = wanted ? pack().files.filter(([path]) => path.toLowerCase().includes(wanted)) : pack().files;
  root = tree(pack(), files, view.byParts);
  total = { unzipped: pack().files.reduce((sum, file) => sum + file[2], 0), zipped: pack().files.reduce((sum, file) => sum + file[3], 0) };
  here = follow(steps);
  view.rows = PAGE;
  draw();
  drawFacts();
}

/** The folders from below the root to this one. */
function trail(folder) {
  const steps = [];
  for (let at = folder; at && at !== root; at = at.up) steps.unshift(at);
  return steps;
}

/** The part of the shown folder that this one is in. */
const topOf = (part) => trail(part).find((step) => step.up === here);

function follow(names) {
  let at = root;
  for (const name of names) {
    const next = parts(at, view.measure).find((part) => part.kids && part.name === name);
    if (!next) break;
    at = next;
  }
  return at;
}

/** Opens a folder. The address remembers it, so the browser's way back is the way up. */
function open(folder) {
  if (!folder.kids || folder === here) return;
  const focus = folder === here.up || trail(here).includes(folder) ? here : null;
  const keyboard = $('map').contains(document.activeElement);
  here = folder;
  view.rows = PAGE;
  history.pushState(null, '', '#' + [view.pack, ...trail(here).map((step) => encodeURIComponent(step.name))].join('/'));
  draw();
  if (keyboard) (boxOf(focus) ?? $('map').querySelector('.top'))?.focus();
}

function fromAddress() {
  const [which, ...steps] = location.hash.slice(1).split('/');
  const names = steps.map((step) => { try { return decodeURIComponent(step); } catch { return step; } });
  const index = data.packages[Number(which)] ? Number(which) : 0;
  if (index !== view.pack || !root) {
    view.pack = index;
    $('package').value = String(index);
    here = null;
    rebuild();
  }
  here = follow(names);
  draw();
}

/* ---- drawing ---- */

function draw() {
  drawHead();
  drawCrumbs();
  drawMap();
  drawRows();
}

function drawHead() {
  const { name, unzipped, zipped, limit, layers } = pack();
  const below = layers.reduce((sum, layer) => sum + layer.unzipped, 0);
  document.title = `${name} · ${data.app} ${data.stage}`;
  $('title').textContent = `${data.app} ${data.stage}`;
  const shown = view.filter ? `${counted(root.files, 'file')} of ${number(pack().files.length)} match: ${bytes(root.unzipped)} unzipped, ${bytes(root.zipped)} zipped`
    : `${bytes(unzipped)} unzipped, ${bytes(zipped)} zipped, ${counted(pack().files.length, 'file')}`;
  $('summary').textContent = shown;
  $('used').style.width = `${Math.min(100, 100 * unzipped / limit)}%`;
  $('layers').style.width = `${Math.min(100, 100 * below / limit)}%`;
  const all = unzipped + below;
  $('limit').classList.toggle('over', all > limit);
  $('limit-text').textContent = `${percent(all, limit)} of ${bytes(limit).replace('.0', '')}${below ? `, ${bytes(below)} of it in layers` : ''}`;
}

function drawCrumbs() {
  const nav = $('crumbs');
  nav.replaceChildren();
  const steps = [root, ...trail(here)];
  steps.forEach((step, index) => {
    const last = index === steps.length - 1;
    const crumb = make(last ? 'b' : 'button', 'name', step.name);
    if (last) crumb.setAttribute('aria-current', 'location');
    else {
      crumb.type = 'button';
      crumb.addEventListener('click', () => open(step));
      nav.append(crumb, make('i', '', '›'));
      return;
    }
    nav.append(crumb, make('i', '', `${bytes(step[view.measure])} ${view.measure}`));
  });
}

/** Colours go by the order of weight unzipped, so that they stay when the measure changes. */
function colour(element, top) {
  const index = parts(here, 'unzipped').indexOf(top);
  element.style.setProperty('--h', HUES[Math.max(index, 0) % HUES.length]);
  element.classList.toggle('plain', index < 0 || index >= 3 * HUES.length || Boolean(top.isGroup));
}

const HEAD = 18, DEEPEST = 6;
const boxes = new Map();
const boxOf = (part) => [...boxes].find(([, shown]) => shown === part)?.[0];

function drawMap() {
  const map = $('map');
  const { width, height } = map.getBoundingClientRect();
  boxes.clear();
  lit = null;
  const drawn = document.createDocumentFragment();
  squarify(parts(here, view.measure), view.measure, 0, 0, width, height, (part, x, y, w, h) => {
    const top = make('div', 'box top' + (part.kids ? '' : ' file'));
    top.setAttribute('role', 'button');
    top.tabIndex = -1;
    top.setAttribute('aria-label', `${nameOf(part)}, ${bytes(part[view.measure])}, ${percent(part[view.measure], here[view.measure])}`);
    colour(top, part);
    fill(top, part, x, y, w, h, 0);
    drawn.append(top);
  });
  if (!drawn.firstChild) drawn.append(make('p', '', view.filter ? 'no file has this in its name' : 'nothing with bytes in here'));
  else if (drawn.firstChild.tabIndex === -1) drawn.firstChild.tabIndex = 0;
  map.replaceChildren(drawn);
}

/** Places a box and what fits into it, down to what can still be seen. */
function fill(box, part, x, y, w, h, depth) {
  Object.assign(box.style, { left: `${x}px`, top: `${y}px`, width: `${w}px`, height: `${h}px` });
  box.style.setProperty('--d', depth);
  boxes.set(box, part);
  const isLeaf = !part.kids || w <= 60 || h <= 50;
  if (w > 34 && h > 15) {
    box.append(make('span', 'name', nameOf(part)));
    if (isLeaf ? h > 32 : w > 150 && depth < 2) box.append(make('span', isLeaf ? '' : 'beside', bytes(part[view.measure])));
  }
  if (isLeaf || depth === DEEPEST) return;
  const inner = [w - 4, h - HEAD - 2];
  const scale = inner[0] * inner[1] / part[view.measure];
  squarify(parts(part, view.measure), view.measure, 2, HEAD, ...inner, (kid, left, top, wide, high) => {
    if (kid[view.measure] * scale < 40 || wide < 4 || high < 4) return;
    const child = make('div', 'box' + (kid.kids ? '' : ' file'));
    if (box.classList.contains('plain')) child.classList.add('plain');
    fill(child, kid, left, top, wide, high, depth + 1);
    box.append(child);
  });
}

const COLUMNS = [['name', 'name'], ['unzipped', 'unzipped'], ['zipped', 'zipped'], ['share', 'share']];

/** With a filter: the files that match, wherever they are. Without: what is in this folder. */
function rowsHere() {
  if (!view.filter) return [...here.kids.values()];
  const found = [];
  const look = (folder) => { for (const kid of folder.kids.values()) { if (kid.kids) look(kid); else found.push(kid); } };
  look(here);
  return found;
}

function drawRows() {
  const { column, down } = view.sort ?? { column: view.measure, down: true };
  const by = column === 'share' ? view.measure : column;
  const label = (part) => (view.filter ? part.path : nameOf(part));
  const rows = rowsHere().sort((a, b) => {
    const order = by === 'name' ? (label(a) < label(b) ? -1 : 1) : a[by] - b[by];
    return (down ? -order : order) || (a.name < b.name ? -1 : 1);
  });
  const heads = COLUMNS.map(([key, title]) => {
    const head = make('th');
    head.scope = 'col';
    const button = make('button', '', title);
    button.type = 'button';
    button.addEventListener('click', () => {
      view.sort = { column: key, down: column === key ? !down : key !== 'name' };
      drawRows();
      $('heads').children[COLUMNS.findIndex(([other]) => other === key)].firstChild.focus();
    });
    if (column === key) head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    head.append(button);
    return head;
  });
  $('heads').replaceChildren(...heads);
  $('rows').replaceChildren(...rows.slice(0, view.rows).map((part) => row(part, label(part))));
  const more = rows.length - view.rows;
  $('more').hidden = more <= 0;
  $('more').textContent = `${number(more)} more`;
}

function row(part, label) {
  const line = make('tr');
  line.part = part;
  const first = make('td');
  const top = topOf(part);
  const key = make('span', 'key');
  if (top) colour(key, top);
  const name = make(part.kids ? 'button' : 'span', 'name');
  // A long path breaks at its slashes.
  label.split(/(?<=\/)/).forEach((step, index) => name.append(...(index ? [make('wbr'), step] : [step])));
  if (part.kids) {
    name.type = 'button';
    name.addEventListener('click', () => open(part));
  }
  first.append(key, name);
  line.append(first, make('td', '', bytes(part.unzipped)), make('td', '', bytes(part.zipped)), make('td', '', percent(part[view.measure], here[view.measure])));
  return line;
}

/** The two lists below: what could be left out, and what was. */
function drawFacts() {
  const { savings, rules } = pack();
  const list = (id, summary, facts) => {
    $(id).hidden = !facts.length;
    $(id).querySelector('summary').textContent = summary;
    const lines = make('dl');
    for (const { what, unzipped, zipped, notes } of facts) {
      const first = make('dt');
      first.append(make('code', 'name', what));
      lines.append(first, make('dt', '', unzipped), make('dt', '', zipped));
      for (const note of notes.filter(Boolean)) lines.append(make('dd', 'name', note));
    }
    $(id).querySelector('.facts').replaceChildren(lines);
  };
  list('savings', 'To make it smaller', savings.map(({ set, why, unzipped, zipped }) => ({
    what: set, notes: [why], unzipped: unzipped ? bytes(unzipped) : '', zipped: zipped ? `${bytes(zipped)} zipped` : '',
  })));
  const files = rules.reduce((sum, rule) => sum + rule.files, 0);
  const all = rules.reduce((sum, rule) => sum + rule.unzipped, 0);
  list('rules', `Left out: ${counted(files, 'file')}, ${bytes(all)}`, rules.map(({ rule, why, instead, files, unzipped, paths, more }) => ({
    what: rule, unzipped: bytes(unzipped), zipped: counted(files, 'file'),
    notes: [why, paths.join('   ') + (more ? `   and ${number(more)} more` : ''), `instead: ${instead}`],
  })));
}

/* ---- hands ---- */

function partAt(target) {
  const box = target.closest?.('.box');
  return box ? [box, boxes.get(box)] : [null, null];
}

function light(part) {
  if (part === lit) return;
  lit = part;
  const top = part && topOf(part);
  for (const line of $('rows').children) line.classList.toggle('lit', Boolean(part) && (line.part === part || line.part === top));
  for (const [box, shown] of boxes) box.classList.toggle('lit', Boolean(part) && shown === part);
}

function tip(part, x, y) {
  const element = $('tip');
  element.hidden = !part;
  if (!part) return;
  const path = part.path ?? trail(part).map(nameOf).join(' ').replaceAll('/ ', '/');
  const saved = part.unzipped ? 100 - 100 * part.zipped / part.unzipped : 0;
  element.replaceChildren(
    make('b', 'name', part.isGroup ? `number ${part.name} by weight of ${part.up.name}` : path),
    make('span', '', `${bytes(part.unzipped)} unzipped, ${bytes(part.zipped)} zipped${saved > 1 ? ` (−${saved.toFixed(0)} %)` : ''}`),
    make('span', '', `${percent(part[view.measure], total[view.measure])} of the package${part.kids ? `, ${counted(part.files, 'file')}` : ''}${part.owner ? `, of ${part.owner}` : ''}`),
  );
  const { width, height } = element.getBoundingClientRect();
  element.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - width - 8))}px`;
  element.style.top = `${y + 18 + height > innerHeight - 8 ? Math.max(8, y - height - 12) : y + 18}px`;
}

const map = $('map');
map.addEventListener('click', (event) => {
  const [, part] = partAt(event.target);
  if (part) { tip(null); open(part.kids ? part : part.up); }
});
map.addEventListener('pointermove', (event) => {
  if (event.pointerType === 'touch') return;
  const [, part] = partAt(event.target);
  light(part);
  tip(part, event.clientX, event.clientY);
});
map.addEventListener('pointerleave', () => { light(null); tip(null); });
map.addEventListener('focusin', (event) => {
  const [box, part] = partAt(event.target);
  if (!box) return;
  for (const other of map.querySelectorAll('.top')) other.tabIndex = other === box ? 0 : -1;
  light(part);
  if (box.matches(':focus-visible')) { const { left, bottom } = box.getBoundingClientRect(); tip(part, left - 14, bottom - 24); }
});
map.addEventListener('focusout', () => { light(null); tip(null); });
map.addEventListener('keydown', (event) => {
  const tops = [...map.querySelectorAll('.top')];
  const at = tops.indexOf(document.activeElement);
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -at, End: tops.length - 1 - at };
  if (event.key in steps) tops[Math.max(0, Math.min(tops.length - 1, at + steps[event.key]))]?.focus();
  else if (event.key === 'Enter' || event.key === ' ') { const part = boxes.get(document.activeElement); if (part) open(part); }
  else if (event.key === 'Escape' || event.key === 'Backspace') { if (here.up) open(here.up); }
  else return;
  event.preventDefault();
});
$('rows').addEventListener('pointerover', (event) => light(event.target.closest('tr')?.part ?? null));
$('rows').addEventListener('pointerleave', () => light(null));
$('more').addEventListener('click', () => { view.rows += PAGE * 5; drawRows(); });
$('filter').addEventListener('input', () => { view.filter = $('filter').value.trim(); rebuild(); });
for (const input of document.querySelectorAll('input[type=radio]')) {
  input.addEventListener('change', () => {
    if (input.name === 'measure') { view.measure = input.value; view.sort = null; draw(); }
    else { view.byParts = input.value === 'parts'; here = null; rebuild(); }
  });
}
$('package').addEventListener('change', () => { location.hash = $('package').value; });
addEventListener('popstate', fromAddress);
new ResizeObserver(() => {
  // The boxes are made anew: whoever was on one stays on it.
  const part = boxes.get(document.activeElement);
  drawMap();
  if (part) boxOf(part)?.focus();
}).observe(map);

/* ---- begin ---- */

data.packages.forEach(({ name }, index) => {
  const option = make('option', '', name);
  option.value = String(index);
  $('package').append(option);
});
$('which').hidden = data.packages.length < 2;
if (data.packages.length) { fromAddress(); } else $('map').append(make('p', '', 'there are no packages'));
