/** What ids look like, for whoever only asks whether it is one. */

export const DEVICE_ID = /^[a-z0-9][a-z0-9-]{0,62}$/;
export const REQUEST_ID = /^[A-Za-z0-9_-]{1,64}$/;

export const isDeviceId = (text: string): boolean => DEVICE_ID.test(text);
export const isRequestId = (text: string): boolean => REQUEST_ID.test(text);
