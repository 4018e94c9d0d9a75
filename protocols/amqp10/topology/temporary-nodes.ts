/**
 * Nodes that a client asks for without a name: its own, gone with its connection, or before where it says so. [§3.5.10]
 *
 *     temporary queue    an exclusive queue with a name of the broker's; `/queues/amq.gen-…`
 *     temporary topic    a key that nobody else uses; `/topic/amq.temporary…`
 */
import { randomUUID } from 'node:crypto';
import type { Session } from '../../../src/api/index.ts';
import type { Terminus } from '../codec/terminus.ts';
import { addressOf, TOPIC_EXCHANGE } from '../mapping/addresses.ts';

export interface TemporaryNode<T extends Terminus> {
  /** Where messages to it are published. */
  readonly exchange: string;
  readonly key: string;
  /** The queue that is read; undefined for a topic. */
  readonly queue: string | undefined;
  /** As the client is told. */
  readonly terminus: T;
  /** It goes now, if it was to go with its link. */
  end(): void;
}

export function temporaryNode<T extends Terminus>(session: Session, terminus: T): TemporaryNode<T> {
  if (terminus.capabilities.some((one) => one === 'temporary-topic' || one === 'topic')) {
    const key = `amq.temporary.${randomUUID()}`;
    return {
      exchange: TOPIC_EXCHANGE,
      key,
      queue: undefined,
      terminus: { ...terminus, address: `/topic/${key}`, dynamic: true },
      end() {},
    };
  }
  const { name } = session.declareQueue('', { durable: false, exclusive: true, autoDelete: false, arguments: [] });
  return {
    exchange: '',
    key: name,
    queue: name,
    terminus: { ...terminus, address: addressOf('', name), dynamic: true },
    end() {
      if (session.queueExists(name)) session.deleteQueue(name, false, false);
    },
  };
}
