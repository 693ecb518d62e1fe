/**
 * The invite in the page's address, `#INVITE`. Importing this takes it out of the address bar and of the history of the
 * window, so it has to be imported before everything else.
 *
 * @module
 */

const INVITE = /^#([A-Za-z0-9_-]{16,128})(\.[A-Za-z0-9_-]{43})?$/;

/** @type {string | undefined} what the page was opened with: a secret */
export const invite = INVITE.exec(location.hash)?.[1];

if (location.hash) history.replaceState(null, "", location.pathname + location.search);
