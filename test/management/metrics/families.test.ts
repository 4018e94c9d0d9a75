/** Each metric shows its own number: every figure is a different one here. */
import { describe, expect, it } from 'vitest';
import { LimitRefusals } from '../../../src/broker/limits/refusals.ts';
import type { Family } from '../../../src/management/metrics/exposition.ts';
import { families } from '../../../src/management/metrics/families.ts';
import type { BrokerStatistics } from '../../../src/management/metrics/statistics.ts';
import { Histogram } from '../../../src/metrics/histogram.ts';
import { ProtocolTraffic } from '../../../src/metrics/traffic.ts';
import { Counters } from '../../../src/vhost/counters.ts';
import type { VhostStatistics } from '../../../src/vhost/statistics.ts';

function vhost(name: string, more: Partial<VhostStatistics> = {}): VhostStatistics {
  const flushes = new Histogram();
  for (const ms of [0.25, 0.3, 700, 5_000]) flushes.add(ms);
  const counters = new Counters();
  for (const [i, key] of Object.keys(counters).entries()) counters[key as keyof Counters] = 1_000 + i;
  return {
    name,
    intervalMs: 250,
    counters,
    log: {
      durability: 'fsync',
      appendedBytes: 1,
      unsyncedBytes: 2,
      flushes,
      segments: 3,
      diskBytes: 4,
      liveBytes: 5,
      residentBytes: 6,
      checkpoints: 7,
      compactedSegments: 8,
      groupedSegments: 3,
      compactionWonBytes: 9,
      removedSegments: 10,
      full: false,
      failed: false,
    },
    transient: {
      residentBytes: 11,
      spillBytes: 12,
      spillLiveBytes: 13,
      spillBytesMax: 14,
      compactedFiles: 15,
      full: false,
    },
    positionBytes: 16,
    windowBytes: 0,
    groups: 0,
    exchanges: 17,
    queues: 18,
    consumers: 19,
    consumerCapacity: 0,
    ready: 20,
    unsettled: 21,
    retained: 22,
    delayed: 23,
    schedules: 46,
    retrying: 24,
    heldByRetries: 0,
    undelivered: 25,
    undeliveredBytes: 26,
    heldByDeadLetters: 27,
    stalled: 26,
    paced: 27,
    congested: false,
    refusedQueues: 81,
    refusedExchanges: 82,
    refusedBindings: 83,
    oldest: undefined,
    ...more,
  };
}

const TRAFFIC = new ProtocolTraffic('one');
TRAFFIC.received = 121;
TRAFFIC.confirmed = 122;
TRAFFIC.deliveries.classic.consumedSettled = 1;
TRAFFIC.deliveries.classic.consumedUnsettled = 20;
TRAFFIC.deliveries.classic.gotSettled = 300;
TRAFFIC.deliveries.quorum.gotUnsettled = 4_000;
TRAFFIC.deliveries.classic.acknowledged = 60;
TRAFFIC.deliveries.quorum.acknowledged = 7;
TRAFFIC.deliveries.classic.droppedDirect = 124;
TRAFFIC.refusals.queueFull = 125;
TRAFFIC.refusals.log = 126;
TRAFFIC.confirmTimes.add(3, 2);
TRAFFIC.loginTimes.add(80);
TRAFFIC.sizes.add(5_000);

function refusals(counts: readonly (readonly [limit: string, protocol: string, count: number])[]): LimitRefusals {
  const all = new LimitRefusals();
  for (const [limit, protocol, count] of counts) for (let i = 0; i < count; i++) all.count(limit, protocol);
  return all;
}

const FIGURES = {
  version: '1.2.3',
  uptimeS: 31,
  sessions: 32,
  logins: { succeeded: 91, failed: 92, delayed: 93 },
  backends: [['http', { accepted: 301, refused: 302, asked: 303, failed: 304 }]],
  connections: 33,
  admitted: 34,
  refused: 35,
  refusedRate: 84,
  refusedAddress: 85,
  unrecognised: 36,
  connectionsMax: 61,
  waitingSockets: 62,
  httpSockets: 63,
  httpSocketsDropped: 64,
  unfinished: { bytes: 65, bytesMax: 66, evicted: 67 },
  unsent: { bytes: 68, bytesMax: 69, evicted: 70 },
  pinned: { bytes: 75, bytesMax: 76, copied: 77 },
  tls: {
    handshakes: { done: 71, failed: 72, displaced: 73 },
    handshaking: 74,
    certificates: [{ path: '/a.pem', expiresMs: 75_000 }],
  },
  traffic: [TRAFFIC, new ProtocolTraffic('')],
  loginRefusals: new Map([['one', { credentials: 141, 'vhost-not-found': 142 }]]),
  oldestReadyMs: new Map([['/', 143_500]]),
  vhosts: [vhost('/')],
  protocols: [
    ['one', { lossyConversions: 41, headersStripped: 42, name: 'no number' }],
    ['two', { lossyConversions: 43 }],
  ],
  process: {
    cpuSeconds: 51,
    residentBytes: 52,
    heapUsedBytes: 53,
    heapTotalBytes: 54,
    externalBytes: 55,
    loopUtilization: 0.5,
  },
  limitRefusals: refusals([
    ['vhost_connections', 'amqp', 86],
    ['user_connections', 'mqtt', 80],
    ['user_connections', 'stomp', 7],
    ['user_channels', 'amqp', 88],
    ['consumers', 'mqtt', 89],
  ]),
  watermarks: {
    memoryMaxBytes: 71,
    diskFreeMinBytes: 72,
    diskFreeBytes: 73,
    memoryScarce: true,
    diskScarce: false,
    memoryPassed: 74,
    diskPassed: 75,
  },
} as unknown as BrokerStatistics;

const of = (all: readonly Family[], name: string): Family => {
  const found = all.filter((family) => family.name === name);
  expect([name, found.length]).toEqual([name, 1]);
  return found[0]!;
};

const VHOST: Record<string, [type: string, value: number]> = {
  entrepot_log_appended_bytes_total: ['counter', 1],
  entrepot_log_unsynced_bytes: ['gauge', 2],
  entrepot_log_segments: ['gauge', 3],
  entrepot_log_disk_bytes: ['gauge', 4],
  entrepot_log_live_bytes: ['gauge', 5],
  entrepot_log_memory_bytes: ['gauge', 6],
  entrepot_log_checkpoints_total: ['counter', 7],
  entrepot_log_compacted_segments_total: ['counter', 8],
  entrepot_log_grouped_segments_total: ['counter', 3],
  entrepot_log_compaction_freed_bytes_total: ['counter', 9],
  entrepot_log_removed_segments_total: ['counter', 10],
  entrepot_transient_memory_bytes: ['gauge', 11],
  entrepot_transient_spill_bytes: ['gauge', 12],
  entrepot_transient_spill_live_bytes: ['gauge', 13],
  entrepot_transient_spill_limit_bytes: ['gauge', 14],
  entrepot_transient_compacted_files_total: ['counter', 15],
  entrepot_positions_memory_bytes: ['gauge', 16],
  entrepot_exchanges: ['gauge', 17],
  entrepot_queues: ['gauge', 18],
  entrepot_consumers: ['gauge', 19],
  entrepot_queue_messages_ready: ['gauge', 20],
  entrepot_queue_messages_unacked: ['gauge', 21],
  entrepot_retained_messages: ['gauge', 22],
  entrepot_delayed_messages: ['gauge', 23],
  entrepot_schedules: ['gauge', 46],
  entrepot_retrying_messages: ['gauge', 24],
  entrepot_undelivered_dead_letters: ['gauge', 25],
  entrepot_undelivered_dead_letter_bytes: ['gauge', 26],
  entrepot_queues_held_by_dead_letters: ['gauge', 27],
  entrepot_publishers_held_back: ['gauge', 0],
  entrepot_transient_full: ['gauge', 0],
  entrepot_disk_full: ['gauge', 0],
  entrepot_log_failed: ['gauge', 0],
};

const BROKER: Record<string, [type: string, value: number]> = {
  entrepot_uptime_seconds: ['gauge', 31],
  entrepot_sessions: ['gauge', 32],
  entrepot_logins_succeeded_total: ['counter', 91],
  entrepot_logins_failed_total: ['counter', 92],
  entrepot_logins_delayed_total: ['counter', 93],
  entrepot_connections: ['gauge', 33],
  entrepot_connections_opened_total: ['counter', 34],
  entrepot_connections_refused_total: ['counter', 35],
  entrepot_connections_unrecognised_total: ['counter', 36],
  entrepot_connections_limit: ['gauge', 61],
  entrepot_connections_waiting: ['gauge', 62],
  entrepot_http_sockets: ['gauge', 63],
  entrepot_http_sockets_dropped_total: ['counter', 64],
  entrepot_connections_unfinished_bytes: ['gauge', 65],
  entrepot_connections_unfinished_limit_bytes: ['gauge', 66],
  entrepot_connections_unfinished_refused_total: ['counter', 67],
  entrepot_connections_unsent_bytes: ['gauge', 68],
  entrepot_connections_unsent_limit_bytes: ['gauge', 69],
  entrepot_connections_unsent_refused_total: ['counter', 70],
  entrepot_pinned_bytes: ['gauge', 75],
  entrepot_pinned_limit_bytes: ['gauge', 76],
  entrepot_pinned_refused_total: ['counter', 77],
  entrepot_memory_watermark_bytes: ['gauge', 71],
  entrepot_disk_free_watermark_bytes: ['gauge', 72],
  entrepot_disk_free_bytes: ['gauge', 73],
  entrepot_tls_handshakes_total: ['counter', 71],
  entrepot_tls_handshakes_failed_total: ['counter', 72],
  entrepot_tls_handshakes_displaced_total: ['counter', 73],
  entrepot_tls_handshakes_pending: ['gauge', 74],
  process_cpu_seconds_total: ['counter', 51],
  process_resident_memory_bytes: ['gauge', 52],
  nodejs_heap_size_used_bytes: ['gauge', 53],
  nodejs_heap_size_total_bytes: ['gauge', 54],
  nodejs_external_memory_bytes: ['gauge', 55],
  nodejs_eventloop_utilization: ['gauge', 0.5],
};

describe('a metric', () => {
  it('says how often each limit has refused something, those of all vhosts together', () => {
    const shown = of(families({ ...FIGURES, vhosts: [vhost('/'), vhost('plant')] }), 'entrepot_limit_refusals_total');
    const said = shown.values.map((v) => [v.labels['limit'], v.value] as const);
    expect(said.filter(([, value]) => value === 0).map(([limit]) => limit)).toEqual([
      ...['connections', 'connection_rate', 'channels', 'consumers', 'backlog'].map((limit) => `listener_${limit}`),
      ...['connection_rate', 'channels', 'consumers', 'backlog'].map((limit) => `vhost_${limit}`),
      ...['connection_rate', 'consumers', 'backlog'].map((limit) => `user_${limit}`),
      ...['vhost_sessions', 'user_sessions', 'connection_queues', 'connection_backlog'],
      ...['connection_unsettled', 'message_size'],
    ]);
    expect(Object.fromEntries(said.filter(([, value]) => value > 0))).toEqual({
      connection_rate: 84,
      address_connections: 85,
      vhost_connections: 86,
      user_connections: 87,
      user_channels: 88,
      consumers: 89,
      queues: 162,
      exchanges: 164,
      bindings: 166,
    });
  });

  it('says the same by protocol, for those limits that have refused something', () => {
    const shown = of(families(FIGURES), 'entrepot_protocol_limit_refusals_total');
    expect(shown.values.map(({ labels, value }) => [labels['limit'], labels['protocol'], value])).toContainEqual([
      'user_connections',
      'stomp',
      7,
    ]);
    expect(shown.values).toHaveLength(5);
  });

  it('says which mark is passed, and how often each was', () => {
    const values = (name: string) => of(families(FIGURES), name).values.map((v) => [v.labels['resource'], v.value]);
    expect(values('entrepot_watermark_passed')).toEqual([
      ['memory', 1],
      ['disk', 0],
    ]);
    expect(values('entrepot_watermark_passed_total')).toEqual([
      ['memory', 74],
      ['disk', 75],
    ]);
  });

  const all = families(FIGURES);

  it('of the broker has its own number', () => {
    for (const [name, [type, value]] of Object.entries(BROKER)) {
      expect(of(all, name)).toMatchObject({ name, type, values: [{ labels: {}, value }] });
    }
    expect(of(all, 'entrepot_tls_certificate_expiry_timestamp_seconds').values).toEqual([
      { labels: { certificate: '/a.pem' }, value: 75 },
    ]);
    for (const [what, value] of [
      ['accepted', 301],
      ['refused', 302],
      ['asked', 303],
      ['failed', 304],
    ] as const) {
      const values = [{ labels: { backend: 'http' }, value }];
      expect(of(all, `entrepot_auth_backend_${what}_total`)).toMatchObject({ type: 'counter', values });
    }
    expect(of(all, 'entrepot_build_info').values).toEqual([{ labels: { version: '1.2.3' }, value: 1 }]);
  });

  it('of a vhost has its own number', () => {
    for (const [name, [type, value]] of Object.entries(VHOST)) {
      expect(of(all, name)).toMatchObject({ name, type, values: [{ labels: { vhost: '/' }, value }] });
    }
  });

  it('of a state is 1 while it lasts', () => {
    const { log, transient } = vhost('/');
    const bad = vhost('/', {
      congested: true,
      log: { ...log, full: true, failed: true },
      transient: { ...transient, full: true },
    });
    const shown = families({ ...FIGURES, vhosts: [bad] });
    for (const name of ['publishers_held_back', 'transient_full', 'disk_full', 'log_failed']) {
      expect(of(shown, `entrepot_${name}`).values[0]!.value).toBe(1);
    }
  });

  it('is shown for every counter, under its name, with a sentence', () => {
    for (const [i, counter] of Object.keys(new Counters()).entries()) {
      const words = counter.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      const family = of(all, `entrepot_messages_${words}_total`);
      expect(family).toMatchObject({ type: 'counter', values: [{ labels: { vhost: '/' }, value: 1_000 + i }] });
      expect(family.help.length).toBeGreaterThan(5);
    }
  });

  it('of a protocol has its own number, and the broker itself is none', () => {
    const shown: Record<string, number> = {
      entrepot_received_messages_total: 121,
      entrepot_confirmed_messages_total: 122,
      entrepot_delivered_messages_total: 4_321,
      entrepot_settled_messages_total: 67,
      entrepot_dropped_direct_messages_total: 124,
    };
    for (const [name, value] of Object.entries(shown)) {
      expect(of(all, name)).toMatchObject({ type: 'counter', values: [{ labels: { protocol: 'one' }, value }] });
      expect(of(all, name).values).toHaveLength(1);
    }
    for (const [name, sum] of [
      ['entrepot_confirm_seconds', 0.006],
      ['entrepot_login_seconds', 0.08],
      ['entrepot_message_size_bytes', 5_000],
    ] as const) {
      const { values, type } = of(all, name);
      expect(type).toBe('histogram');
      expect(values.find(({ metricName }) => metricName === `${name}_sum`)).toMatchObject({ value: sum });
    }
  });

  it('says why messages and clients were refused', () => {
    const refusals = of(all, 'entrepot_publish_refusals_total').values;
    expect(refusals).toContainEqual({ labels: { protocol: 'one', reason: 'queue_full' }, value: 125 });
    expect(refusals).toContainEqual({ labels: { protocol: 'one', reason: 'log' }, value: 126 });
    expect(of(all, 'entrepot_login_refusals_total').values).toEqual([
      { labels: { protocol: 'one', reason: 'credentials' }, value: 141 },
      { labels: { protocol: 'one', reason: 'vhost_not_found' }, value: 142 },
    ]);
  });

  it('says for how long the oldest message has waited', () => {
    const vhosts = [vhost('/'), vhost('empty')];
    expect(of(families({ ...FIGURES, vhosts }), 'entrepot_oldest_ready_message_seconds').values).toEqual([
      { labels: { vhost: '/' }, value: 143.5 },
      { labels: { vhost: 'empty' }, value: 0 },
    ]);
  });

  it('has one series for each vhost', () => {
    const shown = families({ ...FIGURES, vhosts: [vhost('/'), vhost('plant', { queues: 99 })] });
    expect(of(shown, 'entrepot_queues').values).toEqual([
      { labels: { vhost: '/' }, value: 18 },
      { labels: { vhost: 'plant' }, value: 99 },
    ]);
    expect(() => families({ ...FIGURES, vhosts: [] })).not.toThrow();
  });

  it('of an adapter has the adapter’s name; what is lost in conversion stands apart', () => {
    expect(of(all, 'entrepot_lossy_conversions_total')).toMatchObject({
      type: 'counter',
      values: [
        { labels: { protocol: 'one' }, value: 41 },
        { labels: { protocol: 'two' }, value: 43 },
      ],
    });
    expect(of(all, 'entrepot_protocol_events_total').values).toEqual([
      { labels: { protocol: 'one', event: 'headers_stripped' }, value: 42 },
    ]);
  });

  it('says which durability is in force', () => {
    const labels = (durability: 'none' | 'interval'): unknown => {
      const { log } = vhost('/');
      const vhosts = [vhost('/', { log: { ...log, durability } })];
      return of(families({ ...FIGURES, vhosts }), 'entrepot_durability_info').values;
    };
    expect(labels('none')).toEqual([{ labels: { vhost: '/', level: 'none' }, value: 1 }]);
    expect(labels('interval')).toEqual([{ labels: { vhost: '/', level: 'interval', interval_ms: '250' }, value: 1 }]);
  });
});

describe('the times of flushes', () => {
  it('are counted by bound, at the bound and below it, and what is longer than all bounds', () => {
    const times = new Histogram();
    for (const ms of [0, 0.25, 0.26, 2_500, 2_501]) times.add(ms);
    expect([times.counts[0], times.counts[1], times.counts.at(-2), times.counts.at(-1)]).toEqual([2, 1, 1, 1]);
    expect([times.count, times.sum]).toEqual([5, 5_001.51]);
  });

  it('are shown in seconds, each bucket with what is below it', () => {
    const { values, type } = of(families(FIGURES), 'entrepot_log_flush_seconds');
    expect(type).toBe('histogram');
    const bucket = (le: string): number | undefined => values.find(({ labels }) => labels['le'] === le)?.value;
    expect([bucket('0.00025'), bucket('0.0005'), bucket('0.5'), bucket('1'), bucket('2.5'), bucket('+Inf')]).toEqual([
      1, 2, 2, 3, 3, 4,
    ]);
    const named = (name: string) =>
      values.find(({ metricName }) => metricName === `entrepot_log_flush_seconds_${name}`);
    expect([named('count')!.value, named('sum')!.value]).toEqual([4, 5.70055]);
    expect(named('sum')!.labels).toEqual({ vhost: '/' });
    expect(named('bucket')!.labels['vhost']).toBe('/');
  });
});
