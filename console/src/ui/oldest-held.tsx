/** For how long a consumer has held the oldest message that it holds: a link to that message. */
import { duration } from '../format.ts';
import { hrefWith } from '../router.ts';

export interface Oldest {
  readonly position: number;
  /** At least; undefined: it has just come. */
  readonly heldMs?: number;
}

export function OldestHeld({ vhost, queue, of }: { vhost: string; queue: string; of: Oldest | undefined }) {
  if (of === undefined) return <>–</>;
  return (
    <a
      href={hrefWith(['queues', vhost, queue], { tab: 'messages', message: String(of.position) })}
      title="At least so long; leads to the message"
    >
      {of.heldMs === undefined ? 'a few seconds' : duration(of.heldMs)}
    </a>
  );
}
