/**
 * A random history of a shared subscription whose members lease what they get: MQTT clients, packet by packet and without sockets, that
 * answer, renew by identifier or all at once, fall silent, break off and come back, through lives that end in order, by a kill or without
 * power. From its delivery or a renewal that was confirmed nobody else gets a message before its lease is over; an identifier that waits for
 * its answer is used for nothing else; who has not answered for what was taken back gets no more; what was confirmed is lost to nobody.
 */
import * as wire from 'mqtt-packet';
import { mqtt } from '../../../protocols/mqtt/index.ts';
import type { ConnectionHandler, Transport } from '../../../src/api/index.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { Output } from '../../../src/transport/output.ts';
import { Random } from '../world/random.ts';
import { DURABLE, FocusedHistory, type FocusedLife, type FocusedReport } from './focused.ts';

export interface MqttLeaseReport extends FocusedReport {
  readonly delivered: number;
  readonly renewed: number;
  /** Renewals that came too late, and were told so. */
  readonly tooLate: number;
  /** Messages that came again once their lease was over. */
  readonly expired: number;
}

const SHARE = '$share/g/jobs/+';
const MEMBERS = ['a', 'b', 'c'];
const LEASE_MS = 1_000;
/** How late what is held too long may be taken back. */
const LATE_MS = 200;
const LATE = 0x83;
/** Packet identifiers of what a member sends: none that the broker gives out. */
const OWN_IDS = 40_000;

interface Job {
  readonly id: number;
  published: boolean;
  accepted: 'no' | 'asked' | 'certain';
  /** Who holds it, as far as that is certain; nobody else gets it before then (monotonic). */
  holder: Member | null;
  untilMs: number;
}

interface Held {
  readonly job: Job;
  /** Monotonic: until then it cannot be taken back. */
  untilMs: number;
  /** From `LATE_MS` after this it has been: a renewal that is not confirmed yet may have been one. */
  latestMs: number;
}

interface Asked {
  readonly ids: readonly number[] | null;
  readonly atMs: number;
  /** What must be answered, where that is certain. */
  readonly must: 'done' | 'late' | null;
}

/** One connection of a member. */
interface Member {
  readonly name: string;
  readonly handler: ConnectionHandler;
  readonly held: Map<number, Held>;
  readonly asked: Map<number, Asked>;
  open: boolean;
  ready: boolean;
}

interface Life extends FocusedLife {
  readonly protocol: ReturnType<typeof mqtt>;
  readonly members: Map<string, Member>;
}

export async function runMqttLeases(seed: number): Promise<MqttLeaseReport> {
  return (await new MqttLeaseHistory(seed).run()).report();
}

class MqttLeaseHistory extends FocusedHistory<Life> {
  private readonly jobs: Job[] = [];
  private ownId = OWN_IDS;
  private delivered = 0;
  private renewed = 0;
  private tooLate = 0;
  private expired = 0;

  constructor(seed: number) {
    super(new Random(seed));
  }

  protected async history(): Promise<void> {
    await this.begin();
    await this.steps(this.random.between(40, 180), [
      [6, () => this.publishSome()],
      [7, () => this.answerSome()],
      [6, () => this.renew()],
      [3, () => this.comeOrGo()],
      [10, () => this.passInSteps(this.random.between(20, 500))],
      [4, () => this.turns(this.random.below(12))],
      [2, () => this.end()],
    ]);
    await this.end();
    await this.drain();
  }

  report(): MqttLeaseReport {
    const { failures, faults, delivered, renewed, tooLate, expired } = this;
    return { failures, faults, delivered, renewed, tooLate, expired };
  }

  // -------------------------------------------------------------------------------------------------------- a life

  protected async begin(): Promise<void> {
    const protocol = mqtt();
    const { broker, session } = await this.start({ dialects: [protocol.dialect] });
    broker.begin([protocol]);
    session.declareQueue(SHARE, { ...DURABLE, arguments: [] });
    session.bindQueue(SHARE, 'amq.topic', 'jobs.*', { spelling: 0, arguments: [] });
    this.life = { broker, session, protocol, members: new Map(), alive: true };
    for (const name of MEMBERS) if (this.random.chance(0.7)) await this.come(name);
  }

  protected override stopping(): void {
    for (const member of this.life.members.values()) this.leave(member);
  }

  protected override died(): void {
    for (const job of this.jobs) job.holder = null;
  }

  private async come(name: string): Promise<void> {
    const { life } = this;
    const member = connect(life.protocol, life.broker, name, (one, packet) => {
      if (life.alive && one.open) this.came(one, packet);
    });
    life.members.set(name, member);
    const said = { userProperties: { 'x-lease': String(LEASE_MS) } };
    const options = { qos: 1 as const, nl: false, rap: false, rh: 0 as const };
    send(member, {
      ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId: name, keepalive: 0 },
      ...{ clean: this.random.chance(0.3), properties: { sessionExpiryInterval: 600, receiveMaximum: 4 } },
    });
    await this.until(() => member.ready || !member.open || !life.alive, 'CONNACK');
    send(member, { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: SHARE, ...options }], properties: said });
  }

  /** The connection is gone: what it held may go to others at once. */
  private leave(member: Member): void {
    member.open = false;
    for (const { job } of member.held.values()) if (job.holder === member) job.holder = null;
    member.held.clear();
  }

  private async comeOrGo(): Promise<void> {
    const name = this.random.pick(MEMBERS);
    const member = this.life.members.get(name);
    if (member?.open === true) {
      if (this.random.chance(0.3)) send(member, { cmd: 'disconnect' });
      this.leave(member);
      member.handler.closed();
      return;
    }
    await this.come(name);
  }

  // ------------------------------------------------------------------------------------------------- what is received

  private came(member: Member, packet: wire.Packet): void {
    if (packet.cmd === 'connack') member.ready = true;
    if (packet.cmd === 'publish') this.handedOut(member, packet);
    if (packet.cmd === 'puback') this.told(member, packet.messageId!, packet.reasonCode ?? 0);
  }

  private handedOut(member: Member, { messageId, payload }: wire.IPublishPacket): void {
    const nowMs = this.clock.monotonicMs();
    const job = this.jobs[Number(payload)];
    if (job === undefined) {
      this.failures.push('something came that was never published');
      return;
    }
    const what = `job ${job.id}`;
    this.delivered++;
    if (job.accepted === 'certain') this.failures.push(`${what} came back though it was accepted`);
    if (member.held.has(messageId!)) this.failures.push(`${what} came under an identifier that waits for its answer`);
    for (const { latestMs } of member.held.values()) {
      if (latestMs + LATE_MS < nowMs) this.failures.push(`${what} came to who had not answered for what it lost`);
    }
    const { holder } = job;
    if (holder !== null && nowMs < job.untilMs) {
      const who = holder === member ? 'who holds it' : 'another while it is held';
      this.failures.push(`${what} came to ${who}, ${job.untilMs - nowMs} ms too early`);
    }
    if (holder !== null) this.expired++;
    const held = { job, untilMs: nowMs + LEASE_MS, latestMs: nowMs + LEASE_MS };
    member.held.set(messageId!, held);
    job.holder = member;
    job.untilMs = held.untilMs;
  }

  /** A renewal is answered. */
  private told(member: Member, id: number, reason: number): void {
    const asked = member.asked.get(id);
    if (asked === undefined) return;
    member.asked.delete(id);
    const done = reason === 0;
    if (!done && reason !== LATE) this.failures.push(`a renewal was answered with ${reason}`);
    if (asked.must !== null && done !== (asked.must === 'done')) {
      this.failures.push(`a renewal was ${done ? 'confirmed, of what was lost' : 'refused, of what was held'}`);
    }
    if (!done) {
      this.tooLate++;
      return;
    }
    this.renewed++;
    for (const one of asked.ids ?? member.held.keys()) {
      const held = member.held.get(one);
      if (held === undefined) continue;
      held.untilMs = Math.max(held.untilMs, asked.atMs + LEASE_MS);
      if (held.job.holder === member) held.job.untilMs = held.untilMs;
    }
  }

  // --------------------------------------------------------------------------------------------------------- steps

  private get present(): Member[] {
    return [...this.life.members.values()].filter(({ open, ready }) => open && ready);
  }

  private publishSome(): void {
    const { life } = this;
    if (life.session.congested) return;
    const key = Buffer.from('jobs.x');
    for (let n = this.random.between(1, 4); n > 0; n--) {
      const id = this.jobs.length;
      const draft = this.draft(id, 0);
      draft.body = Buffer.from(String(id));
      draft.bodyEnd = draft.body.length;
      draft.propsEnd = 0;
      const mark = life.session.publish(life.session.route('amq.topic', 0, key, 0, key.length), draft);
      if (mark < 0) return;
      const job: Job = { id, published: false, accepted: 'no', holder: null, untilMs: 0 };
      this.jobs.push(job);
      this.whenSafe(() => {
        job.published = true;
      }, mark);
    }
  }

  private answerSome(): void {
    for (let n = this.random.between(1, 4); n > 0; n--) {
      const members = this.present.filter(({ held }) => held.size > 0);
      if (members.length === 0) return;
      const member = this.random.pick(members);
      this.answer(member, this.random.pick([...member.held.keys()]));
    }
  }

  private answer(member: Member, id: number): void {
    const { job, untilMs, latestMs } = member.held.get(id)!;
    member.held.delete(id);
    const nowMs = this.clock.monotonicMs();
    const holds = job.holder === member;
    if (holds) job.holder = null;
    send(member, { cmd: 'puback', messageId: id, reasonCode: 0 });
    // In between nobody can tell: it may have been taken back already.
    if (!holds || nowMs >= latestMs + LATE_MS) return;
    job.accepted = 'asked';
    if (nowMs >= untilMs) return;
    this.whenSafe(() => {
      job.accepted = 'certain';
    });
  }

  private renew(): void {
    const members = this.present.filter(({ held }) => held.size > 0);
    if (members.length === 0) return;
    const member = this.random.pick(members);
    const all = this.random.chance(0.3);
    const ids = all ? null : [...member.held.keys()].filter(() => this.random.chance(0.6));
    if (ids !== null && ids.length === 0) return;
    const atMs = this.clock.monotonicMs();
    const leases = (ids ?? [...member.held.keys()]).map((id) => member.held.get(id)!);
    const must = leases.every(({ untilMs }) => atMs < untilMs)
      ? 'done'
      : leases.some(({ latestMs }) => atMs >= latestMs + LATE_MS)
        ? 'late'
        : null;
    for (const held of leases) held.latestMs = Math.max(held.latestMs, atMs + LEASE_MS);
    const messageId = this.ownId++;
    member.asked.set(messageId, { ids: ids ?? [...member.held.keys()], atMs, must });
    const tags = { userProperties: { 'x-delivery-tag': ids?.join(',') ?? '' } };
    send(member, {
      ...{ cmd: 'publish', topic: '$delivery/renew', payload: '', qos: 1, messageId, dup: false, retain: false },
      ...(ids !== null && { properties: tags }),
    });
  }

  private async passInSteps(ms: number): Promise<void> {
    await this.turns(1);
    for (let left = ms; left > 0; left -= 40) {
      this.clock.advance(Math.min(left, 40));
      await this.turns(1);
    }
  }

  private async drain(): Promise<void> {
    const { life } = this;
    for (const name of MEMBERS) if (life.members.get(name)?.open !== true) await this.come(name);
    const seen = new Set<number>();
    for (let i = 0; i < 70; i++) {
      await this.passInSteps(40);
      await this.turns(10);
      for (const member of this.present) {
        for (const [id, { job }] of [...member.held]) {
          seen.add(job.id);
          this.answer(member, id);
        }
      }
    }
    for (const { id, published, accepted } of this.jobs) {
      if (published && accepted === 'no' && !seen.has(id)) this.failures.push(`job ${id} is lost`);
    }
    const { messages } = life.session.checkQueue(SHARE);
    if (messages > 0) this.failures.push(`${messages} jobs are left over`);
  }
}

/** A connection without a socket. @param came is told of each packet */
function connect(
  protocol: ReturnType<typeof mqtt>,
  broker: Broker,
  name: string,
  came: (member: Member, packet: wire.Packet) => void,
): Member {
  const parser = wire.parser({ protocolVersion: 5 });
  const sink = {
    unsentBytes: 0,
    writeAll(buffers: Buffer[]): boolean {
      for (const buffer of buffers) parser.parse(Buffer.from(buffer));
      return true;
    },
  };
  const output = new Output(sink, broker.turn);
  const address = { address: '127.0.0.1', port: 1 };
  const end = (): void => {
    member.open = false;
  };
  const transport: Transport = {
    ...{ remote: address, local: address, loopback: true, secure: false, output, end, destroy: end },
    pause() {},
    resume() {},
  };
  const handler = protocol.accept(transport, broker);
  const member: Member = { name, handler, held: new Map(), asked: new Map(), open: true, ready: false };
  output.onDrained = () => handler.drained();
  parser.on('packet', (packet) => came(member, packet));
  return member;
}

function send(member: Member, packet: object): void {
  if (member.open) member.handler.data(wire.generate(packet as wire.Packet, { protocolVersion: 5 }));
}
