/**
 * What the buttons do, and the parts of the page that they open, which nobody needs at first. Those are loaded once the
 * chat is there and the browser has time, so that all of the page is of one version: a server that is replaced by a newer
 * one would mix its parts into ours.
 *
 * Once it is let in, the page asks for the version of the server's page, and offers to be loaded again if that is another
 * one: the server may have been replaced, or the browser may have opened a page that it has kept.
 *
 * @module
 */

import { byId } from "./page-elements.js";
import { togglePeople, toggleRooms } from "./page-sidebar.js";

/** @typedef {import("./client.js").Chat} Chat */
/** @typedef {import("./page-room.js").Room} Room */
/** @typedef {import("../../docs/protocol.js").Message} Message */
/**
 * @typedef {object} Owner
 * @property {() => void} latest
 * @property {() => void} leave
 * @property {() => void} changed
 * @property {() => Room | undefined} place where its user is
 * @property {(message: Message) => void} show
 * @property {(room: string) => void} go
 * @property {(words: string) => void} say
 */

const NOT_LOADED = "This part of the page could not be loaded. Try again when the connection is back.";
const SHARED = "page-question.js"; // what all of them may need
const NEWER = "page-newer.js";
const SPREAD_MS = 5_000; // over which all pages of a server ask for its version, once it is back
const IDLE_MS = 3_000; // after which a browser that is always busy loads them all the same

export class Parts {
  #import;
  /** @type {Map<string, Promise<any> | undefined>} by name; a part that did not come is there without a promise */
  #parts = new Map();
  #failures = 0;

  /** @param {(name: string) => Promise<any>} load */
  constructor(load = (name) => import(name)) {
    this.#import = load;
  }

  /** Note that this will be needed. @param {string} name */
  add(name) {
    if (!this.#parts.has(name)) this.#parts.set(name, undefined);
  }

  /** Load what is not there; what does not come is tried again the next time. */
  loadAll() {
    return Promise.allSettled([...this.#parts.keys()].map((name) => this.load(name)));
  }

  /**
   * Load a part, unless it is there. Browsers do not ask again for a module that did not come, unless its address is
   * another one.
   *
   * @param {string} name
   * @returns {Promise<any>}
   */
  load(name) {
    const known = this.#parts.get(name);
    if (known) return known;
    const part = this.#import(`./${name}${this.#failures ? `?${this.#failures + 1}` : ""}`);
    this.#parts.set(name, part);
    part.catch(() => {
      this.#failures++;
      this.#parts.set(name, undefined);
    });
    return part;
  }
}

const parts = new Parts();

/**
 * Have a button open a part of the page; returns what the button does, unless that is not wanted any more once it is there.
 *
 * @param {string} id of the button
 * @param {string} name of the module
 * @param {(module: any, shared: any) => {open: () => void}} make
 * @param {(words: string) => void} say
 */
export function openLater(id, name, make, say) {
  /** @type {Promise<{open: () => void}> | undefined} one, however often it is wanted while it loads */
  let part;
  let asked = 0;
  const load = async () => make(await parts.load(name), await parts.load(SHARED));
  for (const each of [SHARED, NEWER, name]) parts.add(each);
  const open = async (isWanted = () => true) => {
    const mine = ++asked;
    let made;
    try {
      made = await (part ??= load());
    } catch {
      part = undefined;
      noticeNewer(0);
      return say(NOT_LOADED);
    }
    return mine === asked && isWanted() ? made.open() : undefined;
  };
  byId(id).onclick = () => open();
  return open;
}

/**
 * Have the buttons around a room do what they say; returns what opens the list of rooms, unless it is not wanted any more once it is loaded.
 *
 * @param {Chat} chat
 * @param {Owner} owner
 */
export function listen(chat, { latest, leave, changed, place, show, go, say }) {
  const clicks = /** @type {Record<string, () => void>} */ ({
    latest,
    leave,
    menu: () => toggleRooms(),
    "menu-close": () => toggleRooms(),
    "people-button": () => togglePeople() && changed(),
  });
  for (const [id, onclick] of Object.entries(clicks)) byId(id).onclick = onclick;
  byId("people-filter").oninput = changed;
  openLater("search-button", "page-finder.js", (part, { Question }) => new part.Finder(chat, new Question(chat), show), say);
  openLater("moderate", "page-moderation.js", (part, { Question }) => new part.Moderation(chat, new Question(chat), place), say);
  return openLater("switch", "page-switcher.js", (part, { Question }) => new part.Switcher(chat, new Question(chat), go), say);
}

/** The server has let us in: now is a time to load what is missing, and to see whether its page is still ours. */
export function receiveWelcome() {
  const idle = globalThis.requestIdleCallback ?? ((/** @type {() => void} */ call) => setTimeout(call, IDLE_MS));
  idle(() => parts.loadAll(), { timeout: IDLE_MS });
  noticeNewer(SPREAD_MS * Math.random());
}

/** @param {number} after milliseconds */
function noticeNewer(after) {
  parts.load(NEWER).then((part) => setTimeout(part.offerNewer, after), () => {});
}
