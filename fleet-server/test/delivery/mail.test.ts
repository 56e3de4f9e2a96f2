/** E-mail by a real SMTP server: with a password over STARTTLS, refused without, tried again when it is busy. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Delivery, DeliveryDetail } from '@shoal/protocol';
import { SMTPServer } from 'smtp-server';
import { MailSender, type Mail } from '../../src/delivery/mail-sender.ts';
import { loadConfig } from '../../src/config.ts';
import { call } from '../call.ts';
import { startTestServer, until } from '../running-server.ts';

const mail: Mail = {
  id: 'a-1.fired.0',
  to: 'ops@example.org',
  subject: 'alert.fired',
  body: JSON.stringify({ title: 'Pump 7 is hot', text: 'It is at 91 °C.', data: { value: 91 } }),
  createdAt: 1_760_000_000_000,
};

interface Taken {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
}

describe('mail', () => {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-mail-'));
  const taken: Taken[] = [];
  let replyCode: number | undefined;
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _, done) =>
      done(null, username === 'shoal' && password === 'open sesame' ? { user: username } : undefined),
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom === false ? '' : mailFrom.address;
        taken.push({ from, to: rcptTo.map(({ address }) => address), text: Buffer.concat(chunks).toString('utf8') });
        done(replyCode === undefined ? null : Object.assign(new Error('not now'), { responseCode: replyCode }));
      });
    },
  });
  let port = 0;
  beforeAll(async () => {
    await new Promise<void>((resolve) => {
      smtp.listen(0, '127.0.0.1', resolve);
    });
    port = (smtp.server.address() as AddressInfo).port;
    writeFileSync(join(folder, 'password'), 'open sesame\n');
    writeFileSync(join(folder, 'wrong'), 'open barley\n');
  });
  afterAll(async () => {
    await new Promise<void>((resolve) => smtp.close(resolve));
    rmSync(folder, { recursive: true });
  });

  const sender = (over: Record<string, unknown> = {}): MailSender => {
    const environment = { SHOAL_SMTP_HOST: '127.0.0.1', SHOAL_SMTP_PORT: String(port), SHOAL_SMTP_SECURITY: 'none' };
    const { smtp: config } = loadConfig({ file: undefined, environment, flags: {} });
    return new MailSender({ ...config, ...over }, 5_000);
  };

  it('arrives as text with what it tells, under an id that stays', async () => {
    expect(await sender().send(mail)).toMatchObject({ kind: 'delivered', status: 250 });
    const [first] = taken.splice(0);
    expect(first).toMatchObject({ from: 'shoal@localhost', to: ['ops@example.org'] });
    expect(first?.text).toContain('Subject: [shoal] Pump 7 is hot');
    expect(first?.text).toContain('Message-ID: <a-1.fired.0@shoal>');
    expect(first?.text).toContain('"value": 91');
  });

  it('uses the password in its file', async () => {
    const withPassword = (file: string): MailSender => sender({ username: 'shoal', passwordFile: join(folder, file) });
    expect(await withPassword('password').send(mail)).toMatchObject({ kind: 'delivered' });
    expect(await withPassword('wrong').send(mail)).toMatchObject({ kind: 'failed', status: 535, isFinal: true });
  });

  it('does not go out in the clear unless the configuration says so', async () => {
    taken.length = 0;
    expect(await sender({ security: 'starttls' }).send(mail)).toMatchObject({ kind: 'failed' });
    expect(taken).toEqual([]);
  });

  it('comes again after 4yz and not after 5yz', async () => {
    replyCode = 451;
    expect(await sender().send(mail)).toMatchObject({ kind: 'failed', isFinal: false, status: 451 });
    replyCode = 550;
    expect(await sender().send(mail)).toMatchObject({ kind: 'failed', isFinal: true, status: 550 });
    replyCode = undefined;
  });

  it('is sent by the whole server', async () => {
    taken.length = 0;
    const server = await startTestServer({
      SHOAL_SMTP_HOST: '127.0.0.1',
      SHOAL_SMTP_PORT: String(port),
      SHOAL_SMTP_SECURITY: 'none',
      SHOAL_SMTP_FROM: 'fleet@example.org',
    });
    const channel = { type: 'email', to: 'ops@example.org' };
    const { id } = (await call<Delivery>('POST', `${server.httpUrl}/api/deliveries`, { channel })).body;
    await until(async () => ((await server.get(`/api/deliveries/${id}`)) as DeliveryDetail).state === 'delivered');
    expect(taken).toMatchObject([{ from: 'fleet@example.org', to: ['ops@example.org'] }]);
    await server.stopAndRemove();
  });
});
