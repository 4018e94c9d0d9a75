import { describe, expect, it } from 'vitest';
import { hashPassword, rabbitmqHash, verifyPassword } from '../../src/auth/passwords.ts';

/** As RabbitMQ 3.10.8 has let them in: salt 90 8D C6 0A, password `test12`. */
const RABBITMQ: readonly [string, string][] = [
  ['rabbit_password_hashing_sha256', 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR'],
  [
    'rabbit_password_hashing_sha512',
    'kI3GChuNuIYf8lRbCCxZjgjKwsY19ns6+uFO0zcXRBGA/XGJPYD8OWMy7EB8TaOmAzjP2azv84GbINYwX2cDWb4DHnc=',
  ],
  ['rabbit_password_hashing_md5', 'kI3GChNpte2FApYFXScl+0dIluk='],
];

describe('a password', () => {
  it('is kept as a salted scrypt hash with its parameters, and nothing of it', async () => {
    const first = await hashPassword(Buffer.from('grün'));
    const second = await hashPassword(Buffer.from('grün'));
    expect(first).toMatchObject({ algorithm: 'scrypt', cost: 16_384, blockSize: 8, parallelization: 5 });
    expect(first.hash).not.toBe(second.hash);
    expect(await verifyPassword(Buffer.from('grün'), first)).toBe(true);
    expect(await verifyPassword(Buffer.from('grun'), first)).toBe(false);
    expect(await verifyPassword(Buffer.from('grün'), undefined)).toBe(false);
  });

  it('is compared with parameters of other times too', async () => {
    const { scryptSync } = await import('node:crypto');
    const salt = Buffer.from('salt');
    const hash = scryptSync('old', salt, 32, { cost: 1024, blockSize: 8, parallelization: 1 }).toString('base64');
    const kept = {
      algorithm: 'scrypt',
      cost: 1024,
      blockSize: 8,
      parallelization: 1,
      salt: salt.toString('base64'),
      hash,
    };
    expect(await verifyPassword(Buffer.from('old'), kept as never)).toBe(true);
    expect(await verifyPassword(Buffer.from('new'), kept as never)).toBe(false);
  });

  it.each(RABBITMQ)('is compared with %s', async (algorithm, hash) => {
    expect(await verifyPassword(Buffer.from('test12'), rabbitmqHash(hash, algorithm))).toBe(true);
    expect(await verifyPassword(Buffer.from('test13'), rabbitmqHash(hash, algorithm))).toBe(false);
    expect(await verifyPassword(Buffer.from(''), rabbitmqHash(hash, algorithm))).toBe(false);
  });

  it.each([
    ['!!', undefined, 'is 36 bytes in base64'],
    [RABBITMQ[2]![1], undefined, 'rabbit_password_hashing_sha256 is 36 bytes'],
    [RABBITMQ[0]![1], 'bcrypt', 'the hashing algorithm is one of'],
  ])('whose hash %j of %s makes no sense is refused, without showing it', (hash, algorithm, told) => {
    expect(() => rabbitmqHash(hash, algorithm)).toThrow(told);
    try {
      rabbitmqHash(hash, algorithm);
    } catch (error) {
      expect((error as Error).message).not.toContain(hash);
    }
  });
});
