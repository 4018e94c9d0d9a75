/** What `/healthz` says. In a file of its own, since programs are shown it, and not what answers over HTTP. */

export interface Health {
  readonly status: 'ok' | 'stopping' | 'failed';
  /** Why, unless it is ok. */
  readonly reason?: string;
}
