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
    scenarios: ['3.1: an identifier of 24 characters'],
    theyDo: 'return code 2, as 3.1 has it',
    weDo: 'take it, as Mosquitto does: 3.1.1 lifted the limit, and devices rely on it',
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
