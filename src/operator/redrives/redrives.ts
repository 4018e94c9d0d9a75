/**
 * The redrives of a broker: begun, looked at, stopped, gone on with. Each is a fact in its vhost's log (`redrive:ID`, and `redrive-at:ID` for how far it has
 * come), written before it begins; a start goes on with those that were at work.
 */
import { randomUUID } from 'node:crypto';
import type { AccessRequest, Identity } from '../../api/identity.ts';
import type { Session, SessionClient } from '../../api/session.ts';
import type { Broker } from '../../broker/broker.ts';
import { BrokerError } from '../../message/errors.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { AuditLog } from '../audit.ts';
import type { Pace } from '../listing/pace.ts';
import { LOCAL_OPERATOR } from '../local-operator.ts';
import type { ScanFrom } from '../messages/scan.ts';
import { countFor, type RedriveCount } from './count.ts';
import type { Outcomes } from './outcomes.ts';
import {
  checkPlan,
  ended,
  freshProgress,
  PLAN_DEFAULTS,
  type RedrivePlan,
  type RedriveProgress,
  type RedriveRecord,
} from './plan.ts';
import { Redrive } from './redrive.ts';

const PREFIX = 'redrive:';
const PROGRESS = 'redrive-at:';
/** Of a vhost: more are refused. */
const AT_WORK_MAX = 16;
/** Of a vhost: the oldest that have ended are forgotten beyond that. */
const KEPT_MAX = 100;
/** How often one at work is written down. */
const SAVE_MS = 1_000;

export interface RedriveRights {
  enter(
    identity: Identity,
    vhost: string,
    client: SessionClient,
  ): Session | { readonly refused: string; readonly reason: string };
}

export class Redrives {
  private readonly broker: Broker;
  private readonly pace: Pace;
  private readonly rights: RedriveRights;
  private readonly audit: Pick<AuditLog, 'record'>;
  private readonly byVhost = new Map<string, { readonly vhost: Vhost; readonly redrives: Map<string, Redrive> }>();
  private readonly savedAtMs = new WeakMap<RedriveRecord, number>();

  constructor(broker: Broker, pace: Pace, rights: RedriveRights, audit: Pick<AuditLog, 'record'>) {
    this.audit = audit;
    this.broker = broker;
    this.pace = pace;
    this.rights = rights;
  }

  /** Goes on with what was at work when the broker stopped. */
  begin(): void {
    for (const vhost of this.broker.vhostsByName.values()) {
      for (const key of vhost.state.keys(PREFIX)) {
        const kept = JSON.parse(vhost.state.get(key)!.toString()) as Omit<RedriveRecord, 'progress'>;
        const at = vhost.state.get(PROGRESS + kept.id);
        const progress = at === undefined ? freshProgress() : (JSON.parse(at.toString()) as RedriveProgress);
        const record: RedriveRecord = { ...kept, progress };
        const redrive = this.add(vhost, record);
        if (!ended(record)) redrive.start();
      }
    }
  }

  close(): void {
    for (const { redrives } of this.byVhost.values()) for (const redrive of redrives.values()) redrive.close();
  }

  /** Those of a vhost, the newest first. @throws BrokerError not-found */
  list(vhost: string): readonly RedriveRecord[] {
    return [...this.of(this.vhostNamed(vhost)).values()].map(({ record }) => record).reverse();
  }

  /** @throws BrokerError not-found: the vhost */
  find(vhost: string, id: string): RedriveRecord | undefined {
    return this.of(this.vhostNamed(vhost)).get(id)?.record;
  }

  /** What became of its last messages since the broker was started. @throws BrokerError not-found */
  outcomes(vhost: string, id: string): Outcomes {
    return this.demand(vhost, id).outcomes;
  }

  /**
   * @param wanted what is left out is as `PLAN_DEFAULTS` has it
   * @param identity who begins it. Default: a program that holds the broker, which nobody asks what it may
   * @throws BrokerError not-found, invalid, unavailable: there are too many at work
   */
  start(
    vhostName: string,
    queue: string,
    wanted: Partial<RedrivePlan> = {},
    identity: Identity = LOCAL_OPERATOR,
  ): RedriveRecord {
    const vhost = this.vhostNamed(vhostName);
    const plan = { ...PLAN_DEFAULTS, ...wanted };
    checkPlan(plan);
    const found = vhost.topology.queues.get(queue);
    if (found === undefined || found.abandoned) {
      throw new BrokerError('not-found', `no queue '${queue}' in vhost '${vhostName}'`);
    }
    const atWork = this.list(vhostName).filter((record) => !ended(record)).length;
    if (atWork >= AT_WORK_MAX) throw new BrokerError('unavailable', `${AT_WORK_MAX} redrives are at work already`);
    const record: RedriveRecord = {
      id: randomUUID(),
      queue,
      user: identity === LOCAL_OPERATOR ? null : identity.user,
      plan,
      startedAtMs: vhost.clock.epochMs(),
      before: vhost.store.nextSeq,
      progress: freshProgress(),
    };
    const redrive = this.add(vhost, record, identity);
    const { progress: _, ...kept } = record;
    vhost.state.put(PREFIX + record.id, Buffer.from(JSON.stringify(kept)));
    this.forgetOld(vhost);
    redrive.start();
    return record;
  }

  /** What a redrive would find, without moving anything. @throws BrokerError not-found, invalid */
  async count(
    vhostName: string,
    queue: string,
    wanted: Partial<RedrivePlan> = {},
    from: ScanFrom = 'oldest',
  ): Promise<RedriveCount> {
    const vhost = this.vhostNamed(vhostName);
    const plan = { ...PLAN_DEFAULTS, ...wanted };
    checkPlan(plan);
    const found = vhost.topology.queues.get(queue);
    if (found === undefined || found.abandoned) {
      throw new BrokerError('not-found', `no queue '${queue}' in vhost '${vhostName}'`);
    }
    return countFor(vhost, found, plan, from, this.pace);
  }

  /** @throws BrokerError not-found */
  stop(vhost: string, id: string, why = 'stopped by an operator'): RedriveRecord {
    const redrive = this.demand(vhost, id);
    redrive.stop(why);
    return redrive.record;
  }

  /** @throws BrokerError not-found */
  resume(vhost: string, id: string): RedriveRecord {
    const redrive = this.demand(vhost, id);
    redrive.start();
    return redrive.record;
  }

  /** Stops it, and forgets it. @throws BrokerError not-found */
  delete(vhostName: string, id: string): void {
    const redrive = this.demand(vhostName, id);
    redrive.stop('deleted');
    this.forget(this.vhostNamed(vhostName), id);
  }

  private add(vhost: Vhost, record: RedriveRecord, identity?: Identity): Redrive {
    const redrive = new Redrive(record, {
      vhost,
      clock: this.broker.clock,
      pace: this.pace,
      enter: (client) => this.enter(vhost.name, record, client, identity),
      mayRead: () => this.mayRead(vhost.name, record, identity),
      changed: (changed, now) => this.save(vhost, changed, now),
      ended: (one) => this.tell(vhost.name, one),
    });
    this.of(vhost).set(record.id, redrive);
    return redrive;
  }

  private identityOf({ user }: RedriveRecord, known: Identity | undefined): Identity | undefined {
    return known ?? (user === null ? LOCAL_OPERATOR : this.broker.recall(user));
  }

  private mayRead(vhost: string, record: RedriveRecord, known: Identity | undefined): boolean {
    const identity = this.identityOf(record, known);
    if (identity === LOCAL_OPERATOR) return true;
    const request: AccessRequest = { vhost, action: 'read', resource: 'queue', name: record.queue };
    return identity !== undefined && this.broker.access.stillPermits(identity, request);
  }

  private enter(vhost: string, record: RedriveRecord, client: SessionClient, known?: Identity): Session {
    const { user } = record;
    const identity = this.identityOf(record, known);
    if (identity === undefined) throw new BrokerError('access-refused', `nobody can tell who user '${user}' is`);
    const session = this.rights.enter(identity, vhost, client);
    if ('refused' in session) throw new BrokerError('access-refused', session.reason);
    return session;
  }

  /** What has come of it. */
  private tell(vhost: string, { id, queue, user, plan, progress }: RedriveRecord): void {
    const { state, why, moved, scanned, left } = progress;
    this.audit.record({
      ...{ user, action: 'redrive', what: state === 'done' ? 'redrive has ended' : 'redrive has stopped' },
      ...{ on: { vhost, queue, id }, detail: { to: plan.to, moved, scanned, left, why }, outcome: 'done' },
    });
  }

  private save(vhost: Vhost, record: RedriveRecord, now: boolean): void {
    if (this.of(vhost).get(record.id)?.record !== record || vhost.log.failed !== undefined) return;
    const nowMs = this.broker.clock.monotonicMs();
    if (!now && nowMs - (this.savedAtMs.get(record) ?? Number.NEGATIVE_INFINITY) < SAVE_MS) return;
    this.savedAtMs.set(record, nowMs);
    vhost.state.put(PROGRESS + record.id, Buffer.from(JSON.stringify(record.progress)));
  }

  private forgetOld(vhost: Vhost): void {
    const redrives = this.of(vhost);
    for (const { record } of redrives.values()) {
      if (redrives.size <= KEPT_MAX) return;
      if (ended(record)) this.forget(vhost, record.id);
    }
  }

  private forget(vhost: Vhost, id: string): void {
    this.of(vhost).delete(id);
    vhost.state.delete(PREFIX + id);
    vhost.state.delete(PROGRESS + id);
  }

  private demand(vhost: string, id: string): Redrive {
    const redrive = this.of(this.vhostNamed(vhost)).get(id);
    if (redrive === undefined) throw new BrokerError('not-found', `no redrive '${id}' in vhost '${vhost}'`);
    return redrive;
  }

  /** Those of this very vhost: one of the same name that was there before has taken its own with it. */
  private of(vhost: Vhost): Map<string, Redrive> {
    const known = this.byVhost.get(vhost.name);
    if (known?.vhost === vhost) return known.redrives;
    for (const redrive of known?.redrives.values() ?? []) redrive.close();
    const redrives = new Map<string, Redrive>();
    this.byVhost.set(vhost.name, { vhost, redrives });
    return redrives;
  }

  private vhostNamed(name: string): Vhost {
    const vhost = this.broker.vhostsByName.get(name);
    if (vhost === undefined) throw new BrokerError('not-found', `vhost '${name}' not found`);
    return vhost;
  }
}
