/** What back ends talk to: an authentication service over HTTP that keeps what it was asked, and an issuer of tokens. */
import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { BackendInput } from '../../../src/config/auth.ts';

/** One question, in a line: `resource user=u vhost=/ …`, without its username. */
export interface Question {
  readonly path: string;
  readonly fields: Readonly<Record<string, string>>;
}

export type Reply = string | ((response: ServerResponse) => void);

export interface AuthService {
  readonly asked: Question[];
  /** Says what is answered; at first everything is allowed. */
  answer: (question: Question) => Reply;
  /** The settings of a back end that asks it. */
  backend(more?: object): BackendInput;
  /** Paths and names asked for, in short: `resource write exchange amq.topic`. */
  readonly questions: string[];
  close(): Promise<void>;
}

export async function startAuthService(): Promise<AuthService> {
  const service: { answer: AuthService['answer']; asked: Question[] } = { answer: () => 'allow', asked: [] };
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url!, 'http://localhost');
      const form = request.method === 'POST' ? new URLSearchParams(Buffer.concat(chunks).toString()) : url.searchParams;
      const question = { path: url.pathname.slice(1), fields: Object.fromEntries(form) };
      service.asked.push(question);
      const reply = service.answer(question);
      if (typeof reply === 'string') response.end(reply);
      else reply(response);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    get asked() {
      return service.asked;
    },
    get answer() {
      return service.answer;
    },
    set answer(answer) {
      service.answer = answer;
    },
    get questions() {
      return service.asked.map(shortOf);
    },
    backend: (more = {}) => ({
      http: {
        userPath: `${base}/user`,
        vhostPath: `${base}/vhost`,
        resourcePath: `${base}/resource`,
        topicPath: `${base}/topic`,
        ...more,
      },
    }),
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

/** Names that the broker has made up are shown as such. */
export function shortOf({ path, fields }: Question): string {
  const { username, resource, name, permission, routing_key: key, vhost } = fields;
  const shown = name?.replace(/^amq\.gen-.*/, 'amq.gen');
  if (path === 'user') return `user ${username}`;
  if (path === 'vhost') return `vhost ${vhost}`;
  return [path === 'topic' ? 'topic' : resource, permission, shown, key].filter((part) => part !== undefined).join(' ');
}

export const ISSUER = 'https://login.example.org/';
export const AUDIENCE = 'rabbitmq';

export interface Issuer {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  /** The public key as a JWK Set. */
  readonly keySet: string;
  /** A token, good unless something is said; `exp` and `nbf` in seconds since the epoch. */
  token(claims: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>): Promise<string>;
}

export function issuer(kid = 'one'): Issuer {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig' };
  return {
    publicKey,
    privateKey,
    keySet: JSON.stringify({ keys: [jwk] }),
    token: async (claims, header = {}) =>
      signed({ alg: 'RS256', kid, ...header }, { iss: ISSUER, aud: AUDIENCE, sub: 'plant', ...claims }, privateKey),
  };
}

/** A token, signed with SHA-256 whatever its header says. What is undefined is left out. */
export function signed(header: object, claims: object, key: KeyObject): string {
  const head = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const dsaEncoding = 'ieee-p1363';
  return `${head}.${createSign('SHA256').update(head).sign({ key, dsaEncoding }).toString('base64url')}`;
}

/** The settings of a back end that believes an issuer's tokens, with its keys in a file of this directory. */
export function jwtBackend(issuing: Issuer, directory: string, more: object = {}): BackendInput {
  const keys = join(directory, 'keys.json');
  writeFileSync(keys, issuing.keySet);
  return { jwt: { issuer: ISSUER, audience: AUDIENCE, keys, ...more } };
}
