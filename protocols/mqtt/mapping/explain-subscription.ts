/** What a filter means to who subscribes to it, found out as a SUBSCRIBE does: for a dry run. */
import { BrokerError, bytesOf, SLASH, type Subscriber, type SubscriptionMeaning } from '../../../src/api/index.ts';
import { SUCCESS } from '../codec/reasons.ts';
import { filterFault, levelsOf, sharedFilter } from '../codec/text.ts';
import { type Limits, QUEUE_NAME_BYTES_MAX } from '../options.ts';
import { queueOf, SHARED_BINDING, sharedQueueOf } from './names.ts';
import { subscribable } from './special-topics.ts';

const OF_ITSELF = 'Under $SYS the broker alone publishes, what it says of itself: at once, and then again and again.';

/** @throws BrokerError invalid */
export function subscriptionTo(
  text: string,
  { clientId }: Subscriber,
  { exchange, topicLevelsMax }: Pick<Limits, 'exchange' | 'topicLevelsMax'>,
): SubscriptionMeaning {
  const share = sharedFilter(text);
  if (share === 'invalid') throw noFilter(text, 'a malformed shared subscription');
  const filter = share?.filter ?? text;
  const bytes = bytesOf(filter);
  const fault = filterFault(bytes, 0, bytes.length);
  if (fault !== undefined) throw noFilter(text, fault);
  if (levelsOf(filter) > topicLevelsMax) throw noFilter(text, `more than ${topicLevelsMax} levels`);
  const reason = subscribable(filter);
  if (reason !== SUCCESS) throw new BrokerError('invalid', `nobody may subscribe to '${text}' (reason code ${reason})`);
  const notes = /^\$SYS(\/|$)/.test(filter) ? [OF_ITSELF] : [];
  const binding: SubscriptionMeaning['binding'] = { exchange, key: filter, spelling: SLASH, hideReserved: true };
  if (share === undefined) {
    return {
      ...(clientId !== undefined && { queue: queueOf(clientId) }),
      ...{ declares: true, ownUse: true, shared: false, binding, retained: true, waits: 'session' },
      notes: [
        ...notes,
        'At QoS 0 it comes to a client that is there, past its queue. At QoS 1 and 2 it waits in the queue of the session, for as long as that is kept.',
        'A message comes with the lower QoS of its own and of the subscription. What is retained comes as Retain Handling says.',
      ],
    };
  }
  const queue = sharedQueueOf(share.group, filter);
  if (Buffer.byteLength(queue) > QUEUE_NAME_BYTES_MAX) throw noFilter(text, 'a name that is too long');
  return {
    ...{ queue, declares: true, ownUse: true, shared: true, waits: 'queue', retained: false },
    binding: { exchange, key: filter, spelling: SHARED_BINDING.spelling, hideReserved: true },
    notes: [...notes, 'The queue is there as long as the share has a member, and what is retained is not sent.'],
  };
}

function noFilter(text: string, why: string): BrokerError {
  return new BrokerError('invalid', `'${text}' is no filter: ${why}`);
}
