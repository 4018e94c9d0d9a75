/** Spans, and the OTLP form of them: JSON, as OTLP/HTTP takes it. https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */
import type { TraceContext } from './trace-context.ts';

/** Numbers of OTLP's SpanKind: who answers a client, and who sends something that is dealt with later. */
export const KIND_SERVER = 2;
export const KIND_PRODUCER = 4;

export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface Span {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  /** '' for the first of a trace. */
  readonly parentId: string;
  readonly state: string;
  readonly links: readonly TraceContext[];
  /** Epoch milliseconds, with a fraction. */
  readonly beganMs: number;
  readonly endedMs: number;
  readonly attributes: Attributes;
  /** Why it has failed; '' if it has not. */
  readonly failure: string;
}

const STATUS_ERROR = 2;

/** The body of a request to `/v1/traces`. */
export function encodeSpans(
  spans: readonly Span[],
  resource: Attributes,
  scope: { name: string; version: string },
): string {
  return JSON.stringify({
    resourceSpans: [
      { resource: { attributes: keyValues(resource) }, scopeSpans: [{ scope, spans: spans.map(encodeSpan) }] },
    ],
  });
}

function encodeSpan(span: Span): object {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentId !== '' && { parentSpanId: span.parentId }),
    ...(span.state !== '' && { traceState: span.state }),
    name: span.name,
    kind: span.kind,
    startTimeUnixNano: nanoseconds(span.beganMs),
    endTimeUnixNano: nanoseconds(span.endedMs),
    attributes: keyValues(span.attributes),
    ...(span.links.length > 0 && {
      links: span.links.map(({ traceId, spanId, state }) => ({
        traceId,
        spanId,
        ...(state !== '' && { traceState: state }),
      })),
    }),
    ...(span.failure !== '' && { status: { code: STATUS_ERROR, message: span.failure } }),
  };
}

/** Sixty-four bits are text in JSON. */
function nanoseconds(epochMs: number): string {
  const whole = Math.floor(epochMs);
  return `${whole}${String(Math.floor((epochMs - whole) * 1e6)).padStart(6, '0')}`;
}

function keyValues(attributes: Attributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));
}

function anyValue(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
