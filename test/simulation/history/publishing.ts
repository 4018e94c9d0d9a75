/** The steps of publishers: to one queue, to many, retained, exactly once; each message's copies go into the model. */
import type { Assurance } from '../../../src/message/message.ts';
import { type Body, bodyBytes, Copy, type ModelQueue, type Unit } from '../world/model.ts';
import { COPIES_MAX, TEMP, WORKERS } from '../world/world.ts';
import { Judging } from './judging.ts';

export class Publishing extends Judging {
  protected body(assurance: Assurance): Body {
    const id = `m${this.nextId++}`;
    const large = this.large && assurance > 0 && this.random.chance(0.2);
    const max = this.layout.blockBytes! - 400;
    const size = large
      ? this.random.between(40_000, 150_000)
      : this.random.weighted([
          [8, this.random.between(8, 100)],
          [this.bulky ? 12 : 3, this.random.between(8, Math.min(3000, max))],
        ]);
    const ttlMs = this.random.chance(0.1) ? this.random.between(0, 4000) : -1;
    const priority = this.random.chance(0.5) ? this.random.below(8) : -1;
    const body = { id, size, large, assurance, ttlMs, priority };
    this.bodies.set(id, body);
    return body;
  }

  protected assurance(): Assurance {
    return this.random.weighted<Assurance>([
      [2, 0],
      [8, 1],
      [1, 2],
    ]);
  }

  /** Publishes one message; `unit` if it belongs to a larger one. Undefined if the broker would not take it. */
  protected send(
    exchange: string,
    key: string,
    body: Body,
    targets: readonly string[],
    retain: boolean,
    within?: Unit,
  ) {
    const life = this.life!;
    const { session } = life;
    const keyBytes = Buffer.from(key);
    const route = session.route(exchange, 0, keyBytes, 0, keyBytes.length);
    const { draft } = this;
    draft.reset();
    draft.dialect = 9;
    draft.assurance = body.assurance;
    draft.retain = retain;
    draft.ttlMs = body.ttlMs;
    draft.priority = body.priority;
    draft.props = Buffer.from(body.id, 'latin1');
    draft.propsEnd = draft.props.length;
    const bytes = Buffer.from(bodyBytes(body), 'latin1');
    if (body.large) {
      const writer = session.openBody(bytes.length, body.assurance > 0 || retain);
      for (let at = 0; at < bytes.length; at += 4000) writer.append(bytes, at, Math.min(bytes.length, at + 4000));
      draft.large = writer;
    } else {
      draft.body = bytes;
      draft.bodyEnd = bytes.length;
    }
    const failed = this.logFailed;
    const full = this.fullTargets(targets, body);
    const mark = session.publish(route, draft);
    if (failed) {
      this.demand(mark < 0, () => `publish gave ${mark} though the log has failed`);
      return undefined;
    }
    const refused = mark < 0;
    this.demand(!refused || full.may.length > 0, () => `${body.id} was refused though no queue is full`);
    this.demand(refused || full.must.length === 0, () => `${body.id} was taken by ${full.must.join()}, which is full`);
    this.demand(
      draft.routed === targets.length,
      () => `${body.id} went to ${draft.routed} queues, not to ${targets.join()}`,
    );
    this.counts.published++;
    const unit = within ?? this.ask(`publishing ${body.id}`);
    const durable = retain || (body.assurance > 0 && targets.some((name) => this.queue(name).durable));
    for (const name of targets) {
      if (refused && full.may.includes(name)) continue;
      const queue = this.queue(name);
      const held = durable && queue.durable && body.assurance === 2;
      const copy = new Copy(body, body.id, unit, durable && queue.durable, held);
      const ttl = [body.ttlMs, queue.terms.ttlMs].filter((ms) => ms >= 0);
      copy.publishedTurn = this.turn;
      if (ttl.length > 0) copy.expiresAtMs = this.clock.epochMs() + Math.min(...ttl);
      queue.copies.push(copy);
    }
    unit.refused = refused;
    if (refused) this.counts.refused++;
    if (retain && key.startsWith('t.')) this.register(`retained ${key}`).set(body.size === 0 ? '' : body.id, unit);
    if (within === undefined) {
      life.awaitConfirm(unit, mark);
      // Its publisher may be gone by the time it is safe, and its consumers get it all the same.
      if (body.assurance === 2) this.whenSafe(refused ? session.mark() : mark, unit);
    }
    this.trace(
      `publish ${body.id} (${body.size} bytes, assurance ${body.assurance}) to ${targets.join()}, mark ${mark}`,
    );
    return unit;
  }

  /** Which of the targets refuse a message that comes now, for certain or perhaps. One of them at the most does at all. */
  private fullTargets(targets: readonly string[], body: Body): { may: string[]; must: string[] } {
    const may: string[] = [];
    const must: string[] = [];
    for (const name of targets) {
      const queue = this.queue(name);
      if (!queue.terms.rejects) continue;
      if (this.full(queue, body, (copy) => copy.slot < 0 && copy.death === undefined)) may.push(name);
      const readers = [...this.life!.readers].some((reader) => reader.queue === queue);
      // After a start what waits may still have to be counted, and what could not be read does not wait any more.
      const counted = queue.terms.bytesMax === Number.POSITIVE_INFINITY && !this.outOfReach;
      // What is too old by now may make room before the message comes, or go later by itself.
      const stays = (copy: Copy): boolean => copy.available && copy.expiresAtMs > this.clock.epochMs();
      if (!readers && counted && this.full(queue, body, stays)) must.push(name);
    }
    return { may, must };
  }

  private full(queue: ModelQueue, body: Body, waits: (copy: Copy) => boolean): boolean {
    const waiting = queue.copies.filter(waits);
    const bytes = waiting.reduce((sum, copy) => sum + copy.body.size, 0);
    return waiting.length + 1 > queue.terms.lengthMax || bytes + body.size > queue.terms.bytesMax;
  }

  protected get holdsBack(): boolean {
    return this.life!.session.congested;
  }

  protected publishSome(): void {
    if (this.holdsBack) return;
    const name = this.random.weighted<string>([
      [5, 'q0'],
      [4, 'q1'],
      [2, 'q2'],
      [1, TEMP],
    ]);
    if (!this.exists(name)) return;
    for (
      let i = this.random.weighted([
        [3, 1],
        [2, this.random.between(1, 20)],
      ]);
      i > 0;
      i--
    ) {
      if (this.queue(name).copies.length >= COPIES_MAX) return;
      this.send('', name, this.body(this.assurance()), [name], false);
    }
  }

  protected get fanTargets(): string[] {
    return [TEMP, ...WORKERS.filter((name) => this.register(`fan to ${name}`).value === 'yes')];
  }

  protected fanOut(): void {
    const targets = this.fanTargets;
    if (this.holdsBack || targets.some((name) => this.queue(name).copies.length >= COPIES_MAX)) return;
    this.send('fan', 'k', this.body(this.assurance()), targets, false);
  }

  protected retain(): void {
    if (this.holdsBack || !this.exists('q2') || this.queue('q2').copies.length >= COPIES_MAX) return;
    const key = `t.${this.nextTopicKey++ % 3}`;
    // What is retained may expire as well: that is tried elsewhere.
    const body = this.random.chance(0.25) ? this.nothing() : { ...this.body(this.assurance()), ttlMs: -1 };
    this.bodies.set(body.id, body);
    this.send('amq.topic', key, body, this.topicBound ? ['q2'] : [], true);
  }

  /** An empty body removes what is retained; in a queue it is a message as any other. */
  protected nothing(): Body {
    const body = { id: `m${this.nextId++}`, size: 0, large: false, assurance: 1 as const, ttlMs: -1, priority: -1 };
    this.bodies.set(body.id, body);
    return body;
  }

  protected get topicBound(): boolean {
    return this.life!.session.bindings('q2').some(({ exchange }) => exchange === 'amq.topic');
  }

  /** A message and the number it is known by, together; delivered only when both are safe. */
  protected exactlyOnce(): void {
    if (this.holdsBack || this.logFailed || !this.exists('q0')) return;
    if (this.queue('q0').copies.length >= COPIES_MAX) return;
    const { session } = this.life!;
    const key = `k${this.random.below(4)}`;
    const body = this.body(2);
    const unit = this.ask(`receiving ${body.id} exactly once`);
    session.beginUnit();
    const first = this.random.chance(0.5);
    const put = (): void => {
      session.state.put(key, Buffer.from(body.id));
      this.register(`state ${key}`).set(body.id, unit);
    };
    if (first) put();
    this.send('', 'q0', body, ['q0'], false, unit);
    if (!first) put();
    this.whenSafe(session.endUnit(), unit);
  }
}
