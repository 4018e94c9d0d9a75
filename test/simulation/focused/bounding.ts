/**
 * Random histories of dead letters that find no room, as in `crowding.ts`, of which few may wait. While as many wait as may, their queue
 * hands out nothing; what it has confirmed is lost only where the queue cannot keep it, being full itself, and then it is counted.
 */
import type { MessageView } from '../../../src/message/message.ts';
import { vhostOf } from '../../vhost/harness.ts';
import { CrowdHistory, type CrowdLife, type CrowdReport, type Name, number } from './crowding.ts';

export interface BoundReport extends CrowdReport {
  /** Turns at whose end the queue had to stand still. */
  readonly stoodStill: number;
  /** Dropped for want of room, as it was counted. */
  readonly dropped: number;
}

export async function runBound(seed: number): Promise<BoundReport> {
  return (await new BoundHistory(seed).run()).report();
}

class BoundHistory extends CrowdHistory {
  private readonly max: number;
  /** The queue names no dead-letter exchange, and the vhost has one for all. */
  private readonly activemq: boolean;
  /** What dies while as many wait as may cannot stay: the oldest of too many, or in a queue that others wait for. */
  private readonly mayDrop: boolean;
  private stoodStill = 0;
  /** In earlier lives, and in this one. */
  private droppedBefore = 0;
  private dropped = 0;
  /** Of the last turn's end. */
  private full = false;

  constructor(seed: number) {
    super(seed);
    const { random } = this;
    this.max = random.between(1, 4);
    this.activemq = random.chance(0.3);
    if (this.activemq) this.deadName = 'ActiveMQ.DLQ';
    const kind = random.pick(
      this.activemq ? (['none', 'old'] as const) : (['none', 'old', 'many', 'refuses'] as const),
    );
    const length = number('x-max-length', random.between(1, 10));
    const limits = {
      none: [],
      old: [number('x-message-ttl', random.between(100, 2_000))],
      many: [length],
      refuses: [length, { name: 'x-overflow', value: 'reject-publish' }],
    }[kind];
    this.endsSome = kind === 'old' || kind === 'many';
    this.mayDrop = kind === 'many' || kind === 'refuses';
    const letters = this.activemq
      ? []
      : [
          { name: 'x-dead-letter-exchange', value: '' },
          { name: 'x-dead-letter-routing-key', value: 'dead' },
        ];
    this.queueArguments = [...letters, ...limits];
  }

  override report(): BoundReport {
    const { stoodStill, droppedBefore, dropped } = this;
    return { ...super.report(), stoodStill, dropped: droppedBefore + dropped };
  }

  protected override options() {
    return this.activemq ? { compat: 'activemq' as const } : {};
  }

  protected override async begin(): Promise<void> {
    this.full = false;
    await super.begin();
    const { pending } = vhostOf(this.life.session).deadLetters;
    (pending as unknown as { max: object }).max = { messages: this.max, bytes: Number.POSITIVE_INFINITY };
  }

  protected override died(): void {
    this.droppedBefore += this.dropped;
    this.dropped = 0;
    super.died();
  }

  protected override turned(): void {
    const { life } = this;
    if (life?.alive !== true) return;
    const { counters, deadLetters } = vhostOf(life.session);
    this.dropped = counters.droppedDeadLetterRoom;
    if (this.dropped > 0 && !this.mayDrop)
      this.failures.push('a letter was dropped that could have waited in its queue');
    this.full = deadLetters.pending.full;
    if (this.full) this.stoodStill++;
  }

  protected override delivered(life: CrowdLife, from: Name, view: MessageView, slot: number): void {
    const { pending } = vhostOf(life.session).deadLetters;
    // A queue that refuses publishers goes on: others may wait for room in it.
    const refuses = this.mayDrop && !this.endsSome;
    if (from === 'q' && this.full && pending.full && !refuses) {
      this.failures.push(`message ${this.numberOf(view)} came though as many letters wait as may`);
    }
    super.delivered(life, from, view, slot);
  }

  protected override judgeLost(ids: readonly number[]): void {
    const dropped = this.droppedBefore + this.dropped;
    if (!this.mayDrop) super.judgeLost(ids);
    else if (ids.length > dropped) this.failures.push(`${ids.length} messages are lost, and ${dropped} were counted`);
  }
}
