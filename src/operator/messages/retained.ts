/** Retained messages: the last of each topic. */
import type { Broker } from '../../broker/broker.ts';
import { MessageView } from '../../message/message.ts';
import { FLAG_DURABLE, FLAG_LARGE } from '../../queue/entry-flags.ts';
import type { RetainedMessage } from '../../queue/store/retained-index.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import { Listing, type Scope, type Source } from '../listing/listing.ts';
import { compareText } from '../listing/order.ts';
import type { Pace } from '../listing/pace.ts';
import { type PeekedMessage, peekedMessage } from './peek.ts';

export interface RetainedView {
  readonly vhost: string;
  /** Of the topic, dotted. */
  readonly key: string;
  /** Of key, properties and body. */
  readonly bytes: number;
  /** Epoch milliseconds, 0 for never. */
  readonly expiresAtMs: number;
}

interface Kept {
  readonly vhost: Vhost;
  readonly message: RetainedMessage;
}

export class Retained {
  readonly list: Listing<Kept, RetainedView>;
  private readonly broker: Broker;

  constructor(broker: Broker, pace: Pace) {
    this.broker = broker;
    this.list = new Listing(new RetainedSource(broker), pace);
  }

  /** With its first bytes. Undefined: there is none, or it cannot be read. */
  async find(vhost: string, key: string, bodyBytes: number): Promise<PeekedMessage | undefined> {
    const within = this.broker.vhostsByName.get(vhost);
    const message = within?.retained.index.get(key);
    if (within === undefined || message === undefined) return undefined;
    const entry = { seq: message.seq, flags: flagsOf(message), state: 'ready' } as const;
    const view = new MessageView();
    const look = (): Promise<PeekedMessage> | undefined =>
      within.store.view(entry.seq, entry.flags, view) ? peekedMessage(within, entry, view, bodyBytes) : undefined;
    return (
      look() ??
      new Promise((resolve, reject) => {
        within.store.load(entry.seq, entry.flags, (error) => {
          const found = error === undefined ? look() : undefined;
          if (found === undefined) resolve(undefined);
          else found.then(resolve, reject);
        });
      })
    );
  }

  /** Subscribers hear nothing of it. Resolves when it is safe; false: there is none. @throws BrokerError unavailable */
  async delete(vhost: string, key: string): Promise<boolean> {
    const removed = this.broker.vhostsByName.get(vhost)?.retained.remove(key) === true;
    if (removed) await this.broker.whenSafe(vhost);
    return removed;
  }
}

function flagsOf({ large }: RetainedMessage): number {
  return FLAG_DURABLE | (large ? FLAG_LARGE : 0);
}

class RetainedSource implements Source<Kept, RetainedView> {
  private readonly broker: Broker;

  constructor(broker: Broker) {
    this.broker = broker;
  }

  *walk(scope: Scope): Generator<Kept> {
    for (const name of scope) {
      const vhost = this.broker.vhostsByName.get(name);
      if (vhost !== undefined) for (const message of vhost.retained.index.all()) yield { vhost, message };
    }
  }

  view({ vhost, message: { key, bytes, expiresAtMs } }: Kept): RetainedView {
    return { vhost: vhost.name, key, bytes, expiresAtMs };
  }

  compare(a: Kept, b: Kept): number {
    return compareText(a.vhost.name, b.vhost.name) || compareText(a.message.key, b.message.key);
  }
}
