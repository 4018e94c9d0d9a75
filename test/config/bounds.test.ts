/** Every number that can be set: its default, its bounds, and one beyond them. */
import { describe, expect, it } from 'vitest';
import { checkConfig, keyPaths } from '../../src/config/load.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const DAY_MS = 86_400_000;
const FOREVER_MS = 0xffff_fffe * 1000;

/** By path: least, default, most. */
const NUMBERS: Record<string, [least: number, fallback: number, most: number]> = {
  'durability.interval': [1, 200, 60_000],
  'durability.flushDelay': [0, 0, 1_000],
  'durability.flushSizeMax': [4 * KIB, MIB, 64 * MIB],
  'transient.spillSizeMax': [MIB, 16 * KIB * MIB, Number.MAX_SAFE_INTEGER],
  'connections.max': [1, 10_000, 1_000_000],
  'connections.rateMax': [0, 0, 1_000_000],
  'connections.perAddressMax': [0, 0, 1_000_000],
  'limits.userConnections': [0, 0, 1_000_000],
  'limits.userChannels': [0, 0, 100_000_000],
  'limits.consumers': [0, 0, 1_000_000],
  'limits.publishRate': [0, 0, 100_000_000],
  'limits.publishSize': [0, 0, Number.MAX_SAFE_INTEGER],
  'limits.unsettled': [0, 100_000, 100_000_000],
  'connections.handshakeTimeout': [100, 10_000, 600_000],
  'amqp.frameSizeMax': [4 * KIB, 128 * KIB, 16 * MIB],
  'amqp.bodySizeMax': [1, 128 * MIB, 2_048 * MIB],
  'amqp.channelMax': [1, 2_047, 65_535],
  'amqp.consumerTimeout': [0, 1_800_000, 365 * DAY_MS],
  'mqtt.packetSizeMax': [KIB, 129 * MIB, 256 * MIB],
  'mqtt.topicLevelsMax': [1, 128, 65_535],
  'mqtt.inflightMax': [1, 100, 65_535],
  'mqtt.topicAliasMax': [0, 1_000, 65_535],
  'mqtt.sessionExpiryMax': [0, 0, FOREVER_MS],
  'mqtt.keepAliveMax': [0, 0, 65_535_000],
  'mqtt.connectRateMax': [0, 0, 1_000_000],
  'mqtt.packetRateMax': [0, 0, 10_000_000],
  'mqtt.sysInterval': [0, 10_000, DAY_MS],
  'mqtt.sessionMessagesMax': [0, 0, 1_000_000_000],
  'mqtt.sessionBytesMax': [0, 0, Number.MAX_SAFE_INTEGER],
  'mqtt.sessionMessageTtl': [0, 0, FOREVER_MS],
  'redis.commandSizeMax': [KIB, 16 * MIB, 512 * MIB],
  'stomp.heldMax': [0, 0, DAY_MS],
  'limits.backlog': [0, 0, 1_000_000_000_000],
  'limits.userBacklog': [0, 0, 1_000_000_000_000],
  'stomp.headersMax': [8, 128, 10_000],
  'stomp.headersSizeMax': [KIB, 64 * KIB, 16 * MIB],
  'stomp.bodySizeMax': [1, 128 * MIB, 2_048 * MIB],
  'websocket.messageSizeMax': [KIB, 130 * MIB, 2_047 * MIB],
};

function settingOf(config: object, path: string): unknown {
  return path.split('.').reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], config);
}

function given(path: string, value: number): object {
  const [group, name] = path.split('.') as [string, string];
  return { [group]: { [name]: value } };
}

describe('a setting', () => {
  for (const [path, [least, fallback, most]] of Object.entries(NUMBERS)) {
    it(`${path}: ${least} to ${most}, ${fallback} unless said`, () => {
      expect(settingOf(checkConfig({}), path)).toBe(fallback);
      for (const value of [least, most]) expect(settingOf(checkConfig(given(path, value)), path)).toBe(value);
      expect(() => checkConfig(given(path, least - 1))).toThrow(`${path} must be`);
      if (most < Number.MAX_SAFE_INTEGER) expect(() => checkConfig(given(path, most + 1))).toThrow(`${path} must be`);
    });
  }

  it('that is a word is one of those there are', () => {
    for (const level of ['fsync', 'interval', 'none'] as const) {
      expect(checkConfig({ durability: { level } }).durability.level).toBe(level);
    }
    for (const wildcards of ['amqp', 'activemq'] as const) {
      expect(checkConfig({ stomp: { wildcards } }).stomp.wildcards).toBe(wildcards);
    }
    expect(() => checkConfig({ stomp: { wildcards: 'mqtt' } })).toThrow('must be amqp or activemq');
    const plain = checkConfig({});
    expect([plain.durability.level, plain.stomp.wildcards, plain.log.level]).toEqual(['fsync', 'amqp', 'info']);
  });

  it('has a path of its own, and each of these is one', () => {
    const paths = keyPaths().map((path) => path.join('.'));
    expect(new Set(paths).size).toBe(paths.length);
    for (const path of Object.keys(NUMBERS)) expect(paths).toContain(path);
  });
});
