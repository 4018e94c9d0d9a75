/**
 * Traces of messages: spans for what the broker does with one, in the trace that its publisher has said it belongs to.
 *
 *     publish   from the message's coming in until it is safe; its parent is the publisher's span (`traceparent`)
 *     deliver   when it is handed out; in the same trace, linked to the publisher's span
 *     settle    from then until the consumer says how it ended; linked to the delivery
 *
 * A message carries its `traceparent` and `tracestate` on unchanged, in every protocol's own form: they are headers like others.
 * What has none begins a trace of its own at each of these, of which a part is sampled. Only what is sampled costs more than a look.
 */
import { ACCEPTED, MODIFIED, type Outcome, REJECTED, RELEASED } from '../api/consume.ts';
import type { Clock } from '../clock/clock.ts';
import type { Dialects } from '../message/dialect.ts';
import type { MessageView } from '../message/message.ts';
import type { OtlpExporter, TracingStatistics } from './exporter.ts';
import { type Attributes, KIND_PRODUCER, KIND_SERVER, type Span } from './spans.ts';
import { isSampled, newId, parseTraceparent, type TraceContext } from './trace-context.ts';

const TRACEPARENT = 'traceparent';
const TRACESTATE = 'tracestate';
const OUTCOMES: Readonly<Record<Outcome, string>> = {
  [ACCEPTED]: 'accepted',
  [REJECTED]: 'rejected',
  [RELEASED]: 'released',
  [MODIFIED]: 'modified',
};

/** Who does something with a message. */
export interface TracedClient {
  readonly protocol: string;
  readonly vhost: string;
  readonly user: string;
}

/** A delivery that is in a trace, until it is settled. */
export interface TracedDelivery {
  readonly context: TraceContext;
  readonly parentId: string;
  readonly queue: string;
  readonly atMs: number;
}

export interface TracerOptions {
  readonly exporter: OtlpExporter;
  readonly clock: Clock;
  /** Part of the messages without a context of their own, 0 to 1. */
  readonly sample: number;
}

export class Tracer {
  private readonly exporter: OtlpExporter;
  private readonly clock: Clock;
  private readonly sample: number;
  /** What is to be added to the clock that only goes forward. */
  private readonly epochOffsetMs: number;

  constructor({ exporter, clock, sample }: TracerOptions) {
    this.exporter = exporter;
    this.clock = clock;
    this.sample = sample;
    this.epochOffsetMs = clock.epochMs() - clock.monotonicMs();
  }

  get statistics(): TracingStatistics {
    return this.exporter.statistics;
  }

  /** Epoch milliseconds, with a fraction. */
  nowMs(): number {
    return this.epochOffsetMs + this.clock.monotonicMs();
  }

  /** What the message belongs to; undefined: nothing is to be recorded of it. */
  contextOf(view: MessageView, dialects: Dialects): TraceContext | undefined {
    const said = this.said(view, dialects);
    if (said !== undefined) return said.sampled ? said : undefined;
    if (this.sample === 0) return undefined;
    const traceId = newId(16);
    return isSampled(traceId, this.sample) ? { traceId, spanId: '', sampled: true, state: '' } : undefined;
  }

  private said(view: MessageView, dialects: Dialects): TraceContext | undefined {
    const { props, propsStart, propsEnd } = view;
    if (propsEnd - propsStart < TRACEPARENT.length) return undefined;
    // Most have none: their properties need not be read for that.
    if (!props.subarray(propsStart, propsEnd).includes(TRACEPARENT, 0, 'latin1')) return undefined;
    const { headers } = dialects.properties(view);
    const text = (name: string): string => {
      const value = headers.find((header) => header.name === name)?.value;
      if (typeof value === 'string') return value;
      return value !== null && typeof value === 'object' && value.type === 'bytes'
        ? value.value.toString('latin1')
        : '';
    };
    return parseTraceparent(text(TRACEPARENT), text(TRACESTATE));
  }

  published(
    parent: TraceContext,
    client: TracedClient,
    message: { readonly exchange: string; readonly key: string; readonly bytes: number; readonly routed: number },
    beganMs: number,
    failure: string,
  ): void {
    const { exchange, key, bytes, routed } = message;
    this.add({
      ...this.begun(`publish ${exchange === '' ? key : exchange}`, KIND_SERVER, parent),
      ...{ links: [], beganMs, endedMs: this.nowMs(), failure },
      attributes: {
        ...attributesOf(client, 'send', exchange === '' ? key : exchange),
        'messaging.rabbitmq.destination.routing_key': key,
        'messaging.message.body.size': bytes,
        'entrepot.routed': routed,
      },
    });
  }

  /** @returns what its settling is told */
  delivered(parent: TraceContext, client: TracedClient, queue: string, view: MessageView): TracedDelivery {
    const atMs = this.nowMs();
    const span = this.begun(`deliver ${queue}`, KIND_PRODUCER, parent);
    this.add({
      ...span,
      ...{ links: parent.spanId === '' ? [] : [parent], beganMs: atMs, endedMs: atMs, failure: '' },
      attributes: {
        ...attributesOf(client, 'receive', queue),
        'messaging.message.body.size': view.bodyLength,
        'entrepot.waited_ms': Math.max(0, Math.round(atMs - view.arrivedAtMs)),
        'entrepot.redelivered': view.redelivered,
        'entrepot.attempts': view.attempts,
      },
    });
    return { context: { ...parent, spanId: span.spanId }, parentId: span.spanId, queue, atMs };
  }

  settled({ context, queue, atMs }: TracedDelivery, client: TracedClient, outcome: Outcome): void {
    this.add({
      ...this.begun(`settle ${queue}`, KIND_SERVER, context),
      ...{ links: [context], beganMs: atMs, endedMs: this.nowMs() },
      attributes: { ...attributesOf(client, 'settle', queue), 'entrepot.outcome': OUTCOMES[outcome] },
      failure: outcome === REJECTED ? 'rejected' : '',
    });
  }

  private begun(
    name: string,
    kind: number,
    parent: TraceContext,
  ): Pick<Span, 'name' | 'kind' | 'traceId' | 'spanId' | 'parentId' | 'state'> {
    return { name, kind, traceId: parent.traceId, spanId: newId(8), parentId: parent.spanId, state: parent.state };
  }

  private add(span: Span): void {
    this.exporter.add(span);
  }

  close(): Promise<void> {
    return this.exporter.close();
  }
}

/** https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ */
function attributesOf(client: TracedClient, operation: 'send' | 'receive' | 'settle', destination: string): Attributes {
  return {
    'messaging.system': 'entrepot',
    'messaging.operation.type': operation,
    'messaging.destination.name': destination,
    // A program that holds the broker, or an operator over HTTP, speaks none of them.
    ...(client.protocol !== '' && { 'network.protocol.name': client.protocol }),
    'entrepot.vhost': client.vhost,
    'enduser.id': client.user,
  };
}
