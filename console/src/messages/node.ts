/** What a body holds, whatever it is written in: values in a tree that can be folded. */

export type Node =
  | {
      readonly kind: 'value';
      readonly text: string;
      readonly of: 'text' | 'number' | 'bytes' | 'word';
      readonly note?: string;
    }
  | { readonly kind: 'list'; readonly items: readonly Node[]; readonly note?: string }
  | {
      readonly kind: 'map';
      readonly entries: readonly (readonly [name: string, value: Node])[];
      readonly note?: string;
    };

/** The bytes are no such thing, or more of it than is shown. */
export class Undecodable extends Error {
  override name = 'Undecodable';
}

/** Values that one body is taken apart into. */
export const NODES_MAX = 100_000;
/** Levels of them. */
export const DEPTH_MAX = 64;

/** Counts what a decoder makes, so that a few bytes cannot stand for very much. */
export class Budget {
  private left = NODES_MAX;

  /** @throws Undecodable */
  spend(depth: number): void {
    if (--this.left < 0) throw new Undecodable(`more than ${NODES_MAX} values`);
    if (depth > DEPTH_MAX) throw new Undecodable(`more than ${DEPTH_MAX} levels`);
  }
}

export const text = (value: string): Node => ({ kind: 'value', of: 'text', text: value });
export const word = (value: boolean | null | undefined): Node => ({ kind: 'value', of: 'word', text: String(value) });
export const number = (value: number | bigint): Node => ({ kind: 'value', of: 'number', text: numberText(value) });

function numberText(value: number | bigint): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

const BYTES_SHOWN = 64;

export function bytesNode(bytes: Uint8Array): Node {
  const shown = hex(bytes.subarray(0, BYTES_SHOWN));
  const rest = bytes.length > BYTES_SHOWN ? ' …' : '';
  return { kind: 'value', of: 'bytes', text: `${shown}${rest}`, note: `${bytes.length} B` };
}

export function noted(node: Node, note: string): Node {
  return { ...node, note: node.note === undefined ? note : `${note}, ${node.note}` };
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** What a key of a map is shown as. */
export function nameOf(node: Node): string {
  if (node.kind === 'value') return node.text;
  return node.kind === 'list'
    ? `[${node.items.map(nameOf).join(', ')}]`
    : `{${node.entries.map(([name]) => name).join(', ')}}`;
}
