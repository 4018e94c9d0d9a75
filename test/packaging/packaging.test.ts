/** What is handed to engines and service managers: it fits the image, is shut as far as it can be, and its settings are right. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { lastOf, parseDockerfile, type Step } from '../../scripts/dockerfile/parse.ts';
import { loadConfig } from '../../src/config/load.ts';
import { withTemporaryDirectory } from '../support/directory.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
// biome-ignore lint/suspicious/noExplicitAny: documents of other people's schemas, looked into here and there
type Document = any;

const documents = (path: string): Document[] =>
  parseAllDocuments(read(path)).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });

const stages = parseDockerfile(read('Dockerfile'));
const image = stages.at(-1)!;
const exposed = lastOf(image, 'EXPOSE')!.words.map(Number);

/** The settings in there are right; a secret's file is one of ours. */
async function checkSettings(text: string): Promise<void> {
  await withTemporaryDirectory((directory) => {
    const secret = join(directory, 'secret');
    const config = join(directory, 'entrepot.yaml');
    writeFileSync(secret, 'a password');
    writeFileSync(config, text.replace(/passwordFile: \S+/, `passwordFile: ${secret}`));
    const { users } = loadConfig({ config }, {}).config;
    expect(users['keeper']).toMatchObject({ password: 'a password' });
  });
}

describe('the Dockerfile', () => {
  // hadolint's rules that bear on this file, each by its number.
  const steps = stages.flatMap((stage) => stage.steps);
  const named = (name: string): Step[] => steps.filter((step) => step.name === name);

  it('pins what it builds on (DL3006, DL3007), and ends as nobody in particular (DL3002)', () => {
    for (const { image } of stages) expect(image).toMatch(/:[\d.]+-/);
    expect(lastOf(image, 'USER')!.text).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  it('has absolute working directories (DL3000), no ADD (DL3020), no sudo or cd (DL3003, DL3004)', () => {
    for (const step of named('WORKDIR')) expect(step.text).toMatch(/^\//);
    expect(named('ADD')).toEqual([]);
    for (const step of named('RUN')) expect(step.text).not.toMatch(/\b(sudo|cd|apt-get|curl|wget)\b/);
  });

  it('copies what there is, and what .dockerignore lets through', () => {
    const [all, ...rules] = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(all).toBe('*');
    const passes = (path: string): boolean => {
      let passed = false;
      for (const rule of rules) {
        const shut = rule.replace(/^!/, '');
        if (shut === path || path.startsWith(`${shut}/`) || (shut.endsWith('/*') && path.startsWith(shut.slice(0, -1))))
          passed = rule.startsWith('!');
      }
      return passed;
    };
    const copied = named('COPY').filter(({ flags }) => !flags.has('from'));
    const sources = copied.flatMap(({ words }) => words.slice(0, -1));
    expect(sources).toContain('src');
    for (const source of sources) {
      expect([source, existsSync(join(ROOT, source))]).toEqual([source, true]);
      expect([source, passes(source)]).toEqual([source, true]);
    }
  });

  it('starts and asks without a shell (DL3025), and exposes ports that there are (DL3011)', () => {
    for (const name of ['ENTRYPOINT', 'CMD']) expect(lastOf(image, name)!.text).toMatch(/^\[".*"\]$/);
    expect(read('Dockerfile')).toMatch(/^HEALTHCHECK .*CMD \["node", .*\]$/m);
    expect(named('HEALTHCHECK')).toHaveLength(1); // DL3012
    for (const port of exposed) expect(port).toBeLessThan(65_536);
  });
});

describe('compose.yaml', () => {
  const [{ services, volumes, secrets, configs }] = documents('compose.yaml') as [Document];
  const { entrepot } = services;

  it('publishes ports that the image has, writes to the volume alone, and stops in time', () => {
    for (const published of entrepot.ports) expect(exposed).toContain(Number(published.split(':').at(-1)));
    expect(entrepot).toMatchObject({ read_only: true, cap_drop: ['ALL'], stop_grace_period: '10s' });
    expect(entrepot.volumes).toEqual([`data:${lastOf(image, 'VOLUME')!.words[0]}`]);
    expect(Object.keys(volumes)).toEqual(['data']);
    expect(Object.keys(secrets)).toEqual(entrepot.secrets);
  });

  it('has settings that are right', async () => {
    await checkSettings(configs.entrepot.content);
    expect(configs.entrepot.content).toContain(`/run/secrets/${entrepot.secrets[0]}`);
    expect(entrepot.environment.ENTREPOT_CONFIG).toBe(entrepot.configs[0].target);
  });
});

describe('the manifests for Kubernetes', () => {
  const all = readdirSync(join(ROOT, 'packaging/kubernetes')).flatMap((name) =>
    documents(`packaging/kubernetes/${name}`),
  );
  const of = (kind: string): Document => all.find((one) => one.kind === kind);
  const { spec } = of('StatefulSet');
  const pod = spec.template.spec;
  const [container] = pod.containers;

  it('are of kinds and versions that there are, and belong together', () => {
    const kinds = all.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`);
    expect(kinds).toEqual(['v1 ConfigMap', 'v1 Service', 'apps/v1 StatefulSet']);
    for (const one of all) expect(one.metadata.name).toBe('entrepot');
    expect(spec.selector.matchLabels).toEqual(spec.template.metadata.labels);
    expect(of('Service').spec.selector).toEqual(spec.template.metadata.labels);
    expect(spec.serviceName).toBe(of('Service').metadata.name);
    const names = container.ports.map(({ name }: Document) => name);
    for (const { targetPort } of of('Service').spec.ports) expect(names).toContain(targetPort);
    for (const { containerPort } of container.ports) expect(exposed).toContain(containerPort);
  });

  it('probe a port that there is, and kill nobody for what a new start does not mend', () => {
    const { startupProbe, readinessProbe, livenessProbe } = container;
    const names = container.ports.map(({ name }: Document) => name);
    for (const probe of [startupProbe.httpGet, readinessProbe.httpGet, livenessProbe.tcpSocket]) {
      expect(names).toContain(probe.port);
    }
    expect([startupProbe.httpGet.path, readinessProbe.httpGet.path]).toEqual(['/healthz', '/healthz']);
    expect(livenessProbe.httpGet).toBeUndefined();
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(10);
  });

  it('mount what there is, leave the root read-only, and run as nobody in particular', async () => {
    const volumes = [...pod.volumes, ...spec.volumeClaimTemplates.map(({ metadata }: Document) => metadata)];
    const there = volumes.map(({ name }: Document) => name).sort();
    expect(container.volumeMounts.map(({ name }: Document) => name).sort()).toEqual(there);
    expect(container.volumeMounts.map(({ mountPath }: Document) => mountPath)).toContain(
      lastOf(image, 'VOLUME')!.words[0],
    );
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
    expect(container.securityContext).toMatchObject({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true });
    await checkSettings(of('ConfigMap').data['entrepot.yaml']);
  });
});

describe('the systemd unit', () => {
  const unit = read('packaging/entrepot.service');

  it('is one by systemd-analyze, where that is installed', () => {
    const done = spawnSync('systemd-analyze', ['verify', join(ROOT, 'packaging/entrepot.service')], {
      encoding: 'utf8',
    });
    if ((done.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return;
    expect(done.stderr + done.stdout).toBe('');
    expect(done.status).toBe(0);
  });

  it('shuts out what the broker does not need, and gives it time to stop', () => {
    for (const line of [
      ...['DynamicUser=yes', 'ProtectSystem=strict', 'NoNewPrivileges=yes', 'PrivateTmp=yes', 'PrivateDevices=yes'],
      ...['SystemCallFilter=@system-service', 'RestrictNamespaces=yes', 'UMask=0077', 'StateDirectory=entrepot'],
    ]) {
      expect(unit.split('\n')).toContain(line);
    }
    expect(Number(/^TimeoutStopSec=(\d+)s$/m.exec(unit)![1])).toBeGreaterThanOrEqual(10);
    expect(unit).toMatch(/--data \/var\/lib\/entrepot$/m);
    // V8 makes code while it runs.
    expect(unit).not.toMatch(/^MemoryDenyWriteExecute=/m);
  });
});
