/**
 * Planted bugs, to test the simulation: what stands between a broker and its disk, or in the broker itself, does what a
 * wrong one would do. Each must be found out.
 */
import type { Done, FileSystem, LogFile } from '../../src/log/files/files.ts';
import type { QueueConsumer } from '../../src/queue/dispatch/consumer.ts';
import { ConsumerRotation } from '../../src/queue/dispatch/consumer-rotation.ts';
import { QueueLimits } from '../../src/queue/limits/queue-limits.ts';
import { Queue } from '../../src/queue/queue.ts';
import { QueueContents } from '../../src/queue/queue-contents.ts';
import { Journal } from '../../src/vhost/journal/journal.ts';
import { VhostQueueServices } from '../../src/vhost/queue-services.ts';

export interface Sabotage {
  /** The file system that the broker gets. */
  files?(disk: FileSystem): FileSystem;
  /** Changes the broker's own code, in this thread, for good. */
  install?(): void;
}

/** Passes everything on, but for what is overridden. */
function through(disk: FileSystem, change: (file: LogFile) => Partial<LogFile>): FileSystem {
  return {
    open: async (path, how) => {
      const file = await disk.open(path, how);
      const same: LogFile = {
        get path() {
          return file.path;
        },
        set path(path) {
          file.path = path;
        },
        write: (buffers, position, done) => file.write(buffers, position, done),
        read: (into, offset, bytes, position, done) => file.read(into, offset, bytes, position, done),
        sync: (done) => file.sync(done),
        sizeBytes: () => file.sizeBytes(),
        truncate: (bytes) => file.truncate(bytes),
        close: () => file.close(),
      };
      return Object.defineProperties(same, Object.getOwnPropertyDescriptors(change(file)));
    },
    list: (directory) => disk.list(directory),
    makeDirectory: (directory) => disk.makeDirectory(directory),
    syncDirectory: (directory) => disk.syncDirectory(directory),
    removeDirectory: (directory) => disk.removeDirectory(directory),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    createExclusive: (path, text) => disk.createExclusive(path, text),
    readText: (path) => disk.readText(path),
  };
}

/** Of so many records one is left out. */
const ONE_OF = 5;

export const sabotages = {
  /** Confirms before the sync: it is said to be done when it has only been asked for. */
  'early-sync': {
    files: (disk) =>
      through(disk, (file) => ({
        sync(done: Done) {
          file.sync(() => {});
          setImmediate(done, undefined);
        },
      })),
  },

  /** A failed write or sync is taken for one that worked. */
  'ignored-error': {
    files: (disk) =>
      through(disk, (file) => ({
        write: (buffers: readonly Buffer[], position: number, done: Done) =>
          file.write(buffers, position, () => done(undefined)),
        sync: (done: Done) => file.sync(() => done(undefined)),
      })),
  },

  /** Each flush reaches the disk one late, after the sync that was to cover it. */
  'late-flush': {
    files: (disk) =>
      through(disk, (file) => {
        let held: (() => void) | undefined;
        return {
          write(buffers: readonly Buffer[], position: number, done: Done) {
            const bytes = [Buffer.concat(buffers)];
            const before = held;
            held = () => file.write(bytes, position, () => {});
            before?.();
            setImmediate(done, undefined);
          },
        };
      }),
  },

  /** Names are never made safe: a new segment is gone after a power failure. */
  'no-directory-sync': {
    files: (disk) => ({ ...through(disk, () => ({})), syncDirectory: () => Promise.resolve() }),
  },

  /** A settlement is confirmed and was never logged. */
  'forgotten-settlement': {
    install() {
      const { settled } = Journal.prototype;
      let n = 0;
      Journal.prototype.settled = function (this: Journal, queue, seqs, count) {
        if (++n % ONE_OF !== 0) settled.call(this, queue, seqs, count);
      };
    },
  },

  /** A message given back is written down as if nothing had happened to it. */
  'forgotten-attempt': {
    install() {
      const { returned } = Journal.prototype;
      let n = 0;
      Journal.prototype.returned = function (this: Journal, queue, seq, flags) {
        if (++n % ONE_OF !== 0) returned.call(this, queue, seq, flags);
      };
    },
  },

  /** A level of priority is forgotten by a start. */
  'forgotten-level': {
    install() {
      const { recoverChunk } = QueueContents.prototype;
      QueueContents.prototype.recoverChunk = function (this: QueueContents<Queue>, chunk) {
        recoverChunk.call(this, {
          ...chunk,
          flagRuns: chunk.flagRuns.map((flags, i) => (i % 2 === 0 ? flags : flags & ~0x7ffe0)),
        });
      };
      Queue.prototype.withPriority = (flags: number) => flags;
    },
  },

  /** Messages expire a little too early. */
  impatience: {
    install() {
      const { isOver } = QueueLimits.prototype;
      QueueLimits.prototype.isOver = function (this: QueueLimits, seq, view) {
        return isOver.call(this, seq, { ...view, arrivedAtMs: view.arrivedAtMs - 200 } as typeof view);
      };
    },
  },

  /** The oldest of too many goes without a dead letter. */
  'silent-drop': {
    install() {
      const { died } = VhostQueueServices.prototype;
      let n = 0;
      VhostQueueServices.prototype.died = function (this: VhostQueueServices, queue, seq, flags, decision) {
        if (decision.reason === 'maxlen' && ++n % ONE_OF === 0) queue.contents.remove(seq, flags);
        else died.call(this, queue, seq, flags, decision);
      };
    },
  },

  /** Whoever is ready is served, whose turn it is or not. */
  'second-in-line': {
    install() {
      ConsumerRotation.prototype.next = function (this: ConsumerRotation) {
        const { order } = this as unknown as { order: QueueConsumer[] };
        return order.findLast((consumer) => consumer.ready()) ?? null;
      };
    },
  },
} satisfies Record<string, Sabotage>;

export type SabotageName = keyof typeof sabotages;
