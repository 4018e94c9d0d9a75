/**
 * A random history of a queue and its dead letters that have passports: messages are published, handed out, accepted, failed, rejected and
 * given back, through lives that end in order, by a kill or without power, over many checkpoints. An entry is never another message's; none
 * tells what has not happened; what is certain has its entry, in order, after every death.
 *
 * The histories are shorter than what is kept, so that nothing may be missing for its age.
 */
import {
  ACCEPTED,
  type Consumer,
  type DeliverySink,
  MODIFIED,
  NO_BACKPRESSURE,
  type Outcome,
  REJECTED,
  RELEASED,
} from '../../../src/api/index.ts';
import type { MessageView } from '../../../src/message/message.ts';
import { encodeNeutral, NEUTRAL_DIALECT } from '../../../src/message/neutral-dialect.ts';
import {
  NOTE_ACCEPTED,
  NOTE_ARRIVED,
  NOTE_CONTINUES,
  NOTE_DELIVERED,
  NOTE_FAILED,
  NOTE_REJECTED,
  NOTE_RELEASED,
} from '../../../src/queue/passport-notes.ts';
import { textHash } from '../../../src/vhost/passports/text-hash.ts';
import { queueArguments, vhostOf } from '../../vhost/harness.ts';
import { Random } from '../world/random.ts';
import { DURABLE, FocusedHistory, type FocusedLife, type FocusedReport } from './focused.ts';

export interface PassportReport extends FocusedReport {
  /** Entries looked at, and messages that died and went on as another. */
  readonly entries: number;
  readonly continued: number;
}

const QUEUES = ['q', 'dead'] as const;
type Name = (typeof QUEUES)[number];

interface Seen {
  readonly from: Name;
  /** It was stored for good. */
  certain: boolean;
}

/** What a consumer has said of one delivery. */
interface Said {
  readonly outcome: Outcome;
  readonly seq: number;
  certain: boolean;
}

interface Passed {
  readonly id: number;
  published: boolean;
  /** Numbers under which it was seen, and where; those that a death may have given to another are forgotten. */
  readonly seqs: Map<number, Seen>;
  readonly said: Said[];
  over: 'no' | 'asked' | 'certain';
}

interface Life extends FocusedLife {
  readonly consumers: Map<Name, Consumer>;
  readonly held: { readonly message: Passed; readonly slot: number; readonly seq: number; readonly from: Name }[];
}

/** What is noted of an outcome. */
const NOTED = new Map<Outcome, number>([
  [ACCEPTED, NOTE_ACCEPTED],
  [MODIFIED, NOTE_FAILED],
  [REJECTED, NOTE_REJECTED],
  [RELEASED, NOTE_RELEASED],
]);

export async function runPassports(seed: number): Promise<PassportReport> {
  return (await new PassportHistory(seed).run()).report();
}

class PassportHistory extends FocusedHistory<Life> {
  private readonly messages: Passed[] = [];
  private entries = 0;
  private continued = 0;
  /** What happens in the queue of dead letters is noted, too; else that they came there, and no more. */
  private readonly deadNoted: boolean;

  constructor(seed: number) {
    super(new Random(seed));
    this.deadNoted = this.random.chance(0.7);
  }

  protected async history(): Promise<void> {
    await this.begin();
    await this.safe('the declarations');
    await this.steps(this.random.between(30, 130), [
      [7, () => this.publishSome()],
      [10, () => this.settleSome()],
      [3, () => this.pass(this.random.between(20, 300))],
      [4, () => this.turns(this.random.below(12))],
      [2, () => this.end()],
    ]);
    if (this.failures.length > 0) return;
    await this.end();
  }

  report(): PassportReport {
    const { failures, faults, entries, continued } = this;
    return { failures, faults, entries, continued };
  }

  protected async begin(): Promise<void> {
    const { broker, session } = await this.start();
    const life: Life = { broker, session, consumers: new Map(), held: [], alive: true };
    this.life = life;
    const dying = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };
    session.declareQueue('dead', { ...DURABLE, arguments: queueArguments({ 'x-passport': this.deadNoted }) });
    session.declareQueue('q', { ...DURABLE, arguments: queueArguments({ 'x-passport': true, ...dying }) });
    this.judge();
    for (const name of QUEUES) this.consume(life, name);
  }

  private consume(life: Life, from: Name): void {
    const sink: DeliverySink = {
      deliver: (view, slot) => {
        if (life.alive) this.delivered(life, from, view, slot);
      },
      cancelled() {},
    };
    const options = { tag: `c-${from}`, settled: false, exclusive: false, prefetch: 8, arguments: [] };
    life.consumers.set(from, life.session.consume(from, options, sink, NO_BACKPRESSURE));
  }

  private delivered(life: Life, from: Name, view: MessageView, slot: number): void {
    const message = this.messages[Number(view.body.latin1Slice(view.bodyStart, view.bodyStart + 6))];
    if (message === undefined) {
      this.failures.push('something came that was never published');
      return;
    }
    const { seq } = view;
    const seen: Seen = message.seqs.get(seq) ?? { from, certain: false };
    message.seqs.set(seq, seen);
    this.whenSafe(() => {
      seen.certain = true;
    });
    life.held.push({ message, slot, seq, from });
  }

  private publishSome(): void {
    const { life } = this;
    if (life.session.congested) return;
    for (let n = this.random.between(1, 5); n > 0; n--) {
      const id = this.messages.length;
      const draft = this.draft(id, 0);
      draft.dialect = NEUTRAL_DIALECT.id;
      draft.props = encodeNeutral({ headers: [], messageId: `m${id}` });
      draft.propsEnd = draft.props.length;
      draft.body = Buffer.from(`${String(id).padStart(6, '0')}${'x'.repeat(this.random.between(0, 300))}`, 'latin1');
      draft.bodyEnd = draft.body.length;
      const mark = this.publish('q', draft);
      if (mark < 0) return;
      const message: Passed = { id, published: false, seqs: new Map(), said: [], over: 'no' };
      this.messages.push(message);
      this.whenSafe(() => {
        message.published = true;
      }, mark);
    }
  }

  private async settleSome(): Promise<void> {
    const { life } = this;
    await this.turns(1); // the time is asked once a turn
    for (let n = this.random.between(1, 5); n > 0 && life.held.length > 0; n--) {
      const [{ message, slot, seq, from }] = life.held.splice(this.random.below(life.held.length), 1) as [
        Life['held'][number],
      ];
      const outcome = this.random.weighted<Outcome>([
        [4, ACCEPTED],
        [3, MODIFIED],
        [3, REJECTED],
        [1, RELEASED],
      ]);
      const said: Said = { outcome, seq, certain: false };
      message.said.push(said);
      const over = outcome === ACCEPTED || (outcome === REJECTED && from === 'dead');
      if (over) message.over = 'asked';
      life.consumers.get(from)!.settle(slot, outcome);
      this.whenSafe(() => {
        said.certain = true;
        if (over) message.over = 'certain';
      });
    }
  }

  protected override stopping(): void {
    this.life.held.length = 0;
  }

  protected override died(): void {
    for (const { seqs } of this.messages) for (const [seq, { certain }] of seqs) if (!certain) seqs.delete(seq);
  }

  // ------------------------------------------------------------------------------------------------------- judging

  /** What a start has found of each message is held against what is known of it. */
  private judge(): void {
    const { passports, topology } = vhostOf(this.life.session);
    const idOf = new Map<number, number>();
    for (const { id, seqs } of this.messages) for (const seq of seqs.keys()) idOf.set(seq, id);
    for (const message of this.messages) {
      const { id } = message;
      const what = `message ${id}`;
      const named = passports.withId(`m${id}`);
      // One that was never confirmed may have come without the entry that says so.
      const { events } = passports.of([...named, ...message.seqs.keys()]);
      this.entries += events.length;
      if (message.published && events.length === 0) this.failures.push(`${what} has no passport`);
      for (const { what: noted, seq, queue, detail } of events) {
        const other = idOf.get(seq);
        if (other !== undefined && other !== id) this.failures.push(`${what} has an entry of message ${other}`);
        if (noted === NOTE_ARRIVED && detail !== textHash(`m${id}`)) this.failures.push(`${what} has another's id`);
        const seen = message.seqs.get(seq);
        if (seen !== undefined && topology.queues.get(seen.from)!.id !== queue && noted === NOTE_DELIVERED) {
          this.failures.push(`${what} was not delivered from there`);
        }
        if (noted === NOTE_CONTINUES) this.continued++;
      }
      this.judgeOutcomes(message, events, what);
    }
  }

  private judgeOutcomes(
    message: Passed,
    events: readonly { readonly what: number; readonly seq: number; readonly atMs: number }[],
    what: string,
  ): void {
    for (const [outcome, noted] of NOTED) {
      for (const [seq, { from }] of message.seqs) {
        if (from === 'dead' && !this.deadNoted) continue;
        const said = message.said.filter((one) => one.outcome === outcome && one.seq === seq);
        const count = events.filter((event) => event.what === noted && event.seq === seq).length;
        const certain = said.filter((one) => one.certain).length;
        // A connection that is lost gives back what it holds: released or failed, and nobody has said so.
        const most = outcome === MODIFIED || outcome === RELEASED ? Number.POSITIVE_INFINITY : said.length;
        if (count < certain) this.failures.push(`${what} has ${count} entries of ${certain} outcomes ${outcome}`);
        if (count > most) this.failures.push(`${what} has ${count} entries of ${most} outcomes ${outcome}`);
      }
    }
    const arrived = new Set<number>();
    let ended = -1;
    for (const { what: noted, seq } of events) {
      if (noted === NOTE_ARRIVED) {
        if (arrived.has(seq)) this.failures.push(`${what} has arrived twice as ${seq}`);
        arrived.add(seq);
      } else if (message.published && noted !== NOTE_CONTINUES && !arrived.has(seq))
        this.failures.push(`${what} had entries before it came`);
      if (seq === ended) this.failures.push(`${what} has entries after its end`);
      if (noted === NOTE_ACCEPTED) ended = seq;
    }
    for (const [seq, { from, certain }] of message.seqs) {
      if (from === 'dead' && certain && !arrived.has(seq)) this.failures.push(`${what} was not followed as ${seq}`);
    }
  }
}
