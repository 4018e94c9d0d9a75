/**
 * The settings of the back ends that say who clients are and what they may do, asked in order.
 *
 *     auth:
 *       backends:
 *         - internal
 *         - http:
 *             userPath: http://127.0.0.1:8000/auth/user
 *             vhostPath: http://127.0.0.1:8000/auth/vhost
 *             resourcePath: http://127.0.0.1:8000/auth/resource
 *             topicPath: http://127.0.0.1:8000/auth/topic
 *         - jwt:
 *             issuer: https://login.example.org/
 *             audience: rabbitmq
 *             jwks: https://login.example.org/jwks.json
 */
import { z } from 'zod';
import type { BackendName } from '../auth/backends/backend.ts';
import type { HttpBackendSettings } from '../auth/backends/http/http-backend.ts';
import { ALGORITHMS, type JwtBackendSettings } from '../auth/backends/jwt/jwt-backend.ts';
import { keySetOf } from '../auth/backends/jwt/key-set.ts';
import type { BackendPlan } from '../auth/backends/plan.ts';
import { BrokerError } from '../message/errors.ts';
import { count, duration } from './kinds.ts';
import { readSecretFile } from './secret-file.ts';
import { formatDuration } from './units.ts';

const FILE_BYTES_MAX = 1024 * 1024;

/** Of what another back end has let in, who decides. */
const authorization = z
  .enum(['internal', 'http'], 'must be internal or http, and one of the back ends')
  .optional()
  .describe('the back end that decides what the users of this one may do; left out: itself');

const cache = z
  .strictObject({
    lifetime: duration(1_000, 86_400_000, 60_000, 'for which an answer counts'),
    size: count(1, 1_000_000, 10_000, 'answers at most'),
  })
  .prefault({});

const authority = z
  .string('must be the path of a file')
  .default('')
  .describe('PEM: who may have signed the certificate of the service; left out: those that Node knows');

const address = (secure: boolean) =>
  z.string('must be an address').superRefine((text, context) => {
    const wrong = addressFault(text, secure);
    // A password in it is not to be shown.
    if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong, params: { complete: true } });
  });

function addressFault(text: string, secure: boolean): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const protocols = secure ? ['https:'] : ['http:', 'https:'];
  if (url === undefined || !protocols.includes(url.protocol)) {
    return `must be an address such as ${secure ? 'https://login.example.org/jwks.json' : 'http://127.0.0.1:8000/auth/user'}`;
  }
  return url.username !== '' || url.password !== '' ? 'must have no name and no password in it' : undefined;
}

const http = z.strictObject({
  userPath: address(false),
  vhostPath: address(false),
  resourcePath: address(false),
  topicPath: address(false),
  method: z.enum(['get', 'post'], 'must be get or post').default('get'),
  timeout: duration(10, 60_000, 5_000, 'for an answer; none in that time is a denial'),
  cache,
  authority,
  authorization,
});

const texts = (what: string) =>
  z.preprocess(
    (value) => (typeof value === 'string' ? [value] : value),
    z
      .array(z.string().min(1), `must be ${what}, or a list of them`)
      .min(1, `must be ${what}`)
      .max(16, 'must be 16 at most'),
  );

const jwt = z
  .strictObject({
    issuer: z.string('must be a text: who signs the tokens').min(1, 'must be a text: who signs the tokens'),
    audience: texts('a text: for whom tokens are'),
    jwks: address(true).optional(),
    keys: z.string('must be the path of a file').min(1, 'must be the path of a file').optional(),
    authority,
    algorithms: z
      .array(z.enum(ALGORITHMS, `must be one of ${ALGORITHMS.join(', ')}`))
      .min(1, 'must name one at least')
      .default(['RS256', 'ES256']),
    leeway: duration(0, 300_000, 10_000, 'for which clocks may differ'),
    userFrom: texts('the name of a claim').default(['sub', 'client_id']),
    scopePrefix: z.string('must be a text').max(256, 'must have 256 characters at most').optional(),
    additionalScopes: z.string('must be the name of a claim').min(1, 'must be the name of a claim').optional(),
    timeout: duration(10, 60_000, 5_000, 'for the keys'),
    cache,
    authorization,
  })
  .superRefine(({ jwks, keys }, context) => {
    if ((jwks === undefined) === (keys === undefined)) context.addIssue('must have one of jwks and keys');
  });

const internal = z.strictObject({ authorization });

const SHAPES = { http: http.shape, jwt: jwt.shape };

const backendInput = z.strictObject({
  internal: internal.optional(),
  http: http.optional(),
  jwt: jwt.optional(),
});

const backend = z
  .preprocess((value) => (typeof value === 'string' ? { [value]: {} } : value), backendInput)
  .transform((given, context) => {
    const kinds = Object.keys(given).filter((name) => given[name as BackendName] !== undefined);
    if (kinds.length === 1) return given as BackendConfig;
    context.addIssue('must be one of internal, http and jwt each');
    return z.NEVER;
  });

/** One of the three, with its settings. */
export type BackendConfig =
  | { readonly internal: z.output<typeof internal> }
  | { readonly http: z.output<typeof http> }
  | { readonly jwt: z.output<typeof jwt> };

export const authSchema = z
  .strictObject({
    backends: z
      .preprocess(
        (value) => (typeof value === 'string' ? [value] : value),
        z
          .array(backend, 'must be a list of back ends: internal, http, jwt')
          .min(1, 'must name one at least')
          .default([{ internal: {} }]),
      )
      .superRefine((backends, context) => {
        const names = backends.map(nameOf);
        if (new Set(names).size < names.length) context.addIssue('must name each of them once');
        for (const one of backends) {
          const { authorization: decides } = settingsOf(one);
          if (decides !== undefined && !names.includes(decides))
            context.addIssue(`must name ${decides}, which is to decide what users may do`);
        }
      })
      .describe('asked in order who a client is; who lets it in decides what it may do: internal, http, jwt'),
  })
  .prefault({});

/** What may be written of one. */
export type BackendInput = z.input<typeof backendInput>;

export interface AuthConfig {
  backends: BackendConfig[];
}

/**
 * The back ends as they are made.
 * @throws BrokerError invalid: a file that cannot be used
 */
export function backendPlans({ backends }: AuthConfig): BackendPlan[] {
  return backends.map((one): BackendPlan => {
    if ('http' in one) return { name: 'http', authorization: one.http.authorization, settings: httpSettings(one.http) };
    if ('jwt' in one) return { name: 'jwt', authorization: one.jwt.authorization, settings: jwtSettings(one.jwt) };
    return { name: 'internal', authorization: one.internal.authorization };
  });
}

function httpSettings(given: z.output<typeof http>): HttpBackendSettings {
  const { timeout, cache: kept, authority: path, authorization: _, ...paths } = given;
  return { ...paths, timeoutMs: timeout, cache: cacheOf(kept), authority: () => authorityOf(path) };
}

function jwtSettings(given: z.output<typeof jwt>): JwtBackendSettings {
  const { audience, algorithms, issuer, jwks, keys, leeway, userFrom, timeout, additionalScopes } = given;
  const settings: JwtBackendSettings = {
    ...{ issuer, jwks, algorithms, userFrom, additionalScopes },
    audiences: audience,
    keys: keys === undefined ? undefined : () => keysOf(keys),
    authority: () => authorityOf(given.authority),
    leewayMs: leeway,
    // As RabbitMQ has it: its identifier and a dot.
    scopePrefix: given.scopePrefix ?? `${audience[0]}.`,
    timeoutMs: timeout,
    cache: cacheOf(given.cache),
  };
  settings.keys?.();
  return settings;
}

function cacheOf({ lifetime, size }: z.output<typeof cache>) {
  return { lifetimeMs: lifetime, entriesMax: size };
}

function authorityOf(path: string): string | undefined {
  return path === '' ? undefined : fileOf(path, 'auth: the authority');
}

function keysOf(path: string): string {
  const text = fileOf(path, 'auth: the keys');
  try {
    keySetOf(text);
  } catch (error) {
    throw new BrokerError('invalid', `auth: the keys ${path}: ${(error as Error).message}`);
  }
  return text;
}

function fileOf(path: string, what: string): string {
  try {
    return readSecretFile(path, FILE_BYTES_MAX);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    throw new BrokerError('invalid', `${what} ${path} ${error.message}`);
  }
}

/** As they would be written. */
export function writtenBackends({ backends }: AuthConfig): unknown[] {
  return backends.map((one) => {
    const name = nameOf(one);
    const settings = settingsOf(one);
    return name === 'internal' && settings.authorization === undefined ? name : { [name]: written(settings) };
  });
}

function written(settings: object): unknown {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) => {
      if (value === undefined || value === '') return [];
      if (name === 'cache') return [[name, written(value as object)]];
      return [[name, DURATIONS.has(name) ? formatDuration(value as number) : value]];
    }),
  );
}

const DURATIONS: ReadonlySet<string> = new Set(['timeout', 'leeway', 'lifetime']);

/** The same as a program gives them, with units where a plain number stands for a duration. */
export function backendsWithUnits(
  auth: unknown,
  withUnits: (shape: Readonly<Record<string, unknown>>, group: unknown) => unknown,
): unknown {
  const { backends } = (auth ?? {}) as { backends?: unknown };
  if (!Array.isArray(backends)) return auth;
  const each = (one: unknown): unknown => {
    if (typeof one !== 'object' || one === null) return one;
    return Object.fromEntries(
      Object.entries(one).map(([name, settings]) => {
        const shape = SHAPES[name as keyof typeof SHAPES];
        if (shape === undefined || typeof settings !== 'object' || settings === null) return [name, settings];
        const { cache: kept } = settings as { cache?: unknown };
        const units = withUnits(shape, settings) as object;
        return [name, kept === undefined ? units : { ...units, cache: withUnits(CACHE_SHAPE, kept) }];
      }),
    );
  };
  return { ...(auth as object), backends: backends.map(each) };
}

const CACHE_SHAPE = cache.def.innerType.shape;

function nameOf(one: BackendConfig): BackendName {
  return Object.keys(one)[0] as BackendName;
}

function settingsOf(one: BackendConfig): { readonly authorization?: BackendName | undefined } {
  if ('http' in one) return one.http;
  return 'jwt' in one ? one.jwt : one.internal;
}
