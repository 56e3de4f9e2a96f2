/** The gRPC listener: loopback only, messages bounded, every caller identified, every failure a status with our code. */
import { Server, ServerCredentials, type handleUnaryCall, type ServerUnaryCall } from '@grpc/grpc-js';
import { Injectable } from '@nestjs/common';
import { FleetError } from '../../errors.ts';
import { Authenticator } from '../../ports/authenticator.ts';
import { Surroundings } from '../surroundings.service.ts';
import { grpcFault } from './grpc-status.ts';
import type { ModelReference } from './grpc-messages.ts';
import { InferWire } from './infer-wire.service.ts';
import { InferenceCalls } from './inference-calls.service.ts';

const STOP_PATIENCE_MS = 2_000;

@Injectable()
export class GrpcServer {
  private readonly around: Surroundings;
  private readonly calls: InferenceCalls;
  private readonly wire: InferWire;
  private readonly authenticator: Authenticator;
  private server: Server | undefined;
  /** Where it listens. */
  port = 0;

  constructor(around: Surroundings, calls: InferenceCalls, wire: InferWire, authenticator: Authenticator) {
    this.around = around;
    this.calls = calls;
    this.wire = wire;
    this.authenticator = authenticator;
  }

  /** @throws FleetError LISTEN_FAILED */
  async start(): Promise<void> {
    const { host, port, maxMessageBytes } = this.around.config.grpc;
    const server = new Server({
      'grpc.max_receive_message_length': maxMessageBytes,
      'grpc.max_send_message_length': maxMessageBytes,
    });
    const { calls } = this;
    server.addService(this.wire.open(), {
      ServerLive: this.guarded(() => calls.serverLive()),
      ServerReady: this.guarded(() => calls.serverReady()),
      ServerMetadata: this.guarded(() => calls.serverMetadata()),
      ModelReady: this.guarded((call: ServerUnaryCall<ModelReference, object>) => calls.modelReady(call)),
      ModelMetadata: this.guarded((call: ServerUnaryCall<ModelReference, object>) => calls.modelMetadata(call)),
      ModelInfer: this.guarded((call: ServerUnaryCall<Buffer, Buffer>) => calls.modelInfer(call)),
    });
    const address = `${host.includes(':') ? `[${host}]` : host}:${port}`;
    this.port = await listening(server, address);
    this.server = server;
  }

  /** Calls under way are answered, for a while. */
  async stop(): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    const patience = setTimeout(() => server.forceShutdown(), STOP_PATIENCE_MS);
    await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    clearTimeout(patience);
    await this.wire.stop();
  }

  private guarded<Q, A extends object>(serve: (call: ServerUnaryCall<Q, A>) => Promise<A>): handleUnaryCall<Q, A> {
    return (call, callback) => {
      this.admit(call)
        .then(() => serve(call))
        .then(
          (answer) => callback(null, answer),
          (error: unknown) => {
            const fault = grpcFault(error);
            const code = String(fault.metadata.get('shoal-error-code')[0]);
            this.around.metrics.count('grpc_errors_total', 1, { code });
            if (code === 'INTERNAL') this.around.log.error({ err: error }, 'a gRPC call failed');
            callback(fault);
          },
        );
    };
  }

  /** @throws FleetError UNAUTHENTICATED | FORBIDDEN */
  private async admit(call: ServerUnaryCall<unknown, unknown>): Promise<void> {
    const headers = call.metadata.toHttp2Headers() as Readonly<Record<string, string | readonly string[] | undefined>>;
    const remoteAddress = addressOf(call.getPeer());
    const authentication = await this.authenticator.authenticate({ channel: 'http', headers, remoteAddress });
    if (!authentication.ok) throw new FleetError('UNAUTHENTICATED', `Not accepted: ${authentication.reason}.`);
    if (this.authenticator.mayCall(authentication.principal, 'read')) return;
    throw new FleetError('FORBIDDEN', `${authentication.principal.id} may not infer here.`);
  }
}

/** `127.0.0.1:1234` and `[::1]:1234` without their port. */
const addressOf = (peer: string): string => peer.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');

const listening = (server: Server, address: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (cause, port) => {
      if (cause === null) resolve(port);
      else
        reject(
          new FleetError(
            'LISTEN_FAILED',
            `Cannot listen for gRPC on ${address} (${cause.message}); choose another grpc.port.`,
            { cause },
          ),
        );
    });
  });
