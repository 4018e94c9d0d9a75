/** A queue whose messages say in their properties where they belong: `name=value` pairs, separated by spaces. */

import type { Session } from '../../../src/api/session.ts';
import type { Dialect } from '../../../src/message/dialect.ts';
import type { Draft } from '../../../src/message/message.ts';
import { makeDraft, type Recorder, type SendOptions } from '../../vhost/harness.ts';

/** How many times the properties of a message were read. */
export const reads = { count: 0 };

export const KEYED: Dialect = {
  id: 9,
  name: 'keyed',
  decode(view) {
    reads.count++;
    const pairs = view.props.toString('utf8', view.propsStart, view.propsEnd).split(' ');
    const headers = pairs.filter(Boolean).map((pair) => {
      const [name, value] = pair.split('=');
      return { name: name!, value: value! };
    });
    const group = headers.find(({ name }) => name === 'group')?.value;
    return { headers, ...(group !== undefined && { groupId: group }) };
  },
};

export function keyed(body: string, properties: string, options: SendOptions = {}): Draft {
  const draft = makeDraft(body, options);
  draft.props = Buffer.from(properties);
  draft.propsEnd = draft.props.length;
  draft.grouped = properties.includes('group=');
  return draft;
}

export function sendKeyed(
  session: Session,
  queue: string,
  body: string,
  properties: string,
  options: SendOptions = {},
): number {
  const key = Buffer.from(queue);
  return session.publish(session.route('', 0, key, 0, key.length), keyed(body, properties, options));
}

/** What each has got, in a word. */
export const got = (...recorders: Recorder[]): string[] => recorders.map(({ bodies }) => bodies.join(' '));
