/** The adapters' state: small durable facts that they keep in the vhost's log; see `AdapterState` in `api/adapter-state.ts`. */
import type { AdapterState } from '../../api/adapter-state.ts';
import type { Journal } from './journal.ts';

export class JournaledState implements AdapterState {
  private readonly journal: Journal;
  private readonly values: Map<string, Buffer>;

  /** @param recovered what was kept when the log was written */
  constructor(journal: Journal, recovered: Map<string, Buffer>) {
    this.journal = journal;
    this.values = recovered;
  }

  get(key: string): Buffer | undefined {
    return this.values.get(key);
  }

  put(key: string, value: Buffer): void {
    this.journal.statePut(key, value);
    this.values.set(key, Buffer.from(value));
  }

  delete(key: string): boolean {
    if (!this.values.has(key)) return false;
    this.journal.stateDeleted(key);
    return this.values.delete(key);
  }

  keys(prefix: string): string[] {
    const found: string[] = [];
    for (const key of this.values.keys()) if (key.startsWith(prefix)) found.push(key);
    return found;
  }

  /** Writes a value again, if it is still there: for a checkpoint. */
  rewrite(key: string): void {
    const value = this.values.get(key);
    if (value !== undefined) this.journal.statePut(key, value);
  }
}
