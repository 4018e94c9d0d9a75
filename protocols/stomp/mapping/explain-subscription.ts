/** What a destination means to who subscribes to it, without headers that say more: for a dry run. */
import { BrokerError, DOT, type Subscriber, type SubscriptionMeaning } from '../../../src/api/index.ts';
import { FrameError } from '../codec/errors.ts';
import { type Destination, listedDestinations, parseDestination, TOPIC_EXCHANGE } from './destinations.ts';
import { topicFilter, virtualFilterOf } from './topic-filters.ts';

const QUEUE = { ownUse: false, shared: true, retained: false, waits: 'queue' } as const;

/** @param wildcards as in the adapter's options @throws BrokerError invalid */
export function subscriptionTo(
  text: string,
  { compat }: Subscriber,
  wildcards: 'amqp' | 'activemq',
): SubscriptionMeaning {
  const isActivemq = compat === 'activemq';
  const destination = inWords(text, () => {
    if (listedDestinations(text, isActivemq).length > 1)
      throw new BrokerError('invalid', `'${text}' is several: ask of each of them`);
    return parseDestination(text);
  });
  return meaningOf(text, destination, isActivemq || wildcards === 'activemq');
}

function meaningOf(text: string, destination: Destination, understood: boolean): SubscriptionMeaning {
  switch (destination.kind) {
    case 'queue':
      return named(destination.name);
    case 'existing-queue':
      return { ...QUEUE, queue: destination.name, declares: false, notes: ['It is not declared where it is missing.'] };
    case 'temporary-queue':
      return {
        ...{ ...QUEUE, declares: true, shared: false, waits: 'connection' },
        notes: [
          'A queue that only this connection has, and that goes with it. Others send to the reply-to that they see.',
        ],
      };
    case 'temporary-topic':
      return {
        ...{ ...QUEUE, declares: true, shared: false, waits: 'connection' },
        notes: [
          'A topic that only this connection has: its key cannot be guessed. Others send to the reply-to that they see.',
        ],
      };
    case 'exchange': {
      const { exchange, key } = destination;
      const binding: SubscriptionMeaning['binding'] = {
        exchange,
        key: topicFilter(exchange, key, understood),
        spelling: DOT,
      };
      return {
        ...{ ...QUEUE, declares: true, shared: false, waits: 'connection', binding },
        notes: [
          'With durable:true or the name of a durable subscription its queue outlives the connection; x-queue-name shares it with others.',
          ...(exchange === TOPIC_EXCHANGE ? ['With activemq.retroactive:true what is retained comes first.'] : []),
        ],
      };
    }
    default:
      throw new BrokerError('invalid', `'${text}' is another connection's own: it can be sent to, not subscribed to`);
  }
}

function named(queue: string): SubscriptionMeaning {
  const key = virtualFilterOf(queue);
  return {
    ...{ ...QUEUE, queue, declares: true, notes: [] },
    ...(key !== undefined && { binding: { exchange: TOPIC_EXCHANGE, key, spelling: DOT } }),
  };
}

/** What a frame would be refused with, said of an address. @throws BrokerError invalid */
export function inWords<T>(text: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    const said = error.message.includes(text) ? error.message : `${error.message}: '${text}'`;
    throw new BrokerError('invalid', said);
  }
}
