/**
 * The normative statements of MQTT 3.1.1 (OASIS, 29 October 2014) and 5.0 (OASIS, 7 March 2019) that bind a server, each by
 * its number and what it is about in a few words of ours; the specification's own words are what counts. Statements that
 * bind clients only are not here. One that binds both is here with the server's half; one about what a client may send is
 * here where a server must refuse the contrary.
 */
import type { Level } from '../received.ts';
import { V4 } from './v4.ts';
import { V5 } from './v5.ts';

const table = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]),
  );

/** By number. 3.1 has none. */
export const STATEMENTS: Readonly<Record<Level, ReadonlyMap<string, string>>> = {
  3: new Map(),
  4: table(V4),
  5: table(V5),
};

/** Why a statement is shown by no scenario: it could not be broken here, or not be seen from outside. */
export const NOT_SHOWN: Readonly<Record<string, string>> = {
  '4: 3.2.2-6': 'every refusal has a return code',
  '4: 3.8.3-2': 'wildcards are supported',
  '4: 7.0.0-1': 'it connects to no other server',
  '4: 7.0.0-2': 'shown by every client that works',
  '4: 7.1.1-1': 'TCP and WebSocket are',
  '5: 3.2.2-10': 'every QoS is supported',
  '5: 3.2.2-12': 'every QoS is supported',
  '5: 3.2.2-13': 'retaining is supported',
  '5: 4.2.0-1': 'TCP and WebSocket are',
};
