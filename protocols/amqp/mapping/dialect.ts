/** AMQP's dialect: how the broker reads property bytes that an AMQP client has sent. */
import { type Dialect, NO_PROPERTIES } from '../../../src/api/index.ts';
import { findHeaderText, findMessageId, readHeader, readMessageId, readProperties } from '../codec/properties.ts';
import { GROUP_HEADER, toNeutral } from './properties.ts';

export const amqpDialect: Dialect = {
  id: 1,
  name: 'amqp',
  decode(view) {
    try {
      return toNeutral(readProperties(view.props, view.propsStart, view.propsEnd));
    } catch {
      // Checked when they came in, so this is damage; a message without properties is still a message.
      return NO_PROPERTIES;
    }
  },
  sent(view, { headers, groupId, correlationId, replyTo }) {
    if (groupId === undefined && correlationId === undefined && !replyTo?.exchange) return headers;
    try {
      return readProperties(view.props, view.propsStart, view.propsEnd).headers ?? headers;
    } catch {
      return headers;
    }
  },
  header({ props, propsStart, propsEnd }, name) {
    try {
      return readHeader(props, propsStart, propsEnd, name);
    } catch {
      return undefined;
    }
  },
  groupId({ props, propsStart, propsEnd }) {
    try {
      const value = readHeader(props, propsStart, propsEnd, GROUP_HEADER);
      return typeof value === 'string' ? value : undefined;
    } catch {
      return undefined;
    }
  },
  messageId({ props, propsStart, propsEnd }) {
    try {
      return readMessageId(props, propsStart, propsEnd);
    } catch {
      return undefined;
    }
  },
  messageIdAt({ props, propsStart, propsEnd }, range) {
    try {
      return findMessageId(props, propsStart, propsEnd, range);
    } catch {
      return false;
    }
  },
  headerTextAt({ props, propsStart, propsEnd }, name, range) {
    try {
      return findHeaderText(props, propsStart, propsEnd, name, range);
    } catch {
      return false;
    }
  },
};
