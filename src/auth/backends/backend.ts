/** A back end of the chain: one place that knows who clients are, or what they may do. */
import type { AccessRequest, AuthExchange, Credentials, Identity, PendingAnswer } from '../../api/identity.ts';

/** The kinds there are, each once in a chain at most. */
export type BackendName = 'internal' | 'http' | 'jwt';

/** What a back end says of somebody who wants in. */
export type Verdict =
  | Identity
  /** It does not know the client, or not by that password: the next one is asked. */
  | { readonly unknown: string }
  /** It knows the client, who may not come in: nobody else is asked. */
  | { readonly forbidden: string }
  /** It could not find out: the next one is asked, and if nobody knows the client, it is told to come again later. */
  | { readonly failed: string };

export interface Backend {
  readonly name: BackendName;
  /** Since the start. */
  readonly statistics: BackendStatistics;
  /**
   * Says who somebody with a password is.
   * @param address whose work it is
   * @param done called once, before this returns or later
   */
  authenticate(credentials: Credentials, address: string, done: (verdict: Verdict) => void): void;
  /** Undefined: it has no such mechanism. */
  begin?(mechanism: string, credentials: Credentials): AuthExchange | undefined;
  mayEnter(identity: Identity, vhost: string): boolean | PendingAnswer;
  permits(identity: Identity, request: AccessRequest): boolean | PendingAnswer;
  /** Left out: only what was said at the login counts. */
  sameRights?(one: Identity, other: Identity): boolean;
  /** Forgets what it has found out, and reads files again. */
  forget(): void;
  /** The broker stops: what waits to be asked is left. */
  close?(): void;
  /** Takes whom to call when what may be done may have changed. */
  onChanged(listener: () => void): void;
}

export interface BackendStatistics {
  /** Clients that it has let in, and has not. */
  accepted: number;
  refused: number;
  /** Questions that it has put to somebody else, and of those that were not answered. */
  asked: number;
  failed: number;
}

export function noStatistics(): BackendStatistics {
  return { accepted: 0, refused: 0, asked: 0, failed: 0 };
}

/** Who asks in behalf of a back end: the operator is told what fails. */
export type ReportFailure = (backend: BackendName, reason: string) => void;

/** How long answers are kept, and how many. */
export interface CacheSettings {
  readonly lifetimeMs: number;
  readonly entriesMax: number;
}
