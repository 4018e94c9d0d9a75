/** What the console's page «Try it» says and understands, beside codecs that others have written. */
import fc from 'fast-check';
import { generate, parser as mqttParser, type Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { codeOf, LANGUAGES } from '../../console/src/try/code.ts';
import { connectPacket, MqttReader, publishPacket, subscribePacket } from '../../console/src/try/mqtt.ts';
import { StompReader, stompFrame } from '../../console/src/try/stomp.ts';

function parsed(bytes: Uint8Array): Packet[] {
  const parser = mqttParser();
  const packets: Packet[] = [];
  parser.on('packet', (packet) => packets.push(packet));
  parser.parse(Buffer.from(bytes));
  return packets;
}

/** In pieces that end at any of these places. */
function pieces<T extends string | Uint8Array>(whole: T, cuts: readonly number[]): T[] {
  const ends = [...new Set([...cuts.map((cut) => cut % (whole.length + 1)), whole.length])].sort((a, b) => a - b);
  return ends.map((end, i) => whole.slice(ends[i - 1] ?? 0, end) as T);
}

const text = fc.string({ unit: 'grapheme', maxLength: 300 });
const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((one) => !/[#+\0]/.test(one));
const cuts = fc.array(fc.nat(2_000), { maxLength: 6 });

test('MQTT packets of the page are what another codec reads', () => {
  fc.assert(
    fc.property(name, text, fc.boolean(), (topic, body, retain) => {
      expect(parsed(publishPacket(topic, body, retain))).toMatchObject([
        { cmd: 'publish', topic, retain, qos: 0, payload: Buffer.from(body) },
      ]);
      expect(parsed(subscribePacket(7, topic))).toMatchObject([
        { cmd: 'subscribe', messageId: 7, subscriptions: [{ topic, qos: 0 }] },
      ]);
    }),
  );
  expect(parsed(connectPacket('console-1', 'guest', 'gäst', 60))).toMatchObject([
    {
      cmd: 'connect',
      clientId: 'console-1',
      username: 'guest',
      password: Buffer.from('gäst'),
      keepalive: 60,
      clean: true,
      protocolVersion: 4,
    },
  ]);
});

test('MQTT packets that come are read whatever way they were cut', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, text, fc.boolean()), { minLength: 1, maxLength: 8 }), cuts, (messages, at) => {
      const sent = messages.map(([topic, payload, retain]) =>
        generate({ cmd: 'publish', topic, payload, retain, qos: 0, dup: false }),
      );
      const reader = new MqttReader();
      const came = pieces(new Uint8Array(Buffer.concat(sent)), at).flatMap((piece) => reader.push(piece));
      expect(came).toEqual(
        messages.map(([topic, payload, retained]) => ({ kind: 'publish', topic, payload, retained })),
      );
    }),
  );
});

test('STOMP frames that are cut anywhere are those that were made', () => {
  // A NUL ends a frame that says no length: a page types none.
  const typed = text.map((one) => one.replaceAll('\0', ''));
  fc.assert(
    fc.property(fc.array(fc.tuple(typed, typed), { minLength: 1, maxLength: 6 }), cuts, (messages, at) => {
      const whole = messages.map(([destination, body]) => stompFrame('MESSAGE', { destination }, body)).join('\n');
      const reader = new StompReader();
      const came = pieces(whole, at).flatMap((piece) => reader.push(piece));
      expect(came).toEqual(
        messages.map(([destination, body]) => ({ command: 'MESSAGE', headers: [['destination', destination]], body })),
      );
    }),
  );
});

test('what is typed stands in programs as a string, whatever it is', () => {
  const address = 'a"b\\c\n/d';
  for (const protocol of ['mqtt', 'stomp'] as const) {
    for (const language of LANGUAGES) {
      const code = codeOf(language, { protocol, host: 'broker.example.org', address, body: '`it`', user: 'plant' });
      expect(code, language).toContain(JSON.stringify(address));
      expect(code, language).toContain('"plant"');
      expect(code, language).toContain('broker.example.org');
    }
  }
});
