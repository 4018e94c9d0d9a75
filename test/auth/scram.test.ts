import { describe, expect, it } from 'vitest';
import type { AuthStep } from '../../src/api/index.ts';
import { ScramExchange, scramSecret } from '../../src/auth/scram.ts';
import { ScramClient } from './scram-client.ts';

const secret = scramSecret('pencil');
const exchange = (): ScramExchange => new ScramExchange((user, found) => found(user === 'u,=' ? secret : undefined));

function step(of: ScramExchange, data: string | Buffer): AuthStep {
  let result: AuthStep | undefined;
  of.step(Buffer.from(data), (it) => {
    result = it;
  });
  return result!;
}

const challengeOf = (result: AuthStep): Buffer => (result as { challenge: Buffer }).challenge;

describe('SCRAM-SHA-256', () => {
  it('says what the example of RFC 7677 says', () => {
    const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
    const known = scramSecret('pencil', salt, 4096);
    const broker = new ScramExchange((_, found) => found(known), '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0');
    expect(challengeOf(step(broker, 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO')).toString()).toBe(
      'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    );
    const last =
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=';
    expect(step(broker, last)).toEqual({
      identity: { user: 'user' },
      data: Buffer.from('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='),
    });
  });

  it('lets in whoever knows the password, and nobody else', () => {
    for (const [user, password, ok] of [
      ['u=2C=3D', 'pencil', true],
      ['u=2C=3D', 'pencil ', false],
      ['nobody', 'pencil', false],
    ] as const) {
      const broker = exchange();
      const client = new ScramClient(user, password);
      const result = step(broker, client.last(challengeOf(step(broker, client.first))));
      if (ok) {
        expect(result).toMatchObject({ identity: { user: 'u,=' } });
        expect(client.trusts((result as { data: Buffer }).data)).toBe(true);
      } else expect(result).toMatchObject({ refused: 'credentials' });
    }
  });

  it('asks one that does not exist the same each time', () => {
    const ask = (): string =>
      challengeOf(step(exchange(), 'n,,n=nobody,r=x'))
        .toString()
        .replace(/r=[^,]*/, '');
    expect(ask()).toBe(ask());
  });

  it('uses another nonce each time', () => {
    const ask = (): string => challengeOf(step(exchange(), 'n,,n=nobody,r=x')).toString();
    expect(ask()).not.toBe(ask());
  });

  it('waits for a client that wants to be asked first', () => {
    const broker = exchange();
    expect(challengeOf(step(broker, '')).length).toBe(0);
    expect(challengeOf(step(broker, 'n,,n=u=2C=3D,r=x')).length).toBeGreaterThan(10);
  });

  it.each([
    ['channel binding', 'p=tls-unique,,n=u,r=x'],
    ['no user', 'n,,n=,r=x'],
    ['a mandatory extension', 'n,,m=ext,n=u,r=x'],
    ['a wrong escape', 'n,,n=a=b,r=x'],
    ['no nonce', 'n,,n=u'],
    ['something else', 'hello'],
    ['too much', `n,,n=${'u'.repeat(5000)},r=x`],
  ])('refuses %s', (_, first) => {
    expect(step(exchange(), first)).toMatchObject({ refused: 'credentials' });
  });

  it("refuses a header that does not repeat the first message's, though it is proved with the right password", () => {
    // y,, n,a=u, and nothing: each would be a right answer to another first message.
    for (const header of ['eSws', 'bixhPXUs', '']) {
      const broker = exchange();
      const client = new ScramClient('u=2C=3D', 'pencil');
      const last = client.last(challengeOf(step(broker, client.first)), header);
      expect(step(broker, last)).toMatchObject({ refused: 'credentials' });
    }
  });

  it('refuses a last message with another nonce, another header, or a proof that is none', () => {
    for (const change of [
      (last: string) => last.replace('r=', 'r=x'),
      (last: string) => last.replace('c=biws', 'c=eSws'),
      (last: string) => last.replace(/p=.*/, 'p=AAAA'),
      (last: string) => last.replace(/,p=.*/, ''),
      () => '',
    ]) {
      const broker = exchange();
      const client = new ScramClient('u=2C=3D', 'pencil');
      const last = client.last(challengeOf(step(broker, client.first))).toString();
      expect(step(broker, change(last))).toMatchObject({ refused: 'credentials' });
    }
  });
});
