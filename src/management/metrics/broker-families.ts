/** Families of the broker as a whole: its clients' sockets, logins, limits, marks and the process. */
import type { BackendStatistics } from '../../auth/backends/backend.ts';
import type { WatermarkStatistics } from '../../broker/watermarks.ts';
import type { VhostStatistics } from '../../vhost/statistics.ts';
import { type Family, single } from './exposition.ts';
import type { BrokerStatistics, MemoryStatistics, TlsStatistics } from './statistics.ts';

function memoryFamilies(name: string, help: string, { bytes, bytesMax, evicted }: MemoryStatistics): Family[] {
  const of = `entrepot_connections_${name}`;
  return [
    single('gauge', `${of}_bytes`, `${help}, in memory`, bytes),
    single('gauge', `${of}_limit_bytes`, 'What that may be', bytesMax),
    single('counter', `${of}_refused_total`, 'Connections closed because it was more', evicted),
  ];
}

export function brokerFamilies(statistics: BrokerStatistics): Family[] {
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
    single(
      'gauge',
      'entrepot_pinned_bytes',
      'Memory that large bodies are being written from',
      statistics.pinned.bytes,
    ),
    single('gauge', 'entrepot_pinned_limit_bytes', 'What that may be', statistics.pinned.bytesMax),
    single('counter', 'entrepot_pinned_refused_total', 'Bodies copied because it was more', statistics.pinned.copied),
    single('gauge', 'entrepot_sessions', 'Clients that have logged in', statistics.sessions),
    single('counter', 'entrepot_logins_succeeded_total', 'Logins', statistics.logins.succeeded),
    single('counter', 'entrepot_logins_failed_total', 'Logins that were refused', statistics.logins.failed),
    single('counter', 'entrepot_logins_delayed_total', 'Put off because of failures before', statistics.logins.delayed),
    ...backendFamilies(statistics.backends),
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
    ...tracingFamilies(statistics.tracing),
  ];
}

function tracingFamilies(tracing: BrokerStatistics['tracing']): Family[] {
  if (tracing === undefined) return [];
  const values = Object.entries(tracing).map(([result, value]) => ({ labels: { result }, value }));
  const help = 'Spans that were exported, dropped for want of room, or not taken by the collector';
  return [{ type: 'counter', name: 'entrepot_trace_spans_total', help, values }];
}

/** Those that are counted by protocol alone (`broker/limits/`). */
const CLIENT_LIMITS: readonly string[] = [
  ...['listener', 'vhost', 'user'].flatMap((scope) =>
    ['connections', 'connection_rate', 'channels', 'consumers', 'backlog'].map((limit) => `${scope}_${limit}`),
  ),
  'vhost_sessions',
  'user_sessions',
  'consumers',
  'connection_queues',
  'connection_backlog',
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

const BACKEND: readonly (readonly [keyof BackendStatistics, string])[] = [
  ['accepted', 'Clients that a back end has let in'],
  ['refused', 'Clients that a back end did not know'],
  ['asked', 'Questions that a back end has put to somebody else'],
  ['failed', 'Of those, the ones that were not answered'],
];

function backendFamilies(backends: BrokerStatistics['backends']): Family[] {
  if (backends.length === 0) return [];
  return BACKEND.map(([key, help]) => ({
    type: 'counter',
    name: `entrepot_auth_backend_${key}_total`,
    help,
    values: backends.map(([backend, statistics]) => ({ labels: { backend }, value: statistics[key] })),
  }));
}

function limitFamily({ limitRefusals, refusedRate, refusedAddress, vhosts }: BrokerStatistics): Family {
  const sum = (read: (vhost: VhostStatistics) => number): number =>
    vhosts.reduce((total, vhost) => total + read(vhost), 0);
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
