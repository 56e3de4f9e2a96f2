/** A TCP proxy on loopback that treats connections as bad networks do, programmed while it runs. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Random } from '../seeded-random.ts';
import { GOOD_NETWORK, type NetworkConditions } from './network-conditions.ts';
import { ProxiedLink } from './proxied-link.ts';

export interface FaultProxyOptions {
  readonly targetHost: string;
  readonly targetPort: number;
  readonly random: Random;
}

export class FaultProxy {
  private readonly options: FaultProxyOptions;
  private readonly links = new Set<ProxiedLink>();
  private readonly server: Server;
  private conditions: NetworkConditions = GOOD_NETWORK;
  private accepted = 0;
  private swallowedByClosed = 0;

  constructor(options: FaultProxyOptions) {
    this.options = options;
    const half = { noDelay: true, pauseOnConnect: true, allowHalfOpen: true };
    this.server = createServer(half, (client) => this.accept(client));
  }

  /** @returns the port that devices connect to; the same again after `stop` is not promised */
  async start(): Promise<number> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.server.close();
    this.resetAll();
    await once(this.server, 'close');
  }

  /** Connections accepted since the start, those alive, and bytes that a blackhole took. */
  get counts(): { readonly accepted: number; readonly alive: number; readonly swallowedBytes: number } {
    const swallowedBytes = [...this.links].reduce((sum, link) => sum + link.swallowedBytes, this.swallowedByClosed);
    return { accepted: this.accepted, alive: this.links.size, swallowedBytes };
  }

  /** From now on, for connections old and new; what is not named is good again. */
  set(conditions: Partial<NetworkConditions>): void {
    this.conditions = { ...GOOD_NETWORK, ...conditions };
    for (const link of this.links) link.applyConditions(this.conditions);
  }

  /** RST on every connection, now. */
  resetAll(): void {
    for (const link of this.links) link.reset();
  }

  private accept(client: Socket): void {
    if (this.conditions.refusing) {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    this.accepted += 1;
    const { targetHost, targetPort, random } = this.options;
    const target = connect({ host: targetHost, port: targetPort, noDelay: true, allowHalfOpen: true });
    const link = new ProxiedLink([client, target], random);
    this.links.add(link);
    link.applyConditions(this.conditions);
    link.start(() => {
      this.links.delete(link);
      this.swallowedByClosed += link.swallowedBytes;
    });
  }
}
