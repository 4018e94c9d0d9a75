/**
 * Adapter state: small durable facts that an adapter keeps in the vhost's log.
 */

/**
 * Durable facts beside the messages (packet identifiers, session settings), in the same log and, within `Session.beginUnit` and
 * `endUnit`, in the same commit unit. All of them are in memory: keep them small and few. A write becomes safe with the mark that
 * `Session.mark` gives afterwards. The vhost has one map of them, so a key begins with the adapter's name.
 */
export interface AdapterState {
  /** The value as it was put; not to be changed. Undefined: there is none. */
  get(key: string): Buffer | undefined;
  /** Keeps a copy of the value, in the place of what was there. */
  put(key: string, value: Buffer): void;
  /** @returns false if there was none */
  delete(key: string): boolean;
  /** Keys with this prefix, in no particular order. It walks all keys of the vhost: for a start and a session's end. */
  keys(prefix: string): string[];
}
