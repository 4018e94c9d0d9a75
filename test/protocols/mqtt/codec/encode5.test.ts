import { describe, expect, it } from 'vitest';
import {
  writeAck5,
  writeAuth,
  writeConnack5,
  writeDisconnect,
  writeReasons,
} from '../../../../protocols/mqtt/codec/encode5.ts';
import { varint, varintBytes, writeVarint } from '../../../../protocols/mqtt/codec/fields.ts';
import { MalformedPacket } from '../../../../protocols/mqtt/codec/packet.ts';
import * as ids from '../../../../protocols/mqtt/codec/properties/property-table.ts';
import { PropertyWriter } from '../../../../protocols/mqtt/codec/properties/property-writer.ts';
import { parsed } from './oracle5.ts';

describe('what is written', () => {
  it('is read by another implementation', () => {
    const writer = new PropertyWriter();
    writer.integer(ids.SESSION_EXPIRY, 0xffff_fffe);
    writer.integer(ids.RECEIVE_MAXIMUM, 5);
    writer.integer(ids.MAXIMUM_PACKET_SIZE, 70_000);
    writer.field(ids.ASSIGNED_CLIENT_IDENTIFIER, 'é');
    writer.pair('a', 'b');
    expect(parsed((o) => writeConnack5(o, true, 0, writer))).toMatchObject({
      sessionPresent: true,
      reasonCode: 0,
      properties: {
        sessionExpiryInterval: 0xffff_fffe,
        receiveMaximum: 5,
        maximumPacketSize: 70_000,
        assignedClientIdentifier: 'é',
        userProperties: { a: 'b' },
      },
    });
    expect(parsed((o) => writeAck5(o, 6, 258, 0x92))).toMatchObject({
      cmd: 'pubrel',
      messageId: 258,
      reasonCode: 0x92,
    });
    expect(parsed((o) => writeReasons(o, 9, 7, [0, 2, 0x8f]))).toMatchObject({
      cmd: 'suback',
      messageId: 7,
      granted: [0, 2, 0x8f],
    });
    expect(parsed((o) => writeReasons(o, 11, 7, [0x11]))).toMatchObject({
      cmd: 'unsuback',
      messageId: 7,
      granted: [0x11],
    });
    writer.clear();
    writer.field(ids.REASON_STRING, 'x'.repeat(200));
    expect(parsed((o) => writeDisconnect(o, 0x8e, writer))).toMatchObject({
      cmd: 'disconnect',
      reasonCode: 0x8e,
      properties: { reasonString: 'x'.repeat(200) },
    });
    expect(parsed((o) => writeAuth(o, 0x18, 'M', Buffer.from([1, 2]), writer, 100))).toMatchObject({
      cmd: 'auth',
      reasonCode: 0x18,
      properties: { authenticationMethod: 'M', authenticationData: Buffer.from([1, 2]) },
    });
  });

  it('has variable byte integers as they are read, in as few bytes as can be', () => {
    for (const value of [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455]) {
      const buffer = Buffer.alloc(5);
      const end = writeVarint(buffer, 0, value);
      expect([end, varint(buffer, 0, end)]).toEqual([varintBytes(value), value]);
      expect(() => varint(buffer, 0, end - 1)).toThrow(MalformedPacket);
    }
  });

  it('leaves out what is too long for a field', () => {
    const writer = new PropertyWriter();
    expect(writer.field(ids.CONTENT_TYPE, 'x'.repeat(65_536))).toBe(false);
    expect(writer.pair('x'.repeat(65_536), '')).toBe(false);
    expect(writer.pair('', 'x'.repeat(65_536))).toBe(false);
    expect(writer.length).toBe(0);
    expect(writer.field(ids.CONTENT_TYPE, 'x'.repeat(65_535))).toBe(true);
  });
});
