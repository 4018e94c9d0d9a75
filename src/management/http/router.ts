/**
 * The router: which resource a path is, and which methods it has. Parts of a path are parted by `/` before they are decoded, once, so
 * that a name may hold a slash; an empty part at the end is not looked at.
 *
 *     '/queues/:vhost/:name' ◀── GET from one file, PUT and DELETE from another: they are one resource
 */
export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** What a path answers to. Several of the same path are one resource. */
export interface Resource<V> {
  /** As `/queues/:vhost/:name`: what begins with a colon is a part that is given by this name. */
  readonly path: string;
  readonly verbs: Readonly<Partial<Record<Method, V>>>;
}

export interface Match<V> {
  readonly verbs: Readonly<Partial<Record<Method, V>>>;
  /** What was found: `/queues/{vhost}/{name}`. */
  readonly pattern: string;
  /** Decoded. */
  readonly params: Readonly<Record<string, string>>;
}

/** RabbitMQ's order. */
const METHODS: readonly Method[] = ['GET', 'POST', 'PUT', 'DELETE'];

interface Node<V> {
  readonly literal: Map<string, Node<V>>;
  param: { readonly name: string; readonly node: Node<V> } | undefined;
  verbs: Partial<Record<Method, V>> | undefined;
  pattern: string;
}

export class Router<V> {
  private readonly root = node<V>();

  constructor(resources: readonly Resource<V>[]) {
    for (const { path, verbs } of resources) {
      const end = this.nodeOf(path);
      end.verbs ??= {};
      end.pattern = path.replaceAll(/:(\w+)/g, '{$1}');
      for (const [method, verb] of Object.entries(verbs)) {
        if (end.verbs[method as Method] !== undefined) throw new Error(`${method} ${path} has two handlers`);
        end.verbs[method as Method] = verb as V;
      }
    }
  }

  private nodeOf(path: string): Node<V> {
    let at = this.root;
    for (const part of path.split('/').slice(1)) {
      if (part.startsWith(':')) {
        at.param ??= { name: part.slice(1), node: node<V>() };
        if (at.param.name !== part.slice(1))
          throw new Error(`${path}: this part is called :${at.param.name} elsewhere`);
        at = at.param.node;
      } else {
        let next = at.literal.get(part);
        if (next === undefined) {
          next = node<V>();
          at.literal.set(part, next);
        }
        at = next;
      }
    }
    return at;
  }

  /** @param path as it came, from after the prefix on: `/queues/%2F/q`. Undefined: there is no such resource */
  find(path: string): Match<V> | undefined {
    const parts = path.split('/').slice(1);
    if (parts.at(-1) === '') parts.pop();
    const decoded: string[] = [];
    for (const part of parts) {
      const text = decode(part);
      if (text === undefined) return undefined;
      decoded.push(text);
    }
    return this.match(this.root, decoded, 0, {});
  }

  /** Words go before names, and where a word leads nowhere it may still be a name. */
  private match(
    at: Node<V>,
    parts: readonly string[],
    i: number,
    params: Record<string, string>,
  ): Match<V> | undefined {
    if (i === parts.length)
      return at.verbs === undefined ? undefined : { verbs: at.verbs, pattern: at.pattern, params };
    const part = parts[i]!;
    const literal = at.literal.get(part);
    const found = literal === undefined ? undefined : this.match(literal, parts, i + 1, params);
    if (found !== undefined || at.param === undefined) return found;
    return this.match(at.param.node, parts, i + 1, { ...params, [at.param.name]: part });
  }
}

/** What `Allow` says of it. */
export function allowed(verbs: Match<unknown>['verbs']): string {
  const methods = METHODS.filter((method) => verbs[method] !== undefined);
  return [...(verbs.GET === undefined ? [] : ['HEAD']), ...methods, 'OPTIONS'].join(', ');
}

function node<V>(): Node<V> {
  return { literal: new Map(), param: undefined, verbs: undefined, pattern: '' };
}

/** A plus is a plus in a path. */
function decode(part: string): string | undefined {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
