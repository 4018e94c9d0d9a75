/**
 * The keys that tokens are signed with: out of a file, or a JWK Set that is fetched over verified TLS, kept, and fetched again now and
 * then, and when a token names a key that is not among them. Only public keys of kinds that sign are taken: what would be a secret, or
 * is a private one, is left out.
 */
import { createPublicKey } from 'node:crypto';
import type { Clock } from '../../../clock/clock.ts';
import type { HttpClient } from '../http/request.ts';
import { type FindKey, jose, type KeyList } from './jose.ts';

/** Of a key set. */
const BYTES_MAX = 256 * 1024;
const KEYS_MAX = 100;
/** Keys are fetched again when they are older. */
const REFRESH_MS = 600_000;
/** Between two times that they are fetched, whatever tokens say, and however it ended. */
const PAUSE_MS = 30_000;
/** Keys that could not be fetched again for so long hold no more. */
const STALE_MS = 24 * 3_600_000;
const KINDS: ReadonlySet<unknown> = new Set(['RSA', 'EC', 'OKP']);

/** Where keys come from. */
export interface KeySource {
  /** Text of a JWK Set or of PEM; undefined: they are fetched. */
  readonly keys: (() => string) | undefined;
  readonly url: string | undefined;
  readonly timeoutMs: number;
}

export class KeySet {
  private readonly source: KeySource;
  private readonly clock: Clock;
  private readonly client: HttpClient;
  private readonly onAsked: (failure: string | undefined) => void;
  private current: KeyList | undefined = undefined;
  /** Of those keys, once a token has come. */
  private finder: { readonly of: KeyList; readonly find: FindKey } | undefined = undefined;
  private fetchedAtMs = Number.NEGATIVE_INFINITY;
  private triedAtMs = Number.NEGATIVE_INFINITY;
  private fetching: Promise<void> | undefined = undefined;

  /** @param onAsked keys were fetched, or why not */
  constructor(source: KeySource, clock: Clock, client: HttpClient, onAsked: (failure: string | undefined) => void) {
    this.source = source;
    this.clock = clock;
    this.client = client;
    this.onAsked = onAsked;
    this.readFile();
  }

  /** Reads a file again, and fetches keys again with the next token. A file that is wrong now leaves the keys that were. */
  again(): void {
    this.readFile();
    this.fetchedAtMs = Number.NEGATIVE_INFINITY;
    this.triedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** The key of a token's header. Rejects: there is none, or no keys could be had (KeysUnavailable). */
  readonly find: FindKey = async (header, token) => {
    const nowMs = this.clock.monotonicMs();
    if (this.source.url !== undefined) {
      if (this.current === undefined || nowMs - this.fetchedAtMs > STALE_MS) await this.fetchOnce();
      else if (nowMs - this.fetchedAtMs > REFRESH_MS) void this.fetchOnce();
    }
    if (this.current === undefined || (this.source.url !== undefined && this.isStale)) throw new KeysUnavailable();
    try {
      return await (await this.finderOf(this.current))(header, token);
    } catch (error) {
      if (this.source.url === undefined || !isNoKey(error)) throw error;
      await this.fetchOnce();
      return (await this.finderOf(this.current))(header, token);
    }
  };

  private async finderOf(keys: KeyList): Promise<FindKey> {
    const { createLocalJWKSet } = await jose();
    if (this.finder?.of !== keys) this.finder = { of: keys, find: createLocalJWKSet(keys) };
    return this.finder.find;
  }

  private get isStale(): boolean {
    return this.clock.monotonicMs() - this.fetchedAtMs > STALE_MS;
  }

  private readFile(): void {
    const { keys } = this.source;
    if (keys !== undefined) this.current = keySetOf(keys());
  }

  /** One at a time, and not again at once. Never rejects. */
  private fetchOnce(): Promise<void> {
    if (this.fetching !== undefined) return this.fetching;
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.triedAtMs < PAUSE_MS) return Promise.resolve();
    this.triedAtMs = nowMs;
    this.fetching = this.load().finally(() => {
      this.fetching = undefined;
    });
    return this.fetching;
  }

  private async load(): Promise<void> {
    const { url, timeoutMs } = this.source;
    try {
      const { status, body } = await this.client.ask(url!, { method: 'get', timeoutMs, bytesMax: BYTES_MAX });
      if (status !== 200) throw new Error(`the keys' address answered with status ${status}`);
      this.current = keySetOf(body);
      this.fetchedAtMs = this.clock.monotonicMs();
      this.onAsked(undefined);
    } catch (error) {
      this.onAsked(`keys: ${(error as Error).message}`);
    }
  }
}

/** No keys could be had: whether a token is good cannot be told. */
export class KeysUnavailable extends Error {
  constructor() {
    super('there are no keys to check tokens with');
  }
}

/** The public keys in a text: a JWK Set, or PEM. @throws Error with what is wrong, without the text */
export function keySetOf(text: string): KeyList {
  const keys = text.includes('-----BEGIN') ? pemKeys(text) : jwkKeys(text);
  const usable = keys.filter((key) => KINDS.has(key['kty']) && !('d' in key) && !('k' in key));
  if (usable.length === 0) throw new Error('there is no public key of RSA, EC or OKP in it');
  if (usable.length > KEYS_MAX) throw new Error(`there are more than ${KEYS_MAX} keys in it`);
  return { keys: usable };
}

function pemKeys(text: string): Record<string, unknown>[] {
  const blocks = text.match(/-----BEGIN (PUBLIC KEY|CERTIFICATE)-----[\s\S]*?-----END \1-----/g) ?? [];
  try {
    return blocks.map((block) => createPublicKey(block).export({ format: 'jwk' }) as Record<string, unknown>);
  } catch {
    throw new Error('its PEM cannot be read');
  }
}

function jwkKeys(text: string): Record<string, unknown>[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error('it is neither JSON nor PEM');
  }
  const { keys } = (parsed ?? {}) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('it has no list of keys');
  return keys.filter((key): key is Record<string, unknown> => typeof key === 'object' && key !== null);
}

function isNoKey(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'ERR_JWKS_NO_MATCHING_KEY';
}
