/** Tells the work of a connection that its caller has left: one signal a connection, not one a request. */
import type { Socket } from 'node:net';
import { ModelError } from '@shoal/models';

/** Made once: the reason of an abort is an exception with a stack. */
const LEFT = new ModelError('INFERENCE_CANCELED', 'The caller has left');

export class Callers {
  readonly #controllers = new WeakMap<Socket, AbortController>();

  /** Aborts when the connection is gone; whoever has his answer by then listens no more. */
  signalOf(socket: Socket): AbortSignal {
    const known = this.#controllers.get(socket);
    if (known !== undefined) return known.signal;
    const controller = new AbortController();
    this.#controllers.set(socket, controller);
    socket.once('close', () => controller.abort(LEFT));
    return controller.signal;
  }
}
