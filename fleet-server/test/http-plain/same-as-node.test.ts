/** With plain requests taken before Node's parser, every byte that is answered is what Node's HTTP server alone answers. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { EchoServer } from './echo-server.ts';

jest.setTimeout(120_000);

let plain: EchoServer;
let node: EchoServer;
beforeAll(async () => {
  [plain, node] = await Promise.all([EchoServer.start(true), EchoServer.start(false)]);
});
afterAll(async () => {
  await Promise.all([plain.stop(), node.stop()]);
});

const expectSame = async (...pieces: string[]): Promise<string> => {
  const [mine, nodes] = await Promise.all([plain.answerTo(pieces), node.answerTo(pieces)]);
  expect([pieces, mine]).toEqual([pieces, nodes]);
  return mine;
};

const WHOLE_ANSWERS = /^(HTTP\/1\.1 (200|404) [^{]*\{.*\})*$/s;

/**
 * Null where both answer alike. What is broken behind whole requests in one segment ends the connection before Node has answered them: it reads the
 * segment to its end first. Here they are answered.
 */
const once = async (pieces: readonly string[]): Promise<object | null> => {
  const [mine, nodes] = await Promise.all([plain.answerTo(pieces), node.answerTo(pieces)]);
  const brokenAt = Math.max(nodes.lastIndexOf('HTTP/1.1 400 '), nodes.lastIndexOf('HTTP/1.1 431 '));
  const [before, broken] = brokenAt === -1 ? [nodes, ''] : [nodes.slice(0, brokenAt), nodes.slice(brokenAt)];
  const isMore = broken !== '' && mine.startsWith(before) && mine.endsWith(broken);
  const more = isMore ? mine.slice(before.length, mine.length - broken.length) : '';
  return mine === before + more + broken && WHOLE_ANSWERS.test(more) ? null : { pieces, mine, nodes };
};

/** A socket that is reset may lose an answer on its way: a difference is one when it is there again. */
const apart = async (...pieces: string[]): Promise<object | null> =>
  (await once(pieces)) && (await once(pieces)) && (await once(pieces));

const HOST = 'Host: localhost\r\n';
const post = (fields: string, body = '{}', line = 'POST /predict HTTP/1.1'): string =>
  `${line}\r\n${HOST}${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
const PLAIN = post('Content-Type: application/json\r\n', '{"features":[1,2.5]}');
const GET = `GET /other HTTP/1.1\r\n${HOST}\r\n`;

const TAKEN: Readonly<Record<string, string>> = {
  'a request as most clients send it': PLAIN,
  'an empty body': post('', ''),
  'a body of bytes': post('', '\u0000\u00ff\r\n\r\nPOST / HTTP/1.1'),
  'space around values': post('X-Spaced:  \t a b \t \r\nX-Empty:\r\nX-Blank:   \r\n'),
  'Connection: keep-alive': post('Connection: Keep-Alive\r\n'),
  'names in any case': post('cOnTeNt-TyPe: text/plain\r\nUSER-AGENT: x\r\n'),
  'a query': post('', '{}', 'POST /predict?model=a-b.c&version=1.0~2_3 HTTP/1.1'),
  'a path below': post('', '{}', 'POST /predict/a/../b HTTP/1.1'),
  'several in a row': PLAIN + post('', 'abc') + PLAIN,
  'many fields': post(Array.from({ length: 500 }, (_, i) => `X-${i}: ${i}\r\n`).join('')),
  'another status': post('', '{}', 'POST /predict?not=found HTTP/1.1'),
};

const LEFT: Readonly<Record<string, string>> = {
  'nothing at all': '',
  'another method': GET,
  HEAD: `HEAD /predict HTTP/1.1\r\n${HOST}\r\n`,
  'a method that begins alike': post('', '{}', 'POSTS /predict HTTP/1.1'),
  'a method in lower case': post('', '{}', 'post /predict HTTP/1.1'),
  'HTTP/1.0': post('', '{}', 'POST /predict HTTP/1.0'),
  'HTTP/1.0 that stays': post('Connection: keep-alive\r\n', '{}', 'POST /predict HTTP/1.0'),
  'HTTP/2.0': post('', '{}', 'POST /predict HTTP/2.0'),
  'no version': post('', '{}', 'POST /predict'),
  'two spaces': post('', '{}', 'POST  /predict HTTP/1.1'),
  'space behind the version': post('', '{}', 'POST /predict HTTP/1.1 '),
  'another path': post('', '{}', 'POST /other HTTP/1.1'),
  'the absolute form': post('', '{}', 'POST http://localhost/predict HTTP/1.1'),
  'the asterisk form': `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`,
  'a percent-encoded path': post('', '{}', 'POST /predict%20x HTTP/1.1'),
  'a fragment': post('', '{}', 'POST /predict#x HTTP/1.1'),
  'bytes in the path': post('', '{}', 'POST /predict\u00e4 HTTP/1.1'),
  'a control character in the path': post('', '{}', 'POST /pre\u0001dict HTTP/1.1'),
  'an empty line before': `\r\n${PLAIN}`,
  'line feeds alone': PLAIN.replaceAll('\r\n', '\n'),
  'one line feed alone': PLAIN.replace('localhost\r\n', 'localhost\n'),
  'a bare carriage return': post('X-A: a\rb\r\n'),
  'a carriage return twice': post('X-A: a\r\r\n'),
  'a NUL in a value': post('X-A: a\u0000b\r\n'),
  'DEL in a value': post('X-A: a\u007fb\r\n'),
  'bytes in a value': post('X-A: caf\u00e9\r\n'),
  'a folded line': post('X-A: a\r\n b\r\n'),
  'a folded line first': post(' X-A: a\r\n'),
  'space before the colon': post('X-A : a\r\n'),
  'no colon': post('X-A\r\n'),
  'no name': post(': a\r\n'),
  'a name with a space': post('X A: a\r\n'),
  'a name of token characters': post("X_!#$%&'*+.^`|~: a\r\n"),
  'a name of Object': post('__proto__: a\r\nconstructor: b\r\ntoString: c\r\n'),
  'a field twice': post('X-A: 1\r\nX-A: 2\r\n'),
  'a field of Node’s twice': post('User-Agent: 1\r\nUser-Agent: 2\r\n'),
  'cookies twice': post('Cookie: a=1\r\nCookie: b=2\r\n'),
  'no host': 'POST /predict HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}',
  'an empty host': 'POST /predict HTTP/1.1\r\nHost:\r\nContent-Length: 2\r\n\r\n{}',
  'a host twice': post('Host: elsewhere\r\n'),
  'no length': `POST /predict HTTP/1.1\r\n${HOST}\r\n`,
  'a length twice': post('Content-Length: 2\r\n'),
  'another length before': post('Content-Length: 1\r\n'),
  'an empty length': `POST /predict HTTP/1.1\r\n${HOST}Content-Length:\r\n\r\n`,
  'a length with a sign': `POST /predict HTTP/1.1\r\n${HOST}Content-Length: +2\r\n\r\n{}`,
  'a negative length': `POST /predict HTTP/1.1\r\n${HOST}Content-Length: -2\r\n\r\n{}`,
  'a length in hexadecimal': `POST /predict HTTP/1.1\r\n${HOST}Content-Length: 0x2\r\n\r\n{}`,
  'a length with zeros': `POST /predict HTTP/1.1\r\n${HOST}Content-Length: 002\r\n\r\n{}`,
  'a length with a space': `POST /predict HTTP/1.1\r\n${HOST}Content-Length: 2 2\r\n\r\n{}`,
  'lengths as a list': `POST /predict HTTP/1.1\r\n${HOST}Content-Length: 2, 2\r\n\r\n{}`,
  'a length beyond numbers': `POST /predict HTTP/1.1\r\n${HOST}Content-Length: 99999999999999999999\r\n\r\n{}`,
  chunks: `POST /predict HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
  'chunks with a trailer': `POST /predict HTTP/1.1\r\n${HOST}Trailer: X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: 1\r\n\r\n`,
  'chunks and a length': post('Transfer-Encoding: chunked\r\n', '2\r\n{}\r\n0\r\n\r\n'),
  'another transfer encoding': post('Transfer-Encoding: identity\r\n'),
  'Expect: 100-continue': post('Expect: 100-continue\r\n'),
  'another expectation': post('Expect: tea\r\n'),
  'Connection: close': post('Connection: close\r\n') + PLAIN,
  'Connection: upgrade': post('Connection: Upgrade\r\nUpgrade: websocket\r\n'),
  'Upgrade alone': post('Upgrade: h2c\r\n'),
  'HTTP/2 settings': post('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n'),
  'Connection as a list': post('Connection: keep-alive, X-A\r\n'),
  'Proxy-Connection: close': post('Proxy-Connection: close\r\n') + PLAIN,
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a large head': post(`X-A: ${'a'.repeat(9_000)}\r\n`),
  'a head too large': post(`X-A: ${'a'.repeat(20_000)}\r\n`),
  'a head too large that does not end': `POST /predict HTTP/1.1\r\nX-A: ${'a'.repeat(20_000)}`,
  'a large body': post('', 'a'.repeat(1_001)),
  'less than a request line': 'POST /pre',
  'half a head': `POST /predict HTTP/1.1\r\n${HOST}Conte`,
  'half a body': PLAIN.slice(0, -3),
  'what the taker leaves to Node after all': post('', '{}', 'POST /predict?after=all HTTP/1.1'),
  noise: '\u0016\u0003\u0001\u0002\u0000\u0001',
};

describe('taken without Node', () => {
  test.each(Object.entries(TAKEN))('%s', async (_, request) => {
    const before = plain.plain;
    expect(await expectSame(request)).toMatch(/^HTTP\/1\.1 (200|404) /);
    expect(plain.plain - before).toBe(request.split('POST /predict').length - 1);
  });
});

test('what is broken behind plain ones does not cost them their answers', async () => {
  const answers = await plain.answerTo([PLAIN + PLAIN + (LEFT['noise'] ?? '')]);
  expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 400']);
});

describe('left to Node', () => {
  test.each(Object.entries(LEFT))('%s', async (_, request) => {
    const before = plain.plain;
    await expectSame(request);
    expect(plain.plain).toBe(before);
  });

  test.each(Object.entries(LEFT))('%s, behind plain ones and before one', async (_, request) => {
    expect(await apart(PLAIN, PLAIN, request, PLAIN)).toBeNull();
  });
});

test('wherever a message is cut', async () => {
  const cut = [
    PLAIN,
    PLAIN + GET + PLAIN,
    post('Expect: 100-continue\r\n'),
    LEFT['chunks'] ?? '',
    LEFT['a folded line'] ?? '',
  ];
  for (const message of cut)
    for (let at = 1; at < message.length; at += 1)
      expect(await apart(message.slice(0, at), message.slice(at))).toBeNull();
});

test('byte by byte', async () => {
  const before = plain.plain;
  await expectSame(...PLAIN.split(''));
  expect(plain.plain).toBe(before + 1);
  await expectSame(...(PLAIN + GET).split(''));
});

test('whatever is changed in it', async () => {
  const odd = ['\r\n', '\n', '\r', ' ', '\t', '\u0000', ':', 'Content-Length: 3\r\n', 'Transfer-Encoding: chunked\r\n'];
  const oddity = fc.oneof(
    fc.constantFrom(...odd),
    fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)), maxLength: 3 }),
  );
  const spot = fc.nat({ max: 400 });
  const change = fc.record({ at: spot, remove: fc.nat({ max: 4 }), put: oddity });
  const message = fc.constantFrom(PLAIN, PLAIN + PLAIN, PLAIN + GET, ...Object.values(TAKEN));
  const changed = fc.tuple(message, fc.array(change, { minLength: 1, maxLength: 3 }), spot);
  await fc.assert(
    fc.asyncProperty(changed, async ([start, changes, cutAt]) => {
      const bytes = changes.reduce((text, { at, remove, put }) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + put + text.slice(place + remove);
      }, start);
      const cut = cutAt % (bytes.length + 1);
      expect(await apart(...[bytes.slice(0, cut), bytes.slice(cut)].filter((piece) => piece !== ''))).toBeNull();
    }),
    { numRuns: 400 },
  );
});
