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

  /** Visits every value stored under a key that this filter matches, with the key's levels. */
  matchFilter(filter: readonly string[], visit: (value: T, key: readonly string[]) => void): void {
    this.walkFilter(this.root, filter, 0, [], visit);
  }

  private walkFilter(
    node: Node<T>,
    filter: readonly string[],
    depth: number,
    path: string[],
    visit: (value: T, key: readonly string[]) => void,
  ): void {
    if (depth === filter.length) {
      for (const value of node.values) visit(value, path);
      return;
    }
    const level = filter[depth]!;
    if (level === MANY) {
      // Only a last MANY can be answered by one walk; one in the middle tries every depth below.
      if (depth === filter.length - 1) this.walkAll(node, path, visit);
      else this.walkInnerMany(node, filter, depth + 1, path, visit);
      return;
    }
    if (level === ONE) {
      for (const [name, child] of node.children) {
        path.push(name);
        this.walkFilter(child, filter, depth + 1, path, visit);
        path.pop();
      }
      return;
    }
    const child = node.children.get(level);
    if (child === undefined) return;
    path.push(level);
    this.walkFilter(child, filter, depth + 1, path, visit);
    path.pop();
  }

  private walkInnerMany(
    node: Node<T>,
    filter: readonly string[],
    rest: number,
    path: string[],
    visit: (value: T, key: readonly string[]) => void,
  ): void {
    this.walkFilter(node, filter, rest, path, visit);
    for (const [name, child] of node.children) {
      path.push(name);
      this.walkInnerMany(child, filter, rest, path, visit);
      path.pop();
    }
  }

  private walkAll(node: Node<T>, path: string[], visit: (value: T, key: readonly string[]) => void): void {
    for (const value of node.values) visit(value, path);
    for (const [name, child] of node.children) {
      path.push(name);
      this.walkAll(child, path, visit);
      path.pop();
    }
  }
}
