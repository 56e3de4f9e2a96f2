/** What system updates can answer with, to operators and to clients of hawkBit's DDI. */
import { again, once } from './error-entry.ts';

export const SYSTEM_UPDATE_ERRORS = {
  SYSTEM_UPDATES_OFF: once(404, 'System updates are switched off. Set ddi.endpoint to on and start again.'),
  DDI_TOKEN_REFUSED: once(
    401,
    'A client without a token that counts here. Give it the gateway token, or its target a token of its own.',
  ),
  SYSTEM_IMAGE_NOT_FOUND: once(404, 'No such image. List them with GET /api/system/images.'),
  SYSTEM_IMAGE_TAKEN: once(409, 'The name and version have other content already. Raise the version.'),
  SYSTEM_IMAGE_EMPTY: once(400, 'An image without a byte. Send the file as the body.'),
  SYSTEM_IMAGE_IN_USE: once(
    409,
    'An open action needs the image, or targets have it installed. Cancel the actions, or assign another one first.',
  ),
  SYSTEM_IMAGES_TOO_MANY: once(409, 'As many images as ddi.maxImages allows. Remove one that is not used.'),
  SYSTEM_UPLOAD_INTERRUPTED: again(400, 'The connection broke before the image had arrived. Upload it again.'),
  SYSTEM_UPLOADS_TOO_MANY: again(429, 'As many images as may are on their way. Upload again after Retry-After.'),
  SYSTEM_TARGET_NOT_FOUND: once(
    404,
    'No such target. It registers with its first poll, or with POST /api/system/targets.',
  ),
  SYSTEM_TARGET_EXISTS: once(409, 'A target of this id is registered already. Change its token with PUT.'),
  SYSTEM_TARGETS_TOO_MANY: once(
    409,
    'As many targets as ddi.maxTargets allows. Forget those that are gone, or allow more.',
  ),
  SYSTEM_ATTRIBUTES_TOO_MANY: once(409, 'A target says more of itself than the bound. Send fewer attributes.'),
  SYSTEM_ACTION_NOT_FOUND: once(404, 'No such action, or it is not what it was asked for as.'),
  SYSTEM_ACTION_CLOSED: once(410, 'The action is over. What was reported is in its history and changes nothing.'),
  SYSTEM_ACTION_FINAL: once(409, 'The action is over and cannot be canceled. Assign another image instead.'),
} as const;
