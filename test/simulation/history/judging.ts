/**
 * The judge of each new life: the broker that came back is asked for everything it has, and every piece is held against the
 * model.
 */
import { RELEASED } from '../../../src/api/index.ts';
import type { MessageView } from '../../../src/message/message.ts';
import type { Headers } from '../../../src/message/properties.ts';
import { vhostOf } from '../../vhost/harness.ts';
import { Reader } from '../world/life.ts';
import { bodyBytes, type Copy, Evidence, keyOf, ModelQueue } from '../world/model.ts';
import { BIND, DEAD, DURABLE, TEMP, WORKERS, World, Wrong } from '../world/world.ts';

export class Judging extends World {
  protected async judge(): Promise<void> {
    const { life } = this;
    const { session } = life!;
    const evidence = new Evidence();
    this.counts.judged++;
    // What died before the crash becomes dead letters now, and what has waited too long goes.
    await this.quiet();
    for (const name of WORKERS) if (session.queueExists(name)) session.checkQueue(name);
    await this.quiet();
    this.countCopies();
    const found = new Map<ModelQueue, Copy[]>();
    for (const queue of this.queues.values()) {
      if (!queue.durable) continue;
      const there = session.queueExists(queue.name);
      if (queue.name !== DEAD) {
        this.register(`queue ${queue.name}`).found(there ? 'there' : 'gone', evidence);
        const bound = there && session.bindings(queue.name).some((binding) => binding.exchange === 'fan');
        this.register(`fan to ${queue.name}`).found(bound ? 'yes' : 'no', evidence);
      }
      found.set(queue, there ? await this.take(queue, evidence) : []);
    }
    for (const [name, register] of this.registers) {
      if (name.startsWith('state ')) register.found(session.state.get(name.slice(6))?.toString() ?? '', evidence);
    }
    await this.judgeRetained(evidence);
    for (const unit of this.disproved.splice(0)) evidence.missing(unit, `what '${unit.text}' ended`);
    for (const [queue, copies] of found) {
      for (const copy of queue.copies) {
        if (!copies.includes(copy) && !copy.endedNow && !copy.fleeting) evidence.absent(copy, queue.name);
      }
    }
    for (const failure of evidence.judge()) this.wrong(failure);
    if (this.failures.length > 0) throw new Wrong();
    for (const [queue, copies] of found) this.adopt(queue, copies);
    life!.judged = true;
    this.settleIn();
  }

  /** What limits on what waits go by is what there is. */
  private countCopies(): void {
    const { topology, delays, retained, store } = vhostOf(this.life!.session);
    let copies = 0;
    const count = (): void => void copies++;
    for (const { contents } of topology.queues.values()) {
      contents.forEachChunk((chunk) => {
        copies += chunk.count;
      });
      contents.forEachHeld(count);
    }
    delays.forEachEntry(count);
    copies += retained.index.size;
    if (copies !== store.copies) this.wrong(`${store.copies} copies are counted, and there are ${copies}`);
  }

  /** Everything that waits in a queue, in the order in which it comes. */
  protected async take(queue: ModelQueue, evidence: Evidence): Promise<Copy[]> {
    const life = this.life!;
    const count = life.session.checkQueue(queue.name).messages;
    const taken: Copy[] = [];
    const endedBefore = this.endedIn(queue);
    const keys = new Set<string>();
    const reader = new Reader(life, queue, false);
    let seen = 0;
    let last = -1;
    let level = Number.POSITIVE_INFINITY;
    reader.deliver = (view: MessageView): void => {
      seen++;
      const key = keyOf(view);
      // The latest of that name: one that was given up may have been sent again.
      const at = queue.copies.findLastIndex((copy) => copy.key === key);
      const copy = queue.copies[at];
      if (copy === undefined) {
        evidence.wrong(`${key} in ${queue.name}: ${queue.gone.has(key) ? 'it was settled for good' : 'a phantom'}`);
        return;
      }
      const what = `${key} in ${queue.name}`;
      if (keys.has(key)) evidence.wrong(`${what} came twice`);
      keys.add(key);
      taken.push(copy);
      if (queue.level(copy) < level) last = -1;
      if (queue.level(copy) > level) evidence.wrong(`${what} came after a lower one`);
      level = queue.level(copy);
      if (queue.ordered && at < last) evidence.wrong(`${what} is out of order`);
      last = at;
      if (copy.death?.certain === true) evidence.wrong(`${what} came back though '${copy.death.text}' was confirmed`);
      else {
        if (copy.birth.past) evidence.happened(copy.birth, what);
        if (copy.death !== undefined) evidence.missing(copy.death, `the end of ${what}`);
      }
      this.judgeView(copy, view, what);
      if (view.attempts < copy.attemptsSafe || view.attempts > copy.attempts) {
        evidence.wrong(`${what} says ${view.attempts} attempts, not ${copy.attemptsSafe} to ${copy.attempts}`);
      }
      copy.foundAttempts(view.attempts);
    };
    const options = { tag: 'judge', settled: false, exclusive: false, prefetch: 0, arguments: [] };
    const consumer = life.session.consume(queue.name, options, reader, { congested: false });
    await this.until(
      () => seen + this.endedIn(queue) - endedBefore === count && this.largeReads === 0,
      () => `${seen} of ${count} messages of ${queue.name} came after the restart`,
    );
    consumer.cancel(RELEASED);
    return taken;
  }

  /** What a delivery says must fit what was published and what happened to it since. */
  protected judgeView(copy: Copy, view: MessageView, what: string): void {
    if (copy.delivered && !view.redelivered) this.wrong(`${what} has been handed out before and is not marked`);
    if (!copy.delivered && !copy.mayBeMarked && view.redelivered) {
      this.wrong(`${what} is marked redelivered and nobody has seen it`);
    }
    const admitted = copy.exactlyOnce && !copy.delivered;
    if (copy.expiresAtMs <= this.clock.epochMs() && !admitted && copy.publishedTurn < this.turn - 1) {
      this.wrong(`${what} should have expired ${this.clock.epochMs() - copy.expiresAtMs} ms ago`);
    }
    const wanted = bodyBytes(copy.body);
    if (copy.body.large !== (view.large !== null)) this.wrong(`${what} is ${copy.body.large ? 'not ' : ''}large`);
    else if (view.large !== null) this.readLarge(view, wanted, what);
    else if (view.body.latin1Slice(view.bodyStart, view.bodyEnd) !== wanted)
      this.wrong(`the body of ${what} has changed`);
  }

  protected readLarge(view: MessageView, wanted: string, what: string): void {
    const life = this.life!;
    const reader = life.session.readBody(view.large!);
    const pieces: string[] = [];
    this.largeReads++;
    const go = (): void => {
      if (!life.alive) return;
      while (reader.next(10_000)) pieces.push(reader.buffer.latin1Slice(reader.start, reader.end));
      if (reader.remaining > 0) return;
      reader.close();
      this.largeReads--;
      if (pieces.join('') !== wanted) this.wrong(`the body of ${what} has changed`);
    };
    reader.onReady = go;
    reader.onError = (error) => {
      if (!life.alive) return;
      this.largeReads--;
      if (!this.outOfReach) this.wrong(`the body of ${what} cannot be read: ${error.message}`);
    };
    go();
  }

  protected async judgeRetained(evidence: Evidence): Promise<void> {
    const { session } = this.life!;
    const options = { durable: false, exclusive: true, autoDelete: false, arguments: [] };
    const { name } = session.declareQueue('', options);
    let count = -1;
    session.replayRetained(name, 'amq.topic', '#', BIND, (all) => {
      count = all;
    });
    const kept = new Map<string, string>();
    let seen = 0;
    const reader = new Reader(this.life!, new ModelQueue(name, false, false), true);
    reader.deliver = (view: MessageView): void => {
      seen++;
      const id = keyOf(view);
      const body = this.bodies.get(id);
      kept.set(view.key(), id);
      if (body === undefined) this.wrong(`retained: ${id} was never published`);
      else if (view.large === null && view.body.latin1Slice(view.bodyStart, view.bodyEnd) !== bodyBytes(body)) {
        this.wrong(`the retained body of ${id} has changed`);
      }
    };
    const all = { tag: 'judge', settled: true, exclusive: false, prefetch: 0, arguments: [] };
    session.consume(name, all, reader, { congested: false });
    await this.until(
      () => seen === count,
      () => `${seen} of ${count} retained messages came`,
    );
    session.deleteQueue(name, false, false);
    for (let i = 0; i < 3; i++) this.register(`retained t.${i}`).found(kept.get(`t.${i}`) ?? '', evidence);
  }

  /** What was found is what there is, from now on. */
  protected adopt(queue: ModelQueue, copies: readonly Copy[]): void {
    const stays = (copy: Copy): boolean => copies.includes(copy) || copy.endedNow;
    for (const copy of queue.copies) if (!stays(copy)) queue.gone.add(copy.key);
    queue.copies = queue.copies.filter(stays);
    for (const copy of queue.copies) {
      // What was made since the start may still be lost.
      if (copy.birth.past) copy.birth.certain = true;
      if (!copy.endedNow) copy.death = undefined;
      copy.delivered = true;
    }
  }

  /** What every client does first: declares what it needs. */
  protected settleIn(): void {
    const { session } = this.life!;
    session.declareExchange('fan', 'fanout', { durable: true, autoDelete: false, internal: false, arguments: [] });
    session.declareQueue(DEAD, { ...DURABLE, arguments: [] });
    session.declareQueue(TEMP, { ...DURABLE, durable: false, arguments: [] });
    session.bindQueue(TEMP, 'fan', '', BIND);
    for (const name of WORKERS) if (!this.exists(name)) this.declareWorker(name);
    if (session.bindings('q2').every(({ exchange }) => exchange !== 'amq.topic')) {
      session.bindQueue('q2', 'amq.topic', 't.#', BIND);
    }
  }

  /** How many messages this queue has ended by itself in this life. */
  protected endedIn(queue: ModelQueue): number {
    return this.watch!.ended.get(queue.name) ?? 0;
  }

  private termsOf(name: string): Headers {
    const { ttlMs, priorityMax, lengthMax, bytesMax, rejects, single } = this.queue(name).terms;
    const args: Record<string, number> = {};
    if (ttlMs >= 0) args['x-message-ttl'] = ttlMs;
    if (priorityMax >= 0) args['x-max-priority'] = priorityMax;
    if (lengthMax !== Number.POSITIVE_INFINITY) args['x-max-length'] = lengthMax;
    if (bytesMax !== Number.POSITIVE_INFINITY) args['x-max-length-bytes'] = bytesMax;
    return [
      ...Object.entries(args).map(([argument, value]) => ({
        name: argument,
        value: { type: 'int32' as const, value },
      })),
      ...(rejects ? [{ name: 'x-overflow', value: 'reject-publish' }] : []),
      ...(single ? [{ name: 'x-single-active-consumer', value: true }] : []),
    ];
  }

  protected declareWorker(name: string): void {
    const dead = [
      { name: 'x-dead-letter-exchange', value: '' },
      { name: 'x-dead-letter-routing-key', value: DEAD },
    ];
    this.life!.session.declareQueue(name, { ...DURABLE, arguments: [...dead, ...this.termsOf(name)] });
    this.register(`queue ${name}`).set('there', this.ask(`declaring ${name}`));
  }
}
