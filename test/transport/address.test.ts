import { describe, expect, it } from 'vitest';
import { formatEndpoint, isLoopback, plainAddress } from '../../src/transport/address.ts';

describe('loopback', () => {
  it.each(['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1'])('%s is of this machine', (address) => {
    expect(isLoopback(address)).toBe(true);
  });

  it.each(['10.0.0.1', '::', '0.0.0.0', '::ffff:10.0.0.1', '128.0.0.1', '127.0.0.1.example', '', 'fe80::1', undefined])(
    '%s is not',
    (address) => {
      expect(isLoopback(address)).toBe(false);
    },
  );
});

it('shows a mapped address as the IPv4 address it is', () => {
  expect(plainAddress('::ffff:10.1.2.3')).toBe('10.1.2.3');
  expect(plainAddress('fe80::ffff:1')).toBe('fe80::ffff:1');
  expect(plainAddress(undefined)).toBe('');
});

it('brackets IPv6 addresses before a port', () => {
  expect(formatEndpoint({ address: '::1', port: 5672 })).toBe('[::1]:5672');
  expect(formatEndpoint({ address: '127.0.0.1', port: 5672 })).toBe('127.0.0.1:5672');
});
