/** Pages of other sites reach a loopback listener through the user's browser; none of them gets anything done. */
import { describe, expect, it } from '@jest/globals';
import { foreignRequest, type RequestOrigin } from '@shoal/protocol';

const request = (overrides: Partial<RequestOrigin>): RequestOrigin => ({
  method: 'POST',
  host: '127.0.0.1:8080',
  origin: undefined,
  fetchSite: undefined,
  ...overrides,
});

describe('foreignRequest', () => {
  it.each(['localhost', 'LOCALHOST:8080', '127.0.0.1:1', '127.8.9.10', '[::1]:8080', undefined])(
    'takes requests to the host %s',
    (host) => {
      expect(foreignRequest(request({ host }))).toBeUndefined();
    },
  );

  it.each(['rebound.example:8080', 'localhost.example', '127.0.0.1.example', 'example:80@localhost', '10.0.0.1', ''])(
    'refuses requests to the host "%s", whatever their method',
    (host) => {
      expect(foreignRequest(request({ host }))).toBe('HOST_FORBIDDEN');
      expect(foreignRequest(request({ host, method: 'GET' }))).toBe('HOST_FORBIDDEN');
    },
  );

  it.each(['http://site.example', 'null', 'http://127.0.0.1:9090', 'https://127.0.0.1:8080', 'http://localhost:8080'])(
    'refuses changes from the origin %s',
    (origin) => {
      expect(foreignRequest(request({ origin }))).toBe('ORIGIN_FORBIDDEN');
      expect(foreignRequest(request({ origin, method: 'GET' }))).toBeUndefined();
    },
  );

  it('takes changes from its own pages and from programs that are no browser', () => {
    expect(foreignRequest(request({ origin: 'http://127.0.0.1:8080', fetchSite: 'same-origin' }))).toBeUndefined();
    expect(foreignRequest(request({ fetchSite: 'none' }))).toBeUndefined();
    expect(foreignRequest(request({}))).toBeUndefined();
  });

  it('believes the browser that a request is from elsewhere, also without an origin', () => {
    expect(foreignRequest(request({ fetchSite: 'cross-site' }))).toBe('ORIGIN_FORBIDDEN');
    expect(foreignRequest(request({ fetchSite: 'same-site' }))).toBe('ORIGIN_FORBIDDEN');
  });
});
