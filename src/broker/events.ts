/** What happens in a broker, told to who watches; where nobody does, nothing is made. Nothing for a message: only what operators do and see. */
import type { PolicyKind } from '../api/policies.ts';
import type { QueueOptions, QueueUse } from '../api/topology.ts';
import type { VhostAlarm } from '../vhost/options.ts';

/** `memory` and `disk` are past their marks; a `certificate` expires soon. */
export type AlarmResource = 'memory' | 'disk' | 'certificate' | VhostAlarm;

export type BrokerEvent =
  | {
      readonly kind: 'connection-opened' | 'connection-closed';
      readonly vhost: string;
      readonly user: string;
      readonly protocol: string;
      /** Its address and port. */
      readonly client: string;
    }
  | {
      readonly kind: 'queue-made' | 'queue-deleted';
      readonly vhost: string;
      readonly queue: string;
      readonly use?: QueueUse;
    }
  /** `consumers`: how many the queue has from now on. */
  | {
      readonly kind: 'consumer-came' | 'consumer-left';
      readonly vhost: string;
      readonly queue: string;
      readonly consumers: number;
      readonly use?: QueueUse;
    }
  | { readonly kind: 'vhost-made' | 'vhost-deleted'; readonly vhost: string }
  | {
      readonly kind: 'policy-set' | 'policy-deleted';
      readonly vhost: string;
      readonly policy: string;
      readonly of: PolicyKind;
    }
  /** Without a vhost it concerns all. */
  | { readonly kind: 'alarm-raised' | 'alarm-cleared'; readonly resource: AlarmResource; readonly vhost?: string }
  /** The disk took so long to write and sync; `more`: so many others since the last time it was told. */
  | { readonly kind: 'disk-slow'; readonly vhost: string; readonly ms: number; readonly more: number }
  /** Users, or what some of them may do. */
  | { readonly kind: 'rights-changed' };

/** What an event about a queue says of what that is there for. */
export function queueUse({ exclusive, ownUse, forSubscription }: QueueOptions): { readonly use?: QueueUse } {
  if (forSubscription === true || (ownUse !== undefined && ownUse !== false)) return { use: 'own' };
  return exclusive ? { use: 'temporary' } : {};
}

/** Called at once, from within what happens: it must not throw, and keeps nobody waiting. */
export type EventListener = (event: BrokerEvent) => void;

export class BrokerEvents {
  private readonly listeners = new Set<EventListener>();

  /** Somebody listens: ask before an event is made. */
  get watched(): boolean {
    return this.listeners.size > 0;
  }

  tell(event: BrokerEvent): void {
    for (const listener of this.listeners) listener(event);
  }

  add(listener: EventListener): void {
    this.listeners.add(listener);
  }

  remove(listener: EventListener): void {
    this.listeners.delete(listener);
  }
}
