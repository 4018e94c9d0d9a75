/** The steps of consumers, and of those who change queues: deliveries are judged as they come, settlements go into the model. */
import { ACCEPTED, MODIFIED, NO_BACKPRESSURE, type Outcome, REJECTED, RELEASED } from '../../../src/api/index.ts';
import { Draft, type MessageView } from '../../../src/message/message.ts';
import type { Reader } from '../world/life.ts';
import { type Body, bodyBytes, Copy, keyOf, type ModelQueue, Unit } from '../world/model.ts';
import { BIND, COPIES_MAX, DEAD, TEMP, WORKERS } from '../world/world.ts';
import { Publishing } from './publishing.ts';

export class Consuming extends Publishing {
  protected consumeSome(): void {
    const name = this.random.pick([...WORKERS, ...WORKERS, DEAD, TEMP]);
    if (!this.exists(name)) return;
    const life = this.life!;
    if ([...life.readers].filter((reader) => reader.queue.name === name).length > 2) return;
    const settled = this.random.chance(0.2);
    life.consume(this.queue(name), settled, this.random.pick([1, 3, 10, 40]));
    this.trace(`consume from ${name}${settled ? ', settled' : ''}`);
  }

  delivered(reader: Reader, view: MessageView, slot: number): void {
    const { queue } = reader;
    const key = keyOf(view);
    const copy = queue.find(key);
    const what = `${key} from ${queue.name}`;
    this.counts.delivered++;
    this.trace(`delivered ${what}`);
    if (this.outOfReach && reader.again.length > 0) {
      // What could not be read has been passed over, and does not come again in this life.
      const at = copy === undefined ? -1 : reader.again.indexOf(copy);
      reader.again.splice(0, at < 0 ? reader.again.length : at);
    }
    if (reader.again.length > 0) {
      this.deliveredAgain(reader, view, slot, copy, what);
      return;
    }
    if (copy === undefined) {
      const known = queue.gone.has(key) || queue.copies.some((c) => c.key === key);
      this.wrong(`${what}: ${known ? 'it was settled' : 'a phantom'}`);
      return;
    }
    if (copy.slot >= 0) this.wrong(`${what}: it is held already`);
    if (queue.ordered && !this.outOfReach) {
      const before = queue.first((other) => other === copy || other.available);
      if (before !== copy) this.wrong(`${what} came before ${before!.key}`);
    }
    if (queue.terms.single && [...this.life!.readers].find((other) => other.queue === queue) !== reader) {
      this.wrong(`${what} went to a consumer that is to wait`);
    }
    if (view.attempts !== copy.attempts) this.wrong(`${what} says ${view.attempts} attempts, not ${copy.attempts}`);
    // It is not delivered before it is safe, so from now on it must be.
    if (copy.exactlyOnce && !copy.birth.certain) this.wrong(`${what}: handed out before it was safe`);
    this.judgeView(copy, view, what);
    copy.delivered = true;
    copy.doubtful = false;
    if (reader.settled) this.die(queue, copy, this.ask(`handing out ${what} settled`));
    else {
      copy.slot = slot;
      reader.held.push(copy);
    }
  }

  /** A consumer that has come back gets what it holds, in the order of its first delivery and under the same slots. */
  private deliveredAgain(reader: Reader, view: MessageView, slot: number, copy: Copy | undefined, what: string): void {
    const wanted = reader.again.shift()!;
    if (copy !== wanted) this.wrong(`${what} came again before ${wanted.key}`);
    else if (copy.slot !== slot) this.wrong(`${what} came again as delivery ${slot}, not ${copy.slot}`);
    else if (!view.redelivered) this.wrong(`${what} came again and is not marked`);
  }

  /** The connection of a consumer breaks, and its session stays; or it comes back. */
  protected suspendOrResume(): void {
    const readers = [...this.life!.readers].filter((reader) => !reader.settled && !reader.queue.terms.single);
    if (readers.length === 0) return;
    const reader = this.random.pick(readers);
    if (reader.suspended) {
      this.trace(`a consumer of ${reader.queue.name} resumes with ${reader.held.length}`);
      reader.suspended = false;
      reader.again = [...reader.held];
      this.counts.resumed++;
      reader.consumer.resume(reader, NO_BACKPRESSURE);
    } else {
      this.trace(`a consumer of ${reader.queue.name} is suspended with ${reader.held.length}`);
      reader.suspended = true;
      reader.again = [];
      reader.consumer.suspend();
    }
  }

  protected die(queue: ModelQueue, copy: Copy, unit: Unit): void {
    this.counts.settled++;
    copy.death = unit;
    if (copy.durable) return;
    queue.copies.splice(queue.copies.indexOf(copy), 1);
    queue.gone.add(copy.key);
  }

  protected settleSome(): void {
    const readers = [...this.life!.readers].filter((reader) => reader.held.length > 0);
    if (readers.length === 0) return;
    const { random } = this;
    const reader = random.pick(readers);
    const outcome = random.weighted<Outcome>([
      [7, ACCEPTED],
      [1, REJECTED],
      [1, RELEASED],
      [1, MODIFIED],
    ]);
    const some = random.chance(0.5)
      ? [random.pick(reader.held)]
      : random.chance(0.5)
        ? [...reader.held]
        : reader.held.slice(0, 3);
    this.trace(`settle ${some.map((copy) => copy.key).join()} of ${reader.queue.name}: ${outcome}`);
    for (const copy of some) this.settle(reader, copy, outcome);
  }

  protected settle(reader: Reader, copy: Copy, outcome: Outcome): void {
    this.before(reader.queue, copy, outcome);
    reader.settle(copy, outcome);
  }

  /** What the model makes of a settlement. */
  protected before(queue: ModelQueue, copy: Copy, outcome: Outcome): void {
    if (outcome === MODIFIED) copy.attempt(this.ask(`giving ${copy.key} back to ${queue.name}`));
    if (outcome === ACCEPTED) this.die(queue, copy, this.ask(`settling ${copy.key} of ${queue.name}`));
    if (outcome === REJECTED) this.bury(queue, copy);
  }

  /** A new message among the dead letters, and the end of this one; when, is for the broker to say. */
  protected bury(queue: ModelQueue, copy: Copy, within?: Unit): void {
    const unit = within ?? new Unit(Number.NaN, `rejecting ${copy.key} of ${queue.name} (turn ${this.turn})`);
    const dead = this.queue(DEAD);
    // Dead letters of dead letters, and those of a failed log, are dropped.
    if (queue === dead || queue.name === TEMP || this.logFailed) {
      this.die(queue, copy, unit);
      this.dying.push({ unit, copy: undefined });
      if (this.logFailed) this.outOfReach = true;
      return;
    }
    const { body } = copy;
    const letter = new Copy(body, `${copy.key}@${queue.name}`, unit, copy.durable, false);
    letter.fleeting = body.assurance === 0;
    letter.doubtful = true;
    letter.mayBeMarked = false;
    dead.copies.push(letter);
    this.dying.push({ unit, copy: letter });
    this.die(queue, copy, unit);
  }

  /** The broker ends a message by itself. */
  ended(name: string, key: string | undefined, reason: string): void {
    const queue = this.queue(name);
    const first = (): Copy | undefined => queue.first((other) => other.slot < 0 && other.death === undefined);
    const copy = key === undefined ? first() : queue.copies.findLast((other) => other.key === key);
    const what = `${key ?? copy?.key} of ${name}`;
    this.trace(`${reason}: ${what}`);
    if (copy === undefined) {
      this.wrong(`${what} ended (${reason}): a phantom`);
      return;
    }
    if (copy.slot >= 0) this.wrong(`${what} ended (${reason}) while a consumer holds it`);
    if (reason === 'expired') {
      this.counts.expired++;
      if (copy.expiresAtMs > this.clock.epochMs()) this.wrong(`${what} expired too early`);
    } else {
      this.counts.overLimit++;
      // What a start has found is only known once it has been judged.
      if (this.life?.judged === true && !queue.overfull(true)) this.wrong(`${what} was dropped and there is room`);
      if (this.life?.judged === true && queue.terms.rejects)
        this.wrong(`${what} was dropped where publishers are refused`);
    }
    // It was there when this life began.
    if (copy.birth.past) copy.birth.certain = true;
    if (copy.death?.past === true) this.disproved.push(copy.death);
    else if (copy.death !== undefined) this.wrong(`${what} ended (${reason}) though it had ended before`);
    this.bury(queue, copy);
  }

  protected transact(): void {
    const life = this.life!;
    if (this.holdsBack || this.logFailed) return;
    const unit = this.ask('a transaction');
    const tx = life.session.transaction();
    const publishes: { body: Body; name: string }[] = [];
    for (let i = this.random.between(1, 3); i > 0; i--) {
      const name = this.random.pick(WORKERS);
      if (!this.exists(name) || this.queue(name).terms.rejects || this.queue(name).copies.length >= COPIES_MAX)
        continue;
      const body = { ...this.body(1), large: false, ttlMs: -1 };
      if (body.size > 4000) continue;
      this.bodies.set(body.id, body);
      const draft = new Draft();
      draft.dialect = 9;
      draft.assurance = 1;
      draft.priority = body.priority;
      draft.props = Buffer.from(body.id, 'latin1');
      draft.propsEnd = draft.props.length;
      draft.body = Buffer.from(bodyBytes(body), 'latin1');
      draft.bodyEnd = draft.body.length;
      tx.publish(life.session.route('', 0, Buffer.from(name), 0, name.length), draft);
      publishes.push({ body, name });
    }
    const settled: [Reader, Copy, Outcome][] = [];
    for (const reader of life.readers) {
      for (const copy of reader.held.slice(0, this.random.below(3))) {
        // The dead letter of what must be read first comes after the transaction, and belongs to it.
        const outcome = copy.durable && this.random.chance(0.3) ? REJECTED : ACCEPTED;
        tx.settle(reader.consumer, copy.slot, outcome);
        settled.push([reader, copy, outcome]);
      }
    }
    for (const [reader, copy, outcome] of settled) {
      reader.letGo(copy);
      copy.slot = -1;
      if (outcome === REJECTED) this.bury(reader.queue, copy, unit);
      else this.die(reader.queue, copy, unit);
    }
    for (const { body, name } of publishes) {
      const queue = this.queue(name);
      const copy = new Copy(body, body.id, unit, true, false);
      copy.publishedTurn = this.turn;
      if (queue.terms.ttlMs >= 0) copy.expiresAtMs = this.clock.epochMs() + queue.terms.ttlMs;
      queue.copies.push(copy);
    }
    const mark = tx.commit();
    this.demand(mark >= 0, () => 'the transaction was refused');
    this.trace(
      `transaction: ${publishes.map(({ body, name }) => `${body.id} to ${name}`)}; settles ${settled.map(([, c]) => c.key)}`,
    );
    this.whenSafe(mark, unit);
  }

  protected keepState(): void {
    if (this.logFailed) return;
    const key = `k${this.random.below(4)}`;
    const { state } = this.life!.session;
    const register = this.register(`state ${key}`);
    if (this.random.chance(0.25)) {
      if (register.value === '') return;
      state.delete(key);
      register.set('', this.ask(`deleting state ${key}`));
    } else {
      const value = `v${this.nextId++}`;
      state.put(key, Buffer.from(value));
      register.set(value, this.ask(`keeping state ${key}`));
    }
  }

  protected bindOrNot(): void {
    const name = this.random.pick(WORKERS);
    if (this.logFailed || !this.exists(name)) return;
    const { session } = this.life!;
    const register = this.register(`fan to ${name}`);
    if (register.value === 'no') {
      session.bindQueue(name, 'fan', '', BIND);
      register.set('yes', this.ask(`binding ${name}`));
    } else {
      session.unbindQueue(name, 'fan', '', BIND);
      register.set('no', this.ask(`unbinding ${name}`));
    }
  }

  protected async purge(): Promise<void> {
    await this.quiet();
    const queue = this.queue(this.random.pick(WORKERS));
    if (this.logFailed || this.outOfReach || !this.exists(queue.name)) return;
    this.life!.session.checkQueue(queue.name);
    await this.quiet();
    if (this.logFailed || this.outOfReach) return;
    const gone = queue.copies.filter((copy) => copy.available);
    let messages = -1;
    this.life!.session.purgeQueue(queue.name, (purged) => {
      messages = purged.messages;
    });
    await this.until(
      () => messages >= 0,
      () => `${queue.name} is being purged`,
    );
    this.demand(messages === gone.length, () => `${messages} were purged from ${queue.name}, not ${gone.length}`);
    const unit = this.ask(`purging ${queue.name}`);
    this.trace(`purge ${queue.name}`);
    for (const copy of gone) this.die(queue, copy, unit);
  }

  protected async remove(): Promise<void> {
    await this.quiet();
    const name = this.random.pick(WORKERS);
    if (this.logFailed || this.outOfReach || !this.exists(name)) return;
    const queue = this.queue(name);
    const unit = this.ask(`deleting ${name}`);
    this.trace(`delete ${name}`);
    this.life!.session.deleteQueue(name, false, false);
    for (const reader of this.life!.readers) if (reader.queue === queue) this.life!.readers.delete(reader);
    this.register(`queue ${name}`).set('gone', unit);
    this.register(`fan to ${name}`).set('no', unit);
    for (const copy of queue.alive()) {
      copy.slot = -1;
      this.die(queue, copy, unit);
    }
    if (this.random.chance(0.5)) await this.ticks(3);
    this.declareWorker(name);
  }

  /** A consumer goes; what it held is given back. */
  protected leave(): void {
    const { readers } = this.life!;
    if (readers.size === 0) return;
    const reader = this.random.pick([...readers]);
    const outcome = this.random.pick<Outcome>([RELEASED, MODIFIED]);
    this.trace(`a consumer of ${reader.queue.name} leaves: ${outcome}`);
    this.dismiss(reader, outcome);
  }

  protected dismiss(reader: Reader, outcome: Outcome): void {
    this.giveBack(reader, outcome);
    this.life!.readers.delete(reader);
    reader.consumer.cancel(outcome);
  }

  protected giveBack(reader: Reader, outcome: Outcome): void {
    for (const copy of reader.held) {
      copy.slot = -1;
      this.before(reader.queue, copy, outcome);
    }
    reader.letGoOfAll();
  }

  protected reconnect(): void {
    const life = this.life!;
    const inOrder = this.random.chance(0.5);
    this.trace(inOrder ? 'the client leaves' : 'the client is lost');
    // Those whose session outlives the connection are not the session's to end.
    for (const reader of [...life.readers]) if (reader.suspended) this.dismiss(reader, RELEASED);
    for (const reader of life.readers) this.giveBack(reader, inOrder ? RELEASED : MODIFIED);
    life.reconnect(inOrder);
  }

  protected certify(): void {
    const turn = this.turn;
    this.trace('asks what is safe');
    this.life!.certify(() => this.trace(`what was asked for until turn ${turn} is decided`));
  }

  confirmed(unit: Unit, refused: boolean): void {
    if (refused) {
      if (!this.logFailed && !unit.refused) this.wrong(`'${unit.text}' was refused though the log is well`);
      return;
    }
    this.counts.confirmed++;
    unit.certain = true;
  }
}
