/** Numbers of 32 bits that go round. [§2.8.10, RFC 1982] */

const ROUND = 0x1_0000_0000;

/** A number as it is told. */
export function onWire(value: number): number {
  return value % ROUND;
}

/** The number that is told as `wire`, of those that are nearest to `near`. */
export function fromWire(wire: number, near: number): number {
  const base = near - (near % ROUND) + wire;
  if (base - near > ROUND / 2) return base - ROUND;
  return near - base > ROUND / 2 ? base + ROUND : base;
}

/** How far it is from `from` to `to`, where that is less than half way round; negative: back. */
export function distance(from: number, to: number): number {
  return (to - from) | 0;
}
