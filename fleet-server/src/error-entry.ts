/** One entry of the error catalogue: its HTTP status, and whether trying again helps. */

export interface ErrorEntry {
  readonly description: string;
  /** HTTP status of the problem document (RFC 9457). */
  readonly status: number;
  /** Whether the same request can succeed later without anybody changing it. */
  readonly retryable: boolean;
}

export const once = (status: number, description: string): ErrorEntry => ({ status, retryable: false, description });
export const again = (status: number, description: string): ErrorEntry => ({ status, retryable: true, description });
