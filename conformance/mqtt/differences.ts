/**
 * Where a peer does otherwise than this broker, and why we do as we do: a scenario that it does not pass, or another choice
 * where the specification leaves one. A scenario that differs and is not here fails the run; so does one that is here and
 * does not differ.
 */
import type { Scenario } from './scenario.ts';
import { titleOf } from './scenario.ts';

export interface Difference {
  readonly peer: string;
  /** Titles, as `3.1.1: …`; or a name alone, in all versions. */
  readonly scenarios: readonly string[];
  /** What the peer does. */
  readonly theyDo: string;
  /** What we do, and why. */
  readonly weDo: string;
}

export const DIFFERENCES: readonly Difference[] = [
  {
    peer: 'mosquitto',
    scenarios: ['3.1.1: a wrong password is return code 4 or 5'],
    theyDo: 'return code 5, not authorized',
    weDo: 'return code 4, which is what the table of return codes has for a user name or password that is wrong',
  },
  {
    peer: 'mosquitto',
    scenarios: ['QoS 2 sent again before PUBREL is one message'],
    theyDo: 'closes the connection when a QoS 2 PUBLISH is sent again on the connection it came on',
    weDo: 'answer it with PUBREC and publish nothing, as the receiving side of QoS 2 is written',
  },
  {
    peer: 'mosquitto',
    scenarios: ['DUP on QoS 0 ends the connection'],
    theyDo: 'passes the message on',
    weDo: 'DUP must be 0 at QoS 0, so the packet is malformed',
  },
  {
    peer: 'mosquitto',
    scenarios: ['overlapping subscriptions: the highest of their QoS'],
    theyDo:
      'keeps one copy in 3.1.1, with the QoS of the subscription it came to first; sends three in 5.0, one a subscription',
    weDo: 'one copy with the highest QoS, which both versions allow and no client has to tell apart',
  },
  {
    peer: 'mosquitto',
    scenarios: [
      'a CONNECT in a text frame ends the connection',
      'a PUBLISH in a text frame ends the connection, and reaches nobody',
    ],
    theyDo: 'takes the packet',
    weDo: 'MQTT over WebSocket is binary frames, so the connection is closed, with the code that says so',
  },
  {
    peer: 'mosquitto',
    scenarios: ['5.0: an acknowledgement of the wrong kind ends the connection'],
    theyDo: 'closes without a word',
    weDo: 'say DISCONNECT 0x82 before it',
  },
  {
    peer: 'mosquitto',
    scenarios: ['5.0: no SUBACK or UNSUBACK larger than the client takes'],
    theyDo: 'sends it all the same (findings/mosquitto-suback-size.sh)',
    weDo: 'refuse with DISCONNECT 0x95, before anything is done whose answer the client would not take',
  },
  {
    peer: 'aedes',
    scenarios: [
      '3.1.1: what may not be published is acknowledged, and reaches nobody',
      '3.1.1: the state of a bridge is published and retained, as a message and as a will',
    ],
    theyDo: 'closes the connection of who publishes under $SYS/',
    weDo: "acknowledge and drop, and keep a bridge's state, as Mosquitto does: its bridges publish there by default",
  },
  {
    peer: 'aedes',
    scenarios: [
      '3.1.1: MQIsdp with level 4 is return code 1, and closed',
      '3.1.1: MQIsdp with level 5 is return code 1, and closed',
      '3.1.1: MQTT with level 3 is return code 1, and closed',
      '3.1.1: MQTT with level 131 is return code 1, and closed',
    ],
    theyDo: 'takes either name with any level it knows',
    weDo: 'each name has levels of its own, and another one is told return code 1',
  },
  {
    peer: 'aedes',
    scenarios: ['3.1.1: an acknowledgement of the wrong kind ends the connection'],
    theyDo: 'takes it for the right one',
    weDo: 'close: the two no longer agree on what was sent',
  },
  {
    peer: 'aedes',
    scenarios: ['3.1.1: a user name of no length is none'],
    theyDo: 'looks for a user of that name',
    weDo: 'let it in as one who gave none, as Mosquitto does',
  },
  {
    peer: 'mosquitto',
    scenarios: ['shared: malformed names are refused'],
    theyDo: 'grants $share//x',
    weDo: 'a group has a name of at least one character',
  },
  {
    peer: 'mosquitto',
    scenarios: ['a SUBACK from a client', 'an UNSUBACK from a client', 'a PINGRESP from a client'],
    theyDo: 'takes no notice, since its bridges are both server and client on one connection',
    weDo: 'a packet that only servers send is a protocol violation, and closes',
  },
  {
    peer: 'mosquitto',
    scenarios: [
      'PINGREQ with flags',
      'PINGREQ with a payload',
      'PUBACK with flags',
      'PUBREC with flags',
      'PUBCOMP with flags',
    ],
    theyDo: 'does not look at flags and rest of these packets',
    weDo: 'invalid flags close the connection, and so does a length that is not the one of the packet',
  },
  {
    peer: 'mosquitto',
    scenarios: ['3.1: an identifier of 24 characters'],
    theyDo: 'takes it',
    weDo: 'return code 2: 3.1 allows 23, and 3.1.1 is there for who needs more',
  },
  {
    peer: 'mosquitto',
    scenarios: [
      '5.0: who connects again with the same identifier takes over',
      '5.0: no DISCONNECT larger than the client takes',
    ],
    theyDo: 'closes the connection that was taken over without a word',
    weDo: 'DISCONNECT 0x8E first, so that the client knows that it must not come back at once',
  },
  {
    peer: 'mosquitto',
    scenarios: [
      '5.0: the reserved flag must be 0',
      '5.0: an identifier that is not UTF-8',
      '5.0: a CONNECT without an identifier field',
      '5.0: a will topic that is not UTF-8',
      '5.0: a user name that is not UTF-8',
      '5.0: will QoS without a will',
      '5.0: will retain without a will',
      '5.0: will QoS 3',
      '5.0: a will that is flagged and missing',
      '5.0: a user name that is flagged and missing',
      '5.0: a password that is flagged and missing',
      '5.0: a user name that is there and not flagged',
      '5.0: a password that is there and not flagged',
      '5.0: a property twice in CONNECT',
      '5.0: receive maximum 0 in CONNECT',
      '5.0: maximum packet size 0 in CONNECT',
      '5.0: a property that CONNECT may not hold',
      '5.0: a property that does not exist, in CONNECT',
      '5.0: a flag property that is neither 0 nor 1',
      '5.0: a section of properties longer than its packet',
    ],
    theyDo: 'closes without a word on a CONNECT that it cannot read',
    weDo: 'CONNACK with the reason first, which 5.0 allows once the version is known: a developer sees what was wrong',
  },
  {
    peer: 'mosquitto',
    scenarios: [
      '5.0: a second CONNECT ends the connection',
      '5.0: silence for one and a half keep-alives ends the connection',
      '5.0: PUBREL with wrong flags ends the connection',
      '5.0: a response topic that is not UTF-8',
      '5.0: a content type that is not UTF-8',
      '5.0: a user property that is not UTF-8',
      '5.0: a user property with U+0000',
      '5.0: a content type twice',
      '5.0: a message expiry twice',
      '5.0: a CONNACK from a client',
      '5.0: a remaining length of five bytes',
      '5.0: DISCONNECT with flags',
      '5.0: PUBACK of one byte',
      '5.0: DISCONNECT with a reason that there is not',
      '5.0: AUTH from a client that named no method ends the connection',
      '5.0: AUTH with flags ends the connection',
    ],
    theyDo: 'closes without a word',
    weDo: 'DISCONNECT with the reason first: 0x8D for silence, 0x82 for what is out of turn, 0x81 for what is malformed',
  },
  {
    peer: 'mosquitto',
    scenarios: [
      '5.0: packet identifier 0 ends the connection',
      '5.0: a wildcard in a topic ends the connection',
      '5.0: a SUBSCRIBE without a filter ends the connection',
      '5.0: UNSUBSCRIBE without a filter ends the connection',
      '5.0: retain handling 3 ends the connection',
      '5.0: subscription identifier 0 ends the connection',
      '5.0: topic alias 0 ends the connection',
    ],
    theyDo: 'another reason: 0x81 and 0x82 the other way round, 0x81 for the alias',
    weDo: 'the one that the section on the field names (protocol error for a list that is empty, 0x94 for an alias)',
  },
  {
    peer: 'mosquitto',
    scenarios: ['5.0: an identifier that is longer than the server takes'],
    theyDo: 'takes 60,000 characters',
    weDo: '0x85 for more than 237 bytes: a session is a queue, whose name has to fit into the 255 bytes of other protocols',
  },
  {
    peer: 'mosquitto',
    scenarios: ['5.0: a wrong password is refused with its reason'],
    theyDo: '0x87, not authorized',
    weDo: '0x86, bad user name or password',
  },
  {
    peer: 'mosquitto',
    scenarios: ['5.0: PUBREL of nothing is answered with PUBCOMP'],
    theyDo: 'reason 0',
    weDo: '0x92, packet identifier not found, which is what the reason is for',
  },
  {
    peer: 'mosquitto',
    scenarios: ['5.0: no local on a shared subscription ends the connection'],
    theyDo: 'grants it',
    weDo: 'the specification calls it a protocol error',
  },
  {
    peer: 'mosquitto',
    scenarios: ['5.0: not sent to a shared subscription'],
    theyDo: 'sends retained messages to each new member of a group',
    weDo: 'retained messages belong to new subscriptions that are not shared; a group would get them again with each member',
  },
  {
    peer: 'mosquitto',
    scenarios: ['5.0: the end of the session ends the delay', '5.0: a clean start ends the session, and so the delay'],
    theyDo: 'waits for the whole delay of the will, or forgets it with a clean start',
    weDo: 'the will goes out when the session ends, if that is before the delay has passed',
  },
  {
    peer: 'mosquitto',
    scenarios: [
      '5.0: no more open messages than the receive maximum of the client',
      '5.0: the receive maximum holds for what is sent again',
    ],
    theyDo: 'gives the quota back with PUBREC, and does not count what it sends again',
    weDo: 'PUBACK and PUBCOMP give it back, and what is sent again is as open as what is sent for the first time',
  },
  {
    peer: 'mosquitto',
    scenarios: ['5.0: more open messages than the server takes end the connection'],
    theyDo: 'tells a receive maximum of 20 and takes more',
    weDo: 'take as many as there are identifiers for',
  },
  {
    peer: 'mosquitto',
    scenarios: ['5.0: the limit on a packet is exact to the byte'],
    theyDo: 'sends packets that are one byte larger than the client takes',
    weDo: 'the whole packet counts, its first byte as well',
  },
  {
    peer: 'mosquitto',
    scenarios: ['5.0: a packet larger than the server takes ends the connection'],
    theyDo: 'has no maximum',
    weDo: 'tell a maximum in CONNACK, and 0x95 to who exceeds it',
  },
  {
    peer: 'mosquitto',
    scenarios: ['5.0: a QoS 2 message that was sent does not expire'],
    theyDo: 'lets it expire between two connections',
    weDo: 'what was sent is completed: the receiver may hold the identifier',
  },
  {
    peer: 'mosquitto',
    scenarios: [
      '5.0: a wildcard in the response topic',
      '5.0: a subscription identifier from a client',
      '5.0: a payload format that is neither 0 nor 1',
      '5.0: authentication data without a method',
    ],
    theyDo: 'takes these packets',
    weDo: 'each is a protocol error in so many words',
  },
  {
    peer: 'aedes',
    scenarios: [
      '3.1.1: an identifier that is not UTF-8',
      '3.1.1: a will topic that is not UTF-8',
      '3.1.1: a user name that is not UTF-8',
      '3.1.1: a topic with a surrogate',
      '3.1.1: a topic with an overlong form',
      '3.1.1: a topic with a sequence that ends early',
      '3.1.1: a topic with a stray continuation',
      '3.1.1: a topic with a code point above U+10FFFF',
      '3.1.1: a topic with U+0000',
      '3.1.1: a filter that is not UTF-8',
      '3.1.1: a filter with U+0000',
      '3.1.1: a filter that is not UTF-8, in UNSUBSCRIBE',
    ],
    theyDo: 'does not check text: what is not UTF-8 is read with replacement characters',
    weDo: 'text that is none closes the connection; a replaced character would deliver to other topics than were named',
  },
  {
    peer: 'aedes',
    scenarios: [
      '3.1.1: will QoS 3',
      '3.1.1: a password without a user name',
      '3.1.1: a user name that is there and not flagged',
      '3.1.1: a password that is there and not flagged',
      '3.1.1: packet identifier 0 ends the connection',
      '3.1.1: packet identifier 0 in SUBSCRIBE ends the connection',
      '3.1.1: DUP on QoS 0 ends the connection',
      '3.1.1: UNSUBSCRIBE without a filter ends the connection',
      '3.1.1: PINGREQ with a payload',
      '3.1.1: PUBACK of one byte',
    ],
    theyDo: 'reads these malformed packets as far as it understands them',
    weDo: 'the specification calls each malformed; the connection is closed',
  },
  {
    peer: 'aedes',
    scenarios: ['3.1.1: a level that does not exist is answered with return code 1'],
    theyDo: 'closes without a word',
    weDo: 'CONNACK with return code 1, so that the client can try another version',
  },
  {
    peer: 'aedes',
    scenarios: ['3.1.1: no identifier and a session to keep is return code 2', '3.1: no identifier is return code 2'],
    theyDo: 'makes up an identifier',
    weDo: 'return code 2: nobody could come back to such a session',
  },
  {
    peer: 'aedes',
    scenarios: ['3.1: a kept session is found again'],
    theyDo: 'sets a flag in CONNACK that 3.1 reserves',
    weDo: 'the byte is 0',
  },
  {
    peer: 'aedes',
    scenarios: ['3.1.1: a wrong password is return code 4 or 5'],
    theyDo: 'return code 5, not authorized',
    weDo: 'return code 4, which is what the table of return codes has for a user name or password that is wrong',
  },
  {
    peer: 'aedes',
    scenarios: ['3.1.1: packets that follow CONNECT at once are answered in turn'],
    theyDo: 'answers PINGREQ before the SUBSCRIBE that came first',
    weDo: 'packets are worked off in the order they came',
  },
  {
    peer: 'aedes',
    scenarios: [
      '3.1.1: after PUBACK the same identifier is a new message, DUP or not',
      '3.1.1: DUP does not travel',
      '3.1.1: what was not acknowledged is sent again, in order, marked, with its identifiers',
      '3.1.1: who takes over is sent again what the other had not acknowledged',
    ],
    theyDo: 'hands the flag of the publisher to subscribers, and sends again without one',
    weDo: 'DUP says whether this packet was sent to this client before',
  },
  {
    peer: 'aedes',
    scenarios: ['3.1.1: overlapping subscriptions: the highest of their QoS'],
    theyDo: 'sends one copy with the QoS of whichever subscription came first',
    weDo: 'the highest of them',
  },
  {
    peer: 'aedes',
    scenarios: ['3.1.1: # anywhere but as the last level is refused', '3.1.1: + beside other characters is refused'],
    theyDo: 'grants some filters that are not well-formed',
    weDo: 'close the connection: what such a filter would match is anybody’s guess',
  },
  {
    peer: 'aedes',
    scenarios: ['3.1.1: kept for those who subscribe later'],
    theyDo: 'sends some retained messages of one subscription later than what is published after it',
    weDo: 'retained messages come first',
  },
  {
    peer: 'aedes',
    scenarios: ['3.1.1: $-topics are not under a leading wildcard'],
    theyDo: 'gives retained $-topics to filters that begin with a wildcard',
    weDo: 'the rule on $-topics holds for retained messages too',
  },
  {
    peer: 'aedes',
    scenarios: ['3.1.1: $SYS/broker/version is there for who asks for it', '3.1.1: $SYS counts what is connected'],
    theyDo: 'has its $SYS topics in a package of their own',
    weDo: 'the topics that Mosquitto’s users look at, without asking',
  },
  {
    peer: 'aedes',
    scenarios: ['3.1.1: a thousand filters of one client'],
    theyDo: 'delivers with QoS 2 what was subscribed to with QoS 1, in a SUBSCRIBE of many filters',
    weDo: 'each filter has the QoS it was granted',
  },
  {
    peer: 'aedes',
    scenarios: ['3.1.1: nothing behind DISCONNECT is done'],
    theyDo: 'publishes what follows DISCONNECT in the same segment',
    weDo: 'the connection has ended with DISCONNECT',
  },
  {
    peer: 'aedes',
    scenarios: ['3.1.1: MQTT.js: a session across connections, exactly once'],
    theyDo: 'loses one of twenty QoS 2 messages that waited for the session',
    weDo: 'all twenty, in order',
  },
];

export const differenceOf = (peer: string, scenario: Scenario): Difference | undefined =>
  DIFFERENCES.find(
    (difference) =>
      difference.peer === peer &&
      (difference.scenarios.includes(titleOf(scenario)) || difference.scenarios.includes(scenario.name)),
  );
