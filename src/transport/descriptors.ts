/**
 * The shares of the process's file descriptors. Every socket takes one, and so does every file of a log: a broker
 * that accepts until there are none cannot begin the log's next segment. So the clients' share is what is left when the
 * rest has been set aside, and a bound that is higher than that is lowered when the broker starts.
 *
 *     all there are = clients + the HTTP port's sockets + the files of each vhost + what the process needs anyway
 */
import { readFileSync } from 'node:fs';

/** Standard streams, the event loop's own, listeners, what a library opens for a moment, what an embedder has open. */
const PROCESS_DESCRIPTORS = 64;
/** Of a vhost: the segment that is written, those prepared and rewritten, those that are read, spilled messages. */
const VHOST_DESCRIPTORS = 80;
/** Of those, what is really open nearly always. */
const OPEN_DESCRIPTORS = 24;
const OPEN_VHOST_DESCRIPTORS = 4;
/** Sockets of the HTTP port, where there are plenty. */
export const HTTP_SOCKETS_MAX = 128;

export interface SocketShares {
  /** Connections of clients. */
  readonly clients: number;
  /** Sockets of HTTP ports. */
  readonly http: number;
}

/** What this process may have open at a time; undefined where the system does not say, or knows no limit. */
export function descriptorLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/** How many are open, as far as can be told without asking the system for all of them. @param sockets of clients, and HTTP's */
export function openDescriptors(sockets: number, vhosts: number): number {
  return sockets + OPEN_DESCRIPTORS + vhosts * OPEN_VHOST_DESCRIPTORS;
}

/**
 * @param wanted connections of clients that the settings allow
 * @param limit as `descriptorLimit` says
 */
export function shareDescriptors(wanted: number, limit: number | undefined, vhosts: number): SocketShares {
  if (limit === undefined) return { clients: wanted, http: HTTP_SOCKETS_MAX };
  const http = Math.min(HTTP_SOCKETS_MAX, Math.max(4, Math.floor(limit / 8)));
  const left = limit - http - PROCESS_DESCRIPTORS - vhosts * VHOST_DESCRIPTORS;
  // Where they are really few, clients get some all the same: the log waits for one when it finds none.
  return { clients: Math.min(wanted, Math.max(left, Math.floor(limit / 4), 1)), http };
}
