'use strict';

/* Files → a tree of folders, and a folder → boxes whose areas are its parts' bytes. No drawing here. */

/** A folder (`kids` by name) or a file (`kids` is null) with the bytes and files in it. */
const node = (name, up, kids) => ({ name, up, kids, unzipped: 0, zipped: 0, files: 0, memory: {} });

/**
 * The files as a tree. With `byParts` the first level is what they belong to: a dependency, however many
 * folders it has, or a part of the project.
 */
function tree(pack, files, byParts) {
  const root = node(pack.name, null, new Map());
  for (const [path, part, unzipped, zipped] of files) {
    const [owner, isDependency] = pack.parts[part];
    const steps = path.split('/');
    if (byParts && isDependency) steps.unshift('\0' + owner);
    let at = root;
    for (let index = 0; ; index++) {
      at.unzipped += unzipped;
      at.zipped += zipped;
      at.files += 1;
      if (index === steps.length) break;
      const step = steps[index];
      let next = at.kids.get(step);
      if (!next) {
        next = node(step.replace('\0', ''), at, index + 1 < steps.length ? new Map() : null);
        next.isFolder = next.kids && !step.startsWith('\0');
        at.kids.set(step, next);
      }
      at = next;
    }
    at.owner = isDependency ? owner : null;
    at.path = path;
  }
  for (const [step, kid] of root.kids) shorten(kid, step.startsWith('\0'));
  return root;
}

/** Folders that hold nothing but one folder are one step: `node_modules/a/dist`. */
function shorten(folder, keepName) {
  if (!folder.kids) return;
  while (folder.kids.size === 1) {
    const only = folder.kids.values().next().value;
    if (!only.kids) break;
    if (!keepName) folder.name += '/' + only.name;
    folder.kids = only.kids;
  }
  for (const kid of folder.kids.values()) {
    kid.up = folder;
    shorten(kid, false);
  }
}

/** The parts of a folder, heaviest first. Where they are too many to be seen, the lighter ones come in groups. */
const MOST = 300;
function parts(folder, measure) {
  folder.memory.parts ??= together(folder);
  return folder.memory[measure] ??= heaviest(folder.memory.parts, measure);
}

const heaviest = (list, measure) => [...list].sort((a, b) => b[measure] - a[measure] || (a.name < b.name ? -1 : 1));

function together(folder) {
  const all = [...folder.kids];
  if (all.length <= MOST) return all.map(([, kid]) => kid);
  all.sort(([, a], [, b]) => b.unzipped - a.unzipped);
  const single = Math.max(0, MOST - Math.ceil(all.length / MOST));
  const list = all.slice(0, single).map(([, kid]) => kid);
  for (let from = single; from < all.length; from += MOST) {
    const some = all.slice(from, from + MOST);
    const group = node(`${(from + 1).toLocaleString('en')}–${(from + some.length).toLocaleString('en')}`, folder, new Map(some));
    group.isGroup = true;
    for (const [, kid] of some) {
      kid.up = group;
      for (const sum of ['unzipped', 'zipped', 'files']) group[sum] += kid[sum];
    }
    list.push(group);
  }
  return list;
}

/**
 * Squarified treemap (Bruls, Huizing, van Wijk): rows along the shorter side, each filled as long as its
 * boxes get squarer. Calls `place(part, x, y, width, height)`; parts without bytes get no place.
 */
function squarify(list, measure, x, y, width, height, place) {
  let left = list.reduce((sum, part) => sum + part[measure], 0);
  let from = 0;
  while (from < list.length && left > 0 && list[from][measure] > 0 && width > 0 && height > 0) {
    const side = Math.min(width, height);
    const scale = width * height / left;
    let row = 0, until = from, worst = Infinity;
    while (until < list.length && list[until][measure] > 0) {
      const sum = row + list[until][measure];
      const thick = sum * scale / side;
      const longest = list[from][measure] * scale / thick, shortest = list[until][measure] * scale / thick;
      const now = Math.max(longest / thick, thick / longest, shortest / thick, thick / shortest);
      if (now > worst) break;
      [worst, row] = [now, sum];
      until++;
    }
    const thick = row * scale / side;
    let along = 0;
    for (; from < until; from++) {
      const long = list[from][measure] * scale / thick;
      if (width >= height) place(list[from], x, y + along, thick, long);
      else place(list[from], x + along, y, long, thick);
      along += long;
    }
    left -= row;
    if (width >= height) { x += thick; width -= thick; } else { y += thick; height -= thick; }
  }
}
