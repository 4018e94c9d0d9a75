import { expect, it } from 'vitest';
import { certificateUser } from '../../src/auth/certificate-user.ts';

const certificate = {
  subject: 'CN=sensor-1,O=Example',
  commonNames: ['sensor-1'],
  dnsNames: ['a.example', 'b.example'],
  emails: ['s1@example.org'],
  uris: [],
};

it('is the part of a certificate that the operator has chosen', () => {
  expect(certificateUser(certificate, 'subject')).toBe('CN=sensor-1,O=Example');
  expect(certificateUser(certificate, 'commonName')).toBe('sensor-1');
  expect(certificateUser(certificate, 'email')).toBe('s1@example.org');
});

it('is nobody where there is no such name, or more than one', () => {
  expect(certificateUser(certificate, 'uri')).toBeUndefined();
  expect(certificateUser(certificate, 'dns')).toBeUndefined();
  expect(certificateUser({ ...certificate, subject: '' }, 'subject')).toBeUndefined();
});
