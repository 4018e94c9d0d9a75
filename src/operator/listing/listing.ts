/**
 * Lists of what there is, in pages and in pieces, never built whole. Made in slices (`Pace`) while things come and go: what is there
 * all the while is listed once; what comes or goes meanwhile may be in the list or not.
 *
 *     page:   in the list's own order, unfiltered: read from the index (`NameIndex`)
 *             else: one walk over everything, of which the first `skip + take` are kept (`FirstFew`)
 *     pieces: in the list's own order: from name to name along the index, or part by part (`Source.parts`)
 *             else: a walk for each PIECE_KEPT of them
 */
import { FirstFew } from './first-few.ts';
import { compareKeys, type SortKey } from './order.ts';
import type { Pace } from './pace.ts';

/** Vhosts that are looked at, by name, in their order. */
export type Scope = readonly string[];

export interface Order<T> {
  /** Which of them there are at all, for who asks. Left out: all. */
  readonly visible?: ((item: T) => boolean) | undefined;
  /** Left out: all. */
  readonly filter?: ((item: T) => boolean) | undefined;
  /** Left out: the list's own order, by vhost and name. Asked once an item. */
  readonly sortBy?: ((item: T) => SortKey) | undefined;
  /** Last things first. Default false. */
  readonly reverse?: boolean | undefined;
}

export interface PageQuery<T> extends Order<T> {
  readonly skip: number;
  readonly take: number;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** How many are visible in these vhosts, and how many of them the filter lets through. */
  readonly total: number;
  readonly filtered: number;
}

/** Where a listing finds its things. `E` is what is kept of one while a list is made, small; `T` what is shown. */
export interface Source<E, T> {
  /** All of them in any order, of the moment at which each is reached. */
  walk(scope: Scope): Iterator<E>;
  view(entry: E): T;
  /** The same for a look at it, good until the next: very many are looked at for each that is shown. Default: `view`. */
  look?(entry: E): T;
  /** The list's own order, which is total. */
  compare(a: E, b: E): number;
  /** Left out: there is no index, and there are not so many that it would be missed. */
  readonly index?: OrderedSource<E>;
  /** Shorter lists that are this one when each comes behind the one before, in the list's own order. */
  readonly parts?: ((scope: Scope) => Iterable<Pieces<T>>) | undefined;
}

/** All of a list, a few at a time. */
export type Pieces<T> = (order: Order<T>) => AsyncGenerator<readonly T[]>;

/** An index in the list's own order. */
export interface OrderedSource<E> {
  /** How many there are. */
  count(scope: Scope): number;
  /** It is there, and up to date. Else it is made from now on. */
  ready(scope: Scope): boolean;
  /** Resolves when it is. */
  whenReady(scope: Scope): Promise<void>;
  slice(scope: Scope, rank: number, max: number): E[];
  after(scope: Scope, entry: E | undefined, max: number): E[];
  /** The other way: the last of those that come before it first. */
  before(scope: Scope, entry: E | undefined, max: number): E[];
}

/** Things that are shown in one piece. */
const PIECE = 16;
/** Things that are kept at a time where a list has an order of its own. */
const PIECE_KEPT = 20_000;
/** So many pages in, a page waits for the index rather than keeping all that come before. */
const KEPT_MAX = 10_000;

/** Things that are taken from an index at a time. */
const BATCH = 128;

/** Which of two comes first, by what each is sorted by and then in the list's own order. */
type Comparison<E> = (a: E, aKey: SortKey, b: E, bKey: SortKey) => number;

function alongIndex<E>(index: OrderedSource<E>, scope: Scope, reverse: boolean): Iterator<E> {
  let batch: E[] = [];
  let at = 0;
  const result: { done: boolean; value: E } = { done: false, value: undefined as E };
  return {
    next(): IteratorResult<E> {
      if (at === batch.length) {
        batch = reverse ? index.before(scope, batch.at(-1), BATCH) : index.after(scope, batch.at(-1), BATCH);
        at = 0;
        if (batch.length === 0) return { done: true, value: undefined };
      }
      result.value = batch[at++]!;
      return result as IteratorResult<E>;
    },
  };
}

export class Listing<E, T> {
  private readonly source: Source<E, T>;
  private readonly pace: Pace;

  constructor(source: Source<E, T>, pace: Pace) {
    this.source = source;
    this.pace = pace;
  }

  async page(scope: Scope, query: PageQuery<T>): Promise<Page<T>> {
    const { source } = this;
    const { index } = source;
    const { skip, take, visible, filter, sortBy, reverse = false } = query;
    if (index !== undefined && visible === undefined && filter === undefined && sortBy === undefined) {
      const deep = skip + take > KEPT_MAX;
      if (!index.ready(scope) && deep) await index.whenReady(scope);
      if (index.ready(scope)) {
        const total = index.count(scope);
        const end = Math.max(0, total - skip);
        const start = Math.max(0, end - take);
        const entries = reverse ? index.slice(scope, start, end - start).reverse() : index.slice(scope, skip, take);
        return { items: entries.map((entry) => source.view(entry)), total, filtered: total };
      }
    }
    const first = new FirstFew<E, SortKey>(skip + take, this.comparison(query), index?.count(scope));
    const sign = reverse ? -1 : 1;
    const { total, filtered } = await this.walk(scope, query, (entry, key, inOrder) => {
      // Of equals the first ones count, and those came before: no names are compared.
      if (inOrder && first.full && sign * compareKeys(key, first.lastKey) >= 0) return;
      first.offer(entry, key);
    });
    const kept = await this.taken(first, skip);
    return { items: kept.map((entry) => source.view(entry)), total, filtered };
  }

  /** All but the first `skip`, in their order. */
  private async taken(first: FirstFew<E, SortKey>, skip: number): Promise<E[]> {
    const kept: E[] = [];
    while (first.size > skip) {
      kept.push(first.takeLast());
      if (this.pace.over()) await this.pace.next();
    }
    return kept.reverse();
  }

  /** Makes something of each of these, which takes its time: in slices too. */
  async each<R>(items: readonly T[], make: (item: T) => R): Promise<R[]> {
    const made: R[] = [];
    await this.pace.next();
    for (const item of items) {
      made.push(make(item));
      if (this.pace.late()) await this.pace.next();
    }
    return made;
  }

  /** All of them, a few at a time; each piece is asked for once the one before has been used. */
  async *pieces(scope: Scope, order: Order<T> = {}): AsyncGenerator<readonly T[]> {
    const { index, parts } = this.source;
    const asListed = order.sortBy === undefined && order.reverse !== true;
    if (asListed && index !== undefined) {
      await index.whenReady(scope);
      yield* this.indexed(scope, index, order);
    } else if (asListed && parts !== undefined) {
      for (const pieces of parts(scope)) yield* pieces(order);
    } else yield* this.sorted(scope, order);
  }

  private async *indexed(
    scope: Scope,
    index: OrderedSource<E>,
    { visible, filter }: Order<T>,
  ): AsyncGenerator<readonly T[]> {
    let last: E | undefined;
    for (;;) {
      await this.pace.next();
      const entries = index.after(scope, last, PIECE);
      if (entries.length === 0) return;
      last = entries.at(-1);
      const items = entries.map((entry) => this.source.view(entry));
      const seen = visible === undefined ? items : items.filter(visible);
      const shown = filter === undefined ? seen : seen.filter(filter);
      if (shown.length > 0) yield shown;
    }
  }

  private async *sorted(scope: Scope, order: Order<T>): AsyncGenerator<readonly T[]> {
    const compare = this.comparison(order);
    let last: { readonly entry: E; readonly key: SortKey } | undefined;
    const first = new FirstFew<E, SortKey>(PIECE_KEPT, compare, this.source.index?.count(scope));
    for (;;) {
      const before = last;
      await this.walk(scope, order, (entry, key) => {
        if (before === undefined || compare(entry, key, before.entry, before.key) > 0) first.offer(entry, key);
      });
      if (first.size === 0) return;
      last = first.last;
      const kept = await this.taken(first, 0);
      for (let at = 0; at < kept.length; at += PIECE) {
        await this.pace.next();
        yield kept.slice(at, at + PIECE).map((entry) => this.source.view(entry));
      }
      if (kept.length < PIECE_KEPT) return;
    }
  }

  private async walk(
    scope: Scope,
    { visible, filter, sortBy, reverse = false }: Order<T>,
    visit: (entry: E, key: SortKey, inOrder: boolean) => void,
  ): Promise<{ total: number; filtered: number }> {
    const { pace, source } = this;
    const { index } = source;
    // Along the index nothing is made for each of them.
    const inOrder = index?.ready(scope) === true;
    const entries = inOrder ? alongIndex(index, scope, reverse) : source.walk(scope);
    let total = 0;
    let filtered = 0;
    const look = (entry: E): T => source.look?.(entry) ?? source.view(entry);
    const plain = visible === undefined && filter === undefined && sortBy === undefined;
    await pace.next();
    for (let next = entries.next(); next.done !== true; next = entries.next()) {
      const entry = next.value;
      const item = plain ? undefined : look(entry);
      const seen = visible === undefined || visible(item!);
      if (seen) total++;
      if (seen && (filter === undefined || filter(item!))) {
        filtered++;
        visit(entry, sortBy?.(item!), inOrder);
      }
      if (pace.over()) await pace.next();
    }
    return { total, filtered };
  }

  private comparison({ sortBy, reverse = false }: Order<T>): Comparison<E> {
    const { source } = this;
    const sign = reverse ? -1 : 1;
    if (sortBy === undefined) return (a, _aKey, b) => sign * source.compare(a, b);
    return (a, aKey, b, bKey) => sign * (compareKeys(aKey, bKey) || source.compare(a, b));
  }
}
