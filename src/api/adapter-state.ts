/**
 * Adapter state: small durable facts that an adapter keeps in the vhost's log.
 */

/**
 * Small durable facts that an adapter keeps beside the messages, in the same log and, within `beginUnit`/`endUnit`, in
 * the same commit unit: packet identifiers, session settings. Keys are namespaced by the adapter's name.
 * Read from memory; a write becomes safe with the mark that `Session.mark()` gives afterwards.
 */
export interface AdapterState {
  get(key: string): Buffer | undefined;
  put(key: string, value: Buffer): void;
  delete(key: string): boolean;
  /** Keys with this prefix, in no particular order. For start-up and session ends; it walks everything. */
  keys(prefix: string): string[];
}
