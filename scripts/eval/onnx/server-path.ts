/** Cases through a real server process: loaded by its model repository, asked over HTTP, gRPC and MQTT. */
import { rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ServerUnderTest } from '../../bench/load/server-under-test.ts';
import type { CasePath, PreparedCase } from './case-path.ts';
import { GrpcAsking } from './grpc-asking.ts';
import { ask, viaBinary, viaJson } from './http-asking.ts';
import { MqttAsking } from './mqtt-asking.ts';

/** One folder of its configuration, which is now this bundle and now that one. */
class LoadedServer {
  readonly process = new ServerUnderTest();
  readonly #slot: string;
  readonly #anchor: string;
  #starting: Promise<void> | undefined;
  #loaded: string | undefined;
  #links = 0;

  constructor(folder: string, anchor: string) {
    this.#slot = join(folder, 'slot');
    this.#anchor = anchor;
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** And lets the one before go. */
  async load({ bundle, folder }: PreparedCase): Promise<void> {
    if (this.#loaded === bundle) return;
    const before = this.#loaded;
    await this.#turnTo(folder);
    await ask(this.process.httpUrl, `/v2/repository/models/${bundle}/load`, {});
    this.#loaded = bundle;
    if (before !== undefined) await ask(this.process.httpUrl, `/v2/repository/models/${before}/unload`, {});
  }

  async #start(): Promise<void> {
    await this.#turnTo(this.#anchor);
    await this.process.start({
      SHOAL_INFERENCE_CATALOGUE: 'leave',
      SHOAL_INFERENCE_BUNDLE_FOLDERS: this.#slot,
      SHOAL_INFERENCE_INSTANCES: '1',
      SHOAL_LOG_LEVEL: 'error',
    });
  }

  async #turnTo(folder: string): Promise<void> {
    const link = `${this.#slot}-${(this.#links += 1)}`;
    await symlink(folder, link);
    await rename(link, this.#slot);
  }
}

/** `anchor` is a bundle that the server starts with. */
export const serverPaths = (folder: string, anchor: string): CasePath[] => {
  const server = new LoadedServer(folder, anchor);
  const grpc = new GrpcAsking(() => server.process.grpcAddress);
  const mqtt = new MqttAsking(() => server.process.mqttPort);
  const path = (name: string, run: CasePath['run'], stop = async (): Promise<void> => undefined): CasePath => ({
    name: `server_${name}`,
    closeness: null,
    start: () => server.start(),
    run: async (prepared) => {
      await server.load(prepared);
      return run(prepared);
    },
    stop,
  });
  return [
    path('grpc', (prepared) => grpc.ask(prepared, 'typed')),
    path(
      'grpc_raw',
      (prepared) => grpc.ask(prepared, 'raw'),
      async () => grpc.stop(),
    ),
    path('mqtt_json', (prepared) => mqtt.ask(prepared, 'json')),
    path(
      'mqtt_binary',
      (prepared) => mqtt.ask(prepared, 'binary'),
      () => mqtt.stop(),
    ),
    path('http_json', (prepared) => viaJson(server.process.httpUrl, prepared)),
    path(
      'http_binary',
      (prepared) => viaBinary(server.process.httpUrl, prepared),
      () => server.process.stop(),
    ),
  ];
};
