/**
 * The MQTT dialect: how properties of MQTT 5.0 and the neutral form become each other. A message from an MQTT client is
 * stored with its own property bytes (dialect 2, `codec/message-properties.ts`), which other MQTT clients get as they are;
 * 3.1.1 messages have none.
 *
 *     neutral           MQTT 5.0
 *     text              payload format indicator 1, where the body is UTF-8 indeed
 *     content type      content type
 *     reply-to          response topic: of the topic exchange `a/b`, of the default exchange `$queue/q`
 *     correlation id    correlation data
 *     message id, content encoding, type, app id, user id, timestamp, priority, group id
 *                       user properties `message-id`, `content-encoding`, `type`, `app-id`, `user-id`, `timestamp`,
 *                       `priority`, `JMSXGroupID`
 *                       (a user id is taken for one only where it names who published the message; else it is a header)
 *     headers           user properties, in order, each name once; values as text, or marked (`src/message/flat.ts`)
 *     deaths            user properties `x-first-death-queue`, `-reason`, `-exchange`; the same with `x-last-death-`;
 *                       `x-death-count`; in the place of what the publisher says of them
 *     expiry            message expiry interval: what is left of it, rounded up; written by `deliver/publish-encoder5.ts`
 */
import {
  ByteRange,
  type Dialect,
  type Header,
  type Headers,
  type MessageView,
  NO_PROPERTIES,
  type Properties,
  unflattened,
  unsignedOf,
} from '../../../src/api/index.ts';
import { PUBLISH } from '../codec/packet.ts';
import { PropertyReader } from '../codec/properties/property-reader.ts';
import {
  CONTENT_TYPE,
  CORRELATION_DATA,
  PAYLOAD_FORMAT,
  RESPONSE_TOPIC,
  USER_PROPERTY,
} from '../codec/properties/property-table.ts';
import { GROUP, TEXT_NAMES, USER_ID } from './property-names.ts';
import { addressOf } from './response-topics.ts';

/** Written into the log with every message. */
export const MQTT_DIALECT_ID = 2;

const dialects = new Map<string, Dialect>();

/** One for each exchange that topics live in, since adapters that serve the same broker must have the same. */
export function mqttDialect(exchange: string): Dialect {
  let dialect = dialects.get(exchange);
  if (dialect === undefined) {
    dialect = dialectOf(exchange);
    dialects.set(exchange, dialect);
  }
  return dialect;
}

function dialectOf(exchange: string): Dialect {
  return {
    id: MQTT_DIALECT_ID,
    name: 'mqtt',
    decode(view) {
      try {
        return decode(view, exchange);
      } catch {
        // Checked when they came in, so this is damage; a message without properties is still a message.
        return NO_PROPERTIES;
      }
    },
    // What AMQP would be shown as headers.
    sent(_, { headers, groupId }) {
      return groupId === undefined ? headers : [...headers, { name: GROUP, value: groupId }];
    },
    header: userProperty,
    messageId: (view) => userProperty(view, MESSAGE_ID),
    messageIdAt: (view, range) => userPropertyAt(view, MESSAGE_ID, range),
    headerTextAt: userPropertyAt,
    groupId: (view) => userProperty(view, GROUP),
  };
}

/** The first user property of this name, the others passed over. They were checked when they came in. */
function userProperty(view: MessageView, name: string): string | undefined {
  return userPropertyAt(view, name, found) ? view.props.toString('utf8', found.start, found.end) : undefined;
}

/** Where it lies. */
function userPropertyAt({ props, propsStart, propsEnd }: MessageView, name: string, range: ByteRange): boolean {
  finder.begin(props, propsStart, propsEnd, PUBLISH);
  try {
    while (finder.next()) {
      if (finder.id !== USER_PROPERTY || finder.nameEnd - finder.nameStart !== name.length || !finder.isNamed(name))
        continue;
      range.start = finder.start;
      range.end = finder.end;
      return true;
    }
  } catch {
    // Damage: it has none.
  }
  return false;
}

const found = new ByteRange();
const MESSAGE_ID = 'message-id';
const finder = new PropertyReader();

function decode(view: MessageView, exchange: string): Properties {
  const { props, propsStart, propsEnd } = view;
  if (propsStart === propsEnd) return NO_PROPERTIES;
  const properties: Properties = { headers: [] };
  const pairs: Header[] = [];
  const names = new Set<string>();
  let lost = 0;
  const reader = new PropertyReader();
  reader.begin(props, propsStart, propsEnd, PUBLISH);
  while (reader.next()) {
    const { start, end } = reader;
    switch (reader.id) {
      case PAYLOAD_FORMAT:
        if (reader.number === 1) properties.text = true;
        break;
      case CONTENT_TYPE:
        properties.contentType = props.toString('utf8', start, end);
        break;
      case RESPONSE_TOPIC:
        if (!takeResponseTopic(properties, props.toString('utf8', start, end), exchange)) lost++;
        break;
      case CORRELATION_DATA:
        properties.correlationId = Buffer.from(props.subarray(start, end));
        break;
      case USER_PROPERTY: {
        const name = props.toString('utf8', reader.nameStart, reader.nameEnd);
        const value = props.toString('utf8', start, end);
        if (names.has(name)) lost++;
        else if (name === USER_ID && view.userChecked) properties.userId = value;
        else if (!takeNumber(properties, name, value)) pairs.push({ name, value });
        names.add(name);
        break;
      }
      default:
    }
  }
  takePairs(properties, unflattened(pairs));
  if (lost > 0) properties.lost = lost;
  return properties;
}

/** The others, marks undone: what is a text of the neutral form, and the headers. */
function takePairs(properties: Properties, pairs: Headers): void {
  properties.headers = pairs.filter(({ name, value }) => {
    // Who sent it is never told on somebody's word alone.
    const key = typeof value === 'string' && name !== USER_ID ? TEXT_NAMES.get(name) : undefined;
    if (key !== undefined) properties[key] = value as string;
    return key === undefined;
  });
}

/** False for a user property that is no number of the neutral form, or does not hold what that must be. */
function takeNumber(properties: Properties, name: string, value: string): boolean {
  if (name === 'priority') {
    if (!/^\d{1,3}$/.test(value) || Number(value) > 255) return false;
    properties.priority = Number(value);
    return true;
  }
  if (name !== 'timestamp') return false;
  const stamp = unsignedOf(value);
  if (stamp !== undefined) properties.timestampS = stamp;
  return stamp !== undefined;
}

/** False where none may be sent to it. */
function takeResponseTopic(properties: Properties, topic: string, exchange: string): boolean {
  const address = addressOf(topic, exchange);
  if (address !== undefined) properties.replyTo = address;
  return address !== undefined;
}
