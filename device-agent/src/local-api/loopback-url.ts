/** The address of the local API as a URL: IPv6 addresses go into brackets. */
export const loopbackUrl = (host: string, port: number): string =>
  `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
