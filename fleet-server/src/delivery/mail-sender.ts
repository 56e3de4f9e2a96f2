/** E-mail by the configured SMTP server: plain text, one message per delivery with an id that stays the same over attempts. */
import { readFile } from 'node:fs/promises';
import { createTransport } from 'nodemailer';
import type { SmtpConfig } from '../config-schema.ts';
import { FleetError } from '../errors.ts';
import type { Outcome } from './delivery-intent.ts';
import { mailText } from './mail-text.ts';

export interface Mail {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  /** JSON text. */
  readonly body: string;
  readonly createdAt: number;
}

/** RFC 5321 4.2.1: 5yz will not get better by itself. */
const PERMANENT = 500;

export class MailSender {
  private readonly config: SmtpConfig;
  private readonly timeoutMs: number;
  constructor(config: SmtpConfig, timeoutMs: number) {
    this.config = config;
    this.timeoutMs = timeoutMs;
  }

  /** A connection per message: they are few. @throws FleetError MAIL_NOT_CONFIGURED */
  async send({ id, to, subject, body, createdAt }: Mail): Promise<Outcome> {
    const { host, port, security, from } = this.config;
    if (host === undefined) throw new FleetError('MAIL_NOT_CONFIGURED', 'No smtp.host is configured.');
    const transport = createTransport({
      host,
      port,
      secure: security === 'tls',
      requireTLS: security === 'starttls',
      ignoreTLS: security === 'none',
      auth: await this.credentials(),
      connectionTimeout: this.timeoutMs,
      greetingTimeout: this.timeoutMs,
      socketTimeout: this.timeoutMs,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    try {
      const { title, text } = mailText(subject, body);
      const { response } = await transport.sendMail({
        from,
        to: { name: '', address: to },
        subject: title,
        text,
        date: new Date(createdAt),
        messageId: `<${id}@shoal>`,
      });
      return { kind: 'delivered', status: Number(response.slice(0, 3)) || null, answer: response };
    } catch (error) {
      return failure(error, host);
    } finally {
      transport.close();
    }
  }

  private async credentials(): Promise<{ user: string; pass: string } | undefined> {
    const { username: user, passwordFile } = this.config;
    if (user === undefined) return undefined;
    return { user, pass: passwordFile === undefined ? '' : (await readFile(passwordFile, 'utf8')).trimEnd() };
  }
}

const failure = (error: unknown, host: string): Outcome => {
  const {
    message,
    responseCode = null,
    response = null,
  } = error as {
    message: string;
    responseCode?: number | null;
    response?: string | null;
  };
  const isReply = responseCode !== null;
  return {
    kind: 'failed',
    status: responseCode,
    answer: response,
    fault: {
      code: isReply ? 'DELIVERY_REJECTED' : 'DELIVERY_UNREACHABLE',
      message: isReply ? `${host} answered ${responseCode}.` : `${host} cannot be reached (${message}).`,
    },
    isFinal: isReply && responseCode >= PERMANENT,
    retryAfterMs: null,
  };
};
