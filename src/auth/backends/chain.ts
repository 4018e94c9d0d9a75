/**
 * The chain of back ends: asked in order who a client with a password is. The first one that knows it decides from then on what it may
 * do, unless the settings name another one for that.
 *
 *     password ──▶ internal ──unknown──▶ http ──failed──▶ jwt ──unknown──▶ refused: unavailable, since one has failed
 *
 * Clients without a name and certificates are the broker's own affair (`InternalAuthenticator`), whatever the chain, and SCRAM if
 * `internal` is in it; what they may do is decided where it is for its users who come with a password. Mechanisms of a back end are its.
 * Guesses are counted here, by the outcome of the whole chain.
 */
import type {
  AccessRequest,
  AuthExchange,
  Authenticator,
  Credentials,
  Identity,
  PendingAnswer,
  Refusal,
  TopicRules,
} from '../../api/identity.ts';
import { addressOf, BUSY, type InternalAuthenticator } from '../internal-authenticator.ts';
import { AnswerCache } from './answer-cache.ts';
import type { Backend, BackendName, BackendStatistics, Verdict } from './backend.ts';

/** A back end in its place, and who decides about those that it lets in. */
export interface Link {
  readonly backend: Backend;
  readonly authorization?: BackendName | undefined;
}

/** An identity, and which back end decides about it. */
interface ChainIdentity extends Identity {
  readonly decidedBy?: Backend;
  /** As the back end knows it that has let it in, and which that is. */
  readonly inside?: Identity;
  readonly from?: BackendName;
}

/** Users of whom only the name is known, because they are not connected: what was known of them last. */
const RECENT_MAX = 10_000;
const RECENT_MS = 24 * 3_600_000;

export class BackendChain implements Authenticator {
  private readonly internal: InternalAuthenticator;
  private readonly links: readonly Link[];
  private readonly recent: AnswerCache<ChainIdentity>;
  private readonly nowMs: () => number;

  /** @param nowMs since the epoch */
  constructor(internal: InternalAuthenticator, links: readonly Link[], nowMs: () => number) {
    this.internal = internal;
    this.links = links;
    this.nowMs = nowMs;
    this.recent = new AnswerCache(RECENT_MAX, nowMs);
  }

  /** The broker stops. */
  close(): void {
    for (const { backend } of this.links) backend.close?.();
  }

  /** Of each back end, in order. */
  get statistics(): readonly (readonly [name: string, statistics: BackendStatistics])[] {
    return this.links.map(({ backend }) => [backend.name, backend.statistics]);
  }

  authenticate(credentials: Credentials, done: (result: Identity | Refusal) => void): void {
    const { user, password, certificate } = credentials;
    const hasPassword = (password?.length ?? 0) > 0;
    if (certificate !== undefined && !hasPassword) {
      this.internal.authenticate(credentials, (result) => done('refused' in result ? result : this.own(result)));
      return;
    }
    if (user === undefined && !hasPassword) {
      this.internal.authenticate(credentials, done);
      return;
    }
    const address = addressOf(credentials);
    const name = user ?? '';
    const { guesses } = this.internal;
    // What waits is read later than its chunk may live.
    const own = password === undefined ? credentials : { ...credentials, password: Buffer.from(password) };
    const admitted = guesses.admit(address, name, () =>
      this.askFrom(0, own, address, { failed: false, notes: [] }, (result, failed) => {
        if (!('refused' in result)) guesses.succeeded(address, name);
        else if (!failed) guesses.failed(address, name);
        done(result);
      }),
    );
    if (!admitted) done(BUSY);
  }

  begin(mechanism: string, credentials: Credentials): AuthExchange | undefined {
    for (const link of this.links) {
      const { name } = link.backend;
      const exchange =
        name === 'internal'
          ? this.internal.begin(mechanism, credentials)
          : link.backend.begin?.(mechanism, credentials);
      if (exchange === undefined) continue;
      return {
        step: (data, done) =>
          exchange.step(data, (step) =>
            done('identity' in step ? { ...step, identity: this.taken(step.identity, link) } : step),
          ),
      };
    }
    return undefined;
  }

  /** Whether what this identity may do is for the broker's own users to say: a back end's user may have the name of one of them. */
  isInternal(identity: Identity): boolean {
    const { decidedBy } = identity as ChainIdentity;
    return decidedBy === undefined || decidedBy.name === 'internal';
  }

  mayEnter(identity: Identity, vhost: string): boolean | PendingAnswer {
    const { decidedBy, inside } = identity as ChainIdentity;
    return (decidedBy ?? this.internal).mayEnter(inside ?? identity, vhost);
  }

  permits(identity: Identity, request: AccessRequest): boolean | PendingAnswer {
    const { decidedBy, inside } = identity as ChainIdentity;
    return (decidedBy ?? this.internal).permits(inside ?? identity, request);
  }

  /** Back ends say so at the login alone. */
  tagsOf(identity: Identity): readonly string[] | undefined {
    const { from = 'internal', inside = identity } = identity as ChainIdentity;
    return from === 'internal' ? this.internal.tagsOf(inside) : identity.tags;
  }

  topicRules(identity: Identity, vhost: string, clientId?: string): TopicRules | undefined {
    if (!this.isInternal(identity)) return undefined;
    return this.internal.topicRules((identity as ChainIdentity).inside ?? identity, vhost, clientId);
  }

  /**
   * Who is not connected is what was known of it last: a user of the broker's own, or as a back end has let it in, which may have
   * one of the same name. Whose token has expired since is nobody until it is back.
   */
  recall(user: string): Identity | undefined {
    const last = this.recent.get(user);
    if (last !== undefined && last.from !== 'internal') return this.isOver(last) ? undefined : last;
    const isOwn = last !== undefined || this.internal.knows(user);
    return isOwn ? this.own(this.internal.recall(user)) : undefined;
  }

  private isOver({ expiresAtMs }: Identity): boolean {
    return expiresAtMs !== undefined && expiresAtMs <= this.nowMs();
  }

  sameRights(one: Identity, other: Identity): boolean {
    const before = one as ChainIdentity;
    const after = other as ChainIdentity;
    if (before.decidedBy !== after.decidedBy) return false;
    return before.decidedBy?.sameRights?.(before.inside!, after.inside!) ?? true;
  }

  onChanged(listener: () => void): void {
    this.internal.onChanged(listener);
    for (const { backend } of this.links) backend.onChanged(listener);
  }

  /** Forgets what back ends have said, and has them read their files again. */
  forget(): void {
    for (const { backend } of this.links) backend.forget();
  }

  private askFrom(
    index: number,
    credentials: Credentials,
    address: string,
    before: { readonly failed: boolean; readonly notes: readonly string[] },
    done: (result: Identity | Refusal, failed: boolean) => void,
  ): void {
    const link = this.links[index];
    if (link === undefined) {
      if (before.failed) done({ refused: 'unavailable', reason: CANNOT_BE_TOLD }, true);
      else this.refuse(credentials, address, before.notes, (refusal) => done(refusal, false));
      return;
    }
    const { name } = link.backend;
    link.backend.authenticate(credentials, address, (verdict: Verdict) => {
      if ('failed' in verdict) this.askFrom(index + 1, credentials, address, { ...before, failed: true }, done);
      else if ('unknown' in verdict) {
        const notes = [...before.notes, `${name}: ${verdict.unknown}`];
        this.askFrom(index + 1, credentials, address, { ...before, notes }, done);
      } else if ('forbidden' in verdict) done({ refused: 'forbidden', reason: verdict.forbidden }, false);
      else done(this.taken(verdict, link), false);
    });
  }

  /** Nobody knows the client. It takes as long as for a user whom the broker knows: how long it takes is not to tell who there is. */
  private refuse(
    credentials: Credentials,
    address: string,
    notes: readonly string[],
    done: (refusal: Refusal) => void,
  ): void {
    const { user = '' } = credentials;
    const reason = `user '${user}' - invalid credentials (${notes.join('; ')})`;
    const refused = (): void => done({ refused: 'credentials', reason });
    const isAsked = this.links.some(({ backend }) => backend.name === 'internal');
    if (isAsked && user !== '' && this.internal.isStrange(user)) {
      this.internal.verify(credentials, user, address, refused);
    } else refused();
  }

  private taken(inside: Identity, link: Link): ChainIdentity {
    const identity = this.linked(inside, link);
    this.recent.set(inside.user, identity, RECENT_MS);
    return identity;
  }

  /** A user of the broker's, and where it is decided what he may do. */
  private own(inside: Identity): Identity {
    const link = this.links.find(({ backend }) => backend.name === 'internal');
    return link === undefined ? inside : this.linked(inside, link);
  }

  private linked(inside: Identity, { backend, authorization = backend.name }: Link): ChainIdentity {
    const decidedBy = this.links.find((link) => link.backend.name === authorization)?.backend ?? backend;
    const { user, tags, expiresAtMs } = inside;
    return { user, tags: tags ?? [], expiresAtMs, inside, from: backend.name, decidedBy };
  }
}

const CANNOT_BE_TOLD = 'who may log in cannot be found out now; try again later';
