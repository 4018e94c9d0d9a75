import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HEADER_BYTES_MAX, type ProxyVersion, parseProxyHeader } from '../../../src/transport/proxy/header.ts';

const BOTH: ProxyVersion[] = ['v1', 'v2'];
const text = (line: string): Buffer => Buffer.from(line, 'latin1');

function v2(command: number, family: number, body: Buffer): Buffer {
  const head = Buffer.from([13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10, command, family, 0, 0]);
  head.writeUInt16BE(body.length, 14);
  return Buffer.concat([head, body]);
}
const IPV4 = Buffer.from([192, 0, 2, 1, 198, 51, 100, 7, 0xc8, 0x22, 0x16, 0x28]);
const IPV6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.alloc(16, 1),
  Buffer.from([0, 80, 0, 81]),
]);

describe('a PROXY header', () => {
  it('of version 1 names the client', () => {
    const line = 'PROXY TCP4 192.0.2.1 198.51.100.7 51234 5672\r\n';
    expect(parseProxyHeader(text(`${line}AMQP`), BOTH)).toEqual({
      length: line.length,
      client: { address: '192.0.2.1', port: 51234 },
    });
    expect(parseProxyHeader(text('PROXY TCP6 2001:db8::1 ::1 1 2\r\n'), BOTH)?.client?.address).toBe('2001:db8::1');
    expect(parseProxyHeader(text('PROXY UNKNOWN whatever it is\r\n'), BOTH)).toEqual({ length: 30, client: undefined });
  });

  it('of version 2 names the client, whatever follows the addresses', () => {
    expect(parseProxyHeader(v2(0x21, 0x11, IPV4), BOTH)).toEqual({
      length: 28,
      client: { address: '192.0.2.1', port: 51234 },
    });
    const more = Buffer.concat([IPV6, Buffer.alloc(100, 7)]);
    expect(parseProxyHeader(v2(0x21, 0x21, more), BOTH)).toEqual({
      length: 152,
      client: { address: '2001:db8::1', port: 80 },
    });
    expect(parseProxyHeader(v2(0x20, 0x11, IPV4), BOTH)?.client).toBeUndefined();
    expect(parseProxyHeader(v2(0x21, 0x31, Buffer.alloc(216)), BOTH)?.client).toBeUndefined();
  });

  it.each([
    ['another protocol', text('AMQP\0\0\x09\x01')],
    ['a name for an address', text('PROXY TCP4 localhost 198.51.100.7 1 2\r\n')],
    ['an address of the other family', text('PROXY TCP4 ::1 ::1 1 2\r\n')],
    ['a port that is none', text('PROXY TCP4 192.0.2.1 198.51.100.7 65536 2\r\n')],
    ['a port with a nought before it', text('PROXY TCP4 192.0.2.1 198.51.100.7 01 2\r\n')],
    ['more than there should be', text('PROXY TCP4 192.0.2.1 198.51.100.7 1 2 3\r\n')],
    ['a line without an end', text(`PROXY TCP4 ${'1'.repeat(200)}`)],
    ['another version of the second kind', v2(0x31, 0x11, IPV4)],
    ['a command that there is not', v2(0x22, 0x11, IPV4)],
    ['addresses that are cut short', v2(0x21, 0x11, IPV4.subarray(0, 11))],
    ['more behind the head than anybody sends', v2(0x21, 0x11, Buffer.alloc(5_000))],
  ])('is not %s', (_what, bytes) => {
    expect(parseProxyHeader(bytes, BOTH)).toBeNull();
  });

  it('is of a version that the listener takes', () => {
    expect(parseProxyHeader(text('PROXY UNKNOWN\r\n'), ['v2'])).toBeNull();
    expect(parseProxyHeader(v2(0x21, 0x11, IPV4), ['v1'])).toBeNull();
  });

  it('is known by its end wherever the bytes are cut', () => {
    for (const whole of [text('PROXY TCP4 192.0.2.1 198.51.100.7 51234 5672\r\n'), v2(0x21, 0x21, IPV6)]) {
      for (let cut = 0; cut < whole.length; cut++)
        expect(parseProxyHeader(whole.subarray(0, cut), BOTH)).toBeUndefined();
      expect(parseProxyHeader(whole, BOTH)?.length).toBe(whole.length);
    }
  });

  it('never takes more than its bound to be told, nor throws', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(text('PROXY '), v2(0x21, 0x11, IPV4).subarray(0, 14)),
        (tail, start) => {
          const bytes = Buffer.concat([start, tail]);
          const header = parseProxyHeader(bytes, BOTH);
          if (header) expect(header.length).toBeLessThanOrEqual(bytes.length);
          expect(parseProxyHeader(Buffer.concat([bytes, Buffer.alloc(HEADER_BYTES_MAX)]), BOTH)).not.toBeUndefined();
        },
      ),
    );
  });
});
