/** The audience of a vhost: how many connections have subscribed to each channel and pattern, for PUBSUB. */
export class Audience {
  readonly channels = new Map<string, number>();
  readonly patterns = new Map<string, number>();
}

/** One more has subscribed. */
export function joined(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** One has unsubscribed, or gone. */
export function left(counts: Map<string, number>, name: string): void {
  const count = counts.get(name)! - 1;
  if (count === 0) counts.delete(name);
  else counts.set(name, count);
}
