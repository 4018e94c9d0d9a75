/** What is counted by address is counted by network where a client has so many addresses as it likes. */
import { expect, it } from 'vitest';
import { networkOf } from '../../src/api/endpoint.ts';

it.each([
  ['10.0.0.1', '10.0.0.1'],
  ['', ''],
  ['amqp 10.0.0.1', 'amqp 10.0.0.1'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:DB8::ffff:1', '2001:db8:0:0::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['1:2:3::4:5:6', '1:2:3:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64'],
])('%s is of %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});
