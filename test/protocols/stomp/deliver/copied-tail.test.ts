/** The tail of a MESSAGE is copied from where it was written last only while it is still there. */
import { expect, test } from 'vitest';
import { V1_2 } from '../../../../protocols/stomp/codec/version.ts';
import { DeliveryWriter, TailMemo } from '../../../../protocols/stomp/deliver/delivery-writer.ts';
import { STOMP_DIALECT } from '../../../../protocols/stomp/mapping/properties.ts';
import type { StompStats } from '../../../../protocols/stomp/stats.ts';
import type { Session } from '../../../../src/api/session.ts';
import { Turn } from '../../../../src/clock/turn.ts';
import type { MessageView } from '../../../../src/message/message.ts';
import { Output } from '../../../../src/transport/output.ts';

const HEAD = {
  opening: Buffer.from('MESSAGE\nsubscription:1\nmessage-id:s.1.'),
  ackOpening: Buffer.from('\nack:1.'),
  destination: null,
};
const SESSION = { vhost: '/', timeLeftMs: () => undefined } as unknown as Session;

class Sink {
  readonly unsentBytes = 0;
  text = '';
  writeAll(buffers: Buffer[]): boolean {
    this.text += Buffer.concat(buffers).toString('latin1');
    return true;
  }
}

function view(body: string): MessageView {
  const head = Buffer.from('q');
  const bytes = Buffer.from(body);
  return {
    seq: 7,
    head,
    spelling: 0,
    exchangeStart: 0,
    exchangeEnd: 0,
    keyStart: 0,
    keyEnd: 1,
    exchange: () => '',
    key: () => 'q',
    dialect: STOMP_DIALECT.id,
    props: Buffer.from('own:1\n'),
    propsStart: 0,
    propsEnd: 6,
    notesStart: 0,
    notesEnd: 0,
    assurance: 0,
    redelivered: false,
    large: null,
    body: bytes,
    bodyStart: 0,
    bodyEnd: bytes.length,
    bodyLength: bytes.length,
  } as unknown as MessageView;
}

function connection(memo: TailMemo) {
  const sink = new Sink();
  const output = new Output(sink, new Turn());
  return { sink, output, writer: new DeliveryWriter(output, SESSION, V1_2, memo, { messagesOut: 0 } as StompStats) };
}

test('whatever has become of the memory it was in', () => {
  const alone = connection(new TailMemo());
  alone.writer.write(HEAD, view('the body'), 1, -1);
  alone.output.flush();
  expect(alone.sink.text).toContain('the body');

  const memo = new TailMemo();
  const first = connection(memo);
  const second = connection(memo);
  first.writer.write(HEAD, view('the body'), 1, -1);
  // It leaves, and the same memory is written to anew, as far and further.
  first.output.flush();
  first.output.append(Buffer.alloc(300, 'z'));
  second.writer.write(HEAD, view('the body'), 1, -1);
  second.output.flush();
  expect(second.sink.text).toBe(alone.sink.text);
});

test('and while it is there, whoever else is written to', () => {
  const memo = new TailMemo();
  const first = connection(memo);
  const second = connection(memo);
  first.writer.write(HEAD, view('the body'), 1, -1);
  second.writer.write(HEAD, view('not looked at again'), 1, -1);
  first.output.flush();
  second.output.flush();
  expect(second.sink.text).toBe(first.sink.text);
});
