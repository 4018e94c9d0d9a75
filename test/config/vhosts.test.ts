import { describe, expect, it } from 'vitest';
import { ConfigError, checkConfig } from '../../src/config/load.ts';
import { writtenVhosts } from '../../src/config/vhosts.ts';

const NOTHING = { limits: {}, policies: [] };
const SHORT = { name: 'short', pattern: '^tmp', definition: { 'max-length': 100 } };

function wrong(vhosts: unknown): string {
  try {
    checkConfig({ vhosts });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.join('; ');
    throw error;
  }
  return '';
}

describe('vhosts', () => {
  it('are names, or names with their settings', () => {
    expect(checkConfig({}).vhosts).toEqual({ '/': NOTHING });
    expect(checkConfig({ vhosts: ['/', 'plant'] }).vhosts).toEqual({ '/': NOTHING, plant: NOTHING });
    const { vhosts } = checkConfig({
      vhosts: {
        '/': null,
        plant: {
          durability: { level: 'interval', interval: '1 s' },
          limits: { queues: 10, bindingsPerQueue: '5' },
          policies: [
            { ...SHORT, 'apply-to': 'queues' },
            { ...SHORT, kind: 'operator', priority: 3 },
          ],
        },
      },
    });
    expect(vhosts['/']).toEqual(NOTHING);
    expect(vhosts['plant']!.durability).toEqual({ level: 'interval', interval: 1_000 });
    expect(vhosts['plant']!.limits).toEqual({ queues: 10, bindingsPerQueue: 5 });
    expect(vhosts['plant']!.policies).toEqual([
      { ...SHORT, applyTo: 'queues', priority: 0, kind: 'policy' },
      { ...SHORT, applyTo: 'all', priority: 3, kind: 'operator' },
    ]);
    const again = checkConfig({ vhosts: writtenVhosts(vhosts) });
    expect(again.vhosts).toEqual(vhosts);
  });

  it('that are wrong are told in a line, with what was meant', () => {
    expect(wrong(['plant'])).toContain('must have the default vhost');
    expect(wrong(['/', '/'])).toContain('must name each vhost once');
    expect(wrong({ '/': { durabillity: {} } })).toContain('did you mean durability?');
    expect(wrong({ '/': { limits: { queue: 5 } } })).toContain('did you mean queues?');
    expect(wrong({ '/': { policies: [{ ...SHORT, definition: { 'max-lenght': 5 } }] } })).toBe(
      'vhosts./.policies has the setting max-lenght, which is not known; did you mean max-length?',
    );
    expect(wrong({ '/': { policies: [{ ...SHORT, patern: 'x' }] } })).toContain('did you mean pattern?');
    expect(wrong({ '/': { policies: [{ ...SHORT, definition: { 'max-length': -1 } }] } })).toContain(
      "policy 'short': -1 is not a valid maximum length",
    );
    expect(wrong({ '/': { policies: [{ ...SHORT, pattern: '(' }] } })).toContain('regular expression');
  });
});
