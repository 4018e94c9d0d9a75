/** A draft is as good as new each time it is filled: nothing of the message before is in it, which may be another client's. */
import { expect, it } from 'vitest';
import { MessageProperties, NO_PROPERTIES } from '../../../../protocols/mqtt/codec/properties/message-properties.ts';
import { PropertyWriter } from '../../../../protocols/mqtt/codec/properties/property-writer.ts';
import { MQTT_DIALECT_ID } from '../../../../protocols/mqtt/mapping/dialect.ts';
import { fillDraft } from '../../../../protocols/mqtt/publish/fill-draft.ts';
import { PublishTarget } from '../../../../protocols/mqtt/publish/publish-target.ts';
import { Draft, type Route } from '../../../../src/api/index.ts';

const route = {} as Route;
const topic = Buffer.from('t');
const plain = new PublishTarget(topic, 0, 1, route, 0, -1, true);
const delayed = new PublishTarget(topic, 0, 1, route, 0, 5_000, true);

/** What `fillDraft` says; `props` is only looked at as far as its range reaches. */
const told = ({ props: _, ...rest }: Draft): object => rest;

it('whatever the message before was, and whatever became of it', () => {
  const writer = new PropertyWriter();
  const pairs = [
    ['priority', '7'],
    ['JMSXGroupID', 'g'],
    ['user-id', 'me'],
    ['x-delay', '9000'],
  ] as const;
  for (const [name, value] of pairs) writer.pair(name, value);
  const properties = MessageProperties.stored(writer.buffer.subarray(0, writer.length), 60);

  const draft = new Draft();
  fillDraft(draft, delayed, 2, true, 'mqtt-subscription-me', properties, 'me');
  expect(told(draft)).toMatchObject({
    dialect: MQTT_DIALECT_ID,
    assurance: 2,
    retain: true,
    grouped: true,
    userChecked: true,
    priority: 7,
    ttlMs: 60_000,
    delayMs: 5_000,
    origin: 'mqtt-subscription-me',
    propsEnd: writer.length,
  });
  draft.body = Buffer.from('body');
  draft.bodyEnd = 4;
  draft.large = { length: 1_000_000 };
  draft.routed = 3;

  fillDraft(draft, plain, 0, false, '', NO_PROPERTIES, 'you');
  const fresh = new Draft();
  fresh.dialect = MQTT_DIALECT_ID;
  fresh.body = draft.body;
  expect(told(draft)).toEqual(told(fresh));
});
