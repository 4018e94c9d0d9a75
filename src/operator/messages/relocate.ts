/**
 * Messages of a queue moved, copied or removed, as far as a filter wants them. Each is a commit unit of its own: a crash leaves a
 * message that is moved in one of the two places. What comes in after it has begun is not looked at, so that it ends.
 */
import type { Mark } from '../../api/confirms.ts';
import { MARK_REFUSED } from '../../api/confirms.ts';
import { AccessPending } from '../../api/pending.ts';
import type { Route } from '../../api/route.ts';
import type { Session } from '../../api/session.ts';
import { BrokerError } from '../../message/errors.ts';
import { AS_MOVED, type Assurance, AT_LEAST_ONCE, type MessageView } from '../../message/message.ts';
import type { BrowsedEntry } from '../../queue/browse/queue-browser.ts';
import { fullTargets } from '../../queue/limits/full-targets.ts';
import type { Queue } from '../../queue/queue.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import type { Named } from '../../vhost/passports/passports.ts';
import { RepublishedDraft } from '../../vhost/timers/republished-draft.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { Pace } from '../listing/pace.ts';
import { type Scanned, type ScanQuery, scan } from './scan.ts';

/** What may be on its way to the disk: about two short writes; and so that each is one call, while somebody is about who asks for little. */
const UNSYNCED_BYTES_MAX = 192 * 1024;
const HURRIED_BYTES_MAX = 64 * 1024;

export interface RelocateQuery extends Omit<ScanQuery, 'states'> {
  /** What becomes of a message here. */
  readonly keep: boolean;
  /**
   * Where it goes, with the permissions of who asks; null of one that leads nowhere. Null: all are removed.
   * @throws BrokerError access-refused; AccessPending
   */
  readonly to: ((view: MessageView) => Route | null) | null;
  /** Messages that it is done with. */
  readonly limit: number;
  /** Messages from this position on came in too late. Default: those that come in from now on. */
  readonly before?: number;
  /** Of what the filter finds, only this. Default: all. */
  readonly wants?: (entry: BrowsedEntry, view: MessageView) => boolean;
  /** Who asks, where it is noted what happens to messages. Default: nobody in particular. */
  readonly by?: Session;
  /** Whether who asks may still read the queue: asked whenever rules have changed. Default: he may. */
  readonly mayRead?: () => boolean;
  /** Told of each that it is done with. */
  readonly onDone?: (entry: BrowsedEntry) => void;
  /** It goes as if it had never died. Default: the record of its deaths goes with it. */
  readonly forgetDeaths?: boolean;
}

/** Why it ended before it had come to the end or to the limit: a queue is full, there is no room, it leads nowhere, he may not. */
export type RelocationStop = 'queue-full' | 'no-room' | 'unroutable' | 'access-refused';

export interface Relocated extends Scanned {
  readonly done: number;
  /** Undefined: nothing was in the way. The message that was stays, and `next` begins with it. */
  readonly stopped: RelocationStop | undefined;
  /** Covers all that was done. */
  readonly mark: Mark;
}

export async function relocate(vhost: Vhost, queue: Queue, query: RelocateQuery, pace: Pace): Promise<Relocated> {
  const one = new Relocation(vhost, queue, query);
  const { before = vhost.store.nextSeq, wants } = query;
  const party = (query.by as Named | undefined)?.party ?? null;
  let done = 0;
  let stopped: RelocationStop | undefined;
  let stoppedAt = 0;
  let cameToNew = false;
  let { rulesVersion } = vhost.router;
  const backwards = query.from === 'newest' || (typeof query.from === 'object' && query.from.backwards);
  const looked = { ...query, states: ['ready'] as const, hold: () => notAhead(vhost) };
  const scanned = await scan(vhost, queue, looked, pace, (entry, view) => {
    if (entry.seq >= before) {
      // Backwards these are the first that come.
      cameToNew = !backwards;
      return !cameToNew;
    }
    if (wants?.(entry, view) === false) return true;
    if (vhost.router.rulesVersion !== rulesVersion) {
      rulesVersion = vhost.router.rulesVersion;
      if (query.mayRead?.() === false) {
        stopped = 'access-refused';
        stoppedAt = entry.seq;
        return false;
      }
    }
    vhost.passports.acting = party;
    const what = one.relocate(entry, view);
    vhost.passports.acting = null;
    if (what === 'done') {
      query.onDone?.(entry);
      return ++done < query.limit;
    }
    if (what === 'gone') return true;
    stopped = what;
    stoppedAt = entry.seq;
    return false;
  });
  return {
    ...scanned,
    ...(stopped === undefined
      ? cameToNew
        ? { scanned: scanned.scanned - 1, next: undefined }
        : {}
      : {
          scanned: scanned.scanned - 1,
          next: { position: stoppedAt, backwards },
        }),
    done,
    stopped,
    mark: vhost.units.mark(),
  };
}

/**
 * It does not get ahead of the disk: whoever publishes meanwhile waits for what was written before, and a short write is one call
 * (`log/write/segment-files.ts`). Undefined: it may go on.
 */
function notAhead({ log, confirms, turn }: Vhost): Promise<void> | undefined {
  const most = turn.work.hurried ? HURRIED_BYTES_MAX : UNSYNCED_BYTES_MAX;
  if (log.failed !== undefined || log.unsyncedBytes <= most) return undefined;
  // The flush that is under way; the next one is filled while it is.
  return new Promise((resolve) => confirms.whenSafe(log.mark - 1, () => resolve()));
}

class Relocation {
  private readonly vhost: Vhost;
  private readonly queue: Queue;
  private readonly query: RelocateQuery;
  private readonly republished = new RepublishedDraft(AS_MOVED);

  constructor(vhost: Vhost, queue: Queue, query: RelocateQuery) {
    this.vhost = vhost;
    this.queue = queue;
    this.query = query;
  }

  relocate({ seq, flags }: BrowsedEntry, view: MessageView): RelocationStop | 'done' | 'gone' {
    const { queue, query, vhost } = this;
    const { units } = vhost;
    if (query.to === null) {
      if (!queue.takeOut(seq, flags, view)) return 'gone';
      queue.contents.removeAsked(seq, flags);
      return 'done';
    }
    if (vhost.log.failed !== undefined || vhost.log.full || vhost.publishFlow.on) return 'no-room';
    const route = this.routeFor(view);
    if (route === null) return 'unroutable';
    if (route === 'access-refused') return route;
    this.fill(view);
    const { draft } = this.republished;
    const resolved = vhost.publisher.resolved(route as CompiledRoute<Queue>, draft);
    if (resolved.targets.length === 0) return 'unroutable';
    if (fullTargets(resolved.targets, draft) !== null) return 'queue-full';
    if (!query.keep && !queue.takeOut(seq, flags, view)) return 'gone';
    units.begin();
    vhost.counters.published++;
    const refused = vhost.publisher.publishAlong(resolved, draft) === MARK_REFUSED;
    if (!refused) vhost.passports.follow(queue.settings.passport, resolved.targets, null, draft);
    vhost.subscriberFlow.nobodyWaits();
    if (!query.keep) {
      if (refused) queue.giveBack(seq, flags);
      else queue.contents.remove(seq, flags);
    }
    units.end();
    return refused ? 'no-room' : 'done';
  }

  private routeFor(view: MessageView): Route | null | 'access-refused' {
    try {
      return this.query.to!(view);
    } catch (thrown) {
      // Nobody waits in the middle of it: what is not known is not permitted.
      if (thrown instanceof AccessPending) return 'access-refused';
      if (thrown instanceof BrokerError && thrown.code === 'access-refused') return 'access-refused';
      throw thrown;
    }
  }

  /** It does not begin to live anew, and nothing waits for a confirm. */
  private fill(view: MessageView): void {
    const { draft } = this.republished;
    this.republished.fill(view, false);
    draft.assurance = Math.min(view.assurance, AT_LEAST_ONCE) as Assurance;
    if (this.query.forgetDeaths === true) draft.annotations = null;
    if (view.expiresAtMs > 0) draft.ttlMs = Math.max(0, view.expiresAtMs - this.vhost.clock.epochMs());
  }
}
