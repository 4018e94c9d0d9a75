/** The options that a vhost is opened with. */
import type { Policy } from '../api/policies.ts';
import type { Compatibility } from '../api/session.ts';
import type { Clock } from '../clock/clock.ts';
import type { Turn } from '../clock/turn.ts';
import type { FileSystem } from '../log/files/files.ts';
import type { LogOptions } from '../log/options.ts';
import type { LogReplica } from '../log/replica.ts';
import type { TransientOptions } from '../log/transient/transient-store.ts';
import type { Logger } from '../logger.ts';
import type { Dialects } from '../message/dialect.ts';
import type { WaitingBounds } from './dead-letters/pending-dead-letters.ts';
import type { HalfMessageRules } from './half/rules.ts';
import type { MayRetain } from './publish/retainers.ts';
import type { TopologyLimits } from './topology/limits.ts';

export interface LogLayout
  extends Pick<
    LogOptions,
    'segmentBytes' | 'blockBytes' | 'residentBytesMax' | 'checkpointBytes' | 'flushDelayMs' | 'flushBytesMax'
  > {
  /** A slice of a checkpoint ends when it has appended this much; default 128 KiB. */
  readonly checkpointSliceBytes?: number;
}

export type TransientLayout = Pick<
  TransientOptions,
  'blockBytes' | 'residentBytesMax' | 'fullBytes' | 'spillBytesMax' | 'spillFileBytes'
>;

/**
 * What is wrong in a vhost until it is over: its log finds no room on the disk, or no file descriptor, or has failed for good; its transient
 * messages have used up their room; queues stand still until dead letters, or messages that are tried again, have gone on.
 */
export type VhostAlarm = 'disk-full' | 'descriptors' | 'log-failed' | 'transient-full' | 'dead-letters' | 'retries';

/**
 * `fsync`: confirms follow the sync. `interval`: they follow the write, and what was written is synced every `intervalMs`:
 * a power failure may take that much. `none`: the operating system syncs when it likes. A killed process loses nothing that
 * was confirmed, at any level.
 */
export interface Durability {
  readonly level: 'fsync' | 'interval' | 'none';
  readonly intervalMs: number;
}

/** Where else a vhost's log is kept. */
export interface Replication {
  readonly replica: LogReplica;
  /** What the log is called, if it begins here. */
  readonly logId: Buffer;
  /** The log has failed, here or there: nothing more will be confirmed. */
  failed(error: Error): void;
}

export interface VhostOptions {
  readonly name: string;
  readonly files: FileSystem;
  /** Where its log and its spilled transient messages lie. */
  readonly directory: string;
  readonly clock: Clock;
  readonly turn: Turn;
  readonly dialects: Dialects;
  readonly logger: Logger;
  /** Of policies. Default: `logger`. */
  readonly topologyLogger?: Logger;
  /** Publishers are held back while more than this is not on disk yet. Default 64 MiB. */
  readonly unsyncedBytesMax?: number;
  readonly durability?: Durability;
  /** Whose habits its clients have. Default: `rabbitmq-3`. */
  readonly compat?: Compatibility;
  readonly log?: LogLayout;
  /** Confirms wait for it, too. Default: the log is kept here alone. */
  readonly replication?: Replication;
  /** What transient messages may take up; see `TransientOptions`. */
  readonly transient?: TransientLayout;
  /** What the ids that queues and exchanges remember may take up in memory. Default 256 MiB. */
  readonly deduplicationBytesMax?: number;
  /** Failed messages that may wait to be tried again. Default 1,000,000. */
  readonly retryingMax?: number;
  /** Dead letters that may wait for room, and how much of them in memory. Default: 500,000 and 64 MiB. */
  readonly deadLettersWaiting?: WaitingBounds;
  /** Events of passports that are kept; see `passports/events.ts`. Default 100,000. */
  readonly passportEventsMax?: number;
  /** Policies that the configuration gives it. */
  readonly policies?: readonly Policy[];
  /**
   * Whether a user, who need not be there, may publish to an exchange with this key: asked for what is published in his name.
   * Default: whoever may keep it may. @param key dotted @throws AccessPending
   */
  readonly mayPublish?: (user: string, exchange: string, key: string) => boolean;
  /** Whether this is a topic that only the broker's own parts publish to: dead letters and bindings do not lead there. Default: none is. */
  readonly reserves?: ((exchange: string, key: string) => boolean) | undefined;
  /** Asked before a retained message is shown. Default: nobody is asked about who published it. */
  readonly mayRetain?: MayRetain | undefined;
  /** Of half messages. Default: `HALF_MESSAGE_RULES`. */
  readonly halfMessages?: Partial<HalfMessageRules>;
  /** Default: none. */
  readonly limits?: TopologyLimits;
  /** Told when publishers may go on. */
  readonly onUncongested: () => void;
  /** Told what begins to be wrong, and is over. Default: nobody is. */
  readonly onAlarm?: (alarm: VhostAlarm, on: boolean) => void;
  /** Told that a flush took so many milliseconds, and how many others did since. Default: nobody is. */
  readonly onSlowFlush?: (ms: number, more: number) => void;
}
