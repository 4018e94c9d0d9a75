/**
 * Who has had which message retained, by the message's number: kept only where it is asked, before one is shown, whether he may still publish
 * there. A delayed message that is to be retained has its publisher noted here as well. It is written down before the message is, so that no
 * crash leaves one of whom nobody is asked for.
 */
import type { Retainer } from '../../message/message.ts';
import type { Journal } from '../journal/journal.ts';

/** Whether he may still publish to this exchange with this key, dotted; true as long as nobody can tell. */
export type MayRetain = (retainer: Retainer, exchange: string, key: string) => boolean;

export class Retainers {
  private readonly journal: Pick<Journal, 'retainer'>;
  private readonly mayRetain: MayRetain | null;
  private readonly bySeq: Map<number, Retainer>;

  /** @param mayRetain null: nobody is asked, and nothing noted */
  constructor(journal: Pick<Journal, 'retainer'>, mayRetain: MayRetain | null, recovered: Map<number, Retainer>) {
    this.journal = journal;
    this.mayRetain = mayRetain;
    this.bySeq = recovered;
  }

  /** Whether anybody is asked. */
  get asked(): boolean {
    return this.mayRetain !== null;
  }

  /** Messages of which it is known. */
  get size(): number {
    return this.bySeq.size;
  }

  of(seq: number): Retainer | null {
    return this.bySeq.get(seq) ?? null;
  }

  /** The message that gets this number, and lies in the log, is his. */
  note(seq: number, retainer: Retainer | null): void {
    if (retainer === null) return;
    this.journal.retainer(seq, retainer);
    this.bySeq.set(seq, retainer);
  }

  forget(seq: number): void {
    if (this.bySeq.size > 0) this.bySeq.delete(seq);
  }

  /** Whether what has this number, and is retained there, may be shown, as far as its publisher goes. @param key dotted */
  permits(seq: number, exchange: string, key: string): boolean {
    const { mayRetain } = this;
    const retainer = mayRetain === null ? undefined : this.bySeq.get(seq);
    return retainer === undefined || mayRetain!(retainer, exchange, key);
  }

  /** Writes them down again, a step for each. */
  *checkpoint(): Generator<void> {
    for (const [seq, retainer] of this.bySeq) {
      this.journal.retainer(seq, retainer);
      yield;
    }
  }
}
