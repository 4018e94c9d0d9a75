/** What one channel has done since it was opened, for operators. */
import type { ChannelCounts } from '../../../src/api/index.ts';

export class Counts implements ChannelCounts {
  published = 0;
  confirmed = 0;
  returned = 0;
  dropped = 0;
  delivered = 0;
  deliveredSettled = 0;
  got = 0;
  gotSettled = 0;
  gotNothing = 0;
  redelivered = 0;
  acknowledged = 0;
}
