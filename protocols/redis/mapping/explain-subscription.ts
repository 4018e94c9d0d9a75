/** What a channel or a pattern means to who subscribes to it: for a dry run. */
import { bytesOf, DOT, type SubscriptionMeaning } from '../../../src/api/index.ts';
import { bindingOf, CHANNELS } from './names.ts';

export function subscriptionTo(pattern: string): SubscriptionMeaning {
  const key = bindingOf(bytesOf(pattern));
  return {
    ...{ declares: true, ownUse: true, shared: false, retained: false, waits: 'never' },
    binding: { exchange: CHANNELS, key, spelling: DOT },
    notes: [
      'Whoever is not there, or does not keep up, has missed it: nothing waits. Elements of a list wait in the queue of its name.',
      ...(key === pattern
        ? []
        : ['A pattern (PSUBSCRIBE) is bound by the narrowest key that brings all of it, and filtered exactly then.']),
    ],
  };
}
