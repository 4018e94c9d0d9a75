/** A collector of traces as small as it can be: takes OTLP/HTTP in JSON, and remembers the spans. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { key: string; value: Readonly<Record<string, unknown>> }[];
  readonly links?: readonly { traceId: string; spanId: string }[];
  readonly status?: { code: number; message: string };
}

export interface Collector {
  readonly url: string;
  readonly spans: CollectedSpan[];
  readonly resources: string[];
  requests: number;
  /** What it answers. */
  status: number;
  /** While set, it does not answer. */
  silent: boolean;
  close(): Promise<void>;
}

export async function startCollector(): Promise<Collector> {
  const waiting: (() => void)[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      collector.requests++;
      const answer = (): void => void response.writeHead(collector.status).end('{}');
      if (
        request.method !== 'POST' ||
        request.url !== '/v1/traces' ||
        !/json/.test(request.headers['content-type'] ?? '')
      ) {
        response.writeHead(404).end();
        return;
      }
      if (collector.status === 200) {
        for (const { resource, scopeSpans } of JSON.parse(text).resourceSpans) {
          collector.resources.push(JSON.stringify(resource));
          for (const { spans } of scopeSpans) collector.spans.push(...spans);
        }
      }
      if (collector.silent) waiting.push(answer);
      else answer();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const collector: Collector = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ spans: [], resources: [], requests: 0, status: 200, silent: false },
    async close() {
      for (const answer of waiting) answer();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
  return collector;
}

export function attribute({ attributes }: CollectedSpan, key: string): unknown {
  const value = attributes.find((one) => one.key === key)?.value;
  return value === undefined ? undefined : Object.values(value)[0];
}
