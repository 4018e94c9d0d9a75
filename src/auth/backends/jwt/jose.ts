/**
 * jose, the library that checks tokens, as far as it is used here; loaded with the first token, so that a broker which is shown none
 * starts without it.
 */

/** What a verified token says. */
export interface Claims {
  readonly [name: string]: unknown;
  readonly exp?: number;
}

/** Finds the key of a token by its header. Rejects where there is none. */
export type FindKey = (header: unknown, token: unknown) => Promise<unknown>;

/** Public keys, as RFC 7517 has them. */
export interface KeyList {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

export interface Jose {
  /** Rejects with a JOSEError. */
  jwtVerify(
    token: string,
    find: FindKey,
    options: {
      readonly issuer: string;
      readonly audience: readonly string[];
      readonly algorithms: readonly string[];
      /** Seconds. */
      readonly clockTolerance: number;
      readonly currentDate: Date;
      readonly requiredClaims: readonly string[];
    },
  ): Promise<{ readonly payload: Claims }>;
  createLocalJWKSet(keys: KeyList): FindKey;
  readonly errors: { readonly JOSEError: new (...given: never[]) => Error & { readonly code: string } };
}

const NAME: string = 'jose';
let loaded: Promise<Jose> | undefined;

export function jose(): Promise<Jose> {
  loaded ??= import(NAME) as Promise<Jose>;
  return loaded;
}
