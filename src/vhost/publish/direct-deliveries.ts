/**
 * The rest of a long message's way to very many at-most-once subscribers: each of them costs its bytes, or what they have to be
 * made into, so thousands take longer than a turn may last. Its publisher waits meanwhile, as for any long operation of its own,
 * and what it says next comes after it.
 */
import { MessageView } from '../../message/message.ts';
import type { Queue } from '../../queue/queue.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import type { Vhost } from '../vhost.ts';

/** Who publishes, and can wait. */
export interface Publisher {
  deliverRest(rest: DirectDeliveries): void;
}

export class DirectDeliveries {
  private readonly home: Vhost;
  private readonly route: CompiledRoute<Queue>;
  private readonly view: MessageView;
  private next: number;

  /** @param view shows the publisher's bytes, which are copied */
  constructor(home: Vhost, route: CompiledRoute<Queue>, view: MessageView, next: number) {
    this.home = home;
    this.route = route;
    this.next = next;
    this.view = Object.assign(new MessageView(), view);
    const props = Buffer.from(view.props.subarray(view.propsStart, view.propsEnd));
    const body = Buffer.from(view.body.subarray(view.bodyStart, view.bodyEnd));
    Object.assign(this.view, { props, propsStart: 0, propsEnd: props.length });
    Object.assign(this.view, { body, bodyStart: 0, bodyEnd: body.length });
  }

  /** Some of them; true when none is left. */
  step(): boolean {
    this.next = this.home.deliverAlong(this.route, this.next, this.view, true);
    return this.next >= this.route.targets.length;
  }
}
