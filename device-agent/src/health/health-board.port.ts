/** Where parts say what is wrong with the device, and that it is over. */
import type { HealthReason } from '@shoal/protocol/wire';

export interface HealthBoard {
  /** `subject` tells two reasons of the same code apart. Raising again keeps the first `since` and takes the new sentence. */
  raise(code: string, subject: string, sentence: string): void;
  clear(code: string, subject: string): void;
  /** Oldest first; empty when all is well. */
  reasons(): readonly HealthReason[];
  /** Called after every change of the set. */
  onChange(listener: () => void): void;
}
