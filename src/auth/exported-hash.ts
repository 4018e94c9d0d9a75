/**
 * Hashes of passwords on their way to another broker, in definitions. RabbitMQ's own keep their form; all others become base64 of JSON
 * under a name of this broker's: RabbitMQ takes such a user, and lets it in with no password.
 */
import { type ExportedHash, HASHING_ALGORITHMS, OWN_HASHING_ALGORITHM } from '../api/users.ts';
import { BrokerError } from '../message/errors.ts';
import { mosquittoHash, type PasswordHash, rabbitmqHash } from './passwords.ts';

/** What checking one may cost at most: eight times as much as one that is made here. */
const SCRYPT_WORK_MAX = 8 * 16_384 * 8 * 5;
const TEXT_MAX = 4_096;
const BASE64 = /^[A-Za-z0-9+/]{8,128}={0,2}$/;

/** @param hash undefined: of a user that cannot log in with a password */
export function exportedHash(hash: PasswordHash | undefined): ExportedHash {
  if (hash === undefined) return { passwordHash: '', hashingAlgorithm: HASHING_ALGORITHMS[0] };
  const known = HASHING_ALGORITHMS.find((name) => name === hash.algorithm);
  if (known !== undefined) return { passwordHash: hash.hash, hashingAlgorithm: known };
  const passwordHash = Buffer.from(JSON.stringify(hash)).toString('base64');
  return { passwordHash, hashingAlgorithm: OWN_HASHING_ALGORITHM };
}

/** @returns undefined: of a user that cannot log in with a password @throws BrokerError invalid */
export function importedHash(text: string, algorithm: string = HASHING_ALGORITHMS[0]): PasswordHash | undefined {
  return algorithm === OWN_HASHING_ALGORITHM ? ownHash(text) : rabbitmqHash(text, algorithm);
}

/** @throws BrokerError invalid: it is none, or costs more to check than is wise */
function ownHash(text: string): PasswordHash {
  const wrong = new BrokerError('invalid', `a password hash of ${OWN_HASHING_ALGORITHM} is one that was exported`);
  if (text.length > TEXT_MAX) throw wrong;
  let given: Readonly<Record<string, unknown>> | null;
  try {
    given = JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
  } catch {
    throw wrong;
  }
  if (typeof given !== 'object' || given === null) throw wrong;
  const { algorithm, cost, blockSize, parallelization, iterations, salt, hash } = given;
  if (typeof salt !== 'string' || typeof hash !== 'string' || !BASE64.test(salt) || !BASE64.test(hash)) throw wrong;
  if (algorithm === 'salted-sha512') return mosquittoHash(salt, hash, undefined);
  if (algorithm === 'pbkdf2-sha512' && typeof iterations === 'number') return mosquittoHash(salt, hash, iterations);
  const numbers = [cost, blockSize, parallelization];
  if (algorithm !== 'scrypt' || !numbers.every((number) => Number.isInteger(number) && (number as number) > 0))
    throw wrong;
  const [n, r, p] = numbers as [number, number, number];
  // scrypt's cost is a power of two.
  if (n < 1024 || (n & (n - 1)) !== 0 || n * r * p > SCRYPT_WORK_MAX) throw wrong;
  return { algorithm, cost: n, blockSize: r, parallelization: p, salt, hash };
}
