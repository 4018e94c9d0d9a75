/**
 * Mosquitto's password file: a user a line, its password hashed.
 *
 *     user:$7$<iterations>$<salt>$<hash>    PBKDF2 with SHA512
 *     user:$6$<salt>$<hash>                 SHA512 of password and salt
 *     user                                  no password: Mosquitto lets it in with any; here it cannot log in with one
 */
import { type MosquittoHash, mosquittoHash } from '../passwords.ts';
import type { Plan } from './plan.ts';

const HASHED = /^\$(?:7\$(\d{1,10})|6)\$([^$]+)\$([^$]+)$/;

/** @param isConfigured the configuration sets this user @returns the users that are taken */
export function planPasswords(text: string, plan: Plan, isConfigured: (user: string) => boolean): Set<string> {
  const users = new Set<string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const user = colon < 0 ? line.trim() : line.slice(0, colon);
    const secret = colon < 0 ? '' : line.slice(colon + 1).trim();
    const what = `password of user '${user.slice(0, 255)}' (line ${index + 1})`;
    if (isConfigured(user)) {
      plan.leftOut.push(`${what}: the configuration sets that user`);
      continue;
    }
    const [, iterations, salt, hash] = HASHED.exec(secret) ?? [];
    if (secret !== '' && hash === undefined) {
      plan.leftOut.push(`${what}: it is not hashed with $6$ or $7$ (mosquitto_passwd -U does that)`);
      continue;
    }
    if (secret === '') plan.leftOut.push(`${what}: it has none; the user is made, and cannot log in with a password`);
    users.add(user);
    plan.add(`user '${user.slice(0, 255)}'`, ({ users: store }) => {
      const made: MosquittoHash | undefined =
        hash === undefined
          ? undefined
          : mosquittoHash(salt!, hash, iterations === undefined ? undefined : Number(iterations));
      store.put(user, [], { hash: made }, undefined);
    });
  }
  return users;
}
