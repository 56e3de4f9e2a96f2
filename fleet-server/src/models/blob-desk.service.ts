/** Content in pieces over MQTT, for devices that reach nothing else: what /tuf and /blobs give anybody, a few pieces of a device at a time. */
import { buffer } from 'node:stream/consumers';
import { Injectable } from '@nestjs/common';
import { encodeBlobReply, type BlobRequest } from '@shoal/protocol';
import { UpMessages } from '../devices/up-messages.service.ts';
import { FleetError } from '../errors.ts';
import { ArtifactStore } from '../ports/artifact-store.ts';
import { Surroundings } from './surroundings.service.ts';
import { TufRepository } from './tuf-repository.service.ts';

/** Pieces on their way, to one device and to all: what they hold in memory is bounded by it. */
const MAX_OF_DEVICE = 4;
const MAX_OF_ALL = 256;

interface Content {
  readonly lengthBytes: number;
  /** Half-open. */
  read(start: number, end: number): Promise<Uint8Array>;
}

@Injectable()
export class BlobDesk {
  private readonly artifacts: ArtifactStore;
  private readonly repository: TufRepository;
  private readonly messages: UpMessages;
  private readonly around: Surroundings;
  /** Of each device that has any. */
  private readonly openOf = new Map<string, number>();
  private open = 0;

  constructor(artifacts: ArtifactStore, repository: TufRepository, messages: UpMessages, around: Surroundings) {
    this.artifacts = artifacts;
    this.repository = repository;
    this.messages = messages;
    this.around = around;
  }

  /** Never rejects. */
  async serve(deviceId: string, request: BlobRequest): Promise<void> {
    const others = this.openOf.get(deviceId) ?? 0;
    this.openOf.set(deviceId, others + 1);
    this.open += 1;
    try {
      if (others >= MAX_OF_DEVICE || this.open > MAX_OF_ALL)
        throw new FleetError('BLOB_PIECES_TOO_MANY', `${others} pieces for "${deviceId}" are on their way.`);
      await this.answer(deviceId, request);
    } catch (error) {
      await this.fail(deviceId, request.requestId, error);
    } finally {
      this.open -= 1;
      const left = (this.openOf.get(deviceId) ?? 1) - 1;
      if (left === 0) this.openOf.delete(deviceId);
      else this.openOf.set(deviceId, left);
    }
  }

  private async answer(deviceId: string, { requestId, body }: BlobRequest): Promise<void> {
    const content = await this.find(body.path);
    const { lengthBytes } = content;
    const start = Math.min(body.offset, lengthBytes);
    const end = Math.min(start + body.length, lengthBytes);
    const bytes = end > start ? await content.read(start, end) : new Uint8Array();
    const reply = { v: 1, requestId, outcome: 'ok', offset: start, totalBytes: lengthBytes } as const;
    this.around.metrics.count('blob_bytes_asked_total', end - start);
    const isHeard = await this.messages.replyBytes(deviceId, requestId, encodeBlobReply(reply, bytes));
    this.count(isHeard ? 'ok' : 'unheard');
  }

  /** @throws FleetError TUF_FILE_NOT_FOUND | ARTIFACT_NOT_FOUND | ARTIFACT_STORE_UNAVAILABLE */
  private async find(path: string): Promise<Content> {
    const [, area = '', name = '', sha256 = '', , base] = path.split('/');
    // tuf/{name} · blobs/sha256/{hash}[/delta/{base}]; anything else the schema has refused.
    if (area === 'tuf') return this.metadata(name);
    const artifact = await (base === undefined ? this.artifacts.find(sha256) : this.artifacts.delta(sha256, base));
    if (artifact === undefined)
      throw new FleetError('ARTIFACT_NOT_FOUND', 'There is no such content here, or no delta that would be worth it.');
    return {
      lengthBytes: artifact.lengthBytes,
      read: (start, end) => buffer(artifact.read({ start, end })),
    };
  }

  private async metadata(name: string): Promise<Content> {
    const content = await this.repository.file(name);
    if (content === undefined) throw new FleetError('TUF_FILE_NOT_FOUND', 'No such metadata.');
    const bytes = Buffer.from(content, 'utf8');
    return { lengthBytes: bytes.byteLength, read: async (start, end) => bytes.subarray(start, end) };
  }

  private async fail(deviceId: string, requestId: string, error: unknown): Promise<void> {
    const fault =
      error instanceof FleetError
        ? error
        : new FleetError('ARTIFACT_STORE_UNAVAILABLE', 'The content cannot be read now.', { cause: error });
    this.count(fault.code);
    if (fault !== error) this.around.log.error({ err: error, deviceId }, 'a piece of content could not be given');
    await this.messages.fail(deviceId, requestId, fault).catch((cause: unknown) => {
      this.around.log.error({ err: cause, deviceId }, 'a reply could not be sent');
    });
  }

  private count(outcome: string): void {
    this.around.metrics.count('blob_messages_total', 1, { outcome });
  }
}
