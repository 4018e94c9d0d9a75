/**
 * A trie over levels, in both directions: filters stored and looked up by a key (bindings), and keys stored and looked
 * up by a filter (retained messages).
 *
 * Cost of a look-up: bounded by (nodes reached) whatever the number of entries; a filter with several `#` visits each
 * (node, level) once.
 */
import { MANY, ONE } from './levels.ts';

const NO_CHILDREN = new Map<string, never>();
const NO_VALUES: never[] = [];

/** Most nodes are leaves with one value: what a node does not have is shared by all of them, and never written to. */
class Node<T> {
  children: Map<string, Node<T>> = NO_CHILDREN;
  values: T[] = NO_VALUES;

  get empty(): boolean {
    return this.values.length === 0 && this.children.size === 0;
  }
}

/** What is below a node: it matches as the filter goes on, or whatever it is. */
const FILTER = 0;
const ALL = 1;
type Below = 0 | 1;

/** Children that are still to be walked. */
interface Branch<T> {
  readonly children: Iterator<[string, Node<T>]>;
  readonly fromRoot: boolean;
  readonly depth: number;
  readonly below: Below;
}

const DOLLAR = 0x24;
/** A walk that finds nothing says so after so many nodes. */
const PAUSE_NODES = 64;

export class LevelTrie<T> {
  private readonly root = new Node<T>();
  /** Values stored. */
  size = 0;

  add(levels: readonly string[], value: T): void {
    let node = this.root;
    for (const level of levels) {
      let child = node.children.get(level);
      if (child === undefined) {
        child = new Node();
        if (node.children === NO_CHILDREN) node.children = new Map();
        node.children.set(level, child);
      }
      node = child;
    }
    // An array that grows from nothing makes room for many.
    if (node.values.length === 0) node.values = [value];
    else node.values.push(value);
    this.size++;
  }

  /** The values stored under exactly these levels; empty if none. */
  at(levels: readonly string[]): readonly T[] {
    let node: Node<T> | undefined = this.root;
    for (const level of levels) {
      node = node.children.get(level);
      if (node === undefined) return [];
    }
    return node.values;
  }

  /** Removes one value and the nodes that only it needed. False if it was not there. */
  remove(levels: readonly string[], value: T): boolean {
    const path: Node<T>[] = [this.root];
    for (const level of levels) {
      const child = path[path.length - 1]!.children.get(level);
      if (child === undefined) return false;
      path.push(child);
    }
    const values = path[path.length - 1]!.values;
    const at = values.indexOf(value);
    if (at < 0) return false;
    values.splice(at, 1);
    for (let i = levels.length; i > 0 && path[i]!.empty; i--) path[i - 1]!.children.delete(levels[i - 1]!);
    this.size--;
    return true;
  }

  /** Visits the values of every stored filter that matches this key. A value may be visited only once per filter. */
  matchKey(key: readonly string[], visit: (value: T) => void): void {
    this.walkKey(this.root, key, 0, visit, new Set());
  }

  private walkKey(
    node: Node<T>,
    key: readonly string[],
    depth: number,
    visit: (value: T) => void,
    seen: Set<Node<T>>,
  ): void {
    const many = node.children.get(MANY);
    if (many !== undefined) this.walkMany(many, key, depth, visit, seen);
    if (depth === key.length) {
      for (const value of node.values) visit(value);
      return;
    }
    const exact = node.children.get(key[depth]!);
    if (exact !== undefined) this.walkKey(exact, key, depth + 1, visit, seen);
    const one = node.children.get(ONE);
    if (one !== undefined) this.walkKey(one, key, depth + 1, visit, seen);
  }

  /**
   * `#` takes none, one, … all of what is left. The first time a `#` node is entered is the shallowest (the `#` above
   * takes none first, and what lies between has a fixed length), and covers every deeper entry: so once is enough.
   * Other nodes below it are reached at the key's end in one way only, so no value is visited twice.
   */
  private walkMany(
    many: Node<T>,
    key: readonly string[],
    from: number,
    visit: (value: T) => void,
    seen: Set<Node<T>>,
  ): void {
    if (seen.has(many)) return;
    seen.add(many);
    for (const value of many.values) visit(value);
    if (many.children.size === 0) return;
    const inner = many.children.get(MANY);
    if (inner !== undefined) this.walkMany(inner, key, from, visit, seen);
    for (let depth = from; depth < key.length; depth++) {
      const exact = many.children.get(key[depth]!);
      if (exact !== undefined) this.walkKey(exact, key, depth + 1, visit, seen);
      const one = many.children.get(ONE);
      if (one !== undefined) this.walkKey(one, key, depth + 1, visit, seen);
    }
  }

  /**
   * Every value stored under a key that this filter matches. It may be left and gone on with later, whatever comes and goes
   * meanwhile: what comes may be among them or not. Undefined stands for a while in which nothing was found.
   * @param hideReserved keys that begin with `$` do not match a leading wildcard
   */
  *matching(filter: readonly string[], hideReserved = false): Generator<T | undefined> {
    const stack: Branch<T>[] = [];
    let found: Node<T> | undefined = this.root;
    let depth = 0;
    let below: Below = FILTER;
    let visited = 0;
    for (;;) {
      if (found === undefined) {
        const branch = stack[stack.length - 1];
        if (branch === undefined) return;
        const next = branch.children.next();
        if (next.done === true) {
          stack.pop();
          continue;
        }
        const [name, child] = next.value;
        if (hideReserved && branch.fromRoot && name.charCodeAt(0) === DOLLAR) continue;
        found = child;
        ({ depth, below } = branch);
        if (++visited % PAUSE_NODES === 0) yield undefined;
      }
      const node: Node<T> = found;
      found = undefined;
      if (below === FILTER && depth < filter.length) {
        const level = filter[depth]!;
        if (level !== MANY && level !== ONE) {
          const reserved = hideReserved && node === this.root && depth > 0 && level.charCodeAt(0) === DOLLAR;
          if (!reserved) found = node.children.get(level);
          depth++;
          continue;
        }
        if (level === ONE) {
          stack.push({ children: node.children.entries(), fromRoot: node === this.root, depth: depth + 1, below });
          continue;
        }
        // Only a last MANY is answered by one walk; one in the middle tries every depth below.
        if (depth < filter.length - 1) {
          stack.push({ children: node.children.entries(), fromRoot: node === this.root, depth, below });
          found = node;
          depth++;
          continue;
        }
        below = ALL;
      }
      for (const value of node.values) yield value;
      if (below === ALL) {
        stack.push({ children: node.children.entries(), fromRoot: node === this.root, depth, below });
      }
    }
  }
}
