/**
 * The shape of an answer: which keys it has, and of which types what they hold is. Two answers are compared by it, since their values
 * differ: names of nodes, times, counts.
 */

/** `number`, `string`, `boolean`, `null`; the shapes of an object's parts; or what a list's items have together. */
export type Shape = string | { readonly [key: string]: Shape } | readonly [Shape] | readonly [];

export function shapeOf(value: unknown): Shape {
  if (value === null) return 'null';
  if (Array.isArray(value)) {
    const shapes = value.map(shapeOf);
    return shapes.length === 0 ? [] : [shapes.reduce(together)];
  }
  if (typeof value !== 'object') return typeof value;
  return Object.fromEntries(
    // What is told for each node has the nodes' names as keys.
    Object.entries(value).map(([key, part]) => [/^\w+@[\w.-]+$/.test(key) ? 'NODE' : key, shapeOf(part)]),
  );
}

/** What either of two has. */
function together(a: Shape, b: Shape): Shape {
  if (typeof a === 'string' || typeof b === 'string' || Array.isArray(a) !== Array.isArray(b)) {
    return a === b || b === 'null' ? a : a === 'null' ? b : `${text(a)}|${text(b)}`;
  }
  if (Array.isArray(a)) {
    const [left, right] = [a[0] as Shape | undefined, (b as readonly Shape[])[0]];
    if (left === undefined || right === undefined) return left === undefined ? b : a;
    return [together(left, right)];
  }
  const [left, right] = [a as Record<string, Shape>, b as Record<string, Shape>];
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return Object.fromEntries(
    [...keys].map((key) => {
      const [one, other] = [left[key], right[key]];
      return [key, one === undefined ? other! : other === undefined ? one : together(one, other)];
    }),
  );
}

function text(shape: Shape): string {
  return typeof shape === 'string' ? shape : Array.isArray(shape) ? 'list' : 'object';
}

/** Where `ours` is not as `theirs`: `queues[].memory: only there`, `nodes[].uptime: string there, number here`. */
export function differencesOf(theirs: Shape, ours: Shape, at = ''): string[] {
  if (typeof theirs === 'string' || typeof ours === 'string' || Array.isArray(theirs) !== Array.isArray(ours)) {
    const [there, here] = [text(theirs), text(ours)];
    return there === here ? [] : [`${at}: ${there} there, ${here} here`];
  }
  if (Array.isArray(theirs)) {
    const [there, here] = [theirs[0] as Shape | undefined, (ours as readonly Shape[])[0]];
    if (there === undefined && here === undefined) return [];
    if (there === undefined) return [`${at}[]: only here`];
    return here === undefined ? [`${at}[]: only there`] : differencesOf(there, here, `${at}[]`);
  }
  const [left, right] = [theirs as Record<string, Shape>, ours as Record<string, Shape>];
  const keys = [...new Set([...Object.keys(left), ...Object.keys(right)])].sort();
  return keys.flatMap((key) => {
    const path = at === '' ? key : `${at}.${key}`;
    const [there, here] = [left[key], right[key]];
    if (there === undefined) return [`${path}: only here`];
    return here === undefined ? [`${path}: only there`] : differencesOf(there, here, path);
  });
}
