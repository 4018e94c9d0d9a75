/**
 * The first few of very many, in an order: a heap that holds no more than those, with the last of them on top.
 */
export class FirstFew<T> {
  private readonly max: number;
  private readonly compare: (a: T, b: T) => number;
  private readonly heap: T[] = [];

  /** @param compare a total order: no two things are equal in it */
  constructor(max: number, compare: (a: T, b: T) => number) {
    this.max = max;
    this.compare = compare;
  }

  add(item: T): void {
    this.offer(item, (same) => same);
  }

  /** The same for something that is used again: a copy is made of what is kept. */
  offer(item: T, copyOf: (item: T) => T): void {
    const { heap, max } = this;
    if (heap.length < max) {
      heap.push(copyOf(item));
      this.up(heap.length - 1);
    } else if (max > 0 && this.compare(item, heap[0]!) < 0) {
      heap[0] = copyOf(item);
      this.down();
    }
  }

  get size(): number {
    return this.heap.length;
  }

  /** Takes out the last one; undefined: none is left. */
  takeLast(): T | undefined {
    const { heap } = this;
    const last = heap[0];
    const end = heap.pop();
    if (heap.length > 0) {
      heap[0] = end!;
      this.down();
    }
    return last;
  }

  private up(from: number): void {
    const { heap, compare } = this;
    const item = heap[from]!;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (compare(item, heap[parent]!) <= 0) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = item;
  }

  private down(): void {
    const { heap, compare } = this;
    const item = heap[0]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && compare(heap[child + 1]!, heap[child]!) > 0) child++;
      if (compare(heap[child]!, item) <= 0) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = item;
  }
}
