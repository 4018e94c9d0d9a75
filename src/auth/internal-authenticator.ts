/**
 * The authenticator over the broker's own users.
 *
 * While there is no user at all, `guest` and clients without a name are let in from this machine, and may do everything
 * (`LoopbackOnly`). With the first user that ends, unless the settings say otherwise: clients without a name are let in by
 * `login.anonymous` alone, and `guest` is a user like others, which still has to be on this machine unless `login.guest` says
 * `anywhere`.
 *
 * A password that was right is remembered as its HMAC under a key of this process, so that a client that comes back does not cost
 * a hash. What is wrong costs one, whatever it is: an unknown user, a user without a password, an empty password.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { networkOf } from '../api/endpoint.ts';
import type {
  AccessRequest,
  AuthExchange,
  Authenticator,
  ClientCertificate,
  Credentials,
  Identity,
  Refusal,
  TopicRules,
} from '../api/identity.ts';
import type { Permissions } from '../api/users.ts';
import type { Clock } from '../clock/clock.ts';
import { BrokerError } from '../message/errors.ts';
import { type CertificateUserFrom, certificateUser } from './certificate-user.ts';
import { Guesses } from './guesses.ts';
import { ANONYMOUS, GUEST, LoopbackOnly } from './loopback-only.ts';
import { PasswordWork } from './password-work.ts';
import { hashPassword, PASSWORD_BYTES_MAX, verifyPassword } from './passwords.ts';
import { SCRAM_SHA_256, ScramExchange, scramSecretLater } from './scram.ts';
import type { TopicRule, User, UserStore } from './user-store.ts';

/** `auto`: from this machine while there is no user, and then not. */
export type AnonymousLogin = 'auto' | 'local' | 'anywhere' | 'never';
/** `auto`: from this machine only; without a user of that name, while there is no user at all. */
export type GuestLogin = 'auto' | 'anywhere' | 'never';

export interface LoginSettings {
  readonly anonymous: AnonymousLogin;
  readonly guest: GuestLogin;
}

/** What decides about an identity that was let in. */
export interface Access {
  topicRules(identity: Identity, vhost: string, clientId?: string): TopicRules | undefined;
  permits(identity: Identity, request: AccessRequest): boolean;
  mayEnter(identity: Identity, vhost: string): boolean;
}

/** Where the access reads what a user may do. */
export interface Rules {
  permissionsOf(user: string, vhost: string): Permissions | undefined;
  topicPermissionsOf(user: string, vhost: string): readonly TopicRule[];
}

/** What is said of users beside their passwords. */
export interface Standing {
  /** A user may log in as this client. */
  admits(user: string, clientId: string | undefined): boolean;
  isDisabled(user: string): boolean;
  /** Another number than at its login: its sessions are over. */
  epochOf(user: string): number;
  /** Roles say what it may do. */
  judges(user: string): boolean;
}

const ALL: Permissions = { configure: '.*', write: '.*', read: '.*' };
export const BUSY: Refusal = { refused: 'unavailable', reason: 'too many logins wait to be checked; try again later' };

export class InternalAuthenticator implements Authenticator, Rules {
  readonly guesses: Guesses;
  login: LoginSettings;
  /** Nobody else knows users either: as long as there is none, those that nobody has set up may come in. */
  alone = true;
  private readonly store: UserStore;
  private readonly userFrom: CertificateUserFrom;
  private readonly access: Access;
  private readonly standing: Standing;
  private readonly local = new LoopbackOnly();
  private readonly work = new PasswordWork();
  /** What the number of sessions' ends was when somebody came. */
  private readonly epochs = new WeakMap<Identity, number>();
  private readonly proofKey = randomBytes(32);
  /** Of each user one check that is under way. */
  private readonly checking = new Map<
    User,
    { readonly proof: Buffer; readonly hash: unknown; readonly checked: Promise<boolean> }
  >();
  /** Those whose password is being hashed anew: once, however many of its clients come meanwhile. */
  private readonly improving = new WeakSet<User>();
  private readonly onFault: (error: unknown) => void;
  private readonly change: (work: () => unknown) => Promise<unknown>;

  constructor(options: {
    readonly store: UserStore;
    readonly clock: Clock;
    readonly login: LoginSettings;
    readonly userFrom: CertificateUserFrom;
    readonly accessOver: (rules: Rules) => Access;
    readonly standing: Standing;
    readonly onFault: (error: unknown) => void;
    /** Has the store changed when it can be; a change that cannot be kept is left out. */
    readonly change: (work: () => unknown) => Promise<unknown>;
  }) {
    this.store = options.store;
    this.login = options.login;
    this.userFrom = options.userFrom;
    this.guesses = new Guesses(options.clock);
    this.standing = options.standing;
    this.access = options.accessOver(this);
    this.onFault = options.onFault;
    this.change = options.change;
  }

  authenticate(credentials: Credentials, done: (result: Identity | Refusal) => void): void {
    const { user } = credentials;
    const address = addressOf(credentials);
    if (credentials.certificate !== undefined && (credentials.password?.length ?? 0) === 0) {
      done(this.certified(credentials, credentials.certificate));
    } else if (user === undefined) done(this.anonymous(credentials));
    else if (this.usesLocal(user)) this.local.authenticate(credentials, done);
    else {
      const admitted = this.guesses.admit(address, user, () =>
        this.check(credentials, user, address, (result) => {
          if (!('refused' in result)) this.guesses.succeeded(address, user);
          else if (result.refused === 'credentials') this.guesses.failed(address, user);
          done(result);
        }),
      );
      if (!admitted) done(BUSY);
    }
  }

  /** Whether a user's password is right, for who counts the guesses itself. */
  verify(credentials: Credentials, user: string, address: string, done: (result: Identity | Refusal) => void): void {
    if (this.usesLocal(user)) this.local.authenticate(credentials, done);
    else this.check(credentials, user, address, done);
  }

  /** Nothing is known of that name, and a password for it can only be wrong. */
  isStrange(user: string): boolean {
    return !this.knows(user) && !this.usesLocal(user);
  }

  /** There is such a user. */
  knows(user: string): boolean {
    return this.store.find(user) !== undefined;
  }

  /** A password as it is remembered. */
  proofOf(password: Buffer): Buffer {
    return createHmac('sha256', this.proofKey).update(password).digest();
  }

  begin(mechanism: string, credentials: Credentials): AuthExchange | undefined {
    if (mechanism !== SCRAM_SHA_256) return undefined;
    const { loopback, clientId } = credentials;
    const address = addressOf(credentials);
    let local: AuthExchange | undefined;
    let name = '';
    const exchange = new ScramExchange((user, found) => {
      name = user;
      const passes = () => this.passable(user, loopback) && this.standing.admits(user, clientId);
      const lookUp = () => found(passes() ? this.store.find(user)?.secrets.scram : undefined);
      if (!this.guesses.admit(address, user, lookUp)) found(undefined);
    });
    if (this.usesLocal(GUEST)) local = this.local.begin(mechanism, credentials);
    return {
      step: (data, done) =>
        (local ?? exchange).step(data, (step) => {
          if ('refused' in step) {
            if (name !== '') this.guesses.failed(address, name);
            done(step);
          } else if ('identity' in step) {
            if (local === undefined) this.guesses.succeeded(address, name);
            done({ ...step, identity: this.identityOf(step.identity.user) });
          } else done(step);
        }),
    };
  }

  recall(user: string): Identity {
    return this.identityOf(user);
  }

  mayEnter(identity: Identity, vhost: string): boolean {
    return this.isCurrent(identity) && this.access.mayEnter(identity, vhost);
  }

  tagsOf(identity: Identity): readonly string[] | undefined {
    const { user } = identity;
    if (!this.isCurrent(identity)) return undefined;
    const known = this.store.find(user);
    if (known !== undefined) return known.tags;
    return this.mayDoAll(user) ? (identity.tags ?? []) : undefined;
  }

  /** Its user has not been deleted, made anew or disabled since it logged in. */
  private isCurrent(identity: Identity): boolean {
    const epoch = this.epochs.get(identity);
    if (epoch !== undefined && epoch !== this.standing.epochOf(identity.user)) return false;
    return !this.standing.isDisabled(identity.user);
  }

  topicRules(identity: Identity, vhost: string, clientId?: string): TopicRules | undefined {
    return this.access.topicRules(identity, vhost, clientId);
  }

  permits(identity: Identity, request: AccessRequest): boolean {
    return this.access.permits(identity, request);
  }

  onChanged(listener: () => void): void {
    this.store.onChanged(listener);
  }

  permissionsOf(user: string, vhost: string): Permissions | undefined {
    if (this.mayDoAll(user)) return ALL;
    return this.store.permissionsOf(user, vhost);
  }

  topicPermissionsOf(user: string, vhost: string): readonly TopicRule[] {
    return this.store.topicPermissionsOf(user, vhost);
  }

  /** Those that nobody has set up, as long as they are let in. */
  private mayDoAll(user: string): boolean {
    if (this.store.find(user) !== undefined || this.standing.judges(user)) return false;
    if (user === ANONYMOUS) return this.anonymousFrom !== 'never';
    return user === GUEST && this.usesLocal(user);
  }

  /** `guest` of a broker without users. */
  usesLocal(user: string): boolean {
    return this.alone && this.store.empty && user === GUEST && this.login.guest !== 'never';
  }

  private get anonymousFrom(): 'local' | 'anywhere' | 'never' {
    const { anonymous } = this.login;
    if (anonymous !== 'auto') return anonymous;
    return this.alone && this.store.empty ? 'local' : 'never';
  }

  /** Who shows a certificate and gives no password is whom the certificate names, whatever else it says, and never anonymous. */
  private certified({ user, loopback, clientId }: Credentials, certificate: ClientCertificate): Identity | Refusal {
    const named = certificateUser(certificate, this.userFrom);
    if (named === undefined || this.store.find(named) === undefined || (user !== undefined && user !== named)) {
      const { subject } = certificate;
      return {
        refused: 'credentials',
        reason: `the certificate '${subject}' names no user, or another than the client`,
      };
    }
    if (!this.standing.admits(named, clientId)) return notAdmitted(named);
    return this.passable(named, loopback) ? this.identityOf(named) : onlyLocal(named);
  }

  private anonymous({ loopback }: Credentials): Identity | Refusal {
    const from = this.anonymousFrom;
    if (from === 'never') return { refused: 'credentials', reason: 'a client without a name is not let in' };
    if (from === 'anywhere' || loopback) return this.identityOf(ANONYMOUS);
    return onlyLocal(ANONYMOUS);
  }

  private check(
    { password = Buffer.alloc(0), loopback, clientId }: Credentials,
    name: string,
    address: string,
    done: (result: Identity | Refusal) => void,
  ): void {
    // Before the password is looked at: what is wrong with it is told to nobody who may not come from there anyway.
    if (!this.passable(name, loopback)) {
      done(onlyLocal(name));
      return;
    }
    const user = this.store.find(name);
    const usable = password.length > 0 && password.length <= PASSWORD_BYTES_MAX;
    const proof = this.proofOf(usable ? password : Buffer.alloc(0));
    const judged = (right: boolean): void => {
      // It may have been deleted, or been given another password, meanwhile.
      if (!right || user === undefined || this.store.find(name) !== user) {
        done({ refused: 'credentials', reason: `user '${name}' - invalid credentials` });
      } else if (!this.standing.admits(name, clientId)) {
        this.guesses.failed(address, name);
        done(notAdmitted(name));
      } else {
        user.proof ??= proof;
        done(this.identityOf(name));
      }
    };
    if (usable && user?.proof !== undefined && timingSafeEqual(user.proof, proof)) {
      judged(true);
      return;
    }
    const hash = user?.secrets.hash;
    const copy = usable ? Buffer.from(password) : Buffer.from('-');
    const checked = this.underWay(user, proof) ?? this.work.run(address, () => verifyPassword(copy, hash));
    if (checked === undefined) {
      done(BUSY);
      return;
    }
    if (user !== undefined) this.keepUnderWay(user, proof, checked);
    checked.then(
      (fits) => {
        judged(fits && usable);
        if (fits && usable && user !== undefined) this.improve(user, copy, address);
      },
      (error: unknown) => {
        this.onFault(error);
        done({ refused: 'unavailable', reason: 'passwords cannot be checked now' });
      },
    );
  }

  /** A check of the same password of the same user: whoever comes meanwhile waits for that, as hundreds do after a restart. */
  private underWay(user: User | undefined, proof: Buffer): Promise<boolean> | undefined {
    const one = user === undefined ? undefined : this.checking.get(user);
    return one !== undefined && one.hash === user?.secrets.hash && timingSafeEqual(one.proof, proof)
      ? one.checked
      : undefined;
  }

  private keepUnderWay(user: User, proof: Buffer, checked: Promise<boolean>): void {
    if (this.checking.has(user)) return;
    const one = { proof, hash: user.secrets.hash, checked };
    this.checking.set(user, one);
    const over = (): void => {
      if (this.checking.get(user) === one) this.checking.delete(user);
    };
    checked.then(over, over);
  }

  /** The broker stops: guesses that wait for their turn would keep it for as long as they take. */
  close(): void {
    this.work.close();
  }

  /** A password that was hashed by somebody else, or is kept without SCRAM's keys, is kept as ours from now on. */
  private improve(user: User, password: Buffer, address: string): void {
    const { hash, scram } = user.secrets;
    if (user.configured || hash === undefined || (hash.algorithm === 'scrypt' && scram !== undefined)) return;
    if (this.improving.has(user)) return;
    const improved = this.work.run(address, async () => ({
      hash: hash.algorithm === 'scrypt' ? hash : await hashPassword(password),
      scram: await scramSecretLater(password),
    }));
    if (improved === undefined) return; // there is much to do: it is the next login's, then
    this.improving.add(user);
    const kept = improved.then((secrets) =>
      this.change(() => user.secrets.hash === hash && this.store.upgrade(user, secrets)),
    );
    kept
      .catch((error: unknown) => {
        // The broker stops, or its disk has failed, which is told elsewhere: it is the next login's, then.
        if (!(error instanceof BrokerError && error.code === 'unavailable')) this.onFault(error);
      })
      .finally(() => this.improving.delete(user));
  }

  /** Whether a user of that name may come from there at all. */
  private passable(name: string, loopback: boolean): boolean {
    if (name !== GUEST) return true;
    return this.login.guest === 'anywhere' || (this.login.guest === 'auto' && loopback);
  }

  private identityOf(user: string): Identity {
    const identity = { user, tags: this.store.find(user)?.tags ?? [] };
    this.epochs.set(identity, this.standing.epochOf(user));
    return identity;
  }
}

function notAdmitted(user: string): Refusal {
  return { refused: 'credentials', reason: `user '${user}' is disabled, or bound to another client identifier` };
}

function onlyLocal(user: string): Refusal {
  return { refused: 'forbidden', reason: `user '${user}' can only connect from this machine` };
}

/** By what a client's guesses, and the work that it makes, are counted. */
export function addressOf(credentials: Credentials): string {
  return networkOf(ownAddressOf(credentials));
}

/** Who does not say its address apart has it in what is shown of the client. */
export function ownAddressOf({ address, client }: Credentials): string {
  return address ?? client.replace(/:\d+$/, '');
}
