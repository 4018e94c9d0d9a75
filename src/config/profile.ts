/**
 * Profiles: in one word, what an operator demands of all settings together. `hardened` is for a broker that strangers reach: it
 * changes the defaults that are made for a developer's machine, and refuses settings that would take its promise back.
 *
 *     TLS                everywhere but on loopback, HTTP too; 1.2 at least, ciphers with forward secrecy and authentication
 *     login.anonymous    never, from this machine neither
 *     login.guest        never, whatever its password
 *     websocket.origins  listed, or `none`, where web pages could connect
 *
 * Of two settings that contradict each other neither silently wins: the broker does not start, and says both and how to mend it.
 */
import { isLoopback } from '../transport/address.ts';
import { formatListen, LISTEN_PROTOCOLS, type ListenAddress, type ListenProtocol } from './listen.ts';
import type { Config } from './schema.ts';

/** TLS 1.3's, and of 1.2's those with an ephemeral key and AEAD (RFC 9325, 4.2). */
export const MODERN_CIPHERS: readonly string[] = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  ...['AES256-GCM-SHA384', 'CHACHA20-POLY1305', 'AES128-GCM-SHA256'].flatMap((cipher) => [
    `ECDHE-ECDSA-${cipher}`,
    `ECDHE-RSA-${cipher}`,
  ]),
];

/** A setting that contradicts the profile. */
export interface ProfileConflict {
  /** Its key path, `login.guest`. */
  readonly setting: string;
  /** One line: both settings, and two ways to mend it. */
  readonly text: string;
}

type Profiled = Pick<Config, 'profile' | 'login' | 'tls'>;

/** The settings with the profile's own defaults, and which of them those are. What contradicts it is left as it is. */
export function withProfile<C extends Profiled>(config: C): { config: C; defaults: readonly string[] } {
  if (config.profile === 'default') return { config, defaults: [] };
  const { login, tls } = config;
  const anonymous = login.anonymous === 'auto' ? 'never' : login.anonymous;
  const guest = login.guest === 'auto' ? 'never' : login.guest;
  const ciphers = tls.ciphers === '' ? MODERN_CIPHERS.join(':') : tls.ciphers;
  const defaults: string[] = [];
  if (anonymous !== login.anonymous) defaults.push('login.anonymous');
  if (guest !== login.guest) defaults.push('login.guest');
  if (ciphers !== tls.ciphers) defaults.push('tls.ciphers');
  return { config: { ...config, login: { ...login, anonymous, guest }, tls: { ...tls, ciphers } }, defaults };
}

/** Which settings contradict the profile, but for what is listened on. */
export function settingsConflicts({ profile, login, tls }: Profiled): ProfileConflict[] {
  if (profile === 'default') return [];
  const conflicts: ProfileConflict[] = [];
  const conflict = (setting: string, value: string, mend: string): void => {
    conflicts.push(conflictOf(setting, `${setting}: ${value}`, mend));
  };
  for (const key of ['anonymous', 'guest'] as const) {
    const value = login[key];
    if (value !== 'auto' && value !== 'never') conflict(`login.${key}`, value, `leave login.${key} out`);
  }
  const weak = tls.ciphers.split(':').filter((name) => name !== '' && !MODERN_CIPHERS.includes(name));
  if (weak.length > 0) conflict('tls.ciphers', weak.join(':'), `leave it out, or name only some of ${MODERN_CIPHERS}`);
  return conflicts;
}

/** Which addresses contradict the profile. */
export function listenConflicts(
  { profile, websocket }: Pick<Config, 'profile' | 'websocket'>,
  addresses: readonly ListenAddress[],
): ProfileConflict[] {
  if (profile === 'default') return [];
  const conflicts: ProfileConflict[] = [];
  for (const address of addresses) {
    if (address.secure === true || isLocal(address.host)) continue;
    const over = formatListen({ ...address, secure: true, port: securePort(address) });
    const mend = `listen on ${over} with tls.certificate, or on 127.0.0.1`;
    conflicts.push(conflictOf('listen', `listen: ${formatListen(address)}, which is without TLS,`, mend));
  }
  const web = addresses.find(({ protocols: [name] }) => name === 'ws' || name === 'http');
  if (web !== undefined && websocket.origins.length === 0) {
    const mend = `list in websocket.origins the pages that may connect to ${formatListen(web)}, or none for no page at all`;
    conflicts.push(conflictOf('websocket.origins', 'websocket.origins, which names nobody,', mend));
  }
  return conflicts;
}

function conflictOf(setting: string, shown: string, mend: string): ProfileConflict {
  return {
    setting,
    text: `profile: hardened and ${shown} contradict each other: ${mend}; or set profile: default`,
  };
}

/** Never a name that somebody could give another address: it is what is written that counts. */
function isLocal(host: string): boolean {
  return host === 'localhost' || isLoopback(host);
}

/** The port that the address would have over TLS: its own, unless that is the usual one without. */
function securePort({ protocols, port }: ListenAddress): number {
  const usual: ListenProtocol | undefined = protocols.length === 1 ? LISTEN_PROTOCOLS[protocols[0]!] : undefined;
  return usual !== undefined && usual.port === port ? usual.securePort : port;
}
