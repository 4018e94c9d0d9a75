/** All scenarios, by chapter. */
import type { Scenario } from '../scenario.ts';
import { AUTH } from './connection/auth.ts';
import { CONNECT } from './connection/connect.ts';
import { ERRORS } from './connection/errors.ts';
import { LIMITS } from './connection/limits.ts';
import { MALFORMED_CONNECT } from './connection/malformed-connect.ts';
import { WEBSOCKET } from './connection/websocket.ts';
import { FILTERS } from './deliver/filters.ts';
import { RETAINED } from './deliver/retained.ts';
import { SUBSCRIBE } from './deliver/subscribe.ts';
import { LIBRARY } from './library.ts';
import { FLOW } from './publish/flow.ts';
import { PROPERTIES } from './publish/properties.ts';
import { PUBLISH } from './publish/publish.ts';
import { QOS } from './publish/qos.ts';
import { SPECIAL } from './publish/special.ts';
import { WILL } from './publish/will.ts';
import { SESSION } from './session/session.ts';
import { TOGETHER } from './together.ts';

export const CHAPTERS: Readonly<Record<string, readonly Scenario[]>> = {
  connect: [...CONNECT, ...MALFORMED_CONNECT],
  publish: [...PUBLISH, ...QOS],
  subscribe: [...SUBSCRIBE, ...FILTERS],
  retained: RETAINED,
  will: WILL,
  session: SESSION,
  flow: FLOW,
  properties: PROPERTIES,
  errors: ERRORS,
  limits: LIMITS,
  auth: AUTH,
  special: SPECIAL,
  together: TOGETHER,
  websocket: WEBSOCKET,
  'MQTT.js': LIBRARY,
};

export const SCENARIOS: readonly Scenario[] = Object.values(CHAPTERS).flat();
