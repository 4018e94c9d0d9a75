/**
 * A random history of half messages: prepared, committed, rolled back, asked for at their check address and answered for or not, through
 * lives that end in order, by a kill or without power. One that is not committed is in no queue, whatever dies; one that is comes once; who
 * has lost an answer may say the same again; the broker asks not too early, no more often than it says, and gives up in the end.
 */
import { ACCEPTED, type DeliverySink, NO_BACKPRESSURE } from '../../../src/api/index.ts';
import type { MessageView } from '../../../src/message/message.ts';
import { NEUTRAL_DIALECT } from '../../../src/message/neutral-dialect.ts';
import { HALF_MESSAGE_RULES } from '../../../src/vhost/half/rules.ts';
import { vhostOf } from '../../vhost/harness.ts';
import { Random } from '../world/random.ts';
import { DURABLE, FocusedHistory, type FocusedReport } from './focused.ts';

export interface HalfReport extends FocusedReport {
  readonly checks: number;
  readonly committed: number;
  readonly rolledBack: number;
  /** The broker's own end of those that nobody answered for. */
  readonly givenUp: number;
}

type Told = 'no' | 'asked' | 'certain';

interface Half {
  readonly id: number;
  prepared: Told;
  readonly preparedAtMs: number;
  /** It is asked for. */
  readonly checked: boolean;
  readonly delayMs: number;
  /** What its publisher has said, and when. */
  word: 'commit' | 'rollback' | undefined;
  wordAtMs: number;
  said: Told;
  /** In the life at hand. */
  saidNow: boolean;
  checks: number;
  came: boolean;
}

const { checkAfterMs, checks: CHECKS_MAX } = HALF_MESSAGE_RULES;
/** The end of one is remembered for ten minutes. */
const REMEMBERED_MS = 500_000;
/** After which nobody is asked any more: 6 s, doubled up to five minutes, fifteen times. */
const SILENCE_MS = 3_600_000;

export async function runHalves(seed: number): Promise<HalfReport> {
  return (await new HalfHistory(seed).run()).report();
}

class HalfHistory extends FocusedHistory {
  private readonly halves: Half[] = [];
  private checks = 0;
  private givenUp = 0;
  /** Nobody answers any more. */
  private silent = false;

  constructor(seed: number) {
    super(new Random(seed));
  }

  protected async history(): Promise<void> {
    await this.begin();
    await this.safe('the declarations');
    await this.steps(this.random.between(30, 120), [
      [8, () => this.prepare()],
      [7, () => this.say()],
      [2, () => this.sayAgain()],
      [2, () => this.prepareAgain()],
      [4, () => this.pass(this.random.between(20, 9_000))],
      [4, () => this.turns(this.random.below(12))],
      [2, () => this.end()],
    ]);
    if (this.failures.length > 0) return;
    await this.end();
    await this.judge();
  }

  report(): HalfReport {
    const { failures, faults, checks, givenUp } = this;
    const committed = this.halves.filter(({ came }) => came).length;
    const rolledBack = this.halves.filter(({ word, said }) => word === 'rollback' && said === 'certain').length;
    return { failures, faults, checks, committed, rolledBack, givenUp };
  }

  protected async begin(): Promise<void> {
    const { broker, session } = await this.start();
    const life = { broker, session, alive: true };
    this.life = life;
    for (const name of ['q', 'checks']) session.declareQueue(name, { ...DURABLE, arguments: [] });
    const sink: DeliverySink = {
      deliver: (view, slot) => {
        if (!life.alive) return;
        this.asked(view);
        consumer.settle(slot, ACCEPTED);
      },
      cancelled() {},
    };
    const options = { tag: 'c', settled: false, exclusive: false, prefetch: 0, arguments: [] };
    const consumer = session.consume('checks', options, sink, NO_BACKPRESSURE);
    this.nothingSeen();
  }

  /** A check has come. */
  private asked(view: MessageView): void {
    const { headers } = NEUTRAL_DIALECT.decode(view);
    const said = new Map(headers.map(({ name, value }) => [name, value]));
    const half = this.halves[Number(said.get('x-half-id'))];
    if (said.get('x-half-message') !== 'check' || half === undefined) {
      this.failures.push('what is no check came to the check address');
      return;
    }
    const what = `half message ${half.id}`;
    const count = Number((said.get('x-half-checks') as { value: number }).value);
    this.checks++;
    half.checks = Math.max(half.checks, count);
    if (!half.checked) this.failures.push(`${what} gave no check address`);
    if (half.said === 'certain') {
      // It may have been asked before that.
      const latest = half.wordAtMs - half.preparedAtMs;
      if (this.earliest(count) > latest) this.failures.push(`${what} is asked for though it has ended`);
    }
    if (count < 1 || count > CHECKS_MAX) this.failures.push(`${what} is asked for the ${count}th time`);
    if (this.clock.epochMs() < half.preparedAtMs + this.earliest(count)) {
      this.failures.push(`${what} is asked for the ${count}th time too early`);
    }
    if (!this.silent && this.random.chance(0.5)) this.tell(half, this.random.pick(['commit', 'rollback']));
  }

  /** When it is asked for so many times at the earliest, from when it was prepared. */
  private earliest(count: number): number {
    let ms = 0;
    for (let n = 0; n < count; n++) ms += Math.min(300_000, checkAfterMs * 2 ** n);
    return ms;
  }

  // --------------------------------------------------------------------------------------------------------- steps

  private async prepare(): Promise<void> {
    await this.turns(1); // the time is asked once a turn
    const { life } = this;
    if (life.session.congested) return;
    for (let n = this.random.between(1, 4); n > 0; n--) {
      const half: Half = {
        ...{ id: this.halves.length, prepared: 'asked', preparedAtMs: this.clock.epochMs() },
        ...{ checked: this.random.chance(0.8), delayMs: this.random.pick([0, 0, this.random.between(1, 3_000)]) },
        ...{ word: undefined, wordAtMs: 0, said: 'no', saidNow: false, checks: 0, came: false },
      };
      this.halves.push(half);
      this.send(half);
    }
  }

  private send(half: Half): void {
    const { life } = this;
    const draft = this.draft(half.id, 400);
    draft.delayMs = half.delayMs || -1;
    const checkAddress = half.checked ? 'checks' : '';
    draft.half = { action: 'prepare', id: String(half.id), checkAddress, user: life.session.user };
    const mark = this.publish('q', draft);
    if (mark < 0) this.failures.push(`half message ${half.id} was refused`);
    this.whenSafe(() => {
      half.prepared = 'certain';
    }, mark);
  }

  /** Its publisher has lost the answer. */
  private prepareAgain(): void {
    const some = this.halves.filter(({ prepared, word, preparedAtMs }) => {
      return prepared === 'certain' && word === undefined && this.clock.epochMs() - preparedAtMs < REMEMBERED_MS;
    });
    if (some.length === 0 || this.life.session.congested) return;
    this.send(this.random.pick(some));
  }

  private async say(): Promise<void> {
    await this.turns(1);
    const some = this.halves.filter(({ word, prepared }) => word === undefined && prepared === 'certain');
    for (let n = this.random.between(1, 3); n > 0 && some.length > 0; n--) {
      const [half] = some.splice(this.random.below(some.length), 1) as [Half];
      this.tell(half, this.random.pick(['commit', 'commit', 'rollback']));
    }
  }

  private async sayAgain(): Promise<void> {
    await this.turns(1);
    const some = this.halves.filter(({ word, wordAtMs }) => {
      return word !== undefined && this.clock.epochMs() - wordAtMs < REMEMBERED_MS;
    });
    if (some.length === 0) return;
    const half = this.random.pick(some);
    this.tell(half, half.word!);
  }

  private tell(half: Half, word: 'commit' | 'rollback'): void {
    if (half.word !== undefined && half.word !== word) return;
    const { life } = this;
    const draft = this.draft(half.id, 0);
    draft.half = { action: word, id: String(half.id), checkAddress: '', user: life.session.user };
    const mark = this.publish('q', draft);
    if (mark < 0) {
      if (half.prepared === 'certain') this.failures.push(`the ${word} of half message ${half.id} was refused`);
      return;
    }
    if (half.word === undefined || !half.saidNow) half.wordAtMs = Math.max(half.wordAtMs, this.clock.epochMs());
    half.word = word;
    half.saidNow = true;
    if (half.said === 'no') half.said = 'asked';
    this.whenSafe(() => {
      half.said = 'certain';
      half.prepared = 'certain';
    }, mark);
  }

  protected override died(): void {
    for (const half of this.halves) half.saidNow = false;
  }

  protected override turned(): void {
    if (this.life.alive) this.nothingSeen();
  }

  /** No more is in the queue than may be. */
  private nothingSeen(): void {
    const { session } = this.life;
    if (!session.queueExists('q')) return;
    const nowMs = this.clock.epochMs();
    const due = this.halves.filter((half) => half.word === 'commit' && nowMs >= half.preparedAtMs + half.delayMs);
    const waits = session.checkQueue('q').messages;
    if (waits > due.length) this.failures.push(`${waits} messages are in the queue when only ${due.length} can be`);
  }

  // ---------------------------------------------------------------------------------------------------------- the end

  private async judge(): Promise<void> {
    const { life } = this;
    this.silent = true;
    for (let ms = 0; ms < SILENCE_MS; ms += 30_000) await this.pass(30_000);
    await this.turns(10);
    const { half: halfMessages, counters } = vhostOf(life.session);
    if (halfMessages.size > 0) this.failures.push(`${halfMessages.size} half messages wait for ever`);
    this.givenUp = counters.halfUnanswered;
    for (const { id, checked, word, prepared, checks } of this.halves) {
      if (prepared === 'certain' && checked && word === undefined && checks < CHECKS_MAX) {
        this.failures.push(`half message ${id} was asked for ${checks} times, and given up`);
      }
    }
    const sink: DeliverySink = {
      deliver: (view) => {
        const half = this.halves[this.numberOf(view)];
        if (half === undefined) this.failures.push('something came that was never prepared');
        else if (half.came) this.failures.push(`half message ${half.id} came twice`);
        else half.came = true;
      },
      cancelled() {},
    };
    const options = { tag: 'c', settled: false, exclusive: false, prefetch: 0, arguments: [] };
    life.session.consume('q', options, sink, NO_BACKPRESSURE);
    await this.until(() => life.session.checkQueue('q').messages === 0, 'the last delivery');
    await this.turns(10);
    for (const { id, word, said, came } of this.halves) {
      if (came && word !== 'commit')
        this.failures.push(`half message ${id} came though it was ${word ?? 'never'} told`);
      if (!came && word === 'commit' && said === 'certain') this.failures.push(`half message ${id} is lost`);
    }
  }
}
