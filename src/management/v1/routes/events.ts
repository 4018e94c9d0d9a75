/** What happens, as server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html */
import { z } from 'zod';
import type { BrokerEvent } from '../../../broker/events.ts';
import type { EventStream, TimedEvent } from '../../../operator/event-stream.ts';
import { type Operation, operation } from '../http/operation.ts';

/** Milliseconds: less than a socket may be silent. */
const IDLE_MS = 5_000;

const KINDS = [
  'connection-opened',
  'connection-closed',
  'queue-made',
  'queue-deleted',
  'consumer-came',
  'consumer-left',
  'vhost-made',
  'vhost-deleted',
  'policy-set',
  'policy-deleted',
  'alarm-raised',
  'alarm-cleared',
  'disk-slow',
  'rights-changed',
] as const satisfies readonly BrokerEvent['kind'][];

const encoder = new TextEncoder();

function written({ number, atMs, event: { kind, ...about } }: TimedEvent): string {
  return `id: ${number}\nevent: ${kind}\ndata: ${JSON.stringify({ at: new Date(atMs).toISOString(), ...about })}\n\n`;
}

/** Asked for more only as its reader takes what there is: what he does not take waits in the stream, or is dropped there. */
function body(stream: EventStream, stillMay: () => boolean): ReadableStream<Uint8Array> {
  let told = 0;
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(encoder.encode(': events\n\n')),
      async pull(controller) {
        const events = await stream.next(IDLE_MS);
        if (!stillMay()) stream.end();
        if (stream.over) {
          controller.close();
          return;
        }
        const { dropped } = stream;
        const lost = dropped > told ? `event: dropped\ndata: {"count":${dropped - told}}\n\n` : '';
        told = dropped;
        const text = lost + events.map(written).join('');
        controller.enqueue(encoder.encode(text === '' ? ': nothing\n\n' : text));
      },
      cancel: () => stream.end(),
    },
    { highWaterMark: 1 },
  );
}

export const EVENTS: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/events',
    id: 'events',
    group: 'Events',
    summary: 'Tells what happens, as server-sent events, from now on.',
    description: `The kinds: ${KINDS.join(', ')}. Data is an object of JSON with \`at\` and what it is about. A reader who is too slow loses the oldest, and is told how many by an event \`dropped\`; nothing is held up for him.`,
    access: 'monitoring',
    query: z.strictObject({
      kind: z
        .string()
        .max(500)
        .transform((text) => text.split(','))
        .pipe(z.array(z.enum(KINDS)))
        .optional()
        .describe('Only these kinds, with commas between them.'),
      vhost: z.string().max(255).optional().describe('Only what concerns this vhost.'),
    }),
    answer: { contentType: 'text/event-stream', what: 'Events, until the client goes.' },
    handle: (asked) => {
      const { kind, vhost } = asked.query;
      const stillMay = (): boolean => asked.stillMay;
      const stream: EventStream = asked.operator.events((event) => {
        if (event.kind === 'rights-changed' && !stillMay()) {
          stream.end();
          return false;
        }
        return (
          (kind === undefined || kind.includes(event.kind)) &&
          (vhost === undefined || ('vhost' in event && event.vhost === vhost))
        );
      });
      asked.signal.addEventListener('abort', () => stream.end(), { once: true });
      if (asked.signal.aborted) stream.end();
      return new Response(body(stream, stillMay), {
        headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
      });
    },
  }),
];
