/**
 * The room's menu for moderators. Who may do what is the server's to say: the answer stands in the dialog.
 *
 * @module
 */

import { byId, setText } from "./page-elements.js";

/** @typedef {import("../../docs/protocol.js").Moderate} Moderate */

const OF_A_ROOM = new Set(["close", "open"]);
const EVERYWHERE = new Set(["mute", "ban", "lift"]); // what may be done on the whole server, too
const FOR_A_WHILE = new Set(["mute", "ban"]);

export class Moderation {
  #moderate;
  #room;

  /**
   * @param {(act: Moderate["act"], on: Omit<Moderate, "type" | "act" | "token">) => Promise<unknown>} moderate
   * @param {() => string} room the one that is open
   */
  constructor(moderate, room) {
    this.#moderate = moderate;
    this.#room = room;
    byId("moderator-act").onchange = () => this.#draw();
    byId("moderator-close").onclick = () => byId("moderator").close();
    byId("moderator-form").onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#do();
    };
  }

  open() {
    setText(byId("moderator-notice"), "");
    this.#draw();
    byId("moderator").showModal();
  }

  /** @returns {Moderate["act"]} */
  get #act() {
    return byId("moderator-act").value;
  }

  #draw() {
    const isAboutRoom = OF_A_ROOM.has(this.#act);
    byId("moderator-somebody").hidden = isAboutRoom;
    byId("moderator-nick").required = !isAboutRoom;
    byId("moderator-where").hidden = !EVERYWHERE.has(this.#act);
    byId("moderator-limits").hidden = !FOR_A_WHILE.has(this.#act);
  }

  /** @returns {Omit<Moderate, "type" | "act" | "token">} */
  get #on() {
    const isEverywhere = EVERYWHERE.has(this.#act) && byId("moderator-everywhere").checked;
    const room = isEverywhere ? undefined : this.#room();
    if (OF_A_ROOM.has(this.#act)) return { room };
    const nick = byId("moderator-nick").value.trim();
    if (!FOR_A_WHILE.has(this.#act)) return { room, nick };
    const hours = Number(byId("moderator-hours").value);
    const reason = byId("moderator-reason").value.trim() || undefined;
    return { room, nick, seconds: hours > 0 ? hours * 3600 : undefined, reason };
  }

  async #do() {
    try {
      await this.#moderate(this.#act, this.#on);
      setText(byId("moderator-notice"), "Done.");
    } catch (error) {
      setText(byId("moderator-notice"), error instanceof Error ? error.message : String(error));
    }
  }
}
