/** The part of a session that traces: what it publishes, is delivered and settles becomes spans. It is there only where traces are switched on. */
import { MARK_REFUSED, type Mark } from '../../api/confirms.ts';
import {
  type Backpressure,
  type Consumer,
  type DeliverySink,
  type DirectSink,
  MODIFIED,
  type Outcome,
  RELEASED,
} from '../../api/consume.ts';
import type { Route } from '../../api/route.ts';
import { type Draft, MessageView } from '../../message/message.ts';
import { viewDraft } from '../../message/storage.ts';
import { textOf } from '../../message/text.ts';
import type { TracedClient, TracedDelivery, Tracer } from '../../tracing/tracer.ts';
import type { Vhost } from '../../vhost/vhost.ts';

export class SessionTraces {
  private readonly tracer: Tracer;
  private readonly vhost: Vhost;
  private readonly client: TracedClient;
  private readonly whenSafe: (mark: Mark, done: (failed: boolean) => void) => void;
  private readonly view = new MessageView();

  constructor(
    tracer: Tracer,
    vhost: Vhost,
    client: TracedClient,
    whenSafe: (mark: Mark, done: (failed: boolean) => void) => void,
  ) {
    this.tracer = tracer;
    this.vhost = vhost;
    this.client = client;
    this.whenSafe = whenSafe;
  }

  publish(route: Route, draft: Draft, publishing: { publish(route: Route, draft: Draft): Mark }): Mark {
    const { tracer, view } = this;
    viewDraft(draft, route, 0, view);
    const context = tracer.contextOf(view, this.vhost.dialects);
    if (context === undefined) return publishing.publish(route, draft);
    const beganMs = tracer.nowMs();
    const exchange = textOf(route.bytes, route.start, route.keyStart);
    const key = textOf(route.bytes, route.keyStart, route.end);
    const bytes = draft.large?.length ?? draft.bodyEnd - draft.bodyStart;
    const mark = publishing.publish(route, draft);
    const { routed } = draft;
    const ended = (failure: string): void =>
      tracer.published(context, this.client, { exchange, key, bytes, routed }, beganMs, failure);
    if (mark === MARK_REFUSED) ended('refused');
    else this.whenSafe(mark, (failed) => ended(failed ? 'not safe' : ''));
    return mark;
  }

  /** The same for a transaction's messages. */
  through(publishing: { publish(route: Route, draft: Draft): Mark }): { publish(route: Route, draft: Draft): Mark } {
    return { publish: (route, draft) => this.publish(route, draft, publishing) };
  }

  /** Stands between a queue and the adapter's sink. */
  sink(queue: string, sink: DeliverySink): DeliverySink {
    return new TracedSink(this.tracer, this.vhost, this.client, queue, sink);
  }

  direct(queue: string, sink: DirectSink): DirectSink {
    const { tracer, vhost, client } = this;
    return {
      get output() {
        return sink.output;
      },
      deliverDirect(view) {
        const context = tracer.contextOf(view, vhost.dialects);
        const taken = sink.deliverDirect(view);
        if (context !== undefined && taken) tracer.delivered(context, client, queue, view);
        return taken;
      },
      queueDeleted: (name) => sink.queueDeleted?.(name),
    };
  }
}

/** A sink and the consumer that its adapter is shown: both pass on what they are told. */
class TracedSink implements DeliverySink {
  /** Deliveries that are in a trace, by slot: no more than are unsettled. */
  private readonly held = new Map<number, TracedDelivery>();
  private readonly tracer: Tracer;
  private readonly vhost: Vhost;
  private readonly client: TracedClient;
  private readonly queue: string;
  private sink: DeliverySink;
  readonly overdue?: NonNullable<DeliverySink['overdue']>;

  constructor(tracer: Tracer, vhost: Vhost, client: TracedClient, queue: string, sink: DeliverySink) {
    this.tracer = tracer;
    this.vhost = vhost;
    this.client = client;
    this.queue = queue;
    this.sink = sink;
    if (sink.overdue !== undefined) this.overdue = (...late) => this.takenBack(...late);
  }

  get holdMs(): number {
    return this.sink.holdMs ?? 0;
  }

  private takenBack(...late: Parameters<NonNullable<DeliverySink['overdue']>>): readonly number[] {
    const taken = this.sink.overdue!(...late);
    for (const slot of taken) this.settled(slot, late[1] === 'lease' ? MODIFIED : RELEASED);
    return taken;
  }

  attached(consumer: Consumer): void {
    const settle = consumer.settle.bind(consumer);
    const resume = consumer.resume.bind(consumer);
    const cancel = consumer.cancel.bind(consumer);
    consumer.settle = (slot: number, outcome: Outcome): void => {
      this.settled(slot, outcome);
      settle(slot, outcome);
    };
    consumer.cancel = (outcome?: Outcome): void => {
      if (outcome !== undefined) for (const slot of [...this.held.keys()]) this.settled(slot, outcome);
      cancel(outcome);
    };
    // Its session goes on with another connection.
    consumer.resume = (sink: DeliverySink, output: Backpressure): void => {
      this.sink = sink;
      resume(this, output);
    };
    this.sink.attached?.(consumer);
  }

  private settled(slot: number, outcome: Outcome): void {
    const delivery = this.held.get(slot);
    if (delivery === undefined) return;
    this.held.delete(slot);
    this.tracer.settled(delivery, this.client, outcome);
  }

  deliver(view: MessageView, slot: number): void {
    const context = this.tracer.contextOf(view, this.vhost.dialects);
    if (context === undefined) this.held.delete(slot);
    else {
      const delivery = this.tracer.delivered(context, this.client, this.queue, view);
      if (slot >= 0) this.held.set(slot, delivery);
    }
    this.sink.deliver(view, slot);
  }

  cancelled(reason: Parameters<DeliverySink['cancelled']>[0]): void {
    this.held.clear();
    this.sink.cancelled(reason);
  }
}
