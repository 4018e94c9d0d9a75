/** A session of no protocol: what a test does to the broker behind the adapter's back. */

import type { Session } from '../../../src/api/session.ts';
import { type Draft, Draft as NewDraft, type Spelling } from '../../../src/message/message.ts';
import type { TestBroker } from '../../support/broker.ts';

export function door(broker: TestBroker): Promise<Session> {
  return new Promise((done, failed) => {
    broker.broker.open(
      { client: 'test', loopback: true, user: undefined, password: undefined, vhost: undefined },
      { uncongested() {}, kicked() {} },
      (result) => {
        if ('refused' in result) failed(new Error(result.reason));
        else done(result);
      },
    );
  });
}

/** Publishes as another protocol would. */
export function publishAs(
  session: Session,
  exchange: string,
  spelling: Spelling,
  key: string | Buffer,
  body: string,
  fill: (draft: Draft) => void = () => {},
): void {
  const keyBytes = Buffer.from(key as string);
  const draft = new NewDraft();
  draft.dialect = 200;
  draft.body = Buffer.from(body);
  draft.bodyEnd = draft.body.length;
  fill(draft);
  session.publish(session.route(exchange, spelling, keyBytes, 0, keyBytes.length), draft);
}
