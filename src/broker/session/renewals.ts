/**
 * What a client came in with may hold for a while only: it is disconnected when that is over, unless it proves anew who it is, with
 * the rights that go with the new proof.
 */
import type { Credentials, Identity, Refusal } from '../../api/identity.ts';
import type { SessionClient } from '../../api/session.ts';
import { type Clock, Timer } from '../../clock/clock.ts';
import { nameOf } from '../client-log.ts';
import type { Permissions } from './permissions.ts';

/** People set clocks: what is due after longer is looked at again meanwhile. */
const LOOK_AGAIN_MS = 3_600_000;
/** Between two renewals of a session that have everybody ask for its routes again. */
const BETWEEN_REVIEWS_MS = 1_000;
const EXPIRED = 'what it has logged in with has expired';

/** Who is asked whether a new secret is good, and what another identity means. */
export interface Prover {
  authenticate(credentials: Credentials, done: (result: Identity | Refusal) => void): void;
  /** What the two may do is the same. */
  sameRights(one: Identity, other: Identity): boolean;
}

export interface RenewedSession {
  readonly client: SessionClient;
  readonly permissions: Permissions;
  readonly prover: Prover;
  readonly clock: Clock;
  /** Its rights are others: routes are asked for again, and it loses what it may not have any more. */
  readonly changed: () => void;
  /** Hears why it is about to be ended. */
  readonly ending: (reason: string) => void;
}

export class SessionRenewals {
  private readonly session: RenewedSession;
  private readonly expiry: Timer;
  private readonly review: Timer;
  private reviewedAtMs = Number.NEGATIVE_INFINITY;
  private closed = false;

  constructor(session: RenewedSession) {
    this.session = session;
    this.expiry = new Timer(() => this.look());
    this.review = new Timer(() => this.reviewNow());
    this.look();
  }

  /** @returns why the client may not be who it says now */
  renewed(identity: Identity): Refusal | undefined {
    const { permissions, prover } = this.session;
    const before = permissions.identity;
    if (identity.user !== before.user) {
      return { refused: 'forbidden', reason: `the session is user '${before.user}''s, not user '${identity.user}''s` };
    }
    permissions.identity = identity;
    if (!permissions.mayStay) {
      permissions.identity = before;
      return { refused: 'forbidden', reason: `user '${identity.user}' may not be in the vhost any more` };
    }
    this.look();
    if (!prover.sameRights(before, identity)) this.reviewSoon();
    return undefined;
  }

  secret(secret: Buffer, done: (refusal: Refusal | undefined) => void): void {
    const { client, permissions, prover } = this.session;
    const { user, expiresAtMs } = permissions.identity;
    if (expiresAtMs === undefined) {
      // A password that was right stays right as long as the connection lasts.
      done(undefined);
      return;
    }
    const { transport, clientId } = client;
    const address = transport?.remote?.address;
    prover.authenticate(
      {
        client: nameOf(transport),
        loopback: false,
        user,
        password: secret,
        ...(address !== undefined && { address }),
        ...(clientId !== undefined && { clientId }),
      },
      (result) => {
        if (this.closed) return;
        done('refused' in result ? result : this.renewed(result));
      },
    );
  }

  close(): void {
    this.closed = true;
    const { clock } = this.session;
    clock.cancel(this.expiry);
    clock.cancel(this.review);
  }

  /** The first at once; who renews again and again has the others wait only now and then. */
  private reviewSoon(): void {
    const { clock } = this.session;
    const waitMs = this.reviewedAtMs + BETWEEN_REVIEWS_MS - clock.monotonicMs();
    if (waitMs <= 0) this.reviewNow();
    else if (!this.review.scheduled) clock.schedule(this.review, waitMs);
  }

  private reviewNow(): void {
    this.reviewedAtMs = this.session.clock.monotonicMs();
    this.session.changed();
  }

  private look(): void {
    const { clock, client, permissions } = this.session;
    const { expiresAtMs } = permissions.identity;
    clock.cancel(this.expiry);
    if (expiresAtMs === undefined || this.closed) return;
    const leftMs = expiresAtMs - clock.epochMs();
    if (leftMs > 0) {
      clock.schedule(this.expiry, Math.min(leftMs, LOOK_AGAIN_MS));
      return;
    }
    this.session.ending(EXPIRED);
    if (client.expired === undefined) client.kicked(EXPIRED);
    else client.expired(EXPIRED);
  }
}
