/**
 * The guard before what waits in a client's own queue: the client was away, and what it may read may have changed since the messages
 * came. A message passes if its user may read its topic, or if a binding that the queue still has would bring it. What was sent
 * to the queue by its name passes too.
 */
import type { MessageView } from '../../message/message.ts';
import { dotted } from '../../message/spelling.ts';
import type { DeliveryGuard } from '../../queue/dispatch/consumer.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { Permissions } from './permissions.ts';

export class ReadGuard implements DeliveryGuard {
  private readonly vhost: Vhost;
  private readonly permissions: Permissions;
  private readonly queue: Queue;
  /** What comes from now on comes through bindings that are asked for. */
  private readonly before: number;
  private readonly receiving: DeliveryGuard;

  /** @param receiving what its client may be handed in any case */
  constructor(vhost: Vhost, permissions: Permissions, queue: Queue, receiving: DeliveryGuard) {
    this.receiving = receiving;
    this.vhost = vhost;
    this.permissions = permissions;
    this.queue = queue;
    this.before = vhost.store.nextSeq;
  }

  get byAddress(): boolean {
    return this.receiving.byAddress;
  }

  permits(view: MessageView): boolean {
    return this.receiving.permits(view) && this.mayRead(view);
  }

  permitsAlong(route: object, view: MessageView): boolean {
    return this.receiving.permitsAlong(route, view) && this.mayRead(view);
  }

  private mayRead(view: MessageView): boolean {
    if (view.seq >= this.before || view.exchangeStart === view.exchangeEnd) return true;
    const name = view.exchange();
    const exchange = this.vhost.topology.exchanges.get(name);
    if (exchange === undefined) return this.permissions.permits('read', 'exchange', name);
    return this.permissions.permitsMessage(exchange, dotted(view.key(), view.spelling)) || this.isBound(name, view);
  }

  private isBound(exchange: string, { spelling, head, keyStart, keyEnd }: MessageView): boolean {
    const { router, name } = this.vhost;
    const { perMessage, targets } = router.route(exchange, spelling, head, keyStart, keyEnd, name);
    // Where more than the key decides, some binding is left on the way that decides it.
    return perMessage || targets.includes(this.queue);
  }
}
