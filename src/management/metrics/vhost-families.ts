/** Families of the vhosts: what is in them, and what became of their messages. */
import type { VhostStatistics } from '../../vhost/statistics.ts';
import { type Family, histogramSamples, type Labels, type Sample } from './exposition.ts';
import { snake } from './names.ts';

type Read = (vhost: VhostStatistics) => number;

const VHOST: readonly (readonly ['counter' | 'gauge', string, string, Read])[] = [
  ['gauge', 'entrepot_queues', 'Queues, those of kept sessions among them', (v) => v.queues],
  ['gauge', 'entrepot_exchanges', 'Exchanges, the predeclared among them', (v) => v.exchanges],
  ['gauge', 'entrepot_consumers', 'Consumers of queues', (v) => v.consumers],
  ['gauge', 'entrepot_queue_messages_ready', 'Messages that wait in queues', (v) => v.ready],
  ['gauge', 'entrepot_queue_messages_unacked', 'Messages that consumers hold', (v) => v.unsettled],
  ['gauge', 'entrepot_retained_messages', 'Retained messages', (v) => v.retained],
  ['gauge', 'entrepot_schedules', 'Messages that come again and again, or by a calendar', (v) => v.schedules],
  ['gauge', 'entrepot_delayed_messages', 'Messages that wait for their time to be routed', (v) => v.delayed],
  ['gauge', 'entrepot_retrying_messages', 'Failed messages that wait to be tried again', (v) => v.retrying],
  [
    'gauge',
    'entrepot_queues_held_by_retries',
    'Stand still: no more may wait to be tried again',
    (v) => v.heldByRetries,
  ],
  ['gauge', 'entrepot_undelivered_dead_letters', 'Wait, since all their queues are full', (v) => v.undelivered],
  ['gauge', 'entrepot_undelivered_dead_letter_bytes', 'What of those is not on the disk', (v) => v.undeliveredBytes],
  [
    'gauge',
    'entrepot_queues_held_by_dead_letters',
    'Stand still: no more dead letters may wait for room',
    (v) => v.heldByDeadLetters,
  ],
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
  ['gauge', 'entrepot_deduplication_memory_bytes', 'Ids that queues and exchanges remember', (v) => v.windowBytes],
  ['gauge', 'entrepot_groups', 'Groups that queues know, to keep them in order', (v) => v.groups],
  ['gauge', 'entrepot_positions_memory_bytes', 'Heads and tails of queues in memory', (v) => v.positionBytes],
  ['counter', 'entrepot_log_appended_bytes_total', 'Appended to the log', (v) => v.log.appendedBytes],
  ['gauge', 'entrepot_log_unsynced_bytes', 'Appended and not safe yet', (v) => v.log.unsyncedBytes],
  ['gauge', 'entrepot_log_segments', 'Segments in use', (v) => v.log.segments],
  ['gauge', 'entrepot_log_disk_bytes', 'Segments, what is prepared, the reserve', (v) => v.log.diskBytes],
  ['gauge', 'entrepot_log_live_bytes', 'Records that somebody needs, estimated', (v) => v.log.liveBytes],
  ['gauge', 'entrepot_log_memory_bytes', 'Blocks of the log in memory', (v) => v.log.residentBytes],
  ['counter', 'entrepot_log_checkpoints_total', 'Checkpoints that are safe', (v) => v.log.checkpoints],
  ['counter', 'entrepot_log_compacted_segments_total', 'Segments copied forward', (v) => v.log.compactedSegments],
  ['counter', 'entrepot_log_grouped_segments_total', 'Segments written again by queue', (v) => v.log.groupedSegments],
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
  retried: 'Failed, and put aside to be tried again after a while',
  deliveriesTimedOut: 'Taken back from consumers that held them for longer than they may',
  deferred: 'Parked by consumers until a time, under a token or none',
  deferredClaimed: 'Parked under a token, and delivered to who asked for it',
  leasesExpired: 'Taken back because their lease had run out: failed attempts',
  leasesRenewed: 'Leases of deliveries that were renewed',
  settledLate: 'Settlements of deliveries that had been taken back before: they changed nothing',
  refusedRetained: 'Delivered, and not kept as the retained message: there are as many as there may be',
  expiredRetained: 'Retained messages whose time was over',
  deduplicated: 'Taken before, so confirmed and not taken again',
  deduplicatedCopies: 'Copies that a queue or an exchange had taken before, of messages that others took',
  unusableIds: 'Taken, though the header that should say which message it is holds no id',
  sharedLanes: 'Of groups or tenants beyond those that are known, so beside others in one lane',
  unroutable: 'Published where nothing takes them',
  refused: 'Not taken, because the log could not',
  droppedDirect: 'At-most-once copies dropped: the subscriber was gone or too slow',
  deadLettered: 'Dead letters published',
  deadLetteredRejected: 'Dead letters published that were rejected',
  deadLetteredAttempts: 'Dead letters published that were out of attempts',
  deadLetteredExpired: 'Dead letters published that had expired',
  deadLetteredMaxLength: 'Dead letters published that were the oldest of too many',
  delayed: 'Kept aside until they are due',
  halfPrepared: 'Half messages stored',
  halfCommitted: 'Half messages committed',
  halfRolledBack: 'Half messages rolled back',
  halfUnanswered: 'Half messages ended because their publishers never said how',
  halfRepeated: 'Half messages prepared again by who had lost the answer',
  refusedHalf: 'Words about half messages that there are not, or one too many',
  withheldHalf: 'Half messages, or questions about them, not published because their senders may not any more',
  scheduled: 'Published because a schedule said so',
  withheldScheduled: 'Not published when a schedule said so, because its maker may not any more',
  refusedSchedules: 'Schedules that were one too many',
  droppedDelayed: 'Due, and their exchange was gone',
  droppedCancelled: 'Delayed, and taken out by an operator before they were due',
  droppedRejected: 'Rejected, without a dead-letter exchange',
  droppedAttempts: 'Out of attempts, without a dead-letter exchange',
  refusedTransient: 'Not taken, because memory and disk for what need not outlive the broker are used up',
  refusedFull: 'Not taken by a full queue, and its publisher told so',
  refusedBacklog: 'Not taken, because as much waits as may, of the vhost or of what its publisher has published',
  droppedMaxLength: 'The oldest of too many, without a dead-letter exchange',
  droppedCycle: 'Dead letters that would have come round for ever',
  droppedExpired: 'Expired, without a dead-letter exchange',
  droppedForbidden: 'Not handed to a client whose user may not read them (any more)',
  withheldReserved:
    "Not taken on to a topic that is the broker's own, by bindings between exchanges, alternate exchanges or as dead letters",
  withheldRetained:
    'Retained, and not shown to a new subscriber, who may not read their topics or whose publishers may not publish there any more',
  droppedDeadLetter: 'Dead letters that nothing took',
  droppedDeadLetterRoom: 'Dead letters that no queue had room for, and could not wait where they were',
  unreadable: 'Cannot be read back from the log',
};

export function vhostFamilies(
  vhosts: readonly VhostStatistics[],
  oldestReadyMs: ReadonlyMap<string, number>,
): Family[] {
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
    type: 'gauge',
    name: 'entrepot_oldest_ready_message_seconds',
    help: 'Since the oldest message that waits in a queue came in; 0 where none waits',
    values: vhosts.map((vhost) => ({
      labels: { vhost: vhost.name },
      value: (oldestReadyMs.get(vhost.name) ?? 0) / 1_000,
    })),
  });
  shown.push({
    type: 'histogram',
    name: 'entrepot_log_flush_seconds',
    help: 'From the first write of a flush to the end of its sync',
    values: vhosts.flatMap(flushSamples),
  });
  return shown;
}

function durabilityLabels(vhost: VhostStatistics): Labels {
  const { durability } = vhost.log;
  const interval = durability === 'interval' ? { interval_ms: String(vhost.intervalMs) } : {};
  return { vhost: vhost.name, level: durability, ...interval };
}

function flushSamples(vhost: VhostStatistics): Sample[] {
  return histogramSamples('entrepot_log_flush_seconds', { vhost: vhost.name }, vhost.log.flushes, 1_000);
}
