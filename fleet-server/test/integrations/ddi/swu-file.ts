/** A signed .swu file as SWUpdate wants it: a cpio archive whose description says what each file is and where it goes. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** "New ASCII" with checksums (cpio(5)): header of hexadecimal fields, name and content padded to four bytes each. */
const entry = (name: string, content: Buffer, inode: number): Buffer => {
  const checksum = content.reduce((sum, byte) => (sum + byte) >>> 0, 0);
  const fields = [inode, 0o100644, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, checksum];
  const head = `070702${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
  const padded = (length: number): number => Math.ceil(length / 4) * 4;
  return Buffer.concat([
    Buffer.from(head.padEnd(padded(head.length), '\0'), 'latin1'),
    content,
    Buffer.alloc(padded(content.length) - content.length),
  ]);
};

const openssl = (words: readonly string[]): void => {
  const { status, stderr } = spawnSync('openssl', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${words[0]} failed: ${stderr}`);
};

/** @returns path of the certificate that SWUpdate is given */
export const makeSigner = (folder: string): string => {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const who = ['-subj', '/CN=shoal-test', '-days', '2', '-addext', 'extendedKeyUsage=emailProtection'];
  openssl(['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, ...who]);
  return certificate;
};

/** `content` is to be written to `target` by SWUpdate; signed by what `makeSigner` has made in the folder. */
export const makeSwu = (folder: string, version: string, content: Buffer, target: string): Buffer => {
  const sha256 = createHash('sha256').update(content).digest('hex');
  const description = [
    'software = {',
    `  version = "${version}";`,
    '  hardware-compatibility: [ "1.0" ];',
    `  files: ( { filename = "system.bin"; path = "${target}"; sha256 = "${sha256}"; } );`,
    '}\n',
  ].join('\n');
  const [plain, signature] = [join(folder, 'sw-description'), join(folder, 'sw-description.sig')];
  writeFileSync(plain, description);
  const signer = ['-signer', join(folder, 'certificate.pem'), '-inkey', join(folder, 'key.pem')];
  openssl(['cms', '-sign', '-in', plain, '-out', signature, ...signer, '-outform', 'DER', '-nosmimecap', '-binary']);
  return Buffer.concat([
    entry('sw-description', Buffer.from(description), 1),
    entry('sw-description.sig', readFileSync(signature), 2),
    entry('system.bin', content, 3),
    entry('TRAILER!!!', Buffer.alloc(0), 0),
  ]);
};
