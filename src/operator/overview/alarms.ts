/** What is wrong with the broker now, each in words and with what to do about it. */
import { CERTIFICATE_MS } from '../../broker/alarms.ts';
import type { Broker } from '../../broker/broker.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { Sampler } from '../rates/sampler.ts';
import { SERIES_MAX } from '../rates/sampler.ts';
import type { CertificateView, Surroundings } from '../surroundings.ts';

export const ALARM_KINDS = [
  'log-failed',
  'disk-full',
  'disk',
  'memory',
  'transient-full',
  'dead-letters',
  'retries',
  'certificate',
  'sampling',
] as const;

export interface Alarm {
  readonly kind: (typeof ALARM_KINDS)[number];
  /** `bad`: something does not work. */
  readonly severity: 'bad' | 'warn';
  /** What is wrong, in a sentence. */
  readonly text: string;
  /** What to do about it. */
  readonly advice: string;
  /** Undefined: it concerns all. */
  readonly vhost?: string;
}

/** Those that everybody is concerned by. */
export function machineAlarms(surroundings: Surroundings, broker: Pick<Broker, 'diskFull'>): Alarm[] {
  const alarms: Alarm[] = [];
  const { alarms: scarce } = surroundings.machine();
  if (broker.diskFull) {
    alarms.push({
      kind: 'disk-full',
      severity: 'bad',
      text: 'The disk is full: all publishers wait. Consumers go on, and what they settle makes room.',
      advice: 'Free room on the disk of the data, or consume, purge or delete queues that nobody needs.',
    });
  } else if (scarce.includes('disk')) {
    alarms.push({
      kind: 'disk',
      severity: 'bad',
      text: 'The disk has less free than its mark (disk.freeMin): all publishers wait. Consumers go on.',
      advice: 'Free room on the disk of the data, consume or purge long queues, or lower disk.freeMin.',
    });
  }
  if (scarce.includes('memory')) {
    alarms.push({
      kind: 'memory',
      severity: 'bad',
      text: 'Memory is past its mark (memory.highWatermark): all publishers wait. Consumers go on.',
      advice: 'Look for connections that do not read what they are sent, and for very many queues; or raise the mark.',
    });
  }
  return alarms;
}

export function vhostAlarms(vhost: Vhost): Alarm[] {
  const alarms: Alarm[] = [];
  const { name } = vhost;
  if (vhost.failed !== undefined) {
    alarms.push({
      kind: 'log-failed',
      severity: 'bad',
      vhost: name,
      text: `The log of vhost ${name} has failed: ${vhost.failed.message}. Nothing is confirmed there any more.`,
      advice: 'Look at the disk and the system’s log, then start the broker again: what was confirmed is safe.',
    });
  }
  if (vhost.transient.full) {
    alarms.push({
      kind: 'transient-full',
      severity: 'bad',
      vhost: name,
      text: `Vhost ${name} has no room for transient messages: they are refused.`,
      advice: 'Consume or purge queues of transient messages, or let their publishers send durable ones.',
    });
  }
  const { heldQueues } = vhost.deadLetters.pending;
  if (heldQueues > 0) {
    alarms.push({
      kind: 'dead-letters',
      severity: 'bad',
      vhost: name,
      text: `In vhost ${name} ${queues(heldQueues)}: their dead letters find no room where they lead.`,
      advice: 'Consume or purge the queues that dead letters go to, or let them be longer.',
    });
  }
  const held = vhost.retries.heldQueues;
  if (held > 0) {
    alarms.push({
      kind: 'retries',
      severity: 'warn',
      vhost: name,
      text: `In vhost ${name} ${queues(held)}: as many failed messages wait to be tried again as may.`,
      advice: 'Look at what their consumers fail on. They go on by themselves as messages are due.',
    });
  }
  return alarms;
}

/** For who looks after the whole broker. */
export function upkeepAlarms(
  surroundings: { certificates(): readonly Pick<CertificateView, 'path' | 'untilMs'>[] },
  sampler: Pick<Sampler, 'without'>,
  nowMs: number,
): Alarm[] {
  const alarms: Alarm[] = [];
  for (const { path, untilMs } of surroundings.certificates()) {
    const leftMs = untilMs - nowMs;
    if (leftMs > CERTIFICATE_MS) continue;
    const days = Math.floor(leftMs / 86_400_000);
    alarms.push({
      kind: 'certificate',
      severity: leftMs <= 0 ? 'bad' : 'warn',
      text:
        leftMs <= 0
          ? `The certificate ${path} has expired: clients that check it do not connect.`
          : `The certificate ${path} expires ${days < 1 ? 'within a day' : days === 1 ? 'in a day' : `in ${days} days`}.`,
      advice: 'Put a new one in its place: the broker takes it up by itself.',
    });
  }
  if (sampler.without > 0) {
    alarms.push({
      kind: 'sampling',
      severity: 'warn',
      text: `So many queues and channels are busy that ${sampler.without} of them show no rate.`,
      advice: `Rates of ${SERIES_MAX} are kept at a time. Messages are not concerned.`,
    });
  }
  return alarms;
}

const queues = (number: number): string => (number === 1 ? 'a queue stands still' : `${number} queues stand still`);
