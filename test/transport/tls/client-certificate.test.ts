import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { clientCertificate } from '../../../src/transport/tls/client-certificate.ts';
import { Authority, OPENSSL } from '../../support/certificates.ts';
import { withTemporaryDirectory } from '../../support/directory.ts';

const read = (subject: string, subjectAltName?: string) => clientCertificate({ subject, subjectAltName });

describe("the names in a client's certificate", () => {
  it('are the subject, most specific part first, its common names, and the alternative ones by kind', () => {
    const names = read(
      'C=NO\nO=Example\nCN=sensor-1',
      'DNS:a.example, email:x@y.example, URI:urn:dev:1, IP Address:10.0.0.1',
    );
    expect(names).toEqual({
      subject: 'CN=sensor-1,O=Example,C=NO',
      commonNames: ['sensor-1'],
      dnsNames: ['a.example'],
      emails: ['x@y.example'],
      uris: ['urn:dev:1'],
    });
  });

  it('cannot be made by writing separators into one of them', () => {
    expect(read('CN=a\\,CN=admin').commonNames).toEqual(['a,CN=admin']);
    expect(read('CN=a + OU=b').commonNames).toEqual(['a']);
    expect(read('', 'DNS:"a, DNS:admin"').dnsNames).toEqual(['a, DNS:admin']);
    expect(read('', 'DNS:a, email:"x\\u0000@y"')).toMatchObject({ dnsNames: ['a'], emails: [] });
  });

  it('are none at all where some part is not understood', () => {
    expect(read('', 'DNS:a, ???, DNS:b').dnsNames).toEqual([]);
    expect(read('', 'DNS:a"b, DNS:c').dnsNames).toEqual([]);
  });

  it('have no control characters', () => {
    expect(read('CN=root\\00x').commonNames).toEqual([]);
    expect(read('CN=\\C3\\A9t\\C3\\A9').commonNames).toEqual(['été']);
  });

  it.skipIf(OPENSSL === undefined)('are read from a real one', async () => {
    await withTemporaryDirectory((directory) => {
      const issued = new Authority(directory, 'authority').issue('client', {
        subject: '/C=NO/O=Example, "Ltd"/CN=Åse \\+ 1',
        dns: ['a.example'],
        emails: ['x@y.example'],
        uris: ['urn:dev:1'],
      });
      expect(clientCertificate(new X509Certificate(readFileSync(issued.certificate)))).toEqual({
        subject: 'CN=Åse \\+ 1,O=Example\\, \\"Ltd\\",C=NO',
        commonNames: ['Åse + 1'],
        dnsNames: ['a.example'],
        emails: ['x@y.example'],
        uris: ['urn:dev:1'],
      });
    });
  });
});
