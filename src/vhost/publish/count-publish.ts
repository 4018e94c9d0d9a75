/** Counts what came in, for its protocol. */
import type { Mark } from '../../api/confirms.ts';
import type { Draft } from '../../message/message.ts';
import type { ProtocolTraffic } from '../../metrics/traffic.ts';
import type { Publisher } from './publisher.ts';

/** @param draft has just been published @param mark what came of it */
export function countPublish(
  traffic: ProtocolTraffic,
  publisher: Pick<Publisher, 'lastRefusal'>,
  draft: Draft,
  mark: Mark,
): void {
  traffic.received++;
  traffic.sizes.add(draft.large === null ? draft.bodyEnd - draft.bodyStart : draft.large.length);
  if (mark < 0) traffic.refusals[publisher.lastRefusal]++;
  else if (draft.routed === 0) traffic.unroutable++;
  else traffic.routed += draft.routed;
}
