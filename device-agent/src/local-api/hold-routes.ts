/** `/updates/hold`: whoever works on this machine says "not now" to updates, sees it, and takes it back. */
import type { IncomingMessage } from 'node:http';
import { AgentError, isAgentError } from '../errors.ts';
import type { BodyReader } from './body-reader.ts';
import { problem, type LocalAnswer } from './status-routes.ts';

/** The updates of this agent as this part sees them. */
export interface HoldDoor {
  held(): object | null;
  /** Throws UPDATE_HOLD_INVALID, STATE_FILE_WRITE_FAILED. */
  hold(wish: unknown): Promise<object>;
  /** Throws STATE_FILE_WRITE_FAILED. */
  release(): Promise<void>;
}

export const HOLD_PATH = '/updates/hold';
const METHODS = 'GET, HEAD, PUT, DELETE, OPTIONS';

const parsed = (body: Uint8Array): unknown => {
  try {
    return body.byteLength === 0 ? {} : JSON.parse(Buffer.from(body).toString('utf8'));
  } catch (cause) {
    throw new AgentError('UPDATE_HOLD_INVALID', 'The body is no JSON.', { cause });
  }
};

const refused = ({ code, message }: AgentError): LocalAnswer => {
  const status = code === 'UPDATE_HOLD_INVALID' ? 400 : 503;
  return { status, body: { status, code, detail: message }, headers: { 'shoal-error-code': code } };
};

/** Rejects with what `bodies` does. */
export const answerHold = async (
  request: IncomingMessage,
  bodies: BodyReader,
  door: HoldDoor,
): Promise<LocalAnswer> => {
  const { method = 'GET' } = request;
  try {
    if (method === 'OPTIONS') return { status: 204, body: {}, headers: { allow: METHODS } };
    if (method === 'PUT') {
      const hold = await bodies.read(request, async (body) => door.hold(parsed(body)));
      return { status: 200, body: { hold } };
    }
    if (method === 'DELETE') await door.release();
    else if (method !== 'GET' && method !== 'HEAD')
      return problem(405, 'Updates are held with PUT and go on with DELETE.', { allow: METHODS });
    return { status: 200, body: { hold: door.held() } };
  } catch (error) {
    if (isAgentError(error)) return refused(error);
    throw error;
  }
};
