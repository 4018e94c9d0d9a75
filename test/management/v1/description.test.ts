/** The description of `/v1/`: made of what is routed, and valid. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../../src/management/v1/operations.ts';
import { startV1, type V1Broker } from './harness.ts';

let broker: V1Broker;
beforeAll(async () => {
  broker = await startV1();
});
afterAll(() => broker.close());

// biome-ignore lint/suspicious/noExplicitAny: a document is looked at part by part
const read = async (): Promise<any> => (await broker.ask('/openapi.json', { login: null })).body;

/** Everything in a document that refers to another part of it. */
function references(part: unknown): string[] {
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part).flatMap(([key, value]) =>
    key === '$ref' && typeof value === 'string' ? [value] : references(value),
  );
}

describe('the description', () => {
  it('has every operation that is routed, and no other', async () => {
    const { paths } = await read();
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.sort()).toEqual(OPERATIONS.map(({ method, path }) => `${method} /v1${path}`).sort());
  });

  it('is OpenAPI 3.1: names are unique, parameters are declared, references lead somewhere', async () => {
    const document = await read();
    expect(document.openapi).toMatch(/^3\.1\.\d$/);
    expect(document.info).toMatchObject({ title: expect.any(String), version: expect.any(String) });
    const ids: string[] = [];
    for (const [path, methods] of Object.entries<Record<string, never>>(document.paths)) {
      for (const operation of Object.values<{
        operationId: string;
        parameters: { in: string; name: string; required: boolean }[];
        responses: object;
      }>(methods)) {
        ids.push(operation.operationId);
        const inPath = operation.parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
        expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
        const names = operation.parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
        expect(new Set(names).size).toBe(names.length);
        expect(Object.keys(operation.responses).every((status) => /^([1-5]\d\d|default)$/.test(status))).toBe(true);
      }
    }
    expect(new Set(ids).size).toBe(ids.length);
    for (const reference of references(document)) {
      const target = reference
        .split('/')
        .slice(1)
        .reduce((at, part) => at?.[part], document);
      expect(target, reference).toBeDefined();
    }
  });

  it('gives parameters with their bounds and defaults, as they are checked', async () => {
    const { paths } = await read();
    const { parameters } = paths['/v1/vhosts/{vhost}/queues/{queue}/messages'].get;
    expect(parameters.find(({ name }: { name: string }) => name === 'limit')).toMatchObject({
      in: 'query',
      required: false,
      schema: { type: 'integer', minimum: 1, maximum: 1000, default: 20 },
    });
  });

  it('is a page that fetches, runs and frames nothing', async () => {
    const { status, headers, body } = await broker.ask('/', { login: null });
    expect(status).toBe(200);
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-[^']+';/);
    expect(body).not.toMatch(/<script|<img|<link|src=|https?:|style="/i);
    for (const { id } of OPERATIONS) expect(body).toContain(`id="${id}"`);
  });

  it('says what there is not, and what a path takes', async () => {
    expect(await broker.ask('/nothing')).toMatchObject({ status: 404, body: { status: 404, code: 'not-found' } });
    const wrong = await broker.ask('/openapi.json', { method: 'DELETE' });
    expect(wrong).toMatchObject({ status: 405, body: { code: 'not-allowed' } });
    expect(wrong.headers.get('allow')).toContain('GET');
  });
});
