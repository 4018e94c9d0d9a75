import { both, type Scenario, v4, v5 } from '../../scenario.ts';
import { connect, join, text } from '../../wire.ts';
import { refusing } from '../steps.ts';

const will = (level: number, topic: string | Buffer): Buffer => join(level === 5 ? 0 : [], text(topic), text('gone'));

export const MALFORMED_CONNECT: readonly Scenario[] = [
  ...both('an identifier that is not UTF-8', '3.1.3-4 1.5.3-1', '3.1.3-4 1.5.4-1', async (harness) => {
    return refusing(harness, connect({ level: harness.level, payload: [text(Buffer.from([0x61, 0xed, 0xa0, 0x80]))] }));
  }),
  ...both('a CONNECT without an identifier field', '3.1.3-3 3.1.4-1', '3.1.3-3 3.1.4-1', async (harness) => {
    return refusing(harness, connect({ level: harness.level, payload: [] }));
  }),
  ...both('a will topic that is not UTF-8', '3.1.3-10', '3.1.3-11', async (harness) => {
    const topic = Buffer.from([0x74, 0xc0, 0x80]);
    return refusing(
      harness,
      connect({ level: harness.level, flags: 0x06, payload: [text('u'), will(harness.level, topic)] }),
    );
  }),
  ...both('a user name that is not UTF-8', '3.1.3-11', '3.1.3-12', async (harness) => {
    const user = text(Buffer.from([0x67, 0xff]));
    return refusing(harness, connect({ level: harness.level, flags: 0x82, payload: [text('u'), user] }));
  }),
  ...both('will QoS without a will', '3.1.2-11 3.1.2-13', '3.1.2-11', async (harness) => {
    return refusing(harness, connect({ level: harness.level, flags: 0x0a }));
  }),
  ...both('will retain without a will', '3.1.2-11 3.1.2-15', '3.1.2-13', async (harness) => {
    return refusing(harness, connect({ level: harness.level, flags: 0x22 }));
  }),
  ...both('will QoS 3', '3.1.2-14', '3.1.2-12', async (harness) => {
    return refusing(
      harness,
      connect({ level: harness.level, flags: 0x1e, payload: [text('q'), will(harness.level, 'w')] }),
    );
  }),
  v4('a password without a user name', '3.1.2-22', async (harness) => {
    return refusing(harness, connect({ level: 4, flags: 0x42, payload: [text('p'), text('guest')] }));
  }),
  ...both('a will that is flagged and missing', '3.1.2-9', '3.1.2-9', async (harness) => {
    return refusing(harness, connect({ level: harness.level, flags: 0x06 }));
  }),
  ...both('a user name that is flagged and missing', '3.1.2-19', '3.1.2-17', async (harness) => {
    return refusing(harness, connect({ level: harness.level, flags: 0x82 }));
  }),
  ...both('a password that is flagged and missing', '3.1.2-21', '3.1.2-19', async (harness) => {
    return refusing(harness, connect({ level: harness.level, flags: 0xc2, payload: [text('p'), text('guest')] }));
  }),
  ...both('a user name that is there and not flagged', '3.1.2-18', '3.1.2-16', async (harness) => {
    return refusing(harness, connect({ level: harness.level, payload: [text('p'), text('guest')] }));
  }),
  ...both('a password that is there and not flagged', '3.1.2-20', '3.1.2-18', async (harness) => {
    const payload = [text('p'), text('guest'), text('guest')];
    return refusing(harness, connect({ level: harness.level, flags: 0x82, payload }));
  }),
  v5('a property twice in CONNECT', '3.1.4-1 4.13.1-1', async (harness) => {
    const twice = [0x21, 0, 5, 0x21, 0, 5];
    return refusing(harness, connect({ level: 5, properties: twice }));
  }),
  v5('receive maximum 0 in CONNECT', '3.1.4-1', async (harness) => {
    return refusing(harness, connect({ level: 5, properties: [0x21, 0, 0] }));
  }),
  v5('maximum packet size 0 in CONNECT', '3.1.4-1', async (harness) => {
    return refusing(harness, connect({ level: 5, properties: [0x27, 0, 0, 0, 0] }));
  }),
  v5('a property that CONNECT may not hold', '3.1.4-1 4.13.1-1', async (harness) => {
    return refusing(harness, connect({ level: 5, properties: [0x23, 0, 1] })); // topic alias
  }),
  v5('a property that does not exist, in CONNECT', '3.1.4-1 4.13.1-1', async (harness) => {
    return refusing(harness, connect({ level: 5, properties: [0x7e, 0] }));
  }),
  v5('a flag property that is neither 0 nor 1', '3.1.4-1 4.13.1-1', async (harness) => {
    return refusing(harness, connect({ level: 5, properties: [0x17, 2] }));
  }),
  v5('a section of properties longer than its packet', '3.1.4-1 4.13.1-1', async (harness) => {
    return refusing(harness, join(0x10, 13, text('MQTT'), 5, 2, 0, 0, 0x7f, text('')));
  }),
];
