/**
 * The invite in the page's address, `#INVITE`. Importing this takes it out of the address bar and of the history of the
 * window, so it has to be imported before everything else. The same is done with one that comes later, when a link is
 * opened in a window that has the page open.
 *
 * @module
 */

const INVITE = /^#([A-Za-z0-9_-]{16,128})(\.[A-Za-z0-9_-]{43})?[.,;:!?)\]}>]*$/; // with what a sentence puts behind a link

/** Take what stands behind the `#` out of the address; returns the invite, or "" if that is none. */
function take() {
  const { hash, pathname, search } = location;
  if (hash === "") return undefined;
  history.replaceState(null, "", pathname + search);
  return INVITE.exec(hash)?.[1] ?? "";
}

/** @type {string | undefined} what the page was opened with: a secret */
export const invite = take();

/** @type {(invite: string) => void} */
let receive = () => {};

addEventListener("hashchange", () => {
  const found = take();
  if (found !== undefined) receive(found);
});

/**
 * Have invites received that come later.
 *
 * @param {(invite: string) => void} receiver
 */
export function onInvite(receiver) {
  receive = receiver;
}
