/**
 * What the buttons around a room do.
 *
 * @module
 */

import { byId, openLater } from "./page-elements.js";
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
 * @property {(words: string) => void} say
 */

/**
 * @param {Chat} chat
 * @param {Owner} owner
 */
export function listen(chat, { latest, leave, changed, place, show, say }) {
  const clicks = /** @type {Record<string, () => void>} */ ({
    latest,
    leave,
    menu: () => toggleRooms(),
    "menu-close": () => toggleRooms(),
    "people-button": () => togglePeople() && changed(),
  });
  for (const [id, onclick] of Object.entries(clicks)) byId(id).onclick = onclick;
  byId("people-filter").oninput = changed;
  openLater("search-button", () => import("./page-finder.js").then(({ Finder }) => new Finder(chat, show)), say);
  openLater("moderate", () => import("./page-moderation.js").then((part) => new part.Moderation(chat, place)), say);
}
