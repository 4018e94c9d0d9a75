/**
 * The arena in which all queues of a vhost keep the positions that wait: lines of 64 bytes, as long as a line of the
 * processor's cache, in pages of 1 MiB.
 *
 * ```
 * line   │ low, high, flags │ low, high, flags │ … five positions … │ next line │      16 cells of 4 bytes
 * ```
 *
 * One arena for all, because a broker with ten thousand queues is a walk through cold memory: a ring of its own for each
 * costs four lines and as many pages a message, this costs one. Lines are used again last in, first out, so queues that
 * are served as fast as they are filled share a few warm ones. A page that holds nothing is given back.
 *
 * An address is a page's number and a cell within it: `page << PAGE_SHIFT | cell`.
 */

export const PAGE_SHIFT = 18;
export const CELL_MASK = (1 << PAGE_SHIFT) - 1;
/** `address & LINE_END` is LINE_END for a line's last cell, which links to the next line. */
export const LINE_END = 15;
const LINE_CELLS = 16;
const PAGE_CELLS = 1 << PAGE_SHIFT;
/** Odd, so that all numbers below a power of two come up, and neighbours lie far apart. */
const OFFSET_STEP = 1_265;
/** Addresses are small integers. */
const PAGES_MAX = 1 << (30 - PAGE_SHIFT);

export class PositionArena {
  /** By number; an empty array in the place of one that was given back. */
  readonly pages: Int32Array[] = [];
  /** By page: its first line that is free again, -1 for none. */
  private readonly free: number[] = [];
  /** By page: where the part begins that was never used. */
  private readonly fresh: number[] = [];
  /** By page: lines in use. */
  private readonly used: number[] = [];
  /** Pages with room, the last of them first; perhaps some that have none any more. */
  private readonly open: number[] = [];

  private offsets = 0;

  /**
   * Another number below `bound`, a power of two, for each that asks: very many queues that get the same messages must not all have
   * something to do at the same one.
   */
  offset(bound: number): number {
    return (this.offsets++ * OFFSET_STEP) & (bound - 1);
  }

  /** Lines in use. */
  get lines(): number {
    return this.used.reduce((sum, n) => sum + n, 0);
  }

  /** Memory that it holds. */
  get bytes(): number {
    return this.pages.reduce((sum, page) => sum + page.byteLength, 0);
  }

  /** Returns a line's address. */
  allocate(): number {
    const { open } = this;
    for (;;) {
      const number = open[open.length - 1];
      if (number === undefined) {
        this.addPage();
        continue;
      }
      const page = this.pages[number]!;
      let cell = this.free[number]!;
      if (cell >= 0) this.free[number] = page[cell]!;
      else {
        cell = this.fresh[number]!;
        if (cell >= page.length) {
          open.pop();
          continue;
        }
        this.fresh[number] = cell + LINE_CELLS;
      }
      this.used[number]!++;
      return (number << PAGE_SHIFT) | cell;
    }
  }

  /** @param address any cell of the line */
  release(address: number): void {
    const number = address >>> PAGE_SHIFT;
    const cell = address & CELL_MASK & ~LINE_END;
    const full = this.free[number]! < 0 && this.fresh[number]! >= PAGE_CELLS;
    this.pages[number]![cell] = this.free[number]!;
    this.free[number] = cell;
    const used = --this.used[number]!;
    if (full && this.open.indexOf(number) < 0) this.open.push(number);
    if (used === 0 && this.open.length > 1) this.dropPage(number);
  }

  private addPage(): void {
    let number = this.pages.findIndex((page) => page.length === 0);
    if (number < 0) number = this.pages.length;
    if (number >= PAGES_MAX) throw new RangeError('too many messages wait at the heads and tails of queues');
    this.pages[number] = new Int32Array(PAGE_CELLS);
    this.free[number] = -1;
    this.fresh[number] = 0;
    this.used[number] = 0;
    this.open.push(number);
  }

  private dropPage(number: number): void {
    this.open.splice(this.open.indexOf(number), 1);
    this.pages[number] = NO_PAGE;
    this.free[number] = -1;
    this.fresh[number] = 0;
  }
}

const NO_PAGE = new Int32Array(0);
