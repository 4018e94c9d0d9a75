/** Messages that are in queues: looked at, moved, copied, removed. So many looks go on at a time; each keeps no more than a page. */
import type { Broker } from '../../broker/broker.ts';
import { BrokerError } from '../../message/errors.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { Pace } from '../listing/pace.ts';
import { type Peeked, type PeekQuery, peek, type WholeBody, wholeBody } from './peek.ts';
import { type Relocated, type RelocateQuery, relocate } from './relocate.ts';

type Contents = Queue['contents'];

/** Looks at a time. */
const LOOKS_MAX = 8;

export class Messages {
  private readonly broker: Broker;
  private readonly pace: Pace;
  private looks = 0;

  constructor(broker: Broker, pace: Pace) {
    this.broker = broker;
    this.pace = pace;
  }

  /** @throws BrokerError not-found; unavailable: too many look at a time */
  peek(vhost: string, queue: string, query: PeekQuery): Promise<Peeked> {
    return this.looking(vhost, queue, (within, found) => peek(within, found, query, this.pace));
  }

  /** The whole body of a message; undefined: it is not there. @throws BrokerError as `peek` does */
  body(vhost: string, queue: string, position: number): Promise<WholeBody | undefined> {
    return this.looking(vhost, queue, (within, found) => wholeBody(within, found, position, this.pace));
  }

  /** Moves, copies or removes. @throws BrokerError as `peek` does */
  relocate(vhost: string, queue: string, query: RelocateQuery): Promise<Relocated> {
    return this.looking(vhost, queue, (within, found) => relocate(within, found, query, this.pace));
  }

  /** Messages of a queue that are parked under tokens, `max` of them at most. @throws BrokerError not-found */
  deferred(
    vhost: string,
    queue: string,
    max: number,
  ): { total: number; messages: ReturnType<Contents['listDeferred']> } {
    const { contents } = this.find(vhost, queue).found;
    return { total: contents.deferred?.size ?? 0, messages: contents.listDeferred(max) };
  }

  private find(vhost: string, name: string): { within: Vhost; found: Queue } {
    const within = this.broker.vhostsByName.get(vhost);
    if (within === undefined) throw new BrokerError('not-found', `vhost '${vhost}' not found`);
    const found = within.topology.queues.get(name);
    if (found === undefined || found.abandoned) {
      throw new BrokerError('not-found', `no queue '${name}' in vhost '${vhost}'`);
    }
    return { within, found };
  }

  private async looking<T>(vhost: string, name: string, look: (vhost: Vhost, queue: Queue) => Promise<T>): Promise<T> {
    const { within, found: queue } = this.find(vhost, name);
    if (this.looks >= LOOKS_MAX) {
      throw new BrokerError('unavailable', `${LOOKS_MAX} look through queues already: try again`);
    }
    this.looks++;
    try {
      return await look(within, queue);
    } finally {
      this.looks--;
    }
  }
}
