/** Aedes with what this server does not want taken out: devices never publish to each other, and nobody hears `$SYS`. */
import { Aedes, type AedesOptions, type Client, type PublishPacket } from 'aedes';

type Done = (error?: Error) => void;

export class DeviceBroker extends Aedes {
  // oxlint-disable-next-line no-useless-constructor -- narrows the declared parameter
  constructor(options: AedesOptions) {
    super(options);
  }

  /**
   * Called by Aedes with three arguments for what a client (or its will) published, after `authorizePublish` let it
   * through: by then it is stored or answered, and nobody may subscribe to it, so it is not routed.
   */
  override publish(packet: PublishPacket, clientOrDone: Client | Done | null, done?: Done): void {
    if (typeof clientOrDone !== 'function') {
      done?.();
    } else if (packet.topic.startsWith('$SYS/')) {
      clientOrDone();
    } else {
      super.publish(packet, clientOrDone);
    }
  }
}
