/** Spans go out in the background, bounded: what finds no room or is not taken is counted, and nobody waits. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import type { Logger } from '../../src/logger.ts';
import { NO_LOGGER } from '../../src/logger.ts';
import { OtlpExporter, WAITING_MAX } from '../../src/tracing/exporter.ts';
import type { Span } from '../../src/tracing/spans.ts';
import { until } from '../support/until.ts';
import { attribute, type Collector, startCollector } from './collector.ts';

const SPAN: Span = {
  ...{
    name: 'publish q',
    kind: 2,
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    parentId: '',
  },
  ...{ state: '', links: [], beganMs: 1_790_000_000_000.5, endedMs: 1_790_000_000_002, failure: '' },
  attributes: { text: 'grüße', whole: 42, part: 0.5, yes: true },
};

let collector: Collector;
let clock: ManualClock;

beforeEach(async () => {
  collector = await startCollector();
  clock = new ManualClock();
});

afterEach(() => collector.close());

const start = (logger: Logger = NO_LOGGER): OtlpExporter =>
  new OtlpExporter(collector.url, clock, logger, { 'service.name': 'entrepot' });

it('sends what has come within a second in one request, in OTLP’s form', async () => {
  const exporter = start();
  const links = [{ traceId: SPAN.traceId, spanId: 'b7ad6b7169203331', sampled: true, state: '' }];
  exporter.add({ ...SPAN, parentId: 'b7ad6b7169203331', state: 'a=b', links, failure: 'refused' });
  exporter.add(SPAN);
  expect(collector.requests).toBe(0);
  clock.advance(1_000);
  await until(() => exporter.exported === 2, 'both to be sent');
  expect(collector.requests).toBe(1);
  const [first, second] = collector.spans;
  expect(first).toMatchObject({
    ...{ name: 'publish q', kind: 2, parentSpanId: 'b7ad6b7169203331', traceState: 'a=b' },
    ...{ startTimeUnixNano: '1790000000000500000', endTimeUnixNano: '1790000000002000000' },
    ...{ status: { code: 2, message: 'refused' }, links: [{ traceId: SPAN.traceId, spanId: 'b7ad6b7169203331' }] },
  });
  expect(['text', 'whole', 'part', 'yes'].map((key) => attribute(first!, key))).toEqual(['grüße', '42', 0.5, true]);
  for (const key of ['parentSpanId', 'links', 'status', 'traceState']) expect(second).not.toHaveProperty(key);
  expect(collector.resources[0]).toContain('service.name');
  await exporter.close();
});

it('drops what finds no room while the collector does not answer, and counts it', async () => {
  const exporter = start();
  collector.silent = true;
  for (let i = 0; i < WAITING_MAX + 1_000; i++) exporter.add(SPAN);
  expect(exporter.dropped).toBe(488); // but for the batch that is under way
  await until(() => collector.requests === 1, 'the first batch');
  clock.advance(5_000);
  expect(collector.requests).toBe(1);
  const closed = exporter.close();
  clock.advance(1_000);
  await closed;
  expect(exporter.statistics).toMatchObject({ exported: 0, dropped: 488 + WAITING_MAX });
  exporter.add(SPAN);
  expect(exporter.dropped).toBe(489 + WAITING_MAX);
});

it('counts what the collector does not take, says so once in a while, and goes on', async () => {
  const told: object[] = [];
  const exporter = start({ ...NO_LOGGER, warn: (fields) => told.push(fields) });
  collector.status = 503;
  for (let round = 1; round <= 3; round++) {
    exporter.add(SPAN);
    clock.advance(1_000);
    await until(() => exporter.failed === round, 'the refusal');
  }
  expect(told).toMatchObject([{ problem: 'status 503' }]);
  collector.status = 200;
  exporter.add(SPAN);
  await exporter.close();
  expect(exporter.statistics).toEqual({ exported: 1, dropped: 0, failed: 3 });
});

it('a collector that is not there costs spans and nothing else', async () => {
  const exporter = new OtlpExporter('http://127.0.0.1:1', clock, NO_LOGGER, {});
  exporter.add(SPAN);
  await exporter.close();
  expect(exporter.statistics).toEqual({ exported: 0, dropped: 0, failed: 1 });
});
