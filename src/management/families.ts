/**
 * The metric families of `GET /metrics`: their names, help texts and where each number is read. All of it is read when it is
 * asked for; nothing here costs a message anything.
 *
 * Counters begin at zero with the process. Names follow Prometheus' customs: a unit in the name, `_total` for what only
 * rises.
 */
import type { LimitRefusals } from '../broker/limits/refusals.ts';
import type { LoginStatistics } from '../broker/logins.ts';
import type { WatermarkStatistics } from '../broker/watermarks.ts';
import { FlushTimes } from '../log/statistics.ts';
import type { VhostStatistics } from '../vhost/statistics.ts';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** For histograms, whose samples have names of their own. */
  readonly metricName?: string;
}

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly values: readonly Sample[];
}

export interface MemoryStatistics {
  readonly bytes: number;
  readonly bytesMax: number;
  readonly evicted: number;
}

export interface ConnectionStatistics {
  /** Sockets of clients, those among them that have not said yet what they are to carry, and what there may be. */
  readonly connections: number;
  readonly waitingSockets: number;
  readonly connectionsMax: number;
  /** Sockets of the HTTP ports; those dropped to make room, or because they did not read their answers. */
  readonly httpSockets: number;
  readonly httpSocketsDropped: number;
  /** Memory that connections hold, its bounds, and how many were closed because of them. */
  readonly unfinished: MemoryStatistics;
  readonly unsent: MemoryStatistics;
  /** Connections since the start: taken, turned away because there were too many, closed because their protocol was unknown. */
  readonly admitted: number;
  readonly refused: number;
  /** Of those: because they came too fast one after the other, or too many from one address. */
  readonly refusedRate: number;
  readonly refusedAddress: number;
  readonly unrecognised: number;
  readonly tls: TlsStatistics;
}

export interface TlsStatistics {
  /** Handshakes since the start: come to their end, failed, given up for others; and those under way. */
  readonly handshakes: { readonly done: number; readonly failed: number; readonly displaced: number };
  readonly handshaking: number;
  /** Certificates in force, by file. */
  readonly certificates: readonly { readonly path: string; readonly expiresMs: number }[];
}

/** Every number that is shown, as of one moment. */
export interface BrokerStatistics extends ConnectionStatistics {
  readonly version: string;
  readonly uptimeS: number;
  readonly sessions: number;
  readonly logins: LoginStatistics;
  /** How often a client's input, or a long operation of its, was put off to a later turn. */
  readonly workWaits: number;
  readonly vhosts: readonly VhostStatistics[];
  /** What each adapter counts, by its name. */
  readonly protocols: readonly (readonly [protocol: string, counts: Readonly<Record<string, unknown>>])[];
  readonly process: ProcessStatistics;
  /** How often limits of users, vhosts and connections have refused something. */
  readonly limitRefusals: Pick<LimitRefusals, 'total' | typeof Symbol.iterator>;
  /** The marks of memory and disk that hold publishers back. */
  readonly watermarks: WatermarkStatistics;
}

export interface ProcessStatistics {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number;
  readonly externalBytes: number;
  /** Part of the time since the last look that the event loop was busy, 0 to 1. */
  readonly loopUtilization: number;
}

type Kind = 'counter' | 'gauge';

function single(type: Kind, name: string, help: string, value: number, labels: Sample['labels'] = {}): Family {
  return { type, name, help, values: [{ labels, value }] };
}

function memoryFamilies(name: string, help: string, { bytes, bytesMax, evicted }: MemoryStatistics): Family[] {
  const of = `entrepot_connections_${name}`;
  return [
    single('gauge', `${of}_bytes`, `${help}, in memory`, bytes),
    single('gauge', `${of}_limit_bytes`, 'What that may be', bytesMax),
    single('counter', `${of}_refused_total`, 'Connections closed because it was more', evicted),
  ];
}

export function families(statistics: BrokerStatistics): Family[] {
  const { process } = statistics;
  return [
    single('gauge', 'entrepot_build_info', 'Always 1; the version is a label', 1, { version: statistics.version }),
    single('gauge', 'entrepot_uptime_seconds', 'Since the broker was started', statistics.uptimeS),
    single('gauge', 'entrepot_connections', 'Connections that are open', statistics.connections),
    single('gauge', 'entrepot_connections_limit', 'Connections that there may be', statistics.connectionsMax),
    single('gauge', 'entrepot_connections_waiting', 'Open, and not upgraded yet', statistics.waitingSockets),
    single('gauge', 'entrepot_http_sockets', 'Sockets of the HTTP ports', statistics.httpSockets),
    single('counter', 'entrepot_http_sockets_dropped_total', 'In favour of others', statistics.httpSocketsDropped),
    ...memoryFamilies('unfinished', 'What clients have sent and is not whole', statistics.unfinished),
    ...memoryFamilies('unsent', 'What clients are sent and have not read', statistics.unsent),
    single('gauge', 'entrepot_sessions', 'Clients that have logged in', statistics.sessions),
    single('counter', 'entrepot_logins_succeeded_total', 'Logins', statistics.logins.succeeded),
    single('counter', 'entrepot_logins_failed_total', 'Logins that were refused', statistics.logins.failed),
    single('counter', 'entrepot_logins_delayed_total', 'Put off because of failures before', statistics.logins.delayed),
    single('counter', 'entrepot_work_put_off_total', 'Work of clients put off to a later turn', statistics.workWaits),
    single('counter', 'entrepot_connections_opened_total', 'Connections taken', statistics.admitted),
    single('counter', 'entrepot_connections_refused_total', 'Turned away: too many were open', statistics.refused),
    single(
      'counter',
      'entrepot_connections_unrecognised_total',
      'Closed: their first bytes were no known protocol',
      statistics.unrecognised,
    ),
    ...tlsFamilies(statistics.tls),
    single('counter', 'process_cpu_seconds_total', 'Processor time', process.cpuSeconds),
    single('gauge', 'process_resident_memory_bytes', 'Resident memory', process.residentBytes),
    single('gauge', 'nodejs_heap_size_used_bytes', 'JavaScript heap in use', process.heapUsedBytes),
    single('gauge', 'nodejs_heap_size_total_bytes', 'JavaScript heap', process.heapTotalBytes),
    single('gauge', 'nodejs_external_memory_bytes', 'Buffers and other memory off the heap', process.externalBytes),
    single(
      'gauge',
      'nodejs_eventloop_utilization',
      'Part of the time since the last scrape that the event loop was busy',
      process.loopUtilization,
    ),
    ...watermarkFamilies(statistics.watermarks),
    limitFamily(statistics),
    limitByProtocolFamily(statistics),
    ...vhostFamilies(statistics.vhosts),
    ...protocolFamilies(statistics.protocols),
  ];
}

/** Those that are counted by protocol alone (`broker/limits/`). */
const CLIENT_LIMITS: readonly string[] = [
  ...['listener', 'vhost', 'user'].flatMap((scope) =>
    ['connections', 'connection_rate', 'channels', 'consumers'].map((limit) => `${scope}_${limit}`),
  ),
  'vhost_sessions',
  'user_sessions',
  'consumers',
  'connection_queues',
  'connection_unsettled',
  'message_size',
];

/** Only what has happened: most limits never refuse anything. */
function limitByProtocolFamily({ limitRefusals }: BrokerStatistics): Family {
  return {
    type: 'counter',
    name: 'entrepot_protocol_limit_refusals_total',
    help: 'The same by protocol, as far as it was known',
    values: [...limitRefusals].map(({ limit, protocol, count }) => ({ labels: { limit, protocol }, value: count })),
  };
}

function limitFamily({ limitRefusals, refusedRate, refusedAddress, vhosts }: BrokerStatistics): Family {
  const sum = (read: Read): number => vhosts.reduce((total, vhost) => total + read(vhost), 0);
  const counts: Readonly<Record<string, number>> = {
    connection_rate: refusedRate,
    address_connections: refusedAddress,
    ...Object.fromEntries(CLIENT_LIMITS.map((limit) => [limit, limitRefusals.total(limit)])),
    queues: sum((v) => v.refusedQueues),
    exchanges: sum((v) => v.refusedExchanges),
    bindings: sum((v) => v.refusedBindings),
  };
  return {
    type: 'counter',
    name: 'entrepot_limit_refusals_total',
    help: 'Connections, channels, consumers, sessions, messages, declarations and bindings that a limit has refused',
    values: Object.entries(counts).map(([limit, value]) => ({ labels: { limit }, value })),
  };
}

function watermarkFamilies(marks: WatermarkStatistics): Family[] {
  const { memoryMaxBytes, memoryScarce, memoryPassed, diskFreeMinBytes, diskFreeBytes, diskScarce, diskPassed } = marks;
  const passed = (resource: string, value: number) => ({ labels: { resource }, value });
  return [
    single(
      'gauge',
      'entrepot_memory_watermark_bytes',
      'Resident memory that publishers may fill; 0: any',
      memoryMaxBytes,
    ),
    single('gauge', 'entrepot_disk_free_watermark_bytes', 'Free disk that publishers leave; 0: none', diskFreeMinBytes),
    ...(diskFreeBytes === undefined
      ? []
      : [single('gauge', 'entrepot_disk_free_bytes', 'Free on the disk of the data', diskFreeBytes)]),
    {
      type: 'gauge',
      name: 'entrepot_watermark_passed',
      help: '1 while publishers wait for this',
      values: [passed('memory', Number(memoryScarce)), passed('disk', Number(diskScarce))],
    },
    {
      type: 'counter',
      name: 'entrepot_watermark_passed_total',
      help: 'How often publishers had to wait for this',
      values: [passed('memory', memoryPassed), passed('disk', diskPassed)],
    },
  ];
}

function tlsFamilies({ handshakes, handshaking, certificates }: TlsStatistics): Family[] {
  const { done, failed, displaced } = handshakes;
  return [
    single('gauge', 'entrepot_tls_handshakes_pending', 'TLS handshakes under way', handshaking),
    single('counter', 'entrepot_tls_handshakes_total', 'TLS handshakes that were good', done),
    single('counter', 'entrepot_tls_handshakes_failed_total', 'Those that failed, or took too long', failed),
    single('counter', 'entrepot_tls_handshakes_displaced_total', 'Given up: there were too many', displaced),
    {
      type: 'gauge',
      name: 'entrepot_tls_certificate_expiry_timestamp_seconds',
      help: 'When a certificate expires, since the epoch',
      values: certificates.map(({ path, expiresMs }) => ({ labels: { certificate: path }, value: expiresMs / 1000 })),
    },
  ];
}

// ------------------------------------------------------------------------------------------------------------ vhosts

type Read = (vhost: VhostStatistics) => number;

const VHOST: readonly (readonly [Kind, string, string, Read])[] = [
  ['gauge', 'entrepot_queues', 'Queues, those of kept sessions among them', (v) => v.queues],
  ['gauge', 'entrepot_exchanges', 'Exchanges, the predeclared among them', (v) => v.exchanges],
  ['gauge', 'entrepot_consumers', 'Consumers of queues', (v) => v.consumers],
  ['gauge', 'entrepot_queue_messages_ready', 'Messages that wait in queues', (v) => v.ready],
  ['gauge', 'entrepot_queue_messages_unacked', 'Messages that consumers hold', (v) => v.unsettled],
  ['gauge', 'entrepot_retained_messages', 'Retained messages', (v) => v.retained],
  ['gauge', 'entrepot_delayed_messages', 'Messages that wait for their time to be routed', (v) => v.delayed],
  ['gauge', 'entrepot_retrying_messages', 'Failed messages that wait to be tried again', (v) => v.retrying],
  ['gauge', 'entrepot_undelivered_dead_letters', 'Wait, since all their queues are full', (v) => v.undelivered],
  ['gauge', 'entrepot_publishers_held_back', '1 while publishers wait', (v) => Number(v.congested)],
  ['counter', 'entrepot_publishers_stalled_total', 'Waits for a subscriber that lagged a moment', (v) => v.stalled],
  ['counter', 'entrepot_publishers_paced_total', 'Waits for consumers of a queue to catch up', (v) => v.paced],
  ['gauge', 'entrepot_transient_memory_bytes', 'Transient messages in memory', (v) => v.transient.residentBytes],
  [
    'gauge',
    'entrepot_transient_spill_bytes',
    'Transient messages on the disk: the files',
    (v) => v.transient.spillBytes,
  ],
  [
    'gauge',
    'entrepot_transient_spill_live_bytes',
    'What of it is needed, estimated',
    (v) => v.transient.spillLiveBytes,
  ],
  ['gauge', 'entrepot_transient_spill_limit_bytes', 'What those files may take', (v) => v.transient.spillBytesMax],
  ['gauge', 'entrepot_transient_full', '1 while transient messages are refused', (v) => Number(v.transient.full)],
  ['counter', 'entrepot_transient_compacted_files_total', 'Rewritten: mostly dead', (v) => v.transient.compactedFiles],
  ['gauge', 'entrepot_positions_memory_bytes', 'Heads and tails of queues in memory', (v) => v.positionBytes],
  ['counter', 'entrepot_log_appended_bytes_total', 'Appended to the log', (v) => v.log.appendedBytes],
  ['gauge', 'entrepot_log_unsynced_bytes', 'Appended and not safe yet', (v) => v.log.unsyncedBytes],
  ['gauge', 'entrepot_log_segments', 'Segments in use', (v) => v.log.segments],
  ['gauge', 'entrepot_log_disk_bytes', 'Segments, what is prepared, the reserve', (v) => v.log.diskBytes],
  ['gauge', 'entrepot_log_live_bytes', 'Records that somebody needs, estimated', (v) => v.log.liveBytes],
  ['gauge', 'entrepot_log_memory_bytes', 'Blocks of the log in memory', (v) => v.log.residentBytes],
  ['counter', 'entrepot_log_checkpoints_total', 'Checkpoints that are safe', (v) => v.log.checkpoints],
  ['counter', 'entrepot_log_compacted_segments_total', 'Segments copied forward', (v) => v.log.compactedSegments],
  ['counter', 'entrepot_log_compaction_freed_bytes_total', 'What that gave back', (v) => v.log.compactionWonBytes],
  ['counter', 'entrepot_log_removed_segments_total', 'Segments in which nothing lived', (v) => v.log.removedSegments],
  ['gauge', 'entrepot_disk_full', '1 while publishers wait for room on the disk', (v) => Number(v.log.full)],
  ['gauge', 'entrepot_log_failed', '1 once a write or a sync has failed', (v) => Number(v.log.failed)],
];

/** What becomes of messages, in the words of `Counters`; one that has none here is shown under its own. */
const MESSAGES: Readonly<Record<string, string>> = {
  published: 'Taken from publishers',
  delivered: 'Handed to consumers and direct subscriptions',
  redelivered: 'Handed out again',
  acknowledged: 'Settled as accepted',
  requeued: 'Given back by consumers',
  unroutable: 'Published where nothing takes them',
  refused: 'Not taken, because the log could not',
  droppedDirect: 'At-most-once copies dropped: the subscriber was gone or too slow',
  deadLettered: 'Dead letters published',
  delayed: 'Kept aside until they are due',
  droppedDelayed: 'Due, and their exchange was gone',
  droppedRejected: 'Rejected, without a dead-letter exchange',
  droppedAttempts: 'Out of attempts, without a dead-letter exchange',
  refusedTransient: 'Not taken, because memory and disk for what need not outlive the broker are used up',
  refusedFull: 'Not taken by a full queue, and its publisher told so',
  droppedMaxLength: 'The oldest of too many, without a dead-letter exchange',
  droppedForbidden: 'Waited for a client whose user may not read them any more',
  withheldRetained: 'Retained, and not shown to a new subscriber who may not read their topics',
  droppedCycle: 'Dead letters that would have come round for ever',
  droppedExpired: 'Expired, without a dead-letter exchange',
  droppedDeadLetter: 'Dead letters that nothing took',
  unreadable: 'Cannot be read back from the log',
};

function vhostFamilies(vhosts: readonly VhostStatistics[]): Family[] {
  const shown: Family[] = VHOST.map(([type, name, help, read]) => ({
    type,
    name,
    help,
    values: vhosts.map((vhost) => ({ labels: { vhost: vhost.name }, value: read(vhost) })),
  }));
  shown.push({
    type: 'gauge',
    name: 'entrepot_durability_info',
    help: 'Always 1; when confirms are given is a label: after the sync (fsync), or after the write, which is synced every interval_ms (interval) or when the system likes (none)',
    values: vhosts.map((vhost) => ({ labels: durabilityLabels(vhost), value: 1 })),
  });
  for (const counter of Object.keys(vhosts[0]?.counters ?? {})) {
    shown.push({
      type: 'counter',
      name: `entrepot_messages_${snake(counter)}_total`,
      help: MESSAGES[counter] ?? `Messages: ${snake(counter).replaceAll('_', ' ')}`,
      values: vhosts.map((vhost) => ({
        labels: { vhost: vhost.name },
        value: vhost.counters[counter as keyof VhostStatistics['counters']],
      })),
    });
  }
  shown.push({
    type: 'histogram',
    name: 'entrepot_log_flush_seconds',
    help: 'From the first write of a flush to the end of its sync',
    values: vhosts.flatMap(flushSamples),
  });
  return shown;
}

function durabilityLabels(vhost: VhostStatistics): Sample['labels'] {
  const { durability } = vhost.log;
  const interval = durability === 'interval' ? { interval_ms: String(vhost.intervalMs) } : {};
  return { vhost: vhost.name, level: durability, ...interval };
}

function flushSamples(vhost: VhostStatistics): Sample[] {
  const name = 'entrepot_log_flush_seconds';
  const labels = { vhost: vhost.name };
  const { counts, count, sumMs } = vhost.log.flushes;
  let below = 0;
  const samples: Sample[] = FlushTimes.boundsMs.map((boundMs, i) => {
    below += counts[i]!;
    return { labels: { ...labels, le: String(boundMs / 1000) }, value: below, metricName: `${name}_bucket` };
  });
  samples.push({ labels: { ...labels, le: '+Inf' }, value: count, metricName: `${name}_bucket` });
  samples.push({ labels, value: sumMs / 1000, metricName: `${name}_sum` });
  samples.push({ labels, value: count, metricName: `${name}_count` });
  return samples;
}

// --------------------------------------------------------------------------------------------------------- protocols

function protocolFamilies(protocols: BrokerStatistics['protocols']): Family[] {
  const values: Sample[] = [];
  const lossy: Sample[] = [];
  for (const [protocol, counts] of protocols) {
    for (const [name, value] of Object.entries(counts)) {
      if (typeof value !== 'number') continue;
      if (name === 'lossyConversions') lossy.push({ labels: { protocol }, value });
      else values.push({ labels: { protocol, event: snake(name) }, value });
    }
  }
  return [
    {
      type: 'counter',
      name: 'entrepot_lossy_conversions_total',
      help: 'Properties, topics and headers that the protocol on the other side could not carry as they were',
      values: lossy,
    },
    {
      type: 'counter',
      name: 'entrepot_protocol_events_total',
      help: 'What an adapter did to the disadvantage of a client, or without telling it; the event says what',
      values,
    },
  ];
}

function snake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
