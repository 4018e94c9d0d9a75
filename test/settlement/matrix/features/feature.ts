/** What a row of the table is, and what its scenarios share. */
import type { Scene } from '../scene.ts';
import type { Protocol, Reader, Side } from '../sides/side.ts';

export interface Cell {
  readonly scene: Scene;
  readonly side: Side;
  readonly protocol: Protocol;
}

export interface Feature {
  readonly name: string;
  /** Protocols that have no part in it, and why. */
  readonly none?: Partial<Record<Protocol, string>>;
  run(cell: Cell): Promise<string>;
}

/** A queue with these arguments, of a name that clients of this protocol can read. */
export function readable({ scene, side }: Cell, what: string, args: object = {}): Promise<string> {
  return scene.declare(side.nameOf(scene.name(what)), args);
}

/** A reader of a queue, closed afterwards. */
export async function reading<T>({ side }: Cell, queue: string, act: (reader: Reader) => Promise<T>): Promise<T> {
  const reader = await side.read(queue);
  try {
    return await act(reader);
  } finally {
    await reader.leave();
  }
}
