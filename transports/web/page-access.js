/**
 * What proves to the server who we are: the key of this browser, and an invite until it is used.
 *
 * A key is made for an invite, kept before it is sent, and sent with every hello. On a page that is not encrypted others
 * on the network could read it. So there it is neither made nor sent, unless the page comes from this machine, or the
 * server says that it was started for such a network.
 *
 * The invite is behind the `#` of the page's address. `page-first.js` has taken it out of the address bar and of the
 * history of the window, long before this is here. The same is done here with one that comes later, when a link is opened
 * in a window that has the page open.
 *
 * @module
 */

import { fold, newKey } from "./client-frames.js";

/** @typedef {import("./page-store.js").Store} Store */

const INVITE = /^#([A-Za-z0-9_-]{16,128})(\.[A-Za-z0-9_-]{43})?[.,;:!?)\]}>]*$/; // with what a sentence puts behind a link
const THIS_MACHINE = /^((.+\.)?localhost|127(\.\d+){3}|\[::1\])$/;

const MADE = "This browser has made a key of its own for your invite. Choose your name.";
const WITH_KEY = "Your invite is used with the key of this browser.";
const OPEN = "This page is not encrypted, so others on this network could read the key.";
const NOT_USED = "Your invite was not used: this page is not encrypted, and others on the network could read your key."
  + " Ask whoever sent you the link for one that begins with https://.";
const NOT_SENT = "This page is not encrypted, so the key of this browser is not sent: others on the network could read it."
  + " Open the page at an address that begins with https://.";
const NO_INVITE = "This address has a # with something behind it that is no invite. Copy the whole link that you were sent.";
const REFUSED_INVITE = "This invite cannot be used: it was used before, has expired, or is for another server."
  + " Ask for another link.";
const REFUSED_KEY = "The key of this browser is no longer valid: it was revoked, or your account was removed."
  + " Ask for an invite, and open its link here.";
const NO_KEY = "This server lets in only who has an invite. Open the link that you were sent.";

/** Whether a key may be made and sent here. */
export async function mayUseKeys() {
  if (isSecureContext || THIS_MACHINE.test(location.hostname)) return true;
  return (await import("./page-insecure.js")).mayUseKeys();
}

export class Access {
  #store;
  #isAllowed;
  #isOpen;

  /**
   * @param {Store} store
   * @param {{isAllowed: boolean, isOpen: boolean}} how whether a key may be used, and whether others could read it
   */
  constructor(store, { isAllowed, isOpen }) {
    this.#store = store;
    this.#isAllowed = isAllowed;
    this.#isOpen = isOpen;
  }

  /**
   * Make a key for an invite, unless there is one, and keep both before anything is sent.
   *
   * @param {string | undefined} invite
   * @returns {string} what its user should know, if anything
   */
  accept(invite) {
    const { device } = this.#store;
    if (invite === "") return NO_INVITE;
    if (!this.#isAllowed) return invite === undefined ? this.#withheld : NOT_USED;
    if (invite !== undefined) this.#store.keepDevice({ ...device, joining: { key: device.key ?? newKey(), invite } });
    return this.#words;
  }

  /** What is said of an invite that is not used yet. */
  get #words() {
    const { key, joining, account } = this.#store.device;
    if (joining === undefined || account !== undefined) return "";
    if (joining.key === key) return WITH_KEY;
    return this.#isOpen ? `${MADE} ${OPEN}` : MADE;
  }

  get #withheld() {
    return this.#isHeldBack ? NOT_SENT : "";
  }

  get #isHeldBack() {
    return !this.#isAllowed && this.#store.device.key !== undefined;
  }

  /** What a hello shows. A session of an account is worth nothing without its key, so it is held back too. */
  get proofs() {
    const { session, key, joining } = this.#store.device;
    if (this.#isHeldBack) return {};
    if (!this.#isAllowed) return { session };
    return { session, key: joining?.key ?? key, invite: joining?.invite };
  }

  /** The server has let us in; returns whether that was by an invite. */
  succeed() {
    const { joining, ...device } = this.#store.device;
    if (joining === undefined || !this.#isAllowed) return false;
    this.#store.keepDevice({ ...device, key: joining.key });
    return true;
  }

  /**
   * The server does not let us in. A key that was revoked never becomes one again: then the invite is shown with a new
   * one.
   *
   * @param {string} code
   * @returns {boolean} whether to try that at once
   */
  fail(code) {
    const { joining, ...device } = this.#store.device;
    if (joining === undefined || (code !== "unauthorized" && code !== "forbidden")) return false;
    const isOld = joining.key === device.key;
    if (isOld && code === "unauthorized") {
      this.#store.keepDevice({ ...device, joining: { ...joining, key: newKey() } });
      return true;
    }
    if (isOld || code === "unauthorized") this.#store.keepDevice({ ...device, joining: undefined });
    return false;
  }

  /**
   * Why an invite of a link was not taken, though this browser has an account here, and who that is. It goes on.
   *
   * @param {{code?: string, message: string}} error
   * @returns {{words: string, nick: string} | undefined} nothing, if that is not what has happened
   */
  stays({ code, message }) {
    const { nick, account } = this.#store.device;
    if (account === undefined || nick === undefined) return undefined;
    const why = code === "forbidden" ? `Your invite was not used: ${message}.` : code === "unauthorized" ? REFUSED_INVITE : "";
    return why === "" ? undefined : { words: `${why} You are ${nick} here.`, nick };
  }

  /** Whether our name is that of our account: then no other one helps. */
  get isItself() {
    const { nick = "", account } = this.#store.device;
    return account !== undefined && `${fold(nick)}-`.startsWith(`${fold(account)}-`);
  }

  /**
   * Why we were not let in, in words, if there is more to say than the server does.
   *
   * @param {string} code
   * @param {boolean} hadInvite
   */
  wordsFor(code, hadInvite) {
    if (code !== "unauthorized") return undefined;
    if (this.#isHeldBack) return NOT_SENT;
    if (hadInvite) return REFUSED_INVITE;
    return this.#store.device.key === undefined ? NO_KEY : REFUSED_KEY;
  }
}

/**
 * The invite behind the `#`, or "" if that is none.
 *
 * @param {string} hash
 * @returns {string | undefined} nothing, if nothing is there
 */
export const inviteIn = (hash) => (hash === "" ? undefined : INVITE.exec(hash)?.[1] ?? "");

/** Take what stands behind the `#` out of the address; returns it. */
function take() {
  const { hash, pathname, search } = location;
  if (hash !== "") history.replaceState(null, "", pathname + search);
  return hash;
}

/** Take over from `page-first.js`, which forgets what it has; returns what the page was opened with: a secret, if any. */
export function takeInvite() {
  const { pageFirst } = /** @type {any} */ (globalThis);
  const hash = take() || (pageFirst?.hash ?? "");
  pageFirst?.end();
  return inviteIn(hash);
}

/**
 * Have invites received that come later.
 *
 * @param {(invite: string) => void} receive
 */
export function onInvite(receive) {
  addEventListener("hashchange", () => {
    const found = inviteIn(take());
    if (found !== undefined) receive(found);
  });
}
