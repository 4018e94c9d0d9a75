/** All scenarios, by chapter. */
import type { Scenario } from '../scenario.ts';
import { AUTH } from './auth.ts';
import { CONNECT } from './connect.ts';
import { ERRORS } from './errors.ts';
import { FLOW } from './flow.ts';
import { LIBRARY } from './library.ts';
import { LIMITS } from './limits.ts';
import { PROPERTIES } from './properties.ts';
import { PUBLISH } from './publish.ts';
import { RETAINED } from './retained.ts';
import { SESSION } from './session.ts';
import { SPECIAL } from './special.ts';
import { SUBSCRIBE } from './subscribe.ts';
import { TOGETHER } from './together.ts';
import { WEBSOCKET } from './websocket.ts';
import { WILL } from './will.ts';

export const CHAPTERS: Readonly<Record<string, readonly Scenario[]>> = {
  connect: CONNECT,
  publish: PUBLISH,
  subscribe: SUBSCRIBE,
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
