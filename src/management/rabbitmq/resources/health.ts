/** Health checks, with RabbitMQ's answers: 200 when all is well, 503 with what is not. */
import { badRequest, Failure, notFound } from '../http/errors.ts';
import { json } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Resource, Verb } from '../http/resource.ts';
import { NODE } from '../node-name.ts';
import { listenerShapes, protocolAsked } from '../shapes/listeners.ts';

const OK = { status: 'ok' };
const ALONE = { status: 'ok', reason: 'single node cluster' };
const DAY_MS = 86_400_000;
const UNITS: Readonly<Record<string, number>> = {
  days: DAY_MS,
  weeks: 7 * DAY_MS,
  months: 30 * DAY_MS,
  years: 365 * DAY_MS,
};
const RESOURCES = { memory: 'memory', disk: 'disk space' } as const;
/** The queue that the aliveness test makes, and leaves behind. */
const TEST_QUEUE = 'aliveness-test';

function failed(reason: string, more: object): Response {
  return json({ status: 'failed', reason, ...more }, 503);
}

function check(handle: (request: ApiRequest) => Response | Promise<Response>): { GET: Verb } {
  return { GET: { tag: 'management', handle } };
}

function alarms({ operator }: ApiRequest, where: string): Response {
  const inEffect = operator.surroundings.machine().alarms;
  if (inEffect.length === 0) return json(OK);
  return failed(`There are alarms in effect ${where}`, {
    alarms: inEffect.map((resource) => ({ node: NODE, resource: RESOURCES[resource] })),
  });
}

function certificates(request: ApiRequest): Response {
  const unit = UNITS[request.param('unit').toLowerCase()];
  if (unit === undefined) {
    throw badRequest('Time unit not recognised. Supported units: days, weeks, months, years.');
  }
  const within = request.param('within');
  if (!/^\d{1,6}$/.test(within)) throw badRequest('Invalid expiration value.');
  const { operator } = request;
  const until = operator.nowMs + Number(within) * unit;
  const expired = operator.surroundings.certificates().filter(({ untilMs }) => untilMs < until);
  if (expired.length === 0) return json(OK);
  return failed('Certificates expiring', {
    expired: expired.map(({ path, untilMs }) => ({
      node: NODE,
      certfile: path,
      certfile_expires_on: new Date(untilMs).toISOString().replace('T', ' ').slice(0, 19),
    })),
  });
}

function portListener(request: ApiRequest): Response {
  const asked = request.param('port');
  if (!/^\d{1,9}$/.test(asked)) throw badRequest('Invalid port');
  const port = Number(asked);
  const ports = listenerShapes(request.operator.surroundings.listeners()).map((listener) => listener.port);
  if (ports.includes(port)) return json({ status: 'ok', port });
  return failed('No active listener', { missing: port, ports: [...new Set(ports)] });
}

function protocolListener(request: ApiRequest): Response {
  const protocol = protocolAsked(request.param('protocol'));
  const protocols = [
    ...new Set(listenerShapes(request.operator.surroundings.listeners()).map((listener) => listener.protocol)),
  ];
  if (protocols.includes(protocol)) return json({ status: 'ok', protocol });
  return failed('No active listener', { missing: protocol, protocols });
}

function vhostsRunning({ operator }: ApiRequest): Response {
  const down = operator.vhosts.names.filter((name) => operator.vhosts.find(name)?.running === false);
  return down.length === 0 ? json(OK) : failed('Some virtual hosts are down', { 'virtual-hosts': down });
}

/** A queue is made, written to and read from, with the user's own permissions. */
async function aliveness(request: ApiRequest): Promise<Response> {
  const session = request.enter(request.vhost().name);
  session.declareQueue(TEST_QUEUE, { durable: false, exclusive: false, autoDelete: false, arguments: [] });
  const key = Buffer.from(TEST_QUEUE);
  session.route('', 0, key, 0, key.length);
  await new Promise<void>((done) => {
    session.get(TEST_QUEUE, true, { deliver() {}, cancelled() {} }, () => done());
  });
  return json(OK);
}

function nodeHealth({ operator, params }: ApiRequest): Response {
  if (params['node'] !== undefined && params['node'] !== NODE) throw notFound();
  const { alarms: inEffect } = operator.surroundings.machine();
  if (operator.failure !== undefined) throw new Failure(503, 'failed', operator.failure);
  if (inEffect.length === 0) return json(OK);
  const listed = inEffect.map((resource) => `{resource_limit,${resource},${NODE}}`).join(',');
  return failed(`resource alarm(s) in effect:[${listed}]`, {});
}

export const HEALTH: readonly Resource[] = [
  { path: '/health/checks/alarms', verbs: check((request) => alarms(request, 'in the cluster')) },
  { path: '/health/checks/local-alarms', verbs: check((request) => alarms(request, 'on the node')) },
  { path: '/health/checks/certificate-expiration/:within/:unit', verbs: check(certificates) },
  { path: '/health/checks/port-listener/:port', verbs: check(portListener) },
  { path: '/health/checks/protocol-listener/:protocol', verbs: check(protocolListener) },
  { path: '/health/checks/virtual-hosts', verbs: check(vhostsRunning) },
  { path: '/health/checks/node-is-mirror-sync-critical', verbs: check(() => json(ALONE)) },
  { path: '/health/checks/node-is-quorum-critical', verbs: check(() => json(ALONE)) },
  { path: '/aliveness-test/:vhost', verbs: check(aliveness) },
  { path: '/healthchecks/node', verbs: check(nodeHealth) },
  { path: '/healthchecks/node/:node', verbs: check(nodeHealth) },
];
