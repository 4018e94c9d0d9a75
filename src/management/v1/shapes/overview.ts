/** The overview, as JSON. */
import { z } from 'zod';
import { ALARM_KINDS } from '../../../operator/overview/alarms.ts';
import { FAILURE_KINDS } from '../../../operator/overview/failures.ts';
import type { Glance, Past } from '../../../operator/overview/overview.ts';
import type { Span } from '../../../operator/rates/series.ts';

const RATE = z.number().describe('Messages a second.');
const CARRIED = z.object({
  messages: RATE,
  bytes: z.number().describe('Bytes a second on the sockets of its clients, as far as these are open.'),
});

export const GLANCE = z.object({
  at: z.iso.datetime(),
  sampledAt: z.iso.datetime().describe('When rates were made last.'),
  vhosts: z.number().int(),
  queues: z.number().int(),
  exchanges: z.number().int(),
  consumers: z.number().int(),
  connections: z.number().int().describe('Of the user alone, for who sees some vhosts alone.'),
  flow: z.object({ in: RATE, out: RATE, accepted: RATE }),
  waiting: z.object({
    ready: z.number().int(),
    unsettled: z.number().int().describe('Held by consumers.'),
    delayed: z.number().int().describe('Not to be routed yet.'),
    retrying: z.number().int().describe('Failed, and to be tried again after a while.'),
    undelivered: z.number().int().describe('Dead letters that find no room where they lead.'),
  }),
  failing: z
    .array(
      z.object({
        kind: z.enum(FAILURE_KINDS),
        reason: z.string().describe('A word for programs.'),
        text: z.string(),
        total: z.number().int().describe('Since the broker was started.'),
        rate: RATE,
      }),
    )
    .describe('The ways in which messages have failed; those in which none has are left out.'),
  alarms: z.array(
    z.object({
      kind: z.enum(ALARM_KINDS),
      severity: z.enum(['bad', 'warn']),
      vhost: z.string().optional(),
      text: z.string().describe('What is wrong.'),
      advice: z.string().describe('What to do about it.'),
    }),
  ),
  protocols: z
    .array(z.object({ protocol: z.string(), connections: z.number().int(), in: CARRIED, out: CARRIED }))
    .optional()
    .describe('Those that have been spoken since the broker was started.'),
  disk: z
    .object({
      usedBytes: z.number().int(),
      freeBytes: z.number().int().optional(),
      freeMinBytes: z.number().int().describe('Publishers wait while less is free; 0: no mark.'),
      syncMilliseconds: z.number().optional().describe('What a sync took lately, where there was one.'),
    })
    .optional(),
  memory: z
    .object({
      residentBytes: z.number().int(),
      maxBytes: z.number().int().describe('Publishers wait while more is resident; 0: no mark.'),
    })
    .optional(),
});

const NUMBERS = z.array(z.number());

export const PAST = z.object({
  stepSeconds: z.number().int(),
  times: z.array(z.number()).describe('Seconds since 1970, the oldest first; of all the rest as many.'),
  in: NUMBERS,
  out: NUMBERS,
  ready: NUMBERS,
  unsettled: NUMBERS,
  protocols: z
    .array(z.object({ protocol: z.string(), in: NUMBERS, out: NUMBERS, bytesIn: NUMBERS, bytesOut: NUMBERS }))
    .optional(),
  failing: z.object({ refused: NUMBERS, dropped: NUMBERS, 'dead-lettered': NUMBERS, redelivered: NUMBERS }).optional(),
  residentBytes: NUMBERS.optional(),
  diskUsedBytes: NUMBERS.optional(),
});

const iso = (ms: number): string => new Date(ms).toISOString();

/** A rate has three digits behind the point, no more. */
const rounded = (rate: number): number => Math.round(rate * 1000) / 1000;

function carried({ messages, bytes }: { messages: number; bytes: number }): z.output<typeof CARRIED> {
  return { messages: rounded(messages), bytes: Math.round(bytes) };
}

export function glanceShape(glance: Glance): z.output<typeof GLANCE> {
  const { atMs, sampledAtMs, flow, failing, alarms, broker, ...rest } = glance;
  return {
    at: iso(atMs),
    sampledAt: iso(sampledAtMs),
    ...rest,
    flow: { in: rounded(flow.in), out: rounded(flow.out), accepted: rounded(flow.accepted) },
    failing: failing.map((one) => ({ ...one, rate: rounded(one.rate) })),
    alarms: alarms.map((one) => ({ ...one })),
    ...(broker !== undefined && brokerShape(broker)),
  };
}

function brokerShape({ protocols, disk, memory }: NonNullable<Glance['broker']>) {
  const { usedBytes, freeBytes, freeMinBytes, syncMs } = disk;
  return {
    protocols: protocols.map((one) => ({ ...one, in: carried(one.in), out: carried(one.out) })),
    disk: {
      usedBytes,
      ...(freeBytes !== undefined && { freeBytes }),
      freeMinBytes: Math.round(freeMinBytes),
      ...(syncMs !== undefined && { syncMilliseconds: rounded(syncMs) }),
    },
    memory: { residentBytes: memory.residentBytes, maxBytes: Math.round(memory.maxBytes) },
  };
}

export function pastShape(past: Past, span: Span): z.output<typeof PAST> {
  const { timesMs, broker } = past;
  const rates = (values: readonly number[]): number[] => values.map(rounded);
  return {
    stepSeconds: span === 'hour' ? 30 : 5,
    times: timesMs.map((ms) => ms / 1000),
    in: rates(past.in),
    out: rates(past.out),
    ready: [...past.ready],
    unsettled: [...past.unsettled],
    ...(broker !== undefined && {
      protocols: broker.protocols.map(({ protocol, ...of }) => ({
        protocol,
        in: rates(of.in),
        out: rates(of.out),
        bytesIn: rates(of.bytesIn),
        bytesOut: rates(of.bytesOut),
      })),
      failing: {
        refused: rates(broker.failing.refused),
        dropped: rates(broker.failing.dropped),
        'dead-lettered': rates(broker.failing['dead-lettered']),
        redelivered: rates(broker.failing.redelivered),
      },
      residentBytes: [...broker.residentBytes],
      diskUsedBytes: [...broker.diskUsedBytes],
    }),
  };
}
