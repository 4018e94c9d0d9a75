/**
 * The back end whose clients show a token (JWT, RFC 7519) in the place of a password. What it says is believed if it is signed by a key
 * that the operator has named, with an algorithm that the settings allow, by the issuer, for this broker, and in its time. The user
 * is whom the token names, whatever name the client gives beside it.
 */
import { createHash } from 'node:crypto';
import type {
  AccessRequest,
  AuthExchange,
  Credentials,
  Identity,
  PendingAnswer,
  Refusal,
} from '../../../api/identity.ts';
import { type Clock, Timer } from '../../../clock/clock.ts';
import { addressOf, BUSY } from '../../internal-authenticator.ts';
import { PasswordWork } from '../../password-work.ts';
import { AnswerCache } from '../answer-cache.ts';
import { type Backend, type CacheSettings, noStatistics, type ReportFailure, type Verdict } from '../backend.ts';
import { FAILURE_MS } from '../decisions.ts';
import { HttpClient } from '../http/request.ts';
import { scopesOf, userOf } from './claims.ts';
import { jose } from './jose.ts';
import { KeySet, KeysUnavailable } from './key-set.ts';
import { Rights, SCOPES_MAX } from './scopes.ts';

/** What a token may be signed with: by a key pair, never by a secret. */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

/** The name under which clients show a token where their protocol has exchanges of messages (as Azure's brokers call it). */
export const TOKEN_MECHANISM = 'OAUTH2-JWT';
export const TOKEN_BYTES_MAX = 16 * 1024;
/** Signatures that are checked at a time. */
const AT_A_TIME = 8;
/** A token's look: three parts in base64url, the first a JSON object. */
const TOKEN = /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/;

export interface JwtBackendSettings {
  readonly issuer: string;
  /** One of them must be in the token. */
  readonly audiences: readonly string[];
  readonly jwks: string | undefined;
  readonly keys: (() => string) | undefined;
  /** PEM of who may have signed the certificate behind `jwks`; undefined: those that Node knows. */
  readonly authority: () => string | undefined;
  readonly algorithms: readonly (typeof ALGORITHMS)[number][];
  /** For which clocks may differ. */
  readonly leewayMs: number;
  /** Claims that name the user, the first that is there. */
  readonly userFrom: readonly string[];
  /** That scopes begin with. */
  readonly scopePrefix: string;
  readonly additionalScopes: string | undefined;
  readonly timeoutMs: number;
  readonly cache: CacheSettings;
}

interface TokenIdentity extends Identity {
  readonly rights: Rights;
  readonly expiresAtMs: number;
}

export class JwtBackend implements Backend {
  readonly name = 'jwt';
  readonly statistics = noStatistics();
  private readonly settings: JwtBackendSettings;
  private readonly clock: Clock;
  private readonly client: HttpClient;
  private readonly keys: KeySet;
  private readonly report: ReportFailure;
  private readonly work = new PasswordWork(AT_A_TIME);
  private readonly known: AnswerCache<Verdict>;

  /** @throws Error: the keys' file is wrong */
  constructor(settings: JwtBackendSettings, clock: Clock, report: ReportFailure) {
    this.settings = settings;
    this.clock = clock;
    this.report = report;
    this.client = new HttpClient(clock, settings.authority());
    const source = { keys: settings.keys, url: settings.jwks, timeoutMs: settings.timeoutMs };
    this.keys = new KeySet(source, clock, this.client, (failure) => this.keysAsked(failure));
    this.known = new AnswerCache(settings.cache.entriesMax, () => clock.monotonicMs());
  }

  authenticate({ password }: Credentials, address: string, done: (verdict: Verdict) => void): void {
    const length = password?.length ?? 0;
    const token = length > 0 && length <= TOKEN_BYTES_MAX ? password!.toString('latin1') : '';
    if (!TOKEN.test(token)) {
      this.statistics.refused++;
      done({ unknown: length > TOKEN_BYTES_MAX ? `a token of more than ${TOKEN_BYTES_MAX} bytes` : 'no token' });
      return;
    }
    const key = createHash('sha256').update(token).digest('base64');
    const known = this.known.get(key);
    if (known !== undefined && !this.isOver(known)) {
      this.count(known);
      done(known);
      return;
    }
    this.verify(token, address, (verdict) => {
      const { lifetimeMs } = this.settings.cache;
      this.known.set(key, verdict, 'failed' in verdict ? Math.min(FAILURE_MS, lifetimeMs) : lifetimeMs);
      this.count(verdict);
      done(verdict);
    });
  }

  begin(mechanism: string, credentials: Credentials): AuthExchange | undefined {
    if (mechanism !== TOKEN_MECHANISM) return undefined;
    return {
      step: (data, done) =>
        this.authenticate({ ...credentials, password: Buffer.from(data) }, addressOf(credentials), (verdict) =>
          done('user' in verdict ? { identity: verdict, data: undefined } : refusalOf(verdict)),
        ),
    };
  }

  mayEnter(identity: Identity, vhost: string): boolean | PendingAnswer {
    return rightsOf(identity)?.mayEnter(vhost) === true && !this.isExpired(identity);
  }

  permits(identity: Identity, request: AccessRequest): boolean | PendingAnswer {
    return rightsOf(identity)?.permits(request) === true && !this.isExpired(identity);
  }

  sameRights(one: Identity, other: Identity): boolean {
    return rightsOf(one)?.text === rightsOf(other)?.text;
  }

  close(): void {
    this.work.close();
  }

  forget(): void {
    this.known.clear();
    this.client.setAuthority(this.settings.authority());
    try {
      this.keys.again();
    } catch (error) {
      this.keysAsked(`keys: ${(error as Error).message}`);
    }
  }

  /** What a token says never changes. */
  onChanged(): void {}

  private verify(token: string, address: string, done: (verdict: Verdict) => void): void {
    let over = false;
    const end = (verdict: Verdict): void => {
      if (over) return;
      over = true;
      this.clock.cancel(timer);
      done(verdict);
    };
    const { timeoutMs } = this.settings;
    const timer = new Timer(() => end({ failed: `no keys within ${timeoutMs} ms` }));
    this.clock.schedule(timer, timeoutMs);
    const judged = this.work.run(address, async () => {
      if (over) throw new Error('its time is over');
      return this.judge(token);
    });
    if (judged === undefined) end({ failed: BUSY.reason });
    else judged.then(end, (error: Error) => end({ failed: error.message }));
  }

  private async judge(token: string): Promise<Verdict> {
    const { settings } = this;
    const { errors, jwtVerify } = await jose();
    try {
      const { payload } = await jwtVerify(token, this.keys.find, {
        issuer: settings.issuer,
        audience: settings.audiences,
        algorithms: settings.algorithms,
        clockTolerance: settings.leewayMs / 1_000,
        currentDate: new Date(this.clock.epochMs()),
        requiredClaims: ['exp'],
      });
      const user = userOf(payload, settings.userFrom);
      if (user === undefined) return { unknown: 'a token that names no user' };
      const scopes = scopesOf(payload, settings.additionalScopes, settings.audiences);
      if (scopes.length > SCOPES_MAX) return { unknown: `a token of more than ${SCOPES_MAX} scopes` };
      const rights = new Rights(scopes, settings.scopePrefix);
      const expiresAtMs = payload.exp! * 1_000 + settings.leewayMs;
      const identity: TokenIdentity = { user, tags: rights.tags, expiresAtMs, rights };
      return identity;
    } catch (error) {
      if (error instanceof KeysUnavailable) return { failed: error.message };
      // What is wrong with it, in jose's words, which hold nothing of the token.
      if (error instanceof errors.JOSEError) return { unknown: `a token that is not good (${error.code})` };
      return { unknown: 'a token whose key cannot be used' };
    }
  }

  private count(verdict: Verdict): void {
    if ('user' in verdict) this.statistics.accepted++;
    else this.statistics.refused++;
  }

  private keysAsked(failure: string | undefined): void {
    this.statistics.asked++;
    if (failure === undefined) return;
    this.statistics.failed++;
    this.report('jwt', failure);
  }

  private isOver(verdict: Verdict): boolean {
    return 'user' in verdict && this.isExpired(verdict);
  }

  private isExpired({ expiresAtMs }: Identity): boolean {
    return expiresAtMs !== undefined && expiresAtMs <= this.clock.epochMs();
  }
}

function rightsOf(identity: Identity): Rights | undefined {
  return (identity as Partial<TokenIdentity>).rights;
}

function refusalOf(verdict: Exclude<Verdict, Identity>): Refusal {
  if ('failed' in verdict) return { refused: 'unavailable', reason: 'tokens cannot be checked now; try again later' };
  return { refused: 'credentials', reason: 'unknown' in verdict ? verdict.unknown : verdict.forbidden };
}
