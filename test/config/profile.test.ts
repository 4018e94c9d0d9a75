/** `profile: hardened`: what it changes, what contradicts it, and what both are told as. */
import { describe, expect, it } from 'vitest';
import { type ConfigError, checkConfig, loadConfig } from '../../src/config/load.ts';
import { printConfig } from '../../src/config/print.ts';
import { MODERN_CIPHERS } from '../../src/config/profile.ts';
import { createBroker } from '../../src/index.ts';

const HARDENED = { ENTREPOT_PROFILE: 'hardened', ENTREPOT_LISTEN: 'amqp://localhost:5672' };

/** What is wrong with these settings, given by the environment. */
const problems = (environment: Record<string, string>): readonly string[] => {
  try {
    loadConfig({}, environment);
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
};

describe('profile: hardened', () => {
  it('lets in neither guest nor anybody without a name, and takes no cipher but modern ones', () => {
    const loaded = loadConfig({}, HARDENED);
    expect(loaded.config.login).toEqual({ anonymous: 'never', guest: 'never' });
    expect(loaded.config.tls).toMatchObject({ minimumVersion: '1.2', ciphers: MODERN_CIPHERS.join(':') });
    const shown = printConfig(loaded);
    expect(shown).toMatch(/^profile: hardened .*\(from ENTREPOT_PROFILE\)$/m);
    expect(shown).toMatch(/^ {2}guest: never .*\(from profile: hardened\)$/m);
  });

  it('is told as the source of what it sets, and of nothing that was set besides', () => {
    const loaded = loadConfig({}, { ...HARDENED, ENTREPOT_LOGIN_GUEST: 'never' });
    const shown = printConfig(loaded);
    expect(shown).toMatch(/^ {2}anonymous: never .*\(from profile: hardened\)$/m);
    expect(shown).toMatch(/^ {2}guest: never .*\(from ENTREPOT_LOGIN_GUEST\)$/m);
  });

  it('changes nothing unless it is asked for', () => {
    const { config } = loadConfig({}, {});
    expect(config).toMatchObject({ profile: 'default', login: { anonymous: 'auto', guest: 'auto' } });
    expect(problems({ ENTREPOT_LISTEN: 'amqp://0.0.0.0:5672', ENTREPOT_LOGIN_ANONYMOUS: 'anywhere' })).toEqual([]);
  });

  it.each([
    ['LISTEN', 'amqp://0.0.0.0:5672', 'amqps://0.0.0.0:5671'],
    ['LISTEN', 'mqtt+stomp://plant.example.org:7000', 'mqtts+stomps://plant.example.org:7000'],
    ['LISTEN', 'amqp://10.0.0.5?proxy=v2', 'amqps://10.0.0.5:5671?proxy=v2'],
  ])('%s=%s is refused, and told with %s', (name, listen, secure) => {
    const [problem, ...more] = problems({ ...HARDENED, [`ENTREPOT_${name}`]: listen });
    expect(more).toEqual([]);
    expect(problem).toMatch(/^ENTREPOT_LISTEN: profile: hardened and listen: .* contradict each other/);
    expect(problem).toContain(`listen on ${secure} with tls.certificate, or on 127.0.0.1; or set profile: default`);
  });

  it('wants the origins of web pages listed wherever a page could connect, HTTP included', () => {
    for (const listen of ['ws://localhost', 'https://0.0.0.0', 'http://127.0.0.1']) {
      const [problem] = problems({ ...HARDENED, ENTREPOT_LISTEN: listen });
      expect(problem).toMatch(
        /^ENTREPOT_PROFILE: profile: hardened and websocket.origins, which names nobody, contradict/,
      );
      for (const origins of ['https://app.example.org', 'none']) {
        expect(problems({ ...HARDENED, ENTREPOT_LISTEN: listen, ENTREPOT_WEBSOCKET_ORIGINS: origins })).toEqual([]);
      }
    }
  });

  it.each([
    ['LOGIN_ANONYMOUS', 'local', 'login.anonymous: local', 'leave login.anonymous out'],
    ['LOGIN_GUEST', 'anywhere', 'login.guest: anywhere', 'leave login.guest out'],
    ['TLS_CIPHERS', 'ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA', 'tls.ciphers: AES128-SHA', 'leave it out, or name only'],
  ])('%s=%s contradicts it, and both are named with two ways to mend it', (name, value, shown, mend) => {
    const [problem] = problems({ ...HARDENED, [`ENTREPOT_${name}`]: value });
    expect(problem).toContain(`ENTREPOT_${name}: profile: hardened and ${shown} contradict each other: ${mend}`);
    expect(problem).toMatch(/; or set profile: default$/);
  });

  it('holds for programs too: of what they listen on, and of what they set', async () => {
    await expect(createBroker({ profile: 'hardened', listen: 'amqp://0.0.0.0:0' })).rejects.toThrow(
      /^profile: hardened and listen: amqp:\/\/0.0.0.0:0, which is without TLS, contradict each other/,
    );
    expect(() => checkConfig({ profile: 'hardened', login: { guest: 'anywhere' } })).toThrow('contradict each other');
    expect(() => checkConfig({ profile: 'hard' })).toThrow('profile must be one of default, hardened');
  });
});
