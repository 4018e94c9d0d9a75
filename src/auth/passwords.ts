/**
 * Passwords as they are kept: hashed with scrypt, or as RabbitMQ has hashed them until they are seen for the first time.
 *
 * scrypt's parameters are stored with each hash, so that they can be raised later. They cost a guess 16 MiB and about as much time
 * as OWASP asks for; more memory at a time would be taken from the messages.
 */
import { createHash, pbkdf2, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { HASHING_ALGORITHMS, type HashingAlgorithm } from '../api/users.ts';
import { BrokerError } from '../message/errors.ts';

export const PASSWORD_BYTES_MAX = 4096;

export type PasswordHash =
  | {
      readonly algorithm: 'scrypt';
      readonly cost: number;
      readonly blockSize: number;
      readonly parallelization: number;
      /** Base64, as the hash. */
      readonly salt: string;
      readonly hash: string;
    }
  | {
      readonly algorithm: HashingAlgorithm;
      /** Base64 of salt and hash. */
      readonly hash: string;
    }
  | MosquittoHash;

/** As Mosquitto has hashed it; salt and hash in base64. */
export type MosquittoHash =
  /** `$7$` of its password file, and dynamic security's. */
  | {
      readonly algorithm: 'pbkdf2-sha512';
      readonly iterations: number;
      readonly salt: string;
      readonly hash: string;
    }
  /** `$6$`: one hash of password and salt. */
  | { readonly algorithm: 'salted-sha512'; readonly salt: string; readonly hash: string };

type ScryptHash = Extract<PasswordHash, { algorithm: 'scrypt' }>;

const COST = 16_384;
const BLOCK_SIZE = 8;
const PARALLELIZATION = 5;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const RABBITMQ_SALT_BYTES = 4;
const SHA512_BYTES = 64;
/** About half a second. */
const ITERATIONS_MAX = 1_000_000;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const pbkdf2Later = promisify(pbkdf2);

const DIGESTS: Readonly<Record<HashingAlgorithm, { readonly name: string; readonly bytes: number }>> = {
  rabbit_password_hashing_md5: { name: 'md5', bytes: 16 },
  rabbit_password_hashing_sha256: { name: 'sha256', bytes: 32 },
  rabbit_password_hashing_sha512: { name: 'sha512', bytes: 64 },
};

/** What is compared with where there is no user, or none with a password: it takes the same time, and nothing fits. */
const NOBODY: ScryptHash = {
  algorithm: 'scrypt',
  cost: COST,
  blockSize: BLOCK_SIZE,
  parallelization: PARALLELIZATION,
  salt: randomBytes(SALT_BYTES).toString('base64'),
  hash: randomBytes(HASH_BYTES).toString('base64'),
};

export async function hashPassword(password: Buffer): Promise<PasswordHash> {
  const salt = randomBytes(SALT_BYTES).toString('base64');
  const hash = { ...NOBODY, salt };
  return { ...hash, hash: (await derive(password, hash)).toString('base64') };
}

/** Whether it is the password; takes as long whatever is wrong. @param hash undefined: there is none, and it is not */
export async function verifyPassword(password: Buffer, hash: PasswordHash | undefined): Promise<boolean> {
  if (hash?.algorithm === 'scrypt') {
    const wanted = Buffer.from(hash.hash, 'base64');
    const derived = await derive(password, hash);
    return wanted.length === derived.length && timingSafeEqual(wanted, derived);
  }
  await derive(password, NOBODY);
  if (hash === undefined) return false;
  if ('salt' in hash) return verifyMosquitto(password, hash);
  return verifyRabbitmq(password, hash.algorithm, hash.hash);
}

/** @throws BrokerError invalid: it is not of that algorithm */
export function rabbitmqHash(
  hash: string,
  algorithm: string = 'rabbit_password_hashing_sha256',
): PasswordHash | undefined {
  const known = HASHING_ALGORITHMS.find((name) => name === algorithm);
  if (known === undefined) {
    throw new BrokerError('invalid', `the hashing algorithm is one of ${HASHING_ALGORITHMS.join(', ')}`);
  }
  // RabbitMQ's form of a user without a password.
  if (hash === '') return undefined;
  const bytes = Buffer.from(hash, 'base64');
  if (bytes.toString('base64') !== hash || bytes.length !== RABBITMQ_SALT_BYTES + DIGESTS[known].bytes) {
    const length = RABBITMQ_SALT_BYTES + DIGESTS[known].bytes;
    throw new BrokerError('invalid', `a password hash of ${known} is ${length} bytes in base64`);
  }
  return { algorithm: known, hash };
}

/** @throws BrokerError invalid */
export function mosquittoHash(salt: string, hash: string, iterations: number | undefined): MosquittoHash {
  const fits = (text: string, min: number, max: number): boolean => {
    const { length } = Buffer.from(text, 'base64');
    return BASE64.test(text) && length >= min && length <= max;
  };
  if (!fits(hash, SHA512_BYTES, SHA512_BYTES) || !fits(salt, 1, 64)) {
    throw new BrokerError('invalid', 'a password hash is 64 bytes in base64, and its salt 1 to 64');
  }
  if (iterations === undefined) return { algorithm: 'salted-sha512', salt, hash };
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > ITERATIONS_MAX) {
    throw new BrokerError('invalid', `a password hash has 1 to ${ITERATIONS_MAX} iterations`);
  }
  return { algorithm: 'pbkdf2-sha512', iterations, salt, hash };
}

async function verifyMosquitto(password: Buffer, hash: MosquittoHash): Promise<boolean> {
  const salt = Buffer.from(hash.salt, 'base64');
  const wanted = Buffer.from(hash.hash, 'base64');
  const found =
    hash.algorithm === 'salted-sha512'
      ? createHash('sha512').update(password).update(salt).digest()
      : await pbkdf2Later(password, salt, hash.iterations, wanted.length, 'sha512');
  return wanted.length === found.length && timingSafeEqual(wanted, found);
}

function verifyRabbitmq(password: Buffer, algorithm: HashingAlgorithm, hash: string): boolean {
  const stored = Buffer.from(hash, 'base64');
  const salt = stored.subarray(0, RABBITMQ_SALT_BYTES);
  const wanted = stored.subarray(RABBITMQ_SALT_BYTES);
  const found = createHash(DIGESTS[algorithm].name).update(salt).update(password).digest();
  return wanted.length === found.length && timingSafeEqual(wanted, found);
}

function derive(password: Buffer, { salt, cost, blockSize, parallelization }: ScryptHash): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { cost, blockSize, parallelization, maxmem: 256 * cost * blockSize };
    scrypt(password, Buffer.from(salt, 'base64'), HASH_BYTES, options, (error, derived) => {
      if (error !== null) reject(error);
      else resolve(derived);
    });
  });
}
